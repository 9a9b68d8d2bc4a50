#include "lab/mesh/table_builder.hpp"

#include "base/core/text.hpp"
#include "lab/mesh/delegation.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <tuple>

namespace sluice::mesh {

using kube::ObjectKey;

namespace {

struct ServiceSpec {
    struct Port {
        std::uint16_t number;
        std::string name;
    };
    std::string cluster_ip, path_prefix;
    std::vector<Port> ports;
};

struct Slice {
    struct Member {
        std::string address;
        ObjectKey pod;  // empty name: no pod
    };
    ObjectKey service;
    std::map<std::string, std::uint16_t> ports;  // by name
    std::vector<Member> ready;
};

struct GatewayServer {
    std::uint16_t port;
    GatewayListener::Protocol protocol;
    std::vector<std::pair<std::string, std::string>> hosts;  // namespace or "*", pattern
};

struct GatewayRules {
    std::string name;  // "ns/name"
    Labels selector;
    bool selects_all = false;
    std::vector<GatewayServer> servers;
};

struct GatewayWorkload {
    ObjectKey key;
    WorkloadPtr workload;
    std::map<std::uint16_t, std::uint16_t> ports;  // service port to target port
};

struct DestinationRule {
    ObjectKey key;
    std::string created, host;
    std::vector<std::string> export_to;
    std::optional<PolicyBlocks> policy;
    std::vector<std::pair<Subset, PolicyBlocks>> subsets;
};

// What the builder keeps of a listener beside what the table shows of it.
struct ListenerParts {
    std::uint16_t port = 80;
    std::vector<std::pair<const GatewayRules*, const GatewayServer*>> servers;
    std::map<std::string, std::set<ObjectKey>> domains;  // who has routes for it
    std::set<std::string> dirty;
};

std::vector<std::string> texts_at(const Json& value, JsonPath path) {
    std::vector<std::string> texts;
    for (const auto& entry : array_at(value, path)) {
        if (entry.is_string()) texts.emplace_back(entry.get_string());
    }
    return texts;
}

ServiceSpec compile_service(const Json& object) {
    ServiceSpec spec;
    spec.cluster_ip = text_at(object, {"spec", "clusterIP"});
    if (spec.cluster_ip == "None") spec.cluster_ip.clear();
    spec.path_prefix = text_at(object, {"metadata", "annotations", "sluice.dev/lab-path-prefix"});
    for (const auto& port : array_at(object, {"spec", "ports"})) {
        if (text_at(port, {"protocol"}, "TCP") != "TCP") continue;
        spec.ports.push_back({static_cast<std::uint16_t>(integer_at(port, {"port"}).value_or(0)),
                              std::string(text_at(port, {"name"}))});
    }
    return spec;
}

Slice compile_slice(const Json& object) {
    Slice slice;
    const auto key = kube::key_of(object);
    slice.service = {
        key.ns, std::string(text_at(object, {"metadata", "labels", "kubernetes.io/service-name"}))};
    for (const auto& port : array_at(object, {"ports"})) {
        slice.ports[std::string(text_at(port, {"name"}))] =
            static_cast<std::uint16_t>(integer_at(port, {"port"}).value_or(0));
    }
    for (const auto& endpoint : array_at(object, {"endpoints"})) {
        if (!bool_at(endpoint, {"conditions", "ready"}).value_or(true)) continue;
        const auto& addresses = array_at(endpoint, {"addresses"});
        if (addresses.empty() || !addresses.front().is_string()) continue;
        Slice::Member member{std::string(addresses.front().get_string()), {}};
        if (text_at(endpoint, {"targetRef", "kind"}) == "Pod")
            member.pod = {key.ns, std::string(text_at(endpoint, {"targetRef", "name"}))};
        slice.ready.push_back(std::move(member));
    }
    return slice;
}

GatewayListener::Protocol protocol_named(std::string_view name) {
    if (name == "TCP") return GatewayListener::Protocol::tcp;
    if (name == "TLS") return GatewayListener::Protocol::tls;
    return GatewayListener::Protocol::http;
}

GatewayRules compile_gateway(const Json& object) {
    GatewayRules rules;
    const auto key = kube::key_of(object);
    rules.name = key.ns + "/" + key.name;
    rules.selector = labels_of(object_at(object, {"spec", "selector"}));
    rules.selects_all = rules.selector.empty();
    for (const auto& json : array_at(object, {"spec", "servers"})) {
        GatewayServer server{
            static_cast<std::uint16_t>(integer_at(json, {"port", "number"}).value_or(0)),
            protocol_named(text_at(json, {"port", "protocol"})),
            {}};
        for (const auto& host : texts_at(json, {"hosts"})) {
            const auto slash = host.find('/');
            std::string ns = slash == std::string::npos ? "*" : host.substr(0, slash);
            if (ns == ".") ns = key.ns;
            server.hosts.emplace_back(
                std::move(ns),
                lower_case(slash == std::string::npos ? host : host.substr(slash + 1)));
        }
        rules.servers.push_back(std::move(server));
    }
    return rules;
}

GatewayWorkload compile_mesh_gateway(const Json& object) {
    GatewayWorkload gateway;
    gateway.key = kube::key_of(object);
    auto workload = workload_named(gateway.key.name, gateway.key.ns, gateway_pod_labels(object));
    workload.in_mesh = true;
    gateway.workload = std::make_shared<const Workload>(std::move(workload));
    for (const auto& port : array_at(object, {"spec", "service", "ports"})) {
        const auto number = integer_at(port, {"port"}).value_or(0);
        gateway.ports[static_cast<std::uint16_t>(number)] =
            static_cast<std::uint16_t>(integer_at(port, {"targetPort"}).value_or(number));
    }
    return gateway;
}

DestinationRule compile_destination_rule(const Json& object) {
    DestinationRule rule;
    rule.key = kube::key_of(object);
    rule.created = text_at(object, {"metadata", "creationTimestamp"});
    rule.host = full_name(text_at(object, {"spec", "host"}), rule.key.ns);
    rule.export_to = texts_at(object, {"spec", "exportTo"});
    const auto* policy = find(object, {"spec", "trafficPolicy"});
    if (policy != nullptr && policy->is_object()) rule.policy = parse_traffic_policy(*policy);
    for (const auto& json : array_at(object, {"spec", "subsets"})) {
        rule.subsets.emplace_back(
            Subset{
                std::string(text_at(json, {"name"})), labels_of(object_at(json, {"labels"})), {}},
            parse_traffic_policy(object_at(json, {"trafficPolicy"})));
    }
    return rule;
}

PortPolicies port_policies(const PolicyBlocks& host, const PolicyBlocks* subset) {
    PortPolicies policies;
    policies.all = std::make_shared<const TrafficPolicy>(policy_for(host, subset, 0));
    std::set<std::uint16_t> ports;
    for (const auto& [port, block] : host.ports) ports.insert(port);
    if (subset != nullptr) {
        for (const auto& [port, block] : subset->ports) ports.insert(port);
    }
    for (const auto port : ports)
        policies.ports.emplace_back(
            port, std::make_shared<const TrafficPolicy>(policy_for(host, subset, port)));
    return policies;
}

// The domains of a listener for one host of a VirtualService: where the server's and the object's
// hosts meet, the more specific of both.
std::set<std::string> domains_of(const VirtualService& rules, const ListenerParts& listener) {
    std::set<std::string> domains;
    for (const auto& [gateway, server] : listener.servers) {
        if (std::find(rules.gateways.begin(), rules.gateways.end(), gateway->name) ==
            rules.gateways.end())
            continue;
        for (const auto& [ns, pattern] : server->hosts) {
            if (ns != "*" && ns != rules.key.ns) continue;
            for (const auto& host : rules.hosts) {
                if (covers(pattern, host))
                    domains.insert(host);
                else if (covers(host, pattern))
                    domains.insert(pattern);
            }
        }
    }
    return domains;
}

// Longer patterns first: the most specific one wins.
template <typename Entry, typename Pattern>
void sort_longest_first(std::vector<Entry>& entries, Pattern pattern) {
    std::sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) {
        const auto &x = pattern(a), &y = pattern(b);
        return x.size() != y.size() ? x.size() > y.size() : x < y;
    });
}

}  // namespace

