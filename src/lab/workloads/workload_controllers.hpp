// The controllers that a cluster has: Deployments, ReplicaSets, DaemonSets, Jobs, Services with
// their Endpoints and EndpointSlices, autoscalers, the scheduler with its node, each namespace's
// ServiceAccount, and the Service default/kubernetes. Driven by the cluster's watches; nothing
// polls.
#pragma once

#include "lab/apiserver/cluster.hpp"

#include <cstdint>
#include <memory>

namespace sluice::lab {

struct WorkloadOptions {
    // Which of the 16 blocks of loopback addresses this lab owns (kubernetes.md D.1).
    int block = 0;
    // Where the API server listens on 127.0.0.1: the address behind Service default/kubernetes.
    // 0: nowhere, as in virtual time, and there is no such Service.
    std::uint16_t api_port = 0;
};

class WorkloadControllers {
   public:
    // On the control thread; the cluster outlives this. Before the executor's context goes, let it
    // run until idle once more: timers end there.
    WorkloadControllers(Executor executor, Cluster& cluster, WorkloadOptions options = {});
    WorkloadControllers(const WorkloadControllers&) = delete;
    WorkloadControllers& operator=(const WorkloadControllers&) = delete;
    ~WorkloadControllers();

    // After Cluster::deliver_by.
    void start();

   private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace sluice::lab
