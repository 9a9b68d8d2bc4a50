// What goes because something else went: dependents of deleted owners, the contents of deleted
// namespaces, the instances of deleted definitions. Runs between writes, on the queue that
// deliveries use, in the order in which things happened.
#pragma once

#include "lab/apiserver/store.hpp"

#include <deque>
#include <memory>
#include <set>

namespace sluice::lab {

class GarbageCollector {
   public:
    explicit GarbageCollector(Cluster::State& cluster) : cluster_(cluster) {}

    // Told of every committed change; `after` is null when the object went.
    void saw(const ObjectId& id, const ObjectPtr& before, const ObjectPtr& after);

   private:
    // Look at one object again: are its owners there, does it wait for its dependents?
    struct Work {
        ObjectId id;
        std::string uid;
    };

    void look_at(const ObjectId& id, std::string uid);
    void run();
    void look(const Work& work);
    void look_at_owners(const ObjectId& id, const ObjectPtr& object);
    void finish_foreground(const ObjectId& id, const ObjectPtr& object);
    void finish_orphan(const ObjectId& id, const ObjectPtr& object);
    void empty_namespace(const ObjectPtr& ns);
    void remove_instances(const ObjectPtr& crd);

    Cluster::State& cluster_;
    std::deque<Work> work_;
    std::set<std::string> known_;  // the uids in work_
    bool posted_ = false;
    // Work that is posted and finds the collector gone does nothing.
    std::shared_ptr<GarbageCollector*> self_ = std::make_shared<GarbageCollector*>(this);
};

}  // namespace sluice::lab
