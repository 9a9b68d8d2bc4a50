#include "web/condense.hpp"

#include "base/core/text.hpp"
#include "kube/resource.hpp"
#include "release/mesh_scene.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::web {
namespace {

constexpr std::size_t members_max = 50;
constexpr std::size_t addresses_max = 10;

std::string first_label(const Json& workload, const std::vector<std::string_view>& names) {
    for (const auto name : names) {
        const auto text =
            text_at(workload, {"spec", "template", "metadata", "labels", std::string(name)});
        if (!text.empty()) return std::string(text);
    }
    return {};
}

bool is_workload(const std::string& id) {
    return id.starts_with("w/");
}

// Each once: members of one node often have the same trouble.
void add_reason(Health& health, const std::string& status, const std::string& reason) {
    const bool is_told = std::ranges::find(health.reasons, reason) != health.reasons.end();
    health.worsen(status, is_told ? std::string() : reason);
}

// The worst of both; `whose` stands before each reason, where it is not empty.
void add_health(Health& to, const Health& more, const std::string& whose) {
    to.worsen(more.status, "");
    for (const auto& reason : more.reasons) {
        add_reason(to, more.status, whose.empty() ? reason : fmt::format("{}: {}", whose, reason));
    }
}

// Nobody misses the pods of what is scaled to zero while its likes have theirs.
bool is_at_rest(const GraphNode& member) {
    return member.replicas && member.replicas->desired == 0 && member.health.status == "notReady";
}

double share_of_canary(const Role& role) {
    return role.role == "primary" ? 100 - role.weight : role.weight;
}

// What several sides, or a Service before one of them, are to a release.
Role as_group(Role role) {
    role.weight = share_of_canary(role);
    role.role = "group";
    role.version.clear();
    return role;
}

class Condensing {
   public:
    Condensing(const Graph& graph, GraphType type, const Fronts& fronts)
        : graph_(graph), type_(type), fronts_(fronts) {}

    Graph condense() {
        find_unselected();
        for (const auto& [id, one] : graph_.nodes) note_place(one);
        for (const auto& [place, members] : members_) add_node(place, members);
        for (const auto& edge : graph_.edges) add_edge(edge);
        for (auto& [key, between] : between_) finish(key, between);
        for (auto& [id, one] : drawn_.nodes) mark_rest(one);
        return std::move(drawn_);
    }

   private:
    // Several edges between the same two nodes.
    struct Between {
        std::vector<const GraphEdge*> all;
    };

    void find_unselected();
    void note_place(const GraphNode& one);
    std::string place_of(const std::string& id) const;
    std::string target_of(const GraphEdge& edge) const;
    void add_node(const std::string& place, const std::vector<const GraphNode*>& members);
    void take_role(GraphNode& node, const std::vector<const GraphNode*>& members) const;
    GraphNode& node_at(const std::string& place);
    void add_edge(const GraphEdge& edge);
    void finish(const EdgeKey& key, const Between& between);
    void mark_rest(GraphNode& node) const;

