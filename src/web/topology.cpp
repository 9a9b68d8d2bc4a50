#include "web/topology.hpp"

#include "base/core/text.hpp"
#include "kube/resource.hpp"
#include "release/mesh_scene.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

namespace sluice::web {
namespace {

using release::selects;

constexpr std::size_t grouped_above = 400;
constexpr std::size_t nodes_max = 2000;
constexpr std::size_t edges_max = 8000;

Json number_json(const std::optional<double>& value) {
    return value ? Json(*value) : Json(nullptr);
}

Json text_json(std::string_view text) {
    return text.empty() ? Json(nullptr) : Json(text);
}

struct Node {
    std::string id, kind, ns, name, app, version;
    Health health;
    std::optional<Replicas> replicas;
    std::set<std::string> badges;
    std::optional<Role> role;
    double in = 0, in_failed = 0, out = 0, out_failed = 0;
    bool has_traffic = false;
    std::vector<std::string> addresses;
};

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
        // Among namespaces nobody sees them.
        if (!is_grouped()) add_planned_edges();
        return group();
    }

   private:
    struct Edge {
        EdgeKey key;
        EdgeRates rates;
        bool is_planned = false;  // a route of a release, without traffic
        bool mirror = false;
    };

    bool is_asked(const std::string& ns) const {
        return parts_.namespaces.empty() || parts_.namespaces.contains(ns);
    }
    bool is_hidden(const std::string& ns) const {
        return parts_.sees && !ns.empty() && !parts_.sees(ns);
    }

    Node& node(const std::string& id);
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
    void judge();
    std::ptrdiff_t workloads() const;
    bool is_grouped() const;
    Topology group();
    Topology as_it_is();
    Topology by_namespace();

    const std::vector<std::string>& workloads_behind(const std::string& ns,
                                                     const std::string& service);
    JsonObject node_json(const Node& node) const;
    JsonObject edge_json(const Edge& edge, double leaving);
    Json route_of(const Edge& edge);
    Health edge_health(const Edge& edge) const;

    const TopologyParts& parts_;
    std::map<std::string, Node> nodes_;
    std::vector<Edge> edges_;
    std::map<std::string, JsonObject> labels_;  // of pods, by workload's id
    std::map<kube::ObjectKey, const Json*> services_;
    std::map<kube::ObjectKey, std::vector<const Json*>> routes_;  // by their release
    bool has_routes_ = false;
    std::map<kube::ObjectKey, std::vector<std::string>> of_gateways_;  // workloads
    std::map<kube::ObjectKey, std::vector<std::string>> behind_;       // workloads, by Service
    std::set<std::string> mirrored_, routed_;  // workloads that get copies, or a share
};

Node& Drawing::node(const std::string& id) {
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
        if (sidecars != parts_.sidecars->end() && sidecars->second.missing > 0) {
            one.badges.insert("missingSidecar");
        }
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

const std::vector<std::string>& Drawing::workloads_behind(const std::string& ns,
                                                          const std::string& service) {
    // "web", "web.test" or "web.test.svc.cluster.local".
    const auto parts = split(service, '.');
    const kube::ObjectKey key{parts.size() > 1 ? std::string(parts[1]) : ns, std::string(parts[0])};
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

void Drawing::add_edges() {
    std::map<EdgeKey, EdgeRates> merged;
    for (const auto& [key, rates] : parts_.edges.edges) {
        const auto from = namespace_of(key.source);
        const auto to = namespace_of(key.target);
        if (is_hidden(from) || is_hidden(to)) continue;
        const bool concerns = parts_.namespaces.empty() || parts_.namespaces.contains(from) ||
                              parts_.namespaces.contains(to);
        if (!concerns) continue;
        if (parts_.services_between && !key.service.empty() && key.target.starts_with("w/")) {
            const auto slash = key.service.find('/');
            const auto middle =
                service_id(key.service.substr(0, slash), key.service.substr(slash + 1));
            add_to(merged[{key.source, middle, key.protocol, key.service}], rates);
            add_to(merged[{middle, key.target, key.protocol, key.service}], rates);
            continue;
        }
        auto bare = key;
        bare.service.clear();
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
        edges_.push_back({.key = key, .rates = std::move(rates), .mirror = mirror});
    }
}

// "gw", or "test/gw".
kube::ObjectKey gateway_named(std::string_view text, const std::string& ns) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return {ns, std::string(text)};
    return {std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
}

// Where a release's routes lead from its gateways, also while nobody comes that way.
void Drawing::add_planned_edges() {
    std::set<std::pair<std::string, std::string>> ends;
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
                    for (const auto& target : targets) {
                        if (!ends.emplace(id, target).second) continue;
                        edges_.push_back({.key = {id, target, "http", ""},
                                          .rates = {},
                                          .is_planned = true,
                                          .mirror = is_copied(target)});
                    }
                }
            }
        }
    }
}

