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
        "Requests and success of workloads and of both versions, and their sum", rates.codes, all);
    lists.add("Their p50", rates.p50, all);
    lists.add("Their p95", rates.p95, all);
    lists.add("Their p99", rates.p99, all);
    lists.add("The overview's p99", rates.mesh_p99, all);
    lists.add("What callers saw of both versions: requests by code, and p99", rates.seen, all);
    const auto edges = edge_queries(windows.edges, ns);
    const Told graph(windows.edges);
    graph.add(
        "Requests, codes, flags and mTLS of edges, Services and gateways, as the called side "
        "reports",
        edges.arrived,
        all);
    graph.add(
        "What only the caller reports, such as requests that reached nobody", edges.left, all);
    graph.add("Throughput, and all that is known of TCP", edges.bytes, all);
    graph.add("p50 of edges and Services", edges.p50, all);
    graph.add("p95 of edges and Services", edges.p95, all);
    graph.add("p99 of edges and Services", edges.p99, all);
    return all;
}

}  // namespace sluice::web
