// `sluice lab up|down|status|url`: a whole small cluster on this machine.
#include "base/async/task_group.hpp"
#include "base/core/duration.hpp"
#include "base/core/text.hpp"
#include "cli/command.hpp"
#include "cli/end_signals.hpp"
#include "cli/gateway_url.hpp"
#include "cli/lab_files.hpp"
#include "cli/running_lab.hpp"
#include "cli/session.hpp"
#include "lab/mesh/gateway_api.hpp"
#include "lab/mesh/nginx_controller.hpp"
#include "lab/workloads/image_map.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <memory>
#include <thread>

namespace sluice::cli {
namespace {

struct UpOptions {
    LabOptions lab;
    std::string dir = default_lab_dir().string();
    bool detach = false;
    std::string controller = "on";
    std::string dashboard = "on";
    std::vector<std::string> images;
    std::string min_interval = "2s";
    std::string drain_delay = "10s";
};

int complain(const Error& error) {
    fmt::print(stderr, "sluice: {}\n", error.message);
    return 1;
}

Result<Duration> duration_of(std::string_view flag, const std::string& text) {
    const auto value = parse_duration(text);
    if (!value || *value < Duration{0}) {
        return Error{ErrorKind::invalid,
                     fmt::format("{} {}: not a duration (such as 2s or 500ms)", flag, text)};
    }
    return *value;
}

Result<LabOptions> lab_options(const UpOptions& options) {
    auto lab = options.lab;
    lab.dir = options.dir;
    lab.controller = options.controller == "on";
    lab.dashboard = options.dashboard == "on";
    const auto interval = duration_of("--min-interval", options.min_interval);
    if (!interval) return interval.error();
    lab.min_interval = *interval;
    const auto drain = duration_of("--drain-delay", options.drain_delay);
    if (!drain) return drain.error();
    lab.drain_delay = *drain;
    for (const auto& image : options.images) {
        const auto at = image.rfind('=');
        const auto app = at == std::string::npos ? "" : image.substr(at + 1);
        if (at == 0 || (app != lab::apps::podinfo && app != lab::apps::echo &&
                        app != lab::apps::load_tester && app != lab::apps::bad)) {
            return Error{
                ErrorKind::invalid,
                fmt::format(
                    "--image {}: write GLOB=APP, where APP is podinfo, echo, loadtester or bad",
                    image)};
        }
        lab.images.emplace_back(image.substr(0, at), app);
    }
    return lab;
}

// Tells whoever waits for a detached lab: "ready", or why not.
void tell(int pipe, std::string_view text) {
    if (pipe < 0) return;
    if (::write(pipe, text.data(), text.size()) < 0) return;
    ::close(pipe);
}

Task<> run_lab(boost::asio::io_context& control,
               Environment environment,
               LabOptions options,
               int ready_pipe,
               int& exit_code) {
    boost::asio::signal_set signals(control);
    add_end_signals(signals);
    auto lab = co_await RunningLab::start(control, environment.clock, environment.random, options);
    if (!lab) {
        exit_code = 1;
        if (ready_pipe < 0) complain(lab.error());
        tell(ready_pipe, lab.error().message);
        co_return;
    }
    auto text = fmt::format("export KUBECONFIG={}\nlab ready at {} (metrics {})\n",
                            (*lab)->kubeconfig().string(),
                            (*lab)->api_url(),
                            (*lab)->metrics_url());
    if (const auto url = (*lab)->dashboard_url(); !url.empty()) {
        text += fmt::format("dashboard at {}\n", url);
    }
    if (ready_pipe < 0) {
        std::fputs(text.c_str(), stdout);
        std::fflush(stdout);
    }
    tell(ready_pipe, "ready\n" + text);
    co_await signals.async_wait(boost::asio::use_awaitable);
    co_await (*lab)->stop();
}

int run_in_this_process(Environment environment, const LabOptions& options, int ready_pipe) {
    boost::asio::io_context control(1);
    int exit_code = 0;
    TaskGroup group(control.get_executor());
    group.spawn("lab", run_lab(control, environment, options, ready_pipe, exit_code));
    control.run();
    return exit_code;
}

int run_detached(Environment environment, const LabOptions& options) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return complain(Error{ErrorKind::unavailable, "no pipe"});
    const auto child = ::fork();
    if (child < 0) return complain(Error{ErrorKind::unavailable, "no process"});
    if (child == 0) {
        ::close(ends[0]);
        ::setsid();
        // Nothing of the terminal stays with the lab.
        if (std::freopen("/dev/null", "r", stdin) == nullptr ||
            std::freopen("/dev/null", "w", stdout) == nullptr ||
            std::freopen("/dev/null", "w", stderr) == nullptr) {
            ::_exit(1);
        }
        const int code = run_in_this_process(environment, options, ends[1]);
        ::_exit(code);
    }
    ::close(ends[1]);
    std::string told;
    char buffer[512];
    while (true) {
        const auto size = ::read(ends[0], buffer, sizeof buffer);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) break;
        told.append(buffer, static_cast<std::size_t>(size));
    }
    ::close(ends[0]);
    if (told.starts_with("ready\n")) {
        std::fputs(told.c_str() + 6, stdout);
        return 0;
    }
    return complain(
        Error{ErrorKind::unavailable, told.empty() ? "the lab ended while it started" : told});
}

