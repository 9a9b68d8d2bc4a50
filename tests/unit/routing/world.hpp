// A Canary, and live objects on which writes are played as an API server plays them.
#pragma once

#include "routing/router.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

namespace sluice::routing {

inline Json parsed(std::string_view text) {
    return boost::json::parse(text);
}

inline Json a_canary() {
    return parsed(R"({
        "apiVersion": "flagger.app/v1beta1", "kind": "Canary",
        "metadata": {"name": "podinfo", "namespace": "test", "uid": "u-1"},
        "spec": {"targetRef": {"kind": "Deployment", "name": "podinfo"}, "service": {"port": 9898}}})");
}

inline Json with(Json canary, JsonPath path, std::string_view json) {
    put(canary, path, parsed(json));
    return canary;
}

inline void apply(LiveObjects& live, const std::vector<ObjectWrite>& writes) {
    static int version = 100;
    for (const auto& write : writes) {
        switch (write.verb) {
            case WriteVerb::create:
                REQUIRE_FALSE(live.contains(write.name));
                live[write.name] = write.body;
                put(live[write.name], {"metadata", "uid"}, Json(std::to_string(++version)));
                break;
            case WriteVerb::patch: {
                if (write.body.as_object().empty()) continue;
                auto& object = live.at(write.name);
                CHECK(kube::resource_version_of(write.body) == kube::resource_version_of(object));
                apply_merge_patch(object, write.body);
                break;
            }
            case WriteVerb::remove:
                CHECK(kube::resource_version_of(write.body) ==
                      kube::resource_version_of(live.at(write.name)));
                CHECK(kube::uid_of(write.body) == kube::uid_of(live.at(write.name)));
                live.erase(write.name);
                continue;
        }
        put(live[write.name], {"metadata", "resourceVersion"}, Json(std::to_string(++version)));
    }
}

// With the split that is live already, as the controller corrects drift.
inline LiveObjects ensured(const Router& router, const Json& canary, LiveObjects live = {}) {
    const auto seen = router.read(canary, live);
    const auto writes =
        router.ensure(canary, live, seen && seen->present ? seen->shares : Shares{});
    REQUIRE_MESSAGE(writes, (writes ? std::string{} : writes.error().message));
    apply(live, *writes);
    return live;
}

inline void split(const Router& router, const Json& canary, LiveObjects& live, Shares shares) {
    const auto write = router.route(canary, live, shares);
    REQUIRE_MESSAGE(write, (write ? std::string{} : write.error().message));
    apply(live, {*write});
}

inline void revert(const Router& router, const Json& canary, LiveObjects& live) {
    const auto writes = router.revert(canary, live);
    REQUIRE_MESSAGE(writes, (writes ? std::string{} : writes.error().message));
    apply(live, *writes);
}

}  // namespace sluice::routing
