// The golden traces of canary.md 2.17 and the checks of its section 8, message for message, in the
// model.
#include "model.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace sluice;
using namespace sluice::model;
using namespace std::chrono_literals;
using Messages = std::vector<std::string>;

namespace {

const std::string new_revision = "New revision detected! Scaling up podinfo.test";
const std::string starting = "Starting canary analysis for podinfo.test";
const std::string copying = "Copying podinfo.test template spec to podinfo-primary.test";
const std::string all_home = "Routing all traffic to primary";
const std::string promoted = "Promotion completed! Scaling down podinfo.test";
const std::string gone = "Canary failed! Scaling down podinfo.test";

std::string advance(int weight) {
    return fmt::format("Advance podinfo.test canary weight {}", weight);
}

Cluster initialized() {
    Cluster cluster;
    cluster.run(30s);
    REQUIRE(cluster.complaints == Messages{});
    REQUIRE(cluster.phase() == "Initialized");
    cluster.messages.clear();
    cluster.log.clear();
    return cluster;
}

std::vector<Json> metric(const std::string& text) {
    return {*parse_json(text)};
}

void add_metric(Cluster& cluster, const std::string& text) {
    cluster.edit_canary([&](Json& spec) {
        auto* metrics = find(spec, {"analysis", "metrics"});
        if (metrics == nullptr) {
            put(spec, {"analysis", "metrics"}, JsonArray{});
            metrics = find(spec, {"analysis", "metrics"});
        }
        for (const auto& one : metric(text)) metrics->get_array().push_back(one);
    });
}

Answer value(double number) {
    return {Outcome::passed, {}, number};
}

}  // namespace

TEST_CASE("a new Canary is initialized in the peer's order of writes") {
    Cluster cluster;
    cluster.pods = Pods::staged;
    cluster.run(40s);
    CHECK(cluster.complaints == Messages{});
    CHECK(cluster.messages ==
          Messages{
              will_rest,
              "all the metrics providers are available!",
              "podinfo-primary.test not ready: waiting for rollout to finish: observed deployment "
              "generation less than desired generation",
              "Initialization done! podinfo.test"});
    CHECK(cluster.log == Messages{"status: begin",
                                  "create Service podinfo-canary",
                                  "create Service podinfo-primary",
                                  cluster.log.at(3),  // the kept template; its name holds a hash
                                  "create Deployment podinfo-primary",
                                  "status: primary",
                                  "create Service podinfo",
                                  "scale podinfo to 0",
                                  "ensure routes 100/0",
                                  "status: initialized",
                                  "status: settle"});
    CHECK(cluster.log.at(3).starts_with("create ControllerRevision podinfo-primary-"));
    CHECK(cluster.phase() == "Initialized");
    CHECK(text_at(cluster.status(), {"lastAppliedSpec"}) ==
          text_at(cluster.status(), {"lastPromotedSpec"}));
    CHECK(text_at(cluster.status(), {"lastAppliedSpec"}).starts_with("v2:"));
}

TEST_CASE("an apex Service that was there before drains before the target goes") {
    Cluster cluster;
    cluster.apex = *parse_json(
        R"({"metadata": {"name": "podinfo", "namespace": "test", "uid": "s", "resourceVersion": "3",
        "labels": {"mine": "1"}}, "spec": {"selector": {"app": "podinfo"}, "ports": [{"name": "http", "port": 9898,
        "protocol": "TCP", "targetPort": 9898, "nodePort": 30001}], "type": "NodePort"}})");
    cluster.run(8s);
    CHECK(cluster.phase() == "Initializing");
    CHECK(text_at(*cluster.apex, {"spec", "selector", "app"}) == "podinfo-primary");
    CHECK(integer_at(*cluster.target, {"spec", "replicas"}) == 1);
    cluster.run(10s);
    CHECK(cluster.phase() == "Initialized");
    CHECK(cluster.complaints == Messages{});
    // Adopted: metadata, type and node port stay.
    CHECK(text_at(*cluster.apex, {"metadata", "labels", "mine"}) == "1");
    CHECK(text_at(*cluster.apex, {"spec", "type"}) == "NodePort");
    CHECK(find(*cluster.apex, {"metadata", "ownerReferences"}) == nullptr);
}

