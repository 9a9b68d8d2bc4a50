// Runs the pods that are bound to the lab's node: starts their containers, asks their probes,
// restarts what ends, lets go gracefully, and reports in their status and Events (kubernetes.md D).
#pragma once

#include "lab/workloads/container_logs.hpp"
#include "lab/workloads/image_map.hpp"
#include "lab/workloads/pod_runtime.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::lab {

// One life of a container that is a part of the lab's own process.
struct InProcessStart {
    ContainerId id;
    ObjectKey pod;
    std::string ip;
    // Takes a line; on the control thread.
    std::function<void(std::string_view line)> log;
    // It came to its end by itself; on the control thread, even before `started` has returned.
    std::function<void(int exit_code)> exited;
};

// What shows as a pod, such as the controller: images that the map gives to apps::in_process.
struct InProcessApp {
    // Begins. While a pod is being deleted the one that takes its place begins: several may run.
    std::function<void(InProcessStart start)> started;
    // The task ends when that life has ended; at once when it is over already.
    std::function<Task<>(ContainerId id)> stopped;
};

// What runs of a pod.
struct RunningPod {
    ObjectKey key;
    std::string ip;
    struct Container {
        std::string name;
        std::string app;                   // ImageMap's answer
        std::vector<std::uint16_t> ports;  // where its app listens
    };
    std::vector<Container> containers;  // those that run now
    PodFault fault;
};

struct KubeletOptions {
    // Between the deletion of a pod and its app's last request: the proxies learn of it meanwhile.
    Duration linger = std::chrono::seconds{1};
    // What a container finds in its environment besides what the kubelet knows, such as the way
    // out through the mesh. Its own variables win.
    std::function<std::map<std::string, std::string>(const Json& pod, const std::string& ip)>
        environment = nullptr;
};

class Kubelet {
   public:
    // On the control thread. All outlive the kubelet. Before the executor's context goes, let it
    // run until idle once more: what was cancelled ends there.
    Kubelet(Executor executor,
            Cluster& cluster,
            PodRuntime& runtime,
            ContainerLogs& logs,
            ImageMap images = {},
            KubeletOptions options = {});
    Kubelet(const Kubelet&) = delete;
    Kubelet& operator=(const Kubelet&) = delete;
    ~Kubelet();

    // For pods whose image matches the glob; before `start`.
    void run_in_process(std::string image_glob, InProcessApp app);
    // After Cluster::deliver_by.
    void start();
    std::vector<RunningPod> pods() const;
    // From the pod's next request on, and until it goes; of all its containers. not_found, or
    // unsupported for one that answers by no app of the lab.
    Result<void> set_fault(const ObjectKey& pod, const PodFault& fault);
    // Ends the pod's first container that runs, as a kill does. not_found, or unavailable while
    // none runs.
    Result<void> crash(const ObjectKey& pod);
    // Stops what the containers run; the pods stay as they are in the cluster. Over sockets it must
    // have ended before the kubelet goes.
    Task<> stop();

   private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace sluice::lab
