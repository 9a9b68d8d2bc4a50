#include "delivery/canary/judge.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace sluice;
using namespace sluice::canary;

namespace {

Measure measure(api::MetricKind kind, std::string name) {
    Measure measure;
    measure.metric.kind = kind;
    measure.metric.name = std::move(name);
    measure.metric.has_range = true;
    measure.provider = "istio";
    measure.target = "podinfo";
    measure.ns = "test";
    measure.canary = "podinfo";
    return measure;
}

std::string told(const Measure& measure, const Answer& answer) {
    const auto verdict = judge(measure, answer);
    return verdict ? verdict->message : "";
}

Answer value(double number) {
    return {Outcome::passed, {}, number};
}

}  // namespace

TEST_CASE("the success rate has a lower and an upper bound, and equality passes") {
    auto rate = measure(api::MetricKind::request_success_rate, "request-success-rate");
    rate.metric.min = 99;
    CHECK(told(rate, value(69.1666)) == "Halt podinfo.test advancement success rate 69.17% < 99%");
    CHECK(told(rate, value(99)).empty());
    rate.metric.max = 99.5;
    CHECK(told(rate, value(100)) == "Halt podinfo.test advancement success rate 100.00% > 99.5%");
    rate.metric.has_range = false;
    rate.metric.threshold = 95;
    CHECK(told(rate, value(94.999)) == "Halt podinfo.test advancement success rate 95.00% < 95%");
}

TEST_CASE("durations are compared in whole milliseconds and shown as Go shows them") {
    auto duration = measure(api::MetricKind::request_duration, "request-duration");
    duration.metric.max = 500;
    CHECK(told(duration, value(917.8)) ==
          "Halt podinfo.test advancement request duration 917ms > 500ms");
    CHECK(told(duration, value(1543)) ==
          "Halt podinfo.test advancement request duration 1.543s > 500ms");
    CHECK(told(duration, value(500.9)).empty());
    CHECK(told(duration, value(INFINITY))
              .starts_with("Halt podinfo.test advancement request duration"));
    duration.metric.min = 20;
    CHECK(told(duration, value(5)) == "Halt podinfo.test advancement request duration 5ms < 20ms");
    duration.metric.has_range = false;
    CHECK(told(duration, value(1)) == "Halt podinfo.test advancement request duration 1ms > 0s");
}

TEST_CASE("inline queries are named by their metric") {
    auto query = measure(api::MetricKind::inline_query, "404s percentage");
    query.metric.max = 5;
    CHECK(told(query, value(7.123)) == "Halt podinfo.test advancement 404s percentage 7.12 > 5");
    query.metric.max.reset();
    CHECK(told(query, value(1e9)).empty());
    CHECK(told(query, {Outcome::no_values, "none", {}}) ==
          "Halt advancement no values found for metric: 404s percentage");
    CHECK(told(query, {Outcome::error, "timed out", {}}) ==
          "Prometheus query failed for 404s percentage: timed out");
}

TEST_CASE("no values, and no number, have the peer's texts") {
    const auto rate = measure(api::MetricKind::request_success_rate, "request-success-rate");
    const std::string head =
        "Halt advancement no values found for istio metric request-success-rate probably "
        "podinfo.test is not "
        "receiving traffic: running query failed: no values found";
    CHECK(told(rate, {Outcome::no_values, "running query failed: no values found", {}}) == head);
    CHECK(told(rate, value(std::nan(""))) == head);
    const auto duration = measure(api::MetricKind::request_duration, "request-duration");
    CHECK(told(duration, {Outcome::no_values, "x", {}}) ==
          "Halt advancement no values found for istio metric request-duration probably "
          "podinfo.test is not receiving "
          "traffic");
    const auto broken = judge(rate, {Outcome::error, "running query failed: request failed", {}});
    REQUIRE(broken);
    CHECK(broken->type == EventType::error);
    CHECK(broken->message == "Prometheus query failed: running query failed: request failed");
}

TEST_CASE("too few requests are told by every check that asks for more") {
    for (const auto kind : {api::MetricKind::request_success_rate,
                            api::MetricKind::request_duration,
                            api::MetricKind::inline_query,
                            api::MetricKind::template_query}) {
        auto check = measure(kind, "x");
        check.metric.min_requests = 50;
        CHECK(told(check, {Outcome::no_values, "3 requests", {}}).ends_with(": 3 requests"));
    }
}

TEST_CASE("a metric without a query fails by its own text") {
    CHECK(told(measure(api::MetricKind::unusable, "x"), value(1)) ==
          "Metric query failed for no usable metrics template and query were configured");
}

TEST_CASE("a question that is shown or logged does not show a hook's password") {
    CallHook call;
    call.hook.url = "http://me:secret@gate.test/confirm";
    const auto shown = to_text(to_json(Question{"hook/0/gate", call}));
    CHECK(shown.find("secret") == std::string::npos);
    CHECK(shown.find("http://gate.test/confirm") != std::string::npos);
}
