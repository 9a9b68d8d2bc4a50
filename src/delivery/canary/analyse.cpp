// The analysis: start, rounds of checks, the next weight, restart (T15 to T30).
#include "api/texts.hpp"
#include "delivery/canary/hooks.hpp"
#include "delivery/canary/judge.hpp"
#include "delivery/canary/objects.hpp"
#include "delivery/canary/plan.hpp"
#include "delivery/canary/steps.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::canary {
namespace {

using api::HookType;
using api::Phase;
namespace texts = api::texts;

api::Analysed analysed_now(const World& world) {
    return {world.revision, world.target->uid, world.target->generation};
}

// The state that every analysis begins with.
api::Status fresh_analysis(const World& world) {
    auto status = transition_of(world);
    set_phase(status, world, Phase::progressing);
    status.failed_checks = 0;
    status.iterations = 0;
    status.last_applied_spec = world.revision;
    status.analysed = analysed_now(world);
    if (world.settings.track_configs) {
        status.tracked_configs.emplace();
    } else {
        status.tracked_configs.reset();
    }
    status.unready_since = world.now;
    return status;
}

// The first round asks whether the canary may get traffic at all; the later ones how it fares.
bool is_first_step(const World& world) {
    return world.canary.status.canary_weight == 0 && world.canary.status.iterations == 0;
}

// Values are only read, so all of them may be asked side by side; the first failure in list order
// counts.
Batch metrics_of(const World& world) {
    Batch batch;
    std::size_t index = 0;
    for (const auto& metric : world.canary.analysis.metrics) {
        batch.questions.push_back({fmt::format("metric/{}/{}", index++, metric.name),
                                   Measure{metric,
                                           world.canary.metrics_server,
                                           world.canary.provider,
                                           world.canary.target.name,
                                           world.canary.ns,
                                           world.canary.name,
                                           world.canary.apex,
                                           world.canary.ingress,
                                           world.canary.route}});
    }
    return batch;
}

Batch hooks_due(const World& world) {
    return hooks_of(world,
                    is_first_step(world) ? HookType::pre_rollout : HookType::rollout,
                    "Progressing",
                    Stop::until_first_failure);
}

Batch metrics_due(const World& world) {
    return is_first_step(world) ? Batch{} : metrics_of(world);
}

struct Failed {
    const Question* question = nullptr;
    const Answer* answer = nullptr;
};

Failed first_failure(const Batch& batch, const Evidence& evidence) {
    for (const auto& question : batch.questions) {
        const auto* answer = evidence.find(question.id);
        if (answer == nullptr) return {};
        if (is_failure(question, *answer)) return {&question, answer};
    }
    return {};
}

bool is_answered(const Batch& batch, const Evidence& evidence) {
    if (first_failure(batch, evidence).question != nullptr) return true;
    for (const auto& question : batch.questions) {
        if (evidence.find(question.id) == nullptr) return false;
    }
    return true;
}

Verdict verdict_of(const World& world, const Failed& failed) {
    if (const auto* measure = std::get_if<Measure>(&failed.question->what)) {
        return *judge(*measure, *failed.answer);
    }
    const auto& hook = std::get<CallHook>(failed.question->what).hook;
    const auto name = world.canary.dotted();
    return {EventType::warning,
            hook.type == HookType::pre_rollout
                ? texts::pre_rollout_failed(name, hook.name, failed.answer->text)
                : texts::external_check_failed(name, hook.name, failed.answer->text)};
}

void tell_passed_hooks(Act& act, const World& world, const Batch& batch, const Evidence& evidence) {
    if (!is_first_step(world)) return;
    for (const auto& question : batch.questions) {
        const auto* answer = evidence.find(question.id);
        if (answer == nullptr || is_failure(question, *answer)) return;
        tell(act,
             world,
             EventType::normal,
             texts::pre_rollout_passed(std::get<CallHook>(question.what).hook.name));
    }
}

// What is told when the weight has become this one.
void tell_advance(Act& act, const World& world, int weight) {
    tell(act, world, EventType::normal, texts::advance(world.canary.dotted(), weight));
}

// A status for a weight that is live now.
api::Status at_weight(const World& world, int weight) {
    auto status = transition_of(world);
    status.canary_weight = weight;
    // Traffic has gone to the canary again: what was left before has nothing to do with it.
    status.routed_at.reset();
    status.unready_since.reset();
    status.analysed = analysed_now(world);
    return status;
}

// The weights that the status says, as soon as the version that gains by them is ready.
Move write_weights_again(const World& world, Weights live) {
    const auto decided = split(world.canary.status.canary_weight);
    const auto text = fmt::format("{} carries {}, not {} as decided: the weights are written again",
                                  world.canary.dotted(),
                                  to_string(live),
                                  to_string(decided));
    if (decided.primary > live.primary && !world.primary->ready()) {
        return hold(world, {.text = text + " when the primary is ready"});
    }
    if (decided.canary > live.canary && !world.target->ready()) {
        return hold(world, {.text = text + " when the canary is ready"});
    }
    auto act = act_of(world, "mend weights");
    act.effects.emplace_back(Route{decided, world.routes.resource_version, {}});
    tell(act, world, EventType::warning, text);
    return act;
}

}  // namespace

