// The status fields that the peer's CRD does not keep, noted at the primary.
#include "controller/state.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::controller;

namespace {

Json status(std::string_view text) {
    return boost::json::parse(std::string(text));
}

const Json before = status(
    R"({"phase": "Progressing", "canaryWeight": 20, "lastTransitionTime": "2026-01-01T00:00:00Z"})");
const Json after = status(
    R"({"phase": "Progressing", "canaryWeight": 0, "lastTransitionTime": "2026-01-01T00:00:10Z",
        "conditions": [{"type": "Promoted"}], "observedGeneration": 2,
        "rollback": {"cause": "failed-checks", "message": "m"}})");

}  // namespace

TEST_CASE("a status reads whole, whether a kill came before, between or after its two writes") {
    const auto note = note_of(before, after, "uid");
    const auto first = status_seen(before, note, "uid");
    CHECK(first.behind);
    CHECK(first.status == after);
    const auto second = status_seen(without_own_fields(after), note, "uid");
    CHECK_FALSE(second.behind);
    CHECK(second.status == after);
    CHECK(status_seen(before, "", "uid").status == before);
}

TEST_CASE("a transition of our own fields alone is one write, and nothing has to catch up") {
    auto noted = before;
    put(noted, {"unreadySince"}, "2026-01-01T00:00:05.000Z");
    const auto seen = status_seen(before, note_of(before, noted, "uid"), "uid");
    CHECK_FALSE(seen.behind);
    CHECK(seen.status == noted);
    CHECK(without_own_fields(noted) == before);
}

TEST_CASE("a note that goes with no status that we know of is not believed") {
    const auto note = note_of(before, after, "uid");
    auto moved = before;
    put(moved, {"canaryWeight"}, 30);
    const auto seen = status_seen(moved, note, "uid");
    CHECK(seen.unclear);
    CHECK(seen.status == moved);
    // Of an earlier Canary of that name, or spoiled.
    CHECK(status_seen(before, note, "another").status == before);
    CHECK_FALSE(status_seen(before, note, "another").unclear);
    for (const auto* text : {"{", "[]", "{}", R"({"canary": "uid", "own": 1})", "null"}) {
        CHECK(status_seen(before, text, "uid").status == before);
    }
    auto spoiled = boost::json::parse(note);
    put(spoiled, {"own", "phase"}, "Succeeded");
    CHECK(status_seen(before, to_text(spoiled), "uid").status == after);
}

TEST_CASE("a status that keeps our fields needs no note") {
    const auto note = note_of(before, after, "uid");
    auto kept = before;
    put(kept, {"observedGeneration"}, 1);
    const auto seen = status_seen(kept, note, "uid");
    CHECK(seen.status == kept);
    CHECK_FALSE(seen.behind);
}

TEST_CASE("a note has room for the last three decisions") {
    auto decided = after;
    JsonArray decisions;
    for (int i = 0; i < 8; ++i) decisions.push_back(JsonObject{{"what", std::to_string(i)}});
    put(decided, {"decisions"}, decisions);
    CHECK(without_own_fields(decided) == without_own_fields(after));
    const auto seen = status_seen(before, note_of(before, decided, "uid"), "uid");
    REQUIRE(array_at(seen.status, {"decisions"}).size() == 3);
    CHECK(text_at(array_at(seen.status, {"decisions"})[2], {"what"}) == "7");
}
