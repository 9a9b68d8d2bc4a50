// The topology and the gateways: what is asked for, and what the stream tells of it.
#include "base/core/sha256.hpp"
#include "release/mesh_scene.hpp"
#include "web/answer.hpp"
#include "web/gateways.hpp"
#include "web/listing.hpp"
#include "web/nullable.hpp"
#include "web/queries.hpp"
#include "web/state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace sluice::web {
namespace {

namespace resources = kube::resources;
using std::chrono::seconds;

constexpr std::array<std::int64_t, 6> windows{10, 30, 60, 300, 900, 3600};
constexpr std::size_t topologies_max = 200;
constexpr std::size_t pods_max = 500;
constexpr std::size_t findings_max = 100;

struct TypeName {
    std::string_view name;
    GraphType type;
};
constexpr std::array type_names{TypeName{"workload", GraphType::workload},
                                TypeName{"service", GraphType::service},
                                TypeName{"app", GraphType::app},
                                TypeName{"versionedApp", GraphType::versioned_app}};

std::string_view name_of(GraphType type) {
    return std::ranges::find(type_names, type, &TypeName::type)->name;
}

Error wrong(std::string why) {
    return {ErrorKind::invalid, std::move(why)};
}

Result<TopologyAsked> topology_asked(const Asked& asked, const Settings& settings, Time now) {
    TopologyAsked query;
    const auto namespaces = asked.namespaces();
    if (!namespaces) return namespaces.error();
    query.namespaces = *namespaces;
    const auto window = asked.number("window", {10, 86400});
    if (!window) return window.error();
    query.window = window->value_or(300);
    if (std::ranges::find(windows, query.window) == windows.end() ||
        (query.window == 10 && !settings.lab)) {
        return wrong(
            fmt::format("parameter window: {} is no window that may be asked for", query.window));
    }
    const auto at = asked.number("at", {0, std::int64_t{1} << 40});
    if (!at) return at.error();
    query.at = *at;
    if (query.at &&
        *query.at > std::chrono::duration_cast<seconds>(now.time_since_epoch()).count()) {
        return wrong("parameter at: it is in the future");
    }
    const auto type = asked.words("type", {"workload", "service", "app", "versionedApp"}, 20);
    if (!type) return type.error();
    if (!type->empty()) {
        query.type = std::ranges::find(type_names, type->front(), &TypeName::name)->type;
    }
    const auto services = asked.number("svc", {0, 1});
    if (!services) return services.error();
    query.services = services->value_or(0) == 1 && query.type == GraphType::workload;
    const auto idle = asked.number("idle", {0, 1});
    if (!idle) return idle.error();
    query.idle = idle->value_or(1) == 1;
    const auto group = asked.words("group", {"auto", "namespace", "never"}, 20);
    if (!group) return group.error();
    if (!group->empty() && group->front() == "namespace") {
        query.group = TopologyParts::Group::by_namespace;
    }
    if (!group->empty() && group->front() == "never") query.group = TopologyParts::Group::never;
    return query;
}

std::string topic_of(const TopologyAsked& query, const Person& person) {
    std::string text = fmt::format("{} {} {} {} {} {}",
                                   query.window,
                                   name_of(query.type),
                                   query.services,
                                   query.idle,
                                   static_cast<int>(query.group),
                                   person.token);
    for (const auto& ns : query.namespaces) text += " " + ns;
    return "topology:" + sha256_hex(text).substr(0, 16);
}

template <typename List>
JsonArray jsons_of(const List& parts) {
    JsonArray all;
    for (const auto& [id, json] : parts) all.push_back(json);
    return all;
}

}  // namespace

