// Applying manifests as `kubectl apply` does, for people who have no kubectl.
#pragma once

#include "kube/client.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

// Every document of the YAML text, in order: created, or merged into what stands. Returns a line
// for each, "deployment.apps/podinfo created". The first refusal ends it and names the object.
Task<Result<std::vector<std::string>>> apply_manifests(kube::Client& client, std::string yaml);

}  // namespace sluice::cli
