#include "lab/mesh/istio_metrics.hpp"

#include "unit/lab/mesh/objects.hpp"

#include <algorithm>

using namespace sluice;
using namespace sluice::mesh;
using namespace sluice::mesh::testing;

namespace {

WorkloadPtr gateway() {
    static const auto workload = [] {
        auto made = workload_named("test-imgw", "test", {{"app", "test-imgw-app"}});
        made.in_mesh = true;
        return std::make_shared<const Workload>(made);
    }();
    return workload;
}

WorkloadPtr podinfo() {
    static const auto workload =
        std::make_shared<const Workload>(workload_named("podinfo", "test", {{"app", "podinfo"}}));
    return workload;
}

constexpr ServiceNames canary{"podinfo-canary.test.svc.cluster.local", "podinfo-canary", "test"};

void add(IstioMetrics& metrics,
         Reporter reporter = Reporter::source,
         int code = 200,
         double milliseconds = 7.5) {
    metrics.add({.reporter = reporter,
                 .source = gateway(),
                 .destination = podinfo(),
                 .service = canary,
                 .code = code,
                 .milliseconds = milliseconds,
                 .request_bytes = 120,
                 .response_bytes = 400});
}

std::vector<std::string> lines_with(const std::string& text, std::string_view wanted) {
    std::vector<std::string> lines;
    for (const auto line : split(text, '\n')) {
        if (line.find(wanted) != std::string_view::npos) lines.emplace_back(line);
    }
    return lines;
}

}  // namespace

TEST_CASE("the exposition is what Istio's proxies show, label by label") {
    IstioMetrics metrics({.version = "1"});
    for (int i = 0; i < 3; ++i) add(metrics);
    add(metrics, Reporter::destination, 200, 0.5);
    const auto text = metrics.exposition(IstioMetrics::Reading::look);
    CHECK(
        text.starts_with("# HELP istio_requests_total total requests\n"
                         "# TYPE istio_requests_total counter\n"));
    const auto requests = lines_with(text, "istio_requests_total{");
    REQUIRE(requests.size() == 2);
    CHECK(
        requests[0] ==
        R"(istio_requests_total{reporter="source",source_workload="test-imgw",source_canonical_service="test-imgw-app",source_canonical_revision="latest",source_workload_namespace="test",source_principal="unknown",source_app="test-imgw-app",source_version="unknown",source_cluster="Kubernetes",destination_workload="podinfo",destination_workload_namespace="test",destination_principal="unknown",destination_app="podinfo",destination_version="unknown",destination_service="podinfo-canary.test.svc.cluster.local",destination_canonical_service="podinfo",destination_canonical_revision="latest",destination_service_name="podinfo-canary",destination_service_namespace="test",destination_cluster="Kubernetes",request_protocol="http",response_code="200",grpc_response_status="",response_flags="-",connection_security_policy="unknown"} 3)");
    CHECK(requests[1].starts_with("istio_requests_total{reporter=\"destination\","));
    CHECK(requests[1].ends_with("connection_security_policy=\"none\"} 1"));

    const auto buckets =
        lines_with(text, "istio_request_duration_milliseconds_bucket{reporter=\"source\"");
    REQUIRE(buckets.size() == 20);
    CHECK(buckets.front().ends_with(",le=\"0.5\"} 0"));
    CHECK(buckets[2].ends_with(",le=\"5\"} 0"));
    CHECK(buckets[3].ends_with(",le=\"10\"} 3"));
    CHECK(buckets[18].ends_with(",le=\"3600000\"} 3"));
    CHECK(buckets[19].ends_with(",le=\"+Inf\"} 3"));
    CHECK(lines_with(text, "istio_request_duration_milliseconds_bucket{reporter=\"destination\"")
              .front()
              .ends_with("le=\"0.5\"} 1"));
    CHECK(lines_with(text, "istio_request_duration_milliseconds_sum{reporter=\"source\"")
              .front()
              .ends_with("} 22.5"));
    CHECK(lines_with(text, "istio_request_duration_milliseconds_count{reporter=\"source\"")
              .front()
              .ends_with("} 3"));
    CHECK(
        lines_with(text, "istio_request_bytes_sum{reporter=\"source\"").front().ends_with("} 360"));
    CHECK(lines_with(text, "istio_response_bytes_count{reporter=\"source\"")
              .front()
              .ends_with("} 3"));
}

