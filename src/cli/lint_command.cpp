// `sluice lint`: reads files or the cluster, and prints what release/lint.hpp finds.
#include "base/core/text.hpp"
#include "cli/canary_access.hpp"
#include "cli/command.hpp"
#include "cli/lint_report.hpp"
#include "cli/plan.hpp"
#include "kube/yaml.hpp"
#include "kube/yaml_places.hpp"
#include "release/lint.hpp"
#include "release/lint_cluster.hpp"
#include "routing/router.hpp"

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <tuple>

namespace sluice::cli {
namespace {

using release::Around;
using release::Finding;
using release::Level;
using release::Linter;
using release::LintSettings;

struct LintOptions {
    CanaryQuery query;
    std::vector<std::string> files;
    std::string output;
    std::string scrape_interval = "15s";
};

// An object of a file, and where it stands there.
struct Read {
    Json object;
    std::string file;
    kube::YamlPlaces places;
    std::string prefix;  // "items[0]." within a List
};

void take(std::vector<Read>& all, Read one, const std::string& ns) {
    const auto kind = text_at(one.object, {"kind"});
    if (kind == "List" || kind == "CanaryList") {
        std::size_t index = 0;
        for (const auto& item : array_at(one.object, {"items"})) {
            take(all, {item, one.file, one.places, fmt::format("items[{}].", index++)}, ns);
        }
        return;
    }
    if (kind != "Namespace" && text_at(one.object, {"metadata", "namespace"}).empty()) {
        put(one.object, {"metadata", "namespace"}, Json(ns));
    }
    all.push_back(std::move(one));
}

Result<std::vector<Read>> read_files(const std::vector<std::string>& files, const std::string& ns) {
    std::vector<Read> all;
    for (const auto& file : files) {
        const auto text = read_text(file);
        if (!text) return text.error();
        auto documents = kube::parse_yaml_documents(*text);
        if (!documents) return documents.error().with(file);
        auto places = kube::yaml_places(*text);
        places.resize(documents->size());
        for (std::size_t i = 0; i < documents->size(); ++i) {
            if (!(*documents)[i].is_object()) continue;
            take(all, {std::move((*documents)[i]), file, std::move(places[i]), ""}, ns);
        }
    }
    return all;
}

struct Counts {
    std::size_t canaries = 0;
    std::size_t others = 0;

