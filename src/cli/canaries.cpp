#include "cli/canaries.hpp"

#include "cli/canary_access.hpp"
#include "cli/command.hpp"
#include "cli/table.hpp"
#include "kube/yaml.hpp"
#include "release/pods.hpp"
#include "release/sentence.hpp"

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <tuple>

namespace sluice::cli {
namespace {

enum class Order { by_name, worst_first };

struct GetOptions {
    std::string kind;
    CanaryQuery query;
    bool all_namespaces = false;
    std::string output;
    Order order = Order::by_name;
};

release::Severity severity_of(const CanarySeen& seen, Time now) {
    return release::severity_of(
        seen.canary, release::last_run(release::decisions_of(seen.object)), now);
}

// As kubectl's printer shows the value of a JSONPath.
std::string cell(const Json& object, JsonPath path) {
    const auto* value = find(object, path);
    if (value == nullptr || value->is_null()) return "";
    if (value->is_string()) return std::string(value->get_string());
    return to_text(*value);
}

Json as_list(std::vector<Json> items) {
    return JsonObject{{"apiVersion", "v1"},
                      {"items", JsonArray(items.begin(), items.end())},
                      {"kind", "List"},
                      {"metadata", JsonObject{{"resourceVersion", ""}}}};
}

void print_as(const std::string& output, const Json& value) {
    if (output == "json") {
        fmt::print("{}\n", to_pretty_text(value));
    } else {
        std::fputs(kube::to_yaml(value).c_str(), stdout);
    }
}

// Of so many that wait for their pods: each costs two requests.
constexpr std::size_t reasons_max = 20;

Task<PodsReasons> reasons_of(kube::Client& client, std::vector<Json> canaries) {
    PodsReasons reasons;
    for (const auto& object : canaries) {
        const auto canary = seen_of(object).canary;
        if (reasons.size() >= reasons_max) break;
        if (!release::awaited_workload(canary)) continue;
        const auto reason = co_await release::read_pods_wait_for(client, canary);
        reasons.emplace(kube::key_of(object), reason.in_short);
    }
    co_return reasons;
}

Task<Result<int>> get(Session& session, GetOptions options, std::size_t width) {
    const auto key = key_of(options.query, session.config());
    std::vector<Json> canaries;
    if (!key.name.empty()) {
        auto seen = co_await session.client().get(kube::resources::canaries, key);
        if (!seen) co_return seen.error();
        if (options.output == "json" || options.output == "yaml") {
            print_as(options.output, *seen);
            co_return done;
        }
        canaries.push_back(*std::move(seen));
    } else {
        const auto ns = options.all_namespaces ? std::string() : key.ns;
        auto list = co_await session.client().list(kube::resources::canaries, {.ns = ns});
        if (!list) co_return list.error().with("listing Canaries");
        canaries = std::move(list->items);
        if (options.order == Order::worst_first) put_worst_first(canaries, session.clock().now());
    }
    if (options.output == "json" || options.output == "yaml") {
        print_as(options.output, as_list(std::move(canaries)));
        co_return done;
    }
    if (options.output == "name") {
        for (const auto& canary : canaries) {
            fmt::print("canary.flagger.app/{}\n", kube::key_of(canary).name);
        }
        co_return done;
    }
    if (canaries.empty()) {
        fmt::print(stderr,
                   "No Canaries found{}.\n",
                   options.all_namespaces ? "" : " in namespace " + key.ns);
        co_return done;
    }
    const auto reasons = options.order == Order::worst_first
                             ? co_await reasons_of(session.client(), canaries)
                             : PodsReasons{};
    const auto table = canary_table(canaries,
                                    reasons,
                                    {.wide = options.output == "wide",
                                     .with_namespace = options.all_namespaces,
                                     .with_outlook = options.order == Order::worst_first});
    for (const auto& line : wide_table(table, width)) fmt::print("{}\n", line);
    co_return done;
}

void add_options(CLI::App& command, GetOptions& options) {
    add_namespace_option(command, options.query.ns);
    command.add_flag("-A,--all-namespaces", options.all_namespaces, "Those of all namespaces");
    command.add_option("-o,--output", options.output, "wide, json, yaml or name")
        ->check(CLI::IsMember({"wide", "json", "yaml", "name"}));
    add_cluster_options(command, options.query.cluster);
}

void run_by(CLI::App& command,
            const std::shared_ptr<GetOptions>& options,
            const Environment& environment,
            Run& run) {
    command.callback([options, environment, &run] {
        run = [options, environment] {
            const auto width = Terminal(style_of(environment)).width();
            return talk_with_cluster(
                environment, options->query.cluster, [options, width](Session& session) {
                    return get(session, *options, width);
                });
        };
    });
}

}  // namespace

Json canary_table(const std::vector<Json>& canaries,
                  const PodsReasons& reasons,
                  CanaryColumns columns) {
    JsonArray definitions;
    std::vector<std::vector<std::string>> cells(canaries.size());
    const auto add = [&](std::string_view name, auto cell_of) {
        definitions.push_back(JsonObject{{"name", name}, {"type", "string"}});
        for (std::size_t i = 0; i < canaries.size(); ++i) {
            cells[i].push_back(cell_of(canaries[i]));
        }
    };
    const auto add_path = [&](std::string_view name, JsonPath path) {
        add(name, [path](const Json& canary) { return cell(canary, path); });
    };
    if (columns.with_namespace) add_path("Namespace", {"metadata", "namespace"});
    add_path("Name", {"metadata", "name"});
    add_path("Status", {"status", "phase"});
    add_path("Weight", {"status", "canaryWeight"});
    if (columns.wide) {
        add_path("Suspended", {"spec", "suspend"});
        add_path("FailedChecks", {"status", "failedChecks"});
        add_path("Interval", {"spec", "analysis", "interval"});
        add_path("Mirror", {"spec", "analysis", "mirror"});
        add_path("StepWeight", {"spec", "analysis", "stepWeight"});
        add_path("StepWeights", {"spec", "analysis", "stepWeights"});
        add_path("MaxWeight", {"spec", "analysis", "maxWeight"});
    }
    add_path("LastTransitionTime", {"status", "lastTransitionTime"});
    if (columns.with_outlook) {
        add("Waits for", [&](const Json& canary) {
            const auto seen = seen_of(canary);
            const auto reason = reasons.find(kube::key_of(canary));
            return release::with_reason(canary::outlook_of(seen.canary, seen.around).waits_for,
                                        reason == reasons.end() ? std::string() : reason->second);
        });
    }
    JsonArray rows;
    for (const auto& row : cells) {
        rows.push_back(JsonObject{{"cells", JsonArray(row.begin(), row.end())}});
    }
    return JsonObject{{"columnDefinitions", std::move(definitions)}, {"rows", std::move(rows)}};
}

void put_worst_first(std::vector<Json>& canaries, Time now) {
    using Rank = std::tuple<release::Severity, std::string, std::string>;
    std::vector<std::pair<Rank, Json>> ranked;
    for (auto& object : canaries) {
        const auto seen = seen_of(object);
        ranked.emplace_back(Rank{severity_of(seen, now), seen.canary.ns, seen.canary.name},
                            std::move(object));
    }
    std::ranges::sort(ranked, {}, [](const auto& one) -> const Rank& { return one.first; });
    canaries.clear();
    for (auto& [rank, object] : ranked) canaries.push_back(std::move(object));
}

void add_canaries(CLI::App& app, Environment environment, Run& run) {
    auto getting = std::make_shared<GetOptions>();
    auto* one = app.add_subcommand("get", "Show Canaries as kubectl does");
    one->footer(
        "Exit code: 0 done, 1 it could not be done, 2 wrong arguments, 3 not found.\n"
        "Example:\n  sluice get canary podinfo -n test -o wide");
    one->add_option("KIND", getting->kind, "canary")
        ->required()
        ->check(
            CLI::IsMember({"canary", "canaries", "canary.flagger.app", "canaries.flagger.app"}));
    one->add_option("NAME", getting->query.name, "This one; else all of the namespace");
    add_options(*one, *getting);
    run_by(*one, getting, environment, run);

    auto listing = std::make_shared<GetOptions>();
    listing->order = Order::worst_first;
    auto* all =
        app.add_subcommand("list", "Show Canaries, the worst first, and what they wait for");
    all->footer(
        "Exit code: 0 done, 1 it could not be done, 2 wrong arguments.\n"
        "Example:\n  sluice list -A");
    add_options(*all, *listing);
    run_by(*all, listing, environment, run);
}

}  // namespace sluice::cli
