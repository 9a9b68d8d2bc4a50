// The analysis but for its rounds: start, restart, and weights that are not as decided (T15 to
// T21).
#include "api/texts.hpp"
#include "delivery/canary/configs.hpp"
#include "delivery/canary/corrections.hpp"
#include "delivery/canary/objects.hpp"
#include "delivery/canary/plan.hpp"
#include "delivery/canary/scalers.hpp"
#include "delivery/canary/steps.hpp"
#include "delivery/canary/workloads.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::canary {
namespace {

using api::Phase;
namespace texts = api::texts;

// The state that every analysis begins with.
api::Status fresh_analysis(const World& world) {
    auto status = transition_of(world);
    set_phase(status, world, Phase::progressing);
    status.failed_checks = 0;
    status.iterations = 0;
    status.mirrored = false;
    const auto& wish = world.canary.wish;
    note_revision(status, world);
    // What was wished for this revision before is over, as is what is hereby granted.
    const bool is_over = wish && !world.wish && wish->revision == status.last_applied_spec;
    const bool is_hereby = world.wish == api::Verb::retry || world.wish == api::Verb::step;
    if (is_over || is_hereby) status.granted = wish->text;
    status.unready_since = world.now;
    // A primary that is waited for, or past its deadline, is so in this analysis too.
    if (world.primary->ready()) status.primary_unready_since.reset();
    return status;
}

// The weights that the status says, as soon as the version that gains by them is ready.
Move write_weights_again(const World& world, Weights live) {
    const auto decided = decided_weights(world);
    const auto text = fmt::format("{} carries {}, not {} as decided: the weights are written again",
                                  world.canary.dotted(),
                                  to_string(live),
                                  to_string(decided));
    if (decided.primary > live.primary && !can_go_home(world)) {
        return hold(world, {.text = text + " when the primary is ready"});
    }
    if (decided.canary > live.canary && !world.target->ready()) {
        return hold(world, {.text = text + " when the canary is ready"});
    }
    auto act = act_of(world, "mend weights");
    send(act, world, decided);
    note_corrected(act, world);
    warn_anew(act, world, text);
    return act;
}

// Somebody has scaled the target up while it rests. Whoever goes by its own Service, or by weights
// that were put right a moment ago, may have requests with its pods: they drain first (leave).
std::optional<Move> drain_unasked(const World& world) {
    const auto target = object_of(scale_target(world, 0));
    if (world.spaced.contains(target)) return std::nullopt;
    auto act = act_of(world, "drain");
    act.corrects.push_back({target});
    auto text = fmt::format("{} was scaled up outside of a release: scaling it down again",
                            target_of(world));
    // A failed revision that somebody scales up to look at says nothing about the primary's size.
    const bool is_failed = world.canary.status.phase == Phase::failed;
    if (auto resized = resize_primary(world, world.target->replicas); resized && !is_failed) {
        text += fmt::format(", {} gets its {} replicas",
                            world.canary.dotted(world.primary->name),
                            world.target->replicas);
        act.effects.emplace_back(std::move(*resized));
    }
    auto event = event_of(world, EventType::warning, text);
    event.key += fmt::format("/{}", world.target->generation);
    act.events.push_back(std::move(event));
    auto status = status_of(world);
    status.routed_at = world.now;
    save(act, world, status);
    return act;
}

// DB-39: what changes without a revision reaches the primary at once, its autoscaler and its size;
// and a target that somebody has scaled up goes back to rest.
std::optional<Move> keep_in_line(const World& world) {
    if (auto scaler = update_scaler(world); scaler && !scaler->is_empty()) {
        auto act = act_of(world, "scaler");
        act.effects.emplace_back(std::move(*scaler));
        if (auto move = put_right(world, std::move(act))) return move;
    }
    const auto& status = world.canary.status;
    if (status.canary_weight > 0 || status.routed_at) return std::nullopt;
    if (auto noted = note_replicas(world)) {
        auto act = act_of(world, "note replicas");
        act.effects.emplace_back(std::move(*noted));
        return act;
    }
    if (world.target->replicas > 0) return drain_unasked(world);
    // Without pods there is nothing to drain: its autoscaler may have been let go of.
    auto act = act_of(world, "back to rest");
    scale_down(act, world);
    return put_right(world, std::move(act));
}

}  // namespace

