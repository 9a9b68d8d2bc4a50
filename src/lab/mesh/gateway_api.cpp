#include "lab/mesh/gateway_api.hpp"

#include "base/core/text.hpp"
#include "base/core/time.hpp"
#include "lab/mesh/names.hpp"

#include <boost/asio/post.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

namespace sluice::mesh {

using kube::ObjectKey;
using kube::Resource;
namespace resources = kube::resources;

const Resource gateway_classes{
    "gateway.networking.k8s.io", "v1", "gatewayclasses", "GatewayClass", false};
const Resource entry_gateways{"gateway.networking.k8s.io", "v1", "gateways", "Gateway"};
const Resource reference_grants{
    "gateway.networking.k8s.io", "v1beta1", "referencegrants", "ReferenceGrant"};

namespace {

const Resource grpc_routes{"gateway.networking.k8s.io", "v1", "grpcroutes", "GRPCRoute"};

constexpr std::string_view address_annotation = "sluice.dev/lab-address";
// In whose name the status of a route is written whose parent is a Service.
constexpr std::string_view mesh_controller = "istio.io/gateway-controller";

using ServicePorts = std::map<std::uint16_t, std::string>;  // to their names

ServicePorts ports_of(const Json& service) {
    ServicePorts ports;
    for (const auto& port : array_at(service, {"spec", "ports"}))
        ports[static_cast<std::uint16_t>(integer_at(port, {"port"}).value_or(0))] =
            text_at(port, {"name"});
    return ports;
}

// Such as what was just written here.
bool is_of_status_only(const lab::Change& change) {
    return change.kind == lab::ChangeKind::modified && change.before != nullptr &&
           integer_at(*change.before, {"metadata", "generation"}) ==
               integer_at(*change.object, {"metadata", "generation"});
}

struct Candidate {
    std::string_view host;  // of the route, by which it is here
    const RankedRoute* ranked;
    std::size_t order;  // the older route first, and within it as written
};

RouteList in_order(std::vector<Candidate> candidates) {
    std::ranges::sort(candidates, [](const Candidate& one, const Candidate& other) {
        if (is_more_specific(one.host, other.host)) return true;
        if (is_more_specific(other.host, one.host)) return false;
        return std::tie(one.ranked->rank, one.order) < std::tie(other.ranked->rank, other.order);
    });
    auto routes = std::make_shared<std::vector<RoutePtr>>();
    for (const auto& candidate : candidates) routes->push_back(candidate.ranked->route);
    return routes;
}

// What was said before to that parent.
const JsonArray& conditions_of_parent(const JsonArray& parents, const Json& reference) {
    static const JsonArray nothing;
    for (const auto& entry : parents) {
        const auto* about = find(entry, {"parentRef"});
        if (about != nullptr && *about == reference) return array_at(entry, {"conditions"});
    }
    return nothing;
}

// The routes that have a host of this domain, in the order in which they are tried.
RouteList routes_of_domain(const std::string& domain,
                           const std::string& owner,
                           const std::vector<EntryRoutes::Attached>& attached) {
    std::vector<Candidate> candidates;
    for (const auto& each : attached) {
        if (each.hostname != owner) continue;
        std::string_view best;
        for (const auto& host : each.hosts) {
            if (covers(host, domain) && (best.empty() || is_more_specific(host, best))) best = host;
        }
        if (best.empty()) continue;
        for (const auto& ranked : each.route->routes)
            candidates.push_back({best, &ranked, candidates.size()});
    }
    return in_order(std::move(candidates));
}

}  // namespace

ObjectKey entry_of(const ObjectKey& gateway) {
    return {"gateway.networking.k8s.io/" + gateway.ns, gateway.name};
}

void put_domains(GatewayListener& listener, const EntryRoutes& routes) {
    auto attached = routes.attached;
    std::ranges::sort(attached, [](const auto& one, const auto& other) {
        return one.route->is_before(*other.route);
    });
    // A listener without routes answers 404, and leaves nothing to a wider one.
    std::set<std::string> domains(routes.hostnames.begin(), routes.hostnames.end());
    for (const auto& each : attached) domains.insert(each.hosts.begin(), each.hosts.end());
    for (const auto& domain : domains) {
        std::string owner;
        for (const auto& hostname : routes.hostnames) {
            if (covers(hostname, domain) && (owner.empty() || is_more_specific(hostname, owner)))
                owner = hostname;
        }
        auto list = routes_of_domain(domain, owner, attached);
        if (is_wildcard(domain))
            listener.wildcards.push_back({domain, std::move(list)});
        else
            listener.domains.put(domain, std::move(list));
    }
    std::ranges::sort(listener.wildcards, [](const auto& one, const auto& other) {
        return is_more_specific(one.pattern, other.pattern);
    });
}

struct GatewayApi::State : std::enable_shared_from_this<GatewayApi::State> {
    struct Gateway {
        EntryGateway spec;
        std::string controller;  // empty: nobody's
        std::string address;
        std::vector<std::uint16_t> asked;
        bool is_opening = false;
        std::optional<Result<BoundPorts>> bound;
        std::set<std::string> published;  // listeners of the table
    };
    struct Route {
        std::shared_ptr<const HttpRoute> compiled;
        std::vector<ParentOutcome> outcomes;  // by parent
    };

