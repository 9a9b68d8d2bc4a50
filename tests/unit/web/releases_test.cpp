// What it costs to have all releases built: how many objects are read, and what is built anew.
#include "web/releases.hpp"

#include "known_world.hpp"
#include "web/people.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::web;
using namespace sluice::web::test;
using namespace std::chrono_literals;

namespace {

namespace resources = kube::resources;

// Under way for so long that its beginning is no longer among the decisions that are kept.
constexpr std::string_view advanced = R"({"phase": "Progressing", "canaryWeight": 40,
    "decisions": [{"at": "2025-12-31T23:59:00Z", "what": "advance", "said": ["on"]}]})";

struct World : KnownWorld {
    World() { releases.look_at(known); }

    void put_canary(const std::string& name, std::string_view status) {
        tell(resources::canaries, a_canary(name, status));
        releases.note_change(resources::canaries, {"test", name});
    }
    void put_event(const std::string& about,
                   int number,
                   std::string_view message,
                   std::string_view at = "2025-12-31T23:50:00Z") {
        Json event = JsonObject{{"message", message}, {"lastTimestamp", at}};
        put(event, {"metadata"}, meta(fmt::format("{}.{}", about, number)));
        put(event,
            {"involvedObject"},
            JsonObject{{"kind", "Canary"}, {"namespace", "test"}, {"name", about}});
        tell(resources::events, event);
        releases.note_event({"test", about}, event);
    }
    void build_all() {
        for (const auto& key : *releases.keys()) releases.find(key);
    }
    std::optional<Time> began(const std::string& name) {
        build_all();
        for (const auto& one : releases.under_way()) {
            if (one.key.name == name) return one.met.since;
        }
        return std::nullopt;
    }

    Settings settings;
    routing::Table routers;
    Releases releases{settings, clock, routers};
};

Json a_workload() {
    Json workload = JsonObject{};
    put(workload, {"metadata"}, meta("web-primary"));
    put(workload, {"spec", "selector", "matchLabels"}, JsonObject{{"app", "web-primary"}});
    return workload;
}

// What was measured of some workloads in half a minute.
std::shared_ptr<const RatesTable> measured(
    std::initializer_list<std::pair<std::string, double>> rates) {
    auto table = std::make_shared<RatesTable>();
    table->reason = "no requests in the last 30 s";
    for (const auto& [workload, rps] : rates) {
        table->workloads[{"test", workload}] = {
            .rps = rps, .success = 1, .p50 = 5, .p95 = 6, .p99 = 7, .reason = {}};
    }
    return table;
}

}  // namespace

TEST_CASE("a release is built from its own Events, and they are read once") {
    World world;
    constexpr std::uint64_t releases = 20;
    constexpr int events = 30;
    for (std::uint64_t i = 0; i < releases; ++i) {
        const auto name = fmt::format("r{}", i);
        world.put_canary(name, advanced);
        world.put_event(name, 0, fmt::format("New revision detected! Scaling up {}.test", name));
        for (int k = 1; k < events; ++k) world.put_event(name, k, "on");
    }
    world.build_all();
    // Each Event, and a few objects for each release.
    CHECK(world.parsed() <= releases * (events + 10));
    CHECK(world.began("r7") == Time{1767225000s});
    // A step of one of them, and of all of them.
    world.parsed();
    world.put_canary("r7", advanced);
    world.build_all();
    CHECK(world.parsed() <= 10);
    for (std::uint64_t i = 0; i < releases; ++i) world.put_canary(fmt::format("r{}", i), advanced);
    world.build_all();
    CHECK(world.parsed() <= releases * 10);
    CHECK(world.began("r7") == Time{1767225000s});
}

TEST_CASE("a run that begins anew is told from then on, though its decision was never seen") {
    World world;
    world.put_canary("podinfo", advanced);
    world.put_event("podinfo", 1, "New revision detected! Scaling up podinfo.test");
    CHECK(world.began("podinfo") == Time{1767225000s});
    world.put_event("podinfo",
                    2,
                    "New revision detected! Restarting analysis for podinfo.test",
                    "2025-12-31T23:55:00Z");
    world.put_event("other", 3, "New revision detected! Scaling up podinfo.test");
    world.put_canary("podinfo", advanced);
    CHECK(world.began("podinfo") == Time{1767225300s});
}

