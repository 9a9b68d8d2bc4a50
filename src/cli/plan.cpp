#include "cli/plan.hpp"

#include "base/core/duration.hpp"
#include "base/core/text.hpp"
#include "cli/command.hpp"
#include "cli/table.hpp"
#include "kube/yaml.hpp"
#include "routing/table.hpp"

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>

namespace sluice::cli {
namespace {

using api::HookType;

struct PlanOptions {
    CanaryQuery query;
    std::string file;
    std::string output;
};

std::string after_text(Duration after) {
    return "+" + (after == Duration{} ? std::string("0s") : human_text(after));
}

std::string share_text(int weight) {
    return fmt::format("{}%", weight);
}

std::string canary_share(const canary::PlannedStep& step) {
    if (step.matched) return "who match";
    auto text = share_text(step.weights.canary);
    if (step.weights.mirrored) text += " and copies";
    return text;
}

std::string objection_in(const api::Canary& canary) {
    if (canary.invalid) return to_string(*canary.invalid);
    if (canary.unbuilt) return to_string(*canary.unbuilt);
    static const routing::Table routers;
    if (routers.find(canary.provider) == nullptr) return routers.refusal(canary.provider);
    return {};
}

std::vector<std::string> checks_of(const api::Canary& canary) {
    std::vector<std::string> checks;
    for (const auto& hook : canary.analysis.hooks) {
        if (hook.type == HookType::rollout || hook.type == HookType::rollback) {
            checks.push_back(fmt::format("{} hook {}", to_string(hook.type), hook.name));
        }
    }
    for (const auto& metric : canary.analysis.metrics) {
        checks.push_back(fmt::format("{} over {}", metric.name, metric.interval));
    }
    return checks;
}

Json steps_table(const std::vector<canary::PlannedStep>& steps) {
    JsonArray columns;
    for (const auto* name : {"Earliest", "Canary", "Primary", "Step", "Behind"}) {
        columns.push_back(JsonObject{{"name", name}});
    }
    JsonArray rows;
    for (const auto& step : steps) {
        const auto primary =
            step.matched ? std::string("the others") : share_text(step.weights.primary);
        rows.push_back(JsonObject{{"cells",
                                   JsonArray{Json(after_text(step.after)),
                                             Json(canary_share(step)),
                                             Json(primary),
                                             Json(step.what),
                                             Json(joined(step.gates, ", "))}}});
    }
    return JsonObject{{"columnDefinitions", std::move(columns)}, {"rows", std::move(rows)}};
}

int show(const std::vector<CanarySeen>& canaries, const std::string& output) {
    int code = done;
    bool is_first = true;
    JsonArray plans;
    for (const auto& seen : canaries) {
        const auto objection = objection_in(seen.canary);
        if (!objection.empty()) {
            fmt::print(stderr, "sluice: Canary {}: {}\n", seen.canary.dotted(), objection);
            code = not_done;
            continue;
        }
        if (!output.empty()) {
            plans.push_back(plan_json(seen));
            continue;
        }
        if (!std::exchange(is_first, false)) fmt::print("\n");
        for (const auto& line : plan_lines(seen)) fmt::print("{}\n", line);
    }
    if (!output.empty() && !plans.empty()) {
        const Json shown = plans.size() == 1 ? plans[0] : Json(plans);
        if (output == "json") {
            fmt::print("{}\n", to_pretty_text(shown));
        } else {
            std::fputs(kube::to_yaml(shown).c_str(), stdout);
        }
    }
    return code;
}

int plan_of_file(const PlanOptions& options) {
    const auto text = read_text(options.file);
    if (!text) {
        fmt::print(stderr, "sluice: {}\n", text.error().message);
        return not_done;
    }
    const auto objects =
        canaries_in(*text, options.query.ns.empty() ? "default" : options.query.ns);
    if (!objects) {
        fmt::print(stderr, "sluice: {}: {}\n", options.file, objects.error().message);
        return not_done;
    }
    if (objects->empty()) {
        fmt::print(stderr, "sluice: {}: no Canary in it\n", options.file);
        return not_done;
    }
    std::vector<CanarySeen> canaries;
    for (const auto& object : *objects) canaries.push_back(seen_of(object));
    return show(canaries, options.output);
}

Task<Result<int>> plan_of_name(Session& session, PlanOptions options) {
    auto seen = co_await read_canary(session.client(), key_of(options.query, session.config()));
    if (!seen) co_return seen.error();
    co_return show({*std::move(seen)}, options.output);
}

}  // namespace

std::vector<Made> objects_of(const CanarySeen& seen) {
    const auto& canary = seen.canary;
    std::vector<Made> made;
    if (canary.target.kind != "Service")
        made.push_back({canary.target.kind, canary.primary_name()});
    for (const auto& name : {canary.apex, canary.primary_service(), canary.canary_service()}) {
        made.push_back({"Service", name});
    }
    if (canary.autoscaler) {
        made.push_back({canary.autoscaler->kind, canary.autoscaler->name + "-primary"});
    }
    static const routing::Table routers;
    if (const auto* router = routers.find(canary.provider)) {
        for (const auto& object : router->objects(seen.object)) {
            const Made one{object.resource.kind, object.key.name};
            if (std::ranges::find(made, one) == made.end()) made.push_back(one);
        }
    }
    return made;
}

std::vector<std::string> plan_lines(const CanarySeen& seen) {
    const auto& canary = seen.canary;
    const auto& analysis = canary.analysis;
    const auto steps = canary::planned_steps(canary, seen.around);
    std::vector<std::string> lines;
    lines.push_back(fmt::format(
        "Canary {}: {} of {} {} by provider {}",
        canary.dotted(),
        canary.skip_analysis ? "promotion without analysis" : to_string(api::strategy_of(analysis)),
        canary.target.kind,
        canary.target.name,
        canary.provider));
    std::vector<std::string> made;
    for (const auto& one : objects_of(seen))
        made.push_back(fmt::format("{} {}", one.kind, one.name));
    lines.push_back("Makes: " + joined(made, ", "));
    lines.emplace_back();
    if (steps.empty()) {
        lines.emplace_back("The plan never advances: neither weights nor iterations are given.");
        return lines;
    }
    for (auto& line : wide_table(steps_table(steps))) {
        line.erase(line.find_last_not_of(' ') + 1);
        lines.push_back(std::move(line));
    }
    lines.emplace_back();
    lines.emplace_back("Times are from when the canary's pods are ready, and at the earliest.");
    if (canary.skip_analysis) return lines;
    const auto checks = checks_of(canary);
    lines.push_back(
        checks.empty()
            ? fmt::format("No check is made: it advances every {}.", human_text(analysis.interval))
            : fmt::format("Every {}: {}.", human_text(analysis.interval), joined(checks, ", ")));
    if (!checks.empty()) {
        lines.push_back(fmt::format("Rolled back after {} failed {}.",
                                    analysis.threshold,
                                    analysis.threshold == 1 ? "check" : "checks"));
    }
    return lines;
}

Json plan_json(const CanarySeen& seen) {
    JsonArray makes;
    for (const auto& one : objects_of(seen)) {
        makes.push_back(JsonObject{{"kind", one.kind}, {"name", one.name}});
    }
    JsonArray steps;
    for (const auto& step : canary::planned_steps(seen.canary, seen.around)) {
        JsonArray gates(step.gates.begin(), step.gates.end());
        steps.push_back(JsonObject{
            {"what", step.what},
            {"afterSeconds", std::chrono::duration_cast<std::chrono::seconds>(step.after).count()},
            {"canaryWeight", step.weights.canary},
            {"primaryWeight", step.weights.primary},
            {"mirrored", step.weights.mirrored},
            {"matched", step.matched},
            {"gates", std::move(gates)}});
    }
    return JsonObject{{"name", seen.canary.name},
                      {"namespace", seen.canary.ns},
                      {"provider", seen.canary.provider},
                      {"makes", std::move(makes)},
                      {"steps", std::move(steps)}};
}

Result<std::vector<Json>> canaries_in(std::string_view yaml, const std::string& ns) {
    auto documents = kube::parse_yaml_documents(yaml);
    if (!documents) return documents.error();
    std::vector<Json> canaries;
    const auto take = [&](Json object) {
        if (text_at(object, {"kind"}) != "Canary") return;
        if (text_at(object, {"metadata", "namespace"}).empty()) {
            put(object, {"metadata", "namespace"}, Json(ns));
        }
        canaries.push_back(std::move(object));
    };
    for (auto& document : *documents) {
        if (text_at(document, {"kind"}) == "List") {
            for (const auto& item : array_at(document, {"items"})) take(item);
        } else {
            take(std::move(document));
        }
    }
    return canaries;
}

Result<std::string> read_text(const std::string& file) {
    if (file == "-") {
        return std::string(std::istreambuf_iterator<char>(std::cin),
                           std::istreambuf_iterator<char>());
    }
    std::ifstream stream(file, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    if (!stream.is_open() || stream.bad()) {
        return Error{ErrorKind::not_found, fmt::format("{}: cannot be read", file)};
    }
    return text;
}

void add_plan(CLI::App& app, Environment environment, Run& run) {
    auto options = std::make_shared<PlanOptions>();
    auto* command = app.add_subcommand(
        "plan", "Show what a Canary makes, and each step with its earliest time and its traffic");
    command->footer(
        "Exit code: 0 shown, 1 refused or not read (one line says why), 2 wrong arguments, 3 not "
        "found.\n"
        "Example:\n  sluice plan -f canary.yaml");
    auto* name = command->add_option("NAME", options->query.name, "A Canary of the cluster");
    auto* file = command->add_option(
        "-f,--filename", options->file, "A file with Canaries; - is standard input");
    name->excludes(file);
    command->add_option("-o,--output", options->output, "json or yaml")
        ->check(CLI::IsMember({"json", "yaml"}));
    add_namespace_option(*command, options->query.ns);
    add_cluster_options(*command, options->query.cluster);
    command->callback([options, environment, &run] {
        if (options->file.empty() && options->query.name.empty()) {
            throw CLI::RequiredError("NAME or -f");
        }
        run = [options, environment] {
            if (!options->file.empty()) return plan_of_file(*options);
            return talk_with_cluster(
                environment, options->query.cluster, [options](Session& session) {
                    return plan_of_name(session, *options);
                });
        };
    });
}

}  // namespace sluice::cli
