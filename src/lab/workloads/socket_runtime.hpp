// Runs each container's app behind sockets: every pod has a loopback address of its own, and its
// app listens there on the container's ports.
#pragma once

#include "lab/workloads/app.hpp"
#include "lab/workloads/pod_runtime.hpp"
#include "net/http.hpp"

#include <memory>

namespace sluice::lab {

struct SocketRuntimeOptions {
    // Pods get 127.(64 + block).0.0/16 (kubernetes.md D.1).
    int block = 0;
};

class SocketRuntime final : public PodRuntime {
   public:
    // Called on the control thread, whose executor `control` is; apps are made, run and destroyed
    // on `traffic`, which may be the same. Probes go through `client` from the control thread.
    // Clock and client outlive the runtime; the traffic context outlives it too, and runs until
    // each `stop` has ended.
    SocketRuntime(Executor control,
                  Executor traffic,
                  Clock& clock,
                  net::HttpClient& client,
                  AppRegistry apps = built_in_apps(),
                  SocketRuntimeOptions options = {});
    // Lets go of whatever still runs.
    ~SocketRuntime() override;

    Result<std::string> give_address(const std::vector<std::uint16_t>& ports) override;
    void take_back_address(const std::string& ip) override;
    Task<Result<ContainerRun>> start(ContainerStart start) override;
    void serve_also(const ContainerId& id, const std::string& ip, std::uint16_t port) override;
    void set_fault(const ContainerId& id, const PodFault& fault) override;
    std::vector<std::uint16_t> ports_of(const ContainerId& id) const override;
    Task<> stop(ContainerId id, Duration grace) override;
    Task<ProbeOutcome> probe(ProbeCall call) override;
    std::optional<Time> steady_until(const ContainerId& id) const override;

   private:
    struct Served;
    Task<ProbeOutcome> ask(ProbeCall call);
    Task<ProbeOutcome> connect(ProbeCall call);
    void let_go(std::shared_ptr<Served> served);

    Executor control_;
    Executor traffic_;
    Clock& clock_;
    net::HttpClient& client_;
    std::shared_ptr<const AppRegistry> apps_;
    PodAddresses addresses_;
    std::map<ContainerId, std::shared_ptr<Served>> served_;
    // Of the control thread; shared with what opens more of them.
    std::map<ContainerId, std::shared_ptr<std::vector<std::uint16_t>>> ports_;
};

}  // namespace sluice::lab
