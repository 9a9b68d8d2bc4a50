// What Istio says of the kinds of a route: redirects, direct responses, faults, mirrors, delegates,
// and connections.
#include "base/core/duration.hpp"
#include "base/core/text.hpp"
#include "lab/mesh/checks.hpp"
#include "lab/mesh/fault.hpp"
#include "lab/mesh/names.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::mesh {

namespace {

constexpr std::size_t body_max = std::size_t{1024} * 1024;

void check_percent(Faults& faults, const Json* percentage) {
    if (percentage == nullptr || percentage->is_null()) return;
    const auto percent = number_at(*percentage, {"value"}).value_or(0);
    if (percent != 0 && (percent < 0.0001 || percent > 100))
        faults.push_back(fmt::format("percentage {} is neither 0.0, nor in range [0.0001, 100.0]",
                                     go_number(percent)));
}

void check_status(Faults& faults, const Json& holder, std::string_view field) {
    const auto status = integer_at(holder, {field});
    if (status && (*status < 200 || *status > 599))
        faults.push_back(fmt::format("HTTP status {} is not in range 200-599", *status));
}

}  // namespace

void check_kinds_of_route(Faults& faults, const Json& route, bool is_delegate) {
    const bool has_route = !array_at(route, {"route"}).empty();
    const bool has_redirect = has(route, "redirect"), hands_on = has(route, "delegate");
    if (is_delegate && hands_on) faults.emplace_back("delegate HTTP route cannot contain delegate");
    if (hands_on && !is_delegate) {
        const auto name = text_at(route, {"name"});
        for (const auto field : {"redirect", "route"}) {
            if (has(route, field))
                faults.push_back(
                    fmt::format("root HTTP route {} must not specify {}", name, field));
        }
        return;
    }
    if (!has_route && !has_redirect && !has(route, "directResponse") && !hands_on)
        faults.emplace_back("HTTP route, redirect or direct_response is required");
    if (has_route && has_redirect)
        faults.emplace_back("HTTP route cannot contain both route and redirect");
    if (has(route, "fault") && has_redirect)
        faults.emplace_back("HTTP route cannot contain both fault and redirect");
    if (has(route, "rewrite") && has_redirect)
        faults.emplace_back("HTTP route rule cannot contain both rewrite and redirect");
    if (has_route && has(route, "directResponse"))
        faults.emplace_back("HTTP route cannot contain both route and direct_response");
}

void check_redirect(Faults& faults, const Json& route) {
    const auto* redirect = find(route, {"redirect"});
    if (redirect == nullptr || !redirect->is_object()) return;
    const auto says = [&](std::string_view field) { return !text_at(*redirect, {field}).empty(); };
    const bool has_port = integer_at(*redirect, {"port"}).value_or(0) != 0 || says("derivePort");
    if (!says("uri") && !says("prefixRewrite") && !says("authority") && !says("scheme") &&
        !has_port)
        faults.emplace_back("redirect must specify URI, authority, scheme, or port");
    if (says("uri") && says("prefixRewrite"))
        faults.emplace_back("redirect may only specify one of uri or prefix_rewrite");
    if (const auto code = integer_at(*redirect, {"redirectCode"}).value_or(0);
        code != 0 && (code < 300 || code > 399))
        faults.push_back(fmt::format("{} is not a valid redirect code, must be 3xx", code));
    if (const auto scheme = text_at(*redirect, {"scheme"});
        !scheme.empty() && scheme != "http" && scheme != "https")
        faults.emplace_back("invalid redirect scheme, must be \"http\" or \"https\"");
}

void check_direct_response(Faults& faults, const Json& route) {
    const auto* direct = find(route, {"directResponse"});
    if (direct == nullptr || !direct->is_object()) return;
    if (!integer_at(*direct, {"status"}))
        faults.emplace_back("HTTP status 0 is not in range 200-599");
    check_status(faults, *direct, "status");
    if (text_at(*direct, {"body", "string"}).size() > body_max ||
        text_at(*direct, {"body", "bytes"}).size() > body_max / 3 * 4)
        faults.emplace_back("direct response body is larger than 1MB");
    if (const auto bytes = text_at(*direct, {"body", "bytes"}); !from_base64(bytes))
        faults.emplace_back("direct response body is no base64");
}

