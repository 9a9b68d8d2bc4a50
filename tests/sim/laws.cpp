#include "sim/laws.hpp"

#include "api/canary.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::sim {
namespace {

namespace resources = kube::resources;

// The canary's share of the last route that names it: those before are for users who are bound
// already. Nothing without one.
std::optional<int> canary_share(const Json& routes) {
    std::optional<int> share;
    for (const auto& route : array_at(routes, {"spec", "http"})) {
        for (const auto& each : array_at(route, {"route"})) {
            if (text_at(each, {"destination", "host"}) == "podinfo-canary") {
                share = static_cast<int>(integer_at(each, {"weight"}).value_or(0));
            }
        }
    }
    return share;
}

std::string image_of(const Json& deployment) {
    const auto& containers = array_at(deployment, {"spec", "template", "spec", "containers"});
    return containers.empty() ? "" : std::string(text_at(containers[0], {"image"}));
}

}  // namespace

Laws::Laws(scenario::World& world) : world_(world) {
    auto& cluster = world_.cluster;
    const auto follow = [&](const kube::Resource& resource,
                            void (mesh::TableBuilder::*into)(const kube::ObjectKey&, const Json*)) {
        subscriptions_.push_back(cluster.watch(resource, [this, into](const lab::Change& change) {
            const bool gone = change.kind == lab::ChangeKind::deleted;
            (table_.*into)(kube::key_of(*change.object), gone ? nullptr : &*change.object);
        }));
    };
    follow(resources::services, &mesh::TableBuilder::service);
    follow(resources::endpoint_slices, &mesh::TableBuilder::endpoint_slice);
    follow(resources::pods, &mesh::TableBuilder::pod);
    follow(resources::destination_rules, &mesh::TableBuilder::destination_rule);
    follow(resources::virtual_services, &mesh::TableBuilder::virtual_service);
    subscriptions_.push_back(cluster.watch(resources::virtual_services,
                                           [this](const auto& change) { see_routes(change); }));
    subscriptions_.push_back(cluster.watch(resources::services, [this](const auto& change) {
        if (world_.is_by_hand(change)) routes_by_hand_ = true;
    }));
    subscriptions_.push_back(cluster.watch(resources::deployments,
                                           [this](const auto& change) { see_deployment(change); }));
    subscriptions_.push_back(
        cluster.watch(resources::canaries, [this](const auto& change) { see_canary(change); }));
}

void Laws::broke(const std::string& what) {
    if (std::ranges::find(broken_, what) == broken_.end()) broken_.push_back(what);
}

void Laws::look() {
    see_requests();
    see_log();
    for (; violations_seen_ < world_.violations.size(); ++violations_seen_) {
        broke(world_.violations[violations_seen_]);
    }
    routes_by_hand_ = false;
}

// Without a route the apex Service leads where its selector does: that one comes, or goes, moves no
// request by itself.
std::string Laws::version_behind(const std::string& service) const {
    if (service != "podinfo") return service;
    const auto apex = world_.cluster.find(resources::services, {scenario::World::ns, service});
    const bool is_primary =
        apex && text_at(*apex, {"spec", "selector", "app"}) == "podinfo-primary";
    return is_primary ? "podinfo-primary" : "podinfo-canary";
}

// Where a request to the apex would go: the shares, and how many pods stand behind each.
Laws::Reach Laws::reach() {
    const auto table = table_.build();
    static const auto caller = mesh::workload_named("client", scenario::World::ns, {});
    const net::Headers headers;
    const mesh::RequestHead request{
        .authority = "podinfo.test:9898", .path = "/", .headers = &headers};
    const auto routing = table->from_sidecar(caller, request);
    Reach reached;
    const auto count = [&](const mesh::Upstream& upstream, int share) {
        if (upstream.service == nullptr) return;
        auto& one = reached[version_behind(upstream.service->name)];
        one.share += share;
        if (upstream.port != nullptr) {
            one.endpoints = static_cast<std::size_t>(std::ranges::count_if(
                upstream.port->endpoints,
                [&](const auto& endpoint) { return upstream.takes(endpoint); }));
        }
    };
    if (routing.kind == mesh::Routing::Kind::route) {
        const auto& destinations = routing.route->destinations;
        for (std::size_t i = 0; i < destinations.size(); ++i) {
            // Alone it gets everything, whatever its weight.
            const int share = destinations.size() == 1 ? 100 : routing.route->weights[i];
            count(table->upstream(destinations[i], scenario::World::ns, routing.port), share);
        }
    } else if (routing.kind == mesh::Routing::Kind::service) {
        count(table->upstream_of(*routing.service, scenario::World::ns, routing.port), 100);
    }
    return reached;
}

