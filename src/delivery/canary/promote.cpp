// Promotion: the analysed template goes to the primary, then the traffic, then the canary (T24,
// T25, 2.7, 2.10, 2.11).
#include "api/texts.hpp"
#include "delivery/canary/configs.hpp"
#include "delivery/canary/objects.hpp"
#include "delivery/canary/plan.hpp"
#include "delivery/canary/scalers.hpp"
#include "delivery/canary/steps.hpp"
#include "delivery/canary/workloads.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::canary {
namespace {

using api::Phase;
namespace texts = api::texts;

api::Status promoting(const World& world) {
    auto status = transition_of(world);
    set_phase(status, world, Phase::promoting);
    status.unready_since = world.now;
    status.routed_at.reset();
    return status;
}

// All traffic is, or is about to be, on the primary. Was the canary never reached in this phase,
// nothing has to drain.
Act to_finalising(const World& world, bool moves) {
    auto act = act_of(world, "all home");
    const bool was_reached = moves || world.canary.status.canary_weight > 0;
    if (moves) send(act, world, {});
    auto status = transition_of(world);
    status.mirrored = false;
    unbind_users(status);
    status.routed_at =
        was_reached ? world.now : world.canary.status.last_transition_time.value_or(world.now);
    status.canary_weight = 0;
    status.iterations = 0;
    status.unready_since.reset();
    set_phase(status, world, Phase::finalising);
    save(act, world, status);
    return act;
}

// T24. The first move of the traffic tells it also where nothing has to be written: the autoscaler
// is then known to stand as the target's does.
void bring_scaler_in_line(Act& act, const World& world) {
    auto patch = update_scaler(world);
    const bool first = !world.canary.status.routed_at;
    if (!patch || (patch->is_empty() && !first)) return;
    act.effects.insert(act.effects.begin(), std::move(*patch));
}

// The condition's own texts: the canary was not scaled to zero, it serves (DB-4).
constexpr std::string_view has_failed = "Promotion failed, primary not ready.";
constexpr std::string_view canary_serves =
    "Promotion failed, primary not ready: the canary serves.";
constexpr std::string_view primary_serves = "Promotion failed: the primary serves as before.";

void say(api::Status& status, std::string_view text) {
    if (!status.conditions.is_array()) return;
    for (auto& condition : status.conditions.get_array()) {
        if (text_at(condition, {"type"}) == "Promoted") put(condition, {"message"}, Json(text));
    }
}

bool says(const api::Status& status, std::string_view text) {
    return std::ranges::any_of(
        status.conditions.is_array() ? status.conditions.get_array() : JsonArray{},
        [&](const Json& condition) {
            return text_at(condition, {"type"}) == "Promoted" &&
                   text_at(condition, {"message"}) == text;
        });
}

}  // namespace

// What is copied is what was analysed: the template of this World, whose revision the status holds
// (DB-7).
Move promote(const World& world, Act act) {
    if (!world.config_trouble.empty()) return hold(world, {.text = world.config_trouble});
    const auto& hash = world.canary.status.last_applied_spec;
    const auto* analysed = template_of(kind_of(world), world.target->object);
    if (auto keep = keep_template(world, *analysed, hash, world.target->replicas)) {
        act.effects.push_back(std::move(*keep));
    }
    for (auto& copy : put_configs_aside(world)) act.effects.push_back(std::move(copy));
    for (auto& copy : copy_configs(world, {})) act.effects.push_back(std::move(copy));
    if (auto patch = promote_primary(world, hash)) act.effects.emplace_back(std::move(*patch));
    tell(act,
         world,
         EventType::normal,
         texts::copying(target_of(world), world.canary.dotted(world.primary->name)));
    auto status = promoting(world);
    grant_step(act, status, world);
    save(act, world, status);
    return act;
}

// The copy was written before a kill; the status catches up.
Move note_promotion(const World& world) {
    auto act = act_of(world, "catch up");
    if (!world.canary.skip_analysis) {
        tell_gates_passed(act, world, {.kind = StepKind::promote});
    }
    tell(act,
         world,
         EventType::normal,
         texts::copying(target_of(world), world.canary.dotted(world.primary->name)));
    auto status = promoting(world);
    grant_step(act, status, world);
    save(act, world, status);
    return act;
}

