// The proxy's way with bytes that are no HTTP: each connection is given to one destination, by the
// weights, and forwarded in both directions (mesh-and-dashboard.md 1.8b).
#pragma once

#include "lab/mesh/proxy.hpp"
#include "net/streams.hpp"

#include <memory>
#include <string>

namespace sluice::mesh {

class Connections {
   public:
    // Both outlive it, and it outlives every connection.
    Connections(MeshProxy& proxy, net::Connector& upstream);
    Connections(const Connections&) = delete;
    Connections& operator=(const Connections&) = delete;
    ~Connections();

    // A connection to a gateway's TCP or TLS port, until both sides have ended.
    Task<> serve(DoorPtr door, std::unique_ptr<net::DuplexStream> caller);
    // For a pod that asks its sidecar for a tunnel to "redis.test:6379" (CONNECT).
    Task<net::Response> tunnel(DoorPtr door, std::string authority);
    // The bytes beyond it.
    Task<Result<std::unique_ptr<net::DuplexStream>>> open(DoorPtr door, std::string authority);

   private:
    struct Aim;

    Task<Result<std::unique_ptr<net::DuplexStream>>> connect(std::shared_ptr<Aim> aim,
                                                             Routing routing);

    MeshProxy::State& state_;
    net::Connector& upstream_;
};

}  // namespace sluice::mesh
