#include "lab/mesh/validation.hpp"

#include "base/core/duration.hpp"
#include "base/core/text.hpp"
#include "lab/mesh/checks.hpp"
#include "lab/mesh/names.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <set>

namespace sluice::mesh {

void not_built(Faults& faults, std::string_view path, std::string_view what) {
    faults.push_back(fmt::format("{}: {} is not built yet", path, what));
}

bool has(const Json& value, std::string_view field) {
    const auto* found = find(value, {field});
    return found != nullptr && !found->is_null();
}

bool is_dns_label(std::string_view label) {
    const auto is_inner = [](char c) {
        return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
    };
    return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
           std::all_of(label.begin(), label.end(), is_inner);
}

void check_host(Faults& faults, std::string_view host) {
    if (host == "*" || parse_ipv4(host) || host.find(':') != std::string_view::npos) return;
    auto name = host;
    if (name.starts_with("*.")) name.remove_prefix(2);
    if (name.ends_with('.')) name.remove_suffix(1);
    for (const auto label : split(name, '.')) {
        if (is_dns_label(label)) continue;
        faults.push_back(
            fmt::format("domain name \"{}\" invalid (label \"{}\" invalid)", host, label));
        return;
    }
}

void check_duration(Faults& faults, const Json& value, JsonPath path) {
    const auto* found = find(value, path);
    if (found == nullptr || !found->is_string()) return;
    const auto duration = parse_duration(found->get_string());
    if (!duration) {
        faults.push_back(
            fmt::format("cannot decode configuration: bad Duration: time: invalid "
                        "duration \"{}\"",
                        std::string_view(found->get_string())));
    } else if (*duration < std::chrono::milliseconds{1}) {
        faults.emplace_back("duration must be greater than 1ms");
    } else if (*duration % std::chrono::milliseconds{1} != Duration::zero()) {
        faults.emplace_back("only durations to ms precision are supported");
    }
}

void check_text_match(Faults& faults, const Json& match, std::string_view where) {
    const auto* prefix = find(match, {"prefix"});
    if (prefix != nullptr && where != "uri" && prefix->is_string() && prefix->get_string().empty())
        faults.push_back(fmt::format("\"{}\": prefix string match should not be empty", where));
    const auto* regex = find(match, {"regex"});
    if (regex == nullptr || !regex->is_string()) return;
    const std::string_view text = regex->get_string();
    if (text.empty()) {
        faults.push_back(fmt::format("\"{}\": regex string match should not be empty", where));
    } else if (text.size() > 1024) {
        faults.push_back(
            fmt::format("\"{}\": regex is too large, max length allowed is 1024", where));
    } else if (text != "*") {
        re2::RE2::Options options;
        options.set_log_errors(false);
        const re2::RE2 compiled(re2::StringPiece(text.data(), text.size()), options);
        if (!compiled.ok())
            faults.push_back(fmt::format("\"{}\": invalid regex: {}", where, compiled.error()));
    }
}

void check_destination(Faults& faults, const Json* destination) {
    const auto host = destination == nullptr ? std::string_view() : text_at(*destination, {"host"});
    if (host.empty()) {
        faults.emplace_back("destination is required");
        return;
    }
    if (host == "*") {
        faults.emplace_back("invalid destination host *");
    } else {
        check_host(faults, host);
    }
    const auto subset = text_at(*destination, {"subset"});
    if (!subset.empty() && !is_dns_label(subset))
        faults.push_back(fmt::format("subset name is invalid: {}", subset));
}

void check_weights(Faults& faults, const JsonArray& destinations) {
    std::int64_t total = 0;
    bool has_negative = false;
    for (const auto& entry : destinations) {
        if (entry.is_null()) {
            faults.emplace_back("weight may not be nil");
            continue;
        }
        check_destination(faults, find(entry, {"destination"}));
        const auto weight = integer_at(entry, {"weight"}).value_or(0);
        if (weight < 0) {
            has_negative = true;
            faults.push_back(fmt::format("weight {} < 0", weight));
        }
        total += weight;
    }
    if (destinations.size() > 1 && total == 0 && !has_negative)
        faults.emplace_back("total destination weight = 0");
}

namespace {

void check_export_to(Faults& faults, const Json& object) {
    std::set<std::string> seen;
    for (const auto& entry : array_at(object, {"spec", "exportTo"})) {
        if (!entry.is_string()) continue;
        const std::string text(entry.get_string());
        if (!seen.insert(text).second)
            faults.push_back(fmt::format("duplicate entries in exportTo for entry {}", text));
    }
    if (seen.contains("*") && seen.size() > 1)
        faults.emplace_back(
            "cannot have both public (*) and non-public exportTo values for a resource");
}

void check_gateway_name(Faults& faults, std::string_view name) {
    const auto slash = name.find('/');
    if (slash == std::string_view::npos) {
        if (name == "mesh") return;
        for (const auto label : split(name, '.')) {
            if (!is_dns_label(label)) {
                faults.push_back(fmt::format("invalid value for gateway name: \"{}\"", name));
                return;
            }
        }
        return;
    }
    const auto ns = name.substr(0, slash), gateway = name.substr(slash + 1);
    if (ns.empty() || gateway.empty()) {
        faults.emplace_back("config namespace and gateway name cannot be empty");
        return;
    }
    if (ns != "." && !is_dns_label(ns))
        faults.push_back(fmt::format("invalid value for namespace: \"{}\"", ns));
    if (!is_dns_label(gateway))
        faults.push_back(fmt::format("invalid value for gateway name: \"{}\"", gateway));
}

bool is_header_name(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               std::string_view("-_.@!#$%&'*+^`|~").find(c) != std::string_view::npos;
    });
}

