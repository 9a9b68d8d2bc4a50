// A program that runs beside sluice and dies with it. The only place that forks
// for itself; app/process_runner.hpp does so for others.
#pragma once

#include "base/async/clock.hpp"
#include "base/core/result.hpp"

#include <sys/types.h>

#include <string>
#include <vector>

namespace sluice::lab {

// The full path of a program on the PATH (a name with a slash is taken as it is); not_found when
// there is none.
Result<std::string> find_program(const std::string& name);

// A port of that address which is free now.
Result<std::uint16_t> free_port(const std::string& address);

struct ChildOptions {
    std::string program;  // full path
    std::vector<std::string> arguments;
    std::string output;  // the file to which stdout and stderr are appended
};

struct ChildEnd {
    int exit_code = 0;  // 128 + signal when killed by one
};

// Of one thread: the one that starts it should live as long as the process, because the child is
// told to die (SIGKILL) when that thread does.
class ChildProcess {
   public:
    static Result<ChildProcess> start(const ChildOptions& options);
    ChildProcess(ChildProcess&& other) noexcept;
    ChildProcess& operator=(ChildProcess&& other) noexcept;
    // Kills it when it still runs.
    ~ChildProcess();

    pid_t pid() const { return pid_; }
    void send_signal(int signal);
    // How it ended, when it has.
    std::optional<ChildEnd> ended();
    // Waits until it has ended; both it and the clock outlive the wait.
    Task<ChildEnd> wait(Clock& clock);

   private:
    explicit ChildProcess(pid_t pid) : pid_(pid) {}
    pid_t pid_ = -1;
    std::optional<ChildEnd> end_;
};

}  // namespace sluice::lab
