#include "delivery/canary/outlook.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::canary {
namespace {

using api::HookType;
using api::Phase;

// A plan of more steps than weights there are repeats itself.
constexpr int steps_max = 1000;

// As much of a World as the plan reads.
World world_around(const api::Canary& canary, const Surroundings& around) {
    World world;
    world.canary = canary;
    world.routes.can = around.can;
    world.strategy = api::strategy_of(canary.analysis);
    return world;
}

void add_gates(std::vector<std::string>& gates, const api::Canary& canary, HookType type) {
    for (const auto& hook : canary.analysis.hooks) {
        if (hook.type == type) gates.push_back(fmt::format("{} {}", to_string(type), hook.name));
    }
}

std::vector<std::string> gates_before(const World& world, const Step& step) {
    std::vector<std::string> gates;
    for (const auto type : gates_of(world, step)) add_gates(gates, world.canary, type);
    return gates;
}

std::optional<Time> later(const std::optional<Time>& from, Duration by) {
    if (!from) return std::nullopt;
    return *from + by;
}

std::string revision_wanted(const api::Canary& canary) {
    return fmt::format("a new revision of {} {}", canary.target.kind, canary.target.name);
}

// A revision may be there already: what is in the way is told by its condition.
std::string way_out(const api::Canary& canary, std::string otherwise) {
    return api::held_by(canary.status.conditions).empty() ? std::move(otherwise)
                                                          : std::string("what holds it to be gone");
}

bool has_matched_users(const World& world, const Step& step) {
    return strategy_of(world) == api::Strategy::ab_testing && step.kind == StepKind::iterate;
}

// Where an analysis stands: the canary's pods, the round, or the end of its patience.
Outlook while_progressing(const api::Canary& canary, const Surroundings& around) {
    const auto& status = canary.status;
    Outlook outlook;
    if (status.rollback) {
        outlook.next = fmt::format("{} is scaled to zero", canary.target.name);
        if (status.routed_at) {
            outlook.waits_for = "the end of the drain: requests of the canary run out";
            outlook.not_before = later(status.routed_at, around.drain_delay);
        } else {
            outlook.waits_for = "its traffic to go to the primary";
        }
        return outlook;
    }
    if (!canary.skip_analysis && status.failed_checks >= canary.analysis.threshold) {
        outlook.waits_for = "nothing: it has failed too many checks";
        outlook.next = "rollback";
        return outlook;
    }
    const auto world = world_around(canary, around);
    const auto step = canary.skip_analysis ? Step{.kind = StepKind::promote} : step_of(world);
    outlook.next = name_of(step, iterations_of(world));
    if (!canary.skip_analysis) outlook.gates = gates_before(world, step);
    if (status.unready_since) {
        outlook.waits_for = fmt::format("the pods of {} to be ready", canary.target.name);
        outlook.deadline = later(status.unready_since, canary.progress_deadline);
        return outlook;
    }
    outlook.waits_for = "the next round of checks";
    if (status.primary_unready_since) {
        outlook.waits_for =
            fmt::format("the pods of {} to be ready; the checks go on", canary.primary_name());
        outlook.deadline = later(status.primary_unready_since, canary.progress_deadline);
    }
    const bool is_first =
        status.canary_weight == 0 && status.iterations <= 0 && status.failed_checks == 0;
    if (!is_first || status.mirrored) {
        outlook.not_before = later(status.last_transition_time, canary.analysis.interval);
    }
    return outlook;
}

Outlook while_promoting(const api::Canary& canary) {
    const auto& status = canary.status;
    Outlook outlook;
    outlook.waits_for =
        fmt::format("the pods of {} to be ready with the new revision", canary.primary_name());
    const int by = canary.analysis.step_weight_promotion;
    const int following = by == 0 ? 0 : std::max(0, status.canary_weight - by);
    outlook.next = following == 0 ? std::string("all traffic to the primary")
                                  : fmt::format("primary weight {}", api::whole - following);
    if (status.routed_at && by > 0) {
        outlook.not_before = later(status.last_transition_time, canary.analysis.interval);
    }
    outlook.deadline = later(status.unready_since, canary.progress_deadline);
    return outlook;
}

// What the next revision would begin with.
std::string first_step(const api::Canary& canary, const Surroundings& around) {
    auto fresh = canary;
    fresh.status = {};
    const auto world = world_around(fresh, around);
    if (canary.skip_analysis) return "its promotion, without analysis";
    return fmt::format("its analysis, which begins with {}",
                       name_of(step_of(world), iterations_of(world)));
}

}  // namespace

std::string name_of(const Step& step, int iterations) {
    switch (step.kind) {
        case StepKind::hold:
            return "nothing: the plan never advances";
        case StepKind::mirror:
            return "copies of the requests to the canary";
        case StepKind::weigh:
            return fmt::format("weight {}", step.weights.canary);
        case StepKind::iterate:
            return fmt::format("iteration {} of {}", step.iterations, iterations);
        case StepKind::switch_over:
            return step.weights.canary == 0 ? "the last checks" : "all traffic to the canary";
        case StepKind::promote:
            return "promotion";
    }
    return {};
}

