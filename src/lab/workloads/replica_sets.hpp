// Keeps as many pods as each ReplicaSet asks for, whoever owns it (kubernetes.md C.3).
#pragma once

#include "lab/workloads/key_queue.hpp"
#include "lab/workloads/owned_pods.hpp"

namespace sluice::lab {

// The order in which pods are given up: those that serve least come first.
void sort_for_deletion(std::vector<ObjectPtr>& pods, Time now);

class ReplicaSets {
   public:
    // The indexes are of ReplicaSets and Pods; all outlive this and start after it is made.
    ReplicaSets(Executor executor, Cluster& cluster, ObjectIndex& replica_sets, ObjectIndex& pods);

   private:
    void reconcile(const ObjectKey& key);
    std::vector<ObjectPtr> active_pods(const Json& set);
    // The refusal that stopped it, or nothing.
    std::optional<Status> create_pods(const Json& set, std::int64_t count);
    void delete_pods(const Json& set, std::vector<ObjectPtr> pods, std::int64_t count);
    void save(const Json& set,
              const std::vector<ObjectPtr>& pods,
              const std::optional<Status>& refusal);

    Cluster& cluster_;
    EventRecorder events_;
    OwnedPods pods_;
    KeyQueue queue_;
};

}  // namespace sluice::lab
