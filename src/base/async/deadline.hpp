// Every wait has a deadline from the same clock.
#pragma once

#include "base/async/clock.hpp"
#include "base/core/duration.hpp"
#include "base/core/result.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <fmt/format.h>

namespace sluice {

// The result of `task`, or timed_out ("timed out after 5s") with the task cancelled and ended. The
// clock outlives every task.
template <typename T>
// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): as promised above.
Task<Result<T>> with_deadline(Clock& clock, Duration limit, Task<Result<T>> task) {
    using boost::asio::experimental::awaitable_operators::operator||;
    auto first = co_await (std::move(task) || clock.sleep_for(limit));
    if (first.index() == 0) co_return std::move(std::get<0>(first));
    co_return Error{ErrorKind::timed_out, fmt::format("timed out after {}", go_text(limit))};
}

}  // namespace sluice
