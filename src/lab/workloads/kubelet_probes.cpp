// Asking containers how they do.
#include "base/core/text.hpp"
#include "lab/workloads/kubelet_state.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::lab {
namespace {

// The exit code of what the kubelet ends itself (SIGKILL).
constexpr int killed = 137;

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

void Kubelet::State::ask(const ObjectKey& key,
                         KubeletPod& pod,
                         KubeletContainer& container,
                         ProbeKind kind) {
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
    if (spec.how == ProbeHow::grpc) return pass_unasked(pod, container, kind);
    if (spec.how == ProbeHow::exec) {
        auto check = podcli_check(call);
        if (!check) return pass_unasked(pod, container, kind);
        call = std::move(*check);
    }
    tasks.spawn("probe " + to_string(key), ask_probe(key, std::move(call), kind));
}

// Commands don't run in the lab, and its apps don't speak gRPC.
void Kubelet::State::pass_unasked(const KubeletPod& pod,
                                  KubeletContainer& container,
                                  ProbeKind kind) {
    auto& probe = container.probe(kind);
    events.record(*pod.object,
                  {EventType::normal,
                   "ProbeNotRun",
                   fmt::format("{} in the lab: the {} probe counts as passed",
                               probe.spec->how == ProbeHow::grpc ? "gRPC is not spoken"
                                                                 : "Commands do not run",
                               lower_case(probe_name(kind))),
                   field_path(container)});
    probe.in_flight = false;
    probe.next = Time::max();
    probe.passing = true;
    if (kind == ProbeKind::readiness) container.facts.ready = true;
    if (kind == ProbeKind::startup) {
        container.facts.started = true;
        container.facts.ready = !container.probe(ProbeKind::readiness).spec;
        queue.add(key_of_uid.at(pod.uid));
    }
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
                       field_path(*container)});
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
                       field_path(*container)});
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

}  // namespace sluice::lab
