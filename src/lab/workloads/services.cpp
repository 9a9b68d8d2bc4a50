#include "lab/workloads/services.hpp"

#include "lab/workloads/pod_questions.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::lab {
namespace {

namespace resources = kube::resources;

constexpr std::string_view name_label = "kubernetes.io/service-name";
constexpr std::string_view trigger_annotation = "endpoints.kubernetes.io/last-change-trigger-time";
constexpr std::size_t slice_endpoints_max = 100;

std::string_view ip_of(const Json& pod) {
    return text_at(pod, {"status", "podIP"});
}

bool publishes_unready(const Json& service) {
    return bool_at(service, {"spec", "publishNotReadyAddresses"}).value_or(false);
}

// The number behind targetPort; nothing when the pod has no port of that name.
std::optional<std::int64_t> target_port(const Json& service_port, const Json& pod) {
    const auto* target = find(service_port, {"targetPort"});
    if (target == nullptr || target->is_null()) return integer_at(service_port, {"port"});
    if (target->is_number()) return target->to_number<std::int64_t>();
    if (!target->is_string()) return std::nullopt;
    const std::string_view wanted(target->get_string());
    for (const auto& container : array_at(pod, {"spec", "containers"})) {
        for (const auto& port : array_at(container, {"ports"})) {
            if (text_at(port, {"name"}) == wanted) return integer_at(port, {"containerPort"});
        }
    }
    return std::nullopt;
}

// The ports that this pod serves for the Service, in the Service's order.
JsonArray ports_of(const Json& service, const Json& pod) {
    JsonArray ports;
    for (const auto& port : array_at(service, {"spec", "ports"})) {
        const auto number = target_port(port, pod);
        if (!number) continue;
        JsonObject entry;
        const auto name = text_at(port, {"name"});
        entry["name"] = name;
        entry["port"] = *number;
        entry["protocol"] = text_at(port, {"protocol"}, "TCP");
        if (const auto protocol = text_at(port, {"appProtocol"}); !protocol.empty()) {
            entry["appProtocol"] = protocol;
        }
        ports.push_back(std::move(entry));
    }
    return ports;
}

// To every Service: most changes of a pod are none of theirs.
bool means_the_same(const Json& before, const Json& after) {
    return ip_of(before) == ip_of(after) && is_ready(before) == is_ready(after) &&
           is_finished(before) == is_finished(after) &&
           is_being_deleted(before) == is_being_deleted(after) &&
           text_at(before, {"spec", "nodeName"}) == text_at(after, {"spec", "nodeName"}) &&
           object_at(before, {"metadata", "labels"}) == object_at(after, {"metadata", "labels"});
}

Json target_ref(const Json& pod) {
    const auto key = kube::key_of(pod);
    return {{"kind", "Pod"}, {"namespace", key.ns}, {"name", key.name}, {"uid", kube::uid_of(pod)}};
}

// Pods by the ports they serve; within a group by address.
std::map<std::string, std::vector<ObjectPtr>> grouped(const Json& service,
                                                      const std::vector<ObjectPtr>& pods) {
    std::map<std::string, std::vector<ObjectPtr>> groups;
    const bool has_ports = !array_at(service, {"spec", "ports"}).empty();
    for (const auto& pod : pods) {
        if (is_finished(*pod) || ip_of(*pod).empty()) continue;
        const auto ports = ports_of(service, *pod);
        if (ports.empty() && has_ports) continue;
        groups[to_text(ports)].push_back(pod);
    }
    for (auto& [text, group] : groups) {
        std::ranges::sort(group, {}, [](const ObjectPtr& pod) { return ip_of(*pod); });
    }
    return groups;
}

}  // namespace

Json endpoint_subsets(const Json& service, const std::vector<ObjectPtr>& pods) {
    JsonArray subsets;
    for (const auto& [text, group] : grouped(service, pods)) {
        JsonArray ready;
        JsonArray unready;
        for (const auto& pod : group) {
            if (is_being_deleted(*pod)) continue;
            Json address = {{"ip", ip_of(*pod)},
                            {"nodeName", text_at(*pod, {"spec", "nodeName"})},
                            {"targetRef", target_ref(*pod)}};
            (is_ready(*pod) || publishes_unready(service) ? ready : unready)
                .push_back(std::move(address));
        }
        if (ready.empty() && unready.empty()) continue;
        JsonObject subset;
        if (!ready.empty()) subset["addresses"] = std::move(ready);
        if (!unready.empty()) subset["notReadyAddresses"] = std::move(unready);
        auto ports = ports_of(service, *group.front());
        for (auto& port : ports) {
            if (text_at(port, {"name"}).empty()) drop(port, {"name"});
        }
        subset["ports"] = std::move(ports);
        subsets.push_back(std::move(subset));
    }
    return subsets;
}

