#include "lab/mesh/gateway_controller.hpp"

#include "lab/mesh/gateway_objects.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::mesh {

namespace resources = kube::resources;
using lab::ObjectKey;
using lab::PatchKind;
using lab::Subresource;

namespace {

constexpr std::string_view finalizer = "istio-meshgateway.servicemesh.cisco.com";

std::vector<std::uint16_t> service_ports(const Json& gateway) {
    std::vector<std::uint16_t> ports;
    for (const auto& port : array_at(gateway, {"spec", "service", "ports"})) {
        if (const auto number = integer_at(port, {"port"}))
            ports.push_back(static_cast<std::uint16_t>(*number));
    }
    return ports;
}

bool has_finalizer(const Json& object) {
    const auto& all = array_at(object, {"metadata", "finalizers"});
    return std::find(all.begin(), all.end(), Json(finalizer)) != all.end();
}

// "127.112.0.1:80", several joined by commas.
std::string listening_at(const std::string& address, const BoundPorts& ports) {
    std::string text;
    for (const auto& [port, bound] : ports)
        text += fmt::format("{}{}:{}", text.empty() ? "" : ",", address, bound);
    return text;
}

}  // namespace

GatewayController::GatewayController(Executor control,
                                     lab::Cluster& cluster,
                                     GatewayDoors& doors,
                                     int block)
    : cluster_(cluster),
      doors_(doors),
      block_(block),
      events_(cluster, "istio-operator"),
      queue_(control, cluster.clock(), [this](const ObjectKey& key) { reconcile(key); }) {}

void GatewayController::start() {
    const auto on_gateway = [this](const lab::Change& change) {
        queue_.add(kube::key_of(*change.object));
    };
    const auto child = [this](const lab::Change& change) { on_child(change); };
    // A control plane that comes lets the gateways go on that wait for it.
    const auto on_plane = [this](const lab::Change& change) {
        if (change.kind != lab::ChangeKind::added) return;
        for (const auto& gateway : cluster_.list(resources::istio_mesh_gateways))
            queue_.add(kube::key_of(*gateway));
    };
    subscriptions_.push_back(cluster_.watch(resources::istio_mesh_gateways, on_gateway));
    subscriptions_.push_back(cluster_.watch(resources::services, child));
    subscriptions_.push_back(cluster_.watch(resources::deployments, child));
    subscriptions_.push_back(cluster_.watch(resources::istio_control_planes, on_plane));
}

void GatewayController::on_child(const lab::Change& change) {
    const auto* owner = kube::controller_of(*change.object);
    if (owner == nullptr || text_at(*owner, {"kind"}) != "IstioMeshGateway") return;
    queue_.add({kube::key_of(*change.object).ns, std::string(text_at(*owner, {"name"}))});
}

void GatewayController::reconcile(const ObjectKey& key) {
    const auto gateway = cluster_.find(resources::istio_mesh_gateways, key);
    if (gateway == nullptr) return close(key);
    if (find(*gateway, {"metadata", "deletionTimestamp"}) != nullptr) {
        close(key);
        if (!has_finalizer(*gateway)) return;
        auto kept = array_at(*gateway, {"metadata", "finalizers"});
        kept.erase(std::find(kept.begin(), kept.end(), Json(finalizer)));
        (void)cluster_.patch(resources::istio_mesh_gateways,
                             key,
                             PatchKind::merge,
                             JsonObject{{"metadata", {{"finalizers", std::move(kept)}}}});
        return;
    }

    const ObjectKey plane{
        std::string(text_at(*gateway, {"spec", "istioControlPlane", "namespace"})),
        std::string(text_at(*gateway, {"spec", "istioControlPlane", "name"}))};
    if (const auto found = cluster_.get(resources::istio_control_planes, plane); !found) {
        if (text_at(*gateway, {"status", "ErrorMessage"}) == found.error().message) return;
        report(*gateway, "ReconcileFailed", {}, found.error().message);
        events_.record(
            *gateway,
            {lab::EventType::warning,
             "ControlPlaneMissing",
             fmt::format(
                 "there is no IstioControlPlane {}: start the lab with --control-plane {}, or "
                 "name one that kubectl get istiocontrolplanes -A shows",
                 to_string(plane),
                 plane.name)});
        return;
    }
    if (!has_finalizer(*gateway)) {
        auto finalizers = array_at(*gateway, {"metadata", "finalizers"});
        finalizers.push_back(Json(finalizer));
        // The change comes back and leads here again.
        (void)cluster_.patch(resources::istio_mesh_gateways,
                             key,
                             PatchKind::merge,
                             JsonObject{{"metadata", {{"finalizers", std::move(finalizers)}}}});
        return;
    }
    if (!make_objects(*gateway)) return;

    auto& mine = gateways_[key];
    if (mine.address.empty()) mine.address = free_address();
    if (open_doors(*gateway, mine)) show_address(*gateway, mine);
}

