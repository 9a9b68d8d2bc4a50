// HorizontalPodAutoscalers without metrics: a target outside of minReplicas and maxReplicas is
// brought inside, and one at zero is left alone (kubernetes.md C.5).
#pragma once

#include "lab/workloads/event_recorder.hpp"
#include "lab/workloads/key_queue.hpp"

#include <map>
#include <set>

namespace sluice::lab {

// What an autoscaler thinks of its target. Pure.
struct ScaleDecision {
    std::int64_t replicas = 0;
    std::string why = {};  // empty: nothing to do
};
ScaleDecision clamped(const Json& autoscaler, std::int64_t current);

class Autoscalers {
   public:
    // The cluster outlives this.
    Autoscalers(Executor executor, Cluster& cluster);
    void start();

   private:
    using Target = std::pair<std::string, ObjectKey>;  // kind, name
    struct Pass;                                       // one reconcile of one autoscaler

    void on_autoscaler(const Change& change);
    void on_target(const Resource& resource, const Change& change);
    void reconcile(const ObjectKey& key);
    bool find_target(Pass& pass);
    void size(Pass& pass);
    bool rescale(Pass& pass, const ScaleDecision& decision);
    void say_metrics_are_missing(Pass& pass);

    Cluster& cluster_;
    EventRecorder events_;
    KeyQueue queue_;
    std::map<Target, std::set<ObjectKey>> by_target_;
    std::vector<Subscription> subscriptions_;
};

}  // namespace sluice::lab
