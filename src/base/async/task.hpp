// The coroutine type of everything that waits.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace sluice {

// Arguments by value, results as Result<T>; whatever owns the services it uses outlives it
// (docs/architecture.md).
template <typename T = void>
using Task = boost::asio::awaitable<T>;

using Executor = boost::asio::any_io_executor;

}  // namespace sluice
