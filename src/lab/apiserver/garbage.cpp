#include "lab/apiserver/garbage.hpp"

#include "base/core/text.hpp"
#include "lab/apiserver/cluster_state.hpp"
#include "lab/apiserver/crds.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::lab {
namespace {

constexpr std::string_view foreground = "foregroundDeletion";
constexpr std::string_view orphan = "orphan";

bool is_leaving(const Json& object) {
    return !text_at(object, {"metadata", "deletionTimestamp"}).empty();
}

bool has_finalizer(const Json& object, std::string_view name) {
    const auto& finalizers = array_at(object, {"metadata", "finalizers"});
    return std::find(finalizers.begin(), finalizers.end(), Json(name)) != finalizers.end();
}

Json without_finalizer(const Json& object, std::string_view name) {
    Json changed = object;
    auto* list = find(changed, {"metadata", "finalizers"});
    if (list == nullptr || !list->is_array()) return changed;
    auto& finalizers = list->get_array();
    finalizers.erase(std::remove(finalizers.begin(), finalizers.end(), Json(name)),
                     finalizers.end());
    if (finalizers.empty()) drop(changed, {"metadata", "finalizers"});
    return changed;
}

// The object without the owner references that `goes` picks.
template <typename Goes>
Json without_owners(const Json& object, Goes goes) {
    Json changed = object;
    auto* list = find(changed, {"metadata", "ownerReferences"});
    if (list == nullptr || !list->is_array()) return changed;
    auto& owners = list->get_array();
    owners.erase(std::remove_if(owners.begin(), owners.end(), goes), owners.end());
    if (owners.empty()) drop(changed, {"metadata", "ownerReferences"});
    return changed;
}

}  // namespace

void GarbageCollector::saw(const ObjectId& id, const ObjectPtr& before, const ObjectPtr& after) {
    if (after) {
        const bool owned = !array_at(*after, {"metadata", "ownerReferences"}).empty();
        const bool is_container =
            id.kind == "namespaces" || id.kind == "customresourcedefinitions.apiextensions.k8s.io";
        const bool waits =
            is_leaving(*after) &&
            (is_container || has_finalizer(*after, foreground) || has_finalizer(*after, orphan));
        const bool owners_changed =
            owned && (!before || array_at(*before, {"metadata", "ownerReferences"}) !=
                                     array_at(*after, {"metadata", "ownerReferences"}));
        if (waits || owners_changed) look_at(id, std::string(kube::uid_of(*after)));
    } else {
        for (const auto& dependent :
             cluster_.store.dependents(std::string(kube::uid_of(*before)))) {
            if (const auto there = cluster_.store.find(dependent.kind, dependent.key)) {
                look_at(dependent, std::string(kube::uid_of(*there)));
            }
        }
    }
    if (!before) return;
    // Who waited for this one: an owner in the foreground, a namespace, a definition.
    if (after &&
        array_at(*after, {"metadata", "ownerReferences"}) ==
            array_at(*before, {"metadata", "ownerReferences"}) &&
        array_at(*after, {"metadata", "finalizers"}) ==
            array_at(*before, {"metadata", "finalizers"})) {
        return;
    }
    for (const auto& owner : array_at(*before, {"metadata", "ownerReferences"})) {
        const auto* place = cluster_.store.locate(std::string(text_at(owner, {"uid"})));
        if (place != nullptr) look_at(*place, std::string(text_at(owner, {"uid"})));
    }
    if (!id.key.ns.empty()) {
        const ObjectId ns{"namespaces", {"", id.key.ns}};
        const auto there = cluster_.store.find(ns.kind, ns.key);
        if (there && is_leaving(*there)) look_at(ns, std::string(kube::uid_of(*there)));
    }
    const ObjectId crd{"customresourcedefinitions.apiextensions.k8s.io", {"", id.kind}};
    const auto definition = cluster_.store.find(crd.kind, crd.key);
    if (definition && is_leaving(*definition)) {
        look_at(crd, std::string(kube::uid_of(*definition)));
    }
}

void GarbageCollector::look_at(const ObjectId& id, std::string uid) {
    if (!known_.insert(uid).second) return;
    work_.push_back({id, std::move(uid)});
    if (posted_) return;
    posted_ = true;
    cluster_.store.post([weak = std::weak_ptr(self_)] {
        if (const auto self = weak.lock()) (*self)->run();
    });
}

void GarbageCollector::run() {
    posted_ = false;
    known_.clear();
    // What comes up meanwhile waits for the next turn, so that watchers see each step.
    for (const auto& work : std::exchange(work_, {})) look(work);
}

void GarbageCollector::look(const Work& work) {
    const auto object = cluster_.store.find(work.id.kind, work.id.key);
    if (!object || kube::uid_of(*object) != work.uid) return;
    if (is_leaving(*object)) {
        if (has_finalizer(*object, orphan)) return finish_orphan(work.id, object);
        if (has_finalizer(*object, foreground)) return finish_foreground(work.id, object);
        if (work.id.kind == "namespaces") return empty_namespace(object);
        if (has_finalizer(*object, instances_finalizer)) return remove_instances(object);
        return;
    }
    look_at_owners(work.id, object);
}

