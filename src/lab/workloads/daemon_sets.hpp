// Runs one pod of each DaemonSet on every node that it fits, and rolls new templates out within
// maxSurge and maxUnavailable (kubernetes.md C.4).
#pragma once

#include "lab/workloads/key_queue.hpp"
#include "lab/workloads/owned_pods.hpp"
#include "lab/workloads/revision_history.hpp"

namespace sluice::lab {

class DaemonSets {
   public:
    // The index is of Pods. All outlive this and start after it is made.
    DaemonSets(Executor executor, Cluster& cluster, ObjectIndex& pods);
    void start();

   private:
    struct Place;  // one node
    struct Pass;   // one reconcile of one DaemonSet

    void reconcile(const ObjectKey& key);
    void ask_all();
    bool gather(Pass& pass);
    void put_in_place(Pass& pass, const ObjectPtr& pod);
    // One pod where there should be one, none where there should be none.
    void populate(Pass& pass);
    void create_on(Pass& pass, Place& place);
    // One step of a rolling update.
    void replace_old(Pass& pass);
    void surge(Pass& pass);
    void save(Pass& pass);

    Cluster& cluster_;
    EventRecorder events_;
    OwnedPods pods_;
    RevisionHistory revisions_;
    KeyQueue queue_;
    std::vector<Subscription> subscriptions_;
};

}  // namespace sluice::lab
