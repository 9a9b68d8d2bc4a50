// Plays the controller of ingress-nginx: puts the Ingresses of its classes before the proxy, opens
// one door for all of them, and writes its address into their status. Lives on the control thread.
#pragma once

#include "lab/apiserver/cluster.hpp"
#include "lab/mesh/gateway_controller.hpp"
#include "lab/mesh/table_builder.hpp"

#include <functional>
#include <memory>

namespace sluice::mesh {

extern const kube::Resource ingress_classes;
// Its Service, made with the first Ingress of one of its classes; also the name of its door.
extern const kube::ObjectKey nginx_service;

class NginxController {
   public:
    // At 127.(112 + block).128.1. `changed` is called when the builder has something new. All
    // outlive the controller.
    NginxController(Executor control,
                    lab::Cluster& cluster,
                    GatewayDoors& doors,
                    int block,
                    TableBuilder& builder,
                    std::function<void()> changed);
    NginxController(const NginxController&) = delete;
    NginxController& operator=(const NginxController&) = delete;
    ~NginxController();

    // After install_mesh.
    void start();

   private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace sluice::mesh
