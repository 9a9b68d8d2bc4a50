#include "web/sidecars.hpp"

#include "kube/pods.hpp"
#include "release/lint_cluster.hpp"
#include "release/mesh_scene.hpp"
#include "release/versions.hpp"
#include "web/edges.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace sluice::web {
namespace {

namespace resources = kube::resources;

constexpr std::string_view status_annotation = "sidecar.istio.io/status";
constexpr std::string_view inject = "sidecar.istio.io/inject";

// Of which Deployment or DaemonSet a pod is: a ReplicaSet is named after its Deployment, with the
// hash of the template behind it.
std::string owner_of(const Json& pod) {
    const auto* owner = kube::controller_of(pod);
    if (owner == nullptr) return {};
    const auto kind = text_at(*owner, {"kind"});
    const auto name = text_at(*owner, {"name"});
    if (kind == "DaemonSet") return std::string(name);
    if (kind != "ReplicaSet") return {};
    return std::string(name.substr(0, name.rfind('-')));
}

const Json* proxy_of(const Json& pod) {
    for (const auto* list : {"containers", "initContainers"}) {
        for (const auto& container : array_at(pod, {"spec", list})) {
            if (text_at(container, {"name"}) == "istio-proxy") return &container;
        }
    }
    return nullptr;
}

std::string counted(int count, int of, std::string_view one, std::string_view many) {
    return fmt::format("{} of {} pods {}", count, of, count == 1 ? one : many);
}

}  // namespace

std::string Sidecars::reason() const {
    if (missing > 0) return counted(missing, pods, "has no sidecar", "have no sidecar");
    if (outdated > 0) {
        return counted(outdated,
                       pods,
                       "has a sidecar of another revision",
                       "have sidecars of another revision");
    }
    if (needless > 0) {
        return counted(needless,
                       pods,
                       "has a sidecar that is no longer asked for",
                       "have sidecars that are no longer asked for");
    }
    return {};
}

bool is_revision(std::string_view asked, std::string_view revision) {
    return asked == revision || asked == revision.substr(0, revision.find('.'));
}

Injection injection_of(const Json& pod, const Json& ns) {
    auto wish = text_at(pod, {"metadata", "labels", inject});
    if (wish.empty()) wish = text_at(pod, {"metadata", "annotations", inject});
    const auto injection = text_at(ns, {"metadata", "labels", "istio-injection"});
    const auto of_namespace = text_at(ns, {"metadata", "labels", "istio.io/rev"});
    const auto of_pod = text_at(pod, {"metadata", "labels", "istio.io/rev"});
    if (wish == "false" || injection == "disabled") return {};
    if (injection == "enabled") return {.wanted = true};
    if (!of_namespace.empty()) return {.wanted = true, .revision = std::string(of_namespace)};
    if (!of_pod.empty()) return {.wanted = true, .revision = std::string(of_pod)};
    return {.wanted = wish == "true"};
}

void SidecarBook::forget() {
    changed_.clear();
    changed_namespaces_.clear();
    pods_.clear();
    labels_.clear();
    by_workload_.clear();
    labelled_.clear();
    tags_ = {};
    are_tags_read_ = true;
    is_counted_ = true;
}

void SidecarBook::note_change(const kube::Resource& resource, const kube::ObjectKey& key) {
    if (resource == resources::pods) changed_.insert(key);
    if (resource == resources::namespaces) changed_namespaces_.insert(key.name);
    if (resource == release::injector_webhooks()) are_tags_read_ = false;
}

std::optional<SidecarBook::Seen> SidecarBook::seen_of(const Json& pod,
                                                      const std::optional<Json>& ns) {
    const auto phase = text_at(pod, {"status", "phase"});
    if (phase == "Succeeded" || phase == "Failed") return std::nullopt;
    const auto owner = owner_of(pod);
    const auto id = workload_id(kube::key_of(pod).ns, owner);
    Seen seen;
    auto& labels = labels_[id];
    const Json here = object_at(pod, {"metadata", "labels"});
    if (!labels || *labels != here) labels = std::make_shared<const Json>(here);
    seen.labels = labels;
    seen.ready = kube::is_ready(pod);
    if (owner.empty() || find(pod, {"metadata", "deletionTimestamp"}) != nullptr) return seen;
    seen.workload = id;
    seen.name = owner;
    const auto status = text_at(pod, {"metadata", "annotations", status_annotation});
    const auto* proxy = proxy_of(pod);
    seen.has_sidecar = !status.empty() || proxy != nullptr;
    if (const auto told = parse_json(status)) {
        seen.revision = text_at(*told, {"revision"});
    }
    if (seen.revision.empty()) {
        seen.revision = text_at(pod, {"metadata", "labels", "istio.io/rev"});
    }
    const auto image = proxy == nullptr ? std::string_view{} : text_at(*proxy, {"image"});
    if (!image.empty()) seen.version = release::version_of(image);
    // No tag, as of a gateway's `auto`, or one that moves, says no version.
    if (seen.version.empty() || seen.version == "latest") seen.version = seen.revision;
    if (seen.version.empty()) seen.version = "unknown";
    // Where the namespace cannot be read, what the pod has is what it should have.
    seen.injection = ns ? injection_of(pod, *ns) : Injection{.wanted = seen.has_sidecar};
    return seen;
}

