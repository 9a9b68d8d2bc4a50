// The queue in front of a controller of the lab: a key that is added twice is worked on once, and a
// key can be put aside until a time. Nothing polls.
#pragma once

#include "base/async/clock.hpp"
#include "kube/resource.hpp"

#include <functional>
#include <memory>

namespace sluice::lab {

class KeyQueue {
   public:
    using Work = std::function<void(const kube::ObjectKey& key)>;

    // `work` runs on the executor, one key at a time, never from inside `add`. The clock outlives
    // the executor's work.
    KeyQueue(Executor executor, Clock& clock, Work work);
    KeyQueue(const KeyQueue&) = delete;
    KeyQueue& operator=(const KeyQueue&) = delete;
    // Forgets what waits; `work` isn't called again.
    ~KeyQueue();

    void add(const kube::ObjectKey& key);
    // At that time or a little later; of several times the earliest counts. Until then an `add` of
    // the same key does not clear it.
    void add_at(const kube::ObjectKey& key, Time when);

   private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace sluice::lab