// Nothing is under way. What was judged is fenced by the target's generation, once it is known
// (DB-1).
Move settle(const World& world) {
    const auto& before = world.canary.status;
    if (is_reverted(world) && before.phase == Phase::failed && before.canary_weight == 0) {
        return cancel(world);
    }
    const auto seen = analysed_now(world);
    const bool fenced = before.analysed && before.analysed->hash == seen.hash &&
                        before.analysed->generation == seen.generation;
    const bool tried = world.remembered.fenced == seen.generation;
    if ((fenced || tried) && !before.unready_since) return rest_until({});
    auto act = act_of(world, "settle");
    auto status = status_of(world);
    status.analysed = seen;
    status.unready_since.reset();
    act.remembered.fenced = seen.generation;
    save(act, world, status);
    return act;
}

// 2.6.0. After a failed promotion the canary serves, and goes on serving while the next revision is
// judged.
Move start(const World& world) {
    auto act = act_of(world, "start");
    if (world.target->replicas == 0) {
        act.effects.emplace_back(scale_target(world, replicas_from_zero(world)));
    }
    tell(act, world, EventType::normal, texts::new_revision(target_of(world)));
    alert(act, Severity::info, "New revision detected, progressing canary analysis.", true);
    auto status = fresh_analysis(world);
    status.routed_at.reset();
    act.remembered.last_round.reset();
    save(act, world, status);
    return act;
}

namespace {

// One Event for one restart, in however many steps the traffic goes home.
Event restart_event(const World& world) {
    const auto& status = world.canary.status;
    auto event = event_of(world, EventType::normal, texts::restarting(target_of(world)));
    event.key = fmt::format("restart/{}/{}/{}",
                            status.last_applied_spec,
                            status.analysed ? status.analysed->generation : 0,
                            world.revision);
    return event;
}

// Where promotion goes in steps, the primary is known to need them: it has been scaled down while
// it had less traffic (DB-14). A canary without pods is left at once.
bool returns_in_steps(const World& world) {
    return world.canary.analysis.step_weight_promotion > 0 && world.target->available > 0;
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

// 2.8. A primary that is past its deadline gets no traffic back: the weights stay, and the new
// revision is judged where it is.
Move restart(const World& world) {
    const auto live = live_weights(world);
    const bool is_home = !live || live->canary == 0;
    if (world.primary->ready() && !is_home && returns_in_steps(world)) {
        if (auto step = go_back(world, *live)) return *step;
    }
    auto act = act_of(world, "restart");
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
            act.effects.emplace_back(Route{{}, world.routes.resource_version, {}});
            status.routed_at = world.now;
        }
        status.canary_weight = 0;
    } else if (live) {
        // Also what somebody else, or a kill, made of them.
        status.canary_weight = live->canary;
    }
    act.remembered.last_round.reset();
    save(act, world, status);
    return act;
}

// A canary without pods answers nobody: its traffic goes home at once, which is a failed check. It
// has until its deadline to come back, and is then judged from weight 0, as nothing is known of the
// new pods.
Move leave_without_pods(const World& world) {
    auto act = act_of(world, "leave without pods");
    const auto live = live_weights(world);
    if (!live) {
        act.effects.emplace_back(EnsureRoutes{{}, world.routes.resource_version, {}});
    } else if (live->canary > 0) {
        act.effects.emplace_back(Route{{}, world.routes.resource_version, {}});
    }
    auto event = event_of(world, EventType::warning, "lost its pods");
    event.message =
        fmt::format("Halt {} advancement {} has no available pod: all traffic goes to the primary",
                    world.canary.dotted(),
                    target_of(world));
    act.events.push_back(std::move(event));
    auto status = transition_of(world);
    status.failed_checks += 1;
    status.canary_weight = 0;
    status.iterations = 0;
    status.routed_at = world.now;
    status.unready_since = world.now;
    act.remembered.last_round.reset();
    save(act, world, status);
    return act;
}