// An object whose owners are all gone goes too; one that has others loses the references to those
// that went. An owner that leaves in the foreground counts as gone for who decides to follow it.
void GarbageCollector::look_at_owners(const ObjectId& id, const ObjectPtr& object) {
    const auto& owners = array_at(*object, {"metadata", "ownerReferences"});
    if (owners.empty()) return;
    const auto is_gone = [&](const Json& owner) {
        const auto* place = cluster_.store.locate(std::string(text_at(owner, {"uid"})));
        return place == nullptr || (!place->key.ns.empty() && place->key.ns != id.key.ns);
    };
    const auto leaves_in_foreground = [&](const Json& owner) {
        const auto* place = cluster_.store.locate(std::string(text_at(owner, {"uid"})));
        const auto there = place ? cluster_.store.find(place->kind, place->key) : nullptr;
        return there && is_leaving(*there) && has_finalizer(*there, foreground);
    };
    const auto uid = std::string(kube::uid_of(*object));
    const auto gone = std::count_if(owners.begin(), owners.end(), is_gone);
    const auto leaving = std::count_if(owners.begin(), owners.end(), leaves_in_foreground);
    if (gone + leaving == std::ssize(owners)) {
        // Below an owner in the foreground the dependents' own dependents go first, too.
        cluster_.remove_by_garbage_collection(
            id, object, leaving > 0 && !cluster_.store.dependents(uid).empty());
    } else if (gone > 0) {
        cluster_.replace_by_garbage_collection(id, object, without_owners(*object, is_gone));
    }
}

void GarbageCollector::finish_foreground(const ObjectId& id, const ObjectPtr& object) {
    bool waits = false;
    for (const auto& dependent : cluster_.store.dependents(std::string(kube::uid_of(*object)))) {
        const auto there = cluster_.store.find(dependent.kind, dependent.key);
        if (!there) continue;
        for (const auto& owner : array_at(*there, {"metadata", "ownerReferences"})) {
            waits = waits || (text_at(owner, {"uid"}) == kube::uid_of(*object) &&
                              bool_at(owner, {"blockOwnerDeletion"}).value_or(false));
        }
        if (!is_leaving(*there)) look_at(dependent, std::string(kube::uid_of(*there)));
    }
    if (!waits) {
        cluster_.replace_by_garbage_collection(id, object, without_finalizer(*object, foreground));
    }
}

void GarbageCollector::finish_orphan(const ObjectId& id, const ObjectPtr& object) {
    const auto uid = std::string(kube::uid_of(*object));
    for (const auto& dependent : cluster_.store.dependents(uid)) {
        const auto there = cluster_.store.find(dependent.kind, dependent.key);
        if (!there) continue;
        cluster_.replace_by_garbage_collection(
            dependent, there, without_owners(*there, [&](const Json& owner) {
                return text_at(owner, {"uid"}) == uid;
            }));
    }
    cluster_.replace_by_garbage_collection(id, object, without_finalizer(*object, orphan));
}

void GarbageCollector::empty_namespace(const ObjectPtr& ns) {
    const std::string name(text_at(*ns, {"metadata", "name"}));
    const auto kinds = cluster_.kinds.all();
    const auto contents_of = [&](const Kind& kind) {
        std::vector<ObjectPtr> contents;
        const auto& objects = cluster_.store.objects(kind.resource.qualified());
        for (auto here = objects.lower_bound({name, ""});
             here != objects.end() && here->first.ns == name;
             ++here) {
            contents.push_back(here->second);
        }
        return contents;
    };
    for (const auto* kind : kinds) {
        if (!kind->resource.namespaced) continue;
        for (const auto& object : contents_of(*kind)) {
            if (is_leaving(*object)) continue;
            cluster_.remove_by_garbage_collection(
                {kind->resource.qualified(), kube::key_of(*object)}, object, false);
        }
    }
    std::vector<std::string> remaining;
    std::map<std::string, int> held;
    for (const auto* kind : kinds) {
        if (!kind->resource.namespaced) continue;
        const auto contents = contents_of(*kind);
        if (contents.empty()) continue;
        remaining.push_back(fmt::format(
            "{} has {} resource instances", kind->resource.qualified(), contents.size()));
        for (const auto& object : contents) {
            for (const auto& finalizer : array_at(*object, {"metadata", "finalizers"})) {
                if (finalizer.is_string()) ++held[std::string(finalizer.get_string())];
            }
        }
    }
    const ObjectId id{"namespaces", {"", name}};
    if (remaining.empty()) {
        Json done = *ns;
        drop(done, {"spec", "finalizers"});
        cluster_.replace_by_garbage_collection(id, ns, std::move(done));
        return;
    }
    std::vector<std::string> finalizers;
    finalizers.reserve(held.size());
    for (const auto& [finalizer, count] : held) {
        finalizers.push_back(fmt::format("{} in {} resource instances", finalizer, count));
    }
    cluster_.tell_namespace_remains(ns, joined(remaining, ", "), joined(finalizers, ", "));
}

void GarbageCollector::remove_instances(const ObjectPtr& crd) {
    const std::string kind(text_at(*crd, {"metadata", "name"}));
    std::vector<ObjectPtr> instances;
    for (const auto& [key, object] : cluster_.store.objects(kind)) instances.push_back(object);
    for (const auto& object : instances) {
        if (is_leaving(*object)) continue;
        cluster_.remove_by_garbage_collection({kind, kube::key_of(*object)}, object, false);
    }
    if (!cluster_.store.objects(kind).empty()) return;
    const ObjectId id{"customresourcedefinitions.apiextensions.k8s.io", {"", kind}};
    cluster_.replace_by_garbage_collection(id, crd, without_finalizer(*crd, instances_finalizer));
}

}  // namespace sluice::lab
