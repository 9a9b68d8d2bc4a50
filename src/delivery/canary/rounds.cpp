// One round: its questions, what its answers come to, the gates in front of the next step, and that
// step (T23, T28 to T30).
#include "api/texts.hpp"
#include "delivery/canary/cookies.hpp"
#include "delivery/canary/hooks.hpp"
#include "delivery/canary/judge.hpp"
#include "delivery/canary/plan.hpp"
#include "delivery/canary/steps.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::canary {
namespace {

using api::HookType;
using api::Phase;
namespace texts = api::texts;

// The first round asks whether the canary may get traffic at all; the later ones how it fares.
bool is_first_step(const World& world) {
    const auto& status = world.canary.status;
    if (is_untested(world)) return true;
    return status.canary_weight == 0 && status.iterations <= 0 && !status.mirrored;
}

// --- questions --------------------------------------------------------------------------------

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
                    to_string(Phase::progressing),
                    Stop::until_first_failure);
}

Batch metrics_due(const World& world) {
    return is_first_step(world) ? Batch{} : metrics_of(world);
}

Batch signals_of(const World& world) {
    return hooks_of(
        world, HookType::rollback, to_string(world.canary.status.phase), Stop::until_first_success);
}

const std::string& hook_name(const Question& question) {
    return std::get<CallHook>(question.what).hook.name;
}

// Points into a batch and the evidence, which outlive it.
struct Found {
    const Question* question = nullptr;
    const Answer* answer = nullptr;

    explicit operator bool() const { return question != nullptr; }
};

// The first answer, in the order of the list, that is a failure (or a success); nothing when one in
// front of it is still to come.
Found first(const Batch& batch, const Evidence& evidence, bool failure) {
    for (const auto& question : batch.questions) {
        const auto* answer = evidence.find(question.id);
        if (answer == nullptr) return {};
        if (is_failure(question, *answer) == failure) return {&question, answer};
    }
    return {};
}

Found first(Batch&& batch, const Evidence& evidence, bool failure) = delete;

Found first_failure(const Batch& batch, const Evidence& evidence) {
    return first(batch, evidence, true);
}

Found first_failure(Batch&& batch, const Evidence& evidence) = delete;

bool is_answered(const Batch& batch, const Evidence& evidence) {
    if (batch.stop != Stop::all &&
        first(batch, evidence, batch.stop == Stop::until_first_failure)) {
        return true;
    }
    return std::ranges::all_of(batch.questions, [&](const Question& question) {
        return evidence.find(question.id) != nullptr;
    });
}

Ask ask(const World& world, Batch batch) {
    Ask made;
    made.batch = std::move(batch);
    made.remembered = world.remembered;
    return made;
}

// A check without data that its author wants held rather than failed.
Found without_data(const Batch& batch, const Evidence& evidence) {
    for (const auto& question : batch.questions) {
        const auto* measure = std::get_if<Measure>(&question.what);
        const auto* answer = evidence.find(question.id);
        if (measure == nullptr || answer == nullptr) continue;
        if (measure->metric.on_no_data == api::OnNoData::skip && has_no_data(*answer)) {
            return {&question, answer};
        }
    }
    return {};
}

// --- telling ----------------------------------------------------------------------------------