void check_match(Faults& faults, const Json& match) {
    for (const auto field : {"uri", "scheme", "method", "authority"}) {
        if (has(match, field)) check_text_match(faults, *find(match, {field}), field);
    }
    for (const auto field : {"headers", "withoutHeaders", "queryParams"}) {
        for (const auto& [name, value] : object_at(match, {field})) {
            if (value.is_null())
                faults.push_back(
                    fmt::format("header match {} cannot be null", std::string_view(name)));
            else
                check_text_match(faults, value, field);
            if (std::string_view(field) != "queryParams" && !is_header_name(name))
                faults.push_back(fmt::format("header name {} is not a valid header name",
                                             std::string_view(name)));
        }
    }
    for (const auto& gateway : array_at(match, {"gateways"})) {
        if (gateway.is_string()) check_gateway_name(faults, gateway.get_string());
    }
}

void check_authority(Faults& faults, std::string& have, std::string_view another) {
    if (another.empty()) return;
    if (!have.empty()) {
        faults.push_back(fmt::format(
            "authority header cannot be set multiple times: have \"{}\", attempting to set \"{}\"",
            have,
            another));
    }
    have = another;
}

// `authority` is what has set the Host so far on this way of a request.
void check_headers(Faults& faults, const Json& value, std::string& authority) {
    for (const auto direction : {"request", "response"}) {
        for (const auto operation : {"set", "add"}) {
            for (const auto& [name, text] : object_at(value, {"headers", direction, operation})) {
                const bool is_host = equals_ignoring_case(name, "host") || name == ":authority";
                if (is_host && std::string_view(direction) == "request") {
                    check_authority(faults,
                                    authority,
                                    text.is_string() ? std::string_view(text.get_string())
                                                     : std::string_view());
                } else if (is_host) {
                    faults.push_back(fmt::format("invalid header \"{}\": cannot set Host header",
                                                 std::string_view(name)));
                } else if (name.starts_with(':')) {
                    faults.push_back(
                        fmt::format("invalid header \"{}\": header cannot have \":\" prefix",
                                    std::string_view(name)));
                }
            }
        }
    }
}

void check_retries(Faults& faults, const Json& route) {
    const auto* retries = find(route, {"retries"});
    if (retries == nullptr || !retries->is_object()) return;
    const auto attempts = integer_at(*retries, {"attempts"}).value_or(0);
    if (attempts < 0) faults.emplace_back("attempts cannot be negative");
    if (attempts == 0 && (has(*retries, "perTryTimeout") || has(*retries, "retryOn")))
        faults.emplace_back("http retry policy configured when attempts are set to 0 (disabled)");
    check_duration(faults, *retries, {"perTryTimeout"});
    check_duration(faults, *retries, {"backoff"});
    static const std::set<std::string_view> known{"5xx",
                                                  "gateway-error",
                                                  "reset",
                                                  "reset-before-request",
                                                  "connect-failure",
                                                  "retriable-4xx",
                                                  "refused-stream",
                                                  "retriable-status-codes",
                                                  "retriable-headers",
                                                  "envoy-ratelimited",
                                                  "http3-post-connect-failure",
                                                  "cancelled",
                                                  "deadline-exceeded",
                                                  "internal",
                                                  "resource-exhausted",
                                                  "unavailable"};
    const auto conditions = text_at(*retries, {"retryOn"});
    if (conditions.empty()) return;
    for (const auto token : split(conditions, ',')) {
        const auto code = parse_integer(token);
        if (known.contains(token) || (code && *code >= 100 && *code < 600)) continue;
        faults.push_back(fmt::format("\"{}\" is not a valid retryOn policy", token));
    }
}

