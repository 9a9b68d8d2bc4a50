// What the mesh says of workloads: the questions, and their answers as tables. Istio's standard
// metrics (docs/behaviour/dashboard.md).
#pragma once

#include "web/prometheus.hpp"
#include "web/release.hpp"

#include <map>
#include <memory>
#include <string>
#include <utility>

namespace sluice::web {

// The window of rates that tell of an interval: a whole number of the shortest ones, so that few
// different questions are asked.
Duration window_for(Duration interval, Duration shortest);

using WorkloadName = std::pair<std::string, std::string>;  // namespace and name

struct RatesTable {
    std::map<WorkloadName, Rates> workloads;
    Rates mesh;          // of all together; p50 and p95 stay unknown
    std::string reason;  // why a workload that is not here is not known
    Time at{};

    Rates of(const std::string& ns, const std::string& workload) const;
    // Of each workload.
    bool says_the_same(const RatesTable& other) const;
};

// The queries, as they are sent. `ns` empty: of every namespace.
struct RatesQueries {
    std::string codes, p50, p95, p99, mesh_p99;
};
RatesQueries rates_queries(Duration window, const std::string& ns);
// Pure: from the answers to a table.
struct RatesAnswers {
    const Measured<Samples>& codes;
    const Measured<Samples>& p50;
    const Measured<Samples>& p95;
    const Measured<Samples>& p99;
    const Measured<Samples>& mesh_p99;
};
RatesTable rates_table(const RatesAnswers& answers, Duration window);

// 5xx, no answer, or a gRPC status of a failed call.
bool is_failure(std::string_view response_code, std::string_view grpc_status);

// The mesh's rates, asked at most once in `fresh`.
Task<std::shared_ptr<const RatesTable>> rates(Prometheus& prometheus,
                                              Duration window,
                                              std::string ns,
                                              Duration fresh);
// Requests that a workload met since then, and those of them that failed.
Task<Exposure> exposure(
    Prometheus& prometheus, WorkloadName workload, Time since, Time now, Duration fresh);

// A label's value within a PromQL string.
std::string promql_text(std::string_view text);

}  // namespace sluice::web
