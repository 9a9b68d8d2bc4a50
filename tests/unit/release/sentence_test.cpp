// The sentence of a release, from the Canary alone and with what is known around it. What each
// state is told by is held in unit/web/release_test.cpp, as the page gets it.
#include "release/sentence.hpp"

#include "base/core/text.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::release;

namespace {

constexpr Time now{std::chrono::seconds{1767225600}};  // 2026-01-01T00:00:00Z

CanarySeen a_canary(std::string_view status) {
    Json object = boost::json::parse(R"({
        "apiVersion": "flagger.app/v1beta1", "kind": "Canary",
        "metadata": {"namespace": "test", "name": "podinfo"},
        "spec": {
          "provider": "istio",
          "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
          "service": {"port": 9898},
          "analysis": {"interval": "30s", "threshold": 3, "maxWeight": 80, "stepWeight": 20}}})");
    put(object, {"status"}, boost::json::parse(std::string(status)));
    return seen_of(std::move(object));
}

constexpr std::string_view failing = R"json({"phase": "Progressing", "canaryWeight": 60,
    "failedChecks": 2, "iterations": 0, "lastAppliedSpec": "v2:ab", "observedGeneration": 1,
    "decisions": [
      {"at": "2025-12-31T23:50:00Z", "what": "count failure", "checks": [
        {"check": "request-success-rate", "answer": "42", "threshold": "at least 99 (%)", "verdict": "fail"}]},
      {"at": "2025-12-31T23:55:00Z", "what": "start"},
      {"at": "2025-12-31T23:59:50Z", "what": "count failure", "checks": [
        {"check": "load-test", "answer": "no", "verdict": "fail"},
        {"check": "request-duration", "answer": "917", "threshold": "at most 500 (ms)", "verdict": "fail"}]}]})json";

Saying saying(const CanarySeen& seen) {
    return saying_of(seen.canary, last_run(decisions_of(seen.object)), now);
}

}  // namespace

TEST_CASE("the sentence says of version and rate what is known, and leaves out the rest") {
    const auto seen = a_canary(failing);
    auto known = saying(seen);
    CHECK(to_string(known.severity) == "failure");
    CHECK(sentence_of(seen, known) ==
          "request-duration 917 ms > 500 ms; 2 of 3 allowed failures; canary at 60 %");
    known.version = "6.1.0";
    CHECK(sentence_of(seen, known) ==
          "request-duration 917 ms > 500 ms; 2 of 3 allowed failures; canary 6.1.0 at 60 %");
    known.rps = 12;
    CHECK(sentence_of(seen, known) ==
          "request-duration 917 ms > 500 ms; 2 of 3 allowed failures; "
          "canary 6.1.0 at 60 % (12.0 rps)");
}

TEST_CASE("a check of an earlier run is no reason of this one") {
    auto seen = a_canary(R"json({"phase": "Progressing", "canaryWeight": 0,
        "failedChecks": 1, "iterations": 0, "observedGeneration": 1, "decisions": [
          {"at": "2025-12-31T23:50:00Z", "what": "count failure", "checks": [
            {"check": "load-test", "answer": "no", "verdict": "fail"}]},
          {"at": "2025-12-31T23:55:00Z", "what": "advance"}]})json");
    CHECK(sentence_of(seen, saying(seen)) ==
          "load-test: no; 1 of 3 allowed failures; canary at 0 %");
    for (const auto* what : {"start", "restart", "begin", "take over"}) {
        CAPTURE(what);
        seen.object.at("status").at("decisions").as_array().back().at("what") = what;
        CHECK(sentence_of(seen, saying(seen)) ==
              "a check failed; 1 of 3 allowed failures; canary at 0 %");
    }
}

TEST_CASE("a sentence ends within 400 bytes, and between two letters") {
    std::string answer;
    while (answer.size() < 600) answer += "ж";
    auto seen = a_canary(failing);
    seen.object.at("status").at("decisions").as_array().back().at("checks") =
        JsonArray{JsonObject{{"check", "gate"}, {"answer", answer}, {"verdict", "fail"}}};
    const auto told = sentence_of(seen, saying(seen));
    CHECK(told.size() <= 400);
    CHECK(told.size() > 390);
    CHECK(told.ends_with("ж…"));
    CHECK(is_utf8(told));
}

