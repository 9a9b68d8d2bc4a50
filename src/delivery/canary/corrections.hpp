// What others write over ours is put right, but never at the pace of whoever writes against us.
#pragma once

#include "delivery/canary/move.hpp"

#include <optional>
#include <string>

namespace sluice::canary {

// "Service podinfo-canary"; "routes" for all that a router writes.
std::string object_of(const Effect& effect);

// Whether users do without it: no request goes elsewhere for it. What leads users is put right at
// once, each time: the other one may have led them to pods that are gone, or to a version that
// nobody judged.
bool may_wait(const World& world, const Effect& effect);

// How many corrections in a row before anybody is told: the first two may be a person who tries.
inline constexpr int contest_told_at = 3;

// Who else writes an object; both are empty where nobody knows.
struct Contender {
    std::string field;  // "metadata.labels.team"
    std::string manager;

    bool operator==(const Contender&) const = default;
};
Event contest_event(const World& world, const Corrected& corrected, const Contender& contender);

// Says in the act which objects it puts right.
void note_corrected(Act& act, const World& world);

// The act without what is not to be put right yet (World::spaced); nothing when nothing is left of
// it.
std::optional<Move> put_right(const World& world, Act act);

}  // namespace sluice::canary
