#include "lab/workloads/deployments.hpp"

#include "base/core/text.hpp"
#include "lab/apiserver/selectors.hpp"
#include "lab/workloads/deployment_status.hpp"
#include "lab/workloads/owned_pods.hpp"
#include "lab/workloads/rollout_math.hpp"
#include "lab/workloads/template_hash.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace sluice::lab {
namespace {

namespace resources = kube::resources;

constexpr std::string_view hash_label = "pod-template-hash";
constexpr std::string_view revision_annotation = "deployment.kubernetes.io/revision";
constexpr std::string_view history_annotation = "deployment.kubernetes.io/revision-history";
constexpr std::string_view desired_annotation = "deployment.kubernetes.io/desired-replicas";
constexpr std::string_view max_annotation = "deployment.kubernetes.io/max-replicas";

constexpr auto create_retry = std::chrono::seconds{5};

// What is said of the Deployment itself and not of a revision.
bool is_own_annotation(std::string_view name) {
    return name == "kubectl.kubernetes.io/last-applied-configuration" ||
           name == revision_annotation || name == history_annotation ||
           name == desired_annotation || name == max_annotation ||
           name == "deprecated.deployment.rollback.to";
}

std::string_view annotation(const Json& object, std::string_view name) {
    return text_at(object, {"metadata", "annotations", name});
}

std::int64_t revision_of(const Json& object) {
    return parse_integer(annotation(object, revision_annotation)).value_or(0);
}

std::int64_t spec_replicas(const Json& object) {
    return integer_at(object, {"spec", "replicas"}).value_or(1);
}

std::string name_of(const Json& object) {
    return kube::key_of(object).name;
}

bool is_deleting(const Json& object) {
    return find(object, {"metadata", "deletionTimestamp"}) != nullptr;
}

ReplicaSetSize size_of(const Json& set) {
    return {spec_replicas(set),
            integer_at(set, {"status", "availableReplicas"}).value_or(0),
            std::string(text_at(set, {"metadata", "creationTimestamp"})),
            parse_integer(annotation(set, max_annotation)).value_or(0)};
}

}  // namespace

struct Deployments::Pass {
    ObjectKey key;
    ObjectPtr stored;
    Json deployment;  // as stored, with the conditions that this pass has added
    Time now;
    ObjectPtr newest = nullptr;
    std::vector<ObjectPtr> old = {};

    std::int64_t replicas() const { return spec_replicas(deployment); }
    RolloutNumbers wanted() const { return {replicas(), rollout_bounds(deployment)}; }
    Json& status() {
        if (find(deployment, {"status"}) == nullptr) put(deployment, {"status"}, JsonObject{});
        return *find(deployment, {"status"});
    }
};

Deployments::Deployments(Executor executor,
                         Cluster& cluster,
                         ObjectIndex& replica_sets,
                         ObjectIndex& pods)
    : cluster_(cluster),
      replica_sets_(replica_sets),
      pods_(pods),
      events_(cluster, "deployment-controller"),
      queue_(
          std::move(executor), cluster.clock(), [this](const ObjectKey& key) { reconcile(key); }) {
    replica_sets_.on_change([this](const Change& change) { on_replica_set(change); });
    pods_.on_change([this](const Change& change) { on_pod(change); });
}

void Deployments::start() {
    subscription_ = cluster_.watch(resources::deployments, [this](const Change& change) {
        queue_.add(kube::key_of(*change.object));
    });
}

void Deployments::on_replica_set(const Change& change) {
    const auto ns = kube::key_of(*change.object).ns;
    for (const auto& key : controllers_of(change, "Deployment")) queue_.add(key);
    // An orphan may be somebody's: rare enough to ask everybody in the namespace.
    if (change.kind != ChangeKind::deleted && kube::controller_of(*change.object) == nullptr) {
        for (const auto& deployment : cluster_.list(resources::deployments, ns)) {
            queue_.add(kube::key_of(*deployment));
        }
    }
}

// Recreate waits for the last old pod to be gone, which no ReplicaSet reports.
void Deployments::on_pod(const Change& change) {
    if (change.kind != ChangeKind::deleted) return;
    const auto* owner = kube::controller_of(*change.object);
    if (owner == nullptr || text_at(*owner, {"kind"}) != "ReplicaSet") return;
    const auto ns = kube::key_of(*change.object).ns;
    const auto set =
        cluster_.find(resources::replica_sets, {ns, std::string(text_at(*owner, {"name"}))});
    if (set == nullptr) return;
    const auto* deployment = kube::controller_of(*set);
    if (deployment != nullptr && text_at(*deployment, {"kind"}) == "Deployment") {
        queue_.add({ns, std::string(text_at(*deployment, {"name"}))});
    }
}