Task<Topology> Dashboard::State::draw(TopologyAsked query, Viewer viewer) {
    const auto window = seconds{query.window};
    const auto table =
        co_await web::edges(*prometheus, window, settings.ns, query.at, refresh_of(settings));
    prometheus->learn();
    TopologyParts parts{.workloads = {},
                        .services = {},
                        .virtual_services = {},
                        .destination_rules = {},
                        .gateways = {},
                        .mesh_gateways = {},
                        .releases = {},
                        .edges = *table,
                        .namespaces = query.namespaces,
                        .sees = [&viewer](const std::string& ns) { return viewer.sees(ns); },
                        .type = query.type,
                        .services_between = query.services,
                        .idle = query.idle,
                        .group = query.group};
    co_await build_all();
    co_await catch_up();
    if (!known) co_return Topology{};
    parts.workloads = landscape.list(resources::deployments);
    std::ranges::move(landscape.list(resources::daemon_sets), std::back_inserter(parts.workloads));
    parts.services = landscape.list(resources::services);
    parts.virtual_services = landscape.list(resources::virtual_services);
    parts.destination_rules = landscape.list(resources::destination_rules);
    parts.gateways = landscape.list(resources::gateways);
    parts.mesh_gateways = landscape.list(resources::istio_mesh_gateways);
    parts.sidecars = &sidecars.by_workload();
    // From here on nobody else runs: a release lives until the next change.
    const auto keys = releases.keys();
    for (const auto& key : *keys) {
        if (!viewer.sees(key.ns)) continue;
        if (const auto* release = releases.find(key)) parts.releases.push_back(release);
    }
    ++topologies_drawn;
    co_return topology_of(parts);
}

Task<net::Response> Dashboard::State::topology(SharedCall call) {
    const auto query = topology_asked(call->asked, settings, outside.clock.now());
    if (!query) co_return refused(bad_request(query.error()), call->id);
    auto drawn = co_await draw(*query, call->viewer);
    const auto now = outside.clock.now();
    const auto topic = topic_of(*query, *call->person);
    JsonArray warnings;
    for (const auto& warning : drawn.warnings) warnings.emplace_back(warning);
    JsonObject json{{"at",
                     query->at ? static_cast<double>(*query->at)
                               : std::chrono::duration<double>(
                                     std::chrono::floor<seconds>(now.time_since_epoch()))
                                     .count()},
                    {"window", query->window},
                    {"type", name_of(query->type)},
                    {"topic", query->at ? Json(nullptr) : Json(topic)},
                    {"refresh", std::chrono::duration<double>(refresh_of(settings)).count()},
                    {"grouped", drawn.grouped},
                    {"truncated", drawn.truncated},
                    {"nodeTotal", drawn.node_total},
                    {"warnings", std::move(warnings)},
                    {"problems", problems_json(problems(call->viewer))},
                    {"nodes", jsons_of(drawn.nodes)},
                    {"edges", jsons_of(drawn.edges)}};
    if (!query->at) {
        forget_topologies();
        if (topologies.size() < topologies_max || topologies.contains(topic)) {
            topologies[topic] = {.query = *query,
                                 .viewer = call->viewer,
                                 .drawn = std::make_shared<const Topology>(std::move(drawn)),
                                 .asked = now,
                                 .told = now};
        }
    }
    co_return told(call->request, now, std::move(json));
}

// Whom nobody has asked for or listened to in a minute.
void Dashboard::State::forget_topologies() {
    const auto now = outside.clock.now();
    std::erase_if(topologies, [&](const auto& entry) {
        return !hub->is_heard(entry.first) && entry.second.asked + std::chrono::minutes{1} <= now;
    });
}

