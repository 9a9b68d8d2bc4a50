#include "base/async/deadline.hpp"
#include "base/async/task_group.hpp"
#include "base/async/virtual_clock.hpp"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <vector>

using namespace sluice;
using namespace std::chrono_literals;

namespace {

Task<> note_after(Clock& clock, Duration wait, int what, std::vector<int>& notes) {
    co_await clock.sleep_for(wait);
    notes.push_back(what);
}

Task<Result<int>> slow(Clock& clock, Duration wait) {
    co_await clock.sleep_for(wait);
    co_return 7;
}

Task<> keep(Task<Result<int>> task, std::optional<Result<int>>& slot) {
    slot = co_await std::move(task);
}

}  // namespace

TEST_CASE(
    "the virtual clock wakes sleepers in the order of their times and stands still between them") {
    boost::asio::io_context context;
    VirtualClock clock(context, Time{});
    std::vector<int> notes;
    TaskGroup group(context.get_executor());
    group.spawn("late", note_after(clock, 3s, 3, notes));
    group.spawn("early", note_after(clock, 1s, 1, notes));
    group.spawn("middle", note_after(clock, 2s, 2, notes));
    clock.run_for(2s);
    CHECK(notes == std::vector{1, 2});
    CHECK(clock.now() == Time{} + 2s);
    CHECK(clock.next_wake() == Time{} + 3s);
    clock.run_for(10s);
    CHECK(notes == std::vector{1, 2, 3});
    CHECK(clock.now() == Time{} + 12s);
}

TEST_CASE("a deadline ends a wait that is too long and leaves a short one alone") {
    boost::asio::io_context context;
    VirtualClock clock(context, Time{});
    std::optional<Result<int>> quick;
    std::optional<Result<int>> late;
    TaskGroup group(context.get_executor());
    group.spawn("quick", keep(with_deadline<int>(clock, 5s, slow(clock, 1s)), quick));
    group.spawn("late", keep(with_deadline<int>(clock, 5s, slow(clock, 1h)), late));
    clock.run_for(10s);
    REQUIRE(quick);
    REQUIRE(late);
    CHECK(quick->value() == 7);
    CHECK(late->error().message == "timed out after 5s");
    CHECK(clock.next_wake() == std::nullopt);
}
