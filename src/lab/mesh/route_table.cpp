#include "lab/mesh/route_table.hpp"

#include "base/core/text.hpp"

#include <algorithm>

namespace sluice::mesh {

namespace {

constexpr std::string_view root_namespace = "istio-system";

// The route that holds among `routes`, or none: the search does not go on elsewhere.
Routing first_holding(const std::vector<RoutePtr>& routes,
                      const RequestHead& request,
                      const Caller& caller) {
    for (const auto& route : routes) {
        if (const auto* match = route->holding(request, caller); match != nullptr)
            return {Routing::Kind::route, route.get(), match, nullptr, caller.port};
    }
    return {.kind = Routing::Kind::no_route, .port = caller.port};
}

Authority authority_of(const RequestHead& request) {
    return request.parts == nullptr ? parse_authority(request.authority) : *request.parts;
}

// The first that may be seen from there; its own private ones before what others export.
const VirtualService* visible(const std::vector<VirtualServicePtr>& candidates,
                              std::string_view ns) {
    const VirtualService* exported = nullptr;
    for (const auto& candidate : candidates) {
        if (!candidate->is_visible_in(ns)) continue;
        const bool is_private = candidate->key.ns == ns && candidate->export_to.size() == 1 &&
                                candidate->export_to.front() == ".";
        if (is_private) return candidate.get();
        if (exported == nullptr) exported = candidate.get();
    }
    return exported;
}

void follow(Upstream& upstream, const PortPolicies& policies) {
    const auto* policy = policies.of(upstream.port->number);
    if (policy == nullptr) return;
    upstream.balancing = policy->balancing;
    if (policy->is_stateful()) upstream.policy = policy;
}

}  // namespace

const TrafficPolicy* PortPolicies::of(std::uint16_t port) const {
    for (const auto& [number, policy] : ports) {
        if (number == port) return policy.get();
    }
    return all.get();
}

const ServicePort* Service::port(std::uint16_t number) const {
    for (const auto& candidate : ports) {
        if (candidate.number == number) return &candidate;
    }
    return nullptr;
}

const RouteList* ServiceRoutes::seen_from(std::string_view ns, std::uint16_t port) const {
    const auto best = [&](std::string_view caller_ns) -> const RouteList* {
        const RouteList* found = nullptr;
        for (const auto& entry : entries) {
            if (entry.caller_ns != caller_ns) continue;
            if (entry.port == port) return &entry.routes;
            if (entry.port == 0) found = &entry.routes;
        }
        return found;
    };
    const auto* own = ns.empty() ? nullptr : best(ns);
    return own != nullptr ? own : best({});
}

const Subset* DestinationPolicy::subset(std::string_view name) const {
    for (const auto& candidate : subsets) {
        if (candidate.name == name) return &candidate;
    }
    return nullptr;
}

bool Upstream::takes(const Endpoint& endpoint) const {
    if (subset == nullptr || subset->labels.empty()) return true;
    return endpoint.workload != nullptr && has_labels(endpoint.workload->labels, subset->labels);
}

const Service* RouteTable::service(std::string_view host) const {
    const auto* found = services_.find(host);
    return found == nullptr ? nullptr : found->get();
}

const Service* RouteTable::service_called(std::string_view host, std::string_view caller_ns) const {
    if (host.ends_with(".svc.cluster.local")) return service(host);
    if (const auto* by_address = cluster_ips_.find(host)) return service(*by_address);
    if (host.ends_with(".svc")) return service(std::string(host) + ".cluster.local");
    const auto dots = std::count(host.begin(), host.end(), '.');
    if (dots == 1) return service(std::string(host) + ".svc.cluster.local");
    // Who stands outside asks as the mesh's control plane does: http://prometheus:9090 is Istio's.
    if (dots == 0)
        return service(service_host(host, caller_ns.empty() ? root_namespace : caller_ns));
    return nullptr;
}

Authority RouteTable::called_in(const RequestHead& request, std::string_view caller_ns) const {
    auto authority = authority_of(request);
    if (authority.host.ends_with(shadow_suffix) && mesh_hosts_.find(authority.host) == nullptr &&
        service_called(authority.host, caller_ns) == nullptr)
        authority.host.resize(authority.host.size() - shadow_suffix.size());
    return authority;
}

const VirtualService* RouteTable::rules_for(std::string_view host,
                                            const Service* called,
                                            std::string_view caller_ns) const {
    const auto candidate = [&](std::string_view name) -> const VirtualService* {
        const auto* exact = mesh_hosts_.find(name);
        return exact == nullptr ? nullptr : visible(**exact, caller_ns);
    };
    const auto by_wildcard = [&](std::string_view name) -> const VirtualService* {
        for (const auto& entry : mesh_wildcards_) {
            if (!covers(entry.pattern, name)) continue;
            if (const auto* found = visible(*entry.services, caller_ns)) return found;
        }
        return nullptr;
    };

    // A VirtualService whose host is spelled as the caller spells it comes before the registry.
    const auto* rules = candidate(host);
    if (rules == nullptr && called != nullptr) {
        rules = candidate(called->host);
        if (rules == nullptr) rules = by_wildcard(called->host);
    }
    if (rules == nullptr && called == nullptr) rules = by_wildcard(host);
    return rules;
}

Routing RouteTable::from_sidecar(const Workload& caller, const RequestHead& request) const {
    const auto authority = called_in(request, caller.ns);
    const Caller from{&caller, nullptr, authority.port.value_or(80)};
    const auto* called = service_called(authority.host, caller.ns);
    if (const auto* rules = rules_for(authority.host, called, caller.ns)) {
        auto routing = first_holding(rules->routes, request, from);
        routing.service = called;
        return routing;
    }
    if (called == nullptr) return {.kind = Routing::Kind::passthrough, .port = from.port};
    if (const auto* of_service = service_routes_.find(called->host)) {
        if (const auto* routes = (*of_service)->seen_from(caller.ns, from.port)) {
            auto routing = first_holding(**routes, request, from);
            routing.service = called;
            return routing;
        }
    }
    return {.kind = Routing::Kind::service, .service = called, .port = from.port};
}

Routing RouteTable::connection_from_sidecar(const Workload& caller,
                                            const RequestHead& request) const {
    const auto authority = authority_of(request);
    const Caller from{&caller, nullptr, authority.port.value_or(80)};
    const auto* called = service_called(authority.host, caller.ns);
    const auto* rules = rules_for(authority.host, called, caller.ns);
    if (rules != nullptr && !rules->tcp.empty()) {
        auto routing = first_holding(rules->tcp, request, from);
        // Unlike a request, a connection that no route takes goes to whom it was meant for.
        if (routing.kind == Routing::Kind::route) {
            routing.service = called;
            return routing;
        }
    }
    if (called != nullptr)
        return {.kind = Routing::Kind::service, .service = called, .port = from.port};
    return {.kind = Routing::Kind::passthrough, .port = from.port};
}

Routing RouteTable::connection_at_gateway(const GatewayListener& listener,
                                          const RequestHead& request) const {
    const Caller from{listener.workload.get(), &listener.gateways, listener.port};
    if (listener.connections == nullptr)
        return {.kind = Routing::Kind::no_route, .port = listener.port};
    return first_holding(*listener.connections, request, from);
}

Routing RouteTable::from_outside(const RequestHead& request) const {
    const auto authority = called_in(request, {});
    const auto port = authority.port.value_or(80);
    if (const auto* called = service_called(authority.host, {}))
        return {.kind = Routing::Kind::service, .service = called, .port = port};
    return {.kind = Routing::Kind::passthrough, .port = port};
}

Routing RouteTable::at_gateway(const GatewayListener& listener, const RequestHead& request) const {
    auto authority = authority_of(request);
    const Caller from{listener.workload.get(), &listener.gateways, listener.port};
    if (authority.host.ends_with(shadow_suffix) && listener.domains.find(authority.host) == nullptr)
        authority.host.resize(authority.host.size() - shadow_suffix.size());
    if (const auto* exact = listener.domains.find(authority.host))
        return first_holding(**exact, request, from);
    for (const auto& entry : listener.wildcards) {
        if (covers(entry.pattern, authority.host))
            return first_holding(*entry.routes, request, from);
    }
    return {.kind = Routing::Kind::no_route, .port = listener.port};
}

const DestinationPolicy* RouteTable::policy(const Service& service,
                                            std::string_view caller_ns) const {
    const auto in = [&](const DestinationPolicies& policies,
                        std::string_view ns) -> const DestinationPolicy* {
        for (const auto& candidate : *policies) {
            if (candidate.ns == ns && is_exported_to(candidate.export_to, ns, caller_ns))
                return &candidate;
        }
        return nullptr;
    };
    const auto* exact = policies_.find(service.host);
    if (exact == nullptr && policy_wildcards_.empty()) return nullptr;
    for (const auto ns : {caller_ns, std::string_view(service.ns), root_namespace}) {
        if (exact != nullptr) {
            if (const auto* found = in(*exact, ns)) return found;
        }
        for (const auto& [pattern, policies] : policy_wildcards_) {
            if (!covers(pattern, service.host)) continue;
            if (const auto* found = in(policies, ns)) return found;
        }
    }
    return nullptr;
}

Upstream RouteTable::upstream_of(const Service& service,
                                 std::string_view caller_ns,
                                 std::uint16_t asked_port) const {
    Upstream upstream;
    upstream.service = &service;
    upstream.port = service.port(asked_port);
    if (upstream.port == nullptr) return upstream;
    upstream.kind = Upstream::Kind::found;
    if (const auto* rule = policy(service, caller_ns)) follow(upstream, rule->policies);
    return upstream;
}

Upstream RouteTable::upstream(const Destination& destination,
                              std::string_view caller_ns,
                              std::uint16_t asked_port) const {
    const auto* target = service(destination.host);
    if (target == nullptr) return {};
    Upstream upstream;
    upstream.service = target;
    // A Service of one port needs no port named, and no port asked for decides about it.
    if (destination.port)
        upstream.port = target->port(*destination.port);
    else if (target->ports.size() == 1)
        upstream.port = &target->ports.front();
    else
        upstream.port = target->port(asked_port);
    if (upstream.port == nullptr) return upstream;

    const auto* rule = policy(*target, caller_ns);
    if (!destination.subset.empty()) {
        upstream.subset = rule == nullptr ? nullptr : rule->subset(destination.subset);
        if (upstream.subset == nullptr) return upstream;
        follow(upstream, upstream.subset->policies);
    } else if (rule != nullptr) {
        follow(upstream, rule->policies);
    }
    upstream.kind = Upstream::Kind::found;
    return upstream;
}

GatewayListenerPtr RouteTable::listener(std::string_view name) const {
    const auto* found = listeners_.find(name);
    if (found == nullptr) found = entry_listeners_.find(name);
    return found == nullptr ? nullptr : *found;
}

bool RouteTable::has_workload(std::string_view ns, std::string_view name) const {
    return workloads_.find(std::string(ns) + "/" + std::string(name)) != nullptr;
}

}  // namespace sluice::mesh
