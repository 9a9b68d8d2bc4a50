// Workloads, Services and the mesh: what is asked for, gathered from caches and tables.
#include "base/core/text.hpp"
#include "web/answer.hpp"
#include "web/inventory.hpp"
#include "web/listing.hpp"
#include "web/mesh.hpp"
#include "web/nullable.hpp"
#include "web/state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

namespace sluice::web {
namespace {

namespace resources = kube::resources;
using std::chrono::seconds;

constexpr Duration open_limit = seconds{1};
constexpr Duration versions_believed = std::chrono::minutes{1};
constexpr std::size_t rows_at_once = 100;

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

// The tables live as long as what refers to them. What else it refers to lives until who has it
// gives way.
struct Dashboard::State::Gathered {
    std::shared_ptr<const RatesTable> rates;
    std::shared_ptr<const EdgesTable> edges;
    Duration window{};
};

Task<Dashboard::State::Gathered> Dashboard::State::gather() {
    const auto window = window_for(std::chrono::minutes{1}, window_min(settings));
    const auto fresh = refresh_of(settings);
    Gathered gathered{
        .rates = co_await web::rates(*prometheus, window, settings.ns, fresh),
        .edges = co_await web::edges(*prometheus, window, settings.ns, std::nullopt, fresh),
        .window = window};
    co_await build_all();
    co_await look_for_findings();
    co_await catch_up();
    co_return gathered;
}

Inventory Dashboard::State::inventory_of(const Gathered& gathered,
                                         const std::set<std::string>& namespaces,
                                         const Viewer& viewer) {
    std::vector<const Release*> all;
    const auto keys = releases.keys();
    for (const auto& key : *keys) {
        if (!namespaces.contains(key.ns)) continue;
        if (const auto* release = releases.find(key)) all.push_back(release);
    }
    return Inventory({.rates = *gathered.rates,
                      .edges = *gathered.edges,
                      .landscape = landscape,
                      .pods = sidecars,
                      .roles = roles_of(all),
                      .findings =
                          [this, &viewer](const std::string& ns) {
                              return validations.all(findings_of(viewer, {ns}));
                          },
                      .sees = [&viewer](const std::string& ns) { return viewer.sees(ns); }});
}

// A list may be long: it is written in pieces, each from what there is then.
Task<std::string> Dashboard::State::rows_of(std::vector<Listed> listed,
                                            Gathered gathered,
                                            Viewer viewer) {
    std::string rows;
    for (std::size_t from = 0; from < listed.size() && known; from += rows_at_once) {
        const std::span piece(listed.begin() + static_cast<std::ptrdiff_t>(from),
                              std::min(rows_at_once, listed.size() - from));
        std::set<std::string> namespaces;
        for (const auto& one : piece) namespaces.insert(one.key.ns);
        auto inventory = inventory_of(gathered, namespaces, viewer);
        for (const auto& one : piece) {
            const auto object = landscape.find(*one.resource, one.key);
            // It may have gone meanwhile.
            if (!object) continue;
            if (!rows.empty()) rows += ',';
            rows +=
                to_text(Json(*one.resource == resources::services ? inventory.service(*object)
                                                                  : inventory.workload(*object)));
        }
        co_await give_way();
    }
    co_return rows;
}

std::vector<Dashboard::State::Listed> Dashboard::State::listed_of(
    std::string_view list,
    const std::set<std::string>& namespaces,
    const std::vector<std::string>& words) const {
    std::vector<Listed> all;
    for (const auto* resource : kinds_of(list)) {
        for (auto& key : landscape.keys(*resource)) {
            if (!namespaces.empty() && !namespaces.contains(key.ns)) continue;
            if (!words.empty() && !is_meant(*landscape.find(*resource, key), words)) continue;
            auto place = fmt::format("{} {} {}", key.ns, key.name, resource->kind);
            all.push_back({std::move(place), resource, std::move(key)});
        }
    }
    std::ranges::sort(all, {}, &Listed::place);
    return all;
}

Task<net::Response> Dashboard::State::list_inventory(SharedCall call) {
    const auto namespaces = call->asked.namespaces();
    if (!namespaces) co_return refused(bad_request(namespaces.error()), call->id);
    const auto page = page_of(call->asked);
    if (!page) co_return refused(bad_request(page.error()), call->id);
    const auto q = call->asked.text("q", 200);
    if (!q) co_return refused(bad_request(q.error()), call->id);
    const auto words = split_list(lower_case(*q), ' ');

    const auto gathered = co_await gather();
    auto all = listed_of(call->path.front(), seen_namespaces(call->viewer, *namespaces), words);
    const auto total = all.size();
    if (page->after) {
        all.erase(all.begin(), std::ranges::upper_bound(all, *page->after, {}, &Listed::place));
    }
    const bool has_more = all.size() > page->limit;
    if (has_more) all.resize(page->limit);
    const Json token = has_more ? Json(token_of(all.back().place)) : Json(nullptr);
    const auto rows = co_await rows_of(std::move(all), gathered, call->viewer);
    if (!known) {
        co_return refused({.status = 503, .code = "starting", .message = "starting"}, call->id);
    }
    co_return told_text(
        call->request,
        outside.clock.now(),
        fmt::format(R"({{"continue":{},"total":{},"window":{},"problems":{},"items":[{}]}})",
                    to_text(token),
                    total,
                    std::chrono::duration<double>(gathered.window).count(),
                    to_text(problems_json(problems(call->viewer))),
                    rows));
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
    const auto gathered = co_await gather();
    if (!known) {
        co_return refused({.status = 503, .code = "starting", .message = "starting"}, call->id);
    }
    const auto object = is_kind ? landscape.find(*resource, key) : nullptr;
    if (!object) {
        co_return refused(
            {.status = 404,
             .code = "not_found",
             .message = is_kind
                            ? fmt::format("{} {} does not exist", resource->kind, to_string(key))
                            : "workloads are deployments and daemonsets"},
            call->id);
    }
    auto inventory = inventory_of(gathered, {key.ns}, call->viewer);
    if (is_service) {
        co_return told(call->request, outside.clock.now(), inventory.service_in_detail(*object));
    }
    const bool sees_pods = call->viewer.sees_pods(key.ns);
    const auto pods = sees_pods ? known->list(resources::pods, key.ns) : std::vector<Json>{};
    auto json = inventory.workload_in_detail(*object, pods);
    const auto why = sees_pods ? known->why_incomplete(resources::pods)
                               : "You may not list pods in namespace " + key.ns;
    json["podsReason"] = text_json(why);
    co_return told(call->request, outside.clock.now(), std::move(json));
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

std::vector<kube::Resource> Dashboard::State::mesh_kinds() const {
    std::vector<kube::Resource> kinds{resources::istio_control_planes, peer_authentications};
    // A Role of one namespace cannot list what is in none.
    if (settings.ns.empty()) kinds.push_back(release::injector_webhooks());
    return kinds;
}

void Dashboard::State::open_mesh() {
    for (const auto& kind : mesh_kinds()) known->open(kind);
}

JsonObject Dashboard::State::mesh_of(const Viewer& viewer) {
    auto all_problems = problems(viewer);
    for (auto& problem : known->problems_of(mesh_kinds())) {
        all_problems.push_back(std::move(problem));
    }
    return mesh_json({.control_planes = known->list(resources::istio_control_planes),
                      .deployments = landscape.list(resources::deployments),
                      .webhooks = known->list(release::injector_webhooks()),
                      .policies = known->list(peer_authentications),
                      .namespaces = landscape.list(resources::namespaces),
                      .sidecars = sidecars.by_workload(),
                      .istio_versions = istio_versions,
                      .mirror_host = is_lab() ? outside.lab->proxy().mirror_host : std::string(),
                      .prometheus = prometheus->health(),
                      .api_server = api_server(),
                      .caches = known->caches(),
                      .problems = std::move(all_problems),
                      .sees = [&viewer](const std::string& ns) { return viewer.sees(ns); }});
}

Task<net::Response> Dashboard::State::show_mesh(SharedCall call) {
    open_mesh();
    co_await known->wait_until_filled(open_limit);
    co_await learn_istio_versions();
    co_await measure();
    co_await catch_up();
    if (!known) {
        co_return refused({.status = 503, .code = "starting", .message = "starting"}, call->id);
    }
    co_return told(call->request, outside.clock.now(), mesh_of(call->viewer));
}

}  // namespace sluice::web
