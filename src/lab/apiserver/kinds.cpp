#include "lab/apiserver/kinds.hpp"

#include "base/core/text.hpp"
#include "lab/apiserver/builtin_fields.hpp"

#include <algorithm>

namespace sluice::lab {
namespace {

enum Trait : unsigned {
    plain = 0,
    cluster_scoped = 1,
    with_status = 2,
    with_scale = 4,
    with_generation = 8,
    answer_only = 16,
    read_only = 32,
};

// One line per kind. `also` is a second group and version under which the same objects are served.
struct Row {
    std::string_view group, version, plural, kind;
    unsigned traits;
    std::string_view short_names, categories;
    std::string_view also_group = {}, also_version = {};
};

constexpr unsigned workload = with_status | with_scale | with_generation;

// clang-format off
constexpr Row rows[]{
    {"", "v1", "namespaces", "Namespace", cluster_scoped | with_status, "ns", ""},
    {"", "v1", "pods", "Pod", with_status, "po", "all"},
    {"", "v1", "services", "Service", with_status, "svc", "all"},
    {"", "v1", "endpoints", "Endpoints", plain, "ep", ""},
    {"", "v1", "configmaps", "ConfigMap", plain, "cm", ""},
    {"", "v1", "secrets", "Secret", plain, "", ""},
    {"", "v1", "events", "Event", plain, "ev", "", "events.k8s.io", "v1"},
    {"", "v1", "nodes", "Node", cluster_scoped | with_status, "no", ""},
    {"", "v1", "serviceaccounts", "ServiceAccount", plain, "sa", ""},
    {"", "v1", "resourcequotas", "ResourceQuota", with_status, "quota", ""},
    {"", "v1", "limitranges", "LimitRange", plain, "limits", ""},
    {"", "v1", "replicationcontrollers", "ReplicationController", with_status | read_only, "rc", "all"},
    {"", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", with_status, "pvc", ""},
    {"apps", "v1", "deployments", "Deployment", workload, "deploy", "all"},
    {"apps", "v1", "replicasets", "ReplicaSet", workload, "rs", "all"},
    {"apps", "v1", "daemonsets", "DaemonSet", with_status | with_generation, "ds", "all"},
    {"apps", "v1", "statefulsets", "StatefulSet", workload, "sts", "all"},
    {"apps", "v1", "controllerrevisions", "ControllerRevision", plain, "", ""},
    {"autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", with_status, "hpa", "all", "autoscaling", "v1"},
    {"batch", "v1", "jobs", "Job", with_status | with_generation, "", "all"},
    {"batch", "v1", "cronjobs", "CronJob", with_status | with_generation, "cj", "all"},
    {"discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", with_generation, "", ""},
    {"coordination.k8s.io", "v1", "leases", "Lease", plain, "", ""},
    {"networking.k8s.io", "v1", "ingresses", "Ingress", with_status | with_generation, "ing", ""},
    {"networking.k8s.io", "v1", "ingressclasses", "IngressClass", cluster_scoped | with_generation, "", ""},
    {"policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", with_status | with_generation, "pdb", ""},
    {"rbac.authorization.k8s.io", "v1", "roles", "Role", plain, "", ""},
    {"rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", plain, "", ""},
    {"rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", cluster_scoped, "", ""},
    {"rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", cluster_scoped, "", ""},
    {"authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", cluster_scoped | answer_only, "", ""},
    {"authorization.k8s.io", "v1", "selfsubjectrulesreviews", "SelfSubjectRulesReview", cluster_scoped | answer_only, "", ""},
    {"authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", cluster_scoped | answer_only, "", ""},
    {"apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", cluster_scoped | with_status | with_generation, "crd,crds", "api-extensions"},
};
// clang-format on

KindVersion version_of(const Row& row, std::string_view group, std::string_view name) {
    KindVersion version;
    version.group = group;
    version.name = name;
    version.status = (row.traits & with_status) != 0;
    if ((row.traits & with_scale) != 0) {
        version.scale = ScalePaths{".spec.replicas", ".status.replicas", ".spec.selector"};
    }
    version.schema = builtin_schema(row.kind, name);
    return version;
}

Kind kind_of(const Row& row) {
    Kind kind;
    kind.resource = {std::string(row.group),
                     std::string(row.version),
                     std::string(row.plural),
                     std::string(row.kind),
                     (row.traits & cluster_scoped) == 0};
    kind.singular = lower_case(row.kind);
    kind.list_kind = std::string(row.kind) + "List";
    kind.short_names = split_list(row.short_names);
    kind.categories = split_list(row.categories);
    kind.stored = (row.traits & answer_only) == 0;
    kind.verbs = !kind.stored                    ? split_list("create")
                 : (row.traits & read_only) != 0 ? split_list("get,list,watch")
                                                 : split_list(
                                                       "create,delete,deletecollection,get,list,"
                                                       "patch,update,watch");
    kind.generations = (row.traits & with_generation) != 0;
    kind.versions.push_back(version_of(row, row.group, row.version));
    kind.versions.back().storage = true;
    if (!row.also_version.empty()) {
        kind.versions.push_back(version_of(row, row.also_group, row.also_version));
    }
    return kind;
}

}  // namespace

bool Kind::has_verb(std::string_view verb) const {
    return std::ranges::find(verbs, verb) != verbs.end();
}

const KindVersion* Kind::version(std::string_view group, std::string_view name) const {
    const auto there = std::find_if(versions.begin(), versions.end(), [&](const auto& version) {
        return version.name == name && version.group == group;
    });
    return there == versions.end() || !there->served ? nullptr : &*there;
}

const KindVersion& Kind::storage() const {
    return *std::find_if(
        versions.begin(), versions.end(), [](const auto& version) { return version.storage; });
}

Resource Kind::resource_in(const KindVersion& version) const {
    auto named = resource;
    named.group = version.group;
    named.version = version.name;
    return named;
}

KindTable::KindTable() {
    for (const auto& row : rows) built_in_.push_back(std::make_unique<Kind>(kind_of(row)));
}

const Kind* KindTable::find(std::string_view group,
                            std::string_view version,
                            std::string_view plural) const {
    for (const auto& kind : built_in_) {
        if (kind->resource.plural == plural && kind->version(group, version) != nullptr) {
            return kind.get();
        }
    }
    const auto custom = custom_.find({std::string(group), std::string(plural)});
    if (custom == custom_.end() || custom->second->version(group, version) == nullptr) {
        return nullptr;
    }
    return custom->second.get();
}

const Kind* KindTable::find_named(std::string_view group,
                                  std::string_view version,
                                  std::string_view kind) const {
    for (const auto* one : all()) {
        if (one->resource.kind == kind && one->version(group, version) != nullptr) return one;
    }
    return nullptr;
}

std::vector<const Kind*> KindTable::all() const {
    std::vector<const Kind*> kinds;
    kinds.reserve(built_in_.size() + custom_.size());
    for (const auto& kind : built_in_) kinds.push_back(kind.get());
    for (const auto& [name, kind] : custom_) kinds.push_back(kind.get());
    return kinds;
}

void KindTable::put(Kind kind) {
    auto& place = custom_[{kind.resource.group, kind.resource.plural}];
    if (place) retired_.push_back(std::move(place));
    place = std::make_unique<Kind>(std::move(kind));
    ++generation_;
}

void KindTable::remove(std::string_view group, std::string_view plural) {
    const auto there = custom_.find({std::string(group), std::string(plural)});
    if (there == custom_.end()) return;
    retired_.push_back(std::move(there->second));
    custom_.erase(there);
    ++generation_;
}

}  // namespace sluice::lab
