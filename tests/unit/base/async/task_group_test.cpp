#include "base/async/task_group.hpp"

#include "base/async/virtual_clock.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

using namespace sluice;
using namespace std::chrono_literals;
using boost::asio::experimental::awaitable_operators::operator||;

namespace {

Task<> sleep_long(Clock& clock, bool& woke) {
    co_await clock.sleep_for(1h);
    woke = true;
}

Task<> sleep_with_deadline(Clock& clock, bool& woke) {
    co_await (sleep_long(clock, woke) || clock.sleep_for(2h));
}

Task<> sleep_and_own(Clock& clock, std::shared_ptr<TaskGroup> own) {
    co_await clock.sleep_for(1s);
    own.reset();
}

Task<> wait_for(TaskGroup& group, bool& ended) {
    co_await group.wait();
    ended = true;
}

}  // namespace

TEST_CASE("cancelling a group ends its tasks, and waiting returns when they have ended") {
    boost::asio::io_context context;
    VirtualClock clock(context, Time{});
    bool woke = false;
    bool ended = false;
    TaskGroup group(context.get_executor());
    TaskGroup outside(context.get_executor());
    group.spawn("a", sleep_long(clock, woke));
    group.spawn("b", sleep_long(clock, woke));
    outside.spawn("wait", wait_for(group, ended));
    clock.settle();
    CHECK(group.size() == 2);
    CHECK_FALSE(ended);
    group.cancel();
    clock.settle();
    CHECK(group.size() == 0);
    CHECK(ended);
    CHECK_FALSE(woke);
}

TEST_CASE("a group may go before its tasks have ended") {
    boost::asio::io_context context;
    VirtualClock clock(context, Time{});
    bool woke = false;
    {
        TaskGroup group(context.get_executor());
        group.spawn("a", sleep_long(clock, woke));
        clock.settle();
    }
    clock.settle();
    CHECK(clock.next_wake() == std::nullopt);
    CHECK_FALSE(woke);
}

TEST_CASE("a task that waits for the first of two things can be cancelled") {
    boost::asio::io_context context;
    VirtualClock clock(context, Time{});
    bool woke = false;
    TaskGroup group(context.get_executor());
    group.spawn("a", sleep_with_deadline(clock, woke));
    clock.settle();
    group.cancel();
    clock.settle();
    CHECK(group.size() == 0);
    CHECK_FALSE(woke);
}

TEST_CASE("a group may go with its last task while that runs") {
    boost::asio::io_context context;
    VirtualClock clock(context, Time{});
    auto group = std::make_shared<TaskGroup>(context.get_executor());
    const std::weak_ptr<TaskGroup> seen = group;
    auto* spawner = group.get();
    spawner->spawn("own", sleep_and_own(clock, std::move(group)));
    clock.run_for(2s);
    CHECK(seen.expired());
}

TEST_CASE("a task that is cancelled before it has begun never begins") {
    boost::asio::io_context context;
    VirtualClock clock(context, Time{});
    bool woke = false;
    TaskGroup group(context.get_executor());
    group.spawn("a", sleep_long(clock, woke));
    group.cancel();
    clock.settle();
    CHECK(group.size() == 0);
    CHECK(clock.next_wake() == std::nullopt);
}
