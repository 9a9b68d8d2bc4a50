// Strategic merge patch: like a JSON merge patch, but lists of named things merge by their key.
#pragma once

#include "base/core/json.hpp"

#include <expected>
#include <string>

namespace sluice::lab {

struct SchemaNode;

// `schema` says which lists merge and by what; null for kinds that we don't know, of which only
// metadata and conditions merge. All or nothing; the error is the text of a 400.
std::expected<void, std::string> apply_strategic_merge(Json& target,
                                                       const Json& patch,
                                                       const SchemaNode* schema);

}  // namespace sluice::lab
