// What Istio says of the kinds of a route: redirects, direct responses, faults, CORS, mirrors, and
// connections.
#include "base/core/text.hpp"
#include "istio/checks.hpp"
#include "istio/names.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::istio {
namespace {

constexpr std::size_t body_max = std::size_t{1024} * 1024;

void check_percent(Faults& faults, const Json& holder) {
    if (!has(holder, "percentage")) return;
    const auto percent = number_at(holder, {"percentage", "value"}).value_or(0);
    if (percent == 0 || (percent >= 0.0001 && percent <= 100)) return;
    faults.add("percentage.value",
               fmt::format("percentage {} is neither 0.0, nor in range [0.0001, 100.0]",
                           go_number(percent)));
}

void check_status(Faults& faults, const Json& holder, std::string_view field) {
    const auto status = integer_at(holder, {field});
    if (status && (*status < 200 || *status > 599)) {
        faults.add(field, fmt::format("HTTP status {} is not in range 200-599", *status));
    }
}

// `name` is what Istio calls it.
void check_share(Faults& faults, const Json* percentage, std::string_view name) {
    if (percentage == nullptr) return;
    const auto percent = number_at(*percentage, {"value"}).value_or(0);
    if (percent > 100) {
        faults.add("value",
                   fmt::format("{} must have a max value of 100 (it has {:f})", name, percent));
    }
    if (percent < 0) {
        faults.add("value",
                   fmt::format("{} must have a min value of 0 (it has {:f})", name, percent));
    }
}

void check_server_names(Faults& faults, const Json& match, const std::vector<std::string>& hosts) {
    const auto& names = array_at(match, {"sniHosts"});
    if (names.empty()) faults.add("TLS match must have at least one SNI host");
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (!names[i].is_string()) continue;
        const auto here = faults.within("sniHosts", i);
        const std::string_view name = names[i].get_string();
        check_host(faults, name);
        if (std::ranges::any_of(hosts, [&](const std::string& host) { return covers(host, name); }))
            continue;
        faults.add(
            fmt::format("SNI host \"{}\" is not a compatible subset of any of the virtual service "
                        "hosts: [{}]",
                        name,
                        joined(hosts, " ")));
    }
}

}  // namespace

void check_redirect(Faults& faults, const Json& route) {
    const auto* redirect = find(route, {"redirect"});
    if (redirect == nullptr || !redirect->is_object()) return;
    const auto here = faults.within("redirect");
    const auto says = [&](std::string_view field) { return !text_at(*redirect, {field}).empty(); };
    const bool has_port = integer_at(*redirect, {"port"}).value_or(0) != 0 || says("derivePort");
    if (!says("uri") && !says("prefixRewrite") && !says("authority") && !says("scheme") &&
        !has_port) {
        faults.add("redirect must specify URI, authority, scheme, or port");
    }
    if (says("uri") && says("prefixRewrite")) {
        faults.add("redirect may only specify one of uri or prefix_rewrite");
    }
    if (const auto code = integer_at(*redirect, {"redirectCode"}).value_or(0);
        code != 0 && (code < 300 || code > 399)) {
        faults.add("redirectCode",
                   fmt::format("{} is not a valid redirect code, must be 3xx", code));
    }
    if (const auto scheme = text_at(*redirect, {"scheme"});
        !scheme.empty() && scheme != "http" && scheme != "https") {
        faults.add("scheme", "invalid redirect scheme, must be \"http\" or \"https\"");
    }
}

void check_direct_response(Faults& faults, const Json& route) {
    const auto* direct = find(route, {"directResponse"});
    if (direct == nullptr || !direct->is_object()) return;
    const auto here = faults.within("directResponse");
    if (!integer_at(*direct, {"status"})) faults.add("HTTP status 0 is not in range 200-599");
    check_status(faults, *direct, "status");
    if (text_at(*direct, {"body", "string"}).size() > body_max ||
        text_at(*direct, {"body", "bytes"}).size() > body_max / 3 * 4) {
        faults.add("body", "direct response body is larger than 1MB");
    }
    if (!from_base64(text_at(*direct, {"body", "bytes"}))) {
        faults.add("body.bytes", "direct response body is no base64");
    }
}

