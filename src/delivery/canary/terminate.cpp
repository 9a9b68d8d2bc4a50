// The end of a Canary with spec.revertOnDeletion (2.14): the target runs and is ready, then all
// traffic goes back to it, drains from the primary, and the Canary lets go of its finalizer. What
// it owns is garbage then.
#include "api/texts.hpp"
#include "delivery/canary/objects.hpp"
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

void say_in_condition(api::Status& status, std::string_view message) {
    if (!status.conditions.is_array()) return;
    for (auto& condition : status.conditions.get_array()) {
        if (text_at(condition, {"type"}) == "Promoted") put(condition, {"message"}, Json(message));
    }
}

Move begin_termination(const World& world) {
    const auto& canary = world.canary;
    auto act = act_of(world, "terminate");
    tell(act, world, EventType::normal, texts::terminating(canary.dotted()));
    const auto& promoted = canary.status.last_promoted_spec;
    if (world.target && !promoted.empty() && !world.revision.empty() &&
        world.revision != promoted) {
        tell(act,
             world,
             EventType::warning,
             fmt::format("{} gets all traffic with a revision that was not promoted",
                         target_of(world)));
    }
    auto status = transition_of(world);
    status.rollback.reset();
    status.routed_at.reset();
    status.unready_since.reset();
    set_phase(status, world, Phase::terminating);
    save(act, world, status);
    return act;
}

// As many pods as the primary has: they take over all that it bears.
std::int64_t replicas_back(const World& world) {
    const auto primary = world.primary ? world.primary->replicas : 0;
    const auto wanted = primary > 0 ? primary : replicas_from_zero(world);
    return std::max(wanted, world.target->replicas);
}

std::optional<Move> bring_target_back(const World& world) {
    const bool is_begun = world.canary.status.unready_since.has_value();
    if (!world.target || kind_of(world) == Kind::service) return std::nullopt;
    if (is_begun && world.target->replicas > 0) return std::nullopt;
    const auto name = world.canary.dotted();
    auto act = act_of(world, "scale up");
    if (auto resumed = resume_scaler(world)) {
        resumed->telling.failure =
            "failed to resume target scaler during finalizing: " + resumed->telling.failure;
        act.effects.emplace_back(std::move(*resumed));
    }
    auto scale = scale_target(world, replicas_back(world));
    scale.telling.log = fmt::format("{} kind {} reverted", name, world.canary.target.kind);
    scale.telling.failure = "failed to revert target: " + scale.telling.failure;
    act.effects.emplace_back(std::move(scale));
    if (!is_begun) {
        auto status = status_of(world);
        status.unready_since = world.now;
        say_in_condition(status,
                         fmt::format("Waiting for {} to take all traffic back.", target_of(world)));
        save(act, world, status);
    }
    return act;
}

std::string not_ready(const World& world) {
    return "canary not ready during finalizing: " +
           canary_not_ready(kind_of(world), target_of(world), world.target->readiness);
}

std::optional<Move> await_target(const World& world) {
    if (!world.target || world.target->ready() || is_given_up(world)) return std::nullopt;
    const auto end = *world.canary.status.unready_since + world.canary.progress_deadline;
    auto held = hold(world, {EventType::warning, not_ready(world), end, {}});
    if (auto* told = std::get_if<Act>(&held)) {
        told->lines.push_back("Checking if canary is ready " + world.canary.dotted());
    }
    return held;
}

// What the apex Service selected before it was ours: the target's pods.
Json selector_before(const World& world) {
    if (!world.selector_label.empty()) {
        return JsonObject{{world.selector_label, world.selector_value}};
    }
    // Without a target nobody else says it.
    constexpr std::string_view suffix = "-primary";
    JsonObject selector;
    for (const auto& [key, value] : object_at(*world.apex_service, {"spec", "selector"})) {
        const std::string_view now =
            value.is_string() ? std::string_view(value.get_string()) : std::string_view();
        if (!now.ends_with(suffix)) return nullptr;
        selector[key] = Json(now.substr(0, now.size() - suffix.size()));
    }
    return selector;
}

// First the Service, then the routes: at no moment does either name what is not there.
Move give_back(const World& world) {
    const auto& canary = world.canary;
    const auto name = canary.dotted();
    auto act = act_of(world, "give back");
    if (is_given_up(world)) {
        const auto text = not_ready(world);
        tell(act, world, EventType::warning, text);
        tell(act,
             world,
             EventType::warning,
             fmt::format("{} gets all traffic although it is not ready: its deadline has passed",
                         target_of(world)));
        alert(act, Severity::error, text);
    }
    // One that we have made goes with us; one that is the target was never changed.
    const bool is_target = kind_of(world) == Kind::service;
    if (!is_target && world.apex_service && !is_owned(world, *world.apex_service)) {
        act.effects.emplace_back(
            GiveBackApex{canary.apex,
                         selector_before(world),
                         {fmt::format("{} router reverted", name),
                          fmt::format("failed revert router: service {} update error: ",
                                      canary.dotted(canary.apex))}});
    }
    act.effects.emplace_back(
        GiveBackRoutes{{fmt::format("{} mesh provider {} reverted", name, canary.provider),
                        "failed to revert mesh: meshRouter.Finlize failed: "}});
    auto status = transition_of(world);
    status.canary_weight = 0;
    status.iterations = 0;
    status.mirrored = false;
    unbind_users(status);
    status.routed_at = world.now;
    save(act, world, status);
    return act;
}

Move end(const World& world) {
    auto act = act_of(world, "terminated");
    const auto name = world.canary.dotted();
    act.lines.push_back("Finalization complete for " + name);
    tell(act, world, EventType::normal, texts::terminated(name));
    auto status = transition_of(world);
    set_phase(status, world, Phase::terminated);
    save(act, world, status);
    return act;
}

}  // namespace

// DB-19: what cannot get ready does not keep the Canary for ever.
bool is_given_up(const World& world) {
    const auto& since = world.canary.status.unready_since;
    return world.target && !world.target->ready() && since &&
           world.now >= *since + world.canary.progress_deadline;
}

Move hold_finalizer(const World& world) {
    auto act = act_of(world, "hold finalizer");
    const auto name = world.canary.dotted();
    act.effects.emplace_back(
        HoldFinalizer{true, {{}, fmt::format("unable to add finalizer to canary {}: ", name)}});
    return act;
}

Act let_go(const World& world) {
    auto act = act_of(world, "let go");
    const auto name = world.canary.dotted();
    const auto done =
        world.canary.deleting
            ? fmt::format("Canary {} has been successfully processed and marked for deletion", name)
            : fmt::format("{} opting out, deleting finalizers", name);
    act.effects.emplace_back(HoldFinalizer{
        false, {done, fmt::format("unable to remove finalizer for canary {}: ", name)}});
    return act;
}

Move terminate(const World& world) {
    const auto& status = world.canary.status;
    // Whoever does not want it any more, or was never begun with, has nothing to be given back.
    if (!world.canary.revert_on_deletion || status.phase == Phase::none) return let_go(world);
    if (status.phase == Phase::terminated) return let_go(world);
    if (status.phase != Phase::terminating) return begin_termination(world);
    if (!status.routed_at) {
        if (auto up = bring_target_back(world)) return *up;
        if (auto wait = await_target(world)) return *wait;
        return give_back(world);
    }
    if (!is_drained(world)) return rest_until(end_of_drain(world));
    return end(world);
}

}  // namespace sluice::canary
