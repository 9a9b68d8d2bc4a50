// Rollback (2.9): announced and written down first, then the route, then the drain, then the
// canary's end.
#include "api/texts.hpp"
#include "delivery/canary/configs.hpp"
#include "delivery/canary/objects.hpp"
#include "delivery/canary/steps.hpp"
#include "delivery/canary/workloads.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::canary {
namespace {

using api::Phase;
namespace texts = api::texts;

constexpr std::string_view reverted = "reverted";

// Whoever looks at why pods are not ready keeps nobody with them.
bool may_look(const World& world) {
    return world.target && !world.target->ready() && live_weights(world) == Weights{};
}

std::string pods_told(const Evidence& evidence) {
    const auto* answer = evidence.find(std::string(pods_question));
    return answer == nullptr || answer->outcome != Outcome::passed ? std::string() : answer->text;
}

// From this status write on the rollback is finished, whatever is asked or answered after it.
Act decide(const World& world, std::string_view cause, std::string message, std::string pods = {}) {
    auto act = act_of(world, "roll back");
    auto status = status_of(world);
    status.rollback = api::Rollback{std::string(cause), std::move(message), std::move(pods)};
    status.closed_gate.clear();
    status.routed_at.reset();
    save(act, world, status);
    return act;
}

// Law 1's exception, for a canary that is left: has the primary an available pod, it gets the
// traffic; else, has the canary one, the weights stay.
bool may_leave(const World& world) {
    const auto pods = [](const std::optional<Workload>& one) { return one ? one->available : 0; };
    return pods(world.primary) > 0 || pods(world.target) == 0;
}

Move stay(const World& world) {
    const auto text = fmt::format("{} has no available pod: {} keeps its traffic until it has one",
                                  world.canary.dotted(world.canary.primary_name()),
                                  target_of(world));
    return hold(world, {EventType::warning, text, {}, Alert{Severity::error, text, false}});
}

void tell_failed(Act& act, const World& world) {
    tell(act, world, EventType::warning, texts::canary_failed(world.canary.dotted()));
    act.events.back().phase = Phase::failed;
}

// The pods go first, then the hooks are told, and then it is written down.
Move end(const World& world, const Evidence& evidence) {
    const auto& before = world.canary.status;
    const bool is_cancel = before.rollback->cause == reverted;
    const bool is_up = world.target && world.target->replicas != 0;
    const auto asked = is_cancel ? std::nullopt : ask_after_run(world, evidence, Phase::failed);
    if (asked && !is_up) return *asked;

    auto act = act_of(world, is_cancel ? "cancelled" : asked ? "scale down" : "failed");
    scale_down(act, world);
    // Of a promotion that was refused half way the copies may be there already, and not the
    // template.
    if (world.primary && world.primary_carries != before.last_applied_spec) {
        for (auto& effect : bring_configs_back(world)) act.effects.push_back(std::move(effect));
    }
    if (!is_cancel) tell_failed(act, world);
    if (asked) return act;
    if (!is_cancel) {
        tell_after_run(act, world, evidence, Phase::failed);
        act.finish = Finish::failed;
    }
    // The analysed hash stays: a fix that was pushed meanwhile is a revision of its own (DB-11).
    auto status = transition_of(world);
    settle_wish(status, world);
    if (is_cancel) status.last_applied_spec = status.last_promoted_spec;
    status.canary_weight = 0;
    status.failed_checks = 0;
    status.iterations = 0;
    status.mirrored = false;
    status.rollback.reset();
    status.routed_at.reset();
    status.unready_since.reset();
    status.analysed.reset();
    set_phase(status, world, is_cancel ? Phase::succeeded : Phase::failed);
    save(act, world, status);
    return act;
}

}  // namespace

std::optional<Ask> ask_about_pods(const World& world,
                                  const Workload& workload,
                                  const Evidence& evidence) {
    if (evidence.find(std::string(pods_question)) != nullptr) return std::nullopt;
    Ask asked;
    asked.batch.questions.push_back({std::string(pods_question), LookAtPods{workload.object}});
    asked.remembered = world.remembered;
    return asked;
}