std::string revision_of(std::string_view control_plane, std::string_view ns) {
    std::string revision(control_plane);
    std::replace(revision.begin(), revision.end(), '.', '-');
    return revision.append(".").append(ns);
}

Labels gateway_pod_labels(const Json& mesh_gateway) {
    JsonObject labels{
        {"gateway-name", text_at(mesh_gateway, {"metadata", "name"})},
        {"gateway-type", text_at(mesh_gateway, {"spec", "type"}, "ingress")},
        {"release", "istio-meshgateway"},
        {"istio.io/rev",
         revision_of(text_at(mesh_gateway, {"spec", "istioControlPlane", "name"}),
                     text_at(mesh_gateway, {"spec", "istioControlPlane", "namespace"}))}};
    for (const auto* theirs :
         {&object_at(mesh_gateway, {"spec", "deployment", "metadata", "labels"}),
          &object_at(mesh_gateway, {"spec", "deployment", "podMetadata", "labels"})}) {
        for (const auto& [name, value] : *theirs) labels[name] = value;
    }
    return labels_of(labels);
}

struct TableBuilder::State {
    std::map<ObjectKey, VirtualServicePtr> virtual_services;
    std::map<ObjectKey, Json> roots, delegates;             // as written
    std::map<ObjectKey, std::set<ObjectKey>> roots_naming;  // by delegate
    std::map<std::string, std::set<ObjectKey>, std::less<>> by_mesh_host;
    std::map<ObjectKey, DestinationRule> destination_rules;
    std::map<std::string, std::set<ObjectKey>, std::less<>> by_rule_host;
    std::map<ObjectKey, GatewayRules> gateways;
    std::map<ObjectKey, GatewayWorkload> mesh_gateways;
    std::map<ObjectKey, ServiceSpec> services;
    std::map<ObjectKey, Slice> slices;
    std::map<ObjectKey, std::set<ObjectKey>> slices_of;         // by service
    std::map<ObjectKey, std::map<ObjectKey, int>> services_of;  // by pod
    std::map<ObjectKey, WorkloadPtr> pods;
    std::map<std::string, ListenerParts, std::less<>> listeners;

