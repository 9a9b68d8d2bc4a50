// Who calls whom, as the mesh's metrics say: edges between workloads, from what both sides report.
#pragma once

#include "web/prometheus.hpp"

#include <compare>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace sluice::web {

// "w/test/podinfo", "s/test/podinfo", "x/example.org" or "unknown".
std::string workload_id(const std::string& ns, const std::string& name);
std::string service_id(const std::string& ns, const std::string& name);

struct EdgeKey {
    std::string source, target;  // ids of nodes
    std::string protocol;        // http, grpc or tcp
    std::string service;         // "test/podinfo-canary", through which; may be empty

    auto operator<=>(const EdgeKey&) const = default;
};
// "e/w/test/a>w/test/b/http".
std::string id_of(const EdgeKey& key);

// Per second: towards the target, and back from it.
struct Throughput {
    double in = 0;
    double out = 0;
};

// As whom both ends of a connection showed themselves: "spiffe://cluster.local/ns/test/sa/web".
struct Principals {
    std::string source, destination;

    auto operator<=>(const Principals&) const = default;
};

// What the called side's proxy counts: each try, also one that its caller's proxy gave up.
struct Tries {
    double all = 0;
    double failed = 0;      // 5xx and failed calls
    double unanswered = 0;  // cut off, or whoever asked went away
    double cut_off = 0;     // those of them whose caller still waited, and may have asked again
};

// As the caller's proxy counts, which sees what became of a request after timeouts and retries; of
// a caller without one as the called side's does.
struct EdgeRates {
    bool by_caller = false;  // at least a part of them
    double rps = 0;          // of tcp: bytes per second
    double failed = 0;       // 5xx, no answer, failed calls
    double refused = 0;      // 4xx
    Tries tries;             // nothing where the called side does not report
    double mtls = 0;
    double with_policy = 0;  // of which it is known whether they were encrypted
    std::map<std::string, double> codes, flags;
    std::set<Principals> principals;  // the first few
    std::optional<double> p50, p95, p99;
    std::optional<Throughput> throughput;  // in bytes
};

// Of two ways between the same ends the slower one's latency is told.
EdgeRates& add_to(EdgeRates& sum, const EdgeRates& more);

struct EdgesTable {
    std::map<EdgeKey, EdgeRates> edges;
    // What arrives, by the id of a workload or a Service; without tcp.
    std::map<std::string, EdgeRates> arrivals;
    std::string reason;  // why there is nothing
    Time at{};
};

struct EdgeQueries {
    std::string arrived, left, bytes, p50, p95, p99;
};
EdgeQueries edge_queries(Duration window, const std::string& ns);

struct EdgeAnswers {
    const Measured<Samples>& arrived;
    const Measured<Samples>& left;
    const Measured<Samples>& bytes;
    const Measured<Samples>& p50;
    const Measured<Samples>& p95;
    const Measured<Samples>& p99;
};
// What the source saw counts where it has a proxy; encryption and principals only the destination
// knows.
EdgesTable edges_table(const EdgeAnswers& answers, Duration window);

// Asked at most once in `fresh`. `at`: seconds since 1970, or nothing for now.
Task<std::shared_ptr<const EdgesTable>> edges(Prometheus& prometheus,
                                              Duration window,
                                              std::string ns,
                                              std::optional<std::int64_t> at,
                                              Duration fresh);

}  // namespace sluice::web
