#include "lab/workloads/kubelet.hpp"

#include "lab/workloads/container_spec.hpp"
#include "lab/workloads/kubelet_state.hpp"
#include "lab/workloads/object_status.hpp"
#include "lab/workloads/pod_configs.hpp"
#include "lab/workloads/pod_questions.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::lab {
namespace {

namespace resources = kube::resources;
using std::chrono::seconds;

constexpr Duration grace_default = seconds{30};
constexpr Duration address_retry = seconds{5};
constexpr Duration mount_retry_first = std::chrono::milliseconds{500};
constexpr Duration mount_retry_max = seconds{122};
// 128 and SIGKILL.
constexpr int killed = 137;

bool runs(const KubeletContainer& container) {
    return container.facts.phase == ContainerPhase::running;
}

Error no_such(const ObjectKey& pod) {
    return {ErrorKind::not_found, "no pod " + to_string(pod)};
}

}  // namespace

Kubelet::Kubelet(Executor executor,
                 Cluster& cluster,
                 PodRuntime& runtime,
                 ContainerLogs& logs,
                 ImageMap images,
                 KubeletOptions options)
    : state_(std::make_shared<State>(
          std::move(executor), cluster, runtime, logs, std::move(images), std::move(options))) {}

Kubelet::~Kubelet() {
    state_->runtime.listen({});
    state_->tasks.cancel();
}

void Kubelet::run_in_process(std::string image_glob, InProcessApp app) {
    state_->images.put(image_glob, std::string(apps::in_process));
    state_->in_process_apps.emplace_back(std::move(image_glob), std::move(app));
}

void Kubelet::start() {
    auto* state = state_.get();
    state->runtime.listen({[state](const ContainerId& id, int exit_code) {
                               const auto known = state->key_of_uid.find(id.pod_uid);
                               if (known == state->key_of_uid.end()) return;
                               state->ended_by_itself(ObjectKey(known->second), id, exit_code);
                           },
                           [state](const ContainerId& id) {
                               const auto known = state->key_of_uid.find(id.pod_uid);
                               if (known == state->key_of_uid.end()) return;
                               if (auto* container = state->find(known->second, id)) {
                                   for (auto& probe : container->probes) probe.wake(state->now());
                                   state->queue.add(known->second);
                               }
                           }});
    state->subscription = state->cluster.watch(resources::pods, [state](const Change& change) {
        state->queue.add(kube::key_of(*change.object));
    });
    state->endpoints = state->cluster.watch(
        resources::endpoints, [state](const Change& change) { state->on_endpoints(change); });
}

std::vector<RunningPod> Kubelet::pods() const {
    std::vector<RunningPod> all;
    for (const auto& [key, pod] : state_->pods) {
        RunningPod shown{key, pod.ip, {}, pod.fault};
        for (const auto& container : pod.containers) {
            if (!runs(container)) continue;
            const ContainerId id{pod.uid, container.facts.name, container.instance};
            shown.containers.push_back(
                {container.facts.name, container.app, state_->runtime.ports_of(id)});
        }
        all.push_back(std::move(shown));
    }
    return all;
}

Result<void> Kubelet::set_fault(const ObjectKey& key, const PodFault& fault) {
    const auto found = state_->pods.find(key);
    if (found == state_->pods.end()) return no_such(key);
    auto& pod = found->second;
    const bool has_app = std::ranges::any_of(pod.containers, [](const auto& container) {
        return !container.played && container.app != apps::in_process && container.app != apps::bad;
    });
    if (!has_app) {
        return Error{ErrorKind::unsupported,
                     fmt::format("pod {} answers by no app of the lab", to_string(key))};
    }
    pod.fault = fault;
    for (const auto& container : pod.containers) {
        state_->runtime.set_fault({pod.uid, container.facts.name, container.instance}, fault);
    }
    return {};
}

Result<void> Kubelet::crash(const ObjectKey& key) {
    const auto found = state_->pods.find(key);
    if (found == state_->pods.end()) return no_such(key);
    auto& pod = found->second;
    const auto container = std::ranges::find_if(pod.containers, runs);
    if (pod.leaving || container == pod.containers.end()) {
        return Error{ErrorKind::unavailable,
                     fmt::format("no container of pod {} runs now", to_string(key))};
    }
    state_->ended(key, pod, *container, killed);
    return {};
}

