#include "lab/workloads/daemon_sets.hpp"

#include "lab/workloads/object_status.hpp"
#include "lab/workloads/pod_questions.hpp"
#include "lab/workloads/rollout_math.hpp"
#include "lab/workloads/scheduler.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::lab {
namespace {

namespace resources = kube::resources;

constexpr auto create_retry = std::chrono::seconds{5};
constexpr std::string_view generation_annotation = "deprecated.daemonset.template.generation";

constexpr JsonPath affinity_path{
    "spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"};

// Where the pod runs, or is meant to run.
std::string node_of(const Json& pod) {
    const auto bound = text_at(pod, {"spec", "nodeName"});
    if (!bound.empty()) return std::string(bound);
    const auto* affinity = find(pod, affinity_path);
    if (affinity == nullptr) return {};
    for (const auto& term : array_at(*affinity, {"nodeSelectorTerms"})) {
        for (const auto& field : array_at(term, {"matchFields"})) {
            const auto& values = array_at(field, {"values"});
            if (!values.empty() && values.front().is_string()) {
                return std::string(values.front().get_string());
            }
        }
    }
    return {};
}

// To that node and no other, whatever else the template's affinity asks of it.
void bind_to(Json& pod, const std::string& node) {
    const Json field = {
        {"key", "metadata.name"}, {"operator", "In"}, {"values", JsonArray{Json(node)}}};
    JsonArray terms;
    if (const auto* affinity = find(pod, affinity_path)) {
        terms = array_at(*affinity, {"nodeSelectorTerms"});
    }
    if (terms.empty()) terms.push_back(JsonObject{});
    for (auto& term : terms) put(term, {"matchFields"}, JsonArray{field});
    put(pod, affinity_path, Json{{"nodeSelectorTerms", std::move(terms)}});
}

// A daemon stays where other pods would have to leave.
void tolerate_trouble(Json& pod) {
    auto tolerations = array_at(pod, {"spec", "tolerations"});
    const auto add = [&tolerations](std::string_view key, std::string_view effect) {
        tolerations.push_back(Json{{"key", key}, {"operator", "Exists"}, {"effect", effect}});
    };
    add("node.kubernetes.io/not-ready", "NoExecute");
    add("node.kubernetes.io/unreachable", "NoExecute");
    add("node.kubernetes.io/disk-pressure", "NoSchedule");
    add("node.kubernetes.io/memory-pressure", "NoSchedule");
    add("node.kubernetes.io/pid-pressure", "NoSchedule");
    add("node.kubernetes.io/unschedulable", "NoSchedule");
    put(pod, {"spec", "tolerations"}, std::move(tolerations));
}

bool rolls(const Json& set) {
    return text_at(set, {"spec", "updateStrategy", "type"}, "RollingUpdate") == "RollingUpdate";
}

}  // namespace

struct DaemonSets::Place {
    std::string node;
    bool wanted = false;
    std::vector<ObjectPtr> pods = {};  // active ones, the oldest first
    bool leaving = false;              // one is on its way out
};

struct DaemonSets::Pass {
    ObjectKey key;
    const Json& set;
    Time now;
    std::string hash = {};  // of the present template
    std::vector<Place> places = {};
    std::optional<Time> wake = std::nullopt;

    std::int64_t wanted() const {
        return std::ranges::count_if(places, [](const Place& place) { return place.wanted; });
    }
    RolloutBounds bounds() const { return daemon_bounds(set, wanted()); }
    bool is_new(const Json& pod) const {
        return text_at(pod, {"metadata", "labels", revision_hash_label}) == hash;
    }
    // Ready for minReadySeconds; when it will be, this is remembered.
    bool is_available(const Json& pod) {
        const auto since = ready_since(pod);
        if (!since) return false;
        const auto when =
            *since + std::chrono::seconds{integer_at(set, {"spec", "minReadySeconds"}).value_or(0)};
        if (when <= now) return true;
        wake = std::min(wake.value_or(when), when);
        return false;
    }
    bool surges() const { return rolls(set) && bounds().surge > 0; }
    // The pod of an older template, and that of the present one; null when there is none.
    ObjectPtr old_at(const Place& place) const {
        const auto found = std::ranges::find_if(
            place.pods, [this](const ObjectPtr& pod) { return !is_new(*pod); });
        return found == place.pods.end() ? nullptr : *found;
    }
    ObjectPtr fresh_at(const Place& place) const {
        const auto found =
            std::ranges::find_if(place.pods, [this](const ObjectPtr& pod) { return is_new(*pod); });
        return found == place.pods.end() ? nullptr : *found;
    }
};

