#include "cli/running_lab.hpp"

#include "base/async/log.hpp"
#include "cli/controller_pods.hpp"
#include "cli/dashboard_command.hpp"
#include "cli/gateway_url.hpp"
#include "cli/lab_files.hpp"
#include "cli/lab_knobs.hpp"
#include "cli/manifests.hpp"
#include "controller/settings.hpp"
#include "embedded/canary_kinds.hpp"
#include "lab/apiserver/api_server.hpp"
#include "lab/mesh/install.hpp"
#include "lab/mesh/mesh.hpp"
#include "lab/mesh/tap.hpp"
#include "lab/prometheus/prometheus_child.hpp"
#include "lab/prometheus/scrape_targets.hpp"
#include "lab/workloads/container_logs.hpp"
#include "lab/workloads/event_expiry.hpp"
#include "lab/workloads/image_map.hpp"
#include "lab/workloads/kubelet.hpp"
#include "lab/workloads/load_tester_app.hpp"
#include "lab/workloads/socket_runtime.hpp"
#include "lab/workloads/workload_controllers.hpp"
#include "net/client.hpp"
#include "net/in_process.hpp"
#include "net/server.hpp"
#include "net/via_proxy.hpp"
#include "notify/sent.hpp"
#include "web/dashboard.hpp"
#include "web/tap.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include <thread>

namespace sluice::cli {
namespace {

using namespace std::chrono_literals;
namespace resources = kube::resources;

// The article's address of Prometheus (mesh-and-dashboard.md MET-10).
constexpr std::string_view metrics_server =
    "http://smm-prometheus.smm-system.svc.cluster.local:59090/prometheus";

// The proxy and the apps, on a thread of their own.
class TrafficThread {
   public:
    TrafficThread() : guard_(context_.get_executor()), thread_([this] { context_.run(); }) {}
    TrafficThread(const TrafficThread&) = delete;
    TrafficThread& operator=(const TrafficThread&) = delete;
    ~TrafficThread() {
        guard_.reset();
        context_.stop();
        thread_.join();
    }
    Executor executor() { return context_.get_executor(); }

   private:
    boost::asio::io_context context_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
    std::thread thread_;
};

// What the proxy sees, for the dashboard.
class LabTap final : public web::TapSource {
   public:
    std::shared_ptr<mesh::Tap> tap = std::make_shared<mesh::Tap>();

    void set_on(bool on) override { tap->set_on(on); }
    Taken take() override {
        auto taken = tap->take();
        Taken all{.rows = {}, .dropped = taken.dropped};
        all.rows.reserve(taken.entries.size());
        for (auto& entry : taken.entries) {
            all.rows.push_back({.came = entry.came,
                                .source = std::move(entry.source),
                                .destination = std::move(entry.destination),
                                .source_ns = std::move(entry.source_ns),
                                .destination_ns = std::move(entry.destination_ns),
                                .pod = std::move(entry.pod),
                                .service = std::move(entry.service),
                                .method = std::move(entry.method),
                                .authority = std::move(entry.authority),
                                .path = std::move(entry.path),
                                .code = entry.code,
                                .flags = std::move(entry.flags),
                                .milliseconds = entry.milliseconds,
                                .upstream_milliseconds = entry.upstream_milliseconds,
                                .tries = entry.tries,
                                .route = std::move(entry.route),
                                .request_bytes = entry.request_bytes,
                                .response_bytes = entry.response_bytes,
                                .headers = std::move(entry.headers)});
        }
        return all;
    }
};

// Each must be accepted.
Result<void> create_canary_kinds(lab::Cluster& cluster) {
    for (const auto& file : embedded::canary_kinds()) {
        const auto documents = parse_json(file.text);
        if (!documents) return documents.error();
        for (const auto& document : documents->as_array()) {
            const auto made = cluster.create(resources::custom_resource_definitions, document);
            if (!made) return Error{ErrorKind::invalid, made.error().message};
        }
    }
    return {};
}

}  // namespace

// From the ground up, so that it is taken down from the top.
struct RunningLab::State {
    State(boost::asio::io_context& control_context,
          Clock& the_clock,
          Random& the_random,
          LabOptions the_options,
          LabDir the_dir,
          AddressBlock the_block)
        : control(control_context),
          clock(the_clock),
          random(the_random),
          options(std::move(the_options)),
          dir(std::move(the_dir)),
          block(std::move(the_block)),
          cluster(clock, random),
          events(control.get_executor(), cluster),
          logs(control.get_executor(), cluster),
          api(control.get_executor(), cluster, &logs),
          api_sockets(control.get_executor(), clock, api),
          api_calls(clock, api),
          sockets(control.get_executor(), clock),
          client(clock, api_calls, kube::Connection{.user_agent = "sluice-lab"}) {}

