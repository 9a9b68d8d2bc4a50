#include "api/canary.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <functional>

using namespace sluice;
using namespace sluice::api;
using namespace std::chrono_literals;

namespace {

Json a_canary(const std::function<void(Json& spec)>& edit = [](Json&) {}) {
    auto object = parse_json(R"({
      "metadata": {"name": "podinfo", "namespace": "test", "uid": "u", "generation": 3, "resourceVersion": "7"},
      "spec": {
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
        "service": {"port": 9898},
        "analysis": {"interval": "30s", "threshold": 3, "maxWeight": 80, "stepWeight": 20}}})")
                      .value();
    edit(*find(object, {"spec"}));
    return object;
}

Canary parsed(const std::function<void(Json& spec)>& edit = [](Json&) {}) {
    return parse_canary(a_canary(edit), {});
}

std::string refusal(const std::function<void(Json& spec)>& edit, const Defaults& defaults = {}) {
    const auto canary = parse_canary(a_canary(edit), defaults);
    if (canary.invalid) return to_string(*canary.invalid);
    if (canary.unbuilt) return to_string(*canary.unbuilt);
    return {};
}

Json json(std::string_view text) {
    return parse_json(text).value();
}

}  // namespace

TEST_CASE("a Canary is read with the peer's defaults") {
    const auto canary = parsed();
    CHECK(!canary.invalid);
    CHECK(!canary.unbuilt);
    CHECK(canary.dotted() == "podinfo.test");
    CHECK(canary.apex == "podinfo");
    CHECK(canary.primary_name() == "podinfo-primary");
    CHECK(canary.provider == "istio");
    CHECK(canary.progress_deadline == 600s);
    CHECK(canary.analysis.interval == 30s);
    CHECK(canary.analysis.primary_ready_threshold == 100);
    CHECK(canary.service.port_name == "http");
    CHECK(canary.status.phase == Phase::none);
}

TEST_CASE("an interval that cannot be read is a minute, and a short one the shortest") {
    CHECK(parsed([](Json& spec) {
              put(spec, {"analysis", "interval"}, "soon");
          }).analysis.interval == 60s);
    CHECK(parsed([](Json& spec) { put(spec, {"analysis", "interval"}, "1s"); }).analysis.interval ==
          10s);
    CHECK(parsed([](Json& spec) {
              put(spec, {"analysis", "interval"}, "1m30s");
          }).analysis.interval == 90s);
}

TEST_CASE("what cannot be understood is named by its path") {
    CHECK(refusal([](Json& spec) { put(spec, {"analysis", "stepWeight"}, 2.5); }) ==
          "spec.analysis.stepWeight: 2.5 is not a whole number");
    CHECK(refusal([](Json& spec) { put(spec, {"analysis", "maxWeight"}, 150); }) ==
          "spec.analysis.maxWeight: 150 is more than 100");
    CHECK(refusal([](Json& spec) { put(spec, {"analysis", "stepWeights"}, JsonArray{10, 120}); }) ==
          "spec.analysis.stepWeights[1]: 120 is more than 100");
    CHECK(refusal([](Json& spec) { drop(spec, {"analysis"}); }) == "spec.analysis: is missing");
    CHECK(refusal([](Json& spec) { drop(spec, {"service"}); }) == "spec.service: is missing");
    CHECK(refusal([](Json& spec) { drop(spec, {"targetRef", "name"}); }) ==
          "spec.targetRef.name: is missing");
    CHECK(refusal([](Json& spec) { put(spec, {"service", "port"}, 0); }) ==
          "spec.service.port: 0 is less than 1");
    CHECK(refusal([](Json& spec) {
              put(spec, {"analysis", "metrics"}, json(R"([{"name": 5}])"));
          }) == "spec.analysis.metrics[0].name: is not text");
}

TEST_CASE("what is not built is refused by its path, never skipped") {
    CHECK(refusal([](Json& spec) { put(spec, {"targetRef", "kind"}, "StatefulSet"); }) ==
          "spec.targetRef.kind: StatefulSet is not built yet");
    CHECK(
        refusal([](Json& spec) {
            put(spec,
                {"targetRef"},
                json(
                    R"({"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "x"})"));
        }) == "spec.targetRef.kind: Service of serving.knative.dev/v1 is not built yet");
    CHECK(
        refusal([](Json& spec) {
            put(spec,
                {"targetRef"},
                json(
                    R"({"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "x"})"));
            put(spec,
                {"autoscalerRef"},
                json(R"({"kind": "HorizontalPodAutoscaler", "name": "x"})"));
        }) == "spec.targetRef.kind: Service of serving.knative.dev/v1 is not built yet");
    CHECK(refusal([](Json& spec) {
              put(spec,
                  {"analysis", "metrics"},
                  json(R"([{"name": "x", "templateRef": {"name": "t"}}])"));
          }).empty());
    CHECK(refusal([](Json& spec) {
              put(spec,
                  {"autoscalerRef"},
                  json(R"({"apiVersion": "v1", "kind": "Scaler", "name": "x"})"));
          }) == "spec.autoscalerRef.kind: Scaler is not built yet");
}

