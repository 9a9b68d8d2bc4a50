// One command's conversation with a cluster: finds it, speaks with it, and turns an error into one
// line and an exit code.
#pragma once

#include "cli/command.hpp"
#include "kube/client.hpp"
#include "kube/config.hpp"

#include <functional>

namespace sluice::cli {

class Session {
   public:
    Session(Clock& clock, kube::Client& client, kube::Config config)
        : clock_(clock), client_(client), config_(std::move(config)) {}
    Clock& clock() { return clock_; }
    kube::Client& client() { return client_; }
    const kube::Config& config() const { return config_; }

   private:
    Clock& clock_;
    kube::Client& client_;
    kube::Config config_;
};

// --kubeconfig and --context.
void add_cluster_options(CLI::App& command, kube::ConfigQuery& query);

// Runs the coroutine that `talk` makes to its end. An error is printed as "sluice: …" and gives
// exit code 1.
int with_cluster(Environment environment,
                 const kube::ConfigQuery& query,
                 const std::function<Task<Result<int>>(Session&)>& talk);

}  // namespace sluice::cli
