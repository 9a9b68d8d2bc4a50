// Reads the World out of what the caches hold. Nothing here decides; what cannot be understood
// becomes a refusal or a hindrance.
#include "delivery/canary/seen.hpp"

#include "base/core/text.hpp"
#include "delivery/canary/configs.hpp"
#include "delivery/canary/objects.hpp"
#include "delivery/canary/revision.hpp"
#include "delivery/canary/scalers.hpp"
#include "delivery/canary/steps.hpp"
#include "delivery/canary/workloads.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace sluice::canary {
namespace {

Workload read_workload(Kind kind, const Json& object, const ReadinessQuestion& question) {
    Workload workload;
    workload.object = authored(kind, object);
    workload.name = text_at(object, {"metadata", "name"});
    workload.uid = text_at(object, {"metadata", "uid"});
    workload.resource_version = text_at(object, {"metadata", "resourceVersion"});
    workload.generation = integer_at(object, {"metadata", "generation"}).value_or(0);
    workload.replicas = replicas_wanted(kind, object);
    workload.available = pods_available(kind, object);
    workload.readiness = readiness_of(kind, object, question);
    workload.template_written = parse_rfc3339(text_at(object, {"status", template_written_field}));
    return workload;
}

// Names who else controls the object; empty when nobody does, or this Canary.
std::string taken_by(const api::Canary& canary, const Json& object) {
    for (const auto& owner : array_at(object, {"metadata", "ownerReferences"})) {
        if (!bool_at(owner, {"controller"}).value_or(false)) continue;
        if (text_at(owner, {"uid"}) == canary.uid) continue;
        return fmt::format("{} {} is controlled by {} {} and is not taken from it",
                           text_at(object, {"kind"}, "object"),
                           canary.dotted(text_at(object, {"metadata", "name"})),
                           text_at(owner, {"kind"}),
                           text_at(owner, {"name"}));
    }
    return {};
}

// Istio's rule (mesh-and-dashboard.md 3.5), as far as the namespace and the pod template tell.
bool is_injected(const Seen& seen) {
    if (!seen.ns) return true;
    const auto namespace_label = text_at(*seen.ns, {"metadata", "labels", "istio-injection"});
    const auto revision = text_at(*seen.ns, {"metadata", "labels", "istio.io/rev"});
    std::string_view pod;
    if (seen.target) {
        const auto& target = *seen.target;
        pod =
            text_at(target, {"spec", "template", "metadata", "labels", "sidecar.istio.io/inject"});
        if (pod.empty()) {
            pod = text_at(
                target, {"spec", "template", "metadata", "annotations", "sidecar.istio.io/inject"});
        }
    }
    if (pod == "false" || namespace_label == "disabled") return false;
    return namespace_label == "enabled" || !revision.empty() || pod == "true";
}

// A wish is about one revision and one time: what has been granted is not granted again, and a
// promotion lets nothing through but what it was asked for.
void read_wish(World& world) {
    const auto& wish = world.canary.wish;
    const auto& status = world.canary.status;
    if (!wish || wish->text == status.granted || wish->revision != status.last_applied_spec) return;
    const bool is_failed = status.phase == api::Phase::failed;
    if ((wish->verb == api::Verb::retry) != is_failed) return;
    if (status.phase == api::Phase::initialized || status.phase == api::Phase::succeeded) return;
    const bool is_another = world.target && !world.revision.empty() && revision_changed(world);
    const bool goes_on = wish->verb == api::Verb::promote || wish->verb == api::Verb::step;
    if (goes_on && is_another) return;
    // The step that it was asked for has been taken: the next gate is another matter.
    if (wish->verb == api::Verb::step && wish->place != api::place_of(status)) return;
    world.wish = wish->verb;
    // What a person has promoted is not judged any further.
    if (wish->verb == api::Verb::promote) world.canary.skip_analysis = true;
}

// A condition that a provider would leave out in silence is refused by name.
std::string shortfall_of(const Seen& seen, const api::Canary& canary) {
    const auto& can = seen.routes.can;
    if (!can.weights) return {};
    const auto refuse = [&](std::string_view field) {
        return fmt::format(
            "spec.analysis.{}: provider {} cannot carry it out", field, canary.provider);
    };
    if (canary.analysis.matches && !can.match) return refuse("match");
    if (canary.analysis.affinity && !can.affinity) return refuse("sessionAffinity");
    return {};
}

std::string refusal_of(const Seen& seen, const api::Canary& canary) {
    if (canary.invalid) return to_string(*canary.invalid);
    if (canary.unbuilt) return to_string(*canary.unbuilt);
    if (!seen.routes.refusal.empty()) return seen.routes.refusal;
    if (auto shortfall = shortfall_of(seen, canary); !shortfall.empty()) return shortfall;
    if (auto refusal = config_refusal(seen, canary); !refusal.empty()) return refusal;
    for (const auto* object : {&seen.primary,
                               &seen.primary_scaler,
                               &seen.apex_service,
                               &seen.primary_service,
                               &seen.canary_service}) {
        if (!object->has_value()) continue;
        if (auto taken = taken_by(canary, **object); !taken.empty()) return taken;
    }
    return {};
}

void read_selector(const Seen& seen, World& world) {
    const auto& labels = object_at(*seen.target, {"spec", "selector", "matchLabels"});
    for (const auto& key : seen.settings.selector_labels) {
        const auto* value = labels.if_contains(key);
        if (value == nullptr || !value->is_string()) continue;
        world.selector_label = key;
        world.selector_value = std::string(value->get_string());
        return;
    }
    std::string known;
    for (const auto& key : seen.settings.selector_labels) {
        if (!known.empty()) known += ' ';
        known += key;
    }
    world.hindrance = fmt::format(
        "getSelectorLabel failed: {} {} spec.selector.matchLabels must contain one of [{}]{}",
        word_of(kind_of(world)),
        world.canary.dotted(world.canary.target.name),
        known,
        // The peer's text ends so.
        kind_of(world) == Kind::daemon_set ? "'" : "");
}

// A Deployment under the primary's name whose pods the primary's Services would not find: its share
// of the traffic would fail, and it could never be promoted, as selectors cannot be changed.
void read_primary_labels(const Seen& seen, World& world) {
    if (!seen.primary || world.selector_label.empty()) return;
    const auto wanted = world.selector_value + "-primary";
    const auto has =
        text_at(*seen.primary, {"spec", "template", "metadata", "labels", world.selector_label});
    if (has == wanted) return;
    world.hindrance = fmt::format(
        "{} {} cannot serve as the primary of {}: its pods need label {}={} "
        "(delete it, and it is made again)",
        to_string(kind_of(world)),
        world.canary.dotted(world.canary.primary_name()),
        world.canary.dotted(),
        world.selector_label,
        wanted);
}

void read_target(const Seen& seen, World& world) {
    const auto& canary = world.canary;
    const auto kind = kind_of(world);
    if (!seen.target) {
        world.hindrance =
            target_missing(kind, canary.dotted(canary.target.name), canary.target.name);
        return;
    }
    world.target = read_workload(kind,
                                 *seen.target,
                                 {canary.progress_deadline,
                                  canary.analysis.canary_ready_threshold,
                                  canary.status.unready_since,
                                  world.now});
    const auto* judged = template_of(kind, world.target->object);
    if (judged == nullptr) {
        world.hindrance = fmt::format("{} {} has no spec{}",
                                      word_of(kind),
                                      canary.dotted(canary.target.name),
                                      kind == Kind::service ? "" : ".template");
        return;
    }
    if (kind == Kind::service) {
        world.revision = revision_of(*judged);
        return;
    }
    world.revision = revision_of(*judged, read_configs(seen, world));
    read_selector(seen, world);
    const auto updates = text_at(*seen.target, {"spec", "updateStrategy", "type"}, "RollingUpdate");
    if (kind == Kind::daemon_set && updates != "RollingUpdate" && world.hindrance.empty()) {
        world.hindrance = fmt::format(
            "createPrimaryDaemonSet failed: daemonset {} must have RollingUpdate strategy but have "
            "{}",
            canary.dotted(canary.target.name),
            updates);
    }
    read_primary_labels(seen, world);
    if (canary.autoscaler && !seen.target_scaler && world.hindrance.empty()) {
        world.hindrance = scaler_missing(canary);
    }
}

void read_kept(const Seen& seen, World& world) {
    const auto ours = world.canary.primary_name() + "-";
    for (const auto& revision : seen.revisions) {
        // A Canary that was pointed at another target may still hold what the old one's primary
        // ran.
        if (!text_at(revision, {"metadata", "name"}).starts_with(ours)) continue;
        if (is_of_another_kind(world, revision)) continue;
        const auto hash =
            text_at(revision, {"metadata", "annotations", "sluice.dev/template-hash"});
        const auto* spec = find(revision, {"data", "spec"});
        const auto* kept = spec == nullptr ? nullptr : find(*spec, {"template"});
        if (hash.empty() || kept == nullptr || !kept->is_object()) continue;
        auto& known = world.kept[std::string(hash)] = *spec;
        const auto later =
            parse_integer(text_at(revision, {"metadata", "annotations", replicas_annotation}));
        if (later) put(known, {"replicas"}, *later);
    }
    world.revisions = seen.revisions;
    std::ranges::sort(world.revisions, {}, [](const Json& revision) {
        return std::string(text_at(revision, {"metadata", "name"}));
    });
}

std::string carried_by_service(const World& world, const Json& running) {
    const auto text = canonical_text(running);
    const auto is_made_of = [&](const Json& spec, std::string_view hash) {
        return canonical_text(made_for_primary(world, spec, hash)) == text;
    };
    if (world.target) {
        const auto* spec = template_of(Kind::service, world.target->object);
        if (spec != nullptr && is_made_of(*spec, world.revision)) return world.revision;
    }
    for (const auto& [hash, kept] : world.kept) {
        if (is_made_of(*find(kept, {"template"}), hash)) return hash;
    }
    return revision_of(running);
}

// Which revision the primary's template was made from: by its flagger-id, else by meaning.
std::string carried_by_primary(const World& world) {
    const auto* running = template_of(kind_of(world), world.primary->object);
    if (running == nullptr) return {};
    if (kind_of(world) == Kind::service) return carried_by_service(world, *running);
    const auto id = text_at(*running, {"metadata", "annotations", "flagger-id"});
    std::set<std::string> known{world.canary.status.last_applied_spec,
                                world.canary.status.last_promoted_spec,
                                world.revision};
    for (const auto& [hash, spec] : world.kept) known.insert(hash);
    for (const auto& hash : known) {
        if (is_our_revision(hash) && flagger_id_of(hash) == id) return hash;
    }
    if (world.target && !world.selector_label.empty()) {
        const auto* pod_template = template_of(kind_of(world), world.target->object);
        if (pod_template != nullptr && copies_hold(world) &&
            same_meaning(*running, *pod_template, rewriting_of(world))) {
            return world.revision;
        }
        return revision_of(undone_template(*running, rewriting_of_primary(world)),
                           copied_checksums(world));
    }
    return {};
}

// Its traffic is split, or was until a moment ago.
bool is_routed(const api::Status& status) {
    switch (status.phase) {
        case api::Phase::progressing:
        case api::Phase::waiting_promotion:
        case api::Phase::promoting:
        case api::Phase::finalising:
        case api::Phase::terminating:
        case api::Phase::terminated:
            return true;
        case api::Phase::initialized:
        case api::Phase::waiting:
        case api::Phase::succeeded:
        case api::Phase::failed:
            return status.canary_weight > 0 || status.rollback || status.routed_at;
        case api::Phase::none:
        case api::Phase::initializing:
            break;
    }
    return false;
}

}  // namespace

