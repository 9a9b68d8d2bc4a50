// From a new Canary to `Initialized`: the primary is made and awaited before any traffic or target
// is touched (DB-16).
#include "api/texts.hpp"
#include "delivery/canary/configs.hpp"
#include "delivery/canary/cookies.hpp"
#include "delivery/canary/corrections.hpp"
#include "delivery/canary/objects.hpp"
#include "delivery/canary/revision.hpp"
#include "delivery/canary/scalers.hpp"
#include "delivery/canary/steps.hpp"
#include "delivery/canary/workloads.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace sluice::canary {
namespace {

using api::Phase;
namespace texts = api::texts;

// A check without bounds is a mistake more often than not (DBR-15). Those that the plan had before
// were told then.
void tell_unbounded(Act& act, const World& world, const Json& before) {
    for (const auto& metric : world.canary.analysis.metrics) {
        const bool usable = metric.kind != api::MetricKind::unusable;
        if (!usable || metric.has_range || metric.has_threshold) continue;
        const bool is_known =
            std::ranges::any_of(array_at(before, {"metrics"}), [&](const Json& other) {
                return text_at(other, {"name"}) == metric.name &&
                       find(other, {"thresholdRange"}) == nullptr &&
                       find(other, {"threshold"}) == nullptr;
            });
        if (is_known) continue;
        tell(act,
             world,
             EventType::warning,
             metric.kind == api::MetricKind::request_success_rate
                 ? texts::any_value_passes(metric.name)
                 : texts::any_value_fails(metric.name));
    }
}

const Json& target_template(const World& world) {
    static const Json nothing;
    const auto* found = template_of(kind_of(world), world.target->object);
    return found == nullptr ? nothing : *found;
}

bool moves_selector(const Effect& effect) {
    const auto* patch = std::get_if<Patch>(&effect);
    return patch != nullptr && find(patch->patch, {"spec", "selector"}) != nullptr;
}

// A Canary that was pointed at another target still has Services that lead to the old one's pods:
// they stay until the new primary can answer, and the canary's until nobody is with it.
bool may_move(const World& world, Role role) {
    const bool initializing = world.canary.status.phase == Phase::initializing;
    if (role == Role::primary) {
        return world.primary &&
               (initializing ? world.primary->ready() : world.primary->available > 0);
    }
    const auto live = live_weights(world);
    return !initializing || (live && live->canary == 0);
}

std::optional<Move> ensure_services(const World& world) {
    auto act = act_of(world, "services");
    for (const auto role : {Role::canary, Role::primary}) {
        auto effect = ensure_service(world, role);
        if (!effect || (moves_selector(*effect) && !may_move(world, role))) continue;
        act.effects.push_back(*std::move(effect));
    }
    return put_right(world, std::move(act));
}

// Whom the checks ask, each once, in their order. A built-in check asks the metrics server only,
// whatever template its entry names beside it, and an inline query is not worth a probe.
std::vector<std::optional<api::Reference>> providers_of(const World& world) {
    std::vector<std::optional<api::Reference>> found;
    std::set<std::string> built_in;
    const auto add = [&](const std::optional<api::Reference>& provider) {
        if (std::ranges::find(found, provider) == found.end()) found.push_back(provider);
    };
    for (const auto& metric : world.canary.analysis.metrics) {
        switch (metric.kind) {
            case api::MetricKind::request_success_rate:
            case api::MetricKind::request_duration:
                built_in.insert(metric.name);
                add(std::nullopt);
                break;
            case api::MetricKind::template_query:
                if (!built_in.contains(metric.name)) add(metric.template_ref);
                break;
            case api::MetricKind::inline_query:
            case api::MetricKind::unusable:
                break;
        }
    }
    return found;
}

// T7. A failure is only told: the primary can be made without metrics.
std::optional<Move> probe_providers(const World& world, const Evidence& evidence) {
    const auto& remembered = world.remembered;
    const bool answered = remembered.providers_online.has_value();
    const bool retry = answered && !*remembered.providers_online && remembered.providers_asked_at &&
                       world.now >= *remembered.providers_asked_at + world.canary.analysis.interval;
    if (world.canary.skip_analysis || (answered && !retry)) return std::nullopt;

    auto providers = providers_of(world);
    const bool needed = !providers.empty();
    const auto* answer = evidence.find("providers");
    if (needed && answer == nullptr) {
        Ask ask;
        ask.batch.questions = {
            {"providers", ProbeProviders{world.canary.metrics_server, std::move(providers)}}};
        ask.remembered = remembered;
        return ask;
    }
    auto act = act_of(world, "providers");
    const bool online = !needed || answer->outcome == Outcome::passed;
    act.remembered.providers_online = online;
    act.remembered.providers_asked_at = world.now;
    if (!answered) tell_unbounded(act, world, {});
    if (online) {
        tell(act, world, EventType::normal, texts::providers_available());
    } else {
        tell(act, world, EventType::error, texts::providers_unavailable(answer->text));
    }
    return act;
}

// The template is kept before the primary is made of it: what runs is then always known (DB-3,
// DB-10).
Move make_primary(const World& world) {
    const auto failing = fmt::format("createPrimary{} failed: ", to_string(kind_of(world)));
    if (!world.config_trouble.empty()) {
        return hold(world, {.text = failing + world.config_trouble});
    }
    auto act = act_of(world, "primary");
    // One of the same template would have the same name.
    for (const auto& revision : world.revisions) {
        if (is_of_another_kind(world, revision)) act.effects.push_back(forget(world, revision));
    }
    const auto replicas = std::max<std::int64_t>(1, world.target->replicas);
    const auto& pod_template = target_template(world);
    if (auto keep = keep_template(world, pod_template, world.revision, replicas)) {
        act.effects.push_back(*std::move(keep));
    }
    for (auto& copy : copy_configs(world, failing)) act.effects.push_back(std::move(copy));
    act.effects.emplace_back(create_primary(world, pod_template, world.revision, replicas));
    auto status = status_of(world);
    status.unready_since = world.now;
    save(act, world, status);
    return act;
}

// The first template cannot start, and the target has another one by now, which can: nobody is
// served by the primary yet, so it is made anew of that.
bool is_better_off(const World& world) {
    return world.primary_carries != world.revision &&
           (world.primary->readiness.state == ReadyState::fatal || world.target->ready());
}

Move begin_with_another(const World& world) {
    if (!world.config_trouble.empty()) return hold(world, {.text = world.config_trouble});
    auto act = act_of(world, "another template");
    if (auto keep =
            keep_template(world, target_template(world), world.revision, world.target->replicas)) {
        act.effects.push_back(*std::move(keep));
    }
    for (auto& copy : copy_configs(world, {})) act.effects.push_back(std::move(copy));
    if (auto patch = promote_primary(world, world.revision)) {
        act.effects.emplace_back(*std::move(patch));
    }
    for (auto& gone : forget_others(world, world.revision)) act.effects.push_back(std::move(gone));
    tell(act,
         world,
         EventType::normal,
         texts::copying(target_of(world), world.canary.dotted(world.primary->name)));
    auto status = status_of(world);
    status.unready_since = world.now;
    save(act, world, status);
    return act;
}

// A primary that cannot start costs nothing yet: the target goes on serving. It is told, and the
// wait goes on.
Move stuck(const World& world) {
    const auto text = fmt::format(
        "initialization of {} is stuck: {}",
        world.canary.dotted(),
        primary_not_ready(
            kind_of(world), world.canary.dotted(world.primary->name), world.primary->readiness));
    return hold(world, {EventType::warning, text, {}, Alert{Severity::error, text, false}});
}

// T11. Where the apex Service served before us, its traffic has to drain from the target's pods.
std::optional<Move> point_apex(const World& world) {
    // A Service as target is the apex: it stays as it is, and the routes go past it.
    if (kind_of(world) == Kind::service) return std::nullopt;
    const bool made_by_us = world.apex_service && is_owned(world, *world.apex_service);
    auto effect = ensure_service(world, Role::apex);
    const bool drain = world.apex_service && !made_by_us && !world.canary.status.routed_at;
    if (!effect && !drain) return std::nullopt;
    auto act = act_of(world, "apex");
    if (effect) act.effects.push_back(std::move(*effect));
    if (world.apex_service && !made_by_us) {
        auto status = status_of(world);
        status.routed_at = world.now;
        save(act, world, status);
    }
    return act;
}

bool routes_are_home(const World& world) {
    if (!world.routes.can.weights) return true;
    return world.routes.state == RoutesState::weights && !world.routes.drifted &&
           world.routes.weights == Weights{};
}

// T12 to T14. What is promoted is what the primary was made from, not what the target has become
// meanwhile.
Move finish_initialization(const World& world) {
    auto act = act_of(world, "initialized");
    const auto& canary = world.canary;
    const auto& hash = world.primary_carries;
    const bool same = hash == world.revision;
    const auto* running = template_of(kind_of(world), world.primary->object);
    const auto proven =
        same ? target_template(world) : undone(world, running == nullptr ? Json() : *running);
    if (auto keep = keep_template(world, proven, hash, world.primary->replicas)) {
        act.effects.push_back(std::move(*keep));
    }
    if (auto pause = pause_scaler(world)) act.effects.emplace_back(std::move(*pause));
    if (world.target->replicas != 0) {
        auto scale = scale_target(world, 0);
        const auto what =
            fmt::format("{} {}", canary.target.kind, canary.dotted(canary.target.name));
        scale.telling.log = "Scaling down " + what;
        scale.telling.failure =
            fmt::format("scaling down canary {} failed: {}", what, scale.telling.failure);
        act.effects.emplace_back(std::move(scale));
    }
    if (!routes_are_home(world)) {
        act.effects.emplace_back(EnsureRoutes{{}, world.routes.resource_version, {}});
    }
    // Where no provider was probed, nobody has looked at the checks yet.
    if (canary.skip_analysis) tell_unbounded(act, world, {});
    tell(act, world, EventType::normal, texts::initialization_done(canary.dotted()));
    alert(act,
          Severity::info,
          fmt::format("New {} detected, initialization completed.", canary.target.kind),
          true);
    act.events.back().phase = Phase::initialized;

    auto status = transition_of(world);
    set_phase(status, world, Phase::initialized);
    status.canary_weight = 0;
    status.failed_checks = 0;
    status.iterations = 0;
    status.last_applied_spec = hash;
    status.last_promoted_spec = hash;
    status.analysed.reset();
    if (world.settings.track_configs && kind_of(world) != Kind::service) {
        status.tracked_configs = world.tracked;
    }
    status.unready_since.reset();
    status.routed_at.reset();
    save(act, world, status);
    return act;
}

// The primary of the kind before has the labels of the new one: it serves on beside it until
// somebody removes it.
void tell_other_kind(Act& act, const World& world) {
    for (const auto& revision : world.revisions) {
        if (!is_of_another_kind(world, revision)) continue;
        tell_anew(act,
                  world,
                  EventType::warning,
                  fmt::format("The target kind changed to {}: remove {} {} when the new primary is "
                              "ready, it serves beside it until then",
                              to_string(kind_of(world)),
                              text_at(revision, {"metadata", "annotations", kept_kind_annotation}),
                              world.canary.dotted(world.canary.primary_name())));
        return;
    }
}

}  // namespace

