// What goes wrong with the peer and must not here, seen from outside (canary.md 7.1, 7.2).
#include "lab/apiserver/statuses.hpp"
#include "scenario/script.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace sluice;
using namespace sluice::scenario;
using namespace std::chrono_literals;

namespace {

namespace resources = kube::resources;

void play(World& world, const std::string& script) {
    Player player(world);
    const auto wrong = player.play(parse_script(script));
    for (const auto& what : wrong) MESSAGE(what);
    REQUIRE(wrong.empty());
}

std::ptrdiff_t times_said(const World& world, const std::string& beginning) {
    return std::ranges::count_if(
        world.log, [&](const Message& message) { return message.text.starts_with(beginning); });
}

std::int64_t replicas(const World& world, const std::string& name) {
    return integer_at(world.get(resources::deployments, name), {"spec", "replicas"}).value_or(-1);
}

}  // namespace

TEST_CASE(
    "a rollback whose route is refused is told once, and the canary stays until it is left "
    "(DB-28)") {
    World world;
    play(world,
         "target 1\ncanary step 10 max 50 threshold 1 metric request-success-rate 99 -\nstart\n"
         "until phase Initialized\nimage 6.1.0\nuntil weight 20\n");
    bool refuse = true;
    world.cluster.admit(
        resources::virtual_services, [&refuse](Json&, const Json*) -> std::optional<lab::Status> {
            if (!refuse) return std::nullopt;
            return lab::statuses::forbidden(
                resources::virtual_services, "podinfo", "the mesh is in maintenance");
        });
    world.neighbours.metrics["request-success-rate"] = "12";
    world.run_for(10min);
    CHECK(world.phase() == "Progressing");
    CHECK(world.route_weight() == 20);
    CHECK(replicas(world, "podinfo") == 1);
    CHECK(times_said(world, "Rolling back podinfo.test failed checks threshold reached 1") == 1);
    CHECK(times_said(world, "Canary failed!") == 0);
    const auto refusals = std::ranges::count_if(world.log, [](const Message& message) {
        return message.text.find("the mesh is in maintenance") != std::string::npos;
    });
    CHECK(refusals == 1);
    refuse = false;
    world.run_for(3min);
    CHECK(world.phase() == "Failed");
    CHECK(world.route_weight() == 0);
    CHECK(world.violations.empty());
}

TEST_CASE("a step whose route is refused asks its hooks no more often than a gate is asked") {
    World world;
    play(world,
         "target 1\ncanary step 10 max 50 interval 60s metric request-success-rate 99 - "
         "hook rollout load-test\nstart\nuntil phase Initialized\nimage 6.1.0\nuntil weight 20\n");
    world.cluster.admit(
        resources::virtual_services, [](Json&, const Json*) -> std::optional<lab::Status> {
            return lab::statuses::forbidden(
                resources::virtual_services, "podinfo", "the mesh is in maintenance");
        });
    world.run_for(58s);
    world.neighbours.hook_calls.clear();
    world.run_for(60s);
    CHECK(world.status_weight() == 20);
    CHECK(!world.neighbours.hook_calls.empty());
    CHECK(world.neighbours.hook_calls.size() <= 6);
}

TEST_CASE("a controller that starts in the middle of a step waits for the rest of it (DB-29)") {
    World world;
    play(world,
         "target 1\ncanary step 10 max 50 interval 180s metric request-success-rate 99 - "
         "hook rollout load-test\nstart\nuntil phase Initialized\nimage 6.1.0\nuntil weight 20\n");
    const auto stepped = world.clock.now();
    world.run_for(20s);
    world.kill_controller();
    world.neighbours.hook_calls.clear();
    world.start_controller();
    world.run_for(stepped + 178s - world.clock.now());
    CHECK(world.status_weight() == 20);
    CHECK(world.neighbours.hook_calls.empty());
    world.run_for(4s);
    CHECK(world.status_weight() == 30);
    CHECK(world.neighbours.hook_calls.size() == 1);
}

TEST_CASE(
    "a new revision and a ready canary are acted upon when they are seen, whatever the interval "
    "(DB-30)") {
    World world;
    play(world,
         "target 1\ncanary step 10 max 50 interval 60m metric request-success-rate 99 -\nstart\n"
         "until phase Initialized\nrun 5m\nimage 6.1.0\nrun 1s\nphase Progressing\n"
         "run 20s\nweight 10\nimage 6.2.0\nrun 1s\n");
    CHECK(times_said(world, "New revision detected! Restarting analysis for podinfo.test") == 1);
}

TEST_CASE("a failed Canary costs nothing (DB-33)") {
    World world;
    play(world,
         "target 1\ncanary step 10 max 50 threshold 1 metric request-success-rate 99 -\nstart\n"
         "until phase Initialized\nmetric request-success-rate 12\nimage 6.1.0\n"
         "until phase Failed\nrun 1m\ncount-writes\nrun 2h\nwrites 0\n");
    CHECK(integer_at(world.canary(), {"status", "observedGeneration"}) ==
          integer_at(world.canary(), {"metadata", "generation"}));
}

