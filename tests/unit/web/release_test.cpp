// How one release is told: its sentence, its steps, its checks, and what may be done about it.
#include "web/release.hpp"

#include "base/core/text.hpp"
#include "web/checks.hpp"
#include "web/overview.hpp"
#include "web/steps.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <set>

using namespace sluice;
using namespace sluice::web;
using namespace std::chrono_literals;

namespace {

constexpr Time now{std::chrono::seconds{1767225600}};  // 2026-01-01T00:00:00Z

Json canary_object(std::string_view status, std::string_view analysis = {}) {
    Json object = boost::json::parse(R"({
        "apiVersion": "flagger.app/v1beta1", "kind": "Canary",
        "metadata": {"namespace": "test", "name": "podinfo", "uid": "u-1", "resourceVersion": "7",
          "creationTimestamp": "2025-12-31T00:00:00Z"},
        "spec": {
          "provider": "istio",
          "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
          "service": {"port": 9898, "gateways": ["test/gw"], "hosts": ["*"]},
          "analysis": {"interval": "30s", "threshold": 3, "maxWeight": 80, "stepWeight": 20,
            "metrics": [
              {"name": "request-success-rate", "thresholdRange": {"min": 99}, "interval": "30s"},
              {"name": "request-duration", "thresholdRange": {"max": 500}, "interval": "30s"}]}}})");
    if (!analysis.empty()) {
        put(object, {"spec", "analysis"}, boost::json::parse(std::string(analysis)));
    }
    put(object, {"status"}, boost::json::parse(std::string(status)));
    return object;
}

Json deployment(std::string_view name, std::string_view image) {
    Json object = boost::json::parse(R"({"kind": "Deployment", "metadata": {"namespace": "test"},
        "spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "c"}]}}},
        "status": {"readyReplicas": 2}})");
    put(object, {"metadata", "name"}, Json(name));
    put(object, {"spec", "selector", "matchLabels"}, JsonObject{{"app", name}});
    put(object,
        {"spec", "template", "spec", "containers"},
        JsonArray{JsonObject{{"name", "c"}, {"image", image}}});
    return object;
}

ReleaseSeen seen(std::string_view status, std::string_view analysis = {}) {
    ReleaseSeen all{.of = release::seen_of(canary_object(status, analysis)),
                    .target = deployment("podinfo", "podinfo:6.1.0"),
                    .primary = deployment("podinfo-primary", "podinfo:6.0.0")};
    return all;
}

constexpr std::string_view failing = R"json({"phase": "Progressing", "canaryWeight": 60,
    "failedChecks": 2, "iterations": 0, "lastAppliedSpec": "v2:ab", "lastPromotedSpec": "v2:aa",
    "lastTransitionTime": "2025-12-31T23:59:50Z", "observedGeneration": 1,
    "decisions": [
      {"at": "2025-12-31T23:55:00Z", "what": "start",
       "said": ["New revision detected! Scaling up podinfo.test"]},
      {"at": "2025-12-31T23:56:00Z", "what": "advance", "said": ["Advance podinfo.test canary weight 20"]},
      {"at": "2025-12-31T23:57:00Z", "what": "advance", "said": ["Advance podinfo.test canary weight 40"],
       "checks": [
         {"check": "request-success-rate", "question": "request-success-rate over 30s",
          "answer": "99.93", "threshold": "at least 99 (%)", "verdict": "pass"},
         {"check": "request-duration", "question": "request-duration over 30s",
          "answer": "12", "threshold": "at most 500 (ms)", "verdict": "pass"}]},
      {"at": "2025-12-31T23:58:00Z", "what": "advance", "said": ["Advance podinfo.test canary weight 60"]},
      {"at": "2025-12-31T23:59:50Z", "what": "count failure",
       "said": ["Halt podinfo.test advancement request duration 917ms > 500ms"],
       "checks": [
         {"check": "load-test", "question": "rollout hook http://tester", "answer": "ok", "verdict": "pass"},
         {"check": "request-success-rate", "question": "request-success-rate over 30s",
          "answer": "99.93", "threshold": "at least 99 (%)", "verdict": "pass"},
         {"check": "request-duration", "question": "request-duration over 30s",
          "answer": "917", "threshold": "at most 500 (ms)", "verdict": "fail"}],
       "next": {"what": "weight 80", "notBefore": "2026-01-01T00:00:20Z"}}]})json";

