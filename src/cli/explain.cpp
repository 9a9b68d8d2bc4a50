#include "cli/explain.hpp"

#include "base/core/duration.hpp"
#include "base/core/text.hpp"
#include "cli/command.hpp"
#include "cli/status.hpp"
#include "kube/yaml.hpp"
#include "release/checks.hpp"
#include "release/pods.hpp"
#include "release/words.hpp"

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace sluice::cli {
namespace {

using release::event_time;
using release::words_for;

struct ExplainOptions {
    CanaryQuery query;
    std::size_t last = 10;
    std::string output;
};

constexpr std::size_t indent = 10;

std::string clock_text(std::string_view rfc3339_text) {
    const auto begin = rfc3339_text.find('T');
    if (begin == std::string_view::npos || rfc3339_text.size() < begin + 9)
        return std::string(rfc3339_text);
    return std::string(rfc3339_text.substr(begin + 1, 8));
}

std::string ago(std::string_view at, Time now) {
    const auto when = parse_rfc3339(at);
    if (!when) return "";
    return fmt::format(" ({} ago)", human_text(std::max(now - *when, Duration{})));
}

std::string check_line(const Json& check, const Terminal& terminal) {
    const auto verdict = text_at(check, {"verdict"});
    const auto name = text_at(check, {"check"});
    const auto question = text_at(check, {"question"});
    const auto answer = release::answer_text(check);
    const auto threshold = text_at(check, {"threshold"});
    auto text = fmt::format("{:<7} ", verdict);
    text +=
        question.starts_with(name) ? std::string(question) : fmt::format("{}: {}", name, question);
    if (!answer.empty()) text += fmt::format(" → {}", answer);
    if (!threshold.empty()) text += fmt::format(", wanted {}", threshold);
    if (verdict == "pass") return terminal.green(text);
    return terminal.red(text);
}

void tell_decision(std::vector<std::string>& lines,
                   const JsonArray& decisions,
                   std::size_t place,
                   Time now,
                   const Terminal& terminal) {
    const auto& decision = decisions[place];
    const auto add = [&](std::string_view name, std::string_view text) {
        lines.push_back(fmt::format("{:{}}{:<8}{}", "", indent, name, text));
    };
    const auto at = text_at(decision, {"at"});
    lines.push_back(fmt::format("{}  {}{}",
                                clock_text(at),
                                terminal.bold(words_for(text_at(decision, {"what"}))),
                                terminal.dim(ago(at, now))));
    const auto texts = [](const Json& from, std::string_view list, auto each) {
        for (const auto& entry : array_at(from, {list})) {
            if (entry.is_string()) each(std::string_view(entry.get_string()));
        }
    };
    std::string_view name = "said";
    texts(decision, "said", [&](std::string_view text) { add(std::exchange(name, ""), text); });
    if (const auto pods = text_at(decision, {"pods"}); !pods.empty()) add("pods", pods);
    name = "checks";
    for (const auto& check : array_at(decision, {"checks"})) {
        add(std::exchange(name, ""), check_line(check, terminal));
        if (const auto reach = release::reach_of(decisions, place, check); !reach.empty()) {
            add("", fmt::format("{:<7} {}", "", terminal.dim(reach)));
        }
    }
    name = "wrote";
    texts(decision, "wrote", [&](std::string_view text) { add(std::exchange(name, ""), text); });
    const auto next = text_at(decision, {"next", "what"});
    const auto not_before = text_at(decision, {"next", "notBefore"});
    if (!next.empty()) {
        add("then",
            not_before.empty() ? std::string(next)
                               : fmt::format("{}, not before {}", next, clock_text(not_before)));
    }
}

template <typename List>
auto last_of(const List& list, std::size_t count) {
    return list.begin() + static_cast<std::ptrdiff_t>(list.size() - std::min(list.size(), count));
}

Task<Result<int>> explain(Session& session, ExplainOptions options, Terminal& terminal) {
    const auto story =
        co_await read_story(session.client(), key_of(options.query, session.config()));
    if (!story) co_return story.error();
    if (options.output == "json") {
        terminal.line(to_pretty_text(story_json(*story, options.last)));
    } else if (options.output == "yaml") {
        auto text = kube::to_yaml(story_json(*story, options.last));
        while (text.ends_with('\n')) text.pop_back();
        terminal.line(text);
    } else {
        for (const auto& line :
             story_lines(*story, options.last, session.clock().now(), terminal)) {
            terminal.prose(line, indent + 8);
        }
    }
    co_return done;
}

}  // namespace

std::vector<std::string> story_lines(const Story& story,
                                     std::size_t last,
                                     Time now,
                                     const Terminal& terminal) {
    std::vector<std::string> lines;
    const auto& decisions = array_at(story.of.object, {"status", "decisions"});
    for (auto place = decisions.size() - std::min(decisions.size(), last); place < decisions.size();
         ++place) {
        tell_decision(lines, decisions, place, now, terminal);
    }
    if (decisions.empty()) {
        lines.emplace_back(story.events.empty()
                               ? "No decision and no Event of this Canary is kept."
                               : "The controller keeps no decisions here; its Events:");
        for (auto event = last_of(story.events, last); event != story.events.end(); ++event) {
            const auto at = event_time(*event);
            const bool is_warning = text_at(*event, {"type"}) == "Warning";
            const auto text = text_at(*event, {"message"});
            lines.push_back(fmt::format("{}  {}{}",
                                        clock_text(at),
                                        is_warning ? terminal.red(text) : std::string(text),
                                        terminal.dim(ago(at, now))));
        }
    }
    const auto& canary = story.of.canary;
    const auto outlook = canary::outlook_of(canary, story.of.around);
    lines.emplace_back();
    lines.push_back(fmt::format(
        "Now: {} at weight {}, {} of {} failed checks",
        terminal.bold(canary.status.phase == api::Phase::none ? "not seen yet"
                                                              : to_string(canary.status.phase)),
        canary.status.canary_weight,
        canary.status.failed_checks,
        canary.analysis.threshold));
    const auto& conditions = canary.status.conditions;
    if (const auto why = api::held_by(conditions); !why.empty()) {
        lines.push_back(terminal.red("Held: ") + std::string(why));
    }
    if (const auto who = api::contested_by(conditions); !who.empty()) {
        lines.push_back(terminal.red("Contested: ") + std::string(who));
    }
    lines.push_back("Waits for " + release::with_reason(outlook.waits_for, story.pods_wait_for));
    if (!outlook.next.empty()) {
        lines.push_back(
            "Next: " + outlook.next +
            (outlook.not_before ? " " + until(*outlook.not_before, now) : std::string()) +
            (outlook.gates.empty() ? std::string() : ", behind " + joined(outlook.gates, ", ")));
    }
    return lines;
}

Json story_json(const Story& story, std::size_t last) {
    const auto& decisions = array_at(story.of.object, {"status", "decisions"});
    const auto outlook = canary::outlook_of(story.of.canary, story.of.around);
    JsonObject told{{"name", story.of.canary.name},
                    {"namespace", story.of.canary.ns},
                    {"phase", to_string(story.of.canary.status.phase)},
                    {"decisions", JsonArray(last_of(decisions, last), decisions.end())},
                    {"waitsFor", outlook.waits_for},
                    {"next", outlook.next}};
    if (outlook.not_before) told["notBefore"] = rfc3339(*outlook.not_before);
    put_obstacles(told, story.of.canary);
    if (!story.pods_wait_for.empty()) told["podsWaitFor"] = story.pods_wait_for;
    if (decisions.empty()) {
        JsonArray events;
        for (auto event = last_of(story.events, last); event != story.events.end(); ++event) {
            events.push_back(JsonObject{{"at", event_time(*event)},
                                        {"type", text_at(*event, {"type"})},
                                        {"message", text_at(*event, {"message"})}});
        }
        told["events"] = std::move(events);
    }
    return told;
}

Task<Result<Story>> read_story(kube::Client& client, kube::ObjectKey key) {
    auto seen = co_await read_canary(client, key);
    if (!seen) co_return seen.error();
    Story story{.of = *std::move(seen), .events = {}};
    story.pods_wait_for = (co_await release::read_pods_wait_for(client, story.of.canary)).whole;
    if (!array_at(story.of.object, {"status", "decisions"}).empty()) co_return story;
    auto events =
        co_await client.list(kube::resources::events,
                             {.ns = key.ns,
                              .field_selector = fmt::format(
                                  "involvedObject.kind=Canary,involvedObject.name={}", key.name)});
    if (!events) co_return events.error().with("listing Events of Canary " + to_string(key));
    story.events = std::move(events->items);
    std::ranges::sort(story.events, {}, [](const Json& event) {
        return std::pair(event_time(event), text_at(event, {"metadata", "name"}));
    });
    co_return story;
}

void add_explain(CLI::App& app, Environment environment, Run& run) {
    auto options = std::make_shared<ExplainOptions>();
    auto* command = app.add_subcommand(
        "explain", "Tell what was decided about a Canary, why, and what comes next");
    command->footer(
        "Times are UTC. The controller keeps the last ten decisions with the Canary.\n"
        "Exit code: 0 told, 1 it could not be read, 2 wrong arguments, 3 not found.\n"
        "Example:\n  sluice explain podinfo -n test");
    add_canary_options(*command, options->query);
    command->add_option("--last", options->last, "So many decisions")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    command->add_option("-o,--output", options->output, "json or yaml")
        ->check(CLI::IsMember({"json", "yaml"}));
    command->callback([options, environment, &run] {
        run = [options, environment] {
            Terminal terminal(style_of(environment));
            return talk_with_cluster(
                environment, options->query.cluster, [options, &terminal](Session& session) {
                    return explain(session, *options, terminal);
                });
        };
    });
}

}  // namespace sluice::cli
