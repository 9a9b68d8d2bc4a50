// Is the value good? Thresholds and the exact texts of their failures
// (routing-metrics-hooks.md 2.5, 2.6).
#pragma once

#include "delivery/canary/evidence.hpp"
#include "delivery/canary/move.hpp"

#include <optional>
#include <string>

namespace sluice::canary {

struct Verdict {
    EventType type = EventType::warning;
    std::string message;

    bool operator==(const Verdict&) const = default;
};

// Nothing was measured: no value, or one that is not a number.
bool has_no_data(const Answer& answer);

// Why this answer fails the check; nothing when it passes. Bounds are strict: equality passes.
std::optional<Verdict> judge(const Measure& measure, const Answer& answer);

}  // namespace sluice::canary
