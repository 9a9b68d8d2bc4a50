#include "lab/workloads/kubelet.hpp"

#include "base/async/task_group.hpp"
#include "base/core/duration.hpp"
#include "base/core/text.hpp"
#include "lab/workloads/event_recorder.hpp"
#include "lab/workloads/key_queue.hpp"
#include "lab/workloads/pod_questions.hpp"
#include "lab/workloads/pod_status.hpp"
#include "lab/workloads/probes.hpp"
#include "lab/workloads/scheduler.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

namespace sluice::lab {
namespace {

namespace resources = kube::resources;
using std::chrono::seconds;

constexpr Duration back_off_first = seconds{10};
constexpr Duration back_off_max = seconds{300};
// A container that has run so long starts its back-off from the beginning.
constexpr Duration back_off_forgotten = std::chrono::minutes{10};
constexpr Duration grace_default = seconds{30};
constexpr Duration address_retry = seconds{5};
// The exit code of what the kubelet ends itself (SIGKILL).
constexpr int killed = 137;

// What the kubelet knows of one container beyond what its status shows.
struct Container {
    ContainerFacts facts;
    const Json* spec = nullptr;  // in the pod that the Pod below holds
    std::string app;
    int instance = 0;
    std::optional<Time> exits_at = std::nullopt;
    int exit_code = 1;
    Duration back_off{};
    Time retry_at = Time::max();
    bool pull_failed = false;
    std::array<ProbeTrack, 3> probes{};

    ProbeTrack& probe(ProbeKind kind) { return probes[static_cast<std::size_t>(kind)]; }
};

struct Pod {
    std::string uid;
    ObjectPtr object;  // as it was when the pod was taken on; its spec does not change
    std::string ip;
    Time start_time;
    bool leaving = false;
    std::vector<Container> containers;
};

std::string field_path(const std::string& container) {
    return fmt::format("spec.containers{{{}}}", container);
}

std::string_view restart_policy(const Json& pod) {
    return text_at(pod, {"spec", "restartPolicy"}, "Always");
}

std::string downward(const Json& pod, const std::string& ip, std::string_view path) {
    const auto key = kube::key_of(pod);
    if (path == "metadata.name") return key.name;
    if (path == "metadata.namespace") return key.ns;
    if (path == "metadata.uid") return std::string(kube::uid_of(pod));
    if (path == "status.podIP" || path == "status.podIPs") return ip;
    if (path == "status.hostIP") return "127.0.0.1";
    if (path == "spec.nodeName") return std::string(node_name);
    if (path == "spec.serviceAccountName") {
        return std::string(text_at(pod, {"spec", "serviceAccountName"}, "default"));
    }
    for (const std::string_view map : {"labels", "annotations"}) {
        const auto prefix = fmt::format("metadata.{}['", map);
        if (path.starts_with(prefix) && path.ends_with("']")) {
            path.remove_prefix(prefix.size());
            path.remove_suffix(2);
            return std::string(text_at(pod, {"metadata", map, path}));
        }
    }
    return {};
}

std::map<std::string, std::string> environment(const Json& pod,
                                               const Json& container,
                                               const std::string& ip) {
    const auto key = kube::key_of(pod);
    std::map<std::string, std::string> env{{"POD_IP", ip},
                                           {"POD_NAME", key.name},
                                           {"POD_NAMESPACE", key.ns},
                                           {"NODE_NAME", std::string(node_name)},
                                           {"IMAGE_TAG", image_tag(text_at(container, {"image"}))}};
    for (const auto& entry : array_at(container, {"env"})) {
        const std::string name(text_at(entry, {"name"}));
        const auto path = text_at(entry, {"valueFrom", "fieldRef", "fieldPath"});
        env[name] = path.empty() ? std::string(text_at(entry, {"value"})) : downward(pod, ip, path);
    }
    return env;
}

std::vector<std::uint16_t> tcp_ports(const Json& container) {
    std::vector<std::uint16_t> ports;
    for (const auto& port : array_at(container, {"ports"})) {
        if (text_at(port, {"protocol"}, "TCP") != "TCP") continue;
        if (const auto number = integer_at(port, {"containerPort"})) {
            ports.push_back(static_cast<std::uint16_t>(*number));
        }
    }
    return ports;
}

std::vector<std::string> words(const Json& container) {
    std::vector<std::string> all;
    for (const std::string_view list : {"command", "args"}) {
        for (const auto& word : array_at(container, {list})) {
            if (word.is_string()) all.emplace_back(word.get_string());
        }
    }
    return all;
}

std::string_view probe_name(ProbeKind kind) {
    switch (kind) {
        case ProbeKind::startup:
            return "Startup";
        case ProbeKind::readiness:
            return "Readiness";
        case ProbeKind::liveness:
            return "Liveness";
    }
    return {};
}

}  // namespace

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
          options(how),
          events(objects, "kubelet", std::string(node_name)),
          queue(where, objects.clock(), [this](const ObjectKey& key) { sync(key); }),
          tasks(std::move(where)) {}

