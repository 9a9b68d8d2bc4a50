// T1 to T30 of canary.md 2.3 are the order of these lines; docs/behaviour/canary.md says why each
// stands where it does.
#include "delivery/canary/next.hpp"

#include "api/texts.hpp"
#include "delivery/canary/plan.hpp"
#include "delivery/canary/steps.hpp"
#include "delivery/canary/workloads.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::canary {
namespace {

using api::Phase;

bool was_edited(const World& world) {
    const auto& canary = world.canary;
    // A status of the peer's has observed nothing; that is a takeover and no edit.
    return canary.status.observed_generation != 0 &&
           canary.generation != canary.status.observed_generation &&
           canary.generation != world.remembered.generation;
}

bool lost_its_target(const World& world) {
    return !world.target && is_analysing(world);
}

// Its share of the traffic fails, and the primary can take it.
bool lost_its_pods(const World& world) {
    const auto live = live_weights(world);
    const bool is_reached = world.canary.status.canary_weight > 0 || (live && live->canary > 0);
    return is_reached && world.target->available == 0 && can_go_home(world);
}

// Nobody stays with a canary that has no pod, whatever else is wrong.
std::optional<Move> leave_lost(const World& world) {
    if (!lost_its_pods(world)) return std::nullopt;
    if (is_analysing(world) || world.canary.status.phase == Phase::promoting)
        return leave_without_pods(world);
    if (world.canary.status.phase == Phase::failed) return come_home(world);
    return is_settled(world) ? mend_weights_at_rest(world) : std::nullopt;
}

// A primary that serves nobody, or is past its deadline, gates nothing: else a fix for it could
// never be released.
bool primary_gates(const World& world) {
    const bool serves = world.canary.status.canary_weight < api::whole ||
                        strategy_of(world) == api::Strategy::ab_testing;
    return !world.canary.skip_analysis && serves &&
           world.primary->readiness.state == ReadyState::waiting;
}

// A revision that nobody has judged, one that waits for approval, or one to be judged again.
bool is_due(const World& world) {
    return revision_changed(world) || world.canary.status.phase == Phase::waiting ||
           world.wish == api::Verb::retry;
}

// spec.revertOnDeletion was switched off. What cannot be read says nothing about it.
bool opts_out(const World& world) {
    const auto& canary = world.canary;
    return canary.has_finalizer && !canary.revert_on_deletion && !canary.invalid;
}

// It was switched on: before anything of the user's is touched.
bool opts_in(const World& world) {
    const auto& canary = world.canary;
    return canary.revert_on_deletion && !canary.has_finalizer && canary.status.phase != Phase::none;
}

// What a person takes back, or what has been given up, needs nothing that others may lack.
std::optional<Move> take_back(const World& world, const Evidence& evidence) {
    if (world.wish != api::Verb::abort) return std::nullopt;
    if (world.canary.status.phase == Phase::waiting) return fail_unstarted(world, {});
    if (is_analysing(world) && !promotion_was_written(world))
        return roll_back_for_wish(world, evidence);
    return std::nullopt;
}

// What has failed is left, whatever else waits.
std::optional<Move> leave_failing(const World& world, const Evidence& evidence) {
    const auto& canary = world.canary;
    if (!is_reverted(world) && !revision_changed(world)) {
        if (world.target->readiness.state == ReadyState::fatal)
            return roll_back_for_deadline(world, evidence);
        if (!canary.skip_analysis && canary.status.failed_checks >= canary.analysis.threshold)
            return roll_back_for_checks(world, evidence);
    }
    return leave_lost(world);
}

// Whether anybody or anything has met the canary.
bool is_met(const World& world) {
    const auto& status = world.canary.status;
    return status.canary_weight > 0 || status.iterations > 0 || status.mirrored;
}

// A release that does not go on is told to whoever is on call: its share stays where it is.
Holding held_release(const World& world, const std::string& why, std::optional<Time> wake = {}) {
    std::optional<Alert> told;
    if (is_met(world)) told = Alert{Severity::warn, why, false};
    return {EventType::warning, why, wake, std::move(told)};
}

// A revision under judgement. What is held does not go on, but it is still judged, and taken back.
Move analyse(const World& world, const Evidence& evidence, Time now, const std::string& held) {
    // No step is taken then, and nothing is sent to it that need not be.
    const bool is_short = primary_gates(world);
    if (is_reverted(world)) {
        return is_short && !lost_its_pods(world) ? wait_for_primary(world) : cancel(world);
    }
    if (revision_changed(world)) return restart(world);
    if (const auto left = leave_failing(world, evidence)) return *left;
    const bool is_waited_for = world.canary.status.primary_unready_since.has_value();
    if (is_short && (!is_met(world) || !is_waited_for)) return wait_for_primary(world);
    if (is_waited_for && world.primary->ready()) return forget_primary_wait(world);
    if (is_unjudged(world) && world.primary->ready() && !world.canary.skip_analysis)
        return leave_unjudged(world);
    if (!world.target->ready()) return wait_for_canary(world);
    if (!held.empty() && (world.canary.skip_analysis || !is_met(world)))
        return hold(world, held_release(world, held));
    if (world.canary.skip_analysis) return promote(world, act_of(world, "promote"));
    if (const auto mended = mend_weights(world)) return *mended;

    if (const auto due = next_round(world); due && now < *due) {
        const bool was_unready = world.canary.status.unready_since.has_value();
        if (!held.empty() && !was_unready) return hold(world, held_release(world, held, due));
        if (is_short && !was_unready) return wait_for_primary(world, due);
        const auto gate = held.empty() && !is_short ? next_gate(world) : std::nullopt;
        if (!gate) return rest_ready(world, due);
        if (now < *gate) return rest_ready(world, std::min(*due, *gate));
        return advance(world, evidence);
    }
    // A gateway may take a moment over each weight: only what a round still finds is told.
    const auto& pending = world.routes.pending;
    if (!pending.empty() && !is_met(world)) return hold(world, {.text = pending});
    if (const auto ask = ask_round(world, evidence)) return *ask;
    if (const auto signal = heed_signal(world, evidence)) return *signal;
    if (const auto failure = count_failure(world, evidence)) return *failure;
    if (is_untested(world)) return admit(world, evidence);
    if (!held.empty()) return hold_judged(world, evidence, held_release(world, held));
    if (!pending.empty()) return hold_judged(world, evidence, held_release(world, pending));
    if (is_short) return hold_judged(world, evidence, {.text = primary_trouble(world)});
    return advance(world, evidence);
}

// An invalid edit, or what this version does not carry out: nothing is made of it. What is under
// way can still be taken back, where the routes and both versions are known.
Move refuse(const World& world, const Evidence& evidence) {
    const bool can_leave =
        !world.canary.suspended && world.routes.refusal.empty() && world.target && world.primary;
    if (can_leave) {
        if (world.canary.status.rollback) return finish_rollback(world, evidence);
        if (const auto back = take_back(world, evidence)) return *back;
        if (const auto left = leave_lost(world)) return *left;
    }
    if (is_analysing(world)) return hold(world, held_release(world, world.refusal));
    return hold(world, {.text = world.refusal});
}

// Something that a release needs is missing.
Move hinder(const World& world, const Evidence& evidence, Time now) {
    const bool is_known = world.target && world.primary && !world.revision.empty() &&
                          (kind_of(world) == Kind::service || !world.selector_label.empty());
    if (is_known && is_analysing(world) && !promotion_was_written(world))
        return analyse(world, evidence, now, world.hindrance);
    return hold(world, {.text = world.hindrance});
}

// What keeps a release from its next step, and not from being judged where it stands: a route that
// cannot be, and before a promotion configs that are not there.
std::string what_holds_steps(const World& world) {
    if (const auto& hindrance = routes_hindrance(world); !hindrance.empty()) return hindrance;
    if (step_of(world).kind == StepKind::promote) return world.config_trouble;
    return {};
}

Move start_or_wait(const World& world, const Evidence& evidence) {
    if (auto closed = ask_to_start(world, evidence)) return *closed;
    return start(world, evidence);
}

}  // namespace

