// The kubelet's inside, shared by the files that make it up: kubelet.cpp (pods),
// kubelet_containers.cpp (their containers' lives) and kubelet_probes.cpp.
#pragma once

#include "base/async/task_group.hpp"
#include "lab/workloads/container_environment.hpp"
#include "lab/workloads/event_recorder.hpp"
#include "lab/workloads/key_queue.hpp"
#include "lab/workloads/kubelet.hpp"
#include "lab/workloads/pod_status.hpp"
#include "lab/workloads/probes.hpp"
#include "lab/workloads/scheduler.hpp"

#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::lab {

// What the kubelet knows of one container beyond what its status shows.
struct KubeletContainer {
    ContainerFacts facts;
    const Json* spec = nullptr;  // in the pod that the KubeletPod below holds
    bool init = false;
    // Of an init container: it goes on beside those that it comes before (restartPolicy Always).
    bool sidecar = false;
    // An errand: what it does is a command's work, which the lab only plays.
    bool played = false;
    std::string app;
    int instance = 0;
    std::optional<Time> exits_at = std::nullopt;
    int exit_code = 1;
    // It came to its end before we knew that it runs.
    std::optional<int> ended_early = std::nullopt;
    Duration back_off{};
    Time retry_at = Time::max();
    bool pull_failed = false;
    std::array<ProbeTrack, 3> probes{};

    ProbeTrack& probe(ProbeKind kind) { return probes[static_cast<std::size_t>(kind)]; }
};

struct KubeletPod {
    std::string uid;
    ObjectPtr object;  // as it was when the pod was taken on; its spec does not change
    std::string ip;
    Time start_time;
    // Nothing of it is made, and no address is told, before its volumes are there.
    bool mounted = false;
    Duration mount_back_off{};
    Time mount_at = {};
    bool leaving = false;
    PodFault fault = {};
    std::vector<KubeletContainer> init;
    std::vector<KubeletContainer> containers;
};

struct Kubelet::State {
    State(Executor where,
          Cluster& objects,
          PodRuntime& containers,
          ContainerLogs& said,
          ImageMap map,
          KubeletOptions how)
        : cluster(objects),
          runtime(containers),
          logs(said),
          images(std::move(map)),
          options(std::move(how)),
          events(objects, "kubelet", std::string(node_name)),
          queue(where, objects.clock(), [this](const ObjectKey& key) { sync(key); }),
          tasks(std::move(where)) {}

    Time now() const { return cluster.clock().now(); }

    // A pass over one pod: whatever is due is done or begun, then the status says so.
    void sync(const ObjectKey& key);
    bool take_on(const ObjectKey& key, const ObjectPtr& pod);
    void let_go(const ObjectKey& key);
    // True when all that its volumes need is there.
    bool mount(KubeletPod& pod);
    // Works on the first init container that is not done; true when all are.
    bool initialize(const ObjectKey& key, KubeletPod& pod);
    void advance(const ObjectKey& key, KubeletPod& pod, KubeletContainer& container);
    // What its environment needs is looked for at each start anew.
    void make(const ObjectKey& key, KubeletPod& pod, KubeletContainer& container);
    void begin(const ObjectKey& key,
               KubeletPod& pod,
               KubeletContainer& container,
               Variables variables);
    void begin_played(const ObjectKey& key, KubeletPod& pod, KubeletContainer& container);
    void fail_to_pull(KubeletPod& pod, KubeletContainer& container);
    void ask(const ObjectKey& key, KubeletPod& pod, KubeletContainer& container, ProbeKind kind);
    void pass_unasked(const KubeletPod& pod, KubeletContainer& container, ProbeKind kind);
    void ended(const ObjectKey& key, KubeletPod& pod, KubeletContainer& container, int exit_code);
    // The same, said by whoever runs it; of a life that is over already it means nothing.
    void ended_by_itself(const ObjectKey& key, const ContainerId& id, int exit_code);
    void on_endpoints(const Change& change);
    void serve_ports(const KubeletPod& pod, const JsonArray& ports);
    void leave(const ObjectKey& key, KubeletPod& pod);
    void report(const Json& stored, const KubeletPod& pod);
    std::optional<Time> next_due(const KubeletPod& pod) const;

    // The container of that life, or null when it is over.
    KubeletContainer* find(const ObjectKey& key, const ContainerId& id);
    const InProcessApp* in_process(const KubeletContainer& container) const;

    Task<> start_container(ObjectKey key, ContainerStart start);
    void start_in_process(const ObjectKey& key, const ContainerStart& start);
    Task<> ask_probe(ObjectKey key, ProbeCall call, ProbeKind kind);
    Task<> stop_container(ContainerId id, const InProcessApp* app, Duration grace);
    Task<> kill_container(ObjectKey key, ContainerId id);
    Task<> end_pod(ObjectKey key, std::string uid, Duration grace);
    // Ends when the container may be stopped: its preStop hook is over, or the grace is.
    Task<> prepare_to_stop(ObjectPtr pod, ProbeCall hook, std::string container);
    Duration pre_stop_sleep(const KubeletPod& pod, const KubeletContainer& container);

    Cluster& cluster;
    PodRuntime& runtime;
    ContainerLogs& logs;
    ImageMap images;
    KubeletOptions options;
    EventRecorder events;
    std::map<ObjectKey, KubeletPod> pods;
    std::map<std::string, ObjectKey> key_of_uid;
    std::vector<std::pair<std::string, InProcessApp>> in_process_apps;
    Subscription subscription;
    Subscription endpoints;
    KeyQueue queue;
    TaskGroup tasks;
};

// "spec.containers{web}", where an Event is about one container.
std::string field_path(const KubeletContainer& container);
// How long the work of an init container or of a Job lasts, which the lab only plays.
inline constexpr Duration errand_lasts = std::chrono::seconds{1};

}  // namespace sluice::lab
