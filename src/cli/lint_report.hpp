// What `sluice lint` found, told to people and to programs.
#pragma once

#include "cli/terminal.hpp"
#include "release/lint.hpp"

#include <boost/json/value.hpp>

#include <string>
#include <vector>

namespace sluice::cli {

// A line each, with file and line where they are known, and below it what to do about it.
void show_findings(const std::vector<release::Finding>& findings, Terminal& terminal);
// An array.
Json lint_json(const std::vector<release::Finding>& findings);
// A log of SARIF 2.1.0 with one run: all rules, and a result for each finding.
Json lint_sarif(const std::vector<release::Finding>& findings);

}  // namespace sluice::cli