    Time now() const { return cluster.clock().now(); }

    // A pass over one pod: whatever is due is done or begun, then the status says so.
    void sync(const ObjectKey& key);
    bool take_on(const ObjectKey& key, const ObjectPtr& pod);
    void let_go(const ObjectKey& key);
    void advance(const ObjectKey& key, Pod& pod, Container& container);
    void begin(const ObjectKey& key, Pod& pod, Container& container);
    void fail_to_pull(Pod& pod, Container& container);
    void ask(const ObjectKey& key, Pod& pod, Container& container, ProbeKind kind);
    void ended(const ObjectKey& key, Pod& pod, Container& container, int exit_code);
    void leave(const ObjectKey& key, Pod& pod);
    void report(const ObjectKey& key, const Json& stored, const Pod& pod);
    std::optional<Time> next_due(const Pod& pod) const;

    // The container of that life, or null when it is over.
    Container* find(const ObjectKey& key, const ContainerId& id);
    const InProcessApp* in_process(const Container& container) const;

    Task<> start_container(ObjectKey key, ContainerStart start);
    Task<> ask_probe(ObjectKey key, ProbeCall call, ProbeKind kind);
    Task<> stop_container(ContainerId id, const InProcessApp* app, Duration grace);
    Task<> kill_container(ObjectKey key, ContainerId id);
    Task<> end_pod(ObjectKey key, std::string uid, Duration grace);

    Cluster& cluster;
    PodRuntime& runtime;
    ContainerLogs& logs;
    ImageMap images;
    KubeletOptions options;
    EventRecorder events;
    std::map<ObjectKey, Pod> pods;
    std::map<std::string, ObjectKey> key_of_uid;
    std::vector<std::pair<std::string, InProcessApp>> in_process_apps;
    Subscription subscription;
    KeyQueue queue;
    TaskGroup tasks;
};

Kubelet::Kubelet(Executor executor,
                 Cluster& cluster,
                 PodRuntime& runtime,
                 ContainerLogs& logs,
                 ImageMap images,
                 KubeletOptions options)
    : state_(std::make_shared<State>(
          std::move(executor), cluster, runtime, logs, std::move(images), options)) {}

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
                               const auto key = known->second;
                               auto* container = state->find(key, id);
                               if (container != nullptr)
                                   state->ended(key, state->pods.at(key), *container, exit_code);
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
}

Task<> Kubelet::stop() {
    const auto state = state_;
    state->subscription = {};
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
            DeleteOptions now_;
            now_.grace_seconds = 0;
            (void)cluster.remove(resources::pods, key, now_);
        }
        return;
    }
    auto& pod = pods.at(key);
    if (is_being_deleted(*stored)) leave(key, pod);
    if (!pod.leaving) {
        for (auto& container : pod.containers) advance(key, pod, container);
    }
    report(key, *stored, pod);
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
    Pod pod{std::string(kube::uid_of(*object)), object, *address, now()};
    for (const auto& spec : array_at(*object, {"spec", "containers"})) {
        Container container;
        container.spec = &spec;
        container.facts.name = text_at(spec, {"name"});
        container.facts.image = text_at(spec, {"image"});
        container.app = images.app_of(container.facts.image);
        pod.containers.push_back(std::move(container));
    }
    key_of_uid[pod.uid] = key;
    pods.emplace(key, std::move(pod));
    return true;
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

void Kubelet::State::advance(const ObjectKey& key, Pod& pod, Container& container) {
    auto& facts = container.facts;
    switch (facts.phase) {
        case ContainerPhase::waiting:
        case ContainerPhase::backing_off: {
            const bool again = container.retry_at != Time::max();
            if (again && now() < container.retry_at) return;
            if (!is_image_reference(facts.image)) {
                facts.waiting_reason = "InvalidImageName";
                facts.waiting_message = fmt::format(
                    "Failed to apply default image tag \"{0}\": couldn't parse image name "
                    "\"{0}\": invalid reference format",
                    facts.image);
                if (!container.pull_failed) {
                    events.record(*pod.object,
                                  {EventType::warning,
                                   "InspectFailed",
                                   facts.waiting_message,
                                   field_path(facts.name)});
                }
                container.pull_failed = true;
                return;
            }
            if (container.app == apps::bad) return fail_to_pull(pod, container);
            return begin(key, pod, container);
        }
        case ContainerPhase::running:
            if (container.exits_at && now() >= *container.exits_at) {
                return ended(key, pod, container, container.exit_code);
            }
            if (container.probe(ProbeKind::startup).spec && !facts.started) {
                return ask(key, pod, container, ProbeKind::startup);
            }
            ask(key, pod, container, ProbeKind::readiness);
            return ask(key, pod, container, ProbeKind::liveness);
        case ContainerPhase::starting:
        case ContainerPhase::finished:
            return;
    }
}