    std::set<ObjectKey> dirty_services;
    std::set<std::string> dirty_hosts, dirty_rules;
    std::map<std::string, GatewayListenerPtr> dirty_entries;
    std::map<std::string, ServiceRoutesPtr> dirty_service_routes;
    bool listeners_changed = false;
    bool domains_changed = false;
    std::map<std::string, int> workload_counts;  // pods and gateways, by "ns/name"
    std::set<std::string> dirty_workloads;

    std::shared_ptr<RouteTable> table = std::make_shared<RouteTable>();

    bool is_dirty() const {
        return !dirty_services.empty() || !dirty_hosts.empty() || !dirty_rules.empty() ||
               listeners_changed || domains_changed || !dirty_workloads.empty() ||
               !dirty_entries.empty() || !dirty_service_routes.empty();
    }

    // Everything that names this VirtualService, before and after a change of it.
    void touch(const VirtualService& rules, bool is_there) {
        if (rules.is_for_mesh()) {
            for (const auto& host : rules.hosts) {
                auto& users = by_mesh_host[host];
                is_there ? (void)users.insert(rules.key) : (void)users.erase(rules.key);
                dirty_hosts.insert(host);
            }
        }
        // Listeners that are about to be made anew take everything as it then is.
        if (listeners_changed) return;
        for (auto& [name, listener] : listeners) {
            for (const auto& domain : domains_of(rules, listener)) {
                auto& users = listener.domains[domain];
                is_there ? (void)users.insert(rules.key) : (void)users.erase(rules.key);
                listener.dirty.insert(domain);
                domains_changed = true;
            }
        }
    }

    void put_virtual_service(const ObjectKey& key, const Json* object);
    void count_workload(const Workload& workload, int by) {
        const auto name = workload.ns + "/" + workload.name;
        auto& count = workload_counts[name];
        count += by;
        if (count <= 0) workload_counts.erase(name);
        dirty_workloads.insert(name);
    }

    void build_service(const ObjectKey& key);
    void build_mesh_host(const std::string& host);
    void build_rules(const std::string& host);
    void build_listeners();
    void build_domains(const std::string& name, ListenerParts& parts);
    void build_entries();
    RouteList routes_of(const std::set<ObjectKey>& users) const;
    RouteList connections_of(const ListenerParts& parts, GatewayListener::Protocol protocol) const;
};

TableBuilder::TableBuilder() : state_(std::make_unique<State>()) {}
TableBuilder::~TableBuilder() = default;

