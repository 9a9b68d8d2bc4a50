// What a person may ask of a Canary: what counts, who was first, and the words for it.
#include "release/action.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::release;
using namespace std::chrono_literals;

namespace {

constexpr Time now{std::chrono::seconds{1767225600}};  // 2026-01-01T00:00:00Z

api::Canary a_canary() {
    api::Canary canary;
    canary.ns = "test";
    canary.name = "podinfo";
    canary.uid = "u-1";
    canary.resource_version = "7";
    canary.status.phase = api::Phase::progressing;
    canary.status.last_applied_spec = "v2:ab";
    return canary;
}

api::Canary with_wish(api::Verb verb, std::string_view at) {
    auto canary = a_canary();
    canary.wish = api::Wish{.verb = verb,
                            .revision = "v2:ab",
                            .text = std::string(to_string(verb)) + " v2:ab " + std::string(at)};
    return canary;
}

const Shown as_it_is{.uid = "u-1", .revision = "v2:ab", .phase = "Progressing"};

Ruling ruling(const Action& action, const api::Canary& canary, const Shown& shown = as_it_is) {
    const auto said = said_of(canary);
    return ruling_on({.action = action, .shown = shown, .said = said}, canary, now);
}

}  // namespace

TEST_CASE("every action has its word and its noun, and no other word is one") {
    CHECK(action_of("promote") == Action{api::Verb::promote});
    CHECK(action_of("step") == Action{api::Verb::step});
    CHECK(action_of("abort") == Action{api::Verb::abort});
    CHECK(action_of("retry") == Action{api::Verb::retry});
    CHECK(action_of("pause") == Action{Suspension::pause});
    CHECK(action_of("resume") == Action{Suspension::resume});
    CHECK_FALSE(action_of("Promote"));
    CHECK_FALSE(action_of(""));
    CHECK(noun_of(api::Verb::promote) == "Promotion");
    CHECK(noun_of(Suspension::resume) == "Resumption");
}

TEST_CASE("an action on what was shown is carried out, and told") {
    CHECK(ruling(api::Verb::promote, a_canary()) ==
          Ruling{Answer::write, "revision v2:ab is promoted without further checks"});
    CHECK(ruling(Suspension::pause, a_canary()) == Ruling{Answer::write, "paused"});
    auto paused = a_canary();
    paused.suspended = true;
    CHECK(ruling(Suspension::resume, paused) == Ruling{Answer::write, "resumed"});
    CHECK(ruling(api::Verb::abort, paused) ==
          Ruling{Answer::write,
                 "revision v2:ab is asked to be rolled back, when it is resumed (it is paused)"});
}

TEST_CASE(
    "a step counts while the release waits at a gate, and is refused in words when it does not") {
    auto canary = a_canary();
    CHECK(ruling(api::Verb::step, canary) ==
          Ruling{Answer::refused,
                 "podinfo.test waits at no gate: `sluice promote` has it promoted without its "
                 "checks"});
    canary.analysis.hooks.push_back(
        {.name = "more", .type = api::HookType::confirm_traffic_increase});
    canary.analysis.hooks.push_back({.name = "load", .type = api::HookType::rollout});
    canary.status.closed_gate = "more";
    CHECK(ruling(api::Verb::step, canary) ==
          Ruling{Answer::write, "revision v2:ab goes past its gate, and no further"});
    // What an edit has taken away, or is no gate, holds nothing up.
    canary.status.closed_gate = "gone";
    CHECK(ruling(api::Verb::step, canary).answer == Answer::refused);
    canary.status.closed_gate = "load";
    CHECK(ruling(api::Verb::step, canary).answer == Answer::refused);
    canary.status.closed_gate.clear();
    for (const auto phase : {api::Phase::waiting, api::Phase::waiting_promotion}) {
        canary.status.phase = phase;
        CHECK(objection_to(api::Verb::step, canary).empty());
    }
    canary.status.phase = api::Phase::succeeded;
    CHECK(objection_to(api::Verb::step, canary) ==
          "podinfo.test is Succeeded: no release is under way");
}

