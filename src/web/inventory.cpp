#include "web/inventory.hpp"

#include "base/core/text.hpp"
#include "istio/names.hpp"
#include "release/mesh_scene.hpp"
#include "web/answer.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

namespace sluice::web {
namespace {

using release::selects;

constexpr std::size_t pods_max = 500;
constexpr std::size_t findings_max = 100;

Json number_json(const std::optional<double>& value) {
    return value ? Json(*value) : Json(nullptr);
}

Json text_json(std::string_view text) {
    return text.empty() ? Json(nullptr) : Json(text);
}

const std::vector<Json>& in(const std::map<std::string, std::vector<Json>>& objects,
                            const std::string& ns) {
    static const std::vector<Json> none;
    const auto found = objects.find(ns);
    return found == objects.end() ? none : found->second;
}

// "web", "web.test" or "web.test.svc.cluster.local", as it is meant in a namespace.
kube::ObjectKey service_of(std::string_view host, const std::string& ns) {
    const auto parts = split(host, '.');
    return {parts.size() > 1 ? std::string(parts[1]) : ns, std::string(parts[0])};
}

bool is_of_mesh(const Json& virtual_service) {
    const auto& gateways = array_at(virtual_service, {"spec", "gateways"});
    return gateways.empty() || std::ranges::find(gateways, Json("mesh")) != gateways.end();
}

// The Services that a VirtualService names, or leads to. A wildcard names none.
std::set<kube::ObjectKey> services_in(const Json& virtual_service) {
    const auto ns = kube::key_of(virtual_service).ns;
    std::set<kube::ObjectKey> all;
    const auto note = [&](const Json* destination) {
        if (destination != nullptr) all.insert(service_of(text_at(*destination, {"host"}), ns));
    };
    for (const auto& host : array_at(virtual_service, {"spec", "hosts"})) {
        if (!host.is_string() || istio::is_wildcard(host.get_string())) continue;
        all.insert(service_of(host.get_string(), ns));
    }
    for (const auto* list : {"http", "tcp", "tls"}) {
        for (const auto& route : array_at(virtual_service, {"spec", list})) {
            for (const auto& to : array_at(route, {"route"})) note(find(to, {"destination"}));
            note(find(route, {"mirror"}));
            for (const auto& copy : array_at(route, {"mirrors"})) {
                note(find(copy, {"destination"}));
            }
        }
    }
    return all;
}

JsonArray names_of(const std::vector<const Json*>& objects) {
    JsonArray names;
    for (const auto* object : objects) names.emplace_back(to_string(kube::key_of(*object)));
    return names;
}

void worst_first(std::vector<const Validation*>& findings) {
    std::ranges::sort(findings, {}, [](const Validation* one) {
        return std::tuple(one->finding.level, one->object, one->id);
    });
}

JsonObject counts_of(const std::vector<const Validation*>& findings) {
    LevelCounts counts;
    for (const auto* one : findings) counts.add(one->finding.level);
    return json_of(counts);
}

JsonArray findings_json(const std::vector<const Validation*>& findings) {
    JsonArray all;
    for (const auto* one : findings) {
        if (all.size() >= findings_max) break;
        all.push_back(json_of(*one));
    }
    return all;
}

const JsonObject& template_labels(const Json& workload) {
    return object_at(workload, {"spec", "template", "metadata", "labels"});
}

JsonObject labels_json(const JsonObject& labels) {
    JsonObject kept;
    for (const auto& label : labels) {
        if (label.value().is_string()) kept[label.key()] = label.value();
    }
    return kept;
}

}  // namespace

std::string protocol_of_port(const Json& port) {
    const auto app = lower_case(text_at(port, {"appProtocol"}));
    if (!app.empty()) return app == "kubernetes.io/h2c" ? "http2" : app;
    auto transport = lower_case(text_at(port, {"protocol"}, "TCP"));
    if (transport != "tcp") return transport;
    const auto name = lower_case(text_at(port, {"name"}));
    const auto word = name.substr(0, name.find('-'));
    static const std::set<std::string> known{
        "http", "http2", "https", "grpc", "grpc-web", "tls", "tcp", "mongo", "mysql", "redis"};
    return known.contains(word) ? word : "tcp";
}

std::map<std::string, EdgeRates> arrivals_of(const EdgesTable& edges) {
    std::map<std::string, EdgeRates> arrivals;
    for (const auto& [key, rates] : edges.edges) {
        if (key.protocol == "tcp") continue;
        add_to(arrivals[key.target], rates);
        // What reached nobody has the Service itself for a target.
        if (key.service.empty() || !key.target.starts_with("w/")) continue;
        add_to(arrivals["s/" + key.service], rates);
    }
    return arrivals;
}

Inventory::Inventory(const InventoryParts& parts)
    : parts_(parts), arrivals_(arrivals_of(parts.edges)) {
    for (const auto* one : parts.findings) {
        findings_[one->finding.object].push_back(one);
    }
    // A route of another namespace may lead here.
    for (const auto& [ns, objects] : parts.virtual_services) {
        for (const auto& object : objects) {
            for (const auto& service : services_concerned(object)) {
                routes_[service].virtual_services.push_back(&object);
            }
        }
    }
    for (const auto& [ns, objects] : parts.destination_rules) {
        for (const auto& object : objects) {
            routes_[service_of(text_at(object, {"spec", "host"}), ns)].destination_rules.push_back(
                &object);
        }
    }
}

// Also those that a wildcard covers, of the mesh's own routes; and a release's apex, which needs
// not be among the hosts of the route that sends its traffic to primary and canary.
std::set<kube::ObjectKey> Inventory::services_concerned(const Json& virtual_service) const {
    auto all = services_in(virtual_service);
    std::set<kube::ObjectKey> apexes;
    for (const auto& service : all) {
        const auto found = parts_.apexes.find(service);
        if (found != parts_.apexes.end()) apexes.insert(found->second);
    }
    all.merge(apexes);
    if (!is_of_mesh(virtual_service)) return all;
    for (const auto& host : array_at(virtual_service, {"spec", "hosts"})) {
        if (!host.is_string() || !istio::is_wildcard(host.get_string())) continue;
        const auto pattern = lower_case(host.get_string());
        for (const auto& [ns, services] : parts_.services) {
            for (const auto& service : services) {
                const auto key = kube::key_of(service);
                if (istio::covers(pattern, istio::service_host(key.name, ns))) all.insert(key);
            }
        }
    }
    return all;
}

std::vector<const Validation*> Inventory::findings_on(
    const std::vector<std::pair<std::string, kube::ObjectKey>>& objects) const {
    std::vector<const Validation*> all;
    for (const auto& [kind, key] : objects) {
        const auto found = findings_.find(fmt::format("{} {}", kind, to_string(key)));
        if (found == findings_.end()) continue;
        all.insert(all.end(), found->second.begin(), found->second.end());
    }
    worst_first(all);
    return all;
}

const Inventory::Routes& Inventory::routes_of(const kube::ObjectKey& service) const {
    static const Routes none;
    const auto found = routes_.find(service);
    return found == routes_.end() ? none : found->second;
}

std::vector<const Validation*> Inventory::findings_of_service(
    const kube::ObjectKey& service) const {
    const auto& routes = routes_of(service);
    std::vector<std::pair<std::string, kube::ObjectKey>> objects{{"Service", service}};
    for (const auto* one : routes.virtual_services) {
        objects.emplace_back("VirtualService", kube::key_of(*one));
    }
    for (const auto* one : routes.destination_rules) {
        objects.emplace_back("DestinationRule", kube::key_of(*one));
    }
    return findings_on(objects);
}

std::vector<const Json*> Inventory::services_of(const Json& workload) const {
    std::vector<const Json*> services;
    const auto& labels = template_labels(workload);
    for (const auto& service : in(parts_.services, kube::key_of(workload).ns)) {
        if (selects(object_at(service, {"spec", "selector"}), labels)) {
            services.push_back(&service);
        }
    }
    return services;
}

std::vector<const Validation*> Inventory::findings_of(const Json& workload) const {
    const auto key = kube::key_of(workload);
    std::vector<std::pair<std::string, kube::ObjectKey>> objects{
        {std::string(text_at(workload, {"kind"})), key}};
    const auto role = parts_.roles.find(workload_id(key.ns, key.name));
    if (role != parts_.roles.end()) {
        objects.emplace_back("Canary",
                             kube::ObjectKey{role->second.release->ns, role->second.release->name});
    }
    auto all = findings_on(objects);
    std::set<const Validation*> counted(all.begin(), all.end());
    for (const auto* service : services_of(workload)) {
        for (const auto* one : findings_of_service(kube::key_of(*service))) {
            if (counted.insert(one).second) all.push_back(one);
        }
    }
    worst_first(all);
    return all;
}

JsonObject Inventory::injection(const Json& workload) const {
    const auto key = kube::key_of(workload);
    const auto ns = parts_.namespaces.find(key.ns);
    // Of a template the labels count as of a pod.
    const auto* metadata = find(workload, {"spec", "template"});
    const auto asked = ns == parts_.namespaces.end() || metadata == nullptr
                           ? Injection{}
                           : injection_of(*metadata, ns->second);
    const auto found = parts_.sidecars.find(workload_id(key.ns, key.name));
    if (found == parts_.sidecars.end()) {
        return {{"injected", asked.wanted},
                {"revision", text_json(asked.revision)},
                {"needsRestart", false},
                {"reason", nullptr}};
    }
    const auto& of = found->second;
    return {{"injected", of.with == of.pods},
            {"revision", of.revisions.empty() ? Json(nullptr) : Json(*of.revisions.begin())},
            {"needsRestart", of.needs_restart()},
            {"reason", text_json(of.reason())}};
}

JsonObject Inventory::workload(const Json& object) const {
    const auto key = kube::key_of(object);
    const auto id = workload_id(key.ns, key.name);
    const auto replicas = replicas_of(object);
    Health health;
    judge_replicas(health, replicas);
    if (const auto arrived = arrivals_.find(id); arrived != arrivals_.end()) {
        auto judged = health_of_requests(arrived->second);
        health.worsen(judged.status, std::move(judged.reason));
    }
    Json release = nullptr;
    if (const auto role = parts_.roles.find(id); role != parts_.roles.end()) {
        judge_release(health, role->second);
        release = role_json(role->second, role->second.version);
    }
    JsonArray images;
    for (const auto& container : array_at(object, {"spec", "template", "spec", "containers"})) {
        images.emplace_back(text_at(container, {"image"}));
    }
    const auto rates = parts_.rates.of(key.ns, key.name);
    const bool is_known = rates.rps && rates.success && rates.p99;
    return {{"namespace", key.ns},
            {"name", key.name},
            {"kind", text_at(object, {"kind"})},
            {"node", id},
            {"labels", labels_json(template_labels(object))},
            {"images", std::move(images)},
            {"replicas", replicas.json()},
            {"health", health.json()},
            {"injection", injection(object)},
            {"rps", number_json(rates.rps)},
            {"success", number_json(rates.success)},
            {"p99", number_json(rates.p99)},
            {"reason",
             is_known ? Json(nullptr)
                      : Json(rates.reason.empty() ? "the latency is not measured" : rates.reason)},
            {"release", std::move(release)},
            {"validations", counts_of(findings_of(object))}};
}

JsonObject Inventory::workload_in_detail(const Json& object) const {
    auto json = workload(object);
    json["services"] = names_of(services_of(object));
    JsonArray pods;
    const auto& selector = object_at(object, {"spec", "selector", "matchLabels"});
    const auto role = parts_.roles.find(std::string(json.at("node").as_string()));
    const auto revision =
        role == parts_.roles.end() ? std::string_view("other") : role->second.role;
    for (const auto& pod : in(parts_.pods, kube::key_of(object).ns)) {
        if (pods.size() >= pods_max) break;
        if (!selects(selector, object_at(pod, {"metadata", "labels"}))) continue;
        pods.push_back(pod_json(pod, revision));
    }
    json["pods"] = std::move(pods);
    json["findings"] = findings_json(findings_of(object));
    return json;
}

JsonObject Inventory::service(const Json& object) const {
    const auto key = kube::key_of(object);
    const auto id = service_id(key.ns, key.name);
    const auto& selector = object_at(object, {"spec", "selector"});
    JsonArray ports;
    for (const auto& port : array_at(object, {"spec", "ports"})) {
        const auto number = integer_at(port, {"port"}).value_or(0);
        const auto* target = find(port, {"targetPort"});
        ports.push_back(JsonObject{{"name", text_at(port, {"name"})},
                                   {"port", number},
                                   {"targetPort", target == nullptr ? Json(number) : *target},
                                   {"protocol", protocol_of_port(port)}});
    }
    std::int64_t total = 0;
    std::int64_t ready = 0;
    for (const auto& pod : in(parts_.pods, key.ns)) {
        const auto phase = text_at(pod, {"status", "phase"});
        if (phase == "Succeeded" || phase == "Failed") continue;
        if (!selects(selector, object_at(pod, {"metadata", "labels"}))) continue;
        ++total;
        if (is_ready(pod)) ++ready;
    }
    JsonArray workloads;
    for (const auto& workload : in(parts_.workloads, key.ns)) {
        if (!selects(selector, template_labels(workload))) continue;
        workloads.emplace_back(workload_id(key.ns, kube::key_of(workload).name));
    }
    Health health;
    // Without a selector somebody else says who answers.
    if (!selector.empty()) {
        if (total == 0) {
            health.worsen("notReady", "it selects no pods");
        } else if (ready == 0) {
            health.worsen("failure", fmt::format("none of {} endpoints is ready", total));
        } else if (ready < total) {
            health.worsen("degraded", fmt::format("{} of {} endpoints are ready", ready, total));
        } else {
            health.worsen("healthy", "");
        }
    }
    Json rps = nullptr;
    Json success = nullptr;
    Json p99 = nullptr;
    Json reason = text_json(parts_.edges.reason);
    if (const auto arrived = arrivals_.find(id); arrived != arrivals_.end()) {
        const auto& rates = arrived->second;
        auto judged = health_of_requests(rates);
        health.worsen(judged.status, std::move(judged.reason));
        rps = rates.rps;
        if (rates.rps > 0) success = 1 - rates.failed / rates.rps;
        p99 = number_json(rates.p99);
        reason = rates.p99 ? Json(nullptr) : Json("the latency is not measured");
    }
    const auto& routes = routes_of(key);
    return {{"namespace", key.ns},
            {"name", key.name},
            {"node", id},
            {"type", text_at(object, {"spec", "type"}, "ClusterIP")},
            {"ports", std::move(ports)},
            {"selector", labels_json(selector)},
            {"endpoints", JsonObject{{"ready", ready}, {"total", total}}},
            {"workloads", std::move(workloads)},
            {"virtualServices", names_of(routes.virtual_services)},
            {"destinationRules", names_of(routes.destination_rules)},
            {"health", health.json()},
            {"rps", std::move(rps)},
            {"success", std::move(success)},
            {"p99", std::move(p99)},
            {"reason", std::move(reason)},
            {"validations", counts_of(findings_of_service(key))}};
}

JsonObject Inventory::service_in_detail(const Json& object) const {
    auto json = service(object);
    json["findings"] = findings_json(findings_of_service(kube::key_of(object)));
    return json;
}

}  // namespace sluice::web
