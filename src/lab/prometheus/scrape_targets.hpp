// Which pods ask to be scraped, for Prometheus to read (mesh-and-dashboard.md 2.7): those annotated
// `prometheus.io/scrape: "true"`.
#pragma once

#include "base/async/task.hpp"
#include "lab/apiserver/cluster.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>

namespace sluice::lab {

// {"targets":["127.64.0.3:9797"],"labels":{"namespace":"test","pod":"web-x","app":"web", …}} with
// the pod's labels (the namespace and the name also as kubernetes_namespace and
// kubernetes_pod_name), or nothing. prometheus.io/port and /path say where; left out, the first
// port that is declared, and /metrics. Of a gateway's pod there is nothing: the mesh tells of it.
// Pure.
std::optional<Json> scrape_target(const Json& pod);

// Keeps a file of all of them up to date (`file_sd_configs`). On the control thread.
class ScrapeTargets {
   public:
    // After Cluster::deliver_by; the cluster outlives this. The file's folder must be there by the
    // time that the executor runs.
    ScrapeTargets(Executor control, Cluster& cluster, std::string file);
    ScrapeTargets(const ScrapeTargets&) = delete;
    ScrapeTargets& operator=(const ScrapeTargets&) = delete;
    ~ScrapeTargets();

   private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace sluice::lab