void GatewayController::close(const ObjectKey& key) {
    const auto known = gateways_.find(key);
    if (known == gateways_.end()) return;
    doors_.close(key, known->second.address);
    gateways_.erase(known);
}

// Creates what is missing and mends what differs; says no when the API server does.
bool GatewayController::make_objects(const Json& gateway) {
    for (auto& wanted : objects_of_gateway(gateway)) {
        const auto key = kube::key_of(wanted.object);
        const auto there = cluster_.find(wanted.resource, key);
        if (there != nullptr && has_all(*there, wanted.object)) continue;
        const auto done =
            there == nullptr
                ? cluster_.create(wanted.resource, std::move(wanted.object))
                : cluster_.patch(wanted.resource, key, PatchKind::merge, wanted.object);
        if (done) continue;
        report(gateway, "ReconcileFailed", {}, done.error().message);
        return false;
    }
    return true;
}

// True when the ports are open as they are wanted now.
bool GatewayController::open_doors(const Json& gateway, Gateway& mine) {
    const auto key = kube::key_of(gateway);
    const auto ports = service_ports(gateway);
    if (mine.bound && !mine.is_opening && mine.asked == ports) {
        if (*mine.bound) return true;
        report(gateway, "ReconcileFailed", {}, mine.bound->error().message);
        return false;
    }
    report(gateway, "Reconciling", {}, "ingress gateway endpoint address is pending");
    if (mine.is_opening) return false;
    mine.is_opening = true;
    mine.asked = ports;
    std::weak_ptr<bool> alive = alive_;
    doors_.open(key, mine.address, ports, [this, alive, key](Result<BoundPorts> bound) {
        if (alive.expired()) return;
        const auto known = gateways_.find(key);
        if (known == gateways_.end()) return;
        known->second.is_opening = false;
        known->second.bound = std::move(bound);
        queue_.add(key);
    });
    return false;
}

void GatewayController::show_address(const Json& gateway, const Gateway& mine) {
    const auto key = kube::key_of(gateway);
    const auto service = cluster_.find(resources::services, key);
    if (service == nullptr) return;
    const auto at = listening_at(mine.address, **mine.bound);
    const auto type = text_at(gateway, {"spec", "service", "type"});

    const Json annotation{{"metadata", {{"annotations", {{"sluice.dev/lab-address", at}}}}}};
    if (!has_all(*service, annotation))
        (void)cluster_.patch(resources::services, key, PatchKind::merge, annotation);
    const Json status{
        {"status", {{"loadBalancer", {{"ingress", JsonArray{JsonObject{{"ip", mine.address}}}}}}}}};
    if (type == "LoadBalancer" && !has_all(*service, status))
        (void)cluster_.patch(resources::services,
                             key,
                             PatchKind::merge,
                             status,
                             {.subresource = Subresource::status});
    const bool is_news = text_at(gateway, {"status", "Status"}) != "Available";
    for (const auto& [port, bound] : **mine.bound) {
        if (port == bound || !is_news) continue;
        events_.record(gateway,
                       {lab::EventType::normal,
                        "LabAddress",
                        fmt::format("port {} of {} could not be bound and is at {}:{}",
                                    port,
                                    mine.address,
                                    mine.address,
                                    bound)});
    }

    JsonArray addresses;
    if (type == "LoadBalancer") addresses.emplace_back(mine.address);
    const auto cluster_ip = text_at(*service, {"spec", "clusterIP"});
    if (type == "ClusterIP" && !cluster_ip.empty() && cluster_ip != "None")
        addresses.emplace_back(cluster_ip);
    report(gateway, "Available", addresses, "");
}

void GatewayController::report(const Json& gateway,
                               std::string_view status,
                               const JsonArray& addresses,
                               std::string_view error) {
    JsonObject wanted{{"Status", status}, {"GatewayAddress", addresses}, {"ErrorMessage", error}};
    const auto now = object_at(gateway, {"status"});
    if (now == wanted) return;
    // An available gateway does not flicker while its doors move.
    if (status == "Reconciling" && text_at(gateway, {"status", "Status"}) == "Available") return;
    (void)cluster_.patch(resources::istio_mesh_gateways,
                         kube::key_of(gateway),
                         PatchKind::merge,
                         JsonObject{{"status", std::move(wanted)}},
                         {.subresource = Subresource::status});
}

// The lowest that no gateway has.
std::string GatewayController::free_address() const {
    for (int number = 0;; ++number) {
        auto address = fmt::format("127.{}.{}.{}", 112 + block_, number / 250, 1 + number % 250);
        const bool is_taken =
            std::any_of(gateways_.begin(), gateways_.end(), [&](const auto& entry) {
                return entry.second.address == address;
            });
        if (!is_taken) return address;
    }
}

}  // namespace sluice::mesh