Health Drawing::edge_health(const Edge& edge) const {
    if (edge.is_planned || edge.key.protocol == "tcp") return {};
    const auto found = nodes_.find(edge.key.target);
    const bool has_role = found != nodes_.end() && found->second.role;
    return health_of_way(edge.rates, has_role ? &*found->second.role : nullptr);
}

void Drawing::judge() {
    for (const auto& edge : edges_) {
        const auto health = edge_health(edge);
        if (health.status == "unknown" || health.status == "healthy") continue;
        auto& target = nodes_.at(edge.key.target);
        for (const auto& reason : health.reasons) target.health.worsen(health.status, reason);
    }
    for (auto& [id, one] : nodes_) {
        if (!one.has_traffic && (one.kind == "workload" || one.kind == "gateway")) {
            one.badges.insert("idle");
        }
    }
    if (parts_.idle) return;
    std::erase_if(nodes_, [](const auto& entry) {
        const auto& one = entry.second;
        return one.kind == "workload" && !one.has_traffic && !one.role;
    });
}

Json Drawing::route_of(const Edge& edge) {
    const auto found = nodes_.find(edge.key.target);
    if (found == nodes_.end() || !found->second.role) return nullptr;
    const auto& one = found->second;
    for (const auto* service : routes_of(*one.role->release)) {
        const auto key = kube::key_of(*service);
        std::size_t index = 0;
        for (const auto& route : array_at(*service, {"spec", "http"})) {
            for (const auto& to : array_at(route, {"route"})) {
                const std::string host(text_at(to, {"destination", "host"}));
                const auto& behind = workloads_behind(key.ns, host);
                if (std::ranges::find(behind, one.id) == behind.end()) continue;
                return JsonObject{{"object", fmt::format("VirtualService {}", to_string(key))},
                                  {"index", index},
                                  {"weight", integer_at(to, {"weight"}).value_or(100)}};
            }
            ++index;
        }
    }
    return nullptr;
}

JsonObject Drawing::node_json(const Node& one) const {
    JsonArray badges;
    for (const auto& badge : one.badges) badges.emplace_back(badge);
    JsonArray addresses;
    for (const auto& address : one.addresses) addresses.emplace_back(address);
    Json release = nullptr;
    if (one.role) release = role_json(*one.role, one.version);
    const auto rates = [&](double rps, double failed) {
        return JsonObject{{"rps", one.has_traffic ? Json(rps) : Json(nullptr)},
                          {"success", rps > 0 ? Json(1 - failed / rps) : Json(nullptr)}};
    };
    return {{"id", one.id},
            {"kind", one.kind},
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
            {"workloads", nullptr},
            {"reason", one.has_traffic ? Json(nullptr) : Json(parts_.edges.reason)}};
}

