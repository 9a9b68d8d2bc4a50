#include "web/routes.hpp"

#include "base/core/text.hpp"
#include "istio/names.hpp"
#include "routing/router.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace sluice::web {
namespace {

namespace resources = kube::resources;

// "web", "web.test" or "web.test.svc.cluster.local", as it is meant in a namespace.
kube::ObjectKey service_of(std::string_view host, const std::string& ns) {
    const auto parts = split(host, '.');
    return {parts.size() > 1 ? std::string(parts[1]) : ns, std::string(parts[0])};
}

bool is_of_mesh(const Json& virtual_service) {
    const auto& gateways = array_at(virtual_service, {"spec", "gateways"});
    return gateways.empty() || std::ranges::find(gateways, Json("mesh")) != gateways.end();
}

// The Services that a VirtualService names, or leads to. A wildcard names none.
std::set<kube::ObjectKey> services_in(const Json& virtual_service) {
    const auto ns = kube::key_of(virtual_service).ns;
    std::set<kube::ObjectKey> all;
    const auto note = [&](const Json* destination) {
        if (destination != nullptr) all.insert(service_of(text_at(*destination, {"host"}), ns));
    };
    for (const auto& host : array_at(virtual_service, {"spec", "hosts"})) {
        if (!host.is_string() || istio::is_wildcard(host.get_string())) continue;
        all.insert(service_of(host.get_string(), ns));
    }
    for (const auto* list : {"http", "tcp", "tls"}) {
        for (const auto& route : array_at(virtual_service, {"spec", list})) {
            for (const auto& to : array_at(route, {"route"})) note(find(to, {"destination"}));
            note(find(route, {"mirror"}));
            for (const auto& copy : array_at(route, {"mirrors"})) {
                note(find(copy, {"destination"}));
            }
        }
    }
    return all;
}

std::vector<std::string> wildcards_in(const Json& virtual_service) {
    std::vector<std::string> all;
    if (!is_of_mesh(virtual_service)) return all;
    for (const auto& host : array_at(virtual_service, {"spec", "hosts"})) {
        if (!host.is_string() || !istio::is_wildcard(host.get_string())) continue;
        all.push_back(lower_case(host.get_string()));
    }
    return all;
}

// From a Service to what leads there, as one object has it.
std::vector<std::pair<kube::ObjectKey, kube::ObjectKey>> links_in(const kube::Resource& resource,
                                                                  const kube::ObjectKey& key,
                                                                  const Json& object) {
    std::vector<std::pair<kube::ObjectKey, kube::ObjectKey>> links;
    if (resource == resources::virtual_services) {
        for (const auto& service : services_in(object)) links.emplace_back(service, key);
    } else if (resource == resources::destination_rules) {
        links.emplace_back(service_of(text_at(object, {"spec", "host"}), key.ns), key);
    } else {
        const auto names = routing::service_names(object);
        const kube::ObjectKey apex{key.ns, names.apex};
        for (const auto& side : {names.primary, names.canary}) {
            links.emplace_back(apex, kube::ObjectKey{key.ns, side});
        }
    }
    return links;
}

}  // namespace

void Routes::note(const kube::Resource& resource,
                  const kube::ObjectKey& key,
                  const Json* before,
                  const Json* now) {
    Links* links = nullptr;
    if (resource == resources::virtual_services) links = &virtual_services_;
    if (resource == resources::destination_rules) links = &destination_rules_;
    if (resource == resources::canaries) links = &sides_;
    if (links == nullptr) return;
    if (before != nullptr) {
        for (const auto& [from, to] : links_in(resource, key, *before)) {
            const auto found = links->find(from);
            found->second.erase(found->second.find(to));
            if (found->second.empty()) links->erase(found);
        }
    }
    if (now != nullptr) {
        for (const auto& [from, to] : links_in(resource, key, *now)) (*links)[from].insert(to);
    }
    if (links != &virtual_services_) return;
    wildcards_.erase(key);
    if (now == nullptr) return;
    if (auto wildcards = wildcards_in(*now); !wildcards.empty()) {
        wildcards_[key] = std::move(wildcards);
    }
}

std::set<kube::ObjectKey> Routes::virtual_services_of(const kube::ObjectKey& service) const {
    std::set<kube::ObjectKey> all;
    const auto add = [&](const kube::ObjectKey& one) {
        const auto found = virtual_services_.find(one);
        if (found != virtual_services_.end())
            all.insert(found->second.begin(), found->second.end());
    };
    add(service);
    if (const auto sides = sides_.find(service); sides != sides_.end()) {
        for (const auto& side : sides->second) add(side);
    }
    if (wildcards_.empty()) return all;
    const auto host = istio::service_host(service.name, service.ns);
    for (const auto& [key, patterns] : wildcards_) {
        const bool covers = std::ranges::any_of(
            patterns, [&](const std::string& pattern) { return istio::covers(pattern, host); });
        if (covers) all.insert(key);
    }
    return all;
}

std::set<kube::ObjectKey> Routes::destination_rules_of(const kube::ObjectKey& service) const {
    const auto found = destination_rules_.find(service);
    if (found == destination_rules_.end()) return {};
    return {found->second.begin(), found->second.end()};
}

}  // namespace sluice::web
