#include "cli/status.hpp"

#include "base/core/duration.hpp"
#include "base/core/text.hpp"
#include "cli/command.hpp"
#include "delivery/canary/workloads.hpp"
#include "kube/yaml.hpp"
#include "release/pods.hpp"
#include "release/sentence.hpp"
#include "release/versions.hpp"
#include "release/words.hpp"

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

namespace sluice::cli {
namespace {

using api::Phase;
using std::chrono::seconds;

struct StatusOptions {
    CanaryQuery query;
    bool watch = false;
    std::string timeout;
    std::string output;
};

std::optional<PodCount> pods_of(canary::Kind kind, const Result<Json>& workload) {
    if (!workload) return std::nullopt;
    const std::string_view ready =
        kind == canary::Kind::daemon_set ? "numberReady" : "readyReplicas";
    return PodCount{.wanted = canary::replicas_wanted(kind, *workload),
                    .ready = integer_at(*workload, {"status", ready}).value_or(0),
                    .generation = integer_at(*workload, {"metadata", "generation"}).value_or(0),
                    .uid = std::string(kube::uid_of(*workload))};
}

std::string phase_text(const api::Canary& canary, const Terminal& terminal) {
    std::string text(to_string(canary.status.phase));
    if (text.empty()) text = "not seen yet";
    if (canary.status.rollback) text += ", rolling back";
    if (canary.suspended) text += ", paused";
    const bool is_bad = canary.status.phase == Phase::failed || canary.status.rollback.has_value();
    if (is_bad) return terminal.red(text);
    const bool is_good =
        canary.status.phase == Phase::succeeded || canary.status.phase == Phase::initialized;
    return is_good ? terminal.green(text) : terminal.blue(text);
}

std::string pods_text(const std::string& name, const std::optional<PodCount>& pods) {
    if (!pods) return name + " not found";
    return fmt::format("{} {} of {} ready", name, pods->ready, pods->wanted);
}

// The checks of the last decision that made any, of this run only: those of an earlier revision say
// nothing about this one.
const JsonArray& last_checks(const Json& object) {
    const auto& decisions = array_at(object, {"status", "decisions"});
    for (auto decision = decisions.rbegin(); decision != decisions.rend(); ++decision) {
        const auto& checks = array_at(*decision, {"checks"});
        if (!checks.empty()) return checks;
        if (release::begins_a_run(text_at(*decision, {"what"}))) break;
    }
    static const JsonArray none;
    return none;
}

std::string check_text(const Json& check, const Terminal& terminal) {
    const auto verdict = text_at(check, {"verdict"});
    auto text = fmt::format("{:<8} {}", verdict, text_at(check, {"check"}));
    const auto answer = release::answer_text(check);
    const auto threshold = text_at(check, {"threshold"});
    if (!answer.empty()) text += fmt::format(": {}", answer);
    if (!threshold.empty()) text += fmt::format(", wanted {}", threshold);
    return verdict == "pass" ? terminal.green(text) : terminal.red(text);
}

bool has_release(const api::Canary& canary) {
    const auto phase = canary.status.phase;
    return release::is_under_way(phase) || phase == Phase::failed;
}

// As the dashboard tells it; what only a metrics server knows is left out.
struct Telling {
    release::Severity severity = release::Severity::ok;
    std::string sentence;

