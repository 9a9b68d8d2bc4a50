// What goes wrong with the peer and must not here: items of canary.md 7.1 that no trace shows.
#include "delivery/traffic.hpp"
#include "model.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace sluice;
using namespace sluice::model;
using namespace std::chrono_literals;
using Messages = std::vector<std::string>;

namespace {

const std::string new_revision = "New revision detected! Scaling up podinfo.test";

Cluster initialized() {
    Cluster cluster;
    cluster.run(30s);
    REQUIRE(cluster.phase() == "Initialized");
    cluster.messages.clear();
    return cluster;
}

void with_success_rate(Cluster& cluster) {
    cluster.edit_canary([](Json& spec) {
        put(spec,
            {"analysis", "metrics"},
            *parse_json(R"([{"name": "request-success-rate", "thresholdRange": {"min": 99}}])"));
    });
}

void answer_with(Cluster& cluster, double success_rate) {
    cluster.answer = [success_rate](const Question&) -> Answer {
        return {Outcome::passed, {}, success_rate};
    };
}

template <typename Condition>
void run_until(Cluster& cluster, Condition is) {
    for (int seconds = 0; seconds < 1200 && !is(); ++seconds) cluster.run(1s);
    REQUIRE(is());
}

// What `sluice VERB` writes.
void wish(Cluster& cluster, std::string_view verb) {
    put(cluster.canary,
        {"metadata", "annotations", api::wish_annotation},
        Json(std::string(verb) + " " + std::string(text_at(cluster.status(), {"lastAppliedSpec"})) +
             " " + rfc3339(cluster.now)));
}

bool has(const Messages& messages, const std::string& message) {
    return std::ranges::find(messages, message) != messages.end();
}

}  // namespace

TEST_CASE("another hash of an unchanged template starts nothing (DB-1)") {
    auto cluster = initialized();
    cluster.run(1min);
    // As if this version hashed otherwise than the one that wrote the status.
    for (const auto* field : {"lastAppliedSpec", "lastPromotedSpec"}) {
        put(cluster.canary, {"status", field}, "v2:0123456789012345678901234567890123456789");
    }
    cluster.run(10min);
    CHECK(cluster.phase() == "Initialized");
    CHECK(cluster.messages == Messages{});
    CHECK(integer_at(*cluster.target, {"spec", "replicas"}) == 0);
}

TEST_CASE("a revision that comes while the primary is not ready is not forgotten (DB-2)") {
    for (const bool after_failure : {false, true}) {
        CAPTURE(after_failure);
        auto cluster = initialized();
        if (after_failure) {
            with_success_rate(cluster);
            answer_with(cluster, 12);
            cluster.set_image("podinfo:2");
            run_until(cluster, [&] { return cluster.phase() == "Failed"; });
            answer_with(cluster, 100);
        }
        const std::string hash(text_at(cluster.canary, {"status", "lastAppliedSpec"}));
        put(*cluster.primary, {"status", "replicas"}, 2);
        cluster.set_image("podinfo:3");
        for (int i = 0; i < 5; ++i) {
            cluster.tick();
            cluster.pass_time(5s);
        }
        CHECK(text_at(cluster.canary, {"status", "lastAppliedSpec"}) == hash);
        CHECK_FALSE(has(cluster.messages, new_revision) != after_failure);
        put(*cluster.primary, {"status", "replicas"}, 1);
        cluster.run(6min);
        CHECK(cluster.phase() == "Succeeded");
        CHECK(cluster.image_of(*cluster.primary) == "podinfo:3");
    }
}

TEST_CASE("a lost primary whose template nobody knows is waited for (DB-3)") {
    auto cluster = initialized();
    cluster.revisions.clear();
    cluster.primary.reset();
    cluster.set_image("podinfo:2");
    cluster.run(1min);
    CHECK_FALSE(cluster.primary);
    REQUIRE(!cluster.messages.empty());
    CHECK(cluster.messages.front().starts_with(
        "deployment podinfo-primary.test is gone and the template that it ran is not known"));
    cluster.set_image("podinfo:1");
    cluster.run(1min);
    REQUIRE(cluster.primary);
    CHECK(cluster.image_of(*cluster.primary) == "podinfo:1");
}

