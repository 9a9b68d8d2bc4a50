#include "delivery/canary/objects.hpp"

#include "base/core/sha256.hpp"
#include "delivery/canary/configs.hpp"
#include "delivery/canary/scalers.hpp"
#include "delivery/canary/workloads.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::canary {
namespace {

constexpr std::string_view toolkit = "toolkit.fluxcd.io";
constexpr std::string_view suffix = "-primary";

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

// Labels of the target with an included prefix, and the selector label.
JsonObject primary_labels(const World& world) {
    JsonObject labels;
    const auto& prefixes = world.settings.label_prefixes;
    for (const auto& [key, value] : object_at(world.target->object, {"metadata", "labels"})) {
        const bool included = std::ranges::any_of(prefixes, [&](const std::string& prefix) {
            return prefix == "*" || (!prefix.empty() && key.starts_with(prefix));
        });
        if (included && !contains(key, toolkit)) labels[key] = value;
    }
    labels[world.selector_label] = world.selector_value + std::string(suffix);
    return labels;
}

// A Service has no label that is ours, so it keeps them all.
JsonObject labels_of_copy(const World& world) {
    if (kind_of(world) != Kind::service) return primary_labels(world);
    JsonObject labels;
    for (const auto& [key, value] : object_at(world.target->object, {"metadata", "labels"})) {
        if (!contains(key, toolkit)) labels[key] = value;
    }
    return labels;
}

JsonObject primary_annotations(const World& world) {
    JsonObject annotations;
    for (const auto& [key, value] : object_at(world.target->object, {"metadata", "annotations"})) {
        if (!is_own_key(key)) annotations[key] = value;
    }
    return annotations;
}

// How the target is rolled is how the primary is.
void copy_policy(const World& world, Json& primary) {
    for (const auto* field : {"progressDeadlineSeconds",
                              "minReadySeconds",
                              "revisionHistoryLimit",
                              "strategy",
                              "updateStrategy"}) {
        if (const auto* value = find(world.target->object, {"spec", field});
            value != nullptr && !value->is_null()) {
            put(primary, {"spec", field}, *value);
        }
    }
}

Rewriting rewriting_for(const World& world, std::string_view hash) {
    return hash == world.revision ? rewriting_of(world) : rewriting_of_primary(world);
}

bool is_sized_by_target(const World& world) {
    return kind_of(world) == Kind::deployment && !world.canary.autoscaler;
}

Patch patch_primary(const World& world, const Json& wanted) {
    Patch patch;
    patch.kind = kind_of(world);
    patch.name = world.primary->name;
    patch.uid = world.primary->uid;
    patch.resource_version = world.primary->resource_version;
    patch.patch = merge_patch_between(world.primary->object, wanted);
    patch.telling.failure = fmt::format("updating {} {} {} failed: ",
                                        word_of(patch.kind),
                                        world.canary.dotted(world.primary->name),
                                        patch.kind == Kind::service ? "spec" : "template spec");
    return patch;
}

}  // namespace

Rewriting rewriting_of(const World& world) {
    Rewriting rewriting{world.selector_label,
                        world.selector_value,
                        world.canary.target.name,
                        world.settings.selector_labels};
    if (!world.settings.track_configs) return rewriting;
    for (const auto& [reference, checksum] : world.tracked) rewriting.configs.insert(reference);
    return rewriting;
}

Rewriting rewriting_of_primary(const World& world) {
    auto rewriting = rewriting_of(world);
    rewriting.configs = copied_configs(world);
    return rewriting;
}

bool is_own_key(std::string_view key) {
    return contains(key, toolkit) || key.starts_with("kubectl.kubernetes.io/") ||
           key.starts_with("deployment.kubernetes.io/") ||
           key.starts_with("deprecated.daemonset.template.") || key.starts_with("sluice.dev/");
}

Json made_for_primary(const World& world, const Json& of_target, std::string_view hash) {
    if (kind_of(world) != Kind::service) {
        return primary_template(of_target, rewriting_for(world, hash), hash);
    }
    auto spec = of_target;
    const auto& distribution = world.canary.service.traffic_distribution;
    if (!distribution.empty()) put(spec, {"trafficDistribution"}, Json(distribution));
    return spec;
}

Json undone(const World& world, const Json& of_primary) {
    if (kind_of(world) == Kind::service) return of_primary;
    return undone_template(of_primary, rewriting_of_primary(world));
}

JsonArray owner_references(const World& world) {
    return {JsonObject{{"apiVersion", "flagger.app/v1beta1"},
                       {"kind", "Canary"},
                       {"name", world.canary.name},
                       {"uid", world.canary.uid},
                       {"controller", true},
                       {"blockOwnerDeletion", true}}};
}

