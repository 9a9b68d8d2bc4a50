// What a person may ask of a Canary: to promote, abort or retry the revision at hand, to pause and
// to resume. Whether it counts now, whether somebody else was first, and the words for it. Pure.
#pragma once

#include "api/canary.hpp"
#include "base/core/time.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace sluice::release {

enum class Suspension { pause, resume };
using Action = std::variant<api::Verb, Suspension>;
// "promote", "step", "abort", "retry", "pause" or "resume"; nothing for any other word.
std::optional<Action> action_of(std::string_view word);
// "Promotion", "Pause": what is asked for.
std::string_view noun_of(const Action& action);

// The hook in front of the next step that let nothing through when it was asked last; empty when
// none is known to.
std::string_view closed_gate(const api::Canary& canary);
// Why this would not count now, in one line; empty when it would.
std::string objection_to(const Action& action, const api::Canary& canary);
// "is paused already": nothing is left to do; empty when something is.
std::string_view already(Suspension wanted, const api::Canary& canary);

// "revision v2:0f3a is judged again, when it is resumed (it is paused)", "paused".
std::string deed_of(const Action& action, const api::Canary& canary);

// A Canary as it was shown to a person who then asks something of it.
struct Shown {
    std::string uid, revision, phase;
    std::string resource_version = {};  // empty: any of these
};
bool is_as_shown(const Shown& shown, const api::Canary& now);

// What people have said of a Canary: a weight that went on is no reason to say no to one, the
// button of another one is.
struct Said {
    std::string wish;
    bool suspended = false;

    bool operator==(const Said&) const = default;
};
Said said_of(const api::Canary& canary);
// "promoted": another wish for this revision, made a moment before `now`, that nobody has carried
// out yet; empty for none. It is carried out at once, unless nobody leads or the Canary is paused.
std::string_view asked_just_now(const Action& action, const api::Canary& canary, Time now);

enum class Answer {
    changed,     // it is not what was shown, or somebody else was first
    refused,     // it does not count now
    so_already,  // nothing is left to do
    write
};
struct Ruling {
    Answer answer = Answer::refused;
    std::string text;  // why not, or what is done

    bool operator==(const Ruling&) const = default;
};
struct Asked {
    Action action;
    const Shown& shown;
    const Said& said;  // when it was first looked at for this
};
// What becomes of an action, by the Canary as it is now.
Ruling ruling_on(const Asked& asked, const api::Canary& canary, Time now);

}  // namespace sluice::release