TEST_CASE("a new series shows 0 to the first scrape, and its value to the second") {
    IstioMetrics metrics({});
    add(metrics);
    const auto value = [&](IstioMetrics::Reading reading,
                           std::string_view which = "istio_requests_total{") {
        const auto line = lines_with(metrics.exposition(reading), which).front();
        return line.substr(line.rfind(' ') + 1);
    };
    CHECK(value(IstioMetrics::Reading::look) == "1");
    CHECK(value(IstioMetrics::Reading::scrape) == "0");
    CHECK(value(IstioMetrics::Reading::scrape) == "1");
    add(metrics, Reporter::source, 500);
    const auto text = metrics.exposition(IstioMetrics::Reading::scrape);
    CHECK(lines_with(text, "response_code=\"500\"").front().ends_with(" 0"));
    CHECK(lines_with(text, "response_code=\"200\"").front().ends_with(" 1"));
    CHECK(lines_with(text, "milliseconds_sum").back().ends_with(" 0"));
    CHECK(lines_with(metrics.exposition(IstioMetrics::Reading::scrape), "response_code=\"500\"")
              .front()
              .ends_with(" 1"));
}

TEST_CASE("flags are shown together, and none as a dash") {
    CHECK(to_text(Flag::none) == "-");
    CHECK(to_text(Flag::upstream_failure | Flag::retry_limit) == "UF,URX");
    CHECK(to_text(Flag::no_route) == "NR");
}

TEST_CASE("beyond the limit whoever is new is counted as one, and the metrics say so") {
    IstioMetrics metrics({.label_sets_max = 2, .version = "1"});
    add(metrics, Reporter::source, 200);
    add(metrics, Reporter::source, 201);
    add(metrics, Reporter::source, 202);
    add(metrics, Reporter::source, 200);
    CHECK(metrics.label_sets() == 3);
    const auto text = metrics.exposition(IstioMetrics::Reading::look);
    CHECK(lines_with(text, "istio_requests_total{").front().ends_with(" 2"));
    CHECK(lines_with(text, "response_code=\"202\"").front().find("source_workload=\"unknown\"") !=
          std::string::npos);
    CHECK(lines_with(text, "sluice_lab_series_dropped_total ").back() ==
          "sluice_lab_series_dropped_total 1");
}

TEST_CASE("series of a workload that is gone stay for five minutes") {
    TableBuilder builder;
    sluice::mesh::testing::add(
        builder,
        article_gateway +
            service("test", "podinfo", {{.workload = "podinfo", .address = "127.64.0.1"}}));
    const auto there = builder.build();
    builder.pod({"test", "podinfo-127.64.0.1-9898"}, nullptr);
    const auto gone = builder.build();

    IstioMetrics metrics({});
    add(metrics);
    Time now{};
    metrics.forget_gone(*there, now);
    metrics.forget_gone(*gone, now);
    metrics.forget_gone(*gone, now + std::chrono::minutes{4});
    CHECK(metrics.label_sets() == 1);
    metrics.forget_gone(*there, now + std::chrono::minutes{4});
    metrics.forget_gone(*gone, now + std::chrono::minutes{6});
    CHECK(metrics.label_sets() == 1);
    metrics.forget_gone(*gone, now + std::chrono::minutes{11});
    CHECK(metrics.label_sets() == 0);
    metrics.exposition(IstioMetrics::Reading::scrape);
}
