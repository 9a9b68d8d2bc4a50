#include "cli/controller_command.hpp"

#include "base/async/log.hpp"
#include "base/async/task_group.hpp"
#include "base/core/text.hpp"
#include "cli/dashboard_command.hpp"
#include "controller/process.hpp"
#include "kube/config.hpp"
#include "net/client.hpp"
#include "net/environment_proxy.hpp"
#include "net/server.hpp"
#include "notify/sent.hpp"
#include "web/dashboard.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>

namespace sluice::cli {
namespace {

constexpr Duration http_grace = std::chrono::seconds{3};
// The peer's (canary.md 5.4).
constexpr net::ServerOptions http_options{.head_timeout = std::chrono::seconds{5},
                                          .idle_timeout = std::chrono::seconds{15},
                                          .stall_timeout = std::chrono::seconds{60}};

void print_line(std::FILE* to, const std::string& line) {
    std::fputs((line + "\n").c_str(), to);
    std::fflush(to);
}

std::string host_name() {
    std::array<char, 256> name{};
    if (gethostname(name.data(), name.size() - 1) != 0) return "sluice";
    return name.data();
}

std::optional<std::string> read_variable(std::string_view name) {
    const auto* value = std::getenv(std::string(name).c_str());
    if (value == nullptr) return std::nullopt;
    return value;
}

// Names of the lab mean nothing outside of it: its own proxy leads there.
class LabClient final : public net::HttpClient {
   public:
    LabClient(net::HttpClient& inner, std::optional<net::Origin> proxy)
        : inner_(inner), proxy_(std::move(proxy)) {}

    Task<Result<net::Response>> send(net::Request request) override {
        return inner_.send(through_proxy(std::move(request)));
    }
    Task<Result<net::Response>> open(net::Request request) override {
        return inner_.open(through_proxy(std::move(request)));
    }

   private:
    net::Request through_proxy(net::Request request) const {
        boost::system::error_code not_an_address;
        boost::asio::ip::make_address(request.origin.host, not_an_address);
        if (proxy_ && not_an_address && request.origin.host != "localhost") request.proxy = proxy_;
        return request;
    }

    net::HttpClient& inner_;
    std::optional<net::Origin> proxy_;
};

std::optional<controller::MeshCluster> mesh_cluster(net::HttpClient& api,
                                                    const std::optional<kube::Config>& config) {
    if (!config) return std::nullopt;
    return controller::MeshCluster{.api = api, .connection = config->connection};
}

// Everything that lives while the controller runs over sockets.
struct Running {
    Running(boost::asio::io_context& io,
            Clock& clock,
            Random& random,
            Logger& log,
            const kube::Config& config,
            const std::optional<kube::Config>& mesh,
            const controller::Settings& settings)
        : context(io),
          api(io.get_executor(), clock),
          sockets(io.get_executor(), clock),
          outward(sockets, read_variable),
          http(outward, config.lab_proxy),
          sent(clock),
          process({.executor = io.get_executor(),
                   .clock = clock,
                   .random = random,
                   .api = api,
                   .http = http,
                   .log = log,
                   .mesh = mesh_cluster(api, mesh),
                   .sent = settings.ui_port ? &sent : nullptr},
                  config.connection,
                  settings),
          server(io.get_executor(), clock, process.http(), http_options),
          signals(io, SIGINT, SIGTERM),
          tasks(io.get_executor()),
          housekeeping(io.get_executor()) {}

