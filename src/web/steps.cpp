#include "web/steps.hpp"

#include "api/texts.hpp"
#include "base/core/text.hpp"
#include "web/answer.hpp"
#include "web/release.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace sluice::web {
namespace {

using api::Phase;
using canary::PlannedStep;
namespace texts = api::texts;

struct Told {
    std::optional<Time> started, ended;
    std::vector<Check> results;
};

// By what the controller announces that a step has been taken; several texts may say it.
std::vector<std::string> announcements_of(const PlannedStep& step, const api::Canary& canary) {
    const auto type = type_of(step);
    const auto name = canary.dotted();
    const auto number_after = [&](std::string_view words) {
        return parse_integer(trimmed(std::string_view(step.what).substr(words.size()))).value_or(0);
    };
    if (type == "setWeight") return {texts::advance(name, step.weights.canary)};
    if (type == "mirror") return {texts::advance(name, 0), "Start traffic mirroring"};
    if (type == "iteration") {
        const auto words = split(step.what, ' ');  // "iteration 3 of 10"
        if (words.size() != 4) return {};
        return {texts::advance_iteration(name,
                                         static_cast<int>(parse_integer(words[1]).value_or(0)),
                                         static_cast<int>(parse_integer(words[3]).value_or(0)))};
    }
    if (type == "switch") return {texts::routing_to_canary(), texts::mirroring_stops()};
    if (type == "promote") {
        return {texts::copying(canary.dotted(canary.target.name),
                               canary.dotted(canary.primary_name()))};
    }
    if (type == "primaryWeight") {
        return {texts::advance_primary(name, static_cast<int>(number_after("primary weight")))};
    }
    if (type == "home") {
        return {texts::routing_to_primary(), texts::advance_primary(name, api::whole)};
    }
    return {texts::promotion_completed(canary.dotted(canary.target.name)),
            texts::promotion_unanalysed(canary.dotted(canary.target.name))};
}

int first_of(const std::vector<PlannedStep>& steps, std::string_view type) {
    const auto found =
        std::ranges::find_if(steps, [&](const PlannedStep& step) { return type_of(step) == type; });
    return found == steps.end() ? -1 : static_cast<int>(found - steps.begin());
}

// Where an analysis stands, by what the status says.
int index_in_analysis(const std::vector<PlannedStep>& steps, const api::Status& status) {
    int index = -1;
    int iterations = 0;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const auto& step = steps[i];
        const auto type = type_of(step);
        bool is_taken = false;
        if (type == "mirror") is_taken = status.mirrored || status.canary_weight > 0;
        if (type == "setWeight") {
            is_taken = status.canary_weight > 0 && step.weights.canary <= status.canary_weight;
        }
        if (type == "iteration") is_taken = ++iterations <= status.iterations;
        if (type == "switch") is_taken = status.iterations > iterations;
        if (!is_taken) break;
        index = static_cast<int>(i);
    }
    return index;
}

int index_in_promotion(const std::vector<PlannedStep>& steps, const api::Status& status) {
    int index = first_of(steps, "promote");
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (type_of(steps[i]) != "primaryWeight") continue;
        if (status.routed_at && status.canary_weight <= steps[i].weights.canary) {
            index = static_cast<int>(i);
        }
    }
    return index;
}

int last_told(const std::vector<Told>& told) {
    int last = -1;
    for (std::size_t i = 0; i < told.size(); ++i) {
        if (told[i].started) last = static_cast<int>(i);
    }
    return last;
}

int index_of(const std::vector<PlannedStep>& steps,
             const std::vector<Told>& told,
             const api::Status& status) {
    const int total = static_cast<int>(steps.size());
    switch (status.phase) {
        case Phase::none:
        case Phase::initializing:
        case Phase::initialized:
        case Phase::waiting:
        case Phase::terminating:
        case Phase::terminated:
            return -1;
        case Phase::progressing:
            // What is being rolled back shows where it stood.
            if (status.rollback) return last_told(told);
            return index_in_analysis(steps, status);
        case Phase::waiting_promotion:
        case Phase::promoting:
            return index_in_promotion(steps, status);
        case Phase::finalising:
            return total - 1;
        case Phase::succeeded:
            return total;
        case Phase::failed:
            return last_told(told);
    }
    return -1;
}

using Announcements = std::vector<std::vector<std::string>>;

bool is_start(const Decision& decision) {
    return decision.what == "start" || decision.what == "restart";
}

