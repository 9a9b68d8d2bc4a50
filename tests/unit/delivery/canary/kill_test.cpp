// The process is killed between any two writes of whole releases; what comes out must be as if it
// never had been.
#include "model.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <random>

using namespace sluice;
using namespace sluice::model;
using namespace std::chrono_literals;
using Messages = std::vector<std::string>;

namespace {

struct Outcome {
    std::string phase;
    std::string image;
    std::int64_t replicas = 0;
    std::size_t revisions = 0;
    std::vector<int> weights;
    Messages story;
    Messages complaints;

    bool operator==(const Outcome&) const = default;
};

Outcome outcome_of(const Cluster& cluster) {
    return {cluster.phase(),
            cluster.primary ? cluster.image_of(*cluster.primary) : "",
            integer_at(*cluster.target, {"spec", "replicas"}).value_or(-1),
            cluster.revisions.size(),
            cluster.weights,
            story(cluster.messages),
            cluster.complaints};
}

void with_checks(Cluster& cluster) {
    cluster.edit_canary([](Json& spec) {
        put(spec,
            {"analysis", "metrics"},
            *parse_json(R"([{"name": "request-success-rate", "thresholdRange": {"min": 99}}])"));
        put(spec,
            {"analysis", "webhooks"},
            *parse_json(R"([{"name": "smoke", "type": "pre-rollout", "url": "http://tester"},
                            {"name": "load", "url": "http://tester"}])"));
    });
}

// From nothing to a promoted second version and a third one that is rolled back.
Outcome live_through(std::optional<int> killed_after,
                     const std::function<void(Cluster&)>& prepare,
                     int* writes = nullptr) {
    Cluster cluster;
    cluster.pods = Pods::staged;
    with_checks(cluster);
    prepare(cluster);
    bool good = true;
    cluster.answer = [&good](const Question& question) -> Answer {
        if (question.id == "providers" || question.id.starts_with("hook/")) return {};
        return {canary::Outcome::passed, {}, good ? 100.0 : 12.0};
    };
    cluster.writes_left = killed_after;
    cluster.run(60s);
    cluster.set_image("podinfo:2");
    cluster.run(5min);
    good = false;
    cluster.set_image("podinfo:3");
    cluster.run(3min);
    if (writes != nullptr) *writes = cluster.writes;
    return outcome_of(cluster);
}

// A second version that gives way to a third one in the middle of its analysis.
Outcome be_overtaken(std::optional<int> killed_after,
                     const std::function<void(Cluster&)>& prepare,
                     int* writes = nullptr) {
    Cluster cluster;
    cluster.pods = Pods::staged;
    with_checks(cluster);
    prepare(cluster);
    cluster.answer = [](const Question& question) -> Answer {
        if (question.id == "providers" || question.id.starts_with("hook/")) return {};
        return {canary::Outcome::passed, {}, 100.0};
    };
    cluster.writes_left = killed_after;
    cluster.run(60s);
    cluster.set_image("podinfo:2");
    cluster.run(130s);
    cluster.set_image("podinfo:3");
    cluster.run(8min);
    if (writes != nullptr) *writes = cluster.writes;
    return outcome_of(cluster);
}

using Story = Outcome (*)(std::optional<int>, const std::function<void(Cluster&)>&, int*);

void check_every_kill(const std::function<void(Cluster&)>& prepare, Story live = live_through) {
    int writes = 0;
    const auto whole = live(std::nullopt, prepare, &writes);
    REQUIRE(whole.complaints == Messages{});
    REQUIRE(whole.phase == (live == live_through ? "Failed" : "Succeeded"));
    REQUIRE(whole.image == (live == live_through ? "podinfo:2" : "podinfo:3"));
    for (int kill = 0; kill < writes; ++kill) {
        CAPTURE(kill);
        const auto outcome = live(kill, prepare, nullptr);
        CHECK(outcome.complaints == Messages{});
        CHECK(outcome.phase == whole.phase);
        CHECK(outcome.image == whole.image);
        CHECK(outcome.replicas == whole.replicas);
        CHECK(outcome.revisions == whole.revisions);
        CHECK(outcome.weights == whole.weights);
        CHECK(outcome.story == whole.story);
    }
}

}  // namespace

TEST_CASE("killed between any two writes, no step and no Event is lost or comes twice") {
    check_every_kill([](Cluster&) {});
}

TEST_CASE("killed between any two writes while promotion goes in steps") {
    check_every_kill([](Cluster& cluster) {
        cluster.edit_canary([](Json& spec) {
            put(spec, {"analysis", "stepWeightPromotion"}, 30);
            put(spec, {"analysis", "stepWeight"}, 25);
        });
    });
}

TEST_CASE("killed between any two writes with an adopted apex Service") {
    check_every_kill([](Cluster& cluster) {
        cluster.apex =
            *parse_json(R"({"metadata": {"name": "podinfo", "namespace": "test", "uid": "s",
            "resourceVersion": "3"}, "spec": {"selector": {"app": "podinfo"}, "ports": [{"name": "http", "port": 9898}]}})");
    });
}

TEST_CASE("killed between any two writes while a new revision overtakes the one under judgement") {
    check_every_kill([](Cluster&) {}, be_overtaken);
    check_every_kill(
        [](Cluster& cluster) {
            cluster.edit_canary(
                [](Json& spec) { put(spec, {"analysis", "stepWeightPromotion"}, 15); });
        },
        be_overtaken);
}

