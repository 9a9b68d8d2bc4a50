// What the kubelet needs of whoever really runs containers: scripts in virtual time, or apps behind
// sockets.
#pragma once

#include "base/async/task.hpp"
#include "base/core/result.hpp"
#include "lab/apiserver/cluster.hpp"
#include "lab/workloads/pod_fault.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sluice::lab {

// One life of a container: a restart makes another one.
struct ContainerId {
    std::string pod_uid;
    std::string name;
    int instance = 0;

    auto operator<=>(const ContainerId&) const = default;
};

struct ContainerStart {
    ContainerId id;
    ObjectKey pod;
    ObjectPtr object;  // the Pod
    std::string ip;
    std::string image;
    std::string app;  // ImageMap's answer
    std::map<std::string, std::string> env;
    std::vector<std::string> command;  // command and args, with the variables they name
    std::vector<std::uint16_t> ports;  // TCP
    // Takes a line without its newline, from any thread.
    std::function<void(std::string line)> log;
    PodFault fault = {};
};

struct ContainerRun {
    // When it ends by itself; nothing: never.
    std::optional<Time> exits_at = std::nullopt;
    int exit_code = 1;
};

enum class ProbeHow { http, tcp, exec, grpc };
struct ProbeCall {
    ContainerId id;
    std::string ip;
    ProbeHow how = ProbeHow::http;
    std::uint16_t port = 0;
    std::string path = {};  // http
    std::string host = {};  // http: the Host header; empty: ip:port
    std::vector<std::pair<std::string, std::string>> headers = {};
    std::vector<std::string> command = {};  // exec
    Duration timeout = std::chrono::seconds{1};
};
struct ProbeOutcome {
    bool passed = false;
    std::string text = {};  // why not, as the kubelet's Event says it
};

class PodRuntime {
   public:
    PodRuntime() = default;
    PodRuntime(const PodRuntime&) = delete;
    PodRuntime& operator=(const PodRuntime&) = delete;
    virtual ~PodRuntime() = default;

    // An address for a pod of its own, on which these ports can be had; unavailable says why there
    // is none.
    virtual Result<std::string> give_address(const std::vector<std::uint16_t>& ports) = 0;
    virtual void take_back_address(const std::string& ip) = 0;

    // Ends when the container runs.
    virtual Task<Result<ContainerRun>> start(ContainerStart start) = 0;
    // A Service sends requests to that port, which the container may not have declared. Whoever
    // runs an app that stands in for others lets it listen there.
    virtual void serve_also(const ContainerId& id, const std::string& ip, std::uint16_t port);
    // From the next request on. Who runs no app does nothing.
    virtual void set_fault(const ContainerId& id, const PodFault& fault);
    // Where its app listens; none where it runs no app.
    virtual std::vector<std::uint16_t> ports_of(const ContainerId& id) const;
    // Ends when nothing of it is left. What is being answered may finish within `grace`.
    virtual Task<> stop(ContainerId id, Duration grace) = 0;

    virtual Task<ProbeOutcome> probe(ProbeCall call) = 0;
    // Until when every probe of that container answers as it does now: it needs no asking before.
    // Nothing: nobody knows.
    virtual std::optional<Time> steady_until(const ContainerId& id) const = 0;

    // Who is told that a container has ended by itself, or that its probes may answer otherwise
    // from now on. Called on the control thread.
    struct Listener {
        std::function<void(const ContainerId& id, int exit_code)> exited;
        std::function<void(const ContainerId& id)> changed;
    };
    void listen(Listener listener) { listener_ = std::move(listener); }

   protected:
    Listener listener_;
};

// The next address of 127.(64 + block).0.0/16 that has not been used for a while.
class PodAddresses {
   public:
    // The clock outlives this.
    PodAddresses(const Clock& clock, int block) : clock_(clock), block_(block) {}

    std::optional<std::string> give();
    void take_back(const std::string& ip);

   private:
    const Clock& clock_;
    int block_;
    std::uint32_t last_ = 1;
    std::map<std::uint32_t, std::optional<Time>> used_;  // with the time of its return
};

}  // namespace sluice::lab
