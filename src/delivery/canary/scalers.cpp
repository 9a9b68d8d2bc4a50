#include "delivery/canary/scalers.hpp"

#include "delivery/canary/objects.hpp"
#include "delivery/canary/workloads.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace sluice::canary {
namespace {

constexpr std::string_view suffix = "-primary";
constexpr std::string_view keda = "autoscaling.keda.sh/";
constexpr std::string_view paused = "autoscaling.keda.sh/paused-replicas";

bool is_keda(const World& world) {
    return world.canary.autoscaler &&
           scaler_kind(world.canary.autoscaler->kind) == Kind::scaled_object;
}

Kind kind_of_scaler(const World& world) {
    return is_keda(world) ? Kind::scaled_object : Kind::horizontal_pod_autoscaler;
}

// "HorizontalPodAutoscaler v2", "Keda ScaledObject": as messages name it.
std::string_view title_of(Kind kind) {
    return kind == Kind::scaled_object ? "Keda ScaledObject" : "HorizontalPodAutoscaler v2";
}

std::string_view title(const World& world) {
    return title_of(kind_of_scaler(world));
}

// What describes one object only, or tells another tool what to do with it, is not copied; that the
// target's is paused says nothing about the primary's (DB-21).
bool is_own_key(std::string_view key) {
    return key.find("toolkit.fluxcd.io") != std::string_view::npos ||
           key.starts_with("kubectl.kubernetes.io/") || key.starts_with("sluice.dev/") ||
           key == "scaledobject.keda.sh/name" ||
           (key.starts_with(keda) && key.substr(keda.size()).starts_with("paused"));
}

void copy_keys(const World& world, std::string_view group, Json& scaler) {
    for (const auto& [key, value] : object_at(*world.target_scaler, {"metadata", group})) {
        if (!is_own_key(key)) put(scaler, {"metadata", group, key}, value);
    }
}

// Metadata of the copy: an HPA's annotations describe its state.
void copy_metadata(const World& world, Json& scaler) {
    copy_keys(world, "labels", scaler);
    if (is_keda(world)) copy_keys(world, "annotations", scaler);
}

// --- HPA --------------------------------------------------------------------------------------

std::optional<std::string> renamed(const World& world, const Json& value) {
    if (!value.is_string()) return std::nullopt;
    const std::string_view text = value.get_string();
    const auto& target = world.canary.target.name;
    if (text == target || text == target + "-canary" || text == world.selector_value) {
        return text == world.selector_value && text != target
                   ? world.selector_value + std::string(suffix)
                   : target + std::string(suffix);
    }
    return std::nullopt;
}

// A metric that is selected by the target's name is the primary's by the primary's (DB-39).
void rename_in_selector(const World& world, Json* selector) {
    if (selector == nullptr) return;
    if (auto* labels = find(*selector, {"matchLabels"}); labels != nullptr && labels->is_object()) {
        for (auto& [key, value] : labels->get_object()) {
            if (auto name = renamed(world, value)) value = Json(*name);
        }
    }
    auto* expressions = find(*selector, {"matchExpressions"});
    if (expressions == nullptr || !expressions->is_array()) return;
    for (auto& expression : expressions->get_array()) {
        auto* values = find(expression, {"values"});
        if (values == nullptr || !values->is_array()) continue;
        for (auto& value : values->get_array()) {
            if (auto name = renamed(world, value)) value = Json(*name);
        }
    }
}

Json primary_metrics(const World& world, Json metrics) {
    if (!metrics.is_array()) return metrics;
    for (auto& metric : metrics.get_array()) {
        for (const auto* type : {"pods", "object", "external"}) {
            rename_in_selector(world, find(metric, {type, "metric", "selector"}));
        }
    }
    return metrics;
}

Json hpa_spec(const World& world, Json spec) {
    const auto& target = *world.target_scaler;
    for (const auto* field : {"minReplicas", "maxReplicas", "metrics", "behavior"}) {
        if (const auto* value = find(target, {"spec", field});
            value != nullptr && !value->is_null()) {
            put(spec, {field}, *value);
        }
    }
    if (const auto* metrics = find(target, {"spec", "metrics"})) {
        put(spec, {"metrics"}, primary_metrics(world, *metrics));
    }
    const auto& wanted = *world.canary.autoscaler;
    if (wanted.min_replicas) put(spec, {"minReplicas"}, *wanted.min_replicas);
    if (wanted.max_replicas) put(spec, {"maxReplicas"}, *wanted.max_replicas);
    put(spec,
        {"scaleTargetRef"},
        JsonObject{
            {"apiVersion", text_at(target, {"spec", "scaleTargetRef", "apiVersion"}, "apps/v1")},
            {"kind", text_at(target, {"spec", "scaleTargetRef", "kind"}, "Deployment")},
            {"name", world.canary.primary_name()}});
    return spec;
}

// --- KEDA -------------------------------------------------------------------------------------

void rewrite_triggers(const World& world, Json& spec) {
    auto* triggers = find(spec, {"triggers"});
    if (triggers == nullptr || !triggers->is_array()) return;
    const auto& queries = world.canary.autoscaler->queries;
    for (auto& trigger : triggers->get_array()) {
        if (!queries.empty()) {
            const auto given = queries.find(std::string(text_at(trigger, {"name"})));
            if (given != queries.end()) put(trigger, {"metadata", "query"}, Json(given->second));
            continue;
        }
        const auto query = text_at(trigger, {"metadata", "query"});
        if (query.empty()) continue;
        put(trigger,
            {"metadata", "query"},
            Json(query_of_primary(query, world.canary.target.name)));
    }
}

// The target's as it stands, fields included that we do not know (DB-20).
Json keda_spec(const World& world) {
    const auto* of_target = find(*world.target_scaler, {"spec"});
    Json spec = of_target == nullptr ? Json(JsonObject{}) : *of_target;
    put(spec, {"scaleTargetRef", "name"}, Json(world.canary.primary_name()));
    const auto& wanted = *world.canary.autoscaler;
    if (wanted.min_replicas) put(spec, {"minReplicaCount"}, *wanted.min_replicas);
    if (wanted.max_replicas) put(spec, {"maxReplicaCount"}, *wanted.max_replicas);
    if (const auto* config = find(spec, {"advanced", "horizontalPodAutoscalerConfig"});
        config == nullptr || !config->is_object()) {
        put(spec, {"advanced", "horizontalPodAutoscalerConfig"}, JsonObject{});
    }
    if (const std::string name(
            text_at(spec, {"advanced", "horizontalPodAutoscalerConfig", "name"}));
        !name.empty()) {
        put(spec,
            {"advanced", "horizontalPodAutoscalerConfig", "name"},
            Json(name + std::string(suffix)));
    }
    rewrite_triggers(world, spec);
    return spec;
}

Json spec_wanted(const World& world, Json live) {
    return is_keda(world) ? keda_spec(world) : hpa_spec(world, std::move(live));
}

std::optional<Patch> patch_target(const World& world, const Json& wanted) {
    const auto& live = *world.target_scaler;
    const std::string name(text_at(live, {"metadata", "name"}));
    Patch patch{Kind::scaled_object,
                name,
                std::string(text_at(live, {"metadata", "uid"})),
                {},
                merge_patch_between(live, wanted),
                {{}, fmt::format("updating ScaledObject {} failed: ", world.canary.dotted(name))}};
    if (patch.is_empty()) return std::nullopt;
    return patch;
}

bool is_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

}  // namespace

