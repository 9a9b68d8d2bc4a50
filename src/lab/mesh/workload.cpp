#include "lab/mesh/workload.hpp"

#include "kube/resource.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace sluice::mesh {

namespace {

constexpr std::string_view sidecar_status = "sidecar.istio.io/status";

std::string_view label(const Labels& labels, std::string_view name) {
    const auto at =
        std::lower_bound(labels.begin(), labels.end(), name, [](const auto& pair, auto wanted) {
            return pair.first < wanted;
        });
    return at != labels.end() && at->first == name ? std::string_view(at->second)
                                                   : std::string_view();
}

std::string first_of(std::initializer_list<std::string_view> values) {
    for (const auto value : values) {
        if (!value.empty()) return std::string(value);
    }
    return {};
}

// The Deployment's (or Rollout's) name is the ReplicaSet's without its hash.
std::string owner_name(const Json& pod, const Labels& labels) {
    const auto* owner = kube::controller_of(pod);
    if (owner == nullptr) return std::string(text_at(pod, {"metadata", "name"}));
    auto name = text_at(*owner, {"name"});
    if (text_at(*owner, {"kind"}) == "ReplicaSet") {
        for (const auto key : {"pod-template-hash", "rollouts-pod-template-hash"}) {
            const auto hash = label(labels, key);
            if (!hash.empty() && name.size() > hash.size() + 1 && name.ends_with(hash) &&
                name[name.size() - hash.size() - 1] == '-')
                return std::string(name.substr(0, name.size() - hash.size() - 1));
        }
    }
    return std::string(name);
}

void mix(std::uint64_t& hash, std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    hash = (hash ^ 0xff) * 1099511628211ULL;
}

void seal(Workload& workload) {
    std::uint64_t hash = 14695981039346656037ULL;
    for (const auto* text : {&workload.name,
                             &workload.ns,
                             &workload.canonical_service,
                             &workload.canonical_revision,
                             &workload.app,
                             &workload.version,
                             &workload.cluster})
        mix(hash, *text);
    workload.hash = hash;
}

}  // namespace

Labels labels_of(const JsonObject& object) {
    Labels labels;
    labels.reserve(object.size());
    for (const auto& [name, value] : object) {
        if (value.is_string())
            labels.emplace_back(std::string(name), std::string(value.get_string()));
    }
    std::sort(labels.begin(), labels.end());
    return labels;
}

bool has_labels(const Labels& labels, const Labels& wanted) {
    return std::includes(labels.begin(), labels.end(), wanted.begin(), wanted.end());
}

bool Workload::same_identity(const Workload& other) const {
    return this == &other || (hash == other.hash && name == other.name && ns == other.ns &&
                              canonical_service == other.canonical_service &&
                              canonical_revision == other.canonical_revision && app == other.app &&
                              version == other.version && cluster == other.cluster);
}

WorkloadPtr outside() {
    static const WorkloadPtr nobody = [] {
        auto workload = std::make_shared<Workload>();
        seal(*workload);
        return workload;
    }();
    return nobody;
}

Workload workload_named(std::string name, std::string ns, Labels labels) {
    Workload workload;
    workload.name = std::move(name);
    workload.ns = std::move(ns);
    workload.labels = std::move(labels);
    const auto& l = workload.labels;
    const auto or_unknown = [](std::string_view text) {
        return std::string(text.empty() ? "unknown" : text);
    };
    workload.app = or_unknown(label(l, "app"));
    workload.version = or_unknown(label(l, "version"));
    workload.canonical_service = first_of({label(l, "service.istio.io/canonical-name"),
                                           label(l, "app.kubernetes.io/name"),
                                           label(l, "app"),
                                           workload.name});
    workload.canonical_revision = first_of({label(l, "service.istio.io/canonical-revision"),
                                            label(l, "app.kubernetes.io/version"),
                                            label(l, "version"),
                                            "latest"});
    workload.cluster = "Kubernetes";
    seal(workload);
    return workload;
}

Workload workload_of_pod(const Json& pod) {
    auto labels = labels_of(object_at(pod, {"metadata", "labels"}));
    auto name = owner_name(pod, labels);
    auto workload = workload_named(
        std::move(name), std::string(text_at(pod, {"metadata", "namespace"})), std::move(labels));
    workload.in_mesh = has_sidecar(pod);
    return workload;
}

bool wants_sidecar(const Json& pod, const Json& ns, std::string_view revision) {
    const auto namespace_name = text_at(ns, {"metadata", "name"});
    for (const auto never :
         {"kube-system", "kube-public", "kube-node-lease", "local-path-storage"}) {
        if (namespace_name == never) return false;
    }
    if (bool_at(pod, {"spec", "hostNetwork"}).value_or(false)) return false;

    const auto is_ours = [&](std::string_view asked) {
        return asked == revision || asked == revision.substr(0, revision.find('.'));
    };
    const auto wish = [&] {
        auto text = text_at(pod, {"metadata", "labels", "sidecar.istio.io/inject"});
        if (text.empty())
            text = text_at(pod, {"metadata", "annotations", "sidecar.istio.io/inject"});
        return text;
    }();
    if (wish == "false") return false;

    const auto injection = text_at(ns, {"metadata", "labels", "istio-injection"});
    const auto namespace_revision = text_at(ns, {"metadata", "labels", "istio.io/rev"});
    const auto pod_revision = text_at(pod, {"metadata", "labels", "istio.io/rev"});
    if (injection == "disabled") return false;
    if (injection == "enabled") return true;
    if (!namespace_revision.empty()) return is_ours(namespace_revision);
    if (!pod_revision.empty()) return is_ours(pod_revision);
    return wish == "true";
}

void mark_injected(Json& pod, std::string_view revision) {
    const Json status{{"revision", revision},
                      {"containers", JsonArray{"istio-proxy"}},
                      {"provider", "sluice-lab"}};
    put(pod, {"metadata", "annotations", sidecar_status}, Json(to_text(status)));
}

bool has_sidecar(const Json& pod) {
    return find(pod, {"metadata", "annotations", sidecar_status}) != nullptr;
}

}  // namespace sluice::mesh
