// Runs each Job's pods until enough of them have succeeded, or too many have failed (kubernetes.md
// C.7).
#pragma once

#include "lab/workloads/key_queue.hpp"
#include "lab/workloads/object_status.hpp"
#include "lab/workloads/owned_pods.hpp"

#include <map>
#include <set>

namespace sluice::lab {

class Jobs {
   public:
    // The index is of Pods. All outlive this and start after it is made.
    Jobs(Executor executor, Cluster& cluster, ObjectIndex& pods);
    void start();

   private:
    struct Pass;  // one reconcile of one Job
    // How the pods of a Job have ended, by their uids; those that are gone from the cluster too.
    struct Tally {
        std::set<std::string> succeeded, failed;
        // Deleted by us: neither well nor badly ended.
        std::set<std::string> given_up;
        Time last_failure{};
    };
    struct Verdict {
        std::string reason;
        std::string message;
    };

    void on_job(const Change& change);
    void on_pod(const Change& change);
    void count(const Json& pod, bool is_gone);

    void reconcile(const ObjectKey& key);
    void work(Pass& pass);
    bool is_suspended(Pass& pass);
    std::optional<Verdict> failure(Pass& pass);
    void fail(Pass& pass, const Verdict& why);
    bool is_complete(const Pass& pass) const;
    void complete(Pass& pass);
    void size(Pass& pass);
    void give_up(Pass& pass, std::int64_t pods);
    void expire(const Json& job, Time now);
    void save(Pass& pass);

    Cluster& cluster_;
    EventRecorder events_;
    OwnedPods pods_;
    KeyQueue queue_;
    std::map<std::string, Tally> tallies_;  // by the uid of the Job
    Subscription subscription_;
};

}  // namespace sluice::lab
