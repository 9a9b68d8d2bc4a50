#include "web/landscape.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::web {
namespace {

namespace resources = kube::resources;

void keep_labels(Json& to, const Json& from, JsonPath path, std::string_view name) {
    const auto label = text_at(from, {"metadata", "labels", name});
    if (!label.empty()) put(to, path, Json(label));
}

Json of_workload(const Json& object) {
    Json kept = JsonObject{{"metadata", picked(object, {"metadata"}, {"name", "namespace"})}};
    // By these a control plane is known.
    for (const auto* label : {"app", "istio.io/rev"}) {
        keep_labels(kept, object, {"metadata", "labels", label}, label);
    }
    auto spec = picked(object, {"spec"}, {"replicas", "selector"});
    put(spec,
        {"template", "metadata", "labels"},
        object_at(object, {"spec", "template", "metadata", "labels"}));
    constexpr std::string_view inject = "sidecar.istio.io/inject";
    const auto wish = text_at(object, {"spec", "template", "metadata", "annotations", inject});
    if (!wish.empty()) put(spec, {"template", "metadata", "annotations", inject}, Json(wish));
    JsonArray containers;
    for (const auto& container : array_at(object, {"spec", "template", "spec", "containers"})) {
        containers.push_back(picked(container, {}, {"image", "ports"}));
    }
    put(spec, {"template", "spec", "containers"}, std::move(containers));
    put(kept, {"spec"}, std::move(spec));
    put(kept,
        {"status"},
        picked(object, {"status"}, {"readyReplicas", "numberReady", "desiredNumberScheduled"}));
    return kept;
}

Json of_service(const Json& object) {
    Json kept = JsonObject{{"metadata", picked(object, {"metadata"}, {"name", "namespace"})},
                           {"spec", picked(object, {"spec"}, {"selector", "ports", "type"})},
                           {"status", picked(object, {"status"}, {"loadBalancer"})}};
    constexpr std::string_view address = "sluice.dev/lab-address";
    const auto lab = text_at(object, {"metadata", "annotations", address});
    if (!lab.empty()) put(kept, {"metadata", "annotations", address}, Json(lab));
    return kept;
}

JsonArray of_routes(const JsonArray& routes) {
    JsonArray kept;
    for (const auto& route : routes) {
        auto one = picked(route, {}, {"mirror", "mirrors", "fault", "match", "timeout"});
        JsonArray to;
        for (const auto& each : array_at(route, {"route"})) {
            to.push_back(picked(each, {}, {"destination", "weight"}));
        }
        put(one, {"route"}, std::move(to));
        kept.push_back(std::move(one));
    }
    return kept;
}

Json of_virtual_service(const Json& object) {
    Json kept = JsonObject{
        {"metadata", picked(object, {"metadata"}, {"name", "namespace", "ownerReferences"})},
        {"spec", picked(object, {"spec"}, {"hosts", "gateways"})}};
    for (const auto* list : {"http", "tcp", "tls"}) {
        const auto& routes = array_at(object, {"spec", list});
        if (!routes.empty()) put(kept, {"spec", list}, of_routes(routes));
    }
    return kept;
}

Json of_destination_rule(const Json& object) {
    Json kept = JsonObject{{"metadata", picked(object, {"metadata"}, {"name", "namespace"})},
                           {"spec", picked(object, {"spec"}, {"host"})}};
    put(kept,
        {"spec", "trafficPolicy"},
        picked(object, {"spec", "trafficPolicy"}, {"connectionPool", "outlierDetection"}));
    return kept;
}

Json of_canary(const Json& object) {
    Json kept = JsonObject{{"metadata", picked(object, {"metadata"}, {"name", "namespace"})}};
    for (const auto* named : {"service", "targetRef"}) {
        put(kept, {"spec", named}, picked(object, {"spec", named}, {"name"}));
    }
    return kept;
}

Json of_namespace(const Json& object) {
    return JsonObject{{"metadata", picked(object, {"metadata"}, {"name", "labels"})}};
}

// There are few of them.
Json of_gateway(const Json& object) {
    auto kept = picked(object, {}, {"spec", "status"});
    put(kept, {"metadata"}, picked(object, {"metadata"}, {"name", "namespace"}));
    return kept;
}

// Of which kinds how much is kept.
struct Reading {
    const kube::Resource* resource;
    Json (*what)(const Json& object);
};
const std::array<Reading, 9> readings{Reading{&resources::deployments, of_workload},
                                      Reading{&resources::daemon_sets, of_workload},
                                      Reading{&resources::services, of_service},
                                      Reading{&resources::virtual_services, of_virtual_service},
                                      Reading{&resources::destination_rules, of_destination_rule},
                                      Reading{&resources::canaries, of_canary},
                                      Reading{&resources::namespaces, of_namespace},
                                      Reading{&resources::gateways, of_gateway},
                                      Reading{&resources::istio_mesh_gateways, of_gateway}};

const Reading* reading_of(const kube::Resource& resource) {
    const auto* found = std::ranges::find_if(
        readings, [&](const Reading& one) { return *one.resource == resource; });
    return found == readings.end() ? nullptr : found;
}

}  // namespace

