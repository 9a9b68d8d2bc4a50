// Who stands behind a Service: Endpoints and EndpointSlices, and the ports of the node that lead to
// it (kubernetes.md C.6).
#pragma once

#include "lab/workloads/key_queue.hpp"
#include "lab/workloads/object_index.hpp"

#include <set>

namespace sluice::lab {

// The Endpoints' subsets, and the slices' endpoints and ports, of a Service with these pods. Pure.
Json endpoint_subsets(const Json& service, const std::vector<ObjectPtr>& pods);
struct EndpointSliceContent {
    Json ports;
    Json endpoints;  // at most 100
};
std::vector<EndpointSliceContent> endpoint_slices(const Json& service,
                                                  const std::vector<ObjectPtr>& pods);

class Services {
   public:
    // The index is of Pods; all outlive this and start after it is made.
    Services(Executor executor, Cluster& cluster, ObjectIndex& pods);
    void start();

   private:
    static void keep_node_ports(Json& service, const Json& before);
    void give_node_ports(Json& service);
    void on_service(const Change& change);
    void on_pod(const Change& change);
    void wake_selecting(const Json& pod);
    void reconcile(const ObjectKey& key);
    void save_endpoints(const Json& service, const std::vector<ObjectPtr>& pods);
    void save_slices(const Json& service, const std::vector<ObjectPtr>& pods);

    Cluster& cluster_;
    ObjectIndex& pods_;
    ObjectIndex slices_;
    KeyQueue queue_;
    std::set<std::int64_t> node_ports_;
    std::int64_t next_node_port_ = 30000;
    // The Services that may select a pod with that label: each stands under its first one.
    std::map<std::string, std::set<ObjectKey>, std::less<>> by_label_;
    Subscription subscription_;
};

}  // namespace sluice::lab