Verdict verdict_of(const World& world, const Found& failed) {
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

using PassedText = std::string (*)(std::string_view hook);

void tell_passed(
    Act& act, const World& world, const Batch& batch, const Evidence& evidence, PassedText text) {
    for (const auto& question : batch.questions) {
        const auto* answer = evidence.find(question.id);
        if (answer == nullptr || is_failure(question, *answer)) return;
        tell(act, world, EventType::normal, text(hook_name(question)));
    }
}

// Hooks that say no rollback is wanted: once in a run, not in each round.
void tell_silent_signal(Act& act, const World& world, const Question& question) {
    auto event = event_of(world, EventType::normal, texts::no_rollback_signal(hook_name(question)));
    event.key = fmt::format("no signal/{}/{}", world.canary.status.last_applied_spec, question.id);
    act.events.push_back(std::move(event));
}

void tell_silent_signals(Act& act, const World& world, const Evidence& evidence) {
    for (const auto& question : signals_of(world).questions) {
        if (evidence.find(question.id) == nullptr) return;
        tell_silent_signal(act, world, question);
    }
}

// What this provider cannot do of the plan, as the peer says it (T29).
void tell_shortfalls(Act& act, const World& world) {
    const auto& analysis = world.canary.analysis;
    const auto warn = [&](std::string text) {
        tell(act, world, EventType::warning, std::move(text));
    };
    if (world.routes.can.weights) {
        if (analysis.mirror && !world.routes.can.mirror) {
            warn(fmt::format("Traffic mirroring is not supported when using the {} provider",
                             world.canary.provider));
        }
        return;
    }
    if (analysis.matches) {
        warn(fmt::format("A/B testing is not supported when using the {} provider",
                         world.canary.provider));
    }
    if (analysis.iterations < 1) {
        warn(fmt::format("Progressive traffic is not supported when using the {} provider",
                         world.canary.provider));
        warn(fmt::format("Setting canaryAnalysis.iterations: {}", iterations_of(world)));
    }
}

// What every act that ends a round says of the round itself.
void tell_round(Act& act, const World& world, const Evidence& evidence) {
    const auto hooks = hooks_due(world);
    if (is_first_step(world)) {
        if (hooks.questions.empty()) {
            tell(act, world, EventType::normal, texts::starting_analysis(target_of(world)));
        }
        tell_passed(act, world, hooks, evidence, texts::pre_rollout_passed);
    }
    tell_silent_signals(act, world, evidence);
}

void tell_step(Act& act, const World& world, const Step& step) {
    const auto name = world.canary.dotted();
    switch (step.kind) {
        case StepKind::mirror:
        case StepKind::weigh:
            tell(act, world, EventType::normal, texts::advance(name, step.weights.canary));
            return;
        case StepKind::iterate:
            tell(act,
                 world,
                 EventType::normal,
                 texts::advance_iteration(name, step.iterations, iterations_of(world)));
            return;
        case StepKind::switch_over:
            if (!world.routes.can.weights) return;
            tell(act,
                 world,
                 EventType::normal,
                 is_mirroring(world) ? texts::mirroring_stops() : texts::routing_to_canary());
            return;
        case StepKind::hold:
        case StepKind::promote:
            return;
    }
}

// --- gates ------------------------------------------------------------------------------------

Batch gate(const World& world, HookType type) {
    return hooks_of(world,
                    type,
                    to_string(type == HookType::confirm_rollout ? world.canary.status.phase
                                                                : Phase::progressing),
                    Stop::until_first_failure);
}

// What a closed gate was asked about: another weight or revision is another matter, and is told
// anew.
std::string gate_key(const World& world, HookType type) {
    const auto& status = world.canary.status;
    return fmt::format("{}/{}/{}/{}/{}",
                       to_string(type),
                       status.canary_weight,
                       status.iterations,
                       status.last_applied_spec,
                       status.mirrored);
}

Duration gate_interval(const World& world) {
    return std::min<Duration>(world.canary.analysis.interval, std::chrono::seconds(10));
}

std::string closed_text(const World& world, HookType type, const std::string& hook) {
    const auto name = world.canary.dotted();
    switch (type) {
        case HookType::confirm_rollout:
            return texts::waiting_for_approval(name, hook);
        case HookType::confirm_traffic_increase:
            return texts::waiting_for_traffic_increase(name, hook);
        case HookType::confirm_promotion:
            return texts::waiting_for_promotion(name, hook);
        case HookType::rollout:
        case HookType::pre_rollout:
        case HookType::post_rollout:
        case HookType::rollback:
        case HookType::event:
            break;
    }
    SLUICE_ASSERT(false);
}

std::string closed_alert(HookType type) {
    if (type == HookType::confirm_rollout) return "Canary is waiting for approval.";
    if (type == HookType::confirm_promotion) return "Canary promotion is waiting for approval.";
    return "Canary traffic increase is waiting for approval.";
}

// The hook that keeps it closed may ask for silence.
void announce_closed(Act& act, const World& world, HookType type, const Question& question) {
    const auto& hook = std::get<CallHook>(question.what).hook;
    tell(act, world, EventType::warning, closed_text(world, type, hook.name));
    if (!hook.mute_alert) alert(act, Severity::warn, closed_alert(type));
}

// Those in front of the first closed one.
void tell_open_gates(Act& act, const World& world, const Evidence& evidence, const Step& step) {
    for (const auto type : gates_of(world, step)) {
        const auto batch = gate(world, type);
        tell_passed(act,
                    world,
                    batch,
                    evidence,
                    type == HookType::confirm_promotion ? texts::confirm_promotion_passed
                                                        : texts::confirm_traffic_increase_passed);
        if (first_failure(batch, evidence)) return;
    }
}

// The weight is held; the analysis goes on.
Move close_gate(const World& world,
                const Evidence& evidence,
                HookType type,
                const Question& question) {
    auto act = act_of(world, "gate closed");
    tell_round(act, world, evidence);
    tell_open_gates(act, world, evidence, step_of(world));
    const auto key = gate_key(world, type);
    const auto& hook = std::get<CallHook>(question.what).hook.name;
    const bool is_told = world.canary.status.closed_gate == hook;
    const bool is_new = world.remembered.closed_gate != key && !is_told;
    const bool waits = world.canary.status.phase == Phase::waiting_promotion;
    const auto due = next_round(world);
    if (!due || world.now >= *due) act.remembered.last_round = world.now;
    act.remembered.closed_gate = key;
    act.remembered.gate_asked_at = world.now;
    if (type == HookType::confirm_promotion && !waits) {
        announce_closed(act, world, type, question);
        auto status = transition_of(world);
        status.unready_since.reset();
        status.closed_gate = hook;
        set_phase(status, world, Phase::waiting_promotion);
        save(act, world, status);
        return act;
    }
    if (is_new && type == HookType::confirm_traffic_increase) {
        announce_closed(act, world, type, question);
    }
    if (!is_told) {
        auto status = status_of(world);
        status.closed_gate = hook;
        save(act, world, status);
    }
    return act;
}

// Nothing when all gates of the step stand open, or a person has let this one step past them.
std::optional<Move> at_gates(const World& world, const Evidence& evidence, const Step& step) {
    if (world.wish == api::Verb::step) return std::nullopt;
    for (const auto type : gates_of(world, step)) {
        auto batch = gate(world, type);
        if (!is_answered(batch, evidence)) return ask(world, std::move(batch));
        if (const auto closed = first_failure(batch, evidence)) {
            return close_gate(world, evidence, type, *closed.question);
        }
    }
    return std::nullopt;
}

// --- steps ------------------------------------------------------------------------------------

// The status once a step is live.
api::Status after_step(const World& world, const Step& step) {
    auto status = transition_of(world);
    if (step.weights.canary > status.canary_weight) {
        // Traffic has gone to the canary again: what was left before has nothing to do with it.
        status.routed_at.reset();
    }
    status.canary_weight = step.weights.canary;
    status.mirrored = step.weights.mirrored;
    if (step.kind == StepKind::iterate || step.kind == StepKind::switch_over) {
        status.iterations = step.iterations;
    }
    status.unready_since.reset();
    status.analysed = analysed_now(world);
    return status;
}

Route route_to(const World& world, const Step& step) {
    Route route{step.weights, world.routes.resource_version, {}};
    const bool mirrors = step.weights.mirrored || world.canary.status.mirrored;
    if (mirrors && strategy_of(world) == api::Strategy::canary) {
        route.telling.log = fmt::format("Running mirror step {}/{}/{}",
                                        step.weights.primary,
                                        step.weights.canary,
                                        step.weights.mirrored);
    } else if (step.weights.mirrored) {
        route.telling.log = "Start traffic mirroring";
    }
    return route;
}

Move take(const World& world, const Evidence& evidence, const Step& step) {
    auto act = act_of(world, "advance");
    tell_round(act, world, evidence);
    if (is_first_step(world)) tell_shortfalls(act, world);
    tell_open_gates(act, world, evidence, step);
    if (step.weights != decided_weights(world)) act.effects.emplace_back(route_to(world, step));
    auto status = after_step(world, step);
    grant_step(act, status, world);
    tell_step(act, world, step);
    act.remembered.last_round = world.now;
    save(act, world, status);
    return act;
}

// A gate is asked again between two rounds only while the last one was good: one that opens after a
// round that failed, or had no data, lets nothing through by itself.
void wait_for_good_round(Act& act) {
    act.remembered.gate_asked_at.reset();
}

// A round that changes nothing: the next one comes after the interval.
Act hold_round(const World& world, const Evidence& evidence) {
    auto act = act_of(world, "hold round");
    tell_round(act, world, evidence);
    act.remembered.last_round = world.now;
    wait_for_good_round(act);
    return act;
}

Move hold_without_data(const World& world, const Evidence& evidence, const Found& missing) {
    auto act = hold_round(world, evidence);
    const auto& metric = std::get<Measure>(missing.question->what).metric;
    const auto text = fmt::format("Holding {}: no data for {}", world.canary.dotted(), metric.name);
    if (world.remembered.last_warning != text) {
        tell(act, world, EventType::normal, text);
        act.remembered.last_warning = text;
    }
    return act;
}

}  // namespace