TEST_CASE("what is paused already leaves nothing to do, and what goes nothing to pause") {
    auto paused = a_canary();
    paused.suspended = true;
    CHECK(ruling(Suspension::pause, paused) == Ruling{Answer::so_already, "is paused already"});
    CHECK(ruling(Suspension::resume, a_canary()) == Ruling{Answer::so_already, "is not paused"});
    for (const auto* word : {"promote", "abort", "retry", "pause", "resume"}) {
        CAPTURE(word);
        auto going = a_canary();
        going.deleting = true;
        CHECK(ruling(*action_of(word), going) ==
              Ruling{Answer::refused, "podinfo.test is being deleted"});
    }
}

TEST_CASE("an action on another Canary, revision, phase or version than was shown does nothing") {
    const Ruling changed{Answer::changed, "podinfo.test has changed since it was looked at"};
    for (const auto& shown : {Shown{.uid = "u-0", .revision = "v2:ab", .phase = "Progressing"},
                              Shown{.uid = "u-1", .revision = "v2:aa", .phase = "Progressing"},
                              Shown{.uid = "u-1", .revision = "v2:ab", .phase = "Waiting"},
                              Shown{.uid = "u-1",
                                    .revision = "v2:ab",
                                    .phase = "Progressing",
                                    .resource_version = "6"}}) {
        CHECK(ruling(api::Verb::abort, a_canary(), shown) == changed);
        // Also what would be refused: it has to be looked at again first.
        CHECK(ruling(api::Verb::retry, a_canary(), shown) == changed);
    }
    auto shown = as_it_is;
    shown.resource_version = "7";
    CHECK(ruling(api::Verb::abort, a_canary(), shown).answer == Answer::write);

    auto unseen = a_canary();
    unseen.status = {};
    CHECK(is_as_shown({.uid = "u-1", .revision = "", .phase = "Unknown"}, unseen));
}

TEST_CASE("a weight that went on is no reason to say no, another person's button is") {
    const auto said = said_of(a_canary());
    const auto answer = [&](const api::Canary& canary) {
        return ruling_on(
                   {.action = api::Verb::promote, .shown = as_it_is, .said = said}, canary, now)
            .answer;
    };
    auto further = a_canary();
    further.status.canary_weight = 60;
    CHECK(answer(further) == Answer::write);
    auto paused = a_canary();
    paused.suspended = true;
    CHECK(answer(paused) == Answer::changed);
    CHECK(answer(with_wish(api::Verb::promote, "2025-12-31T00:00:00Z")) == Answer::changed);
}

TEST_CASE(
    "another wish of a moment ago goes first, unless it was carried out or is of another "
    "revision") {
    const auto fresh = with_wish(api::Verb::abort, "2025-12-31T23:59:58Z");
    CHECK(ruling(api::Verb::promote, fresh) ==
          Ruling{Answer::changed, "podinfo.test was asked to be rolled back a moment ago"});
    CHECK(ruling(Suspension::pause, fresh).answer == Answer::changed);
    CHECK(ruling(api::Verb::abort, fresh).answer == Answer::write);

    CHECK(ruling(api::Verb::promote, with_wish(api::Verb::abort, "2025-12-31T23:59:55Z")).answer ==
          Answer::write);
    auto granted = fresh;
    granted.status.granted = granted.wish->text;
    CHECK(ruling(api::Verb::promote, granted).answer == Answer::write);
    auto of_another = fresh;
    of_another.wish->revision = "v2:aa";
    CHECK(ruling(api::Verb::promote, of_another).answer == Answer::write);
    auto without_time = fresh;
    without_time.wish->text = "abort v2:ab soon";
    CHECK(ruling(api::Verb::promote, without_time).answer == Answer::write);
}
