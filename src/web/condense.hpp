// The graph before it is told, and what it looks like from further away: workloads drawn together
// into the Services that lead to them, into apps, or into namespaces. Pure.
#pragma once

#include "web/edges.hpp"
#include "web/health.hpp"
#include "web/landscape.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice::web {

enum class GraphType { workload, service, app, versioned_app };

// By which names its proxies report it: the mesh's own rules, from the labels of its pods.
struct Canonical {
    std::string service, revision;
};
Canonical canonical_of(const Json& workload);

struct GraphNode {
    std::string id, kind, ns, name, app, version;
    Canonical canonical = {};  // of a workload whose object is known
    bool outside = false;      // its namespace was not asked for
    Health health = {};
    std::optional<Replicas> replicas = {};
    std::set<std::string> badges = {};
    std::optional<Role> role = {};
    double in = 0, in_failed = 0, out = 0, out_failed = 0;
    bool has_traffic = false;
    std::vector<std::string> addresses = {};
    std::optional<std::size_t> workloads = {};  // for how many it stands
    std::vector<std::string> members = {};      // their ids
};

// The route that leads along an edge.
struct GraphRoute {
    std::string object;
    std::size_t index = 0;
    std::int64_t weight = 0;
};

struct GraphEdge {
    EdgeKey key;
    EdgeRates rates = {};
    bool is_planned = false;  // a route of a release, without traffic
    bool mirror = false;
    Health health = {};
    std::optional<GraphRoute> route = {};
    double copies = 0;  // requests per second that are not among its rates
};

struct Graph {
    std::map<std::string, GraphNode> nodes;
    std::vector<GraphEdge> edges;
};

// Which Services select a workload, by ids.
struct Fronts {
    // By the workload: the Service that stands for it where it calls others. Of several the one
    // with its own name, else the first: it stays the same, whatever the traffic.
    std::map<std::string, std::string> of;
    std::map<std::string, std::vector<std::string>> selecting;  // by the workload: all of them
    std::set<std::string> apexes;  // those that lead to both sides of a release

    bool leads(const std::string& service, const std::string& workload) const;
};
Fronts fronts_of(const Objects& workloads, const Objects& services);

// From a graph of workloads; `fronts` are looked at for Services alone.
Graph condensed(const Graph& graph, GraphType type, const Fronts& fronts);
// One node for each namespace, with the worst of what is in it. A quantile of sums is none.
Graph by_namespace(const Graph& graph);

}  // namespace sluice::web
