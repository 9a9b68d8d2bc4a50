#include "lab/prometheus/prometheus_child.hpp"

#include "base/core/duration.hpp"
#include "base/core/text.hpp"
#include "lab/prometheus/whole_file.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace sluice::lab {

namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto ready_within = seconds{15};
constexpr auto ask_every = milliseconds{50};
constexpr auto stop_within = seconds{10};
constexpr int tries_max = 3;
constexpr auto pause_max = seconds{30};

std::string endpoint_of(const net::Origin& origin) {
    return fmt::format("{}:{}", origin.host, origin.port);
}

}  // namespace

std::string prometheus_config(const PrometheusOptions& options) {
    const auto interval = options.scrape_interval;
    auto text = fmt::format(
        R"(global:
  scrape_interval: {}ms
  scrape_timeout: {}ms
  evaluation_interval: 5s
scrape_configs:
- job_name: kubernetes-pods
  honor_labels: true
  metrics_path: /stats/prometheus
  static_configs:
  - targets: ["{}"]
- job_name: lab-apps
  file_sd_configs:
  - files: ["{}/apps.json"]
    refresh_interval: 2s
)",
        std::chrono::duration_cast<milliseconds>(interval).count(),
        std::chrono::duration_cast<milliseconds>(interval * 9 / 10).count(),
        endpoint_of(options.mesh),
        options.dir);
    if (options.sluice)
        text += fmt::format(R"(- job_name: sluice
  metrics_path: /metrics
  static_configs:
  - targets: ["{}"]
)",
                            endpoint_of(*options.sluice));
    return text;
}

std::vector<std::string> prometheus_arguments(const PrometheusOptions& options,
                                              std::uint16_t port) {
    const auto listen = fmt::format("{}:{}", options.address, port);
    return {fmt::format("--config.file={}/prometheus.yml", options.dir),
            fmt::format("--storage.tsdb.path={}/tsdb", options.dir),
            "--storage.tsdb.use-lockfile",
            "--storage.tsdb.retention.time=6h",
            "--storage.tsdb.retention.size=512MB",
            "--web.listen-address=" + listen,
            fmt::format("--web.external-url=http://{}/prometheus", listen),
            "--web.route-prefix=/prometheus",
            "--web.enable-lifecycle",
            "--query.lookback-delta=30s",
            "--query.timeout=20s",
            "--query.max-concurrency=20",
            "--log.format=json",
            "--log.level=warn"};
}

PrometheusChild::PrometheusChild(
    Executor control, Clock& clock, net::HttpClient& http, Logger& log, PrometheusOptions options)
    : clock_(clock), http_(http), log_(log), options_(std::move(options)), tasks_(control) {}

PrometheusChild::~PrometheusChild() = default;

Task<Result<void>> PrometheusChild::start() {
    auto program = find_program(options_.program);
    if (!program)
        co_return Error{
            ErrorKind::not_found,
            "prometheus is not installed: run ./dev build, or apt-get install prometheus"};
    program_ = std::move(*program);
    options_.dir = fs::absolute(options_.dir).string();
    std::error_code trouble;
    fs::create_directories(options_.dir, trouble);
    if (auto written = write_whole_file(fs::path(options_.dir) / "prometheus.yml",
                                        prometheus_config(options_));
        !written)
        co_return written.error().with("configuring prometheus");
    if (!fs::exists(fs::path(options_.dir) / "apps.json"))
        (void)write_whole_file(fs::path(options_.dir) / "apps.json", "[]");

    // Somebody may take the port between our look and its start.
    for (int attempt = 1;; ++attempt) {
        const auto port = free_port(options_.address);
        if (!port) co_return port.error().with("starting prometheus");
        port_ = *port;
        auto launched = co_await launch();
        if (launched) break;
        if (attempt == tries_max) co_return launched.error().with("starting prometheus");
    }
    tasks_.spawn("prometheus", keep_running());
    co_return Result<void>{};
}

Task<Result<void>> PrometheusChild::launch() {
    auto child = ChildProcess::start({.program = program_,
                                      .arguments = prometheus_arguments(options_, port_),
                                      .output = options_.dir + "/prometheus.log"});
    if (!child) co_return child.error();
    child_.emplace(std::move(*child));
    auto ready = co_await until_ready();
    if (ready) {
        unavailable_since_.reset();
    } else {
        child_.reset();
    }
    co_return ready;
}

Task<Result<void>> PrometheusChild::until_ready() {
    const auto due = clock_.now() + ready_within;
    while (clock_.now() < due) {
        if (const auto end = child_->ended())
            co_return Error{ErrorKind::unavailable,
                            fmt::format("it ended with code {}: {}", end->exit_code, last_words())};
        net::Request request{.origin = origin(), .target = "/prometheus/-/ready"};
        request.timeout = seconds{1};
        const auto answer = co_await http_.send(std::move(request));
        if (answer && answer->status == 200) co_return Result<void>{};
        co_await clock_.sleep_for(ask_every);
    }
    co_return Error{ErrorKind::timed_out,
                    fmt::format("it was not ready after {}", go_text(ready_within))};
}

