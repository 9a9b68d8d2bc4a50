// What a Canary waits for, what comes next and when, told from the object alone: for people, and
// for the decisions that are kept with it.
#pragma once

#include "api/canary.hpp"
#include "base/core/time.hpp"
#include "delivery/canary/plan.hpp"
#include "delivery/canary/seen.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::canary {

// What the object does not say.
struct Surroundings {
    Capabilities can = {.weights = true, .mirror = true, .match = true, .affinity = true};
    Duration drain_delay = std::chrono::seconds(10);
};

struct Outlook {
    std::string waits_for;           // "the next round of checks"
    std::string next;                // "weight 20"
    std::optional<Time> not_before;  // of what comes next; nothing when no time leads there
    // When the waiting ends in a rollback, a failed promotion, or (while terminating) all the same,
    // if nothing changes.
    std::optional<Time> deadline;
    // Hooks that are asked before what comes next, in their order: "confirm-promotion gate".
    std::vector<std::string> gates;

    bool operator==(const Outlook&) const = default;
};
Outlook outlook_of(const api::Canary& canary, const Surroundings& around = {});

// One step of a release that goes well.
struct PlannedStep {
    std::string what;      // "weight 20"
    Duration after{};      // at the earliest, from the moment at which the canary's pods are ready
    Weights weights;       // afterwards
    bool matched = false;  // the canary's share are those who match, and nobody else
    std::vector<std::string> gates;

    bool operator==(const PlannedStep&) const = default;
};
// To its end, Succeeded; empty when the plan never advances.
std::vector<PlannedStep> planned_steps(const api::Canary& canary, const Surroundings& around = {});

// "weight 20", "copies of the requests to the canary", "iteration 3 of 10", "promotion".
std::string name_of(const Step& step, int iterations);

}  // namespace sluice::canary