TEST_CASE("weight 0 while promoting is the end of it, whoever wrote it (DB-6)") {
    auto cluster = initialized();
    cluster.edit_canary([](Json& spec) { put(spec, {"analysis", "stepWeightPromotion"}, 20); });
    cluster.set_image("podinfo:2");
    run_until(cluster, [&] { return cluster.phase() == "Promoting"; });
    cluster.routes = Weights{};
    cluster.run(1min);
    CHECK(cluster.phase() == "Succeeded");
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE("a template that changes while the last checks are asked is not promoted (DB-7)") {
    auto cluster = initialized();
    with_success_rate(cluster);
    bool changed = false;
    cluster.answer = [&](const Question&) -> Answer {
        if (cluster.live().canary == 50 && !changed) {
            changed = true;
            cluster.set_image("podinfo:3");
        }
        return {Outcome::passed, {}, 100.0};
    };
    cluster.set_image("podinfo:2");
    run_until(cluster, [&] { return changed; });
    CHECK(cluster.image_of(*cluster.primary) == "podinfo:1");
    CHECK(cluster.live() == Weights{});
    CHECK(has(cluster.messages, "New revision detected! Restarting analysis for podinfo.test"));
    CHECK_FALSE(
        has(cluster.messages, "Copying podinfo.test template spec to podinfo-primary.test"));
    cluster.run(6min);
    CHECK(cluster.image_of(*cluster.primary) == "podinfo:3");
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE("what changes during the initialization is a revision of its own (DB-10)") {
    Cluster cluster;
    cluster.pods = Pods::staged;
    cluster.tick();
    REQUIRE(cluster.primary);
    REQUIRE(cluster.phase() == "Initializing");
    cluster.set_image("podinfo:2");
    cluster.run(10min);
    CHECK(has(cluster.messages, "Initialization done! podinfo.test"));
    CHECK(has(cluster.messages, new_revision));
    CHECK(cluster.phase() == "Succeeded");
    CHECK(cluster.image_of(*cluster.primary) == "podinfo:2");
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE("a fix that comes during the rollback is judged after it (DB-11)") {
    auto cluster = initialized();
    with_success_rate(cluster);
    answer_with(cluster, 100);
    cluster.set_image("podinfo:2");
    run_until(cluster, [&] { return cluster.live().canary >= 20; });
    answer_with(cluster, 12);
    run_until(cluster, [&] { return find(cluster.canary, {"status", "rollback"}) != nullptr; });
    REQUIRE(cluster.phase() == "Progressing");
    cluster.set_image("podinfo:3");
    answer_with(cluster, 100);
    cluster.messages.clear();
    cluster.run(10min);
    CHECK(cluster.messages.front() == "Canary failed! Scaling down podinfo.test");
    CHECK(has(cluster.messages, new_revision));
    CHECK(cluster.phase() == "Succeeded");
    CHECK(cluster.image_of(*cluster.primary) == "podinfo:3");
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE("a canary that is scaled to zero in its analysis is left, and is not ready (DB-15)") {
    auto cluster = initialized();
    with_success_rate(cluster);
    answer_with(cluster, 100);
    cluster.set_image("podinfo:2");
    run_until(cluster, [&] { return cluster.live().canary >= 20; });
    put(*cluster.target, {"spec", "replicas"}, 0);
    cluster.work();
    cluster.messages.clear();
    cluster.run(40s);
    CHECK(cluster.live() == Weights{100, 0});
    REQUIRE(cluster.messages.size() >= 2);
    CHECK(cluster.messages[0] ==
          "Halt podinfo.test advancement podinfo.test has no available pod: all traffic goes to "
          "the primary");
    CHECK(cluster.messages[1] ==
          "canary deployment podinfo.test not ready: waiting for rollout to finish: the deployment "
          "is scaled to zero");
    cluster.run(10min);
    CHECK(cluster.phase() == "Failed");
}

TEST_CASE("fields that we know nothing of survive in every object that we write (DB-20)") {
    Cluster cluster;
    put(*cluster.target,
        {"spec", "template", "spec", "containers"},
        *parse_json(R"([{"name": "podinfod",
        "image": "podinfo:1", "newField": {"deep": [1]}}])"));
    put(*cluster.target, {"spec", "unknown"}, 7);
    put(cluster.canary, {"status"}, *parse_json(R"({"tomorrow": {"a": 1}})"));
    cluster.run(30s);
    REQUIRE(cluster.primary);
    const auto deep = [](const Json& deployment) {
        return to_text(array_at(deployment, {"spec", "template", "spec", "containers"})[0]);
    };
    CHECK(deep(*cluster.primary).find(R"("newField":{"deep":[1]})") != std::string::npos);
    CHECK(integer_at(*cluster.target, {"spec", "unknown"}) == 7);
    CHECK(integer_at(cluster.status(), {"tomorrow", "a"}) == 1);
    put(*cluster.primary, {"spec", "foreign"}, "kept");
    cluster.set_image("podinfo:2");
    cluster.run(6min);
    CHECK(cluster.phase() == "Succeeded");
    CHECK(text_at(*cluster.primary, {"spec", "foreign"}) == "kept");
    CHECK(integer_at(*cluster.target, {"spec", "unknown"}) == 7);
    CHECK(integer_at(cluster.status(), {"tomorrow", "a"}) == 1);
}

TEST_CASE("a retry that first waits for approval is granted once") {
    auto cluster = initialized();
    cluster.edit_canary([](Json& spec) {
        put(spec,
            {"analysis", "webhooks"},
            *parse_json(R"([{"name": "gate", "type": "confirm-rollout", "url": "http://gate"}])"));
        put(spec,
            {"analysis", "metrics"},
            *parse_json(R"([{"name": "request-success-rate", "thresholdRange": {"min": 99}}])"));
    });
    bool open = true;
    cluster.answer = [&](const Question& question) -> Answer {
        if (std::holds_alternative<CallHook>(question.what)) {
            return {open ? Outcome::passed : Outcome::failed, {}, std::nullopt};
        }
        return {Outcome::passed, {}, 12.0};
    };
    cluster.set_image("podinfo:2");
    run_until(cluster, [&] { return cluster.phase() == "Failed"; });

    open = false;
    cluster.messages.clear();
    wish(cluster, "retry");
    run_until(cluster, [&] { return cluster.phase() == "Waiting"; });
    open = true;
    cluster.run(1h);
    CHECK(cluster.phase() == "Failed");
    CHECK(std::ranges::count(cluster.messages, new_revision) == 1);
}

TEST_CASE("who aborts a revision that waits for approval waits for no primary") {
    auto cluster = initialized();
    cluster.edit_canary([](Json& spec) {
        put(spec,
            {"analysis", "webhooks"},
            *parse_json(R"([{"name": "gate", "type": "confirm-rollout", "url": "http://gate"}])"));
    });
    cluster.answer = [](const Question&) -> Answer { return {Outcome::failed, {}, std::nullopt}; };
    cluster.set_image("podinfo:2");
    run_until(cluster, [&] { return cluster.phase() == "Waiting"; });
    // One of its pods is being replaced.
    put(*cluster.primary, {"status", "replicas"}, 2);
    wish(cluster, "abort");
    cluster.tick();
    CHECK(cluster.phase() == "Failed");
    CHECK(has(cluster.messages, "Rolling back podinfo.test aborted by hand"));
}

namespace {

// Its pods run, and those of the primary cannot.
void break_primary(Cluster& cluster) {
    cluster.bad_images = {"podinfo:2"};
    put(*cluster.primary, {"status", "availableReplicas"}, 0);
}

}  // namespace

TEST_CASE("a failed promotion mirrors nothing, now or when the primary has come back") {
    auto cluster = initialized();
    cluster.edit_canary([](Json& spec) { put(spec, {"analysis", "mirror"}, true); });
    cluster.can_mirror = true;
    cluster.set_image("podinfo:2");
    run_until(cluster, [&] { return cluster.live().mirrored; });
    wish(cluster, "promote");
    run_until(cluster, [&] { return cluster.phase() == "Promoting"; });
    break_primary(cluster);
    run_until(cluster, [&] { return cluster.phase() == "Failed"; });
    CHECK(cluster.live() == Weights{0, 100});
    run_until(cluster, [&] { return cluster.live().primary == 100; });
    cluster.run(5min);
    CHECK(cluster.live() == Weights{100, 0});
    CHECK(cluster.image_of(*cluster.primary) == "podinfo:1");
    for (const auto& message : cluster.messages) {
        CHECK(message.find("not as decided") == std::string::npos);
    }
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE("users are let go of when the traffic comes home after a failed promotion") {
    auto cluster = initialized();
    cluster.edit_canary([](Json& spec) {
        put(spec, {"analysis", "sessionAffinity"}, *parse_json(R"({"cookieName": "stay"})"));
    });
    cluster.set_image("podinfo:2");
    run_until(cluster, [&] { return cluster.phase() == "Promoting"; });
    const std::string bound(text_at(cluster.status(), {"sessionAffinityCookie"}));
    REQUIRE(bound.starts_with("stay="));
    break_primary(cluster);
    run_until(cluster, [&] { return cluster.phase() == "Failed"; });
    CHECK(text_at(cluster.status(), {"sessionAffinityCookie"}) == bound);
    run_until(cluster, [&] { return cluster.live().primary == 100; });
    CHECK(text_at(cluster.status(), {"sessionAffinityCookie"}) == "");
    CHECK(text_at(cluster.status(), {"previousSessionAffinityCookie"}) == bound);
    CHECK(cluster.complaints == Messages{});
}
