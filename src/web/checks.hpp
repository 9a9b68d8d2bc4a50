// The checks of a release as the controller keeps them with its decisions, read for people: number,
// unit, limits, verdict and one line.
#pragma once

#include "api/canary.hpp"
#include "base/core/json.hpp"
#include "base/core/time.hpp"

#include <boost/json/value.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::web {

struct Check {
    std::string name;
    std::optional<double> value;
    std::string unit;  // "%", "ms" or empty
    std::optional<double> min, max;
    std::string verdict;  // pass, fail, inconclusive, error, nodata
    std::string text;     // "request-success-rate 93.20 % < 99 %"
    std::string answer;   // as it is kept
    bool is_metric = false;

    bool operator==(const Check&) const = default;
};

struct Decision {
    Time at{};
    std::string what;
    std::vector<std::string> said;
    std::vector<Check> checks;
};
// status.decisions, oldest first; entries without a time are left out.
std::vector<Decision> decisions_of(const Json& canary);
// Those of the run that is under way, or was last: from its start on.
std::vector<Decision> last_run(const std::vector<Decision>& decisions);

// The failed check of the newest round that has one, worst first: a metric before a hook.
std::optional<Check> last_failure(const std::vector<Decision>& run);

// "93.20 %", "917 ms", "0.35".
std::string number_text(double value, std::string_view unit);

Json json_of(const Check& check);
// One per metric of the analysis, in its order; with the rounds' values when `detail`.
Json metrics_json(const api::Canary& canary, const std::vector<Decision>& run, bool detail);
// Newest first, as the contract has it.
Json decisions_json(const Json& canary);

// The limits that a kept threshold says, "at least 99, at most 100 (%)".
struct Limits {
    std::optional<double> min, max;
    std::string unit;

    bool operator==(const Limits&) const = default;
};
Limits limits_of(std::string_view threshold);

}  // namespace sluice::web
