#include "web/queries.hpp"

#include "web/edges.hpp"
#include "web/figures.hpp"

#include <boost/json.hpp>

namespace sluice::web {
namespace {

class Told {
   public:
    explicit Told(Duration window) : window_(std::chrono::duration<double>(window).count()) {}
    void add(std::string_view numbers, std::string_view query, JsonArray& all) const {
        all.push_back(JsonObject{{"numbers", numbers}, {"window", window_}, {"query", query}});
    }

   private:
    double window_;
};

}  // namespace

JsonArray queries_json(const QueryWindows& windows, const std::string& ns) {
    JsonArray all;
    const auto rates = rates_queries(windows.lists, ns);
    const Told lists(windows.lists);
    lists.add(
        "Requests and success of workloads and of both versions as the app reports them: "
        "each try",
        rates.codes,
        all);
    lists.add("Their p50", rates.p50, all);
    lists.add("Their p95", rates.p95, all);
    lists.add("Their p99", rates.p99, all);
    lists.add(
        "The mesh's p99 on the overview: as callers saw it, and where none of their proxies "
        "reports as the apps did",
        rates.mesh_p99,
        all);
    lists.add(
        "What callers saw of workloads and of both versions after retries, each counted by "
        "the proxy nearest to it: requests by code, and p99. Their sum is the mesh's requests "
        "and success on the overview",
        rates.seen,
        all);
    const auto edges = edge_queries(windows.edges, ns);
    const Told graph(windows.edges);
    graph.add(
        "Tries and mTLS of edges, Services and gateways, as the called side reports; of callers "
        "without a proxy also their requests, codes and flags",
        edges.arrived,
        all);
    graph.add(
        "Requests, success, codes and flags of edges, Services and gateways, as the caller's proxy "
        "reports them after retries",
        edges.left,
        all);
    graph.add("Throughput, and all that is known of TCP", edges.bytes, all);
    graph.add("p50 of edges and Services", edges.p50, all);
    graph.add("p95 of edges and Services", edges.p95, all);
    graph.add("p99 of edges and Services", edges.p99, all);
    return all;
}

}  // namespace sluice::web
