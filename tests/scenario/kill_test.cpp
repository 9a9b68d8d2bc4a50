// The controller dies after each of its writes, before it learns the answer, and starts again: the
// release ends the same, and no Event is lost or comes twice (canary.md 8, check 12).
#include "scenario/script.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

using namespace sluice;
using namespace sluice::scenario;

namespace {

struct Ending {
    std::string phase;
    std::string image;
    int weight = 0;
    std::vector<std::string> events;  // without the readiness Warnings, which depend on the moment
    std::set<std::string> alerts;     // what was told, however often
    int writes = 0;
    std::vector<std::string> wrong;
};

bool depends_on_the_moment(const std::string& message) {
    return message.find("not ready:") != std::string::npos;
}

Ending ending_of(World& world, std::vector<std::string> wrong) {
    Ending ending{
        .phase = world.phase(), .weight = world.route_weight(), .wrong = std::move(wrong)};
    const auto primary = world.get(kube::resources::deployments, "podinfo-primary");
    const auto& containers = array_at(primary, {"spec", "template", "spec", "containers"});
    if (!containers.empty()) ending.image = text_at(containers[0], {"image"});
    for (auto& message : world.events()) {
        if (!depends_on_the_moment(message)) ending.events.push_back(std::move(message));
    }
    const auto& alerts = world.neighbours.alerts;
    ending.alerts.insert(alerts.begin(), alerts.end());
    ending.writes = world.api.writes();
    return ending;
}

Ending play(const std::string& script, int deadly_write) {
    World world;
    Player player(world);
    player.set_lenient(deadly_write > 0);
    int kills = 0;
    if (deadly_write > 0) {
        world.api.die_after(deadly_write, [&world, &kills] {
            ++kills;
            world.kill_controller_soon();
        });
    }
    auto wrong = player.play(parse_script(script));
    CHECK(kills == (deadly_write > 0 ? 1 : 0));
    return ending_of(world, std::move(wrong));
}

void survive_kills(const std::string& file, int every) {
    const auto script = source_file(file);
    const auto whole = play(script, 0);
    REQUIRE(whole.wrong.empty());
    REQUIRE(whole.writes > 20);
    for (int write = 1; write <= whole.writes; write += every) {
        CAPTURE(file);
        CAPTURE(write);
        const auto killed = play(script, write);
        CHECK(killed.wrong == whole.wrong);
        CHECK(killed.phase == whole.phase);
        CHECK(killed.image == whole.image);
        CHECK(killed.weight == whole.weight);
        CHECK(killed.events == whole.events);
        CHECK(killed.alerts == whole.alerts);
    }
}

}  // namespace

TEST_SUITE("weights") {
    TEST_CASE("a release that is promoted survives a kill after any write") {
        survive_kills("tests/scenario/canary/promotes.scenario", 1);
    }

    TEST_CASE("a rollback survives a kill after every second write") {
        survive_kills("tests/scenario/canary/rolls_back.scenario", 2);
    }

    TEST_CASE("a promotion by steps survives a kill after every second write") {
        survive_kills("tests/scenario/canary/step_weights.scenario", 2);
    }

    TEST_CASE("a release on the peer's CRD survives a kill after any write") {
        survive_kills("tests/scenario/canary/peers_crd.scenario", 1);
    }

    TEST_CASE("no alert is lost to a kill after any fourth write") {
        survive_kills("tests/scenario/alerts/global.scenario", 4);
    }
}  // TEST_SUITE

// Each strategy and gate, at every third write: each writes what the others write too, in another
// order.
TEST_SUITE("strategies") {
    TEST_CASE("a release behind gates survives a kill after every third write") {
        survive_kills("tests/scenario/canary/gates.scenario", 3);
    }

    TEST_CASE("an A/B test survives a kill after every third write") {
        survive_kills("tests/scenario/canary/ab_testing.scenario", 3);
    }

    TEST_CASE("a mirrored blue/green release survives a kill after every third write") {
        survive_kills("tests/scenario/canary/blue_green_mirrored.scenario", 3);
    }

    TEST_CASE("a mirror stage survives a kill after every third write") {
        survive_kills("tests/scenario/canary/mirror_stage.scenario", 3);
    }

    TEST_CASE("session affinity survives a kill after every third write") {
        survive_kills("tests/scenario/canary/session_affinity.scenario", 3);
    }

    TEST_CASE("a rollback by hook survives a kill after every third write") {
        survive_kills("tests/scenario/canary/rollback_hook.scenario", 3);
    }
}  // TEST_SUITE
