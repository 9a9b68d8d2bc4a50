// A thousand Canaries that get a new revision in the same moment, each by the article's plan with
// rounds of ten seconds: what the controller works for that, what it weighs, and how long a step
// waits after the answer that allowed it. Then once more with a hook in one of them that takes ten
// seconds each time, and once more without: how long the others take, with it and without.
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

class PromotionsMeasurement {
   public:
    PromotionsMeasurement(boost::asio::io_context& context,
                          Clock& clock,
                          Random& random,
                          std::string sluice,
                          int canaries)
        : context_(context),
          clock_(clock),
          http_(context.get_executor(), clock),
          fleet_(context, clock, random, {.interval = "10s", .threshold = 3}),
          sluice_(std::move(sluice)),
          canaries_(canaries) {}

    Task<> take(Figures& figures) {
        own_ = {.host = "127.0.0.1", .port = lab::free_port("127.0.0.1").value()};
        // Without a lease, which a machine that is busy with other work could let run out.
        controller_ = fleet_.start_controller(
            sluice_,
            {.own_port = own_.port,
             .flags = {"--drain-delay=1s", "--log-level=info", "--enable-leader-election=false"},
             .log = scratch_.path("log")});
        co_await until(clock_, milliseconds{20}, "the controller is ready", [this] {
            return is_ready(http_, own_);
        });
        co_await fleet_.add(canaries_);
        co_await until(
            clock_, milliseconds{200}, "all are initialized", [this] { return are_initialized(); });
        co_await until_quiet();
        const auto resident = controller_->memory().resident_mib;
        const auto decided = fleet_.bytes_of_decisions();
        const auto which = fmt::format("{} promotions at once", canaries_);
        co_await promote("6.1.0", 1, which, figures);
        // Events come later than what they tell of.
        co_await until_quiet();
        add_writes(which, figures);
        add_memory(resident, decided, which, figures);

        // The statuses are as full in both: what was decided before stands in them.
        fleet_.slow_down(0);
        co_await clock_.sleep_for(seconds{5});
        co_await promote("6.1.1", 2, which + ", one with a hook of 10 s: the others", figures);
        co_await until(clock_, milliseconds{100}, "the slow one is promoted", [this] {
            return is_promoted(2);
        });
        const auto with = fleet_.promotion_ms_of_others();
        fleet_.speed_up(0);
        co_await clock_.sleep_for(seconds{5});
        co_await promote("6.1.2", 3, which + ", again without the hook: the others", figures);
        const auto without = fleet_.promotion_ms_of_others();
        figures.push_back(
            aside("s",
                  which + ": what the hook costs the others, median",
                  (with.at(with.size() / 2) - without.at(without.size() / 2)) / 1000));
        if (fleet_.verdicts.slow_calls == 0)
            throw std::runtime_error("the slow hook was not called");
        co_await controller_->stop(clock_);
        context_.stop();
    }

   private:
    Task<bool> are_initialized() {
        controller_->must_run();
        co_return fleet_.count_in_phase("Initialized") == canaries_;
    }

    Task<bool> is_promoted(int revision) {
        controller_->must_run();
        co_return fleet_.is_promoted(0, revision);
    }

    // All but the first, which may have the hook.
    Task<bool> are_promoted(int revision) {
        controller_->must_run();
        const int first = fleet_.is_promoted(0, revision) ? 1 : 0;
        co_return fleet_.count_promoted(revision) - first >= canaries_ - 1;
    }

    // No write for three seconds.
    Task<> until_quiet() {
        int before = -1;
        while (before != fleet_.counted.writes) {
            before = fleet_.counted.writes;
            co_await clock_.sleep_for(seconds{3});
        }
    }

    void add_writes(const std::string& which, Figures& figures) const {
        for (const auto& [kind, count] : fleet_.counted.writes_by_kind) {
            figures.push_back(aside("",
                                    fmt::format("{}, API writes of one: {}", which, kind),
                                    static_cast<double>(count) / canaries_));
        }
    }

    void add_memory(double resident,
                    std::size_t decided,
                    const std::string& which,
                    Figures& figures) const {
        const auto now = controller_->memory().resident_mib;
        const auto bytes = fleet_.bytes_of_decisions();
        figures.push_back(aside("MiB", which + ", memory before", resident));
        figures.push_back(aside(
            "B", which + ", decisions of one before", static_cast<double>(decided) / canaries_));
        figures.push_back(aside("MiB", which + ", memory after", now));
        figures.push_back(
            aside("B", which + ", decisions of one after", static_cast<double>(bytes) / canaries_));
    }

    Task<> promote(std::string tag, int revision, std::string which, Figures& figures) {
        fleet_.to_step_ms.clear();
        fleet_.counted.writes_by_kind.clear();
        const auto cpu = controller_->cpu_seconds();
        const auto writes = fleet_.counted.writes;
        const auto began = clock_.now();
        for (int i = 0; i < canaries_; ++i) fleet_.set_image(i, tag);
        co_await until(clock_, milliseconds{100}, "all are promoted", [this, revision] {
            return are_promoted(revision);
        });
        const auto passed = milliseconds_between(began, clock_.now()) / 1000;
        const auto each = fleet_.promotion_ms_of_others();
        figures.push_back(aside("s", which + ", until they are promoted", passed));
        figures.push_back(
            aside("s", which + ", median of a promotion", each.at(each.size() / 2) / 1000));
        figures.push_back(
            aside("s", which + ", p99 of a promotion", each.at(each.size() * 99 / 100) / 1000));
        figures.push_back(aside("s", which + ", CPU", controller_->cpu_seconds() - cpu));
        figures.push_back(aside("MiB", which + ", peak memory", controller_->memory().peak_mib));
        figures.push_back(aside("", which + ", API writes", fleet_.counted.writes - writes));
        auto& times = fleet_.to_step_ms;
        std::ranges::sort(times);
        figures.push_back(aside(
            "ms", which + ", good answer -> next weight, median", times.at(times.size() / 2)));
        figures.push_back(aside(
            "ms", which + ", good answer -> next weight, p99", times.at(times.size() * 99 / 100)));
    }

    boost::asio::io_context& context_;
    Clock& clock_;
    net::SocketClient http_;
    Fleet fleet_;
    std::string sluice_;
    int canaries_;
    Scratch scratch_;
    net::Origin own_;
    std::unique_ptr<Child> controller_;
};

}  // namespace

Figures promotions(const std::string& sluice, int canaries) {
    const auto clock = make_real_clock();
    const auto random = make_real_random();
    boost::asio::io_context context{1};
    Figures figures;
    PromotionsMeasurement measurement(context, *clock, *random, sluice, canaries);
    TaskGroup tasks(context.get_executor());
    tasks.spawn("measuring promotions", measurement.take(figures));
    context.run();
    return figures;
}

}  // namespace sluice::bench
