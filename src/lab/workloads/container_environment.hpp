// What a container finds in its environment: the lab's own variables, then what its spec takes
// from ConfigMaps, Secrets and the pod itself.
#pragma once

#include "base/core/json.hpp"
#include "base/core/result.hpp"
#include "lab/apiserver/cluster.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::lab {

using Variables = std::map<std::string, std::string>;

struct Environment {
    Variables variables;
    // What InvalidEnvironmentVariableNames says, once for each source with such keys.
    std::vector<std::string> skipped = {};
};

// POD_IP, POD_NAME, POD_NAMESPACE, NODE_NAME and IMAGE_TAG, then envFrom, then env: what comes
// later wins. The error is what keeps the container from being made.
Result<Environment> container_environment(const Cluster& cluster,
                                          const Json& pod,
                                          const Json& container,
                                          const std::string& ip);

// With each $(NAME) of a known variable replaced; another one stays, and $$ is a plain $.
std::string expanded(std::string_view text, const Variables& variables);

}  // namespace sluice::lab