JsonObject Drawing::edge_json(const Edge& edge, double leaving) {
    const auto& rates = edge.rates;
    const bool is_tcp = edge.key.protocol == "tcp";
    JsonObject codes;
    for (const auto& [code, rate] : rates.codes) codes[code] = rate;
    JsonObject flags;
    for (const auto& [flag, rate] : rates.flags) flags[flag] = rate;
    std::string reason;
    if (edge.is_planned) {
        reason = parts_.edges.reason;
    } else if (!is_tcp && !rates.p99) {
        reason = "the latency is not measured";
    } else if (!rates.knows_mtls) {
        reason = "whether it is encrypted is not reported";
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
        {"codes", std::move(codes)},
        {"flags", std::move(flags)},
        {"p50", number_json(rates.p50)},
        {"p95", number_json(rates.p95)},
        {"p99", number_json(rates.p99)},
        {"mtls",
         rates.knows_mtls && rates.rps > 0 ? Json(std::min(1.0, rates.mtls / rates.rps))
                                           : Json(nullptr)},
        {"mirror", edge.mirror},
        {"health", edge_health(edge).json()},
        {"route", route_of(edge)},
        {"reason", text_json(reason)}};
}

Topology Drawing::as_it_is() {
    Topology drawn;
    drawn.node_total = nodes_.size();
    std::vector<const Node*> order;
    order.reserve(nodes_.size());
    for (const auto& [id, one] : nodes_) order.push_back(&one);
    if (order.size() > nodes_max) {
        std::ranges::sort(order, [](const Node* one, const Node* other) {
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

// One node for each namespace, with the worst of what is in it.
Topology Drawing::by_namespace() {
    const auto total = nodes_.size();
    std::map<std::string, Node> spaces;
    std::map<std::string, std::int64_t> sizes;
    std::map<std::string, std::string> home;
    for (const auto& [id, one] : nodes_) {
        const auto to = one.ns.empty() ? id : "n/" + one.ns;
        home[id] = to;
        if (one.ns.empty()) {
            spaces.emplace(id, one);
            continue;
        }
        auto& space = spaces[to];
        space.id = to;
        space.kind = "namespace";
        space.ns = space.name = one.ns;
        if (one.kind != "service") ++sizes[to];
        for (const auto& reason : one.health.reasons) {
            space.health.worsen(one.health.status, one.name + ": " + reason);
        }
        if (one.health.reasons.empty()) space.health.worsen(one.health.status, "");
        if (one.role &&
            (!space.role || one.role->release->severity < space.role->release->severity)) {
            space.role = one.role;
            space.role->role = "group";
        }
        space.has_traffic = space.has_traffic || one.has_traffic;
    }
    std::map<EdgeKey, Edge> between;
    for (const auto& edge : edges_) {
        const EdgeKey key{home[edge.key.source], home[edge.key.target], edge.key.protocol, ""};
        if (key.source == key.target) continue;
        auto& sum = between[key];
        sum.key = key;
        add_to(sum.rates, edge.rates);
        auto& from = spaces.at(key.source);
        auto& to = spaces.at(key.target);
        from.out += edge.rates.rps;
        from.out_failed += edge.rates.failed;
        to.in += edge.rates.rps;
        to.in_failed += edge.rates.failed;
    }
    nodes_ = std::move(spaces);
    edges_.clear();
    for (auto& [key, edge] : between) {
        // A quantile of sums is none.
        edge.rates.p50 = edge.rates.p95 = edge.rates.p99 = std::nullopt;
        edges_.push_back(std::move(edge));
    }
    auto drawn = as_it_is();
    for (auto& [id, json] : drawn.nodes) {
        if (sizes.contains(id)) json["workloads"] = sizes[id];
    }
    drawn.grouped = true;
    drawn.node_total = total;
    return drawn;
}

std::ptrdiff_t Drawing::workloads() const {
    return std::ranges::count_if(nodes_, [](const auto& entry) {
        return entry.second.kind == "workload" || entry.second.kind == "gateway";
    });
}

bool Drawing::is_grouped() const {
    const bool is_large = workloads() > static_cast<std::ptrdiff_t>(grouped_above);
    return parts_.group == TopologyParts::Group::by_namespace ||
           (parts_.group == TopologyParts::Group::automatic && is_large);
}

Topology Drawing::group() {
    if (!is_grouped()) return as_it_is();
    const auto grouped = workloads();
    auto drawn = by_namespace();
    drawn.warnings.push_back(fmt::format("{} workloads: grouped by namespace", grouped));
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