TEST_CASE("a Service as target has its ports itself, and is not scaled") {
    const auto of_service = [](Json& spec) {
        put(spec, {"targetRef"}, json(R"({"apiVersion": "v1", "kind": "Service", "name": "x"})"));
    };
    CHECK(refusal([&](Json& spec) {
              of_service(spec);
              drop(spec, {"service"});
          }).empty());
    // The peer's full writes leave that behind.
    CHECK(refusal([&](Json& spec) {
              of_service(spec);
              put(spec, {"service", "port"}, 0);
          }).empty());
    CHECK(refusal([&](Json& spec) {
              of_service(spec);
              drop(spec, {"service"});
              put(spec, {"provider"}, "gatewayapi:v1");
          }) == "spec.service: is missing");
    CHECK(refusal([&](Json& spec) {
              of_service(spec);
              put(spec,
                  {"autoscalerRef"},
                  json(R"({"apiVersion": "v1", "kind": "ScaledObject", "name": "x"})"));
          }) == "spec.autoscalerRef: a Service is not scaled");
}

TEST_CASE("what a Canary does not say of its deletion, the process says") {
    const auto wanted = [](std::string_view spec, bool by_default) {
        const auto object = json(fmt::format(R"({{"spec": {}}})", spec));
        return parse_canary(object, {.revert_on_deletion = by_default}).revert_on_deletion;
    };
    CHECK(!wanted("{}", false));
    CHECK(wanted("{}", true));
    CHECK(!wanted(R"({"revertOnDeletion": false})", true));
    CHECK(wanted(R"({"revertOnDeletion": true})", false));
}

TEST_CASE("who is told of a Canary is read: alerts and hooks of type event") {
    const auto alerts = json(R"([{"name": "a", "providerRef": {"name": "chat", "namespace": "ops"}},
                                 {"name": "b", "severity": "error", "providerRef": {"name": "pager"}}])");
    CHECK(refusal([&](Json& spec) {
              put(spec, {"analysis", "alerts"}, alerts);
              put(spec,
                  {"analysis", "webhooks"},
                  json(R"([{"name": "sink", "url": "http://a", "type": "event"}])"));
          }).empty());
    CHECK(refusal([&](Json& spec) { put(spec, {"analysis", "alerts"}, alerts); },
                  {.cross_namespace_refs = false}) ==
          "spec.analysis.alerts[0].providerRef.name: can't access alert provider chat.ops, "
          "cross-namespace references are blocked");
}

TEST_CASE("what a plan means is read from which of its fields are there") {
    const auto strategy = [](auto edit) { return to_string(strategy_of(parsed(edit).analysis)); };
    const auto matches = [](Json& spec) {
        put(spec, {"analysis", "match"}, json(R"([{"headers": {"x": {"exact": "y"}}}])"));
    };
    CHECK(strategy([](Json&) {}) == "canary");
    CHECK(strategy([](Json& spec) { put(spec, {"analysis", "iterations"}, 3); }) == "blue-green");
    CHECK(strategy(matches) == "canary");
    CHECK(strategy([&](Json& spec) {
              matches(spec);
              put(spec, {"analysis", "iterations"}, 3);
          }) == "ab-testing");
}

TEST_CASE("a check says what it counts as without data, in its own fields or among its variables") {
    const auto metric = [](std::string_view text) {
        return parsed([&](Json& spec) { put(spec, {"analysis", "metrics"}, json(text)); });
    };
    const auto own =
        metric(R"([{"name": "request-duration", "onNoData": "skip", "minRequests": 50}])");
    CHECK(own.analysis.metrics.at(0).on_no_data == OnNoData::skip);
    CHECK(own.analysis.metrics.at(0).min_requests == 50);
    const auto carried = metric(
        R"([{"name": "request-duration", "templateVariables": {"onNoData": "pass", "minRequests": "7"}}])");
    CHECK(carried.analysis.metrics.at(0).on_no_data == OnNoData::pass);
    CHECK(carried.analysis.metrics.at(0).min_requests == 7);
    const auto failing = metric(R"([{"name": "request-success-rate", "unanswered": "fail"}])");
    CHECK(failing.analysis.metrics.at(0).unanswered == Unanswered::fail);
    const auto excluding = metric(
        R"([{"name": "request-success-rate", "templateVariables": {"unanswered": "exclude"}}])");
    CHECK(excluding.analysis.metrics.at(0).unanswered == Unanswered::exclude);
    CHECK(to_string(
              *metric(R"([{"name": "request-success-rate", "unanswered": "never"}])").invalid) ==
          "spec.analysis.metrics[0].unanswered: never is none of pass, exclude, fail");
    CHECK(to_string(*metric(R"([{"name": "request-duration", "unanswered": "fail"}])").invalid) ==
          "spec.analysis.metrics[0].unanswered: request-duration does not count successes: only "
          "request-success-rate does");
    // A template's own variable is its own.
    CHECK(!metric(R"([{"name": "mine", "templateRef": {"name": "t"},
        "templateVariables": {"unanswered": "x"}}])")
               .invalid);
    CHECK(to_string(*metric(R"([{"name": "a", "onNoData": "maybe"}])").invalid) ==
          "spec.analysis.metrics[0].onNoData: maybe is none of fail, skip, pass");
}

