// Asio 1.81 leaves the last wait of a coroutine in its cancellation slot. Whoever cancels a task
// that is running just then (a group that goes with its last task) would reach into a timer that is
// gone.
#pragma once

#include <boost/asio/cancellation_signal.hpp>

namespace sluice {

// Stands before the timer, so that it empties the slot after the timer has gone.
struct ForgetWait {
    explicit ForgetWait(boost::asio::cancellation_slot of) : slot(of) {}
    ForgetWait(const ForgetWait&) = delete;
    ForgetWait& operator=(const ForgetWait&) = delete;
    ~ForgetWait() { slot.clear(); }
    boost::asio::cancellation_slot slot;
};

}  // namespace sluice
