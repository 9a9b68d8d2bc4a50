// What Cisco's Istio operator makes of an IstioMeshGateway: the objects of a gateway
// (mesh-and-dashboard.md 3.2). Pure.
#pragma once

#include "base/core/json.hpp"
#include "kube/resource.hpp"

#include <string>
#include <vector>

namespace sluice::mesh {

struct WantedObject {
    kube::Resource resource;
    Json object;
};

// Named after the gateway and owned by it: ServiceAccount, Role, RoleBinding, Service, Deployment,
// and where asked for HorizontalPodAutoscaler and PodDisruptionBudget.
std::vector<WantedObject> objects_of_gateway(const Json& mesh_gateway);

// Everything that is wanted is there; what is there beside it does not matter. Lists are of equal
// length.
bool has_all(const Json& there, const Json& wanted);

}  // namespace sluice::mesh
