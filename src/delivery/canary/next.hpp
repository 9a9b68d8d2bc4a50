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

}  // namespace sluice::canary
