#include "release/action.hpp"

#include "release/words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sluice::release {
namespace {

using api::Phase;
using api::Verb;

constexpr Duration wish_is_news = std::chrono::seconds{5};

struct Word {
    std::string_view verb;
    Action action;
    std::string_view noun;
};
constexpr std::array words{Word{"promote", Verb::promote, "Promotion"},
                           Word{"step", Verb::step, "Next step"},
                           Word{"abort", Verb::abort, "Abort"},
                           Word{"retry", Verb::retry, "Retry"},
                           Word{"pause", Suspension::pause, "Pause"},
                           Word{"resume", Suspension::resume, "Resumption"}};

std::string_view participle_of(Verb verb) {
    switch (verb) {
        case Verb::promote:
            return "promoted";
        case Verb::step:
            return "let past its gate";
        case Verb::abort:
            return "rolled back";
        case Verb::retry:
            return "judged again";
    }
    return {};
}

bool is_waiting(Phase phase) {
    return phase == Phase::waiting || phase == Phase::waiting_promotion;
}

std::string objection_to_retry(const api::Canary& canary) {
    if (canary.status.phase == Phase::failed) return {};
    return fmt::format("{} is {}: only what has Failed can be judged again",
                       canary.dotted(),
                       to_string(canary.status.phase));
}

// What waits for something else than a gate goes no further by a step.
std::string objection_to_step(const api::Canary& canary) {
    if (!closed_gate(canary).empty() || is_waiting(canary.status.phase)) return {};
    return fmt::format("{} waits at no gate: `sluice promote` has it promoted without its checks",
                       canary.dotted());
}

// The same as the controller asks (delivery/canary/seen.cpp), with the reason.
std::string objection_to_wish(Verb verb, const api::Canary& canary) {
    const auto& status = canary.status;
    const auto name = canary.dotted();
    if (status.last_applied_spec.empty()) return name + " has not been seen by a controller yet";
    if (status.rollback) return name + " is being rolled back already";
    if (verb == Verb::retry) return objection_to_retry(canary);
    switch (status.phase) {
        case Phase::waiting:
        case Phase::progressing:
        case Phase::waiting_promotion:
            return verb == Verb::step ? objection_to_step(canary) : std::string();
        case Phase::failed:
            return fmt::format("{} has Failed: `sluice retry` has the revision judged again", name);
        case Phase::promoting:
        case Phase::finalising:
            return fmt::format("{} is {} already", name, to_string(status.phase));
        case Phase::none:
        case Phase::initializing:
        case Phase::initialized:
        case Phase::succeeded:
        case Phase::terminating:
        case Phase::terminated:
            break;
    }
    return fmt::format("{} is {}: no release is under way", name, to_string(status.phase));
}

std::string_view done_to_it(Verb verb) {
    switch (verb) {
        case Verb::promote:
            return "is promoted without further checks";
        case Verb::step:
            return "goes past its gate, and no further";
        case Verb::abort:
            return "is asked to be rolled back";
        case Verb::retry:
            return "is judged again";
    }
    return {};
}

}  // namespace

std::optional<Action> action_of(std::string_view word) {
    const auto* known = std::ranges::find(words, word, &Word::verb);
    if (known == words.end()) return std::nullopt;
    return known->action;
}

std::string_view noun_of(const Action& action) {
    return std::ranges::find(words, action, &Word::action)->noun;
}

std::string_view closed_gate(const api::Canary& canary) {
    const auto& gate = canary.status.closed_gate;
    // An edit may have taken it away.
    const bool stands = std::ranges::any_of(canary.analysis.hooks, [&](const api::Hook& hook) {
        const bool is_gate = hook.type == api::HookType::confirm_rollout ||
                             hook.type == api::HookType::confirm_traffic_increase ||
                             hook.type == api::HookType::confirm_promotion;
        return is_gate && hook.name == gate;
    });
    return stands ? std::string_view(gate) : std::string_view();
}

std::string objection_to(const Action& action, const api::Canary& canary) {
    if (canary.deleting) return canary.dotted() + " is being deleted";
    const auto* verb = std::get_if<Verb>(&action);
    return verb == nullptr ? std::string() : objection_to_wish(*verb, canary);
}

std::string_view already(Suspension wanted, const api::Canary& canary) {
    const bool pause = wanted == Suspension::pause;
    if (canary.suspended != pause) return {};
    return pause ? "is paused already" : "is not paused";
}

std::string deed_of(const Action& action, const api::Canary& canary) {
    const auto* verb = std::get_if<Verb>(&action);
    if (verb == nullptr) {
        return std::get<Suspension>(action) == Suspension::pause ? "paused" : "resumed";
    }
    return fmt::format("revision {} {}{}",
                       canary.status.last_applied_spec,
                       done_to_it(*verb),
                       canary.suspended ? ", when it is resumed (it is paused)" : "");
}

bool is_as_shown(const Shown& shown, const api::Canary& now) {
    const bool is_old =
        !shown.resource_version.empty() && shown.resource_version != now.resource_version;
    return !is_old && shown.uid == now.uid && shown.revision == now.status.last_applied_spec &&
           shown.phase == words_for(now.status.phase);
}

Said said_of(const api::Canary& canary) {
    return {.wish = canary.wish ? canary.wish->text : std::string(), .suspended = canary.suspended};
}

std::string_view asked_just_now(const Action& action, const api::Canary& canary, Time now) {
    const auto& wish = canary.wish;
    if (!wish || wish->text == canary.status.granted || Action{wish->verb} == action ||
        wish->revision != canary.status.last_applied_spec) {
        return {};
    }
    const std::string_view text = wish->text;
    const auto at = parse_rfc3339(text.substr(text.rfind(' ') + 1));
    return at && now < *at + wish_is_news ? participle_of(wish->verb) : std::string_view{};
}

Ruling ruling_on(const Asked& asked, const api::Canary& canary, Time now) {
    if (!is_as_shown(asked.shown, canary) || asked.said != said_of(canary)) {
        return {Answer::changed, canary.dotted() + " has changed since it was looked at"};
    }
    if (const auto other = asked_just_now(asked.action, canary, now); !other.empty()) {
        return {Answer::changed,
                fmt::format("{} was asked to be {} a moment ago", canary.dotted(), other)};
    }
    auto objection = objection_to(asked.action, canary);
    if (!objection.empty()) return {Answer::refused, std::move(objection)};
    if (const auto* wanted = std::get_if<Suspension>(&asked.action)) {
        const auto text = already(*wanted, canary);
        if (!text.empty()) return {Answer::so_already, std::string(text)};
    }
    return {Answer::write, deed_of(asked.action, canary)};
}

}  // namespace sluice::release
