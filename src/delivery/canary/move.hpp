// What is to be done next about one Canary: ask, act, or rest.
#pragma once

#include "api/canary.hpp"
#include "base/core/json.hpp"
#include "base/core/time.hpp"
#include "delivery/canary/effects.hpp"
#include "delivery/canary/evidence.hpp"
#include "delivery/canary/seen.hpp"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace sluice::canary {

enum class EventType {
    normal,
    warning,  // Warning, logged at info
    error,    // Warning, logged at error
};

struct Event {
    EventType type = EventType::normal;
    std::string message;
    // What makes it the same Event when a pass is repeated after a kill; the Event's name is
    // derived from the Canary's uid and this.
    std::string key;
    // What an event hook is told, where it is not the phase that was seen.
    std::optional<api::Phase> phase = std::nullopt;

    bool operator==(const Event&) const = default;
};

using api::Severity;

struct Alert {
    Severity severity = Severity::info;
    std::string message;
    bool with_fields = false;

    bool operator==(const Alert&) const = default;
};

// What a finished release counts as.
enum class Finish { promoted, promoted_unanalysed, failed };

struct Ask {
    std::vector<Event> events;
    Batch batch;
    Remembered remembered;

    bool operator==(const Ask&) const = default;
};

// An object that somebody else has written over.
struct Corrected {
    std::string object;  // object_of
    bool may_wait = true;

    bool operator==(const Corrected&) const = default;
};

// Carried out in this order: effects, events, alerts (queued only), status. Without a status none
// is written.
struct Act {
    std::string why;  // "advance": for logs and tests
    std::vector<Effect> effects;
    std::vector<Event> events;
    std::vector<std::string> lines = {};  // for the log only, in front of the effects
    std::optional<Json> status;           // the complete status object
    std::vector<Alert> alerts;
    std::optional<Finish> finish;
    Remembered remembered;  // to be kept once the act is done
    // What it only puts right, and did not decide.
    std::vector<Corrected> corrects = {};

    bool operator==(const Act&) const = default;
};

// Nothing to do until something is seen to change, or the time given.
struct Rest {
    std::optional<Time> wake;
    bool held = false;  // something is in the way, and it was told

    bool operator==(const Rest&) const = default;
};

using Move = std::variant<Ask, Act, Rest>;
Json to_json(const Event& event);
Json to_json(const Move& move);

}  // namespace sluice::canary