    // What stands in the sentence is not told once more.
    bool says(std::string_view text) const { return sentence.find(text) != std::string::npos; }
};
Telling telling_of(const StatusSeen& seen, Time now) {
    const auto run = release::last_run(release::decisions_of(seen.of.object));
    auto saying = release::saying_of(seen.of.canary, run, now);
    saying.version = seen.version;
    saying.pods_wait_for = seen.pods_wait_for;
    return {.severity = saying.severity, .sentence = release::sentence_of(seen.of, saying)};
}

// What the sentence does not say yet of what it waits for; empty when that is nothing.
std::string waits_for_text(const StatusSeen& seen, const Telling& telling) {
    const auto wanted = canary::outlook_of(seen.of.canary, seen.of.around).waits_for;
    auto whole = release::with_reason(wanted, seen.pods_wait_for);
    if (telling.says(wanted) || telling.says(whole)) return {};
    return telling.says(seen.pods_wait_for) ? wanted : whole;
}

std::string sentence_text(const Telling& telling, const Terminal& terminal) {
    const bool is_bad = telling.severity == release::Severity::failure ||
                        telling.severity == release::Severity::warning;
    return is_bad ? terminal.red(telling.sentence) : telling.sentence;
}

// The target was changed after whoever runs the controller has last looked.
bool is_unseen(const StatusSeen& seen) {
    const auto& analysed = seen.of.canary.status.analysed;
    if (!analysed || !seen.target || analysed->uid.empty()) return false;
    return analysed->uid != seen.target->uid || analysed->generation != seen.target->generation;
}

Task<Result<int>> show_status(Session& session, StatusOptions options, Terminal& terminal) {
    const auto key = key_of(options.query, session.config());
    if (options.watch) {
        WatchOptions watching;
        if (!options.timeout.empty()) watching.timeout = parse_duration(options.timeout);
        co_return co_await watch_status(session.client(), session.clock(), key, watching, terminal);
    }
    const auto seen = co_await read_status(session.client(), key);
    if (!seen) co_return seen.error();
    const auto now = session.clock().now();
    if (options.output == "json") {
        terminal.line(to_pretty_text(status_json(*seen, now)));
    } else if (options.output == "yaml") {
        auto text = kube::to_yaml(status_json(*seen, now));
        while (text.ends_with('\n')) text.pop_back();
        terminal.line(text);
    } else {
        for (const auto& line : status_lines(*seen, now, terminal)) {
            terminal.line(line);
        }
    }
    co_return exit_code_of(*seen);
}

std::string next_text(const release::Coming& coming, Time now) {
    auto text = coming.what;
    if (coming.at) text += " " + until(*coming.at, now);
    if (!coming.if_passed.empty()) text += "; if it passes, " + coming.if_passed;
    if (!coming.if_failed.empty()) text += "; if it fails, it " + coming.if_failed;
    return text;
}

}  // namespace

Task<Result<StatusSeen>> read_status(kube::Client& client, kube::ObjectKey key) {
    auto canary = co_await read_canary(client, key);
    if (!canary) co_return canary.error();
    StatusSeen seen{.of = *std::move(canary), .target = {}, .primary = {}, .version = {}};
    const kube::ObjectKey target{key.ns, seen.of.canary.target.name};
    const kube::ObjectKey primary{key.ns, seen.of.canary.primary_name()};
    // Whoever may read Canaries only sees the rest.
    const auto kind = canary::workload_kind(seen.of.canary.target.kind);
    if (kind && *kind != canary::Kind::service && !target.name.empty()) {
        const auto& resource = *kind == canary::Kind::daemon_set ? kube::resources::daemon_sets
                                                                 : kube::resources::deployments;
        const auto fresh = co_await client.get(resource, target);
        const auto stable = co_await client.get(resource, primary);
        seen.target = pods_of(*kind, fresh);
        seen.primary = pods_of(*kind, stable);
        seen.version = release::versions_of(seen.of.canary.status,
                                            {.stable = stable ? &*stable : nullptr,
                                             .canary = fresh ? &*fresh : nullptr})
                           .canary;
    }
    seen.pods_wait_for = (co_await release::read_pods_wait_for(client, seen.of.canary)).whole;
    co_return seen;
}

int exit_code_of(const StatusSeen& seen) {
    const auto& canary = seen.of.canary;
    if (is_unseen(seen)) return under_way;
    switch (canary.status.phase) {
        case Phase::initialized:
        case Phase::succeeded:
            return done;
        case Phase::failed:
            return canary.status.canary_weight > 0 ? under_way : not_done;
        case Phase::none:
        case Phase::initializing:
        case Phase::waiting:
        case Phase::progressing:
        case Phase::waiting_promotion:
        case Phase::promoting:
        case Phase::finalising:
        case Phase::terminating:
        case Phase::terminated:
            break;
    }
    return under_way;
}

std::string weight_bar(int weight) {
    constexpr int cells = 20;
    const int filled = std::clamp((weight * cells + api::whole / 2) / api::whole, 0, cells);
    std::string bar;
    for (int i = 0; i < cells; ++i) bar += i < filled ? "█" : "░";
    return fmt::format("{:>3}%  {}", weight, bar);
}

std::string until(Time when, Time now) {
    // Times of a status are whole seconds: what is shown is never early.
    const auto left = std::chrono::ceil<seconds>(when - now);
    if (left <= seconds{0}) return "now";
    return "in " + human_text(left);
}

std::vector<std::string> status_lines(const StatusSeen& seen, Time now, const Terminal& terminal) {
    const auto& canary = seen.of.canary;
    const auto& status = canary.status;
    const auto outlook = canary::outlook_of(canary, seen.of.around);
    const auto telling = telling_of(seen, now);
    std::vector<std::string> lines;
    const auto add = [&](std::string_view name, const std::string& text) {
        lines.push_back(fmt::format("{:<11}{}", name, text));
    };
    auto head = phase_text(canary, terminal);
    if (status.last_transition_time) {
        const auto since = std::max(now - *status.last_transition_time, Duration{});
        head += fmt::format("  (last transition {} ago)", human_text(since));
    }
    add("Canary", fmt::format("{}  {}", terminal.bold(canary.dotted()), head));
    add("In short", sentence_text(telling, terminal));
    add("Primary", weight_bar(api::whole - status.canary_weight));
    add("Canary",
        weight_bar(status.canary_weight) + (status.mirrored ? "  and copies of all requests" : ""));
    if (canary.analysis.iterations > 0 && has_release(canary)) {
        add("Iteration",
            fmt::format("{} of {}", std::max(0, status.iterations), canary.analysis.iterations));
    }
    if (has_release(canary)) {
        std::string_view name = "Checks";
        // How many failed is said in the sentence of what fails.
        if (telling.severity != release::Severity::failure) {
            add(std::exchange(name, ""),
                fmt::format("{} of {} failed", status.failed_checks, canary.analysis.threshold));
        }
        for (const auto& check : last_checks(seen.of.object)) {
            add(std::exchange(name, ""), check_text(check, terminal));
        }
    }
    add("Pods",
        fmt::format("{}, {}",
                    pods_text(canary.target.name, seen.target),
                    pods_text(canary.primary_name(), seen.primary)));
    if (const auto why = api::held_by(status.conditions); !why.empty() && !telling.says(why)) {
        add("Held", terminal.red(why));
    }
    if (const auto who = api::contested_by(status.conditions); !who.empty()) {
        add("Contested", terminal.red(who));
    }
    if (const auto wanted = waits_for_text(seen, telling); !wanted.empty()) {
        add("Waits for", wanted);
    }
    if (!outlook.next.empty() && (outlook.not_before || !telling.says(outlook.next))) {
        add("Next", next_text(release::coming_of(canary, outlook), now));
    }
    if (!outlook.gates.empty()) add("Gates", joined(outlook.gates, ", "));
    if (outlook.deadline) add("Deadline", until(*outlook.deadline, now));
    return lines;
}

std::string status_line(const StatusSeen& seen, Time now) {
    const auto& canary = seen.of.canary;
    const auto& status = canary.status;
    const auto outlook = canary::outlook_of(canary, seen.of.around);
    const auto telling = telling_of(seen, now);
    auto line = fmt::format("{} {}",
                            canary.dotted(),
                            status.phase == Phase::none ? "not seen yet" : to_string(status.phase));
    if (status.canary_weight > 0 && !telling.says(fmt::format("at {} %", status.canary_weight))) {
        line += fmt::format(", weight {}", status.canary_weight);
    }
    if (canary.analysis.iterations > 0 && status.iterations > 0) {
        line += fmt::format(", iteration {}", status.iterations);
    }
    line += ": " + telling.sentence;
    if (const auto why = api::held_by(status.conditions); !why.empty() && !telling.says(why)) {
        line += fmt::format("; held: {}", why);
    }
    if (const auto wanted = waits_for_text(seen, telling); !wanted.empty()) {
        line += "; waits for " + wanted;
    }
    return line;
}

void put_obstacles(JsonObject& shown, const api::Canary& canary) {
    const auto& conditions = canary.status.conditions;
    if (const auto why = api::held_by(conditions); !why.empty()) shown["held"] = why;
    if (const auto who = api::contested_by(conditions); !who.empty()) shown["contested"] = who;
}

Json status_json(const StatusSeen& seen, Time now) {
    const auto& canary = seen.of.canary;
    const auto& status = canary.status;
    const auto outlook = canary::outlook_of(canary, seen.of.around);
    const auto telling = telling_of(seen, now);
    JsonObject shown{{"name", canary.name},
                     {"namespace", canary.ns},
                     {"phase", to_string(status.phase)},
                     {"severity", to_string(telling.severity)},
                     {"sentence", telling.sentence},
                     {"canaryWeight", status.canary_weight},
                     {"failedChecks", status.failed_checks},
                     {"iterations", status.iterations},
                     {"suspended", canary.suspended},
                     {"revision", status.last_applied_spec},
                     {"promotedRevision", status.last_promoted_spec},
                     {"waitsFor", outlook.waits_for}};
    if (!outlook.next.empty()) shown["next"] = outlook.next;
    if (outlook.not_before) shown["notBefore"] = rfc3339(*outlook.not_before);
    if (outlook.deadline) shown["deadline"] = rfc3339(*outlook.deadline);
    put_obstacles(shown, canary);
    if (!seen.pods_wait_for.empty()) shown["podsWaitFor"] = seen.pods_wait_for;
    if (!outlook.gates.empty()) {
        JsonArray gates;
        for (const auto& gate : outlook.gates) gates.emplace_back(gate);
        shown["gates"] = std::move(gates);
    }
    if (status.rollback) {
        shown["rollback"] =
            JsonObject{{"cause", status.rollback->cause}, {"message", status.rollback->message}};
    }
    if (const auto& checks = last_checks(seen.of.object); !checks.empty()) shown["checks"] = checks;
    JsonObject pods;
    for (const auto& [name, count] : {std::pair(canary.target.name, seen.target),
                                      std::pair(canary.primary_name(), seen.primary)}) {
        if (count) pods[name] = JsonObject{{"ready", count->ready}, {"wanted", count->wanted}};
    }
    shown["pods"] = std::move(pods);
    return shown;
}

Task<Result<int>> watch_status(kube::Client& client,
                               Clock& clock,
                               kube::ObjectKey key,
                               WatchOptions options,
                               Terminal& terminal) {
    const auto began = clock.now();
    std::string told;
    // Tries and waits alternate: what pods wait for is told once in a state, not at each turn.
    std::set<std::string> reasons;
    // Ends with the release, with the time given, or with whoever reads.
    for (;;) {
        const auto seen = co_await read_status(client, key);
        if (!seen) co_return seen.error();
        const auto now = clock.now();
        const auto code = exit_code_of(*seen);
        const bool is_late = options.timeout && now - began >= *options.timeout;
        const bool is_over = code != under_way || is_late;
        if (terminal.is_live()) {
            auto lines = status_lines(*seen, now, terminal);
            if (is_over) {
                terminal.clear();
                for (const auto& line : lines) terminal.line(line);
            } else {
                terminal.live(std::move(lines));
            }
        } else {
            auto bare = *seen;
            bare.pods_wait_for.clear();
            auto line = status_line(bare, now);
            const bool is_other = line != told;
            if (is_other) reasons = {""};
            if (reasons.insert(seen->pods_wait_for).second || is_other) {
                terminal.line(fmt::format("{} {}", rfc3339(now), status_line(*seen, now)));
            }
            told = std::move(line);
        }
        if (code != under_way) co_return code;
        if (is_late) co_return timed_out;
        if (terminal.is_gone()) co_return under_way;
        auto next = now + seconds{1};
        if (options.timeout) next = std::min(next, began + *options.timeout);
        co_await clock.sleep_until(next);
    }
}

void add_status(CLI::App& app, Environment environment, Run& run) {
    auto options = std::make_shared<StatusOptions>();
    auto* command =
        app.add_subcommand("status", "Tell how a Canary fares, what it waits for and what is next");
    command->footer(
        "Exit code: 0 Succeeded or Initialized, 1 Failed (or it could not be read: one line says "
        "why),\n"
        "2 wrong arguments, 3 not found, 4 the --timeout is over, 5 under way (without --watch).\n"
        "Example:\n  sluice status podinfo -n test --watch --timeout 10m");
    add_canary_options(*command, options->query);
    auto* watch = command->add_flag(
        "-w,--watch", options->watch, "Go on until the release has ended; on a terminal redrawn");
    command->add_option("--timeout", options->timeout, "With --watch: how long at most, as 10m")
        ->needs(watch)
        ->check([](const std::string& text) {
            return parse_duration(text) ? std::string() : text + ": not a duration";
        });
    command->add_option("-o,--output", options->output, "json or yaml")
        ->check(CLI::IsMember({"json", "yaml"}))
        ->excludes(watch);
    command->callback([options, environment, &run] {
        run = [options, environment] {
            Terminal terminal(style_of(environment));
            return talk_with_cluster(
                environment, options->query.cluster, [options, &terminal](Session& session) {
                    return show_status(session, *options, terminal);
                });
        };
    });
}

}  // namespace sluice::cli
