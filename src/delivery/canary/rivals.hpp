// Two Canaries of one target, or of one service name, would undo each other's work.
#pragma once

#include "base/core/json.hpp"

#include <boost/json/value.hpp>

#include <optional>
#include <string>
#include <vector>

namespace sluice::canary {

// Why this Canary holds: the first of the others, each of its namespace and as it is routed
// (as_routed), that is older and has the same target or service name. Nothing when it may go on.
std::optional<std::string> older_rival(const Json& canary, const std::vector<Json>& others);

}  // namespace sluice::canary
