// What time it is, and waiting for it. Handed in by constructor; the real one is made in app/, the
// one that stands still in virtual_clock.hpp.
#pragma once

#include "base/async/task.hpp"
#include "base/core/time.hpp"

namespace sluice {

class Clock {
   public:
    Clock() = default;
    Clock(const Clock&) = delete;
    Clock& operator=(const Clock&) = delete;
    virtual ~Clock() = default;

    virtual Time now() const = 0;
    // Returns at or after `when`; at once when it has passed. Ends by Asio's operation_aborted when
    // the task is cancelled.
    virtual Task<> sleep_until(Time when) = 0;

    Task<> sleep_for(Duration duration);
};

}  // namespace sluice
