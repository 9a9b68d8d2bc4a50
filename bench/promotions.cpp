// A thousand Canaries that get a new revision in the same moment, each by the article's plan with
// rounds of ten seconds: what the controller works for that, what it weighs, and how long a step
// waits after the answer that allowed it. Then once more, with a hook in one of them that takes ten
// seconds each time: what the others have to wait for it.
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
        controller_ = fleet_.start_controller(
            sluice_, own_.port, {"--drain-delay=1s", "--log-level=info"}, scratch_.path("log"));
        co_await until(clock_, milliseconds{20}, "the controller is ready", [this] {
            return is_ready(http_, own_);
        });
        co_await fleet_.add(canaries_);
        co_await until(
            clock_, milliseconds{200}, "all are initialized", [this] { return are_initialized(); });
        const auto which = fmt::format("{} promotions at once", canaries_);
        const auto alone = co_await promote("6.1.0", 1, canaries_, which, figures);

        fleet_.slow_down(0);
        co_await clock_.sleep_for(seconds{5});
        const auto others = co_await promote(
            "6.1.1", 2, canaries_ - 1, which + ", one with a hook of 10 s: the others", figures);
        figures.push_back(aside("s", which + ": what the hook costs the others", others - alone));
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

    // But for the one with the hook where not all are wanted.
    Task<bool> are_promoted(int wanted, int revision) {
        controller_->must_run();
        const int slow = wanted < canaries_ && fleet_.is_promoted(0, revision) ? 1 : 0;
        co_return fleet_.count_promoted(revision) - slow >= wanted;
    }

    // Until so many of them are promoted; in seconds.
    Task<double> promote(
        std::string tag, int revision, int wanted, std::string which, Figures& figures) {
        fleet_.to_step_ms.clear();
        const auto cpu = controller_->cpu_seconds();
        const auto writes = fleet_.counted.writes;
        const auto began = clock_.now();
        for (int i = 0; i < canaries_; ++i) fleet_.set_image(i, tag);
        co_await until(clock_, milliseconds{100}, "all are promoted", [this, wanted, revision] {
            return are_promoted(wanted, revision);
        });
        const auto passed = milliseconds_between(began, clock_.now()) / 1000;
        figures.push_back(aside("s", which + ", until they are promoted", passed));
        figures.push_back(aside("s", which + ", CPU", controller_->cpu_seconds() - cpu));
        figures.push_back(aside("MiB", which + ", peak memory", controller_->memory().peak_mib));
        figures.push_back(aside("", which + ", API writes", fleet_.counted.writes - writes));
        auto& times = fleet_.to_step_ms;
        std::ranges::sort(times);
        figures.push_back(aside(
            "ms", which + ", good answer -> next weight, median", times.at(times.size() / 2)));
        figures.push_back(aside(
            "ms", which + ", good answer -> next weight, p99", times.at(times.size() * 99 / 100)));
        co_return passed;
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
