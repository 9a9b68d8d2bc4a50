// Whether a DestinationRule's host and subsets are there, and whom it trusts.
#include "base/core/text.hpp"
#include "istio/names.hpp"
#include "release/mesh_lint.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::release {
namespace {

void look_at_subsets(Findings& findings,
                     const Json& rule,
                     const Json& service,
                     const Scene& scene) {
    if (!scene.knows_workloads(ns_of(service))) return;
    const auto& selector = object_at(service, {"spec", "selector"});
    // A Service without a selector has its endpoints from elsewhere.
    if (selector.empty()) return;
    const auto& subsets = array_at(rule, {"spec", "subsets"});
    for (std::size_t i = 0; i < subsets.size(); ++i) {
        auto labels = object_at(subsets[i], {"labels"});
        // A Rollout's controller gives it to the pods, and no template has it.
        labels.erase("rollouts-pod-template-hash");
        // By the workloads' templates: a canary that is scaled to zero is no mistake.
        if (scene.has_pods_with(selector, labels, ns_of(service))) continue;
        findings.error(fmt::format("spec.subsets[{}]", i),
                       fmt::format("The Subset {} defined in the DestinationRule does not select "
                                   "any pods. Which may lead to 503 UH (NoHealthyUpstream).",
                                   text_at(subsets[i], {"name"})),
                       "IST0173");
    }
}

// Who says TLS and names no authority believes anybody.
void look_at_authority(Findings& findings, const Json& rule) {
    const auto host = text_at(rule, {"spec", "host"});
    const auto tell = [&](const Json* tls, const std::string& at, const std::string& port) {
        const auto mode = tls == nullptr ? std::string_view() : text_at(*tls, {"mode"});
        if ((mode != "SIMPLE" && mode != "MUTUAL") || !text_at(*tls, {"caCertificates"}).empty() ||
            !text_at(*tls, {"credentialName"}).empty())
            return;
        findings.warn(at,
                      fmt::format("DestinationRule {} in namespace {} has TLS mode set to {} but "
                                  "no caCertificates are set to validate server identity for "
                                  "host: {}{}",
                                  full_name_of(rule),
                                  ns_of(rule),
                                  mode,
                                  host,
                                  port.empty() ? "" : " at port " + port),
                      port.empty() ? "IST0128" : "IST0129");
    };
    const auto look = [&](const Json& holder, const std::string& at) {
        tell(find(holder, {"trafficPolicy", "tls"}), at + ".trafficPolicy.tls", "");
        const auto& ports = array_at(holder, {"trafficPolicy", "portLevelSettings"});
        for (std::size_t i = 0; i < ports.size(); ++i) {
            tell(find(ports[i], {"tls"}),
                 fmt::format("{}.trafficPolicy.portLevelSettings[{}].tls", at, i),
                 fmt::format("number:{}", integer_at(ports[i], {"port", "number"}).value_or(0)));
        }
    };
    if (const auto* spec = find(rule, {"spec"})) look(*spec, "spec");
    const auto& subsets = array_at(rule, {"spec", "subsets"});
    for (std::size_t i = 0; i < subsets.size(); ++i) {
        look(subsets[i], fmt::format("spec.subsets[{}]", i));
    }
}

void look_at_encryption(Findings& findings,
                        const Json& rule,
                        const Json& service,
                        const Scene& scene) {
    if (!is_strict(service, scene)) return;
    const auto look = [&](const Json& holder, const std::string& at) {
        if (text_at(holder, {"trafficPolicy", "tls", "mode"}) != "DISABLE") return;
        findings.error(at + ".trafficPolicy.tls.mode",
                       "DISABLE, while a PeerAuthentication is STRICT: the pods refuse plain text",
                       "SLU0011");
    };
    if (const auto* spec = find(rule, {"spec"})) look(*spec, "spec");
    const auto& subsets = array_at(rule, {"spec", "subsets"});
    for (std::size_t i = 0; i < subsets.size(); ++i) {
        look(subsets[i], fmt::format("spec.subsets[{}]", i));
    }
}

}  // namespace

void look_at_destination_rule(Findings& findings, const Json& object, const Scene& scene) {
    look_at_exports(findings, object, scene);
    look_at_authority(findings, object);
    look_at_selected(findings, object, {"spec", "workloadSelector", "matchLabels"}, scene);
    const auto written = text_at(object, {"spec", "host"});
    if (written.empty() || istio::is_wildcard(written)) return;
    const auto host = istio::full_name(written, ns_of(object));
    if (scene.lacks_host(host)) {
        findings.warn("spec.host",
                      fmt::format("The host {} defined in the DestinationRule does not match any "
                                  "services in the mesh.",
                                  written),
                      "IST0174");
    }
    const auto service = scene.service_of.find(host);
    if (service == scene.service_of.end()) return;
    look_at_subsets(findings, object, *service->second, scene);
    look_at_encryption(findings, object, *service->second, scene);
}

}  // namespace sluice::release
