// All proxies of the mesh in one: takes a request where it enters, follows the table, asks a pod,
// and counts it on both sides (mesh-and-dashboard.md 4.2). Lives on the traffic thread.
#pragma once

#include "base/async/clock.hpp"
#include "base/async/random.hpp"
#include "lab/mesh/deck.hpp"
#include "lab/mesh/istio_metrics.hpp"
#include "lab/mesh/nginx_metrics.hpp"
#include "lab/mesh/route_table.hpp"
#include "net/http.hpp"

#include <memory>
#include <string>
#include <unordered_map>

namespace sluice::mesh {

class Tap;

// Where a request enters. Who calls is known by the door, never by a header.
struct Door {
    enum class Kind {
        gateway,  // a port of a gateway
        sidecar,  // a pod's own way out
        outside,  // programs without a sidecar: no routes, no metrics of their side
    };
    Kind kind = Kind::outside;
    std::string listener = {};         // gateway: "ns/name:port"
    WorkloadPtr workload = outside();  // sidecar: the pod's
};
using DoorPtr = std::shared_ptr<const Door>;

struct ProxyOptions {
    Split split = Split::deck;
    // For a try that neither route nor retries bound: no answer at all for so long ends it.
    Duration silence_max = std::chrono::minutes{5};
    // A mirrored copy is asked for as "podinfo.test-shadow", as up to Istio 1.27.
    bool shadow_host = false;
    // Told of each request while it is on, but of no copies; outlives the proxy. Null: nobody is.
    Tap* tap = nullptr;
};

class MeshProxy {
   public:
    // All outlive the proxy, and the proxy outlives every request.
    MeshProxy(Clock& clock,
              Random& random,
              net::HttpClient& upstream,
              IstioMetrics& metrics,
              ProxyOptions options = {});
    MeshProxy(const MeshProxy&) = delete;
    MeshProxy& operator=(const MeshProxy&) = delete;
    ~MeshProxy();

    // The next request goes by it. Those under way keep theirs.
    void use(RouteTablePtr table);
    const RouteTablePtr& table() const;
    // Requests for this address that come through other doors enter the gateway "ns/name": so its
    // port 80 is reached through the proxy where it could not be bound.
    void know_gateway(const std::string& address, const std::string& gateway);
    void forget_gateway(const std::string& address);

    // What was counted at listeners of NGINX's kind.
    NginxMetrics& nginx_metrics();

    Task<net::Response> serve(DoorPtr door, net::Request request);
    // Ends what still runs for nobody's sake: copies of requests.
    Task<> stop();

    // What the proxy remembers (proxy_state.hpp); shared with what forwards connections.
    struct State;
    State& state() { return *state_; }

   private:
    std::unique_ptr<State> state_;
};

}  // namespace sluice::mesh
