#include "istio/validation.hpp"

#include "istio/checks.hpp"
#include "istio/names.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <set>

namespace sluice::istio {
namespace {

void check_hosts(Faults& faults, const Json& object, bool is_for_mesh) {
    std::vector<std::string_view> seen;
    const auto& hosts = array_at(object, {"spec", "hosts"});
    for (std::size_t i = 0; i < hosts.size(); ++i) {
        if (!hosts[i].is_string()) continue;
        const auto here = faults.within("hosts", i);
        const std::string_view host = hosts[i].get_string();
        if (host == "*" && is_for_mesh) {
            faults.add(
                "wildcard host * is not allowed for virtual services bound to the mesh gateway");
        }
        check_host(faults, host);
        for (const auto& other : seen) {
            if (covers(other, host) || covers(host, other)) {
                faults.add(fmt::format("duplicate hosts in virtual service: {} & {}", other, host));
            }
        }
        seen.push_back(host);
    }
}

void check_delegate(Faults& faults, const Json& object) {
    if (!array_at(object, {"spec", "gateways"}).empty()) {
        faults.add("gateways", "delegate virtual service must have no gateways specified");
    }
    for (const auto field : {"tls", "tcp"}) {
        if (array_at(object, {"spec", field}).empty()) continue;
        faults.add(field,
                   fmt::format("delegate virtual service must have no {} route specified", field));
    }
}

// `names` are those of the ports before.
void check_port(Faults& faults, const Json& server, std::set<std::string>& names) {
    const std::string name(text_at(server, {"port", "name"}));
    if (name.empty()) {
        faults.add("port",
                   fmt::format("port name must be set: {}",
                               integer_at(server, {"port", "number"}).value_or(0)));
    } else if (!names.insert(name).second) {
        faults.add("port.name",
                   fmt::format("port names in servers must be unique: duplicate name {}", name));
    }
    const auto protocol = text_at(server, {"port", "protocol"});
    static const std::set<std::string_view> plain{
        "HTTP", "HTTP2", "GRPC", "GRPC-WEB", "MONGO", "REDIS", "MYSQL", "TCP"};
    const bool is_tls = protocol == "HTTPS" || protocol == "TLS";
    if (!plain.contains(protocol) && !is_tls) {
        faults.add("port.protocol",
                   fmt::format("invalid protocol \"{}\", supported protocols are HTTP, HTTP2, "
                               "GRPC, GRPC-WEB, MONGO, REDIS, MYSQL, TCP",
                               protocol));
    } else if (is_tls && !has(server, "tls")) {
        faults.add("server must have TLS settings for HTTPS/TLS protocols");
    } else if (speaks_http(protocol) && has(server, "tls") &&
               !bool_at(server, {"tls", "httpsRedirect"}).value_or(false)) {
        faults.add("tls", "server cannot have TLS settings for plain text HTTP ports");
    }
}

void check_server(Faults& faults, const Json& server, std::set<std::string>& names) {
    const auto& hosts = array_at(server, {"hosts"});
    if (hosts.empty()) faults.add("hosts", "server config must contain at least one host");
    for (std::size_t i = 0; i < hosts.size(); ++i) {
        if (!hosts[i].is_string()) continue;
        const auto here = faults.within("hosts", i);
        std::string_view host = hosts[i].get_string();
        if (const auto slash = host.find('/'); slash != std::string_view::npos) {
            host.remove_prefix(slash + 1);
        }
        check_host(faults, host);
    }
    if (has(server, "port")) {
        check_port(faults, server, names);
    } else {
        faults.add("port is required");
    }
}

}  // namespace

std::vector<Fault> faults_of_virtual_service(const Json& object) {
    Faults faults;
    const auto& gateways = array_at(object, {"spec", "gateways"});
    bool is_for_mesh = gateways.empty();
    for (std::size_t i = 0; i < gateways.size(); ++i) {
        if (!gateways[i].is_string()) continue;
        const auto here = faults.within("gateways", i);
        is_for_mesh = is_for_mesh || gateways[i].get_string() == "mesh";
        check_gateway_name(faults, gateways[i].get_string());
    }
    const bool is_delegate = array_at(object, {"spec", "hosts"}).empty();
    if (is_delegate) check_delegate(faults, object);
    check_hosts(faults, object, is_for_mesh);
    const auto& routes = array_at(object, {"spec", "http"});
    if (routes.empty() && array_at(object, {"spec", "tls"}).empty() &&
        array_at(object, {"spec", "tcp"}).empty()) {
        faults.add("http, tcp or tls must be provided in virtual service");
    }
    for (std::size_t i = 0; i < routes.size(); ++i) {
        const auto here = faults.within("http", i);
        check_route(faults, routes[i], is_delegate);
    }
    check_connections(faults, object);
    check_export_to(faults, object);
    return faults.take();
}

std::vector<Fault> faults_of_gateway(const Json& object) {
    Faults faults;
    const auto& servers = array_at(object, {"spec", "servers"});
    if (servers.empty()) faults.add("gateway must have at least one server");
    std::set<std::string> names;
    for (std::size_t i = 0; i < servers.size(); ++i) {
        const auto here = faults.within("servers", i);
        check_server(faults, servers[i], names);
    }
    return faults.take();
}

std::string denial(const std::vector<std::string>& texts) {
    std::string text =
        "admission webhook \"rev.validation.istio.io\" denied the request: configuration is "
        "invalid: ";
    if (texts.size() == 1) return text + texts.front();
    text += fmt::format("{} errors occurred:\n", texts.size());
    for (const auto& each : texts) text += fmt::format("\t* {}\n", each);
    return text + "\n";
}

}  // namespace sluice::istio
