// Binds pods to the lab's only node as soon as they appear (kubernetes.md C.7).
#pragma once

#include "lab/workloads/event_recorder.hpp"
#include "lab/workloads/object_index.hpp"

namespace sluice::lab {

inline constexpr std::string_view node_name = "lab-1";

// Whether the pod, or the template of one, may run there: its nodeSelector, and of its affinity
// what must hold.
bool fits(const Json& pod, const Json& node);

class Scheduler {
   public:
    // The index is of Pods. Both outlive this and start after it is made.
    Scheduler(Cluster& cluster, ObjectIndex& pods);
    // Makes the node when it isn't there.
    void start();

   private:
    void on_pod(const Change& change);
    void on_node(const Change& change);
    void place(const ObjectKey& key);
    void refuse(const Json& pod, std::string_view because);

    Cluster& cluster_;
    EventRecorder events_;
    Subscription nodes_;
};

}  // namespace sluice::lab
