#include "cli/dashboard_command.hpp"

#include "base/async/log.hpp"
#include "base/async/task_group.hpp"
#include "cli/end_signals.hpp"
#include "cli/session.hpp"
#include "kube/config.hpp"
#include "net/client.hpp"
#include "net/via_proxy.hpp"
#include "web/dashboard.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <memory>

namespace sluice::cli {
namespace {

// What the lab's kubeconfig means by Prometheus (mesh-and-dashboard.md MET-10).
constexpr std::string_view lab_metrics_server =
    "http://smm-prometheus.smm-system.svc.cluster.local:59090/prometheus";

struct DashboardOptions {
    kube::ConfigQuery cluster;
    std::string ns;
    std::uint16_t port = 0;
    std::string metrics_server;
    bool read_only = false;
};

int complain(const Error& error) {
    fmt::print(stderr, "sluice: {}\n", error.message);
    return 1;
}

Task<> serve(boost::asio::io_context& context,
             web::Dashboard& dashboard,
             net::HttpServer& server,
             boost::asio::signal_set& signals) {
    co_await signals.async_wait(boost::asio::use_awaitable);
    co_await dashboard.stop();
    co_await server.stop(std::chrono::milliseconds{200});
    // Kept connections to the cluster would hold the loop.
    context.stop();
}

int run_dashboard(Environment environment, const DashboardOptions& options) {
    const auto config = kube::find_config(options.cluster, kube::process_environment());
    if (!config) return complain(config.error());
    boost::asio::io_context context(1);
    const auto executor = context.get_executor();
    net::SocketClient api(executor, environment.clock);
    net::SocketClient sockets(executor, environment.clock);
    std::optional<net::ViaProxyClient> lab_names;
    if (config->lab_proxy) lab_names.emplace(sockets, *config->lab_proxy);
    Logger log(environment.clock,
               {.format = LogFormat::text, .level = LogLevel::warn},
               [](std::string_view line) { fmt::print(stderr, "{}\n", line); });

    web::Settings settings;
    settings.ns = options.ns;
    settings.writes = !options.read_only;
    settings.metrics_server = options.metrics_server;
    if (settings.metrics_server.empty() && config->lab_proxy) {
        settings.metrics_server = lab_metrics_server;
    }
    settings.controller = "sluice";
    net::HttpClient& names = sockets;
    web::Dashboard dashboard({.executor = executor,
                              .clock = environment.clock,
                              .random = environment.random,
                              .api = api,
                              .http = lab_names ? static_cast<net::HttpClient&>(*lab_names) : names,
                              .log = log},
                             config->connection,
                             std::move(settings));
    net::HttpServer server(executor, environment.clock, dashboard, dashboard_options);
    const auto port = server.listen("127.0.0.1", options.port);
    if (!port) return complain(port.error());
    fmt::print("dashboard at http://127.0.0.1:{}/ui/\n", *port);
    std::fflush(stdout);

    boost::asio::signal_set signals(context);
    add_end_signals(signals);
    TaskGroup group(executor);
    group.spawn("dashboard", serve(context, dashboard, server, signals));
    context.run();
    return 0;
}

}  // namespace

void add_dashboard(CLI::App& app, Environment environment, Run& run) {
    auto options = std::make_shared<DashboardOptions>();
    auto* command =
        app.add_subcommand("dashboard", "The dashboard of a cluster, on this machine's loopback");
    command->footer(
        "It reads and writes as you: your kubeconfig's rights are its rights. Ctrl-C ends it.\n"
        "Exit code: 0 ended by a signal, 1 it could not start, 2 wrong arguments.\n"
        "Example:\n  sluice dashboard --metrics-server http://127.0.0.1:9090");
    command->add_option("-n,--namespace", options->ns, "This namespace only; else all");
    command->add_option("--port", options->port, "Port; 0 takes a free one")
        ->check(CLI::Range(0, 65535))
        ->capture_default_str();
    command->add_option("--metrics-server",
                        options->metrics_server,
                        "Prometheus, as reached from here; without one there are no numbers");
    command->add_flag("--read-only", options->read_only, "No buttons");
    add_cluster_options(*command, options->cluster);
    command->callback([options, environment, &run] {
        run = [options, environment] { return run_dashboard(environment, *options); };
    });
}

}  // namespace sluice::cli
