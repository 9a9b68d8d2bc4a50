#include "lab/apiserver/defaults.hpp"

#include "base/core/quantity.hpp"
#include "base/core/text.hpp"
#include "lab/apiserver/schema_node.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::lab {
namespace {

void set_if_absent(JsonObject& object, std::string_view key, Json value) {
    auto* there = object.if_contains(key);
    if (there == nullptr || there->is_null()) object[key] = std::move(value);
}

// The object at the key, made when there is none.
JsonObject& object_in(JsonObject& object, std::string_view key) {
    auto& there = object[key];
    if (!there.is_object()) there.emplace_object();
    return there.get_object();
}

JsonObject* if_object_in(JsonObject& object, std::string_view key) {
    auto* there = object.if_contains(key);
    return there == nullptr ? nullptr : there->if_object();
}

template <typename Work>
void for_each_in(JsonObject& object, std::string_view key, Work work) {
    auto* there = object.if_contains(key);
    if (there == nullptr || !there->is_array()) return;
    for (auto& item : there->get_array()) {
        if (auto* member = item.if_object()) work(*member);
    }
}

std::string_view text_in(const JsonObject& object, std::string_view key) {
    const auto* there = object.if_contains(key);
    return there != nullptr && there->is_string() ? std::string_view(there->get_string())
                                                  : std::string_view{};
}

// Always for ":latest" or no tag at all, else IfNotPresent.
std::string_view pull_policy_of(std::string_view image) {
    if (image.find('@') != std::string_view::npos) return "IfNotPresent";
    const auto name = image.substr(image.rfind('/') + 1);
    const auto colon = name.find(':');
    const bool latest = colon == std::string_view::npos || name.substr(colon + 1) == "latest";
    return latest ? "Always" : "IfNotPresent";
}

void fill_in_probe(JsonObject& container, std::string_view key) {
    auto* probe = if_object_in(container, key);
    if (probe == nullptr) return;
    set_if_absent(*probe, "timeoutSeconds", 1);
    set_if_absent(*probe, "periodSeconds", 10);
    set_if_absent(*probe, "successThreshold", 1);
    set_if_absent(*probe, "failureThreshold", 3);
    if (auto* http = if_object_in(*probe, "httpGet")) {
        set_if_absent(*http, "path", "/");
        set_if_absent(*http, "scheme", "HTTP");
    }
    if (auto* grpc = if_object_in(*probe, "grpc")) set_if_absent(*grpc, "service", "");
}

void fill_in_container(JsonObject& container) {
    set_if_absent(container, "imagePullPolicy", Json(pull_policy_of(text_in(container, "image"))));
    set_if_absent(container, "terminationMessagePath", "/dev/termination-log");
    set_if_absent(container, "terminationMessagePolicy", "File");
    set_if_absent(container, "resources", JsonObject{});
    for_each_in(
        container, "ports", [](JsonObject& port) { set_if_absent(port, "protocol", "TCP"); });
    for (const std::string_view probe : {"livenessProbe", "readinessProbe", "startupProbe"}) {
        fill_in_probe(container, probe);
    }
    for_each_in(container, "env", [](JsonObject& variable) {
        auto* from = if_object_in(variable, "valueFrom");
        auto* field = from == nullptr ? nullptr : if_object_in(*from, "fieldRef");
        if (field != nullptr) set_if_absent(*field, "apiVersion", "v1");
    });
}

void fill_in_volume(JsonObject& volume) {
    constexpr int read_for_all = 0644;
    for (const std::string_view source : {"configMap", "secret", "projected", "downwardAPI"}) {
        if (auto* there = if_object_in(volume, source)) {
            set_if_absent(*there, "defaultMode", read_for_all);
        }
    }
    if (auto* host = if_object_in(volume, "hostPath")) set_if_absent(*host, "type", "");
}

void fill_in_template(JsonObject& spec) {
    auto& pod_template = object_in(spec, "template");
    object_in(pod_template, "metadata");
    fill_in_pod_defaults(object_in(pod_template, "spec"));
}

void fill_in_deployment(JsonObject& spec) {
    set_if_absent(spec, "replicas", 1);
    auto& strategy = object_in(spec, "strategy");
    set_if_absent(strategy, "type", "RollingUpdate");
    if (text_in(strategy, "type") == "RollingUpdate") {
        auto& rolling = object_in(strategy, "rollingUpdate");
        set_if_absent(rolling, "maxUnavailable", "25%");
        set_if_absent(rolling, "maxSurge", "25%");
    }
    set_if_absent(spec, "revisionHistoryLimit", 10);
    set_if_absent(spec, "progressDeadlineSeconds", 600);
    fill_in_template(spec);
}

void fill_in_daemon_set(JsonObject& spec) {
    auto& strategy = object_in(spec, "updateStrategy");
    set_if_absent(strategy, "type", "RollingUpdate");
    if (text_in(strategy, "type") == "RollingUpdate") {
        auto& rolling = object_in(strategy, "rollingUpdate");
        set_if_absent(rolling, "maxUnavailable", 1);
        set_if_absent(rolling, "maxSurge", 0);
    }
    set_if_absent(spec, "revisionHistoryLimit", 10);
    fill_in_template(spec);
}

void fill_in_stateful_set(JsonObject& spec) {
    set_if_absent(spec, "replicas", 1);
    set_if_absent(spec, "podManagementPolicy", "OrderedReady");
    auto& strategy = object_in(spec, "updateStrategy");
    set_if_absent(strategy, "type", "RollingUpdate");
    if (text_in(strategy, "type") == "RollingUpdate") {
        set_if_absent(object_in(strategy, "rollingUpdate"), "partition", 0);
    }
    set_if_absent(spec, "revisionHistoryLimit", 10);
    fill_in_template(spec);
}

// Labels of an object of apps/v1 default to those of its template.
void fill_in_labels_of_template(Json& object) {
    if (!object_at(object, {"metadata", "labels"}).empty()) return;
    const auto& labels = object_at(object, {"spec", "template", "metadata", "labels"});
    if (!labels.empty()) put(object, {"metadata", "labels"}, Json(JsonObject(labels)));
}

void fill_in_job(JsonObject& spec) {
    // Who says only how many at a time leaves it to the pods when there is nothing left to do.
    if (!spec.contains("parallelism")) set_if_absent(spec, "completions", 1);
    set_if_absent(spec, "parallelism", 1);
    set_if_absent(spec, "backoffLimit", 6);
    set_if_absent(spec, "completionMode", "NonIndexed");
    set_if_absent(spec, "suspend", false);
    set_if_absent(spec, "manualSelector", false);
    set_if_absent(spec, "podReplacementPolicy", "TerminatingOrFailed");
    fill_in_template(spec);
}

void fill_in_service(JsonObject& spec) {
    set_if_absent(spec, "type", "ClusterIP");
    set_if_absent(spec, "sessionAffinity", "None");
    const auto type = std::string(text_in(spec, "type"));
    if (type != "ExternalName") {
        set_if_absent(spec, "internalTrafficPolicy", "Cluster");
        set_if_absent(spec, "ipFamilies", JsonArray{"IPv4"});
        set_if_absent(spec, "ipFamilyPolicy", "SingleStack");
    }
    if (type == "NodePort" || type == "LoadBalancer") {
        set_if_absent(spec, "externalTrafficPolicy", "Cluster");
    }
    if (type == "LoadBalancer") set_if_absent(spec, "allocateLoadBalancerNodePorts", true);
    for_each_in(spec, "ports", [](JsonObject& port) {
        set_if_absent(port, "protocol", "TCP");
        const auto* number = port.if_contains("port");
        if (number != nullptr) set_if_absent(port, "targetPort", Json(*number));
    });
    if (text_in(spec, "sessionAffinity") == "ClientIP") {
        auto& by_client = object_in(object_in(spec, "sessionAffinityConfig"), "clientIP");
        set_if_absent(by_client, "timeoutSeconds", 10800);
    }
}

// Rates are filled in only where the user began to state them; without any, the controller has the
// same numbers built in.
void fill_in_scaling_rules(JsonObject& spec) {
    auto* behavior = if_object_in(spec, "behavior");
    if (behavior == nullptr) return;
    const auto policy = [](std::string_view type, int value) {
        return JsonObject{{"type", type}, {"value", value}, {"periodSeconds", 15}};
    };
    auto& up = object_in(*behavior, "scaleUp");
    set_if_absent(up, "stabilizationWindowSeconds", 0);
    set_if_absent(up, "selectPolicy", "Max");
    set_if_absent(up, "policies", JsonArray{policy("Pods", 4), policy("Percent", 100)});
    auto& down = object_in(*behavior, "scaleDown");
    set_if_absent(down, "selectPolicy", "Max");
    set_if_absent(down, "policies", JsonArray{policy("Percent", 100)});
}

void fill_in_autoscaler(JsonObject& spec) {
    set_if_absent(spec, "minReplicas", 1);
    auto* metrics = spec.if_contains("metrics");
    if (metrics == nullptr || !metrics->is_array() || metrics->get_array().empty()) {
        const JsonObject target{{"type", "Utilization"}, {"averageUtilization", 80}};
        spec["metrics"] = JsonArray{JsonObject{
            {"type", "Resource"}, {"resource", JsonObject{{"name", "cpu"}, {"target", target}}}}};
    }
    fill_in_scaling_rules(spec);
}

void fill_in_namespace(Json& object) {
    const auto name = std::string(text_at(object, {"metadata", "name"}));
    if (!name.empty())
        put(object, {"metadata", "labels", "kubernetes.io/metadata.name"}, Json(name));
    if (text_at(object, {"metadata", "deletionTimestamp"}).empty()) {
        if (find(object, {"spec", "finalizers"}) == nullptr) {
            put(object, {"spec", "finalizers"}, JsonArray{"kubernetes"});
        }
        put(object, {"status", "phase"}, "Active");
    }
}

void fill_in_secret(Json& object) {
    auto& secret = object.get_object();
    set_if_absent(secret, "type", "Opaque");
    if (const auto* plain = if_object_in(secret, "stringData")) {
        const JsonObject texts = *plain;
        auto& data = object_in(secret, "data");
        for (const auto& [key, value] : texts) {
            if (value.is_string()) data[key] = base64(value.get_string());
        }
    }
    secret.erase("stringData");
}

// The last-applied annotation and other texts stay; only what is null goes. The schema of a CRD may
// say `default: null` and mean it.
void drop_nulls_within(Json& value) {
    if (auto* array = value.if_array()) {
        for (auto& item : *array) drop_nulls_within(item);
        return;
    }
    auto* object = value.if_object();
    if (object == nullptr) return;
    for (auto member = object->begin(); member != object->end();) {
        if (member->value().is_null() && member->key() != "default") {
            member = object->stable_erase(member);
        } else {
            drop_nulls_within(member->value());
            ++member;
        }
    }
}

bool write_canonically(Json& quantity) {
    std::string written;
    if (const auto* text = quantity.if_string()) {
        written = *text;
    } else if (const auto* fraction = quantity.if_double()) {
        written = fmt::format("{}", *fraction);
    } else {
        written = to_text(quantity);
    }
    auto canonical = canonical_quantity(written);
    if (canonical) quantity = *canonical;
    return canonical.has_value();
}

}  // namespace

