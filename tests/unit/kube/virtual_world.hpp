// What both worlds of these tests are made of: virtual time, a log that is kept, and tasks that are
// run to their end.
#pragma once

#include "base/async/log.hpp"
#include "base/async/random.hpp"
#include "base/async/task_group.hpp"
#include "base/async/virtual_clock.hpp"
#include "base/core/result.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

namespace sluice::kube::test {

using namespace std::chrono_literals;

struct VirtualWorld {
    // Whoever adds something that tasks use ends them before it goes.
    void end_tasks() {
        tasks.cancel();
        clock.settle();
    }

    // Runs the task to its end, in at most `limit` of virtual time.
    template <typename T>
    Result<T> run(Task<Result<T>> task, Duration limit = 1h) {
        std::optional<Result<T>> slot;
        tasks.spawn("test", keep(std::move(task), slot));
        const auto end = clock.now() + limit;
        clock.settle();
        while (!slot && clock.now() < end) {
            const auto wake = clock.next_wake();
            clock.run_until(wake && *wake < end ? *wake : end);
        }
        REQUIRE(slot);
        return *std::move(slot);
    }

    template <typename T>
    static Task<> keep(Task<Result<T>> task, std::optional<Result<T>>& slot) {
        slot = co_await std::move(task);
    }

    boost::asio::io_context context;
    VirtualClock clock{context, *parse_rfc3339("2026-01-01T00:00:00Z")};
    SeededRandom random{1};
    std::vector<std::string> log_lines;
    Logger log{clock,
               {.format = LogFormat::text, .level = LogLevel::info},
               [this](std::string_view line) { log_lines.emplace_back(line); }};
    TaskGroup tasks{context.get_executor()};
};

}  // namespace sluice::kube::test
