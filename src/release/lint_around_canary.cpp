// What is wrong between a Canary and the objects around it: a target that is missing, or has no
// label to be found by; two Canaries on one target; a gateway without pods; a namespace outside of
// the mesh.
#include "api/canary.hpp"
#include "base/core/text.hpp"
#include "istio/names.hpp"
#include "release/mesh_lint.hpp"
#include "release/seen.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <tuple>

namespace sluice::release {
namespace {

void look_at_target(Findings& findings, const api::Canary& canary, const Scene& scene) {
    if (canary.target.kind == "Service" || canary.target.name.empty()) return;
    const auto called = fmt::format("{} {}", canary.target.kind, canary.target.name);
    const auto* target = scene.object(canary.target.kind, canary.ns, canary.target.name);
    if (target == nullptr) {
        if (scene.around.knows(canary.target.kind, canary.ns)) {
            findings.error("spec.targetRef.name", called + " does not exist");
        }
        return;
    }
    const canary::Settings settings;
    const auto& labels = object_at(*target, {"spec", "selector", "matchLabels"});
    if (std::ranges::none_of(settings.selector_labels,
                             [&](const std::string& name) { return labels.contains(name); })) {
        findings.error("spec.targetRef.name",
                       fmt::format("{} spec.selector.matchLabels has none of {}",
                                   called,
                                   joined(settings.selector_labels, ", ")));
    }
    const auto& wanted = canary.service.target_port;
    if (!wanted.is_string()) return;
    for (const auto& container : array_at(*target, {"spec", "template", "spec", "containers"})) {
        for (const auto& port : array_at(container, {"ports"})) {
            if (text_at(port, {"name"}) == std::string_view(wanted.get_string())) return;
        }
    }
    findings.error("spec.service.targetPort",
                   fmt::format("no container of {} has a port named {}",
                               called,
                               std::string_view(wanted.get_string())));
}

void look_at_scaler(Findings& findings, const api::Canary& canary, const Scene& scene) {
    if (!canary.autoscaler || canary.autoscaler->kind != "HorizontalPodAutoscaler") return;
    const auto& [kind, name] = std::tie(canary.autoscaler->kind, canary.autoscaler->name);
    if (!scene.around.knows(kind, canary.ns) || scene.object(kind, canary.ns, name) != nullptr)
        return;
    findings.error("spec.autoscalerRef.name", fmt::format("{} {} does not exist", kind, name));
}

void look_at_rivals(Findings& findings, const api::Canary& canary, const Scene& scene) {
    const auto others = [&](const auto& index, const std::string& at) {
        std::set<std::string> names;
        const auto all = index.find(at);
        if (all == index.end()) return names;
        for (const auto* object : all->second) names.insert(kube::key_of(*object).name);
        names.erase(canary.name);
        return names;
    };
    const auto target = fmt::format("{} {}", canary.target.kind, canary.target.name);
    const auto on_target = others(scene.canaries_on, canary.ns + "/" + target);
    for (const auto& name : on_target) {
        findings.error("spec.targetRef.name",
                       fmt::format("Canary {} has the same target, {}", name, target));
    }
    for (const auto& name : others(scene.canaries_with, canary.ns + "/" + canary.apex)) {
        if (on_target.contains(name)) continue;
        findings.error("spec.service.name",
                       fmt::format("Canary {} has the same Service, {}", name, canary.apex),
                       "SLU0002");
    }
}

bool has_running_pod(const Objects& workloads) {
    return std::ranges::any_of(workloads, [](const Json* workload) {
        return integer_at(*workload, {"status", "readyReplicas"}).value_or(0) > 0 ||
               integer_at(*workload, {"status", "numberReady"}).value_or(0) > 0;
    });
}

void look_at_gateways(Findings& findings,
                      const Json& object,
                      const api::Canary& canary,
                      const Scene& scene) {
    const auto& gateways = array_at(object, {"spec", "service", "gateways"});
    for (std::size_t i = 0; i < gateways.size(); ++i) {
        if (!gateways[i].is_string() || gateways[i].get_string() == "mesh") continue;
        const auto field = fmt::format("spec.service.gateways[{}]", i);
        const std::string_view written = gateways[i].get_string();
        const auto full = istio::gateway_name(written, canary.ns);
        const auto* found = scene.gateway(full);
        if (found == nullptr) {
            if (scene.around.knows("Gateway", std::string_view(full).substr(0, full.find('/')))) {
                findings.error(
                    field, fmt::format("Referenced gateway not found: \"{}\"", written), "IST0101");
            }
            continue;
        }
        const auto* selector = find(*found, {"spec", "selector"});
        if (selector == nullptr || !scene.knows_workloads("") ||
            has_running_pod(scene.workloads_with(selector, "")))
            continue;
        findings.error(
            field, fmt::format("Gateway {} selects no running gateway pod", full), "SLU0001");
    }
}

void look_at_references(Findings& findings,
                        const Json& object,
                        const api::Canary& canary,
                        const Scene& scene) {
    const auto look = [&](const std::string& field, const std::string& kind, const Json& named) {
        const std::string ns(text_at(named, {"namespace"}, canary.ns));
        const auto name = text_at(named, {"name"});
        if (name.empty() || !scene.around.knows(kind, ns) ||
            scene.object(kind, ns, name) != nullptr)
            return;
        findings.error(field, fmt::format("{} {}/{} does not exist", kind, ns, name));
    };
    const auto& metrics = array_at(object, {"spec", "analysis", "metrics"});
    for (std::size_t i = 0; i < metrics.size(); ++i) {
        if (const auto* named = find(metrics[i], {"templateRef"})) {
            look(fmt::format("spec.analysis.metrics[{}].templateRef", i), "MetricTemplate", *named);
        }
    }
    const auto& alerts = array_at(object, {"spec", "analysis", "alerts"});
    for (std::size_t i = 0; i < alerts.size(); ++i) {
        if (const auto* named = find(alerts[i], {"providerRef"})) {
            look(fmt::format("spec.analysis.alerts[{}].providerRef", i), "AlertProvider", *named);
        }
    }
}

// Whether the proxies of the target are asked, by a built-in check or by a query of one's own.
bool asks_the_target(const api::Canary& canary, const Scene& scene) {
    return std::ranges::any_of(canary.analysis.metrics, [&](const api::Metric& metric) {
        if (metric.kind == api::MetricKind::request_success_rate ||
            metric.kind == api::MetricKind::request_duration)
            return true;
        auto query = metric.query;
        if (metric.template_ref) {
            const auto* made =
                scene.object("MetricTemplate",
                             metric.template_ref->ns.empty() ? canary.ns : metric.template_ref->ns,
                             metric.template_ref->name);
            if (made != nullptr) query = text_at(*made, {"spec", "query"});
        }
        return query.find("reporter=\"destination\"") != std::string::npos;
    });
}

bool refuses_a_proxy(const Json& target) {
    return std::ranges::any_of(std::array{"labels", "annotations"}, [&](const char* group) {
        return text_at(target,
                       {"spec", "template", "metadata", group, "sidecar.istio.io/inject"}) ==
               "false";
    });
}

void look_at_mesh(Findings& findings, const api::Canary& canary, const Scene& scene) {
    const bool asks = asks_the_target(canary, scene);
    const auto ns = scene.namespaces.find(canary.ns);
    if (ns != scene.namespaces.end()) {
        look_at_injection(
            findings, "metadata.namespace", *ns->second, asks ? Level::warning : Level::info);
    }
    if (!asks) return;
    const auto* target = scene.object(canary.target.kind, canary.ns, canary.target.name);
    const bool is_turned_off =
        ns != scene.namespaces.end() &&
        text_at(*ns->second, {"metadata", "labels", "istio-injection"}) == "disabled";
    if (!is_turned_off && (target == nullptr || !refuses_a_proxy(*target))) return;
    findings.warn("spec.analysis.metrics",
                  fmt::format("the proxies of {} {} are asked, and it has none: {}",
                              canary.target.kind,
                              canary.target.name,
                              is_turned_off ? "its namespace is not injected"
                                            : "its pods refuse the sidecar"),
                  "SLU0006");
}

void look_at_encryption(Findings& findings,
                        const Json& object,
                        const api::Canary& canary,
                        const Scene& scene) {
    if (text_at(object, {"spec", "service", "trafficPolicy", "tls", "mode"}) != "DISABLE") return;
    const auto* target = scene.object(canary.target.kind, canary.ns, canary.target.name);
    if (target == nullptr) return;
    // A Service that leads to the target's pods, as ours will.
    const Json leading{{"metadata", {{"namespace", canary.ns}}},
                       {"spec", {{"selector", pod_labels(*target)}}}};
    if (!is_strict(leading, scene)) return;
    findings.error("spec.service.trafficPolicy.tls.mode",
                   "DISABLE, while a PeerAuthentication is STRICT: the pods refuse plain text",
                   "SLU0011");
}

}  // namespace

void look_around_canary(Findings& findings, const Json& object, const Scene& scene) {
    const auto canary = seen_of(object).canary;
    look_at_rivals(findings, canary, scene);
    look_at_target(findings, canary, scene);
    look_at_scaler(findings, canary, scene);
    look_at_selectors(findings, canary, scene);
    look_at_references(findings, object, canary, scene);
    if (canary.provider != "istio") return;
    look_at_gateways(findings, object, canary, scene);
    look_at_mesh(findings, canary, scene);
    look_at_encryption(findings, object, canary, scene);
}

}  // namespace sluice::release
