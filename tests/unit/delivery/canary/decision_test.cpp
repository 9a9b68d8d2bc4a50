// Decisions that are kept with the Canary: what is in them, and how much room they take.
#include "delivery/canary/decision.hpp"

#include "base/core/duration.hpp"
#include "base/core/text.hpp"
#include "delivery/canary/outlook.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace sluice;
using namespace sluice::canary;

namespace {

api::Canary canary_of(std::string_view status) {
    auto object = boost::json::parse(R"json({
        "metadata": {"name": "podinfo", "namespace": "test", "generation": 1, "uid": "u"},
        "spec": {
          "provider": "istio",
          "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
          "service": {"port": 9898},
          "analysis": {"interval": "1m", "threshold": 5, "maxWeight": 30, "stepWeight": 10,
            "metrics": [
              {"name": "request-success-rate", "thresholdRange": {"min": 99}, "interval": "1m"},
              {"name": "request-duration", "thresholdRange": {"max": 500}, "interval": "30s"}],
            "webhooks": [
              {"name": "load", "type": "rollout", "url": "http://me:secret@tester/?token=hush"},
              {"name": "ship", "type": "confirm-promotion", "url": "http://tester/gate"}]}}})json");
    object.as_object()["status"] = boost::json::parse(std::string(status));
    return api::parse_canary(object, {});
}

World world_in(std::string_view status) {
    World world;
    world.canary = canary_of(status);
    world.now = *parse_rfc3339("2026-01-25T12:00:00Z");
    world.routes.can = {.weights = true, .mirror = true, .match = true, .affinity = true};
    return world;
}

constexpr std::string_view at_ten = R"({"phase": "Progressing", "canaryWeight": 10,
    "lastTransitionTime": "2026-01-25T11:59:00Z", "lastAppliedSpec": "v2:a"})";

Json sample(const World& world, const std::string& said) {
    Act act;
    act.why = "advance";
    act.events.push_back({EventType::normal, said, "key"});
    act.status = world.canary.raw_status;
    return decision_of(world, {}, act);
}

}  // namespace

TEST_CASE("a release that a config began tells which one") {
    const auto world = world_in(at_ten);
    Act act;
    act.why = "start";
    act.lines = {"configmap settings has changed"};
    act.events.push_back({EventType::normal, "New revision detected!", "key"});
    act.status = world.canary.raw_status;
    CHECK(to_text(decision_of(world, {}, act).at("said")) ==
          R"(["configmap settings has changed","New revision detected!"])");
}

TEST_CASE("a decision tells what was asked, what was answered, what was written and what is next") {
    const auto world = world_in(at_ten);
    Evidence evidence;
    evidence.add({{"hook/0/load", {Outcome::passed, {}, std::nullopt}},
                  {"metric/0/request-success-rate", {Outcome::passed, {}, 100.0}},
                  {"metric/1/request-duration", {Outcome::passed, {}, 743.5}}});
    Act act;
    act.why = "count failure";
    act.events.push_back({EventType::warning, "Halt podinfo.test advancement", "key"});
    act.effects.emplace_back(Route{split(20), "7", {}});
    act.status = boost::json::parse(R"({"phase": "Progressing", "canaryWeight": 20,
        "lastTransitionTime": "2026-01-25T12:00:00Z"})");
    CHECK(decision_of(world, evidence, act) == boost::json::parse(R"json({
        "at": "2026-01-25T12:00:00Z", "what": "count failure",
        "said": ["Halt podinfo.test advancement"],
        "checks": [
          {"check": "load", "question": "rollout hook http://tester/", "verdict": "pass"},
          {"check": "request-success-rate", "question": "request-success-rate over 1m",
           "answer": "100", "verdict": "pass", "threshold": "at least 99 (%)"},
          {"check": "request-duration", "question": "request-duration over 30s",
           "answer": "743.5", "verdict": "fail", "threshold": "at most 500 (ms)"}],
        "wrote": ["route 80/20"],
        "next": {"what": "weight 30", "notBefore": "2026-01-25T12:01:00Z"}})json"));
}

TEST_CASE("no data and an error are told apart from a bad value, and nobody's secret is kept") {
    const auto world = world_in(at_ten);
    Evidence evidence;
    evidence.add({{"hook/0/load", {Outcome::failed, std::string(500, 'x'), std::nullopt}},
                  {"metric/0/request-success-rate", {Outcome::no_values, "no values", {}}},
                  {"metric/1/request-duration", {Outcome::error, "refused", {}}}});
    const auto decision = decision_of(world, evidence, {});
    const auto& checks = decision.at("checks").as_array();
    CHECK(text_at(checks[0], {"verdict"}) == "fail");
    CHECK(text_at(checks[0], {"answer"}).size() == 200);
    CHECK(text_at(checks[1], {"verdict"}) == "no data");
    CHECK(text_at(checks[2], {"verdict"}) == "error");
    CHECK(text_at(checks[2], {"answer"}) == "refused");
    const auto text = to_text(decision);
    CHECK(text.find("secret") == std::string::npos);
    CHECK(text.find("hush") == std::string::npos);
}

TEST_CASE("an answer is cut between two characters") {
    std::string umlauts;
    for (int i = 0; i < 200; ++i) umlauts += "\u00fc";
    Evidence evidence;
    evidence.add({{"hook/0/load", {Outcome::failed, umlauts, std::nullopt}}});
    const auto decision = decision_of(world_in(at_ten), evidence, {});
    const auto answer = text_at(decision.at("checks").as_array()[0], {"answer"});
    CHECK(answer.size() <= 200);
    CHECK(is_utf8(answer));
}

