#include "lab/mesh/outlier.hpp"

#include <algorithm>

namespace sluice::mesh {

namespace {

constexpr std::size_t pods_max = 10'000;

bool is_reached(std::uint64_t& count, std::uint64_t limit) {
    ++count;
    return limit > 0 && count >= limit;
}

}  // namespace

OutlierDetector::Result OutlierDetector::result_of(int status) {
    if (status < 500) return Result::good;
    return status >= 502 && status <= 504 ? Result::gateway_error : Result::server_error;
}

bool OutlierDetector::is_ejected(std::uint64_t pod, Time now) const {
    const auto found = pods_.find(pod);
    return found != pods_.end() && now < found->second.until;
}

void OutlierDetector::report(
    const OutlierRules& rules, std::uint64_t id, Result result, std::size_t pods, Time now) {
    if (!began_) began_ = now;
    if (result == Result::good) {
        // Who never failed needs no memory.
        if (const auto known = pods_.find(id); known != pods_.end())
            known->second.errors_5xx = known->second.gateway_errors = known->second.local_failures =
                0;
        return;
    }
    if (pods_.size() >= pods_max) pods_.clear();
    auto& pod = pods_[id];
    bool is_too_much = false;
    if (result == Result::local_failure && rules.tells_local_apart) {
        is_too_much = is_reached(pod.local_failures, rules.local_failures);
    } else {
        is_too_much = is_reached(pod.errors_5xx, rules.errors_5xx);
        if (result == Result::server_error)
            pod.gateway_errors = 0;
        else
            is_too_much = is_reached(pod.gateway_errors, rules.gateway_errors) || is_too_much;
    }
    if (!is_too_much || now < pod.until) return;

    const auto ejected = std::count_if(
        pods_.begin(), pods_.end(), [&](const auto& entry) { return now < entry.second.until; });
    if (100.0 * static_cast<double>(ejected + 1) >
        rules.ejected_percent_max * static_cast<double>(pods))
        return;
    // Every interval that it stayed in since the last time makes up for one of its ejections.
    if (pod.times > 0) {
        const auto calm = static_cast<std::uint64_t>((now - pod.until) / rules.interval);
        pod.times -= std::min(pod.times, calm);
    }
    ++pod.times;
    ++ejections_;
    // Who may come back is looked at once an interval.
    const auto least = now + rules.base_ejection * static_cast<std::int64_t>(pod.times);
    const auto turns = (least - *began_ + rules.interval - Duration{1}) / rules.interval;
    pod.until = *began_ + turns * rules.interval;
    pod.errors_5xx = pod.gateway_errors = pod.local_failures = 0;
}

}  // namespace sluice::mesh