TEST_CASE("a good canary goes up by its steps and is promoted") {
    auto cluster = initialized();
    cluster.edit_canary([](Json& spec) {
        put(spec,
            {"analysis", "webhooks"},
            *parse_json(
                R"([{"name": "acceptance-test", "type": "pre-rollout", "url": "http://tester"}])"));
    });
    cluster.run(2s);
    cluster.set_image("podinfo:2");
    cluster.pods = Pods::staged;
    cluster.run(6min);
    CHECK(cluster.complaints == Messages{});
    CHECK(story(cluster.messages) == Messages{new_revision,
                                              starting,
                                              "Pre-rollout check acceptance-test passed",
                                              advance(10),
                                              advance(20),
                                              advance(30),
                                              advance(40),
                                              advance(50),
                                              copying,
                                              all_home,
                                              promoted});
    CHECK(cluster.weights == std::vector<int>{10, 20, 30, 40, 50, 0});
    CHECK(cluster.phase() == "Succeeded");
    CHECK(cluster.image_of(*cluster.primary) == "podinfo:2");
    CHECK(integer_at(*cluster.target, {"spec", "replicas"}) == 0);
    CHECK(cluster.revisions.size() == 1);
    CHECK(cluster.finishes == Messages{"promoted"});
}

TEST_CASE("checks that fail up to the threshold roll back in the pass that counts the last one") {
    auto cluster = initialized();
    add_metric(
        cluster,
        R"({"name": "request-success-rate", "thresholdRange": {"min": 99}, "interval": "1m"})");
    cluster.answer = [](const Question&) { return value(69.1666); };
    cluster.run(1s);
    cluster.set_image("podinfo:2");
    cluster.run(2min);
    const std::string halt = "Halt podinfo.test advancement success rate 69.17% < 99%";
    CHECK(cluster.complaints == Messages{});
    CHECK(story(cluster.messages) ==
          Messages{new_revision,
                   starting,
                   advance(10),
                   halt,
                   halt,
                   "Rolling back podinfo.test failed checks threshold reached 2",
                   gone});
    CHECK(cluster.weights == std::vector<int>{10, 0});
    CHECK(cluster.phase() == "Failed");
    CHECK(integer_at(cluster.status(), {"failedChecks"}) == 0);
    CHECK(integer_at(cluster.status(), {"canaryWeight"}) == 0);
    CHECK(integer_at(*cluster.target, {"spec", "replicas"}) == 0);
    CHECK(cluster.image_of(*cluster.primary) == "podinfo:1");
    CHECK(cluster.alerts.back() == "Failed checks threshold reached 2");

    SUBCASE("and the failed revision is not tried again, a fix is") {
        cluster.messages.clear();
        cluster.run(2min);
        CHECK(cluster.messages == Messages{});
        cluster.answer = [](const Question&) { return value(100); };
        cluster.set_image("podinfo:3");
        cluster.run(6min);
        CHECK(cluster.phase() == "Succeeded");
        CHECK(cluster.image_of(*cluster.primary) == "podinfo:3");
    }
    SUBCASE("and going back to the promoted revision settles it") {
        cluster.messages.clear();
        cluster.set_image("podinfo:1");
        cluster.run(30s);
        CHECK(cluster.phase() == "Succeeded");
        CHECK(cluster.messages ==
              Messages{"podinfo.test is back at the promoted revision, analysis cancelled"});
    }
}

TEST_CASE("a new revision at weight 30 restarts the analysis from the pre-rollout hooks") {
    auto cluster = initialized();
    cluster.edit_canary([](Json& spec) {
        put(spec,
            {"analysis", "webhooks"},
            *parse_json(R"([{"name": "smoke", "type": "pre-rollout", "url": "http://tester"}])"));
    });
    cluster.run(2s);
    cluster.set_image("podinfo:2");
    cluster.run(70s);
    CHECK(cluster.live() == Weights{70, 30});
    cluster.messages.clear();
    cluster.set_image("podinfo:3");
    cluster.tick();
    CHECK(cluster.live() == Weights{100, 0});
    cluster.run(5s);
    CHECK(story(cluster.messages) ==
          Messages{"New revision detected! Restarting analysis for podinfo.test",
                   starting,
                   "Pre-rollout check smoke passed",
                   advance(10)});
    cluster.run(6min);
    CHECK(cluster.image_of(*cluster.primary) == "podinfo:3");
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE("a new revision takes the traffic home in the steps of stepWeightPromotion") {
    auto cluster = initialized();
    cluster.edit_canary([](Json& spec) { put(spec, {"analysis", "stepWeightPromotion"}, 20); });
    cluster.set_image("podinfo:2");
    while (cluster.live().canary < 50) cluster.run(1s);
    cluster.run(5s);
    cluster.messages.clear();
    cluster.weights.clear();
    cluster.set_image("podinfo:3");
    cluster.run(1s);
    CHECK(cluster.live() == Weights{70, 30});
    CHECK(integer_at(cluster.status(), {"canaryWeight"}) == 30);
    cluster.run(28s);
    CHECK(cluster.live() == Weights{70, 30});
    cluster.run(40s);
    CHECK(cluster.messages ==
          Messages{"New revision detected! Restarting analysis for podinfo.test",
                   "Advance podinfo.test primary weight 70",
                   "Advance podinfo.test primary weight 90",
                   "Advance podinfo.test primary weight 100",
                   starting,
                   advance(10)});
    cluster.run(10min);
    CHECK(cluster.phase() == "Succeeded");
    CHECK(cluster.image_of(*cluster.primary) == "podinfo:3");
    CHECK(cluster.weights == std::vector<int>{30, 10, 0, 10, 20, 30, 40, 50, 30, 10, 0});
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE("a canary without pods is left at once, however many steps there were to be") {
    auto cluster = initialized();
    cluster.edit_canary([](Json& spec) { put(spec, {"analysis", "stepWeightPromotion"}, 20); });
    cluster.set_image("podinfo:2");
    while (cluster.live().canary < 50) cluster.run(1s);
    cluster.pods = Pods::staged;
    cluster.bad_images = {"podinfo:3"};
    cluster.set_image("podinfo:3");
    put(*cluster.target, {"status", "availableReplicas"}, 0);
    cluster.run(1s);
    CHECK(cluster.live() == Weights{100, 0});
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE("a suspended Canary is left as it is") {
    auto cluster = initialized();
    cluster.set_image("podinfo:2");
    cluster.run(70s);
    REQUIRE(cluster.live() == Weights{70, 30});
    cluster.edit_canary([](Json& spec) { spec.as_object()["suspend"] = true; });
    cluster.messages.clear();
    cluster.log.clear();
    cluster.run(3min);
    CHECK(cluster.log == Messages{});
    CHECK(cluster.messages == Messages{"skipping canary run as object is suspended"});
    cluster.edit_canary([](Json& spec) { spec.as_object()["suspend"] = false; });
    cluster.run(3min);
    CHECK(cluster.phase() == "Succeeded");
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE("skipAnalysis promotes without checks, and waits for the primary") {
    auto cluster = initialized();
    cluster.edit_canary([](Json& spec) { spec.as_object()["skipAnalysis"] = true; });
    cluster.pods = Pods::staged;
    cluster.run(1s);
    cluster.messages.clear();
    cluster.set_image("podinfo:2");
    cluster.run(1min);
    CHECK(story(cluster.messages) ==
          Messages{new_revision,
                   copying,
                   "Promotion completed! Canary analysis was skipped for podinfo.test"});
    CHECK(cluster.weights == std::vector<int>{});
    CHECK(cluster.phase() == "Succeeded");
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE("stepWeightPromotion brings the traffic home step by step") {
    auto cluster = initialized();
    cluster.edit_canary([](Json& spec) { put(spec, {"analysis", "stepWeightPromotion"}, 20); });
    cluster.run(1s);
    cluster.messages.clear();
    cluster.set_image("podinfo:2");
    cluster.run(6min);
    const auto told = story(cluster.messages);
    REQUIRE(told.size() == 12);
    CHECK(Messages(told.begin() + 7, told.end()) ==
          Messages{copying,
                   "Advance podinfo.test primary weight 70",
                   "Advance podinfo.test primary weight 90",
                   "Advance podinfo.test primary weight 100",
                   promoted});
    CHECK(cluster.weights == std::vector<int>{10, 20, 30, 40, 50, 30, 10, 0});
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE("stepWeights are taken in their order") {
    auto cluster = initialized();
    cluster.edit_canary([](Json& spec) {
        drop(spec, {"analysis", "stepWeight"});
        drop(spec, {"analysis", "maxWeight"});
        put(spec, {"analysis", "stepWeights"}, JsonArray{1, 5, 50});
    });
    cluster.run(1s);
    cluster.set_image("podinfo:2");
    cluster.run(5min);
    CHECK(cluster.weights == std::vector<int>{1, 5, 50, 0});
    CHECK(cluster.phase() == "Succeeded");
}

TEST_CASE("a canary that never gets ready is rolled back at its deadline") {
    auto cluster = initialized();
    cluster.bad_images = {"podinfo:2"};
    cluster.set_image("podinfo:2");
    cluster.run(2min);
    CHECK(cluster.phase() == "Failed");
    CHECK(cluster.weights == std::vector<int>{});
    CHECK(story(cluster.messages) == Messages{new_revision, gone});
    CHECK(cluster.alerts.back().starts_with(
        "Progress deadline exceeded canary deployment podinfo.test not ready"));
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE("a primary that cannot start keeps the target serving") {
    Cluster cluster;
    cluster.bad_images = {"podinfo:1"};
    cluster.run(3min);
    CHECK(cluster.phase() == "Initializing");
    CHECK(integer_at(*cluster.target, {"spec", "replicas"}) == 1);
    CHECK(!cluster.apex);
    CHECK(cluster.alerts.size() == 1);
    cluster.bad_images.clear();
    cluster.run(30s);
    CHECK(cluster.phase() == "Initialized");
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE("a primary that dies while promoting leaves the canary serving until it is well") {
    auto cluster = initialized();
    cluster.set_image("podinfo:2");
    cluster.run(130s);
    REQUIRE(cluster.live() == Weights{50, 50});
    cluster.pods = Pods::staged;
    // The copy never starts on the primary, though it does as a canary.
    put(*cluster.primary, {"status", "availableReplicas"}, 0);
    cluster.bad_images = {"podinfo:2"};
    cluster.run(40s);
    REQUIRE(cluster.phase() == "Promoting");
    put(*cluster.primary, {"status", "availableReplicas"}, 0);
    cluster.run(90s);
    CHECK(cluster.phase() == "Failed");
    CHECK(cluster.complaints == Messages{});
    cluster.run(60s);
    // The proven template is back, and so is the traffic.
    CHECK(cluster.image_of(*cluster.primary) == "podinfo:1");
    CHECK(cluster.live() == Weights{100, 0});
    cluster.bad_images.clear();
    cluster.set_image("podinfo:3");
    cluster.run(6min);
    CHECK(cluster.phase() == "Succeeded");
    CHECK(cluster.image_of(*cluster.primary) == "podinfo:3");
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE("a wait for the primary that is over does not shorten the next one") {
    auto cluster = initialized();
    cluster.settings.drain_delay = 10min;
    cluster.set_image("podinfo:2");
    while (cluster.phase() != "Finalising") cluster.run(1s);
    const auto blink = [&](bool well, Duration later) {
        cluster.pass_time(later);
        put(*cluster.primary, {"status", "replicas"}, well ? 1 : 2);
        cluster.tick();
        return cluster.phase();
    };
    // The deadline is a minute.
    CHECK(blink(false, 1s) == "Finalising");
    CHECK(blink(true, 30s) == "Finalising");
    CHECK(blink(false, 2min) == "Finalising");
    CHECK(blink(false, 59s) == "Finalising");
    CHECK(blink(false, 2s) == "Failed");
}

TEST_CASE("weights that somebody else has written are put right") {
    auto cluster = initialized();
    cluster.set_image("podinfo:2");
    cluster.run(70s);
    REQUIRE(cluster.live() == Weights{70, 30});
    cluster.routes = Weights{95, 5};
    cluster.tick();
    CHECK(cluster.live() == Weights{70, 30});
    CHECK(cluster.messages.back() ==
          "podinfo.test carries 95/5, not 70/30 as decided: the weights are written again");
    cluster.routes.reset();
    cluster.tick();
    CHECK(cluster.live() == Weights{70, 30});
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE("a lost primary comes back as what was proven") {
    auto cluster = initialized();
    cluster.answer = [](const Question&) -> Answer { return {Outcome::no_values, "none", {}}; };
    cluster.set_image("podinfo:2");
    cluster.run(10s);
    cluster.primary.reset();
    cluster.run(5s);
    REQUIRE(cluster.primary);
    CHECK(cluster.image_of(*cluster.primary) == "podinfo:1");
}

TEST_CASE("an edited plan acts from the next pass and never makes the weight jump") {
    auto cluster = initialized();
    cluster.set_image("podinfo:2");
    cluster.run(70s);
    REQUIRE(cluster.live() == Weights{70, 30});
    cluster.edit_canary([](Json& spec) {
        put(spec, {"analysis", "stepWeight"}, 20);
        put(spec, {"analysis", "maxWeight"}, 60);
    });
    cluster.run(4min);
    CHECK(cluster.weights == std::vector<int>{10, 20, 30, 40, 60, 0});
    CHECK(cluster.phase() == "Succeeded");
    const auto told = cluster.messages;
    CHECK(std::ranges::find(told,
                            "Plan of podinfo.test changed: spec.analysis.maxWeight 50 -> 60, "
                            "spec.analysis.stepWeight 10 -> 20") != told.end());
}
