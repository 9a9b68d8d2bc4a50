// ConfigMaps and Secrets as a pod's kubelet reads them.
#pragma once

#include "base/core/json.hpp"
#include "base/core/result.hpp"
#include "lab/apiserver/cluster.hpp"

#include <string>
#include <vector>

namespace sluice::lab {

enum class ConfigKind { config_map, secret };

// "ConfigMap" and "configmap".
std::string_view kind_of(ConfigKind kind);
std::string_view word_of(ConfigKind kind);

// not_found: `configmap "settings" not found`.
Result<ObjectPtr> find_config(const Cluster& cluster, ConfigKind kind, const ObjectKey& key);

// Why volumes of the pod cannot be mounted, as the Event FailedMount says it: one text for each of
// them. Those of ConfigMaps and Secrets only, projected or not: any other can.
std::vector<std::string> mount_problems(const Cluster& cluster, const Json& pod);

}  // namespace sluice::lab