// 2.7. The canary is being left, so only the primary's readiness counts.
Move shift_home(const World& world) {
    const auto live = live_weights(world).value_or(Weights{});
    const auto& canary = world.canary;
    const bool at_once = canary.analysis.step_weight_promotion == 0 || !world.routes.can.weights;
    if (live.canary == 0 || at_once) {
        // Weight 0 while promoting is the end of it, whoever wrote it (DB-6).
        auto act = to_finalising(world, live != Weights{});
        bring_scaler_in_line(act, world);
        const bool stepped = !at_once && canary.status.canary_weight > 0;
        if (stepped) {
            tell(
                act, world, EventType::normal, texts::advance_primary(canary.dotted(), api::whole));
        } else if (!canary.skip_analysis && world.routes.can.weights) {
            tell(act, world, EventType::normal, texts::routing_to_primary());
        }
        return act;
    }

    const int following = step_home(world);
    switch (standing_of(live, split(canary.status.canary_weight), split(following))) {
        case Standing::one_step_ahead:
            return one_step_home(world, "step home", live.canary);
        case Standing::elsewhere: {
            // Never more for the canary than it has now.
            const int decided = std::min(canary.status.canary_weight, live.canary);
            auto act = act_of(world, "mend weights");
            act.effects.emplace_back(Route{split(decided), world.routes.resource_version, {}});
            auto status = status_of(world);
            status.canary_weight = decided;
            status.unready_since.reset();
            save(act, world, status);
            return act;
        }
        case Standing::as_written:
            break;
    }
    const bool first = !canary.status.routed_at;
    if (const auto due = next_round(world); !first && due && world.now < *due) {
        return rest_ready(world, due);
    }
    if (following == 0) {
        auto act = to_finalising(world, true);
        bring_scaler_in_line(act, world);
        tell(act, world, EventType::normal, texts::advance_primary(canary.dotted(), api::whole));
        return act;
    }
    auto act = one_step_home(world, "step home", following);
    act.effects.emplace_back(Route{split(following), world.routes.resource_version, {}});
    bring_scaler_in_line(act, world);
    return act;
}

// T25, after the drain.
Move finalise(const World& world, const Evidence& evidence) {
    const auto& canary = world.canary;
    const auto live = live_weights(world).value_or(Weights{});
    const bool is_home = live == Weights{};
    if (!is_home && canary.status.routed_at) return drain_anew(world);
    if (!is_home || !canary.status.routed_at) {
        auto act = act_of(world, "route home");
        send(act, world, {});
        auto status = status_of(world);
        status.routed_at = world.now;
        status.unready_since.reset();
        save(act, world, status);
        return act;
    }
    if (!is_drained(world)) return rest_ready(world, end_of_drain(world));

    // The pods go first, then the hooks are told, and then it is written down.
    const bool is_up = world.target->replicas != 0;
    if (const auto asked = ask_after_run(world, evidence, Phase::succeeded)) {
        if (!is_up) return *asked;
        auto act = act_of(world, "scale down");
        scale_down(act, world);
        return act;
    }
    auto act = act_of(world, "promoted");
    scale_down(act, world);
    for (auto& effect : forget_others(world, canary.status.last_applied_spec)) {
        act.effects.push_back(std::move(effect));
    }
    for (auto& effect : forget_configs(world)) act.effects.push_back(std::move(effect));
    tell_after_run(act, world, evidence, Phase::succeeded);
    tell(act,
         world,
         EventType::normal,
         canary.skip_analysis ? texts::promotion_unanalysed(target_of(world))
                              : texts::promotion_completed(target_of(world)));
    alert(act,
          Severity::info,
          canary.skip_analysis ? "Canary analysis was skipped, promotion finished."
                               : "Canary analysis completed successfully, promotion finished.");
    act.finish = canary.skip_analysis ? Finish::promoted_unanalysed : Finish::promoted;
    act.events.back().phase = Phase::succeeded;
    auto status = transition_of(world);
    if (world.wish == api::Verb::promote) status.granted = canary.wish->text;
    status.last_promoted_spec = status.last_applied_spec;
    status.routed_at.reset();
    status.unready_since.reset();
    set_phase(status, world, Phase::succeeded);
    save(act, world, status);
    return act;
}

