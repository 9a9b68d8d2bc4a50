// Hosts and gateways as Istio spells them: short names, wildcards (mesh-and-dashboard.md 1.2, 1.4).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::istio {

// "web" in namespace prod is "web.prod.svc.cluster.local". A name with a dot, "*", an address and
// an empty name stay.
std::string full_name(std::string_view host, std::string_view ns);
// "web.prod.svc.cluster.local".
std::string service_host(std::string_view name, std::string_view ns);
// "name", "./name" and "ns/name" as "ns/name"; "mesh" stays; "name.ns" and
// "name.ns.svc.cluster.local" are the old way to say "ns/name".
std::string gateway_name(std::string_view name, std::string_view ns);

bool is_wildcard(std::string_view host);
// An exact host covers itself, "*.example.com" what ends so, "*" everything. Both in lower case.
bool covers(std::string_view pattern, std::string_view host);

// Whether Istio takes the protocol from a Service port's name ("http-web").
bool names_a_protocol(std::string_view port_name);

// "UNAVAILABLE" or "14"; nothing for what is no gRPC code.
std::optional<int> grpc_code_named(std::string_view name);

// The four bytes of "127.64.0.1"; nothing for anything else.
std::optional<std::uint32_t> parse_ipv4(std::string_view text);

}  // namespace sluice::istio