    const Graph& graph_;
    const GraphType type_;
    const Fronts& fronts_;
    std::map<std::string, std::string> met_;  // Services of workloads that none selects
    std::map<std::string, std::vector<const GraphNode*>> members_;  // by place
    std::map<EdgeKey, Between> between_;
    Graph drawn_;
};

// A Service may lead to pods that it does not select: by Endpoints that somebody wrote.
void Condensing::find_unselected() {
    if (type_ != GraphType::service) return;
    for (const auto& edge : graph_.edges) {
        const auto& [source, target, protocol, service] = edge.key;
        if (service.empty() || !is_workload(target) || fronts_.of.contains(target)) continue;
        auto& front = met_[target];
        const auto id = "s/" + service;
        if (front.empty() || id < front) front = id;
    }
}

std::string Condensing::place_of(const std::string& id) const {
    if (!is_workload(id)) return id;
    if (type_ == GraphType::service) {
        const auto front = fronts_.of.find(id);
        if (front != fronts_.of.end()) return front->second;
        const auto met = met_.find(id);
        return met == met_.end() ? id : met->second;
    }
    const auto& one = graph_.nodes.at(id);
    // Of whom nothing but the name is known the mesh says the same.
    const auto& [service, revision] = one.canonical;
    auto place = fmt::format("a/{}/{}", one.ns, service.empty() ? one.name : service);
    if (type_ == GraphType::versioned_app) {
        place += "@" + (revision.empty() ? std::string("latest") : revision);
    }
    return place;
}

std::string Condensing::target_of(const GraphEdge& edge) const {
    const bool is_through =
        type_ == GraphType::service && !edge.key.service.empty() && is_workload(edge.key.target);
    return is_through ? "s/" + edge.key.service : place_of(edge.key.target);
}

void Condensing::note_place(const GraphNode& one) {
    const auto place = place_of(one.id);
    members_[place].push_back(&one);
    // A Service that stands for nobody where he calls may lead to him all the same.
    if (type_ != GraphType::service || !is_workload(one.id) || one.outside) return;
    const auto selecting = fronts_.selecting.find(one.id);
    if (selecting == fronts_.selecting.end()) return;
    for (const auto& service : selecting->second) {
        if (service != place) members_[service].push_back(&one);
    }
}

GraphNode& Condensing::node_at(const std::string& place) {
    auto [found, is_new] = drawn_.nodes.try_emplace(place);
    auto& node = found->second;
    if (!is_new) return node;
    node.id = place;
    const auto parts = split(place, '/');
    if (parts.size() != 3) return node;
    node.kind = parts[0] == "a" ? "app" : "service";
    node.ns = parts[1];
    node.name = parts[2].substr(0, parts[2].find('@'));
    return node;
}

void Condensing::add_node(const std::string& place, const std::vector<const GraphNode*>& members) {
    const auto itself = graph_.nodes.find(place);
    if (itself != graph_.nodes.end() && members.size() == 1 && members.front() == &itself->second) {
        auto& node = drawn_.nodes[place] = itself->second;
        node.in = node.in_failed = node.out = node.out_failed = 0;
        node.has_traffic = false;
        node.badges.erase("idle");
        return;
    }
    auto& node = node_at(place);
    const bool all_rest = std::ranges::all_of(
        members, [](const auto* one) { return is_at_rest(*one) || !is_workload(one->id); });
    std::size_t workloads = 0;
    std::size_t gateways = 0;
    std::set<std::string> apps;
    std::set<std::string> versions;
    for (const auto* one : members) {
        if (!is_workload(one->id)) {
            // The Service itself, that somebody asked for and nobody answered for.
            add_health(node.health, one->health, "");
            continue;
        }
        ++workloads;
        if (one->kind == "gateway") ++gateways;
        if (node.members.size() < members_max) node.members.push_back(one->id);
        if (!one->app.empty()) apps.insert(one->app);
        if (!one->version.empty()) versions.insert(one->version);
        if (all_rest || !is_at_rest(*one)) {
            add_health(node.health, one->health, members.size() > 1 ? one->name : std::string());
        }
        if (one->replicas) {
            auto& replicas = node.replicas ? *node.replicas : node.replicas.emplace();
            replicas.ready += one->replicas->ready;
            replicas.desired += one->replicas->desired;
        }
        node.badges.insert(one->badges.begin(), one->badges.end());
        for (const auto& address : one->addresses) {
            if (node.addresses.size() < addresses_max) node.addresses.push_back(address);
        }
    }
    if (workloads > 0 && gateways == workloads) node.kind = "gateway";
    node.workloads = workloads;
    node.badges.erase("idle");
    node.badges.erase("dead");
    if (node.replicas && node.replicas->desired == 0) node.badges.insert("dead");
    if (type_ == GraphType::service) {
        if (apps.size() == 1) node.app = *apps.begin();
        node.version = joined(std::vector<std::string>(versions.begin(), versions.end()), ", ");
    } else {
        node.app = node.name;
        const auto at = place.find('@');
        node.version =
            at != std::string::npos
                ? place.substr(at + 1)
                : joined(std::vector<std::string>(versions.begin(), versions.end()), ", ");
    }
    take_role(node, members);
}

void Condensing::take_role(GraphNode& node, const std::vector<const GraphNode*>& members) const {
    for (const auto* one : members) {
        if (!one->role) continue;
        // The release's own name selects the primary and is the users' way to both. Another Service
        // may select one side for some purpose of its own.
        const bool is_side = !is_workload(one->id) || place_of(one->id) == node.id;
        if (!is_side && !fronts_.apexes.contains(node.id)) continue;
        auto role = is_side ? *one->role : as_group(*one->role);
        if (!node.role) {
            node.role = std::move(role);
            continue;
        }
        const auto* known = node.role->release;
        if (known == role.release && node.role->role == role.role) continue;
        // Both sides of one release, or of two the worse one.
        const bool is_worse = role.release->severity < known->severity;
        const bool is_canary = known == role.release && role.role == "canary";
        node.role = as_group(is_worse || is_canary ? std::move(role) : *node.role);
    }
}

void Condensing::add_edge(const GraphEdge& edge) {
    const auto source = place_of(edge.key.source);
    const auto target = target_of(edge);
    if (source == target) {
        auto& node = node_at(source);
        node.has_traffic = node.has_traffic || !edge.is_planned;
        return;
    }
    between_[{source, target, edge.key.protocol, ""}].all.push_back(&edge);
}

void Condensing::finish(const EdgeKey& key, const Between& between) {
    const auto& all = between.all;
    GraphEdge sum{.key = key};
    sum.is_planned = std::ranges::all_of(all, [](const auto* one) { return one->is_planned; });
    sum.mirror = std::ranges::all_of(
        all, [&](const auto* one) { return one->mirror || (one->is_planned && !sum.is_planned); });
    std::set<std::string> targets;  // whose share of the route is counted
    bool has_one_route = true;
    for (const auto* one : all) {
        const auto& member = graph_.nodes.at(one->key.target).name;
        if (one->route) {
            if (!sum.route) {
                sum.route = one->route;
                targets.insert(one->key.target);
            } else if (sum.route->object != one->route->object ||
                       sum.route->index != one->route->index) {
                has_one_route = false;
            } else if (targets.insert(one->key.target).second) {
                sum.route->weight += one->route->weight;
            }
        }
        add_health(sum.health, one->health, all.size() > 1 ? member : std::string());
        if (one->mirror && !sum.mirror) {
            sum.copies += one->rates.rps;
        } else {
            add_to(sum.rates, one->rates);
        }
    }
    if (!has_one_route) sum.route.reset();
    auto& from = node_at(key.source);
    auto& to = node_at(key.target);
    if (!sum.is_planned) from.has_traffic = to.has_traffic = true;
    if (key.protocol != "tcp") {
        from.out += sum.mirror ? 0 : sum.rates.rps;
        from.out_failed += sum.mirror ? 0 : sum.rates.failed;
        to.in += sum.rates.rps;
        to.in_failed += sum.rates.failed;
    }
    drawn_.edges.push_back(std::move(sum));
}

void Condensing::mark_rest(GraphNode& node) const {
    constexpr std::array kinds{"workload", "gateway", "service", "app"};
    const bool is_ours = std::ranges::find(kinds, node.kind) != kinds.end();
    if (!node.has_traffic && is_ours) node.badges.insert("idle");
}

}  // namespace