bool write_quantities_canonically(const SchemaNode& schema, Json& object) {
    if (schema.quantities == Quantities::none) return true;
    if (schema.quantities == Quantities::here) return write_canonically(object);
    if (auto* items = object.if_array(); items != nullptr && schema.items) {
        return std::ranges::all_of(
            *items, [&](Json& item) { return write_quantities_canonically(*schema.items, item); });
    }
    auto* members = object.if_object();
    if (members == nullptr) return true;
    for (const auto& [name, member] : schema.members) {
        auto* value = members->if_contains(name);
        if (value != nullptr && !write_quantities_canonically(*member, *value)) return false;
    }
    if (!schema.other_members) return true;
    return std::ranges::all_of(*members, [&](auto& member) {
        return write_quantities_canonically(*schema.other_members, member.value());
    });
}

void drop_nulls(Json& object) {
    drop_nulls_within(object);
    drop_nulls_of_metadata(object);
}

void drop_nulls_of_metadata(Json& object) {
    auto* metadata = find(object, {"metadata"});
    if (metadata == nullptr || !metadata->is_object()) return;
    drop_nulls_within(*metadata);
    for (const std::string_view key :
         {"labels", "annotations", "finalizers", "ownerReferences", "managedFields"}) {
        const auto* there = metadata->get_object().if_contains(key);
        if (there == nullptr) continue;
        const bool empty = (there->is_object() && there->get_object().empty()) ||
                           (there->is_array() && there->get_array().empty());
        if (empty) metadata->get_object().stable_erase(key);
    }
}

