#include "lab/workloads/scripted_runtime.hpp"

#include "lab/workloads/image_map.hpp"

namespace sluice::lab {

ScriptedRuntime::ScriptedRuntime(Clock& clock, int block)
    : clock_(clock), addresses_(clock, block) {}

void ScriptedRuntime::script(std::string image_glob, ImageScript how) {
    scripts_.emplace_back(std::move(image_glob), how);
}

ImageScript ScriptedRuntime::script_of(const std::string& image) const {
    for (auto entry = scripts_.rbegin(); entry != scripts_.rend(); ++entry) {
        if (glob_matches(entry->first, image)) return entry->second;
    }
    const auto behaviour = behaviour_of(image_tag(image));
    ImageScript how;
    how.ready = !behaviour.unready;
    how.exits_after = behaviour.exits_after;
    return how;
}

void ScriptedRuntime::set_ready(const ObjectKey& pod, bool ready) {
    ready_of_pod_[pod] = ready;
    for (auto& [id, running] : running_) {
        if (running.pod != pod) continue;
        running.how.ready = ready;
        if (listener_.changed) listener_.changed(id);
    }
}

void ScriptedRuntime::crash(const ObjectKey& pod, int exit_code) {
    for (const auto& [id, running] : running_) {
        if (running.pod != pod) continue;
        const auto gone = id;
        running_.erase(gone);
        if (listener_.exited) listener_.exited(gone, exit_code);
        return;
    }
}

Result<std::string> ScriptedRuntime::give_address(const std::vector<std::uint16_t>&) {
    auto address = addresses_.give();
    if (!address) return Error{ErrorKind::unavailable, "no pod address is left"};
    return *address;
}

void ScriptedRuntime::take_back_address(const std::string& ip) {
    addresses_.take_back(ip);
}

Task<Result<ContainerRun>> ScriptedRuntime::start(ContainerStart start) {
    auto how = script_of(start.image);
    co_await clock_.sleep_for(how.starts_after);
    if (const auto known = ready_of_pod_.find(start.pod); known != ready_of_pod_.end()) {
        how.ready = known->second;
    }
    ContainerRun run;
    if (how.exits_after) run.exits_at = clock_.now() + *how.exits_after;
    run.exit_code = how.exit_code;
    running_[start.id] = {start.pod, how, clock_.now()};
    co_return run;
}

Task<> ScriptedRuntime::stop(ContainerId id, Duration) {
    running_.erase(id);
    co_return;
}

Task<ProbeOutcome> ScriptedRuntime::probe(ProbeCall call) {
    const auto found = running_.find(call.id);
    if (found == running_.end()) co_return ProbeOutcome{false, "connection refused"};
    const auto& [pod, how, started] = found->second;
    if (how.ready && clock_.now() >= started + how.ready_after) co_return ProbeOutcome{true};
    co_return ProbeOutcome{false, "HTTP probe failed with statuscode: 503"};
}

std::optional<Time> ScriptedRuntime::steady_until(const ContainerId& id) const {
    const auto found = running_.find(id);
    if (found == running_.end()) return std::nullopt;
    const auto& [pod, how, started] = found->second;
    const auto turns = started + how.ready_after;
    return how.ready && clock_.now() < turns ? turns : Time::max();
}

}  // namespace sluice::lab