Canonical canonical_of(const Json& workload) {
    Canonical names{
        .service = first_label(
            workload, {"service.istio.io/canonical-name", "app.kubernetes.io/name", "app"}),
        .revision = first_label(
            workload,
            {"service.istio.io/canonical-revision", "app.kubernetes.io/version", "version"})};
    if (names.service.empty()) names.service = kube::key_of(workload).name;
    if (names.revision.empty()) names.revision = "latest";
    return names;
}

Fronts fronts_of(const Objects& workloads, const Objects& services) {
    // Who has a label, by namespace: a large cluster has too many pairs to try them all.
    std::map<std::pair<std::string, std::string>, std::vector<const Json*>> labelled;
    for (const auto& workload : workloads) {
        const auto ns = kube::key_of(*workload).ns;
        for (const auto& [name, value] : release::pod_labels(*workload)) {
            labelled[{ns, release::label_text(name, value)}].push_back(workload.get());
        }
    }
    Fronts fronts;
    for (const auto& service : services) {
        const auto key = kube::key_of(*service);
        const auto& selector = object_at(*service, {"spec", "selector"});
        const std::vector<const Json*>* fewest = nullptr;
        for (const auto& [name, value] : selector) {
            const auto found = labelled.find({key.ns, release::label_text(name, value)});
            static const std::vector<const Json*> none;
            const auto* these = found == labelled.end() ? &none : &found->second;
            if (fewest == nullptr || these->size() < fewest->size()) fewest = these;
        }
        if (fewest == nullptr) continue;
        const auto id = service_id(key.ns, key.name);
        for (const auto* workload : *fewest) {
            if (!release::selects(selector, release::pod_labels(*workload))) continue;
            const auto name = kube::key_of(*workload).name;
            const auto behind = workload_id(key.ns, name);
            fronts.selecting[behind].push_back(id);
            auto& front = fronts.of[behind];
            const bool has_own = front == service_id(key.ns, name);
            if (front.empty() || (!has_own && (name == key.name || id < front))) front = id;
        }
    }
    return fronts;
}

