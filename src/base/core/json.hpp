// Objects are JSON from end to end, so that a field which we don't know survives. These are the few
// questions and edits that everybody needs of them.
#pragma once

#include "base/core/result.hpp"

#include <boost/json/fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

using Json = boost::json::value;
using JsonObject = boost::json::object;
using JsonArray = boost::json::array;

// The keys from the outside in: {"spec", "template", "metadata"}.
using JsonPath = std::initializer_list<std::string_view>;

struct JsonLimits {
    std::size_t depth = 64;
    std::size_t bytes = std::size_t{8} * 1024 * 1024;
};

// Exactly one JSON value; bad_answer names what is wrong and where, too_large says which limit.
Result<Json> parse_json(std::string_view text, JsonLimits limits = {});
// Compact text in the order of the keys as they stand.
std::string to_text(const Json& value);
std::string to_pretty_text(const Json& value);
// Sorted keys, no blanks: equal values give equal texts, so it can be hashed.
std::string canonical_text(const Json& value);

// What stands at the path, or null when any key on the way is missing or not an object. The pointer
// lives as long as `value`.
const Json* find(const Json& value, JsonPath path);
Json* find(Json& value, JsonPath path);

// The string at the path; the default when it is missing or something else.
std::string_view text_at(const Json& value, JsonPath path, std::string_view otherwise = {});
// Numbers that are whole ("3.0" counts); nothing otherwise.
std::optional<std::int64_t> integer_at(const Json& value, JsonPath path);
std::optional<double> number_at(const Json& value, JsonPath path);
std::optional<bool> bool_at(const Json& value, JsonPath path);
// An empty object or array when missing or something else.
const JsonObject& object_at(const Json& value, JsonPath path);
const JsonArray& array_at(const Json& value, JsonPath path);

// Writes at the path and makes the objects on the way; a non-object on the way is replaced.
void put(Json& value, JsonPath path, Json what);
// Removes what stands at the path; says whether anything did.
bool drop(Json& value, JsonPath path);

// RFC 7386: the patch that turns `from` into `to`. Equal values give an empty object. Nulls inside
// `to` cannot be said in a merge patch and are left out.
Json merge_patch_between(const Json& from, const Json& to);
// RFC 7386.
void apply_merge_patch(Json& target, const Json& patch);
// RFC 6902, all or nothing. `invalid` names the operation that does not apply.
Result<void> apply_json_patch(Json& target, const Json& patch);

}  // namespace sluice
