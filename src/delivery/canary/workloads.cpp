#include "delivery/canary/workloads.hpp"

#include "api/texts.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::canary {
namespace {

// No node carries it.
constexpr std::string_view to_zero = "flagger.app/scale-to-zero";

Json without_allocations(Json service) {
    auto* spec = find(service, {"spec"});
    if (spec == nullptr || !spec->is_object()) return service;
    const bool is_headless = text_at(*spec, {"clusterIP"}) == "None";
    for (const std::string_view field : {"clusterIP", "clusterIPs", "healthCheckNodePort"}) {
        if (!is_headless || field == "healthCheckNodePort") drop(*spec, {field});
    }
    if (auto* ports = find(*spec, {"ports"}); ports != nullptr && ports->is_array()) {
        for (auto& port : ports->get_array()) drop(port, {"nodePort"});
    }
    return service;
}

}  // namespace

std::optional<Kind> workload_kind(std::string_view kind) {
    if (kind == "Deployment") return Kind::deployment;
    if (kind == "DaemonSet") return Kind::daemon_set;
    if (kind == "Service") return Kind::service;
    return std::nullopt;
}

Kind kind_of(const World& world) {
    return workload_kind(world.canary.target.kind).value_or(Kind::deployment);
}

std::optional<Kind> scaler_kind(std::string_view kind) {
    if (kind == "HorizontalPodAutoscaler") return Kind::horizontal_pod_autoscaler;
    if (kind == "ScaledObject") return Kind::scaled_object;
    return std::nullopt;
}

std::string_view word_of(Kind kind) {
    switch (kind) {
        case Kind::deployment:
            return "deployment";
        case Kind::daemon_set:
            return "daemonset";
        case Kind::service:
            return "service";
        case Kind::horizontal_pod_autoscaler:
        case Kind::scaled_object:
        case Kind::controller_revision:
        case Kind::config_map:
        case Kind::secret:
            break;
    }
    return to_string(kind);
}

std::string_view qualified_plural(Kind kind) {
    switch (kind) {
        case Kind::deployment:
            return "deployments.apps";
        case Kind::daemon_set:
            return "daemonsets.apps";
        case Kind::service:
            return "services";
        case Kind::horizontal_pod_autoscaler:
            return "horizontalpodautoscalers.autoscaling";
        case Kind::scaled_object:
            return "scaledobjects.keda.sh";
        case Kind::controller_revision:
            return "controllerrevisions.apps";
        case Kind::config_map:
            return "configmaps";
        case Kind::secret:
            return "secrets";
    }
    return {};
}

Json authored(Kind kind, Json object) {
    if (kind == Kind::service) return without_allocations(std::move(object));
    if (kind != Kind::daemon_set) return object;
    auto* pod = find(object, {"spec", "template", "spec"});
    if (pod == nullptr || !pod->is_object()) return object;
    drop(*pod, {"nodeSelector", to_zero});
    if (object_at(*pod, {"nodeSelector"}).empty()) drop(*pod, {"nodeSelector"});
    return object;
}

const Json* template_of(Kind kind, const Json& object) {
    const auto* found =
        kind == Kind::service ? find(object, {"spec"}) : find(object, {"spec", "template"});
    return found != nullptr && found->is_object() ? found : nullptr;
}

void put_template(Kind kind, Json& object, Json made) {
    if (kind == Kind::service) {
        put(object, {"spec"}, std::move(made));
    } else {
        put(object, {"spec", "template"}, std::move(made));
    }
}

std::int64_t replicas_wanted(Kind kind, const Json& object) {
    if (kind == Kind::service) return 0;
    if (kind != Kind::daemon_set) return integer_at(object, {"spec", "replicas"}).value_or(1);
    const auto* selector = find(object, {"spec", "template", "spec", "nodeSelector", to_zero});
    if (selector != nullptr && !selector->is_null()) return 0;
    const auto nodes = integer_at(object, {"status", "desiredNumberScheduled"}).value_or(1);
    return std::max<std::int64_t>(1, nodes);
}

// Whose pods a Service has is not ours to know: it is taken for able to serve.
std::int64_t pods_available(Kind kind, const Json& object) {
    if (kind == Kind::service) return 1;
    if (kind == Kind::daemon_set) {
        return integer_at(object, {"status", "numberAvailable"}).value_or(0);
    }
    return integer_at(object, {"status", "availableReplicas"}).value_or(0);
}

Readiness readiness_of(Kind kind, const Json& object, const ReadinessQuestion& question) {
    if (kind == Kind::daemon_set) return readiness_of_daemon_set(object, question);
    if (kind == Kind::service) return {ReadyState::ready, {}, std::nullopt};
    return readiness_of(object, question);
}

Json scaling_patch(const ScaleTarget& scale) {
    if (scale.kind != Kind::daemon_set) {
        return JsonObject{{"spec", JsonObject{{"replicas", scale.replicas}}}};
    }
    Json patch = JsonObject{};
    put(patch,
        {"spec", "template", "spec", "nodeSelector", to_zero},
        scale.replicas == 0 ? Json("true") : Json(nullptr));
    return patch;
}

std::string canary_not_ready(Kind kind, std::string_view target, const Readiness& readiness) {
    if (kind != Kind::daemon_set) return api::texts::canary_not_ready(target, readiness.why);
    return fmt::format("canary damonset {} not ready with retryable {}: {}",
                       target,
                       readiness.state != ReadyState::fatal,
                       readiness.why);
}

std::string primary_not_ready(Kind kind, std::string_view primary, const Readiness& readiness) {
    const auto text = api::texts::primary_not_ready(primary, readiness.why);
    return kind == Kind::daemon_set ? "primary daemonset " + text : text;
}

std::string target_missing(Kind kind, std::string_view target, std::string_view name) {
    return fmt::format("{} {} get query error: {} \"{}\" not found",
                       word_of(kind),
                       target,
                       qualified_plural(kind),
                       name);
}

}  // namespace sluice::canary