Routed as_routed(Json canary, const api::Defaults& defaults) {
    Routed routed{std::move(canary), {}};
    const auto* stored = find(routed.canary, {"status"});
    if (stored == nullptr) return routed;
    const auto status = api::parse_status(*stored);
    if (!status.routed_by || !is_routed(status)) return routed;
    const auto keep = [&](JsonPath path, std::string_view usual, const std::string& as) {
        std::string wanted(text_at(routed.canary, path));
        if (wanted.empty()) wanted = usual;
        if (wanted == as || as.empty()) return;
        if (!routed.postponed.empty()) routed.postponed += ", ";
        routed.postponed += fmt::format("{} {}", fmt::join(path, "."), wanted);
        put(routed.canary, path, Json(as));
    };
    const std::string target(text_at(routed.canary, {"spec", "targetRef", "name"}));
    keep({"spec", "provider"}, defaults.provider, status.routed_by->provider);
    keep({"spec", "service", "name"}, target, status.routed_by->service);
    keep({"spec", "ingressRef", "name"}, {}, status.routed_by->ingress);
    return routed;
}

WaitClock clock_of_primary(api::Phase phase) {
    switch (phase) {
        case api::Phase::initialized:
        case api::Phase::waiting:
        case api::Phase::progressing:
        case api::Phase::waiting_promotion:
        case api::Phase::succeeded:
        case api::Phase::failed:
            return &api::Status::primary_unready_since;
        case api::Phase::none:
        case api::Phase::initializing:
        case api::Phase::promoting:
        case api::Phase::finalising:
        case api::Phase::terminating:
        case api::Phase::terminated:
            break;
    }
    return &api::Status::unready_since;
}

