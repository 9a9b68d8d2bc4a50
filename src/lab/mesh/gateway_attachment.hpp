// Which listeners of which Gateways an HTTPRoute is attached to, and why not to others: what the
// Gateway API says of parentRefs, hostnames, allowedRoutes and ReferenceGrants. Pure.
#pragma once

#include "lab/mesh/http_route.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::mesh {

// One entry of `status.conditions`, before the time of its last change is known.
struct Condition {
    std::string type;
    bool status = true;
    std::string reason, message;
};
// With lastTransitionTime: kept where the status is what it was.
JsonArray conditions_json(const std::vector<Condition>& conditions,
                          std::int64_t generation,
                          const JsonArray& before,
                          std::string_view now);

// One listener of a Gateway.
struct EntryListener {
    std::string name, hostname;  // "*" when it names none
    std::uint16_t port = 80;
    std::string from = "Same";  // Same, All, Selector
    Json selector = nullptr;
    std::vector<Condition> conditions;
    // Carried out: HTTP, and in nobody's way.
    bool is_valid = true;
};

struct EntryGateway {
    kube::ObjectKey key;
    std::string class_name;
    std::int64_t generation = 0;
    std::vector<EntryListener> listeners;
    // What of its spec is not carried out: said in its conditions.
    std::vector<std::string> faults;
};
EntryGateway compile_entry_gateway(const Json& object);

// The ReferenceGrants of all namespaces.
class Grants {
   public:
    void put(const kube::ObjectKey& key, const Json* object);
    // From an HTTPRoute of that namespace.
    bool allow(std::string_view route_ns, const BackendRef& backend) const;

   private:
    std::map<kube::ObjectKey, Json> all_;
};

// A route on one listener of a Gateway, with the hosts that both have.
struct Attachment {
    std::string listener;
    std::vector<std::string> hosts;
};

struct ParentOutcome {
    Condition accepted;
    std::vector<Attachment> attachments;
};

// The labels of a namespace, for allowedRoutes.
using NamespaceLabels = std::map<std::string, Json>;

// The route at a parent that is a Gateway; `gateway` is null when there is none of that name.
ParentOutcome attach(const HttpRoute& route,
                     const RouteParent& parent,
                     const EntryGateway* gateway,
                     const NamespaceLabels& namespaces);

// Where two patterns meet: the more specific of both, or nothing.
std::string meeting(std::string_view pattern, std::string_view other);
// "a.example.com" before "*.example.com" before "*.com" before "*".
bool is_more_specific(std::string_view host, std::string_view other);

}  // namespace sluice::mesh