Move begin(const World& world) {
    auto act = act_of(world, "begin");
    if (!world.injected) {
        tell(act,
             world,
             EventType::warning,
             fmt::format("namespace {} is not injected, so nobody splits or measures its traffic: "
                         "run `sluice inject on {}`",
                         world.canary.ns,
                         world.canary.ns));
    }
    // DB-17: so it is in the peer, too, and nobody expects it.
    if (world.canary.status.phase == Phase::none && !world.canary.revert_on_deletion &&
        kind_of(world) != Kind::service) {
        tell(act,
             world,
             EventType::warning,
             fmt::format("{} is scaled to zero between releases: deleting this Canary leaves its "
                         "users without pods unless spec.revertOnDeletion is true",
                         target_of(world)));
        act.events.back().phase = Phase::initializing;
    }
    auto status = transition_of(world);
    if (is_retargeted(world)) {
        tell_other_kind(act, world);
        // What was judged of the old target is judged no more, and its share goes home.
        const auto live = live_weights(world);
        if (live && *live != Weights{}) {
            send(act, world, {});
            status.routed_at = world.now;
        }
        status.canary_weight = 0;
        status.failed_checks = 0;
        status.iterations = 0;
        status.mirrored = false;
        unbind_users(status);
        status.rollback.reset();
        status.analysed.reset();
        status.unready_since.reset();
    }
    set_phase(status, world, Phase::initializing);
    save(act, world, status);
    return act;
}

