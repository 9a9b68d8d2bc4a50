// Istio's standard metrics, as its proxies report them: one series for each pair of workloads and
// outcome, from the caller's side and from the callee's (mesh-and-dashboard.md 2).
#pragma once

#include "lab/mesh/route_table.hpp"
#include "lab/mesh/workload.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::mesh {

enum class Reporter { source, destination };

// Envoy's response flags, in the order in which they are shown together.
enum class Flag : std::uint16_t {
    none = 0,
    no_healthy_upstream = 1 << 0,  // UH
    upstream_failure = 1 << 1,     // UF
    upstream_timeout = 1 << 2,     // UT
    upstream_terminated = 1 << 3,  // UC
    no_route = 1 << 4,             // NR
    no_cluster = 1 << 5,           // NC
    retry_limit = 1 << 6,          // URX
    downstream_closed = 1 << 7,    // DC
    overflow = 1 << 8,             // UO
    delay_injected = 1 << 9,       // DI
    fault_injected = 1 << 10,      // FI
};
constexpr Flag operator|(Flag a, Flag b) {
    return static_cast<Flag>(static_cast<std::uint16_t>(a) | static_cast<std::uint16_t>(b));
}
// "-", "UH", "UF,URX".
std::string to_text(Flag flags);

struct ServiceNames {
    std::string_view host = "unknown", name = "unknown", ns = "unknown";
};

struct RequestRecord {
    Reporter reporter = Reporter::source;
    const WorkloadPtr& source;
    const WorkloadPtr& destination;
    ServiceNames service = {};
    int code = 0;  // 0: nothing was answered
    Flag flags = Flag::none;
    bool is_grpc = false;
    std::optional<int> grpc_status = std::nullopt;
    double milliseconds = 0;
    std::uint64_t request_bytes = 0;
    std::uint64_t response_bytes = 0;
};

// What a connection has done since it was last told of.
struct ConnectionRecord {
    Reporter reporter = Reporter::source;
    const WorkloadPtr& source;
    const WorkloadPtr& destination;
    ServiceNames service = {};
    Flag flags = Flag::none;
    std::uint64_t opened = 0, closed = 0;
    std::uint64_t sent = 0, received = 0;  // bytes toward the caller, and from it
};

// Envoy's bounds, without +Inf: milliseconds and bytes alike.
extern const std::array<double, 19> histogram_bounds;

// Of one thread. Adding to a series that exists allocates nothing.
class IstioMetrics {
   public:
    struct Options {
        std::size_t label_sets_max = 20'000;
        std::string version;  // of sluice, for the build info
    };

    explicit IstioMetrics(Options options);
    IstioMetrics(const IstioMetrics&) = delete;
    IstioMetrics& operator=(const IstioMetrics&) = delete;
    ~IstioMetrics();

    void add(const RequestRecord& record);
    void add(const ConnectionRecord& record);

    // `scrape` is for Prometheus: a label set that is new shows 0 the first time, because
    // Prometheus takes the first sample it sees as the base line, and a canary's first errors would
    // be lost. `look` is for people and changes nothing.
    enum class Reading { scrape, look };
    std::string exposition(Reading reading);

    // Forgets label sets whose workload has been gone for five minutes.
    void forget_gone(const RouteTable& table, Time now);
    std::size_t label_sets() const;

    // Gauges of the proxy itself.
    std::int64_t requests_in_flight = 0;
    std::int64_t upstream_active = 0;
    std::uint64_t config_generation = 0;

   private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace sluice::mesh