void fill_in_pod_defaults(JsonObject& spec) {
    for (const std::string_view list : {"containers", "initContainers", "ephemeralContainers"}) {
        for_each_in(spec, list, fill_in_container);
    }
    for_each_in(spec, "volumes", fill_in_volume);
    set_if_absent(spec, "restartPolicy", "Always");
    set_if_absent(spec, "dnsPolicy", "ClusterFirst");
    set_if_absent(spec, "schedulerName", "default-scheduler");
    set_if_absent(spec, "terminationGracePeriodSeconds", 30);
    set_if_absent(spec, "securityContext", JsonObject{});
    // The deprecated name is kept beside the new one.
    const auto account = std::string(text_in(spec, "serviceAccountName"));
    if (!account.empty()) set_if_absent(spec, "serviceAccount", Json(account));
}

void fill_in_defaults(std::string_view kind, Json& object) {
    if (!object.is_object()) return;
    auto& members = object.get_object();
    const auto spec = [&]() -> JsonObject& { return object_in(members, "spec"); };

    if (kind == "Deployment") return fill_in_deployment(spec());
    if (kind == "ReplicaSet") {
        set_if_absent(spec(), "replicas", 1);
        fill_in_template(spec());
        return fill_in_labels_of_template(object);
    }
    if (kind == "DaemonSet") return fill_in_daemon_set(spec());
    if (kind == "StatefulSet") return fill_in_stateful_set(spec());
    if (kind == "Job") return fill_in_job(spec());
    if (kind == "Service") return fill_in_service(spec());
    if (kind == "HorizontalPodAutoscaler") return fill_in_autoscaler(spec());
    if (kind == "IngressClass") {
        if (auto* parameters = if_object_in(spec(), "parameters")) {
            set_if_absent(*parameters, "scope", "Cluster");
        }
        return;
    }
    if (kind == "Namespace") return fill_in_namespace(object);
    if (kind == "Secret") return fill_in_secret(object);
    if (kind == "CronJob") {
        set_if_absent(spec(), "concurrencyPolicy", "Allow");
        set_if_absent(spec(), "suspend", false);
        set_if_absent(spec(), "successfulJobsHistoryLimit", 3);
        set_if_absent(spec(), "failedJobsHistoryLimit", 1);
        return;
    }
    if (kind == "Pod") {
        fill_in_pod_defaults(spec());
        set_if_absent(spec(), "enableServiceLinks", true);
        set_if_absent(spec(), "serviceAccountName", "default");
        set_if_absent(spec(), "serviceAccount", "default");
        set_if_absent(spec(), "preemptionPolicy", "PreemptLowerPriority");
        set_if_absent(spec(), "priority", 0);
        if (find(object, {"status", "phase"}) == nullptr) {
            put(object, {"status", "phase"}, "Pending");
        }
        return;
    }
}

}  // namespace sluice::lab