std::string_view text(const JsonObject& json, std::string_view field) {
    return json.at(field).as_string();
}

std::string sentence(const ReleaseSeen& all) {
    return std::string(text(release_of(all, now).json, "message"));
}

}  // namespace

TEST_CASE("a failing release says which check, how bad, how many are left and whom it meets") {
    auto all = seen(failing);
    all.canary.rps = 12.0;
    all.stable.rps = 8.0;
    all.window = 30s;
    all.configured = 60;
    const auto release = release_of(all, now);
    CHECK(text(release.json, "message") ==
          "request-duration 917 ms > 500 ms; 2 of 3 allowed failures; "
          "canary 6.1.0 at 60 % (12.0 rps)");
    CHECK(release.severity == Severity::failure);
    CHECK(release.failing_check == "request-duration 917 ms > 500 ms");
    CHECK(release.limits == release::RequestLimits{.success_min = 99, .duration_max = 500});
    const auto& attention = release.json.at("attention").as_object();
    CHECK(text(attention, "sentence") == text(release.json, "message"));
    CHECK(text(attention, "version") == "6.1.0");
    CHECK(attention.at("failed") == 2);
    CHECK(attention.at("threshold") == 3);
    CHECK(attention.at("weight") == 60);
    CHECK(attention.at("rps") == 12.0);
    CHECK(attention.at("actions") == JsonArray{"abort", "pause", "promote"});
    const auto& next = attention.at("next").as_object();
    CHECK(text(next, "what") == "check");
    CHECK(text(next, "ifPassed") == "weight 80");
    CHECK(text(next, "at") == "2026-01-01T00:00:20.000Z");
    CHECK(text(next, "ifFailed") == "rolls back");
    const auto& check = attention.at("check").as_object();
    CHECK(text(check, "name") == "request-duration");
    CHECK(check.at("value") == 917.0);
    CHECK(check.at("max") == 500.0);
    CHECK(check.at("min").is_null());
    CHECK(text(check, "unit") == "ms");
    const auto& weight = release.json.at("weight").as_object();
    CHECK(weight.at("measured") == 0.6);
    CHECK(weight.at("sample") == 600.0);
    CHECK(weight.at("reason").is_null());
}

TEST_CASE("unknown numbers are null, with a reason") {
    auto all = seen(failing);
    all.stable.reason = all.canary.reason = "Prometheus does not answer";
    const auto json = release_of(all, now).json;
    const auto& weight = json.at("weight").as_object();
    CHECK(weight.at("measured").is_null());
    CHECK(weight.at("sample").is_null());
    CHECK(text(weight, "reason") == "Prometheus does not answer");
    const auto& side = json.at("revisions").at("canary").as_object();
    CHECK(side.at("rps").is_null());
    CHECK(text(side, "reason") == "Prometheus does not answer");
    CHECK(json.at("exposure").at("requests").is_null());
}

