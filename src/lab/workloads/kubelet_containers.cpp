// The life of a container: pulled, started, ended, started again.
#include "base/core/duration.hpp"
#include "lab/workloads/container_spec.hpp"
#include "lab/workloads/kubelet_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sluice::lab {
namespace {

using std::chrono::seconds;

constexpr Duration back_off_first = seconds{10};
constexpr Duration back_off_max = seconds{300};
// A container that could not be made is no crash: its tries come no slower.
constexpr Duration config_retry = seconds{10};
constexpr std::string_view config_error = "CreateContainerConfigError";
// A container that has run so long starts its back-off from the beginning.
constexpr Duration back_off_forgotten = std::chrono::minutes{10};

std::string_view restart_policy(const Json& pod) {
    return text_at(pod, {"spec", "restartPolicy"}, "Always");
}

}  // namespace

std::string field_path(const KubeletContainer& container) {
    return fmt::format(
        "spec.{}{{{}}}", container.init ? "initContainers" : "containers", container.facts.name);
}

bool Kubelet::State::initialize(const ObjectKey& key, KubeletPod& pod) {
    for (auto& container : pod.init) {
        const auto& facts = container.facts;
        advance(key, pod, container);
        const bool done = container.sidecar ? facts.phase == ContainerPhase::running
                                            : facts.phase == ContainerPhase::finished &&
                                                  facts.last->exit_code == 0;
        if (!done) return false;
    }
    return true;
}

void Kubelet::State::advance(const ObjectKey& key, KubeletPod& pod, KubeletContainer& container) {
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
                                   field_path(container)});
                }
                container.pull_failed = true;
                return;
            }
            if (container.app == apps::bad) return fail_to_pull(pod, container);
            return make(key, pod, container);
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

void Kubelet::State::fail_to_pull(KubeletPod& pod, KubeletContainer& container) {
    auto& facts = container.facts;
    const auto path = field_path(container);
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

void Kubelet::State::make(const ObjectKey& key, KubeletPod& pod, KubeletContainer& container) {
    auto& facts = container.facts;
    const auto tell = [&, path = field_path(container)](
                          EventType type, std::string reason, std::string message) {
        events.record(*pod.object, {type, std::move(reason), std::move(message), path});
    };
    tell(EventType::normal,
         "Pulled",
         fmt::format("Container image \"{}\" already present on machine", facts.image));
    auto environment = container_environment(cluster, *pod.object, *container.spec, pod.ip);
    if (!environment) {
        facts.waiting_reason = config_error;
        facts.waiting_message = environment.error().message;
        tell(EventType::warning, "Failed", "Error: " + facts.waiting_message);
        container.retry_at = now() + config_retry;
        return;
    }
    for (const auto& text : environment->skipped) {
        events.record(*pod.object, {EventType::warning, "InvalidEnvironmentVariableNames", text});
    }
    if (facts.waiting_reason == config_error) {
        facts.waiting_reason = "ContainerCreating";
        facts.waiting_message.clear();
    }
    tell(EventType::normal, "Created", fmt::format("Created container: {}", facts.name));
    if (container.played) return begin_played(key, pod, container);
    begin(key, pod, container, std::move(environment->variables));
}

void Kubelet::State::begin(const ObjectKey& key,
                           KubeletPod& pod,
                           KubeletContainer& container,
                           Variables variables) {
    auto& facts = container.facts;
    facts.phase = ContainerPhase::starting;
    container.retry_at = Time::max();
    container.exits_at.reset();
    const ContainerId id{pod.uid, facts.name, container.instance};
    // A process that was stuck is cured by being started again.
    if (std::exchange(pod.fault.hangs, false)) {
        for (const auto& one : pod.containers) {
            runtime.set_fault({pod.uid, one.facts.name, one.instance}, pod.fault);
        }
    }
    auto command = command_line(*container.spec);
    for (auto& word : command) word = expanded(word, variables);
    if (options.environment) variables.merge(options.environment(*pod.object, pod.ip));
    ContainerStart start{id,
                         key,
                         pod.object,
                         pod.ip,
                         facts.image,
                         container.app,
                         std::move(variables),
                         std::move(command),
                         tcp_ports(*container.spec),
                         logs.begin(id),
                         pod.fault};
    tasks.spawn("start " + to_string(key), start_container(key, std::move(start)));
}

// What an init container or a Job has to do is a command's work, and commands don't run: it lasts a
// moment and counts as done, but for a tag that says otherwise.
void Kubelet::State::begin_played(const ObjectKey& key,
                                  KubeletPod& pod,
                                  KubeletContainer& container) {
    auto& facts = container.facts;
    const auto path = field_path(container);
    facts.phase = ContainerPhase::running;
    facts.started_at = now();
    facts.container_id = "sluice://" + cluster.random().uuid();
    facts.started = true;
    facts.ready = container.sidecar || !container.init;
    container.retry_at = Time::max();
    container.exits_at.reset();
    if (!container.sidecar) container.exits_at = now() + errand_lasts;
    const auto behaviour = behaviour_of(image_tag(facts.image));
    container.exit_code = behaviour.fails || behaviour.exits_after ? 1 : 0;
    const ContainerId id{pod.uid, facts.name, container.instance};
    logs.begin(id)(fmt::format("the lab runs no commands: {} counts as done", facts.name));
    events.record(
        *pod.object,
        {EventType::normal, "Started", fmt::format("Started container {}", facts.name), path});
    queue.add(key);
}

Task<> Kubelet::State::start_container(ObjectKey key, ContainerStart start) {
    const auto id = start.id;
    const bool inside = start.app == apps::in_process;
    Result<ContainerRun> run = ContainerRun{};
    if (inside) {
        start_in_process(key, start);
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
    facts.started_at = now();
    if (!run) {
        events.record(*pod.object,
                      {EventType::warning,
                       "Failed",
                       fmt::format("Error: {}", run.error().message),
                       field_path(*container)});
        ended(key, pod, *container, 128);
        co_return;
    }
    facts.phase = ContainerPhase::running;
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
                   field_path(*container)});
    if (container->ended_early) co_return ended(key, pod, *container, *container->ended_early);
    queue.add(key);
}

