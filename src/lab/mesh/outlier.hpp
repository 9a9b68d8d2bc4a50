// Outlier detection: a pod that fails too often in a row is left out for a while. Pure; time is
// handed in.
#pragma once

#include "base/core/time.hpp"
#include "lab/mesh/traffic_policy.hpp"

#include <cstdint>
#include <unordered_map>

namespace sluice::mesh {

class OutlierDetector {
   public:
    enum class Result {
        good,
        server_error,   // 5xx but the gateway's
        gateway_error,  // 502, 503, 504
        local_failure,  // no answer: not connected, reset, too late
    };

    static Result result_of(int status);
    // How a try at one of `pods` ended. May leave it out from now on.
    void report(
        const OutlierRules& rules, std::uint64_t pod, Result result, std::size_t pods, Time now);
    bool is_ejected(std::uint64_t pod, Time now) const;
    bool has_ejected() const { return !pods_.empty() && ejections_ > 0; }

   private:
    struct Pod {
        std::uint64_t errors_5xx = 0, gateway_errors = 0, local_failures = 0;
        std::uint64_t times = 0;  // ejected, by which the next ejection lasts longer
        Time until{};             // of the last ejection
    };

    std::unordered_map<std::uint64_t, Pod> pods_;
    std::uint64_t ejections_ = 0;
    std::optional<Time> began_;
};

}  // namespace sluice::mesh