Move hold_judged(const World& world, const Evidence& evidence, const Holding& holding) {
    auto act = hold_round(world, evidence);
    if (world.remembered.last_warning != holding.text) {
        tell(act, world, holding.type, holding.text);
        if (holding.alert) act.alerts.push_back(*holding.alert);
        act.remembered.last_warning = holding.text;
    }
    if (is_unjudged(world) && !without_data(metrics_due(world), evidence)) {
        auto status = status_of(world);
        status.analysed->unjudged = false;
        save(act, world, status);
    }
    return act;
}

// T23 and T28: whether a rollback is wanted, then hooks in order, then metrics; a failed hook keeps
// the metrics from being asked.
std::optional<Move> ask_round(const World& world, const Evidence& evidence) {
    for (auto& batch : {signals_of(world), hooks_due(world), metrics_due(world)}) {
        if (!is_answered(batch, evidence)) {
            auto asked = ask(world, batch);
            const bool about_signals = batch.stop == Stop::until_first_success;
            if (is_first_step(world) && !about_signals) {
                asked.events.push_back(
                    event_of(world, EventType::normal, texts::starting_analysis(target_of(world))));
            }
            return asked;
        }
        const bool decided = batch.stop == Stop::until_first_success
                                 ? bool(first(batch, evidence, false))
                                 : bool(first_failure(batch, evidence));
        if (decided) return std::nullopt;
    }
    return std::nullopt;
}

