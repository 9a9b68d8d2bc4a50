// Objects that nobody would write: whatever stands in them, the judgement gives an answer.
#include "delivery/traffic.hpp"
#include "model.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace sluice;
using namespace sluice::model;
using namespace std::chrono_literals;

namespace {

const Json& junk(std::mt19937& random) {
    static const std::vector<Json> pieces{nullptr,
                                          true,
                                          -1,
                                          0,
                                          1e300,
                                          2.5,
                                          "",
                                          "Progressing",
                                          "99999999999999999999",
                                          JsonArray{},
                                          JsonArray{nullptr, 1, "x"},
                                          JsonObject{},
                                          JsonObject{{"name", 5}}};
    return pieces[random() % pieces.size()];
}

// Replaces some nodes of the tree.
void spoil(Json& value, std::mt19937& random, unsigned one_in) {
    if (random() % one_in == 0) {
        value = junk(random);
        return;
    }
    if (auto* object = value.if_object()) {
        for (auto& [key, member] : *object) spoil(member, random, one_in);
    } else if (auto* array = value.if_array()) {
        for (auto& element : *array) spoil(element, random, one_in);
    }
}

void spoil_object(std::optional<Json>& object, std::mt19937& random) {
    if (!object) return;
    if (random() % 10 == 0) {
        object.reset();
        return;
    }
    auto& members = object->as_object();
    for (auto& [key, member] : members) spoil(member, random, 25);
}

void look(const Seen& seen, Time now) {
    const auto world = world_of(seen, now);
    Evidence evidence;
    evidence.keep_only(fingerprint(world));
    const auto move = next(world, evidence, now);
    if (const auto* act = std::get_if<Act>(&move)) {
        (void)traffic::violations(world, *act);
        if (act->status) (void)api::parse_status(*act->status);
    }
    (void)to_text(to_json(move));
    (void)to_text(to_json(world));
}

}  // namespace

TEST_CASE("spoiled objects neither crash the judgement nor make it throw") {
    std::mt19937 random(7);
    Cluster cluster;
    cluster.run(30s);
    cluster.edit_canary([](Json& spec) {
        put(spec,
            {"analysis", "metrics"},
            parse_json(R"([{"name": "request-duration", "thresholdRange": {"max": 500}}])")
                .value());
    });
    cluster.set_image("podinfo:2");
    for (int stage = 0; stage < 12; ++stage) {
        cluster.answer = [](const Question&) -> Answer {
            return {canary::Outcome::passed, {}, 1.0};
        };
        cluster.run(20s);
        for (int round = 0; round < 150; ++round) {
            auto seen = cluster.seen();
            std::optional<Json> canary = seen.canary;
            spoil_object(canary, random);
            if (canary) seen.canary = *canary;
            if (random() % 2 == 0) {
                spoil_object(seen.target, random);
                spoil_object(seen.primary, random);
                spoil_object(seen.apex_service, random);
                spoil_object(seen.primary_service, random);
                for (auto& revision : seen.revisions) {
                    std::optional<Json> one = revision;
                    spoil_object(one, random);
                    if (one) revision = *one;
                }
            }
            look(seen, cluster.now);
        }
    }
    for (const auto* text : {"null", "[]", "5", R"({"spec": 5})", R"({"metadata": []})"}) {
        Seen seen;
        seen.canary = parse_json(text).value();
        look(seen, cluster.now);
    }
}
