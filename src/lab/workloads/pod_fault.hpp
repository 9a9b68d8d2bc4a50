// What is done to a pod's answers for the sake of a trial: they come later, are errors, don't come
// at all, or not yet. Inside the app and beside every route's faults, so that all metrics tell of
// it.
#pragma once

#include "base/async/clock.hpp"
#include "net/http.hpp"

#include <chrono>
#include <memory>
#include <optional>

namespace sluice::lab {

struct PodFault {
    // Half of the answers come `p50` later and one in a hundred `p99`; those between lie evenly
    // between both. Not above each other.
    Duration p50{};
    Duration p99{};
    double error_ratio = 0;  // 0..1: so many are a 500
    // Nobody is answered, the kubelet and Prometheus neither, as by a process that is stuck; until
    // it is taken away, or a container starts again.
    bool hangs = false;
    // For so long after each start everybody gets a 503, the kubelet too.
    Duration slow_start{};

    bool operator==(const PodFault&) const = default;
    bool is_none() const { return *this == PodFault{}; }
};

// Of one container's app, and of its thread. Not by chance: every hundred answers have the shares
// that were asked for, however few there are.
class AppFaults {
   public:
    // Its container starts.
    void begin(const PodFault& fault, Time now);
    void set(const PodFault& fault);

    struct Strike {
        Duration later{};
        bool fails = false;
        bool hangs = false;
        bool starts = false;
    };
    // What befalls this request. What the kubelet and Prometheus ask is neither late nor an error.
    Strike next(const net::Request& request, Time now);
    bool hangs() const { return fault_.hangs; }

   private:
    PodFault fault_;
    Time started_{};     // when its slow start is over
    double place_ = 0;   // in 0..1, where the next latency is taken
    double failed_ = 0;  // what is due of an error
};

// Suffers it: waits as long as it is held up. The answer in place of the app's own, if there is
// one.
Task<std::optional<net::Response>> suffer(std::shared_ptr<const AppFaults> faults,
                                          AppFaults::Strike strike,
                                          Clock* clock);

}  // namespace sluice::lab
