#include "notify/outbox.hpp"

#include "base/async/virtual_clock.hpp"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <vector>

using namespace sluice;
using namespace sluice::notify;
using namespace std::chrono_literals;

namespace {

struct Bench {
    boost::asio::io_context context;
    VirtualClock clock{context, Time{}};
    std::vector<std::string> told;
    std::size_t under_way = 0;
    std::size_t most_at_once = 0;

    Task<> tell(std::string what, Duration takes) {
        most_at_once = std::max(most_at_once, ++under_way);
        co_await clock.sleep_for(takes);
        --under_way;
        told.push_back(std::move(what));
    }
};

using Told = std::vector<std::string>;

}  // namespace

TEST_CASE("a line is told in its order, and does not wait for another") {
    Bench bench;
    Outbox outbox(bench.context.get_executor());
    outbox.post("slow", bench.tell("a", 10s));
    outbox.post("slow", bench.tell("b", 1s));
    outbox.post("quick", bench.tell("c", 1s));
    outbox.post("quick", bench.tell("d", 1s));
    CHECK(outbox.pending() == 4);
    bench.clock.run_for(1min);
    CHECK(bench.told == Told{"c", "d", "a", "b"});
    CHECK(outbox.pending() == 0);
}

TEST_CASE("past its bound a line drops the oldest that waits, and says so") {
    Bench bench;
    Outbox outbox(bench.context.get_executor(), {.line_max = 2});
    std::vector<std::string> dropped;
    outbox.on_dropped([&](const std::string& line) { dropped.push_back(line); });
    for (const auto* what : {"a", "b", "c", "d"}) outbox.post("line", bench.tell(what, 1s));
    bench.clock.run_for(1min);
    CHECK(bench.told == Told{"a", "c", "d"});
    CHECK(dropped == Told{"line"});
    CHECK(outbox.dropped() == 1);
}

TEST_CASE("only so many deliveries hold a socket at once, and every line has its turn") {
    Bench bench;
    Outbox outbox(bench.context.get_executor(), {.at_once_max = 2});
    for (const auto* what : {"a1", "a2", "a3"}) outbox.post("a", bench.tell(what, 1s));
    for (const auto* what : {"b1", "b2"}) outbox.post("b", bench.tell(what, 1s));
    outbox.post("c", bench.tell("c1", 1s));
    bench.clock.run_for(1min);
    CHECK(bench.most_at_once == 2);
    CHECK(bench.told == Told{"a1", "b1", "c1", "a2", "b2", "a3"});
}

TEST_CASE("an end in order leaves nothing under way") {
    Bench bench;
    Outbox outbox(bench.context.get_executor());
    outbox.post("a", bench.tell("a1", 1h));
    outbox.post("a", bench.tell("a2", 1h));
    bench.clock.settle();
    outbox.cancel();
    TaskGroup tasks(bench.context.get_executor());
    tasks.spawn("wait", outbox.wait());
    bench.clock.run_for(1s);
    CHECK(tasks.size() == 0);
    CHECK(bench.told.empty());
}
