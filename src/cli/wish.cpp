// `sluice promote|abort|retry|pause|resume NAME`.
#include "release/wish.hpp"

#include "cli/canary_access.hpp"
#include "cli/command.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>

namespace sluice::cli {
namespace {

using api::Verb;
using release::make_wish;
using release::suspend;
using release::Suspension;

Task<Result<int>> print(Task<Result<std::string>> task) {
    const auto line = co_await std::move(task);
    if (!line) co_return line.error();
    fmt::print("{}\n", *line);
    co_return done;
}

void add_wish(
    CLI::App& app, Environment environment, Run& run, Verb of, const std::string& description) {
    auto query = std::make_shared<CanaryQuery>();
    auto verb = std::make_shared<Verb>(of);
    const std::string name(to_string(of));
    auto* command = app.add_subcommand(name, description);
    command->footer(fmt::format(
        "It speaks of the revision that the Canary shows now, and of no later one.\n"
        "Exit code: 0 asked for, 1 refused (one line says why), 2 wrong arguments, 3 not found.\n"
        "Example:\n  sluice {} podinfo -n test",
        name));
    add_canary_options(*command, *query);
    if (of == Verb::promote) {
        command->add_flag_callback(
            "--step",
            [verb] { *verb = Verb::step; },
            "Only past the closed gate in front of the next step, with its checks");
    }
    command->callback([query, environment, verb, &run] {
        run = [query, environment, verb] {
            return talk_with_cluster(environment, query->cluster, [query, verb](Session& session) {
                const auto key = key_of(*query, session.config());
                return print(make_wish(session.client(), key, *verb, session.clock().now()));
            });
        };
    });
}

void add_suspension(CLI::App& app,
                    Environment environment,
                    Run& run,
                    Suspension wanted,
                    const std::string& description) {
    auto query = std::make_shared<CanaryQuery>();
    const std::string name = wanted == Suspension::pause ? "pause" : "resume";
    auto* command = app.add_subcommand(name, description);
    command->footer(fmt::format(
        "Sets spec.suspend: kept in Git, it has to be changed there too.\n"
        "Exit code: 0 done, or it was so already, 1 it could not be done, 2 wrong arguments, 3 not "
        "found.\n"
        "Example:\n  sluice {} podinfo -n test",
        name));
    add_canary_options(*command, *query);
    command->callback([query, environment, wanted, &run] {
        run = [query, environment, wanted] {
            return talk_with_cluster(
                environment, query->cluster, [query, wanted](Session& session) {
                    const auto key = key_of(*query, session.config());
                    return print(suspend(session.client(), key, wanted));
                });
        };
    });
}

}  // namespace

void add_wishes(CLI::App& app, Environment environment, Run& run) {
    add_wish(app,
             environment,
             run,
             Verb::promote,
             "Promote the revision under judgement, without further checks");
    add_wish(app, environment, run, Verb::abort, "Take the revision under judgement back");
    add_wish(app, environment, run, Verb::retry, "Have a revision that failed judged again");
    add_suspension(app,
                   environment,
                   run,
                   Suspension::pause,
                   "Freeze a Canary as it is: no step, no check, no rollback");
    add_suspension(app, environment, run, Suspension::resume, "Let a paused Canary go on");
}

}  // namespace sluice::cli
