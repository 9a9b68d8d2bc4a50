// What is done to a pod's answers for the sake of a trial: they come later, or are errors. Inside
// the app and beside every route's faults, so that all metrics tell of it.
#pragma once

#include "net/http.hpp"

#include <chrono>

namespace sluice::lab {

struct PodFault {
    // Half of the answers come `p50` later and one in a hundred `p99`; those between lie evenly
    // between both. Not above each other.
    Duration p50{};
    Duration p99{};
    double error_ratio = 0;  // 0..1: so many are a 500

    bool operator==(const PodFault&) const = default;
    bool is_none() const { return *this == PodFault{}; }
};

// Of one container's app, and of its thread. Not by chance: every hundred answers have the shares
// that were asked for, however few there are.
class AppFaults {
   public:
    void set(const PodFault& fault);

    struct Strike {
        Duration later{};
        bool fails = false;
    };
    // What befalls this request; nothing what the kubelet or Prometheus asks.
    Strike next(const net::Request& request);

   private:
    PodFault fault_;
    double place_ = 0;   // in 0..1, where the next latency is taken
    double failed_ = 0;  // what is due of an error
};

// The error.
net::Response fault_answer();

}  // namespace sluice::lab