void check_rewrite(Faults& faults, const Json& route, std::string& authority) {
    const auto* rewrite = find(route, {"rewrite"});
    if (rewrite == nullptr || !rewrite->is_object()) return;
    const bool has_uri = !text_at(*rewrite, {"uri"}).empty();
    const bool has_regex = has(*rewrite, "uriRegexRewrite");
    check_authority(faults, authority, text_at(*rewrite, {"authority"}));
    if (has_uri && has_regex)
        faults.emplace_back("rewrite may only contain one of URI or UriRegexRewrite");
    if (!has_uri && !has_regex && text_at(*rewrite, {"authority"}).empty())
        faults.emplace_back(
            "rewrite must specify at least one of URI, UriRegexRewrite, or authority. Only one of "
            "URI "
            "or UriRegexRewrite may be specified");
}

void check_route(Faults& faults, const Json& route, bool is_delegate) {
    check_kinds_of_route(faults, route, is_delegate);
    for (const auto& match : array_at(route, {"match"})) check_match(faults, match);
    std::string authority;
    check_rewrite(faults, route, authority);
    check_headers(faults, route, authority);
    const auto& destinations = array_at(route, {"route"});
    check_weights(faults, destinations);
    for (const auto& entry : destinations) {
        auto own = authority;
        check_headers(faults, entry, own);
    }
    check_mirrors(faults, route);
    check_duration(faults, route, {"timeout"});
    check_retries(faults, route);
    check_redirect(faults, route);
    check_direct_response(faults, route);
    check_fault(faults, route);
    check_cors(faults, route);
}

void check_hosts(Faults& faults, const Json& object, bool is_for_mesh) {
    std::vector<std::string_view> hosts;
    for (const auto& entry : array_at(object, {"spec", "hosts"})) {
        if (!entry.is_string()) continue;
        const std::string_view host = entry.get_string();
        if (host == "*" && is_for_mesh)
            faults.emplace_back(
                "wildcard host * is not allowed for virtual services bound to the mesh gateway");
        check_host(faults, host);
        for (const auto& other : hosts) {
            if (covers(other, host) || covers(host, other))
                faults.push_back(
                    fmt::format("duplicate hosts in virtual service: {} & {}", other, host));
        }
        hosts.push_back(host);
    }
}

void check_policy(Faults& faults, const Json& holder, std::string_view path) {
    const auto* policy = find(holder, {"trafficPolicy"});
    if (policy != nullptr && policy->is_object()) check_traffic_policy(faults, *policy, path);
}

void check_server(Faults& faults,
                  const Json& server,
                  std::size_t index,
                  std::set<std::string>& names) {
    if (array_at(server, {"hosts"}).empty())
        faults.emplace_back("server config must contain at least one host");
    for (const auto& entry : array_at(server, {"hosts"})) {
        if (!entry.is_string()) continue;
        std::string_view host = entry.get_string();
        if (const auto slash = host.find('/'); slash != std::string_view::npos)
            host.remove_prefix(slash + 1);
        check_host(faults, host);
    }
    if (!has(server, "port")) {
        faults.emplace_back("port is required");
        return;
    }
    const auto name = std::string(text_at(server, {"port", "name"}));
    const auto number = integer_at(server, {"port", "number"}).value_or(0);
    if (name.empty()) faults.push_back(fmt::format("port name must be set: {}", number));
    if (!name.empty() && !names.insert(name).second)
        faults.push_back(
            fmt::format("port names in servers must be unique: duplicate name {}", name));

    const auto protocol = std::string(text_at(server, {"port", "protocol"}));
    static const std::set<std::string_view> plain{
        "HTTP", "HTTP2", "GRPC", "GRPC-WEB", "MONGO", "REDIS", "MYSQL", "TCP"};
    const bool is_http =
        protocol == "HTTP" || protocol == "HTTP2" || protocol == "GRPC" || protocol == "GRPC-WEB";
    const bool is_tls = protocol == "HTTPS" || protocol == "TLS";
    if (!plain.contains(protocol) && !is_tls) {
        faults.push_back(
            fmt::format("invalid protocol \"{}\", supported protocols are HTTP, HTTP2, "
                        "GRPC, GRPC-WEB, MONGO, REDIS, MYSQL, TCP",
                        protocol));
        return;
    }
    if (is_tls && !has(server, "tls"))
        faults.emplace_back("server must have TLS settings for HTTPS/TLS protocols");
    if (is_http && has(server, "tls") && !bool_at(server, {"tls", "httpsRedirect"}).value_or(false))
        faults.emplace_back("server cannot have TLS settings for plain text HTTP ports");
    const bool passes_through =
        protocol == "TLS" && text_at(server, {"tls", "mode"}) == "PASSTHROUGH";
    if (has(server, "tls") && !passes_through)
        not_built(faults, fmt::format("spec.servers[{}].tls", index), "tls");
    if (protocol != "HTTP" && protocol != "TCP" && !passes_through)
        not_built(faults, fmt::format("spec.servers[{}].port.protocol", index), protocol);
}

}  // namespace

