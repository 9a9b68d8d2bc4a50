// The fields of the built-in kinds, as a compact table: what a typo is caught by, and what
// `kubectl explain` reads.
#pragma once

#include "base/core/json.hpp"

#include <memory>
#include <string_view>

namespace sluice::lab {

class Schema;

// Null for kinds that are kept without being known.
std::shared_ptr<const Json> builtin_open_api(std::string_view kind, std::string_view version);
std::shared_ptr<const Schema> builtin_schema(std::string_view kind, std::string_view version);

}  // namespace sluice::lab
