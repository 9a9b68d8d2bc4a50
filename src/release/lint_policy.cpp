// Sidecars and the policies of security.istio.io: whose pods they are about.
#include "base/core/text.hpp"
#include "release/mesh_lint.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::release {
namespace {

constexpr std::string_view root_namespace = "istio-system";

const JsonObject& labels_of(const Json& policy) {
    return object_at(policy, {"spec", "selector", "matchLabels"});
}

Objects workloads_in(const Scene& scene, std::string_view ns) {
    const auto found = scene.workloads.find(ns);
    return found == scene.workloads.end() ? Objects{} : found->second;
}

// What a PeerAuthentication makes of its pods: the narrowest counts.
int width_of(const Json& policy, std::string_view ns) {
    if (ns_of(policy) != ns) return 2;
    return labels_of(policy).empty() ? 1 : 0;
}

}  // namespace

bool is_strict(const Json& service, const Scene& scene) {
    const auto ns = ns_of(service);
    const auto& selector = object_at(service, {"spec", "selector"});
    const Json* narrowest = nullptr;
    for (const auto* policy : scene.policies) {
        if (text_at(*policy, {"kind"}) != "PeerAuthentication") continue;
        const auto& labels = labels_of(*policy);
        const bool is_near = ns_of(*policy) == ns && (labels.empty() || selects(labels, selector));
        const bool is_root = ns_of(*policy) == root_namespace && labels.empty();
        const auto mode = text_at(*policy, {"spec", "mtls", "mode"}, "UNSET");
        if ((!is_near && !is_root) || mode == "UNSET") continue;
        if (narrowest == nullptr || width_of(*policy, ns) < width_of(*narrowest, ns)) {
            narrowest = policy;
        }
    }
    return narrowest != nullptr && text_at(*narrowest, {"spec", "mtls", "mode"}) == "STRICT";
}

bool checks_tokens(const Json& workload, const Scene& scene) {
    return std::ranges::any_of(scene.policies, [&](const Json* policy) {
        if (text_at(*policy, {"kind"}) != "RequestAuthentication") return false;
        const auto& labels = labels_of(*policy);
        if (labels.empty()) {
            return ns_of(*policy) == ns_of(workload) || ns_of(*policy) == root_namespace;
        }
        return ns_of(*policy) == ns_of(workload) && selects(labels, pod_labels(workload));
    });
}

void look_at_selected(Findings& findings, const Json& object, JsonPath path, const Scene& scene) {
    const auto& labels = object_at(object, path);
    const auto ns = ns_of(object);
    // That of the root namespace holds everywhere.
    if (labels.empty() || ns == root_namespace || !scene.knows_workloads(ns) ||
        scene.has_pods_with(labels, {}, ns))
        return;
    findings.warn(fmt::format("{}", fmt::join(path, ".")),
                  fmt::format("No matching workloads for this resource with the following labels: "
                              "{}",
                              selector_text(labels)),
                  "IST0127");
}

void look_at_policy(Findings& findings, const Json& object, const Scene& scene) {
    look_at_selected(findings, object, {"spec", "selector", "matchLabels"}, scene);
}

void look_at_sidecar(Findings& findings, const Json& object, const Scene& scene) {
    look_at_selected(findings, object, {"spec", "workloadSelector", "labels"}, scene);
    const auto ns = ns_of(object);
    const auto& selector = object_at(object, {"spec", "workloadSelector", "labels"});
    std::vector<std::string> without, sharing{kube::key_of(object).name};
    std::string pod;
    for (const auto* other : scene.sidecars) {
        if (ns_of(*other) != ns) continue;
        const auto& theirs = object_at(*other, {"spec", "workloadSelector", "labels"});
        if (theirs.empty()) without.push_back(kube::key_of(*other).name);
        if (other == &object || selector.empty() || theirs.empty()) continue;
        const auto all = workloads_in(scene, ns);
        const auto both = std::ranges::find_if(all, [&](const Json* workload) {
            return selects(selector, pod_labels(*workload)) &&
                   selects(theirs, pod_labels(*workload));
        });
        if (both == all.end()) continue;
        pod = full_name_of(**both);
        sharing.push_back(kube::key_of(*other).name);
    }
    if (selector.empty() && without.size() > 1) {
        std::ranges::sort(without);
        findings.error("spec",
                       fmt::format("The Sidecars {} in namespace \"{}\" have no workload "
                                   "selector, which can lead to undefined behavior.",
                                   go_list(without),
                                   ns),
                       "IST0111");
    }
    if (sharing.size() > 1) {
        std::ranges::sort(sharing);
        findings.error("spec.workloadSelector",
                       fmt::format("The Sidecars {} in namespace \"{}\" select the same workload "
                                   "pod \"{}\", which can lead to undefined behavior.",
                                   go_list(sharing),
                                   ns,
                                   pod),
                       "IST0110");
    }
}

}  // namespace sluice::release
