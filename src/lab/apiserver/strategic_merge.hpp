// Strategic merge patch: like a JSON merge patch, but lists of named things merge by their key.
#pragma once

#include "base/core/json.hpp"

#include <expected>
#include <string>
#include <string_view>

namespace sluice::lab {

// The members by which items of a built-in list are told apart ("name"; "containerPort" and
// "protocol"); empty for lists that are replaced whole. `parent` is the name of the member that
// holds the list's parent: `ports` means one thing in a Service's spec and another in a container.
std::string_view merge_key_of(std::string_view list, const Json& item);

// All or nothing; the error is the text of a 400.
std::expected<void, std::string> apply_strategic_merge(Json& target, const Json& patch);

}  // namespace sluice::lab