// 2.10. The canary is proven and serves; the primary gets its old template back (restore,
// come_home).
Move fail_promotion(const World& world, const Evidence& evidence) {
    const auto& before = world.canary.status;
    const auto& why = world.primary->readiness.why;
    const auto live = live_weights(world).value_or(Weights{});
    // Only what was judged: somebody may have pushed another revision meanwhile.
    const bool is_proven = !revision_changed(world) && !is_reverted(world);
    const int weight = world.target->ready() && is_proven ? api::whole : live.canary;
    const auto text = weight > 0 ? canary_serves : has_failed;

    // The users come first, and it is written down where they are: whoever looks next, after a kill
    // too, takes nothing back. Then the hooks.
    if (!says(before, text) || live.canary != weight || before.canary_weight != weight) {
        auto act = act_of(world, "promotion fails");
        if (live.canary != weight) send(act, world, split(weight));
        if (!says(before, canary_serves) && !says(before, has_failed)) {
            tell(act, world, EventType::warning, texts::promotion_failed(target_of(world), why));
            alert(
                act, Severity::error, fmt::format("Promotion failed, primary not ready: {}", why));
        }
        auto status = status_of(world);
        status.canary_weight = weight;
        api::set_condition(status, world.canary.target.kind, world.now);
        say(status, text);
        save(act, world, status);
        return act;
    }
    // Its pods go when it gets its proven template back.
    if (auto asked = ask_about_pods(world, *world.primary, evidence)) return *asked;
    if (const auto asked = ask_after_run(world, evidence, Phase::failed)) return *asked;

    auto act = act_of(world, "promotion failed");
    tell_after_run(act, world, evidence, Phase::failed);
    act.finish = Finish::failed;
    auto status = transition_of(world);
    settle_wish(status, world);
    status.canary_weight = weight;
    status.failed_checks = 0;
    status.iterations = 0;
    status.mirrored = false;
    status.routed_at = world.now;
    status.unready_since.reset();
    set_phase(status, world, Phase::failed);
    say(status, text);
    save(act, world, status);
    return act;
}

namespace {

void tell_restoring(Act& act, const World& world) {
    tell(act,
         world,
         EventType::normal,
         fmt::format("Restoring the promoted template of {}",
                     world.canary.dotted(world.primary->name)));
}

}  // namespace

Move restore(const World& world) {
    if (world.canary.status.routed_at && !is_drained(world)) return rest_until(end_of_drain(world));
    const auto& hash = world.canary.status.last_promoted_spec;
    const auto& kept = world.kept.at(hash);
    auto act = act_of(world, "restore primary");
    act.effects = bring_configs_back(world);
    if (auto patch = restore_primary(world, *find(kept, {"template"}), hash)) {
        act.effects.emplace_back(std::move(*patch));
    }
    tell_restoring(act, world);
    auto status = status_of(world);
    status.primary_unready_since = world.now;
    save(act, world, status);
    return act;
}

// The restored primary is ready: it serves again.
Move come_home(const World& world) {
    auto act = act_of(world, "come home");
    send(act, world, {});
    // It runs what was promoted before because it got it back: told again, a kill may have come
    // first.
    const auto& status_now = world.canary.status;
    if (world.primary_carries == status_now.last_promoted_spec &&
        status_now.last_applied_spec != status_now.last_promoted_spec) {
        tell_restoring(act, world);
    }
    tell(act, world, EventType::normal, texts::routing_to_primary());
    auto status = sent_home(world);
    status.primary_unready_since.reset();
    say(status, primary_serves);
    save(act, world, status);
    return act;
}

// It is applied again in a moment, as `kubectl replace --force` and Helm do, or never: either way
// the primary carries what was judged. The canary's pods are gone, so their share goes home.
Move go_on_without_target(const World& world) {
    const auto live = live_weights(world);
    if (live && *live != Weights{} && can_go_home(world)) return route_home(world);
    return hold(world, {.text = world.hindrance});
}

// The canary of a failed promotion goes, after the drain; or a target that somebody has scaled up.
Move leave(const World& world) {
    const auto live = live_weights(world).value_or(Weights{});
    const auto& before = world.canary.status;
    const bool promotion_failed =
        says(before, primary_serves) || says(before, has_failed) || says(before, canary_serves);
    if (live.canary > 0) {
        if (!promotion_failed) return drain_anew(world);
        if (!world.primary->ready()) return wait_for_primary(world);
        auto act = act_of(world, "drain again");
        auto status = status_of(world);
        status.canary_weight = live.canary;
        status.routed_at.reset();
        save(act, world, status);
        return act;
    }
    if (!is_drained(world)) return rest_until(end_of_drain(world));
    auto act = act_of(world, "leave");
    scale_down(act, world);
    auto status = status_of(world);
    if (promotion_failed) {
        tell(act, world, EventType::warning, texts::canary_failed(world.canary.dotted()));
    }
    status.routed_at.reset();
    set_phase(status, world, status.phase);
    save(act, world, status);
    return act;
}

}  // namespace sluice::canary
