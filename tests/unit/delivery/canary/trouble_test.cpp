// Several things go wrong at once: what is on its way must still be taken back, and what serves
// must go on serving.
#include "api/texts.hpp"
#include "delivery/traffic.hpp"
#include "model.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace sluice;
using namespace sluice::model;
using namespace std::chrono_literals;
using Messages = std::vector<std::string>;

namespace {

constexpr Weights home{100, 0};

template <typename Condition>
void run_until(Cluster& cluster, Condition is) {
    for (int seconds = 0; seconds < 1200 && !is(); ++seconds) cluster.run(1s);
    REQUIRE(is());
}

void until_phase(Cluster& cluster, const std::string& phase) {
    run_until(cluster, [&] { return cluster.phase() == phase; });
}

bool has(const Messages& messages, const std::string& part) {
    return std::ranges::any_of(messages, [&](const std::string& message) {
        return message.find(part) != std::string::npos;
    });
}

Cluster initialized() {
    Cluster cluster;
    cluster.run(30s);
    REQUIRE(cluster.phase() == "Initialized");
    return cluster;
}

void with_hook(Cluster& cluster, const std::string& type) {
    cluster.edit_canary([&](Json& spec) {
        put(spec,
            {"analysis", "webhooks"},
            JsonArray{JsonObject{{"name", "hook"}, {"type", type}, {"url", "http://hook"}}});
    });
}

void with_metric(Cluster& cluster, const std::string& on_no_data = "fail") {
    cluster.edit_canary([&](Json& spec) {
        put(spec,
            {"analysis", "metrics"},
            JsonArray{JsonObject{{"name", "request-success-rate"},
                                 {"thresholdRange", JsonObject{{"min", 99}}},
                                 {"onNoData", on_no_data}}});
    });
}

// Hooks pass; the success rate is this.
void answer_with(Cluster& cluster, double success_rate) {
    cluster.answer = [success_rate](const Question& question) -> Answer {
        if (std::holds_alternative<CallHook>(question.what)) return {};
        return {Outcome::passed, {}, success_rate};
    };
}

// A release at 70/30 with a check that passes.
Cluster at_30() {
    auto cluster = initialized();
    with_metric(cluster);
    answer_with(cluster, 100);
    cluster.set_image("podinfo:2");
    run_until(cluster, [&] { return cluster.live() == Weights{70, 30}; });
    cluster.messages.clear();
    return cluster;
}

struct Trouble {
    const char* name;
    void (*strike)(Cluster& cluster);
};

// What keeps a release from going on.
const std::vector<Trouble> troubles{
    {"routes that cannot be carried out",
     [](Cluster& cluster) {
         cluster.hindrance = "VirtualService podinfo.test cannot have hosts and gateways";
         cluster.drifted = true;
     }},
    {"a lost autoscaler",
     [](Cluster& cluster) {
         cluster.edit_canary([](Json& spec) {
             put(spec,
                 {"autoscalerRef"},
                 JsonObject{{"kind", "HorizontalPodAutoscaler"}, {"name", "podinfo"}});
         });
     }},
};

const Trouble invalid_edit{
    "an invalid edit", [](Cluster& cluster) {
        cluster.edit_canary([](Json& spec) { put(spec, {"analysis", "maxWeight"}, 150); });
    }};

void scale_primary_to_zero(Cluster& cluster) {
    put(*cluster.primary, {"spec", "replicas"}, 0);
    cluster.work();
}

// Without a mesh; the copy never starts on the primary, though it does as a canary.
Cluster promotion_fails() {
    Cluster cluster;
    cluster.no_mesh = true;
    cluster.run(30s);
    REQUIRE(cluster.phase() == "Initialized");
    with_hook(cluster, "post-rollout");
    cluster.edit_canary([](Json& spec) { put(spec, {"analysis", "iterations"}, 2); });
    cluster.set_image("podinfo:2");
    until_phase(cluster, "Progressing");
    cluster.run(5s);
    cluster.pods = Pods::staged;
    cluster.bad_images = {"podinfo:2"};
    until_phase(cluster, "Promoting");
    put(*cluster.primary, {"status", "availableReplicas"}, 0);
    return cluster;
}

}  // namespace

