// Whether what a VirtualService names is there, and whether others say the same.
#include "base/core/text.hpp"
#include "istio/names.hpp"
#include "release/mesh_lint.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

namespace sluice::release {
namespace {

using istio::full_name;

bool has_subset(const Json& rule, std::string_view subset) {
    return std::ranges::any_of(array_at(rule, {"spec", "subsets"}),
                               [&](const Json& one) { return text_at(one, {"name"}) == subset; });
}

void look_at_subset(Findings& findings,
                    const Destination& destination,
                    const std::string& host,
                    const Scene& scene) {
    const auto subset = text_at(*destination.value, {"subset"});
    if (subset.empty()) return;
    const auto rules = scene.rules_of.find(host);
    const bool has_rule = rules != scene.rules_of.end();
    if (has_rule && std::ranges::any_of(
                        rules->second, [&](const Json* rule) { return has_subset(*rule, subset); }))
        return;
    // One rule for the host among the files is probably all there is.
    if (!has_rule && !scene.around.knows("DestinationRule")) return;
    findings.error(destination.field + ".subset",
                   fmt::format("Referenced {} not found: \"{}+{}\"",
                               destination.is_mirror ? "mirror+subset in destinationrule"
                                                     : "host+subset in destinationrule",
                               text_at(*destination.value, {"host"}),
                               subset),
                   "IST0101");
}

void look_at_port(Findings& findings, const Destination& destination, const Json& service) {
    const auto written = text_at(*destination.value, {"host"});
    std::vector<std::string> ports;
    for (const auto& port : array_at(service, {"spec", "ports"})) {
        ports.push_back(std::to_string(integer_at(port, {"port"}).value_or(0)));
    }
    const auto wanted = integer_at(*destination.value, {"port", "number"});
    if (!wanted && ports.size() > 1) {
        findings.error(
            destination.field,
            fmt::format("This VirtualService routes to a service \"{}\" that exposes multiple "
                        "ports {}. Specifying a port in the destination is required to "
                        "disambiguate.",
                        written,
                        go_list(ports)),
            "IST0112");
    } else if (wanted && std::ranges::find(ports, std::to_string(*wanted)) == ports.end()) {
        findings.error(destination.field + ".port",
                       fmt::format("Referenced host:port not found: \"{}:{}\"", written, *wanted),
                       "IST0101");
    }
}

void look_at_destinations(Findings& findings, const Json& object, const Scene& scene) {
    for (const auto& destination : destinations_of(object)) {
        const auto written = text_at(*destination.value, {"host"});
        if (written.empty()) continue;
        const auto host = full_name(written, ns_of(object));
        if (scene.lacks_host(host)) {
            findings.error(destination.field + ".host",
                           fmt::format("Referenced {} not found: \"{}\"",
                                       destination.is_mirror ? "mirror host" : "host",
                                       written),
                           "IST0101");
            continue;
        }
        look_at_subset(findings, destination, host, scene);
        const auto service = scene.service_of.find(host);
        if (service != scene.service_of.end())
            look_at_port(findings, destination, *service->second);
    }
}

// The hosts of a Gateway that a VirtualService of this namespace may bind: "ns/host" says whose.
std::vector<std::string> hosts_offered(const Json& gateway, std::string_view ns) {
    std::vector<std::string> offered;
    for (const auto& server : array_at(gateway, {"spec", "servers"})) {
        for (const auto& host : texts_at(server, {"hosts"})) {
            const auto slash = host.find('/');
            const auto who = slash == std::string::npos ? "*" : host.substr(0, slash);
            const bool is_open = who == "*" || who == ns || (who == "." && ns_of(gateway) == ns);
            if (is_open) offered.push_back(full_name(host.substr(slash + 1), ns));
        }
    }
    return offered;
}

void look_at_hosts_of(Findings& findings,
                      const std::string& field,
                      const Json& object,
                      const Json& gateway) {
    const auto offered = hosts_offered(gateway, ns_of(object));
    std::vector<std::string> missing;
    for (const auto& host : texts_at(object, {"spec", "hosts"})) {
        const auto full = full_name(host, ns_of(object));
        if (std::ranges::none_of(offered, [&](const std::string& pattern) {
                return istio::covers(pattern, full) || istio::covers(full, pattern);
            })) {
            missing.push_back(host);
        }
    }
    if (missing.empty()) return;
    findings.warn(
        field,
        fmt::format("one or more host {} defined in VirtualService {} not found in Gateway {}.",
                    go_list(missing),
                    full_name_of(object),
                    full_name_of(gateway)),
        "IST0132");
}

void look_at_gateways(Findings& findings, const Json& object, const Scene& scene) {
    const auto written = texts_at(object, {"spec", "gateways"});
    for (std::size_t i = 0; i < written.size(); ++i) {
        const auto field = fmt::format("spec.gateways[{}]", i);
        const auto name = istio::gateway_name(written[i], ns_of(object));
        if (name == "mesh") continue;
        if (name.ends_with("-istio-autogenerated-k8s-gateway")) {
            findings.warn(field,
                          fmt::format("Gateway reference in VirtualService {} is to an "
                                      "implementation-generated internal Gateway: {}.",
                                      full_name_of(object),
                                      name),
                          "IST0165");
            continue;
        }
        if (const auto* gateway = scene.gateway(name)) {
            look_at_hosts_of(findings, field, object, *gateway);
        } else if (scene.around.knows("Gateway",
                                      std::string_view(name).substr(0, name.find('/')))) {
            findings.error(
                field, fmt::format("Referenced gateway not found: \"{}\"", written[i]), "IST0101");
        }
    }
}

// Whether there is a namespace in which both are seen.
bool are_seen_together(const Json& one, const Json& other) {
    const auto seen_in = [](const Json& object) {
        std::set<std::string> all;
        for (const auto& ns : texts_at(object, {"spec", "exportTo"})) {
            all.insert(ns == "." ? ns_of(object) : ns);
        }
        return all;
    };
    const auto ones = seen_in(one), others = seen_in(other);
    if (ones.empty() || others.empty() || ones.contains("*") || others.contains("*")) return true;
    return std::ranges::any_of(ones, [&](const std::string& ns) { return others.contains(ns); });
}

// Two that say how the mesh's own proxies reach one host.
void look_at_shared_hosts(Findings& findings, const Json& object, const Scene& scene) {
    const auto gateways = gateways_of(object);
    if (std::ranges::find(gateways, "mesh") == gateways.end()) return;
    const auto hosts = texts_at(object, {"spec", "hosts"});
    for (std::size_t i = 0; i < hosts.size(); ++i) {
        const auto host = full_name(hosts[i], ns_of(object));
        const auto all = scene.mesh_routes_of.find(host);
        if (all == scene.mesh_routes_of.end()) continue;
        std::vector<std::string> names;
        for (const auto* other : all->second) {
            if (other == &object || are_seen_together(object, *other)) {
                names.push_back(full_name_of(*other));
            }
        }
        if (names.size() < 2) continue;
        std::ranges::sort(names);
        findings.error(
            fmt::format("spec.hosts[{}]", i),
            fmt::format("The VirtualServices {} associated with mesh gateway define the same host "
                        "{} which can lead to undefined behavior. This can be fixed by merging "
                        "the conflicting VirtualServices into a single resource.",
                        joined(names, ","),
                        host),
            "IST0109");
    }
}

// A gateway sends to a host whose subsets only the mesh's own proxies are told of: what leads there
// says so, once for each of its gateways.
void look_at_ingress_routes(Findings& findings, const Json& object, const Scene& scene) {
    std::set<std::string> told;
    for (const auto& destination : destinations_of(object)) {
        if (!text_at(*destination.value, {"subset"}).empty()) continue;
        const auto host = full_name(text_at(*destination.value, {"host"}), ns_of(object));
        const auto routes = scene.mesh_routes_of.find(host);
        if (routes == scene.mesh_routes_of.end()) continue;
        for (const auto* other : routes->second) {
            const auto theirs = destinations_of(*other);
            const bool has_subsets = std::ranges::any_of(theirs, [](const Destination& one) {
                return !text_at(*one.value, {"subset"}).empty();
            });
            if (other == &object || !has_subsets) continue;
            const auto known = gateways_of(*other);
            for (const auto& gateway : gateways_of(object)) {
                if (gateway == "mesh" || std::ranges::find(known, gateway) != known.end()) continue;
                auto text = fmt::format(
                    "Subset in virtual service {} has no effect on ingress gateway {} "
                    "requests",
                    full_name_of(*other),
                    gateway);
                if (told.insert(text).second) {
                    findings.warn(destination.field, std::move(text), "IST0140");
                }
            }
        }
    }
}

struct Claim {
    std::string field;
    std::string key;  // "@request.auth.claims.group"
};

std::vector<Claim> claims_asked_for(const Json& object) {
    std::vector<Claim> claims;
    const auto& routes = array_at(object, {"spec", "http"});
    for (std::size_t i = 0; i < routes.size(); ++i) {
        const auto& matches = array_at(routes[i], {"match"});
        for (std::size_t m = 0; m < matches.size(); ++m) {
            for (const auto& [key, value] : object_at(matches[m], {"headers"})) {
                if (!key.starts_with("@request.auth.claims")) continue;
                claims.push_back(
                    {fmt::format("spec.http[{}].match[{}].headers.{}", i, m, std::string_view(key)),
                     std::string(key)});
            }
        }
    }
    return claims;
}

// A token's claims are only known where it is checked.
void look_at_claims(Findings& findings, const Json& object, const Scene& scene) {
    const auto claims = claims_asked_for(object);
    if (claims.empty() || !scene.around.knows("RequestAuthentication")) return;
    for (const auto& name : gateways_of(object)) {
        const auto* gateway = scene.gateway(name);
        if (gateway == nullptr) continue;
        const auto pods = scene.workloads_with(find(*gateway, {"spec", "selector"}), "");
        const auto unchecked = std::ranges::find_if(
            pods, [&](const Json* pod) { return !checks_tokens(*pod, scene); });
        if (unchecked == pods.end()) continue;
        for (const auto& [field, key] : claims) {
            findings.error(field,
                           fmt::format("The virtual service uses the JWT claim based routing (key: "
                                       "{}) but found no request authentication for the gateway "
                                       "({}) pod ({}). The request authentication must first be "
                                       "applied for the gateway pods to validate the JWT token and "
                                       "make the claims available for routing.",
                                       key,
                                       name,
                                       full_name_of(**unchecked)),
                           "IST0149");
        }
    }
}

}  // namespace

std::vector<Destination> destinations_of(const Json& virtual_service) {
    std::vector<Destination> found;
    const auto take = [&](std::string field, const Json* value, bool is_mirror) {
        if (value == nullptr || !value->is_object()) return;
        found.push_back({std::move(field), value, is_mirror});
    };
    for (const std::string list : {"http", "tcp", "tls"}) {
        const auto& entries = array_at(virtual_service, {"spec", list});
        for (std::size_t i = 0; i < entries.size(); ++i) {
            const auto route = fmt::format("spec.{}[{}]", list, i);
            const auto& targets = array_at(entries[i], {"route"});
            for (std::size_t j = 0; j < targets.size(); ++j) {
                take(fmt::format("{}.route[{}].destination", route, j),
                     find(targets[j], {"destination"}),
                     false);
            }
            take(route + ".mirror", find(entries[i], {"mirror"}), true);
            const auto& mirrors = array_at(entries[i], {"mirrors"});
            for (std::size_t j = 0; j < mirrors.size(); ++j) {
                take(fmt::format("{}.mirrors[{}].destination", route, j),
                     find(mirrors[j], {"destination"}),
                     true);
            }
        }
    }
    return found;
}

void look_at_exports(Findings& findings, const Json& object, const Scene& scene) {
    if (!scene.around.knows("Namespace")) return;
    const auto namespaces = texts_at(object, {"spec", "exportTo"});
    for (std::size_t i = 0; i < namespaces.size(); ++i) {
        const auto& ns = namespaces[i];
        if (ns == "." || ns == "*" || ns == "~" || scene.namespaces.contains(ns)) continue;
        findings.error(fmt::format("spec.exportTo[{}]", i),
                       fmt::format("Referenced namespace not found: \"{}\"", ns),
                       "IST0101");
    }
}

void look_at_virtual_service(Findings& findings, const Json& object, const Scene& scene) {
    look_at_destinations(findings, object, scene);
    look_at_gateways(findings, object, scene);
    look_at_shared_hosts(findings, object, scene);
    look_at_ingress_routes(findings, object, scene);
    look_at_claims(findings, object, scene);
    look_at_exports(findings, object, scene);
}

}  // namespace sluice::release
