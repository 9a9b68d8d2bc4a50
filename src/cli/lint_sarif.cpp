// SARIF 2.1.0, which code scanning and editors read.
#include "base/core/text.hpp"
#include "cli/lint_report.hpp"
#include "release/rules.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::cli {
namespace {

using release::Finding;
using release::Level;
using release::Rule;

// What has no code.
constexpr Rule own_mistakes{.code = "Canary",
                            .level = Level::error,
                            .what = "A mistake of a Canary that its CRD's schema lets pass",
                            .way_out = "correct the field as the message says"};

std::string_view level_of(Level level) {
    return level == Level::info ? "note" : to_string(level);
}

Json text(std::string_view text) {
    return JsonObject{{"text", text}};
}

Json json_of(const Rule& rule) {
    // Code scanning asks for both descriptions.
    JsonObject shown{{"id", rule.code},
                     {"shortDescription", text(rule.what)},
                     {"fullDescription", text(rule.what)},
                     {"help", text(rule.way_out)},
                     {"defaultConfiguration", JsonObject{{"level", level_of(rule.level)}}}};
    if (rule.code.starts_with("IST")) {
        shown["helpUri"] = fmt::format("https://istio.io/latest/docs/reference/config/analysis/{}/",
                                       lower_case(rule.code));
    }
    return shown;
}

// As it was given: relative to wherever that was, or to the machine's root. A segment with a colon
// begins no scheme.
std::string uri_of(std::string_view path) {
    std::string uri;
    if (path.starts_with('/')) uri = "file:///";
    for (const auto segment : split(path, '/')) {
        if (segment.empty()) continue;
        if (!uri.empty() && !uri.ends_with('/')) uri += '/';
        uri += percent_encoded(segment);
    }
    return uri;
}

Json location_of(const Finding& finding) {
    JsonObject logical{{"fullyQualifiedName", finding.object}, {"kind", "object"}};
    if (!finding.field.empty()) {
        logical = {{"name", finding.field},
                   {"fullyQualifiedName", fmt::format("{} {}", finding.object, finding.field)},
                   {"kind", "property"}};
    }
    JsonObject location{{"logicalLocations", JsonArray{std::move(logical)}}};
    // Standard input is nowhere that somebody could look.
    if (finding.file.empty() || finding.file == "-") return location;
    JsonObject physical{{"artifactLocation", JsonObject{{"uri", uri_of(finding.file)}}}};
    if (finding.line > 0) physical["region"] = JsonObject{{"startLine", finding.line}};
    location["physicalLocation"] = std::move(physical);
    return location;
}

Json json_of(const Finding& finding) {
    const auto all = release::rules();
    const auto* rule = release::rule_of(finding.code);
    // Those without a code stand behind all others.
    const auto index = rule == nullptr ? all.size() : static_cast<std::size_t>(rule - all.data());
    JsonObject shown{{"ruleId", rule == nullptr ? own_mistakes.code : rule->code},
                     {"ruleIndex", index},
                     {"level", level_of(finding.level)},
                     {"message", text(finding.text)},
                     {"locations", JsonArray{location_of(finding)}}};
    if (!finding.suggestion.empty()) {
        shown["properties"] = JsonObject{{"suggestion", finding.suggestion}};
    }
    return shown;
}

}  // namespace

Json lint_sarif(const std::vector<Finding>& findings) {
    JsonArray rules;
    for (const auto& rule : release::rules()) rules.push_back(json_of(rule));
    rules.push_back(json_of(own_mistakes));
    JsonArray results;
    for (const auto& finding : findings) results.push_back(json_of(finding));
    JsonObject driver{{"name", "sluice"}, {"version", SLUICE_VERSION}, {"rules", std::move(rules)}};
    JsonObject run{{"tool", JsonObject{{"driver", std::move(driver)}}},
                   {"results", std::move(results)}};
    return JsonObject{{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
                      {"version", "2.1.0"},
                      {"runs", JsonArray{std::move(run)}}};
}

}  // namespace sluice::cli
