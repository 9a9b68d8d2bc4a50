// The Kubernetes API over HTTP, for an unmodified kubectl and client-go: discovery, OpenAPI,
// tables, watches, patches, protobuf bodies, logs. Speaks for one Cluster, on the control thread.
#pragma once

#include "lab/apiserver/cluster.hpp"
#include "lab/apiserver/pod_logs.hpp"
#include "net/http.hpp"

#include <memory>

namespace sluice::lab {

class ApiServer final : public net::Handler {
   public:
    // All outlive the server; `logs` may be null (then every log is a 501).
    ApiServer(Executor executor, Cluster& cluster, PodLogs* logs);
    ~ApiServer() override;

    Task<net::Response> handle(net::Request request) override;
    // Ends every open watch and log stream, as a restart of a real API server does.
    void end_streams();

   private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace sluice::lab
