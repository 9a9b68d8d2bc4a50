#include "delivery/canary/objects.hpp"

#include "delivery/canary/configs.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>

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

// Annotations that describe one object only, or tell another tool what to do with it, are not
// copied (DB-40).
bool is_own_annotation(std::string_view key) {
    return contains(key, toolkit) || key.starts_with("kubectl.kubernetes.io/") ||
           key.starts_with("deployment.kubernetes.io/") || key.starts_with("sluice.dev/");
}

JsonObject primary_annotations(const World& world) {
    JsonObject annotations;
    for (const auto& [key, value] : object_at(world.target->object, {"metadata", "annotations"})) {
        if (!is_own_annotation(key)) annotations[key] = value;
    }
    return annotations;
}

constexpr std::array copied_fields{
    "progressDeadlineSeconds", "minReadySeconds", "revisionHistoryLimit", "strategy"};

Rewriting rewriting_for(const World& world, std::string_view hash) {
    return hash == world.revision ? rewriting_of(world) : rewriting_of_primary(world);
}

Patch patch_primary(const World& world, const Json& wanted, std::string what) {
    Patch patch;
    patch.kind = Kind::deployment;
    patch.name = world.primary->name;
    patch.uid = world.primary->uid;
    patch.resource_version = world.primary->resource_version;
    patch.patch = merge_patch_between(world.primary->object, wanted);
    patch.telling.failure = fmt::format(
        "updating deployment {} {} failed: ", world.canary.dotted(world.primary->name), what);
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
    JsonObject spec{{"replicas", replicas},
                    {"selector",
                     JsonObject{{"matchLabels",
                                 JsonObject{{world.selector_label,
                                             world.selector_value + std::string(suffix)}}}}},
                    {"template", primary_template(pod_template, rewriting_for(world, hash), hash)}};
    for (const auto* field : copied_fields) {
        if (const auto* value = find(world.target->object, {"spec", field});
            value != nullptr && !value->is_null()) {
            spec[field] = *value;
        }
    }
    JsonObject metadata{{"name", name},
                        {"namespace", world.canary.ns},
                        {"labels", primary_labels(world)},
                        {"ownerReferences", owner_references(world)}};
    if (auto annotations = primary_annotations(world); !annotations.empty()) {
        metadata["annotations"] = std::move(annotations);
    }
    return {Kind::deployment,
            JsonObject{{"apiVersion", "apps/v1"},
                       {"kind", "Deployment"},
                       {"metadata", std::move(metadata)},
                       {"spec", std::move(spec)}},
            {fmt::format("Deployment {} created", world.canary.dotted(name)),
             fmt::format("createPrimaryDeployment failed: creating deployment {} failed: ",
                         world.canary.dotted(name))}};
}

std::optional<Patch> promote_primary(const World& world, std::string_view hash) {
    auto wanted = world.primary->object;
    const auto& target = world.target->object;
    put(wanted, {"metadata", "labels"}, primary_labels(world));

    // What the primary got from elsewhere stays: its own revision number, kubectl's notes, ours.
    auto annotations = primary_annotations(world);
    for (const auto& [key, value] : object_at(wanted, {"metadata", "annotations"})) {
        if (is_own_annotation(key)) annotations[key] = value;
    }
    if (annotations.empty()) {
        drop(wanted, {"metadata", "annotations"});
    } else {
        put(wanted, {"metadata", "annotations"}, std::move(annotations));
    }

    const auto* pod_template = find(target, {"spec", "template"});
    put(wanted, {"spec", "template"}, primary_template(*pod_template, rewriting_of(world), hash));
    for (const auto* field : copied_fields) {
        if (const auto* value = find(target, {"spec", field});
            value != nullptr && !value->is_null()) {
            put(wanted, {"spec", field}, *value);
        }
    }
    if (!world.canary.autoscaler && world.target->replicas > 0) {
        put(wanted, {"spec", "replicas"}, world.target->replicas);
    }
    auto patch = patch_primary(world, wanted, "template spec");
    if (patch.is_empty()) return std::nullopt;
    return patch;
}

std::optional<Patch> restore_primary(const World& world,
                                     const Json& pod_template,
                                     std::string_view hash) {
    auto wanted = world.primary->object;
    put(wanted,
        {"spec", "template"},
        primary_template(pod_template, rewriting_for(world, hash), hash));
    auto patch = patch_primary(world, wanted, "template spec");
    if (patch.is_empty()) return std::nullopt;
    return patch;
}

std::optional<Effect> keep_template(const World& world,
                                    const Json& pod_template,
                                    std::string_view hash,
                                    std::int64_t replicas) {
    if (world.kept.contains(std::string(hash))) return std::nullopt;
    const auto name = world.canary.primary_name() + "-" + short_revision(hash);
    std::int64_t number = 1;
    for (const auto& revision : world.revisions) {
        number = std::max(number, integer_at(revision, {"revision"}).value_or(0) + 1);
    }
    JsonObject labels{{world.selector_label, world.selector_value + std::string(suffix)}};
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
                                JsonObject{{"sluice.dev/template-hash", std::string(hash)}}},
                               {"ownerReferences", owner_references(world)}}},
                   {"data", JsonObject{{"spec", std::move(spec)}}},
                   {"revision", number}},
        {{}, fmt::format("creating controllerrevision {} failed: ", world.canary.dotted(name))}};
}

std::vector<Effect> forget_others(const World& world, std::string_view hash) {
    std::vector<Effect> effects;
    for (const auto& revision : world.revisions) {
        if (text_at(revision, {"metadata", "annotations", "sluice.dev/template-hash"}) == hash) {
            continue;
        }
        const std::string name(text_at(revision, {"metadata", "name"}));
        effects.push_back(Delete{
            Kind::controller_revision,
            name,
            std::string(text_at(revision, {"metadata", "uid"})),
            {{},
             fmt::format("deleting controllerrevision {} failed: ", world.canary.dotted(name))}});
    }
    return effects;
}

std::int64_t replicas_from_zero(const World& world) {
    if (world.target->replicas > 0) return world.target->replicas;
    if (!world.canary.autoscaler) {
        const auto primary = world.primary ? world.primary->replicas : 0;
        return primary > 0 ? primary : 1;
    }
    const auto least = world.target_scaler
                           ? integer_at(*world.target_scaler, {"spec", "minReplicas"}).value_or(1)
                           : 1;
    return std::max<std::int64_t>(1, least);
}

ScaleTarget scale_target(const World& world, std::int64_t replicas) {
    ScaleTarget scale;
    scale.name = world.target->name;
    scale.uid = world.target->uid;
    scale.replicas = replicas;
    const auto dotted = world.canary.dotted(world.target->name);
    scale.telling.failure = replicas > 0
                                ? fmt::format("scaling up {} to {} failed: ", dotted, replicas)
                                : fmt::format("deployment {} patch query error: ", dotted);
    return scale;
}

}  // namespace sluice::canary