bool Fronts::leads(const std::string& service, const std::string& workload) const {
    const auto found = selecting.find(workload);
    return found != selecting.end() &&
           std::ranges::find(found->second, service) != found->second.end();
}

Graph condensed(const Graph& graph, GraphType type, const Fronts& fronts) {
    return Condensing(graph, type, fronts).condense();
}

Graph by_namespace(const Graph& graph) {
    Graph spaces;
    std::map<std::string, std::string> home;
    for (const auto& [id, one] : graph.nodes) {
        const auto to = one.ns.empty() ? id : "n/" + one.ns;
        home[id] = to;
        if (one.ns.empty()) {
            spaces.nodes.emplace(id, one);
            continue;
        }
        auto& space = spaces.nodes[to];
        space.id = to;
        space.kind = "namespace";
        space.ns = space.name = one.ns;
        if (!space.workloads) space.workloads = 0;
        if (one.kind != "service") ++*space.workloads;
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
    std::map<EdgeKey, GraphEdge> between;
    for (const auto& edge : graph.edges) {
        const EdgeKey key{home[edge.key.source], home[edge.key.target], edge.key.protocol, ""};
        if (key.source == key.target) continue;
        auto& sum = between[key];
        sum.key = key;
        add_to(sum.rates, edge.rates);
        auto& from = spaces.nodes.at(key.source);
        auto& to = spaces.nodes.at(key.target);
        from.out += edge.rates.rps;
        from.out_failed += edge.rates.failed;
        to.in += edge.rates.rps;
        to.in_failed += edge.rates.failed;
    }
    for (auto& [key, edge] : between) {
        edge.rates.p50 = edge.rates.p95 = edge.rates.p99 = std::nullopt;
        const auto judged = health_of_requests(edge.rates);
        if (key.protocol != "tcp") edge.health.worsen(judged.status, judged.reason);
        spaces.edges.push_back(std::move(edge));
    }
    return spaces;
}

}  // namespace sluice::web
