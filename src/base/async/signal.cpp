#include "base/async/signal.hpp"

#include "base/async/forget_wait.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace sluice {

// A timer that never fires is Asio's condition variable: cancelling it wakes every waiter.
Signal::Signal(const Executor& executor)
    : timer_(executor, boost::asio::steady_timer::time_point::max()) {}

void Signal::notify_all() {
    ++generation_;
    timer_.cancel();
}

Task<> Signal::wait() {
    const auto seen = generation_;
    const ForgetWait forget((co_await boost::asio::this_coro::cancellation_state).slot());
    co_await timer_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    // The wait also ends when the waiting task is cancelled; only a notify counts as one.
    if (generation_ == seen)
        throw boost::system::system_error(boost::asio::error::operation_aborted);
}

}  // namespace sluice