World world_of(const Seen& seen, Time now) {
    World world;
    world.canary = api::parse_canary(seen.canary, seen.settings.defaults);
    world.settings = seen.settings;
    world.remembered = seen.remembered;
    world.spaced = seen.spaced;
    world.now = now;
    world.routes = seen.routes;
    world.target_scaler = seen.target_scaler;
    world.primary_scaler = seen.primary_scaler;
    world.owned_scalers = seen.owned_scalers;
    world.postponed = seen.postponed;
    world.apex_service = seen.apex_service;
    world.primary_service = seen.primary_service;
    world.canary_service = seen.canary_service;
    world.strategy = api::strategy_of(world.canary.analysis);
    // Where no sidecar splits or measures, none is missing.
    world.injected = world.canary.provider != "istio" || is_injected(seen);
    if (const auto* analysis = find(seen.canary, {"spec", "analysis"})) world.analysis = *analysis;

    // What is refused is looked at all the same: a release under way can still be taken back.
    world.refusal = refusal_of(seen, world.canary);
    read_kept(seen, world);
    read_target(seen, world);
    if (seen.primary) {
        const auto& status = world.canary.status;
        world.primary = read_workload(kind_of(world),
                                      *seen.primary,
                                      {world.canary.progress_deadline,
                                       world.canary.analysis.primary_ready_threshold,
                                       status.*clock_of_primary(status.phase),
                                       now});
        world.primary_carries = carried_by_primary(world);
    }
    read_wish(world);
    return world;
}

Json to_json(const World& world) {
    const auto workload = [](const std::optional<Workload>& one) -> Json {
        if (!one) return nullptr;
        return JsonObject{{"name", one->name},
                          {"replicas", one->replicas},
                          {"available", one->available},
                          {"ready", one->ready()},
                          {"why", one->readiness.why}};
    };
    std::string routes = "absent";
    if (world.routes.state == RoutesState::weights) routes = to_string(world.routes.weights);
    if (world.routes.state == RoutesState::unreadable) routes = world.routes.text;
    return JsonObject{{"canary", world.canary.dotted()},
                      {"now", rfc3339_millis(world.now)},
                      {"status", api::to_json(world.canary.status, {})},
                      {"target", workload(world.target)},
                      {"primary", workload(world.primary)},
                      {"revision", world.revision},
                      {"primaryCarries", world.primary_carries},
                      {"routes", routes},
                      {"drifted", world.routes.drifted},
                      {"refusal", world.refusal},
                      {"hindrance", world.hindrance}};
}

}  // namespace sluice::canary
