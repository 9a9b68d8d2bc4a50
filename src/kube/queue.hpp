// Which objects want a look, and when: each key once, one pass at a time, later after a failure.
#pragma once

#include "base/async/clock.hpp"
#include "base/async/log.hpp"
#include "base/async/signal.hpp"
#include "base/async/task_group.hpp"
#include "kube/resource.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>

namespace sluice::kube {

struct QueueOptions {
    // Passes wait for the network most of the time, so many may be under way.
    std::size_t workers = 64;
    // So many more may have stepped aside.
    std::size_t aside_max = 512;
    // After the first failure of a key, doubled by each further one. A success forgets them.
    // Each pause, a server's retry_after too, is longer by up to a fifth, as the key has it: what
    // was refused together does not come back together.
    Duration backoff = std::chrono::milliseconds{5};
    Duration backoff_max = std::chrono::seconds{60};
};

class WorkQueue {
   public:
    // One pass over one object. Its value is when to come again (nothing: when it changes); an
    // Error comes again after the back-off, or after its retry_after when that is longer.
    using Pass = std::function<Task<Result<std::optional<Time>>>(ObjectKey key)>;

    // Gives what keeps the queue, and whatever `pass` uses, until a pass has unwound: for an owner
    // that may go while passes wait. Without it the owner waits for `drained`.
    using Hold = std::function<std::shared_ptr<const void>()>;

    // The clock outlives the queue, and so does whatever `pass` uses.
    WorkQueue(Executor executor,
              Clock& clock,
              Logger& log,
              Pass pass,
              QueueOptions options = {},
              Hold hold = {});
    WorkQueue(const WorkQueue&) = delete;
    WorkQueue& operator=(const WorkQueue&) = delete;
    ~WorkQueue();

    // Works until it is cancelled; then its passes are cancelled too.
    Task<> run();
    // Returns when no pass is under way any more.
    Task<> drained();

    // As soon as possible. While its pass is under way, once more after it.
    void add(const ObjectKey& key);
    // For a pass that looks at its object now: what was added until here is seen by it, and asks
    // for no further pass.
    void note_look(const ObjectKey& key);
    // For a pass under way: returns when its object was added since the last look.
    Task<> added(ObjectKey key);
    // For a pass that waits for somebody who may take long: while this lives another one may have
    // its place. The queue outlives it.
    class Aside {
       public:
        explicit Aside(WorkQueue& queue);
        Aside(const Aside&) = delete;
        Aside& operator=(const Aside&) = delete;
        ~Aside();

       private:
        WorkQueue* queue_;  // null when too many stand there already
    };
    // Not before `when`, unless something adds it earlier: the earliest wins.
    void wake_at(const ObjectKey& key, Time when);
    // Drops waiting wakes and counted failures, for an object that is gone.
    void forget(const ObjectKey& key);

    std::size_t waiting() const;  // ready, not yet begun
    std::size_t working() const;
    std::optional<Time> next_wake() const;

   private:
    bool has_place() const { return working_.size() - aside_ < options_.workers; }
    void start_what_is_due();
    Task<> wait_for_news(std::uint64_t seen);
    Task<> perform(ObjectKey key);
    void finish(const ObjectKey& key, const Result<std::optional<Time>>& outcome);
    void drop_wake(const ObjectKey& key);
    void news();

    Clock& clock_;
    Logger& log_;
    Pass pass_;
    QueueOptions options_;
    Hold hold_;
    Signal signal_;
    Signal added_;
    TaskGroup passes_;
    std::uint64_t news_ = 0;
    std::deque<ObjectKey> ready_;
    std::set<ObjectKey> is_ready_;  // may lack what ready_ still holds: forgotten meanwhile
    std::set<ObjectKey> working_;
    std::size_t aside_ = 0;  // of those at work
    std::set<ObjectKey> once_more_;
    std::map<ObjectKey, Time> wake_of_;
    std::set<std::pair<Time, ObjectKey>> wakes_;
    std::map<ObjectKey, int> failures_;
};

}  // namespace sluice::kube
