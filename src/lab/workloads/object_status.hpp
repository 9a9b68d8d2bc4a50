// The status of an object as the lab's controllers write it: its conditions, and only what differs.
#pragma once

#include "lab/apiserver/cluster.hpp"

#include <string>
#include <string_view>

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
// The same of kinds whose conditions have no lastUpdateTime; a new message is written too.
void say(Json& status, const ConditionText& condition, Time now);

// Writes what differs from the status of the object as it was read; nothing when nothing does.
void save_status(Cluster& cluster,
                 const Resource& resource,
                 const Json& object,
                 const Json& status);

}  // namespace sluice::lab
