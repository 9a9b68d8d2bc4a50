// Plays the controller of every GatewayClass: gives Gateways an address and opens their doors, puts
// the HTTPRoutes at their parents before the proxy, and says in everybody's status what came of it.
// Lives on the control thread.
#pragma once

#include "base/async/task.hpp"
#include "lab/apiserver/cluster.hpp"
#include "lab/mesh/gateway_attachment.hpp"
#include "lab/mesh/gateway_controller.hpp"
#include "lab/mesh/table_builder.hpp"

#include <functional>
#include <memory>
#include <string>

namespace sluice::mesh {

// Of gateway.networking.k8s.io; Istio's Gateways are another kind.
extern const kube::Resource gateway_classes, entry_gateways, reference_grants;

// One port of one Gateway, as its parents' routes make it. `hostnames` are those of all of the
// port's listeners; a request belongs to the most specific of them and is not looked for elsewhere.
struct EntryRoutes {
    struct Attached {
        std::string hostname;  // the listener's
        std::vector<std::string> hosts;
        std::shared_ptr<const HttpRoute> route;
    };
    std::vector<std::string> hostnames;
    std::vector<Attached> attached;
};
void put_domains(GatewayListener& listener, const EntryRoutes& routes);

class GatewayApi {
   public:
    // Gateways get the addresses 127.(112 + block).64.1, .2 …; `changed` is called when the builder
    // has something new. All outlive this.
    GatewayApi(Executor control,
               lab::Cluster& cluster,
               GatewayDoors& doors,
               int block,
               TableBuilder& builder,
               std::function<void()> changed);
    GatewayApi(const GatewayApi&) = delete;
    GatewayApi& operator=(const GatewayApi&) = delete;
    ~GatewayApi();

    // After install_mesh.
    void start();

   private:
    struct State;
    std::shared_ptr<State> state_;
};

// By which name a Gateway's doors and listeners are known, beside an IstioMeshGateway of the same
// name.
kube::ObjectKey entry_of(const kube::ObjectKey& gateway);

}  // namespace sluice::mesh
