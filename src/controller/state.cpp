#include "controller/state.hpp"

#include "delivery/canary/decision.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::controller {
namespace {

bool is_own_field(std::string_view field) {
    return std::ranges::find(own_field_names, field) != own_field_names.end();
}

Json picked(const Json& status, bool ours) {
    JsonObject fields;
    for (const auto& [key, value] : object_at(status, {})) {
        if (is_own_field(key) == ours) fields[key] = value;
    }
    return fields;
}

// Tells one status from the next by the fields that every schema keeps.
std::string mark_of(const Json& status) {
    return fmt::format("{}/{}/{}/{}/{}/{}/{}",
                       text_at(status, {"phase"}),
                       integer_at(status, {"canaryWeight"}).value_or(0),
                       integer_at(status, {"failedChecks"}).value_or(0),
                       integer_at(status, {"iterations"}).value_or(0),
                       text_at(status, {"lastAppliedSpec"}),
                       text_at(status, {"lastPromotedSpec"}),
                       text_at(status, {"lastTransitionTime"}));
}

Json joined_status(Json status, const Json& fields) {
    if (!status.is_object()) status = JsonObject{};
    for (const auto& [key, value] : object_at(fields, {})) {
        if (is_own_field(key)) status.get_object()[key] = value;
    }
    return status;
}

}  // namespace

Json own_fields(const Json& status) {
    return picked(status, true);
}

Json without_own_fields(const Json& status) {
    return picked(status, false);
}

StatusSeen status_seen(const Json& stored, std::string_view note, std::string_view canary_uid) {
    // A status that keeps our fields needs no note.
    if (note.empty() || !own_fields(stored).get_object().empty()) return {stored};
    const auto read = parse_json(note);
    if (!read || text_at(*read, {"canary"}) != canary_uid) return {stored};
    const auto* fields = find(*read, {"own"});
    const auto* follows = find(*read, {"status"});
    if (fields == nullptr || follows == nullptr || !follows->is_object()) return {stored};
    const auto mark = mark_of(stored);
    if (mark == mark_of(*follows)) return {joined_status(stored, *fields)};
    if (mark == text_at(*read, {"after"})) return {joined_status(*follows, *fields), true};
    return {.status = stored, .unclear = true};
}

std::string note_of(const Json& stored, const Json& status, std::string_view canary_uid) {
    auto own = own_fields(status);
    canary::bound_decisions(own, canary::annotation_bounds);
    return canonical_text(JsonObject{{"canary", canary_uid},
                                     {"after", mark_of(stored)},
                                     {"status", without_own_fields(status)},
                                     {"own", std::move(own)}});
}

}  // namespace sluice::controller
