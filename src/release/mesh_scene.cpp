#include "release/mesh_scene.hpp"

#include "base/core/text.hpp"
#include "istio/names.hpp"
#include "kube/resource.hpp"
#include "routing/router.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sluice::release {
namespace {

constexpr std::array<std::string_view, 4> workload_kinds{
    "Deployment", "DaemonSet", "StatefulSet", "Rollout"};

// What says who may talk to whom, and how.
bool is_policy(std::string_view kind) {
    return kind == "PeerAuthentication" || kind == "RequestAuthentication" ||
           kind == "AuthorizationPolicy";
}

void add_canary(Scene& scene, const Json& object) {
    const auto ns = ns_of(object);
    scene
        .canaries_on[fmt::format("{}/{} {}",
                                 ns,
                                 text_at(object, {"spec", "targetRef", "kind"}),
                                 text_at(object, {"spec", "targetRef", "name"}))]
        .push_back(&object);
    scene.canaries_with[fmt::format("{}/{}", ns, routing::service_names(object).apex)].push_back(
        &object);
}

void add_virtual_service(Scene& scene, const Json& object) {
    const auto gateways = gateways_of(object);
    if (std::ranges::find(gateways, "mesh") == gateways.end()) return;
    for (const auto& host : texts_at(object, {"spec", "hosts"})) {
        auto& all = scene.mesh_routes_of[istio::full_name(host, ns_of(object))];
        if (all.empty() || all.back() != &object) all.push_back(&object);
    }
}

// That of the default revision has its bare name.
void add_injector(Scene& scene, const Json& object, std::string_view name) {
    constexpr std::string_view bare = "istio-sidecar-injector";
    if (!name.starts_with(bare)) return;
    name.remove_prefix(bare.size());
    if (name.empty()) scene.injectors[""] = &object;
    if (name.starts_with('-')) scene.injectors[std::string(name.substr(1))] = &object;
}

void add_istio(Scene& scene, const Json& object, std::string_view kind) {
    if (kind == "VirtualService") add_virtual_service(scene, object);
    if (kind == "Gateway") scene.gateways.push_back(&object);
    if (kind == "Sidecar") scene.sidecars.push_back(&object);
    if (kind == "DestinationRule") {
        scene.rules_of[istio::full_name(text_at(object, {"spec", "host"}), ns_of(object))]
            .push_back(&object);
    }
    if (kind == "ServiceEntry") {
        for (auto& host : texts_at(object, {"spec", "hosts"})) {
            scene.entry_hosts.push_back(lower_case(host));
        }
    }
}

std::string pods_text(const Json& gateway) {
    return selector_text(object_at(gateway, {"spec", "selector"}));
}

std::int64_t port_of(const Json& server) {
    return integer_at(server, {"port", "number"}).value_or(0);
}

// No selector, host or name of a certificate has a line's end.
std::string host_text(const Json& gateway, const Json& server, std::string_view host) {
    return fmt::format("{}\n{}\n{}", pods_text(gateway), port_of(server), host);
}
std::string certificate_text(const Json& gateway, std::string_view certificate) {
    return fmt::format("{}\n{}", pods_text(gateway), certificate);
}

}  // namespace

GatewayBook::GatewayBook(const Objects& gateways) : gateways_(gateways) {
    for (std::size_t i = 0; i < gateways.size(); ++i) {
        for (const auto& server : array_at(*gateways[i], {"spec", "servers"})) {
            for (const auto& host : texts_at(server, {"hosts"})) {
                by_host_[host_text(*gateways[i], server, host)].insert(i);
            }
            const auto certificate = text_at(server, {"tls", "credentialName"});
            if (certificate.empty()) continue;
            by_certificate_[certificate_text(*gateways[i], certificate)].insert(i);
        }
    }
}

Objects GatewayBook::at(const Places& places) const {
    Objects found;
    for (const auto place : places) found.push_back(gateways_[place]);
    return found;
}

Objects GatewayBook::with_hosts(const Json& gateway, const Json& server) const {
    Places places;
    for (const auto& host : texts_at(server, {"hosts"})) {
        const auto found = by_host_.find(host_text(gateway, server, host));
        if (found != by_host_.end()) places.insert(found->second.begin(), found->second.end());
    }
    return at(places);
}

