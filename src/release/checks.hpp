// The checks of a release as the controller keeps them with its decisions, read for people: number,
// unit, limits, verdict and one line. Pure.
#pragma once

#include "api/canary.hpp"
#include "base/core/json.hpp"
#include "base/core/time.hpp"

#include <boost/json/array.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::release {

struct Check {
    std::string name;
    std::optional<double> value;
    std::string unit;  // "%", "ms" or empty
    std::optional<double> min, max;
    std::string verdict;  // pass, fail, inconclusive, error, nodata
    std::string text;     // "request-success-rate 93.20 % < 99 %"
    std::string answer;   // as it is kept
    bool is_metric = false;
    std::string reach = {};  // reach_of

    bool operator==(const Check&) const = default;
};

struct Decision {
    Time at{};
    std::string what;
    std::vector<std::string> said;
    std::vector<Check> checks;
    std::string pods = {};  // why they were not ready then
};
// status.decisions, oldest first; entries without a time are left out.
std::vector<Decision> decisions_of(const Json& canary);
// Those of the run that is under way, or was last: from its start on.
std::vector<Decision> last_run(const std::vector<Decision>& decisions);

// "the window reaches 40 s back before weight 20": what a metric was asked of was measured in part
// under the weight before. Of a check of the decision at this place among those that are kept;
// empty when its window began later, or nothing says when the weight changed.
std::string reach_of(const JsonArray& decisions, std::size_t place, const Json& check);

// The failed check of the newest round that has one, worst first: a metric before a hook.
std::optional<Check> last_failure(const std::vector<Decision>& run);

// A Check's verdict, of the one that is kept: "no data" is nodata, and what is not known an error.
std::string verdict_of(std::string_view kept);
// "93.20 %", "917 ms", "0.35".
std::string number_text(double value, std::string_view unit);

struct Limits {
    std::optional<double> min, max;
    std::string unit;

    bool operator==(const Limits&) const = default;
};
// Those that a kept threshold says, "at least 99, at most 100 (%)".
Limits limits_of(std::string_view threshold);
// Those of the spec.
Limits limits_of(const api::Metric& metric);

// What an analysis wants of the requests themselves, by its built-in metrics: the strictest, should
// one stand twice.
struct RequestLimits {
    std::optional<double> success_min;   // percent
    std::optional<double> duration_max;  // ms

    bool operator==(const RequestLimits&) const = default;
};
RequestLimits request_limits(const api::Analysis& analysis);

}  // namespace sluice::release
