// The controller as the lab shows it (kubernetes.md B.12): Deployment smm-system/flagger, and in
// each of its pods a controller of its own, inside the lab's process.
#pragma once

#include "base/async/clock.hpp"
#include "base/async/random.hpp"
#include "base/async/task.hpp"
#include "base/core/json.hpp"
#include "controller/settings.hpp"
#include "lab/workloads/kubelet.hpp"
#include "net/http.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::notify {
class SentLog;
}

namespace sluice::cli {

inline constexpr std::string_view controller_images = "sluice/controller:*";

// What `kubectl -n smm-system get deployment flagger` shows.
Json controller_deployment();

// Answers /metrics, /healthz and /readyz for whichever of them leads, so that Prometheus has one
// address for them all; 503 while there is none.
class ControllerPods final : public net::Handler {
   public:
    struct World {
        Executor executor;
        Clock& clock;
        Random& random;
        net::HttpClient& api;
        net::HttpClient& http;
        notify::SentLog* sent = nullptr;
    };

    // On the control thread. What the world names outlives this.
    ControllerPods(World world, controller::Settings settings);
    ~ControllerPods() override;

    lab::InProcessApp app();
    // Ends them in order.
    Task<> stop();
    // Each line of their logs, as it is written.
    void on_log(std::function<void(std::string_view line)> callback);

    Task<net::Response> handle(net::Request request) override;

   private:
    struct Pod;
    void start(lab::InProcessStart start);
    Task<> stop_one(lab::ContainerId id);
    static Task<> run(Pod& pod);

    World world_;
    controller::Settings settings_;
    std::function<void(std::string_view)> on_log_;
    std::map<lab::ContainerId, std::shared_ptr<Pod>> pods_;
};

}  // namespace sluice::cli