std::optional<Move> heed_signal(const World& world, const Evidence& evidence) {
    const auto signals = signals_of(world);
    const auto signal = first(signals, evidence, false);
    if (!signal) return std::nullopt;
    return roll_back_for_signal(world, hook_name(*signal.question));
}

std::optional<Move> count_failure(const World& world, const Evidence& evidence) {
    const auto hooks = hooks_due(world);
    const auto metrics = metrics_due(world);
    auto failed = first_failure(hooks, evidence);
    if (!failed) failed = first_failure(metrics, evidence);
    if (!failed) return std::nullopt;

    auto act = act_of(world, "count failure");
    if (is_first_step(world)) {
        tell_passed(act, world, hooks, evidence, texts::pre_rollout_passed);
    }
    tell_silent_signals(act, world, evidence);
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
    wait_for_good_round(act);
    save(act, world, status);
    return act;
}

// It has traffic already, and a weight is borne for a whole interval: the next round judges it.
Move admit(const World& world, const Evidence& evidence) {
    auto act = act_of(world, "admit");
    tell_round(act, world, evidence);
    auto status = transition_of(world);
    status.unready_since.reset();
    status.analysed->untested = false;
    act.remembered.last_round = world.now;
    save(act, world, status);
    return act;
}

// A gate that was closed when all else had passed: nothing when there is none.
std::optional<Time> next_gate(const World& world) {
    const auto& remembered = world.remembered;
    if (!remembered.gate_asked_at) return std::nullopt;
    const auto step = step_of(world);
    for (const auto type : gates_of(world, step)) {
        if (remembered.closed_gate == gate_key(world, type)) {
            if (world.wish == api::Verb::step) return world.now;
            return *remembered.gate_asked_at + gate_interval(world);
        }
    }
    return std::nullopt;
}