std::vector<EndpointSliceContent> endpoint_slices(const Json& service,
                                                  const std::vector<ObjectPtr>& pods) {
    std::vector<EndpointSliceContent> slices;
    for (const auto& [text, group] : grouped(service, pods)) {
        for (std::size_t i = 0; i < group.size(); ++i) {
            const auto& pod = *group[i];
            if (i % slice_endpoints_max == 0) {
                slices.push_back({ports_of(service, pod), JsonArray{}});
            }
            const bool leaving = is_being_deleted(pod);
            const bool serving = is_ready(pod);
            const bool ready = (serving || publishes_unready(service)) && !leaving;
            slices.back().endpoints.get_array().push_back(
                {{"addresses", JsonArray{ip_of(pod)}},
                 {"conditions", {{"ready", ready}, {"serving", serving}, {"terminating", leaving}}},
                 {"nodeName", text_at(pod, {"spec", "nodeName"})},
                 {"targetRef", target_ref(pod)}});
        }
    }
    if (slices.empty()) slices.push_back({JsonArray{}, JsonArray{}});
    return slices;
}

Services::Services(Executor executor, Cluster& cluster, ObjectIndex& pods)
    : cluster_(cluster),
      pods_(pods),
      slices_(cluster, resources::endpoint_slices),
      queue_(
          std::move(executor), cluster.clock(), [this](const ObjectKey& key) { reconcile(key); }) {
    pods_.on_change([this](const Change& change) { on_pod(change); });
}

void Services::start() {
    for (const auto& service : cluster_.list(resources::services)) {
        for (const auto& port : array_at(*service, {"spec", "ports"})) {
            if (const auto number = integer_at(port, {"nodePort"})) node_ports_.insert(*number);
        }
    }
    cluster_.admit(resources::services, [this](Json& service, const Json* before) {
        // A client that sends the whole Service need not know what it was given.
        if (before != nullptr) keep_node_ports(service, *before);
        give_node_ports(service);
        return std::optional<Status>{};
    });
    slices_.start();
    subscription_ =
        cluster_.watch(resources::services, [this](const Change& change) { on_service(change); });
}

void Services::keep_node_ports(Json& service, const Json& before) {
    auto* ports = find(service, {"spec", "ports"});
    if (ports == nullptr || !ports->is_array()) return;
    for (auto& port : ports->get_array()) {
        if (integer_at(port, {"nodePort"}).value_or(0) != 0) continue;
        for (const auto& known : array_at(before, {"spec", "ports"})) {
            const auto given = integer_at(known, {"nodePort"});
            if (given && integer_at(known, {"port"}) == integer_at(port, {"port"})) {
                put(port, {"nodePort"}, *given);
            }
        }
    }
}

// A Service that is reached from outside has a port of the node for each of its own.
void Services::give_node_ports(Json& service) {
    const auto type = text_at(service, {"spec", "type"});
    auto* ports = find(service, {"spec", "ports"});
    if ((type != "NodePort" && type != "LoadBalancer") || ports == nullptr || !ports->is_array()) {
        return;
    }
    for (auto& port : ports->get_array()) {
        if (const auto given = integer_at(port, {"nodePort"}); given.value_or(0) != 0) {
            node_ports_.insert(*given);
            continue;
        }
        while (!node_ports_.insert(next_node_port_).second) ++next_node_port_;
        put(port, {"nodePort"}, next_node_port_);
    }
}

void Services::on_service(const Change& change) {
    const auto key = kube::key_of(*change.object);
    const auto first_label = [&key](const Json& service) {
        const auto pairs = label_pairs(object_at(service, {"spec", "selector"}));
        return pairs.empty() ? std::string{} : fmt::format("{}/{}", key.ns, pairs.front());
    };
    if (change.before != nullptr) by_label_[first_label(*change.before)].erase(key);
    if (change.kind == ChangeKind::deleted) {
        by_label_[first_label(*change.object)].erase(key);
        for (const auto& port : array_at(*change.object, {"spec", "ports"})) {
            if (const auto number = integer_at(port, {"nodePort"})) node_ports_.erase(*number);
        }
    } else if (const auto label = first_label(*change.object); !label.empty()) {
        by_label_[label].insert(key);
    }
    queue_.add(key);
}

