// What a Deployment says of itself: counters and conditions (kubernetes.md C.2). Pure.
#pragma once

#include "lab/workloads/object_status.hpp"

#include <vector>

namespace sluice::lab {

struct DeploymentView {
    const Json& deployment;
    const Json* newest;  // the new ReplicaSet, or null
    const std::vector<ObjectPtr>& old;
};

// A pass that is paused or only scales says nothing of progress: `counters`.
enum class StatusPass { rollout, counters };
// The whole status that the Deployment should have now.
Json deployment_status(const DeploymentView& view, StatusPass pass, Time now);

// True when everything runs the new template and nothing else is left.
bool is_complete(const Json& deployment, const Json& status);

// When the progress deadline has to be looked at again; nothing when it need not.
std::optional<Time> deadline_check(const Json& deployment, const Json& status);

}  // namespace sluice::lab
