// The built-in checks of each mesh: their query sets (routing-metrics-hooks.md 2.3).
#pragma once

#include "base/core/result.hpp"
#include "metrics/template.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::metrics {

enum class BuiltIn {
    success_rate,  // percent
    duration,      // the 99th percentile in milliseconds
};

// The query as it is sent. `unsupported` for a provider without a query set: "… known: istio".
Result<std::string> built_in_query(std::string_view provider,
                                   BuiltIn check,
                                   const QueryModel& model);

// The providers that have a query set.
std::vector<std::string> known_query_sets();

}  // namespace sluice::metrics
