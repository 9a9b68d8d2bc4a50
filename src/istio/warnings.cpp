// What Istio admits and warns of.
#include "base/core/text.hpp"
#include "istio/checks.hpp"
#include "istio/names.hpp"
#include "istio/validation.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <optional>

namespace sluice::istio {
namespace {

// Each match is compared with each; more than this nobody writes by hand.
constexpr std::size_t compared_max = 300;
constexpr std::size_t body_large = std::size_t{100} * 1024;

// "name" in quotes, or #index.
std::string called(const Json& named, std::size_t index) {
    const auto name = text_at(named, {"name"});
    return name.empty() ? fmt::format("#{}", index) : fmt::format("\"{}\"", name);
}

Json without_name(const Json& match) {
    auto plain = match;
    drop(plain, {"name"});
    drop(plain, {"statPrefix"});
    return plain;
}

// Whatever the later match lets through, the earlier one has taken.
bool is_taken(const Json& earlier, const Json& later) {
    const auto taken = without_name(earlier), wanted = without_name(later);
    if (canonical_text(taken) == canonical_text(wanted)) return true;
    const auto prefix = text_at(taken, {"uri", "prefix"});
    if (prefix.empty() || taken.as_object().size() != 1) return false;
    for (const auto kind : {"prefix", "exact"}) {
        const auto* text = find(wanted, {"uri", kind});
        if (text != nullptr && text->is_string()) return text->get_string().starts_with(prefix);
    }
    return false;
}

// The rule before this one that has taken the match.
std::optional<std::size_t> taker_of(const Json& match, const JsonArray& routes, std::size_t rule) {
    if (!match.is_object()) return std::nullopt;
    for (std::size_t i = 0; i < rule; ++i) {
        for (const auto& earlier : array_at(routes[i], {"match"})) {
            if (earlier.is_object() && is_taken(earlier, match)) return i;
        }
    }
    return std::nullopt;
}

void warn_of_unreachable(Faults& warnings, const JsonArray& routes) {
    std::size_t count = 0;
    for (const auto& route : routes) count += array_at(route, {"match"}).size();
    if (count > compared_max) return;
    bool has_catch_all = false;
    for (std::size_t i = 0; i < routes.size(); ++i) {
        const auto here = warnings.within("http", i);
        const auto rule = called(routes[i], i);
        const auto unused = [&](std::string_view why) {
            warnings.add(fmt::format("virtualService rule {} not used ({})", rule, why));
        };
        if (has_catch_all) {
            unused("route without matches defined before");
            continue;
        }
        const auto& matches = array_at(routes[i], {"match"});
        if (matches.empty()) {
            if (i + 1 < routes.size()) unused("only the last rule can have no matches");
            has_catch_all = true;
            continue;
        }
        std::size_t taken = 0;
        for (std::size_t m = 0; m < matches.size(); ++m) {
            const auto by = taker_of(matches[m], routes, i);
            if (!by) continue;
            ++taken;
            const auto below = warnings.within("match", m);
            warnings.add(
                fmt::format("virtualService rule {} match {} is not used "
                            "(duplicate/overlapping match in rule {})",
                            rule,
                            called(matches[m], m),
                            called(routes[*by], *by)));
        }
        if (taken == matches.size()) unused("all matches used by prior rules");
    }
}

void warn_of_route(Faults& warnings, const Json& route) {
    for (const auto field : {"mirrorPercent", "mirror_percent"}) {
        if (!has(route, field)) continue;
        warnings.add(
            field, "using deprecated setting \"mirrorPercent\", use \"mirrorPercentage\" instead");
    }
    const auto* abort = find(route, {"fault", "abort"});
    if (abort != nullptr && abort->is_object() && !has(*abort, "httpStatus") &&
        !has(*abort, "grpcStatus") && !has(*abort, "http2Error")) {
        warnings.add("fault.abort", "abort configured, but error type not set");
    }
    if (text_at(route, {"directResponse", "body", "string"}).size() > body_large ||
        text_at(route, {"directResponse", "body", "bytes"}).size() > body_large / 3 * 4) {
        warnings.add("directResponse.body", "large direct responses slow every proxy");
    }
}

void warn_of_outliers(Faults& warnings, const Json& policy) {
    if (find(policy, {"outlierDetection", "consecutiveErrors"}) != nullptr) {
        warnings.add(
            "outlierDetection.consecutiveErrors",
            "outlier detection consecutive errors is deprecated, use consecutiveGatewayErrors or "
            "consecutive5xxErrors instead");
    }
    const auto& ports = array_at(policy, {"portLevelSettings"});
    for (std::size_t i = 0; i < ports.size(); ++i) {
        const auto here = warnings.within("portLevelSettings", i);
        warn_of_outliers(warnings, ports[i]);
    }
}

void warn_of_policy(Faults& warnings, const Json& holder) {
    const auto here = warnings.within("trafficPolicy");
    warn_of_outliers(warnings, object_at(holder, {"trafficPolicy"}));
}

}  // namespace

std::vector<Fault> warnings_of_virtual_service(const Json& object) {
    Faults warnings;
    const auto ns = text_at(object, {"metadata", "namespace"});
    const auto& gateways = array_at(object, {"spec", "gateways"});
    for (std::size_t i = 0; i < gateways.size(); ++i) {
        if (!gateways[i].is_string()) continue;
        const std::string_view name = gateways[i].get_string();
        if (name.find('/') != std::string_view::npos || name.find('.') == std::string_view::npos)
            continue;
        const auto here = warnings.within("gateways", i);
        warnings.add(
            fmt::format("using legacy gatewayName format \"{}\"; prefer the <namespace>/<name> "
                        "format: \"{}\"",
                        name,
                        gateway_name(name, ns)));
    }
    const auto& routes = array_at(object, {"spec", "http"});
    for (std::size_t i = 0; i < routes.size(); ++i) {
        const auto here = warnings.within("http", i);
        warn_of_route(warnings, routes[i]);
    }
    warn_of_unreachable(warnings, routes);
    return warnings.take();
}

std::vector<Fault> warnings_of_destination_rule(const Json& object) {
    Faults warnings;
    warn_of_policy(warnings, object_at(object, {"spec"}));
    const auto& subsets = array_at(object, {"spec", "subsets"});
    for (std::size_t i = 0; i < subsets.size(); ++i) {
        const auto here = warnings.within("subsets", i);
        warn_of_policy(warnings, subsets[i]);
    }
    return warnings.take();
}

std::vector<Fault> warnings_of_gateway(const Json& object) {
    Faults warnings;
    const auto& servers = array_at(object, {"spec", "servers"});
    for (std::size_t i = 0; i < servers.size(); ++i) {
        if (speaks_http(text_at(servers[i], {"port", "protocol"})) ||
            !bool_at(servers[i], {"tls", "httpsRedirect"}).value_or(false))
            continue;
        const auto here = warnings.within("servers", i);
        warnings.add("tls.httpsRedirect",
                     "tls.httpsRedirect should only be used with http servers");
    }
    return warnings.take();
}

}  // namespace sluice::istio
