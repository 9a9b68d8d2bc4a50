#include "cli/wish.hpp"

#include "cli/canary_access.hpp"
#include "cli/command.hpp"

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include <memory>

namespace sluice::cli {
namespace {

using api::Phase;
using api::Verb;

const std::string manager = "sluice-cli";

std::string objection_to_retry(const api::Canary& canary) {
    if (canary.status.phase == Phase::failed) return {};
    return fmt::format("{} is {}: only what has Failed can be judged again",
                       canary.dotted(),
                       to_string(canary.status.phase));
}

std::string_view deed_of(Verb verb) {
    switch (verb) {
        case Verb::promote:
            return "is promoted without further checks";
        case Verb::abort:
            return "is rolled back";
        case Verb::retry:
            return "is judged again";
    }
    return {};
}

Task<Result<int>> print(Task<Result<std::string>> task) {
    const auto line = co_await std::move(task);
    if (!line) co_return line.error();
    fmt::print("{}\n", *line);
    co_return done;
}

void add_wish(
    CLI::App& app, Environment environment, Run& run, Verb verb, const std::string& description) {
    auto query = std::make_shared<CanaryQuery>();
    const std::string name(to_string(verb));
    auto* command = app.add_subcommand(name, description);
    command->footer(fmt::format(
        "It speaks of the revision that the Canary shows now, and of no later one.\n"
        "Exit code: 0 asked for, 1 refused (one line says why), 2 wrong arguments, 3 not found.\n"
        "Example:\n  sluice {} podinfo -n test",
        name));
    add_canary_options(*command, *query);
    command->callback([query, environment, verb, &run] {
        run = [query, environment, verb] {
            return talk_with_cluster(environment, query->cluster, [query, verb](Session& session) {
                const auto key = key_of(*query, session.config());
                return print(make_wish(session.client(), key, verb, session.clock().now()));
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

// The same as the controller asks (delivery/canary/seen.cpp), with the reason.
std::string objection_to(Verb verb, const api::Canary& canary) {
    const auto& status = canary.status;
    const auto name = canary.dotted();
    if (canary.deleting) return name + " is being deleted";
    if (status.last_applied_spec.empty()) return name + " has not been seen by a controller yet";
    if (status.rollback) return name + " is being rolled back already";
    if (verb == Verb::retry) return objection_to_retry(canary);
    switch (status.phase) {
        case Phase::waiting:
        case Phase::progressing:
        case Phase::waiting_promotion:
            return {};
        case Phase::failed:
            return fmt::format("{} has Failed: `sluice retry` has the revision judged again", name);
        case Phase::promoting:
        case Phase::finalising:
            return fmt::format("{} is {} already", name, to_string(status.phase));
        case Phase::none:
        case Phase::initializing:
        case Phase::initialized:
        case Phase::succeeded:
        case Phase::terminating:
        case Phase::terminated:
            break;
    }
    return fmt::format("{} is {}: no release is under way", name, to_string(status.phase));
}

Task<Result<std::string>> make_wish(kube::Client& client,
                                    kube::ObjectKey key,
                                    Verb verb,
                                    Time now) {
    const auto seen = co_await read_canary(client, key);
    if (!seen) co_return seen.error();
    const auto objection = objection_to(verb, seen->canary);
    if (!objection.empty()) co_return Error{ErrorKind::conflict, objection};

    const auto& revision = seen->canary.status.last_applied_spec;
    Json patch;
    put(patch,
        {"metadata", "annotations", api::wish_annotation},
        Json(fmt::format("{} {} {}", to_string(verb), revision, rfc3339(now))));
    const auto written = co_await client.merge_patch(
        kube::resources::canaries,
        key,
        std::move(patch),
        {.uid = std::string(kube::uid_of(seen->object)), .field_manager = manager});
    if (!written) co_return written.error().with("annotating Canary " + to_string(key));
    co_return fmt::format("canary.flagger.app/{}: revision {} {}{}",
                          key.name,
                          revision,
                          deed_of(verb),
                          seen->canary.suspended ? ", when it is resumed (it is paused)" : "");
}

Task<Result<std::string>> suspend(kube::Client& client, kube::ObjectKey key, Suspension wanted) {
    const auto canary = co_await client.get(kube::resources::canaries, key);
    if (!canary) co_return canary.error().with("reading Canary " + to_string(key));
    const bool is_paused = bool_at(*canary, {"spec", "suspend"}).value_or(false);
    const bool pause = wanted == Suspension::pause;
    const std::string_view deed = pause ? "paused" : "resumed";
    if (is_paused == pause) {
        co_return fmt::format(
            "canary.flagger.app/{} {}", key.name, pause ? "is paused already" : "is not paused");
    }
    Json patch;
    put(patch, {"spec", "suspend"}, Json(pause));
    const auto written = co_await client.merge_patch(
        kube::resources::canaries,
        key,
        std::move(patch),
        {.uid = std::string(kube::uid_of(*canary)), .field_manager = manager});
    if (!written) {
        co_return written.error().with(
            fmt::format("{} Canary {}", pause ? "pausing" : "resuming", to_string(key)));
    }
    co_return fmt::format("canary.flagger.app/{} {}", key.name, deed);
}

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