// Events are written under names of their own, once for each message of a run. In the second in
// which a run began the one before it may have ended: of that second only the first step counts.
void tell_by_events(std::vector<Told>& told,
                    const Announcements& announcements,
                    const std::vector<Json>& events,
                    Time began) {
    for (const auto& event : events) {
        const auto at = time_of_event(event);
        if (!at || *at < began) continue;
        const auto message = text_at(event, {"message"});
        for (std::size_t i = 0; i < told.size(); ++i) {
            const bool is_said =
                std::ranges::find(announcements[i], message) != announcements[i].end();
            if (is_said && !told[i].started && (i == 0 || *at > began)) told[i].started = at;
        }
    }
    std::optional<Time> following;
    for (auto one = told.rbegin(); one != told.rend(); ++one) {
        if (one->started && !one->ended) one->ended = following;
        if (one->started) following = one->started;
    }
}

std::vector<Told> told_of(const std::vector<PlannedStep>& steps,
                          const api::Canary& canary,
                          const std::vector<Decision>& run,
                          const std::vector<Json>& events) {
    std::vector<Told> told(steps.size());
    Announcements announcements;
    announcements.reserve(steps.size());
    for (const auto& step : steps) announcements.push_back(announcements_of(step, canary));
    int current = -1;
    for (const auto& decision : run) {
        // The round was asked in the step before the one that it led to.
        if (current >= 0 && !decision.checks.empty()) {
            told[static_cast<std::size_t>(current)].results = decision.checks;
        }
        for (std::size_t i = 0; i < steps.size(); ++i) {
            const bool is_said = std::ranges::any_of(announcements[i], [&](const auto& text) {
                return std::ranges::find(decision.said, text) != decision.said.end();
            });
            if (!is_said || static_cast<int>(i) <= current) continue;
            if (current >= 0) told[static_cast<std::size_t>(current)].ended = decision.at;
            told[i].started = decision.at;
            current = static_cast<int>(i);
        }
    }
    if (const auto began = run_began(canary, run, events)) {
        tell_by_events(told, announcements, events, *began);
    }
    return told;
}

std::string_view state_of(int i, int index, const api::Status& status) {
    const bool has_failed = status.phase == Phase::failed || status.rollback.has_value();
    if (i < index) return "done";
    if (has_failed) return i == index ? "failed" : "skipped";
    return i == index ? "current" : "pending";
}

}  // namespace

std::string_view type_of(const PlannedStep& step) {
    const std::string_view what = step.what;
    if (what.starts_with("weight ")) return "setWeight";
    if (what.starts_with("iteration ")) return "iteration";
    if (what.starts_with("copies ")) return "mirror";
    if (what.starts_with("promotion")) return "promote";
    if (what.starts_with("primary weight ")) return "primaryWeight";
    if (what.starts_with("all traffic to the primary")) return "home";
    if (what == "all traffic to the canary" || what == "the last checks") return "switch";
    return "finish";
}

bool is_start_of_run(const Json& event, std::string_view ns, std::string_view target) {
    const auto message = text_at(event, {"message"});
    const auto dotted = fmt::format("{}.{}", target, ns);
    return message == texts::new_revision(dotted) || message == texts::restarting(dotted);
}

std::optional<Time> run_began(const api::Canary& canary,
                              const std::vector<Decision>& run,
                              const std::vector<Json>& events) {
    if (!run.empty() && is_start(run.front())) return run.front().at;
    std::optional<Time> began;
    for (const auto& event : events) {
        if (!is_start_of_run(event, canary.ns, canary.target.name)) continue;
        const auto at = time_of_event(event);
        if (at && (!began || *at > *began)) began = at;
    }
    return began;
}

Steps steps_of(const release::CanarySeen& seen,
               const std::vector<Decision>& run,
               const std::vector<Json>& events) {
    const auto& canary = seen.canary;
    // A revision that is promoted by hand, or without analysis, has the plan's steps all the same.
    auto planned = canary;
    planned.status = {};
    const auto steps = canary.invalid || canary.unbuilt
                           ? std::vector<PlannedStep>{}
                           : canary::planned_steps(planned, seen.around);
    const auto told = told_of(steps, canary, run, events);
    Steps shown{.index = index_of(steps, told, canary.status),
                .total = static_cast<int>(steps.size()),
                .items = {}};
    JsonArray items;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        JsonArray gates;
        for (const auto& gate : steps[i].gates) gates.emplace_back(gate);
        JsonArray results;
        for (const auto& check : told[i].results) results.push_back(json_of(check));
        items.push_back(
            JsonObject{{"i", i},
                       {"type", type_of(steps[i])},
                       {"label", steps[i].what},
                       {"weight", steps[i].weights.canary},
                       {"state", state_of(static_cast<int>(i), shown.index, canary.status)},
                       {"startedAt", time_json(told[i].started)},
                       {"endedAt", time_json(told[i].ended)},
                       {"gates", std::move(gates)},
                       {"results", std::move(results)}});
    }
    shown.items = std::move(items);
    return shown;
}

}  // namespace sluice::web
