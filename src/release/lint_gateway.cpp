// Whether a Gateway's pods are there and can be reached, and whether another one wants the same.
#include "base/core/text.hpp"
#include "release/mesh_lint.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace sluice::release {
namespace {

std::vector<std::string> names_of(const Objects& objects) {
    std::vector<std::string> names;
    names.reserve(objects.size());
    for (const auto* object : objects) names.push_back(full_name_of(*object));
    return names;
}

void look_at_selector(Findings& findings,
                      const JsonObject& selector,
                      const Objects& workloads,
                      const Scene& scene) {
    if (workloads.empty() && !selector.empty() && scene.knows_workloads("")) {
        findings.error(
            "spec.selector",
            fmt::format("Referenced selector not found: \"{}\"", selector_text(selector)),
            "IST0101");
    }
    if (workloads.size() < 2) return;
    findings.warn("spec.selector",
                  fmt::format("the selector matches more than one workload: {}",
                              joined(names_of(workloads), ", ")),
                  "SLU0009");
}

// By its target port, or by its port, which Istio translates.
bool is_on_service(std::int64_t port, const Json& service) {
    return std::ranges::any_of(array_at(service, {"spec", "ports"}), [&](const Json& one) {
        const auto* target = find(one, {"targetPort"});
        // A name could be any port.
        if (target != nullptr && target->is_string()) return true;
        return integer_at(one, {"port"}) == port || integer_at(one, {"targetPort"}) == port;
    });
}

void look_at_rivals(Findings& findings,
                    const std::string& field,
                    const Json& gateway,
                    const Json& server,
                    const Scene& scene) {
    const auto rivals = names_of(scene.rivals_for_hosts(gateway, server));
    if (!rivals.empty()) {
        findings.error(
            field,
            fmt::format("Conflict with gateways {} (workload selector {}, port {}, hosts {}).",
                        joined(rivals, ","),
                        selector_text(object_at(gateway, {"spec", "selector"})),
                        integer_at(server, {"port", "number"}).value_or(0),
                        go_list(texts_at(server, {"hosts"}))),
            "IST0145");
    }
    const auto certificate = text_at(server, {"tls", "credentialName"});
    if (certificate.empty()) return;
    auto sharing = names_of(scene.rivals_for_certificate(gateway, certificate));
    if (sharing.empty()) return;
    sharing.push_back(full_name_of(gateway));
    std::ranges::sort(sharing);
    findings.warn(field + ".tls.credentialName",
                  fmt::format("Duplicate certificate in multiple gateways {} may cause 404s if "
                              "clients re-use HTTP2 connections.",
                              go_list(sharing)),
                  "IST0138");
}

// The Secret stands beside the gateway's pods.
void look_at_credential(Findings& findings,
                        const std::string& field,
                        const Json& gateway,
                        const Json& server,
                        const Objects& workloads,
                        const Scene& scene) {
    const std::string name(text_at(server, {"tls", "credentialName"}));
    if (name.empty()) return;
    for (const auto* workload : workloads) {
        const auto ns = ns_of(*workload);
        const auto* secret = scene.object("Secret", ns, name);
        if (secret == nullptr) continue;
        const auto has_key = [&](std::string_view key) {
            return !text_at(*secret, {"data", key}).empty() ||
                   !text_at(*secret, {"stringData", key}).empty();
        };
        const bool is_pair =
            (has_key("tls.crt") && has_key("tls.key")) || (has_key("cert") && has_key("key"));
        if (is_pair) continue;
        findings.error(field + ".tls.credentialName",
                       fmt::format("The credential referenced by the Gateway {} in namespace {} is "
                                   "invalid, which can cause the traffic not to work as expected.",
                                   full_name_of(gateway),
                                   ns),
                       "IST0161");
    }
}

}  // namespace

void look_at_gateway(Findings& findings, const Json& object, const Scene& scene) {
    const auto* selector = find(object, {"spec", "selector"});
    const auto workloads = scene.workloads_with(selector, "");
    const auto& labels = object_at(object, {"spec", "selector"});
    look_at_selector(findings, labels, workloads, scene);
    std::set<const Json*> services;
    for (const auto* workload : workloads) {
        for (const auto* service : scene.services_of(*workload)) services.insert(service);
    }
    const auto& servers = array_at(object, {"spec", "servers"});
    for (std::size_t i = 0; i < servers.size(); ++i) {
        const auto field = fmt::format("spec.servers[{}]", i);
        const auto port = integer_at(servers[i], {"port", "number"}).value_or(0);
        const bool is_reached = std::ranges::any_of(
            services, [&](const Json* service) { return is_on_service(port, *service); });
        if (!services.empty() && !is_reached) {
            findings.warn(
                field + ".port",
                fmt::format("The gateway is listening on a target port (port {}) that is not "
                            "defined in the Service associated with its workload instances (Pod "
                            "selector {}). If you need to access the gateway port through the "
                            "gateway Service, it will not be available.",
                            port,
                            selector_text(labels)),
                "IST0162");
        }
        look_at_rivals(findings, field, object, servers[i], scene);
        look_at_credential(findings, field, object, servers[i], workloads, scene);
    }
}

}  // namespace sluice::release
