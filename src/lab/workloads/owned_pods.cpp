#include "lab/workloads/owned_pods.hpp"

#include "lab/apiserver/selectors.hpp"
#include "lab/workloads/pod_questions.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

namespace sluice::lab {

namespace resources = kube::resources;

std::vector<ObjectKey> controllers_of(const Change& change, std::string_view kind) {
    const auto ns = kube::key_of(*change.object).ns;
    std::vector<ObjectKey> keys;
    for (const auto& object : {change.object, change.before}) {
        if (object == nullptr) continue;
        const auto* owner = kube::controller_of(*object);
        if (owner != nullptr && text_at(*owner, {"kind"}) == kind) {
            keys.push_back({ns, std::string(text_at(*owner, {"name"}))});
        }
    }
    return keys;
}

std::vector<ObjectKey> OwnedPods::concerned(const Change& change) const {
    auto keys = controllers_of(change, kind_.kind);
    if (kube::controller_of(*change.object) != nullptr) return keys;
    const bool lost_owner =
        change.before != nullptr && kube::controller_of(*change.before) != nullptr;
    if (!lost_owner && change.kind != ChangeKind::added) return keys;
    for (const auto& owner : cluster_.list(kind_, kube::key_of(*change.object).ns)) {
        keys.push_back(kube::key_of(*owner));
    }
    return keys;
}

std::vector<ObjectPtr> OwnedPods::of(const Json& owner) {
    auto pods = pods_.owned_by(kube::uid_of(owner));
    const auto* wanted = find(owner, {"spec", "selector"});
    if (wanted == nullptr || is_being_deleted(owner)) return pods;
    const auto selector = label_selector_of(*wanted);
    if (!selector || selector->empty()) return pods;
    for (const auto& pod : pods_.orphans(kube::key_of(owner).ns)) {
        if (!is_active(*pod) || !selector->selects(*pod)) continue;
        Json adopt = JsonObject{};
        put(adopt,
            {"metadata", "ownerReferences"},
            JsonArray{kube::owner_reference_to(kind_, owner)});
        const auto adopted =
            cluster_.patch(resources::pods, kube::key_of(*pod), PatchKind::merge, adopt);
        if (!adopted) continue;
        pods_.note(**adopted);
        pods.push_back(*adopted);
    }
    return pods;
}

Json OwnedPods::from_template(const Json& owner) const {
    Json pod = {{"apiVersion", "v1"}, {"kind", "Pod"}};
    const auto key = kube::key_of(owner);
    put(pod, {"metadata", "generateName"}, Json(key.name + "-"));
    put(pod, {"metadata", "namespace"}, Json(key.ns));
    for (const std::string_view field : {"labels", "annotations", "finalizers"}) {
        if (const auto* value = find(owner, {"spec", "template", "metadata", field})) {
            put(pod, {"metadata", field}, *value);
        }
    }
    put(pod, {"metadata", "ownerReferences"}, JsonArray{kube::owner_reference_to(kind_, owner)});
    put(pod, {"spec"}, object_at(owner, {"spec", "template", "spec"}));
    return pod;
}

Answer<ObjectPtr> OwnedPods::create(const Json& owner, const Json& pod) {
    auto created = cluster_.create(resources::pods, pod);
    if (!created) {
        events_.record(owner,
                       {EventType::warning,
                        "FailedCreate",
                        fmt::format("Error creating: {}", created.error().message)});
        return created;
    }
    pods_.note(**created);
    events_.record(owner,
                   {EventType::normal,
                    "SuccessfulCreate",
                    fmt::format("Created pod: {}", kube::key_of(**created).name)});
    return created;
}

bool OwnedPods::remove(const Json& owner, const Json& pod) {
    DeleteOptions options;
    options.uid = std::string(kube::uid_of(pod));
    const auto removed = cluster_.remove(resources::pods, kube::key_of(pod), options);
    if (!removed) return false;
    events_.record(owner,
                   {EventType::normal,
                    "SuccessfulDelete",
                    fmt::format("Deleted pod: {}", kube::key_of(pod).name)});
    return true;
}

}  // namespace sluice::lab
