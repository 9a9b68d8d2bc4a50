#include "sim/traffic.hpp"

#include "lab/mesh/gateway_api.hpp"
#include "lab/mesh/http_route.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sluice::sim {
namespace {

namespace resources = kube::resources;
constexpr const char* ns = scenario::World::ns;

}  // namespace

Traffic::Traffic(scenario::World& world) : world_(world) {
    const auto follow = [&](const kube::Resource& resource,
                            void (mesh::TableBuilder::*into)(const kube::ObjectKey&, const Json*)) {
        subscriptions_.push_back(
            world_.cluster.watch(resource, [this, into](const lab::Change& change) {
                const bool gone = change.kind == lab::ChangeKind::deleted;
                (table_.*into)(kube::key_of(*change.object), gone ? nullptr : &*change.object);
                is_dirty_ = true;
            }));
    };
    follow(resources::services, &mesh::TableBuilder::service);
    follow(resources::endpoint_slices, &mesh::TableBuilder::endpoint_slice);
    follow(resources::pods, &mesh::TableBuilder::pod);
    follow(resources::destination_rules, &mesh::TableBuilder::destination_rule);
    follow(resources::virtual_services, &mesh::TableBuilder::virtual_service);
    for (const auto* kind : {&resources::http_routes, &resources::ingresses}) {
        subscriptions_.push_back(world_.cluster.watch(
            *kind, [this](const lab::Change&) { is_dirty_ = are_doors_dirty_ = true; }));
    }
    // Its cookies.
    subscriptions_.push_back(world_.cluster.watch(
        resources::canaries, [this](const lab::Change&) { is_dirty_ = true; }));
}

const std::vector<std::string>& Traffic::insiders() {
    static const std::vector<std::string> all{"insider", "tester"};
    return all;
}

std::vector<Traffic::User> Traffic::users() const {
    std::vector<User> all{{.name = "everybody", .headers = {}}};
    for (const auto& value : insiders()) {
        net::Headers headers;
        headers.set(insider_header, value);
        all.push_back({.name = value + "s", .headers = std::move(headers)});
    }
    const auto canary = world_.canary();
    for (const std::string_view field : {"sessionAffinityCookie", "primarySessionAffinityCookie"}) {
        const auto cookie = text_at(canary, {"status", field});
        if (cookie.empty()) continue;
        net::Headers headers;
        headers.set("Cookie", cookie);
        const bool is_primary = field.starts_with("primary");
        all.push_back(
            {.name = is_primary ? "those bound to the primary" : "those bound to the canary",
             .headers = std::move(headers)});
    }
    return all;
}

// The proxies of the Gateway API and of NGINX, put together anew: there are few routes.
Traffic::Doors Traffic::doors() const {
    Doors doors;
    doors.gateway.workload = doors.nginx.workload = mesh::outside();
    doors.nginx.kind = mesh::GatewayListener::Kind::nginx;
    mesh::EntryRoutes routes{.hostnames = {"*"}, .attached = {}};
    for (const auto& object : world_.cluster.list(resources::http_routes, ns)) {
        auto route = std::make_shared<const mesh::HttpRoute>(
            mesh::compile_http_route(*object, [](const auto&) { return true; }));
        auto hosts = route->hostnames.empty() ? std::vector<std::string>{"*"} : route->hostnames;
        routes.attached.push_back({"*", std::move(hosts), std::move(route)});
    }
    mesh::put_domains(doors.gateway, routes);
    std::vector<mesh::Ingress> ingresses;
    for (const auto& object : world_.cluster.list(resources::ingresses, ns)) {
        ingresses.push_back(mesh::compile_ingress(
            *object, [](const auto&, std::string_view) { return std::optional<std::uint16_t>(); }));
    }
    mesh::put_ingresses(doors.nginx, std::move(ingresses));
    return doors;
}

// Without a route the apex Service leads where its selector does.
Traffic::Whose Traffic::whose(const std::string& service) const {
    if (service == "podinfo-primary") return Whose::primary;
    if (service == "podinfo-canary") return Whose::canary;
    const auto object = world_.cluster.find(resources::services, {ns, service});
    const auto app = object ? text_at(*object, {"spec", "selector", "app"}) : std::string_view();
    if (app.ends_with("-primary")) return Whose::primary;
    return app == world_.target() ? Whose::canary : Whose::nobody;
}

std::size_t Traffic::pods_of(const mesh::Upstream& upstream) const {
    if (upstream.port == nullptr) return 0;
    return static_cast<std::size_t>(std::ranges::count_if(
        upstream.port->endpoints, [&](const auto& each) { return upstream.takes(each); }));
}

void Traffic::see(const std::string& who,
                  const mesh::RouteTable& table,
                  const mesh::Routing& routing) {
    Reach reach{.who = who, .primary = {}, .canary = {}, .astray = 0};
    const auto add = [&](const mesh::Upstream& upstream, int share) {
        if (upstream.service == nullptr) return;
        const auto is_of = whose(upstream.service->name);
        if (is_of == Whose::nobody) {
            reach.astray += share;
            return;
        }
        auto& side = is_of == Whose::primary ? reach.primary : reach.canary;
        side.share += share;
        side.pods = pods_of(upstream);
    };
    if (routing.kind == mesh::Routing::Kind::route) {
        const auto& destinations = routing.route->destinations;
        const auto& weights = routing.route->weights;
        int whole = 0;
        for (const int weight : weights) whole += weight;
        for (std::size_t i = 0; i < destinations.size(); ++i) {
            // Alone it gets everything, whatever its weight.
            const int share = destinations.size() == 1 || whole == 0 ? 100 : weights[i];
            add(table.upstream(destinations[i], ns, routing.port), share);
        }
    } else if (routing.kind == mesh::Routing::Kind::service) {
        add(table.upstream_of(*routing.service, ns, routing.port), 100);
    } else {
        return;
    }
    // Whoever gets nothing now may have pods all the same.
    const auto idle = [&](Side& side, const char* service) {
        if (side.share > 0) return;
        const auto* found = table.service_called(service, ns);
        if (found != nullptr) side.pods = pods_of(table.upstream_of(*found, ns, 9898));
    };
    idle(reach.primary, "podinfo-primary");
    idle(reach.canary, "podinfo-canary");
    now_[who] = std::move(reach);
}

const std::map<std::string, Reach>& Traffic::now() {
    if (!std::exchange(is_dirty_, false)) return now_;
    static const auto caller = mesh::workload_named("client", ns, {});
    const auto table = table_.build();
    if (std::exchange(are_doors_dirty_, false)) doors_ = doors();
    now_.clear();
    for (const auto& user : users()) {
        mesh::RequestHead request{
            .authority = "podinfo.test:9898", .path = "/", .headers = &user.headers};
        see(user.name + " in the mesh", *table, table->from_sidecar(caller, request));
        request.authority = host;
        see(user.name + " at the gateway", *table, table->at_gateway(doors_.gateway, request));
        see(user.name + " at NGINX", *table, table->at_gateway(doors_.nginx, request));
        request.authority = other_host;
        see(user.name + " at the other Ingress", *table, table->at_gateway(doors_.nginx, request));
    }
    return now_;
}

}  // namespace sluice::sim
