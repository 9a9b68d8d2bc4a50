// `sluice status NAME [--watch]`: how a Canary fares, what it waits for and what comes next.
#pragma once

#include "cli/canary_access.hpp"
#include "cli/terminal.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::cli {

struct PodCount {
    std::int64_t wanted = 0;
    std::int64_t ready = 0;
    std::int64_t generation = 0;
    std::string uid = {};

    bool operator==(const PodCount&) const = default;
};

struct StatusSeen {
    CanarySeen of;
    // Nothing where it cannot be read, or does not exist.
    std::optional<PodCount> target, primary;
    std::string version;             // of the revision at hand; empty: not known
    std::string pods_wait_for = {};  // those that the release waits for; empty: not known
};
Task<Result<StatusSeen>> read_status(kube::Client& client, kube::ObjectKey key);

// Exit codes beside the common ones.
inline constexpr int timed_out = 4;
inline constexpr int under_way = 5;
// 0 Succeeded or Initialized, 1 Failed, 5 anything else, or when the target has changed and nobody
// has looked yet.
int exit_code_of(const StatusSeen& seen);

// Several lines, for a person.
std::vector<std::string> status_lines(const StatusSeen& seen, Time now, const Terminal& terminal);
// One line, for a log; without what changes by itself.
std::string status_line(const StatusSeen& seen, Time now);
Json status_json(const StatusSeen& seen, Time now);
// Keys "held" and "contested", where something is in the way: the texts of the conditions.
void put_obstacles(JsonObject& shown, const api::Canary& canary);

// "40 %  ████░░░░░░"
std::string weight_bar(int weight);
// "in 12s", "now" when it has passed.
std::string until(Time when, Time now);

struct WatchOptions {
    std::optional<Duration> timeout;
};
// Until the release has ended; the exit code.
Task<Result<int>> watch_status(kube::Client& client,
                               Clock& clock,
                               kube::ObjectKey key,
                               WatchOptions options,
                               Terminal& terminal);

}  // namespace sluice::cli