Task<> Dashboard::State::publish_topologies() {
    forget_topologies();
    std::vector<std::string> due;
    for (const auto& [topic, one] : topologies) {
        const bool is_due = outside.clock.now() >= one.told + refresh_of(settings);
        if (is_due && hub->is_heard(topic)) due.push_back(topic);
    }
    // Who asks the same and sees the same namespaces is shown the same, drawn once.
    std::vector<Drawn> round;
    for (const auto& topic : due) {
        const auto found = topologies.find(topic);
        if (found == topologies.end()) continue;
        found->second.told = outside.clock.now();
        auto same = std::ranges::find_if(round, [&](const Drawn& one) {
            return one.query == found->second.query &&
                   one.viewer.sees_all == found->second.viewer.sees_all &&
                   one.viewer.namespaces == found->second.viewer.namespaces;
        });
        if (same == round.end()) {
            auto one = found->second;
            one.drawn = std::make_shared<const Topology>(co_await draw(one.query, one.viewer));
            same = round.insert(round.end(), std::move(one));
        }
        // It may have been forgotten while it was drawn.
        const auto here = topologies.find(topic);
        if (here == topologies.end() || !known) continue;
        const auto patch = patch_between(*here->second.drawn, *same->drawn);
        here->second.drawn = same->drawn;
        if (patch.is_null()) continue;
        const auto now = outside.clock.now();
        const auto at =
            std::chrono::duration<double>(std::chrono::floor<seconds>(now.time_since_epoch()))
                .count();
        const auto text =
            to_text(JsonObject{{"now", rfc3339_millis(now)},
                               {"at", at},
                               {"topic", topic},
                               {"problems", problems_json(problems(here->second.viewer))},
                               {"patch", patch}});
        hub->publish({.topic = topic, .event = "topology", .data = text});
    }
}

std::vector<GatewayShown> Dashboard::State::gateways_with(const EdgesTable& table) const {
    return gateways_of({.mesh_gateways = landscape.list(resources::istio_mesh_gateways),
                        .gateways = landscape.list(resources::gateways),
                        .deployments = landscape.list(resources::deployments),
                        .services = landscape.list(resources::services),
                        .virtual_services = landscape.list(resources::virtual_services),
                        .edges = table});
}

Task<net::Response> Dashboard::State::list_gateways(SharedCall call) {
    const auto namespaces = call->asked.namespaces();
    if (!namespaces) co_return refused(bad_request(namespaces.error()), call->id);
    const auto page = page_of(call->asked);
    if (!page) co_return refused(bad_request(page.error()), call->id);
    const auto window = window_for(std::chrono::minutes{1}, window_min(settings));
    const auto table =
        co_await web::edges(*prometheus, window, settings.ns, std::nullopt, refresh_of(settings));
    co_await catch_up();
    if (!known)
        co_return refused({.status = 503, .code = "starting", .message = "starting"}, call->id);
    const auto seen = seen_namespaces(call->viewer, *namespaces);
    const auto all = gateways_with(*table);
    JsonArray items;
    std::string last;
    std::size_t total = 0;
    bool has_more = false;
    for (const auto& one : all) {
        if (!seen.empty() && !seen.contains(one.ns)) continue;
        ++total;
        if (page->after && one.key <= *page->after) continue;
        if (items.size() == page->limit) {
            has_more = true;
            continue;
        }
        items.push_back(one.json);
        last = one.key;
    }
    co_return told(call->request,
                   outside.clock.now(),
                   JsonObject{{"items", std::move(items)},
                              {"continue", has_more ? Json(token_of(last)) : Json(nullptr)},
                              {"total", total},
                              {"problems", problems_json(problems(call->viewer))}});
}

Task<net::Response> Dashboard::State::show_queries(SharedCall call) {
    const auto query = topology_asked(call->asked, settings, outside.clock.now());
    if (!query) co_return refused(bad_request(query.error()), call->id);
    const QueryWindows asked{.lists = window_for(std::chrono::minutes{1}, window_min(settings)),
                             .edges = seconds{query->window}};
    co_return told(
        call->request,
        outside.clock.now(),
        JsonObject{{"refresh", std::chrono::duration<double>(refresh_of(settings)).count()},
                   {"items", queries_json(asked, settings.ns)}});
}

