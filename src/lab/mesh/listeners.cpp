#include "lab/mesh/listeners.hpp"

namespace sluice::mesh {

namespace {

constexpr auto stop_grace = std::chrono::seconds{1};

class DoorHandler final : public net::Handler {
   public:
    DoorHandler(MeshProxy& proxy, DoorPtr door) : proxy_(proxy), door_(std::move(door)) {}
    Task<net::Response> handle(net::Request request) override {
        return proxy_.serve(door_, std::move(request));
    }

   private:
    MeshProxy& proxy_;
    DoorPtr door_;
};

class MetricsHandler final : public net::Handler {
   public:
    MetricsHandler(Clock& clock, MeshProxy& proxy, IstioMetrics& metrics)
        : clock_(clock), proxy_(proxy), metrics_(metrics) {}
    Task<net::Response> handle(net::Request request) override {
        if (request.target != "/stats/prometheus") co_return net::Response{.status = 404};
        metrics_.forget_gone(*proxy_.table(), clock_.now());
        const auto agent = request.headers.get("user-agent").value_or("");
        net::Response response{
            .headers = {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}}};
        const auto reading = agent.starts_with("Prometheus/") ? IstioMetrics::Reading::scrape
                                                              : IstioMetrics::Reading::look;
        response.body = metrics_.exposition(reading) + proxy_.nginx_metrics().exposition(reading);
        co_return response;
    }

   private:
    Clock& clock_;
    MeshProxy& proxy_;
    IstioMetrics& metrics_;
};

}  // namespace

struct Listeners::Opening {
    std::unique_ptr<net::Handler> handler;
    std::unique_ptr<net::HttpServer> server;
    std::uint16_t port = 0;
};

Listeners::Listeners(Executor traffic, Clock& clock, MeshProxy& proxy, IstioMetrics& metrics)
    : traffic_(traffic), clock_(clock), proxy_(proxy), metrics_(metrics), closing_(traffic) {}
Listeners::~Listeners() = default;

Result<std::uint16_t> Listeners::open(const std::string& name,
                                      DoorPtr door,
                                      const std::string& address,
                                      std::uint16_t port) {
    auto opening = std::make_shared<Opening>();
    opening->handler = std::make_unique<DoorHandler>(proxy_, std::move(door));
    net::ServerOptions options;
    options.stream_bodies = true;
    opening->server =
        std::make_unique<net::HttpServer>(traffic_, clock_, *opening->handler, options);
    auto bound = opening->server->listen(address, port);
    if (!bound) return bound;
    opening->port = *bound;
    openings_[name] = std::move(opening);
    return bound;
}

Result<std::uint16_t> Listeners::open_metrics(const std::string& address, std::uint16_t port) {
    auto opening = std::make_shared<Opening>();
    opening->handler = std::make_unique<MetricsHandler>(clock_, proxy_, metrics_);
    opening->server = std::make_unique<net::HttpServer>(traffic_, clock_, *opening->handler);
    auto bound = opening->server->listen(address, port);
    if (bound) openings_["metrics"] = std::move(opening);
    return bound;
}

std::optional<std::uint16_t> Listeners::port_of(const std::string& name) const {
    const auto found = openings_.find(name);
    return found == openings_.end() ? std::nullopt : std::optional(found->second->port);
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
    co_await opening->server->stop(grace);
}

}  // namespace sluice::mesh
