// What Istio admits and warns of.
#include "base/core/text.hpp"
#include "lab/mesh/checks.hpp"
#include "lab/mesh/names.hpp"
#include "lab/mesh/validation.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <optional>

namespace sluice::mesh {

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

void warn_of_unreachable(Faults& warnings, const JsonArray& routes) {
    std::size_t count = 0;
    for (const auto& route : routes) count += array_at(route, {"match"}).size();
    if (count > compared_max) return;
    bool has_catch_all = false;
    for (std::size_t i = 0; i < routes.size(); ++i) {
        const auto rule = called(routes[i], i);
        const auto unused = [&](std::string_view why) {
            warnings.push_back(fmt::format("virtualService rule {} not used ({})", rule, why));
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
            std::optional<std::size_t> by;
            for (std::size_t j = 0; j < i && !by; ++j) {
                for (const auto& earlier : array_at(routes[j], {"match"})) {
                    if (earlier.is_object() && matches[m].is_object() &&
                        is_taken(earlier, matches[m]))
                        by = j;
                }
            }
            if (!by) continue;
            ++taken;
            warnings.push_back(
                fmt::format("virtualService rule {} match {} is not used (duplicate/overlapping "
                            "match in rule {})",
                            rule,
                            called(matches[m], m),
                            called(routes[*by], *by)));
        }
        if (taken == matches.size()) unused("all matches used by prior rules");
    }
}

void warn_of_outliers(Faults& warnings, const Json& policy) {
    if (find(policy, {"outlierDetection", "consecutiveErrors"}) != nullptr)
        warnings.emplace_back(
            "outlier detection consecutive errors is deprecated, use consecutiveGatewayErrors or "
            "consecutive5xxErrors instead");
    for (const auto& entry : array_at(policy, {"portLevelSettings"}))
        warn_of_outliers(warnings, entry);
}

}  // namespace

std::vector<std::string> warnings_of_virtual_service(const Json& object) {
    Faults warnings;
    const auto ns = text_at(object, {"metadata", "namespace"});
    for (const auto& gateway : array_at(object, {"spec", "gateways"})) {
        if (!gateway.is_string()) continue;
        const std::string_view name = gateway.get_string();
        if (name.find('/') != std::string_view::npos || name.find('.') == std::string_view::npos)
            continue;
        warnings.push_back(
            fmt::format("using legacy gatewayName format \"{}\"; prefer the "
                        "<namespace>/<name> format: \"{}\"",
                        name,
                        gateway_name(name, ns)));
    }
    const auto& routes = array_at(object, {"spec", "http"});
    for (const auto& route : routes) {
        if (has(route, "mirrorPercent") || has(route, "mirror_percent"))
            warnings.emplace_back(
                "using deprecated setting \"mirrorPercent\", use \"mirrorPercentage\" instead");
        const auto* abort = find(route, {"fault", "abort"});
        if (abort != nullptr && abort->is_object() && !has(*abort, "httpStatus") &&
            !has(*abort, "grpcStatus") && !has(*abort, "http2Error"))
            warnings.emplace_back("abort configured, but error type not set");
        if (text_at(route, {"directResponse", "body", "string"}).size() > body_large ||
            text_at(route, {"directResponse", "body", "bytes"}).size() > body_large / 3 * 4)
            warnings.emplace_back("large direct responses slow every proxy");
    }
    warn_of_unreachable(warnings, routes);
    return warnings;
}

std::vector<std::string> warnings_of_destination_rule(const Json& object) {
    Faults warnings;
    warn_of_outliers(warnings, object_at(object, {"spec", "trafficPolicy"}));
    for (const auto& subset : array_at(object, {"spec", "subsets"}))
        warn_of_outliers(warnings, object_at(subset, {"trafficPolicy"}));
    return warnings;
}

std::vector<std::string> warnings_of_gateway(const Json& object) {
    Faults warnings;
    for (const auto& server : array_at(object, {"spec", "servers"})) {
        const auto protocol = text_at(server, {"port", "protocol"});
        const bool is_http = protocol == "HTTP" || protocol == "HTTP2" || protocol == "GRPC" ||
                             protocol == "GRPC-WEB";
        if (!is_http && bool_at(server, {"tls", "httpsRedirect"}).value_or(false))
            warnings.emplace_back("tls.httpsRedirect should only be used with http servers");
    }
    return warnings;
}

}  // namespace sluice::mesh