TEST_CASE("metric providers that are away are told once while a Canary is made (DB-34)") {
    World world;
    world.neighbours.prometheus_away = true;
    play(world,
         "target 1\npods * unready\ncanary step 10 max 50 metric request-success-rate 99 "
         "-\nstart\nrun 5m\n");
    CHECK(times_said(world, "Error checking metric providers:") == 1);
}

TEST_CASE("a primary that cannot start leaves the target and its traffic alone (DB-16)") {
    for (const std::string more : {"", " skip-analysis"}) {
        CAPTURE(more);
        World world;
        play(world,
             "target 2\npods * unready\ncanary step 10 max 50 deadline 30" + more +
                 "\nstart\nrun 10m\nphase Initializing\nreplicas podinfo 2\nroute -1\n");
        // Past our deadline, and past the Deployment's own.
        CHECK(times_said(world, "initialization of podinfo.test is stuck: ") == 2);
        play(world, "pods * ready\ndelete deployment podinfo-primary\nuntil phase Initialized\n");
        CHECK(world.violations.empty());
    }
}

TEST_CASE("the definition keeps every field of an A/B test's match (DBR-7)") {
    World world;
    const std::string match =
        R"([{"authority":{"exact":"a"},"headers":{"x":{"exact":"1"}},"ignoreUriCase":true,"method":{"exact":"GET"},"queryParams":{"v":{"regex":"2"}},"scheme":{"exact":"http"},"statPrefix":"s","uri":{"prefix":"/a"},"withoutHeaders":{"bot":{"exact":"1"}}}])";
    play(world,
         "target 1\ncanary metric request-success-rate 99 - with "
         R"({"spec": {"analysis": {"iterations": 2, "match": )" +
             match + "}}}\n");
    CHECK(canonical_text(*find(world.canary(), {"spec", "analysis", "match"})) ==
          canonical_text(*parse_json(match)));
}

namespace {

// Another Deployment beside podinfo, which may take its place behind the same service.
void make_other_target(World& world, const std::string& image) {
    auto other = world.get(resources::deployments, "podinfo");
    const Json labels = JsonObject{{"app", "other"}};
    put(other, {"metadata"}, JsonObject{{"name", "other"}, {"namespace", "test"}});
    put(other, {"spec", "replicas"}, 1);
    put(other, {"spec", "selector", "matchLabels"}, labels);
    put(other, {"spec", "template", "metadata", "labels"}, labels);
    find(other, {"spec", "template", "spec", "containers"})->as_array()[0].as_object()["image"] =
        "stefanprodan/podinfo:" + image;
    drop(other, {"status"});
    world.apply(other);
    world.run_for(10s);
}

std::string selected_by(const World& world, const std::string& service) {
    return std::string(
        text_at(world.get(resources::services, service), {"spec", "selector", "app"}));
}

}  // namespace

TEST_CASE("a Canary that is pointed at another target is served by the old one until that can") {
    for (const bool in_mid_release : {false, true}) {
        CAPTURE(in_mid_release);
        World world;
        play(world,
             "target 1\ncanary step 10 max 50 metric request-success-rate 99 - with "
             R"({"spec": {"service": {"name": "podinfo", "port": 9898}}})"
             "\nstart\nuntil phase Initialized\n");
        if (in_mid_release) play(world, "image 6.1.0\nuntil weight 30\n");
        play(world, "pods *:7.0.0 unready\n");
        make_other_target(world, "7.0.0");
        world.patch(resources::canaries,
                    "podinfo",
                    boost::json::parse(R"({"spec": {"targetRef": {"name": "other"}}})"));
        world.run_for(10min);
        CHECK(world.phase() == "Initializing");
        CHECK(world.route_weight() == 0);
        CHECK(selected_by(world, "podinfo") == "podinfo-primary");
        CHECK(selected_by(world, "podinfo-primary") == "podinfo-primary");
        CHECK(replicas(world, "other") == 1);

        play(world,
             "pods *:7.0.0 ready\ndelete deployment other-primary\nuntil phase Initialized\n");
        CHECK(selected_by(world, "podinfo") == "other-primary");
        CHECK(selected_by(world, "podinfo-primary") == "other-primary");
        CHECK(selected_by(world, "podinfo-canary") == "other");
        CHECK(replicas(world, "other") == 0);
        CHECK(world.violations.empty());
    }
}

TEST_CASE(
    "a failed round that is asked again after a kill is one Event, though its value differs") {
    for (int write = 1; write <= 4; ++write) {
        CAPTURE(write);
        World world({.leader_election = false});
        play(world,
             "target 1\ncanary step 10 max 50 threshold 3 metric request-success-rate 99 -\nstart\n"
             "until phase Initialized\nimage 6.1.0\nuntil weight 10\n"
             "metric request-success-rate 97\n");
        world.api.die_after(write, [&world] {
            world.neighbours.metrics["request-success-rate"] = "96";
            world.kill_controller_soon();
        });
        const auto failed = [&] {
            return integer_at(world.canary(), {"status", "failedChecks"}).value_or(0);
        };
        for (int i = 0; i < 60 && failed() == 0; ++i) world.run_for(1s);
        CHECK(failed() == 1);
        world.run_for(2s);
        const auto events = world.events();
        CHECK(std::ranges::count_if(events, [](const auto& text) {
                  return text.starts_with("Halt podinfo.test advancement");
              }) == 1);
    }
}
