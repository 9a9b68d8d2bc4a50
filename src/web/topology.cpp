#include "web/topology.hpp"

#include "base/core/text.hpp"
#include "kube/resource.hpp"
#include "release/mesh_scene.hpp"
#include "web/nullable.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <tuple>
#include <utility>

namespace sluice::web {
namespace {

using release::selects;

constexpr std::size_t grouped_above = 400;
constexpr std::size_t nodes_max = 2000;
constexpr std::size_t edges_max = 8000;

class Drawing {
   public:
    explicit Drawing(const TopologyParts& parts) : parts_(parts) {}

    Topology draw() {
        add_workloads();
        add_gateways();
        add_releases();
        add_configuration();
        add_edges();
        judge();
        if (parts_.type != GraphType::workload) return draw_condensed();
        drop_idle(graph_);
        if (is_grouped(graph_)) return grouped();
        add_planned_edges();
        return as_it_is();
    }

   private:
    bool is_asked(const std::string& ns) const {
        return parts_.namespaces.empty() || parts_.namespaces.contains(ns);
    }
    bool is_hidden(const std::string& ns) const {
        return parts_.sees && !ns.empty() && !parts_.sees(ns);
    }

    GraphNode& node(const std::string& id);
    void add_workloads();
    void add_gateways();
    void add_releases();
    void add_configuration();
    void note_copies(const std::string& ns, const Json& route);
    // Those that the release's controller made.
    const std::vector<const Json*>& routes_of(const Release& release);
    bool is_copied(const std::string& id) const {
        return mirrored_.contains(id) && !routed_.contains(id);
    }
    void add_edges();
    void add_planned_edges();
    void add_edge(const EdgeKey& key, EdgeRates rates);
    void judge();
    void drop_idle(Graph& graph) const;
    void edges_by_service();
    Topology draw_condensed();
    bool is_grouped(const Graph& graph) const;
    Topology grouped();
    Topology as_it_is();

    using Ends = std::set<std::pair<std::string, std::string>>;
    void plan(Ends& ends, const Json& route, const std::string& from, const std::string& to);
    std::string service_between(const Json& route, const std::string& workload);
    const std::vector<std::string>& workloads_behind(const std::string& ns,
                                                     const std::string& service);
    bool concerns(const EdgeKey& key) const;
    JsonObject node_json(const GraphNode& node) const;
    JsonObject edge_json(const GraphEdge& edge, double leaving) const;
    void note_destinations();
    bool is_taken_by(const Json& route, const std::string& source) const;
    std::optional<GraphRoute> route_of(const EdgeKey& key);
    Health edge_health(const GraphEdge& edge) const;

