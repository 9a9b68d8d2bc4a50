// The sockets through which requests enter the mesh. Lives on the traffic thread.
#pragma once

#include "base/async/task_group.hpp"
#include "lab/mesh/connections.hpp"
#include "lab/mesh/proxy.hpp"
#include "net/server.hpp"

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace sluice::mesh {

// Read on any thread.
struct Counted {
    std::atomic<std::uint64_t> requests = 0;  // that came through any door
    std::atomic<std::uint64_t> series = 0;    // told of at the last scrape; 0 before the first
};

class Listeners {
   public:
    // All outlive the listeners.
    Listeners(Executor traffic,
              Clock& clock,
              MeshProxy& proxy,
              Connections& connections,
              IstioMetrics& metrics);
    Listeners(const Listeners&) = delete;
    Listeners& operator=(const Listeners&) = delete;
    ~Listeners();

    // Opens a door under a name of its own; port 0 is any free one. A gateway's speaks what its
    // listener does in the proxy's table.
    Result<std::uint16_t> open(const std::string& name,
                               DoorPtr door,
                               const std::string& address,
                               std::uint16_t port);
    // A gateway's port may have become one for connections, or for requests, by a new table.
    void follow_table();
    // Where Prometheus reads: /stats/prometheus.
    Result<std::uint16_t> open_metrics(const std::string& address, std::uint16_t port);
    // Where an open door listens.
    std::optional<std::uint16_t> port_of(const std::string& name) const;
    std::shared_ptr<const Counted> counted() const { return counted_; }
    // Accepts no more; what is under way may finish within the grace.
    void close(const std::string& name, Duration grace);
    // Closes all and waits until what was under way has ended.
    Task<> stop();

   private:
    struct Opening;
    bool wants_connections(const Door& door) const;
    Result<std::uint16_t> start(Opening& opening, std::uint16_t port);
    static Task<> end(std::shared_ptr<Opening> opening, Duration grace);
    Task<> change(std::string name, std::shared_ptr<Opening> before);

    Executor traffic_;
    Clock& clock_;
    MeshProxy& proxy_;
    Connections& connections_;
    IstioMetrics& metrics_;
    std::map<std::string, std::shared_ptr<Opening>> openings_;
    std::shared_ptr<Counted> counted_ = std::make_shared<Counted>();
    TaskGroup closing_;
};

}  // namespace sluice::mesh