int up(Environment environment, const UpOptions& options) {
    const auto lab = lab_options(options);
    if (!lab) return complain(lab.error());
    return options.detach ? run_detached(environment, *lab)
                          : run_in_this_process(environment, *lab, -1);
}

int down(const std::string& dir) {
    const auto pid = lab_pid(dir);
    if (!pid) {
        fmt::print("no lab runs in {}\n", dir);
        return 0;
    }
    ::kill(*pid, SIGTERM);
    for (int tries = 0; tries < 200 && lab_pid(dir) == pid; ++tries)
        std::this_thread::sleep_for(std::chrono::milliseconds{100});
    if (lab_pid(dir) == pid) {
        return complain(
            Error{ErrorKind::timed_out,
                  fmt::format("the lab in {} (pid {}) still runs after 20s", dir, *pid)});
    }
    fmt::print("lab in {} is down\n", dir);
    return 0;
}

// As `lab up` says it, for another shell.
int status(const std::string& dir) {
    const auto pid = lab_pid(dir);
    if (!pid) {
        fmt::print("no lab runs in {}\n", dir);
        return 1;
    }
    fmt::print("export KUBECONFIG={}\nlab runs in {} (pid {})\n",
               (std::filesystem::path(dir) / "kubeconfig").string(),
               dir,
               *pid);
    return 0;
}

// The lab whose folder is given, else the one that KUBECONFIG names in this shell, else that of the
// default folder.
Result<kube::ConfigQuery> lab_meant(const std::string& dir) {
    const auto named = kube::process_environment().variable("KUBECONFIG");
    if (dir.empty() && named && !named->empty()) return kube::ConfigQuery{};
    const auto folder = dir.empty() ? default_lab_dir() : std::filesystem::path(dir);
    if (!lab_pid(folder)) {
        return Error{ErrorKind::not_found,
                     fmt::format("no lab runs in {}: sluice lab up starts one, --dir names another",
                                 folder.string())};
    }
    return kube::ConfigQuery{.kubeconfig = (folder / "kubeconfig").string()};
}

// Every door of the lab: gateways of both kinds, and the Ingresses' one.
Task<Result<std::vector<std::pair<kube::ObjectKey, std::string>>>> all_urls(Session& session) {
    std::vector<std::pair<kube::ObjectKey, std::string>> urls;
    auto& client = session.client();
    const auto add = [&](const kube::ObjectKey& key, const std::optional<std::string>& url) {
        if (url) urls.emplace_back(key, *url);
    };
    auto gateways = co_await client.list(kube::resources::istio_mesh_gateways);
    if (!gateways) co_return gateways.error().with("listing IstioMeshGateways");
    for (const auto& object : gateways->items) {
        const auto key = kube::key_of(object);
        const auto service = co_await client.get(kube::resources::services, key);
        if (!service) co_return service.error();
        add(key, gateway_url(object, *service));
    }
    auto entries = co_await client.list(mesh::entry_gateways);
    if (!entries) co_return entries.error().with("listing Gateways");
    for (const auto& object : entries->items) add(kube::key_of(object), entry_url(object));
    const auto nginx = co_await client.get(kube::resources::services, mesh::nginx_service);
    // It is made with the first Ingress.
    if (nginx) add(mesh::nginx_service, ingress_url(*nginx));
    co_return urls;
}

// One line for each gateway: "test/test-imgw http://127.112.0.1/"; only the URL when one is asked
// for.
Task<Result<int>> print_urls(Session& session, std::string gateway) {
    const auto urls = co_await all_urls(session);
    if (!urls) co_return urls.error();
    int found = 0;
    for (const auto& [key, url] : *urls) {
        if (!gateway.empty() && gateway != to_string(key) && gateway != key.name) continue;
        ++found;
        fmt::print("{}\n", gateway.empty() ? to_string(key) + " " + url : url);
    }
    if (found == 0) {
        co_return Error{ErrorKind::not_found,
                        gateway.empty() ? "no gateway has an address yet"
                                        : fmt::format("gateway {} has no address", gateway)};
    }
    co_return 0;
}

}  // namespace

