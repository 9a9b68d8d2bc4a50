// What a lab lets its dashboard see and turn beyond what its API server says.
#pragma once

#include "base/core/result.hpp"
#include "base/core/time.hpp"
#include "kube/resource.hpp"
#include "net/http.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::web {

class LabSource {
   public:
    LabSource() = default;
    LabSource(const LabSource&) = delete;
    LabSource& operator=(const LabSource&) = delete;
    virtual ~LabSource() = default;

    // What is done to a pod's answers.
    struct Fault {
        Duration p50{}, p99{};   // so much later
        double error_ratio = 0;  // 0..1
        bool hangs = false;      // nobody is answered, until a container starts again
        Duration slow_start{};   // after each start everybody gets a 503 for so long
    };
    struct Pod {
        kube::ObjectKey key;
        std::string app;                   // what plays it; empty while nothing runs
        std::vector<std::string> listens;  // "127.64.0.2:9898"
        std::optional<Fault> fault = {};
        std::string spared = {};  // why it takes no fault; empty: it does
    };
    virtual std::vector<Pod> pods() const = 0;
    // not_found, or unsupported for a pod whose answers nobody here makes.
    virtual Result<void> set_fault(const kube::ObjectKey& pod,
                                   const std::optional<Fault>& fault) = 0;
    // Ends a container of it. not_found, or unavailable while none runs.
    virtual Result<void> crash(const kube::ObjectKey& pod) = 0;

    // What of the lab is a process of this machine.
    struct Process {
        std::string name;
        std::int64_t pid = 0;
        std::optional<double> cpu_seconds = {};
        std::optional<std::uint64_t> memory = {};  // resident bytes
    };
    virtual std::vector<Process> processes() const = 0;
    struct Proxy {
        std::uint64_t requests = 0;  // since the lab began
        std::uint64_t series = 0;    // 0: not asked for yet
        std::string split;
        std::string mirror_host;  // plain or shadow
        int threads = 1;
    };
    virtual Proxy proxy() const = 0;
    // Where a gateway listens, as the lab itself opened it; in the order of its ports.
    virtual std::vector<net::Origin> doors_of(const kube::ObjectKey& gateway) const = 0;
};

}  // namespace sluice::web