Objects GatewayBook::with_certificate(const Json& gateway, std::string_view certificate) const {
    const auto found = by_certificate_.find(certificate_text(gateway, certificate));
    return found == by_certificate_.end() ? Objects{} : at(found->second);
}

Scene::Scene(const Around& objects_around) : around(objects_around) {
    for (const auto& object : around.objects) {
        const auto kind = text_at(object, {"kind"});
        const auto version = text_at(object, {"apiVersion"});
        const auto key = kube::key_of(object);
        if (version.starts_with("networking.istio.io/")) add_istio(*this, object, kind);
        by_title_.emplace(fmt::format("{} {}", kind, to_string(key)), &object);
        if (kind == "Canary") add_canary(*this, object);
        if (is_policy(kind)) policies.push_back(&object);
        if (kind == "Pod") pods[key.ns].push_back(&object);
        if (kind == "Namespace") namespaces.emplace(key.name, &object);
        if (is_workload(kind)) {
            workloads[key.ns].push_back(&object);
            for (const auto& [name, value] : pod_labels(object)) {
                labelled_[label_text(name, value)][key.ns].push_back(&object);
            }
        }
        if (kind == "Service" && version == "v1") {
            services[key.ns].push_back(&object);
            service_of.emplace(istio::service_host(key.name, key.ns), &object);
        }
        if (kind == "ConfigMap") add_injector(*this, object, key.name);
        if (kind == "MutatingWebhookConfiguration") tags.note(object);
    }
    for (const auto* gateway : gateways) by_gateway_.emplace(full_name_of(*gateway), gateway);
}

const Json* Scene::object(std::string_view kind, std::string_view ns, std::string_view name) const {
    for (const auto& title :
         {fmt::format("{} {}/{}", kind, ns, name), fmt::format("{} {}", kind, name)}) {
        const auto found = by_title_.find(title);
        if (found != by_title_.end()) return found->second;
    }
    return nullptr;
}

const Json* Scene::gateway(std::string_view full_name) const {
    const auto found = by_gateway_.find(full_name);
    if (found == by_gateway_.end()) return nullptr;
    ++compared_;
    return found->second;
}

const GatewayBook& Scene::book() const {
    if (!book_) {
        book_.emplace(gateways);
        compared_ += gateways.size();
    }
    return *book_;
}

Objects Scene::without(const Json& gateway, Objects all) const {
    compared_ += all.size();
    std::erase(all, &gateway);
    return all;
}

Objects Scene::rivals_for_hosts(const Json& gateway, const Json& server) const {
    return without(gateway, book().with_hosts(gateway, server));
}

Objects Scene::rivals_for_certificate(const Json& gateway, std::string_view certificate) const {
    return without(gateway, book().with_certificate(gateway, certificate));
}

bool Scene::lacks_host(const std::string& host) const {
    if (service_of.contains(host)) return false;
    if (std::ranges::any_of(entry_hosts,
                            [&](const std::string& entry) { return istio::covers(entry, host); }))
        return false;
    constexpr std::string_view end = ".svc.cluster.local";
    if (!host.ends_with(end)) return around.knows("ServiceEntry") && around.knows("Service");
    const auto stem = std::string_view(host).substr(0, host.size() - end.size());
    const auto dot = stem.find('.');
    if (dot == std::string_view::npos) return false;
    const auto ns = stem.substr(dot + 1);
    // A ServiceEntry may give a Service's name to something else.
    return around.knows("Service", ns) && around.knows("ServiceEntry", ns);
}

bool Scene::knows_workloads(std::string_view ns) const {
    const auto knows = [&](const char* kind) {
        return ns.empty() ? around.knows(kind) : around.knows(kind, ns);
    };
    // Where all pods are known, what has none of another kind is of no account.
    return knows("Deployment") && knows("DaemonSet") && (knows("StatefulSet") || knows("Pod"));
}

bool Scene::is_injected(std::string_view ns) const {
    const auto found = namespaces.find(ns);
    if (found == namespaces.end()) return false;
    const auto& labels = object_at(*found->second, {"metadata", "labels"});
    const auto injection = text_at(*found->second, {"metadata", "labels", "istio-injection"});
    return injection == "enabled" || (injection.empty() && labels.contains("istio.io/rev"));
}

