// The three patches. Input: an array of a target, another value, and the patch.
#include "fuzz/fuzz.hpp"
#include "lab/apiserver/builtin_fields.hpp"
#include "lab/apiserver/schema.hpp"
#include "lab/apiserver/strategic_merge.hpp"

namespace sluice::fuzz {
namespace {

bool has_null(const Json& value) {
    if (value.is_null()) return true;
    if (const auto* object = value.if_object()) {
        for (const auto& [key, member] : *object) {
            if (has_null(member)) return true;
        }
    }
    return false;  // nulls inside arrays travel as they are
}

void try_merge(const Json& from, const Json& to) {
    const auto patch = merge_patch_between(from, to);
    auto result = from;
    apply_merge_patch(result, patch);
    if (!has_null(to)) {
        must(canonical_text(result) == canonical_text(to), "the difference, applied, arrives");
    }
    must(canonical_text(merge_patch_between(to, to)) == "{}", "equal values differ by nothing");
    auto twice = result;
    apply_merge_patch(twice, patch);
    must(canonical_text(twice) == canonical_text(result), "a merge patch may be repeated");
}

void try_json_patch(const Json& target, const Json& patch) {
    auto result = target;
    if (!apply_json_patch(result, patch)) {
        must(canonical_text(result) == canonical_text(target), "a refused patch changes nothing");
    }
}

void try_strategic(const Json& target, const Json& patch) {
    static const auto schema = lab::builtin_schema("Deployment", "v1");
    for (const auto* node :
         {schema ? &schema->root() : nullptr, static_cast<const lab::SchemaNode*>(nullptr)}) {
        auto result = target;
        if (!lab::apply_strategic_merge(result, patch, node)) {
            must(canonical_text(result) == canonical_text(target),
                 "a refused patch changes nothing");
        }
    }
}

}  // namespace

void try_input(std::string_view input) {
    const auto parts = parse_json(input);
    if (!parts || !parts->is_array() || parts->get_array().size() != 3) return;
    const auto& array = parts->get_array();
    // Objects only: a patch of anything else is a replacement.
    if (array[0].is_object() && array[1].is_object()) try_merge(array[0], array[1]);
    try_json_patch(array[0], array[2]);
    try_strategic(array[0], array[2]);
}

}  // namespace sluice::fuzz
