// One binary: the controller, the lab, the demo, and the commands for people.
#include "app/process_runner.hpp"
#include "app/real_world.hpp"
#include "cli/arguments.hpp"
#include "cli/command.hpp"
#include "cli/controller_command.hpp"
#include "cli/dashboard_command.hpp"
#include "cli/loadtester_command.hpp"

#include <CLI/CLI.hpp>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace {

// The command as far as it was understood.
const CLI::App& asked_for(CLI::App& app) {
    auto* deepest = &app;
    while (!deepest->get_subcommands().empty()) deepest = deepest->get_subcommands().front();
    return *deepest;
}

// One line, and where to read more.
int complain(CLI::App& app, std::string message) {
    // "The following …", but not "NAMESPACE is required".
    if (message.size() > 1 && message[1] >= 'a' && message[1] <= 'z')
        message[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(message[0])));
    std::string name;
    for (const auto* command = &asked_for(app); command != nullptr; command = command->get_parent())
        name.insert(0, command->get_name() + " ");
    name.pop_back();
    std::fprintf(stderr, "%s: %s; see %s --help\n", name.c_str(), message.c_str(), name.c_str());
    return 2;
}

// As a plugin of kubectl it is spoken to as one.
std::string called_as(const std::string& path) {
    return path.substr(path.rfind('/') + 1) == "kubectl-sluice" ? "kubectl sluice" : "sluice";
}

int run(int argc, char** argv) {
    using namespace sluice;
    const auto clock = make_real_clock();
    const auto random = make_real_random();

    auto arguments = cli::verb_first(std::vector<std::string>(argv + 1, argv + argc));
    // Options of the cluster, and nothing else.
    const bool lacks_verb = !arguments.empty() && cli::is_cluster_option(arguments.front()) &&
                            arguments.back() != "--help" && arguments.back() != "-h";
    const auto rest = [&] {
        return std::vector<std::string>(arguments.begin() + 1, arguments.end());
    };
    // The peer's flags are Go's (-name=value), which no option parser for people reads.
    if (!arguments.empty() && arguments.front() == "controller")
        return cli::controller_command(rest(), *clock, *random);
    if (!arguments.empty() && arguments.front() == "loadtester") {
        ProcessRunner runner(*clock);
        return cli::loadtester_command(rest(), *clock, runner);
    }

    const cli::Environment environment{*clock, *random, ::isatty(STDOUT_FILENO) == 1};
    CLI::App app(
        "Progressive delivery for Kubernetes: canaries promoted and taken back by their metrics.",
        called_as(argv[0]));
    app.footer(
        "Exit codes: 0 done, 1 it could not be done (one line says why), 2 wrong arguments, 130 "
        "ended "
        "early.\n"
        "Begin with:\n  sluice demo");
    app.set_version_flag("--version", "sluice " SLUICE_VERSION);
    app.add_subcommand("controller",
                       "Run the controller (flags as Flagger's; sluice controller -help)");
    app.add_subcommand("loadtester",
                       "Run the load tester (flags as Flagger's; sluice loadtester -help)");
    cli::Run command;
    cli::add_lab(app, environment, command);
    cli::add_demo(app, environment, command);
    cli::add_inject(app, environment, command);
    cli::add_install(app, environment, command);
    cli::add_canaries(app, environment, command);
    cli::add_status(app, environment, command);
    cli::add_wishes(app, environment, command);
    cli::add_explain(app, environment, command);
    cli::add_plan(app, environment, command);
    cli::add_lint(app, environment, command);
    cli::add_dashboard(app, environment, command);
    cli::add_completion(app, environment, command);
    try {
        if (lacks_verb) return complain(app, "COMMAND is required");
        // CLI11 takes them from the end.
        std::ranges::reverse(arguments);
        app.parse(std::move(arguments));
    } catch (const CLI::ParseError& error) {
        // Help and version are asked for in this way too.
        if (error.get_exit_code() == 0) return app.exit(error);
        return complain(app, error.what());
    }
    if (command) return command();
    std::fputs(app.help().c_str(), stderr);
    return 2;
}

}  // namespace

int main(int argc, char** argv) {
    // A peer that hangs up is an error of that write, not of the process.
    std::signal(SIGPIPE, SIG_IGN);
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "sluice: %s\n", error.what());
        return 1;
    }
}
