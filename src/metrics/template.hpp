// Queries with {{ }} in them: Go's text/template with its built-in functions, and those of the
// query's model (routing-metrics-hooks.md 2.4). Whoever writes a query may not make us work for
// ever: length, depth, steps and output are bounded.
#pragma once

#include "base/core/result.hpp"

#include <map>
#include <string>
#include <string_view>

namespace sluice::metrics {

// What a query may ask of its Canary.
struct QueryModel {
    std::string name;
    std::string ns;
    std::string target;
    std::string service;
    std::string ingress;
    std::string route;
    std::string interval = "1m";
    std::map<std::string, std::string, std::less<>> variables = {};
};

// `invalid` with the peer's text for a template that cannot be parsed or carried out:
// "template parsing failed: template: query:1: …", "template excution failed: template: query:1:3:
// executing …".
Result<std::string> render(std::string_view text, const QueryModel& model);

// Every run of blanks and line ends as one blank, none at the ends.
std::string with_single_blanks(std::string_view text);

}  // namespace sluice::metrics
