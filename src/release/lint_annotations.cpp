// Istio's annotations: on which kind of object they mean something, and what they may say.
#include "base/core/text.hpp"
#include "istio/names.hpp"
#include "release/mesh_lint.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace sluice::release {
namespace {

enum class Value { any, boolean, port, ports, networks, interception };

struct Annotation {
    std::string_view kinds;  // "Pod", "Pod, Service"; "Any"
    Value value = Value::any;
};

const std::map<std::string_view, Annotation>& annotations() {
    static const std::map<std::string_view, Annotation> all{
        {"ambient.istio.io/bypass-inbound-capture", {"Pod"}},
        {"ambient.istio.io/dns-capture", {"Pod"}},
        {"ambient.istio.io/redirection", {"Pod"}},
        {"galley.istio.io/analyze-suppress", {"Any"}},
        {"gateway.istio.io/controller-version", {"Gateway"}},
        {"inject.istio.io/templates", {"Pod"}},
        {"install.operator.istio.io/chart-owner", {"Any"}},
        {"install.operator.istio.io/owner-generation", {"Any"}},
        {"install.operator.istio.io/version", {"Any"}},
        {"istio.io/dry-run", {"AuthorizationPolicy"}},
        {"istio.io/reroute-virtual-interfaces", {"Pod"}},
        {"istio.io/rev", {"Pod"}},
        {"istio.io/workloadController", {"WorkloadEntry"}},
        {"istio.io/connectedAt", {"WorkloadEntry"}},
        {"networking.istio.io/address-type", {"Gateway"}},
        {"networking.istio.io/exportTo", {"Service"}},
        {"networking.istio.io/service-type", {"Gateway"}},
        {"networking.istio.io/traffic-distribution", {"Service, Namespace"}},
        {"prometheus.istio.io/merge-metrics", {"Pod", Value::boolean}},
        {"proxy.istio.io/config", {"Pod"}},
        {"proxy.istio.io/overrides", {"Pod"}},
        {"readiness.status.sidecar.istio.io/applicationPorts", {"Pod"}},
        {"readiness.status.sidecar.istio.io/failureThreshold", {"Pod"}},
        {"readiness.status.sidecar.istio.io/initialDelaySeconds", {"Pod"}},
        {"readiness.status.sidecar.istio.io/periodSeconds", {"Pod"}},
        {"sidecar.istio.io/agentLogLevel", {"Pod"}},
        {"sidecar.istio.io/bootstrapOverride", {"Pod"}},
        {"sidecar.istio.io/componentLogLevel", {"Pod"}},
        {"sidecar.istio.io/controlPlaneAuthPolicy", {"Pod"}},
        {"sidecar.istio.io/discoveryAddress", {"Pod"}},
        {"sidecar.istio.io/enableCoreDump", {"Pod", Value::boolean}},
        {"sidecar.istio.io/extraStatTags", {"Pod"}},
        {"sidecar.istio.io/inject", {"Pod", Value::boolean}},
        {"sidecar.istio.io/interceptionMode", {"Pod", Value::interception}},
        {"sidecar.istio.io/logLevel", {"Pod"}},
        {"sidecar.istio.io/nativeSidecar", {"Pod", Value::boolean}},
        {"sidecar.istio.io/proxyCPU", {"Pod"}},
        {"sidecar.istio.io/proxyCPULimit", {"Pod"}},
        {"sidecar.istio.io/proxyImage", {"Pod"}},
        {"sidecar.istio.io/proxyImageType", {"Pod"}},
        {"sidecar.istio.io/proxyMemory", {"Pod"}},
        {"sidecar.istio.io/proxyMemoryLimit", {"Pod"}},
        {"sidecar.istio.io/rewriteAppHTTPProbers", {"Pod", Value::boolean}},
        {"sidecar.istio.io/statsCompression", {"Pod"}},
        {"sidecar.istio.io/statsHistogramBuckets", {"Pod"}},
        {"sidecar.istio.io/statsInclusionPrefixes", {"Pod"}},
        {"sidecar.istio.io/statsInclusionRegexps", {"Pod"}},
        {"sidecar.istio.io/statsInclusionSuffixes", {"Pod"}},
        {"sidecar.istio.io/status", {"Pod"}},
        {"sidecar.istio.io/userVolume", {"Pod"}},
        {"sidecar.istio.io/userVolumeMount", {"Pod"}},
        {"status.sidecar.istio.io/port", {"Pod", Value::port}},
        {"topology.istio.io/controlPlaneClusters", {"Namespace"}},
        {"traffic.sidecar.istio.io/excludeInboundPorts", {"Pod", Value::ports}},
        {"traffic.sidecar.istio.io/excludeInterfaces", {"Pod"}},
        {"traffic.sidecar.istio.io/excludeOutboundIPRanges", {"Pod", Value::networks}},
        {"traffic.sidecar.istio.io/excludeOutboundPorts", {"Pod", Value::ports}},
        {"traffic.sidecar.istio.io/includeInboundPorts", {"Pod", Value::ports}},
        {"traffic.sidecar.istio.io/includeOutboundIPRanges", {"Pod", Value::networks}},
        {"traffic.sidecar.istio.io/includeOutboundPorts", {"Pod", Value::ports}},
        {"traffic.sidecar.istio.io/kubevirtInterfaces", {"Pod"}}};
    return all;
}

bool is_port(std::string_view text) {
    const auto number = parse_integer(text);
    return number && *number >= 0 && *number < 65536;
}

bool is_network(std::string_view text) {
    const auto slash = text.find('/');
    const auto address = text.substr(0, slash);
    if (address.find(':') != std::string_view::npos) return true;
    if (!istio::parse_ipv4(address)) return false;
    if (slash == std::string_view::npos) return false;
    const auto length = parse_integer(text.substr(slash + 1));
    return length && *length >= 0 && *length <= 32;
}

bool are_all(std::string_view text, bool (*is_one)(std::string_view)) {
    return text.empty() || text == "*" ||
           std::ranges::all_of(split(text, ','),
                               [&](std::string_view one) { return is_one(trimmed(one)); });
}

// Why a value means nothing; empty when it does.
std::string fault_of(Value value, std::string_view text) {
    switch (value) {
        case Value::any:
            return {};
        case Value::boolean: {
            const auto low = lower_case(text);
            const bool is_one = low == "true" || low == "false" || low == "1" || low == "0" ||
                                low == "t" || low == "f";
            return is_one ? "" : fmt::format("\"{}\" is neither true nor false", text);
        }
        case Value::port:
            return is_port(text) ? "" : fmt::format("\"{}\" is not a port", text);
        case Value::ports:
            return are_all(text, is_port) ? "" : fmt::format("\"{}\" is not a list of ports", text);
        case Value::networks:
            return are_all(text, is_network)
                       ? ""
                       : fmt::format("\"{}\" is not a list of networks", text);
        case Value::interception:
            return text == "REDIRECT" || text == "TPROXY" || text == "NONE"
                       ? ""
                       : fmt::format("\"{}\" is none of REDIRECT, TPROXY, NONE", text);
    }
    return {};
}

bool is_of_istio(std::string_view name) {
    const auto domain = name.substr(0, name.find('/'));
    return domain == "istio.io" || domain.ends_with(".istio.io");
}

bool is_for(const Annotation& annotation, std::string_view kind) {
    if (annotation.kinds == "Any") return true;
    for (const auto one : split(annotation.kinds, ',')) {
        if (trimmed(one) == kind) return true;
    }
    return false;
}

void look_at(Findings& findings, const Json& holder, const std::string& at, std::string_view kind) {
    for (const auto& [key, value] : object_at(holder, {"metadata", "annotations"})) {
        const std::string_view name = key;
        if (!is_of_istio(name)) continue;
        const auto field = fmt::format("{}metadata.annotations.{}", at, name);
        const auto known = annotations().find(name);
        if (known == annotations().end()) {
            findings.warn(field, fmt::format("Unknown annotation: {}", name), "IST0108");
            continue;
        }
        if (!is_for(known->second, kind)) {
            findings.warn(field,
                          fmt::format("Misplaced annotation: {} can only be applied to {}",
                                      name,
                                      known->second.kinds),
                          "IST0107");
            continue;
        }
        const auto fault =
            fault_of(known->second.value,
                     value.is_string() ? std::string_view(value.get_string()) : std::string_view());
        if (!fault.empty()) {
            findings.warn(field, fmt::format("Invalid annotation {}: {}", name, fault), "IST0125");
        }
    }
}

}  // namespace

void look_at_annotations(Findings& findings, const Json& object) {
    const auto kind = text_at(object, {"kind"});
    look_at(findings, object, "", kind);
    if (!is_workload(kind)) return;
    if (const auto* made = find(object, {"spec", "template"})) {
        look_at(findings, *made, "spec.template.", "Pod");
    }
}

}  // namespace sluice::release
