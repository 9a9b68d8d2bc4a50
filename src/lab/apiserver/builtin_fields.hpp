// The fields of the built-in kinds, as a compact table: what a typo is caught by, what tells the
// items of a list apart, and what `kubectl explain` reads.
#pragma once

#include "base/core/json.hpp"

#include <memory>
#include <string_view>

namespace sluice::lab {

class Schema;
struct SchemaNode;

// Null for kinds that are kept without being known.
std::shared_ptr<const Schema> builtin_schema(std::string_view kind, std::string_view version);
// The same as an OpenAPI v3 schema, made anew at each call; null where there is none.
std::shared_ptr<const Json> builtin_open_api(std::string_view kind, std::string_view version);
// metadata of every object, custom ones too.
const SchemaNode& object_metadata();

}  // namespace sluice::lab
