#include "lab/mesh/nginx_controller.hpp"

#include "base/core/text.hpp"
#include "lab/mesh/gateway_objects.hpp"
#include "lab/mesh/nginx_ingress.hpp"
#include "lab/workloads/event_recorder.hpp"

#include <boost/asio/post.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace sluice::mesh {

using kube::ObjectKey;
namespace resources = kube::resources;

const kube::Resource ingress_classes{
    "networking.k8s.io", "v1", "ingressclasses", "IngressClass", false};
const ObjectKey nginx_service{"ingress-nginx", "ingress-nginx-controller"};

namespace {

constexpr std::string_view controller = "k8s.io/ingress-nginx";
constexpr std::string_view default_class = "ingressclass.kubernetes.io/is-default-class";
constexpr std::uint16_t http_port = 80;

using PortNumbers = std::map<std::string, std::uint16_t, std::less<>>;

PortNumbers named_ports(const Json& service) {
    PortNumbers ports;
    for (const auto& port : array_at(service, {"spec", "ports"}))
        ports[std::string(text_at(port, {"name"}))] =
            static_cast<std::uint16_t>(integer_at(port, {"port"}).value_or(0));
    return ports;
}

}  // namespace

struct NginxController::State : std::enable_shared_from_this<NginxController::State> {
    State(Executor the_control,
          lab::Cluster& the_cluster,
          GatewayDoors& the_doors,
          int block,
          TableBuilder& the_builder,
          std::function<void()> on_change)
        : control(std::move(the_control)),
          cluster(the_cluster),
          doors(the_doors),
          address(fmt::format("127.{}.128.1", 112 + block)),
          builder(the_builder),
          changed(std::move(on_change)),
          events(cluster, "nginx-ingress-controller") {}

    void watch();
    void settle_soon();
    void settle();
    void settle_ingress(const ObjectKey& key);
    bool is_ours(const Json& ingress) const;
    void publish();
    void open_door();
    void make_objects(std::uint16_t at);
    void make(const kube::Resource& resource, Json object);
    void tell(const ObjectKey& key);

    Executor control;
    lab::Cluster& cluster;
    GatewayDoors& doors;
    std::string address;
    TableBuilder& builder;
    std::function<void()> changed;
    lab::EventRecorder events;

    std::map<ObjectKey, Ingress> ingresses;
    std::map<ObjectKey, PortNumbers> services;
    std::set<ObjectKey> dirty;
    std::map<ObjectKey, std::string> told;  // Warnings
    bool is_due = false, is_opening = false;
    std::optional<Result<BoundPorts>> bound;
    std::vector<lab::Subscription> subscriptions;
};

NginxController::NginxController(Executor control,
                                 lab::Cluster& cluster,
                                 GatewayDoors& doors,
                                 int block,
                                 TableBuilder& builder,
                                 std::function<void()> changed)
    : state_(std::make_shared<State>(
          std::move(control), cluster, doors, block, builder, std::move(changed))) {}

NginxController::~NginxController() {
    state_->subscriptions.clear();
}

void NginxController::start() {
    state_->watch();
}

void NginxController::State::watch() {
    const auto touch_all = [this] {
        for (const auto& object : cluster.list(resources::ingresses))
            dirty.insert(kube::key_of(*object));
    };
    subscriptions.push_back(cluster.watch(resources::ingresses, [this](const lab::Change& change) {
        dirty.insert(kube::key_of(*change.object));
        settle_soon();
    }));
    subscriptions.push_back(cluster.watch(ingress_classes, [this, touch_all](const lab::Change&) {
        touch_all();
        settle_soon();
    }));
    subscriptions.push_back(cluster.watch(resources::services, [this](const lab::Change& change) {
        const auto key = kube::key_of(*change.object);
        if (change.kind == lab::ChangeKind::deleted) {
            services.erase(key);
        } else {
            auto ports = named_ports(*change.object);
            const auto known = services.find(key);
            if (known != services.end() && known->second == ports) return;
            services[key] = std::move(ports);
        }
        // A port that is named by name has its number from here.
        for (const auto& [ingress_key, ingress] : ingresses) {
            if (ingress_key.ns == key.ns) dirty.insert(ingress_key);
        }
        if (!dirty.empty()) settle_soon();
    }));
}

// Once for all changes that come together.
void NginxController::State::settle_soon() {
    if (std::exchange(is_due, true)) return;
    boost::asio::post(control, [weak = weak_from_this()] {
        if (const auto state = weak.lock()) state->settle();
    });
}

void NginxController::State::settle() {
    is_due = false;
    const auto touched = std::exchange(dirty, {});
    for (const auto& key : touched) settle_ingress(key);
    if (!ingresses.empty()) open_door();
    publish();
    if (bound && *bound) {
        make_objects((*bound)->at(http_port));
        for (const auto& [key, ingress] : ingresses) tell(key);
    }
    changed();
}

bool NginxController::State::is_ours(const Json& ingress) const {
    const auto named = class_of_ingress(ingress);
    if (!named.empty()) {
        const auto found = cluster.find(ingress_classes, {"", std::string(named)});
        return found != nullptr && text_at(*found, {"spec", "controller"}) == controller;
    }
    return std::ranges::any_of(cluster.list(ingress_classes), [](const auto& object) {
        return text_at(*object, {"spec", "controller"}) == controller &&
               text_at(*object, {"metadata", "annotations", default_class}) == "true";
    });
}

