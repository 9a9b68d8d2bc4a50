#include "lab/mesh/unbuilt.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::mesh {
namespace {

using Texts = std::vector<std::string>;

void not_built(Texts& texts, std::string_view path, std::string_view what) {
    texts.push_back(fmt::format("{}: {} is not built yet", path, what));
}

// The last of the path is what it is called by.
void refuse(Texts& texts, const Json& value, std::string_view at, JsonPath path) {
    const auto* found = find(value, path);
    if (found == nullptr || found->is_null()) return;
    not_built(texts, fmt::format("{}.{}", at, fmt::join(path, ".")), *(path.end() - 1));
}

void look_at_balancer_and_pool(Texts& texts, const Json& policy, std::string_view at) {
    for (const auto field : {"localityLbSetting", "warmup", "warmupDurationSecs"}) {
        refuse(texts, policy, at, {"loadBalancer", field});
    }
    for (const auto field : {"maxConnectionDuration", "idleTimeout"}) {
        refuse(texts, policy, at, {"connectionPool", "tcp", field});
    }
    refuse(texts, policy, at, {"connectionPool", "http", "idleTimeout"});
    if (text_at(policy, {"connectionPool", "http", "h2UpgradePolicy"}) == "UPGRADE") {
        not_built(texts, fmt::format("{}.connectionPool.http.h2UpgradePolicy", at), "HTTP/2");
    }
}

void look_at_policy(Texts& texts, const Json& holder, std::string_view holder_at) {
    const auto* policy = find(holder, {"trafficPolicy"});
    if (policy == nullptr) return;
    const auto at = fmt::format("{}.trafficPolicy", holder_at);
    for (const auto field : {"tunnel", "proxyProtocol"}) refuse(texts, *policy, at, {field});
    look_at_balancer_and_pool(texts, *policy, at);
    const auto& ports = array_at(*policy, {"portLevelSettings"});
    for (std::size_t i = 0; i < ports.size(); ++i) {
        look_at_balancer_and_pool(texts, ports[i], fmt::format("{}.portLevelSettings[{}]", at, i));
    }
}

}  // namespace

Texts unbuilt_in_virtual_service(const Json& object) {
    Texts texts;
    for (const auto* list : {"tcp", "tls"}) {
        const auto& routes = array_at(object, {"spec", list});
        for (std::size_t i = 0; i < routes.size(); ++i) {
            const auto& matches = array_at(routes[i], {"match"});
            for (std::size_t m = 0; m < matches.size(); ++m) {
                refuse(texts,
                       matches[m],
                       fmt::format("spec.{}[{}].match[{}]", list, i, m),
                       {"sourceSubnet"});
            }
        }
    }
    return texts;
}

Texts unbuilt_in_destination_rule(const Json& object) {
    Texts texts;
    look_at_policy(texts, object_at(object, {"spec"}), "spec");
    refuse(texts, object_at(object, {"spec"}), "spec", {"workloadSelector"});
    const auto& subsets = array_at(object, {"spec", "subsets"});
    for (std::size_t i = 0; i < subsets.size(); ++i) {
        look_at_policy(texts, subsets[i], fmt::format("spec.subsets[{}]", i));
    }
    return texts;
}

Texts unbuilt_in_gateway(const Json& object) {
    Texts texts;
    const auto& servers = array_at(object, {"spec", "servers"});
    for (std::size_t i = 0; i < servers.size(); ++i) {
        const auto at = fmt::format("spec.servers[{}]", i);
        const auto protocol = text_at(servers[i], {"port", "protocol"});
        if (protocol == "TLS" && text_at(servers[i], {"tls", "mode"}) == "PASSTHROUGH") continue;
        refuse(texts, servers[i], at, {"tls"});
        if (protocol.empty() || protocol == "HTTP" || protocol == "TCP") continue;
        not_built(texts, at + ".port.protocol", protocol);
    }
    return texts;
}

Texts unbuilt_in_mesh_gateway(const Json& object) {
    constexpr std::string_view external =
        "meshgateway.istio.servicemesh.cisco.com/generate-external-service";
    Texts texts;
    if (!array_at(object, {"spec", "k8sResourceOverlays"}).empty())
        not_built(texts, "spec.k8sResourceOverlays", "changing what the operator makes");
    if (text_at(object, {"metadata", "annotations", external}) == "true") {
        not_built(texts, fmt::format("metadata.annotations[{}]", external), "an external Service");
    }
    return texts;
}

}  // namespace sluice::mesh
