#include "web/gateways.hpp"

#include "base/core/json.hpp"
#include "base/core/text.hpp"
#include "kube/resource.hpp"
#include "release/mesh_scene.hpp"
#include "web/answer.hpp"
#include "web/nullable.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace sluice::web {
namespace {

using release::selects;

const Json* find_of(const Objects& objects, const kube::ObjectKey& key) {
    const auto found = std::ranges::find_if(
        objects, [&](const auto& object) { return kube::key_of(*object) == key; });
    return found == objects.end() ? nullptr : found->get();
}

// "test/public-gateway" or "public-gateway", as seen from a namespace.
kube::ObjectKey key_named(std::string_view text, const std::string& ns) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return {ns, std::string(text)};
    return {std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
}

struct Traffic {
    double rps = 0;
    double failed = 0;
    std::optional<double> p99;
    bool is_known = false;
};

Traffic traffic_of(const EdgesTable& table, const std::string& id) {
    Traffic traffic;
    // In the order of their sources.
    for (auto edge = table.edges.lower_bound({id, "", "", ""});
         edge != table.edges.end() && edge->first.source == id;
         ++edge) {
        const auto& [key, rates] = *edge;
        if (key.protocol == "tcp") continue;
        traffic.is_known = true;
        traffic.rps += rates.rps;
        traffic.failed += rates.failed;
        // The slowest of the ways behind it.
        if (rates.p99) traffic.p99 = std::max(traffic.p99.value_or(0), *rates.p99);
    }
    return traffic;
}

class Shown {
   public:
    Shown(const GatewayParts& parts, kube::ObjectKey key) : parts_(parts), key_(std::move(key)) {}

    GatewayShown of_mesh_gateway(const Json& object) const {
        const auto type = text_at(object, {"spec", "type"});
        const auto status = text_at(object, {"status", "Status"}, "Unspecified");
        const auto error = text_at(object, {"status", "ErrorMessage"});
        auto json = common();
        json["kind"] = "IstioMeshGateway";
        json["type"] = type == "ingress" || type == "egress" ? type : "unknown";
        json["status"] = status;
        json["error"] = error;
        JsonArray addresses;
        for (const auto& address : array_at(object, {"status", "GatewayAddress"})) {
            if (address.is_string()) addresses.push_back(address);
        }
        json["addresses"] = std::move(addresses);
        const auto plane = text_at(object, {"spec", "istioControlPlane", "name"});
        const auto plane_ns = text_at(object, {"spec", "istioControlPlane", "namespace"});
        if (!plane.empty()) {
            json["controlPlane"] = fmt::format("{}/{}", plane_ns, plane);
            json["revision"] = fmt::format("{}.{}", plane, plane_ns);
        }
        JsonArray reasons;
        std::string_view health = "unknown";
        if (status == "Available") health = "healthy";
        if (status == "ReconcileFailed") health = "failure";
        if (status == "Reconciling" || status == "Created") health = "notReady";
        if (!error.empty()) reasons.emplace_back(error);
        json["health"] = JsonObject{{"status", health}, {"reasons", std::move(reasons)}};
        json["ports"] =
            ports(array_at(object, {"spec", "service", "ports"}), status == "Available");
        return {key_.ns, to_string(key_), std::move(json)};
    }

    GatewayShown of_deployment(const Json& object) const {
        const auto ready = integer_at(object, {"status", "readyReplicas"}).value_or(0);
        const auto desired = integer_at(object, {"spec", "replicas"}).value_or(1);
        const bool is_ready = ready >= desired && desired > 0;
        auto json = common();
        json["kind"] = "Deployment";
        json["type"] = "unknown";
        json["status"] = is_ready ? "Ready" : "NotReady";
        json["error"] = "";
        JsonArray reasons;
        if (!is_ready) reasons.emplace_back(fmt::format("{} of {} pods are ready", ready, desired));
        json["health"] = JsonObject{{"status",
                                     is_ready    ? "healthy"
                                     : ready > 0 ? "degraded"
                                                 : "failure"},
                                    {"reasons", std::move(reasons)}};
        JsonArray addresses;
        const auto* service = find_of(parts_.services, key_);
        if (service != nullptr) {
            for (const auto& entry : array_at(*service, {"status", "loadBalancer", "ingress"})) {
                for (const auto* field : {"ip", "hostname"}) {
                    if (const auto text = text_at(entry, {field}); !text.empty()) {
                        addresses.emplace_back(text);
                    }
                }
            }
        }
        json["addresses"] = std::move(addresses);
        json["ports"] = service == nullptr
                            ? JsonArray{}
                            : ports(array_at(*service, {"spec", "ports"}), std::nullopt);
        return {key_.ns, to_string(key_), std::move(json)};
    }