void SidecarBook::count() {
    by_workload_.clear();
    std::erase_if(labels_, [](const auto& entry) { return entry.second.use_count() == 1; });
    for (const auto& [key, pod] : pods_) {
        if (pod.workload.empty()) continue;
        auto& sum = by_workload_[pod.workload];
        sum.ns = key.ns;
        sum.name = pod.name;
        ++sum.pods;
        if (pod.ready) ++sum.ready;
        if (pod.has_sidecar) {
            ++sum.with;
            ++sum.versions[pod.version];
            if (!pod.revision.empty()) sum.revisions.insert(pod.revision);
        }
        if (pod.injection.wanted && !pod.has_sidecar) ++sum.missing;
        // A gateway's proxy is no sidecar that somebody would have to ask for.
        if (!pod.injection.wanted && pod.has_sidecar && !pod.revision.empty()) ++sum.needless;
        const auto asked = tags_.behind(pod.injection.revision);
        if (pod.has_sidecar && !asked.empty() && !pod.revision.empty() &&
            !is_revision(asked, pod.revision)) {
            ++sum.outdated;
        }
    }
}

bool SidecarBook::read_some(const Known& known, std::size_t pods_max) {
    if (!std::exchange(are_tags_read_, true)) {
        tags_ = {};
        for (const auto& webhook : known.list(release::injector_webhooks())) tags_.note(webhook);
        is_counted_ = false;
    }
    if (!changed_namespaces_.empty()) {
        const auto spaces = std::exchange(changed_namespaces_, {});
        for (const auto& [key, pod] : pods_) {
            if (spaces.contains(key.ns)) changed_.insert(key);
        }
    }
    std::map<std::string, std::optional<Json>> namespaces;
    for (; pods_max > 0 && !changed_.empty(); --pods_max) {
        const auto key = changed_.extract(changed_.begin()).value();
        const auto pod = known.get(resources::pods, key);
        auto [ns, is_new] = namespaces.try_emplace(key.ns);
        if (is_new) ns->second = known.get(resources::namespaces, {"", key.ns});
        auto seen = pod ? seen_of(*pod, ns->second) : std::nullopt;
        forget_labels_of(key.ns);
        if (seen) {
            pods_[key] = *std::move(seen);
        } else {
            pods_.erase(key);
        }
        is_counted_ = false;
    }
    return !changed_.empty();
}

const std::map<std::string, Sidecars>& SidecarBook::by_workload() {
    if (!std::exchange(is_counted_, true)) count();
    return by_workload_;
}

SidecarBook::Endpoints SidecarBook::endpoints(const std::string& ns, const JsonObject& selector) {
    Endpoints endpoints;
    if (selector.empty()) return endpoints;
    const auto [place, is_new] = labelled_.try_emplace(ns);
    if (is_new) {
        for (auto pod = pods_.lower_bound({ns, ""}); pod != pods_.end() && pod->first.ns == ns;
             ++pod) {
            for (const auto& [name, value] : pod->second.labels->get_object()) {
                place->second[release::label_text(name, value)].push_back(&pod->second);
            }
        }
    }
    const auto& first = *selector.begin();
    const auto found = place->second.find(release::label_text(first.key(), first.value()));
    if (found == place->second.end()) return endpoints;
    for (const auto* pod : found->second) {
        ++compared_;
        if (!release::selects(selector, pod->labels->get_object())) continue;
        ++endpoints.total;
        if (pod->ready) ++endpoints.ready;
    }
    return endpoints;
}

}  // namespace sluice::web
