// Weights that somebody else sets.
#include "model.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace sluice;
using namespace sluice::model;
using namespace std::chrono_literals;

namespace {

constexpr Weights home{100, 0};

// The primary's pods are gone, and do not come back by themselves.
void lose_primary(Cluster& cluster) {
    cluster.bad_images.insert(cluster.image_of(*cluster.primary));
    put(*cluster.primary, {"status", "availableReplicas"}, 0);
}

}  // namespace

TEST_CASE("weights that somebody sets while nothing is under way are put right, with a Warning") {
    Cluster cluster;
    cluster.run(5min);
    REQUIRE(cluster.phase() == "Initialized");
    cluster.routes = Weights{95, 5};
    cluster.run(1min);
    CHECK(cluster.live() == home);
    CHECK(std::ranges::any_of(cluster.messages, [](const std::string& message) {
        return message.ends_with(
            " carries 95/5, not 100/0 as decided: the weights are written again");
    }));
    CHECK(cluster.complaints == std::vector<std::string>{});
}

TEST_CASE("they stay while the primary is not ready, for nobody else could answer") {
    Cluster cluster;
    cluster.run(5min);
    cluster.routes = Weights{95, 5};
    lose_primary(cluster);
    cluster.run(1min);
    CHECK(cluster.live() == Weights{95, 5});
    CHECK(cluster.complaints == std::vector<std::string>{});
}

TEST_CASE("a revision that comes while the primary is not ready is judged where it is") {
    Cluster cluster;
    cluster.pods = Pods::staged;
    cluster.run(5min);
    // So that the primary gates nothing.
    cluster.edit_canary([](Json& spec) { put(spec, {"skipAnalysis"}, true); });
    cluster.bad_images.insert("podinfo:2");
    cluster.set_image("podinfo:2");
    for (int i = 0; i < 10 && cluster.phase() != "Progressing"; ++i) cluster.tick();
    REQUIRE(cluster.phase() == "Progressing");
    cluster.routes = Weights{95, 5};
    lose_primary(cluster);
    cluster.set_image("podinfo:3");
    cluster.run(1min);
    CHECK(cluster.complaints == std::vector<std::string>{});
}

TEST_CASE("traffic that comes back in a drain is drained anew, also over a kill") {
    for (const bool good : {true, false}) {
        Cluster cluster;
        cluster.run(5min);
        cluster.answer = [good](const Question&) -> Answer {
            return {good ? Outcome::passed : Outcome::failed, {}, std::nullopt};
        };
        cluster.edit_canary([](Json& spec) {
            put(spec,
                {"analysis", "metrics"},
                *parse_json(
                    R"([{"name": "request-success-rate", "thresholdRange": {"min": 99}}])"));
        });
        cluster.set_image("podinfo:2");
        const auto drains = [&] {
            return !text_at(cluster.status(), {"routedAt"}).empty() && cluster.live() == home;
        };
        for (int i = 0; i < 600 && !drains(); ++i) cluster.run(2s);
        REQUIRE(drains());
        cluster.pass_time(cluster.settings.drain_delay - 1s);
        for (int writes = 1; writes <= 5; ++writes) {
            CAPTURE(good);
            CAPTURE(writes);
            auto killed = cluster;
            killed.routes = Weights{0, 100};
            killed.writes_left = writes;
            for (int i = 0; i < 3; ++i) killed.tick();
            killed.pass_time(1s);
            killed.writes_left.reset();
            killed.run(5min);
            CHECK(killed.live() == home);
            CHECK(killed.complaints == std::vector<std::string>{});
        }
    }
}

TEST_CASE("a target that is scaled up by hand drains before it goes, and the weights by it") {
    for (const auto moved : {Weights{100, 0}, Weights{95, 5}}) {
        CAPTURE(moved.canary);
        Cluster cluster;
        cluster.run(5min);
        put(*cluster.target, {"spec", "replicas"}, 2);
        cluster.work();
        cluster.routes = moved;
        cluster.by_hand();
        cluster.run(5s);
        CHECK(cluster.live() == home);
        CHECK(integer_at(*cluster.target, {"spec", "replicas"}) == 2);
        // And comes back in the middle of the drain.
        cluster.routes = Weights{90, 10};
        cluster.by_hand();
        cluster.run(1min);
        CHECK(cluster.live() == home);
        CHECK(integer_at(*cluster.target, {"spec", "replicas"}) == 0);
        CHECK(cluster.phase() == "Initialized");
        CHECK(cluster.complaints == std::vector<std::string>{});
        for (const auto& message : cluster.messages) CHECK(!message.starts_with("Canary failed"));
    }
}
