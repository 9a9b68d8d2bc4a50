// What else in the namespace finds the target's pods: a Canary gives them a twin.
#include "base/core/text.hpp"
#include "delivery/canary/outlook.hpp"
#include "release/mesh_lint.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace sluice::release {
namespace {

// Of matchLabels and matchExpressions, or a Service's; of the object that it stands in.
struct Selector {
    const JsonObject& labels;
    const JsonArray& expressions;
};

// Whose pods it finds.
bool finds(const Selector& selector, const JsonObject& labels) {
    const auto has = [&](std::string_view key, std::string_view value) {
        const auto* found = labels.if_contains(key);
        return found != nullptr && found->is_string() && found->get_string() == value;
    };
    for (const auto& [key, value] : selector.labels) {
        if (!value.is_string() || !has(key, value.get_string())) return false;
    }
    for (const auto& expression : selector.expressions) {
        const auto key = text_at(expression, {"key"});
        const auto does = text_at(expression, {"operator"});
        const bool is_there = labels.contains(key);
        const bool is_among = std::ranges::any_of(
            array_at(expression, {"values"}),
            [&](const Json& value) { return value.is_string() && has(key, value.get_string()); });
        const bool fits = does == "Exists"         ? is_there
                          : does == "DoesNotExist" ? !is_there
                          : does == "NotIn"        ? !is_among
                                                   : is_among;
        if (!fits) return false;
    }
    return true;
}

std::optional<Selector> selector_in(const Json& object, std::string_view kind) {
    static const JsonArray none;
    if (kind == "Service") {
        const auto& labels = object_at(object, {"spec", "selector"});
        if (labels.empty()) return std::nullopt;
        return Selector{.labels = labels, .expressions = none};
    }
    if (kind != "PodDisruptionBudget" && kind != "NetworkPolicy") return std::nullopt;
    const auto field = kind == "NetworkPolicy" ? "podSelector" : "selector";
    const auto* selector = find(object, {"spec", field});
    // An empty one means all pods of the namespace, and is meant so.
    if (selector == nullptr || object_at(*selector, {}).empty()) return std::nullopt;
    return Selector{.labels = object_at(*selector, {"matchLabels"}),
                    .expressions = array_at(*selector, {"matchExpressions"})};
}

}  // namespace

// Only one label tells the primary's pods from the target's (DB-42): what was written for one of
// them before there was a Canary may now mean both, or the one that rests.
void look_at_selectors(Findings& findings, const api::Canary& canary, const Scene& scene) {
    const auto* target = scene.object(canary.target.kind, canary.ns, canary.target.name);
    if (target == nullptr || canary.target.kind == "Service") return;
    const auto& labels = object_at(*target, {"spec", "template", "metadata", "labels"});
    auto of_primary = labels;
    for (const auto& name : canary::Settings{}.selector_labels) {
        const auto* value = find(*target, {"spec", "selector", "matchLabels", name});
        if (value == nullptr || !value->is_string()) continue;
        of_primary[name] = Json(std::string(value->get_string()) + "-primary");
        break;
    }
    for (const auto& object : scene.around.objects) {
        const auto kind = text_at(object, {"kind"});
        // Most find somebody else's: this is asked of each Canary's namespace as a whole.
        const auto selector = selector_in(object, kind);
        if (!selector || !finds(*selector, labels)) continue;
        const auto at = kube::key_of(object);
        if (!at.ns.empty() && at.ns != canary.ns) continue;
        const bool is_ours =
            kind == "Service" && (at.name == canary.apex || at.name == canary.primary_service() ||
                                  at.name == canary.canary_service());
        if (is_ours) continue;
        if (finds(*selector, of_primary)) {
            if (kind != "Service") continue;
            findings.warn(
                "spec.targetRef.name",
                fmt::format("Service {} selects the pods of {} and of {}: who calls it meets "
                            "both, whatever the weights",
                            at.name,
                            canary.target.name,
                            canary.primary_name()),
                "SLU0013");
            continue;
        }
        findings.warn(
            "spec.targetRef.name",
            fmt::format("{} {} selects the pods of {}, which rest between releases, and not "
                        "those of {}, which serve: they need one of their own",
                        kind,
                        at.name,
                        canary.target.name,
                        canary.primary_name()),
            "SLU0014");
    }
}

}  // namespace sluice::release