TEST_CASE("killed between any two writes without a mesh") {
    check_every_kill([](Cluster& cluster) {
        cluster.no_mesh = true;
        cluster.edit_canary([](Json& spec) { put(spec, {"analysis", "iterations"}, 3); });
    });
}

// Anything at any time: new revisions, edits, bad pods, bad metrics, kills. The laws hold, ticks
// come to rest, and when the storm is over the Canary settles on what the target says.
TEST_CASE("whatever happens, the laws hold and the Canary settles") {
    const auto storm = [](unsigned seed) {
        std::mt19937 random(seed);
        const auto chance = [&](int percent) { return static_cast<int>(random() % 100) < percent; };
        Cluster cluster;
        cluster.pods = chance(50) ? Pods::staged : Pods::instant;
        cluster.no_mesh = chance(25);
        if (chance(30)) {
            cluster.edit_canary([](Json& spec) { put(spec, {"analysis", "iterations"}, 3); });
        }
        if (chance(70)) with_checks(cluster);
        if (chance(30)) {
            cluster.edit_canary(
                [&](Json& spec) { put(spec, {"analysis", "stepWeightPromotion"}, 20); });
        }
        bool calm = false;
        cluster.answer = [&](const Question& question) -> Answer {
            if (calm) return {canary::Outcome::passed, {}, 100.0};
            if (chance(10)) return {canary::Outcome::error, "timed out", {}};
            if (question.id.starts_with("metric/") && chance(15))
                return {canary::Outcome::no_values, "none", {}};
            return {canary::Outcome::passed, {}, chance(15) ? 50.0 : 100.0};
        };
        int version = 1;
        for (int event = 0; event < 25; ++event) {
            switch (random() % 16) {
                case 0:
                    cluster.set_image(fmt::format("podinfo:{}", ++version));
                    break;
                case 1:
                    cluster.set_image(
                        fmt::format("podinfo:{}", 1 + random() % static_cast<unsigned>(version)));
                    break;
                case 2:
                    cluster.bad_images.insert(
                        fmt::format("podinfo:{}", 1 + random() % static_cast<unsigned>(version)));
                    break;
                case 3:
                    cluster.bad_images.clear();
                    break;
                case 4:
                    cluster.edit_canary([&](Json& spec) {
                        put(spec, {"analysis", "stepWeight"}, 5 + static_cast<int>(random() % 60));
                    });
                    break;
                case 5:
                    cluster.edit_canary(
                        [&](Json& spec) { put(spec, {"skipAnalysis"}, chance(30)); });
                    break;
                case 6:
                    cluster.edit_canary([&](Json& spec) { put(spec, {"suspend"}, chance(30)); });
                    break;
                case 7:
                    if (!cluster.routes) break;
                    cluster.routes =
                        Weights{static_cast<int>(random() % 120), static_cast<int>(random() % 120)};
                    cluster.drifted = true;
                    cluster.by_hand();
                    break;
                case 8:
                    cluster.hindrance = chance(50) ? "it cannot be carried out" : "";
                    break;
                case 9:
                    cluster.primary.reset();
                    break;
                case 10:
                    cluster.wish(chance(50) ? "abort" : "promote");
                    break;
                case 11:
                    cluster.edit_canary([&](Json& spec) {
                        put(spec, {"analysis", "maxWeight"}, chance(50) ? 150 : 50);
                    });
                    break;
                case 12:
                    if (cluster.apex && cluster.no_mesh) {
                        put(*cluster.apex, {"spec", "selector", "app"}, "podinfo");
                        cluster.by_hand();
                    }
                    break;
                default:
                    break;
            }
            if (chance(50)) cluster.writes_left = static_cast<int>(random() % 12);
            cluster.run(std::chrono::seconds(1 + random() % 90));
        }
        cluster.writes_left.reset();
        if (chance(50)) {
            // Whatever else is wrong, a person who takes a release back is heard.
            cluster.edit_canary([&](Json& spec) { put(spec, {"suspend"}, false); });
            const auto analysed = [&] {
                return cluster.phase() == "Progressing" || cluster.phase() == "WaitingPromotion";
            };
            if (analysed()) {
                cluster.wish("abort");
                cluster.tick();
                const auto world = cluster.world();
                const auto pods = [](const std::optional<Workload>& one) {
                    return one ? one->available : 0;
                };
                const bool nobody_else = pods(world.primary) == 0 && pods(world.target) > 0;
                if (cluster.live().canary > 0 && !nobody_else && !cluster.is_promoting())
                    cluster.complaints.emplace_back("an abort that leaves the canary its traffic");
            }
        }
        calm = true;
        cluster.hindrance.clear();
        cluster.bad_images.clear();
        cluster.edit_canary([](Json& spec) {
            put(spec, {"suspend"}, false);
            put(spec, {"skipAnalysis"}, false);
            put(spec, {"analysis", "stepWeight"}, 25);
            put(spec, {"analysis", "maxWeight"}, 50);
        });
        cluster.run(3min);
        cluster.set_image("podinfo:last");
        cluster.run(10min);
        return cluster;
    };
    for (unsigned seed = 1; seed <= 40; ++seed) {
        CAPTURE(seed);
        const auto cluster = storm(seed);
        CHECK(cluster.complaints == Messages{});
        CHECK(cluster.phase() == "Succeeded");
        REQUIRE(cluster.primary);
        CHECK(cluster.image_of(*cluster.primary) == "podinfo:last");
        CHECK(cluster.live() == Weights{100, 0});
        CHECK(integer_at(*cluster.target, {"spec", "replicas"}) == 0);
        CHECK(cluster.revisions.size() == 1);
    }
}
