// Why something was done, kept with the Canary so that it can be told later: what was asked and
// answered, what was decided and written, and what comes next.
#pragma once

#include "base/core/json.hpp"
#include "delivery/canary/evidence.hpp"
#include "delivery/canary/move.hpp"
#include "delivery/canary/seen.hpp"

#include <boost/json/value.hpp>

#include <cstddef>
#include <string_view>

namespace sluice::canary {

// The status' field.
inline constexpr std::string_view decisions_field = "decisions";

struct DecisionBounds {
    std::size_t entries = 10;
    std::size_t bytes = std::size_t{6} * 1024;  // of compact JSON, all entries together
};
// On a cluster with the peer's CRD they live in an annotation, which has less room.
inline constexpr DecisionBounds annotation_bounds{.entries = 3, .bytes = std::size_t{3} * 1024};

// {"at", "what": "advance", "said": ["Advance …"], "pods": "ErrImagePull of web:2 (1 pod)",
// "checks": [{"check", "question", "answer", "threshold", "verdict": "pass|fail|no data|error"}],
// "wrote": ["route 90/10"], "next": {"what", "notBefore"}}; what is empty is left out. No payload,
// no header and no password is in it.
Json decision_of(const World& world, const Evidence& evidence, const Act& act);

// The act only keeps the books: nothing was said, asked or written, and the release stands where it
// stood.
bool is_bookkeeping(const World& world, const Evidence& evidence, const Act& act);

// Appends it to the status' decisions, newest last. The oldest go first when there is no room; one
// that is too large by itself loses checks.
void put_decision(Json& status, const Json& decision, DecisionBounds bounds = {});
// The newest that fit.
void bound_decisions(Json& status, DecisionBounds bounds);

}  // namespace sluice::canary
