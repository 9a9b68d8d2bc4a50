// Copies of live requests for a version that no user sees (mesh-and-dashboard.md 4.4). What they
// answer is read, counted by the pod's own proxy, and thrown away; nothing that happens to a copy
// is felt by the user.
#pragma once

#include "base/async/task_group.hpp"
#include "lab/mesh/proxy.hpp"

#include <cstddef>
#include <optional>

namespace sluice::mesh {

// How much of a body waits for a pod that takes its copy more slowly than the user's request goes.
// A copy that falls behind further is broken off.
inline constexpr std::size_t copied_body_max = std::size_t{1024} * 1024;
// Copies under way at once; above that the next requests are not copied.
inline constexpr std::size_t copies_max = 1000;
// For a copy of a route without a timeout.
inline constexpr Duration copy_timeout = std::chrono::seconds{15};

// What a request has found out before it is copied.
struct CopiedFrom {
    WorkloadPtr source;
    RouteTablePtr table;
    std::uint16_t asked_port = 80;
    bool is_grpc = false;
};

// The copies of one proxy. Of its thread.
class Mirroring {
   public:
    explicit Mirroring(MeshProxy::State& state) : state_(state) {}

    // One copy for each of the route's mirrors whose turn it is, of a request that is ready to be
    // sent. A streamed body is replaced by one that feeds the copies as the user's is read.
    void begin(Executor executor,
               const Route& route,
               const CopiedFrom& from,
               net::Request& request);
    // Breaks off what is under way, and waits until it has ended.
    Task<> stop();

   private:
    MeshProxy::State& state_;
    std::optional<TaskGroup> copies_;
};

}  // namespace sluice::mesh