void Deployments::reconcile(const ObjectKey& key) {
    auto stored = cluster_.find(resources::deployments, key);
    if (stored == nullptr) return;
    Pass pass{key, stored, *stored, cluster_.clock().now()};
    if (!gather(pass)) return;
    find_newest(pass);
    if (is_deleting(*stored)) return save(pass, StatusPass::counters);

    note_pause(pass);
    const bool paused = bool_at(pass.deployment, {"spec", "paused"}).value_or(false);
    if (paused || is_scaling(pass)) {
        if (pass.newest != nullptr) sync_newest(pass);
        scale_all(pass);
        return save(pass, StatusPass::counters);
    }
    const bool recreates = text_at(pass.deployment, {"spec", "strategy", "type"}) == "Recreate";
    const bool settled = recreates ? recreate(pass) : roll(pass);
    save(pass, StatusPass::rollout);
    if (settled) clean_up(pass);
}

// The ReplicaSets that are this Deployment's: owned ones, and orphans that match are adopted. Owned
// ones that no longer match are let go. False when the selector cannot be read.
bool Deployments::gather(Pass& pass) {
    const auto* wanted = find(pass.deployment, {"spec", "selector"});
    if (wanted == nullptr) return false;
    const auto selector = label_selector_of(*wanted);
    if (!selector || selector->empty()) return false;

    for (auto& set : replica_sets_.owned_by(kube::uid_of(pass.deployment))) {
        if (selector->selects(*set)) {
            pass.old.push_back(std::move(set));
        } else if (!is_deleting(*set)) {
            const Json release = {{"metadata", {{"ownerReferences", nullptr}}}};
            (void)cluster_.patch(
                resources::replica_sets, kube::key_of(*set), PatchKind::merge, release);
        }
    }
    if (is_deleting(pass.deployment)) return true;
    for (const auto& set : replica_sets_.orphans(pass.key.ns)) {
        if (!selector->selects(*set) || is_deleting(*set)) continue;
        Json adopt = JsonObject{};
        put(adopt,
            {"metadata", "ownerReferences"},
            JsonArray{kube::owner_reference_to(resources::deployments, pass.deployment)});
        const auto adopted =
            cluster_.patch(resources::replica_sets, kube::key_of(*set), PatchKind::merge, adopt);
        if (!adopted) continue;
        replica_sets_.note(**adopted);
        pass.old.push_back(*adopted);
    }
    return true;
}

// Of those with the Deployment's template the oldest is the new one; the others are old.
void Deployments::find_newest(Pass& pass) {
    std::ranges::sort(pass.old, {}, [](const ObjectPtr& set) {
        return std::pair(std::string(text_at(*set, {"metadata", "creationTimestamp"})),
                         name_of(*set));
    });
    const auto* pod_template = find(pass.deployment, {"spec", "template"});
    const auto wanted = template_text(pod_template != nullptr ? *pod_template : Json(nullptr));
    const auto found = std::ranges::find_if(pass.old, [&](const ObjectPtr& set) {
        const auto* other = find(*set, {"spec", "template"});
        return other != nullptr && template_text(*other) == wanted;
    });
    if (found == pass.old.end()) return;
    pass.newest = *found;
    pass.old.erase(found);
}

void Deployments::note_pause(Pass& pass) {
    const bool paused = bool_at(pass.deployment, {"spec", "paused"}).value_or(false);
    const auto* progressing = condition_of(pass.deployment, "Progressing");
    const std::string reason(progressing == nullptr ? std::string_view{}
                                                    : text_at(*progressing, {"reason"}));
    if (reason == "ProgressDeadlineExceeded") return;
    if (paused && reason != "DeploymentPaused") {
        set_condition(pass.status(),
                      {"Progressing", "Unknown", "DeploymentPaused", "Deployment is paused"},
                      pass.now);
    } else if (!paused && reason == "DeploymentPaused") {
        set_condition(pass.status(),
                      {"Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed"},
                      pass.now);
    }
}

bool Deployments::is_scaling(const Pass& pass) const {
    const auto differs = [&](const ObjectPtr& set) {
        if (set == nullptr || spec_replicas(*set) <= 0) return false;
        const auto desired = parse_integer(annotation(*set, desired_annotation));
        return desired && *desired != pass.replicas();
    };
    return differs(pass.newest) || std::ranges::any_of(pass.old, differs);
}