   private:
    JsonObject common() const {
        const auto id = workload_id(key_.ns, key_.name);
        const auto traffic = traffic_of(parts_.edges, id);
        const auto* service = find_of(parts_.services, key_);
        const auto lab_address =
            service == nullptr
                ? std::string_view{}
                : text_at(*service, {"metadata", "annotations", "sluice.dev/lab-address"});
        std::set<kube::ObjectKey> selected;
        JsonArray gateways = gateways_here(selected);
        const bool is_whole = traffic.is_known && traffic.rps > 0 && traffic.p99;
        return {
            {"namespace", key_.ns},
            {"name", key_.name},
            {"node", id},
            // The annotation names every port.
            {"labAddress", text_json(lab_address.substr(0, lab_address.find(',')))},
            {"controlPlane", nullptr},
            {"revision", nullptr},
            {"gateways", std::move(gateways)},
            {"virtualServices", bound(selected)},
            {"rps", traffic.is_known ? Json(traffic.rps) : Json(nullptr)},
            {"success", traffic.rps > 0 ? Json(1 - traffic.failed / traffic.rps) : Json(nullptr)},
            {"p99", optional_json(traffic.p99)},
            {"reason", is_whole ? Json(nullptr) : Json(parts_.edges.reason)}};
    }

    JsonArray gateways_here(std::set<kube::ObjectKey>& selected) const {
        JsonArray all;
        const auto* deployment = find_of(parts_.deployments, key_);
        if (deployment == nullptr) return all;
        const auto& labels = object_at(*deployment, {"spec", "template", "metadata", "labels"});
        for (const auto& gateway : parts_.gateways) {
            if (!selects(object_at(*gateway, {"spec", "selector"}), labels)) continue;
            const auto key = kube::key_of(*gateway);
            selected.insert(key);
            JsonArray servers;
            for (const auto& server : array_at(*gateway, {"spec", "servers"})) {
                servers.push_back(JsonObject{
                    {"port", integer_at(server, {"port", "number"}).value_or(0)},
                    {"protocol", text_at(server, {"port", "protocol"})},
                    {"hosts", array_at(server, {"hosts"})},
                    {"credentialName", text_json(text_at(server, {"tls", "credentialName"}))}});
            }
            all.push_back(JsonObject{
                {"namespace", key.ns}, {"name", key.name}, {"servers", std::move(servers)}});
        }
        return all;
    }

    JsonArray bound(const std::set<kube::ObjectKey>& selected) const {
        JsonArray all;
        for (const auto& service : parts_.virtual_services) {
            const auto key = kube::key_of(*service);
            const bool is_bound = std::ranges::any_of(
                array_at(*service, {"spec", "gateways"}), [&](const Json& named) {
                    return named.is_string() &&
                           selected.contains(key_named(named.get_string(), key.ns));
                });
            if (is_bound) all.emplace_back(to_string(key));
        }
        return all;
    }

    static JsonArray ports(const JsonArray& from, std::optional<bool> listening) {
        JsonArray all;
        for (const auto& port : from) {
            const auto number = integer_at(port, {"port"}).value_or(0);
            const auto* target = find(port, {"targetPort"});
            all.push_back(JsonObject{{"name", text_at(port, {"name"})},
                                     {"port", number},
                                     {"targetPort", target == nullptr ? Json(number) : *target},
                                     {"listening", optional_json(listening)}});
        }
        return all;
    }

    const GatewayParts& parts_;
    kube::ObjectKey key_;
};

}  // namespace

std::vector<GatewayShown> gateways_of(const GatewayParts& parts) {
    std::vector<GatewayShown> all;
    std::set<kube::ObjectKey> shown;
    for (const auto& object : parts.mesh_gateways) {
        const auto key = kube::key_of(*object);
        shown.insert(key);
        all.push_back(Shown(parts, key).of_mesh_gateway(*object));
    }
    for (const auto& deployment : parts.deployments) {
        const auto key = kube::key_of(*deployment);
        if (shown.contains(key)) continue;
        const auto& labels = object_at(*deployment, {"spec", "template", "metadata", "labels"});
        const bool is_gateway = std::ranges::any_of(parts.gateways, [&](const auto& gateway) {
            return selects(object_at(*gateway, {"spec", "selector"}), labels);
        });
        if (is_gateway) all.push_back(Shown(parts, key).of_deployment(*deployment));
    }
    std::ranges::sort(all, {}, [](const GatewayShown& one) { return std::pair(one.ns, one.key); });
    return all;
}