// Nothing is under way. What was judged is fenced by the target's generation, once it is known
// (DB-1).
Move settle(const World& world) {
    const auto& before = world.canary.status;
    if (is_reverted(world) && before.phase == Phase::failed && before.canary_weight == 0) {
        return cancel(world);
    }
    if (auto kept = keep_in_line(world)) return *kept;
    const auto seen = analysed_now(world);
    const bool fenced = before.analysed && before.analysed->hash == seen.hash &&
                        before.analysed->generation == seen.generation;
    const bool tried = world.remembered.fenced == seen.generation;
    const bool moved = before.routed_by && *before.routed_by != routed_now(world);
    const bool waited = before.unready_since || before.primary_unready_since;
    if ((fenced || tried) && !waited && !moved) return rest_until({});
    auto act = act_of(world, "settle");
    auto status = status_of(world);
    status.analysed = seen;
    status.unready_since.reset();
    status.primary_unready_since.reset();
    act.remembered.fenced = seen.generation;
    save(act, world, status);
    return act;
}

// 2.6.0. After a failed promotion the canary serves, and goes on serving while the next revision is
// judged.
Move start(const World& world, const Evidence& evidence) {
    auto act = act_of(world, "start");
    act.lines = changed_configs(world);
    tell_gates_before_start(act, world, evidence);
    if (auto resumed = resume_scaler(world)) act.effects.emplace_back(std::move(*resumed));
    if (world.target->replicas == 0 && kind_of(world) != Kind::service) {
        act.effects.emplace_back(scale_target(world, replicas_from_zero(world)));
    } else if (auto roll = roll_canary(world)) {
        act.effects.push_back(*std::move(roll));
    }
    tell(act, world, EventType::normal, texts::new_revision(target_of(world)));
    act.events.back().phase = Phase::progressing;
    alert(act, Severity::info, "New revision detected, progressing canary analysis.", true);
    auto status = fresh_analysis(world);
    status.routed_at.reset();
    status.analysed->untested = status.analysed->unjudged = status.canary_weight > 0;
    act.remembered.last_round.reset();
    act.remembered.closed_gate.clear();
    save(act, world, status);
    return act;
}

namespace {

// One Event for one restart, in however many steps the traffic goes home.
Event restart_event(const World& world) {
    const auto& status = world.canary.status;
    auto event = event_of(world, EventType::normal, texts::restarting(target_of(world)));
    if (!revision_changed(world)) {
        event.message = fmt::format("Strategy of {} changed to {}: restarting analysis",
                                    world.canary.dotted(),
                                    to_string(strategy_of(world)));
    }
    event.key = fmt::format("restart/{}/{}/{}/{}",
                            status.last_applied_spec,
                            status.analysed ? status.analysed->generation : 0,
                            world.revision,
                            to_string(strategy_of(world)));
    return event;
}

// Where promotion goes in steps, the primary is known to need them: it has been scaled down while
// it had less traffic (DB-14). A canary without pods is left at once.
bool returns_in_steps(const World& world) {
    return world.routes.can.weights && world.canary.analysis.step_weight_promotion > 0 &&
           world.target->available > 0;
}

// The weight of the canary after the next step home.
int step_back(const World& world, const Weights& live) {
    const int now = std::min(world.canary.status.canary_weight, live.canary);
    return std::max(0, now - world.canary.analysis.step_weight_promotion);
}

// The new revision is not written down before all traffic is home: until then it is a restart.
std::optional<Move> go_back(const World& world, const Weights& live) {
    const auto& status = world.canary.status;
    const bool is_written = live.canary < status.canary_weight && live.canary == step_home(world);
    const int following = is_written ? live.canary : step_back(world, live);
    const bool first = !status.routed_at;
    const auto due = next_round(world);
    if (!is_written && !first && due && world.now < *due) return rest_ready(world, due);
    if (following == 0) return std::nullopt;

    auto act = one_step_home(world, "step back", following);
    act.events.insert(act.events.begin(), restart_event(world));
    if (!is_written) {
        act.effects.emplace_back(Route{split(following), world.routes.resource_version, {}});
    }
    return act;
}

}  // namespace

namespace {

Move leave_to_roll(const World& world, bool is_home) {
    auto act = act_of(world, "route home");
    act.lines = changed_configs(world);
    act.events.push_back(restart_event(world));
    if (!is_home) send(act, world, {});
    save(act, world, sent_home(world));
    return act;
}

}  // namespace

