#include "web/inventory.hpp"

#include "base/core/text.hpp"
#include "release/mesh_scene.hpp"
#include "web/answer.hpp"
#include "web/nullable.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <tuple>

namespace sluice::web {
namespace {

namespace resources = kube::resources;
using release::selects;

constexpr std::size_t pods_max = 500;
constexpr std::size_t findings_max = 100;

JsonArray names_of(const std::vector<kube::ObjectKey>& keys) {
    JsonArray names;
    for (const auto& key : keys) names.emplace_back(to_string(key));
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

Inventory::Keys Inventory::seen_of(const std::set<kube::ObjectKey>& keys) const {
    Keys seen;
    std::ranges::copy_if(keys, std::back_inserter(seen), [&](const kube::ObjectKey& key) {
        return parts_.sees(key.ns);
    });
    return seen;
}

const Objects& Inventory::in(const kube::Resource& resource, const std::string& ns) {
    const auto [place, is_new] = in_.try_emplace({resource.kind, ns});
    if (is_new) place->second = parts_.landscape.list(resource, ns);
    return place->second;
}

std::vector<const Validation*> Inventory::findings_on(
    const std::vector<std::pair<std::string, kube::ObjectKey>>& objects) {
    std::vector<const Validation*> all;
    for (const auto& [kind, key] : objects) {
        const auto [place, is_new] = findings_.try_emplace(key.ns);
        if (is_new) {
            for (const auto* one : parts_.findings(key.ns)) {
                place->second[one->finding.object].push_back(one);
            }
        }
        const auto found = place->second.find(fmt::format("{} {}", kind, to_string(key)));
        if (found == place->second.end()) continue;
        all.insert(all.end(), found->second.begin(), found->second.end());
    }
    worst_first(all);
    return all;
}

std::vector<const Validation*> Inventory::findings_of_service(const kube::ObjectKey& service) {
    const auto& routes = parts_.landscape.routes();
    std::vector<std::pair<std::string, kube::ObjectKey>> objects{{"Service", service}};
    for (auto& key : seen_of(routes.virtual_services_of(service))) {
        objects.emplace_back("VirtualService", std::move(key));
    }
    for (auto& key : seen_of(routes.destination_rules_of(service))) {
        objects.emplace_back("DestinationRule", std::move(key));
    }
    return findings_on(objects);
}

Objects Inventory::services_of(const Json& workload) {
    Objects services;
    const auto& labels = template_labels(workload);
    for (const auto& service : in(resources::services, kube::key_of(workload).ns)) {
        if (selects(object_at(*service, {"spec", "selector"}), labels)) services.push_back(service);
    }
    return services;
}

Objects Inventory::workloads_behind(const std::string& ns, const JsonObject& selector) {
    Objects behind;
    if (selector.empty()) return behind;
    const auto [place, is_new] = labelled_.try_emplace(ns);
    if (is_new) {
        for (const auto* kind : {&resources::deployments, &resources::daemon_sets}) {
            for (const auto& workload : in(*kind, ns)) {
                for (const auto& [name, value] : template_labels(*workload)) {
                    place->second[release::label_text(name, value)].push_back(workload);
                }
            }
        }
    }
    const auto& first = *selector.begin();
    const auto found = place->second.find(release::label_text(first.key(), first.value()));
    if (found == place->second.end()) return behind;
    std::ranges::copy_if(found->second, std::back_inserter(behind), [&](const auto& workload) {
        return selects(selector, template_labels(*workload));
    });
    return behind;
}

std::vector<const Validation*> Inventory::findings_of(const Json& workload) {
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
    for (const auto& service : services_of(workload)) {
        for (const auto* one : findings_of_service(kube::key_of(*service))) {
            if (counted.insert(one).second) all.push_back(one);
        }
    }
    worst_first(all);
    return all;
}

JsonObject Inventory::injection(const Json& workload) const {
    const auto key = kube::key_of(workload);
    const auto ns = parts_.landscape.find(resources::namespaces, {"", key.ns});
    // Of a template the labels count as of a pod.
    const auto* metadata = find(workload, {"spec", "template"});
    const auto asked =
        ns == nullptr || metadata == nullptr ? Injection{} : injection_of(*metadata, *ns);
    const auto& sidecars = parts_.pods.by_workload();
    const auto found = sidecars.find(workload_id(key.ns, key.name));
    if (found == sidecars.end()) {
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

// As the topology does: each way in by itself, and the worst of them counts.
void Inventory::judge_ways(Health& health, const std::string& id, const Role* role) {
    const auto arrived = parts_.edges.arrivals.find(id);
    if (arrived == parts_.edges.arrivals.end()) return;
    const auto& all = arrived->second;
    const bool may_differ =
        role != nullptr || all.failed > 0 || all.refused > 0 || loses_tries(all);
    if (!may_differ) {
        health.worsen(health_of_requests(all).status, "");
        return;
    }
    if (ways_.empty()) {
        for (const auto& way : parts_.edges.edges) {
            if (way.first.protocol != "tcp") ways_[way.first.target].push_back(&way);
        }
    }
    std::map<std::pair<std::string_view, std::string_view>, EdgeRates> by_source;
    const auto ways = ways_.find(id);
    if (ways == ways_.end()) return;
    for (const auto* way : ways->second) {
        add_to(by_source[{way->first.source, way->first.protocol}], way->second);
    }
    for (const auto& [source, rates] : by_source) {
        const auto of_way = health_of_way(rates, role);
        if (of_way.reasons.empty()) health.worsen(of_way.status, "");
        for (const auto& reason : of_way.reasons) health.worsen(of_way.status, reason);
    }
}

JsonObject Inventory::workload(const Json& object) {
    const auto key = kube::key_of(object);
    const auto id = workload_id(key.ns, key.name);
    const auto replicas = replicas_of(object);
    Health health;
    judge_replicas(health, replicas);
    const auto& of_pods = parts_.pods.by_workload();
    if (const auto sidecars = of_pods.find(id); sidecars != of_pods.end()) {
        judge_sidecars(health, sidecars->second);
    }
    Json release = nullptr;
    const auto found = parts_.roles.find(id);
    const auto* role = found == parts_.roles.end() ? nullptr : &found->second;
    judge_ways(health, id, role);
    if (role != nullptr) {
        judge_release(health, *role);
        release = role_json(*role, role->version);
    }
    JsonArray images;
    for (const auto& container : array_at(object, {"spec", "template", "spec", "containers"})) {
        images.emplace_back(text_at(container, {"image"}));
    }
    const auto rates = parts_.rates.side(key.ns, key.name, "");
    const auto& seen = rates.seen;
    const bool is_known = seen.rps && seen.success && rates.p99;
    return {{"namespace", key.ns},
            {"name", key.name},
            {"kind", text_at(object, {"kind"})},
            {"node", id},
            {"labels", labels_json(template_labels(object))},
            {"images", std::move(images)},
            {"replicas", replicas.json()},
            {"health", health.json()},
            {"injection", injection(object)},
            {"rps", optional_json(seen.rps ? seen.rps : rates.rps)},
            {"success", optional_json(seen.success)},
            {"p99", optional_json(rates.p99)},
            {"reason",
             is_known ? Json(nullptr)
                      : Json(rates.reason.empty() ? "the latency is not measured" : rates.reason)},
            {"release", std::move(release)},
            {"validations", counts_of(findings_of(object))}};
}

JsonObject Inventory::workload_in_detail(const Json& object, const std::vector<Json>& pods) {
    auto json = workload(object);
    Keys services;
    for (const auto& service : services_of(object)) services.push_back(kube::key_of(*service));
    json["services"] = names_of(services);
    const auto& routes = parts_.landscape.routes();
    std::set<kube::ObjectKey> virtual_services;
    std::set<kube::ObjectKey> destination_rules;
    for (const auto& service : services) {
        virtual_services.merge(routes.virtual_services_of(service));
        destination_rules.merge(routes.destination_rules_of(service));
    }
    json["virtualServices"] = names_of(seen_of(virtual_services));
    json["destinationRules"] = names_of(seen_of(destination_rules));
    JsonArray ports;
    for (const auto& container : array_at(object, {"spec", "template", "spec", "containers"})) {
        for (const auto& port : array_at(container, {"ports"})) {
            ports.push_back(
                JsonObject{{"name", text_at(port, {"name"})},
                           {"containerPort", integer_at(port, {"containerPort"}).value_or(0)},
                           {"protocol", text_at(port, {"protocol"}, "TCP")}});
        }
    }
    json["ports"] = std::move(ports);
    JsonArray shown;
    const auto& selector = object_at(object, {"spec", "selector", "matchLabels"});
    const auto role = parts_.roles.find(std::string(json.at("node").as_string()));
    const auto revision =
        role == parts_.roles.end() ? std::string_view("other") : role->second.role;
    for (const auto& pod : pods) {
        if (shown.size() >= pods_max) break;
        if (!selects(selector, object_at(pod, {"metadata", "labels"}))) continue;
        shown.push_back(pod_json(pod, revision));
    }
    json["pods"] = std::move(shown);
    json["findings"] = findings_json(findings_of(object));
    return json;
}

JsonObject Inventory::service(const Json& object) {
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
    const auto [ready, total] = parts_.pods.endpoints(key.ns, selector);
    JsonArray workloads;
    JsonArray kinds;
    for (const auto& workload : workloads_behind(key.ns, selector)) {
        workloads.emplace_back(workload_id(key.ns, kube::key_of(*workload).name));
        kinds.emplace_back(text_at(*workload, {"kind"}));
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
    const auto& arrivals = parts_.edges.arrivals;
    if (const auto arrived = arrivals.find(id); arrived != arrivals.end()) {
        const auto& rates = arrived->second;
        auto judged = health_of_requests(rates);
        health.worsen(judged.status, std::move(judged.reason));
        rps = rates.rps;
        if (rates.rps > 0) success = 1 - rates.failed / rates.rps;
        p99 = optional_json(rates.p99);
        reason = rates.p99 ? Json(nullptr) : Json("the latency is not measured");
    }
    const auto& routes = parts_.landscape.routes();
    return {{"namespace", key.ns},
            {"name", key.name},
            {"node", id},
            {"type", text_at(object, {"spec", "type"}, "ClusterIP")},
            {"ports", std::move(ports)},
            {"selector", labels_json(selector)},
            {"endpoints", JsonObject{{"ready", ready}, {"total", total}}},
            {"workloads", std::move(workloads)},
            {"workloadKinds", std::move(kinds)},
            {"virtualServices", names_of(seen_of(routes.virtual_services_of(key)))},
            {"destinationRules", names_of(seen_of(routes.destination_rules_of(key)))},
            {"health", health.json()},
            {"rps", std::move(rps)},
            {"success", std::move(success)},
            {"p99", std::move(p99)},
            {"reason", std::move(reason)},
            {"validations", counts_of(findings_of_service(key))}};
}

JsonObject Inventory::service_in_detail(const Json& object) {
    auto json = service(object);
    json["findings"] = findings_json(findings_of_service(kube::key_of(object)));
    return json;
}

}  // namespace sluice::web