std::set<std::string> gateway_ids(const Objects& workloads, const GatewaySigns& signs) {
    std::set<kube::ObjectKey> named;
    for (const auto& gateway : signs.mesh_gateways) named.insert(kube::key_of(*gateway));
    std::set<std::string> ids;
    for (const auto& workload : workloads) {
        const auto key = kube::key_of(*workload);
        const auto& labels = object_at(*workload, {"spec", "template", "metadata", "labels"});
        const bool is_gateway =
            named.contains(key) || std::ranges::any_of(signs.gateways, [&](const auto& gateway) {
                return selects(object_at(*gateway, {"spec", "selector"}), labels);
            });
        if (is_gateway) ids.insert(workload_id(key.ns, key.name));
    }
    return ids;
}

std::vector<CertificateNamed> certificates_of(const GatewayShown& gateway) {
    constexpr std::size_t secrets_max = 20;
    std::vector<CertificateNamed> all;
    for (const auto& selected : gateway.json.at("gateways").as_array()) {
        for (const auto& server : array_at(selected, {"servers"})) {
            std::string name(text_at(server, {"credentialName"}));
            if (name.starts_with("kubernetes://")) name.erase(0, 13);
            if (name.empty()) continue;
            const kube::ObjectKey secret{gateway.ns, name};
            auto known = std::ranges::find(all, secret, &CertificateNamed::secret);
            if (known == all.end()) {
                if (all.size() >= secrets_max) continue;
                known = all.insert(all.end(), CertificateNamed{.secret = secret, .hosts = {}});
            }
            for (const auto& host : array_at(server, {"hosts"})) {
                if (host.is_string()) known->hosts.emplace(std::string_view(host.get_string()));
            }
        }
    }
    return all;
}

Result<net::Certificate> certificate_in(const Json& secret) {
    auto text = text_at(secret, {"data", "tls.crt"});
    if (text.empty()) text = text_at(secret, {"data", "cert"});
    if (text.empty()) return Error{ErrorKind::invalid, "it has neither tls.crt nor cert"};
    const auto pem = from_base64(text);
    if (!pem) return Error{ErrorKind::invalid, "its certificate is no base64"};
    return net::read_certificate(*pem);
}

JsonObject certificate_json(const CertificateNamed& named, const Result<net::Certificate>& read) {
    JsonArray hosts;
    for (const auto& host : named.hosts) hosts.emplace_back(host);
    JsonArray names;
    if (read) {
        for (const auto& name : read->names) names.emplace_back(name);
    }
    std::string reason;
    if (!read) {
        const auto secret = to_string(named.secret);
        const auto kind = read.error().kind;
        if (kind == ErrorKind::denied || kind == ErrorKind::unauthorized) {
            reason = fmt::format("You may not read Secret {}", secret);
        } else if (kind == ErrorKind::not_found) {
            reason = fmt::format("Secret {} is not there", secret);
        } else {
            reason = fmt::format("Secret {}: {}", secret, read.error().message);
        }
    }
    return {{"secret", to_string(named.secret)},
            {"hosts", std::move(hosts)},
            {"names", std::move(names)},
            {"notAfter", read ? time_json(read->not_after) : Json(nullptr)},
            {"reason", text_json(reason)}};
}

std::map<std::string, std::string> objects_about(const GatewayShown& gateway) {
    std::map<std::string, std::string> objects;
    for (const auto* kind : {"IstioMeshGateway", "Deployment", "Service"}) {
        objects.emplace(fmt::format("{} {}", kind, gateway.key), gateway.ns);
    }
    for (const auto& selected : gateway.json.at("gateways").as_array()) {
        const auto ns = text_at(selected, {"namespace"});
        objects.emplace(fmt::format("Gateway {}/{}", ns, text_at(selected, {"name"})), ns);
    }
    for (const auto& bound : gateway.json.at("virtualServices").as_array()) {
        const std::string_view key = bound.as_string();
        objects.emplace(fmt::format("VirtualService {}", key), key.substr(0, key.find('/')));
    }
    return objects;
}

}  // namespace sluice::web