bool is_owned(const World& world, const Json& object) {
    return std::ranges::any_of(array_at(object, {"metadata", "ownerReferences"}),
                               [&](const Json& owner) {
                                   return bool_at(owner, {"controller"}).value_or(false) &&
                                          text_at(owner, {"uid"}) == world.canary.uid;
                               });
}

Create create_primary(const World& world,
                      const Json& pod_template,
                      std::string_view hash,
                      std::int64_t replicas) {
    const auto name = world.canary.primary_name();
    const auto kind = kind_of(world);
    JsonObject spec;
    if (kind == Kind::deployment) spec["replicas"] = replicas;
    if (kind != Kind::service) {
        spec["selector"] = JsonObject{
            {"matchLabels",
             JsonObject{{world.selector_label, world.selector_value + std::string(suffix)}}}};
    }
    JsonObject metadata{{"name", name},
                        {"namespace", world.canary.ns},
                        {"labels", labels_of_copy(world)},
                        {"ownerReferences", owner_references(world)}};
    if (auto annotations = primary_annotations(world); !annotations.empty()) {
        metadata["annotations"] = std::move(annotations);
    }
    Json primary = JsonObject{{"apiVersion", kind == Kind::service ? "v1" : "apps/v1"},
                              {"kind", to_string(kind)},
                              {"metadata", std::move(metadata)},
                              {"spec", std::move(spec)}};
    put_template(kind, primary, made_for_primary(world, pod_template, hash));
    const auto done = fmt::format("{} {} created", to_string(kind), world.canary.dotted(name));
    if (kind == Kind::service) {
        return {kind,
                std::move(primary),
                {done,
                 fmt::format("reconcilePrimaryService failed: creating service {} query error: ",
                             world.canary.dotted())}};
    }
    copy_policy(world, primary);
    return {kind,
            std::move(primary),
            {done,
             fmt::format("createPrimary{} failed: creating {} {} failed: ",
                         to_string(kind),
                         word_of(kind),
                         world.canary.dotted(name))}};
}

std::optional<Patch> promote_primary(const World& world, std::string_view hash) {
    auto wanted = world.primary->object;
    const auto& target = world.target->object;
    put(wanted, {"metadata", "labels"}, labels_of_copy(world));

    // What the primary got from elsewhere stays: its own revision number, kubectl's notes, ours.
    auto annotations = primary_annotations(world);
    for (const auto& [key, value] : object_at(wanted, {"metadata", "annotations"})) {
        if (is_own_key(key)) annotations[key] = value;
    }
    if (annotations.empty()) {
        drop(wanted, {"metadata", "annotations"});
    } else {
        put(wanted, {"metadata", "annotations"}, std::move(annotations));
    }

    const auto kind = kind_of(world);
    put_template(kind, wanted, made_for_primary(world, *template_of(kind, target), hash));
    if (kind != Kind::service) copy_policy(world, wanted);
    if (is_sized_by_target(world) && world.target->replicas > 0) {
        put(wanted, {"spec", "replicas"}, world.target->replicas);
    }
    auto patch = patch_primary(world, wanted);
    if (patch.is_empty()) return std::nullopt;
    return patch;
}

std::optional<Patch> restore_primary(const World& world,
                                     const Json& pod_template,
                                     std::string_view hash) {
    auto wanted = world.primary->object;
    put_template(kind_of(world), wanted, made_for_primary(world, pod_template, hash));
    auto patch = patch_primary(world, wanted);
    if (patch.is_empty()) return std::nullopt;
    return patch;
}

std::optional<Patch> resize_primary(const World& world, std::int64_t replicas) {
    if (!is_sized_by_target(world) || replicas == world.primary->replicas) return std::nullopt;
    auto wanted = world.primary->object;
    put(wanted, {"spec", "replicas"}, replicas);
    auto patch = patch_primary(world, wanted);
    // It may be repeated.
    patch.resource_version.clear();
    patch.telling.failure = fmt::format(
        "scaling {} to {} failed: ", world.canary.dotted(world.primary->name), replicas);
    return patch;
}

std::optional<Patch> wake_primary(const World& world) {
    const bool is_asleep = world.primary && kind_of(world) == Kind::deployment &&
                           world.canary.autoscaler && world.primary->replicas == 0;
    if (!is_asleep) return std::nullopt;
    auto wanted = world.primary->object;
    put(wanted, {"spec", "replicas"}, least_replicas(world));
    auto patch = patch_primary(world, wanted);
    // It may be repeated.
    patch.resource_version.clear();
    patch.telling.failure =
        fmt::format("scaling up {} failed: ", world.canary.dotted(world.primary->name));
    return patch;
}