void add_lab(CLI::App& app, Environment environment, Run& run) {
    auto* lab = app.add_subcommand("lab", "A whole small cluster on this machine, for kubectl");
    lab->footer(
        "Exit code: as each command's help says; 2 wrong arguments.\n"
        "Example:\n  sluice lab up --detach");

    auto options = std::make_shared<UpOptions>();
    auto* up_command =
        lab->add_subcommand("up", "Start the lab; it runs until Ctrl-C, or lab down");
    up_command->footer(
        "Exit code: 0 when it was ended by a signal or detached, 1 when it could not start.\n"
        "Example:\n  eval \"$(sluice lab up --detach | head -1)\" && kubectl get pods -A");
    up_command->add_option("--dir", options->dir, "Folder of the lab")->capture_default_str();
    up_command->add_flag(
        "--detach", options->detach, "Return when it is ready, and leave it running");
    up_command
        ->add_option("--port", options->lab.port, "Port of the API server; 0 takes a free one")
        ->check(CLI::Range(0, 65535))
        ->capture_default_str();
    up_command->add_option("--controller", options->controller, "on, or off to run your own")
        ->check(CLI::IsMember({"on", "off"}))
        ->capture_default_str();
    up_command->add_option("--dashboard", options->dashboard, "on or off")
        ->check(CLI::IsMember({"on", "off"}))
        ->capture_default_str();
    up_command
        ->add_option("--ui-port", options->lab.ui_port, "Port of the dashboard; 0 takes a free one")
        ->check(CLI::Range(0, 65535))
        ->capture_default_str();
    up_command->add_option(
        "--image",
        options->images,
        "GLOB=APP: what an image runs: podinfo, echo, loadtester, bad (cannot be pulled)");
    up_command
        ->add_option("--control-plane", options->lab.control_plane, "Name of the IstioControlPlane")
        ->capture_default_str();
    up_command
        ->add_option("--split", options->lab.split, "deck (exact shares) or random (as Envoy)")
        ->check(CLI::IsMember({"deck", "random"}))
        ->capture_default_str();
    up_command
        ->add_option(
            "--mirror-host",
            options->lab.mirror_host,
            "Host of mirrored copies: plain, or shadow (\"web-shadow\", as up to Istio 1.27)")
        ->check(CLI::IsMember({"plain", "shadow"}))
        ->capture_default_str();
    up_command
        ->add_option("--min-interval",
                     options->min_interval,
                     "Shortest analysis interval of the lab's controller")
        ->capture_default_str();
    up_command
        ->add_option(
            "--drain-delay", options->drain_delay, "Between moving traffic away and scaling down")
        ->capture_default_str();
    up_command->callback([options, environment, &run] {
        run = [options, environment] { return up(environment, *options); };
    });

    auto down_dir = std::make_shared<std::string>(default_lab_dir().string());
    auto* down_command = lab->add_subcommand("down", "Stop the lab of a folder");
    down_command->footer(
        "Exit code: 0 it has ended, or there was none, 1 it does not end.\n"
        "Example:\n  sluice lab down");
    down_command->add_option("--dir", *down_dir, "Folder of the lab")->capture_default_str();
    down_command->callback([down_dir, &run] { run = [down_dir] { return down(*down_dir); }; });

    auto status_dir = std::make_shared<std::string>(default_lab_dir().string());
    auto* status_command = lab->add_subcommand("status", "Whether the lab of a folder runs");
    status_command->footer(
        "Exit code: 0 it runs, 1 it does not.\n"
        "Example:\n  eval \"$(sluice lab status | head -1)\"");
    status_command->add_option("--dir", *status_dir, "Folder of the lab")->capture_default_str();
    status_command->callback(
        [status_dir, &run] { run = [status_dir] { return status(*status_dir); }; });

    struct UrlOptions {
        std::string dir;
        std::string gateway;
    };
    auto url = std::make_shared<UrlOptions>();
    auto* url_command = lab->add_subcommand("url", "Where the lab's gateways answer");
    url_command->footer(
        "Exit code: 0 shown, 1 there is no such gateway, or no lab.\n"
        "Example:\n  curl \"$(sluice lab url test-imgw)\"");
    url_command->add_option(
        "--dir",
        url->dir,
        "Folder of the lab; else the lab of KUBECONFIG, else " + default_lab_dir().string());
    url_command->add_option("GATEWAY", url->gateway, "NAME or NAMESPACE/NAME; all when left out");
    url_command->callback([url, environment, &run] {
        run = [url, environment] {
            const auto query = lab_meant(url->dir);
            if (!query) return complain(query.error());
            return with_cluster(environment, *query, [url](Session& session) {
                return print_urls(session, url->gateway);
            });
        };
    });
}

}  // namespace sluice::cli