void Kubelet::State::start_in_process(const ObjectKey& key, const ContainerStart& start) {
    const auto* container = find(key, start.id);
    const auto* app = container == nullptr ? nullptr : in_process(*container);
    if (app == nullptr) return;
    const auto id = start.id;
    app->started({id,
                  key,
                  start.ip,
                  [this, id](std::string_view line) { logs.append(id, std::string(line)); },
                  [this, key, id](int exit_code) { ended_by_itself(key, id, exit_code); }});
}

void Kubelet::State::ended_by_itself(const ObjectKey& key, const ContainerId& id, int exit_code) {
    auto* container = find(key, id);
    if (container == nullptr || pods.at(key).leaving) return;
    switch (container->facts.phase) {
        case ContainerPhase::starting:
            container->ended_early = exit_code;
            return;
        case ContainerPhase::running:
            return ended(key, pods.at(key), *container, exit_code);
        case ContainerPhase::waiting:
        case ContainerPhase::backing_off:
        case ContainerPhase::finished:
            return;
    }
}

// The container has come to its end, by itself or by us.
void Kubelet::State::ended(const ObjectKey& key,
                           KubeletPod& pod,
                           KubeletContainer& container,
                           int exit_code) {
    auto& facts = container.facts;
    const ContainerId id{pod.uid, facts.name, container.instance};
    tasks.spawn("stop " + to_string(key), stop_container(id, in_process(container), Duration{}));
    logs.end(id);
    facts.last = Termination{exit_code, facts.started_at, now(), facts.container_id};
    facts.ready = false;
    facts.started = false;
    container.exits_at.reset();
    container.ended_early.reset();
    for (auto& probe : container.probes) probe = {};
    queue.add(key);
    if (pod.leaving) return;

    const auto policy = restart_policy(*pod.object);
    const bool is_done = exit_code == 0 && (policy == "OnFailure" || container.init);
    if (policy == "Never" || is_done) {
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
         field_path(container)});
}

// Handed the app by who still knows the container: it may be forgotten before this runs.
Task<> Kubelet::State::stop_container(ContainerId id, const InProcessApp* app, Duration grace) {
    if (app != nullptr) {
        co_await app->stopped(id);
    } else {
        co_await runtime.stop(id, grace);
    }
    logs.end(id);
}

}  // namespace sluice::lab
