// Runs the load tester's commands as real processes.
#pragma once

#include "base/async/clock.hpp"
#include "loadtester/task.hpp"

namespace sluice {

// Each command leads a process group of its own, which is killed at its limit, or when the task is
// cancelled.
class ProcessRunner final : public loadtester::TaskRunner {
   public:
    // The clock outlives it.
    explicit ProcessRunner(Clock& clock) : clock_(clock) {}

    Task<loadtester::Ended> run(loadtester::Command command) override;

   private:
    Task<Result<int>> finish(pid_t pid, int output, std::string* text);

    Clock& clock_;
};

}  // namespace sluice
