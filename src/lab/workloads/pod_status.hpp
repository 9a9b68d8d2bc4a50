// The status of a Pod from what the kubelet knows of its containers (kubernetes.md D.3). Pure.
#pragma once

#include "base/core/json.hpp"
#include "base/core/time.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::lab {

enum class ContainerPhase {
    waiting,      // not started yet, or its image cannot be had
    starting,     // the runtime is at it
    running,      //
    backing_off,  // has ended and waits to be started again
    finished,     // has ended for good
};

struct Termination {
    int exit_code = 0;
    Time started;
    Time finished;
    std::string container_id;
};

struct ContainerFacts {
    std::string name;
    std::string image;
    ContainerPhase phase = ContainerPhase::waiting;
    std::string waiting_reason = "ContainerCreating";
    std::string waiting_message = {};
    std::string container_id = {};  // "sluice://…"
    Time started_at = {};
    bool started = false;  // the startup probe has passed
    bool ready = false;
    int restarts = 0;
    std::optional<Termination> last = std::nullopt;
};

struct PodFacts {
    std::string ip;
    Time start_time;
    bool leaving = false;
    std::vector<ContainerFacts> containers = {};
    // In the order of spec.initContainers; those that are sidecars are done when they run.
    std::vector<ContainerFacts> init = {};
};

Json pod_status(const Json& pod, const PodFacts& facts, Time now);

// Guaranteed, Burstable or BestEffort.
std::string_view qos_class(const Json& pod);

}  // namespace sluice::lab
