// The time of day for a clock by which deadlines are kept: near to the wall clock's, but never with
// a jump of it.
#pragma once

#include "base/core/time.hpp"

#include <atomic>

namespace sluice {

// Goes on as time has really passed. Where the wall clock says otherwise (somebody set it) the gap
// is closed slowly, so that whatever is measured in between is at most a twentieth wrong. Any
// thread may ask.
class WallTime {
   public:
    // `passed` is the time since some fixed moment, such as the start of the machine.
    WallTime(Duration passed, Time wall);

    // Both as they are now.
    Time at(Duration passed, Time wall);

   private:
    std::atomic<Duration::rep> ahead_;  // of `passed`
    std::atomic<Duration::rep> compared_at_;
};

}  // namespace sluice