TEST_CASE("an abort ends at weight 0 whatever keeps the release from going on") {
    auto all = troubles;
    all.push_back(invalid_edit);
    for (const auto& trouble : all) {
        CAPTURE(trouble.name);
        auto cluster = at_30();
        trouble.strike(cluster);
        cluster.run(5s);
        CHECK(cluster.live() == Weights{70, 30});
        cluster.wish("abort");
        cluster.run(1s);
        CHECK(cluster.live() == home);
        cluster.run(30s);
        CHECK(cluster.phase() == "Failed");
        CHECK(integer_at(*cluster.target, {"spec", "replicas"}) == 0);
        CHECK(cluster.complaints == Messages{});
    }
}

TEST_CASE("what is held is told with an alert, and goes no further") {
    auto all = troubles;
    all.push_back(invalid_edit);
    for (const auto& trouble : all) {
        CAPTURE(trouble.name);
        auto cluster = at_30();
        const auto alerts = cluster.alerts.size();
        trouble.strike(cluster);
        cluster.run(10min);
        CHECK(cluster.live() == Weights{70, 30});
        CHECK(cluster.phase() == "Progressing");
        CHECK(cluster.alerts.size() == alerts + 1);
        CHECK(cluster.complaints == Messages{});
    }
}

TEST_CASE("what is held is still judged, and rolled back at the threshold") {
    for (const auto& trouble : troubles) {
        CAPTURE(trouble.name);
        auto cluster = at_30();
        trouble.strike(cluster);
        cluster.run(5s);
        answer_with(cluster, 12);
        cluster.run(2min);
        CHECK(cluster.live() == home);
        CHECK(cluster.phase() == "Failed");
        CHECK(has(cluster.messages, "failed checks threshold reached 2"));
        CHECK(cluster.complaints == Messages{});
    }
}

