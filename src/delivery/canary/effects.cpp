#include "delivery/canary/effects.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::canary {
namespace {

template <typename... Fs>
struct Overloaded : Fs... {
    using Fs::operator()...;
};

}  // namespace

std::string_view to_string(Kind kind) {
    switch (kind) {
        case Kind::deployment:
            return "Deployment";
        case Kind::daemon_set:
            return "DaemonSet";
        case Kind::service:
            return "Service";
        case Kind::horizontal_pod_autoscaler:
            return "HorizontalPodAutoscaler";
        case Kind::scaled_object:
            return "ScaledObject";
        case Kind::controller_revision:
            return "ControllerRevision";
        case Kind::config_map:
            return "ConfigMap";
        case Kind::secret:
            return "Secret";
    }
    return {};
}

Weights split(int canary) {
    return {api::whole - canary, canary};
}

std::string to_string(Weights weights) {
    return fmt::format(
        "{}/{}{}", weights.primary, weights.canary, weights.mirrored ? " mirrored" : "");
}

bool Patch::is_empty() const {
    return !patch.is_object() || patch.get_object().empty();
}

Json to_json(const Effect& effect) {
    return std::visit(
        Overloaded{
            [](const Create& one) -> Json {
                return JsonObject{{"create", to_string(one.kind)}, {"object", one.object}};
            },
            [](const Patch& one) -> Json {
                return JsonObject{
                    {"patch", to_string(one.kind)}, {"name", one.name}, {"with", one.patch}};
            },
            [](const ScaleTarget& one) -> Json {
                return JsonObject{{"scale", one.name}, {"replicas", one.replicas}};
            },
            [](const Delete& one) -> Json {
                return JsonObject{{"delete", to_string(one.kind)}, {"name", one.name}};
            },
            [](const EnsureRoutes& one) -> Json {
                return JsonObject{{"ensureRoutes", to_string(one.weights)}};
            },
            [](const Route& one) -> Json { return JsonObject{{"route", to_string(one.weights)}}; },
            [](const CopyConfig& one) -> Json {
                return JsonObject{
                    {"copy", to_string(one.kind)}, {"from", one.from}, {"to", one.to}};
            },
            [](const GiveBackApex& one) -> Json { return JsonObject{{"giveBack", one.name}}; },
            [](const GiveBackRoutes&) -> Json { return JsonObject{{"giveBack", "routes"}}; },
            [](const HoldFinalizer& one) -> Json { return JsonObject{{"finalizer", one.held}}; },
        },
        effect);
}

std::string to_string(const Effect& effect) {
    return std::visit(
        Overloaded{
            [](const Create& one) {
                return fmt::format(
                    "create {} {}", to_string(one.kind), text_at(one.object, {"metadata", "name"}));
            },
            [](const Patch& one) {
                return fmt::format("patch {} {}", to_string(one.kind), one.name);
            },
            [](const ScaleTarget& one) {
                return fmt::format("scale {} to {}", one.name, one.replicas);
            },
            [](const Delete& one) {
                return fmt::format("delete {} {}", to_string(one.kind), one.name);
            },
            [](const EnsureRoutes& one) {
                return fmt::format("ensure routes {}", to_string(one.weights));
            },
            [](const Route& one) { return fmt::format("route {}", to_string(one.weights)); },
            [](const CopyConfig& one) {
                return fmt::format("copy {} {} to {}", to_string(one.kind), one.from, one.to);
            },
            [](const GiveBackApex& one) { return fmt::format("give back Service {}", one.name); },
            [](const GiveBackRoutes&) { return std::string("give back routes"); },
            [](const HoldFinalizer& one) {
                return std::string(one.held ? "hold finalizer" : "let go of finalizer");
            },
        },
        effect);
}

}  // namespace sluice::canary
