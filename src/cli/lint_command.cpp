// `sluice lint`: reads files or the cluster, and prints what release/lint.hpp finds.
#include "cli/canary_access.hpp"
#include "cli/command.hpp"
#include "cli/plan.hpp"
#include "kube/yaml.hpp"
#include "kube/yaml_places.hpp"
#include "release/lint.hpp"

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <tuple>

namespace sluice::cli {
namespace {

using release::Around;
using release::Finding;
using release::Level;
using release::lint_around;
using release::lint_canary;
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
    if (text_at(one.object, {"metadata", "namespace"}).empty()) {
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

Json json_of(const Finding& finding) {
    JsonObject shown{{"level", to_string(finding.level)}, {"object", finding.object}};
    const auto add = [&](std::string_view name, const std::string& text) {
        if (!text.empty()) shown[name] = text;
    };
    add("field", finding.field);
    add("code", finding.code);
    add("file", finding.file);
    if (finding.line > 0) shown["line"] = finding.line;
    shown["message"] = finding.text;
    return shown;
}

int print(std::vector<Finding> findings, std::size_t canaries, const std::string& output) {
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
        for (const auto& finding : findings) fmt::print("{}\n", line_of(finding));
        const auto counted = [](std::ptrdiff_t number, std::string_view what) {
            return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
        };
        fmt::print("{} looked at: {}, {}\n",
                   canaries == 1 ? std::string("1 Canary") : fmt::format("{} Canaries", canaries),
                   counted(errors, "error"),
                   counted(warnings, "warning"));
    } else {
        JsonArray shown;
        for (const auto& finding : findings) shown.push_back(json_of(finding));
        if (output == "json") {
            fmt::print("{}\n", to_pretty_text(Json(shown)));
        } else {
            std::fputs(kube::to_yaml(Json(shown)).c_str(), stdout);
        }
    }
    return errors > 0 ? not_done : done;
}

void add(std::vector<Finding>& all, std::vector<Finding> more, const Read* from) {
    for (auto& finding : more) {
        if (from != nullptr) {
            finding.file = from->file;
            finding.line = kube::line_of(from->places, from->prefix + finding.field);
        }
        all.push_back(std::move(finding));
    }
}

int lint_files(const LintOptions& options, const LintSettings& settings) {
    const auto read =
        read_files(options.files, options.query.ns.empty() ? "default" : options.query.ns);
    if (!read) {
        fmt::print(stderr, "sluice: {}\n", read.error().message);
        return not_done;
    }
    Around around;
    for (const auto& one : *read) around.objects.push_back(one.object);
    std::vector<Finding> findings;
    std::size_t canaries = 0;
    for (const auto& one : *read) {
        if (text_at(one.object, {"kind"}) != "Canary") continue;
        ++canaries;
        add(findings, lint_canary(one.object, settings), &one);
        add(findings, lint_around(one.object, around), &one);
    }
    if (canaries == 0) {
        fmt::print(stderr, "sluice: {}: no Canary in it\n", options.files.front());
        return not_done;
    }
    return print(std::move(findings), canaries, options.output);
}

const kube::Resource disruption_budgets{
    "policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"};
const kube::Resource network_policies{
    "networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy"};

// Gateways may stand anywhere; the rest is the namespace's.
Task<Result<Around>> read_around(kube::Client& client, std::string ns) {
    Around around{.objects = {}, .whole = true, .ns = {}};
    struct Asked {
        kube::Resource resource;
        bool everywhere = false;
        bool is_needed = true;  // who may not read the others misses what is said of them
    };
    const std::vector<Asked> wanted{{kube::resources::canaries},
                                    {kube::resources::deployments},
                                    {kube::resources::daemon_sets},
                                    {kube::resources::horizontal_pod_autoscalers},
                                    {kube::resources::metric_templates},
                                    {kube::resources::services},
                                    {.resource = disruption_budgets, .is_needed = false},
                                    {.resource = network_policies, .is_needed = false},
                                    {kube::resources::gateways, true}};
    for (const auto& asked : wanted) {
        auto list =
            co_await client.list(asked.resource, {.ns = asked.everywhere ? std::string() : ns});
        if (!list && list.error().kind == ErrorKind::not_found) continue;
        if (!list && !asked.is_needed && list.error().kind == ErrorKind::denied) continue;
        if (!list) co_return list.error().with(fmt::format("listing {}", asked.resource.plural));
        for (auto& object : list->items) around.objects.push_back(std::move(object));
    }
    auto space = co_await client.get(kube::resources::namespaces, {"", ns});
    if (space) around.ns = *std::move(space);
    co_return around;
}

Task<Result<int>> lint_cluster(Session& session, LintOptions options, LintSettings settings) {
    const auto key = key_of(options.query, session.config());
    const auto around = co_await read_around(session.client(), key.ns);
    if (!around) co_return around.error();
    std::vector<Finding> findings;
    std::size_t canaries = 0;
    for (const auto& object : around->objects) {
        if (text_at(object, {"kind"}) != "Canary") continue;
        if (!key.name.empty() && kube::key_of(object).name != key.name) continue;
        ++canaries;
        add(findings, lint_canary(object, settings), nullptr);
        add(findings, lint_around(object, *around), nullptr);
    }
    if (canaries == 0 && !key.name.empty()) {
        co_return Error{ErrorKind::not_found,
                        fmt::format("canaries.flagger.app \"{}\" not found", key.name)};
    }
    co_return print(std::move(findings), canaries, options.output);
}

}  // namespace

void add_lint(CLI::App& app, Environment environment, Run& run) {
    auto options = std::make_shared<LintOptions>();
    auto* command =
        app.add_subcommand("lint", "Find mistakes in Canaries that their schema lets pass");
    command->footer(
        "Without -f those of the cluster are looked at: NAME, or all of the namespace.\n"
        "Exit code: 0 no errors (there may be warnings), 1 errors, or it could not be read, 2 "
        "wrong arguments, 3 not found.\n"
        "Example:\n  sluice lint -f canary.yaml");
    auto* name = command->add_option("NAME", options->query.name, "A Canary of the cluster");
    command->add_option("-f,--filename", options->files, "Files with Canaries; - is standard input")
        ->excludes(name);
    command->add_option("-o,--output", options->output, "json or yaml")
        ->check(CLI::IsMember({"json", "yaml"}));
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
            if (!options->files.empty()) return lint_files(*options, settings);
            return talk_with_cluster(
                environment, options->query.cluster, [options, settings](Session& session) {
                    return lint_cluster(session, *options, settings);
                });
        };
    });
}

}  // namespace sluice::cli