std::optional<Effect> keep_template(const World& world,
                                    const Json& pod_template,
                                    std::string_view hash,
                                    std::int64_t replicas) {
    if (world.kept.contains(std::string(hash))) return std::nullopt;
    // Another Canary may have kept the same one for this target, and still own what it kept.
    const auto name = fmt::format("{}-{}-{}",
                                  world.canary.primary_name(),
                                  short_revision(hash),
                                  sha256_hex(world.canary.uid).substr(0, 5));
    std::int64_t number = 1;
    for (const auto& revision : world.revisions) {
        number = std::max(number, integer_at(revision, {"revision"}).value_or(0) + 1);
    }
    JsonObject labels;
    if (!world.selector_label.empty()) {
        labels[world.selector_label] = world.selector_value + std::string(suffix);
    }
    JsonObject spec{{"replicas", replicas}, {"template", without_rolled(pod_template)}};
    return Create{
        Kind::controller_revision,
        JsonObject{{"apiVersion", "apps/v1"},
                   {"kind", "ControllerRevision"},
                   {"metadata",
                    JsonObject{{"name", name},
                               {"namespace", world.canary.ns},
                               {"labels", std::move(labels)},
                               {"annotations",
                                JsonObject{{"sluice.dev/template-hash", std::string(hash)},
                                           {kept_kind_annotation, to_string(kind_of(world))}}},
                               {"ownerReferences", owner_references(world)}}},
                   {"data", JsonObject{{"spec", std::move(spec)}}},
                   {"revision", number}},
        {{}, fmt::format("creating controllerrevision {} failed: ", world.canary.dotted(name))}};
}

std::optional<Patch> note_replicas(const World& world) {
    const auto& hash = world.canary.status.last_promoted_spec;
    const auto kept = world.kept.find(hash);
    if (!is_sized_by_target(world) || world.primary->replicas == 0 || kept == world.kept.end() ||
        integer_at(kept->second, {"replicas"}) == world.primary->replicas) {
        return std::nullopt;
    }
    for (const auto& revision : world.revisions) {
        if (text_at(revision, {"metadata", "annotations", "sluice.dev/template-hash"}) != hash) {
            continue;
        }
        const std::string name(text_at(revision, {"metadata", "name"}));
        Patch patch{
            Kind::controller_revision,
            name,
            std::string(text_at(revision, {"metadata", "uid"})),
            {},
            JsonObject{},
            {{},
             fmt::format("updating controllerrevision {} failed: ", world.canary.dotted(name))}};
        put(patch.patch,
            {"metadata", "annotations", replicas_annotation},
            Json(std::to_string(world.primary->replicas)));
        return patch;
    }
    return std::nullopt;
}

Effect forget(const World& world, const Json& revision) {
    const std::string name(text_at(revision, {"metadata", "name"}));
    return Delete{
        Kind::controller_revision,
        name,
        std::string(text_at(revision, {"metadata", "uid"})),
        {{}, fmt::format("deleting controllerrevision {} failed: ", world.canary.dotted(name))}};
}

bool is_of_another_kind(const World& world, const Json& revision) {
    const auto kind = text_at(revision, {"metadata", "annotations", kept_kind_annotation});
    return !kind.empty() && kind != to_string(kind_of(world)) &&
           text_at(revision, {"metadata", "name"}).starts_with(world.canary.primary_name() + "-");
}

std::vector<Effect> forget_others(const World& world, std::string_view hash) {
    std::vector<Effect> effects;
    for (const auto& revision : world.revisions) {
        if (text_at(revision, {"metadata", "annotations", "sluice.dev/template-hash"}) == hash) {
            continue;
        }
        effects.push_back(forget(world, revision));
    }
    return effects;
}

std::int64_t replicas_from_zero(const World& world) {
    if (world.target->replicas > 0) return world.target->replicas;
    if (!world.canary.autoscaler) {
        const auto primary = world.primary ? world.primary->replicas : 0;
        return primary > 0 ? primary : 1;
    }
    return least_replicas(world);
}

ScaleTarget scale_target(const World& world, std::int64_t replicas) {
    ScaleTarget scale;
    scale.kind = kind_of(world);
    scale.name = world.target->name;
    scale.uid = world.target->uid;
    scale.replicas = replicas;
    const auto dotted = world.canary.dotted(world.target->name);
    scale.telling.failure = replicas > 0
                                ? fmt::format("scaling up {} to {} failed: ", dotted, replicas)
                                : fmt::format("deployment {} patch query error: ", dotted);
    if (scale.kind == Kind::daemon_set) {
        scale.telling.failure = replicas > 0
                                    ? fmt::format("scaling up daemonset {} failed: ", dotted)
                                    : fmt::format("updating daemonset {} failed: ", dotted);
    }
    return scale;
}

}  // namespace sluice::canary