Task<> Kubelet::stop() {
    const auto state = state_;
    state->subscription = {};
    state->endpoints = {};
    state->tasks.cancel();
    co_await state->tasks.wait();
    std::vector<std::pair<ContainerId, const InProcessApp*>> running;
    for (auto& [key, pod] : state->pods) {
        pod.leaving = true;
        for (auto& container : pod.containers) {
            if (container.facts.phase == ContainerPhase::running) {
                running.push_back({{pod.uid, container.facts.name, container.instance},
                                   state->in_process(container)});
            }
        }
    }
    for (const auto& [id, app] : running) co_await state->stop_container(id, app, Duration{});
}

void Kubelet::State::sync(const ObjectKey& key) {
    const auto stored = cluster.find(resources::pods, key);
    const auto known = pods.find(key);
    if (known != pods.end() && (stored == nullptr || kube::uid_of(*stored) != known->second.uid)) {
        let_go(key);
    }
    if (stored == nullptr || text_at(*stored, {"spec", "nodeName"}) != node_name) return;
    if (!pods.contains(key) && (is_finished(*stored) || !take_on(key, stored))) {
        // A pod that cannot be taken on is not waited for either.
        if (is_being_deleted(*stored)) {
            DeleteOptions at_once;
            at_once.grace_seconds = 0;
            (void)cluster.remove(resources::pods, key, at_once);
        }
        return;
    }
    auto& pod = pods.at(key);
    if (is_being_deleted(*stored)) leave(key, pod);
    if (!pod.leaving) {
        if (mount(pod) && initialize(key, pod)) {
            for (auto& container : pod.containers) advance(key, pod, container);
        }
    }
    report(*stored, pod);
    if (const auto when = next_due(pod)) queue.add_at(key, *when);
}

bool Kubelet::State::take_on(const ObjectKey& key, const ObjectPtr& object) {
    std::vector<std::uint16_t> ports;
    for (const auto& spec : array_at(*object, {"spec", "containers"})) {
        const auto more = tcp_ports(spec);
        ports.insert(ports.end(), more.begin(), more.end());
    }
    const auto address = runtime.give_address(ports);
    if (!address) {
        events.record(*object,
                      {EventType::warning, "FailedCreatePodSandBox", address.error().message});
        queue.add_at(key, now() + address_retry);
        return false;
    }
    KubeletPod pod{std::string(kube::uid_of(*object)), object, *address, now()};
    const auto container_of = [this](const Json& spec) {
        KubeletContainer container;
        container.spec = &spec;
        container.facts.name = text_at(spec, {"name"});
        container.facts.image = text_at(spec, {"image"});
        container.app = images.app_of(container.facts.image);
        return container;
    };
    for (const auto& spec : array_at(*object, {"spec", "initContainers"})) {
        auto& container = pod.init.emplace_back(container_of(spec));
        container.init = true;
        container.played = true;
        container.sidecar = text_at(spec, {"restartPolicy"}) == "Always";
    }
    const auto* owner = kube::controller_of(*object);
    const bool of_job = owner != nullptr && text_at(*owner, {"kind"}) == "Job";
    for (const auto& spec : array_at(*object, {"spec", "containers"})) {
        auto& container = pod.containers.emplace_back(container_of(spec));
        // Of an image that nobody knows; a known app runs as it does anywhere.
        container.played = of_job && container.app == apps::echo;
    }
    key_of_uid[pod.uid] = key;
    pods.emplace(key, std::move(pod));
    return true;
}

bool Kubelet::State::mount(KubeletPod& pod) {
    if (pod.mounted) return true;
    if (now() < pod.mount_at) return false;
    const auto problems = mount_problems(cluster, *pod.object);
    for (const auto& problem : problems) {
        events.record(*pod.object, {EventType::warning, "FailedMount", problem});
    }
    pod.mounted = problems.empty();
    pod.mount_back_off = std::clamp(pod.mount_back_off * 2, mount_retry_first, mount_retry_max);
    pod.mount_at = now() + pod.mount_back_off;
    return pod.mounted;
}