    boost::asio::io_context& control;
    Clock& clock;
    Random& random;
    LabOptions options;
    LabDir dir;
    AddressBlock block;
    TrafficThread traffic;

    lab::Cluster cluster;
    lab::EventExpiry events;
    lab::ContainerLogs logs;
    lab::ApiServer api;
    net::HttpServer api_sockets;
    net::InProcessClient api_calls;
    net::SocketClient sockets;
    kube::Client client;
    std::uint16_t api_port = 0;

    std::unique_ptr<lab::SocketRuntime> pods;
    std::unique_ptr<lab::WorkloadControllers> workloads;
    std::unique_ptr<lab::Kubelet> kubelet;
    LabTap tap;
    std::unique_ptr<mesh::Mesh> mesh;
    std::unique_ptr<net::ViaProxyClient> names;
    // Set before the first pod starts, and not changed after it: read on the traffic thread.
    std::optional<net::Origin> way_into_the_mesh;
    std::unique_ptr<Logger> own_log;
    std::unique_ptr<lab::PrometheusChild> prometheus;
    std::unique_ptr<lab::ScrapeTargets> scrape_targets;

    notify::SentLog sent{clock};  // by whichever of the controllers leads
    std::unique_ptr<ControllerPods> controllers;
    std::unique_ptr<net::HttpServer> controller_sockets;

    std::unique_ptr<LabKnobs> knobs;
    std::unique_ptr<web::Dashboard> dashboard;
    std::unique_ptr<net::HttpServer> dashboard_sockets;
    std::uint16_t dashboard_port = 0;

