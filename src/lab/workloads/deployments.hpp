// Rolls Deployments out: makes a ReplicaSet per template, shifts replicas between them within
// maxSurge and maxUnavailable, keeps revisions, and reports (kubernetes.md C.2).
#pragma once

#include "lab/workloads/deployment_status.hpp"
#include "lab/workloads/event_recorder.hpp"
#include "lab/workloads/key_queue.hpp"
#include "lab/workloads/object_index.hpp"

namespace sluice::lab {

class Deployments {
   public:
    // The indexes are of ReplicaSets and Pods; all outlive this and start after it is made.
    Deployments(Executor executor, Cluster& cluster, ObjectIndex& replica_sets, ObjectIndex& pods);
    void start();

   private:
    struct Pass;  // one reconcile of one Deployment

    void reconcile(const ObjectKey& key);
    void on_replica_set(const Change& change);
    void on_pod(const Change& change);

    bool gather(Pass& pass);
    void note_pause(Pass& pass);
    bool is_scaling(const Pass& pass) const;
    void scale_all(Pass& pass);
    bool roll(Pass& pass);
    bool recreate(Pass& pass);
    void find_newest(Pass& pass);
    bool find_or_make_newest(Pass& pass);
    bool make_newest(Pass& pass);
    static Json newest_of(const Pass& pass, const std::string& hash);
    static JsonObject notes_of_newest(const Pass& pass);
    static std::int64_t first_size_of_newest(const Pass& pass);
    void could_not_make(Pass& pass, const std::string& name, const Status& why);
    void announce_newest(Pass& pass);
    void sync_newest(Pass& pass);
    bool shrink_old(Pass& pass, const std::vector<std::int64_t>& targets);
    bool resize(Pass& pass, ObjectPtr& set, std::int64_t replicas);
    bool old_pods_run(const Pass& pass) const;
    void clean_up(Pass& pass);
    void save(Pass& pass, StatusPass kind);

    Cluster& cluster_;
    ObjectIndex& replica_sets_;
    ObjectIndex& pods_;
    EventRecorder events_;
    KeyQueue queue_;
    Subscription subscription_;
};

}  // namespace sluice::lab