TEST_CASE("ten decisions of six KiB in all are kept, the newest last") {
    const auto world = world_in(at_ten);
    Json status = JsonObject{{"phase", "Progressing"}};
    for (int i = 0; i < 25; ++i) put_decision(status, sample(world, fmt::format("no. {}", i)));
    const auto& kept = array_at(status, {"decisions"});
    REQUIRE(kept.size() == 10);
    CHECK(kept.back().at("said").as_array()[0] == "no. 24");
    CHECK(kept.front().at("said").as_array()[0] == "no. 15");
    CHECK(text_at(status, {"phase"}) == "Progressing");

    auto large = sample(world, "large");
    large.as_object()["wrote"] = JsonArray(12, Json(std::string(150, 'y')));
    for (int i = 0; i < 5; ++i) put_decision(status, large);
    CHECK(to_text(status.at("decisions")).size() <= 6 * 1024);
    CHECK(array_at(status, {"decisions"}).size() == 3);
}

TEST_CASE("a decision that is too large by itself loses checks, and keeps what was decided") {
    auto decision = sample(world_in(at_ten), "said");
    JsonArray checks;
    for (int i = 0; i < 100; ++i) {
        checks.push_back(
            JsonObject{{"check", fmt::format("c{}", i)}, {"answer", std::string(150, 'z')}});
    }
    decision.as_object()["checks"] = checks;
    Json status = JsonObject{};
    put_decision(status, decision);
    CHECK(to_text(status.at("decisions")).size() <= 6 * 1024);
    const auto& kept = array_at(status, {"decisions"})[0];
    CHECK(text_at(kept, {"what"}) == "advance");
    CHECK(text_at(array_at(kept, {"checks"})[0], {"check"}) == "c0");
    CHECK(array_at(kept, {"checks"}).size() > 20);

    Json spoiled = JsonObject{{"decisions", "by hand"}};
    put_decision(spoiled, sample(world_in(at_ten), "x"));
    CHECK(array_at(spoiled, {"decisions"}).size() == 1);
}

TEST_CASE("keeping the books is no decision") {
    const auto world = world_in(at_ten);
    Act act;
    act.status = world.canary.raw_status;
    put(*act.status, {"observedGeneration"}, 2);
    CHECK(is_bookkeeping(world, {}, act));
    put(*act.status, {"rollback"}, JsonObject{{"cause", "webhook"}, {"message", "m"}});
    CHECK_FALSE(is_bookkeeping(world, {}, act));
}

TEST_CASE("the outlook tells what a Canary waits for, what comes next and when") {
    const auto at = [](std::string_view status) { return outlook_of(canary_of(status)); };
    const auto time = [](std::string_view text) { return *parse_rfc3339(text); };

    const auto running = at(at_ten);
    CHECK(running.waits_for == "the next round of checks");
    CHECK(running.next == "weight 20");
    CHECK(running.not_before == time("2026-01-25T12:00:00Z"));

    const auto last = at(R"({"phase": "Progressing", "canaryWeight": 30})");
    CHECK(last.next == "promotion");
    CHECK(last.gates == std::vector<std::string>{"confirm-promotion ship"});

    const auto unready = at(R"({"phase": "Progressing", "canaryWeight": 10,
        "unreadySince": "2026-01-25T12:00:00Z"})");
    CHECK(unready.waits_for == "the pods of podinfo to be ready");
    CHECK(unready.deadline == time("2026-01-25T12:10:00Z"));

    const auto drain = at(R"({"phase": "Finalising", "routedAt": "2026-01-25T12:00:00.000Z"})");
    CHECK(drain.next == "Succeeded: podinfo is scaled to zero");
    CHECK(drain.not_before == time("2026-01-25T12:00:10Z"));

    CHECK(at(R"({"phase": "WaitingPromotion"})").waits_for == "approval of its promotion");
    CHECK(at(R"({"phase": "Succeeded"})").next == "its analysis, which begins with weight 10");
    CHECK(at(R"({"phase": "Failed"})").waits_for ==
          "a new revision of Deployment podinfo, or `sluice retry`");
    CHECK(at(R"({"phase": "Progressing", "canaryWeight": 10, "failedChecks": 5})").next ==
          "rollback");
    CHECK(at("{}").next == "initialization");

    CHECK(at(R"({"phase": "Succeeded", "conditions": [
        {"type": "Held", "status": "True", "message": "Secret db not found"}]})")
              .waits_for == "what holds it to be gone");
}

TEST_CASE("a plan gives each step its earliest time and its share of the traffic") {
    std::vector<std::string> lines;
    for (const auto& step : planned_steps(canary_of("{}"))) {
        lines.push_back(
            fmt::format("{} {} {}", go_text(step.after), to_string(step.weights), step.what));
    }
    CHECK(lines == std::vector<std::string>{
                       "0s 90/10 weight 10",
                       "1m0s 80/20 weight 20",
                       "2m0s 70/30 weight 30",
                       "3m0s 70/30 promotion: the primary gets the new revision",
                       "3m0s 100/0 all traffic to the primary",
                       "3m10s 100/0 Succeeded: podinfo is scaled to zero",
                   });
}
