// What Istio would carry out and the lab does not: refused, since a field that is silently ignored
// would make a test in the lab worth nothing.
#pragma once

#include "base/core/json.hpp"

#include <string>
#include <vector>

namespace sluice::mesh {

// A connection's `sourceSubnet`.
std::vector<std::string> unbuilt_in_virtual_service(const Json& object);
// "spec.trafficPolicy.tunnel: tunnel is not built yet".
std::vector<std::string> unbuilt_in_destination_rule(const Json& object);
std::vector<std::string> unbuilt_in_gateway(const Json& object);
// What the lab's gateway operator would have to leave out.
std::vector<std::string> unbuilt_in_mesh_gateway(const Json& object);

}  // namespace sluice::mesh