    Result<void> prepare();
    Task<Result<void>> start();
    void start_workloads();
    Task<Result<void>> start_mesh();
    void start_pods();
    Task<Result<void>> start_prometheus();
    Result<void> start_dashboard();
    Task<> stop();
    lab::AppRegistry apps();
    controller::Settings controller_settings() const;
};

Result<void> RunningLab::State::prepare() {
    cluster.deliver_by(
        [this](std::function<void()> work) { boost::asio::post(control, std::move(work)); });
    const auto installed = mesh::install_mesh(cluster, {.control_plane = options.control_plane});
    if (!installed) return installed.error();
    const auto made = create_canary_kinds(cluster);
    if (!made) return made.error().with("installing the Canary's CRDs");
    return {};
}

Task<Result<void>> RunningLab::State::start() {
    const auto prepared = prepare();
    if (!prepared) co_return prepared.error();

    const auto port = api_sockets.listen("127.0.0.1", options.port);
    if (!port) co_return port.error();
    api_port = *port;

    start_workloads();
    const auto meshed = co_await start_mesh();
    if (!meshed) co_return meshed.error();
    // Pods begin when there is a mesh for them.
    start_pods();

    const auto written = write_kubeconfig(dir.kubeconfig(),
                                          {.server = fmt::format("http://127.0.0.1:{}", api_port),
                                           .proxy = to_string(mesh->proxy())});
    if (!written) co_return written.error();

    const auto measured = co_await start_prometheus();
    if (!measured) co_return measured.error();

    const auto shown = start_dashboard();
    if (!shown) co_return shown.error();

    if (options.controller) {
        const auto made = cluster.create(resources::deployments, controller_deployment());
        if (!made) co_return Error{ErrorKind::invalid, made.error().message};
    }
    co_return Result<void>{};
}

void RunningLab::State::start_workloads() {
    pods = std::make_unique<lab::SocketRuntime>(control.get_executor(),
                                                traffic.executor(),
                                                clock,
                                                sockets,
                                                apps(),
                                                lab::SocketRuntimeOptions{.block = block.number()});
    workloads = std::make_unique<lab::WorkloadControllers>(
        control.get_executor(),
        cluster,
        lab::WorkloadOptions{.block = block.number(), .api_port = api_port});
    workloads->start();
    events.start();
}

Task<Result<void>> RunningLab::State::start_mesh() {
    mesh = std::make_unique<mesh::Mesh>(
        control.get_executor(),
        traffic.executor(),
        cluster,
        clock,
        mesh::MeshOptions{
            .block = block.number(),
            .split = options.split == "random" ? mesh::Split::random : mesh::Split::deck,
            .shadow_host = options.mirror_host == "shadow",
            .seed = random.next(),
            .version = SLUICE_VERSION,
            .tap = tap.tap});
    const auto meshed = co_await mesh->start();
    if (!meshed) co_return meshed.error();
    names = std::make_unique<net::ViaProxyClient>(sockets, mesh->proxy());
    way_into_the_mesh = mesh->proxy();
    co_return Result<void>{};
}

void RunningLab::State::start_pods() {
    lab::ImageMap images;
    for (const auto& [glob, app] : options.images) images.put(glob, app);
    kubelet = std::make_unique<lab::Kubelet>(
        control.get_executor(),
        cluster,
        *pods,
        logs,
        std::move(images),
        lab::KubeletOptions{.environment = mesh::egress_environment});
    controllers = std::make_unique<ControllerPods>(
        ControllerPods::World{control.get_executor(), clock, random, api_calls, *names, &sent},
        controller_settings());
    kubelet->run_in_process(std::string(controller_images), controllers->app());
    kubelet->start();
}

Task<Result<void>> RunningLab::State::start_prometheus() {
    own_log = std::make_unique<Logger>(
        clock,
        Logger::Options{.format = LogFormat::text, .level = LogLevel::warn},
        [](std::string_view line) { fmt::print(stderr, "{}\n", line); });
    lab::PrometheusOptions scraped{.dir = (dir.run() / "prometheus").string(),
                                   .mesh = mesh->metrics()};
    if (options.controller) {
        controller_sockets =
            std::make_unique<net::HttpServer>(control.get_executor(), clock, *controllers);
        const auto listening = controller_sockets->listen("127.0.0.1", 0);
        if (!listening) co_return listening.error();
        scraped.sluice = net::Origin{.host = "127.0.0.1", .port = *listening};
    }
    prometheus = std::make_unique<lab::PrometheusChild>(
        control.get_executor(), clock, sockets, *own_log, std::move(scraped));
    const auto measured = co_await prometheus->start();
    if (!measured) co_return measured.error();
    scrape_targets = std::make_unique<lab::ScrapeTargets>(
        control.get_executor(), cluster, (dir.run() / "prometheus" / "apps.json").string());
    co_return lab::publish_prometheus(cluster, prometheus->origin());
}

Result<void> RunningLab::State::start_dashboard() {
    if (!options.dashboard) return {};
    web::Settings settings;
    settings.lab = true;
    settings.metrics_server = to_string(prometheus->origin()) + "/prometheus";
    settings.scrape_interval = 1s;
    settings.min_interval = options.min_interval;
    settings.controller = "sluice lab";
    knobs = std::make_unique<LabKnobs>(
        LabKnobs::World{cluster, *kubelet, *mesh, *prometheus},
        LabKnobs::Way{.split = options.split == "random" ? "random" : "deck",
                      .mirror_host = options.mirror_host == "shadow" ? "shadow" : "plain"});
    dashboard =
        std::make_unique<web::Dashboard>(web::Outside{.executor = control.get_executor(),
                                                      .clock = clock,
                                                      .random = random,
                                                      .api = api_calls,
                                                      .http = sockets,
                                                      .log = *own_log,
                                                      .tap = &tap,
                                                      .lab = knobs.get(),
                                                      .sent = options.controller ? &sent : nullptr},
                                         kube::Connection{.user_agent = "sluice-dashboard"},
                                         std::move(settings));
    dashboard_sockets = std::make_unique<net::HttpServer>(
        control.get_executor(), clock, *dashboard, dashboard_options);
    const auto port = dashboard_sockets->listen("127.0.0.1", options.ui_port);
    if (!port) return port.error().with("starting the dashboard");
    dashboard_port = *port;
    return {};
}

lab::AppRegistry RunningLab::State::apps() {
    auto registry = lab::built_in_apps();
    registry.put(std::string(lab::apps::load_tester),
                 lab::load_tester_maker(traffic.executor(), [this] { return way_into_the_mesh; }));
    return registry;
}

controller::Settings RunningLab::State::controller_settings() const {
    controller::Settings settings;
    settings.metrics_server = metrics_server;
    settings.min_interval = options.min_interval;
    settings.drain_delay = options.drain_delay;
    settings.leader_election_ns = "smm-system";
    // The Deployment by which it shows is what it would take for the peer.
    settings.ignore_running_peers = true;
    return settings;
}

Task<> RunningLab::State::stop() {
    if (dashboard) co_await dashboard->stop();
    if (dashboard_sockets) co_await dashboard_sockets->stop(200ms);
    if (controllers) co_await controllers->stop();
    if (kubelet) co_await kubelet->stop();
    if (controller_sockets) co_await controller_sockets->stop(200ms);
    if (mesh) co_await mesh->stop();
    if (prometheus) co_await prometheus->stop();
    api.end_streams();
    co_await api_sockets.stop(200ms);
}

Task<Result<std::unique_ptr<RunningLab>>> RunningLab::start(boost::asio::io_context& control,
                                                            Clock& clock,
                                                            Random& random,
                                                            LabOptions options) {
    auto dir = options.dir.empty() ? LabDir::open_passing() : LabDir::open(options.dir);
    if (!dir) co_return dir.error();
    auto block = AddressBlock::take();
    if (!block) co_return block.error();
    auto state = std::make_unique<State>(
        control, clock, random, std::move(options), std::move(*dir), std::move(*block));
    const auto started = co_await state->start();
    if (!started) {
        co_await state->stop();
        co_return started.error();
    }
    co_return std::unique_ptr<RunningLab>(new RunningLab(std::move(state)));
}

RunningLab::RunningLab(std::unique_ptr<State> state) : state_(std::move(state)) {}
RunningLab::~RunningLab() = default;

Task<> RunningLab::stop() {
    return state_->stop();
}
lab::Cluster& RunningLab::cluster() {
    return state_->cluster;
}
kube::Client& RunningLab::client() {
    return state_->client;
}
const std::filesystem::path& RunningLab::dir() const {
    return state_->dir.path();
}
std::filesystem::path RunningLab::kubeconfig() const {
    return state_->dir.kubeconfig();
}
std::string RunningLab::api_url() const {
    return fmt::format("http://127.0.0.1:{}", state_->api_port);
}
std::string RunningLab::metrics_url() const {
    return to_string(state_->prometheus->origin()) + "/prometheus";
}

std::string RunningLab::dashboard_url() const {
    if (state_->dashboard_port == 0) return {};
    return fmt::format("http://127.0.0.1:{}/ui/", state_->dashboard_port);
}

std::optional<std::string> RunningLab::gateway_url(const kube::ObjectKey& gateway) const {
    const auto object = state_->cluster.find(resources::istio_mesh_gateways, gateway);
    const auto service = state_->cluster.find(resources::services, gateway);
    if (!object || !service) return std::nullopt;
    return cli::gateway_url(*object, *service);
}

void RunningLab::on_log(std::function<void(std::string_view line)> callback) {
    state_->controllers->on_log(std::move(callback));
}

}  // namespace sluice::cli