std::vector<std::string> faults_of_virtual_service(const Json& object) {
    Faults faults;
    const auto& gateways = array_at(object, {"spec", "gateways"});
    bool is_for_mesh = gateways.empty();
    for (const auto& gateway : gateways) {
        if (!gateway.is_string()) continue;
        is_for_mesh = is_for_mesh || gateway.get_string() == "mesh";
        check_gateway_name(faults, gateway.get_string());
    }
    const bool is_delegate = array_at(object, {"spec", "hosts"}).empty();
    if (is_delegate) {
        if (!gateways.empty())
            faults.emplace_back("delegate virtual service must have no gateways specified");
        for (const auto field : {"tls", "tcp"}) {
            if (!array_at(object, {"spec", field}).empty())
                faults.push_back(
                    fmt::format("delegate virtual service must have no {} route specified", field));
        }
    }
    check_hosts(faults, object, is_for_mesh);
    const auto& routes = array_at(object, {"spec", "http"});
    if (routes.empty() && array_at(object, {"spec", "tls"}).empty() &&
        array_at(object, {"spec", "tcp"}).empty())
        faults.emplace_back("http, tcp or tls must be provided in virtual service");
    for (const auto& route : routes) check_route(faults, route, is_delegate);
    check_connections(faults, object);
    check_export_to(faults, object);
    return faults;
}

std::vector<std::string> faults_of_destination_rule(const Json& object) {
    Faults faults;
    check_host(faults, text_at(object, {"spec", "host"}));
    check_policy(faults, object_at(object, {"spec"}), "spec.trafficPolicy");
    if (find(object, {"spec", "workloadSelector"}) != nullptr)
        not_built(faults, "spec.workloadSelector", "workloadSelector");
    std::set<std::string> names;
    std::size_t index = 0;
    for (const auto& subset : array_at(object, {"spec", "subsets"})) {
        const auto name = std::string(text_at(subset, {"name"}));
        if (!names.insert(name).second)
            faults.push_back(fmt::format("duplicate subset names: {}", name));
        if (!is_dns_label(name)) faults.push_back(fmt::format("subset name is invalid: {}", name));
        check_policy(faults, subset, fmt::format("spec.subsets[{}].trafficPolicy", index++));
    }
    check_export_to(faults, object);
    return faults;
}

std::vector<std::string> faults_of_gateway(const Json& object) {
    Faults faults;
    const auto& servers = array_at(object, {"spec", "servers"});
    if (servers.empty()) faults.emplace_back("gateway must have at least one server");
    std::set<std::string> names;
    for (std::size_t i = 0; i < servers.size(); ++i) check_server(faults, servers[i], i, names);
    return faults;
}

std::vector<std::string> faults_of_mesh_gateway(const Json& object) {
    constexpr std::string_view external =
        "meshgateway.istio.servicemesh.cisco.com/generate-external-service";
    Faults faults;
    if (!array_at(object, {"spec", "k8sResourceOverlays"}).empty())
        not_built(faults, "spec.k8sResourceOverlays", "changing what the operator makes");
    if (text_at(object, {"metadata", "annotations", external}) == "true") {
        not_built(faults, fmt::format("metadata.annotations[{}]", external), "an external Service");
    }
    return faults;
}

std::string denial(const std::vector<std::string>& faults) {
    std::string text =
        "admission webhook \"rev.validation.istio.io\" denied the request: configuration is "
        "invalid: ";
    if (faults.size() == 1) return text + faults.front();
    text += fmt::format("{} errors occurred:\n", faults.size());
    for (const auto& fault : faults) text += fmt::format("\t* {}\n", fault);
    return text + "\n";
}

}  // namespace sluice::mesh
