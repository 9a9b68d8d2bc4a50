#include "base/async/wall_time.hpp"

#include <algorithm>

namespace sluice {
namespace {

constexpr Duration compare_every = std::chrono::seconds{1};
constexpr int slowness = 20;

}  // namespace

WallTime::WallTime(Duration passed, Time wall)
    : ahead_((wall.time_since_epoch() - passed).count()), compared_at_(passed.count()) {}

Time WallTime::at(Duration passed, Time wall) {
    auto last = compared_at_.load(std::memory_order_relaxed);
    const auto since = passed.count() - last;
    // One of the threads that ask at once compares.
    if (since >= compare_every.count() &&
        compared_at_.compare_exchange_strong(last, passed.count(), std::memory_order_relaxed)) {
        const auto gap =
            (wall.time_since_epoch() - passed).count() - ahead_.load(std::memory_order_relaxed);
        const auto most = since / slowness;
        ahead_.fetch_add(std::clamp(gap, -most, most), std::memory_order_relaxed);
    }
    return Time(passed + Duration(ahead_.load(std::memory_order_relaxed)));
}

}  // namespace sluice
