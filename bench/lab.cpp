// `sluice lab up` as people start it: how long until its API answers, and what it weighs with the
// article's release in it. Prometheus is a process of its own and not counted.
#include "app/real_world.hpp"
#include "base/async/task_group.hpp"
#include "child.hpp"
#include "cli/apply.hpp"
#include "cli/manifests.hpp"
#include "figures.hpp"
#include "net/client.hpp"
#include "timing.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>

#include <algorithm>

namespace sluice::bench {
namespace {

namespace resources = kube::resources;

constexpr int starts = 7;

class LabMeasurement {
   public:
    LabMeasurement(Executor executor, Clock& clock, std::string sluice)
        : clock_(clock), http_(std::move(executor), clock), sluice_(std::move(sluice)) {}

    Task<> take(Figures& figures) {
        std::vector<double> times;
        for (int i = 0; i < starts; ++i) {
            times.push_back(co_await start());
            if (i + 1 < starts) co_await lab_->stop(clock_);
        }
        std::ranges::sort(times);
        figures.push_back(
            at_most(300, "ms", "lab: start to API ready, median of 7", times[starts / 2]));
        co_await play_article();
        figures.push_back(at_most(40,
                                  "MiB",
                                  "lab: memory with the article's release, without Prometheus",
                                  lab_->memory().proportional_mib));
        co_await lab_->stop(clock_);
    }

   private:
    // Milliseconds until the first answer of /readyz.
    Task<double> start() {
        api_ = {.host = "127.0.0.1", .port = lab::free_port("127.0.0.1").value()};
        const auto began = clock_.now();
        lab_ = std::make_unique<Child>(
            sluice_,
            std::vector<std::string>{
                "lab", "up", "--dir", scratch_.path("lab"), "--port", std::to_string(api_.port)},
            scratch_.path("log"));
        co_await until(clock_, milliseconds{1}, "the lab's API answers", [this] {
            return is_ready(http_, api_);
        });
        co_return milliseconds_between(began, clock_.now());
    }

    // Until its Canary is initialized.
    Task<> play_article() {
        kube::Client client(clock_, http_, {.origin = api_});
        const Json test{
            {"metadata",
             {{"name", "test"}, {"labels", {{"istio.io/rev", "cp-v112x.istio-system"}}}}}};
        must(co_await client.create(resources::namespaces, test));
        for (const auto& manifest : cli::podinfo_example())
            must(co_await cli::apply_manifests(client, std::string(manifest.text)));
        co_await until(clock_, milliseconds{100}, "the article's Canary is initialized", [&] {
            return is_initialized(client);
        });
    }

    static Task<bool> is_initialized(kube::Client& client) {
        const auto canary = co_await client.get(resources::canaries, {"test", "podinfo"});
        co_return canary&& text_at(*canary, {"status", "phase"}) == "Initialized";
    }

    Clock& clock_;
    net::SocketClient http_;
    std::string sluice_;
    Scratch scratch_;
    net::Origin api_;
    std::unique_ptr<Child> lab_;
};

}  // namespace

Figures lab(const std::string& sluice) {
    const auto clock = make_real_clock();
    boost::asio::io_context context{1};
    Figures figures;
    LabMeasurement measurement(context.get_executor(), *clock, sluice);
    TaskGroup tasks(context.get_executor());
    tasks.spawn("measuring the lab", measurement.take(figures));
    context.run();
    return figures;
}

}  // namespace sluice::bench
