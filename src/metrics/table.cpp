#include "metrics/table.hpp"

#include "base/core/text.hpp"

#include <fmt/format.h>

#include <map>

namespace sluice::metrics {
namespace {

struct QuerySet {
    std::string_view success_rate;
    std::string_view duration;
};

const std::map<std::string_view, QuerySet> sets{{"istio",
                                                 {.success_rate = R"(
        sum(
            rate(
                istio_requests_total{
                    reporter="destination",
                    destination_workload_namespace="{{ namespace }}",
                    destination_workload=~"{{ target }}",
                    response_code!~"5.*"
                }[{{ interval }}]
            )
        )
        /
        sum(
            rate(
                istio_requests_total{
                    reporter="destination",
                    destination_workload_namespace="{{ namespace }}",
                    destination_workload=~"{{ target }}"
                }[{{ interval }}]
            )
        )
        * 100)",
                                                  .duration = R"(
        histogram_quantile(
            0.99,
            sum(
                rate(
                    istio_request_duration_milliseconds_bucket{
                        reporter="destination",
                        destination_workload_namespace="{{ namespace }}",
                        destination_workload=~"{{ target }}"
                    }[{{ interval }}]
                )
            ) by (le)
        ))"}}};

}  // namespace

Result<std::string> built_in_query(std::string_view provider,
                                   BuiltIn check,
                                   const QueryModel& model) {
    const auto found = sets.find(provider);
    if (found == sets.end()) {
        return Error{ErrorKind::unsupported,
                     fmt::format("provider {} has no built-in checks; known: {}",
                                 provider,
                                 joined(known_query_sets(), ", "))};
    }
    const bool duration = check == BuiltIn::duration;
    const auto rendered =
        render(duration ? found->second.duration : found->second.success_rate, model);
    if (!rendered) return rendered.error();
    return with_single_blanks(*rendered);
}

std::vector<std::string> known_query_sets() {
    std::vector<std::string> names;
    names.reserve(sets.size());
    for (const auto& [name, set] : sets) names.emplace_back(name);
    return names;
}

}  // namespace sluice::metrics
