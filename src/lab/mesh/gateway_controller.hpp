// Plays Cisco's Istio operator for IstioMeshGateways: makes their objects, opens their doors,
// reports their address (mesh-and-dashboard.md 3.3). Lives on the control thread.
#pragma once

#include "lab/apiserver/cluster.hpp"
#include "lab/workloads/event_recorder.hpp"
#include "lab/workloads/key_queue.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace sluice::mesh {

// Where a gateway really listens: service port to bound port.
using BoundPorts = std::map<std::uint16_t, std::uint16_t>;

// Opens the ports of gateways on whatever thread sockets live.
class GatewayDoors {
   public:
    using Opened = std::function<void(Result<BoundPorts>)>;

    GatewayDoors() = default;
    GatewayDoors(const GatewayDoors&) = delete;
    GatewayDoors& operator=(const GatewayDoors&) = delete;
    virtual ~GatewayDoors() = default;

    // `opened` is called later, on the control thread. Each port at its own number where that
    // works, else at another one.
    virtual void open(const lab::ObjectKey& gateway,
                      const std::string& address,
                      std::vector<std::uint16_t> ports,
                      Opened opened) = 0;
    virtual void close(const lab::ObjectKey& gateway, const std::string& address) = 0;
};

class GatewayController {
   public:
    // Gateways get the addresses 127.(112 + block).0.1, .2 … All outlive the controller.
    GatewayController(Executor control, lab::Cluster& cluster, GatewayDoors& doors, int block);

    // After install_mesh.
    void start();

   private:
    struct Gateway {
        std::string address;
        std::vector<std::uint16_t> asked;
        bool is_opening = false;
        std::optional<Result<BoundPorts>> bound;
    };

    void reconcile(const lab::ObjectKey& key);
    void close(const lab::ObjectKey& key);
    bool make_objects(const Json& gateway);
    bool open_doors(const Json& gateway, Gateway& mine);
    void show_address(const Json& gateway, const Gateway& mine);
    void report(const Json& gateway,
                std::string_view status,
                const JsonArray& addresses,
                std::string_view error);
    std::string free_address() const;
    void on_child(const lab::Change& change);

    lab::Cluster& cluster_;
    GatewayDoors& doors_;
    int block_;
    lab::EventRecorder events_;
    std::map<lab::ObjectKey, Gateway> gateways_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    lab::KeyQueue queue_;
    std::vector<lab::Subscription> subscriptions_;
};

}  // namespace sluice::mesh