bool Dashboard::State::is_of_gateways(std::string_view id, const Fronts& fronts) const {
    const auto namespaces = namespaces_of(id);
    if (namespaces.empty() || id.starts_with("n/")) return false;
    auto workloads = landscape.list(resources::deployments, namespaces.front());
    std::ranges::move(landscape.list(resources::daemon_sets, namespaces.front()),
                      std::back_inserter(workloads));
    std::erase_if(workloads, [&](const auto& workload) {
        const auto key = kube::key_of(*workload);
        if (id.starts_with("w/")) return id != workload_id(key.ns, key.name);
        if (id.starts_with("s/")) {
            const auto front = fronts.of.find(workload_id(key.ns, key.name));
            return front == fronts.of.end() || front->second != id;
        }
        const auto canonical = canonical_of(*workload);
        const auto app = fmt::format("a/{}/{}", key.ns, canonical.service);
        return id != app && id != fmt::format("{}@{}", app, canonical.revision);
    });
    const auto gateways = gateway_ids(
        workloads,
        {landscape.list(resources::istio_mesh_gateways), landscape.list(resources::gateways)});
    return !workloads.empty() && gateways.size() == workloads.size();
}

Task<net::Response> Dashboard::State::one_gateway(SharedCall call) {
    const kube::ObjectKey key{call->path[1], call->path[2]};
    if (!call->viewer.sees(key.ns)) {
        co_return refused({.status = 403,
                           .code = "forbidden",
                           .message = "You may not look into namespace " + key.ns},
                          call->id);
    }
    const auto window = window_for(std::chrono::minutes{1}, window_min(settings));
    const auto table =
        co_await web::edges(*prometheus, window, settings.ns, std::nullopt, refresh_of(settings));
    co_await look_for_findings();
    co_await catch_up();
    if (!known)
        co_return refused({.status = 503, .code = "starting", .message = "starting"}, call->id);
    auto all = gateways_with(*table);
    const auto found = std::ranges::find(all, to_string(key), &GatewayShown::key);
    if (found == all.end()) {
        co_return refused({.status = 404,
                           .code = "not_found",
                           .message = fmt::format("no gateway {}", to_string(key))},
                          call->id);
    }
    const auto about = objects_about(*found);
    std::set<std::string> namespaces;
    for (const auto& [object, ns] : about) {
        if (call->viewer.sees(ns)) namespaces.insert(ns);
    }
    JsonArray findings;
    for (const auto* one : validations.all(findings_of(call->viewer, namespaces))) {
        if (findings.size() >= findings_max) break;
        if (about.contains(one->finding.object)) findings.push_back(json_of(*one));
    }
    JsonArray pods;
    const bool sees_pods = call->viewer.sees_pods(key.ns);
    if (const auto workload = landscape.find(resources::deployments, key); workload && sees_pods) {
        const auto& selector = object_at(*workload, {"spec", "selector", "matchLabels"});
        for (const auto& pod : known->list(resources::pods, key.ns)) {
            if (pods.size() >= pods_max) break;
            if (!release::selects(selector, object_at(pod, {"metadata", "labels"}))) continue;
            pods.push_back(pod_json(pod, "other"));
        }
    }
    const auto why = sees_pods ? known->why_incomplete(resources::pods)
                               : "You may not list pods in namespace " + key.ns;
    const auto named = certificates_of(*found);
    auto json = std::move(found->json);
    JsonArray certificates;
    for (const auto& one : named) {
        // What else a Secret holds goes with it, before the next one is read.
        const auto found_secret = co_await call->person->client.get(resources::secrets, one.secret);
        const auto read = found_secret ? certificate_in(*found_secret)
                                       : Result<net::Certificate>(found_secret.error());
        certificates.push_back(certificate_json(one, read));
    }
    json["certificates"] = std::move(certificates);
    json["pods"] = std::move(pods);
    json["podsReason"] = text_json(why);
    json["findings"] = std::move(findings);
    co_return told(call->request, outside.clock.now(), std::move(json));
}

}  // namespace sluice::web