DaemonSets::DaemonSets(Executor executor, Cluster& cluster, ObjectIndex& pods)
    : cluster_(cluster),
      events_(cluster, "daemonset-controller"),
      pods_(cluster, pods, events_, resources::daemon_sets),
      revisions_(cluster),
      queue_(
          std::move(executor), cluster.clock(), [this](const ObjectKey& key) { reconcile(key); }) {
    pods.on_change([this](const Change& change) {
        for (const auto& key : pods_.concerned(change)) queue_.add(key);
    });
    revisions_.on_change([this](const Change& change) {
        if (change.kind != ChangeKind::deleted) return;
        for (const auto& key : controllers_of(change, "DaemonSet")) queue_.add(key);
    });
}

void DaemonSets::start() {
    revisions_.start();
    subscriptions_.push_back(cluster_.watch(resources::daemon_sets, [this](const Change& change) {
        queue_.add(kube::key_of(*change.object));
    }));
    subscriptions_.push_back(cluster_.watch(resources::nodes, [this](const Change& change) {
        const auto labels = [](const ObjectPtr& node) {
            return object_at(*node, {"metadata", "labels"});
        };
        const bool same = change.kind == ChangeKind::modified && change.before != nullptr &&
                          labels(change.before) == labels(change.object);
        if (!same) ask_all();
    }));
}

void DaemonSets::ask_all() {
    for (const auto& set : cluster_.list(resources::daemon_sets)) queue_.add(kube::key_of(*set));
}

void DaemonSets::reconcile(const ObjectKey& key) {
    const auto set = cluster_.find(resources::daemon_sets, key);
    if (set == nullptr) return;
    Pass pass{key, *set, cluster_.clock().now()};
    if (!gather(pass)) return;
    if (!is_being_deleted(*set)) {
        populate(pass);
        if (pass.surges()) {
            surge(pass);
        } else if (rolls(*set)) {
            replace_old(pass);
        }
    }
    save(pass);
    if (pass.wake) queue_.add_at(key, *pass.wake);
}

bool DaemonSets::gather(Pass& pass) {
    if (!is_being_deleted(pass.set)) {
        const auto hash = revisions_.current(pass.set);
        if (!hash) {
            queue_.add_at(pass.key, pass.now + create_retry);
            return false;
        }
        pass.hash = *hash;
    }
    const auto* pod_template = find(pass.set, {"spec", "template"});
    for (const auto& node : cluster_.list(resources::nodes)) {
        pass.places.push_back({kube::key_of(*node).name, fits(*pod_template, *node)});
    }
    std::set<std::string> hashes;
    for (const auto& pod : pods_.of(pass.set)) {
        hashes.emplace(text_at(*pod, {"metadata", "labels", revision_hash_label}));
        put_in_place(pass, pod);
    }
    if (!is_being_deleted(pass.set)) revisions_.clean_up(pass.set, hashes);
    return true;
}

void DaemonSets::put_in_place(Pass& pass, const ObjectPtr& pod) {
    const auto node = node_of(*pod);
    auto place = std::ranges::find(pass.places, node, &Place::node);
    if (place == pass.places.end()) place = pass.places.insert(place, {node});
    if (is_being_deleted(*pod)) {
        place->leaving = true;
    } else if (is_finished(*pod)) {
        events_.record(pass.set,
                       {EventType::warning,
                        "FailedDaemonPod",
                        fmt::format("Found failed daemon pod {} on node {}, will try to kill it",
                                    to_string(kube::key_of(*pod)),
                                    node)});
        pods_.remove(pass.set, *pod);
    } else {
        place->pods.push_back(pod);
        std::ranges::sort(place->pods, {}, [](const ObjectPtr& one) {
            return std::pair(text_at(*one, {"metadata", "creationTimestamp"}),
                             kube::key_of(*one).name);
        });
    }
}

