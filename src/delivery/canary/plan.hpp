// Where the weights stand in the plan, also after a kill (design.md section 4, 'Weights after a
// kill').
#pragma once

#include "api/canary.hpp"
#include "delivery/canary/seen.hpp"

#include <optional>

namespace sluice::canary {

enum class Standing {
    as_written,      // live = status
    one_step_ahead,  // live = the step that follows: the write was ours, the status was not reached
    elsewhere,       // an outside edit, or a plan that has changed
};

// What comes after the status' weight while the analysis goes up, or while promotion goes home.
std::optional<int> step_up(const World& world);
int step_home(const World& world);

Standing standing_of(const Weights& live, int written, std::optional<int> following);

}  // namespace sluice::canary
