// The judgement: one pure function from what is seen and answered to the next move.
#pragma once

#include "delivery/canary/evidence.hpp"
#include "delivery/canary/move.hpp"
#include "delivery/canary/seen.hpp"

#include <string>

namespace sluice::canary {

// What evidence holds for: revision, plan, phase, weight and counters.
std::string fingerprint(const World& world);

Move next(const World& world, const Evidence& evidence, Time now);

// The Canary lets go of its finalizer and gives nothing back: what it names is not its own.
Act let_go(const World& world);
// The target of a Canary that is being deleted has had its time to be ready (DB-19).
bool is_given_up(const World& world);

}  // namespace sluice::canary