void Landscape::forget() {
    *this = Landscape();
}

void Landscape::note_change(const kube::Resource& resource, const kube::ObjectKey& key) {
    // Before the first look everything is due.
    if (is_begun_ && reading_of(resource) != nullptr) due_[resource].insert(key);
}

bool Landscape::read_some(const Known& known, std::size_t objects_max) {
    if (!std::exchange(is_begun_, true)) {
        for (const auto& one : readings) {
            const auto* cache = known.find(*one.resource);
            if (cache == nullptr) continue;
            const auto keys = cache->keys();
            if (!keys.empty()) due_[*one.resource].insert(keys.begin(), keys.end());
        }
    }
    for (; objects_max > 0 && !due_.empty(); --objects_max) {
        const auto kind = due_.begin();
        const auto key = kind->second.extract(kind->second.begin());
        read(known, kind->first, key.value());
        if (kind->second.empty()) due_.erase(kind);
    }
    return !due_.empty();
}

void Landscape::read(const Known& known,
                     const kube::Resource& resource,
                     const kube::ObjectKey& key) {
    auto& kind = kinds_[resource];
    const auto found = kind.find(key);
    const auto before = found == kind.end() ? nullptr : found->second;
    const auto object = known.get(resource, key);
    std::shared_ptr<const Json> now;
    if (object) {
        auto kept = reading_of(resource)->what(*object);
        put(kept, {"kind"}, Json(resource.kind));
        if (before && *before == kept) return;
        now = std::make_shared<const Json>(std::move(kept));
    }
    routes_.note(resource, key, before.get(), now.get());
    if (now) {
        kind[key] = std::move(now);
    } else {
        kind.erase(key);
    }
}

Objects Landscape::list(const kube::Resource& resource, std::string_view ns) const {
    Objects all;
    const auto kind = kinds_.find(resource);
    if (kind == kinds_.end()) return all;
    const auto& objects = kind->second;
    auto one = ns.empty() ? objects.begin() : objects.lower_bound({std::string(ns), ""});
    for (; one != objects.end() && (ns.empty() || one->first.ns == ns); ++one) {
        all.push_back(one->second);
    }
    return all;
}

std::shared_ptr<const Json> Landscape::find(const kube::Resource& resource,
                                            const kube::ObjectKey& key) const {
    const auto kind = kinds_.find(resource);
    if (kind == kinds_.end()) return nullptr;
    const auto found = kind->second.find(key);
    return found == kind->second.end() ? nullptr : found->second;
}

std::vector<kube::ObjectKey> Landscape::keys(const kube::Resource& resource) const {
    std::vector<kube::ObjectKey> keys;
    const auto kind = kinds_.find(resource);
    if (kind == kinds_.end()) return keys;
    keys.reserve(kind->second.size());
    for (const auto& [key, object] : kind->second) keys.push_back(key);
    return keys;
}

}  // namespace sluice::web
