// The graph: workloads, services and gateways with their health, the edges between them, and the
// releases drawn on it. Pure.
#pragma once

#include "base/core/json.hpp"
#include "web/condense.hpp"
#include "web/edges.hpp"
#include "web/health.hpp"
#include "web/landscape.hpp"
#include "web/release.hpp"
#include "web/sidecars.hpp"

#include <boost/json/object.hpp>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace sluice::web {

struct TopologyParts {
    Objects workloads;  // Deployments and DaemonSets
    Objects services;
    Objects virtual_services, destination_rules;
    Objects gateways;       // networking.istio.io
    Objects mesh_gateways;  // IstioMeshGateways
    std::vector<const Release*> releases;
    const EdgesTable& edges;
    const std::map<std::string, Sidecars>* sidecars = nullptr;  // by the workload's id
    std::set<std::string> namespaces;                           // that were asked for; empty: all
    // What this reader may not see is left out; unset: everything is seen.
    std::function<bool(const std::string& ns)> sees = {};
    GraphType type = GraphType::workload;
    bool services_between = false;  // of that type alone
    bool idle = true;
    enum class Group { automatic, by_namespace, never } group = Group::automatic;
};

struct Topology {
    std::map<std::string, JsonObject> nodes, edges;  // by id
    bool grouped = false;
    bool truncated = false;
    std::size_t node_total = 0;
    std::vector<std::string> warnings;
};
Topology topology_of(const TopologyParts& parts);

// What has changed, as `patch` of the contract; null when nothing has.
Json patch_between(const Topology& before, const Topology& after);

}  // namespace sluice::web
