#include "cli/lab_knobs.hpp"

#include "base/core/json.hpp"
#include "base/core/text.hpp"
#include "lab/workloads/image_map.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

namespace sluice::cli {
namespace {

// Of the fields behind the name, which is in parentheses and may hold anything (proc(5)).
constexpr std::size_t utime = 11;
constexpr std::size_t stime = 12;
constexpr std::size_t rss = 21;

web::LabSource::Process process(std::string name, pid_t pid) {
    web::LabSource::Process shown{.name = std::move(name), .pid = pid};
    std::ifstream in(fmt::format("/proc/{}/stat", pid));
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto use = process_use(
        text, {.ticks_per_second = ::sysconf(_SC_CLK_TCK), .page_bytes = ::sysconf(_SC_PAGESIZE)});
    if (!use) return shown;
    shown.cpu_seconds = use->cpu_seconds;
    shown.memory = use->memory;
    return shown;
}

// No request reaches it: the lab's one proxy stands in for it.
bool is_gateway(const Json& pod) {
    return text_at(pod, {"metadata", "annotations", "inject.istio.io/templates"})
        .starts_with("gateway");
}

}  // namespace

std::optional<ProcessUse> process_use(std::string_view stat, const MachineUnits& units) {
    const auto name_end = stat.rfind(") ");
    if (name_end == std::string_view::npos || units.ticks_per_second <= 0) return std::nullopt;
    const auto fields = split(trimmed(stat.substr(name_end + 2)), ' ');
    if (fields.size() <= rss) return std::nullopt;
    const auto user = parse_integer(fields[utime]);
    const auto system = parse_integer(fields[stime]);
    const auto pages = parse_integer(fields[rss]);
    if (!user || !system || !pages || *pages < 0) return std::nullopt;
    return ProcessUse{.cpu_seconds = static_cast<double>(*user + *system) /
                                     static_cast<double>(units.ticks_per_second),
                      .memory = static_cast<std::uint64_t>(*pages) *
                                static_cast<std::uint64_t>(units.page_bytes)};
}

std::vector<web::LabSource::Pod> LabKnobs::pods() const {
    std::vector<Pod> all;
    for (const auto& running : world_.kubelet.pods()) {
        Pod pod{.key = running.key, .app = {}, .listens = {}};
        for (const auto& container : running.containers) {
            if (pod.app.empty()) pod.app = container.app;
            for (const auto port : container.ports) {
                pod.listens.push_back(fmt::format("{}:{}", running.ip, port));
            }
        }
        if (const auto& fault = running.fault; !fault.is_none()) {
            pod.fault = {.p50 = fault.p50,
                         .p99 = fault.p99,
                         .error_ratio = fault.error_ratio,
                         .hangs = fault.hangs,
                         .slow_start = fault.slow_start};
        }
        const auto object = world_.cluster.find(kube::resources::pods, running.key);
        if (object != nullptr && is_gateway(*object)) {
            pod.spared = "a gateway: the lab's proxy answers in its place";
        } else if (pod.app == lab::apps::in_process) {
            pod.spared = "a part of the lab itself";
        } else if (pod.app.empty()) {
            pod.spared = "none of its containers runs";
        }
        all.push_back(std::move(pod));
    }
    return all;
}

Result<void> LabKnobs::set_fault(const kube::ObjectKey& pod, const std::optional<Fault>& fault) {
    const auto object = world_.cluster.find(kube::resources::pods, pod);
    if (fault && object != nullptr && is_gateway(*object)) {
        return Error{ErrorKind::unsupported,
                     fmt::format("pod {} is a gateway: the lab's proxy answers in its place",
                                 to_string(pod))};
    }
    lab::PodFault wanted;
    if (fault) {
        wanted = {.p50 = fault->p50,
                  .p99 = fault->p99,
                  .error_ratio = fault->error_ratio,
                  .hangs = fault->hangs,
                  .slow_start = fault->slow_start};
    }
    return world_.kubelet.set_fault(pod, wanted);
}

Result<void> LabKnobs::crash(const kube::ObjectKey& pod) {
    return world_.kubelet.crash(pod);
}

std::vector<web::LabSource::Process> LabKnobs::processes() const {
    std::vector<Process> all{process("sluice lab", ::getpid())};
    if (const auto pid = world_.prometheus.pid(); pid > 0) {
        all.push_back(process("prometheus", pid));
    }
    return all;
}

web::LabSource::Proxy LabKnobs::proxy() const {
    const auto figures = world_.mesh.figures();
    // One thread of its own for the proxy and the apps (running_lab.hpp).
    return {.requests = figures.requests,
            .series = figures.series,
            .split = way_.split,
            .mirror_host = way_.mirror_host,
            .threads = 1};
}

std::vector<net::Origin> LabKnobs::doors_of(const kube::ObjectKey& gateway) const {
    return world_.mesh.doors_of(gateway);
}

}  // namespace sluice::cli