Move initialize(const World& world, const Evidence& evidence) {
    if (auto services = ensure_services(world)) return *services;
    if (auto probe = probe_providers(world, evidence)) return *probe;
    if (!world.primary) return make_primary(world);
    if (!world.primary->ready() && is_better_off(world)) return begin_with_another(world);
    if (world.primary->readiness.state == ReadyState::fatal) return stuck(world);
    if (!world.primary->ready()) return wait_for_primary(world);
    if (auto scaler = create_scaler(world)) {
        auto act = act_of(world, "scaler");
        act.effects.push_back(std::move(*scaler));
        return act;
    }
    if (auto apex = point_apex(world)) return *apex;
    if (const auto live = live_weights(world); live && *live != Weights{}) {
        // Weights that an earlier Canary left behind: its traffic goes home before the pods that it
        // reaches.
        auto act = act_of(world, "route home");
        act.effects.emplace_back(Route{{}, world.routes.resource_version, {}});
        auto status = status_of(world);
        status.routed_at = world.now;
        save(act, world, status);
        return act;
    }
    if (world.canary.status.routed_at && !is_drained(world)) return rest_until(end_of_drain(world));
    return finish_initialization(world);
}

// --- what must stand in every later phase -----------------------------------------------------

namespace {

// As many pods as its autoscaler, which outlives it, wants; else as its template was promoted with.
std::int64_t replicas_of_lost(const World& world, std::int64_t promoted) {
    std::int64_t wanted = promoted;
    std::int64_t least = 1;
    if (world.canary.autoscaler && world.primary_scaler) {
        const auto& scaler = *world.primary_scaler;
        wanted = integer_at(scaler, {"status", "desiredReplicas"}).value_or(wanted);
        least = integer_at(scaler, {"spec", "minReplicas"}).value_or(least);
    }
    return std::max({std::int64_t{1}, least, wanted});
}

// What the primary ran, as far as it is known.
std::optional<Act> make_primary_again(const World& world) {
    const auto& status = world.canary.status;
    const auto& wanted = is_promoting(world) ? status.last_applied_spec : status.last_promoted_spec;
    auto act = act_of(world, "primary again");
    if (const auto kept = world.kept.find(wanted); kept != world.kept.end()) {
        const auto promoted = integer_at(kept->second, {"replicas"}).value_or(1);
        act.effects.emplace_back(create_primary(
            world, *find(kept->second, {"template"}), wanted, replicas_of_lost(world, promoted)));
        return act;
    }
    if (world.revision == wanted) {
        act.effects = copy_missing_configs(world);
        act.effects.emplace_back(create_primary(world,
                                                target_template(world),
                                                wanted,
                                                replicas_of_lost(world, world.target->replicas)));
        return act;
    }
    return std::nullopt;
}

// DB-3: a lost primary comes back as what was proven, or not at all.
Move recreate_primary(const World& world) {
    if (auto made = make_primary_again(world)) return *made;
    return hold(world,
                {.text = fmt::format("{} {} is gone and the template that it ran is not "
                                     "known: waiting for {} to go back to it",
                                     word_of(kind_of(world)),
                                     world.canary.dotted(world.canary.primary_name()),
                                     target_of(world))});
}

// A lost copy is made again while its original is known to hold what was promoted.
std::optional<Move> restore_copies(const World& world) {
    const auto& promoted = world.canary.status.last_promoted_spec;
    if (world.revision != promoted || world.primary_carries != promoted) return std::nullopt;
    auto act = act_of(world, "configs again");
    act.effects = copy_missing_configs(world);
    if (act.effects.empty()) return std::nullopt;
    return act;
}

// What its autoscaler has scaled to zero, since nobody came, is compared with and promoted: it has
// pods for as long as there is a release.
std::optional<Move> wake_for_release(const World& world) {
    const auto& status = world.canary.status;
    const bool is_idle = is_settled(world) && !revision_changed(world) &&
                         status.phase != Phase::waiting && status.canary_weight == 0 && !world.wish;
    if (is_idle) return std::nullopt;
    auto woken = wake_primary(world);
    if (!woken) return std::nullopt;
    auto act = act_of(world, "wake primary");
    auto event =
        event_of(world,
                 EventType::normal,
                 fmt::format("{} rests at zero replicas: scaling it up for the release of {}",
                             world.canary.dotted(world.primary->name),
                             target_of(world)));
    event.key += fmt::format("/{}", world.primary->generation);
    act.events.push_back(std::move(event));
    act.effects.emplace_back(*std::move(woken));
    return put_right(world, std::move(act));
}

// An A/B test whose match was taken out of the spec while it is promoted: without it those who do
// not match would be sent to a canary that neither they nor its size was judged for.
bool loses_its_match(const World& world, const Weights& live) {
    const auto& analysed = world.canary.status.analysed;
    return live.canary > 0 && !is_analysing(world) && analysed &&
           analysed->strategy == to_string(api::Strategy::ab_testing) &&
           strategy_of(world) != api::Strategy::ab_testing;
}

// T13: the mesh objects, with the weights that are live (DB-14).
std::optional<Move> ensure_routes(const World& world) {
    if (!world.routes.can.weights) return std::nullopt;
    const auto live = live_weights(world);
    const auto& hindrance = routes_hindrance(world);
    if (live && world.routes.state == RoutesState::weights) {
        // Weights that do not add up are somebody else's: they are put right first, by whatever
        // compares them with what was decided. Those that can be read can be changed alone.
        const bool add_up = live->primary + live->canary == api::whole;
        if (!world.routes.drifted || !add_up || !hindrance.empty()) return std::nullopt;
        if (loses_its_match(world, *live)) return std::nullopt;
    }
    if (!hindrance.empty()) return hold(world, {.text = hindrance});
    if (!live && !world.primary->ready()) return hold(world, {.text = world.routes.text});
    auto act = act_of(world, "routes");
    act.effects.emplace_back(
        EnsureRoutes{live.value_or(Weights{}), world.routes.resource_version, {}});
    // What a new cookie changes is nobody else's doing.
    if (rebinds_users(world)) return act;
    return put_right(world, std::move(act));
}

}  // namespace

