// `sluice demo`: the article's story, told on the terminal while it happens.
#include "base/async/task_group.hpp"
#include "cli/command.hpp"
#include "cli/demo.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <memory>

namespace sluice::cli {
namespace {

Task<> keep(Task<Result<int>> task, std::optional<Result<int>>& slot) {
    slot = co_await std::move(task);
}

}  // namespace

void add_demo(CLI::App& app, Environment environment, Run& run) {
    auto options = std::make_shared<DemoOptions>();
    auto* command =
        app.add_subcommand("demo", "A canary promoted and a bad one rolled back, on this machine");
    command->footer(
        "Exit code: 0 when both releases ended as they should, 1 with the reason otherwise,\n"
        "130 when it was ended early. It takes about a minute and leaves nothing behind.\n"
        "Example:\n  sluice demo --keep");
    command->add_flag(
        "--keep", options->keep, "Leave the lab up afterwards, and print how to look at it");
    command->add_flag(
        "--as-written",
        options->as_written,
        "The article's own intervals, and its loop of bad requests (about 6 minutes)");
    command->callback([options, environment, &run] {
        run = [options, environment] {
            boost::asio::io_context context(1);
            std::optional<Result<int>> result;
            TaskGroup group(context.get_executor());
            group.spawn("demo", keep(play_demo(context, environment, *options), result));
            while (!result && context.run_one() > 0) {
            }
            if (!result || !*result) {
                fmt::print(
                    stderr, "sluice: {}\n", result ? result->error().message : "ended early");
                return 1;
            }
            return **result;
        };
    });
}

}  // namespace sluice::cli
