// What it costs to know what lint says of a cluster: which changes make a namespace be looked at
// again, how often, and what is read then.
#include "web/validations.hpp"

#include "known_world.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::web;
using namespace sluice::web::test;
using namespace std::chrono_literals;

namespace {

namespace resources = kube::resources;

struct World : KnownWorld {
    void change(const kube::Resource& resource, const Json& object) {
        tell(resource, object);
        validations.note_change(*known, resource, kube::key_of(object));
    }
    // Looks wherever it is time to; how often.
    int look() {
        int looked = 0;
        for (; validations.is_due(); ++looked) validations.look(*known);
        return looked;
    }
    static Json deployment(std::int64_t ready, std::string_view image = "a") {
        Json object = JsonObject{{"metadata", meta("podinfo")}};
        put(object, {"spec", "image"}, Json(image));
        put(object, {"status", "readyReplicas"}, ready);
        return object;
    }

    Validations validations{clock, {}};
};

}  // namespace

TEST_CASE("a status alone is no reason to look at a namespace again") {
    World world;
    world.change(resources::canaries, a_canary("podinfo"));
    world.change(resources::deployments, World::deployment(1));
    CHECK(world.look() == 1);
    world.clock.run_for(5s);
    world.change(resources::canaries, a_canary("podinfo", R"({"phase": "Progressing"})"));
    world.change(resources::deployments, World::deployment(2));
    CHECK_FALSE(world.validations.due());
    // What the controller keeps for itself on a primary is no news either.
    auto noted = World::deployment(2);
    put(noted, {"metadata", "annotations"}, JsonObject{{"sluice.dev/state", "1"}});
    world.change(resources::deployments, noted);
    put(noted, {"metadata", "annotations", "sluice.dev/state"}, Json("2"));
    CHECK(world.look() == 1);
    world.clock.run_for(5s);
    world.change(resources::deployments, noted);
    CHECK_FALSE(world.validations.due());
    // Whether any pod runs is: a release needs one.
    put(noted, {"status", "readyReplicas"}, Json(0));
    world.change(resources::deployments, noted);
    CHECK(world.look() == 1);
    world.clock.run_for(5s);
    auto other = a_canary("podinfo", R"({"phase": "Progressing"})");
    put(other, {"spec", "analysis", "threshold"}, Json(7));
    world.change(resources::canaries, other);
    CHECK(world.look() == 1);
}

TEST_CASE("a namespace is looked at once a second at most, and others meanwhile") {
    World world;
    world.change(resources::canaries, a_canary("podinfo"));
    CHECK(world.look() == 1);
    for (int i = 0; i < 10; ++i) {
        auto canary = a_canary("podinfo");
        put(canary, {"spec", "analysis", "threshold"}, Json(i));
        world.change(resources::canaries, canary);
        CHECK(world.look() == 0);
    }
    auto elsewhere = a_canary("podinfo");
    put(elsewhere, {"metadata", "namespace"}, Json("other"));
    world.change(resources::canaries, elsewhere);
    CHECK(world.look() == 1);
    CHECK(world.validations.due() == world.clock.now() + 1s);
    world.clock.run_for(1s);
    CHECK(world.look() == 1);
    CHECK_FALSE(world.validations.due());
}

TEST_CASE("pods are read when they change, and not whenever their namespace is looked at") {
    World world;
    constexpr std::uint64_t pods = 50;
    for (std::uint64_t i = 0; i < pods; ++i) {
        world.change(resources::pods, JsonObject{{"metadata", meta(fmt::format("p{}", i))}});
    }
    world.change(resources::canaries, a_canary("podinfo"));
    CHECK(world.look() == 1);
    CHECK(world.parsed() >= pods);
    world.clock.run_for(5s);
    auto canary = a_canary("podinfo");
    put(canary, {"spec", "analysis", "threshold"}, Json(7));
    world.change(resources::canaries, canary);
    world.change(resources::pods, JsonObject{{"metadata", meta("p7")}, {"spec", JsonObject{}}});
    CHECK(world.look() == 1);
    CHECK(world.parsed() <= 10);
}