// Ends when the lab stops. On the same port and the same data, so whoever asks finds all it knew.
Task<> PrometheusChild::keep_running() {
    Duration pause = seconds{1};
    for (;;) {
        if (child_) {
            const auto began = clock_.now();
            const auto end = co_await child_->wait(clock_);
            if (is_stopping_) co_return;
            if (clock_.now() - began > pause_max) pause = seconds{1};
            unavailable_since_ = clock_.now();
            log_.warn(fmt::format("Prometheus ended with code {}; it is started again in {}",
                                  end.exit_code,
                                  go_text(pause)));
            child_.reset();
        }
        co_await clock_.sleep_for(pause);
        if (is_stopping_) co_return;
        pause = std::min<Duration>(pause * 2, pause_max);
        const auto launched = co_await launch();
        if (is_stopping_) co_return;
        if (!launched) log_.warn("starting Prometheus again: " + launched.error().message);
    }
}

Task<> PrometheusChild::stop() {
    is_stopping_ = true;
    tasks_.cancel();
    co_await tasks_.wait();
    if (!child_) co_return;
    child_->send_signal(SIGTERM);
    // One that is stopped (SIGSTOP) takes its SIGTERM when it goes on.
    child_->send_signal(SIGCONT);
    const auto due = clock_.now() + stop_within;
    while (!child_->ended() && clock_.now() < due) co_await clock_.sleep_for(ask_every);
    child_.reset();
}

// The last line of its log: what it died of.
std::string PrometheusChild::last_words() const {
    std::ifstream file(options_.dir + "/prometheus.log");
    std::string line, last = "it said nothing";
    while (std::getline(file, line)) {
        if (!line.empty()) last = line;
    }
    if (const auto said = parse_json(last); said && said->is_object()) {
        const auto message = text_at(*said, {"msg"}), error = text_at(*said, {"err"});
        if (!error.empty()) return fmt::format("{}: {}", message, error);
        if (!message.empty()) return std::string(message);
    }
    return last;
}

Result<void> publish_prometheus(Cluster& cluster, const net::Origin& origin) {
    namespace resources = kube::resources;
    struct Name {
        const char *ns, *name;
        int port;
        const char* prefix;
    };
    const auto put_object = [&](const Resource& resource, Json object) -> Result<void> {
        const auto key = kube::key_of(object);
        const auto done = cluster.find(resource, key) == nullptr
                              ? cluster.create(resource, std::move(object))
                              : cluster.patch(resource, key, PatchKind::merge, object);
        if (done) return {};
        return Error{ErrorKind::invalid, done.error().message}.with("publishing " + resource.kind +
                                                                    " " + to_string(key));
    };
    for (const auto& at : {Name{"smm-system", "smm-prometheus", 59090, ""},
                           Name{"istio-system", "prometheus", 9090, "/prometheus"}}) {
        JsonObject annotations;
        if (*at.prefix != 0) annotations["sluice.dev/lab-path-prefix"] = at.prefix;
        Json service = JsonObject{{"metadata",
                                   {{"name", at.name},
                                    {"namespace", at.ns},
                                    {"labels", {{"app", "prometheus"}}},
                                    {"annotations", annotations}}},
                                  {"spec",
                                   {{"ports",
                                     JsonArray{JsonObject{{"name", "http"},
                                                          {"port", at.port},
                                                          {"protocol", "TCP"},
                                                          {"targetPort", origin.port}}}}}}};
        Json endpoints = JsonObject{
            {"metadata", {{"name", at.name}, {"namespace", at.ns}}},
            {"subsets",
             JsonArray{JsonObject{
                 {"addresses", JsonArray{JsonObject{{"ip", origin.host}}}},
                 {"ports",
                  JsonArray{JsonObject{
                      {"name", "http"}, {"port", origin.port}, {"protocol", "TCP"}}}}}}}};
        Json slice = JsonObject{
            {"metadata",
             {{"name", fmt::format("{}-lab", at.name)},
              {"namespace", at.ns},
              {"labels", {{"kubernetes.io/service-name", at.name}}}}},
            {"addressType", "IPv4"},
            {"ports",
             JsonArray{JsonObject{{"name", "http"}, {"port", origin.port}, {"protocol", "TCP"}}}},
            {"endpoints",
             JsonArray{JsonObject{{"addresses", JsonArray{origin.host}},
                                  {"conditions", {{"ready", true}}}}}}};
        if (auto done = put_object(resources::services, std::move(service)); !done)
            return done.error();
        if (auto done = put_object(resources::endpoints, std::move(endpoints)); !done)
            return done.error();
        if (auto done = put_object(resources::endpoint_slices, std::move(slice)); !done)
            return done.error();
    }
    return {};
}

}  // namespace sluice::lab
