// A real Prometheus reads the mesh and answers what canaries ask.
#include "lab/prometheus/prometheus_child.hpp"

#include "app/real_world.hpp"
#include "base/core/text.hpp"
#include "lab/mesh/istio_metrics.hpp"
#include "lab/mesh/listeners.hpp"
#include "lab/mesh/table_builder.hpp"
#include "net/client.hpp"
#include "unit/lab/apiserver/a_cluster.hpp"

#include <boost/asio/io_context.hpp>

#include <csignal>
#include <filesystem>

using namespace sluice;
using namespace sluice::lab;
using std::chrono::milliseconds;
using std::chrono::seconds;
namespace resources = sluice::kube::resources;

namespace {

PrometheusOptions options_for(const std::string& name) {
    return {.dir = (std::filesystem::temp_directory_path() /
                    ("sluice-prometheus-" + std::to_string(::getpid()) + "-" + name))
                       .string(),
            .mesh = {.host = "127.0.0.1", .port = 9}};
}

struct ALivePrometheus {
    boost::asio::io_context context;
    std::unique_ptr<Clock> clock = make_real_clock();
    SeededRandom random{7};
    net::SocketClient http{context.get_executor(), *clock};
    mesh::IstioMetrics metrics{{}};
    mesh::MeshProxy proxy{*clock, random, http, metrics};
    net::TcpConnector streams{*clock};
    mesh::Connections connections{proxy, streams};
    mesh::Listeners listeners{context.get_executor(), *clock, proxy, connections, metrics};
    std::vector<std::string> lines;
    Logger log{*clock, {}, [this](std::string_view line) { lines.emplace_back(line); }};
    PrometheusOptions options = options_for("live");
    std::optional<PrometheusChild> child;
    bool is_done = false;

    ALivePrometheus() {
        options.mesh = {.host = "127.0.0.1",
                        .port = listeners.open_metrics("127.0.0.1", 0).value()};
        child.emplace(context.get_executor(), *clock, http, log, options);
    }
    ~ALivePrometheus() { std::filesystem::remove_all(options.dir); }

    void run(Task<> (*scenario)(ALivePrometheus&)) {
        TaskGroup group(context.get_executor());
        group.spawn("scenario", whole(*this, scenario));
        context.run_for(seconds{60});
        REQUIRE(is_done);
    }
    static Task<> whole(ALivePrometheus& lab, Task<> (*scenario)(ALivePrometheus&)) {
        const auto started = co_await lab.child->start();
        REQUIRE_MESSAGE(started.has_value(), (started ? "" : started.error().message));
        co_await scenario(lab);
        co_await lab.child->stop();
        CHECK(lab.child->pid() == -1);
        co_await lab.listeners.stop();
        lab.is_done = true;
        lab.context.stop();
    }

    // The value of the first sample, or "nothing".
    Task<std::string> ask(std::string query) {
        net::Request request{.origin = child->origin(),
                             .target = "/prometheus/api/v1/query?query=" + percent_encoded(query)};
        const auto answer = co_await http.send(std::move(request));
        if (!answer) co_return "no answer: " + answer.error().message;
        const auto body = parse_json(answer->body);
        if (!body) co_return "no JSON";
        const auto& result = array_at(*body, {"data", "result"});
        if (result.empty()) co_return "nothing";
        co_return std::string(array_at(result.front(), {"value"}).at(1).get_string());
    }
};

// Prometheus takes up to five seconds to look at its targets for the first time.
Task<> until_scraped(ALivePrometheus& lab) {
    for (int i = 0; i < 100; ++i) {
        if (co_await lab.ask(R"(up{job="kubernetes-pods"})") == "1") co_return;
        co_await lab.clock->sleep_for(milliseconds{100});
    }
    FAIL("the mesh is never scraped");
}

bool has_prometheus() {
    if (find_program("prometheus")) return true;
    MESSAGE("skipped: there is no prometheus on this machine");
    return false;
}

void serve(ALivePrometheus& lab, int code, int count) {
    static const auto source = [] {
        auto made = mesh::workload_named("test-imgw", "test", {{"app", "test-imgw-app"}});
        return std::make_shared<const mesh::Workload>(made);
    }();
    static const auto destination = std::make_shared<const mesh::Workload>(
        mesh::workload_named("podinfo", "test", {{"app", "podinfo"}}));
    for (int i = 0; i < count; ++i)
        lab.metrics.add(
            {.reporter = mesh::Reporter::destination,
             .source = source,
             .destination = destination,
             .service = {"podinfo-canary.test.svc.cluster.local", "podinfo-canary", "test"},
             .code = code,
             .milliseconds = 3});
}

Task<> rates(ALivePrometheus& lab) {
    co_await until_scraped(lab);
    // Twenty requests a second, one of twenty a 500.
    for (int i = 0; i < 60; ++i) {
        serve(lab, 200, i % 10 == 0 ? 1 : 2);
        if (i % 10 == 0) serve(lab, 500, 1);
        co_await lab.clock->sleep_for(milliseconds{100});
    }
    const auto rate = parse_number(co_await lab.ask(
        R"(sum(rate(istio_requests_total{reporter="destination",destination_workload_namespace="test",destination_workload=~"podinfo"}[5s])))"));
    REQUIRE(rate.has_value());
    CHECK(*rate > 14);
    CHECK(*rate < 26);
    const auto success = parse_number(co_await lab.ask(
        R"(sum(rate(istio_requests_total{reporter="destination",destination_workload=~"podinfo",response_code!~"5.*"}[5s])) / sum(rate(istio_requests_total{reporter="destination",destination_workload=~"podinfo"}[5s])) * 100)"));
    REQUIRE(success.has_value());
    CHECK(*success > 92);
    CHECK(*success < 98);
    const auto p99 = parse_number(co_await lab.ask(
        R"(histogram_quantile(0.99, sum(rate(istio_request_duration_milliseconds_bucket{reporter="destination",destination_workload=~"podinfo"}[5s])) by (le)))"));
    REQUIRE(p99.has_value());
    CHECK(*p99 > 1);
    CHECK(*p99 <= 5);
    CHECK(co_await lab.ask("vector(1)") == "1");
    // The mesh's own labels stay as they are.
    CHECK(
        co_await lab.ask(
            R"(count(istio_requests_total{job="kubernetes-pods",destination_workload="podinfo"}))") ==
        "2");
}

Task<> killed(ALivePrometheus& lab) {
    co_await until_scraped(lab);
    serve(lab, 200, 5);
    co_await lab.clock->sleep_for(seconds{3});
    CHECK(co_await lab.ask("sum(istio_requests_total)") == "5");
    const auto port = lab.child->origin().port;
    const auto before = lab.child->pid();
    ::kill(before, SIGKILL);
    for (int i = 0; i < 200; ++i) {
        co_await lab.clock->sleep_for(milliseconds{50});
        if (lab.child->pid() > 0 && lab.child->pid() != before && !lab.child->unavailable_since())
            break;
    }
    CHECK(lab.child->pid() != before);
    CHECK_FALSE(lab.child->unavailable_since().has_value());
    CHECK(lab.child->origin().port == port);
    // What was recorded before is still there.
    CHECK(co_await lab.ask("max_over_time(istio_requests_total[1m])") == "5");
    CHECK(lab.lines.size() == 1);
}

}  // namespace