TEST_CASE("severity follows the phase, the checks, the gates and the spec") {
    const auto severity = [](std::string_view status, std::string_view analysis = {}) {
        return to_string(release_of(seen(status, analysis), now).severity);
    };
    CHECK(severity("{}") == "progress");
    CHECK(severity(R"({"phase": "Initialized"})") == "ok");
    CHECK(severity(R"({"phase": "Succeeded", "failedChecks": 2})") == "ok");
    CHECK(severity(R"({"phase": "Progressing", "canaryWeight": 20})") == "progress");
    CHECK(severity(failing) == "failure");
    CHECK(severity(R"({"phase": "Failed"})") == "failure");
    CHECK(
        severity(R"({"phase": "Progressing", "rollback": {"cause": "aborted", "message": "x"}})") ==
        "failure");
    CHECK(severity(R"({"phase": "WaitingPromotion"})") == "waiting");
    CHECK(severity(R"({"phase": "Waiting"})") == "waiting");
    CHECK(severity(R"({"phase": "Progressing", "decisions": [
        {"at": "2025-12-31T23:59:50Z", "what": "gate closed"}]})") == "waiting");
    CHECK(severity(R"({"phase": "Progressing", "unreadySince": "2025-12-31T22:00:00Z"})") ==
          "warning");
    CHECK(severity(R"({"phase": "Progressing", "decisions": [
        {"at": "2025-12-31T23:59:50Z", "what": "hold", "checks": [
          {"check": "x", "answer": "no values", "threshold": "at most 1", "verdict": "no data"}]}]})") ==
          "warning");
    CHECK(severity(R"({"phase": "Initialized"})", R"({"maxWeight": 150, "stepWeight": 10})") ==
          "warning");
}

TEST_CASE("a release that something is in the way of says what, and needs a person") {
    constexpr std::string_view held = R"json({"phase": "Progressing", "canaryWeight": 20,
        "lastTransitionTime": "2025-12-31T23:59:50Z", "conditions": [{"type": "Held",
        "status": "True", "reason": "Held", "message": "podinfo.test: Secret db not found"}]})json";
    const auto all = seen(held);
    const auto release = release_of(all, now);
    CHECK(release.severity == Severity::warning);
    CHECK(release.has_attention);
    CHECK(sentence(all) == "podinfo.test: Secret db not found; canary 6.1.0 at 20 %");
    // A paused one writes nothing: what stands there is of before.
    auto paused = seen(held);
    paused.of.canary.suspended = true;
    CHECK(release_of(paused, now).severity == Severity::waiting);
}

TEST_CASE("each state has its sentence") {
    CHECK(sentence(seen(R"({"phase": "Initialized"})")) ==
          "waits for a new revision of Deployment podinfo");
    CHECK(sentence(seen(R"({"phase": "Succeeded"})")) ==
          "6.1.0 is released; waits for a new revision of Deployment podinfo");
    CHECK(sentence(seen(R"({"phase": "Progressing", "canaryWeight": 20})")) ==
          "canary 6.1.0 at 20 %; next: weight 40");
    CHECK(sentence(seen(R"({"phase": "WaitingPromotion", "canaryWeight": 80})")) ==
          "waits for approval of its promotion; canary 6.1.0 at 80 %");
    CHECK(sentence(seen(R"({"phase": "Failed", "failedChecks": 3, "decisions": [
        {"at": "2025-12-31T23:59:50Z", "what": "count failure", "checks": [
          {"check": "error-rate", "answer": "no values found", "threshold": "at most 1",
           "verdict": "no data"}]}]})")) ==
          "error-rate: no data; 6.1.0 has failed and was rolled back");
    CHECK(sentence(seen("{}")) == "waits for the controller to see it");
}

