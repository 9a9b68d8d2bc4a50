#include "cli/lint_report.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::cli {
namespace {

using release::Finding;

constexpr std::string_view heading = "    try: ";

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
    add("suggestion", finding.suggestion);
    return shown;
}

}  // namespace

void show_findings(const std::vector<Finding>& findings, Terminal& terminal) {
    for (const auto& finding : findings) {
        terminal.line(line_of(finding));
        if (finding.suggestion.empty()) continue;
        terminal.prose(fmt::format("{}{}", heading, finding.suggestion), heading.size());
    }
}

Json lint_json(const std::vector<Finding>& findings) {
    JsonArray shown;
    for (const auto& finding : findings) shown.push_back(json_of(finding));
    return shown;
}

}  // namespace sluice::cli
