#include "lab/mesh/mesh.hpp"

#include "base/async/signal.hpp"
#include "base/async/task_group.hpp"
#include "lab/mesh/gateway_api.hpp"
#include "lab/mesh/gateway_controller.hpp"
#include "lab/mesh/listeners.hpp"
#include "lab/mesh/nginx_controller.hpp"
#include "lab/mesh/table_builder.hpp"
#include "net/client.hpp"

#include <boost/asio/post.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::mesh {

namespace resources = kube::resources;
using kube::ObjectKey;

namespace {

constexpr auto pod_grace = std::chrono::seconds{5};
constexpr auto door_grace = std::chrono::seconds{1};

// All that lives on the traffic thread: made before it runs, used and ended there only.
struct Traffic {
    Traffic(Executor executor, Clock& clock, const MeshOptions& options)
        : tap(options.tap),
          random(options.seed),
          upstream(executor, clock),
          streams(clock),
          metrics({.version = options.version}),
          proxy(clock,
                random,
                upstream,
                metrics,
                {.split = options.split,
                 .shadow_host = options.shadow_host,
                 .tap = options.tap.get()}),
          connections(proxy, streams),
          listeners(executor, clock, proxy, connections, metrics) {}

    std::shared_ptr<Tap> tap;
    SeededRandom random;
    net::SocketClient upstream;
    net::TcpConnector streams;
    IstioMetrics metrics;
    MeshProxy proxy;
    Connections connections;
    Listeners listeners;
};

std::string gateway_door(const ObjectKey& gateway, std::uint16_t port) {
    return fmt::format("{}:{}", to_string(gateway), port);
}

// At its own number, else at one that tells which it stands for, else at any.
Result<std::uint16_t> open_somewhere(Traffic& traffic,
                                     const std::string& name,
                                     const std::string& address,
                                     std::uint16_t port) {
    const auto door = std::make_shared<const Door>(Door{Door::Kind::gateway, name});
    auto bound = traffic.listeners.open(name, door, address, port);
    const auto stand_in = 18000 + port;
    if (!bound && stand_in < 65536)
        bound = traffic.listeners.open(name, door, address, static_cast<std::uint16_t>(stand_in));
    if (!bound) bound = traffic.listeners.open(name, door, address, 0);
    return bound;
}

bool is_gateway_pod(const Json& pod) {
    return text_at(pod, {"metadata", "annotations", "inject.istio.io/templates"})
        .starts_with("gateway");
}

}  // namespace

std::map<std::string, std::string> egress_environment(const Json& pod, const std::string& pod_ip) {
    if (!has_sidecar(pod) || is_gateway_pod(pod) || pod_ip.empty()) return {};
    const auto way_out = fmt::format("http://{}:{}", pod_ip, egress_port);
    return {{"http_proxy", way_out}, {"HTTP_PROXY", way_out}, {"SLUICE_EGRESS", way_out}};
}

struct Mesh::State final : GatewayDoors, std::enable_shared_from_this<Mesh::State> {
    State(Executor the_control,
          Executor the_traffic,
          lab::Cluster& the_cluster,
          Clock& the_clock,
          MeshOptions the_options)
        : control(the_control),
          traffic_executor(the_traffic),
          cluster(the_cluster),
          clock(the_clock),
          options(std::move(the_options)),
          traffic(std::make_unique<Traffic>(traffic_executor, clock, options)),
          closing(traffic_executor),
          gateways(control, cluster, *this, options.block),
          gateway_api(control, cluster, *this, options.block, builder, [this] { flush_soon(); }),
          nginx(control, cluster, *this, options.block, builder, [this] { flush_soon(); }),
          counted(traffic->listeners.counted()),
          answered(control) {}

    // Runs on the traffic thread, while there is one.
    template <typename Work>
    void on_traffic(Work work) {
        boost::asio::post(traffic_executor,
                          [self = shared_from_this(), work = std::move(work)]() mutable {
                              if (self->traffic != nullptr) work(*self->traffic);
                          });
    }
    template <typename Work>
    void on_control(Work work) {
        boost::asio::post(control, [self = shared_from_this(), work = std::move(work)]() mutable {
            work(*self);
        });
    }

    void watch();
    void flush_soon();
    void on_pod(const lab::Change& change);
    void on_namespace();
    void open_sidecar(const ObjectKey& pod, const std::string& address, WorkloadPtr workload);

    void open(const ObjectKey& gateway,
              const std::string& address,
              std::vector<std::uint16_t> ports,
              Opened opened) override;
    void close(const ObjectKey& gateway, const std::string& address) override;

    Task<Result<void>> open_own_doors();
    static Task<> end_traffic(std::shared_ptr<State> self);

    Executor control, traffic_executor;
    lab::Cluster& cluster;
    Clock& clock;
    MeshOptions options;
    std::unique_ptr<Traffic> traffic;
    TaskGroup closing;  // of the traffic thread