Outlook outlook_of(const api::Canary& canary, const Surroundings& around) {
    const auto& status = canary.status;
    Outlook outlook;
    if (canary.deleting && !canary.has_finalizer) return {.waits_for = "its deletion"};
    if (canary.invalid) {
        return {.waits_for = "a mended spec: " + to_string(*canary.invalid)};
    }
    if (canary.unbuilt) return {.waits_for = "another spec: " + to_string(*canary.unbuilt)};
    if (canary.suspended) return {.waits_for = "somebody to resume it (spec.suspend is true)"};
    switch (status.phase) {
        case Phase::none:
            return {.waits_for = "the controller to see it", .next = "initialization"};
        case Phase::initializing:
            outlook.waits_for = fmt::format("the pods of {} to be ready", canary.primary_name());
            outlook.next = "Initialized: the primary serves all traffic";
            outlook.deadline = later(status.unready_since, canary.progress_deadline);
            return outlook;
        case Phase::initialized:
        case Phase::succeeded:
            outlook.waits_for = way_out(canary, revision_wanted(canary));
            outlook.next = first_step(canary, around);
            add_gates(outlook.gates, canary, HookType::confirm_rollout);
            return outlook;
        case Phase::failed:
            outlook.waits_for = way_out(canary, revision_wanted(canary) + ", or `sluice retry`");
            outlook.next = first_step(canary, around);
            add_gates(outlook.gates, canary, HookType::confirm_rollout);
            return outlook;
        case Phase::waiting:
            outlook.waits_for = "approval to begin";
            outlook.next = first_step(canary, around);
            add_gates(outlook.gates, canary, HookType::confirm_rollout);
            return outlook;
        case Phase::progressing:
            return while_progressing(canary, around);
        case Phase::waiting_promotion:
            if (status.rollback) return while_progressing(canary, around);
            outlook.waits_for = "approval of its promotion";
            outlook.next = "promotion";
            add_gates(outlook.gates, canary, HookType::confirm_promotion);
            return outlook;
        case Phase::promoting:
            return while_promoting(canary);
        case Phase::finalising:
            outlook.waits_for = "the end of the drain: requests of the canary run out";
            outlook.next = fmt::format("Succeeded: {} is scaled to zero", canary.target.name);
            outlook.not_before = later(status.routed_at, around.drain_delay);
            return outlook;
        case Phase::terminating:
            outlook.next = "its deletion";
            if (status.routed_at) {
                outlook.waits_for = "the end of the drain: requests of the primary run out";
                outlook.not_before = later(status.routed_at, around.drain_delay);
                return outlook;
            }
            outlook.waits_for = fmt::format(
                "{} {} to be ready for all traffic", canary.target.kind, canary.target.name);
            outlook.deadline = later(status.unready_since, canary.progress_deadline);
            return outlook;
        case Phase::terminated:
            return {.waits_for = "its deletion"};
    }
    return outlook;
}

std::vector<PlannedStep> planned_steps(const api::Canary& canary, const Surroundings& around) {
    std::vector<PlannedStep> steps;
    const auto& analysis = canary.analysis;
    auto world = world_around(canary, around);
    world.canary.status = {};
    auto& status = world.canary.status;
    Duration after{};
    std::vector<std::string> begin;
    add_gates(begin, canary, HookType::confirm_rollout);
    add_gates(begin, canary, HookType::pre_rollout);

    for (int count = 0; count < steps_max; ++count) {
        const auto step = canary.skip_analysis ? Step{.kind = StepKind::promote} : step_of(world);
        if (step.kind == StepKind::hold) return {};
        PlannedStep planned{.what = name_of(step, iterations_of(world)),
                            .after = after,
                            .weights = step.weights,
                            .matched = has_matched_users(world, step),
                            .gates = count == 0 ? begin : std::vector<std::string>{}};
        if (!canary.skip_analysis) {
            for (auto& gate : gates_before(world, step)) planned.gates.push_back(std::move(gate));
        }
        if (step.kind == StepKind::promote) {
            planned.what = "promotion: the primary gets the new revision";
            planned.weights = split(status.canary_weight);
            planned.matched =
                strategy_of(world) == api::Strategy::ab_testing && !canary.skip_analysis;
            steps.push_back(std::move(planned));
            break;
        }
        status.canary_weight = step.weights.canary;
        status.mirrored = step.weights.mirrored;
        status.iterations = step.iterations;
        steps.push_back(std::move(planned));
        after += analysis.interval;
    }

    int home = status.canary_weight;
    while (analysis.step_weight_promotion > 0 && home > analysis.step_weight_promotion) {
        home -= analysis.step_weight_promotion;
        steps.push_back({.what = fmt::format("primary weight {}", api::whole - home),
                         .after = after,
                         .weights = split(home)});
        after += analysis.interval;
    }
    if (home > 0) {
        steps.push_back({.what = "all traffic to the primary", .after = after});
        after += around.drain_delay;
    }
    steps.push_back({.what = fmt::format("Succeeded: {} is scaled to zero", canary.target.name),
                     .after = after});
    add_gates(steps.back().gates, canary, HookType::post_rollout);
    return steps;
}

}  // namespace sluice::canary