bool TableBuilder::is_dirty() const {
    return state_->is_dirty();
}

void TableBuilder::virtual_service(const ObjectKey& key, const Json* object) {
    auto& state = *state_;
    if (const auto before = state.roots.find(key); before != state.roots.end()) {
        for (const auto& delegate : delegates_of(before->second)) {
            auto& users = state.roots_naming[delegate];
            users.erase(key);
            if (users.empty()) state.roots_naming.erase(delegate);
        }
        state.roots.erase(before);
    }
    state.delegates.erase(key);
    if (object != nullptr && is_delegate(*object)) state.delegates.emplace(key, *object);
    if (object != nullptr) {
        const auto named = delegates_of(*object);
        for (const auto& delegate : named) state.roots_naming[delegate].insert(key);
        if (!named.empty()) state.roots.emplace(key, *object);
    }
    state.put_virtual_service(key, object);
    if (const auto users = state.roots_naming.find(key); users != state.roots_naming.end()) {
        for (const auto& root : users->second)
            state.put_virtual_service(root, &state.roots.at(root));
    }
}

void TableBuilder::State::put_virtual_service(const ObjectKey& key, const Json* object) {
    auto& all = virtual_services;
    if (const auto before = all.find(key); before != all.end()) {
        touch(*before->second, false);
        all.erase(before);
    }
    if (object == nullptr) return;
    auto compiled = roots.contains(key)
                        ? compile_virtual_service(with_delegates(
                              *object,
                              [&](const ObjectKey& name) -> const Json* {
                                  const auto found = delegates.find(name);
                                  return found == delegates.end() ? nullptr : &found->second;
                              }))
                        : compile_virtual_service(*object);
    touch(*compiled, true);
    all.emplace(key, std::move(compiled));
}

void TableBuilder::destination_rule(const ObjectKey& key, const Json* object) {
    auto& all = state_->destination_rules;
    if (const auto before = all.find(key); before != all.end()) {
        state_->by_rule_host[before->second.host].erase(key);
        state_->dirty_rules.insert(before->second.host);
        all.erase(before);
    }
    if (object == nullptr) return;
    auto rule = compile_destination_rule(*object);
    state_->by_rule_host[rule.host].insert(key);
    state_->dirty_rules.insert(rule.host);
    all.emplace(key, std::move(rule));
}

void TableBuilder::gateway(const ObjectKey& key, const Json* object) {
    state_->gateways.erase(key);
    if (object != nullptr) state_->gateways.emplace(key, compile_gateway(*object));
    state_->listeners_changed = true;
}

void TableBuilder::mesh_gateway(const ObjectKey& key, const Json* object) {
    auto& all = state_->mesh_gateways;
    const auto before = all.find(key);
    if (object == nullptr) {
        if (before == all.end()) return;
        state_->count_workload(*before->second.workload, -1);
        all.erase(before);
    } else {
        auto compiled = compile_mesh_gateway(*object);
        // Its status changes often, and says nothing here.
        if (before != all.end() && *before->second.workload == *compiled.workload &&
            before->second.ports == compiled.ports)
            return;
        if (before == all.end()) state_->count_workload(*compiled.workload, +1);
        all.insert_or_assign(key, std::move(compiled));
    }
    state_->listeners_changed = true;
}

void TableBuilder::service(const ObjectKey& key, const Json* object) {
    state_->services.erase(key);
    if (object != nullptr) state_->services.emplace(key, compile_service(*object));
    state_->dirty_services.insert(key);
}

void TableBuilder::endpoint_slice(const ObjectKey& key, const Json* object) {
    auto& all = state_->slices;
    if (const auto before = all.find(key); before != all.end()) {
        const auto& slice = before->second;
        for (const auto& member : slice.ready) {
            auto& users = state_->services_of[member.pod];
            if (--users[slice.service] <= 0) users.erase(slice.service);
            if (users.empty()) state_->services_of.erase(member.pod);
        }
        state_->slices_of[slice.service].erase(key);
        state_->dirty_services.insert(slice.service);
        all.erase(before);
    }
    if (object == nullptr) return;
    auto slice = compile_slice(*object);
    for (const auto& member : slice.ready) ++state_->services_of[member.pod][slice.service];
    state_->slices_of[slice.service].insert(key);
    state_->dirty_services.insert(slice.service);
    all.emplace(key, std::move(slice));
}