std::optional<Move> stand_up(const World& world) {
    if (auto services = ensure_services(world)) return services;
    if (!world.primary) return recreate_primary(world);
    if (auto copies = restore_copies(world)) return copies;
    if (auto woken = wake_for_release(world)) return woken;
    if (auto scaler = create_scaler(world)) {
        auto act = act_of(world, "scaler");
        act.effects.push_back(std::move(*scaler));
        if (auto move = put_right(world, std::move(act))) return move;
    }
    if (auto old = remove_old_scaler(world)) {
        auto act = act_of(world, "old scaler");
        act.effects.push_back(std::move(*old));
        return act;
    }
    // It waits for a pod of the primary, and nothing else has to wait for that.
    auto apex = ensure_service(world, Role::apex);
    if (apex && (!moves_selector(*apex) || may_move(world, Role::primary))) {
        auto act = act_of(world, "apex");
        act.effects.push_back(std::move(*apex));
        if (auto move = put_right(world, std::move(act))) return move;
    }
    return ensure_routes(world);
}

std::optional<Move> stand_up_primary(const World& world) {
    const bool is_service = kind_of(world) == Kind::service;
    if (!world.target || world.revision.empty() || (world.selector_label.empty() && !is_service)) {
        return std::nullopt;
    }
    if (!world.primary_service && !is_service) {
        auto act = act_of(world, "services");
        act.effects.push_back(*ensure_service(world, Role::primary));
        return act;
    }
    if (!world.primary) {
        if (auto made = make_primary_again(world)) return *made;
        return std::nullopt;
    }
    if (auto scaler = create_scaler(world)) {
        auto act = act_of(world, "scaler");
        act.effects.push_back(*std::move(scaler));
        return act;
    }
    return std::nullopt;
}