TEST_CASE(
    "a release that has failed says what took it back, and counts no failures that are left") {
    const auto failed = [](std::string_view said, std::string_view what = "roll back") {
        return seen(fmt::format(
            R"json({{"phase": "Failed", "failedChecks": 0, "lastTransitionTime": "2025-12-31T23:59:52Z",
              "decisions": [
              {{"at": "2025-12-31T23:59:40Z", "what": "count failure", "checks": [
                {{"check": "request-success-rate", "question": "request-success-rate over 30s",
                  "answer": "93.2", "threshold": "at least 99 (%)", "verdict": "fail"}}]}},
              {{"at": "2025-12-31T23:59:50Z", "what": "{}", "said": ["{}"]}},
              {{"at": "2025-12-31T23:59:52Z", "what": "failed",
                "said": ["Canary failed! Scaling down podinfo.test"]}}]}})json",
            what,
            said));
    };
    const auto too_many = failed("Rolling back podinfo.test failed checks threshold reached 3");
    CHECK(sentence(too_many) ==
          "request-success-rate 93.20 % < 99 %; "
          "failed checks threshold reached 3; "
          "6.1.0 was rolled back at 23:59:50 UTC");
    const auto json = release_of(too_many, now).json;
    CHECK(text(json.at("rolledBack").as_object(), "why") == "failed checks threshold reached 3");
    CHECK(text(json.at("rolledBack").as_object(), "at") == "2025-12-31T23:59:50.000Z");
    CHECK(sentence(failed("Rolling back podinfo.test aborted by hand")) ==
          "aborted by hand; 6.1.0 was rolled back at 23:59:50 UTC");
    CHECK(sentence(failed("Deployment podinfo.test is not there")) ==
          "Deployment podinfo.test is not there; 6.1.0 was rolled back at 23:59:50 UTC");
    const auto promotion =
        failed("Promotion of podinfo.test failed, primary not ready: x", "promotion fails");
    CHECK(sentence(promotion) ==
          "Promotion of podinfo.test failed, primary not ready: x; 6.1.0 has failed");
    CHECK(release_of(promotion, now).json.at("rolledBack").is_null());

    CHECK(sentence(seen(R"({"phase": "Progressing", "canaryWeight": 20, "rollback":
              {"cause": "aborted", "message": "Rolling back podinfo.test aborted by hand"}})")) ==
          "aborted by hand; it is rolled back: canary 6.1.0 at 20 %");
    CHECK(release_of(seen(failing), now).json.at("rolledBack").is_null());
}

TEST_CASE("Events of one second stand in the order in which they came") {
    const auto event = [](std::string_view name, std::string_view version, std::string_view text) {
        return Json(
            JsonObject{{"metadata", JsonObject{{"name", name}, {"resourceVersion", version}}},
                       {"involvedObject", JsonObject{{"namespace", "test"}, {"name", "podinfo"}}},
                       {"lastTimestamp", "2025-12-31T23:59:50Z"},
                       {"message", text}});
    };
    const std::vector<Json> events{
        event("a", "101", "advanced"), event("b", "99", "starting"), event("c", "100", "checked")};
    auto all = seen(failing);
    all.events = events;
    auto json = release_of(all, now).json;
    add_detail(json, all);
    std::string told;
    for (const auto& one : json.at("detail").at("events").as_array()) {
        told += fmt::format("{} ", text(one.as_object(), "message"));
    }
    CHECK(told == "advanced checked starting ");

    // The same of the overview and the list, in whichever order a watch brings them.
    RecentEvents recent;
    for (const auto& one : events) recent.note(kube::key_of(one), one);
    told.clear();
    for (const auto* one : recent.last({}, 10))
        told += fmt::format("{} ", text(one->json, "message"));
    CHECK(told == "advanced checked starting ");
}

TEST_CASE("what failed an hour ago needs nobody any more") {
    const std::string failed =
        R"({"phase": "Failed", "lastTransitionTime": "2025-12-31T23:30:00Z"})";
    const auto fresh = release_of(seen(failed), now);
    CHECK(fresh.has_attention);
    REQUIRE(fresh.stale_at);
    CHECK(*fresh.stale_at == now + 30min);
    const auto old = release_of(seen(failed), now + 30min);
    CHECK_FALSE(old.has_attention);
    CHECK(old.json.at("attention").is_null());
    CHECK(old.severity == Severity::failure);
}