void TableBuilder::pod(const ObjectKey& key, const Json* object) {
    auto& all = state_->pods;
    const auto before = all.find(key);
    if (object == nullptr) {
        if (before == all.end()) return;
        state_->count_workload(*before->second, -1);
        all.erase(before);
    } else {
        auto workload = workload_of_pod(*object);
        // A pod's status changes often, and says nothing here: readiness comes by EndpointSlices.
        if (before != all.end() && *before->second == workload) return;
        state_->count_workload(workload, +1);
        if (before != all.end()) state_->count_workload(*before->second, -1);
        all.insert_or_assign(key, std::make_shared<const Workload>(std::move(workload)));
    }
    if (const auto users = state_->services_of.find(key); users != state_->services_of.end()) {
        for (const auto& [service, count] : users->second) state_->dirty_services.insert(service);
    }
}

void TableBuilder::entry_listener(const std::string& name, GatewayListenerPtr listener) {
    state_->dirty_entries[name] = std::move(listener);
}

void TableBuilder::service_routes(const std::string& host, ServiceRoutesPtr routes) {
    state_->dirty_service_routes[host] = std::move(routes);
}

void TableBuilder::State::build_entries() {
    for (auto& [name, listener] : std::exchange(dirty_entries, {})) {
        auto& all = table->entry_listeners_;
        if (listener != nullptr) count_workload(*listener->workload, +1);
        if (const auto* before = all.find(name)) count_workload(*(*before)->workload, -1);
        if (listener == nullptr)
            all.erase(name);
        else
            all.put(name, std::move(listener));
    }
    for (auto& [host, routes] : std::exchange(dirty_service_routes, {})) {
        if (routes == nullptr)
            table->service_routes_.erase(host);
        else
            table->service_routes_.put(host, std::move(routes));
    }
}

void TableBuilder::State::build_service(const ObjectKey& key) {
    const auto host = service_host(key.name, key.ns);
    if (const auto* known = table->services_.find(host);
        known != nullptr && !(*known)->cluster_ip.empty())
        table->cluster_ips_.erase((*known)->cluster_ip);
    const auto spec = services.find(key);
    if (spec == services.end()) {
        table->services_.erase(host);
        return;
    }
    auto service = std::make_shared<Service>();
    service->name = key.name;
    service->ns = key.ns;
    service->host = host;
    service->cluster_ip = spec->second.cluster_ip;
    service->path_prefix = spec->second.path_prefix;
    for (const auto& port : spec->second.ports) {
        ServicePort built{port.number, port.name, {}};
        for (const auto& slice_key : slices_of[key]) {
            const auto& slice = slices.at(slice_key);
            const auto target = slice.ports.find(port.name);
            if (target == slice.ports.end()) continue;
            for (const auto& member : slice.ready) {
                const auto pod = pods.find(member.pod);
                built.endpoints.push_back(
                    {member.address,
                     target->second,
                     (static_cast<std::uint64_t>(parse_ipv4(member.address).value_or(0)) << 16) |
                         target->second,
                     pod == pods.end() ? nullptr : pod->second});
            }
        }
        service->ports.push_back(std::move(built));
    }
    if (!service->cluster_ip.empty()) table->cluster_ips_.put(service->cluster_ip, host);
    table->services_.put(host, std::move(service));
}

void TableBuilder::State::build_mesh_host(const std::string& host) {
    auto candidates = std::make_shared<std::vector<VirtualServicePtr>>();
    if (const auto users = by_mesh_host.find(host); users != by_mesh_host.end()) {
        for (const auto& key : users->second) candidates->push_back(virtual_services.at(key));
        if (users->second.empty()) by_mesh_host.erase(users);
    }
    std::sort(candidates->begin(), candidates->end(), [](const auto& a, const auto& b) {
        return *a < *b;
    });
    if (!is_wildcard(host)) {
        if (candidates->empty())
            table->mesh_hosts_.erase(host);
        else
            table->mesh_hosts_.put(host, std::move(candidates));
        return;
    }
    auto& wildcards = table->mesh_wildcards_;
    std::erase_if(wildcards, [&](const auto& entry) { return entry.pattern == host; });
    if (!candidates->empty()) wildcards.push_back({host, std::move(candidates)});
    sort_longest_first(wildcards, [](const auto& entry) -> const auto& { return entry.pattern; });
}

