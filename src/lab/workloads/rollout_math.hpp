// The arithmetic of a rollout: how far each ReplicaSet may go in one pass (kubernetes.md C.2).
// Pure.
#pragma once

#include "base/core/json.hpp"
#include "base/core/time.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::lab {

// maxSurge and maxUnavailable in pods.
struct RolloutBounds {
    std::int64_t surge = 0;
    std::int64_t unavailable = 0;
};
// Of a Deployment, for its spec.replicas. Recreate has no surge.
RolloutBounds rollout_bounds(const Json& deployment);

// Of a DaemonSet that runs on so many nodes.
RolloutBounds daemon_bounds(const Json& set, std::int64_t nodes);

// What counts of one ReplicaSet.
struct ReplicaSetSize {
    std::int64_t spec = 0;
    std::int64_t available = 0;
    std::string created;  // RFC 3339: sorts by time
    // deployment.kubernetes.io/max-replicas, or 0.
    std::int64_t max_replicas = 0;
};

struct RolloutNumbers {
    std::int64_t replicas = 0;
    RolloutBounds bounds;
};

// What the new ReplicaSet should have, given all of them (the new one among them).
std::int64_t new_replicas(const RolloutNumbers& wanted,
                          std::int64_t new_spec,
                          std::int64_t total_spec);

// What each old ReplicaSet should have, in the order given.
std::vector<std::int64_t> old_replicas(const RolloutNumbers& wanted,
                                       const ReplicaSetSize& newest,
                                       const std::vector<ReplicaSetSize>& old);

// What each active ReplicaSet should have after spec.replicas changed in the middle of a rollout.
std::vector<std::int64_t> proportional_replicas(const RolloutNumbers& wanted,
                                                const std::vector<ReplicaSetSize>& active);

}  // namespace sluice::lab
