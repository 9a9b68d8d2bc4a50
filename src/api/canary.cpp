#include "api/canary.hpp"

#include "base/core/result.hpp"

#include <algorithm>
#include <array>

namespace sluice::api {
namespace {

struct PhaseName {
    Phase phase;
    std::string_view name;
};
constexpr std::array phase_names{
    PhaseName{Phase::none, ""},
    PhaseName{Phase::initializing, "Initializing"},
    PhaseName{Phase::initialized, "Initialized"},
    PhaseName{Phase::waiting, "Waiting"},
    PhaseName{Phase::progressing, "Progressing"},
    PhaseName{Phase::waiting_promotion, "WaitingPromotion"},
    PhaseName{Phase::promoting, "Promoting"},
    PhaseName{Phase::finalising, "Finalising"},
    PhaseName{Phase::succeeded, "Succeeded"},
    PhaseName{Phase::failed, "Failed"},
    PhaseName{Phase::terminating, "Terminating"},
    PhaseName{Phase::terminated, "Terminated"},
};

}  // namespace

std::string to_string(const Invalid& invalid) {
    return invalid.field + ": " + invalid.why;
}

std::string_view to_string(Phase phase) {
    for (const auto& entry : phase_names) {
        if (entry.phase == phase) return entry.name;
    }
    return {};
}

std::optional<Phase> parse_phase(std::string_view text) {
    for (const auto& entry : phase_names) {
        if (entry.name == text) return entry.phase;
    }
    return std::nullopt;
}

std::string_view to_string(HookType type) {
    switch (type) {
        case HookType::rollout:
            return "rollout";
        case HookType::confirm_rollout:
            return "confirm-rollout";
        case HookType::pre_rollout:
            return "pre-rollout";
        case HookType::confirm_traffic_increase:
            return "confirm-traffic-increase";
        case HookType::confirm_promotion:
            return "confirm-promotion";
        case HookType::post_rollout:
            return "post-rollout";
        case HookType::rollback:
            return "rollback";
        case HookType::event:
            return "event";
    }
    return {};
}

std::optional<Invalid> unbuilt(const Canary& canary) {
    return canary.unbuilt;
}

int effective_max_weight(const Analysis& analysis) {
    if (!analysis.step_weights.empty()) return std::min(whole, analysis.step_weights.back());
    const int limit = analysis.max_weight.value_or(0);
    return limit > 0 ? limit : whole;
}

std::vector<int> plan_of(const Analysis& analysis) {
    std::vector<int> plan;
    if (analysis.step_weight > 0) {
        const int last = effective_max_weight(analysis);
        for (int weight = 0; weight < last;) {
            weight = std::min(whole, weight + analysis.step_weight);
            plan.push_back(weight);
        }
        return plan;
    }
    for (const int weight : analysis.step_weights) {
        if (weight > 0) plan.push_back(std::min(whole, weight));
    }
    std::ranges::sort(plan);
    const auto repeated = std::ranges::unique(plan);
    plan.erase(repeated.begin(), repeated.end());
    return plan;
}

std::optional<int> next_weight(const Analysis& analysis, int weight) {
    const auto plan = plan_of(analysis);
    const auto larger = std::ranges::upper_bound(plan, weight);
    if (larger == plan.end()) return std::nullopt;
    return *larger;
}

Strategy strategy_of(const Analysis& analysis) {
    if (analysis.iterations <= 0) return Strategy::canary;
    return analysis.matches ? Strategy::ab_testing : Strategy::blue_green;
}

std::string_view to_string(Strategy strategy) {
    switch (strategy) {
        case Strategy::canary:
            return "canary";
        case Strategy::blue_green:
            return "blue-green";
        case Strategy::ab_testing:
            return "ab-testing";
    }
    SLUICE_ASSERT(false);
}

std::string_view to_string(Severity severity) {
    switch (severity) {
        case Severity::info:
            return "info";
        case Severity::warn:
            return "warn";
        case Severity::error:
            return "error";
    }
    SLUICE_ASSERT(false);
}

std::string_view to_string(Verb verb) {
    switch (verb) {
        case Verb::promote:
            return "promote";
        case Verb::step:
            return "step";
        case Verb::abort:
            return "abort";
        case Verb::retry:
            return "retry";
    }
    SLUICE_ASSERT(false);
}

}  // namespace sluice::api