void Deployments::scale_all(Pass& pass) {
    std::vector<ObjectPtr*> active;
    for (auto& set : pass.old) {
        if (spec_replicas(*set) > 0) active.push_back(&set);
    }
    if (pass.newest != nullptr && spec_replicas(*pass.newest) > 0) active.push_back(&pass.newest);

    if (active.size() <= 1) {
        auto* only = !active.empty()          ? active.front()
                     : pass.newest != nullptr ? &pass.newest
                     : !pass.old.empty()      ? &pass.old.back()
                                              : nullptr;
        if (only != nullptr) resize(pass, *only, pass.replicas());
        return;
    }
    const bool newest_is_full = pass.newest != nullptr &&
                                spec_replicas(*pass.newest) == pass.replicas() &&
                                size_of(*pass.newest).available == pass.replicas();
    if (newest_is_full) {
        for (auto& set : pass.old) {
            if (spec_replicas(*set) > 0) resize(pass, set, 0);
        }
        resize(pass, pass.newest, pass.replicas());
        return;
    }
    if (text_at(pass.deployment, {"spec", "strategy", "type"}) == "Recreate") return;
    std::vector<ReplicaSetSize> sizes;
    sizes.reserve(active.size());
    for (const auto* set : active) sizes.push_back(size_of(**set));
    const auto targets = proportional_replicas(pass.wanted(), sizes);
    for (std::size_t i = 0; i < active.size(); ++i) resize(pass, *active[i], targets[i]);
}

// One step of a rolling update. True when nothing was left to do.
bool Deployments::roll(Pass& pass) {
    if (!find_or_make_newest(pass)) return false;
    auto total = spec_replicas(*pass.newest);
    for (const auto& set : pass.old) total += spec_replicas(*set);
    const auto target = new_replicas(pass.wanted(), spec_replicas(*pass.newest), total);
    if (resize(pass, pass.newest, target)) return false;

    std::vector<ReplicaSetSize> sizes;
    sizes.reserve(pass.old.size());
    for (const auto& set : pass.old) sizes.push_back(size_of(*set));
    return !shrink_old(pass, old_replicas(pass.wanted(), size_of(*pass.newest), sizes));
}

bool Deployments::recreate(Pass& pass) {
    if (shrink_old(pass, std::vector<std::int64_t>(pass.old.size(), 0))) return false;
    if (old_pods_run(pass)) return false;
    if (!find_or_make_newest(pass)) return false;
    return !resize(pass, pass.newest, pass.replicas());
}

bool Deployments::old_pods_run(const Pass& pass) const {
    return std::ranges::any_of(pass.old, [this](const ObjectPtr& set) {
        return std::ranges::any_of(pods_.owned_by(kube::uid_of(*set)), [](const ObjectPtr& pod) {
            const auto phase = text_at(*pod, {"status", "phase"});
            return phase != "Succeeded" && phase != "Failed";
        });
    });
}

bool Deployments::shrink_old(Pass& pass, const std::vector<std::int64_t>& targets) {
    bool shrank = false;
    for (std::size_t i = 0; i < pass.old.size(); ++i) {
        if (spec_replicas(*pass.old[i]) <= 0) continue;
        if (targets[i] == spec_replicas(*pass.old[i])) continue;
        shrank = resize(pass, pass.old[i], targets[i]) || shrank;
    }
    return shrank;
}

// Says whether the size changed. The annotations say for which size of the Deployment it was
// decided.
bool Deployments::resize(Pass& pass, ObjectPtr& set, std::int64_t replicas) {
    const auto before = spec_replicas(*set);
    const auto desired = std::to_string(pass.replicas());
    const auto max = std::to_string(pass.replicas() + pass.wanted().bounds.surge);
    if (before == replicas && annotation(*set, desired_annotation) == desired &&
        annotation(*set, max_annotation) == max) {
        return false;
    }
    Json patch = {{"spec", {{"replicas", replicas}}}};
    put(patch, {"metadata", "annotations", desired_annotation}, Json(desired));
    put(patch, {"metadata", "annotations", max_annotation}, Json(max));
    const auto resized =
        cluster_.patch(resources::replica_sets, kube::key_of(*set), PatchKind::merge, patch);
    if (!resized) return false;
    set = *resized;
    if (before == replicas) return false;
    events_.record(pass.deployment,
                   {EventType::normal,
                    "ScalingReplicaSet",
                    fmt::format("Scaled {} replica set {} from {} to {}",
                                replicas > before ? "up" : "down",
                                name_of(*set),
                                before,
                                replicas)});
    return true;
}

