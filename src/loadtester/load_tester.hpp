// The load tester that Canaries' hooks call: gates, rollback switches, and tasks that make traffic
// or run tests (routing-metrics-hooks.md 5).
#pragma once

#include "base/async/clock.hpp"
#include "base/async/log.hpp"
#include "base/async/task_group.hpp"
#include "loadtester/concord.hpp"
#include "loadtester/gates.hpp"
#include "loadtester/ngrinder.hpp"
#include "loadtester/task.hpp"
#include "net/http.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sluice::loadtester {

struct Options {
    Duration timeout = std::chrono::hours{1};  // of every task
    // Namespaces that may ask, whole; nothing: all.
    std::function<bool(const std::string& ns)> may_ask = {};
    // Asked as a bearer token, or as the password of a hook's address; empty: nobody asks.
    std::string token = {};
    // Then only these run, and no shell does; empty: everything.
    std::set<std::string> programs = {};
    // Gates of a Canary close when its post-rollout hook is called, wherever it leads.
    bool close_gates_after_rollout = false;
    // Gives what keeps the load tester, and whatever it works with, until a task has unwound: for
    // an owner that may go while tasks run.
    std::function<std::shared_ptr<const void>()> hold = {};
};

class LoadTester final : public net::Handler {
   public:
    // All outlive it. `http` reaches Concord and nGrinder.
    LoadTester(Executor executor,
               Clock& clock,
               Logger& log,
               TaskRunner& runner,
               net::HttpClient& http,
               Gates gates,
               Options options);

    Task<net::Response> handle(net::Request request) override;
    // Kills what runs.
    void cancel() { tasks_.cancel(); }
    // Returns when nothing runs any more.
    Task<> wait() { return tasks_.wait(); }

    // What runs now, as Canary and command.
    const std::set<std::pair<std::string, std::string>>& running() const { return running_; }

   private:
    using TaskKey = std::pair<std::string, std::string>;

    bool is_known(const net::Request& request) const;
    net::Response answer_gate(std::string_view path, const net::Request& request);
    net::Response list_gates() const;
    Task<net::Response> start_task(Payload payload);
    net::Response queue(const TaskKey& key, Task<> task);
    Task<> run_queued(std::shared_ptr<const void> hold, TaskKey key, Task<> task);
    Task<> run_command(Payload payload, Command command);
    Task<net::Response> run_and_answer(Payload payload, Command command);
    Task<> run_ngrinder(Payload payload, NGrinderOrder order);
    Result<Command> command_of(const Payload& payload) const;
    Result<void> allow(const std::vector<std::string>& words) const;
    std::string metrics() const;

    Logger& log_;
    TaskRunner& runner_;
    Concord concord_;
    NGrinder ngrinder_;
    Gates gates_;
    Options options_;
    std::set<TaskKey> running_;
    std::uint64_t started_ = 0;
    TaskGroup tasks_;
};

}  // namespace sluice::loadtester
