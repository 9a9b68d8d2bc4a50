// How an object leaves the cluster: at once, after a grace period, or when its finalizers are done.
#include "lab/apiserver/cluster_state.hpp"
#include "lab/apiserver/crds.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::lab {
namespace {

constexpr std::string_view foreground = "foregroundDeletion";
constexpr std::string_view orphan = "orphan";

bool is_protected(std::string_view ns) {
    return ns == "default" || ns == "kube-system" || ns == "kube-public";
}

void add_finalizer(Json& object, std::string_view name) {
    auto& list = object.get_object()["metadata"].get_object()["finalizers"];
    if (!list.is_array()) list.emplace_array();
    auto& finalizers = list.get_array();
    if (std::find(finalizers.begin(), finalizers.end(), Json(name)) == finalizers.end()) {
        finalizers.emplace_back(name);
    }
}

std::optional<Status> failed_precondition(const Target& target,
                                          const Json& object,
                                          const DeleteOptions& options) {
    const auto name = text_at(object, {"metadata", "name"});
    if (!options.uid.empty() && options.uid != kube::uid_of(object)) {
        return statuses::conflict(
            target.resource,
            name,
            fmt::format("Precondition failed: UID in precondition: {}, UID in object meta: {}",
                        options.uid,
                        kube::uid_of(object)));
    }
    if (!options.resource_version.empty() &&
        options.resource_version != kube::resource_version_of(object)) {
        return statuses::conflict(
            target.resource,
            name,
            fmt::format("Precondition failed: ResourceVersion in precondition: {}, ResourceVersion "
                        "in object meta: {}",
                        options.resource_version,
                        kube::resource_version_of(object)));
    }
    return std::nullopt;
}

// Seconds that the pod gets; other kinds get none. A pod that no node has yet goes at once.
std::int64_t grace_of(const Target& target, const Json& object, const DeleteOptions& options) {
    if (target.kind->resource.qualified() != "pods") return 0;
    if (text_at(object, {"spec", "nodeName"}).empty()) return 0;
    const auto phase = text_at(object, {"status", "phase"});
    if (phase == "Succeeded" || phase == "Failed") return 0;
    constexpr std::int64_t usual = 30;
    const auto asked =
        options.grace_seconds
            ? *options.grace_seconds
            : integer_at(object, {"spec", "terminationGracePeriodSeconds"}).value_or(usual);
    return std::max<std::int64_t>(asked, 0);
}

}  // namespace

bool Cluster::State::may_go(const Target& target, const Json& object) const {
    if (!array_at(object, {"metadata", "finalizers"}).empty()) return false;
    if (target.resource.kind == "Namespace" && !array_at(object, {"spec", "finalizers"}).empty()) {
        return false;
    }
    return integer_at(object, {"metadata", "deletionGracePeriodSeconds"}).value_or(0) == 0;
}

Answer<ObjectPtr> Cluster::State::remove(const Target& target,
                                         const ObjectKey& key,
                                         const DeleteOptions& options) {
    const auto found = stored(target, key);
    if (!found) return found;
    const auto& before = *found;
    if (auto refusal = failed_precondition(target, *before, options)) {
        return std::unexpected(*refusal);
    }
    const bool is_namespace = target.resource.kind == "Namespace";
    if (is_namespace && is_protected(key.name)) {
        return std::unexpected(
            statuses::forbidden(target.resource, key.name, "this namespace may not be deleted"));
    }

    Json object = *before;
    if (options.propagation == "Foreground") add_finalizer(object, foreground);
    if (options.propagation == "Orphan") add_finalizer(object, orphan);
    const auto grace = grace_of(target, object, options);
    const bool already = !text_at(object, {"metadata", "deletionTimestamp"}).empty();
    // A second deletion can only shorten the time that is left.
    const auto grace_before =
        integer_at(object, {"metadata", "deletionGracePeriodSeconds"}).value_or(0);
    if (!already || grace < grace_before) {
        put(object,
            {"metadata", "deletionTimestamp"},
            Json(rfc3339(clock.now() + std::chrono::seconds(grace))));
        put(object, {"metadata", "deletionGracePeriodSeconds"}, grace);
        if (const auto generation = integer_at(object, {"metadata", "generation"});
            generation && !already) {
            put(object, {"metadata", "generation"}, *generation + 1);
        }
        if (is_namespace) put(object, {"status", "phase"}, "Terminating");
        if (target.resource.kind == "CustomResourceDefinition") {
            add_finalizer(object, instances_finalizer);
            mark_crd_terminating(object, time_now());
        }
    }
    if (may_go(target, object)) {
        if (!options.dry_run) erase(target, std::move(object), before);
        return view(target, before);
    }
    if (object == *before) return view(target, before);
    if (options.dry_run) return view(target, std::make_shared<const Json>(std::move(object)));
    return view(target, commit(target, std::move(object), before));
}

void Cluster::State::remove_by_garbage_collection(const ObjectId& id,
                                                  const ObjectPtr& object,
                                                  bool in_foreground) {
    const auto target = target_of(id.kind);
    if (!target) return;
    DeleteOptions options;
    options.uid = kube::uid_of(*object);
    if (in_foreground) options.propagation = "Foreground";
    // One that went or was made anew meanwhile is no longer ours to remove.
    (void)remove(*target, id.key, options);
}

void Cluster::State::replace_by_garbage_collection(const ObjectId& id,
                                                   const ObjectPtr& before,
                                                   Json after) {
    const auto target = target_of(id.kind);
    if (!target || after == *before) return;
    const bool leaving = !text_at(after, {"metadata", "deletionTimestamp"}).empty();
    if (leaving && may_go(*target, after)) {
        erase(*target, std::move(after), before);
    } else {
        commit(*target, std::move(after), before);
    }
}

namespace {

void set_namespace_condition(Json& ns,
                             std::string_view type,
                             std::string_view reason,
                             std::string message,
                             std::string_view now) {
    auto& conditions = ns.get_object()["status"].get_object()["conditions"];
    if (!conditions.is_array()) conditions.emplace_array();
    JsonObject wanted{{"type", type},
                      {"status", "True"},
                      {"lastTransitionTime", now},
                      {"reason", reason},
                      {"message", std::move(message)}};
    for (auto& there : conditions.get_array()) {
        if (text_at(there, {"type"}) != type) continue;
        wanted["lastTransitionTime"] = Json(text_at(there, {"lastTransitionTime"}));
        there = std::move(wanted);
        return;
    }
    conditions.get_array().emplace_back(std::move(wanted));
}

}  // namespace

void Cluster::State::tell_namespace_remains(const ObjectPtr& ns,
                                            const std::string& contents,
                                            const std::string& finalizers) {
    Json after = *ns;
    set_namespace_condition(after,
                            "NamespaceContentRemaining",
                            "SomeResourcesRemain",
                            fmt::format("Some resources are remaining: {}", contents),
                            time_now());
    if (!finalizers.empty()) {
        set_namespace_condition(
            after,
            "NamespaceFinalizersRemaining",
            "SomeFinalizersRemain",
            fmt::format("Some content in the namespace has finalizers remaining: {}", finalizers),
            time_now());
    }
    replace_by_garbage_collection({"namespaces", kube::key_of(*ns)}, ns, std::move(after));
}

}  // namespace sluice::lab