    void add(const Json& object) { ++(text_at(object, {"kind"}) == "Canary" ? canaries : others); }
};

// "1 Canary", "2 Canaries and 3 other objects", "1 object".
std::string to_string(const Counts& counts) {
    const auto objects = [&](std::string_view adjective) {
        return fmt::format(
            "{} {}object{}", counts.others, adjective, counts.others == 1 ? "" : "s");
    };
    if (counts.canaries == 0 && counts.others > 0) return objects("");
    auto text = counts.canaries == 1 ? std::string("1 Canary")
                                     : fmt::format("{} Canaries", counts.canaries);
    if (counts.others > 0) text += " and " + objects("other ");
    return text;
}

int print(std::vector<Finding> findings,
          const Counts& seen,
          const std::string& output,
          TerminalStyle style) {
    std::ranges::sort(findings, {}, [](const Finding& finding) {
        return std::tie(
            finding.file, finding.line, finding.level, finding.object, finding.field, finding.text);
    });
    const auto count = [&](Level level) {
        return std::ranges::count(findings, level, &Finding::level);
    };
    const auto errors = count(Level::error);
    const auto warnings = count(Level::warning);
    if (output.empty()) {
        Terminal terminal(style);
        show_findings(findings, terminal);
        const auto counted = [](std::ptrdiff_t number, std::string_view what) {
            return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
        };
        terminal.line(fmt::format("{} looked at: {}, {}",
                                  to_string(seen),
                                  counted(errors, "error"),
                                  counted(warnings, "warning")));
    } else if (output == "json") {
        fmt::print("{}\n", to_pretty_text(lint_json(findings)));
    } else if (output == "sarif") {
        fmt::print("{}\n", to_pretty_text(lint_sarif(findings)));
    } else {
        std::fputs(kube::to_yaml(lint_json(findings)).c_str(), stdout);
    }
    return errors > 0 ? not_done : done;
}

void add(std::vector<Finding>& all, std::vector<Finding> more, const Read& from) {
    for (auto& finding : more) {
        finding.file = from.file;
        finding.line = kube::line_of(from.places, from.prefix + finding.field);
        all.push_back(std::move(finding));
    }
}

int lint_files(const LintOptions& options, const LintSettings& settings, TerminalStyle style) {
    const auto read =
        read_files(options.files, options.query.ns.empty() ? "default" : options.query.ns);
    if (!read) {
        fmt::print(stderr, "sluice: {}\n", read.error().message);
        return not_done;
    }
    Around around;
    for (const auto& one : *read) around.objects.push_back(one.object);
    const Linter linter(around, settings);
    std::vector<Finding> findings;
    Counts counts;
    for (std::size_t i = 0; i < read->size(); ++i) {
        if (!Linter::has_a_say(around.objects[i])) continue;
        counts.add(around.objects[i]);
        add(findings, linter.look(around.objects[i]), (*read)[i]);
    }
    if (counts.canaries + counts.others == 0) {
        fmt::print(stderr,
                   "sluice: {}: neither a Canary in it nor an object of the mesh\n",
                   joined(options.files, ", "));
        return not_done;
    }
    return print(std::move(findings), counts, options.output, style);
}

// Whether it is the Canary, or one of the objects of its release.
bool belongs_to(const Json& canary, const Json& object) {
    const auto kind = text_at(object, {"kind"});
    const auto key = kube::key_of(object), its = kube::key_of(canary);
    if (kind == "Canary") return key == its;
    if (!release::is_in_namespace(object, its.ns)) return false;
    if (kind == "Namespace") return true;
    const auto names = routing::service_names(canary);
    const std::string target(text_at(canary, {"spec", "targetRef", "name"}));
    const std::array<std::string, 5> all{
        names.apex, names.primary, names.canary, target, target + "-primary"};
    if (kind == "Pod") return key.name.starts_with(target + "-");
    return std::ranges::find(all, key.name) != all.end();
}

Task<Result<int>> lint_cluster(Session& session,
                               LintOptions options,
                               LintSettings settings,
                               TerminalStyle style) {
    const auto key = key_of(options.query, session.config());
    const auto around = co_await release::read_around(session.client(), key.ns);
    if (!around) co_return around.error();
    const Linter linter(*around, settings);
    const Json* only = nullptr;
    for (const auto& object : around->objects) {
        const bool is_meant =
            text_at(object, {"kind"}) == "Canary" && kube::key_of(object).name == key.name;
        if (is_meant) only = &object;
    }
    if (only == nullptr && !key.name.empty()) {
        co_return Error{ErrorKind::not_found,
                        fmt::format("canaries.flagger.app \"{}\" not found", key.name)};
    }
    std::vector<Finding> findings;
    Counts counts;
    for (const auto& object : around->objects) {
        const bool is_meant =
            only != nullptr ? belongs_to(*only, object) : release::is_in_namespace(object, key.ns);
        if (!is_meant || !Linter::has_a_say(object)) continue;
        counts.add(object);
        for (auto& finding : linter.look(object)) findings.push_back(std::move(finding));
    }
    const auto unjudged = release::not_judged(around->unread);
    if (!unjudged.empty()) fmt::print(stderr, "sluice: {}\n", unjudged);
    co_return print(std::move(findings), counts, options.output, style);
}

}  // namespace

void add_lint(CLI::App& app, Environment environment, Run& run) {
    auto options = std::make_shared<LintOptions>();
    auto* command = app.add_subcommand(
        "lint", "Find mistakes in Canaries, and in the mesh's objects around them");
    command->footer(
        "Without -f those of the cluster are looked at: NAME and its objects, or the whole "
        "namespace.\n"
        "Exit code: 0 no errors (there may be warnings), 1 errors, or it could not be read, 2 "
        "wrong arguments, 3 not found.\n"
        "Example:\n  sluice lint -f canary.yaml");
    auto* name = command->add_option("NAME", options->query.name, "A Canary of the cluster");
    command
        ->add_option("-f,--filename",
                     options->files,
                     "Files with Canaries and other objects; - is standard input")
        ->excludes(name);
    command->add_option("-o,--output", options->output, "json, yaml or sarif")
        ->check(CLI::IsMember({"json", "yaml", "sarif"}));
    command
        ->add_option("--scrape-interval",
                     options->scrape_interval,
                     "Of the Prometheus that judges, for the checks' intervals")
        ->capture_default_str()
        ->check([](const std::string& text) {
            return parse_duration(text) ? std::string() : text + ": not a duration";
        });
    add_namespace_option(*command, options->query.ns);
    add_cluster_options(*command, options->query.cluster);
    command->callback([options, environment, &run] {
        run = [options, environment] {
            const LintSettings settings{.scrape_interval =
                                            *parse_duration(options->scrape_interval)};
            const auto style = style_of(environment);
            if (!options->files.empty()) return lint_files(*options, settings, style);
            return talk_with_cluster(
                environment, options->query.cluster, [options, settings, style](Session& session) {
                    return lint_cluster(session, *options, settings, style);
                });
        };
    });
}

}  // namespace sluice::cli
