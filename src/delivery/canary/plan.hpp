// What the plan has next, and where the weights stand in it, also after a kill (design.md section
// 4, 'Weights after a kill').
#pragma once

#include "api/canary.hpp"
#include "delivery/canary/seen.hpp"

#include <optional>
#include <vector>

namespace sluice::canary {

// How this provider releases: without weights everything is blue/green (routing 1.5).
api::Strategy strategy_of(const World& world);
int iterations_of(const World& world);
// Copies of live traffic come before a share of it, or in place of one.
bool is_mirroring(const World& world);

enum class StepKind {
    hold,         // the plan has no steps: rounds go on
    mirror,       // copies only, at weight 0
    weigh,        // another weight
    iterate,      // one more iteration
    switch_over,  // all traffic goes to the canary
    promote,      // the plan is done
};

struct Step {
    StepKind kind = StepKind::hold;
    Weights weights;     // afterwards
    int iterations = 0;  // afterwards
};
// What the next passing round does.
Step step_of(const World& world);
// The gates in front of it, in the order in which they are asked.
std::vector<api::HookType> gates_of(const World& world, const Step& step);
// The weights that the status says.
Weights decided_weights(const World& world);

enum class Standing {
    as_written,      // live = status
    one_step_ahead,  // live = the step that follows: the write was ours, the status was not reached
    elsewhere,       // an outside edit, or a plan that has changed
};

// What comes after the status' weight while promotion goes home.
int step_home(const World& world);

Standing standing_of(const Weights& live, const Weights& written, std::optional<Weights> following);

}  // namespace sluice::canary
