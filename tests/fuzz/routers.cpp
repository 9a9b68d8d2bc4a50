// The objects that routers read: a Canary, and one that stands where each of a router's own would.
// Input: {"canary": …, "live": …} as JSON. Whatever stands there, what is written is read back and
// not written again.
#include "fuzz/fuzz.hpp"
#include "routing/table.hpp"

namespace sluice::fuzz {
namespace {

void play(routing::LiveObjects& live, const routing::ObjectWrite& write) {
    switch (write.verb) {
        case routing::WriteVerb::create:
            live[write.name] = write.body;
            return;
        case routing::WriteVerb::patch:
            if (!write.body.as_object().empty()) apply_merge_patch(live.at(write.name), write.body);
            return;
        case routing::WriteVerb::remove:
            live.erase(write.name);
            return;
    }
}

void reverts(const routing::Router& router, const Json& canary, routing::LiveObjects live) {
    const auto writes = router.revert(canary, live);
    if (!writes) return;
    for (const auto& write : *writes) play(live, write);
    const auto again = router.revert(canary, live);
    must(again && again->empty(), "what was given back is left alone");
}

void ask(const routing::Router& router, const Json& canary, const Json& standing) {
    routing::LiveObjects live;
    for (const auto& name : router.objects(canary)) {
        if (standing.is_object()) live[name] = standing;
    }
    reverts(router, canary, live);
    static_cast<void>(router.read(canary, live));
    static_cast<void>(router.route(canary, live, {}));
    const auto can = router.capabilities(canary);
    routing::Shares shares{.primary = 100, .canary = 0, .mirrored = can.mirror};
    for (const int weight : {0, 100}) {
        shares.primary = 100 - weight;
        shares.canary = weight;
        const auto writes = router.ensure(canary, live, shares);
        if (!writes) return;
        for (const auto& write : *writes) play(live, write);
        const auto again = router.ensure(canary, live, shares);
        must(again && again->empty(), "an unchanged world is not written to");
        if (can.weights) {
            const auto seen = router.read(canary, live);
            must(seen && seen->present && seen->shares.primary == shares.primary &&
                     seen->shares.canary == shares.canary,
                 "a split that was written is read back");
        }
        const auto same = router.route(canary, live, shares);
        must(same && same->body.as_object().empty(), "a split that stands is not written again");
        shares.mirrored = false;
    }
    reverts(router, canary, live);
}

}  // namespace

void try_input(std::string_view input) {
    const auto object = parse_json(input);
    if (!object) return;
    auto canary = find(*object, {"canary"}) == nullptr ? Json() : *find(*object, {"canary"});
    if (!canary.is_object()) return;
    put(canary, {"metadata", "name"}, Json("podinfo"));
    put(canary, {"metadata", "namespace"}, Json("test"));
    put(canary, {"metadata", "uid"}, Json("u-1"));
    const auto* standing = find(*object, {"live"});
    static const routing::Table table;
    for (const auto& provider : table.known()) {
        ask(*table.find(provider), canary, standing == nullptr ? Json() : *standing);
    }
}

}  // namespace sluice::fuzz
