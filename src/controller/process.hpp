// The controller as a whole: start-up in its order, one leader at a time, a graceful stop. The lab
// runs it in its own process, and so does every scenario.
#pragma once

#include "base/async/clock.hpp"
#include "base/async/log.hpp"
#include "base/async/random.hpp"
#include "controller/settings.hpp"
#include "kube/client.hpp"
#include "net/http.hpp"

#include <memory>
#include <optional>

namespace sluice::notify {
class SentLog;
}

namespace sluice::controller {

// The cluster that holds the mesh's objects (-kubeconfig-service-mesh).
struct MeshCluster {
    net::HttpClient& api;
    kube::Connection connection;
};

// The world as the process is handed it. All outlive the process.
struct Outside {
    Executor executor;
    Clock& clock;
    Random& random;
    net::HttpClient& api;   // to the API server
    net::HttpClient& http;  // to Prometheus and the hooks
    Logger& log;
    std::optional<MeshCluster> mesh = std::nullopt;  // nothing: it is the same one
    notify::SentLog* sent = nullptr;                 // of hooks and alerts; null: nobody asks
};

class Process {
   public:
    Process(const Outside& outside, kube::Connection connection, Settings settings);
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    // At once, as a kill does: nothing is finished, the lease is not given back.
    ~Process();

    // Until `stop` was called and everything has ended. An error is one line that says why it
    // cannot go on: no such API server, a CRD that is missing, the lease lost.
    Task<Result<void>> run();
    // Asks `run` to end in order. Safe to call at any time.
    void stop();

    // /metrics, /healthz and /readyz.
    net::Handler& http();
    // Whether it acts: it leads, and has begun to work.
    bool leads() const;

   private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace sluice::controller