TEST_CASE("two cookies of one name are refused") {
    CHECK(refusal([](Json& spec) {
              put(spec,
                  {"analysis", "sessionAffinity"},
                  json(R"({"cookieName": "a", "primaryCookieName": "a"})"));
          }) ==
          "spec.analysis.sessionAffinity.primaryCookieName: can't use the same cookie name for "
          "both primary and cookie name; please update them to be different");
}

TEST_CASE("a wish names its revision, and is nothing without one") {
    const auto wish = [](std::string_view text) {
        Json object = JsonObject{};
        put(object, {"metadata", "annotations", wish_annotation}, Json(text));
        return parse_canary(object, {}).wish;
    };
    CHECK(wish("retry v2:ab 2026-01-25T12:00:00Z") ==
          Wish{Verb::retry, "v2:ab", "retry v2:ab 2026-01-25T12:00:00Z"});
    CHECK(!wish("promote"));
    CHECK(!wish("dance v2:ab"));
}

TEST_CASE("the zero values of the peer's full writes are accepted") {
    CHECK(refusal([](Json& spec) {
              put(spec, {"service", "targetPort"}, 0);
              put(spec, {"service", "portDiscovery"}, false);
              put(spec,
                  {"analysis", "webhooks"},
                  json(R"([{"name": "a", "url": "http://a", "type": "", "muteAlert": false}])"));
          }).empty());
}

TEST_CASE("the legacy name of the analysis is read where no CRD prunes it") {
    const auto canary = parsed([](Json& spec) {
        put(spec, {"canaryAnalysis"}, *find(spec, {"analysis"}));
        drop(spec, {"analysis"});
    });
    CHECK(!canary.invalid);
    CHECK(canary.analysis.step_weight == 20);
}

TEST_CASE("plans rise to their end") {
    Analysis analysis;
    analysis.max_weight = 50;
    analysis.step_weight = 20;
    CHECK(plan_of(analysis) == std::vector<int>{20, 40, 60});
    CHECK(effective_max_weight(analysis) == 50);
    CHECK(next_weight(analysis, 30) == 40);
    CHECK(next_weight(analysis, 60) == std::nullopt);

    analysis.step_weight = 0;
    CHECK(plan_of(analysis).empty());

    analysis.step_weights = {1, 5, 50};
    CHECK(plan_of(analysis) == std::vector<int>{1, 5, 50});
    CHECK(effective_max_weight(analysis) == 50);
    CHECK(next_weight(analysis, 0) == 1);
    CHECK(next_weight(analysis, 7) == 50);
}

TEST_CASE("metrics: a built-in name, a query of its own, both, or neither") {
    const auto canary = parsed([](Json& spec) {
        put(spec,
            {"analysis", "metrics"},
            json(
                R"([{"name": "request-success-rate", "thresholdRange": {"min": 99}, "interval": "2m"},
                     {"name": "request-duration", "query": "up", "threshold": 500},
                     {"name": "errors", "query": "errors_total"},
                     {"name": "nothing"}])"));
    });
    const auto& metrics = canary.analysis.metrics;
    REQUIRE(metrics.size() == 5);
    CHECK(metrics[0].kind == MetricKind::request_success_rate);
    CHECK(metrics[0].min == 99);
    CHECK(metrics[0].interval == "2m");
    CHECK(metrics[1].kind == MetricKind::request_duration);
    CHECK(metrics[1].interval == "1m");
    CHECK(metrics[2].kind == MetricKind::inline_query);
    CHECK(metrics[3].kind == MetricKind::inline_query);
    CHECK(metrics[4].kind == MetricKind::unusable);
}
