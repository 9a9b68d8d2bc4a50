// Nothing is spawned loose: a group owns what it spawns, cancels it, and waits for it.
#pragma once

#include "base/async/task.hpp"

#include <memory>
#include <string>

namespace sluice {

class TaskGroup {
   public:
    explicit TaskGroup(Executor executor);
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;
    // Cancels what still runs. Who needs it to have ended waits first.
    ~TaskGroup();

    // Starts the task. An exception other than a cancellation that leaves it is our own mistake:
    // the name is said and the process ends (style: results travel as values).
    void spawn(std::string name, Task<> task);
    // Asks every task to end: its present wait, and each later one, ends by operation_aborted.
    void cancel();
    // Returns when all have ended.
    Task<> wait();
    std::size_t size() const;
    Executor executor() const;

   private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace sluice
