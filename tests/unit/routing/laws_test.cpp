// What holds for every router, whatever the strategy: a split that was written is read back, an
// unchanged world is not written to, and what is not ours survives.
#include "routing/table.hpp"
#include "world.hpp"

#include <fmt/format.h>

using namespace sluice;
using namespace sluice::routing;

namespace {

const std::vector<Shares>& all_shares() {
    static const std::vector<Shares> list{
        {100, 0}, {90, 10}, {50, 50}, {1, 99}, {0, 100}, {100, 0, true}, {100, 0}};
    return list;
}

std::vector<Json> canaries() {
    std::vector<Json> list;
    const std::vector<std::string_view> analyses{
        R"({})",
        R"({"mirror": true, "mirrorWeight": 25})",
        R"({"iterations": 5, "match": [{"headers": {"x-canary": {"exact": "insider"}}},
            {"headers": {"cookie": {"exact": "always"}}}]})",
        R"({"interval": "1m", "sessionAffinity": {"cookieName": "c", "primaryCookieName": "p"}})"};
    const std::vector<std::string_view> services{
        R"({"port": 9898, "gatewayRefs": [{"name": "gw", "namespace": "infra"}]})",
        R"({"port": 9898, "gatewayRefs": [{"name": "gw"}], "hosts": ["a.example.com"],
            "match": [{"uri": {"prefix": "/a"}}, {"headers": {"x": {"exact": "1"}}}],
            "timeout": "5s", "rewrite": {"uri": "/"}, "corsPolicy": {"allowOrigin": ["*"]},
            "headers": {"request": {"add": {"a": "b"}}, "response": {"remove": ["c"]}},
            "apex": {"labels": {"team": "blue"}}})"};
    const std::vector<std::string_view> statuses{
        R"({})",
        R"({"sessionAffinityCookie": "c=abc", "primarySessionAffinityCookie": "p=xyz"})",
        R"({"previousSessionAffinityCookie": "c=old"})"};
    for (const auto analysis : analyses) {
        for (const auto service : services) {
            for (const auto status : statuses) {
                auto canary = with(a_canary(), {"spec", "analysis"}, analysis);
                canary = with(canary, {"spec", "service"}, service);
                canary = with(canary, {"spec", "ingressRef"}, R"({"name": "podinfo"})");
                list.push_back(with(canary, {"status"}, status));
            }
        }
    }
    return list;
}

// A user's Ingress, for those who need one.
LiveObjects a_world(const Router& router, const Json& canary) {
    LiveObjects live;
    for (const auto& name : router.objects(canary)) {
        if (name.resource.kind != "Ingress" || name.key.name != "podinfo") continue;
        live[name] = parsed(R"({
            "metadata": {"name": "podinfo", "namespace": "test", "uid": "i", "resourceVersion": "1"},
            "spec": {"rules": [{"host": "a", "http": {"paths": [
                {"path": "/", "backend": {"service": {"name": "podinfo"}}}]}}]}})");
    }
    return live;
}

Shares possible(const Capabilities& can, const Json& canary, Shares shares) {
    const bool matches = !array_at(canary, {"spec", "analysis", "match"}).empty();
    if (!can.mirror || matches) shares.mirrored = false;
    return shares;
}

}  // namespace

TEST_CASE("every router reads back the split that it wrote and writes nothing twice") {
    const Table table;
    for (const auto& provider : table.known()) {
        const auto& router = *table.find(provider);
        for (const auto& canary : canaries()) {
            CAPTURE(provider);
            CAPTURE(to_text(canary));
            const auto can = router.capabilities(canary);
            auto live = ensured(router, canary, a_world(router, canary));
            CHECK(router.ensure(canary, live, {})->empty());
            if (!can.weights) continue;
            for (const auto& wished : all_shares()) {
                auto shares = possible(can, canary, wished);
                // A/B testing of an ingress knows all or nothing.
                if (provider == "nginx" && shares.canary > 0 &&
                    !array_at(canary, {"spec", "analysis", "match"}).empty()) {
                    shares = {.primary = 0, .canary = 100};
                }
                split(router, canary, live, shares);
                CHECK(router.read(canary, live)->shares == shares);
                CHECK(router.route(canary, live, shares)->body.as_object().empty());
                CHECK(router.ensure(canary, live, shares)->empty());
            }
        }
    }
}

TEST_CASE("every router puts right what somebody has changed, with the split that is live") {
    const Table table;
    for (const auto& provider : table.known()) {
        const auto& router = *table.find(provider);
        if (!router.capabilities(a_canary()).weights) continue;
        std::optional<LiveObjects> before;
        Json canary_before;
        // Whatever one Canary left behind, the next one makes its own of.
        for (const auto& canary : canaries()) {
            CAPTURE(provider);
            CAPTURE(to_text(canary));
            auto live = before ? *before : a_world(router, canary);
            live = ensured(router, canary, live);
            const auto now = router.read(canary, live);
            REQUIRE(now);
            CHECK(router.ensure(canary, live, now->shares)->empty());
            split(router, canary, live, {.primary = 0, .canary = 100});
            CHECK(router.read(canary, live)->shares == Shares{0, 100});
            before = live;
        }
    }
}

TEST_CASE("every router removes what it made, and leaves the user's own") {
    const Table table;
    for (const auto& provider : table.known()) {
        const auto& router = *table.find(provider);
        for (const auto& canary : canaries()) {
            CAPTURE(provider);
            const auto untouched = a_world(router, canary);
            auto live = ensured(router, canary, untouched);
            revert(router, canary, live);
            CHECK(live == untouched);
            CHECK(router.revert(canary, live)->empty());
        }
    }
}

TEST_CASE("every router names each object that it writes, of a kind that it tells") {
    const Table table;
    for (const auto& provider : table.known()) {
        const auto& router = *table.find(provider);
        for (const auto& canary : canaries()) {
            const auto names = router.objects(canary);
            const auto kinds = router.kinds();
            for (const auto& name : names) CHECK(std::ranges::count(kinds, name.resource) == 1);
            const auto writes = router.ensure(canary, a_world(router, canary), {});
            REQUIRE(writes);
            for (const auto& write : *writes) CHECK(std::ranges::count(names, write.name) == 1);
        }
    }
}
