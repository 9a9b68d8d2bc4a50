#include "delivery/canary/plan.hpp"

#include <algorithm>

namespace sluice::canary {
namespace {

// What the peer gives a release that a provider without weights cannot split.
constexpr int iterations_without_weights = 10;

Step weigh(const World& world) {
    const auto& analysis = world.canary.analysis;
    const auto& status = world.canary.status;
    if (api::plan_of(analysis).empty()) return {.kind = StepKind::hold};
    if (is_mirroring(world) && status.canary_weight == 0 && !status.mirrored) {
        return {.kind = StepKind::mirror, .weights = {.mirrored = true}};
    }
    if (status.canary_weight >= api::effective_max_weight(analysis)) {
        return {.kind = StepKind::promote};
    }
    const auto weight = api::next_weight(analysis, status.canary_weight);
    if (!weight) return {.kind = StepKind::promote};
    return {.kind = StepKind::weigh, .weights = split(*weight)};
}

// Those who match go to the canary; the weights say nothing about the others.
Step test(const World& world) {
    const int done = world.canary.status.iterations;
    if (done >= iterations_of(world)) return {.kind = StepKind::promote};
    return {.kind = StepKind::iterate, .weights = split(api::whole), .iterations = done + 1};
}

Step prove(const World& world) {
    const auto& status = world.canary.status;
    const int done = std::max(0, status.iterations);
    const int all = iterations_of(world);
    if (done < all) {
        Step step{.kind = StepKind::iterate,
                  .weights = split(status.canary_weight),
                  .iterations = done + 1};
        // Users who have been sent over already are not sent copies of.
        step.weights.mirrored = is_mirroring(world) && status.canary_weight == 0;
        return step;
    }
    const bool is_over = status.canary_weight == api::whole;
    if (done == all || (world.routes.can.weights && !is_over)) {
        // Without weights users stay where they are: on the canary after a failed promotion.
        const int weight = world.routes.can.weights ? api::whole : status.canary_weight;
        return {.kind = StepKind::switch_over, .weights = split(weight), .iterations = all + 1};
    }
    return {.kind = StepKind::promote};
}

}  // namespace

api::Strategy strategy_of(const World& world) {
    return world.routes.can.weights ? world.strategy : api::Strategy::blue_green;
}

int iterations_of(const World& world) {
    const int wanted = world.canary.analysis.iterations;
    return wanted > 0 || world.routes.can.weights ? wanted : iterations_without_weights;
}

bool is_mirroring(const World& world) {
    return world.canary.analysis.mirror && world.routes.can.mirror;
}

Step step_of(const World& world) {
    switch (strategy_of(world)) {
        case api::Strategy::canary:
            return weigh(world);
        case api::Strategy::ab_testing:
            return test(world);
        case api::Strategy::blue_green:
            return prove(world);
    }
    SLUICE_ASSERT(false);
}

std::vector<api::HookType> gates_of(const World& world, const Step& step) {
    std::vector<api::HookType> types;
    const bool waits = world.canary.status.phase == api::Phase::waiting_promotion &&
                       step.kind == StepKind::promote;
    if (strategy_of(world) == api::Strategy::canary && step.kind != StepKind::hold &&
        !world.canary.status.mirrored && !waits) {
        types.push_back(api::HookType::confirm_traffic_increase);
    }
    if (step.kind == StepKind::promote || step.kind == StepKind::switch_over) {
        types.push_back(api::HookType::confirm_promotion);
    }
    return types;
}

Weights decided_weights(const World& world) {
    const auto& status = world.canary.status;
    // One Service serves, or the other.
    if (!world.routes.can.weights) {
        return split(status.canary_weight == api::whole ? api::whole : 0);
    }
    auto weights = split(status.canary_weight);
    weights.mirrored = status.mirrored;
    return weights;
}

int step_home(const World& world) {
    const auto step = world.canary.analysis.step_weight_promotion;
    if (step == 0) return 0;
    return std::max(0, world.canary.status.canary_weight - step);
}

Standing standing_of(const Weights& live,
                     const Weights& written,
                     std::optional<Weights> following) {
    if (live == written) return Standing::as_written;
    if (following && live == *following) return Standing::one_step_ahead;
    return Standing::elsewhere;
}

}  // namespace sluice::canary
