// Waking a coroutine from another one of the same executor.
#pragma once

#include "base/async/task.hpp"

#include <boost/asio/steady_timer.hpp>

namespace sluice {

// Wakes those who wait now; who comes later waits for the next notify. Single-threaded: use it on
// its executor only.
class Signal {
   public:
    explicit Signal(Executor executor);

    void notify_all();
    // Returns at the next notify_all. Ends by operation_aborted when the waiting task is cancelled.
    Task<> wait();

   private:
    boost::asio::steady_timer timer_;
    std::uint64_t generation_ = 0;
};

}  // namespace sluice
