// Finds objects of one kind by their owner and by their labels without looking through all of them.
// It remembers names only and reads the objects from the cluster, so what it answers is never
// older than the last write.
#pragma once

#include "lab/apiserver/cluster.hpp"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::lab {

// "app=web" of every label.
std::vector<std::string> label_pairs(const JsonObject& labels);

class ObjectIndex {
   public:
    // The cluster outlives the index.
    ObjectIndex(Cluster& cluster, Resource resource);

    // Called after the index knows of the change. All are registered before `start`.
    void on_change(std::function<void(const Change&)> listener);
    void start();

    // For who has just created or changed the object: its change may not have been delivered yet.
    void note(const Json& object);

    // Objects that this controller owns, by name. They may be about to be deleted.
    std::vector<ObjectPtr> owned_by(std::string_view uid) const;
    // Objects of a namespace without a controller.
    std::vector<ObjectPtr> orphans(std::string_view ns) const;
    // Objects with all these labels; an empty selection selects nothing.
    std::vector<ObjectPtr> labelled(std::string_view ns, const JsonObject& labels) const;

   private:
    using Keys = std::set<ObjectKey>;
    void forget(const Json& object);
    std::vector<ObjectPtr> read(const Keys& keys) const;

    Cluster& cluster_;
    Resource resource_;
    std::vector<std::function<void(const Change&)>> listeners_;
    std::map<std::string, Keys, std::less<>> by_owner_;
    std::map<std::string, Keys, std::less<>> by_label_;  // "ns/key=value"
    Subscription subscription_;
};

}  // namespace sluice::lab