Move roll_back_for_checks(const World& world, const Evidence& evidence) {
    if (may_look(world)) {
        if (auto asked = ask_about_pods(world, *world.target, evidence)) return *asked;
    }
    const auto failed = world.canary.status.failed_checks;
    const auto text = texts::rolling_back(world.canary.dotted(), failed);
    auto act = decide(world, "failed-checks", text, pods_told(evidence));
    tell(act, world, EventType::warning, text);
    alert(act, Severity::error, fmt::format("Failed checks threshold reached {}", failed));
    return act;
}

Move roll_back_for_deadline(const World& world, const Evidence& evidence) {
    if (auto asked = ask_about_pods(world, *world.target, evidence)) return *asked;
    const auto why = canary_not_ready(
        kind_of(world), world.canary.dotted(world.target->name), world.target->readiness);
    const auto text = texts::rolling_back_deadline(world.canary.dotted(), why);
    auto act = decide(world, "progress-deadline", text, pods_told(evidence));
    tell(act, world, EventType::warning, why);
    tell(act, world, EventType::warning, text);
    alert(act, Severity::error, fmt::format("Progress deadline exceeded {}", why));
    return act;
}

Move roll_back_for_lost_target(const World& world) {
    auto act = decide(world, "target-missing", world.hindrance);
    tell(act, world, EventType::warning, world.hindrance);
    alert(act, Severity::error, world.hindrance);
    return act;
}

// DB-9: the target is back at what the primary runs, so there is nothing to judge.
Move cancel(const World& world) {
    const auto text =
        fmt::format("{} is back at the promoted revision, analysis cancelled", target_of(world));
    auto act = decide(world, reverted, text);
    tell(act, world, EventType::normal, text);
    return act;
}

Move roll_back_for_signal(const World& world, const std::string& hook) {
    const auto text = texts::rolling_back_by_hook(world.canary.dotted());
    auto act = decide(world, "webhook", text);
    tell(act, world, EventType::warning, texts::rollback_check_passed(hook));
    tell(act, world, EventType::warning, text);
    alert(act, Severity::warn, "Rolling back manual webhook invoked");
    return act;
}

Move roll_back_for_wish(const World& world, const Evidence& evidence) {
    if (may_look(world)) {
        if (auto asked = ask_about_pods(world, *world.target, evidence)) return *asked;
    }
    const auto text = fmt::format("Rolling back {} aborted by hand", world.canary.dotted());
    auto act = decide(world, "aborted", text, pods_told(evidence));
    put(*act.status, {"granted"}, Json(world.canary.wish->text));
    tell(act, world, EventType::warning, text);
    alert(act, Severity::warn, "Rolling back aborted by hand");
    return act;
}

Move fail_unstarted(const World& world, const std::string& hook) {
    auto act = act_of(world, "failed");
    if (hook.empty()) {
        const auto text = fmt::format("Rolling back {} aborted by hand", world.canary.dotted());
        tell(act, world, EventType::warning, text);
        alert(act, Severity::warn, "Rolling back aborted by hand");
    } else {
        tell(act, world, EventType::warning, texts::rollback_check_passed(hook));
        tell(act, world, EventType::warning, texts::rolling_back_by_hook(world.canary.dotted()));
        alert(act, Severity::warn, "Rolling back manual webhook invoked");
    }
    tell_failed(act, world);
    act.finish = Finish::failed;
    auto status = transition_of(world);
    if (hook.empty()) status.granted = world.canary.wish->text;
    status.analysed.reset();
    status.failed_checks = 0;
    set_phase(status, world, Phase::failed);
    save(act, world, status);
    return act;
}

Move finish_rollback(const World& world, const Evidence& evidence) {
    const auto live = live_weights(world);
    const bool still_reached = !live || *live != Weights{};
    if (!world.canary.status.routed_at || still_reached) {
        if (still_reached && !may_leave(world)) return stay(world);
        return world.canary.status.routed_at ? drain_anew(world) : Move(route_home(world));
    }
    if (!is_drained(world)) return rest_until(end_of_drain(world));
    return end(world, evidence);
}

}  // namespace sluice::canary
