// Server-side apply: what a manager wants, merged with what the others own (kubernetes.md B.7).
#include "base/core/text.hpp"
#include "lab/apiserver/cluster_state.hpp"
#include "lab/apiserver/managed_fields.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <map>

namespace sluice::lab {
namespace {

std::optional<Status> wrong_with_body(const Target& target,
                                      const ObjectKey& key,
                                      Json& body,
                                      const ApplyOptions& options) {
    if (options.manager.empty()) {
        static const Resource patch_options{"meta.k8s.io", "v1", "patchoptions", "PatchOptions"};
        return statuses::invalid(
            patch_options,
            {},
            {field_error::required("fieldManager", "is required for apply patch")});
    }
    if (!body.is_object()) return statuses::bad_request("the body of an apply is an object");
    if (find(body, {"metadata", "managedFields"}) != nullptr) {
        return statuses::bad_request("metadata.managedFields must be nil");
    }
    if (text_at(body, {"apiVersion"}) != target.resource.api_version() ||
        text_at(body, {"kind"}) != target.resource.kind) {
        return statuses::bad_request(
            fmt::format("invalid object type: {}, Kind={}; expected {}, Kind={}",
                        text_at(body, {"apiVersion"}),
                        text_at(body, {"kind"}),
                        target.resource.api_version(),
                        target.resource.kind));
    }
    const std::string name(text_at(body, {"metadata", "name"}, key.name));
    if (name != key.name) {
        return statuses::bad_request(fmt::format(
            "the name of the object ({}) does not match the name on the URL ({})", name, key.name));
    }
    const std::string ns(text_at(body, {"metadata", "namespace"}, key.ns));
    if (target.resource.namespaced && ns != key.ns) {
        return statuses::bad_request(
            "the namespace of the provided object does not match the namespace sent on the "
            "request");
    }
    put(body, {"metadata", "name"}, Json(key.name));
    if (target.resource.namespaced) put(body, {"metadata", "namespace"}, Json(key.ns));
    return std::nullopt;
}

struct Conflict {
    FieldOwner owner;
    FieldPath path;
};

// A field that somebody else owns and that would get another value.
std::vector<Conflict> conflicts_of(const ManagedFields& managed,
                                   const FieldOwner& me,
                                   const FieldPaths& wanted,
                                   const Json& live,
                                   const Json& body) {
    std::vector<Conflict> conflicts;
    for (const auto& path : wanted) {
        const auto* there = value_at(live, path);
        const auto* mine = value_at(body, path);
        if (there == nullptr || mine == nullptr || *there == *mine) continue;
        // An item of a list differs by its members, and those are looked at one by one.
        if (!path.back().starts_with("f:")) continue;
        for (const auto& entry : managed.entries()) {
            if (entry.owner != me && entry.paths.contains(path)) {
                conflicts.push_back({entry.owner, path});
            }
        }
    }
    return conflicts;
}

Status conflict_status(const std::vector<Conflict>& conflicts) {
    std::map<std::string, std::vector<FieldPath>> by_manager;
    JsonArray causes;
    for (const auto& conflict : conflicts) {
        by_manager[to_string(conflict.owner)].push_back(conflict.path);
    }
    std::string message;
    for (const auto& [manager, paths] : by_manager) {
        if (!message.empty()) message += "\n";
        if (conflicts.size() == 1) {
            message += fmt::format("conflict with {}: {}", manager, to_string(paths.front()));
        } else {
            message += fmt::format("conflicts with {}:", manager);
            for (const auto& path : paths) message += "\n- " + to_string(path);
        }
        for (const auto& path : paths) {
            causes.push_back(JsonObject{{"reason", "FieldManagerConflict"},
                                        {"message", fmt::format("conflict with {}", manager)},
                                        {"field", to_string(path)}});
        }
    }
    return {409,
            "Conflict",
            conflicts.size() == 1
                ? fmt::format("Apply failed with 1 conflict: {}", message)
                : fmt::format("Apply failed with {} conflicts: {}", conflicts.size(), message),
            JsonObject{{"causes", std::move(causes)}}};
}

std::string_view name_of(Subresource subresource) {
    switch (subresource) {
        case Subresource::none:
            return {};
        case Subresource::status:
            return "status";
        case Subresource::scale:
            return "scale";
        case Subresource::finalize:
            return "finalize";
    }
    return {};
}

// What the manager gave up goes, unless somebody else holds it.
void remove_given_up(Json& object,
                     const ManagedFields& managed,
                     const FieldOwner& me,
                     const FieldPaths& wanted) {
    const auto* mine = managed.of(me);
    if (mine == nullptr) return;
    // An item of a list comes before its members and goes as a whole, with what was defaulted in
    // it.
    for (const auto& path : mine->paths) {
        if (!wanted.contains(path) && !managed.others_own(me, path)) remove_at(object, path);
    }
}

}  // namespace

Answer<Applied> Cluster::apply(const Resource& resource,
                               const ObjectKey& key,
                               Json body,
                               const ApplyOptions& options) {
    const auto target = state_->resolve(resource);
    if (!target) return std::unexpected(target.error());
    if (auto refusal = wrong_with_body(*target, key, body, options)) {
        return std::unexpected(*refusal);
    }
    const WriteOptions write{.subresource = options.subresource,
                             .field_manager = options.manager,
                             .dry_run = options.dry_run,
                             .strict_fields = options.strict_fields,
                             .warnings = options.warnings};
    const FieldOwner me{options.manager,
                        true,
                        target->resource.api_version(),
                        std::string(name_of(options.subresource))};
    const auto* schema = target->schema();
    const bool status = options.subresource == Subresource::status;

    const auto live = state_->stored(*target, key);
    if (!live) {
        if (options.subresource != Subresource::none) return std::unexpected(live.error());
        auto made = state_->create(*target, std::move(body), write, &me);
        if (!made) return std::unexpected(made.error());
        return Applied{*made, true};
    }
    if (options.subresource == Subresource::scale) {
        auto scaled = patch(resource, key, PatchKind::merge, body, write);
        if (!scaled) return std::unexpected(scaled.error());
        return Applied{*scaled, false};
    }

    // Only what the caller wrote counts, so nothing is defaulted here.
    if (auto refusal = state_->check_fields(*target, body, write)) return std::unexpected(*refusal);
    Json owned = body;
    if (status) {
        const auto* given = sluice::find(body, {"status"});
        owned = given == nullptr ? Json(JsonObject{}) : Json(JsonObject{{"status", *given}});
    } else if (target->version->status) {
        drop(owned, {"status"});
    }
    const auto wanted = owned_paths(owned, schema);
    Json merged = *state_->view(*target, *live);
    ManagedFields managed(**live);
    const auto conflicts = conflicts_of(managed, me, wanted, merged, owned);
    if (!conflicts.empty() && !options.force) return std::unexpected(conflict_status(conflicts));

    remove_given_up(merged, managed, me, wanted);
    lay_over(merged, owned, schema);
    FieldPaths stolen;
    for (const auto& conflict : conflicts) stolen.insert(conflict.path);
    const auto now = state_->time_now();
    managed.take(me, stolen, now);
    managed.set(me, wanted, now);
    // A resourceVersion in the body makes the apply conditional.
    const auto asked = kube::resource_version_of(body);
    if (!asked.empty()) put(merged, {"metadata", "resourceVersion"}, Json(asked));
    auto changed = state_->change(*target, *live, std::move(merged), write, &managed);
    if (!changed) return std::unexpected(changed.error());
    return Applied{*changed, false};
}

}  // namespace sluice::lab
