// Session affinity: the cookies of a run (canary.md 1.5). Their values are derived from what they
// bind users to, so a repeated pass hands out the same ones.
#pragma once

#include "delivery/canary/move.hpp"
#include "delivery/canary/seen.hpp"

#include <optional>

namespace sluice::canary {

// Writes down the cookies that a canary weight needs; nothing when they stand in the status. The
// canary's lasts for the run, the primary's for one step (DB-50).
std::optional<Move> bind_users(const World& world, int canary_weight);
// The status has the cookies of the step that comes next, and the routes do not yet.
bool rebinds_users(const World& world);
// Nobody is bound any more; a browser's cookie is removed by the routes from now on.
void unbind_users(api::Status& status);

}  // namespace sluice::canary