    const TopologyParts& parts_;
    Graph graph_;
    std::map<std::string, GraphNode>& nodes_ = graph_.nodes;
    std::vector<GraphEdge>& edges_ = graph_.edges;
    std::map<std::string, JsonObject> labels_;  // of pods, by workload's id
    std::map<kube::ObjectKey, const Json*> services_;
    std::map<kube::ObjectKey, std::vector<const Json*>> routes_;  // by their release
    bool has_routes_ = false;
    struct Destination {
        const Json* object;   // the VirtualService
        std::string service;  // "test/podinfo-canary"
        GraphRoute route;
    };
    std::map<std::string, std::vector<Destination>> destinations_;  // by node's id
    bool has_destinations_ = false;
    std::map<EdgeKey, std::set<std::string>> through_;  // Services, by an edge without one
    std::map<std::string, std::string> kinds_;          // by id: Deployment or DaemonSet
    std::map<kube::ObjectKey, std::vector<std::string>> of_gateways_;  // workloads
    std::map<kube::ObjectKey, std::vector<std::string>> behind_;       // workloads, by Service
    std::set<std::string> mirrored_, routed_;  // workloads that get copies, or a share
};

GraphNode& Drawing::node(const std::string& id) {
    auto [place, is_new] = nodes_.try_emplace(id);
    auto& one = place->second;
    if (!is_new) return one;
    one.id = id;
    const auto parts = split(id, '/');
    if (parts.size() == 3 && parts[0] == "w") {
        one.kind = "workload";
        one.ns = parts[1];
        one.name = parts[2];
    } else if (parts.size() == 3 && parts[0] == "s") {
        one.kind = "service";
        one.ns = parts[1];
        one.name = parts[2];
    } else if (parts[0] == "n" && parts.size() == 2) {
        one.kind = "namespace";
        one.ns = one.name = parts[1];
    } else if (parts[0] == "x") {
        one.kind = "external";
        one.name = id.substr(2);
    } else {
        one.kind = "unknown";
        one.name = "unknown";
    }
    one.outside = !one.ns.empty() && !is_asked(one.ns);
    return one;
}

void Drawing::add_workloads() {
    for (const auto& shared : parts_.workloads) {
        const auto& object = *shared;
        const auto key = kube::key_of(object);
        if (!is_asked(key.ns) || is_hidden(key.ns)) continue;
        auto& one = node(workload_id(key.ns, key.name));
        const auto& labels = object_at(object, {"spec", "template", "metadata", "labels"});
        labels_[one.id] = labels;
        kinds_[one.id] = text_at(object, {"kind"});
        one.canonical = canonical_of(object);
        const auto label = [&](std::string_view name) {
            return text_at(object, {"spec", "template", "metadata", "labels", name});
        };
        one.app = label("service.istio.io/canonical-name");
        if (one.app.empty()) one.app = label("app.kubernetes.io/name");
        if (one.app.empty()) one.app = label("app");
        one.version = label("version");
        if (one.version.empty()) one.version = label("app.kubernetes.io/version");
        one.replicas = replicas_of(object);
        judge_replicas(one.health, *one.replicas);
        if (one.replicas->desired == 0) one.badges.insert("dead");
        if (parts_.sidecars == nullptr) continue;
        const auto sidecars = parts_.sidecars->find(one.id);
        if (sidecars == parts_.sidecars->end()) continue;
        judge_sidecars(one.health, sidecars->second);
        if (sidecars->second.missing > 0) one.badges.insert("missingSidecar");
    }
}

void Drawing::add_gateways() {
    for (const auto& gateway : parts_.gateways) {
        const auto& selector = object_at(*gateway, {"spec", "selector"});
        auto& behind = of_gateways_[kube::key_of(*gateway)];
        for (const auto& [id, labels] : labels_) {
            if (!selects(selector, labels)) continue;
            behind.push_back(id);
            auto& one = nodes_.at(id);
            one.kind = "gateway";
            one.badges.insert("gateway");
        }
    }
    for (const auto& gateway : parts_.mesh_gateways) {
        const auto key = kube::key_of(*gateway);
        const auto found = nodes_.find(workload_id(key.ns, key.name));
        if (found == nodes_.end()) continue;
        found->second.kind = "gateway";
        found->second.badges.insert("gateway");
        for (const auto& address : array_at(*gateway, {"status", "GatewayAddress"})) {
            if (address.is_string() && found->second.addresses.size() < 10) {
                found->second.addresses.emplace_back(std::string_view(address.get_string()));
            }
        }
    }
}

void Drawing::add_releases() {
    std::vector<const Release*> asked;
    for (const auto* release : parts_.releases) {
        if (is_asked(release->ns)) asked.push_back(release);
    }
    for (auto& [id, role] : roles_of(asked)) {
        const auto found = nodes_.find(id);
        if (found == nodes_.end()) continue;
        auto& one = found->second;
        if (!role.version.empty()) one.version = role.version;
        judge_release(one.health, role);
        one.role = std::move(role);
    }
}

// "web", "web.test" or "web.test.svc.cluster.local".
kube::ObjectKey service_named(std::string_view host, const std::string& ns) {
    const auto parts = split(host, '.');
    return {parts.size() > 1 ? std::string(parts[1]) : ns, std::string(parts[0])};
}

const std::vector<std::string>& Drawing::workloads_behind(const std::string& ns,
                                                          const std::string& service) {
    const auto key = service_named(service, ns);
    const auto [place, is_new] = behind_.try_emplace(key);
    auto& found = place->second;
    if (!is_new) return found;
    if (services_.empty()) {
        for (const auto& object : parts_.services) {
            services_[kube::key_of(*object)] = object.get();
        }
    }
    const auto object = services_.find(key);
    if (object == services_.end()) return found;
    const auto& selector = object_at(*object->second, {"spec", "selector"});
    const auto first = workload_id(key.ns, "");
    for (auto one = labels_.lower_bound(first);
         one != labels_.end() && one->first.starts_with(first);
         ++one) {
        if (selects(selector, one->second)) found.push_back(one->first);
    }
    return found;
}

const std::vector<const Json*>& Drawing::routes_of(const Release& release) {
    if (!std::exchange(has_routes_, true)) {
        for (const auto& service : parts_.virtual_services) {
            const auto* owner = kube::controller_of(*service);
            if (owner == nullptr || text_at(*owner, {"kind"}) != "Canary") continue;
            const kube::ObjectKey of{kube::key_of(*service).ns,
                                     std::string(text_at(*owner, {"name"}))};
            routes_[of].push_back(service.get());
        }
    }
    static const std::vector<const Json*> none;
    const auto found = routes_.find({release.ns, release.name});
    return found == routes_.end() ? none : found->second;
}

// Whom a route sends copies, and whom a share of what comes.
void Drawing::note_copies(const std::string& ns, const Json& route) {
    const auto note = [&](const Json* destination, std::set<std::string>& into) {
        if (destination == nullptr) return;
        const auto& behind = workloads_behind(ns, std::string(text_at(*destination, {"host"})));
        into.insert(behind.begin(), behind.end());
    };
    note(find(route, {"mirror"}), mirrored_);
    for (const auto& one : array_at(route, {"mirrors"}))
        note(find(one, {"destination"}), mirrored_);
    const auto& to = array_at(route, {"route"});
    for (const auto& one : to) {
        const auto weight = integer_at(one, {"weight"});
        const bool has_share = weight ? *weight > 0 : to.size() == 1;
        if (has_share) note(find(one, {"destination"}), routed_);
    }
}

void Drawing::add_configuration() {
    for (const auto& service : parts_.virtual_services) {
        const auto ns = kube::key_of(*service).ns;
        for (const auto& route : array_at(*service, {"spec", "http"})) {
            const auto& to = array_at(route, {"route"});
            const auto weighted = std::ranges::count_if(
                to, [](const Json& one) { return integer_at(one, {"weight"}).value_or(100) > 0; });
            std::set<std::string> badges;
            if (weighted > 1) badges.insert("trafficShifting");
            if (find(route, {"mirror"}) != nullptr || !array_at(route, {"mirrors"}).empty()) {
                badges.insert("mirroring");
            }
            note_copies(ns, route);
            if (find(route, {"fault"}) != nullptr) badges.insert("faultInjection");
            if (!array_at(route, {"match"}).empty()) badges.insert("requestRouting");
            if (find(route, {"timeout"}) != nullptr) badges.insert("timeout");
            if (badges.empty()) continue;
            for (const auto& one : to) {
                const std::string host(text_at(one, {"destination", "host"}));
                for (const auto& id : workloads_behind(ns, host)) {
                    nodes_.at(id).badges.insert(badges.begin(), badges.end());
                }
            }
        }
    }
    for (const auto& shared : parts_.destination_rules) {
        const auto& rule = *shared;
        if (find(rule, {"spec", "trafficPolicy", "connectionPool"}) == nullptr &&
            find(rule, {"spec", "trafficPolicy", "outlierDetection"}) == nullptr) {
            continue;
        }
        const std::string host(text_at(rule, {"spec", "host"}));
        for (const auto& id : workloads_behind(kube::key_of(rule).ns, host)) {
            nodes_.at(id).badges.insert("circuitBreaker");
        }
    }
}

// The namespace of an end; empty where it has none.
std::string namespace_of(const std::string& id) {
    const auto parts = split(id, '/');
    return parts.size() == 3 && parts[0] != "x" ? std::string(parts[1]) : std::string();
}

bool Drawing::concerns(const EdgeKey& key) const {
    const auto from = namespace_of(key.source);
    const auto to = namespace_of(key.target);
    if (is_hidden(from) || is_hidden(to)) return false;
    return parts_.namespaces.empty() || parts_.namespaces.contains(from) ||
           parts_.namespaces.contains(to);
}

void Drawing::add_edges() {
    std::map<EdgeKey, EdgeRates> merged;
    for (const auto& [key, rates] : parts_.edges.edges) {
        if (!concerns(key)) continue;
        if (parts_.type == GraphType::workload && parts_.services_between && !key.service.empty() &&
            key.target.starts_with("w/")) {
            const auto middle = "s/" + key.service;
            add_to(merged[{key.source, middle, key.protocol, key.service}], rates);
            add_to(merged[{middle, key.target, key.protocol, key.service}], rates);
            continue;
        }
        auto bare = key;
        bare.service.clear();
        if (!key.service.empty()) through_[bare].insert(key.service);
        add_to(merged[bare], rates);
    }
    for (auto& [key, rates] : merged) {
        auto& from = node(key.source);
        auto& to = node(key.target);
        from.has_traffic = to.has_traffic = true;
        const bool mirror = is_copied(key.target);
        if (key.protocol != "tcp") {
            // Nobody waits for the answer to a copy.
            from.out += mirror ? 0 : rates.rps;
            from.out_failed += mirror ? 0 : rates.failed;
            to.in += rates.rps;
            to.in_failed += rates.failed;
        }
        add_edge(key, std::move(rates));
    }
}

void Drawing::add_edge(const EdgeKey& key, EdgeRates rates) {
    GraphEdge edge{.key = key, .rates = std::move(rates), .mirror = is_copied(key.target)};
    edge.health = edge_health(edge);
    edge.route = route_of(key);
    edges_.push_back(std::move(edge));
}

// "gw", or "test/gw".
kube::ObjectKey gateway_named(std::string_view text, const std::string& ns) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return {ns, std::string(text)};
    return {std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
}

// Through which Service the route leads to the workload.
std::string Drawing::service_between(const Json& route, const std::string& workload) {
    const auto ns = kube::key_of(route).ns;
    for (const auto& one : array_at(route, {"spec", "http"})) {
        for (const auto& to : array_at(one, {"route"})) {
            const std::string host(text_at(to, {"destination", "host"}));
            const auto& behind = workloads_behind(ns, host);
            if (std::ranges::find(behind, workload) == behind.end()) continue;
            const auto key = service_named(host, ns);
            if (!is_hidden(key.ns)) return service_id(key.ns, key.name);
        }
    }
    return {};
}

void Drawing::plan(Ends& ends, const Json& route, const std::string& from, const std::string& to) {
    const auto lead = [&](const std::string& source, const std::string& target) {
        if (!ends.emplace(source, target).second) return;
        add_edge({source, target, "http", ""}, {});
        edges_.back().is_planned = true;
    };
    const bool is_through = parts_.type == GraphType::workload && parts_.services_between;
    const auto between = is_through ? service_between(route, to) : std::string();
    if (between.empty()) {
        lead(from, to);
        return;
    }
    node(between);
    lead(from, between);
    lead(between, to);
}

// Where a release's routes lead from its gateways, also while nobody comes that way.
void Drawing::add_planned_edges() {
    Ends ends;
    for (const auto& edge : edges_) ends.emplace(edge.key.source, edge.key.target);
    for (const auto* release : parts_.releases) {
        if (!is_asked(release->ns)) continue;
        std::vector<std::string> targets;
        const auto* revisions = release->json.if_contains("revisions");
        for (const auto* side : {"stable", "canary"}) {
            if (revisions == nullptr) continue;
            auto target =
                workload_id(release->ns, std::string(text_at(*revisions, {side, "workload"})));
            if (nodes_.contains(target)) targets.push_back(std::move(target));
        }
        for (const auto* service : routes_of(*release)) {
            for (const auto& named : array_at(*service, {"spec", "gateways"})) {
                if (!named.is_string() || named.get_string() == "mesh") continue;
                const auto gateway =
                    of_gateways_.find(gateway_named(named.get_string(), release->ns));
                if (gateway == of_gateways_.end()) continue;
                for (const auto& id : gateway->second) {
                    for (const auto& target : targets) plan(ends, *service, id, target);
                }
            }
        }
    }
}

Health Drawing::edge_health(const GraphEdge& edge) const {
    if (edge.key.protocol == "tcp") return {};
    const auto found = nodes_.find(edge.key.target);
    const bool has_role = found != nodes_.end() && found->second.role;
    return health_of_way(edge.rates, has_role ? &*found->second.role : nullptr);
}

void Drawing::judge() {
    for (const auto& edge : edges_) {
        auto& target = nodes_.at(edge.key.target);
        if (edge.health.reasons.empty()) target.health.worsen(edge.health.status, "");
        for (const auto& reason : edge.health.reasons) {
            target.health.worsen(edge.health.status, reason);
        }
    }
    for (auto& [id, one] : nodes_) {
        if (!one.has_traffic && (one.kind == "workload" || one.kind == "gateway")) {
            one.badges.insert("idle");
        }
    }
}

void Drawing::drop_idle(Graph& graph) const {
    if (parts_.idle) return;
    std::erase_if(graph.nodes, [](const auto& entry) {
        const auto& one = entry.second;
        const bool is_ours = one.kind == "workload" || one.kind == "app" || one.kind == "service";
        return is_ours && !one.has_traffic && !one.role;
    });
}

// The nodes are judged by what comes to them, whatever the Service; the edges each by its own.
void Drawing::edges_by_service() {
    edges_.clear();
    for (const auto& [key, rates] : parts_.edges.edges) {
        if (!concerns(key)) continue;
        auto through = key;
        if (is_hidden(key.service.substr(0, key.service.find('/')))) through.service.clear();
        add_edge(through, rates);
    }
}

Topology Drawing::draw_condensed() {
    if (parts_.group == TopologyParts::Group::by_namespace) {
        drop_idle(graph_);
        return grouped();
    }
    auto workloads = graph_;
    Fronts fronts;
    if (parts_.type == GraphType::service) {
        edges_by_service();
        Objects seen;
        std::ranges::copy_if(parts_.services, std::back_inserter(seen), [this](const auto& one) {
            return !is_hidden(kube::key_of(*one).ns);
        });
        fronts = fronts_of(parts_.workloads, seen);
        // A release's route has the name of its apex.
        for (const auto* release : parts_.releases) {
            for (const auto* route : routes_of(*release)) {
                const auto key = kube::key_of(*route);
                fronts.apexes.insert(service_id(key.ns, key.name));
            }
        }
    }
    add_planned_edges();
    auto small = condensed(graph_, parts_.type, fronts);
    drop_idle(small);
    if (is_grouped(small)) {
        graph_ = std::move(workloads);
        drop_idle(graph_);
        return grouped();
    }
    graph_ = std::move(small);
    return as_it_is();
}

// Where all http routes lead, by the workload and by the Service.
void Drawing::note_destinations() {
    if (std::exchange(has_destinations_, true)) return;
    for (const auto& service : parts_.virtual_services) {
        const auto key = kube::key_of(*service);
        if (is_hidden(key.ns)) continue;
        std::size_t index = 0;
        for (const auto& route : array_at(*service, {"spec", "http"})) {
            const auto& to = array_at(route, {"route"});
            for (const auto& one : to) {
                const std::string host(text_at(one, {"destination", "host"}));
                const auto alone = to.size() == 1 ? 100 : 0;
                const auto named = service_named(host, key.ns);
                const Destination destination{
                    .object = service.get(),
                    .service = to_string(named),
                    .route = {.object = fmt::format("VirtualService {}", to_string(key)),
                              .index = index,
                              .weight = integer_at(one, {"weight"}).value_or(alone)}};
                destinations_[service_id(named.ns, named.name)].push_back(destination);
                for (const auto& id : workloads_behind(key.ns, host)) {
                    destinations_[id].push_back(destination);
                }
            }
            ++index;
        }
    }
}

// A gateway takes the routes bound to it, and a proxy beside a workload those of the mesh.
bool Drawing::is_taken_by(const Json& route, const std::string& source) const {
    // It stands between: who came to it took the route.
    if (!source.starts_with("w/")) return source.starts_with("s/");
    const auto& bound = array_at(route, {"spec", "gateways"});
    const auto ns = kube::key_of(route).ns;
    const auto found = nodes_.find(source);
    const bool is_gateway = found != nodes_.end() && found->second.kind == "gateway";
    if (!is_gateway && bound.empty()) return true;
    return std::ranges::any_of(bound, [&](const Json& named) {
        if (!named.is_string()) return false;
        if (named.get_string() == "mesh") return !is_gateway;
        const auto gateway = of_gateways_.find(gateway_named(named.get_string(), ns));
        return gateway != of_gateways_.end() &&
               std::ranges::find(gateway->second, source) != gateway->second.end();
    });
}

// Of several that may have carried it the first that leads anybody there.
std::optional<GraphRoute> Drawing::route_of(const EdgeKey& edge) {
    if (edge.protocol == "tcp") return std::nullopt;
    note_destinations();
    const auto all = destinations_.find(edge.target);
    if (all == destinations_.end()) return std::nullopt;
    const auto through = through_.find(edge);
    const auto is_through = [&](const std::string& service) {
        if (!edge.service.empty()) return edge.service == service;
        return through == through_.end() || through->second.contains(service);
    };
    const GraphRoute* closed = nullptr;
    for (const auto& [object, service, route] : all->second) {
        if (!is_through(service) || !is_taken_by(*object, edge.source)) continue;
        if (route.weight > 0) return route;
        if (closed == nullptr) closed = &route;
    }
    return closed == nullptr ? std::nullopt : std::optional(*closed);
}

JsonObject Drawing::node_json(const GraphNode& one) const {
    JsonArray badges;
    for (const auto& badge : one.badges) badges.emplace_back(badge);
    JsonArray addresses;
    for (const auto& address : one.addresses) addresses.emplace_back(address);
    Json release = nullptr;
    if (one.role) {
        const bool is_side = one.role->role != "group";
        const std::string& version = one.role->version.empty() ? one.version : one.role->version;
        release = role_json(*one.role, is_side ? std::string_view(version) : std::string_view());
    }
    const auto kind_json = [&](const std::string& id) {
        const auto kind = kinds_.find(id);
        return kind == kinds_.end() ? Json(nullptr) : text_json(kind->second);
    };
    JsonArray members;
    JsonArray member_kinds;
    for (const auto& member : one.members) {
        members.emplace_back(member);
        member_kinds.push_back(kind_json(member));
    }
    const auto rates = [&](double rps, double failed) {
        return JsonObject{{"rps", one.has_traffic ? Json(rps) : Json(nullptr)},
                          {"success", rps > 0 ? Json(1 - failed / rps) : Json(nullptr)}};
    };
    return {{"id", one.id},
            {"kind", one.kind},
            {"workloadKind", kind_json(one.id)},
            {"namespace", text_json(one.ns)},
            {"name", one.name},
            {"app", text_json(one.app)},
            {"version", text_json(one.version)},
            {"outside", !one.ns.empty() && !is_asked(one.ns)},
            {"health", one.health.json()},
            {"replicas", one.replicas ? Json(one.replicas->json()) : Json(nullptr)},
            {"badges", std::move(badges)},
            {"release", std::move(release)},
            {"in", rates(one.in, one.in_failed)},
            {"out", rates(one.out, one.out_failed)},
            {"addresses", std::move(addresses)},
            {"workloads", optional_json(one.workloads)},
            {"members", std::move(members)},
            {"memberKinds", std::move(member_kinds)},
            {"reason", one.has_traffic ? Json(nullptr) : Json(parts_.edges.reason)}};
}

JsonObject Drawing::edge_json(const GraphEdge& edge, double leaving) const {
    const auto& rates = edge.rates;
    const bool is_tcp = edge.key.protocol == "tcp";
    JsonObject codes;
    for (const auto& [code, rate] : rates.codes) codes[code] = rate;
    JsonObject flags;
    for (const auto& [flag, rate] : rates.flags) flags[flag] = rate;
    JsonArray principals;
    for (const auto& [from, to] : rates.principals) {
        principals.push_back(
            JsonObject{{"source", text_json(from)}, {"destination", text_json(to)}});
    }
    std::string reason;
    if (edge.is_planned) {
        reason = parts_.edges.reason;
    } else if (edge.copies > 0) {
        reason = fmt::format("without copies of requests, {:.2f} per second", edge.copies);
    } else if (!is_tcp && !rates.p99) {
        reason = "the latency is not measured";
    } else if (rates.with_policy <= 0) {
        reason = "whether it is encrypted is not reported";
    } else if (!rates.throughput) {
        reason = "its bytes are not counted";
    }
    Json throughput = nullptr;
    if (rates.throughput) {
        throughput = JsonObject{{"in", rates.throughput->in}, {"out", rates.throughput->out}};
    }
    Json told_tries = nullptr;
    if (const auto& tries = rates.tries; !is_tcp && tries.all > 0) {
        told_tries = JsonObject{{"rps", tries.all},
                                {"success", 1 - (tries.failed + tries.unanswered) / tries.all},
                                {"cutOff", rates.by_caller ? Json(tries.cut_off) : Json(nullptr)}};
    }
    Json route = nullptr;
    if (edge.route) {
        route = JsonObject{{"object", edge.route->object},
                           {"index", edge.route->index},
                           {"weight", edge.route->weight}};
    }
    return {
        {"id", id_of(edge.key)},
        {"source", edge.key.source},
        {"target", edge.key.target},
        {"protocol", edge.key.protocol},
        {"rps", edge.is_planned ? Json(nullptr) : Json(rates.rps)},
        {"share",
         leaving > 0 && !edge.is_planned && !edge.mirror ? Json(rates.rps / leaving)
                                                         : Json(nullptr)},
        {"success", rates.rps > 0 && !is_tcp ? Json(1 - rates.failed / rates.rps) : Json(nullptr)},
        {"by",
         is_tcp || rates.rps <= 0 ? Json(nullptr) : Json(rates.by_caller ? "callers" : "app")},
        {"tries", std::move(told_tries)},
        {"codes", std::move(codes)},
        {"flags", std::move(flags)},
        {"p50", optional_json(rates.p50)},
        {"p95", optional_json(rates.p95)},
        {"p99", optional_json(rates.p99)},
        {"throughput", std::move(throughput)},
        {"mtls",
         rates.with_policy > 0 ? Json(std::min(1.0, rates.mtls / rates.with_policy))
                               : Json(nullptr)},
        {"principals", std::move(principals)},
        {"mirror", edge.mirror},
        {"health", edge.health.json()},
        {"route", std::move(route)},
        {"reason", text_json(reason)}};
}

Topology Drawing::as_it_is() {
    Topology drawn;
    drawn.node_total = nodes_.size();
    std::vector<const GraphNode*> order;
    order.reserve(nodes_.size());
    for (const auto& [id, one] : nodes_) order.push_back(&one);
    if (order.size() > nodes_max) {
        std::ranges::sort(order, [](const GraphNode* one, const GraphNode* other) {
            return std::tuple(!one->role.has_value(), -(one->in + one->out), one->id) <
                   std::tuple(!other->role.has_value(), -(other->in + other->out), other->id);
        });
        order.resize(nodes_max);
        drawn.truncated = true;
        drawn.warnings.push_back(fmt::format(
            "{} nodes: the {} with the most traffic are shown", drawn.node_total, nodes_max));
    }
    for (const auto* one : order) drawn.nodes[one->id] = node_json(*one);
    std::map<std::pair<std::string, std::string>, double> leaving;
    for (const auto& edge : edges_) {
        if (!edge.mirror) leaving[{edge.key.source, edge.key.protocol}] += edge.rates.rps;
    }
    for (const auto& edge : edges_) {
        if (!drawn.nodes.contains(edge.key.source) || !drawn.nodes.contains(edge.key.target)) {
            continue;
        }
        if (drawn.edges.size() >= edges_max) {
            drawn.truncated = true;
            break;
        }
        drawn.edges[id_of(edge.key)] =
            edge_json(edge, leaving[{edge.key.source, edge.key.protocol}]);
    }
    return drawn;
}

bool Drawing::is_grouped(const Graph& graph) const {
    if (parts_.group != TopologyParts::Group::automatic) {
        return parts_.group == TopologyParts::Group::by_namespace;
    }
    const auto drawn = std::ranges::count_if(graph.nodes, [this](const auto& entry) {
        const auto& kind = entry.second.kind;
        return kind == "workload" || kind == "gateway" || kind == "app" ||
               (kind == "service" && parts_.type == GraphType::service);
    });
    return drawn > static_cast<std::ptrdiff_t>(grouped_above);
}

Topology Drawing::grouped() {
    const auto total = nodes_.size();
    const auto workloads = std::ranges::count_if(nodes_, [](const auto& entry) {
        return entry.second.kind == "workload" || entry.second.kind == "gateway";
    });
    graph_ = by_namespace(graph_);
    auto drawn = as_it_is();
    drawn.grouped = true;
    drawn.node_total = total;
    drawn.warnings.push_back(fmt::format("{} workloads: grouped by namespace", workloads));
    return drawn;
}

Json parts_between(const std::map<std::string, JsonObject>& before,
                   const std::map<std::string, JsonObject>& after,
                   bool& differs) {
    JsonArray upsert;
    JsonArray remove;
    for (const auto& [id, json] : after) {
        const auto known = before.find(id);
        if (known == before.end() || known->second != json) upsert.push_back(json);
    }
    for (const auto& [id, json] : before) {
        if (!after.contains(id)) remove.emplace_back(id);
    }
    differs = differs || !upsert.empty() || !remove.empty();
    return JsonObject{{"upsert", std::move(upsert)}, {"remove", std::move(remove)}};
}

}  // namespace

Topology topology_of(const TopologyParts& parts) {
    return Drawing(parts).draw();
}

Json patch_between(const Topology& before, const Topology& after) {
    bool differs = false;
    auto nodes = parts_between(before.nodes, after.nodes, differs);
    auto edges = parts_between(before.edges, after.edges, differs);
    if (!differs) return nullptr;
    return JsonObject{{"nodes", std::move(nodes)}, {"edges", std::move(edges)}};
}

}  // namespace sluice::web
