// All that the proxy knows of the cluster: who is asked when somebody asks for a host. Never
// changes; the control thread makes the next one (table_builder.hpp) and hands it over whole.
#pragma once

#include "lab/mesh/names.hpp"
#include "lab/mesh/route.hpp"
#include "lab/mesh/sharded_map.hpp"
#include "lab/mesh/traffic_policy.hpp"
#include "lab/mesh/workload.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::mesh {

// A ready pod of a Service, or what stands in an EndpointSlice without a pod.
struct Endpoint {
    std::string address;
    std::uint16_t port = 0;
    std::uint64_t id = 0;  // address and port in one number
    WorkloadPtr workload;  // null when it is no pod

    bool operator==(const Endpoint&) const = default;
};

struct ServicePort {
    std::uint16_t number = 0;
    std::string name;
    std::vector<Endpoint> endpoints;
};

struct Service {
    std::string name, ns, host, cluster_ip;
    std::vector<ServicePort> ports;
    // Put before every path that does not begin so: how a server that lives under a prefix is
    // reached without it (annotation sluice.dev/lab-path-prefix).
    std::string path_prefix;

    const ServicePort* port(std::uint16_t number) const;
};
using ServicePtr = std::shared_ptr<const Service>;

// The policies of a host or subset by port.
struct PortPolicies {
    TrafficPolicyPtr all;  // of ports without settings of their own; null: nothing is said
    std::vector<std::pair<std::uint16_t, TrafficPolicyPtr>> ports;

    const TrafficPolicy* of(std::uint16_t port) const;
};

struct Subset {
    std::string name;
    Labels labels;
    PortPolicies policies;
};

// The DestinationRules of one namespace for one host, merged.
struct DestinationPolicy {
    std::string ns;
    std::vector<std::string> export_to;
    PortPolicies policies;
    std::vector<Subset> subsets;

    const Subset* subset(std::string_view name) const;
};
using DestinationPolicies = std::shared_ptr<const std::vector<DestinationPolicy>>;

// The routes of one domain of a gateway's listener, in the order in which they are tried.
using RouteList = std::shared_ptr<const std::vector<RoutePtr>>;

struct WildcardRoutes {
    std::string pattern;
    RouteList routes;
};

// One port of one gateway: an IstioMeshGateway's service port with the Gateways that select it, or
// what gateway_api.hpp and nginx_ingress.hpp put together.
struct GatewayListener {
    // Istio's proxy, or NGINX: whose headers are sent, and in whose metrics it is counted.
    enum class Kind { envoy, nginx };
    Kind kind = Kind::envoy;
    WorkloadPtr workload;
    std::uint16_t port = 80;
    std::vector<std::string> gateways;  // "ns/name"
    ShardedMap<RouteList> domains;
    std::vector<WildcardRoutes> wildcards;  // longest first
    // Bytes instead of requests: the first route that holds gets the connection. `tls` has looked
    // into its first message for the name that is asked for.
    enum class Protocol { http, tcp, tls };
    Protocol protocol = Protocol::http;
    RouteList connections;  // null with http
};
using GatewayListenerPtr = std::shared_ptr<const GatewayListener>;

// The HTTPRoutes whose parent is a Service, for callers with a sidecar.
struct ServiceRoutes {
    struct Entry {
        std::string caller_ns;   // of a route in another namespace; empty: everybody
        std::uint16_t port = 0;  // 0: those that have no entry of their own
        RouteList routes;
    };
    std::vector<Entry> entries;

    // Null when there are none for this caller. Those of its own namespace hide everybody's.
    const RouteList* seen_from(std::string_view ns, std::uint16_t port) const;
};
using ServiceRoutesPtr = std::shared_ptr<const ServiceRoutes>;

// Candidates for one mesh host, oldest first.
using MeshHosts = std::shared_ptr<const std::vector<VirtualServicePtr>>;

struct WildcardHosts {
    std::string pattern;
    MeshHosts services;
};

// What a request meets first.
struct Routing {
    enum class Kind {
        route,        // a route of a VirtualService
        service,      // a Service without one
        no_route,     // 404 NR
        passthrough,  // a host that the mesh does not know
    };
    Kind kind = Kind::no_route;
    const Route* route = nullptr;
    const RouteMatch* match = nullptr;
    const Service* service = nullptr;
    std::uint16_t port = 80;  // asked for
};

// Who may answer.
struct Upstream {
    enum class Kind { found, no_cluster };
    Kind kind = Kind::no_cluster;
    const Service* service = nullptr;
    const ServicePort* port = nullptr;
    const Subset* subset = nullptr;
    LoadBalancing balancing = LoadBalancing::least_request;
    // What the proxy keeps a state for; null for most clusters.
    const TrafficPolicy* policy = nullptr;

    bool takes(const Endpoint& endpoint) const;
};

class RouteTable {
   public:
    // From a sidecar. The table outlives the answer.
    Routing from_sidecar(const Workload& caller, const RequestHead& request) const;
    // From somebody without a proxy: VirtualServices are of callers, so only the Service counts.
    Routing from_outside(const RequestHead& request) const;
    Routing at_gateway(const GatewayListener& listener, const RequestHead& request) const;
    // The same for a connection of which nothing is known but where it is to go.
    Routing connection_from_sidecar(const Workload& caller, const RequestHead& request) const;
    Routing connection_at_gateway(const GatewayListener& listener,
                                  const RequestHead& request) const;

    // The cluster of a destination: its Service, port and subset, as seen from a namespace.
    Upstream upstream(const Destination& destination,
                      std::string_view caller_ns,
                      std::uint16_t asked_port) const;
    Upstream upstream_of(const Service& service,
                         std::string_view caller_ns,
                         std::uint16_t asked_port) const;

    // By full name; null when there is none.
    const Service* service(std::string_view host) const;
    // By any spelling that a caller of that namespace may use.
    const Service* service_called(std::string_view host, std::string_view caller_ns) const;
    // "ns/name:port" of an IstioMeshGateway and its service port.
    GatewayListenerPtr listener(std::string_view name) const;
    bool has_workload(std::string_view ns, std::string_view name) const;
    std::uint64_t generation() const { return generation_; }

   private:
    friend class TableBuilder;

    // The VirtualService that a sidecar goes by; null when there is none.
    const VirtualService* rules_for(std::string_view host,
                                    const Service* called,
                                    std::string_view caller_ns) const;
    // The host that is asked for; a copy's without its mark, unless there is somebody of that name.
    Authority called_in(const RequestHead& request, std::string_view caller_ns) const;
    const DestinationPolicy* policy(const Service& service, std::string_view caller_ns) const;

    std::uint64_t generation_ = 0;
    ShardedMap<ServicePtr> services_;                                            // by full name
    ShardedMap<std::string> cluster_ips_;                                        // to full names
    ShardedMap<MeshHosts> mesh_hosts_;                                           // exact hosts
    std::vector<WildcardHosts> mesh_wildcards_;                                  // longest first
    ShardedMap<DestinationPolicies> policies_;                                   // exact hosts
    std::vector<std::pair<std::string, DestinationPolicies>> policy_wildcards_;  // longest first
    ShardedMap<GatewayListenerPtr> listeners_;
    ShardedMap<GatewayListenerPtr> entry_listeners_;  // of other kinds than Istio's
    ShardedMap<ServiceRoutesPtr> service_routes_;     // by full name
    ShardedMap<int> workloads_;                       // "ns/name", with the count of pods
};
using RouteTablePtr = std::shared_ptr<const RouteTable>;

}  // namespace sluice::mesh