void NginxController::State::settle_ingress(const ObjectKey& key) {
    const auto object = cluster.find(resources::ingresses, key);
    if (object == nullptr || !is_ours(*object)) {
        ingresses.erase(key);
        told.erase(key);
        return;
    }
    const auto port_number = [this](const ObjectKey& service,
                                    std::string_view name) -> std::optional<std::uint16_t> {
        const auto found = services.find(service);
        if (found == services.end()) return std::nullopt;
        const auto port = found->second.find(name);
        return port == found->second.end() ? std::nullopt : std::optional(port->second);
    };
    ingresses.insert_or_assign(key, compile_ingress(*object, port_number));
}

void NginxController::State::publish() {
    const auto name = fmt::format("{}:{}", to_string(nginx_service), http_port);
    if (ingresses.empty()) {
        builder.entry_listener(name, nullptr);
        return;
    }
    std::vector<Ingress> all;
    all.reserve(ingresses.size());
    for (const auto& [key, ingress] : ingresses) all.push_back(ingress);
    auto listener = std::make_shared<GatewayListener>();
    listener->kind = GatewayListener::Kind::nginx;
    // It has no sidecar: nobody in the mesh knows who asks.
    listener->workload = outside();
    listener->port = http_port;
    const auto alone = put_ingresses(*listener, std::move(all));
    builder.entry_listener(name, std::move(listener));

    for (const auto& [key, ingress] : ingresses) {
        auto faults = ingress.faults;
        if (std::ranges::find(alone, key) != alone.end())
            faults.emplace_back(
                "the canary gets no requests: no other Ingress of its namespace has one of its "
                "hosts and paths with another Service");
        auto text = joined(faults, "; ");
        auto& before = told[key];
        if (before == text) continue;
        before = text;
        const auto object = cluster.find(resources::ingresses, key);
        if (!text.empty() && object != nullptr)
            events.record(*object, {lab::EventType::warning, "NotCarriedOut", std::move(text)});
    }
}

void NginxController::State::open_door() {
    if (bound || std::exchange(is_opening, true)) return;
    doors.open(nginx_service, address, {http_port}, [weak = weak_from_this()](auto opened) {
        const auto state = weak.lock();
        if (state == nullptr) return;
        state->bound = std::move(opened);
        state->settle_soon();
    });
}

// As its installation makes them: who asks in the cluster finds it by name, who asks from the host
// by the address.
void NginxController::State::make_objects(std::uint16_t at) {
    make(resources::namespaces, JsonObject{{"metadata", {{"name", nginx_service.ns}}}});
    const JsonObject port{{"name", "http"}, {"protocol", "TCP"}, {"port", http_port}};
    make(resources::services,
         JsonObject{
             {"metadata",
              {{"name", nginx_service.name},
               {"namespace", nginx_service.ns},
               {"annotations", {{"sluice.dev/lab-address", fmt::format("{}:{}", address, at)}}}}},
             {"spec", {{"type", "LoadBalancer"}, {"ports", JsonArray{port}}}}});
    make(resources::endpoint_slices,
         JsonObject{
             {"metadata",
              {{"name", nginx_service.name + "-lab"},
               {"namespace", nginx_service.ns},
               {"labels", {{"kubernetes.io/service-name", nginx_service.name}}}}},
             {"addressType", "IPv4"},
             {"ports", JsonArray{JsonObject{{"name", "http"}, {"protocol", "TCP"}, {"port", at}}}},
             {"endpoints",
              JsonArray{JsonObject{{"addresses", JsonArray{Json(address)}},
                                   {"conditions", {{"ready", true}}}}}}});
    const Json status{
        {"status", {{"loadBalancer", {{"ingress", JsonArray{JsonObject{{"ip", address}}}}}}}}};
    const auto service = cluster.find(resources::services, nginx_service);
    if (service != nullptr && !has_all(*service, status))
        (void)cluster.patch(resources::services,
                            nginx_service,
                            lab::PatchKind::merge,
                            status,
                            {.subresource = lab::Subresource::status});
}

void NginxController::State::make(const kube::Resource& resource, Json object) {
    const auto key = kube::key_of(object);
    const auto there = cluster.find(resource, key);
    if (there == nullptr)
        (void)cluster.create(resource, std::move(object));
    else if (!has_all(*there, object))
        (void)cluster.patch(resource, key, lab::PatchKind::merge, object);
}

void NginxController::State::tell(const ObjectKey& key) {
    const auto object = cluster.find(resources::ingresses, key);
    if (object == nullptr) return;
    const JsonArray addresses{JsonObject{{"ip", address}}};
    if (array_at(*object, {"status", "loadBalancer", "ingress"}) == addresses) return;
    (void)cluster.patch(resources::ingresses,
                        key,
                        lab::PatchKind::merge,
                        JsonObject{{"status", {{"loadBalancer", {{"ingress", addresses}}}}}},
                        {.subresource = lab::Subresource::status});
}

}  // namespace sluice::mesh