TEST_CASE("the sentence says what the pods wait for, in each state that waits for them") {
    const auto told = [](std::string_view status, std::string_view pods_wait_for) {
        const auto seen = a_canary(status);
        auto known = saying(seen);
        known.pods_wait_for = pods_wait_for;
        return sentence_of(seen, known);
    };
    const std::string reason = "ErrImagePull: no such image (2 pods)";
    constexpr std::string_view waiting = R"json({"phase": "Progressing", "canaryWeight": 0,
        "lastAppliedSpec": "v2:ab", "unreadySince": "2025-12-31T23:59:50Z"})json";
    CHECK(told(waiting, "") == "canary at 0 %; next: weight 20");
    CHECK(told(waiting, reason) ==
          "canary at 0 %; waits for the pods of podinfo to be ready: " + reason);
    CHECK(told(R"json({"phase": "Progressing", "canaryWeight": 0, "lastAppliedSpec": "v2:ab",
        "unreadySince": "2025-12-31T20:00:00Z"})json",
               reason) ==
          "the pods of podinfo are not ready, longer than 10m0s: " + reason + "; canary at 0 %");
    CHECK(told(R"json({"phase": "Initializing"})json", reason) ==
          "waits for the pods of podinfo-primary to be ready: " + reason);
    CHECK(told(R"json({"phase": "Progressing", "canaryWeight": 60, "failedChecks": 1,
        "lastAppliedSpec": "v2:ab", "primaryUnreadySince": "2025-12-31T23:59:50Z"})json",
               reason) ==
          "a check failed; 1 of 3 allowed failures; canary at 60 %; waits for the pods of "
          "podinfo-primary to be ready: " +
              reason + "; the checks go on");
}

TEST_CASE("why the pods were not ready is told after a rollback, when they are gone") {
    const auto told = [](std::string_view status) {
        const auto seen = a_canary(status);
        return sentence_of(seen, saying(seen));
    };
    CHECK(told(R"json({"phase": "Failed", "lastTransitionTime": "2025-12-31T23:59:50Z",
        "decisions": [
          {"at": "2025-12-31T23:55:00Z", "what": "start"},
          {"at": "2025-12-31T23:59:40Z", "what": "roll back", "pods": "ErrImagePull of web:2 (1 pod)",
           "said": ["Rolling back podinfo.test progress deadline exceeded x"]},
          {"at": "2025-12-31T23:59:50Z", "what": "failed"}]})json") ==
          "canary not ready: ErrImagePull of web:2 (1 pod); progress deadline exceeded x; the new "
          "version was rolled back at 23:59:40 UTC");
    // Where few decisions are kept the last one has it.
    CHECK(told(R"json({"phase": "Failed", "lastTransitionTime": "2025-12-31T23:59:50Z",
        "decisions": [{"at": "2025-12-31T23:59:50Z", "what": "failed",
          "pods": "CrashLoopBackOff (exit code 1) (1 pod)"}]})json")
              .starts_with("canary not ready: CrashLoopBackOff (exit code 1) (1 pod)"));
    CHECK(told(R"json({"phase": "Progressing", "rollback": {"cause": "progress-deadline",
        "message": "Rolling back podinfo.test progress deadline exceeded x",
        "pods": "ErrImagePull of web:2 (1 pod)"}})json")
              .starts_with("canary not ready: ErrImagePull of web:2 (1 pod); progress deadline"));
    CHECK(told(R"json({"phase": "Failed", "decisions": [
        {"at": "2025-12-31T23:59:50Z", "what": "promotion failed", "pods": "Unschedulable (1 pod)",
         "said": ["Promotion of podinfo.test failed, primary not ready: y"]}]})json")
              .starts_with("primary not ready: Unschedulable (1 pod); "));
    // What befell an earlier revision is no reason of this one.
    CHECK(told(R"json({"phase": "Failed", "decisions": [
        {"at": "2025-12-31T23:40:00Z", "what": "failed", "pods": "ErrImagePull of web:2 (1 pod)"},
        {"at": "2025-12-31T23:50:00Z", "what": "start"},
        {"at": "2025-12-31T23:59:50Z", "what": "failed"}]})json")
              .find("ErrImagePull") == std::string::npos);
}

TEST_CASE("a release that waits at a closed gate says at which") {
    auto seen = a_canary(R"json({"phase": "Progressing", "canaryWeight": 20,
        "lastAppliedSpec": "v2:ab", "closedGate": "more"})json");
    for (const auto* name : {"first", "more"}) {
        seen.canary.analysis.hooks.push_back(
            {.name = name, .type = api::HookType::confirm_traffic_increase});
    }
    CHECK(severity_of(seen.canary, {}, now) == Severity::waiting);
    CHECK(sentence_of(seen, saying(seen)) ==
          "waits for a gate to open (confirm-traffic-increase more); canary at 20 %");
}