TEST_CASE("steps are done, under way and to come, with their times and their checks") {
    const auto all = seen(failing);
    const auto steps = steps_of(all.of, release::last_run(release::decisions_of(all.of.object)));
    CHECK(steps.index == 2);
    const auto& items = steps.items.as_array();
    REQUIRE(items.size() == 7);
    const auto state = [&](std::size_t i) { return text_at(items[i], {"state"}); };
    CHECK(text_at(items[0], {"label"}) == "weight 20");
    CHECK(text_at(items[0], {"type"}) == "setWeight");
    CHECK(state(0) == "done");
    CHECK(text_at(items[0], {"startedAt"}) == "2025-12-31T23:56:00.000Z");
    CHECK(text_at(items[0], {"endedAt"}) == "2025-12-31T23:57:00.000Z");
    CHECK(array_at(items[0], {"results"}).size() == 2);
    CHECK(state(1) == "done");
    CHECK(state(2) == "current");
    CHECK(text_at(items[2], {"startedAt"}) == "2025-12-31T23:58:00.000Z");
    CHECK(find(items[2], {"endedAt"})->is_null());
    CHECK(text_at(array_at(items[2], {"results"}).at(2), {"text"}) ==
          "request-duration 917 ms > 500 ms");
    CHECK(state(3) == "pending");
    CHECK(text_at(items[4], {"type"}) == "promote");
    CHECK(text_at(items[5], {"type"}) == "home");
    CHECK(text_at(items[6], {"type"}) == "finish");
}

TEST_CASE("no two steps of a plan are told alike") {
    const auto of = release::seen_of(canary_object(failing));
    std::set<std::pair<std::string, std::string>> told;
    const auto steps = steps_of(of, {});
    for (const auto& step : steps.items.as_array()) {
        // Of a weight the label says which; of all others the type alone has to.
        const std::string type(text_at(step, {"type"}));
        const std::string label(type == "setWeight" ? text_at(step, {"label"}) : "");
        CHECK(told.emplace(type, label).second);
    }
    CHECK(told.size() == 7);
}

TEST_CASE("a list tells at which step of how many a release is") {
    const auto at = [](std::string_view status) {
        const auto json = release_of(seen(status), now).json;
        const auto& steps = json.at("steps").as_object();
        return std::pair(steps.at("index").as_int64(), steps.at("total").as_int64());
    };
    using Pair = std::pair<std::int64_t, std::int64_t>;
    CHECK(at(failing) == Pair{2, 7});
    CHECK(at(R"({"phase": "Initialized"})") == Pair{-1, 7});
    CHECK(at(R"({"phase": "Progressing"})") == Pair{-1, 7});
    CHECK(at(R"({"phase": "Promoting", "canaryWeight": 80})") == Pair{4, 7});
    CHECK(at(R"({"phase": "Finalising"})") == Pair{6, 7});
    CHECK(at(R"({"phase": "Succeeded"})") == Pair{7, 7});
}

TEST_CASE("what a decision's check was answered is told to two decimals, as the Events tell it") {
    auto object = canary_object(failing);
    const auto answered = [&](std::string_view answer) {
        auto& decisions = find(object, {"status", "decisions"})->as_array();
        put(decisions.back().as_object().at("checks").as_array()[1], {"answer"}, Json(answer));
        const auto told = decisions_json(object);
        return std::string(text_at(array_at(told.as_array()[0], {"checks"})[1], {"answer"}));
    };
    CHECK(answered("94.91525423728814") == "94.92");
    CHECK(answered("917.0000000001") == "917.00");
    CHECK(answered("0.00123456789") == "0.001235");
    CHECK(answered("99.9") == "99.9");
    CHECK(answered("100") == "100");
    CHECK(answered("no values found") == "no values found");
    // A hook's answer is its own.
    put(find(object, {"status", "decisions"})
            ->as_array()
            .back()
            .as_object()
            .at("checks")
            .as_array()[0],
        {"answer"},
        Json("3.14159265"));
    const auto told = decisions_json(object);
    CHECK(text_at(array_at(told.as_array()[0], {"checks"})[0], {"answer"}) == "3.14159265");
}

