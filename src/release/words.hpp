// What the controller keeps of its decisions, in a reader's words.
#pragma once

#include "api/canary.hpp"
#include "base/core/json.hpp"

#include <string>
#include <string_view>

namespace sluice::release {

// "All checks passed: the next step": a decision's name in a reader's words.
std::string_view words_for(std::string_view what);
// What stands before it is of another revision, or of another controller, and says nothing about
// what comes after.
bool begins_a_run(std::string_view what);
// "Progressing"; "Unknown" of what no controller has seen yet.
std::string_view words_for(api::Phase phase);

// What a check was answered, as it is read: a number to two decimals as in the Events (four digits
// below 1), any other answer as it is kept.
std::string answer_text(const Json& check);

// When an Event last happened; its text as it stands there.
std::string_view event_time(const Json& event);

}  // namespace sluice::release
