// Which releases a person should look at, and what is offered beside them. Pure.
#pragma once

#include "release/sentence.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace sluice::release {

// Since when a release is as it is, and what time it is.
struct Moment {
    Time since{};
    Time now{};
};
// All but what goes well, and what failed an hour ago.
bool needs_a_person(Severity severity, const api::Canary& canary, Moment at);
// When time alone changes what is said of it; nothing while it does not.
std::optional<Time> stale_at(const api::Canary& canary, Moment at);
// The words of the actions that count now, what fits best first: what fails is stopped, what waits
// is let on.
std::vector<std::string_view> offers(Severity severity, const api::Canary& canary);

}  // namespace sluice::release