void TableBuilder::State::build_rules(const std::string& host) {
    auto policies = std::make_shared<std::vector<DestinationPolicy>>();
    std::vector<const DestinationRule*> rules;
    if (const auto users = by_rule_host.find(host); users != by_rule_host.end()) {
        for (const auto& key : users->second) rules.push_back(&destination_rules.at(key));
        if (users->second.empty()) by_rule_host.erase(users);
    }
    std::sort(rules.begin(), rules.end(), [](const auto* a, const auto* b) {
        return std::tie(a->created, a->key.name, a->key.ns) <
               std::tie(b->created, b->key.name, b->key.ns);
    });
    // One host and one exportTo: merged. The first policy stays, the first subset of a name stays.
    struct Parts {
        std::optional<PolicyBlocks> policy;
        std::vector<const PolicyBlocks*> subsets;
    };
    std::vector<Parts> parts;
    for (const auto* rule : rules) {
        auto at = std::find_if(policies->begin(), policies->end(), [&](const auto& policy) {
            return policy.ns == rule->key.ns && policy.export_to == rule->export_to;
        });
        if (at == policies->end()) {
            policies->push_back({.ns = rule->key.ns, .export_to = rule->export_to});
            parts.emplace_back();
            at = policies->end() - 1;
        }
        auto& known = parts[static_cast<std::size_t>(at - policies->begin())];
        if (!known.policy) known.policy = rule->policy;
        for (const auto& [subset, blocks] : rule->subsets) {
            if (at->subset(subset.name) != nullptr) continue;
            at->subsets.push_back(subset);
            known.subsets.push_back(&blocks);
        }
    }
    for (std::size_t i = 0; i < policies->size(); ++i) {
        const auto own = parts[i].policy.value_or(PolicyBlocks{});
        auto& policy = (*policies)[i];
        policy.policies = port_policies(own, nullptr);
        for (std::size_t j = 0; j < policy.subsets.size(); ++j)
            policy.subsets[j].policies = port_policies(own, parts[i].subsets[j]);
    }

    if (!is_wildcard(host)) {
        if (policies->empty())
            table->policies_.erase(host);
        else
            table->policies_.put(host, std::move(policies));
        return;
    }
    auto& wildcards = table->policy_wildcards_;
    std::erase_if(wildcards, [&](const auto& entry) { return entry.first == host; });
    if (!policies->empty()) wildcards.emplace_back(host, std::move(policies));
    sort_longest_first(wildcards, [](const auto& entry) -> const auto& { return entry.first; });
}

RouteList TableBuilder::State::routes_of(const std::set<ObjectKey>& users) const {
    std::vector<VirtualServicePtr> in_order;
    in_order.reserve(users.size());
    for (const auto& key : users) in_order.push_back(virtual_services.at(key));
    std::sort(
        in_order.begin(), in_order.end(), [](const auto& a, const auto& b) { return *a < *b; });
    auto routes = std::make_shared<std::vector<RoutePtr>>();
    for (const auto& rules : in_order)
        routes->insert(routes->end(), rules->routes.begin(), rules->routes.end());
    // Of several objects the catch-all routes come last, so that none hides another's.
    if (in_order.size() > 1) {
        std::vector<RoutePtr> last;
        std::copy_if(
            routes->begin(), routes->end(), std::back_inserter(last), [](const auto& route) {
                return route->is_catch_all();
            });
        std::erase_if(*routes, [](const auto& route) { return route->is_catch_all(); });
        routes->insert(routes->end(), last.begin(), last.end());
    }
    return routes;
}

// A connection does not say which host it is for, so the routes of all stand in one list.
RouteList TableBuilder::State::connections_of(const ListenerParts& parts,
                                              GatewayListener::Protocol protocol) const {
    std::set<ObjectKey> users;
    for (const auto& [domain, of_domain] : parts.domains)
        users.insert(of_domain.begin(), of_domain.end());
    std::vector<VirtualServicePtr> in_order;
    in_order.reserve(users.size());
    for (const auto& key : users) in_order.push_back(virtual_services.at(key));
    std::sort(
        in_order.begin(), in_order.end(), [](const auto& a, const auto& b) { return *a < *b; });
    auto routes = std::make_shared<std::vector<RoutePtr>>();
    for (const auto& rules : in_order) {
        const auto& more = protocol == GatewayListener::Protocol::tcp ? rules->tcp : rules->tls;
        routes->insert(routes->end(), more.begin(), more.end());
    }
    return routes;
}

