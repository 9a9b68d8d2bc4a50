// What a Deployment says of itself: counters and conditions (kubernetes.md C.2). Pure.
#pragma once

#include "lab/apiserver/cluster.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::lab {

// A condition as it was or is to be; lastUpdateTime and lastTransitionTime are filled in by
// set_condition.
struct ConditionText {
    std::string type;
    std::string status;  // "True", "False", "Unknown"
    std::string reason;
    std::string message;
};

// The condition of that type of an object, or in a status; null when there is none.
const Json* condition_of(const Json& object, std::string_view type);
const Json* condition_in(const Json& status, std::string_view type);

// Writes it into status.conditions. Same status and reason: left untouched, unless `refresh` asks
// that lastUpdateTime moves. lastTransitionTime moves with the status only.
struct ConditionUpdate {
    bool refresh = false;
};
void set_condition(Json& status,
                   const ConditionText& condition,
                   Time now,
                   ConditionUpdate how = {});
void drop_condition(Json& status, std::string_view type);

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