// --- edits and takeover -----------------------------------------------------------------------

namespace {

std::string changes_between(const Json& before, const Json& after) {
    std::string text;
    const auto add = [&](std::string_view key, std::string_view what) {
        text += fmt::format("{}spec.analysis.{}{}", text.empty() ? "" : ", ", key, what);
    };
    for (const auto& [key, value] : object_at(after, {})) {
        const auto* old = object_at(before, {}).if_contains(key);
        if (old != nullptr && canonical_text(*old) == canonical_text(value)) continue;
        const bool small = !value.is_structured() && (old == nullptr || !old->is_structured());
        add(key,
            small
                ? fmt::format(" {} -> {}", old == nullptr ? "unset" : to_text(*old), to_text(value))
                : std::string());
    }
    for (const auto& [key, value] : object_at(before, {})) {
        if (!object_at(after, {}).contains(key)) add(key, " -> unset");
    }
    return text;
}

}  // namespace

// An edited plan acts from this pass; people are told what has changed.
Move note_edit(const World& world) {
    auto act = act_of(world, "edited");
    const bool known = world.remembered.plan.is_object();
    const auto changes = known ? changes_between(world.remembered.plan, world.analysis) : "";
    // A status without a generation is the peer's: nothing was edited.
    const bool first_look = world.canary.status.observed_generation == 0;
    if (!first_look && !is_settled(world) && (!known || !changes.empty())) {
        tell(act,
             world,
             EventType::normal,
             known ? fmt::format("Plan of {} changed: {}", world.canary.dotted(), changes)
                   : fmt::format("Spec of {} changed: acting by generation {}",
                                 world.canary.dotted(),
                                 world.canary.generation));
    }
    if (!first_look) tell_unbounded(act, world, world.remembered.plan);
    if (!world.postponed.empty()) {
        tell(act,
             world,
             EventType::warning,
             fmt::format(
                 "{} of {} acts when the release is over: until then its traffic is split by {} "
                 "under the name {}",
                 world.postponed,
                 world.canary.dotted(),
                 world.canary.provider,
                 world.canary.apex));
    }
    act.remembered.generation = world.canary.generation;
    save(act, world, status_of(world));
    return act;
}

