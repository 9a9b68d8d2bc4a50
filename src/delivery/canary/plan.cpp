#include "delivery/canary/plan.hpp"

#include <algorithm>

namespace sluice::canary {

std::optional<int> step_up(const World& world) {
    const auto weight = world.canary.status.canary_weight;
    if (weight >= api::effective_max_weight(world.canary.analysis)) return std::nullopt;
    return api::next_weight(world.canary.analysis, weight);
}

int step_home(const World& world) {
    const auto step = world.canary.analysis.step_weight_promotion;
    if (step == 0) return 0;
    return std::max(0, world.canary.status.canary_weight - step);
}

Standing standing_of(const Weights& live, int written, std::optional<int> following) {
    const auto is = [&](int weight) {
        return live.canary == weight && live.primary == split(weight).primary;
    };
    if (is(written)) return Standing::as_written;
    if (following && is(*following)) return Standing::one_step_ahead;
    return Standing::elsewhere;
}

}  // namespace sluice::canary