// 2.8. A primary that is past its deadline gets no traffic back: the weights stay, and the new
// revision is judged where it is.
Move restart(const World& world) {
    const auto live = live_weights(world);
    const bool is_home = !live || *live == Weights{};
    if (world.primary->ready() && !is_home && returns_in_steps(world)) {
        if (auto step = go_back(world, *live)) return *step;
    }
    auto roll = roll_canary(world);
    if (roll) {
        // Its pods start anew, so nobody's requests may be with them, where the primary can take
        // them.
        const bool is_left = is_home && world.canary.status.canary_weight == 0;
        if (!is_left && world.primary->ready()) return leave_to_roll(world, is_home);
        if (is_left && world.canary.status.routed_at && !is_drained(world)) {
            return rest_ready(world, end_of_drain(world));
        }
    }
    auto act = act_of(world, "restart");
    act.lines = changed_configs(world);
    act.events.push_back(restart_event(world));
    const bool stepped = world.canary.status.canary_weight > 0 && world.canary.status.routed_at;
    if (stepped && world.primary->ready()) {
        tell(act,
             world,
             EventType::normal,
             texts::advance_primary(world.canary.dotted(), api::whole));
    }
    auto status = fresh_analysis(world);
    if (world.primary->ready()) {
        if (!is_home) {
            send(act, world, {});
            status.routed_at = world.now;
        }
        status.canary_weight = 0;
        unbind_users(status);
    } else if (live) {
        // Also what somebody else, or a kill, made of them.
        status.canary_weight = live->canary;
    }
    status.analysed->untested = status.analysed->unjudged = status.canary_weight > 0;
    if (roll) act.effects.push_back(*std::move(roll));
    act.remembered.last_round.reset();
    act.remembered.closed_gate.clear();
    save(act, world, status);
    return act;
}

// Nobody has judged what it brought to the users that the primary could not take back (restart).
Move leave_unjudged(const World& world) {
    auto act = act_of(world, "leave unjudged");
    send(act, world, {});
    tell(act,
         world,
         EventType::normal,
         fmt::format("{} is ready again: all traffic goes to it until {} has been judged",
                     world.canary.dotted(world.primary->name),
                     target_of(world)));
    auto status = sent_home(world);
    status.analysed->untested = status.analysed->unjudged = false;
    act.remembered.last_round.reset();
    save(act, world, status);
    return act;
}

// A canary without pods answers nobody: its traffic goes home at once. Under judgement that is a
// failed check; it has until its deadline to come back, and is then judged from weight 0, as
// nothing is known of the new pods.
Move leave_without_pods(const World& world) {
    const bool is_judged = is_analysing(world);
    auto act = act_of(world, "leave without pods");
    send(act, world, {});
    auto text =
        fmt::format("{} has no available pod: all traffic goes to the primary", target_of(world));
    auto status = sent_home(world);
    if (!is_judged) {
        tell(act, world, EventType::warning, std::move(text));
    } else {
        auto event = event_of(world, EventType::warning, "lost its pods");
        event.message = fmt::format("Halt {} advancement {}", world.canary.dotted(), text);
        act.events.push_back(std::move(event));
        // It goes up by the same gates as before.
        set_phase(status, world, Phase::progressing);
        status.failed_checks += 1;
        status.iterations = 0;
        status.unready_since = world.now;
        act.remembered.last_round.reset();
    }
    save(act, world, status);
    return act;
}

// Live weights that are not the status': ours after a kill, or somebody else's.
std::optional<Move> mend_weights(const World& world) {
    const auto live = live_weights(world).value_or(Weights{});
    const auto following = step_of(world);
    const bool goes_on = following.kind != StepKind::hold && following.kind != StepKind::promote;
    switch (standing_of(
        live, decided_weights(world), goes_on ? std::optional(following.weights) : std::nullopt)) {
        case Standing::as_written:
            return std::nullopt;
        case Standing::one_step_ahead:
            return note_step(world, following);
        case Standing::elsewhere:
            break;
    }
    return write_weights_again(world, live);
}

// Nothing is under way, so no weight is ours but the status': what somebody else sends to a version
// that is scaled down is an outage.
std::optional<Move> mend_weights_at_rest(const World& world) {
    const auto live = live_weights(world).value_or(Weights{});
    if (standing_of(live, decided_weights(world), {}) == Standing::as_written) return std::nullopt;
    return write_weights_again(world, live);
}

}  // namespace sluice::canary
