#include "delivery/traffic.hpp"

#include "canary/model.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::canary;
using namespace std::chrono_literals;

namespace {

// A release at 70/30 with both versions ready.
World a_world() {
    World world;
    world.canary.name = "podinfo";
    world.canary.ns = "test";
    world.canary.apex = "podinfo";
    world.canary.target.name = "podinfo";
    world.canary.status.phase = api::Phase::progressing;
    world.now = *parse_rfc3339("2026-01-25T12:00:00Z");
    world.routes.state = RoutesState::weights;
    world.routes.weights = {.primary = 70, .canary = 30};
    world.routes.resource_version = "1";
    Workload ready;
    ready.name = "podinfo";
    ready.replicas = 2;
    ready.available = 2;
    ready.readiness.state = ReadyState::ready;
    world.target = ready;
    world.primary = ready;
    world.primary->name = "podinfo-primary";
    return world;
}

void make_unready(std::optional<Workload>& workload, std::int64_t pods) {
    workload->readiness = {ReadyState::waiting, "pods are missing", {}};
    workload->available = pods;
}

std::size_t broken(const World& world, std::vector<Effect> effects) {
    Act act;
    act.effects = std::move(effects);
    return traffic::violations(world, act).size();
}

Route route(int primary, int canary) {
    return {{primary, canary}, "", {}};
}

ScaleTarget scale(std::int64_t replicas) {
    return {Kind::deployment, "podinfo", "uid", replicas, {}};
}

}  // namespace

TEST_CASE("law 1: a version's weight is raised only while it is ready") {
    auto world = a_world();
    CHECK(broken(world, {route(60, 40)}) == 0);
    CHECK(broken(world, {route(100, 0)}) == 0);
    CHECK(broken(world, {route(60, 30)}) == 1);
    make_unready(world.target, 1);
    CHECK(broken(world, {route(60, 40)}) == 1);
    CHECK(broken(world, {route(100, 0)}) == 0);
    make_unready(world.primary, 1);
    CHECK(broken(world, {route(100, 0)}) == 1);
}

TEST_CASE("law 1's exception: leaving a failed canary") {
    auto world = a_world();
    world.canary.status.rollback = api::Rollback{"failed-checks", ""};
    make_unready(world.primary, 1);
    CHECK(broken(world, {route(100, 0)}) == 0);
    make_unready(world.primary, 0);
    CHECK(broken(world, {route(100, 0)}) == 1);
    make_unready(world.target, 0);
    CHECK(broken(world, {route(100, 0)}) == 0);
    // It is no leave to raise the canary.
    CHECK(broken(world, {route(0, 100)}) == 1);
}

TEST_CASE("law 1's exception: a canary without a pod") {
    auto world = a_world();
    make_unready(world.target, 0);
    make_unready(world.primary, 1);
    CHECK(broken(world, {route(100, 0)}) == 0);
    make_unready(world.primary, 0);
    CHECK(broken(world, {route(100, 0)}) == 1);
    make_unready(world.target, 1);
    make_unready(world.primary, 1);
    CHECK(broken(world, {route(100, 0)}) == 1);
}

TEST_CASE("law 2: between the route and the scale-down lies the drain") {
    auto world = a_world();
    CHECK(broken(world, {scale(0)}) == 1);
    CHECK(broken(world, {route(100, 0), scale(0)}) == 1);
    world.routes.weights = {100, 0};
    CHECK(broken(world, {scale(0)}) == 1);
    world.canary.status.routed_at = world.now - 9s;
    CHECK(broken(world, {scale(0)}) == 1);
    world.canary.status.routed_at = world.now - 10s;
    CHECK(broken(world, {scale(0)}) == 0);
    CHECK(broken(world, {scale(3)}) == 0);
    world.routes.state = RoutesState::unreadable;
    CHECK(broken(world, {scale(0)}) == 1);
}

TEST_CASE(
    "law 1 at deletion: the target takes everything back when it is ready, or had its deadline") {
    auto world = a_world();
    world.canary.deleting = true;
    world.canary.status.phase = api::Phase::terminating;
    world.canary.progress_deadline = 60s;
    world.canary.status.unready_since = world.now - 59s;
    CHECK(broken(world, {GiveBackApex{"podinfo", {}, {}}, GiveBackRoutes{}}) == 0);
    make_unready(world.target, 0);
    CHECK(broken(world, {GiveBackApex{"podinfo", {}, {}}}) == 1);
    CHECK(broken(world, {GiveBackRoutes{}}) == 1);
    world.canary.status.unready_since = world.now - 60s;
    CHECK(broken(world, {GiveBackRoutes{}}) == 0);
    world.target.reset();
    CHECK(broken(world, {GiveBackRoutes{}}) == 0);
}

