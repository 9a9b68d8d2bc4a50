// Workloads, Services and the mesh: what is asked for, gathered from caches and tables.
#include "base/core/text.hpp"
#include "web/answer.hpp"
#include "web/inventory.hpp"
#include "web/listing.hpp"
#include "web/mesh.hpp"
#include "web/state.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::web {
namespace {

namespace resources = kube::resources;
using std::chrono::seconds;

constexpr Duration open_limit = seconds{1};
constexpr Duration versions_believed = std::chrono::minutes{1};

// One of a list, by its place in the order.
struct Listed {
    std::string place;  // "test podinfo Deployment"
    const kube::Resource* resource = nullptr;
    kube::ObjectKey key;
};

std::vector<const kube::Resource*> kinds_of(std::string_view list) {
    if (list == "services") return {&resources::services};
    return {&resources::deployments, &resources::daemon_sets};
}

bool is_meant(const Json& object, const std::vector<std::string>& words) {
    auto haystack =
        fmt::format("{} {}", to_string(kube::key_of(object)), text_at(object, {"kind"}));
    for (const auto& container : array_at(object, {"spec", "template", "spec", "containers"})) {
        haystack += fmt::format(" {}", text_at(container, {"image"}));
    }
    haystack = lower_case(haystack);
    return std::ranges::all_of(
        words, [&](const std::string& word) { return haystack.find(word) != std::string::npos; });
}

}  // namespace

// The tables live as long as what refers to them.
struct Dashboard::State::Gathered {
    std::shared_ptr<const RatesTable> rates;
    std::shared_ptr<const EdgesTable> edges;
    Duration window{};
    InventoryParts parts;
};

// Null when the cluster has been forgotten meanwhile.
Task<std::shared_ptr<Dashboard::State::Gathered>> Dashboard::State::gather(
    std::set<std::string> namespaces, Viewer viewer) {
    const auto window = window_for(std::chrono::minutes{1}, window_min(settings));
    const auto fresh = refresh_of(settings);
    const auto rates = co_await web::rates(*prometheus, window, settings.ns, fresh);
    const auto edges = co_await web::edges(*prometheus, window, settings.ns, std::nullopt, fresh);
    co_await build_all();
    co_await validate();
    if (!known) co_return nullptr;
    std::vector<const Release*> all;
    for (const auto& key : releases.keys()) {
        if (!namespaces.contains(key.ns)) continue;
        if (const auto* release = releases.find(key)) all.push_back(release);
    }
    auto gathered = std::make_shared<Gathered>(
        Gathered{.rates = rates,
                 .edges = edges,
                 .window = window,
                 .parts = {.rates = *rates,
                           .edges = *edges,
                           .sidecars = sidecars.look(*known),
                           .roles = roles_of(all),
                           .workloads = {},
                           .services = {},
                           .virtual_services = {},
                           .destination_rules = {},
                           .pods = {},
                           .namespaces = {},
                           .apexes = {},
                           .findings = validations.all(seen_namespaces(viewer, {}))}});
    auto& parts = gathered->parts;
    for (const auto& ns : namespaces) {
        parts.workloads[ns] = known->list(resources::deployments, ns);
        for (auto& object : known->list(resources::daemon_sets, ns)) {
            parts.workloads[ns].push_back(std::move(object));
        }
        parts.services[ns] = known->list(resources::services, ns);
        parts.pods[ns] = known->list(resources::pods, ns);
        if (auto object = known->get(resources::namespaces, {"", ns})) {
            parts.namespaces[ns] = *std::move(object);
        }
    }
    const auto note = [&](const kube::Resource& resource, auto& into) {
        for (auto& object : known->list(resource)) {
            const auto ns = kube::key_of(object).ns;
            if (viewer.sees(ns)) into[ns].push_back(std::move(object));
        }
    };
    known->for_each(resources::canaries, {}, [&](const Json& canary) {
        const auto ns = kube::key_of(canary).ns;
        const auto names = routing::service_names(canary);
        for (const auto& name : {names.primary, names.canary}) {
            parts.apexes[{ns, name}] = {ns, names.apex};
        }
    });
    note(resources::virtual_services, parts.virtual_services);
    note(resources::destination_rules, parts.destination_rules);
    co_return gathered;
}

