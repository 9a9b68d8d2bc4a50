// What is kept of checks, read for people, and what an analysis wants.
#include "release/checks.hpp"

#include "base/core/text.hpp"
#include "release/versions.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace sluice;
using namespace sluice::release;

namespace {

api::Analysis analysis_of(std::string_view metrics) {
    Json object = boost::json::parse(R"({
        "apiVersion": "flagger.app/v1beta1", "kind": "Canary",
        "metadata": {"namespace": "test", "name": "podinfo"},
        "spec": {
          "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
          "service": {"port": 9898},
          "analysis": {"interval": "30s", "threshold": 3, "maxWeight": 80, "stepWeight": 20}}})");
    put(object, {"spec", "analysis", "metrics"}, boost::json::parse(std::string(metrics)));
    return api::parse_canary(object, {.min_interval = Duration{1}}).analysis;
}

}  // namespace

TEST_CASE("limits are read back out of what is kept") {
    CHECK(limits_of("at least 99 (%)") == Limits{.min = 99, .max = {}, .unit = "%"});
    CHECK(limits_of("at least 1, at most 2.5") == Limits{.min = 1, .max = 2.5, .unit = ""});
    CHECK(limits_of("any") == Limits{});
    CHECK(number_text(93.2, "%") == "93.20 %");
    CHECK(number_text(917, "ms") == "917 ms");
    CHECK(number_text(2.25, "ms") == "2.2 ms");
    CHECK(number_text(0.3512345, "") == "0.3512");
    CHECK(number_text(1234567, "") == "1234567");
}

TEST_CASE("requests are held against the built-in metrics of the analysis, and against no others") {
    CHECK(request_limits(analysis_of("[]")) == RequestLimits{});
    CHECK(request_limits(analysis_of(R"([
              {"name": "request-success-rate", "thresholdRange": {"min": 99}},
              {"name": "request-duration", "threshold": 500}])")) ==
          RequestLimits{.success_min = 99, .duration_max = 500});
    CHECK(request_limits(analysis_of(R"([
              {"name": "request-success-rate", "threshold": 98},
              {"name": "request-success-rate", "thresholdRange": {"min": 99.5}},
              {"name": "request-duration", "thresholdRange": {"max": 300}},
              {"name": "request-duration", "thresholdRange": {"max": 500}}])")) ==
          RequestLimits{.success_min = 99.5, .duration_max = 300});
    // A range without that end wants nothing of it, and a query of one's own measures something
    // else.
    CHECK(request_limits(analysis_of(R"([
              {"name": "request-success-rate", "thresholdRange": {"max": 100}},
              {"name": "p99", "query": "x", "thresholdRange": {"max": 1}},
              {"name": "queue", "query": "q", "thresholdRange": {"max": 1}}])")) ==
          RequestLimits{});
}

TEST_CASE("the version of an image is its tag, or what stands for one") {
    CHECK(version_of("registry.io:5000/a/b:6.1.0") == "6.1.0");
    CHECK(version_of("registry.io:5000/a/b") == "latest");
    CHECK(version_of("a@sha256:0123456789abcdef") == "0123456789ab");
    CHECK(version_of("a:1@sha256:0123456789abcdef") == "1");
}

TEST_CASE("two versions are told by the image that differs, and by the revision where none does") {
    const auto workload = [](std::string_view first, std::string_view second) {
        Json object = JsonObject{};
        put(object,
            {"spec", "template", "spec", "containers"},
            JsonArray{JsonObject{{"image", first}}, JsonObject{{"image", second}}});
        return object;
    };
    api::Status status;
    status.last_promoted_spec = "v2:aa";
    status.last_applied_spec = "v2:0123456789abcdef";
    const auto told = [&](const Json* stable, const Json* canary) {
        const auto versions = versions_of(status, {.stable = stable, .canary = canary});
        return fmt::format("{} {}", versions.stable, versions.canary);
    };
    const auto old = workload("app:1", "proxy:7");
    const auto fresh = workload("app:2", "proxy:7");
    const auto other_proxy = workload("app:1", "proxy:8");
    CHECK(told(&old, &fresh) == "1 2");
    CHECK(told(&old, &other_proxy) == "7 8");
    CHECK(told(&old, &old) == "aa 0123456789");
    CHECK(told(nullptr, &fresh) == " 2");
    status.last_applied_spec = "v2:aa";
    CHECK(told(&old, &old) == "1 1");
}

TEST_CASE("a check says where its window reaches back before the weight that it judges") {
    const auto decisions = boost::json::parse(R"([
        {"at": "2026-01-01T00:00:00Z", "what": "start", "wrote": ["scale Deployment test/web to 1"]},
        {"at": "2026-01-01T00:00:30Z", "what": "advance", "wrote": ["route 80/20"]},
        {"at": "2026-01-01T00:00:40Z", "what": "count failure"},
        {"at": "2026-01-01T00:00:50Z", "what": "advance", "wrote": ["route 60/40"]},
        {"at": "2026-01-01T00:02:00Z", "what": "advance", "wrote": ["route 100/0 mirrored"]}])")
                               .as_array();
    const auto check = [](std::string_view question,
                          std::string_view threshold = "at least 99 (%)") {
        return Json(JsonObject{{"check", "x"}, {"question", question}, {"threshold", threshold}});
    };
    CHECK(reach_of(decisions, 3, check("request-success-rate over 1m")) ==
          "the window reaches 40 s back before weight 20");
    CHECK(reach_of(decisions, 2, check("query mine over 1m30s")) ==
          "the window reaches 80 s back before weight 20");
    // What it writes itself comes after its checks.
    CHECK(reach_of(decisions, 1, check("request-success-rate over 1m")).empty());
    CHECK(reach_of(decisions, 3, check("request-success-rate over 20s")).empty());
    CHECK(reach_of(decisions, 4, check("request-success-rate over 1m")).empty());
    CHECK(reach_of(decisions, 4, check("request-success-rate over 2m")) ==
          "the window reaches 50 s back before weight 40");
    CHECK(reach_of(decisions, 3, check("rollout hook http://x over 1m", "")).empty());
    CHECK(reach_of(decisions, 3, check("request-success-rate over soon")).empty());
    // A run that began meanwhile had no weight before.
    auto anew = decisions;
    anew[2].as_object()["what"] = "start";
    CHECK(reach_of(anew, 3, check("request-success-rate over 1m")).empty());
}