TEST_CASE("a release's detail says what its pods wait for, to who may list them") {
    World world;
    world.tell(resources::deployments, a_workload());
    Json pod = JsonObject{{"spec", JsonObject{}}};
    put(pod, {"metadata"}, meta("web-primary-7d-x"));
    put(pod, {"metadata", "labels"}, JsonObject{{"app", "web-primary"}});
    put(pod,
        {"status"},
        boost::json::parse(R"({"phase": "Pending", "containerStatuses": [{"name": "app",
            "ready": false, "state": {"waiting": {"reason": "CreateContainerConfigError",
            "message": "configmap \"app\" not found"}}}]})"));
    world.tell(resources::pods, pod);
    // Long since: it needs a person.
    world.put_canary("web", R"({"phase": "Initializing", "unreadySince": "2025-12-31T20:00:00Z"})");
    const auto told_to = [&](const LeftOut& what) {
        auto json = world.releases.detailed({"test", "web"});
        REQUIRE(json);
        leave_out(*json, what);
        CHECK(json->at("detail").as_object().find("withPods") ==
              json->at("detail").as_object().end());
        return *std::move(json);
    };
    const std::string reason = "CreateContainerConfigError: configmap \"app\" not found (1 pod)";
    const Json all = told_to({});
    CHECK(text_at(all, {"message"}).find(reason) != std::string::npos);
    CHECK(text_at(all, {"attention", "sentence"}) == text_at(all, {"message"}));
    CHECK(text_at(all, {"outlook", "waitsFor"}) ==
          "the pods of web-primary to be ready: " + reason);
    CHECK(to_text(told_to({.pods = true})).find("configmap") == std::string::npos);
    // What is told to everybody has no word of it.
    CHECK(to_text(Json(world.releases.find({"test", "web"})->json)).find("configmap") ==
          std::string::npos);
}

TEST_CASE("new numbers of a release that rests are put into it, and it is not built anew") {
    World world;
    world.put_canary("podinfo", R"({"phase": "Succeeded"})");
    world.releases.measure(30s, measured({}));
    world.build_all();
    CHECK(text_for(*world.releases.find({"test", "podinfo"}), {}).find("no requests") !=
          std::string::npos);
    const auto built = world.releases.built();
    const auto table = measured({{"podinfo-primary", 14}, {"podinfo", 6}});
    world.releases.measure(30s, table);
    world.parsed();
    auto* release = world.releases.find({"test", "podinfo"});
    CHECK(world.parsed() == 0);
    CHECK(world.releases.built() == built);
    CHECK(world.releases.take_remeasured().empty());
    // As if it had been built anew.
    Releases other{world.settings, world.clock, world.routers};
    other.look_at(world.known);
    other.measure(30s, table);
    CHECK(release->json == other.find({"test", "podinfo"})->json);
    CHECK(*number_at(release->json.at("weight"), {"measured"}) == doctest::Approx(0.3));
    CHECK(text_for(*release, {}).find("no requests") == std::string::npos);
}

TEST_CASE("a release under way is built anew for new numbers, and for none that are the same") {
    World world;
    world.put_canary("podinfo", advanced);
    world.put_canary("resting", R"({"phase": "Succeeded"})");
    world.releases.measure(30s, measured({{"podinfo", 6}, {"resting", 1}}));
    world.build_all();
    const auto built = world.releases.built();
    world.releases.measure(30s, measured({{"podinfo", 6}, {"resting", 2}}));
    world.build_all();
    CHECK(world.releases.built() == built);
    CHECK(world.releases.take_remeasured().empty());
    world.releases.measure(30s, measured({{"podinfo", 7}, {"resting", 2}}));
    world.build_all();
    CHECK(world.releases.built() == built + 1);
    CHECK(world.releases.take_remeasured() == std::set{kube::ObjectKey{"test", "podinfo"}});
    CHECK(world.releases.take_remeasured().empty());
}

TEST_CASE("a release with a window that is not asked about has the numbers of another one") {
    World world;
    world.put_canary("podinfo", R"({"phase": "Succeeded"})");
    world.releases.measure(60s, measured({{"podinfo", 6}}));
    world.build_all();
    world.releases.measure(60s, measured({{"podinfo", 9}}));
    const auto* release = world.releases.find({"test", "podinfo"});
    CHECK(*number_at(release->json.at("revisions"), {"canary", "rps"}) == 9);
    world.releases.measure(30s, measured({{"podinfo", 4}}));
    world.releases.measure(60s, measured({{"podinfo", 5}}));
    CHECK(*number_at(release->json.at("revisions"), {"canary", "rps"}) == 4);
}

TEST_CASE("the requests that a version met so far never become fewer within its run") {
    World world;
    const kube::ObjectKey key{"test", "podinfo"};
    const auto met = [&](double requests, double failed, Time since) {
        world.releases.met(key, {.requests = requests, .failed = failed, .since = since});
        const auto& json = world.releases.find(key)->json;
        return std::pair(*number_at(json.at("exposure"), {"requests"}),
                         *number_at(json.at("exposure"), {"failed"}));
    };
    world.put_canary("podinfo", advanced);
    world.build_all();
    CHECK(met(120, 4, Time{100s}) == std::pair(120.0, 4.0));
    // The pods are gone, and with them what was reckoned up to now.
    CHECK(met(111, 5, Time{100s}) == std::pair(120.0, 5.0));
    // Once callers report, what they saw is told, and no longer the tries.
    world.releases.met(
        key, {.by = "callers", .requests = 108, .failed = 0, .cut_off = 4, .since = Time{100s}});
    const auto& seen = world.releases.find(key)->json.at("exposure");
    CHECK(*number_at(seen, {"requests"}) == 108);
    CHECK(*number_at(seen, {"failed"}) == 0);
    CHECK(*number_at(seen, {"cutOff"}) == 4);
    CHECK(text_at(seen, {"by"}) == "callers");
    // Another run counts from its own beginning.
    CHECK(met(3, 0, Time{500s}) == std::pair(3.0, 0.0));
}