// The peer's hash does not tell which revision has failed. One that was written after the failure
// is another one; where nobody says when it was written, it is taken for the failed one.
bool is_mended(const World& world) {
    if (!world.stands_as_noted) return true;
    const auto& written = world.target->template_written;
    if (!written || !world.canary.status.conditions.is_array()) return false;
    for (const auto& condition : world.canary.status.conditions.get_array()) {
        if (text_at(condition, {"type"}) != "Promoted") continue;
        const auto failed = parse_rfc3339(text_at(condition, {"lastTransitionTime"}));
        return failed && *written > *failed;
    }
    return false;
}

// DB-1: what counts is whether the target's template means what the primary runs, not whether a
// stored hash matches.
Move take_over(const World& world) {
    if (!world.primary) return *stand_up(world);
    auto act = act_of(world, "take over");
    tell_unbounded(act, world, {});
    auto status = status_of(world);
    const auto& runs = world.primary_carries;
    status.last_promoted_spec = runs;
    status.analysed.reset();
    if (is_settled(world)) {
        const bool tried = status.phase == Phase::failed && !is_mended(world);
        status.last_applied_spec = tried ? world.revision : runs;
        // Where it is a release, what has changed is told by what the peer noted.
        if (status.last_applied_spec == world.revision && world.settings.track_configs) {
            status.tracked_configs = world.tracked;
        }
    } else if (is_promoting(world)) {
        status.last_applied_spec = runs;
    } else {
        // Nothing that the peer has judged is known to be about this template: once from the start.
        status.last_applied_spec.clear();
    }
    if (const auto* running = template_of(kind_of(world), world.primary->object)) {
        const auto proven =
            runs == world.revision ? target_template(world) : undone(world, *running);
        if (auto keep = keep_template(world, proven, runs, world.primary->replicas)) {
            act.effects.push_back(std::move(*keep));
        }
    }
    save(act, world, status);
    return act;
}

}  // namespace sluice::canary