    State(Executor the_control,
          lab::Cluster& the_cluster,
          GatewayDoors& the_doors,
          int the_block,
          TableBuilder& the_builder,
          std::function<void()> on_change)
        : control(std::move(the_control)),
          cluster(the_cluster),
          doors(the_doors),
          block(the_block),
          builder(the_builder),
          changed(std::move(on_change)) {}

    void watch();
    void on_namespace(const lab::Change& change);
    void on_service(const lab::Change& change);
    void touch_all();
    void touch_gateway(const ObjectKey& key);
    void settle_soon();
    void settle();

    void settle_class(const ObjectKey& key);
    void settle_route(const ObjectKey& key);
    void leave_parents(const Route& route);
    ParentOutcome attach_to_service(const HttpRoute& route, const RouteParent& parent) const;
    Condition resolved(const HttpRoute& route) const;
    void tell_route(const ObjectKey& key);
    void write_parents(const Resource& resource, const ObjectKey& key, JsonArray parents);
    void refuse_grpc_route(const Json& object);

    void settle_gateway(const ObjectKey& key);
    void close_gateway(const ObjectKey& key, Gateway& gateway);
    void open_doors(const ObjectKey& key, Gateway& gateway);
    void publish(const ObjectKey& key, Gateway& gateway);
    void tell_gateway(const ObjectKey& key, const Gateway& gateway);
    void tell_lab_address(const Json& object, const Gateway& gateway);
    std::vector<Condition> conditions_of(const Gateway& gateway) const;
    std::string free_address() const;

    void publish_service(const ObjectKey& service);
    std::string controller_of(std::string_view class_name) const;
    std::string now() const { return rfc3339(cluster.clock().now()); }

    Executor control;
    lab::Cluster& cluster;
    GatewayDoors& doors;
    int block;
    TableBuilder& builder;
    std::function<void()> changed;

    std::map<ObjectKey, Gateway> gateways;
    std::map<ObjectKey, Route> routes;
    Grants grants;
    NamespaceLabels namespaces;
    std::map<ObjectKey, ServicePorts> services;
    std::set<ObjectKey> services_with_routes;