    TableBuilder builder;
    RouteTablePtr table = std::make_shared<const RouteTable>();
    bool is_flush_due = false;
    std::map<ObjectKey, std::string> sidecars;  // addresses of pods with a way out
    GatewayController gateways;
    GatewayApi gateway_api;
    NginxController nginx;
    std::map<ObjectKey, std::vector<std::uint16_t>> gateway_ports;
    std::map<ObjectKey, std::vector<net::Origin>> open_doors;
    std::shared_ptr<const Counted> counted;
    std::vector<lab::Subscription> subscriptions;

    Signal answered;
    std::optional<Result<std::uint16_t>> proxy_port, metrics_port;
    bool has_ended = false;
};

// A change reaches the proxy with the next turn of both threads: far within the 50 ms of DP-5.
void Mesh::State::flush_soon() {
    if (is_flush_due || !builder.is_dirty()) return;
    is_flush_due = true;
    on_control([](State& self) {
        self.is_flush_due = false;
        self.table = self.builder.build();
        self.on_traffic([table = self.table](Traffic& there) {
            there.proxy.use(table);
            there.listeners.follow_table();
        });
    });
}

void Mesh::State::watch() {
    using Put = void (TableBuilder::*)(const ObjectKey&, const Json*);
    const std::pair<kube::Resource, Put> kinds[]{
        {resources::virtual_services, &TableBuilder::virtual_service},
        {resources::destination_rules, &TableBuilder::destination_rule},
        {resources::gateways, &TableBuilder::gateway},
        {resources::istio_mesh_gateways, &TableBuilder::mesh_gateway},
        {resources::services, &TableBuilder::service},
        {resources::endpoint_slices, &TableBuilder::endpoint_slice},
        {resources::pods, &TableBuilder::pod},
    };
    for (const auto& [resource, put_kind] : kinds) {
        subscriptions.push_back(
            cluster.watch(resource, [this, put_object = put_kind](const lab::Change& change) {
                const bool is_gone = change.kind == lab::ChangeKind::deleted;
                (builder.*put_object)(kube::key_of(*change.object),
                                      is_gone ? nullptr : change.object.get());
                flush_soon();
            }));
    }
    subscriptions.push_back(
        cluster.watch(resources::pods, [this](const lab::Change& change) { on_pod(change); }));
    subscriptions.push_back(
        cluster.watch(resources::namespaces, [this](const lab::Change&) { on_namespace(); }));
}

// Opens a pod's way out when it has an address, and closes it when the pod is gone.
void Mesh::State::on_pod(const lab::Change& change) {
    const auto& pod = *change.object;
    const auto key = kube::key_of(pod);
    const auto phase = text_at(pod, {"status", "phase"});
    const std::string address(text_at(pod, {"status", "podIP"}));
    const bool has_ended_now = change.kind == lab::ChangeKind::deleted || phase == "Succeeded" ||
                               phase == "Failed" || address.empty();
    const auto known = sidecars.find(key);
    if (known != sidecars.end() && (has_ended_now || known->second != address)) {
        const auto name = "sidecar " + to_string(key);
        on_traffic([name](Traffic& there) { there.listeners.close(name, pod_grace); });
        sidecars.erase(known);
    }
    if (has_ended_now || is_gateway_pod(pod) || !has_sidecar(pod) || sidecars.contains(key)) return;
    sidecars[key] = address;
    open_sidecar(key, address, std::make_shared<const Workload>(workload_of_pod(pod)));
}

void Mesh::State::open_sidecar(const ObjectKey& pod,
                               const std::string& address,
                               WorkloadPtr workload) {
    on_traffic([name = "sidecar " + to_string(pod), address, workload = std::move(workload)](
                   Traffic& there) {
        // Where the port is taken the pod has no way out through the mesh; what it sends there
        // fails visibly.
        (void)there.listeners.open(
            name,
            std::make_shared<const Door>(Door{Door::Kind::sidecar, {}, workload}),
            address,
            egress_port);
    });
}

// The control plane says which namespaces carry its label.
void Mesh::State::on_namespace() {
    for (const auto& plane : cluster.list(resources::istio_control_planes)) {
        const auto key = kube::key_of(*plane);
        const auto revision = revision_of(key.name, key.ns);
        JsonArray injected;
        for (const auto& ns : cluster.list(resources::namespaces)) {
            if (text_at(*ns, {"metadata", "labels", "istio.io/rev"}) == revision ||
                text_at(*ns, {"metadata", "labels", "istio-injection"}) == "enabled")
                injected.emplace_back(text_at(*ns, {"metadata", "name"}));
        }
        if (array_at(*plane, {"status", "injectionNamespaces"}) == injected) continue;
        (void)cluster.patch(resources::istio_control_planes,
                            key,
                            lab::PatchKind::merge,
                            JsonObject{{"status", {{"injectionNamespaces", std::move(injected)}}}},
                            {.subresource = lab::Subresource::status});
    }
}

