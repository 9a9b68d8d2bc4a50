// Debian's Prometheus as a child of the lab (mesh-and-dashboard.md 2.7): started, watched, started
// again on the same data when it dies, and stopped with the lab.
#pragma once

#include "base/async/clock.hpp"
#include "base/async/log.hpp"
#include "base/async/task_group.hpp"
#include "lab/apiserver/cluster.hpp"
#include "lab/prometheus/child_process.hpp"
#include "net/http.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::lab {

struct PrometheusOptions {
    std::string program = "prometheus";
    // Holds prometheus.yml, tsdb/, apps.json and prometheus.log; made when it is missing.
    std::string dir;
    std::string address = "127.0.0.1";
    // The mesh's one endpoint for all workloads, /stats/prometheus.
    net::Origin mesh;
    // sluice's own metrics, /metrics.
    std::optional<net::Origin> sluice = std::nullopt;
    Duration scrape_interval = std::chrono::seconds{1};
};

// The text of prometheus.yml. Pure.
std::string prometheus_config(const PrometheusOptions& options);
std::vector<std::string> prometheus_arguments(const PrometheusOptions& options, std::uint16_t port);

class PrometheusChild {
   public:
    // On the control thread. All outlive the child.
    PrometheusChild(Executor control,
                    Clock& clock,
                    net::HttpClient& http,
                    Logger& log,
                    PrometheusOptions options);
    PrometheusChild(const PrometheusChild&) = delete;
    PrometheusChild& operator=(const PrometheusChild&) = delete;
    ~PrometheusChild();

    // Returns when it is ready. not_found: "prometheus is not installed: …".
    Task<Result<void>> start();
    // SIGTERM, and after 10 s SIGKILL.
    Task<> stop();

    // After start: where it listens. Its paths begin with /prometheus.
    net::Origin origin() const { return {.host = options_.address, .port = port_}; }
    // Since when it cannot be asked; nothing while it can.
    std::optional<Time> unavailable_since() const { return unavailable_since_; }
    pid_t pid() const { return child_ ? child_->pid() : -1; }

   private:
    Task<Result<void>> launch();
    Task<Result<void>> until_ready();
    Task<> keep_running();
    std::string last_words() const;

    Clock& clock_;
    net::HttpClient& http_;
    Logger& log_;
    PrometheusOptions options_;
    std::string program_;
    std::uint16_t port_ = 0;
    std::optional<ChildProcess> child_;
    std::optional<Time> unavailable_since_;
    bool is_stopping_ = false;
    TaskGroup tasks_;
};

// The Services by which the article reaches it: smm-prometheus in smm-system, port 59090, and
// prometheus in istio-system, port 9090 (there without the prefix, too). They lead to `origin`.
Result<void> publish_prometheus(Cluster& cluster, const net::Origin& origin);

}  // namespace sluice::lab