TEST_CASE("a step whose decision is no longer kept has its time of the Event") {
    auto object = canary_object(failing);
    auto& decisions = find(object, {"status", "decisions"})->as_array();
    decisions.erase(decisions.begin(), decisions.begin() + 3);
    const auto of = release::seen_of(std::move(object));
    const auto event = [](std::string_view at, std::string_view message) {
        return Json(JsonObject{{"lastTimestamp", at}, {"message", message}});
    };
    const std::vector<Json> events{
        event("2025-12-30T10:00:00Z", "New revision detected! Scaling up podinfo.test"),
        event("2025-12-30T10:01:00Z", "Advance podinfo.test canary weight 80"),
        event("2025-12-31T23:55:00Z", "New revision detected! Scaling up podinfo.test"),
        event("2025-12-31T23:56:00Z", "Advance podinfo.test canary weight 20"),
        event("2025-12-31T23:57:00Z", "Advance podinfo.test canary weight 40")};
    const auto steps = steps_of(of, release::last_run(release::decisions_of(of.object)), events);
    const auto& items = steps.items.as_array();
    CHECK(text_at(items[0], {"startedAt"}) == "2025-12-31T23:56:00.000Z");
    CHECK(text_at(items[0], {"endedAt"}) == "2025-12-31T23:57:00.000Z");
    CHECK(text_at(items[1], {"endedAt"}) == "2025-12-31T23:58:00.000Z");
    CHECK(text_at(items[2], {"startedAt"}) == "2025-12-31T23:58:00.000Z");
    // Of the run before it nothing is told.
    CHECK(find(items[3], {"startedAt"})->is_null());
}

TEST_CASE("a run that begins in the second in which another ended tells nothing of that one") {
    auto object = canary_object(failing);
    put(object, {"status", "phase"}, "Failed");
    const auto of = release::seen_of(std::move(object));
    const auto event = [](std::string_view message) {
        return Json(JsonObject{{"lastTimestamp", "2025-12-31T23:55:00Z"}, {"message", message}});
    };
    const std::vector<Json> events{event("Promotion completed! Scaling down podinfo.test"),
                                   event("New revision detected! Scaling up podinfo.test")};
    auto run = release::last_run(release::decisions_of(of.object));
    CHECK(steps_of(of, run, events).index == 2);
    // Nor where its own start is no longer kept.
    run.erase(run.begin());
    CHECK(steps_of(of, run, events).index == 2);
}

TEST_CASE("a failed release shows where it failed, and what it was spared") {
    auto object = canary_object(failing);
    put(object, {"status", "phase"}, "Failed");
    put(object, {"status", "canaryWeight"}, 0);
    const auto of = release::seen_of(std::move(object));
    const auto steps = steps_of(of, release::last_run(release::decisions_of(of.object)));
    CHECK(steps.index == 2);
    CHECK(text_at(steps.items.as_array()[2], {"state"}) == "failed");
    CHECK(text_at(steps.items.as_array()[3], {"state"}) == "skipped");
}

TEST_CASE("every step of every strategy has a type of its own") {
    const auto types = [](std::string_view analysis) {
        std::string all;
        const auto of = release::seen_of(canary_object(R"({"phase": "Initialized"})", analysis));
        const auto steps = steps_of(of, {});
        CHECK(steps.index == -1);
        for (const auto& step : steps.items.as_array()) {
            all += std::string(text_at(step, {"type"})) + " ";
            CHECK(text_at(step, {"state"}) == "pending");
        }
        return all;
    };
    CHECK(types(R"({"interval": "30s", "maxWeight": 50, "stepWeight": 25})") ==
          "setWeight setWeight promote home finish ");
    CHECK(types(R"({"interval": "30s", "maxWeight": 50, "stepWeight": 50, "mirror": true})") ==
          "mirror setWeight promote home finish ");
    CHECK(types(R"({"interval": "30s", "iterations": 2})") ==
          "iteration iteration switch promote home finish ");
    CHECK(types(R"({"interval": "30s", "iterations": 1,
                    "match": [{"headers": {"x": {"exact": "y"}}}]})") ==
          "iteration promote home finish ");
    CHECK(types(R"({"interval": "30s", "maxWeight": 50, "stepWeight": 50,
                    "stepWeightPromotion": 20})") ==
          "setWeight promote primaryWeight primaryWeight home finish ");
}