// Law 1 as a user meets it: a share never rises towards a Service behind which no pod is ready
// while another one could answer.
void Laws::see_requests() {
    const auto now = reach();
    for (const auto& [service, one] : now) {
        const auto found = before_.find(service);
        const auto was = found == before_.end() ? Reached{} : found->second;
        // Both moments count: pod and route may change in one.
        if (one.share <= was.share || one.endpoints > 0 || was.endpoints > 0) continue;
        if (routes_by_hand_ || before_.empty()) continue;
        const bool other_could =
            std::ranges::any_of(now,
                                [&](const auto& other) {
                                    return other.first != service && other.second.endpoints > 0;
                                }) ||
            std::ranges::any_of(before_, [&](const auto& other) {
                return other.first != service && other.second.endpoints > 0;
            });
        if (other_could) {
            broke(fmt::format("requests to {} rose from {} to {}, and no pod is ready there",
                              service,
                              was.share,
                              one.share));
        }
    }
    before_ = now;
}

// No step up without a round that passed since the last one. What only brings the status' weight
// back is no step.
void Laws::see_routes(const lab::Change& change) {
    if (world_.is_by_hand(change)) {
        routes_by_hand_ = true;
        return;
    }
    if (change.kind == lab::ChangeKind::deleted) return;
    const auto now = canary_share(*change.object).value_or(0);
    const auto before = change.before ? canary_share(*change.before).value_or(0) : 0;
    if (now <= before || now <= world_.status_weight()) return;
    if (before > 0) {
        const auto asked = world_.neighbours.last_measured("istio_requests_total");
        const auto value = asked ? asked->value : "nothing";
        if (value != "100" && value != "99.5") {
            broke(fmt::format("the weight rose from {} to {} on {}", before, now, value));
        } else if (last_raise_ && asked->when <= *last_raise_) {
            broke(fmt::format("the weight rose from {} to {} without a round", before, now));
        }
    }
    last_raise_ = world_.clock.now();
}

// The primary carries what was proven, or what has gone through its whole plan.
void Laws::see_deployment(const lab::Change& change) {
    if (text_at(*change.object, {"metadata", "name"}) != "podinfo-primary") return;
    if (change.kind == lab::ChangeKind::deleted || world_.is_by_hand(change)) return;
    const auto image = image_of(*change.object);
    if (proven_.contains(image)) return;
    const auto canary = world_.canary();
    const bool skips = bool_at(canary, {"spec", "skipAnalysis"}).value_or(false);
    const auto phase = world_.phase();
    const bool first = proven_.empty() || phase.empty() || phase == "Initializing";
    // A person may promote it from any weight, and without a mesh there is none.
    const auto wish = text_at(canary, {"metadata", "annotations", api::wish_annotation});
    const bool is_wished = wish.starts_with("promote ");
    const bool has_weights = text_at(canary, {"spec", "provider"}) != "kubernetes";
    // 20 is the lowest end of any plan of a simulation.
    if (!first && !skips && !is_wished && has_weights && world_.status_weight() < 20) {
        broke(fmt::format("{} became the primary at weight {}", image, world_.status_weight()));
    }
    if (!first && image != image_of(world_.get(resources::deployments, "podinfo"))) {
        broke(fmt::format("{} became the primary, and the target is another", image));
    }
    proven_.insert(image);
}

// What the status claims is there.
void Laws::see_canary(const lab::Change& change) {
    if (change.kind == lab::ChangeKind::deleted || !change.before) return;
    const auto phase = text_at(*change.object, {"status", "phase"});
    if (phase == text_at(*change.before, {"status", "phase"})) return;
    if (phase != "Failed" && phase != "Succeeded") return;
    const auto share = canary_share(world_.get(resources::virtual_services, "podinfo"));
    const auto weight = integer_at(*change.object, {"status", "canaryWeight"}).value_or(0);
    if (share && *share != weight && !routes_by_hand_) {
        broke(fmt::format("phase {} at weight {}, and the route says {}", phase, weight, *share));
    }
    // A promotion that failed: the canary was proven, and serves until the primary is back.
    if (phase == "Failed" && share == 100 && weight == 100) return;
    const auto primary = world_.get(resources::deployments, "podinfo-primary");
    if (share.value_or(0) > 0 &&
        integer_at(primary, {"status", "availableReplicas"}).value_or(0) > 0 && !routes_by_hand_) {
        broke(fmt::format("phase {}, and the canary still gets {}", phase, *share));
    }
}

// An act that the controller itself refused is one that it should never have decided.
void Laws::see_log() {
    for (; log_seen_ < world_.log.size(); ++log_seen_) {
        const auto& text = world_.log[log_seen_].text;
        if (text.starts_with("law ") ||
            text.find("do not make up the whole") != std::string::npos ||
            text.find("settling Canary") != std::string::npos) {
            broke("decided: " + text);
        }
    }
}

}  // namespace sluice::sim