void Mesh::State::open(const ObjectKey& gateway,
                       const std::string& address,
                       std::vector<std::uint16_t> ports,
                       Opened opened) {
    auto before = std::exchange(gateway_ports[gateway], ports);
    on_traffic(
        [self = shared_from_this(), gateway, address, ports, before, opened](Traffic& there) {
            for (const auto port : before) {
                if (std::find(ports.begin(), ports.end(), port) == ports.end())
                    there.listeners.close(gateway_door(gateway, port), door_grace);
            }
            BoundPorts bound;
            std::optional<Error> trouble;
            for (const auto port : ports) {
                const auto name = gateway_door(gateway, port);
                if (const auto open_already = there.listeners.port_of(name)) {
                    bound[port] = *open_already;
                    continue;
                }
                const auto at = open_somewhere(there, name, address, port);
                if (at)
                    bound[port] = *at;
                else
                    trouble = at.error();
            }
            there.proxy.know_gateway(address, to_string(gateway));
            Result<BoundPorts> result = bound;
            if (trouble) result = *trouble;
            self->on_control([gateway, address, bound, opened, result](State& here) {
                // It may have been closed meanwhile.
                if (here.gateway_ports.contains(gateway)) {
                    auto& doors = here.open_doors[gateway];
                    doors.clear();
                    for (const auto& [port, at] : bound)
                        doors.push_back({.host = address, .port = at});
                }
                opened(result);
            });
        });
}

void Mesh::State::close(const ObjectKey& gateway, const std::string& address) {
    const auto known = gateway_ports.find(gateway);
    if (known == gateway_ports.end()) return;
    open_doors.erase(gateway);
    on_traffic([gateway, address, ports = known->second](Traffic& there) {
        for (const auto port : ports)
            there.listeners.close(gateway_door(gateway, port), door_grace);
        there.proxy.forget_gateway(address);
    });
    gateway_ports.erase(known);
}

Task<Result<void>> Mesh::State::open_own_doors() {
    on_traffic([self = shared_from_this()](Traffic& there) {
        const auto& wanted = self->options;
        const auto door = std::make_shared<const Door>();
        auto proxy = there.listeners.open("proxy", door, wanted.address, wanted.proxy_port);
        if (!proxy) proxy = there.listeners.open("proxy", door, wanted.address, 0);
        auto metrics = there.listeners.open_metrics(wanted.address, 0);
        self->on_control([proxy, metrics](State& here) {
            here.proxy_port = proxy;
            here.metrics_port = metrics;
            here.answered.notify_all();
        });
    });
    while (!proxy_port) co_await answered.wait();
    if (!*proxy_port) co_return proxy_port->error().with("opening the lab's proxy");
    if (!*metrics_port) co_return metrics_port->error().with("opening the mesh's metrics");
    co_return Result<void>{};
}

Task<> Mesh::State::end_traffic(std::shared_ptr<State> self) {
    co_await self->traffic->listeners.stop();
    co_await self->traffic->proxy.stop();
    self->traffic = nullptr;
    self->on_control([](State& here) {
        here.has_ended = true;
        here.answered.notify_all();
    });
}

Mesh::Mesh(
    Executor control, Executor traffic, lab::Cluster& cluster, Clock& clock, MeshOptions options)
    : state_(std::make_shared<State>(control, traffic, cluster, clock, std::move(options))) {}

Mesh::~Mesh() {
    state_->subscriptions.clear();
}

Task<Result<void>> Mesh::start() {
    const auto state = state_;
    if (auto opened = co_await state->open_own_doors(); !opened) co_return opened.error();
    state->watch();
    state->gateways.start();
    state->gateway_api.start();
    state->nginx.start();
    co_return Result<void>{};
}

Task<> Mesh::stop() {
    const auto state = state_;
    state->subscriptions.clear();
    if (state->has_ended) co_return;
    state->on_traffic(
        [state](Traffic&) { state->closing.spawn("closing the mesh", State::end_traffic(state)); });
    while (!state->has_ended) co_await state->answered.wait();
}

net::Origin Mesh::proxy() const {
    return {.host = state_->options.address, .port = state_->proxy_port.value().value()};
}

net::Origin Mesh::metrics() const {
    return {.host = state_->options.address, .port = state_->metrics_port.value().value()};
}

std::vector<net::Origin> Mesh::doors_of(const ObjectKey& gateway) const {
    const auto found = state_->open_doors.find(gateway);
    return found == state_->open_doors.end() ? std::vector<net::Origin>{} : found->second;
}

Mesh::Figures Mesh::figures() const {
    return {.requests = state_->counted->requests, .series = state_->counted->series};
}

RouteTablePtr Mesh::table() const {
    return state_->table;
}

}  // namespace sluice::mesh
