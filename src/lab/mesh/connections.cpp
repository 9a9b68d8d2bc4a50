#include "lab/mesh/connections.hpp"

#include "base/async/deadline.hpp"
#include "lab/mesh/proxy_state.hpp"
#include "lab/mesh/sni.hpp"

namespace sluice::mesh {

namespace {

constexpr Duration connect_timeout = std::chrono::seconds{10};
constexpr Duration idle_timeout = std::chrono::hours{1};
constexpr Duration hello_timeout = std::chrono::seconds{15};
constexpr Duration told_every = std::chrono::seconds{5};
constexpr std::size_t hello_max = std::size_t{64} * 1024;

}  // namespace

// Where a connection goes, and what has come of it.
struct Connections::Aim {
    MeshProxy::State& state;
    WorkloadPtr source;
    RouteTablePtr table;
    WorkloadPtr destination = outside();
    ServiceNames names = {};
    Flag flags = Flag::none;
    std::string bytes_before = {};  // read on the way here

    // Both proxies tell of it, where there are two and something was reached.
    void tell(ConnectionRecord record) const {
        record.flags = flags;
        record.service = names;
        record.reporter = Reporter::source;
        if (source->in_mesh) state.metrics.add(record);
        record.reporter = Reporter::destination;
        if (destination->in_mesh) state.metrics.add(record);
    }
    ConnectionRecord nothing() const { return {.source = source, .destination = destination}; }
    Error refuse(Flag flag, std::string why) {
        flags = flag;
        auto record = nothing();
        record.opened = record.closed = 1;
        tell(record);
        return {ErrorKind::unreachable, std::move(why)};
    }
};

namespace {

// The stream to a pod, which counts what goes through it.
template <typename Aim>
class CountedStream final : public net::DuplexStream {
   public:
    CountedStream(std::shared_ptr<Aim> aim,
                  std::unique_ptr<net::DuplexStream> stream,
                  std::uint64_t endpoint,
                  std::optional<ClusterMemory::Place> place)
        : aim_(std::move(aim)),
          stream_(std::move(stream)),
          endpoint_(endpoint),
          place_(std::move(place)) {
        ++aim_->state.active[endpoint_];
        auto record = aim_->nothing();
        record.opened = 1;
        aim_->tell(record);
        told_ = aim_->state.clock.now();
    }
    ~CountedStream() override {
        auto& active = aim_->state.active;
        if (const auto at = active.find(endpoint_); at != active.end() && --at->second <= 0)
            active.erase(at);
        tell(1);
    }

    Task<Result<std::string>> read() override {
        auto bytes = co_await stream_->read();
        if (bytes) sent_ += bytes->size();
        tell_now_and_then();
        co_return bytes;
    }
    Task<Result<void>> write(std::string bytes) override {
        const auto size = bytes.size();
        auto written = co_await stream_->write(std::move(bytes));
        if (written) received_ += size;
        tell_now_and_then();
        co_return written;
    }
    void end_writing() override { stream_->end_writing(); }
    void close() override { stream_->close(); }

   private:
    void tell(std::uint64_t closed) {
        auto record = aim_->nothing();
        record.closed = closed;
        record.sent = std::exchange(sent_, 0);
        record.received = std::exchange(received_, 0);
        aim_->tell(record);
        told_ = aim_->state.clock.now();
    }
    void tell_now_and_then() {
        if (aim_->state.clock.now() - told_ >= told_every) tell(0);
    }

