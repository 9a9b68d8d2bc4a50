// One binary: the controller, the lab, the demo, and the commands for people.
#include "app/real_world.hpp"
#include "cli/command.hpp"
#include "cli/controller_command.hpp"

#include <CLI/CLI.hpp>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

namespace {

int run(int argc, char** argv) {
    using namespace sluice;
    const auto clock = make_real_clock();
    const auto random = make_real_random();

    // The peer's flags are Go's (-name=value), which no option parser for people reads.
    if (argc > 1 && std::strcmp(argv[1], "controller") == 0) {
        return cli::controller_command(
            std::vector<std::string>(argv + 2, argv + argc), *clock, *random);
    }

    const cli::Environment environment{*clock, *random, ::isatty(STDOUT_FILENO) == 1};
    CLI::App app(
        "Progressive delivery for Kubernetes: canaries promoted and taken back by their metrics.",
        "sluice");
    app.require_subcommand(1);
    app.set_version_flag("--version", "sluice " SLUICE_VERSION);
    app.add_subcommand("controller",
                       "Run the controller (flags as Flagger's; sluice controller -help)");
    cli::Run command;
    cli::add_lab(app, environment, command);
    cli::add_demo(app, environment, command);
    cli::add_inject(app, environment, command);
    cli::add_install(app, environment, command);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error);
    }
    return command ? command() : 0;
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