std::optional<Effect> create_scaler(const World& world) {
    if (!world.canary.autoscaler || !world.target_scaler || world.primary_scaler) {
        return std::nullopt;
    }
    const auto name = world.canary.autoscaler->name + std::string(suffix);
    Json scaler = JsonObject{{"apiVersion", is_keda(world) ? "keda.sh/v1alpha1" : "autoscaling/v2"},
                             {"kind", to_string(kind_of_scaler(world))},
                             {"metadata",
                              JsonObject{{"name", name},
                                         {"namespace", world.canary.ns},
                                         {"ownerReferences", owner_references(world)}}},
                             {"spec", spec_wanted(world, JsonObject{})}};
    copy_metadata(world, scaler);
    const auto dotted = world.canary.dotted(name);
    return Create{kind_of_scaler(world),
                  std::move(scaler),
                  {fmt::format("{} {} created", title(world), dotted),
                   fmt::format("creating {} {} failed: ", title(world), dotted)}};
}

std::optional<Effect> remove_old_scaler(const World& world) {
    const auto& wanted = world.canary.autoscaler;
    if (wanted && !world.primary_scaler) return std::nullopt;
    for (const auto& scaler : world.owned_scalers) {
        const auto kind = scaler_kind(text_at(scaler, {"kind"}));
        const std::string name(text_at(scaler, {"metadata", "name"}));
        const auto scales = text_at(scaler, {"spec", "scaleTargetRef", "name"});
        if (!kind || scales != world.canary.primary_name()) continue;
        if (wanted && kind == kind_of_scaler(world) && name == wanted->name + std::string(suffix)) {
            continue;
        }
        const auto dotted = world.canary.dotted(name);
        return Delete{*kind,
                      name,
                      std::string(text_at(scaler, {"metadata", "uid"})),
                      {fmt::format("{} {} deleted", title_of(*kind), dotted),
                       fmt::format("deleting {} {} failed: ", title_of(*kind), dotted)}};
    }
    return std::nullopt;
}

