// The lab's mesh as a whole: watches the cluster on the control thread, hands tables to the proxy
// on the traffic thread, and opens and closes the doors through which requests come.
#pragma once

#include "base/async/clock.hpp"
#include "base/async/random.hpp"
#include "lab/apiserver/cluster.hpp"
#include "lab/mesh/deck.hpp"
#include "lab/mesh/install.hpp"
#include "lab/mesh/route_table.hpp"
#include "net/http.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace sluice::mesh {

class Tap;

struct MeshOptions {
    // Which of the 16 blocks of loopback addresses this lab owns (kubernetes.md D.1).
    int block = 0;
    Split split = Split::deck;
    bool shadow_host = false;  // ProxyOptions
    // For programs of the host and for sluice itself; another free port when this one is taken.
    std::string address = "127.0.0.1";
    std::uint16_t proxy_port = 15001;
    // Seeds the proxy's own choices: decks, back-off, request ids.
    std::uint64_t seed = 1;
    std::string version = "dev";
    std::shared_ptr<Tap> tap = nullptr;  // ProxyOptions
};

// Where an injected pod finds its way out: this port of its own address, as with Istio's sidecar.
inline constexpr std::uint16_t egress_port = 15001;
// What a pod with a sidecar finds in its environment, to send its requests there: http_proxy,
// HTTP_PROXY and SLUICE_EGRESS ("http://127.64.0.7:15001"). Nothing without: its calls go plain.
std::map<std::string, std::string> egress_environment(const Json& pod, const std::string& pod_ip);

class Mesh {
   public:
    // `control` runs the cluster, `traffic` the proxy; they may be one. The cluster and the clock
    // outlive the mesh. install_mesh comes first.
    Mesh(Executor control,
         Executor traffic,
         lab::Cluster& cluster,
         Clock& clock,
         MeshOptions options = {});
    Mesh(const Mesh&) = delete;
    Mesh& operator=(const Mesh&) = delete;
    ~Mesh();

    // Watches, listens, and plays the gateway operator. On the control thread.
    Task<Result<void>> start();
    // Closes every door and waits until what was under way has ended. On the control thread; the
    // traffic thread still runs.
    Task<> stop();

    // After start: the proxy for whoever has no sidecar, and what Prometheus scrapes
    // (/stats/prometheus).
    net::Origin proxy() const;
    net::Origin metrics() const;
    // Where a gateway listens, as it was opened here, whatever its objects say; in the order of its
    // ports. On the control thread.
    std::vector<net::Origin> doors_of(const kube::ObjectKey& gateway) const;
    struct Figures {
        std::uint64_t requests = 0;  // that came through any door
        std::uint64_t series = 0;    // told of at the last scrape; 0 before the first
    };
    Figures figures() const;
    // The newest table, of the control thread.
    RouteTablePtr table() const;

   private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace sluice::mesh
