// What the objects of one namespace ask of the others. It follows the looks of mesh_lint.hpp, and a
// test holds what is found by it against what is found with the whole cluster before one's eyes.
#include "istio/names.hpp"
#include "release/lint_cluster.hpp"
#include "release/mesh_lint.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace sluice::release {
namespace {

// "web" and "prod" of "web.prod.svc.cluster.local".
std::string namespace_of_host(std::string_view host) {
    constexpr std::string_view end = ".svc.cluster.local";
    if (!host.ends_with(end)) return {};
    host.remove_suffix(end.size());
    const auto dot = host.find('.');
    return dot == std::string_view::npos ? std::string() : std::string(host.substr(dot + 1));
}

void add_virtual_service(Reach& reach, std::set<std::string>& gateways, const Json& object) {
    const auto ns = ns_of(object);
    for (const auto& host : texts_at(object, {"spec", "hosts"})) {
        reach.hosts.insert(istio::full_name(host, ns));
    }
    for (const auto& destination : destinations_of(object)) {
        reach.hosts.insert(istio::full_name(text_at(*destination.value, {"host"}), ns));
    }
    for (auto& name : gateways_of(object)) gateways.insert(std::move(name));
}

void add_destination_rule(Reach& reach, const Json& object) {
    const auto ns = ns_of(object);
    auto host = istio::full_name(text_at(object, {"spec", "host"}), ns);
    auto of = namespace_of_host(host);
    if (!of.empty() && of != ns) reach.workloads.insert(std::move(of));
    reach.hosts.insert(std::move(host));
}

void add_canary(Reach& reach, std::set<std::string>& gateways, const Json& object) {
    const auto ns = ns_of(object);
    for (const auto& name : texts_at(object, {"spec", "service", "gateways"})) {
        gateways.insert(istio::gateway_name(name, ns));
    }
    const auto refer = [&](const char* kind, const Json& holder, const char* field) {
        const std::string name(text_at(holder, {field, "name"}));
        if (name.empty()) return;
        reach.references.insert(
            {kind, {std::string(text_at(holder, {field, "namespace"}, ns)), name}});
    };
    for (const auto& metric : array_at(object, {"spec", "analysis", "metrics"})) {
        refer("MetricTemplate", metric, "templateRef");
    }
    for (const auto& alert : array_at(object, {"spec", "analysis", "alerts"})) {
        refer("AlertProvider", alert, "providerRef");
    }
}

}  // namespace

Reach reach_of(const std::vector<const Json*>& objects, const std::vector<Json>& gateways) {
    Reach reach;
    std::set<std::string> named;
    for (const auto* each : objects) {
        const auto& object = *each;
        const auto kind = text_at(object, {"kind"});
        if (kind == "Canary") add_canary(reach, named, object);
        if (!text_at(object, {"apiVersion"}).starts_with("networking.istio.io/")) continue;
        if (kind == "VirtualService") add_virtual_service(reach, named, object);
        if (kind == "DestinationRule") add_destination_rule(reach, object);
        if (kind == "Gateway") {
            named.insert(full_name_of(object));
            reach.asks_services_of_gateways = true;
        }
    }
    for (const auto& gateway : gateways) {
        const auto& selector = object_at(gateway, {"spec", "selector"});
        if (!selector.empty() && named.contains(full_name_of(gateway))) {
            reach.selectors.push_back(selector);
        }
    }
    return reach;
}

std::vector<std::string> hosts_about(const kube::Resource& resource, const Json& object) {
    const auto ns = ns_of(object);
    if (resource == kube::resources::destination_rules) {
        return {istio::full_name(text_at(object, {"spec", "host"}), ns)};
    }
    const auto gateways = gateways_of(object);
    if (std::ranges::find(gateways, "mesh") == gateways.end()) return {};
    auto hosts = texts_at(object, {"spec", "hosts"});
    for (auto& host : hosts) host = istio::full_name(host, ns);
    return hosts;
}

}  // namespace sluice::release