void Kubelet::State::fail_to_pull(Pod& pod, Container& container) {
    auto& facts = container.facts;
    const auto path = field_path(facts.name);
    const auto why = fmt::format("failed to pull and unpack image \"{}\": not found", facts.image);
    const bool retried = container.pull_failed && facts.waiting_reason == "ErrImagePull";
    if (retried) {
        // Between two tries the wait has a name of its own.
        facts.waiting_reason = "ImagePullBackOff";
        facts.waiting_message =
            fmt::format("Back-off pulling image \"{}\": ErrImagePull: {}", facts.image, why);
        events.record(*pod.object,
                      {EventType::normal,
                       "BackOff",
                       fmt::format("Back-off pulling image \"{}\"", facts.image),
                       path});
        events.record(*pod.object, {EventType::warning, "Failed", "Error: ImagePullBackOff", path});
        container.back_off = std::clamp(container.back_off * 2, back_off_first, back_off_max);
        container.retry_at = now() + container.back_off;
        return;
    }
    container.pull_failed = true;
    facts.waiting_reason = "ErrImagePull";
    facts.waiting_message = why;
    events.record(
        *pod.object,
        {EventType::normal, "Pulling", fmt::format("Pulling image \"{}\"", facts.image), path});
    events.record(*pod.object,
                  {EventType::warning,
                   "Failed",
                   fmt::format("Failed to pull image \"{}\": {}", facts.image, why),
                   path});
    events.record(*pod.object, {EventType::warning, "Failed", "Error: ErrImagePull", path});
    container.retry_at = now() + seconds{1};
}

void Kubelet::State::begin(const ObjectKey& key, Pod& pod, Container& container) {
    auto& facts = container.facts;
    const auto path = field_path(facts.name);
    facts.phase = ContainerPhase::starting;
    container.retry_at = Time::max();
    container.exits_at.reset();
    events.record(*pod.object,
                  {EventType::normal,
                   "Pulled",
                   fmt::format("Container image \"{}\" already present on machine", facts.image),
                   path});
    events.record(
        *pod.object,
        {EventType::normal, "Created", fmt::format("Created container: {}", facts.name), path});
    const ContainerId id{pod.uid, facts.name, container.instance};
    ContainerStart start{id,
                         key,
                         pod.object,
                         pod.ip,
                         facts.image,
                         container.app,
                         environment(*pod.object, *container.spec, pod.ip),
                         words(*container.spec),
                         tcp_ports(*container.spec),
                         logs.begin(id)};
    tasks.spawn("start " + to_string(key), start_container(key, std::move(start)));
}

Task<> Kubelet::State::start_container(ObjectKey key, ContainerStart start) {
    const auto id = start.id;
    const bool inside = start.app == apps::in_process;
    Result<ContainerRun> run = ContainerRun{};
    if (inside) {
        if (const auto* container = find(key, id)) {
            if (const auto* app = in_process(*container)) {
                app->started(
                    [this, id](std::string_view line) { logs.append(id, std::string(line)); });
            }
        }
    } else {
        run = co_await runtime.start(std::move(start));
    }
    auto* container = find(key, id);
    if (container == nullptr || pods.at(key).leaving) {
        const auto* app = container == nullptr ? nullptr : in_process(*container);
        co_await stop_container(id, app, Duration{});
        co_return;
    }
    auto& pod = pods.at(key);
    auto& facts = container->facts;
    if (!run) {
        events.record(*pod.object,
                      {EventType::warning,
                       "Failed",
                       fmt::format("Error: {}", run.error().message),
                       field_path(facts.name)});
        facts.started_at = now();
        ended(key, pod, *container, 128);
        co_return;
    }
    facts.phase = ContainerPhase::running;
    facts.started_at = now();
    facts.container_id = "sluice://" + cluster.random().uuid();
    container->exits_at = run->exits_at;
    container->exit_code = run->exit_code;
    for (const auto kind : {ProbeKind::startup, ProbeKind::readiness, ProbeKind::liveness}) {
        auto& probe = container->probe(kind);
        probe = {.spec = inside ? std::nullopt : probe_of(*container->spec, kind)};
        probe.passing = kind == ProbeKind::liveness;
        if (probe.spec) probe.next = now() + probe.spec->initial_delay;
    }
    facts.started = !container->probe(ProbeKind::startup).spec;
    const bool asked = container->probe(ProbeKind::readiness).spec.has_value();
    facts.ready = facts.started && !asked && !behaviour_of(image_tag(facts.image)).unready;
    events.record(*pod.object,
                  {EventType::normal,
                   "Started",
                   fmt::format("Started container {}", facts.name),
                   field_path(facts.name)});
    queue.add(key);
}

