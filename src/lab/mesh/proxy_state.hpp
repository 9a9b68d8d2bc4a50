// What the proxy remembers between requests.
#pragma once

#include "lab/mesh/cluster_memory.hpp"
#include "lab/mesh/mirroring.hpp"
#include "lab/mesh/proxy.hpp"

#include <vector>

namespace sluice::mesh {

class Connections;

double in_milliseconds(Duration duration);
// On the wire.
std::uint64_t size_of(const net::Headers& headers);

struct MeshProxy::State {
    Clock& clock;
    Random& random;
    net::HttpClient& upstream;
    IstioMetrics& metrics;
    ProxyOptions options;
    NginxMetrics nginx_metrics = NginxMetrics();
    RouteTablePtr table = std::make_shared<const RouteTable>();
    std::unordered_map<std::string, std::string> gateways = {};  // by address

    std::unordered_map<std::uint64_t, Deck> decks = {};  // by caller and route
    // Requests under way, by endpoint.
    std::unordered_map<std::uint64_t, int> active = {};
    std::unordered_map<std::uint64_t, std::size_t> turns = {};  // by cluster
    Mirroring mirroring{*this};
    // Who serves CONNECT; null when nobody does.
    Connections* tunnels = nullptr;
    // By caller and cluster.
    std::unordered_map<std::uint64_t, std::shared_ptr<ClusterMemory>> memories = {};

    // The index of one of the route's destinations.
    std::size_t choose_destination(const Route& route, const Workload& caller);
    // Null when none is ready. Those already tried are avoided. What is remembered of the cluster
    // counts where there is something; a key leads to its pod, whatever was tried.
    const Endpoint* choose_endpoint(const Upstream& cluster,
                                    const std::vector<std::uint64_t>& tried,
                                    ClusterMemory* memory = nullptr,
                                    std::optional<std::uint64_t> key = std::nullopt);
    class Choices;
    const Endpoint* choose_among(const Choices& choices,
                                 const Upstream& cluster,
                                 const std::vector<std::uint64_t>& tried);
    // Null when the cluster's policy needs none.
    std::shared_ptr<ClusterMemory> memory_of(const Upstream& cluster, const Workload& caller);
    // A try of a pod is under way, or over. The pod's own proxy counts each one that arrived.
    void try_began(const Endpoint& pod);
    void try_ended(const Endpoint& pod, const RequestRecord* arrived);
    void report(const Upstream& cluster,
                ClusterMemory* memory,
                const Endpoint& pod,
                OutlierDetector::Result result);
};

}  // namespace sluice::mesh