// Live weights that are not the status': ours after a kill, or somebody else's.
std::optional<Move> mend_weights(const World& world) {
    const auto live = live_weights(world).value_or(Weights{});
    const int written = world.canary.status.canary_weight;
    const auto following = step_up(world);
    switch (standing_of(live, written, following)) {
        case Standing::as_written:
            return std::nullopt;
        case Standing::one_step_ahead: {
            auto act = act_of(world, "catch up");
            if (is_first_step(world)) {
                tell(act, world, EventType::normal, texts::starting_analysis(target_of(world)));
                for (const auto& question : hooks_due(world).questions) {
                    tell(act,
                         world,
                         EventType::normal,
                         texts::pre_rollout_passed(std::get<CallHook>(question.what).hook.name));
                }
            }
            tell_advance(act, world, live.canary);
            act.remembered.last_round = world.now;
            save(act, world, at_weight(world, live.canary));
            return act;
        }
        case Standing::elsewhere:
            break;
    }
    return write_weights_again(world, live);
}

// Nothing is under way, so no weight is ours but the status': what somebody else sends to a version
// that is scaled down is an outage.
std::optional<Move> mend_weights_at_rest(const World& world) {
    const auto live = live_weights(world).value_or(Weights{});
    const int written = world.canary.status.canary_weight;
    if (standing_of(live, written, {}) == Standing::as_written) return std::nullopt;
    return write_weights_again(world, live);
}

// T28: hooks in order, then metrics; a failed hook keeps the metrics from being asked.
std::optional<Move> ask_round(const World& world, const Evidence& evidence) {
    const auto hooks = hooks_due(world);
    const auto metrics = metrics_due(world);
    Ask ask;
    ask.remembered = world.remembered;
    if (!is_answered(hooks, evidence)) {
        ask.batch = hooks;
    } else if (first_failure(hooks, evidence).question != nullptr ||
               is_answered(metrics, evidence)) {
        return std::nullopt;
    } else {
        ask.batch = metrics;
    }
    if (is_first_step(world)) {
        ask.events.push_back(
            event_of(world, EventType::normal, texts::starting_analysis(target_of(world))));
    }
    return ask;
}

std::optional<Move> count_failure(const World& world, const Evidence& evidence) {
    const auto hooks = hooks_due(world);
    const auto metrics = metrics_due(world);
    auto failed = first_failure(hooks, evidence);
    if (failed.question == nullptr) failed = first_failure(metrics, evidence);
    if (failed.question == nullptr) return std::nullopt;

    auto act = act_of(world, "count failure");
    tell_passed_hooks(act, world, hooks, evidence);
    auto verdict = verdict_of(world, failed);
    // One failed round is one Event, also when it is asked again after a kill and the value
    // differs.
    auto event = event_of(world, verdict.type, "failed check");
    event.message = std::move(verdict.message);
    act.events.push_back(std::move(event));
    auto status = transition_of(world);
    status.failed_checks += 1;
    status.unready_since.reset();
    act.remembered.last_round = world.now;
    save(act, world, status);
    return act;
}

// T30: the next weight; at the end of the plan, promotion. A plan without steps only holds.
Move advance(const World& world, const Evidence& evidence) {
    const auto following = step_up(world);
    const bool has_plan = !api::plan_of(world.canary.analysis).empty();
    if (!following && has_plan) return promote(world);

    auto act = act_of(world, following ? "advance" : "hold round");
    const auto hooks = hooks_due(world);
    if (is_first_step(world) && hooks.questions.empty()) {
        tell(act, world, EventType::normal, texts::starting_analysis(target_of(world)));
    }
    tell_passed_hooks(act, world, hooks, evidence);
    act.remembered.last_round = world.now;
    if (following) {
        act.effects.emplace_back(Route{split(*following), world.routes.resource_version, {}});
        tell_advance(act, world, *following);
        save(act, world, at_weight(world, *following));
    }
    return act;
}

}  // namespace sluice::canary
