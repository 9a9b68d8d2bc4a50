// How an object leaves the cluster: at once, after a grace period, or when its finalizers are done.
#include "lab/apiserver/cluster_state.hpp"

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
    }
    if (may_go(target, object)) {
        if (!options.dry_run) erase(target, before);
        return view(target, before);
    }
    if (object == *before) return view(target, before);
    if (options.dry_run) return view(target, std::make_shared<const Json>(std::move(object)));
    return view(target, commit(target, std::move(object), before));
}

}  // namespace sluice::lab
