#include "controller/own_metrics.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::controller;

TEST_CASE("the peer's metrics are exposed under its names, and go with their Canary") {
    OwnMetrics metrics("1.0.0", "istio");
    const Measured web{.target = "web", .primary = "web-primary", .ns = "prod"};
    metrics.set_total("prod", 1);
    metrics.set_status(web, "Progressing");
    metrics.set_status(web, "Failed");
    metrics.set_weights(web, {.primary = 90, .canary = 10});
    metrics.observe_analysis(web, std::chrono::milliseconds{20});
    metrics.set_check(web, "request-duration", 0.5);
    metrics.count_success(web, {.strategy = "canary", .analysis = "completed"});
    metrics.count_law_violation(web);
    const auto text = metrics.text();
    const auto has = [&](std::string_view line) { return text.find(line) != std::string::npos; };
    CHECK(has("# HELP flagger_info Flagger version and mesh provider information"));
    CHECK(has(R"(flagger_info{mesh_provider="istio",version="1.0.0"} 1)"));
    CHECK(has(R"(flagger_canary_total{namespace="prod"} 1)"));
    CHECK(has(R"(flagger_canary_status{name="web",namespace="prod"} 2)"));
    CHECK(has(R"(sluice_canary_phase{name="web",namespace="prod",phase="Failed"} 1)"));
    CHECK(!has(R"(phase="Progressing")"));
    CHECK(has(R"(flagger_canary_weight{namespace="prod",workload="web-primary"} 90)"));
    CHECK(has(R"(flagger_canary_weight{namespace="prod",workload="web"} 10)"));
    CHECK(
        has(R"(flagger_canary_duration_seconds_bucket{name="web",namespace="prod",le="0.025"} 1)"));
    CHECK(has(
        R"(flagger_canary_metric_analysis{metric="request-duration",name="web",namespace="prod"} 0.5)"));
    CHECK(has("flagger_canary_successes_total"));
    CHECK(has(R"(sluice_law_violations_total{name="web",namespace="prod"} 1)"));

    metrics.forget(web);
    CHECK(metrics.text().find("\"web\"") == std::string::npos);
    CHECK(metrics.text().find("flagger_info{") != std::string::npos);
}

TEST_CASE("the process itself is told under the names that every dashboard knows") {
    OwnMetrics metrics("1.0.0", "istio");
    metrics.text();
    const auto text = metrics.text();
    const auto value_of = [&](const std::string& name) {
        const auto at = text.find("\n" + name + " ");
        return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
    };
    CHECK(text.find("# TYPE process_cpu_seconds_total counter") != std::string::npos);
    CHECK(value_of("process_cpu_seconds_total") > 0);
    CHECK(value_of("process_resident_memory_bytes") > 1e6);
    CHECK(value_of("process_virtual_memory_bytes") > value_of("process_resident_memory_bytes"));
    CHECK(value_of("process_open_fds") >= 3);
    CHECK(value_of("process_max_fds") >= value_of("process_open_fds"));
    // Not before 2020, and not in the future by more than a clock's error.
    CHECK(value_of("process_start_time_seconds") > 1.5e9);
}

TEST_CASE("who has not begun to work shows who it is and what it costs, and no Canary") {
    OwnMetrics metrics("1.0.0", "istio");
    const auto text = metrics.text();
    CHECK(text.find("flagger_info{") != std::string::npos);
    CHECK(text.find("flagger_canary") == std::string::npos);
}