TEST_CASE("what was held goes on when nothing is in its way any more") {
    auto cluster = at_30();
    cluster.hindrance = "VirtualService podinfo.test cannot have hosts and gateways";
    cluster.run(5min);
    cluster.hindrance.clear();
    until_phase(cluster, "Succeeded");
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE("a canary that loses its pods is left also when its spec makes no sense") {
    auto cluster = at_30();
    invalid_edit.strike(cluster);
    cluster.bad_images = {"podinfo:2"};
    put(*cluster.target, {"status", "availableReplicas"}, 0);
    cluster.run(5s);
    CHECK(cluster.live() == home);
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE("a canary without pods is left for a primary that is not complete") {
    auto cluster = at_30();
    // A third pod that cannot start, say.
    put(*cluster.primary, {"status", "replicas"}, 2);
    put(*cluster.target, {"status", "availableReplicas"}, 0);
    REQUIRE_FALSE(cluster.world().primary->ready());
    cluster.tick();
    CHECK(cluster.live() == home);
    CHECK(cluster.complaints == Messages{});
    const auto world = cluster.world();
    CHECK(world.canary.status.failed_checks == 1);
}

TEST_CASE("weights that do not add up are somebody else's") {
    auto cluster = initialized();
    cluster.run(1min);
    for (const auto odd : {Weights{80, 10}, Weights{90, 0}, Weights{0, 0}, Weights{100, 100}}) {
        CAPTURE(to_string(odd));
        cluster.routes = odd;
        cluster.drifted = true;
        cluster.run(10s);
        CHECK(cluster.live() == home);
        CHECK(has(cluster.messages, " carries " + to_string(odd) + ", not 100/0 as decided"));
    }
    CHECK(cluster.complaints == Messages{});

    auto running = at_30();
    running.routes = Weights{80, 10};
    running.drifted = true;
    running.run(5s);
    CHECK(running.live() == Weights{70, 30});
    running.routes = Weights{80, 10};
    running.drifted = true;
    running.wish("abort");
    running.run(1s);
    CHECK(running.live() == home);
    until_phase(running, "Failed");
    CHECK(running.complaints == Messages{});
}

TEST_CASE("weights that do not add up keep no promotion from its end") {
    auto cluster = at_30();
    cluster.edit_canary([](Json& spec) { put(spec, {"analysis", "stepWeightPromotion"}, 20); });
    until_phase(cluster, "Promoting");
    cluster.routes = Weights{80, 10};
    cluster.drifted = true;
    until_phase(cluster, "Succeeded");
    CHECK(cluster.live() == home);
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE("a rollback makes a lost primary again") {
    auto cluster = at_30();
    scale_primary_to_zero(cluster);
    cluster.wish("abort");
    cluster.run(10s);
    REQUIRE(cluster.live() == Weights{70, 30});
    REQUIRE(has(cluster.messages, "podinfo-primary.test has no available pod"));
    cluster.primary.reset();
    cluster.primary_service.reset();
    cluster.run(10s);
    REQUIRE(cluster.primary);
    CHECK(cluster.primary_service);
    CHECK(cluster.image_of(*cluster.primary) == "podinfo:1");
    CHECK(cluster.live() == home);
    until_phase(cluster, "Failed");
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE("a lost primary comes back with as many pods as its autoscaler wants") {
    auto cluster = initialized();
    cluster.target_scaler = parse_json(R"({"metadata": {"name": "podinfo", "uid": "hpa"},
        "spec": {"minReplicas": 2, "maxReplicas": 9}})")
                                .value();
    cluster.edit_canary([](Json& spec) {
        put(spec,
            {"autoscalerRef"},
            JsonObject{{"kind", "HorizontalPodAutoscaler"}, {"name", "podinfo"}});
    });
    cluster.run(10s);
    REQUIRE(cluster.primary_scaler);
    put(*cluster.primary_scaler, {"status", "desiredReplicas"}, 7);
    cluster.primary.reset();
    cluster.run(10s);
    REQUIRE(cluster.primary);
    CHECK(integer_at(*cluster.primary, {"spec", "replicas"}) == 7);
}

TEST_CASE("no mesh: a failed promotion comes to its end, with hooks and over a kill") {
    for (int writes = 0; writes <= 8; ++writes) {
        CAPTURE(writes);
        auto cluster = promotion_fails();
        int asked = 0;
        cluster.answer = [&](const Question&) -> Answer {
            ++asked;
            return {};
        };
        run_until(cluster,
                  [&] { return cluster.world().primary->readiness.state == ReadyState::fatal; });
        if (writes > 0) {
            cluster.writes_left = writes;
            cluster.tick();
            cluster.writes_left.reset();
        }
        until_phase(cluster, "Failed");
        CHECK(asked >= 1);
        CHECK(has(cluster.messages, "Promotion of podinfo.test failed"));
        CHECK(std::ranges::count_if(cluster.alerts, [](const std::string& alert) {
                  return alert.starts_with("Promotion failed, primary not ready");
              }) >= 1);
        cluster.run(2min);
        // The proven template is back, and so are the users.
        CHECK(cluster.image_of(*cluster.primary) == "podinfo:1");
        CHECK(cluster.live() == home);
        CHECK(integer_at(*cluster.target, {"spec", "replicas"}) == 0);
        CHECK(cluster.complaints == Messages{});
    }
}

TEST_CASE("no mesh: a revision that follows a failed promotion can be taken back") {
    auto cluster = promotion_fails();
    // The primary's node is sick: its old template does not start either.
    cluster.bad_images = {"podinfo:1", "podinfo:2"};
    until_phase(cluster, "Failed");
    cluster.run(30s);
    REQUIRE(cluster.live() == Weights{0, 100});
    cluster.set_image("podinfo:3");
    until_phase(cluster, "Progressing");
    cluster.run(5s);
    cluster.wish("abort");
    cluster.run(10s);
    CHECK(cluster.live() == Weights{0, 100});
    cluster.bad_images.clear();
    cluster.run(30s);
    CHECK(cluster.live() == home);
    CHECK(cluster.phase() == "Failed");
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE("no mesh: the canary of a failed promotion goes after its traffic, also over a kill") {
    for (int writes = 1; writes <= 6; ++writes) {
        CAPTURE(writes);
        auto cluster = promotion_fails();
        until_phase(cluster, "Failed");
        run_until(cluster, [&] { return cluster.image_of(*cluster.primary) == "podinfo:1"; });
        run_until(cluster, [&] { return cluster.world().primary->ready(); });
        REQUIRE(cluster.live() == Weights{0, 100});
        cluster.writes_left = writes;
        cluster.tick();
        cluster.writes_left.reset();
        // The primary flaps, or the API server is away.
        const auto pods = *find(*cluster.primary, {"status"});
        put(*cluster.primary, {"status", "availableReplicas"}, 0);
        for (int i = 0; i < 20; ++i) {
            cluster.tick();
            cluster.pass_time(1s);
        }
        put(*cluster.primary, {"status"}, pods);
        cluster.run(2min);
        CHECK(cluster.live() == home);
        CHECK(integer_at(*cluster.target, {"spec", "replicas"}) == 0);
        CHECK(cluster.complaints == Messages{});
    }
}

TEST_CASE("when a failed promotion is over, the condition says who serves") {
    auto cluster = promotion_fails();
    const auto condition = [&] {
        return std::string(text_at(array_at(cluster.status(), {"conditions"})[0], {"message"}));
    };
    until_phase(cluster, "Failed");
    CHECK(condition() == "Promotion failed, primary not ready: the canary serves.");
    run_until(cluster, [&] { return cluster.live() == home; });
    CHECK(condition() == "Promotion failed: the primary serves as before.");
    cluster.run(2min);
    CHECK(condition() == "Canary analysis failed, Deployment scaled to zero.");
}

TEST_CASE("a promotion lets no revision through but the one it was asked for") {
    auto cluster = initialized();
    with_hook(cluster, "confirm-rollout");
    cluster.answer = [](const Question&) -> Answer { return {Outcome::failed, "closed", {}}; };
    cluster.set_image("podinfo:2");
    until_phase(cluster, "Waiting");
    cluster.wish("promote");
    cluster.set_image("podinfo:3");
    cluster.run(1min);
    CHECK(cluster.phase() == "Waiting");
    CHECK(integer_at(*cluster.target, {"spec", "replicas"}) == 0);
    cluster.wish("promote");
    until_phase(cluster, "Succeeded");
    CHECK(cluster.image_of(*cluster.primary) == "podinfo:3");
}

TEST_CASE("a gate that opens while there is no data lets nothing through") {
    auto cluster = initialized();
    with_hook(cluster, "confirm-traffic-increase");
    with_metric(cluster, "skip");
    bool open = true;
    bool data = true;
    cluster.answer = [&](const Question& question) -> Answer {
        if (std::holds_alternative<CallHook>(question.what)) {
            return open ? Answer{} : Answer{Outcome::failed, "closed", {}};
        }
        return data ? Answer{Outcome::passed, {}, 100.0} : Answer{Outcome::no_values, "none", {}};
    };
    cluster.set_image("podinfo:2");
    run_until(cluster, [&] { return cluster.live() == Weights{90, 10}; });
    open = false;
    cluster.run(45s);
    REQUIRE(has(cluster.messages, "waiting for traffic increase approval hook"));
    data = false;
    run_until(cluster, [&] { return has(cluster.messages, "no data for request-success-rate"); });
    open = true;
    cluster.run(5min);
    CHECK(cluster.live() == Weights{90, 10});
    data = true;
    cluster.run(40s);
    CHECK(cluster.live() == Weights{80, 20});
}

TEST_CASE("a closed gate is told once, however many checks fail beside it") {
    auto cluster = initialized();
    with_hook(cluster, "confirm-traffic-increase");
    with_metric(cluster);
    cluster.edit_canary([](Json& spec) { put(spec, {"analysis", "threshold"}, 9); });
    bool open = true;
    double rate = 100;
    cluster.answer = [&](const Question& question) -> Answer {
        if (!std::holds_alternative<CallHook>(question.what)) return {Outcome::passed, {}, rate};
        return open ? Answer{} : Answer{Outcome::failed, "closed", {}};
    };
    cluster.set_image("podinfo:2");
    run_until(cluster, [&] { return cluster.live() == Weights{90, 10}; });
    open = false;
    for (int i = 0; i < 4; ++i) {
        rate = i % 2 == 0 ? 100 : 12;
        cluster.run(40s);
    }
    CHECK(std::ranges::count(cluster.alerts, "Canary traffic increase is waiting for approval.") ==
          1);
    // And opened after a round that failed, it lets nothing through.
    rate = 12;
    cluster.run(40s);
    open = true;
    cluster.run(20s);
    CHECK(cluster.live() == Weights{90, 10});
}

TEST_CASE("a first template that cannot start gives way to one that can") {
    Cluster cluster;
    cluster.bad_images = {"podinfo:1"};
    put(*cluster.target, {"status", "availableReplicas"}, 0);
    cluster.run(20s);
    REQUIRE(cluster.phase() == "Initializing");
    cluster.set_image("podinfo:2");
    cluster.run(10s);
    CHECK(cluster.image_of(*cluster.primary) == "podinfo:2");
    cluster.run(1min);
    CHECK(cluster.phase() == "Initialized");
    CHECK(cluster.revisions.size() == 1);
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE("a primary that is deleted before it was ever ready is made of what the target is now") {
    Cluster cluster;
    cluster.bad_images = {"podinfo:1", "podinfo:2"};
    put(*cluster.target, {"status", "availableReplicas"}, 0);
    cluster.run(20s);
    cluster.set_image("podinfo:2");
    cluster.run(10s);
    REQUIRE(cluster.image_of(*cluster.primary) == "podinfo:1");
    cluster.primary.reset();
    cluster.run(10s);
    REQUIRE(cluster.primary);
    CHECK(cluster.image_of(*cluster.primary) == "podinfo:2");
}

TEST_CASE("a target that is deleted and applied again while it is promoted changes nothing") {
    for (const auto* phase : {"Promoting", "Finalising"}) {
        CAPTURE(phase);
        auto cluster = at_30();
        cluster.edit_canary([](Json& spec) { put(spec, {"analysis", "stepWeightPromotion"}, 20); });
        until_phase(cluster, phase);
        auto again = *cluster.target;
        cluster.target.reset();
        cluster.run(20s);
        CHECK(cluster.live() == home);
        put(again, {"metadata", "uid"}, "another-uid");
        put(again, {"metadata", "generation"}, 1);
        put(again, {"spec", "replicas"}, 1);
        put(again, {"status"}, JsonObject{});
        cluster.target = again;
        until_phase(cluster, "Succeeded");
        CHECK(cluster.image_of(*cluster.primary) == "podinfo:2");
        CHECK(integer_at(*cluster.target, {"spec", "replicas"}) == 0);
        CHECK_FALSE(has(cluster.messages, "Canary failed!"));
        CHECK(cluster.complaints == Messages{});
    }
}

TEST_CASE("a wish that nobody could grant is not marked as granted") {
    auto cluster = at_30();
    until_phase(cluster, "Promoting");
    cluster.wish("abort");
    until_phase(cluster, "Succeeded");
    CHECK(text_at(cluster.status(), {"granted"}).empty());
}

TEST_CASE(
    "a revision that keeps the traffic of the one before it meets the pre-rollout hooks first") {
    auto cluster = at_30();
    with_hook(cluster, "pre-rollout");
    cluster.run(1s);
    bool lets_in = false;
    cluster.answer = [&lets_in](const Question& question) -> Answer {
        if (std::holds_alternative<CallHook>(question.what)) {
            return {lets_in ? Outcome::passed : Outcome::failed, "smoke", std::nullopt};
        }
        return {Outcome::passed, {}, 100};
    };
    // The primary is past its deadline, so it gets nothing back.
    scale_primary_to_zero(cluster);
    cluster.edit_canary([](Json& spec) { put(spec, {"skipAnalysis"}, false); });
    cluster.bad_images.insert("podinfo:1");
    put(*cluster.primary, {"spec", "replicas"}, 1);
    cluster.work();
    cluster.pass_time(10min);
    cluster.messages.clear();
    cluster.set_image("podinfo:3");
    cluster.run(2s);
    REQUIRE(cluster.live().canary >= 30);
    const auto kept = cluster.live();
    CHECK(has(cluster.messages, "Restarting analysis"));
    const auto refused = "Halt podinfo.test advancement pre-rollout check hook failed smoke";
    run_until(cluster, [&] { return has(cluster.messages, refused); });
    lets_in = true;
    run_until(cluster, [&] { return has(cluster.messages, "Pre-rollout check hook passed"); });
    // The share that it has is borne for a whole interval before it grows.
    CHECK(cluster.live() == kept);
    cluster.run(31s);
    CHECK(cluster.live().canary == kept.canary + 10);
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE("a lost primary comes back with as many pods as somebody gave it last") {
    auto cluster = initialized();
    put(*cluster.primary, {"spec", "replicas"}, 5);
    cluster.run(10s);
    cluster.primary.reset();
    cluster.run(10s);
    REQUIRE(cluster.primary);
    CHECK(integer_at(*cluster.primary, {"spec", "replicas"}) == 5);
    // Not what it had in a fit of absence.
    put(*cluster.primary, {"spec", "replicas"}, 0);
    cluster.run(10s);
    cluster.primary.reset();
    cluster.run(10s);
    CHECK(integer_at(*cluster.primary, {"spec", "replicas"}) == 5);
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE("a release goes to its end by the provider and the name that it was begun with") {
    auto cluster = at_30();
    cluster.edit_canary([](Json& spec) {
        put(spec, {"provider"}, "nginx");
        put(spec, {"service", "name"}, "web");
    });
    const auto during = cluster.world();
    CHECK(during.canary.provider == "istio");
    CHECK(during.canary.apex == "podinfo");
    cluster.run(1s);
    CHECK(has(cluster.messages,
              "spec.provider nginx, spec.service.name web of podinfo.test acts when the release is "
              "over"));
    until_phase(cluster, "Finalising");
    CHECK(cluster.world().canary.provider == "istio");
    cluster.pass_time(cluster.settings.drain_delay);
    cluster.tick();
    REQUIRE(cluster.phase() == "Succeeded");
    CHECK(cluster.world().canary.provider == "nginx");
    CHECK(cluster.world().canary.apex == "web");
}

namespace {

std::string held(const Cluster& cluster) {
    const auto* conditions = find(cluster.canary, {"status", "conditions"});
    return conditions == nullptr ? "" : std::string(api::held_by(*conditions));
}

}  // namespace

TEST_CASE("why a Canary is held stands in its condition, and goes when it goes on") {
    auto cluster = at_30();
    const auto hindrance = "VirtualService podinfo.test cannot have hosts and gateways";
    cluster.hindrance = hindrance;
    cluster.drifted = true;
    cluster.run(65s);
    CHECK(held(cluster) == hindrance);
    cluster.hindrance.clear();
    cluster.run(1s);
    CHECK(held(cluster).empty());

    // A spec that makes no sense, and one that never did.
    invalid_edit.strike(cluster);
    cluster.run(1s);
    CHECK(held(cluster).find("spec.analysis.maxWeight") != std::string::npos);
    CHECK(cluster.phase() == "Progressing");
    cluster.edit_canary([](Json& spec) { put(spec, {"analysis", "maxWeight"}, 50); });
    cluster.run(1s);
    CHECK(held(cluster).empty());
    until_phase(cluster, "Succeeded");
    Cluster never;
    invalid_edit.strike(never);
    never.run(1min);
    CHECK(held(never).find("spec.analysis.maxWeight") != std::string::npos);
    CHECK(never.phase().empty());
    // Who is killed says it no second time.
    never.remembered = {};
    never.messages.clear();
    never.run(1min);
    CHECK(never.messages == Messages{});
    CHECK(cluster.complaints == Messages{});
    CHECK(never.complaints == Messages{});
}

TEST_CASE("a wait for pods is no condition, and of a suspended Canary nothing is written") {
    auto cluster = initialized();
    cluster.bad_images.insert("podinfo:2");
    cluster.set_image("podinfo:2");
    cluster.run(30s);
    REQUIRE(has(cluster.messages, "not ready"));
    CHECK(held(cluster).empty());
    cluster.edit_canary([](Json& spec) { put(spec, {"suspend"}, true); });
    const auto before = cluster.status();
    cluster.run(30s);
    CHECK(cluster.status() == before);
}

TEST_CASE("what waits for people is reported every hour, unless they asked for silence") {
    for (const bool muted : {false, true}) {
        CAPTURE(muted);
        auto cluster = initialized();
        with_hook(cluster, "confirm-rollout");
        if (muted) {
            cluster.edit_canary([](Json& spec) {
                find(spec, {"analysis", "webhooks"})->at(0).as_object()["muteAlert"] = true;
            });
        }
        cluster.answer = [](const Question&) -> Answer {
            return {Outcome::failed, "no", std::nullopt};
        };
        cluster.set_image("podinfo:2");
        until_phase(cluster, "Waiting");
        cluster.alerts.clear();
        cluster.messages.clear();
        cluster.run(59min);
        CHECK(!has(cluster.messages, "has been waiting"));
        cluster.run(2min);
        // A process that is new to it does not say it again.
        cluster.remembered = {};
        cluster.run(61min);
        const Messages reports{"podinfo.test has been waiting for approval for 1h",
                               "podinfo.test has been waiting for approval for 2h"};
        Messages came;
        for (const auto& message : cluster.messages) {
            if (message.find("has been waiting") != std::string::npos) came.push_back(message);
        }
        CHECK(came == reports);
        CHECK(cluster.alerts.empty() == muted);
        CHECK(cluster.complaints == Messages{});
    }
}

TEST_CASE("a check without bounds is told with skipAnalysis, and when it is added later") {
    const auto add = [](Cluster& cluster, const std::string& name) {
        cluster.edit_canary([&](Json& spec) {
            if (find(spec, {"analysis", "metrics"}) == nullptr)
                put(spec, {"analysis", "metrics"}, JsonArray{});
            find(spec, {"analysis", "metrics"})
                ->get_array()
                .push_back(JsonObject{{"name", name}, {"query", "up"}});
        });
    };
    const auto told = [](const Cluster& cluster, const std::string& name) {
        return std::ranges::count_if(cluster.messages, [&](const std::string& message) {
            return message == api::texts::any_value_fails(name);
        });
    };
    for (const bool skips : {false, true}) {
        CAPTURE(skips);
        Cluster cluster;
        add(cluster, "a");
        cluster.edit_canary([&](Json& spec) { put(spec, {"skipAnalysis"}, skips); });
        cluster.run(1min);
        REQUIRE(cluster.phase() == "Initialized");
        CHECK(told(cluster, "a") == 1);
        add(cluster, "b");
        cluster.run(1min);
        CHECK(told(cluster, "a") == 1);
        CHECK(told(cluster, "b") == 1);
        CHECK(cluster.complaints == Messages{});
    }
}