TEST_CASE("a real Prometheus reads the mesh and answers a canary's questions") {
    if (!has_prometheus()) return;
    ALivePrometheus().run(rates);
}

TEST_CASE("a Prometheus that is killed is started again on the same data and port") {
    if (!has_prometheus()) return;
    ALivePrometheus().run(killed);
}

TEST_CASE("a missing Prometheus is one clear line") {
    boost::asio::io_context context;
    const auto clock = make_real_clock();
    net::SocketClient http(context.get_executor(), *clock);
    Logger log(*clock, {}, [](std::string_view) {});
    auto options = options_for("missing");
    options.program = "no-such-prometheus";
    PrometheusChild child(context.get_executor(), *clock, http, log, options);
    struct Scenario {
        static Task<> run(PrometheusChild& one, std::string& text) {
            const auto started = co_await one.start();
            text = started ? "started" : started.error().message;
        }
    };
    std::string text;
    TaskGroup group(context.get_executor());
    group.spawn("start", Scenario::run(child, text));
    context.run_for(seconds{5});
    CHECK(text == "prometheus is not installed: run ./dev build, or apt-get install prometheus");
}

TEST_CASE("the configuration and the arguments are those of the specification") {
    auto options = options_for("text");
    options.dir = "/run/lab";
    options.sluice = net::Origin{.host = "127.0.0.1", .port = 8080};
    CHECK(prometheus_config(options) == R"(global:
  scrape_interval: 1000ms
  scrape_timeout: 900ms
  evaluation_interval: 5s
scrape_configs:
- job_name: kubernetes-pods
  honor_labels: true
  metrics_path: /stats/prometheus
  static_configs:
  - targets: ["127.0.0.1:9"]
- job_name: lab-apps
  file_sd_configs:
  - files: ["/run/lab/apps.json"]
    refresh_interval: 2s
- job_name: sluice
  metrics_path: /metrics
  static_configs:
  - targets: ["127.0.0.1:8080"]
)");
    const auto arguments = prometheus_arguments(options, 9090);
    CHECK(arguments.at(2) == "--storage.tsdb.use-lockfile");
    CHECK(arguments.at(6) == "--web.external-url=http://127.0.0.1:9090/prometheus");
}

TEST_CASE("the article's names of Prometheus are Services that lead to the child") {
    ACluster lab;
    REQUIRE(publish_prometheus(lab.cluster, {.host = "127.0.0.1", .port = 4711}).has_value());
    REQUIRE(publish_prometheus(lab.cluster, {.host = "127.0.0.1", .port = 4712}).has_value());
    mesh::TableBuilder builder;
    for (const auto& service : lab.cluster.list(resources::services))
        builder.service(kube::key_of(*service), service.get());
    for (const auto& slice : lab.cluster.list(resources::endpoint_slices))
        builder.endpoint_slice(kube::key_of(*slice), slice.get());
    const auto table = builder.build();
    const auto* smm = table->service("smm-prometheus.smm-system.svc.cluster.local");
    REQUIRE(smm != nullptr);
    CHECK(smm->port(59090)->endpoints.at(0).port == 4712);
    CHECK(smm->path_prefix == "");
    const auto* istio = table->service("prometheus.istio-system.svc.cluster.local");
    REQUIRE(istio != nullptr);
    CHECK(istio->port(9090)->endpoints.at(0).address == "127.0.0.1");
    CHECK(istio->path_prefix == "/prometheus");
}