void Kubelet::State::ask(const ObjectKey& key, Pod& pod, Container& container, ProbeKind kind) {
    auto& probe = container.probe(kind);
    if (!probe.spec || probe.in_flight || now() < probe.next) return;
    probe.in_flight = true;
    const auto& spec = *probe.spec;
    ProbeCall call{{pod.uid, container.facts.name, container.instance},
                   pod.ip,
                   spec.how,
                   spec.port,
                   spec.path,
                   spec.host,
                   spec.headers,
                   spec.command,
                   spec.timeout};
    if (spec.how == ProbeHow::exec &&
        (spec.command.size() < 4 || spec.command.front() != "podcli")) {
        events.record(*pod.object,
                      {EventType::normal,
                       "ProbeNotRun",
                       fmt::format("Commands do not run in the lab; the {} probe counts as passed",
                                   lower_case(probe_name(kind))),
                       field_path(container.facts.name)});
    }
    tasks.spawn("probe " + to_string(key), ask_probe(key, std::move(call), kind));
}

Task<> Kubelet::State::ask_probe(ObjectKey key, ProbeCall call, ProbeKind kind) {
    const auto asked = now();
    const auto id = call.id;
    const auto outcome = co_await runtime.probe(std::move(call));
    auto* container = find(key, id);
    if (container == nullptr || container->facts.phase != ContainerPhase::running) co_return;
    auto& pod = pods.at(key);
    auto& facts = container->facts;
    auto& probe = container->probe(kind);
    probe.answered(outcome.passed, asked, runtime.steady_until(id));
    if (!outcome.passed && !pod.leaving) {
        events.record(*pod.object,
                      {EventType::warning,
                       "Unhealthy",
                       fmt::format("{} probe failed: {}", probe_name(kind), outcome.text),
                       field_path(facts.name)});
    }
    switch (kind) {
        case ProbeKind::readiness:
            facts.ready = probe.passing;
            break;
        case ProbeKind::startup:
            if (!probe.passing) break;
            facts.started = true;
            facts.ready = !container->probe(ProbeKind::readiness).spec;
            // They count from the start of the container, as if they had waited.
            for (auto waiting : {ProbeKind::readiness, ProbeKind::liveness}) {
                auto& other = container->probe(waiting);
                if (other.spec) other.next = std::max(other.next, now());
            }
            break;
        case ProbeKind::liveness:
            break;
    }
    const bool gave_up = kind != ProbeKind::readiness && !probe.passing &&
                         probe.failures >= probe.spec->failure_threshold;
    if (gave_up && !pod.leaving) {
        events.record(*pod.object,
                      {EventType::normal,
                       "Killing",
                       fmt::format("Container {} failed {} probe, will be restarted",
                                   facts.name,
                                   lower_case(probe_name(kind))),
                       field_path(facts.name)});
        co_await kill_container(key, id);
        co_return;
    }
    queue.add(key);
}

Task<> Kubelet::State::kill_container(ObjectKey key, ContainerId id) {
    auto* container = find(key, id);
    co_await stop_container(id, in_process(*container), options.linger);
    container = find(key, id);
    if (container == nullptr || container->facts.phase != ContainerPhase::running) co_return;
    ended(key, pods.at(key), *container, killed);
}

// Handed the app by who still knows the container: it may be forgotten before this runs.
Task<> Kubelet::State::stop_container(ContainerId id, const InProcessApp* app, Duration grace) {
    if (app != nullptr) {
        co_await app->stopped();
    } else {
        co_await runtime.stop(id, grace);
    }
    logs.end(id);
}

