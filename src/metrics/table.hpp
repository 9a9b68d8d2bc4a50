// The built-in checks of each mesh and ingress: their query sets (routing-metrics-hooks.md 2.3).
#pragma once

#include "api/canary.hpp"
#include "base/core/result.hpp"
#include "metrics/template.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::metrics {

enum class BuiltIn {
    success_rate,   // percent
    duration,       // the 99th percentile (of nginx and skipper the mean) in milliseconds
    request_count,  // in the interval: what minRequests is held against
};

struct BuiltInQuery {
    std::string text;   // as it is sent
    double factor = 1;  // what the answer is multiplied with
};

// `unsupported` for a provider without a query set: "… known: appmesh, …". The provider is the
// Canary's: "gatewayapi:v1", "smi:linkerd" and "kubernetes:service" find theirs. So it is too where
// requests without an answer are to be told apart, and the provider does not.
Result<BuiltInQuery> built_in_query(std::string_view provider,
                                    BuiltIn check,
                                    const QueryModel& model,
                                    api::Unanswered unanswered = api::Unanswered::pass);

// The names of the query sets.
std::vector<std::string> known_query_sets();

}  // namespace sluice::metrics
