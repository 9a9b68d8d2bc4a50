#include "base/async/signal.hpp"

#include "base/async/forget_wait.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace sluice {

// A timer that never fires is Asio's condition variable: cancelling it wakes every waiter.
// NOLINTBEGIN(performance-unnecessary-value-param,performance-move-const-arg): handed over as
// everywhere; that Asio copies it is Asio's affair.
Signal::Signal(Executor executor)
    : timer_(std::move(executor), boost::asio::steady_timer::time_point::max()) {}
// NOLINTEND(performance-unnecessary-value-param,performance-move-const-arg)

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
