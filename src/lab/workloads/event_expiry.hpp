// Events are forgotten an hour after they were last written, as by a real API server
// (kubernetes.md A.7): a lab that stays up does not grow by them. Apart from the other controllers,
// because it has an hour's timer for each: what runs in virtual time wants to see itself at rest.
#pragma once

#include "lab/apiserver/cluster.hpp"
#include "lab/workloads/key_queue.hpp"

namespace sluice::lab {

inline constexpr Duration event_lifetime = std::chrono::hours{1};

class EventExpiry {
   public:
    // On the control thread; the cluster outlives this.
    EventExpiry(Executor executor, Cluster& cluster);

    // After Cluster::deliver_by.
    void start();

   private:
    void look_at(const ObjectKey& key);

    Cluster& cluster_;
    KeyQueue queue_;
    Subscription events_;
};

}  // namespace sluice::lab
