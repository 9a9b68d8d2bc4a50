// What controllers ask of a Pod.
#pragma once

#include "base/core/json.hpp"
#include "base/core/time.hpp"

#include <optional>

namespace sluice::lab {

bool is_being_deleted(const Json& object);
// Phase Succeeded or Failed: it won't run again.
bool is_finished(const Json& pod);
// Neither finished nor about to go.
bool is_active(const Json& pod);
// Condition Ready is True.
bool is_ready(const Json& pod);
// Since when; nothing when it isn't ready.
std::optional<Time> ready_since(const Json& pod);
// Of all containers.
std::int64_t restarts_of(const Json& pod);

}  // namespace sluice::lab