TEST_CASE("law 2 at deletion: the primary drains before the Canary is let go") {
    auto world = a_world();
    world.canary.deleting = true;
    world.canary.status.phase = api::Phase::terminated;
    CHECK(broken(world, {HoldFinalizer{}}) == 1);
    world.canary.status.routed_at = world.now - 9s;
    CHECK(broken(world, {HoldFinalizer{}}) == 1);
    world.canary.status.routed_at = world.now - 10s;
    CHECK(broken(world, {HoldFinalizer{}}) == 0);
    CHECK(broken(world, {GiveBackRoutes{}, HoldFinalizer{}}) == 1);
    // One that gave nothing back takes nothing from its users but what it always did.
    world.canary.status = {};
    world.canary.status.phase = api::Phase::succeeded;
    CHECK(broken(world, {HoldFinalizer{}}) == 0);
}

TEST_CASE("law 2 at rest: a target that somebody scaled up drains too") {
    auto world = a_world();
    world.routes.weights = {100, 0};
    world.canary.status.phase = api::Phase::succeeded;
    CHECK(broken(world, {scale(0)}) == 1);
    world.canary.status.routed_at = world.now - 1s;
    CHECK(broken(world, {scale(0)}) == 1);
    world.canary.status.routed_at = world.now - 10s;
    CHECK(broken(world, {scale(0)}) == 0);
    world.routes.weights = {90, 10};
    CHECK(broken(world, {scale(0)}) == 1);
}

TEST_CASE("law 2 at initialization: an apex Service that served before has to drain") {
    auto world = a_world();
    world.canary.uid = "u";
    world.canary.status.phase = api::Phase::initializing;
    world.routes.state = RoutesState::absent;
    world.apex_service = parse_json(R"({"metadata": {"name": "podinfo"}})").value();
    CHECK(broken(world, {scale(0)}) == 1);
    world.apex_service =
        parse_json(R"({"metadata": {"name": "podinfo", "ownerReferences": [{"uid": "u"}]}})")
            .value();
    CHECK(broken(world, {scale(0)}) == 0);
}

TEST_CASE("the apex Service is pointed only at a primary that can answer") {
    auto world = a_world();
    Patch patch;
    patch.kind = Kind::service;
    patch.name = "podinfo";
    patch.patch = parse_json(R"({"spec": {"selector": {"app": "podinfo-primary"}}})").value();
    CHECK(broken(world, {patch}) == 0);
    // Put right: any pod is better than somebody else's.
    make_unready(world.primary, 1);
    CHECK(broken(world, {patch}) == 0);
    make_unready(world.primary, 0);
    CHECK(broken(world, {patch}) == 1);
    // At first all traffic is new to it.
    make_unready(world.primary, 1);
    world.canary.status.phase = api::Phase::initializing;
    CHECK(broken(world, {patch}) == 1);
}

TEST_CASE("the primary's Service is pointed only at a primary that can answer") {
    auto world = a_world();
    Patch patch;
    patch.kind = Kind::service;
    patch.name = "podinfo-primary";
    patch.patch = parse_json(R"({"spec": {"selector": {"app": "podinfo-primary"}}})").value();
    // Put right: any pod is better than somebody else's.
    make_unready(world.primary, 1);
    CHECK(broken(world, {patch}) == 0);
    make_unready(world.primary, 0);
    CHECK(broken(world, {patch}) == 1);
    // At first all of it is new to these pods.
    world.canary.status.phase = api::Phase::initializing;
    make_unready(world.primary, 1);
    CHECK(broken(world, {patch}) == 1);
}

TEST_CASE("without a mesh the apex Service's selector is the weight") {
    auto world = a_world();
    world.routes = {};
    world.routes.can.weights = false;
    world.selector_label = "app";
    world.selector_value = "podinfo";
    world.apex_service = parse_json(R"({"spec": {"selector": {"app": "podinfo"}}})").value();
    world.canary.status.routed_at = world.now - 1h;
    CHECK(broken(world, {scale(0)}) == 1);
    Patch home;
    home.kind = Kind::service;
    home.name = "podinfo";
    home.patch = parse_json(R"({"spec": {"selector": {"app": "podinfo-primary"}}})").value();
    CHECK(broken(world, {home}) == 0);
    CHECK(broken(world, {home, scale(0)}) == 1);
    // A rollback needs but one pod.
    make_unready(world.primary, 1);
    CHECK(broken(world, {home}) == 1);
    world.canary.status.rollback = api::Rollback{"aborted", ""};
    CHECK(broken(world, {home}) == 0);
}