    boost::asio::io_context& context;
    net::SocketClient api;
    net::SocketClient sockets;
    net::EnvironmentProxyClient outward;
    LabClient http;
    notify::SentLog sent;
    controller::Process process;
    net::HttpServer server;
    std::unique_ptr<web::Dashboard> dashboard;
    std::unique_ptr<net::HttpServer> dashboard_server;
    boost::asio::signal_set signals;
    TaskGroup tasks;
    TaskGroup housekeeping;
    std::string error;
};

// On a port of its own: who may see figures may not see all that people see.
Result<void> start_dashboard(Running& running,
                             Clock& clock,
                             Random& random,
                             Logger& log,
                             const kube::Config& config,
                             const controller::Settings& settings) {
    if (!settings.ui_port) return {};
    boost::system::error_code not_an_address;
    const auto address = boost::asio::ip::make_address(settings.ui_address, not_an_address);
    web::Settings shown;
    shown.base_path = settings.ui_base_path;
    shown.off_loopback =
        not_an_address ? settings.ui_address != "localhost" : !address.is_loopback();
    shown.writes = !shown.off_loopback || settings.ui_write;
    shown.rights_are_the_persons = false;
    shown.hosts = settings.ui_hosts;
    shown.ns = settings.ns;
    shown.metrics_server = settings.metrics_server;
    shown.min_interval = settings.min_interval;
    shown.leading = [&running] { return std::optional(running.process.leads()); };
    if (!settings.ui_token_file.empty()) {
        const auto text = kube::process_environment().read_file(settings.ui_token_file);
        if (!text) return text.error().with("reading --ui-token-file");
        shown.token = trimmed(*text);
        if (shown.token.empty()) {
            return Error{ErrorKind::invalid,
                         "--ui-token-file " + settings.ui_token_file + " is empty"};
        }
    }
    running.dashboard =
        std::make_unique<web::Dashboard>(web::Outside{.executor = running.context.get_executor(),
                                                      .clock = clock,
                                                      .random = random,
                                                      .api = running.api,
                                                      .http = running.http,
                                                      .log = log,
                                                      .sent = &running.sent},
                                         config.connection,
                                         std::move(shown));
    running.dashboard_server = std::make_unique<net::HttpServer>(
        running.context.get_executor(), clock, *running.dashboard, dashboard_options);
    const auto port = running.dashboard_server->listen(settings.ui_address, *settings.ui_port);
    if (!port) return port.error().with("starting the dashboard");
    log.info(fmt::format(
        "Serving the dashboard at {}:{}{}/ui/", settings.ui_address, *port, settings.ui_base_path));
    return {};
}

// The first signal ends in order, the second at once.
void wait_for_signals(Running& running) {
    running.signals.async_wait([&running](const auto& error, int /*signal*/) {
        if (error) return;
        running.process.stop();
        running.signals.async_wait([](const auto& second_error, int /*signal*/) {
            if (!second_error) std::_Exit(1);
        });
    });
}

// A thousand promotions at once need three times what the rest after them does, and what is freed
// in between stays with the process unless it is handed over. Ends by being cancelled.
Task<> give_memory_back(Clock& clock) {
    for (;;) {
        co_await clock.sleep_for(std::chrono::minutes{1});
        malloc_trim(0);
    }
}

Task<> run_to_the_end(Running& running) {
    const auto outcome = co_await running.process.run();
    if (!outcome) running.error = outcome.error().message;
    if (running.dashboard) co_await running.dashboard->stop();
    if (running.dashboard_server) co_await running.dashboard_server->stop(http_grace);
    co_await running.server.stop(http_grace);
    running.housekeeping.cancel();
    co_await running.housekeeping.wait();
    // Kept connections would hold the loop for a minute more.
    running.context.stop();
}

int run(Clock& clock, Random& random, const controller::Settings& settings) {
    Logger log(clock,
               {.format = settings.log_format, .level = settings.log_level},
               [](std::string_view line) { print_line(stderr, std::string(line)); });
    const auto config =
        kube::find_config({.kubeconfig = settings.kubeconfig, .master = settings.master},
                          kube::process_environment());
    if (!config) {
        log.error("Error building kubeconfig: " + config.error().message);
        return 1;
    }
    for (const auto& warning : config->warnings) log.warn(warning);
    std::optional<kube::Config> mesh;
    if (!settings.mesh_kubeconfig.empty()) {
        auto found = kube::find_config({.kubeconfig = settings.mesh_kubeconfig},
                                       kube::process_environment());
        if (!found) {
            log.error("Error building kubeconfig of the mesh: " + found.error().message);
            return 1;
        }
        for (const auto& warning : found->warnings) log.warn(warning);
        mesh = *std::move(found);
    }

    boost::asio::io_context context;
    Running running(context, clock, random, log, *config, mesh, settings);
    const auto port = running.server.listen_everywhere(settings.port);
    if (!port) {
        log.error(port.error().message);
        return 1;
    }
    log.info(fmt::format("Starting HTTP server on port {}", *port));
    const auto shown = start_dashboard(running, clock, random, log, *config, settings);
    if (!shown) {
        log.error(shown.error().message);
        return 1;
    }
    wait_for_signals(running);
    running.tasks.spawn("controller", run_to_the_end(running));
    running.housekeeping.spawn("giving memory back", give_memory_back(clock));
    context.run();
    log.info("HTTP server stopped");
    if (running.error.empty()) return 0;
    log.error(running.error);
    return 1;
}

}  // namespace

int controller_command(const std::vector<std::string>& arguments, Clock& clock, Random& random) {
    for (const auto& argument : arguments) {
        if (argument == "-h" || argument == "-help" || argument == "--help") {
            print_line(stdout,
                       "sluice controller [flags]: releases Canaries until a signal ends it\n");
            print_line(stdout, controller::settings_help());
            return 0;
        }
    }
    auto settings = controller::settings_from(arguments, read_variable);
    if (!settings) {
        print_line(stderr, "sluice controller: " + settings.error().message);
        return 2;
    }
    if (settings->show_version) {
        print_line(stdout, "sluice version " + settings->version);
        return 0;
    }
    if (settings->host.empty()) settings->host = host_name();
    return run(clock, random, *settings);
}

}  // namespace sluice::cli
