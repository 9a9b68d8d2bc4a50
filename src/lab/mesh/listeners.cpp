#include "lab/mesh/listeners.hpp"

#include "net/streams.hpp"

#include <algorithm>

namespace sluice::mesh {

namespace {

constexpr auto stop_grace = std::chrono::seconds{1};

class DoorHandler final : public net::Handler {
   public:
    DoorHandler(MeshProxy& proxy, DoorPtr door, std::shared_ptr<Counted> counted)
        : proxy_(proxy), door_(std::move(door)), counted_(std::move(counted)) {}
    Task<net::Response> handle(net::Request request) override {
        counted_->requests.fetch_add(1, std::memory_order_relaxed);
        return proxy_.serve(door_, std::move(request));
    }

   private:
    MeshProxy& proxy_;
    DoorPtr door_;
    std::shared_ptr<Counted> counted_;
};

// Lines that are no comments.
std::uint64_t samples_of(std::string_view exposition) {
    std::uint64_t samples = 0;
    for (std::size_t at = 0; at < exposition.size();) {
        const auto end = std::min(exposition.find('\n', at), exposition.size());
        if (end > at && exposition[at] != '#') ++samples;
        at = end + 1;
    }
    return samples;
}

class ConnectionHandler final : public net::StreamHandler {
   public:
    ConnectionHandler(Connections& connections, DoorPtr door)
        : connections_(connections), door_(std::move(door)) {}
    Task<> handle(std::unique_ptr<net::DuplexStream> stream, std::string) override {
        return connections_.serve(door_, std::move(stream));
    }

   private:
    Connections& connections_;
    DoorPtr door_;
};

class MetricsHandler final : public net::Handler {
   public:
    MetricsHandler(Clock& clock,
                   MeshProxy& proxy,
                   IstioMetrics& metrics,
                   std::shared_ptr<Counted> counted)
        : clock_(clock), proxy_(proxy), metrics_(metrics), counted_(std::move(counted)) {}
    Task<net::Response> handle(net::Request request) override {
        if (request.target != "/stats/prometheus") co_return net::Response{.status = 404};
        metrics_.forget_gone(*proxy_.table(), clock_.now());
        const auto agent = request.headers.get("user-agent").value_or("");
        net::Response response{
            .headers = {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}}};
        const auto reading = agent.starts_with("Prometheus/") ? IstioMetrics::Reading::scrape
                                                              : IstioMetrics::Reading::look;
        response.body = metrics_.exposition(reading) + proxy_.nginx_metrics().exposition(reading);
        if (reading == IstioMetrics::Reading::scrape) counted_->series = samples_of(response.body);
        co_return response;
    }

   private:
    Clock& clock_;
    MeshProxy& proxy_;
    IstioMetrics& metrics_;
    std::shared_ptr<Counted> counted_;
};

}  // namespace

struct Listeners::Opening {
    DoorPtr door = nullptr;
    std::string address = {};
    std::uint16_t port = 0;
    // One of both pairs.
    std::unique_ptr<net::Handler> handler = nullptr;
    std::unique_ptr<net::HttpServer> server = nullptr;
    std::unique_ptr<net::StreamHandler> stream_handler = nullptr;
    std::unique_ptr<net::StreamServer> stream_server = nullptr;
};

Listeners::Listeners(Executor traffic,
                     Clock& clock,
                     MeshProxy& proxy,
                     Connections& connections,
                     IstioMetrics& metrics)
    : traffic_(traffic),
      clock_(clock),
      proxy_(proxy),
      connections_(connections),
      metrics_(metrics),
      closing_(traffic) {}
Listeners::~Listeners() = default;

bool Listeners::wants_connections(const Door& door) const {
    if (door.kind != Door::Kind::gateway) return false;
    const auto listener = proxy_.table()->listener(door.listener);
    return listener != nullptr && listener->protocol != GatewayListener::Protocol::http;
}

Result<std::uint16_t> Listeners::start(Opening& opening, std::uint16_t port) {
    Result<std::uint16_t> bound = std::uint16_t{0};
    if (wants_connections(*opening.door)) {
        opening.stream_handler = std::make_unique<ConnectionHandler>(connections_, opening.door);
        opening.stream_server =
            std::make_unique<net::StreamServer>(traffic_, clock_, *opening.stream_handler);
        bound = opening.stream_server->listen(opening.address, port);
    } else {
        opening.handler = std::make_unique<DoorHandler>(proxy_, opening.door, counted_);
        net::ServerOptions options;
        options.stream_bodies = true;
        opening.server =
            std::make_unique<net::HttpServer>(traffic_, clock_, *opening.handler, options);
        bound = opening.server->listen(opening.address, port);
    }
    if (bound) opening.port = *bound;
    return bound;
}

Result<std::uint16_t> Listeners::open(const std::string& name,
                                      DoorPtr door,
                                      const std::string& address,
                                      std::uint16_t port) {
    auto opening = std::make_shared<Opening>(Opening{.door = std::move(door), .address = address});
    auto bound = start(*opening, port);
    if (bound) openings_[name] = std::move(opening);
    return bound;
}

void Listeners::follow_table() {
    for (auto& [name, opening] : openings_) {
        if (opening->door == nullptr || opening->port == 0) continue;
        const bool has_connections = opening->stream_server != nullptr;
        if (has_connections == wants_connections(*opening->door)) continue;
        // Closed until `change` has opened it again at the same port.
        auto before = std::move(opening);
        opening =
            std::make_shared<Opening>(Opening{.door = before->door, .address = before->address});
        closing_.spawn("changing listener " + name, change(name, std::move(before)));
    }
}

// What the table wants may have changed again meanwhile; it is asked when the port is free.
Task<> Listeners::change(std::string name, std::shared_ptr<Opening> before) {
    const auto port = before->port;
    co_await end(std::move(before), Duration::zero());
    const auto found = openings_.find(name);
    if (found == openings_.end() || found->second->port != 0) co_return;
    // A port that cannot be had again stays closed: visibly, to whoever connects.
    (void)start(*found->second, port);
}

Result<std::uint16_t> Listeners::open_metrics(const std::string& address, std::uint16_t port) {
    auto opening = std::make_shared<Opening>();
    opening->handler = std::make_unique<MetricsHandler>(clock_, proxy_, metrics_, counted_);
    opening->server = std::make_unique<net::HttpServer>(traffic_, clock_, *opening->handler);
    auto bound = opening->server->listen(address, port);
    if (bound) opening->port = *bound;
    if (bound) openings_["metrics"] = std::move(opening);
    return bound;
}

std::optional<std::uint16_t> Listeners::port_of(const std::string& name) const {
    const auto found = openings_.find(name);
    if (found == openings_.end() || found->second->port == 0) return std::nullopt;
    return found->second->port;
}

void Listeners::close(const std::string& name, Duration grace) {
    const auto found = openings_.find(name);
    if (found == openings_.end()) return;
    closing_.spawn("closing listener " + name, end(std::move(found->second), grace));
    openings_.erase(found);
}

Task<> Listeners::stop() {
    while (!openings_.empty()) close(openings_.begin()->first, stop_grace);
    co_await closing_.wait();
}

Task<> Listeners::end(std::shared_ptr<Opening> opening, Duration grace) {
    if (opening->server != nullptr) co_await opening->server->stop(grace);
    if (opening->stream_server != nullptr) co_await opening->stream_server->stop(grace);
}

}  // namespace sluice::mesh
