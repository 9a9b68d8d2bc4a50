// `sluice controller` as a process of its own beside a cluster with many Canaries (fleet.hpp): what
// it weighs, what it does while nothing happens, and how long it takes from the answer that decides
// to a canary without traffic.
#include "app/real_world.hpp"
#include "base/async/task_group.hpp"
#include "child.hpp"
#include "figures.hpp"
#include "fleet.hpp"
#include "net/client.hpp"
#include "timing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace sluice::bench {
namespace {

constexpr Duration idle_time = seconds{20};
constexpr int rollbacks = 200;

class ControllerMeasurement {
   public:
    ControllerMeasurement(boost::asio::io_context& context,
                          Clock& clock,
                          Random& random,
                          std::string sluice)
        : clock_(clock),
          http_(context.get_executor(), clock),
          fleet_(context, clock, random),
          sluice_(std::move(sluice)) {}

    Task<> take(int canaries, Figures& figures) {
        start();
        co_await until(clock_, milliseconds{20}, "the controller is ready", [this] {
            return is_ready(http_, own_);
        });
        co_await clock_.sleep_for(seconds{3});
        add_memory(figures, 15, "idle");

        const auto began = clock_.now();
        co_await fleet_.add(canaries);
        co_await until(clock_, milliseconds{200}, "all are initialized", [this, canaries] {
            return are_all(canaries, "Initialized");
        });
        figures.push_back(aside("s",
                                fmt::format("controller: setting up {} canaries", canaries),
                                milliseconds_between(began, clock_.now()) / 1000));
        co_await until_quiet();
        add_memory(figures, canaries > 1000 ? 256 : 64, fmt::format("{} canaries", canaries));
        co_await stay_idle(canaries, figures);
        co_await roll_back(figures);
        co_await controller_->stop(clock_);
        // Nothing more is to be served.
        stop_();
    }
    void at_end(std::function<void()> stop) { stop_ = std::move(stop); }

   private:
    void start() {
        own_ = {.host = "127.0.0.1", .port = lab::free_port("127.0.0.1").value()};
        controller_ = fleet_.start_controller(sluice_,
                                              {.own_port = own_.port,
                                               .flags = {"--min-interval=1s", "--drain-delay=1s"},
                                               .log = scratch_.path("log")});
    }

    Task<bool> are_all(int canaries, std::string_view phase) {
        controller_->must_run();
        co_return fleet_.count_in_phase(phase) == canaries;
    }

    // No write for three seconds.
    Task<> until_quiet() {
        int before = -1;
        while (before != fleet_.counted.writes) {
            before = fleet_.counted.writes;
            co_await clock_.sleep_for(seconds{3});
        }
    }

    void add_memory(Figures& figures, double budget, const std::string& when) {
        const auto memory = controller_->memory();
        figures.push_back(
            at_most(budget, "MiB", "controller: memory, " + when, memory.resident_mib));
        figures.push_back(aside("MiB",
                                "controller: the same without shared libraries' pages",
                                memory.proportional_mib));
    }

    Task<> stay_idle(int canaries, Figures& figures) {
        const auto writes = fleet_.counted.writes;
        const auto reads = fleet_.counted.reads;
        const auto cpu = controller_->cpu_seconds();
        const auto began = clock_.now();
        co_await clock_.sleep_for(idle_time);
        const auto passed = milliseconds_between(began, clock_.now()) / 1000;
        const auto which = fmt::format("controller: {} idle canaries, ", canaries);
        figures.push_back(
            at_most(0.02, "core", which + "CPU", (controller_->cpu_seconds() - cpu) / passed));
        figures.push_back(at_most(0, "", which + "API writes", fleet_.counted.writes - writes));
        figures.push_back(at_most(0, "", which + "API reads", fleet_.counted.reads - reads));
    }

    // Seven new revisions a second; each gets its first traffic and then its first bad answer.
    Task<> roll_back(Figures& figures) {
        fleet_.verdicts.fails = true;
        for (int i = 0; i < rollbacks; ++i) {
            fleet_.set_image(i, "6.1.0");
            co_await clock_.sleep_for(milliseconds{150});
        }
        co_await until(clock_, milliseconds{200}, "all are rolled back", [this] {
            return are_all(rollbacks, "Failed");
        });
        auto& times = fleet_.to_zero_ms;
        std::ranges::sort(times);
        figures.push_back(aside("ms",
                                "controller: bad answer given -> weight 0 written, median",
                                times.at(times.size() / 2)));
        figures.push_back(at_most(200,
                                  "ms",
                                  "controller: bad answer given -> weight 0 written, p99",
                                  times.at(times.size() * 99 / 100)));
    }

    Clock& clock_;
    net::SocketClient http_;
    Fleet fleet_;
    std::string sluice_;
    Scratch scratch_;
    net::Origin own_;
    std::unique_ptr<Child> controller_;
    std::function<void()> stop_;
};

}  // namespace

Figures controller(const std::string& sluice, int canaries) {
    const auto clock = make_real_clock();
    const auto random = make_real_random();
    boost::asio::io_context context{1};
    Figures figures;
    ControllerMeasurement measurement(context, *clock, *random, sluice);
    measurement.at_end([&] { context.stop(); });
    TaskGroup tasks(context.get_executor());
    tasks.spawn("measuring the controller", measurement.take(canaries, figures));
    context.run();
    return figures;
}

}  // namespace sluice::bench