void check_fault(Faults& faults, const Json& route) {
    const auto* fault = find(route, {"fault"});
    if (fault == nullptr || !fault->is_object()) return;
    if (!has(*fault, "abort") && !has(*fault, "delay"))
        faults.emplace_back("HTTP fault injection must have an abort and/or a delay");
    check_percent(faults, find(*fault, {"abort", "percentage"}));
    check_status(faults, object_at(*fault, {"abort"}), "httpStatus");
    if (const auto status = text_at(*fault, {"abort", "grpcStatus"});
        !status.empty() && !grpc_code_named(status))
        faults.push_back(fmt::format("gRPC status \"{}\" is not supported", status));
    check_percent(faults, find(*fault, {"delay", "percentage"}));
    check_duration(faults, *fault, {"delay", "fixedDelay"});
}

void check_cors(Faults& faults, const Json& route) {
    for (const auto& origin : array_at(route, {"corsPolicy", "allowOrigins"}))
        check_text_match(faults, origin, "allowOrigins");
    check_duration(faults, route, {"corsPolicy", "maxAge"});
}

void check_mirrors(Faults& faults, const Json& route) {
    const auto check_share = [&](const Json* percentage, std::string_view name) {
        if (percentage == nullptr) return;
        const auto percent = number_at(*percentage, {"value"}).value_or(0);
        if (percent > 100)
            faults.push_back(
                fmt::format("{} must have a max value of 100 (it has {:f})", name, percent));
        if (percent < 0)
            faults.push_back(
                fmt::format("{} must have a min value of 0 (it has {:f})", name, percent));
    };
    const auto& mirrors = array_at(route, {"mirrors"});
    if (has(route, "mirror") && !mirrors.empty())
        faults.emplace_back("HTTP route cannot contain both mirror and mirrors");
    if (has(route, "mirror")) check_destination(faults, find(route, {"mirror"}));
    check_share(find(route, {"mirrorPercentage"}), "mirror_percentage");
    for (const auto& mirror : mirrors) {
        check_destination(faults, find(mirror, {"destination"}));
        check_share(find(mirror, {"percentage"}), "mirror percentage");
    }
}

void check_connections(Faults& faults, const Json& object) {
    for (const auto& route : array_at(object, {"spec", "tcp"})) {
        if (array_at(route, {"route"}).empty()) faults.emplace_back("TCP route is required");
        check_weights(faults, array_at(route, {"route"}));
    }
    std::vector<std::string> hosts;
    for (const auto& host : array_at(object, {"spec", "hosts"})) {
        if (host.is_string()) hosts.emplace_back(host.get_string());
    }
    for (const auto& route : array_at(object, {"spec", "tls"})) {
        if (array_at(route, {"route"}).empty()) faults.emplace_back("TLS route is required");
        if (array_at(route, {"match"}).empty())
            faults.emplace_back("TLS route must have at least one match condition");
        for (const auto& match : array_at(route, {"match"})) {
            if (array_at(match, {"sniHosts"}).empty())
                faults.emplace_back("TLS match must have at least one SNI host");
            for (const auto& sni : array_at(match, {"sniHosts"})) {
                if (!sni.is_string()) continue;
                const std::string_view name = sni.get_string();
                check_host(faults, name);
                if (std::none_of(hosts.begin(), hosts.end(), [&](const std::string& host) {
                        return covers(host, name);
                    }))
                    faults.push_back(
                        fmt::format("SNI host \"{}\" is not a compatible subset of any of the "
                                    "virtual service hosts: [{}]",
                                    name,
                                    joined(hosts, " ")));
            }
        }
        check_weights(faults, array_at(route, {"route"}));
    }
}

}  // namespace sluice::mesh
