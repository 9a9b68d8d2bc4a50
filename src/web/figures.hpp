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

// What callers saw of one workload, or of one Service while none of its pods was reached.
struct SeenSums {
    double all = 0, failed = 0;
    bool by_proxies = false;  // a caller's own, for at least one of them
    std::optional<double> p99;

    bool operator==(const SeenSums&) const = default;
};

struct RatesTable {
    std::map<WorkloadName, Rates> workloads;
    std::map<WorkloadName, SeenSums> seen;
    std::map<WorkloadName, SeenSums> unreached;  // by Service
    Seen mesh;                                   // of all together
    std::string reason;                          // why a workload that is not here is not known
    std::string seen_reason;                     // why nothing is known of callers; empty: it is
    Time at{};

    Rates of(const std::string& ns, const std::string& workload) const;
    // With what its callers saw; requests to its Service that reached no pod are among them, where
    // one is named.
    Rates side(const std::string& ns,
               const std::string& workload,
               const std::string& service) const;
    std::string why_not_callers() const;
    // Of each workload.
    bool says_the_same(const RatesTable& other) const;
};

// The queries, as they are sent. `ns` empty: of every namespace.
struct RatesQueries {
    std::string codes, p50, p95, p99;
    std::string mesh_p99;  // of callers and of the called side, marked
    std::string seen;      // codes and p99 by callers, in one
};
RatesQueries rates_queries(Duration window, const std::string& ns);
// Pure: from the answers to a table.
struct RatesAnswers {
    const Measured<Samples>& codes;
    const Measured<Samples>& p50;
    const Measured<Samples>& p95;
    const Measured<Samples>& p99;
    const Measured<Samples>& mesh_p99;
    const Measured<Samples>& seen;
};
RatesTable rates_table(const RatesAnswers& answers, Duration window);

bool is_unanswered(std::string_view response_code);
// 5xx, no answer, or a gRPC status of a failed call.
bool is_failure(std::string_view response_code, std::string_view grpc_status);

// The mesh's rates, asked at most once in `fresh`.
Task<std::shared_ptr<const RatesTable>> rates(Prometheus& prometheus,
                                              Duration window,
                                              std::string ns,
                                              Duration fresh);
// Whom a workload met since then: the query, and what its answer tells.
struct Met {
    WorkloadName workload;
    std::string service;  // its own
    Time since{};
};
std::string exposure_query(const Met& met, Time now);
Exposure exposure_of(const Measured<Samples>& answer, Time since);
Task<Exposure> exposure(Prometheus& prometheus, Met met, Time now, Duration fresh);

// A label's value within a PromQL string.
std::string promql_text(std::string_view text);

}  // namespace sluice::web