// T30: the next step; at the end of the plan, promotion. A plan without steps only holds.
Move advance(const World& world, const Evidence& evidence) {
    const auto metrics = metrics_due(world);
    if (const auto missing = without_data(metrics, evidence)) {
        return hold_without_data(world, evidence, missing);
    }
    const auto step = step_of(world);
    if (auto closed = at_gates(world, evidence, step)) return *closed;
    switch (step.kind) {
        case StepKind::hold:
            return hold_round(world, evidence);
        case StepKind::promote: {
            auto act = act_of(world, "promote");
            tell_round(act, world, evidence);
            tell_open_gates(act, world, evidence, step);
            return promote(world, std::move(act));
        }
        case StepKind::mirror:
        case StepKind::weigh:
        case StepKind::iterate:
        case StepKind::switch_over:
            break;
    }
    // A cookie is written down before a route hands it out.
    if (auto bound = bind_users(world, step.weights.canary)) return *bound;
    return take(world, evidence, step);
}

// Of a step that was taken before a kill: it would not have been otherwise.
void tell_gates_passed(Act& act, const World& world, const Step& step) {
    if (world.wish == api::Verb::step) return;
    for (const auto type : gates_of(world, step)) {
        for (const auto& question : gate(world, type).questions) {
            tell(act,
                 world,
                 EventType::normal,
                 type == HookType::confirm_promotion
                     ? texts::confirm_promotion_passed(hook_name(question))
                     : texts::confirm_traffic_increase_passed(hook_name(question)));
        }
    }
}

// The route of this step was written before a kill; the status catches up.
Move note_step(const World& world, const Step& step) {
    auto act = act_of(world, "catch up");
    if (is_first_step(world)) {
        tell(act, world, EventType::normal, texts::starting_analysis(target_of(world)));
        for (const auto& question : hooks_due(world).questions) {
            tell(act, world, EventType::normal, texts::pre_rollout_passed(hook_name(question)));
        }
        tell_shortfalls(act, world);
    }
    for (const auto& question : signals_of(world).questions) {
        tell_silent_signal(act, world, question);
    }
    tell_gates_passed(act, world, step);
    auto status = after_step(world, step);
    grant_step(act, status, world);
    tell_step(act, world, step);
    act.remembered.last_round = world.now;
    save(act, world, status);
    return act;
}

// --- before and after a run -------------------------------------------------------------------