    bool is_due = false;
    std::set<ObjectKey> dirty_classes, dirty_gateways, dirty_routes, dirty_services;
    std::vector<lab::Subscription> subscriptions;
};

GatewayApi::GatewayApi(Executor control,
                       lab::Cluster& cluster,
                       GatewayDoors& doors,
                       int block,
                       TableBuilder& builder,
                       std::function<void()> changed)
    : state_(std::make_shared<State>(
          std::move(control), cluster, doors, block, builder, std::move(changed))) {}

GatewayApi::~GatewayApi() {
    state_->subscriptions.clear();
}

void GatewayApi::start() {
    state_->watch();
}

// --- what changes --------------------------------------------------------------------------------

void GatewayApi::State::watch() {
    const auto on = [this](const Resource& resource, auto callback) {
        subscriptions.push_back(
            cluster.watch(resource, [this, callback](const lab::Change& change) {
                callback(change);
                settle_soon();
            }));
    };
    on(gateway_classes, [this](const lab::Change& change) {
        if (is_of_status_only(change)) return;
        dirty_classes.insert(kube::key_of(*change.object));
        for (const auto& [key, gateway] : gateways) touch_gateway(key);
    });
    on(entry_gateways, [this](const lab::Change& change) {
        if (!is_of_status_only(change)) touch_gateway(kube::key_of(*change.object));
    });
    on(resources::http_routes, [this](const lab::Change& change) {
        if (!is_of_status_only(change)) dirty_routes.insert(kube::key_of(*change.object));
    });
    on(grpc_routes, [this](const lab::Change& change) {
        if (change.kind != lab::ChangeKind::deleted) refuse_grpc_route(*change.object);
    });
    on(reference_grants, [this](const lab::Change& change) {
        grants.put(kube::key_of(*change.object),
                   change.kind == lab::ChangeKind::deleted ? nullptr : change.object.get());
        touch_all();
    });
    on(resources::namespaces, [this](const lab::Change& change) { on_namespace(change); });
    on(resources::services, [this](const lab::Change& change) { on_service(change); });
}

void GatewayApi::State::on_namespace(const lab::Change& change) {
    const auto name = kube::key_of(*change.object).name;
    if (change.kind == lab::ChangeKind::deleted) {
        namespaces.erase(name);
        return;
    }
    Json labels = object_at(*change.object, {"metadata", "labels"});
    const auto known = namespaces.find(name);
    if (known != namespaces.end() && known->second == labels) return;
    namespaces[name] = std::move(labels);
    touch_all();
}

void GatewayApi::State::on_service(const lab::Change& change) {
    const auto key = kube::key_of(*change.object);
    const auto known = services.find(key);
    if (change.kind == lab::ChangeKind::deleted) {
        if (known == services.end()) return;
        services.erase(known);
    } else {
        auto ports = ports_of(*change.object);
        if (known != services.end() && known->second == ports) return;
        services[key] = std::move(ports);
    }
    const auto is_it = [&](const auto& named) {
        return named.ns == key.ns && named.name == key.name;
    };
    for (const auto& [route_key, route] : routes) {
        if (std::ranges::any_of(route.compiled->backends, is_it) ||
            std::ranges::any_of(route.compiled->parents, is_it))
            dirty_routes.insert(route_key);
    }
}

void GatewayApi::State::touch_all() {
    for (const auto& [key, route] : routes) dirty_routes.insert(key);
}

void GatewayApi::State::touch_gateway(const ObjectKey& key) {
    dirty_gateways.insert(key);
    for (const auto& [route_key, route] : routes) {
        for (const auto& parent : route.compiled->parents) {
            if (parent.is_gateway() && ObjectKey{parent.ns, parent.name} == key)
                dirty_routes.insert(route_key);
        }
    }
}

// Once for all changes that come together.
void GatewayApi::State::settle_soon() {
    if (dirty_classes.empty() && dirty_gateways.empty() && dirty_routes.empty()) return;
    if (std::exchange(is_due, true)) return;
    boost::asio::post(control, [weak = weak_from_this()] {
        if (const auto state = weak.lock()) state->settle();
    });
}

void GatewayApi::State::settle() {
    is_due = false;
    for (const auto& key : std::exchange(dirty_classes, {})) settle_class(key);
    // What a Gateway is now decides about its routes, and those about what it shows.
    for (const auto& key : dirty_gateways) {
        if (const auto object = cluster.find(entry_gateways, key)) {
            gateways[key].spec = compile_entry_gateway(*object);
        } else if (const auto gone = gateways.find(key); gone != gateways.end()) {
            close_gateway(key, gone->second);
            gateways.erase(gone);
        }
    }
    const auto told = std::exchange(dirty_routes, {});
    for (const auto& key : told) settle_route(key);
    for (const auto& key : std::exchange(dirty_gateways, {})) settle_gateway(key);
    for (const auto& key : std::exchange(dirty_services, {})) publish_service(key);
    for (const auto& key : told) tell_route(key);
    changed();
}

// --- classes -------------------------------------------------------------------------------------

std::string GatewayApi::State::controller_of(std::string_view class_name) const {
    const auto found = cluster.find(gateway_classes, {"", std::string(class_name)});
    if (found == nullptr || find(*found, {"spec", "parametersRef"}) != nullptr) return {};
    return std::string(text_at(*found, {"spec", "controllerName"}));
}

void GatewayApi::State::settle_class(const ObjectKey& key) {
    const auto object = cluster.find(gateway_classes, key);
    if (object == nullptr) return;
    Condition accepted{"Accepted", true, "Accepted", "the lab carries out this class"};
    if (find(*object, {"spec", "parametersRef"}) != nullptr)
        accepted = {"Accepted", false, "InvalidParameters", "spec.parametersRef is not built yet"};
    const auto& before = array_at(*object, {"status", "conditions"});
    auto conditions = conditions_json(
        {accepted}, integer_at(*object, {"metadata", "generation"}).value_or(0), before, now());
    if (conditions == before) return;
    (void)cluster.patch(gateway_classes,
                        key,
                        lab::PatchKind::merge,
                        JsonObject{{"status", {{"conditions", std::move(conditions)}}}},
                        {.subresource = lab::Subresource::status});
}

// --- routes --------------------------------------------------------------------------------------

void GatewayApi::State::leave_parents(const Route& route) {
    for (const auto& parent : route.compiled->parents) {
        const ObjectKey key{parent.ns, parent.name};
        if (parent.is_gateway()) dirty_gateways.insert(key);
        if (parent.is_service()) dirty_services.insert(key);
    }
}

void GatewayApi::State::settle_route(const ObjectKey& key) {
    if (const auto before = routes.find(key); before != routes.end()) {
        leave_parents(before->second);
        routes.erase(before);
    }
    const auto object = cluster.find(resources::http_routes, key);
    if (object == nullptr) return;
    Route route;
    route.compiled = std::make_shared<const HttpRoute>(compile_http_route(
        *object, [&](const BackendRef& backend) { return grants.allow(key.ns, backend); }));
    for (const auto& parent : route.compiled->parents) {
        if (parent.is_service()) {
            route.outcomes.push_back(attach_to_service(*route.compiled, parent));
        } else if (parent.is_gateway()) {
            const auto gateway = gateways.find({parent.ns, parent.name});
            route.outcomes.push_back(
                attach(*route.compiled,
                       parent,
                       gateway == gateways.end() ? nullptr : &gateway->second.spec,
                       namespaces));
        } else {
            route.outcomes.push_back(
                {{"Accepted",
                  false,
                  "InvalidKind",
                  fmt::format("a parent of kind {} is not built yet: Gateway and Service are",
                              parent.kind)},
                 {}});
        }
    }
    leave_parents(route);
    routes.emplace(key, std::move(route));
}

// For callers in the mesh. What hostnames it has does not matter there.
ParentOutcome GatewayApi::State::attach_to_service(const HttpRoute& route,
                                                   const RouteParent& parent) const {
    const auto name = fmt::format("Service {}/{}", parent.ns, parent.name);
    const auto refused = [](std::string reason, std::string message) {
        return ParentOutcome{{"Accepted", false, std::move(reason), std::move(message)}, {}};
    };
    const auto service = services.find({parent.ns, parent.name});
    if (service == services.end()) return refused("NoMatchingParent", "there is no " + name);
    if (!route.faults.empty()) return refused("UnsupportedValue", joined(route.faults, "; "));
    const bool has_port = std::ranges::any_of(service->second, [&](const auto& port) {
        return (!parent.port || *parent.port == port.first) &&
               (parent.section.empty() || parent.section == port.second);
    });
    if (!has_port) {
        return refused("NoMatchingParent",
                       fmt::format("{} has no port{}{}",
                                   name,
                                   parent.port ? fmt::format(" {}", *parent.port) : "",
                                   parent.section.empty() ? "" : " " + parent.section));
    }
    return {{"Accepted",
             true,
             "Accepted",
             route.hostnames.empty() ? "the route is followed"
                                     : "the route is followed, whatever its hostnames"},
            {}};
}

// Whether all that the rules name is there and may be named.
Condition GatewayApi::State::resolved(const HttpRoute& route) const {
    const auto bad = [](std::string reason, std::string message) {
        return Condition{"ResolvedRefs", false, std::move(reason), std::move(message)};
    };
    for (const auto& backend : route.backends) {
        const auto name = fmt::format("{}/{}", backend.ns, backend.name);
        if (!backend.is_service())
            return bad("InvalidKind",
                       fmt::format("{}: a backend of kind {} is not built yet: Service is",
                                   backend.field,
                                   backend.kind));
        if (!grants.allow(route.key.ns, backend))
            return bad("RefNotPermitted",
                       fmt::format("{}: no ReferenceGrant of namespace {} lets HTTPRoutes of {} "
                                   "use Service {}",
                                   backend.field,
                                   backend.ns,
                                   route.key.ns,
                                   name));
        const auto service = services.find({backend.ns, backend.name});
        if (service == services.end())
            return bad("BackendNotFound",
                       fmt::format("{}: there is no Service {}", backend.field, name));
        if (!backend.port || !service->second.contains(*backend.port))
            return bad("BackendNotFound",
                       fmt::format("{}: Service {} has no port {}",
                                   backend.field,
                                   name,
                                   backend.port.value_or(0)));
    }
    return {"ResolvedRefs", true, "ResolvedRefs", "all references are resolved"};
}

void GatewayApi::State::tell_route(const ObjectKey& key) {
    const auto found = routes.find(key);
    const auto object = cluster.find(resources::http_routes, key);
    if (found == routes.end() || object == nullptr) return;
    const auto& route = *found->second.compiled;
    const auto& before = array_at(*object, {"status", "parents"});
    const auto references = resolved(route);
    JsonArray parents;
    for (std::size_t i = 0; i < route.parents.size(); ++i) {
        const auto& parent = route.parents[i];
        const auto gateway = gateways.find({parent.ns, parent.name});
        const bool has_gateway = parent.is_gateway() && gateway != gateways.end();
        const std::string controller = has_gateway && !gateway->second.controller.empty()
                                           ? gateway->second.controller
                                           : std::string(mesh_controller);
        parents.push_back(
            JsonObject{{"parentRef", parent.reference},
                       {"controllerName", controller},
                       {"conditions",
                        conditions_json({found->second.outcomes[i].accepted, references},
                                        route.generation,
                                        conditions_of_parent(before, parent.reference),
                                        now())}});
    }
    if (parents != before) write_parents(resources::http_routes, key, std::move(parents));
}

void GatewayApi::State::write_parents(const Resource& resource,
                                      const ObjectKey& key,
                                      JsonArray parents) {
    (void)cluster.patch(resource,
                        key,
                        lab::PatchKind::merge,
                        JsonObject{{"status", {{"parents", std::move(parents)}}}},
                        {.subresource = lab::Subresource::status});
}

// Its kind is served, and nobody follows it.
void GatewayApi::State::refuse_grpc_route(const Json& object) {
    const auto& before = array_at(object, {"status", "parents"});
    JsonArray parents;
    for (const auto& reference : array_at(object, {"spec", "parentRefs"})) {
        parents.push_back(
            JsonObject{{"parentRef", reference},
                       {"controllerName", mesh_controller},
                       {"conditions",
                        conditions_json(
                            {{"Accepted", false, "UnsupportedValue", "GRPCRoute is not built yet"}},
                            integer_at(object, {"metadata", "generation"}).value_or(0),
                            conditions_of_parent(before, reference),
                            now())}});
    }
    if (parents != before) write_parents(grpc_routes, kube::key_of(object), std::move(parents));
}

// Every list holds the routes of its port and those without one.
void GatewayApi::State::publish_service(const ObjectKey& service) {
    struct Part {
        std::string caller_ns;
        std::uint16_t port;
        std::shared_ptr<const HttpRoute> route;
    };
    std::vector<Part> parts;
    for (const auto& [key, route] : routes) {
        for (std::size_t i = 0; i < route.compiled->parents.size(); ++i) {
            const auto& parent = route.compiled->parents[i];
            if (!parent.is_service() || ObjectKey{parent.ns, parent.name} != service ||
                !route.outcomes[i].accepted.status)
                continue;
            auto port = parent.port.value_or(0);
            if (port == 0 && !parent.section.empty()) {
                for (const auto& [number, name] : services[service])
                    if (name == parent.section) port = number;
            }
            parts.push_back({key.ns == service.ns ? std::string() : key.ns, port, route.compiled});
        }
    }
    const auto host = service_host(service.name, service.ns);
    if (parts.empty()) {
        if (services_with_routes.erase(service) > 0) builder.service_routes(host, nullptr);
        return;
    }
    std::ranges::sort(parts, [](const Part& one, const Part& other) {
        return one.route->is_before(*other.route);
    });
    std::set<std::pair<std::string, std::uint16_t>> lists;
    for (const auto& part : parts) lists.emplace(part.caller_ns, part.port);
    auto made = std::make_shared<ServiceRoutes>();
    for (const auto& [ns, port] : lists) {
        std::vector<Candidate> candidates;
        for (const auto& part : parts) {
            if (part.caller_ns != ns || (part.port != 0 && part.port != port)) continue;
            for (const auto& ranked : part.route->routes)
                candidates.push_back({"*", &ranked, candidates.size()});
        }
        made->entries.push_back({ns, port, in_order(std::move(candidates))});
    }
    services_with_routes.insert(service);
    builder.service_routes(host, std::move(made));
}

// --- Gateways ------------------------------------------------------------------------------------

void GatewayApi::State::settle_gateway(const ObjectKey& key) {
    const auto known = gateways.find(key);
    if (known == gateways.end()) return;
    auto& gateway = known->second;
    gateway.controller = controller_of(gateway.spec.class_name);
    if (gateway.controller.empty()) {
        close_gateway(key, gateway);
    } else {
        if (gateway.address.empty()) gateway.address = free_address();
        open_doors(key, gateway);
        publish(key, gateway);
    }
    tell_gateway(key, gateway);
}

void GatewayApi::State::close_gateway(const ObjectKey& key, Gateway& gateway) {
    for (const auto& name : std::exchange(gateway.published, {}))
        builder.entry_listener(name, nullptr);
    if (!gateway.asked.empty()) doors.close(entry_of(key), gateway.address);
    gateway.asked.clear();
    gateway.bound.reset();
}

void GatewayApi::State::open_doors(const ObjectKey& key, Gateway& gateway) {
    std::vector<std::uint16_t> ports;
    for (const auto& listener : gateway.spec.listeners) {
        if (listener.is_valid && std::ranges::find(ports, listener.port) == ports.end())
            ports.push_back(listener.port);
    }
    if (gateway.is_opening || ports == gateway.asked) return;
    gateway.asked = ports;
    if (ports.empty()) {
        doors.close(entry_of(key), gateway.address);
        gateway.bound.reset();
        return;
    }
    gateway.is_opening = true;
    doors.open(entry_of(key),
               gateway.address,
               std::move(ports),
               [weak = weak_from_this(), key](Result<BoundPorts> bound) {
                   const auto state = weak.lock();
                   if (state == nullptr) return;
                   const auto opened = state->gateways.find(key);
                   if (opened == state->gateways.end()) return;
                   opened->second.is_opening = false;
                   opened->second.bound = std::move(bound);
                   state->dirty_gateways.insert(key);
                   state->settle_soon();
               });
}

void GatewayApi::State::publish(const ObjectKey& key, Gateway& gateway) {
    auto workload = workload_named(key.name + "-" + gateway.spec.class_name,
                                   key.ns,
                                   {{"gateway.networking.k8s.io/gateway-name", key.name}});
    workload.in_mesh = true;
    const auto shared = std::make_shared<const Workload>(std::move(workload));
    std::set<std::string> names;
    for (const auto port : gateway.asked) {
        EntryRoutes entry;
        std::map<std::string, std::string> hostnames;  // of this port's listeners
        for (const auto& listener : gateway.spec.listeners) {
            if (!listener.is_valid || listener.port != port) continue;
            entry.hostnames.push_back(listener.hostname);
            hostnames[listener.name] = listener.hostname;
        }
        for (const auto& [route_key, route] : routes) {
            for (std::size_t i = 0; i < route.outcomes.size(); ++i) {
                const auto& parent = route.compiled->parents[i];
                if (!parent.is_gateway() || ObjectKey{parent.ns, parent.name} != key) continue;
                for (const auto& attachment : route.outcomes[i].attachments) {
                    const auto at = hostnames.find(attachment.listener);
                    if (at != hostnames.end())
                        entry.attached.push_back({at->second, attachment.hosts, route.compiled});
                }
            }
        }
        auto listener = std::make_shared<GatewayListener>();
        listener->workload = shared;
        listener->port = port;
        put_domains(*listener, entry);
        const auto name = fmt::format("{}:{}", to_string(entry_of(key)), port);
        names.insert(name);
        builder.entry_listener(name, std::move(listener));
    }
    for (const auto& name : gateway.published) {
        if (!names.contains(name)) builder.entry_listener(name, nullptr);
    }
    gateway.published = std::move(names);
}

std::vector<Condition> GatewayApi::State::conditions_of(const Gateway& gateway) const {
    const auto& spec = gateway.spec;
    if (gateway.controller.empty()) {
        const auto why =
            fmt::format("there is no GatewayClass {} that is accepted", spec.class_name);
        return {{"Accepted", false, "Pending", why}, {"Programmed", false, "Pending", why}};
    }
    const auto valid = std::ranges::count_if(spec.listeners, &EntryListener::is_valid);
    const bool are_all_valid = valid == static_cast<std::ptrdiff_t>(spec.listeners.size());
    Condition accepted{"Accepted", valid > 0, "Accepted", "the Gateway is carried out"};
    if (!are_all_valid)
        accepted = {
            "Accepted", valid > 0, "ListenersNotValid", "not all listeners are carried out"};
    if (!spec.faults.empty()) accepted.message = joined(spec.faults, "; ");

    Condition programmed{"Programmed", true, "Programmed", "at " + gateway.address};
    if (valid == 0) {
        programmed = {"Programmed", false, "Invalid", "no listener is carried out"};
    } else if (!gateway.bound) {
        programmed = {"Programmed", false, "Pending", "its ports are being opened"};
    } else if (!*gateway.bound) {
        programmed = {"Programmed", false, "AddressNotUsable", gateway.bound->error().message};
    } else {
        for (const auto& [port, bound] : **gateway.bound) {
            if (port != bound)
                programmed.message += fmt::format(
                    "; port {} could not be bound and is at {}:{}", port, gateway.address, bound);
        }
    }
    return {accepted, programmed};
}

void GatewayApi::State::tell_gateway(const ObjectKey& key, const Gateway& gateway) {
    const auto object = cluster.find(entry_gateways, key);
    if (object == nullptr) return;
    const auto& spec = gateway.spec;
    const auto conditions = conditions_of(gateway);
    const bool is_programmed = conditions.back().status;
    JsonArray listeners;
    for (const auto& listener : spec.listeners) {
        std::set<ObjectKey> attached;
        for (const auto& [route_key, route] : routes) {
            for (std::size_t i = 0; i < route.outcomes.size(); ++i) {
                const auto& parent = route.compiled->parents[i];
                if (!parent.is_gateway() || ObjectKey{parent.ns, parent.name} != key) continue;
                for (const auto& attachment : route.outcomes[i].attachments)
                    if (attachment.listener == listener.name) attached.insert(route_key);
            }
        }
        auto said = listener.conditions;
        const bool is_open = listener.is_valid && is_programmed;
        said.push_back({"Programmed",
                        is_open,
                        is_open             ? "Programmed"
                        : listener.is_valid ? "Pending"
                                            : "Invalid",
                        is_open ? "the listener answers" : "the listener does not answer"});
        static const JsonArray nothing;
        const auto* before = &nothing;
        for (const auto& told : array_at(*object, {"status", "listeners"}))
            if (text_at(told, {"name"}) == listener.name) before = &array_at(told, {"conditions"});
        listeners.push_back(JsonObject{
            {"name", listener.name},
            {"supportedKinds",
             JsonArray{JsonObject{{"group", "gateway.networking.k8s.io"}, {"kind", "HTTPRoute"}}}},
            {"attachedRoutes", static_cast<std::int64_t>(attached.size())},
            {"conditions", conditions_json(said, spec.generation, *before, now())}});
    }
    JsonArray addresses;
    if (is_programmed)
        addresses.push_back(JsonObject{{"type", "IPAddress"}, {"value", gateway.address}});
    const JsonObject status{
        {"addresses", std::move(addresses)},
        {"conditions",
         conditions_json(
             conditions, spec.generation, array_at(*object, {"status", "conditions"}), now())},
        {"listeners", std::move(listeners)}};
    tell_lab_address(*object, gateway);
    if (object_at(*object, {"status"}) == status) return;
    (void)cluster.patch(entry_gateways,
                        key,
                        lab::PatchKind::merge,
                        JsonObject{{"status", status}},
                        {.subresource = lab::Subresource::status});
}

// Where a port is that is not at its own number: "127.112.64.1:18080".
void GatewayApi::State::tell_lab_address(const Json& object, const Gateway& gateway) {
    std::string at;
    bool is_elsewhere = false;
    if (gateway.bound && *gateway.bound) {
        for (const auto& [port, bound] : **gateway.bound) {
            is_elsewhere |= port != bound;
            at += fmt::format("{}{}:{}", at.empty() ? "" : ",", gateway.address, bound);
        }
    }
    if (!is_elsewhere) at.clear();
    if (text_at(object, {"metadata", "annotations", address_annotation}) == at) return;
    const Json wanted = at.empty() ? Json(nullptr) : Json(at);
    (void)cluster.patch(
        entry_gateways,
        kube::key_of(object),
        lab::PatchKind::merge,
        JsonObject{{"metadata", {{"annotations", {{address_annotation, wanted}}}}}});
}

// The lowest that no Gateway has.
std::string GatewayApi::State::free_address() const {
    for (int number = 0;; ++number) {
        auto address =
            fmt::format("127.{}.{}.{}", 112 + block, 64 + number / 250, 1 + number % 250);
        const bool is_taken = std::ranges::any_of(
            gateways, [&](const auto& entry) { return entry.second.address == address; });
        if (!is_taken) return address;
    }
}

}  // namespace sluice::mesh