    std::shared_ptr<Aim> aim_;
    std::unique_ptr<net::DuplexStream> stream_;
    std::uint64_t endpoint_;
    std::optional<ClusterMemory::Place> place_;
    std::uint64_t sent_ = 0, received_ = 0;
    Time told_{};
};

// One direction, until its end. Trouble ends the other one, too.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): all outlive both.
Task<> forward(Clock& clock, net::DuplexStream& from, net::DuplexStream& to) {
    while (true) {
        auto bytes = co_await with_deadline(clock, idle_timeout, from.read());
        if (bytes && bytes->empty()) {
            to.end_writing();
            co_return;
        }
        const bool is_well = bytes && co_await to.write(std::move(*bytes));
        if (is_well) continue;
        from.close();
        to.close();
        co_return;
    }
}

}  // namespace

Connections::Connections(MeshProxy& proxy, net::Connector& upstream)
    : state_(proxy.state()), upstream_(upstream) {
    state_.tunnels = this;
}

Connections::~Connections() {
    state_.tunnels = nullptr;
}

Task<net::Response> Connections::tunnel(DoorPtr door, std::string authority) {
    auto beyond = co_await open(std::move(door), std::move(authority));
    if (beyond) co_return net::Response{.upgraded = std::move(*beyond)};
    net::Response refusal{.status = 503, .headers = {{"server", "istio-envoy"}}};
    refusal.body = beyond.error().message;
    co_return refusal;
}

Task<> Connections::serve(DoorPtr door, std::unique_ptr<net::DuplexStream> caller) {
    const auto table = state_.table;
    const auto listener = table->listener(door->listener);
    if (listener == nullptr) co_return;
    auto aim = std::make_shared<Aim>(Aim{state_, listener->workload, table});
    std::string name;
    if (listener->protocol == GatewayListener::Protocol::tls) {
        const auto due = state_.clock.now() + hello_timeout;
        while (true) {
            const auto left = std::max(Duration::zero(), due - state_.clock.now());
            auto bytes = co_await with_deadline(state_.clock, left, caller->read());
            if (!bytes || bytes->empty() || aim->bytes_before.size() > hello_max) co_return;
            aim->bytes_before += *bytes;
            const auto hello = read_client_hello(aim->bytes_before);
            if (hello.is_partial) continue;
            name = hello.name.value_or("");
            break;
        }
    }
    const RequestHead head{.authority = name};
    auto callee = co_await connect(aim, table->connection_at_gateway(*listener, head));
    if (!callee) co_return;
    if (!aim->bytes_before.empty()) {
        const auto sent = co_await (*callee)->write(std::exchange(aim->bytes_before, {}));
        if (!sent) co_return;
    }
    using boost::asio::experimental::awaitable_operators::operator&&;
    co_await (forward(state_.clock, *caller, **callee) && forward(state_.clock, **callee, *caller));
}

Task<Result<std::unique_ptr<net::DuplexStream>>> Connections::open(DoorPtr door,
                                                                   std::string authority) {
    const auto table = state_.table;
    auto aim = std::make_shared<Aim>(Aim{state_, door->workload, table});
    const auto parts = parse_authority(authority);
    RequestHead head{.authority = authority, .address = parse_ipv4(parts.host), .parts = &parts};
    if (const auto* called = table->service_called(parts.host, door->workload->ns);
        called != nullptr && !head.address)
        head.address = parse_ipv4(called->cluster_ip);
    co_return co_await connect(aim, table->connection_from_sidecar(*door->workload, head));
}

Task<Result<std::unique_ptr<net::DuplexStream>>> Connections::connect(std::shared_ptr<Aim> aim,
                                                                      Routing routing) {
    Upstream upstream;
    switch (routing.kind) {
        case Routing::Kind::no_route:
        case Routing::Kind::passthrough:
            co_return aim->refuse(Flag::no_route, "no route takes this connection");
        case Routing::Kind::service:
            upstream = aim->table->upstream_of(*routing.service, aim->source->ns, routing.port);
            break;
        case Routing::Kind::route: {
            if (routing.route->destinations.empty())
                co_return aim->refuse(Flag::no_route, "no route takes this connection");
            const auto& destination =
                routing.route
                    ->destinations[state_.choose_destination(*routing.route, *aim->source)];
            upstream = aim->table->upstream(destination, aim->source->ns, routing.port);
            if (upstream.service == nullptr) aim->names = {destination.host, "unknown", "unknown"};
            break;
        }
    }
    if (upstream.service != nullptr)
        aim->names = {upstream.service->host, upstream.service->name, upstream.service->ns};
    if (upstream.kind == Upstream::Kind::no_cluster)
        co_return aim->refuse(Flag::no_cluster, "no such service or port");

    const auto memory = state_.memory_of(upstream, *aim->source);
    std::optional<ClusterMemory::Place> place;
    if (memory != nullptr) {
        place = ClusterMemory::take_now(memory, upstream.policy->limits);
        if (!place) co_return aim->refuse(Flag::overflow, "too many connections");
    }
    const auto* endpoint = state_.choose_endpoint(upstream, {}, memory.get());
    if (endpoint == nullptr) co_return aim->refuse(Flag::no_healthy_upstream, "no pod is ready");
    auto stream = co_await upstream_.connect(endpoint->address, endpoint->port, connect_timeout);
    state_.report(upstream,
                  memory.get(),
                  *endpoint,
                  stream ? OutlierDetector::Result::good : OutlierDetector::Result::local_failure);
    if (!stream) co_return aim->refuse(Flag::upstream_failure, stream.error().message);
    if (endpoint->workload != nullptr) aim->destination = endpoint->workload;
    const auto id = endpoint->id;
    co_return std::unique_ptr<net::DuplexStream>(std::make_unique<CountedStream<Aim>>(
        std::move(aim), std::move(*stream), id, std::move(place)));
}

}  // namespace sluice::mesh
