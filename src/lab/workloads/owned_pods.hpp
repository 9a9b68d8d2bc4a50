// The pods of a workload: made as its template says, found by their owner, taken in when they have
// none, given up; each with the Event that says so.
#pragma once

#include "lab/workloads/event_recorder.hpp"
#include "lab/workloads/object_index.hpp"

namespace sluice::lab {

// The controllers of that kind which the object has, or had before the change.
std::vector<ObjectKey> controllers_of(const Change& change, std::string_view kind);

class OwnedPods {
   public:
    // `kind` is the owners'. All outlive this.
    OwnedPods(Cluster& cluster, ObjectIndex& pods, EventRecorder& events, const Resource& kind)
        : cluster_(cluster), pods_(pods), events_(events), kind_(kind) {}

    // Whom a change of a pod concerns: its controllers, or everybody in its namespace when it has
    // lost its own or came without one.
    std::vector<ObjectKey> concerned(const Change& change) const;

    // All that the owner controls, finished ones and those that are about to go too. Active pods
    // without a controller are adopted where the owner's selector matches them.
    std::vector<ObjectPtr> of(const Json& owner);

    // What the owner's template says, without a node.
    Json from_template(const Json& owner) const;
    // SuccessfulCreate, or FailedCreate and the refusal.
    Answer<ObjectPtr> create(const Json& owner, const Json& pod);
    // SuccessfulDelete; false when the pod is not there any more.
    bool remove(const Json& owner, const Json& pod);

   private:
    Cluster& cluster_;
    ObjectIndex& pods_;
    EventRecorder& events_;
    const Resource& kind_;
};

}  // namespace sluice::lab