Task<net::Response> Dashboard::State::list_inventory(SharedCall call) {
    const auto namespaces = call->asked.namespaces();
    if (!namespaces) co_return refused(bad_request(namespaces.error()), call->id);
    const auto page = page_of(call->asked);
    if (!page) co_return refused(bad_request(page.error()), call->id);
    const auto q = call->asked.text("q", 200);
    if (!q) co_return refused(bad_request(q.error()), call->id);
    const auto words = split_list(lower_case(*q), ' ');
    const auto seen = seen_namespaces(call->viewer, *namespaces);

    std::vector<Listed> all;
    for (const auto* resource : kinds_of(call->path.front())) {
        const auto* cache = known->find(*resource);
        if (cache == nullptr) continue;
        for (auto& key : cache->keys()) {
            if (!seen.empty() && !seen.contains(key.ns)) continue;
            if (!words.empty()) {
                const auto object = cache->get(key);
                if (!object || !is_meant(*object, words)) continue;
            }
            auto place = fmt::format("{} {} {}", key.ns, key.name, resource->kind);
            all.push_back({std::move(place), resource, std::move(key)});
        }
    }
    std::ranges::sort(all, {}, &Listed::place);
    const auto total = all.size();
    if (page->after) {
        all.erase(all.begin(), std::ranges::upper_bound(all, *page->after, {}, &Listed::place));
    }
    const bool has_more = all.size() > page->limit;
    if (has_more) all.resize(page->limit);

    std::set<std::string> spaces;
    for (const auto& one : all) spaces.insert(one.key.ns);
    const auto gathered = co_await gather(std::move(spaces), call->viewer);
    if (!gathered) {
        co_return refused({.status = 503, .code = "starting", .message = "starting"}, call->id);
    }
    const Inventory inventory(gathered->parts);
    JsonArray items;
    for (const auto& one : all) {
        const auto object = known->get(*one.resource, one.key);
        // It may have gone while the numbers were measured.
        if (!object) continue;
        items.push_back(one.resource == &resources::services ? inventory.service(*object)
                                                             : inventory.workload(*object));
    }
    co_return told(
        call->request,
        outside.clock.now(),
        JsonObject{{"items", std::move(items)},
                   {"continue", has_more ? Json(token_of(all.back().place)) : Json(nullptr)},
                   {"total", total},
                   {"window", std::chrono::duration<double>(gathered->window).count()},
                   {"problems", problems_json(problems(call->viewer))}});
}

Task<net::Response> Dashboard::State::one_of_inventory(SharedCall call) {
    const auto& path = call->path;
    const bool is_service = path.front() == "services";
    const kube::ObjectKey key{path[1], path.back()};
    const auto* resource = &resources::services;
    if (!is_service && path[2] == "deployment") resource = &resources::deployments;
    if (!is_service && path[2] == "daemonset") resource = &resources::daemon_sets;
    const bool is_kind = is_service || resource != &resources::services;
    if (is_kind && !call->viewer.sees(key.ns)) {
        co_return refused({.status = 403,
                           .code = "forbidden",
                           .message = "You may not look into namespace " + key.ns},
                          call->id);
    }
    const auto gathered = co_await gather({key.ns}, call->viewer);
    if (!gathered) {
        co_return refused({.status = 503, .code = "starting", .message = "starting"}, call->id);
    }
    const auto object = is_kind ? known->get(*resource, key) : std::nullopt;
    if (!object) {
        co_return refused(
            {.status = 404,
             .code = "not_found",
             .message = is_kind
                            ? fmt::format("{} {} does not exist", resource->kind, to_string(key))
                            : "workloads are deployments and daemonsets"},
            call->id);
    }
    const Inventory inventory(gathered->parts);
    co_return told(
        call->request,
        outside.clock.now(),
        is_service ? inventory.service_in_detail(*object) : inventory.workload_in_detail(*object));
}

Task<> Dashboard::State::learn_istio_versions() {
    const auto now = outside.clock.now();
    if (istio_asked && now < *istio_asked + versions_believed) co_return;
    istio_asked = now;
    const auto group =
        co_await people.process()->client.get_path("/apis/" + resources::virtual_services.group);
    // Where the group is not served there are none; while the server is away they stay as known.
    if (!group && group.error().kind != ErrorKind::not_found) co_return;
    istio_versions.clear();
    if (!group) co_return;
    for (const auto& version : array_at(*group, {"versions"})) {
        istio_versions.emplace_back(text_at(version, {"version"}));
    }
}

Task<net::Response> Dashboard::State::show_mesh(SharedCall call) {
    std::vector<kube::Resource> more{resources::istio_control_planes, peer_authentications};
    // A Role of one namespace cannot list what is in none.
    if (settings.ns.empty()) more.push_back(injector_webhooks);
    for (const auto& kind : more) known->open(kind);
    co_await known->wait_until_filled(open_limit);
    co_await learn_istio_versions();
    co_await measure();
    if (!known) {
        co_return refused({.status = 503, .code = "starting", .message = "starting"}, call->id);
    }
    auto all_problems = problems(call->viewer);
    for (auto& problem : known->problems_of(more)) all_problems.push_back(std::move(problem));
    const auto viewer = call->viewer;
    co_return told(
        call->request,
        outside.clock.now(),
        mesh_json({.control_planes = known->list(resources::istio_control_planes),
                   .deployments = known->list(resources::deployments),
                   .webhooks = known->list(injector_webhooks),
                   .policies = known->list(peer_authentications),
                   .namespaces = known->list(resources::namespaces),
                   .sidecars = sidecars.look(*known),
                   .istio_versions = istio_versions,
                   .prometheus = prometheus->health(),
                   .api_server = api_server(),
                   .caches = known->caches(),
                   .problems = std::move(all_problems),
                   .sees = [viewer](const std::string& ns) { return viewer.sees(ns); }}));
}

}  // namespace sluice::web
