#include "lab/workloads/pod_status.hpp"

#include "lab/workloads/object_status.hpp"
#include "lab/workloads/scheduler.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::lab {
namespace {

constexpr std::string_view host_address = "127.0.0.1";

Json terminated(const Termination& end) {
    return {{"exitCode", end.exit_code},
            {"reason", end.exit_code == 0 ? "Completed" : "Error"},
            {"startedAt", rfc3339(end.started)},
            {"finishedAt", rfc3339(end.finished)},
            {"containerID", end.container_id}};
}

Json state_of(const ContainerFacts& container) {
    switch (container.phase) {
        case ContainerPhase::running:
            return {{"running", {{"startedAt", rfc3339(container.started_at)}}}};
        case ContainerPhase::finished:
            return {{"terminated", terminated(container.last.value_or(Termination{}))}};
        case ContainerPhase::waiting:
        case ContainerPhase::starting:
        case ContainerPhase::backing_off:
            break;
    }
    JsonObject waiting{{"reason", container.waiting_reason}};
    if (!container.waiting_message.empty()) waiting["message"] = container.waiting_message;
    return {{"waiting", std::move(waiting)}};
}

Json status_of(const ContainerFacts& container) {
    Json status = {{"name", container.name},
                   {"state", state_of(container)},
                   {"lastState", JsonObject{}},
                   {"ready", container.ready},
                   {"restartCount", container.restarts},
                   {"image", container.image},
                   {"imageID", container.container_id.empty() ? "" : "sluice://" + container.image},
                   {"started", container.started}};
    if (container.last && container.phase != ContainerPhase::finished) {
        put(status, {"lastState", "terminated"}, terminated(*container.last));
    }
    if (!container.container_id.empty()) put(status, {"containerID"}, Json(container.container_id));
    return status;
}

// A container that is to end is ready when it has ended well.
bool is_done(const ContainerFacts& init) {
    return init.phase == ContainerPhase::finished ? init.last && init.last->exit_code == 0
                                                  : init.ready;
}

std::string_view phase_of(const PodFacts& facts) {
    const auto all_are = [&](auto test) { return std::ranges::all_of(facts.containers, test); };
    const auto any_is = [&](auto test) { return std::ranges::any_of(facts.containers, test); };
    if (std::ranges::any_of(facts.init, [](const auto& c) {
            return c.phase == ContainerPhase::finished && !is_done(c);
        })) {
        return "Failed";
    }
    if (!facts.containers.empty() &&
        all_are([](const auto& c) { return c.phase == ContainerPhase::finished; })) {
        return all_are([](const auto& c) { return c.last && c.last->exit_code == 0; }) ? "Succeeded"
                                                                                       : "Failed";
    }
    const bool has_begun = all_are([](const auto& c) {
        return c.phase == ContainerPhase::running || c.phase == ContainerPhase::finished || c.last;
    });
    return has_begun && any_is([](const auto&) { return true; }) ? "Running" : "Pending";
}

class Conditions {
   public:
    Conditions(const Json& pod, Time now) : pod_(pod), now_(now) {}

    void add(std::string_view type, bool holds, JsonObject why = {}) {
        const auto* before = condition_of(pod_, type);
        const std::string_view status = holds ? "True" : "False";
        const bool same = before != nullptr && text_at(*before, {"status"}) == status;
        JsonObject condition{
            {"type", type},
            {"status", status},
            {"lastProbeTime", nullptr},
            {"lastTransitionTime",
             same ? std::string(text_at(*before, {"lastTransitionTime"})) : rfc3339(now_)}};
        if (!holds) {
            for (auto& field : why) condition[field.key()] = std::move(field.value());
        }
        all_.push_back(std::move(condition));
    }
    JsonArray take() { return std::move(all_); }

   private:
    const Json& pod_;
    Time now_;
    JsonArray all_;
};

}  // namespace

Json pod_status(const Json& pod, const PodFacts& facts, Time now) {
    const auto phase = phase_of(facts);
    std::vector<std::string> unready;
    for (const auto& container : facts.containers) {
        if (!container.ready) unready.push_back(container.name);
    }
    const JsonObject why =
        phase == "Succeeded"
            ? JsonObject{{"reason", "PodCompleted"}}
            : JsonObject{
                  {"reason", "ContainersNotReady"},
                  {"message",
                   fmt::format("containers with unready status: [{}]", fmt::join(unready, " "))}};
    std::vector<std::string> undone;
    for (const auto& container : facts.init) {
        if (!is_done(container)) undone.push_back(container.name);
    }
    Conditions conditions(pod, now);
    conditions.add("PodReadyToStartContainers", !facts.ip.empty());
    conditions.add(
        "Initialized",
        undone.empty(),
        {{"reason", "ContainersNotInitialized"},
         {"message",
          fmt::format("containers with incomplete status: [{}]", fmt::join(undone, " "))}});
    conditions.add("Ready", unready.empty(), why);
    conditions.add("ContainersReady", unready.empty(), why);
    conditions.add("PodScheduled", true);

    JsonArray statuses;
    for (auto container : facts.containers) {
        if (!undone.empty()) container.waiting_reason = "PodInitializing";
        statuses.push_back(status_of(container));
    }

    Json status = {{"phase", phase},
                   {"conditions", conditions.take()},
                   {"hostIP", host_address},
                   {"hostIPs", JsonArray{Json{{"ip", host_address}}}},
                   {"startTime", rfc3339(facts.start_time)},
                   {"containerStatuses", std::move(statuses)},
                   {"qosClass", qos_class(pod)}};
    if (!facts.ip.empty()) {
        put(status, {"podIP"}, Json(facts.ip));
        put(status, {"podIPs"}, JsonArray{Json{{"ip", facts.ip}}});
    }
    JsonArray init;
    for (bool is_next = true; const auto& container : facts.init) {
        auto status_here = status_of(container);
        const bool done = is_done(container);
        put(status_here, {"ready"}, done);
        // Whose turn has not come waits for the others, and all for the volumes.
        if (!is_next || facts.ip.empty())
            put(status_here, {"state", "waiting", "reason"}, "PodInitializing");
        is_next = is_next && done;
        init.push_back(std::move(status_here));
    }
    if (!init.empty()) put(status, {"initContainerStatuses"}, std::move(init));
    return status;
}

std::string_view qos_class(const Json& pod) {
    bool any = false;
    bool guaranteed = true;
    for (const auto& container : array_at(pod, {"spec", "containers"})) {
        const auto& limits = object_at(container, {"resources", "limits"});
        const auto& requests = object_at(container, {"resources", "requests"});
        any = any || !limits.empty() || !requests.empty();
        for (const std::string_view what : {"cpu", "memory"}) {
            const auto* limit = limits.if_contains(what);
            const auto* request = requests.if_contains(what);
            guaranteed =
                guaranteed && limit != nullptr && (request == nullptr || *request == *limit);
        }
    }
    if (!any) return "BestEffort";
    return guaranteed ? "Guaranteed" : "Burstable";
}

}  // namespace sluice::lab