bool Deployments::find_or_make_newest(Pass& pass) {
    if (pass.newest == nullptr) return make_newest(pass);
    sync_newest(pass);
    if (condition_of(pass.deployment, "Progressing") == nullptr) {
        set_condition(pass.status(),
                      {"Progressing",
                       "True",
                       "FoundNewReplicaSet",
                       fmt::format("Found new replica set \"{}\"", name_of(*pass.newest))},
                      pass.now);
    }
    return true;
}

namespace {

std::int64_t max_revision(const std::vector<ObjectPtr>& sets) {
    std::int64_t highest = 0;
    for (const auto& set : sets) highest = std::max(highest, revision_of(*set));
    return highest;
}

}  // namespace

// An undo finds its ReplicaSet again: it takes the next revision, and the history keeps the former.
void Deployments::sync_newest(Pass& pass) {
    Json changed = *pass.newest;
    for (const auto& note : object_at(pass.deployment, {"metadata", "annotations"})) {
        if (is_own_annotation(note.key())) continue;
        put(changed, {"metadata", "annotations", note.key()}, note.value());
    }
    const auto revision = max_revision(pass.old) + 1;
    const auto before = revision_of(*pass.newest);
    if (before < revision) {
        put(changed,
            {"metadata", "annotations", revision_annotation},
            Json(std::to_string(revision)));
        if (before > 0) {
            const auto history = annotation(*pass.newest, history_annotation);
            put(changed,
                {"metadata", "annotations", history_annotation},
                Json(history.empty() ? std::to_string(before)
                                     : fmt::format("{},{}", history, before)));
        }
    }
    const auto min_ready = integer_at(pass.deployment, {"spec", "minReadySeconds"}).value_or(0);
    if (integer_at(changed, {"spec", "minReadySeconds"}).value_or(0) != min_ready) {
        put(changed, {"spec", "minReadySeconds"}, min_ready);
    }
    const auto patch = merge_patch_between(*pass.newest, changed);
    if (!patch.get_object().empty()) {
        const auto synced = cluster_.patch(
            resources::replica_sets, kube::key_of(*pass.newest), PatchKind::merge, patch);
        if (synced) pass.newest = *synced;
    }
    put(pass.deployment,
        {"metadata", "annotations", revision_annotation},
        Json(annotation(*pass.newest, revision_annotation)));
}

bool Deployments::make_newest(Pass& pass) {
    const auto* wanted = find(pass.deployment, {"spec", "template"});
    if (wanted == nullptr) return false;
    const auto hash =
        template_hash(*wanted, integer_at(pass.deployment, {"status", "collisionCount"}));
    auto set = newest_of(pass, hash);
    const auto made = cluster_.create(resources::replica_sets, std::move(set));
    if (!made && made.error().reason == "AlreadyExists") {
        // The name is taken by another template: the next pass hashes with a count.
        const auto count = integer_at(pass.deployment, {"status", "collisionCount"}).value_or(0);
        put(pass.deployment, {"status", "collisionCount"}, count + 1);
        queue_.add(pass.key);
        return false;
    }
    if (!made) {
        could_not_make(pass, fmt::format("{}-{}", pass.key.name, hash), made.error());
        return false;
    }
    pass.newest = *made;
    replica_sets_.note(**made);
    announce_newest(pass);
    return true;
}

Json Deployments::newest_of(const Pass& pass, const std::string& hash) {
    Json pod_template = *find(pass.deployment, {"spec", "template"});
    put(pod_template, {"metadata", "labels", hash_label}, Json(hash));
    Json selector = *find(pass.deployment, {"spec", "selector"});
    put(selector, {"matchLabels", hash_label}, Json(hash));

    Json set = {{"apiVersion", "apps/v1"}, {"kind", "ReplicaSet"}};
    put(set, {"metadata", "name"}, Json(fmt::format("{}-{}", pass.key.name, hash)));
    put(set, {"metadata", "namespace"}, Json(pass.key.ns));
    put(set, {"metadata", "labels"}, object_at(pod_template, {"metadata", "labels"}));
    put(set, {"metadata", "annotations"}, notes_of_newest(pass));
    put(set,
        {"metadata", "ownerReferences"},
        JsonArray{kube::owner_reference_to(resources::deployments, pass.deployment)});
    put(set, {"spec", "replicas"}, first_size_of_newest(pass));
    if (const auto min_ready = integer_at(pass.deployment, {"spec", "minReadySeconds"});
        min_ready.value_or(0) != 0) {
        put(set, {"spec", "minReadySeconds"}, *min_ready);
    }
    put(set, {"spec", "selector"}, std::move(selector));
    put(set, {"spec", "template"}, std::move(pod_template));
    return set;
}