// The pod is gone from the cluster, whatever still runs of it.
void Kubelet::State::let_go(const ObjectKey& key) {
    auto& pod = pods.at(key);
    if (!pod.leaving) {
        for (auto& container : pod.containers) {
            const ContainerId id{pod.uid, container.facts.name, container.instance};
            if (container.facts.phase == ContainerPhase::running) {
                tasks.spawn("stop " + to_string(key),
                            stop_container(id, in_process(container), Duration{}));
            }
        }
    }
    runtime.take_back_address(pod.ip);
    logs.forget(pod.uid);
    key_of_uid.erase(pod.uid);
    pods.erase(key);
}

// Deletion is seen: the endpoints let go of it, then the app stops, then the pod goes.
void Kubelet::State::leave(const ObjectKey& key, KubeletPod& pod) {
    if (pod.leaving) return;
    pod.leaving = true;
    const auto stored = cluster.find(resources::pods, key);
    const auto grace = integer_at(*stored, {"metadata", "deletionGracePeriodSeconds"})
                           .value_or(std::chrono::duration_cast<seconds>(grace_default).count());
    for (const auto& container : pod.containers) {
        if (container.facts.phase != ContainerPhase::running) continue;
        events.record(*pod.object,
                      {EventType::normal,
                       "Killing",
                       fmt::format("Stopping container {}", container.facts.name),
                       field_path(container)});
    }
    tasks.spawn("end " + to_string(key), end_pod(key, pod.uid, seconds{grace}));
}

Task<> Kubelet::State::end_pod(ObjectKey key, std::string uid, Duration grace) {
    std::vector<std::pair<ContainerId, const InProcessApp*>> running;
    Duration pause = std::min(options.linger, grace);
    TaskGroup hooks(tasks.executor());
    for (const auto& container : pods.at(key).containers) {
        if (container.facts.phase != ContainerPhase::running) continue;
        running.push_back({{uid, container.facts.name, container.instance}, in_process(container)});
        pause = std::max(pause, std::min(grace, pre_stop_sleep(pods.at(key), container)));
        if (const auto hook = pre_stop_call_of(*container.spec)) {
            hooks.spawn("hook of " + to_string(key),
                        prepare_to_stop(pods.at(key).object,
                                        {running.back().first,
                                         pods.at(key).ip,
                                         hook->how,
                                         hook->port,
                                         hook->path,
                                         hook->host,
                                         hook->headers,
                                         {},
                                         std::max<Duration>(grace, seconds{1})},
                                        field_path(container)));
        }
    }
    const auto began = now();
    if (!running.empty()) co_await cluster.clock().sleep_for(pause);
    co_await hooks.wait();
    for (const auto& [id, app] : running) {
        co_await stop_container(id, app, std::max(Duration{}, grace - (now() - began)));
    }

    DeleteOptions gone;
    gone.grace_seconds = 0;
    gone.uid = uid;
    (void)cluster.remove(resources::pods, key, gone);
    queue.add(key);
}

Duration Kubelet::State::pre_stop_sleep(const KubeletPod& pod, const KubeletContainer& container) {
    const auto* hook = sluice::find(*container.spec, {"lifecycle", "preStop"});
    if (hook == nullptr) return {};
    if (const auto sleep = integer_at(*hook, {"sleep", "seconds"})) return seconds{*sleep};
    std::vector<std::string> command;
    for (const auto& word : array_at(*hook, {"exec", "command"})) {
        if (word.is_string()) command.emplace_back(word.get_string());
    }
    if (command.empty()) return {};
    if (const auto sleep = sleep_of(command)) return *sleep;
    events.record(*pod.object,
                  {EventType::normal,
                   "PreStopNotRun",
                   "Commands do not run in the lab: the preStop hook counts as done",
                   field_path(container)});
    return {};
}