std::string fingerprint(const World& world) {
    const auto& status = world.canary.status;
    return fmt::format("{}/{}/{}/{}/{}/{}/{}/{}/{}",
                       world.canary.uid,
                       world.canary.generation,
                       to_string(status.phase),
                       status.canary_weight,
                       status.failed_checks,
                       status.iterations,
                       status.mirrored,
                       status.last_applied_spec,
                       world.revision);
}

namespace {

Move decide(const World& world, const Evidence& evidence, Time now) {
    const auto& canary = world.canary;
    const auto& status = canary.status;

    if (canary.deleting && !canary.has_finalizer) return rest_until({});
    // Of a suspended Canary nothing is written.
    if (!canary.suspended) {
        if (auto anew = begin_waits_anew(world)) return *anew;
    }
    if (canary.deleting) return terminate(world);
    if (opts_out(world)) return let_go(world);
    if (!world.refusal.empty()) return refuse(world, evidence);
    if (opts_in(world)) return hold_finalizer(world);
    if (canary.suspended) return hold(world, {EventType::normal, api::texts::suspended(), {}, {}});
    if (status.phase == Phase::none) return begin(world);
    // Nothing but a deletion leads there.
    if (status.phase == Phase::terminating || status.phase == Phase::terminated)
        return rest_until({});
    if (was_edited(world)) return note_edit(world);

    const bool is_elsewhere = world.target && world.hindrance.empty() && is_retargeted(world);
    if (is_elsewhere && status.phase != Phase::initializing) return begin(world);
    // What was decided is finished before anything else is looked at.
    if (status.rollback) {
        if (const auto standing = stand_up_primary(world)) return *standing;
        return finish_rollback(world, evidence);
    }
    if (lost_its_target(world)) return roll_back_for_lost_target(world);
    if (!world.target && is_promoting(world)) return go_on_without_target(world);
    if (const auto back = take_back(world, evidence)) return *back;
    if (!world.hindrance.empty()) return hinder(world, evidence, now);
    if (status.phase == Phase::initializing) return initialize(world, evidence);
    if (is_taken_over(world)) return take_over(world);
    if (world.primary && strategy_changed(world)) return restart(world);
    if (const auto standing = stand_up(world)) return *standing;

    if (is_settled(world)) {
        // After a failed promotion: the primary gets its proven template back, then its traffic.
        if (const auto left = leave_lost(world)) return *left;
        if (needs_restoring(world)) return restore(world);
        if (status.canary_weight > 0 && world.primary->ready()) return come_home(world);
        if (status.canary_weight == 0 && status.routed_at) return leave(world);

        if (const auto mended = mend_weights_at_rest(world)) return *mended;
        if (status.phase == Phase::waiting && is_reverted(world)) return cancel(world);
        if (!world.config_trouble.empty()) return hold(world, {.text = world.config_trouble});
        if (!routes_hindrance(world).empty()) return hold(world, {.text = routes_hindrance(world)});
        if (!is_due(world)) return settle(world);
        if (primary_gates(world)) return wait_for_primary(world);
        return start_or_wait(world, evidence);
    }

    if (promotion_was_written(world)) return note_promotion(world);
    if (is_promoting(world)) {
        if (const auto left = leave_lost(world)) return *left;
        if (world.primary->readiness.state == ReadyState::fatal)
            return fail_promotion(world, evidence);
        if (!world.primary->ready()) return wait_for_primary(world);
        return status.phase == Phase::promoting ? shift_home(world) : finalise(world, evidence);
    }

    return analyse(world, evidence, now, what_holds_steps(world));
}

}  // namespace

Move next(const World& world, const Evidence& evidence, Time now) {
    auto move = decide(world, evidence, now);
    const auto* rest = std::get_if<Rest>(&move);
    if (rest == nullptr || rest->held || world.canary.deleting) return move;
    if (auto reported = report_wait(world)) return *reported;
    if (api::held_by(world.canary.status.conditions).empty()) return move;
    auto act = act_of(world, "goes on");
    show_held(act, world, {});
    return act;
}

}  // namespace sluice::canary
