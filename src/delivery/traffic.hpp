// The two laws of traffic (design.md section 2), asked before every act is carried out, and watched
// by every simulation.
#pragma once

#include "delivery/canary/move.hpp"
#include "delivery/canary/seen.hpp"

#include <string>
#include <vector>

namespace sluice::traffic {

// Law 1, capacity: a version's weight is raised only while that version is ready. Leaving a failed
// canary, one that is rolled back or has no available pod, is the one exception: has the primary an
// available pod it gets 100; else, has the canary one, the weights stay; else a rollback gives the
// primary 100. A target that takes everything back from a Canary that is deleted has until its
// deadline to be ready. Law 2, drain: between the write that moved traffic away and a scale-down or
// deletion of pods that it could have reached lies the drain time. Each broken law is one sentence
// that could stand in a Warning; none when the act may be carried out.
std::vector<std::string> violations(const canary::World& world, const canary::Act& act);

}  // namespace sluice::traffic