// The container has come to its end, by itself or by us.
void Kubelet::State::ended(const ObjectKey& key, Pod& pod, Container& container, int exit_code) {
    auto& facts = container.facts;
    const ContainerId id{pod.uid, facts.name, container.instance};
    tasks.spawn("stop " + to_string(key), stop_container(id, in_process(container), Duration{}));
    logs.end(id);
    facts.last = Termination{exit_code, facts.started_at, now(), facts.container_id};
    facts.ready = false;
    facts.started = false;
    container.exits_at.reset();
    for (auto& probe : container.probes) probe = {};
    queue.add(key);
    if (pod.leaving) return;

    const auto policy = restart_policy(*pod.object);
    if (policy == "Never" || (policy == "OnFailure" && exit_code == 0)) {
        facts.phase = ContainerPhase::finished;
        return;
    }
    if (now() - facts.started_at >= back_off_forgotten) container.back_off = {};
    ++container.instance;
    ++facts.restarts;
    facts.phase = ContainerPhase::backing_off;
    if (container.back_off == Duration{}) {
        // The first time it is started again at once.
        container.back_off = back_off_first;
        container.retry_at = now();
        facts.waiting_reason = "ContainerCreating";
        facts.waiting_message.clear();
        return;
    }
    const auto what = fmt::format(
        "{}_{}({})", kube::key_of(*pod.object).name, kube::key_of(*pod.object).ns, pod.uid);
    container.retry_at = now() + container.back_off;
    facts.waiting_reason = "CrashLoopBackOff";
    facts.waiting_message = fmt::format("back-off {} restarting failed container={} pod={}",
                                        go_text(container.back_off),
                                        facts.name,
                                        what);
    container.back_off = std::min(container.back_off * 2, back_off_max);
    events.record(
        *pod.object,
        {EventType::warning,
         "BackOff",
         fmt::format("Back-off restarting failed container {} in pod {}", facts.name, what),
         field_path(facts.name)});
}

// Deletion is seen: the endpoints let go of it, then the app stops, then the pod goes.
void Kubelet::State::leave(const ObjectKey& key, Pod& pod) {
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
                       field_path(container.facts.name)});
    }
    tasks.spawn("end " + to_string(key), end_pod(key, pod.uid, seconds{grace}));
}

Task<> Kubelet::State::end_pod(ObjectKey key, std::string uid, Duration grace) {
    std::vector<std::pair<ContainerId, const InProcessApp*>> running;
    Duration pause = std::min(options.linger, grace);
    for (const auto& container : pods.at(key).containers) {
        if (container.facts.phase != ContainerPhase::running) continue;
        running.push_back({{uid, container.facts.name, container.instance}, in_process(container)});
        // Of preStop hooks only the sleep means anything to a built-in app.
        const auto sleep =
            integer_at(*container.spec, {"lifecycle", "preStop", "sleep", "seconds"});
        pause = std::max<Duration>(pause, std::min<Duration>(grace, seconds{sleep.value_or(0)}));
    }
    if (!running.empty()) co_await cluster.clock().sleep_for(pause);
    for (const auto& [id, app] : running) {
        co_await stop_container(id, app, std::max(Duration{}, grace - pause));
    }

    DeleteOptions gone;
    gone.grace_seconds = 0;
    gone.uid = uid;
    (void)cluster.remove(resources::pods, key, gone);
    queue.add(key);
}

void Kubelet::State::report(const ObjectKey& key, const Json& stored, const Pod& pod) {
    PodFacts facts{pod.ip, pod.start_time, pod.leaving};
    for (const auto& container : pod.containers) facts.containers.push_back(container.facts);
    const auto status = pod_status(stored, facts, now());
    const auto* before = sluice::find(stored, {"status"});
    const auto patch =
        merge_patch_between(before != nullptr ? *before : Json(JsonObject{}), status);
    if (patch.get_object().empty()) return;
    WriteOptions write;
    write.subresource = Subresource::status;
    (void)cluster.patch(resources::pods, key, PatchKind::merge, {{"status", patch}}, write);
}

std::optional<Time> Kubelet::State::next_due(const Pod& pod) const {
    if (pod.leaving) return std::nullopt;
    auto earliest = Time::max();
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

Container* Kubelet::State::find(const ObjectKey& key, const ContainerId& id) {
    const auto pod = pods.find(key);
    if (pod == pods.end() || pod->second.uid != id.pod_uid) return nullptr;
    for (auto& container : pod->second.containers) {
        if (container.facts.name == id.name && container.instance == id.instance) return &container;
    }
    return nullptr;
}

const InProcessApp* Kubelet::State::in_process(const Container& container) const {
    if (container.app != apps::in_process) return nullptr;
    for (auto app = in_process_apps.rbegin(); app != in_process_apps.rend(); ++app) {
        if (glob_matches(app->first, container.facts.image)) return &app->second;
    }
    return nullptr;
}

}  // namespace sluice::lab