void Services::on_pod(const Change& change) {
    if (change.before != nullptr && change.kind == ChangeKind::modified &&
        means_the_same(*change.before, *change.object)) {
        return;
    }
    if (change.before != nullptr) wake_selecting(*change.before);
    wake_selecting(*change.object);
}

void Services::wake_selecting(const Json& pod) {
    const auto ns = kube::key_of(pod).ns;
    for (const auto& pair : label_pairs(object_at(pod, {"metadata", "labels"}))) {
        const auto found = by_label_.find(fmt::format("{}/{}", ns, pair));
        if (found == by_label_.end()) continue;
        for (const auto& key : found->second) queue_.add(key);
    }
}

void Services::reconcile(const ObjectKey& key) {
    const auto service = cluster_.find(resources::services, key);
    if (service == nullptr) {
        // The slices have an owner, so the cluster collects them; Endpoints have none.
        const auto left = cluster_.find(resources::endpoints, key);
        if (left != nullptr && find(*left, {"metadata", "annotations", trigger_annotation})) {
            (void)cluster_.remove(resources::endpoints, key);
        }
        return;
    }
    const auto& selector = object_at(*service, {"spec", "selector"});
    if (selector.empty() || text_at(*service, {"spec", "type"}) == "ExternalName") return;
    const auto pods = pods_.labelled(key.ns, selector);
    save_endpoints(*service, pods);
    save_slices(*service, pods);
}

void Services::save_endpoints(const Json& service, const std::vector<ObjectPtr>& pods) {
    const auto key = kube::key_of(service);
    auto subsets = endpoint_subsets(service, pods);
    const auto present = cluster_.find(resources::endpoints, key);
    if (present != nullptr && array_at(*present, {"subsets"}) == subsets.get_array()) return;

    Json object = present != nullptr
                      ? *present
                      : Json{{"apiVersion", "v1"},
                             {"kind", "Endpoints"},
                             {"metadata", {{"name", key.name}, {"namespace", key.ns}}}};
    if (present == nullptr) {
        if (const auto* labels = find(service, {"metadata", "labels"})) {
            put(object, {"metadata", "labels"}, *labels);
        }
    }
    put(object,
        {"metadata", "annotations", trigger_annotation},
        Json(rfc3339(cluster_.clock().now())));
    put(object, {"subsets"}, std::move(subsets));
    drop(object, {"metadata", "resourceVersion"});
    if (present != nullptr) {
        (void)cluster_.update(resources::endpoints, std::move(object));
    } else {
        (void)cluster_.create(resources::endpoints, std::move(object));
    }
}

void Services::save_slices(const Json& service, const std::vector<ObjectPtr>& pods) {
    const auto key = kube::key_of(service);
    const auto wanted = endpoint_slices(service, pods);
    auto present = slices_.owned_by(kube::uid_of(service));
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (i < present.size()) {
            if (array_at(*present[i], {"endpoints"}) == wanted[i].endpoints.get_array() &&
                array_at(*present[i], {"ports"}) == wanted[i].ports.get_array()) {
                continue;
            }
            Json slice = *present[i];
            put(slice, {"endpoints"}, wanted[i].endpoints);
            put(slice, {"ports"}, wanted[i].ports);
            drop(slice, {"metadata", "resourceVersion"});
            (void)cluster_.update(resources::endpoint_slices, std::move(slice));
            continue;
        }
        Json slice = {{"apiVersion", "discovery.k8s.io/v1"},
                      {"kind", "EndpointSlice"},
                      {"addressType", "IPv4"}};
        put(slice, {"metadata", "generateName"}, Json(key.name + "-"));
        put(slice, {"metadata", "namespace"}, Json(key.ns));
        put(slice, {"metadata", "labels"}, object_at(service, {"metadata", "labels"}));
        put(slice, {"metadata", "labels", name_label}, Json(key.name));
        put(slice,
            {"metadata", "labels", "endpointslice.kubernetes.io/managed-by"},
            Json("endpointslice-controller.k8s.io"));
        put(slice,
            {"metadata", "ownerReferences"},
            JsonArray{kube::owner_reference_to(resources::services, service)});
        put(slice, {"endpoints"}, wanted[i].endpoints);
        put(slice, {"ports"}, wanted[i].ports);
        const auto created = cluster_.create(resources::endpoint_slices, std::move(slice));
        if (created) slices_.note(**created);
    }
    for (std::size_t i = wanted.size(); i < present.size(); ++i) {
        (void)cluster_.remove(resources::endpoint_slices, kube::key_of(*present[i]));
    }
}

}  // namespace sluice::lab