void check_fault(Faults& faults, const Json& route) {
    const auto* fault = find(route, {"fault"});
    if (fault == nullptr || !fault->is_object()) return;
    const auto here = faults.within("fault");
    if (!has(*fault, "abort") && !has(*fault, "delay")) {
        faults.add("HTTP fault injection must have an abort and/or a delay");
    }
    if (const auto* abort = find(*fault, {"abort"})) {
        const auto below = faults.within("abort");
        check_percent(faults, *abort);
        check_status(faults, *abort, "httpStatus");
        if (const auto status = text_at(*abort, {"grpcStatus"});
            !status.empty() && !grpc_code_named(status)) {
            faults.add("grpcStatus", fmt::format("gRPC status \"{}\" is not supported", status));
        }
    }
    if (const auto* delay = find(*fault, {"delay"})) {
        const auto below = faults.within("delay");
        check_percent(faults, *delay);
        check_duration(faults, *delay, {"fixedDelay"});
    }
}

void check_cors(Faults& faults, const Json& route) {
    const auto here = faults.within("corsPolicy");
    const auto& origins = array_at(route, {"corsPolicy", "allowOrigins"});
    for (std::size_t i = 0; i < origins.size(); ++i) {
        const auto below = faults.within("allowOrigins", i);
        check_text_match(faults, origins[i], "allowOrigins");
    }
    check_duration(faults, object_at(route, {"corsPolicy"}), {"maxAge"});
}

void check_mirrors(Faults& faults, const Json& route) {
    const auto& mirrors = array_at(route, {"mirrors"});
    if (has(route, "mirror") && !mirrors.empty()) {
        faults.add("mirrors", "HTTP route cannot contain both mirror and mirrors");
    }
    if (has(route, "mirror")) {
        const auto here = faults.within("mirror");
        check_destination(faults, find(route, {"mirror"}));
    }
    {
        const auto here = faults.within("mirrorPercentage");
        check_share(faults, find(route, {"mirrorPercentage"}), "mirror_percentage");
    }
    for (std::size_t i = 0; i < mirrors.size(); ++i) {
        const auto here = faults.within("mirrors", i);
        {
            const auto below = faults.within("destination");
            check_destination(faults, find(mirrors[i], {"destination"}));
        }
        const auto below = faults.within("percentage");
        check_share(faults, find(mirrors[i], {"percentage"}), "mirror percentage");
    }
}

void check_connections(Faults& faults, const Json& object) {
    const auto& tcp = array_at(object, {"spec", "tcp"});
    for (std::size_t i = 0; i < tcp.size(); ++i) {
        const auto here = faults.within("tcp", i);
        const auto& destinations = array_at(tcp[i], {"route"});
        if (destinations.empty()) faults.add("TCP route is required");
        check_weights(faults, destinations);
    }
    std::vector<std::string> hosts;
    for (const auto& host : array_at(object, {"spec", "hosts"})) {
        if (host.is_string()) hosts.emplace_back(host.get_string());
    }
    const auto& tls = array_at(object, {"spec", "tls"});
    for (std::size_t i = 0; i < tls.size(); ++i) {
        const auto here = faults.within("tls", i);
        const auto& destinations = array_at(tls[i], {"route"});
        const auto& matches = array_at(tls[i], {"match"});
        if (destinations.empty()) faults.add("TLS route is required");
        if (matches.empty()) faults.add("TLS route must have at least one match condition");
        for (std::size_t m = 0; m < matches.size(); ++m) {
            const auto below = faults.within("match", m);
            check_server_names(faults, matches[m], hosts);
        }
        check_weights(faults, destinations);
    }
}

}  // namespace sluice::istio
