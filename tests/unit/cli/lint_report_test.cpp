// What `sluice lint` prints of what it found.
#include "cli/lint_report.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>

using namespace sluice;
using namespace sluice::cli;
using release::Finding;
using release::Level;

namespace {

std::vector<Finding> some_findings() {
    return {{.level = Level::error,
             .object = "Canary test/web",
             .field = "spec.service.port",
             .text = "is missing",
             .file = "a.yaml",
             .line = 7},
            {.level = Level::warning,
             .code = "SLU0005",
             .object = "Canary test/web",
             .field = "spec.analysis.metrics[0].interval",
             .text = "30s is less than four scrape intervals of 15s: rates have gaps",
             .suggestion = "make the interval at least four scrape intervals",
             .file = "a.yaml",
             .line = 21},
            {.level = Level::info,
             .code = "IST0131",
             .object = "VirtualService test/web",
             .text = "VirtualService rule #1 match #0 is not used (duplicate/overlapping match in "
                     "rule #0).",
             .suggestion = "remove the match, or make it differ from the earlier one"}};
}

std::string shown(const std::vector<Finding>& findings, TerminalStyle style) {
    char* text = nullptr;
    std::size_t size = 0;
    auto* file = ::open_memstream(&text, &size);
    {
        Terminal terminal(style, file, 40);
        show_findings(findings, terminal);
    }
    std::fclose(file);
    std::string result(text, size);
    std::free(text);  // NOLINT: open_memstream's
    return result;
}

}  // namespace

TEST_CASE("each finding is a line, and what to do about it stands below") {
    CHECK(shown(some_findings(), {}) ==
          R"(a.yaml:7: error: Canary test/web spec.service.port: is missing
a.yaml:21: warning: Canary test/web spec.analysis.metrics[0].interval: 30s is less than four scrape intervals of 15s: rates have gaps [SLU0005]
    try: make the interval at least four scrape intervals
info: VirtualService test/web: VirtualService rule #1 match #0 is not used (duplicate/overlapping match in rule #0). [IST0131]
    try: remove the match, or make it differ from the earlier one
)");
}

TEST_CASE("on a narrow terminal a suggestion is broken at words and keeps its indent") {
    CHECK(shown({some_findings()[1]}, {.live = true}).ends_with(R"( [SLU0005]
    try: make the interval at least
         four scrape intervals
)"));
}

TEST_CASE("the JSON of a finding has what is known of it") {
    CHECK(lint_json(some_findings()) == boost::json::parse(R"([
        {"level": "error", "object": "Canary test/web", "field": "spec.service.port", "file": "a.yaml", "line": 7, "message": "is missing"},
        {"level": "warning", "object": "Canary test/web", "field": "spec.analysis.metrics[0].interval", "code": "SLU0005", "file": "a.yaml", "line": 21,
         "message": "30s is less than four scrape intervals of 15s: rates have gaps", "suggestion": "make the interval at least four scrape intervals"},
        {"level": "info", "object": "VirtualService test/web", "code": "IST0131",
         "message": "VirtualService rule #1 match #0 is not used (duplicate/overlapping match in rule #0).",
         "suggestion": "remove the match, or make it differ from the earlier one"}])"));
}
