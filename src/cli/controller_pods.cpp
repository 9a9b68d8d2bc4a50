#include "cli/controller_pods.hpp"

#include "base/async/log.hpp"
#include "base/async/task_group.hpp"
#include "controller/process.hpp"
#include "net/server.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <vector>

namespace sluice::cli {
namespace {

using namespace std::chrono_literals;

// As in the peer's chart.
constexpr std::uint16_t http_port = 8080;
constexpr Duration http_grace = 200ms;

}  // namespace

// One life of the container in one pod.
struct ControllerPods::Pod {
    Pod(const World& world,
        controller::Settings settings,
        lab::InProcessStart told,
        const ControllerPods& all)
        : start(std::move(told)),
          log(world.clock,
              Logger::Options{},
              [this, &all](std::string_view line) {
                  start.log(line);
                  if (all.on_log_) all.on_log_(line);
              }),
          process({.executor = world.executor,
                   .clock = world.clock,
                   .random = world.random,
                   .api = world.api,
                   .http = world.http,
                   .log = log,
                   .sent = world.sent},
                  kube::Connection{.user_agent = "sluice"},
                  std::move(settings)),
          server(world.executor, world.clock, process.http()),
          running(world.executor) {}

    lab::InProcessStart start;
    Logger log;
    controller::Process process;
    net::HttpServer server;
    TaskGroup running;
    bool stopping = false;
};

Json controller_deployment() {
    const JsonObject labels{{"app.kubernetes.io/name", "flagger"}};
    const Json container{
        {"name", "flagger"},
        {"image", "sluice/controller:" SLUICE_VERSION},
        {"ports", JsonArray{JsonObject{{"name", "http"}, {"containerPort", http_port}}}}};
    return JsonObject{
        {"apiVersion", "apps/v1"},
        {"kind", "Deployment"},
        {"metadata",
         JsonObject{{"name", "flagger"}, {"namespace", "smm-system"}, {"labels", labels}}},
        {"spec",
         JsonObject{{"replicas", 1},
                    {"strategy", JsonObject{{"type", "Recreate"}}},
                    {"selector", JsonObject{{"matchLabels", labels}}},
                    {"template",
                     JsonObject{{"metadata", JsonObject{{"labels", labels}}},
                                {"spec", JsonObject{{"containers", JsonArray{container}}}}}}}}};
}

ControllerPods::ControllerPods(World world, controller::Settings settings)
    : world_(std::move(world)), settings_(std::move(settings)) {}

ControllerPods::~ControllerPods() = default;

lab::InProcessApp ControllerPods::app() {
    return {.started = [this](lab::InProcessStart told) { start(std::move(told)); },
            .stopped = [this](lab::ContainerId id) { return stop_one(std::move(id)); }};
}

void ControllerPods::start(lab::InProcessStart told) {
    auto settings = settings_;
    settings.host = told.pod.name;
    const auto id = told.id;
    const auto ip = told.ip;
    auto pod = std::make_shared<Pod>(world_, std::move(settings), std::move(told), *this);
    if (const auto listening = pod->server.listen(ip, http_port); !listening)
        pod->log.warn(listening.error().message);
    pods_[id] = pod;
    pod->running.spawn("controller", run(*pod));
}

// The group that runs this belongs to the pod.
Task<> ControllerPods::run(Pod& pod) {
    const auto ended = co_await pod.process.run();
    if (!ended) pod.log.error(ended.error().message);
    // One that was stopped is not to be started again.
    if (!pod.stopping) pod.start.exited(ended ? 0 : 1);
}

// A new pod may have begun meanwhile: the Lease keeps it waiting.
Task<> ControllerPods::stop_one(lab::ContainerId id) {
    const auto found = pods_.find(id);
    if (found == pods_.end()) co_return;
    const auto pod = found->second;
    pod->stopping = true;
    pod->process.stop();
    co_await pod->running.wait();
    co_await pod->server.stop(http_grace);
    pods_.erase(id);
}

Task<> ControllerPods::stop() {
    std::vector<lab::ContainerId> all;
    all.reserve(pods_.size());
    for (const auto& [id, pod] : pods_) all.push_back(id);
    for (const auto& id : all) co_await stop_one(id);
}

void ControllerPods::on_log(std::function<void(std::string_view line)> callback) {
    on_log_ = std::move(callback);
}

Task<net::Response> ControllerPods::handle(net::Request request) {
    std::shared_ptr<Pod> chosen;
    for (const auto& [id, pod] : pods_) {
        if (!chosen || pod->process.leads()) chosen = pod;
    }
    if (!chosen) {
        net::Response response;
        response.status = 503;
        response.body = "the lab runs no controller now\n";
        co_return response;
    }
    co_return co_await chosen->process.http().handle(std::move(request));
}

}  // namespace sluice::cli