Task<> Kubelet::State::prepare_to_stop(ObjectPtr pod, ProbeCall hook, std::string container) {
    const auto outcome = co_await runtime.probe(std::move(hook));
    if (outcome.passed) co_return;
    events.record(*pod,
                  {EventType::warning,
                   "FailedPreStopHook",
                   "PreStopHook failed: " + outcome.text,
                   container});
}

void Kubelet::State::report(const Json& stored, const KubeletPod& pod) {
    PodFacts facts{pod.mounted ? pod.ip : std::string{}, pod.start_time, pod.leaving};
    for (const auto& container : pod.init) facts.init.push_back(container.facts);
    for (const auto& container : pod.containers) facts.containers.push_back(container.facts);
    save_status(cluster, resources::pods, stored, pod_status(stored, facts, now()));
}

std::optional<Time> Kubelet::State::next_due(const KubeletPod& pod) const {
    if (pod.leaving) return std::nullopt;
    if (!pod.mounted) return pod.mount_at;
    auto earliest = Time::max();
    for (const auto& container : pod.init) {
        const auto phase = container.facts.phase;
        if (phase == ContainerPhase::waiting || phase == ContainerPhase::backing_off)
            earliest = std::min(earliest, container.retry_at);
        if (phase == ContainerPhase::running && container.exits_at)
            earliest = std::min(earliest, *container.exits_at);
    }
    for (const auto& container : pod.containers) {
        const auto phase = container.facts.phase;
        if (phase == ContainerPhase::waiting || phase == ContainerPhase::backing_off) {
            earliest = std::min(earliest, container.retry_at);
        }
        if (phase != ContainerPhase::running) continue;
        if (container.exits_at) earliest = std::min(earliest, *container.exits_at);
        for (const auto& probe : container.probes) {
            const bool startup = &probe == &container.probes.front();
            const bool asked_now =
                container.probes.front().spec ? startup != container.facts.started : true;
            if (probe.spec && !probe.in_flight && asked_now) {
                earliest = std::min(earliest, probe.next);
            }
        }
    }
    if (earliest == Time::max()) return std::nullopt;
    return earliest;
}

KubeletContainer* Kubelet::State::find(const ObjectKey& key, const ContainerId& id) {
    const auto pod = pods.find(key);
    if (pod == pods.end() || pod->second.uid != id.pod_uid) return nullptr;
    for (auto* list : {&pod->second.containers, &pod->second.init}) {
        for (auto& container : *list) {
            if (container.facts.name == id.name && container.instance == id.instance)
                return &container;
        }
    }
    return nullptr;
}

const InProcessApp* Kubelet::State::in_process(const KubeletContainer& container) const {
    if (container.app != apps::in_process) return nullptr;
    for (auto app = in_process_apps.rbegin(); app != in_process_apps.rend(); ++app) {
        if (glob_matches(app->first, container.facts.image)) return &app->second;
    }
    return nullptr;
}

// Services may send requests to ports that no container declares.
void Kubelet::State::on_endpoints(const Change& change) {
    if (change.kind == ChangeKind::deleted) return;
    for (const auto& subset : array_at(*change.object, {"subsets"})) {
        for (const std::string_view list : {"addresses", "notReadyAddresses"}) {
            for (const auto& address : array_at(subset, {list})) {
                const auto known =
                    key_of_uid.find(std::string(text_at(address, {"targetRef", "uid"})));
                if (known == key_of_uid.end()) continue;
                serve_ports(pods.at(known->second), array_at(subset, {"ports"}));
            }
        }
    }
}

void Kubelet::State::serve_ports(const KubeletPod& pod, const JsonArray& ports) {
    for (const auto& container : pod.containers) {
        if (container.facts.phase != ContainerPhase::running) continue;
        const auto declared = tcp_ports(*container.spec);
        for (const auto& port : ports) {
            const auto number = static_cast<std::uint16_t>(integer_at(port, {"port"}).value_or(0));
            if (number == 0 || std::ranges::count(declared, number) != 0) continue;
            runtime.serve_also({pod.uid, container.facts.name, container.instance}, pod.ip, number);
        }
        // The first one stands for the pod.
        return;
    }
}

}  // namespace sluice::lab