TEST_CASE(
    "a verb that the state forbids says why, and one that the reader may not do is not there") {
    auto json = release_of(seen(R"({"phase": "Succeeded", "lastAppliedSpec": "v2:ab"})"), now).json;
    const auto& actions = json.at("actions").as_object();
    CHECK(actions.at("abort").at("allowed") == false);
    CHECK(text(actions.at("abort").as_object(), "why") ==
          "podinfo.test is Succeeded: no release is under way");
    CHECK(actions.at("pause").at("allowed") == true);
    CHECK(text(actions.at("resume").as_object(), "why") == "podinfo.test is not paused");

    auto mine = release_of(seen(failing), now).json;
    keep_verbs(mine, {});
    CHECK(mine.at("actions").as_object().empty());
    CHECK(mine.at("attention").at("actions").as_array().empty());
}

TEST_CASE("versions are told by the image that differs, and by the revision where none does") {
    auto all = seen(failing);
    all.target = deployment("podinfo", "podinfo:6.0.0");
    const auto json = release_of(all, now).json;
    CHECK(text(json.at("revisions").at("canary").as_object(), "version") == "ab");
    CHECK(text(json.at("revisions").at("stable").as_object(), "version") == "aa");
}

TEST_CASE("the detail tells of pods by revision, and why one is not ready") {
    auto all = seen(failing);
    const auto pod = [](std::string_view name, std::string_view app, std::string_view status) {
        Json object = JsonObject{
            {"metadata", JsonObject{{"name", name}, {"labels", JsonObject{{"app", app}}}}}};
        put(object, {"status"}, boost::json::parse(std::string(status)));
        return object;
    };
    all.pods = {pod("a", "podinfo", R"({"phase": "Running", "conditions": [
                    {"type": "Ready", "status": "True"}]})"),
                pod("b", "podinfo-primary", R"({"phase": "Pending", "containerStatuses": [
                    {"restartCount": 4, "state": {"waiting": {"reason": "ErrImagePull",
                     "message": "no such image"}}}]})"),
                pod("c", "other", "{}")};
    auto json = release_of(all, now).json;
    add_detail(json, all);
    const auto& pods = json.at("detail").at("pods").as_array();
    REQUIRE(pods.size() == 2);
    CHECK(text_at(pods[0], {"revision"}) == "canary");
    CHECK(*bool_at(pods[0], {"ready"}));
    CHECK(text_at(pods[1], {"revision"}) == "primary");
    CHECK(text_at(pods[1], {"reason"}) == "ErrImagePull: no such image");
    CHECK(*integer_at(pods[1], {"restarts"}) == 4);
    const auto& metrics = json.at("metrics").as_array();
    REQUIRE(metrics.size() == 2);
    CHECK(array_at(metrics[1], {"series"}).size() == 2);
    CHECK(text_at(metrics[1], {"query"}).find("histogram_quantile") == 0);
    const auto& decisions = json.at("detail").at("decisions").as_array();
    REQUIRE(decisions.size() == 5);
    CHECK(text_at(decisions[0], {"words"}) == "A check failed: nothing moves, and it is counted");
    CHECK(text_at(decisions[0], {"next", "notBefore"}) == "2026-01-01T00:00:20.000Z");
    CHECK(text_at(json.at("detail").at("history").as_array().at(0), {"phase"}) == "Progressing");
}

TEST_CASE("names with markup and emoji are told as they are") {
    auto object = canary_object(R"({"phase": "Initialized"})");
    put(object, {"metadata", "name"}, "<img onerror=x>🚀");
    ReleaseSeen all{.of = release::seen_of(std::move(object)), .target = {}, .primary = {}};
    auto release = release_of(all, now);
    CHECK(text(release.json, "name") == "<img onerror=x>🚀");
    CHECK(text_for(release, all_verbs).find("<img onerror=x>🚀") != std::string::npos);
}
