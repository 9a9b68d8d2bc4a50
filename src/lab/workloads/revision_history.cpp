#include "lab/workloads/revision_history.hpp"

#include "lab/workloads/template_hash.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::lab {
namespace {

namespace resources = kube::resources;

std::string_view hash_of(const Json& revision) {
    return text_at(revision, {"metadata", "labels", revision_hash_label});
}

std::int64_t number_of(const Json& revision) {
    return integer_at(revision, {"revision"}).value_or(0);
}

// The patch that gives a DaemonSet this template back.
Json data_of(const Json& set) {
    JsonObject pod_template = object_at(set, {"spec", "template"});
    pod_template["$patch"] = "replace";
    return {{"spec", {{"template", std::move(pod_template)}}}};
}

bool holds(const Json& revision, const Json& data) {
    const auto* held = find(revision, {"data"});
    return held != nullptr && canonical_text(*held) == canonical_text(data);
}

}  // namespace

RevisionHistory::RevisionHistory(Cluster& cluster)
    : cluster_(cluster), revisions_(cluster, resources::controller_revisions) {}

// The oldest first.
std::vector<ObjectPtr> RevisionHistory::of(const Json& set) const {
    auto all = revisions_.owned_by(kube::uid_of(set));
    std::ranges::sort(all, {}, [](const ObjectPtr& revision) { return number_of(*revision); });
    return all;
}

Answer<std::string> RevisionHistory::current(const Json& set) {
    const auto all = of(set);
    const auto newest = all.empty() ? 0 : number_of(*all.back());
    const auto data = data_of(set);
    const auto same =
        std::ranges::find_if(all, [&](const ObjectPtr& one) { return holds(*one, data); });
    if (same == all.end()) {
        const auto made = make(set, data, newest + 1);
        if (!made) return std::unexpected(made.error());
        return std::string(hash_of(**made));
    }
    if (number_of(**same) < newest) {
        (void)cluster_.patch(resources::controller_revisions,
                             kube::key_of(**same),
                             PatchKind::merge,
                             {{"revision", newest + 1}});
    }
    return std::string(hash_of(**same));
}

Answer<ObjectPtr> RevisionHistory::make(const Json& set, const Json& data, std::int64_t number) {
    Json revision = {{"apiVersion", "apps/v1"}, {"kind", "ControllerRevision"}};
    const auto key = kube::key_of(set);
    put(revision, {"metadata", "namespace"}, Json(key.ns));
    put(revision,
        {"metadata", "labels"},
        object_at(set, {"spec", "template", "metadata", "labels"}));
    put(revision, {"metadata", "annotations"}, object_at(set, {"metadata", "annotations"}));
    put(revision,
        {"metadata", "ownerReferences"},
        JsonArray{kube::owner_reference_to(resources::daemon_sets, set)});
    put(revision, {"data"}, data);
    put(revision, {"revision"}, number);

    std::optional<std::int64_t> collisions;
    constexpr std::int64_t collisions_max = 8;
    while (true) {  // ends with a name that is free, or with the refusal
        const auto hash = template_hash(*find(set, {"spec", "template"}), collisions);
        put(revision, {"metadata", "name"}, Json(fmt::format("{}-{}", key.name, hash)));
        put(revision, {"metadata", "labels", revision_hash_label}, Json(hash));
        auto made = cluster_.create(resources::controller_revisions, revision);
        if (made) revisions_.note(**made);
        const bool is_taken = !made && made.error().reason == "AlreadyExists";
        if (!is_taken || collisions == collisions_max) return made;
        collisions = collisions.value_or(0) + 1;
    }
}

void RevisionHistory::clean_up(const Json& set, const std::set<std::string>& hashes_in_use) {
    auto idle = of(set);
    const auto data = data_of(set);
    std::erase_if(idle, [&](const ObjectPtr& revision) {
        return hashes_in_use.contains(std::string(hash_of(*revision))) || holds(*revision, data);
    });
    const auto kept = integer_at(set, {"spec", "revisionHistoryLimit"}).value_or(10);
    auto surplus = static_cast<std::int64_t>(idle.size()) - kept;
    for (const auto& revision : idle) {
        if (surplus-- <= 0) return;
        DeleteOptions options;
        options.uid = std::string(kube::uid_of(*revision));
        (void)cluster_.remove(resources::controller_revisions, kube::key_of(*revision), options);
    }
}

}  // namespace sluice::lab