void TableBuilder::State::build_domains(const std::string& name, ListenerParts& parts) {
    const auto* known = table->listeners_.find(name);
    if (known == nullptr || parts.dirty.empty()) return;
    auto listener = std::make_shared<GatewayListener>(**known);
    for (const auto& domain : parts.dirty) {
        const auto users = parts.domains.find(domain);
        const bool is_gone = users == parts.domains.end() || users->second.empty();
        if (is_wildcard(domain)) {
            std::erase_if(listener->wildcards,
                          [&](const auto& entry) { return entry.pattern == domain; });
            if (!is_gone) listener->wildcards.push_back({domain, routes_of(users->second)});
            sort_longest_first(listener->wildcards,
                               [](const auto& entry) -> const auto& { return entry.pattern; });
        } else if (is_gone) {
            listener->domains.erase(domain);
        } else {
            listener->domains.put(domain, routes_of(users->second));
        }
        if (is_gone) parts.domains.erase(domain);
    }
    parts.dirty.clear();
    if (listener->protocol != GatewayListener::Protocol::http)
        listener->connections = connections_of(parts, listener->protocol);
    table->listeners_.put(name, std::move(listener));
}

// Gateways change seldom: all listeners are put together anew.
void TableBuilder::State::build_listeners() {
    std::vector<std::string> old;
    table->listeners_.for_each([&](const auto& name, const auto&) { old.push_back(name); });
    for (const auto& name : old) table->listeners_.erase(name);
    listeners.clear();
    for (const auto& [key, gateway] : mesh_gateways) {
        for (const auto& [port, target] : gateway.ports) {
            const auto name = to_string(key) + ":" + std::to_string(port);
            ListenerParts parts;
            parts.port = port;
            auto listener = std::make_shared<GatewayListener>();
            listener->workload = gateway.workload;
            listener->port = port;
            for (const auto& [rules_key, rules] : gateways) {
                if (!rules.selects_all && !has_labels(gateway.workload->labels, rules.selector))
                    continue;
                for (const auto& server : rules.servers) {
                    // The server's port is the Service's; one that the Service does not have is
                    // meant literally, as the pod's.
                    const bool is_this =
                        server.port == port ||
                        (server.port == target && !gateway.ports.contains(server.port));
                    if (!is_this) continue;
                    // The first server of a port says what it speaks; others are left out.
                    if (parts.servers.empty()) listener->protocol = server.protocol;
                    if (server.protocol != listener->protocol) continue;
                    parts.servers.emplace_back(&rules, &server);
                    if (listener->gateways.empty() || listener->gateways.back() != rules.name)
                        listener->gateways.push_back(rules.name);
                }
            }
            for (const auto& [rules_key, rules] : virtual_services) {
                for (const auto& domain : domains_of(*rules, parts)) {
                    parts.domains[domain].insert(rules_key);
                    parts.dirty.insert(domain);
                }
            }
            table->listeners_.put(name, std::move(listener));
            listeners.emplace(name, std::move(parts));
        }
    }
}

RouteTablePtr TableBuilder::build() {
    auto& state = *state_;
    if (!state.is_dirty()) return state.table;
    // The one handed out stays as it is; the copy shares what does not change.
    state.table = std::make_shared<RouteTable>(*state.table);
    ++state.table->generation_;
    for (const auto& key : std::exchange(state.dirty_services, {})) state.build_service(key);
    for (const auto& host : std::exchange(state.dirty_hosts, {})) state.build_mesh_host(host);
    for (const auto& host : std::exchange(state.dirty_rules, {})) state.build_rules(host);
    if (std::exchange(state.listeners_changed, false)) state.build_listeners();
    for (auto& [name, parts] : state.listeners) state.build_domains(name, parts);
    state.build_entries();
    state.domains_changed = false;
    for (const auto& name : std::exchange(state.dirty_workloads, {})) {
        const auto count = state.workload_counts.find(name);
        if (count == state.workload_counts.end())
            state.table->workloads_.erase(name);
        else
            state.table->workloads_.put(name, count->second);
    }
    return state.table;
}

}  // namespace sluice::mesh
