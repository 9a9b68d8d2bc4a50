#include "lab/workloads/replica_sets.hpp"

#include "base/core/text.hpp"
#include "lab/workloads/object_status.hpp"
#include "lab/workloads/pod_questions.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <tuple>

namespace sluice::lab {
namespace {

namespace resources = kube::resources;

constexpr auto create_retry = std::chrono::seconds{5};

int phase_rank(const Json& pod) {
    const auto phase = text_at(pod, {"status", "phase"});
    if (phase == "Running") return 2;
    if (phase == "Unknown") return 1;
    return 0;
}

// Ready times count in powers of two, so that pods of about the same age are equals.
int ready_rank(const Json& pod, Time now) {
    const auto since = ready_since(pod);
    if (!since) return 0;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - *since).count();
    return static_cast<int>(
        std::bit_width(static_cast<std::uint64_t>(std::max<std::int64_t>(0, seconds))));
}

auto deletion_rank(const ObjectPtr& pod, Time now) {
    const auto cost =
        parse_integer(
            text_at(*pod,
                    {"metadata", "annotations", "controller.kubernetes.io/pod-deletion-cost"}))
            .value_or(0);
    const auto created =
        parse_rfc3339(text_at(*pod, {"metadata", "creationTimestamp"})).value_or(Time{});
    return std::tuple(!text_at(*pod, {"spec", "nodeName"}).empty(),
                      phase_rank(*pod),
                      is_ready(*pod),
                      cost,
                      ready_rank(*pod, now),
                      -restarts_of(*pod),
                      -created.time_since_epoch().count(),
                      kube::key_of(*pod).name);
}

}  // namespace

void sort_for_deletion(std::vector<ObjectPtr>& pods, Time now) {
    std::ranges::sort(pods, {}, [now](const ObjectPtr& pod) { return deletion_rank(pod, now); });
}

ReplicaSets::ReplicaSets(Executor executor,
                         Cluster& cluster,
                         ObjectIndex& replica_sets,
                         ObjectIndex& pods)
    : cluster_(cluster),
      events_(cluster, "replicaset-controller"),
      pods_(cluster, pods, events_, resources::replica_sets),
      queue_(
          std::move(executor), cluster.clock(), [this](const ObjectKey& key) { reconcile(key); }) {
    replica_sets.on_change(
        [this](const Change& change) { queue_.add(kube::key_of(*change.object)); });
    pods.on_change([this](const Change& change) {
        for (const auto& key : pods_.concerned(change)) queue_.add(key);
    });
}

void ReplicaSets::reconcile(const ObjectKey& key) {
    auto set = cluster_.find(resources::replica_sets, key);
    if (set == nullptr) return;
    auto pods = active_pods(*set);
    std::optional<Status> refusal;
    if (!is_being_deleted(*set)) {
        const auto wanted = integer_at(*set, {"spec", "replicas"}).value_or(1);
        const auto missing = wanted - static_cast<std::int64_t>(pods.size());
        if (missing > 0) refusal = create_pods(*set, missing);
        if (missing < 0) delete_pods(*set, pods, -missing);
        if (missing != 0) pods = active_pods(*set);
    }
    save(*set, pods, refusal);
}

std::vector<ObjectPtr> ReplicaSets::active_pods(const Json& set) {
    auto pods = pods_.of(set);
    std::erase_if(pods, [](const ObjectPtr& pod) { return !is_active(*pod); });
    return pods;
}

std::optional<Status> ReplicaSets::create_pods(const Json& set, std::int64_t count) {
    const auto pod = pods_.from_template(set);
    for (; count > 0; --count) {
        const auto created = pods_.create(set, pod);
        if (created) continue;
        queue_.add_at(kube::key_of(set), cluster_.clock().now() + create_retry);
        return created.error();
    }
    return std::nullopt;
}

void ReplicaSets::delete_pods(const Json& set, std::vector<ObjectPtr> pods, std::int64_t count) {
    sort_for_deletion(pods, cluster_.clock().now());
    for (const auto& pod : pods) {
        if (count-- <= 0) return;
        pods_.remove(set, *pod);
    }
}

void ReplicaSets::save(const Json& set,
                       const std::vector<ObjectPtr>& pods,
                       const std::optional<Status>& refusal) {
    const auto now = cluster_.clock().now();
    const auto& labels = object_at(set, {"spec", "template", "metadata", "labels"});
    const std::chrono::seconds min_ready{integer_at(set, {"spec", "minReadySeconds"}).value_or(0)};
    std::int64_t labelled = 0;
    std::int64_t ready = 0;
    std::int64_t available = 0;
    std::optional<Time> next_available;
    for (const auto& pod : pods) {
        const auto& own = object_at(*pod, {"metadata", "labels"});
        if (std::ranges::all_of(labels, [&own](const auto& label) {
                const auto* value = own.if_contains(label.key());
                return value != nullptr && *value == label.value();
            })) {
            ++labelled;
        }
        const auto since = ready_since(*pod);
        if (!since) continue;
        ++ready;
        if (*since + min_ready <= now) {
            ++available;
        } else if (!next_available || *since + min_ready < *next_available) {
            next_available = *since + min_ready;
        }
    }
    if (next_available) queue_.add_at(kube::key_of(set), *next_available);

    Json status = {{"replicas", pods.size()}};
    if (labelled > 0) put(status, {"fullyLabeledReplicas"}, labelled);
    if (ready > 0) put(status, {"readyReplicas"}, ready);
    if (available > 0) put(status, {"availableReplicas"}, available);
    put(status, {"observedGeneration"}, integer_at(set, {"metadata", "generation"}).value_or(0));
    if (const auto* conditions = find(set, {"status", "conditions"})) {
        put(status, {"conditions"}, *conditions);
    }
    if (refusal) {
        set_condition(status, {"ReplicaFailure", "True", "FailedCreate", refusal->message}, now);
    } else {
        drop_condition(status, "ReplicaFailure");
    }
    save_status(cluster_, resources::replica_sets, set, status);
}

}  // namespace sluice::lab