JsonObject Deployments::notes_of_newest(const Pass& pass) {
    JsonObject notes;
    for (const auto& note : object_at(pass.deployment, {"metadata", "annotations"})) {
        if (!is_own_annotation(note.key())) notes[note.key()] = note.value();
    }
    notes[revision_annotation] = std::to_string(max_revision(pass.old) + 1);
    notes[desired_annotation] = std::to_string(pass.replicas());
    notes[max_annotation] = std::to_string(pass.replicas() + pass.wanted().bounds.surge);
    return notes;
}

std::int64_t Deployments::first_size_of_newest(const Pass& pass) {
    if (text_at(pass.deployment, {"spec", "strategy", "type"}) == "Recreate") {
        return pass.replicas();
    }
    std::int64_t total = 0;
    for (const auto& set : pass.old) total += spec_replicas(*set);
    return new_replicas(pass.wanted(), 0, total);
}

void Deployments::could_not_make(Pass& pass, const std::string& name, const Status& why) {
    const auto text = fmt::format("Failed to create new replica set \"{}\": {}", name, why.message);
    set_condition(pass.status(), {"Progressing", "False", "ReplicaSetCreateError", text}, pass.now);
    events_.record(pass.deployment, {EventType::warning, "ReplicaSetCreateError", text});
    queue_.add_at(pass.key, pass.now + create_retry);
}

void Deployments::announce_newest(Pass& pass) {
    const auto name = name_of(*pass.newest);
    put(pass.deployment,
        {"metadata", "annotations", revision_annotation},
        Json(annotation(*pass.newest, revision_annotation)));
    set_condition(pass.status(),
                  {"Progressing",
                   "True",
                   "NewReplicaSetCreated",
                   fmt::format("Created new replica set \"{}\"", name)},
                  pass.now);
    const auto replicas = spec_replicas(*pass.newest);
    if (replicas == 0) return;
    events_.record(pass.deployment,
                   {EventType::normal,
                    "ScalingReplicaSet",
                    fmt::format("Scaled up replica set {} from 0 to {}", name, replicas)});
}

// Writes what the pass has found, and only that: annotations first, then the status.
void Deployments::save(Pass& pass, StatusPass kind) {
    const auto revision = annotation(pass.deployment, revision_annotation);
    if (revision != annotation(*pass.stored, revision_annotation)) {
        Json patch = JsonObject{};
        put(patch, {"metadata", "annotations", revision_annotation}, Json(revision));
        (void)cluster_.patch(resources::deployments, pass.key, PatchKind::merge, patch);
    }
    const DeploymentView view{pass.deployment, pass.newest.get(), pass.old};
    const auto status = deployment_status(view, kind, pass.now);
    save_status(cluster_, resources::deployments, *pass.stored, status);
    put(pass.deployment, {"status"}, status);
    if (kind != StatusPass::rollout) return;
    if (const auto when = deadline_check(pass.deployment, status)) queue_.add_at(pass.key, *when);
}

// Once complete, of the old ReplicaSets the newest revisions stay.
void Deployments::clean_up(Pass& pass) {
    if (!is_complete(pass.deployment, *find(pass.deployment, {"status"}))) return;
    const auto kept = integer_at(pass.deployment, {"spec", "revisionHistoryLimit"}).value_or(10);
    auto surplus = static_cast<std::int64_t>(pass.old.size()) - kept;
    if (surplus <= 0) return;
    std::ranges::sort(pass.old, {}, [](const ObjectPtr& set) {
        return std::pair(revision_of(*set), name_of(*set));
    });
    for (const auto& set : pass.old) {
        if (surplus-- <= 0) return;
        const bool idle = spec_replicas(*set) == 0 &&
                          integer_at(*set, {"status", "replicas"}).value_or(0) == 0 &&
                          integer_at(*set, {"metadata", "generation"}).value_or(0) <=
                              integer_at(*set, {"status", "observedGeneration"}).value_or(0);
        if (idle && !is_deleting(*set)) {
            DeleteOptions options;
            options.uid = std::string(kube::uid_of(*set));
            (void)cluster_.remove(resources::replica_sets, kube::key_of(*set), options);
        }
    }
}

}  // namespace sluice::lab
