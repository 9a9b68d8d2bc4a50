#include "cli/session.hpp"

#include "base/async/task_group.hpp"
#include "net/client.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <optional>

namespace sluice::cli {
namespace {

Task<> keep(Task<Result<int>> task, std::optional<Result<int>>& slot) {
    slot = co_await std::move(task);
}

}  // namespace

void add_cluster_options(CLI::App& command, kube::ConfigQuery& query) {
    command.add_option("--kubeconfig",
                       query.kubeconfig,
                       "Kubeconfig file; else KUBECONFIG, the pod's account, ~/.kube/config");
    command.add_option("--context", query.context, "Context of the kubeconfig");
}

int with_cluster(Environment environment,
                 const kube::ConfigQuery& query,
                 const std::function<Task<Result<int>>(Session&)>& talk) {
    auto config = kube::find_config(query, kube::process_environment());
    if (!config) {
        fmt::print(stderr, "sluice: {}\n", config.error().message);
        return 1;
    }
    boost::asio::io_context context(1);
    net::SocketClient http(context.get_executor(), environment.clock);
    kube::Client client(environment.clock, http, config->connection);
    Session session(environment.clock, client, *config);
    std::optional<Result<int>> result;
    TaskGroup group(context.get_executor());
    group.spawn("command", keep(talk(session), result));
    // Kept connections hold the context at work; the command is over when it has its result.
    while (!result && context.run_one() > 0) {
    }
    if (!result || !*result) {
        fmt::print(stderr, "sluice: {}\n", result ? result->error().message : "ended early");
        return 1;
    }
    return **result;
}

}  // namespace sluice::cli