void DaemonSets::populate(Pass& pass) {
    for (auto& place : pass.places) {
        if (!place.wanted) {
            for (const auto& pod : place.pods) pods_.remove(pass.set, *pod);
        } else if (place.pods.empty() && !place.leaving) {
            create_on(pass, place);
        }
        // One that was adopted may be one too many.
        while (place.wanted && place.pods.size() > 1 && !pass.surges()) {
            pods_.remove(pass.set, *place.pods.back());
            place.pods.pop_back();
        }
    }
}

void DaemonSets::create_on(Pass& pass, Place& place) {
    auto pod = pods_.from_template(pass.set);
    put(pod, {"metadata", "labels", revision_hash_label}, Json(pass.hash));
    put(pod,
        {"metadata", "labels", "pod-template-generation"},
        Json(text_at(pass.set, {"metadata", "annotations", generation_annotation}, "1")));
    bind_to(pod, place.node);
    tolerate_trouble(pod);
    const auto made = pods_.create(pass.set, pod);
    if (made) {
        place.pods.push_back(*made);
    } else {
        queue_.add_at(pass.key, pass.now + create_retry);
    }
}

// The old pod goes first. One that serves nobody may go at any time; of the others as many as may
// be missing.
void DaemonSets::replace_old(Pass& pass) {
    auto may_go = pass.bounds().unavailable;
    std::vector<ObjectPtr> serving;
    for (const auto& place : pass.places) {
        if (!place.wanted) continue;
        const auto old = pass.old_at(place);
        const auto fresh = pass.fresh_at(place);
        if (old != nullptr && pass.is_available(*old)) {
            serving.push_back(old);
            continue;
        }
        if (old != nullptr) pods_.remove(pass.set, *old);
        if (fresh == nullptr || !pass.is_available(*fresh)) --may_go;
    }
    for (const auto& old : serving) {
        if (may_go-- <= 0) return;
        pods_.remove(pass.set, *old);
    }
}

// The new pod comes first, and the old one goes when that serves.
void DaemonSets::surge(Pass& pass) {
    auto may_come = pass.bounds().surge;
    std::vector<Place*> waiting;
    for (auto& place : pass.places) {
        if (!place.wanted) continue;
        const auto old = pass.old_at(place);
        const auto fresh = pass.fresh_at(place);
        if (old == nullptr) continue;
        if (fresh == nullptr) {
            if (pass.is_available(*old)) {
                waiting.push_back(&place);
            } else {
                create_on(pass, place);
            }
        } else if (pass.is_available(*fresh) || !pass.is_available(*old)) {
            pods_.remove(pass.set, *old);
        } else {
            --may_come;
        }
    }
    for (auto* place : waiting) {
        if (may_come-- <= 0) return;
        create_on(pass, *place);
    }
}

// What counts of a node is its oldest pod.
void DaemonSets::save(Pass& pass) {
    std::int64_t current = 0;
    std::int64_t misscheduled = 0;
    std::int64_t ready = 0;
    std::int64_t available = 0;
    std::int64_t updated = 0;
    for (const auto& place : pass.places) {
        if (place.pods.empty()) continue;
        if (!place.wanted) {
            ++misscheduled;
            continue;
        }
        const auto& oldest = *place.pods.front();
        ++current;
        if (is_ready(oldest)) ++ready;
        if (pass.is_available(oldest)) ++available;
        if (pass.is_new(oldest)) ++updated;
    }
    const auto wanted = pass.wanted();
    Json status = {
        {"currentNumberScheduled", current},
        {"numberMisscheduled", misscheduled},
        {"desiredNumberScheduled", wanted},
        {"numberReady", ready},
        {"observedGeneration", integer_at(pass.set, {"metadata", "generation"}).value_or(0)}};
    if (updated > 0) put(status, {"updatedNumberScheduled"}, updated);
    if (available > 0) put(status, {"numberAvailable"}, available);
    if (wanted > available) put(status, {"numberUnavailable"}, wanted - available);
    save_status(cluster_, resources::daemon_sets, pass.set, status);
}

}  // namespace sluice::lab
