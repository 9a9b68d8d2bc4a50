#include "lab/workloads/scheduler.hpp"

#include "lab/apiserver/selectors.hpp"
#include "lab/workloads/object_status.hpp"
#include "lab/workloads/pod_questions.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>

namespace sluice::lab {
namespace {

namespace resources = kube::resources;

constexpr std::string_view node_address = "127.0.0.1";
constexpr std::string_view kubelet_version = "v1.32.0";

Json node_condition(std::string_view type,
                    std::string_view status,
                    std::string_view reason,
                    std::string_view message,
                    Time now) {
    return {{"type", type},
            {"status", status},
            {"lastHeartbeatTime", rfc3339(now)},
            {"lastTransitionTime", rfc3339(now)},
            {"reason", reason},
            {"message", message}};
}

std::string kernel_version() {
    utsname system{};
    return ::uname(&system) == 0 ? system.release : "unknown";
}

Json capacity() {
    return {{"cpu", "4"}, {"memory", "8Gi"}, {"pods", "10000"}, {"ephemeral-storage", "100Gi"}};
}

Json node_status(Time now) {
    return {
        {"addresses",
         JsonArray{Json{{"type", "InternalIP"}, {"address", node_address}},
                   Json{{"type", "Hostname"}, {"address", node_name}}}},
        {"capacity", capacity()},
        {"allocatable", capacity()},
        {"conditions",
         JsonArray{node_condition("MemoryPressure",
                                  "False",
                                  "KubeletHasSufficientMemory",
                                  "kubelet has sufficient memory available",
                                  now),
                   node_condition("DiskPressure",
                                  "False",
                                  "KubeletHasNoDiskPressure",
                                  "kubelet has no disk pressure",
                                  now),
                   node_condition("PIDPressure",
                                  "False",
                                  "KubeletHasSufficientPID",
                                  "kubelet has sufficient PID available",
                                  now),
                   node_condition(
                       "Ready", "True", "KubeletReady", "kubelet is posting ready status", now)}},
        {"nodeInfo",
         {{"architecture", "amd64"},
          {"bootID", ""},
          {"containerRuntimeVersion", "sluice://" SLUICE_VERSION},
          {"kernelVersion", kernel_version()},
          {"kubeProxyVersion", kubelet_version},
          {"kubeletVersion", kubelet_version},
          {"machineID", ""},
          {"operatingSystem", "linux"},
          {"osImage", "sluice lab"},
          {"systemUUID", ""}}}};
}

Json node_labels() {
    return {{"kubernetes.io/hostname", node_name},
            {"kubernetes.io/os", "linux"},
            {"kubernetes.io/arch", "amd64"},
            // So that nobody takes it for a real one.
            {"sluice.dev/lab", "true"}};
}

// The fields of a node by which a term can select are its name.
bool names_node(const Json& term, const std::string& name) {
    const auto& fields = array_at(term, {"matchFields"});
    return std::ranges::all_of(fields, [&name](const Json& field) {
        const auto& values = array_at(field, {"values"});
        return text_at(field, {"key"}) == "metadata.name" && text_at(field, {"operator"}) == "In" &&
               std::ranges::find(values, Json(name)) != values.end();
    });
}

bool tolerates_closed_node(const Json& pod) {
    return std::ranges::any_of(array_at(pod, {"spec", "tolerations"}), [](const Json& toleration) {
        return text_at(toleration, {"key"}) == "node.kubernetes.io/unschedulable" &&
               text_at(toleration, {"operator"}) == "Exists";
    });
}

}  // namespace

bool fits(const Json& pod, const Json& node) {
    const auto& labels = object_at(node, {"metadata", "labels"});
    for (const auto& wanted : object_at(pod, {"spec", "nodeSelector"})) {
        const auto* value = labels.if_contains(wanted.key());
        if (value == nullptr || *value != wanted.value()) return false;
    }
    const auto& terms = array_at(pod,
                                 {"spec",
                                  "affinity",
                                  "nodeAffinity",
                                  "requiredDuringSchedulingIgnoredDuringExecution",
                                  "nodeSelectorTerms"});
    if (terms.empty()) return true;
    return std::ranges::any_of(terms, [&](const Json& term) {
        const Json selector = {{"matchExpressions", array_at(term, {"matchExpressions"})}};
        const auto parsed = label_selector_of(selector);
        return parsed && parsed->matches(labels) && names_node(term, kube::key_of(node).name);
    });
}

Scheduler::Scheduler(Cluster& cluster, ObjectIndex& pods)
    : cluster_(cluster), events_(cluster, "default-scheduler") {
    pods.on_change([this](const Change& change) { on_pod(change); });
}

void Scheduler::start() {
    nodes_ = cluster_.watch(resources::nodes, [this](const Change& change) { on_node(change); });
    const ObjectKey key{"", std::string(node_name)};
    if (cluster_.find(resources::nodes, key) != nullptr) return;
    Json node = {{"apiVersion", "v1"},
                 {"kind", "Node"},
                 {"metadata", {{"name", node_name}, {"labels", node_labels()}}},
                 {"spec", JsonObject{}}};
    (void)cluster_.create(resources::nodes, std::move(node));
    WriteOptions options;
    options.subresource = Subresource::status;
    (void)cluster_.patch(resources::nodes,
                         key,
                         PatchKind::merge,
                         {{"status", node_status(cluster_.clock().now())}},
                         options);
}

void Scheduler::on_pod(const Change& change) {
    if (change.kind != ChangeKind::deleted) place(kube::key_of(*change.object));
}

// A node that is let in again, or gets other labels, may suit who has waited for one.
void Scheduler::on_node(const Change& change) {
    if (change.kind != ChangeKind::modified || change.before == nullptr) return;
    const auto says = [](const Json& node) {
        return std::pair(bool_at(node, {"spec", "unschedulable"}).value_or(false),
                         object_at(node, {"metadata", "labels"}));
    };
    if (says(*change.object) == says(*change.before)) return;
    for (const auto& pod : cluster_.list(resources::pods)) {
        if (text_at(*pod, {"spec", "nodeName"}).empty()) place(kube::key_of(*pod));
    }
}

void Scheduler::place(const ObjectKey& key) {
    const auto pod = cluster_.find(resources::pods, key);
    if (pod == nullptr || is_being_deleted(*pod)) return;
    if (!text_at(*pod, {"spec", "nodeName"}).empty()) return;
    const auto node = cluster_.find(resources::nodes, {"", std::string(node_name)});
    if (node != nullptr && bool_at(*node, {"spec", "unschedulable"}).value_or(false) &&
        !tolerates_closed_node(*pod)) {
        return refuse(*pod, "1 node(s) were unschedulable");
    }
    if (node == nullptr || !fits(*pod, *node)) {
        return refuse(*pod, "1 node(s) didn't match Pod's node affinity/selector");
    }
    const auto bound = cluster_.patch(
        resources::pods, key, PatchKind::merge, {{"spec", {{"nodeName", node_name}}}});
    if (!bound) return;
    events_.record(*pod,
                   {EventType::normal,
                    "Scheduled",
                    fmt::format("Successfully assigned {} to {}", to_string(key), node_name)});
}

void Scheduler::refuse(const Json& pod, std::string_view because) {
    const auto why = fmt::format("0/1 nodes are available: {}.", because);
    if (condition_of(pod, "PodScheduled") != nullptr) return;
    Json status = JsonObject{};
    put(status, {"phase"}, Json("Pending"));
    put(status,
        {"conditions"},
        JsonArray{Json{{"type", "PodScheduled"},
                       {"status", "False"},
                       {"lastTransitionTime", rfc3339(cluster_.clock().now())},
                       {"reason", "Unschedulable"},
                       {"message", why}}});
    WriteOptions options;
    options.subresource = Subresource::status;
    (void)cluster_.patch(
        resources::pods, kube::key_of(pod), PatchKind::merge, {{"status", status}}, options);
    events_.record(pod, {EventType::warning, "FailedScheduling", why});
}

}  // namespace sluice::lab
