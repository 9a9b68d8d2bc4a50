// Which workloads still run pods from before their namespace joined or left the mesh.
#pragma once

#include "base/core/json.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

// The Deployments that have a pod with another sidecar than `revision` ("" for none). Pods that say
// themselves what they want (label sidecar.istio.io/inject) and pods that end are left out.
std::vector<std::string> with_pods_from_before(const std::vector<Json>& deployments,
                                               const std::vector<Json>& pods,
                                               std::string_view revision);

}  // namespace sluice::cli
