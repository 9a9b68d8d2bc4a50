// A cache against the lab's API server, in spite of everything.
#include "kube/cache.hpp"
#include "lab_world.hpp"

#include <rapidcheck.h>

using namespace sluice;
using namespace sluice::kube;
using namespace sluice::kube::test;

namespace {

Json config_map(const std::string& name, int value) {
    Json object = JsonObject{};
    put(object, {"metadata", "name"}, Json(name));
    put(object, {"metadata", "namespace"}, "default");
    put(object, {"data", "value"}, Json(std::to_string(value)));
    return object;
}

struct Converging {
    Converging()
        : cache(world.context.get_executor(),
                world.clock,
                world.random,
                reader,
                world.log,
                resources::config_maps,
                {.selection = {.ns = "default"}}) {
        cache.on_change([this](const ObjectKey& key) { told[key] = text_of(cache.get(key)); });
        world.tasks.spawn("cache", cache.run());
        world.clock.settle();
    }
    ~Converging() {
        world.tasks.cancel();
        world.clock.settle();
    }

    static std::string text_of(const std::optional<Json>& object) {
        return object ? std::string(text_at(*object, {"data", "value"})) : "none";
    }

    // What the server has and what the cache has, as one text each.
    std::string truth() const {
        std::string text;
        for (const auto& object : world.cluster.list(resources::config_maps, "default")) {
            auto kept = *object;
            without_bookkeeping(kept);
            text += canonical_text(kept) + "\n";
        }
        return text;
    }
    std::string known() const {
        std::string text;
        cache.for_each("default",
                       [&](const Json& object) { text += canonical_text(object) + "\n"; });
        return text;
    }

    // Writes go over the writer's own connection; what they answer is noted.
    void write(const std::string& name, int value) {
        const ObjectKey key{"default", name};
        auto answer =
            world.run(world.client.create(resources::config_maps, config_map(name, value)));
        if (!answer) {
            Json patch = JsonObject{};
            put(patch, {"data", "value"}, Json(std::to_string(value)));
            answer = world.run(world.client.merge_patch(resources::config_maps, key, patch));
        }
        RC_ASSERT(answer);
        cache.note(*answer);
        // Nobody else writes in between, so a pass sees exactly what it wrote.
        RC_ASSERT(text_of(cache.get(key)) == std::to_string(value));
    }
    void remove(const std::string& name) {
        const ObjectKey key{"default", name};
        const auto seen = cache.get(key);
        if (!seen) return;
        // As a pass does it: the object that it saw, and no other one of that name.
        const auto answer = world.run(
            world.client.remove(resources::config_maps, key, {.uid = std::string(uid_of(*seen))}));
        if (!answer) return;
        cache.note_deleted(key, *answer);
        RC_ASSERT(!cache.contains(key));
    }

    LabWorld world;
    // The cache's connection fails, the writer's does not.
    sluice::test::FaultyClient failing{world.context.get_executor(), world.in_process};
    Client reader{world.clock, failing, Connection{}};
    Cache cache;
    std::map<ObjectKey, std::string> told;
};

}  // namespace

TEST_CASE("a cache against the lab sees objects come, change and go") {
    Converging it;
    CHECK(it.cache.synced());
    REQUIRE(it.world.cluster.create(resources::config_maps, config_map("a", 1)));
    it.world.clock.settle();
    CHECK(Converging::text_of(it.cache.get({"default", "a"})) == "1");
    CHECK(it.truth() == it.known());
    it.world.server.end_streams();
    REQUIRE(it.world.cluster.remove(resources::config_maps, {"default", "a"}));
    it.world.clock.run_for(5s);
    CHECK_FALSE(it.cache.contains({"default", "a"}));
    CHECK(it.truth() == it.known());
}

TEST_CASE("a cache comes to the server's state through cuts, lost watches and its own writes") {
    const bool held = rc::check([] {
        Converging it;
        const auto steps = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 100));
        int value = 0;
        for (const int step : steps) {
            const auto name = std::string(1, static_cast<char>('a' + step % 4));
            const ObjectKey key{"default", name};
            ++value;
            if (step < 25) {
                it.write(name, value);
            } else if (step < 40) {
                it.remove(name);
            } else if (step < 60) {
                // Somebody else.
                if (it.world.cluster.find(resources::config_maps, key)) {
                    (void)it.world.cluster.update(resources::config_maps, config_map(name, value));
                } else {
                    (void)it.world.cluster.create(resources::config_maps, config_map(name, value));
                }
            } else if (step < 65) {
                (void)it.world.cluster.remove(resources::config_maps, key);
            } else if (step < 72) {
                it.failing.cut();
            } else if (step < 78) {
                it.failing.is_down = !it.failing.is_down;
                it.failing.cut();
            } else if (step < 82) {
                it.world.server.end_streams();
            } else if (step < 86) {
                int left = 2;
                it.failing.fault = [left](const net::Request&) mutable -> std::optional<Error> {
                    if (left-- <= 0) return std::nullopt;
                    return Error{ErrorKind::gone, "too old resource version"};
                };
                it.failing.cut();
            } else if (step < 90) {
                // More changes than the server remembers: the watch cannot go on where it was.
                it.failing.cut();
                for (int i = 0; i < 1100; ++i)
                    (void)it.world.cluster.update(resources::config_maps,
                                                  config_map(name, value + i));
            } else {
                it.world.clock.run_for(std::chrono::milliseconds{step * step});
            }
            it.world.clock.settle();
        }
        it.failing.is_down = false;
        it.world.clock.run_for(2min);
        RC_ASSERT(it.cache.synced());
        RC_ASSERT(it.known() == it.truth());
        // And who listened knows the same.
        for (const auto& [key, text] : it.told)
            RC_ASSERT(text == Converging::text_of(it.cache.get(key)));
        RC_ASSERT(it.told.size() >= it.cache.size());
    });
    CHECK(held);
}

TEST_CASE("a thousand objects come in a streaming list and in pages alike") {
    for (const bool streams : {true, false}) {
        LabWorld world;
        for (int i = 0; i < 1100; ++i)
            REQUIRE(world.cluster.create(resources::config_maps,
                                         config_map("m" + std::to_string(i), i)));
        if (!streams) {
            world.http.fault = [](const net::Request& request) -> std::optional<Error> {
                if (request.target.find("sendInitialEvents") == std::string::npos)
                    return std::nullopt;
                return Error{ErrorKind::invalid, "sendInitialEvents: Forbidden"};
            };
        }
        Cache cache(world.context.get_executor(),
                    world.clock,
                    world.random,
                    world.client,
                    world.log,
                    resources::config_maps,
                    {.selection = {.ns = "default"}});
        world.tasks.spawn("cache", cache.run());
        world.clock.run_for(1s);
        CHECK(cache.synced());
        CHECK(cache.size() == 1100);
        CHECK(world.http.sent == (streams ? 1 : 5));
        world.tasks.cancel();
        world.clock.settle();
    }
}
