// When a container is asked how it does, and what its answers mean (kubernetes.md D.3). Pure.
#pragma once

#include "lab/workloads/pod_runtime.hpp"

namespace sluice::lab {

enum class ProbeKind { startup, readiness, liveness };

struct ProbeSpec {
    ProbeHow how = ProbeHow::http;
    std::uint16_t port = 0;
    std::string path = "/";
    std::string host = {};
    std::vector<std::pair<std::string, std::string>> headers = {};
    std::vector<std::string> command = {};
    Duration initial_delay = {};
    Duration period = std::chrono::seconds{10};
    Duration timeout = std::chrono::seconds{1};
    int success_threshold = 1;
    int failure_threshold = 3;
};

// Of a container of a Pod's spec; nothing when it has no such probe.
std::optional<ProbeSpec> probe_of(const Json& container, ProbeKind kind);
// What its lifecycle.preStop.httpGet asks before it is stopped.
std::optional<ProbeSpec> pre_stop_call_of(const Json& container);

// What `podcli check http URL` asks, localhost meaning the pod itself; nothing for any other
// command.
std::optional<ProbeCall> podcli_check(const ProbeCall& call);

// One probe of one life of a container.
struct ProbeTrack {
    std::optional<ProbeSpec> spec = std::nullopt;
    Time next = Time::max();
    bool in_flight = false;
    int successes = 0;
    int failures = 0;
    // Readiness and startup begin as not passing, liveness as passing.
    bool passing = false;

    // The answer to what was asked at `asked`. The next time is a whole number of periods later and
    // after `steady_until`.
    void answered(bool passed, Time asked, std::optional<Time> steady_until);
    // It may answer otherwise now: ask again in due time.
    void wake(Time now);
};

}  // namespace sluice::lab
