// When a Deployment or DaemonSet is ready (canary.md 4.6), and when waiting for it is over.
#pragma once

#include "base/core/json.hpp"
#include "base/core/time.hpp"

#include <optional>
#include <string>

namespace sluice::canary {

enum class ReadyState {
    ready,
    waiting,  // may still get ready
    fatal,    // a deadline has passed
};

struct Readiness {
    ReadyState state = ReadyState::waiting;
    std::string why;  // "waiting for rollout to finish: 0 of 1 (readyThreshold 100%) updated
                      // replicas are available"
    // When `waiting` turns into `fatal` if nothing changes.
    std::optional<Time> deadline;

    bool operator==(const Readiness&) const = default;
};

struct ReadinessQuestion {
    Duration deadline{};
    int threshold_percent = 100;
    // Our own clock of this wait (status.unreadySince), which covers what a Deployment's conditions
    // do not.
    std::optional<Time> waiting_since;
    Time now{};
};

// The peer's rule, and one more: at least one replica is wanted and available, because a Deployment
// at zero serves nobody.
Readiness readiness_of(const Json& deployment, const ReadinessQuestion& question);
// The same of a DaemonSet, by our own clock alone: it has no conditions.
Readiness readiness_of_daemon_set(const Json& daemon_set, const ReadinessQuestion& question);

}  // namespace sluice::canary