// 2.6.0: may the new revision be scaled up? Asked until it may; what is analysed then is what the
// target is then.
std::optional<Move> ask_to_start(const World& world, const Evidence& evidence) {
    const bool waits = world.canary.status.phase == Phase::waiting;
    const auto signals = waits ? signals_of(world) : Batch{};
    const auto batch = gate(world, HookType::confirm_rollout);
    const bool is_let_past = world.wish == api::Verb::promote || world.wish == api::Verb::step;
    if (batch.questions.empty() || is_let_past) return std::nullopt;
    if (waits && world.remembered.gate_asked_at) {
        const auto again = *world.remembered.gate_asked_at + gate_interval(world);
        if (world.now < again) return rest_until(again);
    }
    if (!is_answered(signals, evidence)) return ask(world, signals);
    if (const auto signal = first(signals, evidence, false)) {
        return fail_unstarted(world, hook_name(*signal.question));
    }
    if (!is_answered(batch, evidence)) return ask(world, batch);
    const auto closed = first_failure(batch, evidence);
    if (!closed) return std::nullopt;

    auto act = act_of(world, "wait for approval");
    act.remembered.gate_asked_at = world.now;
    if (!waits) {
        tell_passed(act, world, batch, evidence, texts::confirm_rollout_passed);
        announce_closed(act, world, HookType::confirm_rollout, *closed.question);
    } else {
        tell_silent_signals(act, world, evidence);
    }
    if (!waits || world.canary.status.last_applied_spec != world.revision) {
        auto status = transition_of(world);
        note_revision(status, world);
        if (world.wish == api::Verb::retry) status.granted = world.canary.wish->text;
        status.closed_gate = hook_name(*closed.question);
        set_phase(status, world, Phase::waiting);
        save(act, world, status);
    }
    return act;
}

namespace {

// Since when the phase is what it is.
std::optional<Time> began(const World& world) {
    for (const auto& condition : array_at(world.canary.status.conditions, {})) {
        if (text_at(condition, {"type"}) == "Promoted") {
            return parse_rfc3339(text_at(condition, {"lastUpdateTime"}));
        }
    }
    return std::nullopt;
}

}  // namespace

std::optional<Move> report_wait(const World& world) {
    const auto phase = world.canary.status.phase;
    if (phase != Phase::waiting && phase != Phase::waiting_promotion) return std::nullopt;
    const auto since = began(world);
    if (!since || world.now < *since) return std::nullopt;
    const auto hours = std::chrono::floor<std::chrono::hours>(world.now - *since).count();
    if (hours < 1 || world.remembered.hours_reported == hours) return std::nullopt;

    const auto type =
        phase == Phase::waiting ? HookType::confirm_rollout : HookType::confirm_promotion;
    const bool is_muted = std::ranges::any_of(
        world.canary.analysis.hooks,
        [&](const api::Hook& hook) { return hook.type == type && hook.mute_alert; });
    auto act = act_of(world, "report");
    act.remembered.hours_reported = hours;
    auto event =
        event_of(world,
                 EventType::warning,
                 fmt::format("{} has been waiting for {} for {}h",
                             world.canary.dotted(),
                             phase == Phase::waiting ? "approval" : "approval of its promotion",
                             hours));
    event.key = fmt::format("waits/{}/{}", rfc3339(*since), hours);
    if (!is_muted) alert(act, Severity::warn, event.message);
    act.events.push_back(std::move(event));
    return act;
}

void tell_gates_before_start(Act& act, const World& world, const Evidence& evidence) {
    tell_passed(act,
                world,
                gate(world, HookType::confirm_rollout),
                evidence,
                texts::confirm_rollout_passed);
}

std::optional<Move> ask_after_run(const World& world, const Evidence& evidence, Phase ended) {
    auto batch =
        hooks_of(world, HookType::post_rollout, to_string(ended), Stop::until_first_failure);
    if (is_answered(batch, evidence)) return std::nullopt;
    return ask(world, std::move(batch));
}

void tell_after_run(Act& act, const World& world, const Evidence& evidence, Phase ended) {
    const auto batch =
        hooks_of(world, HookType::post_rollout, to_string(ended), Stop::until_first_failure);
    const auto begin = act.events.size();
    tell_passed(act, world, batch, evidence, texts::post_rollout_passed);
    if (const auto failed = first_failure(batch, evidence)) {
        tell(act,
             world,
             EventType::warning,
             texts::post_rollout_failed(hook_name(*failed.question), failed.answer->text));
    }
    if (ended != Phase::succeeded) return;
    for (auto i = begin; i < act.events.size(); ++i) act.events[i].phase = ended;
}

}  // namespace sluice::canary
