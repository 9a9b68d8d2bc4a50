// Real processes, as `sluice loadtester` runs them.
#include "app/process_runner.hpp"

#include "app/real_world.hpp"
#include "base/async/task_group.hpp"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>
#include <signal.h>

#include <cstdlib>

using namespace sluice;
using namespace std::chrono_literals;

namespace {

struct Bench {
    boost::asio::io_context context;
    std::unique_ptr<Clock> clock = make_real_clock();
    ProcessRunner runner{*clock};
    TaskGroup tasks{context.get_executor()};

    loadtester::Ended run(std::vector<std::string> words, Duration limit = 30s) {
        loadtester::Ended ended;
        tasks.spawn("run", run_into({.words = std::move(words), .limit = limit}, &ended));
        context.restart();
        context.run();
        return ended;
    }

   private:
    Task<> run_into(loadtester::Command command, loadtester::Ended* ended) {
        *ended = co_await runner.run(std::move(command));
    }
};

}  // namespace

TEST_CASE("a command's output and its end are what a shell would see") {
    Bench bench;
    const auto well = bench.run({"sh", "-c", "echo out; echo err >&2"});
    CHECK(well.well);
    CHECK(well.output == "out\nerr\n");
    const auto failed = bench.run({"bash", "-c", "exit 3"});
    CHECK_FALSE(failed.well);
    CHECK(failed.cause == "exit status 3");
    CHECK(bench.run({"sh", "-c", "kill -TERM $$"}).cause == "signal: terminated");
    CHECK(bench.run({"no-such-program"}).cause ==
          "exec: \"no-such-program\": executable file not found in $PATH");
}

TEST_CASE("at the limit a command dies with all that it has started") {
    Bench bench;
    const auto began = bench.clock->now();
    const auto ended = bench.run({"sh", "-c", "sleep 600 & echo $!; wait"}, 300ms);
    CHECK(ended.cause == "signal: killed");
    CHECK(bench.clock->now() - began < 20s);
    const auto child = std::atoi(ended.output.c_str());
    REQUIRE(child > 1);
    // Whoever adopts it may need a moment to bury it.
    bool gone = false;
    for (int i = 0; i < 200 && !gone; ++i) {
        gone = ::kill(child, 0) != 0 ||
               std::system(
                   ("grep -q '^State:.Z' /proc/" + std::to_string(child) + "/status").c_str()) == 0;
    }
    CHECK(gone);
}

TEST_CASE("of an endless output the beginning is kept") {
    Bench bench;
    const auto ended = bench.run({"sh", "-c", "head -c 3000000 /dev/zero"});
    CHECK(ended.well);
    CHECK(ended.output.size() == loadtester::output_max);
}
