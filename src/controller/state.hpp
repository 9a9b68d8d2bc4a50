// Where the fields of a Canary's status live that are ours alone. Our CRD keeps them in the status;
// the peer's prunes them there, and then they are JSON in an annotation of the primary, which is
// ours.
//
// There a transition is two writes: the note first, with everything that the status is about to
// say, then the status. Whoever dies between them is read as having written both, and the status
// catches up.
#pragma once

#include "base/core/json.hpp"

#include <boost/json/value.hpp>

#include <array>
#include <string>
#include <string_view>

namespace sluice::controller {

inline constexpr std::string_view state_annotation = "sluice.dev/state";

// The fields of a status that the peer's schema does not have.
inline constexpr std::array<std::string_view, 11> own_field_names{"observedGeneration",
                                                                  "rollback",
                                                                  "routedAt",
                                                                  "routedBy",
                                                                  "analysed",
                                                                  "unreadySince",
                                                                  "primaryUnreadySince",
                                                                  "mirrored",
                                                                  "granted",
                                                                  "closedGate",
                                                                  "decisions"};
Json own_fields(const Json& status);
Json without_own_fields(const Json& status);

struct StatusSeen {
    Json status;          // whole, as the judgement reads it
    bool behind = false;  // the note was written, and the status is not yet
    // The note follows neither: one of the two is not the newest, or somebody else has written the
    // status.
    bool unclear = false;
};

// `stored` is the status as served, `note` the annotation's text; empty when there is none.
StatusSeen status_seen(const Json& stored, std::string_view note, std::string_view canary_uid);

// The note for a status that is about to be written over the stored one.
std::string note_of(const Json& stored, const Json& status, std::string_view canary_uid);

}  // namespace sluice::controller