std::optional<Patch> update_scaler(const World& world) {
    if (!world.canary.autoscaler || !world.target_scaler || !world.primary_scaler) {
        return std::nullopt;
    }
    const auto& live = *world.primary_scaler;
    auto wanted = live;
    const auto* spec = find(live, {"spec"});
    put(wanted, {"spec"}, spec_wanted(world, spec == nullptr ? Json(JsonObject{}) : *spec));
    copy_metadata(world, wanted);
    auto patch = merge_patch_between(live, wanted);
    const std::string name(text_at(live, {"metadata", "name"}));
    const auto dotted = world.canary.dotted(name);
    return Patch{kind_of_scaler(world),
                 name,
                 std::string(text_at(live, {"metadata", "uid"})),
                 std::string(text_at(live, {"metadata", "resourceVersion"})),
                 std::move(patch),
                 {fmt::format("{} {} updated", title(world), dotted),
                  is_keda(world) ? fmt::format("updating ScaledObject {} failed: ", dotted)
                                 : fmt::format("updating {} {} failed: ", title(world), dotted)}};
}

std::optional<Patch> pause_scaler(const World& world) {
    if (!is_keda(world) || !world.target_scaler) return std::nullopt;
    auto wanted = *world.target_scaler;
    put(wanted, {"metadata", "annotations", paused}, Json("0"));
    return patch_target(world, wanted);
}

std::optional<Patch> resume_scaler(const World& world) {
    if (!is_keda(world) || !world.target_scaler) return std::nullopt;
    auto wanted = *world.target_scaler;
    drop(wanted, {"metadata", "annotations", paused});
    return patch_target(world, wanted);
}

std::int64_t least_replicas(const World& world) {
    if (!world.target_scaler) return 1;
    const std::string_view field = is_keda(world) ? "minReplicaCount" : "minReplicas";
    const auto least = integer_at(*world.target_scaler, {"spec", field}).value_or(1);
    return std::max<std::int64_t>(1, least);
}

std::string scaler_missing(const api::Canary& canary) {
    const auto kind = scaler_kind(canary.autoscaler->kind);
    const bool keda_object = kind == Kind::scaled_object;
    return fmt::format("{} {} get query error: {} \"{}\" not found",
                       keda_object ? "Keda ScaledObject" : "HorizontalPodAutoscaler",
                       canary.dotted(canary.autoscaler->name),
                       qualified_plural(kind.value_or(Kind::horizontal_pod_autoscaler)),
                       canary.autoscaler->name);
}

std::string query_of_primary(std::string_view query, std::string_view target) {
    constexpr std::string_view canary = "-canary";
    std::string made;
    std::size_t from = 0;
    for (auto at = query.find(target); !target.empty() && at != std::string_view::npos;
         at = query.find(target, from)) {
        const auto end = at + target.size();
        made += query.substr(from, end - from);
        from = end;
        const bool within_word =
            (at > 0 && is_word(query[at - 1])) || (end < query.size() && is_word(query[end]));
        if (within_word) continue;
        auto rest = query.substr(end);
        const auto follows = [&](std::string_view word) {
            return rest.starts_with(word) &&
                   (rest.size() == word.size() || !is_word(rest[word.size()]));
        };
        if (follows(suffix)) continue;
        if (follows(canary)) from += canary.size();
        made += suffix;
    }
    made += query.substr(from);
    return made;
}

}  // namespace sluice::canary
