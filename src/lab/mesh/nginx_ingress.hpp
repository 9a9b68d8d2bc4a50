// Ingresses as the controller of ingress-nginx carries them out, with its canary annotations: a
// second Ingress of the same host and path takes a share of the first one's requests. Pure.
#pragma once

#include "lab/mesh/route_table.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace sluice::mesh {

struct IngressLocation {
    enum class Kind { exact, segments, prefix, pattern };
    std::string host = "*", path = "/";
    Kind kind = Kind::segments;
    std::string service;
    std::optional<std::uint16_t> port;
};

// Who of a location's callers gets the other backend; asked in this order: header, cookie, weight.
struct IngressCanary {
    int weight = 0, total = 100;
    std::string header, header_value, header_pattern, cookie;
};

struct Ingress {
    kube::ObjectKey key;
    std::string created;
    std::vector<IngressLocation> locations;
    std::optional<IngressCanary> canary;
    std::string rewrite_target;
    // What is not carried out, or nobody could: "annotation …/limit-rps: …".
    std::vector<std::string> faults;
};

// The number of a Service's port; nothing when there is none of that name.
using PortNumber =
    std::function<std::optional<std::uint16_t>(const kube::ObjectKey& service, std::string_view)>;

Ingress compile_ingress(const Json& object, const PortNumber& port_number);

// The class that it asks for, by field or by the older annotation; empty: the default one.
std::string_view class_of_ingress(const Json& object);

// The routes of all of them, as one listener has them. A canary without an Ingress of its own host
// and path to take requests from is left out, and its key is told.
std::vector<kube::ObjectKey> put_ingresses(GatewayListener& listener,
                                           std::vector<Ingress> ingresses);

}  // namespace sluice::mesh
