#include "delivery/canary/alerts.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <iterator>

namespace sluice::canary {
namespace {

// As the spec is written, whatever its provider makes of it; empty for a plan that never advances.
std::string traffic_routing(const api::Analysis& analysis) {
    const auto max = analysis.max_weight.value_or(0);
    if (analysis.matches) return "A/B Testing";
    if (analysis.iterations > 0) return "Blue/Green";
    if (analysis.step_weight > 0) {
        return fmt::format("Weight step: {} max: {}", analysis.step_weight, max);
    }
    if (!analysis.step_weights.empty()) {
        return fmt::format("Weight steps: {} max: {}", fmt::join(analysis.step_weights, ","), max);
    }
    return {};
}

}  // namespace

std::vector<std::pair<std::string, std::string>> alert_fields(const World& world,
                                                              const Alert& alert,
                                                              std::string_view cluster) {
    std::vector<std::pair<std::string, std::string>> fields;
    if (!cluster.empty()) fields.emplace_back("Cluster", cluster);
    if (!alert.with_fields) return fields;
    const auto& canary = world.canary;
    const auto deadline =
        std::chrono::duration_cast<std::chrono::seconds>(canary.progress_deadline).count();
    fields.emplace_back("Target", canary.target.kind + "/" + canary.dotted(canary.target.name));
    fields.emplace_back("Failed checks threshold", std::to_string(canary.analysis.threshold));
    fields.emplace_back("Progress deadline", fmt::format("{}s", deadline));
    if (auto routing = traffic_routing(canary.analysis); !routing.empty()) {
        fields.emplace_back("Traffic routing", std::move(routing));
    }
    return fields;
}

std::vector<api::AlertRef> receivers_of(const World& world, const Alert& alert) {
    std::vector<api::AlertRef> receivers;
    std::ranges::copy_if(
        world.canary.analysis.alerts,
        std::back_inserter(receivers),
        [&](const api::AlertRef& receiver) { return receiver.severity <= alert.severity; });
    return receivers;
}

}  // namespace sluice::canary