const Json* Scene::injector_of(const Json& ns) const {
    const auto asked = revision_of(ns);
    // The plain label means the revision behind the tag of that name, where there is one.
    auto revision = tags.behind(asked.empty() ? "default" : asked);
    if (revision == "default") revision.clear();
    const auto found = injectors.find(revision);
    return found == injectors.end() ? nullptr : found->second;
}

bool Scene::is_known_not_injected(std::string_view ns) const {
    return namespaces.contains(ns) && !is_injected(ns);
}

Objects Scene::workloads_with(const Json* selector, std::string_view ns) const {
    Objects found;
    const auto& wanted =
        selector == nullptr || !selector->is_object() ? object_at({}, {}) : selector->get_object();
    if (wanted.empty()) return found;
    const auto& first = *wanted.begin();
    const auto with_first = labelled_.find(label_text(first.key(), first.value()));
    if (with_first == labelled_.end()) return found;
    for (const auto& [where, all] : with_first->second) {
        if (!ns.empty() && where != ns) continue;
        compared_ += all.size();
        std::ranges::copy_if(all, std::back_inserter(found), [&](const Json* workload) {
            return selects(wanted, pod_labels(*workload));
        });
    }
    return found;
}

bool Scene::has_pods_with(const JsonObject& selector,
                          const JsonObject& labels,
                          std::string_view ns) const {
    const auto is_meant = [&](const Json* one) {
        return selects(selector, pod_labels(*one)) &&
               (labels.empty() || selects(labels, pod_labels(*one)));
    };
    for (const auto* all : {&workloads, &pods}) {
        const auto found = all->find(ns);
        if (found != all->end() && std::ranges::any_of(found->second, is_meant)) return true;
    }
    return false;
}

Objects Scene::services_of(const Json& workload) const {
    Objects found;
    const auto all = services.find(ns_of(workload));
    if (all == services.end()) return found;
    std::ranges::copy_if(all->second, std::back_inserter(found), [&](const Json* service) {
        return selects(object_at(*service, {"spec", "selector"}), pod_labels(workload));
    });
    return found;
}

std::string ns_of(const Json& object) {
    return std::string(text_at(object, {"metadata", "namespace"}));
}

std::string full_name_of(const Json& object) {
    return to_string(kube::key_of(object));
}

std::vector<std::string> texts_at(const Json& object, JsonPath path) {
    std::vector<std::string> texts;
    for (const auto& text : array_at(object, path)) {
        if (text.is_string()) texts.emplace_back(text.get_string());
    }
    return texts;
}

const JsonObject& pod_labels(const Json& object) {
    if (text_at(object, {"kind"}) == "Pod") return object_at(object, {"metadata", "labels"});
    return object_at(object, {"spec", "template", "metadata", "labels"});
}

bool selects(const JsonObject& selector, const JsonObject& labels) {
    return !selector.empty() && std::ranges::all_of(selector, [&](const auto& wanted) {
        const auto* label = labels.if_contains(wanted.key());
        return label != nullptr && *label == wanted.value();
    });
}

std::string label_text(std::string_view name, const Json& value) {
    return fmt::format(
        "{}={}", name, value.is_string() ? std::string(value.get_string()) : to_text(value));
}

std::string selector_text(const JsonObject& selector) {
    std::map<std::string, std::string> sorted;
    for (const auto& [name, value] : selector) {
        sorted.emplace(name, value.is_string() ? std::string(value.get_string()) : to_text(value));
    }
    std::vector<std::string> parts;
    parts.reserve(sorted.size());
    for (const auto& [name, value] : sorted) parts.push_back(fmt::format("{}={}", name, value));
    return joined(parts, ",");
}

std::string go_list(const std::vector<std::string>& texts) {
    return fmt::format("[{}]", joined(texts, " "));
}

bool is_workload(std::string_view kind) {
    return std::ranges::find(workload_kinds, kind) != workload_kinds.end();
}

std::vector<std::string> gateways_of(const Json& virtual_service) {
    auto names = texts_at(virtual_service, {"spec", "gateways"});
    if (names.empty()) names.emplace_back("mesh");
    for (auto& name : names) name = istio::gateway_name(name, ns_of(virtual_service));
    return names;
}

}  // namespace sluice::release
