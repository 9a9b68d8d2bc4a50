// What Istio says of a VirtualService's http route: its match, its kinds, rewrites, headers,
// retries.
#include "base/core/text.hpp"
#include "istio/checks.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace sluice::istio {
namespace {

bool is_header_name(std::string_view name) {
    return !name.empty() && std::ranges::all_of(name, [](char c) {
        return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               std::string_view("-_.@!#$%&'*+^`|~").find(c) != std::string_view::npos;
    });
}

void check_match(Faults& faults, const Json& match) {
    for (const auto field : {"uri", "scheme", "method", "authority"}) {
        if (!has(match, field)) continue;
        const auto here = faults.within(field);
        check_text_match(faults, *find(match, {field}), field);
    }
    for (const std::string_view field : {"headers", "withoutHeaders", "queryParams"}) {
        const auto here = faults.within(field);
        for (const auto& [key, value] : object_at(match, {field})) {
            const std::string_view name = key;
            const auto below = faults.within(name);
            if (value.is_null()) {
                faults.add(fmt::format("header match {} cannot be null", name));
            } else {
                check_text_match(faults, value, field);
            }
            if (field != "queryParams" && !is_header_name(name)) {
                faults.add(fmt::format("header name {} is not a valid header name", name));
            }
        }
    }
    const auto& gateways = array_at(match, {"gateways"});
    for (std::size_t i = 0; i < gateways.size(); ++i) {
        const auto here = faults.within("gateways", i);
        if (gateways[i].is_string()) check_gateway_name(faults, gateways[i].get_string());
    }
}

// Which kinds exclude each other, and what is handed on to a delegate.
void check_kinds(Faults& faults, const Json& route, bool is_delegate) {
    const bool has_route = !array_at(route, {"route"}).empty();
    const bool has_redirect = has(route, "redirect"), hands_on = has(route, "delegate");
    if (is_delegate && hands_on) {
        faults.add("delegate", "delegate HTTP route cannot contain delegate");
    }
    if (hands_on && !is_delegate) {
        for (const auto field : {"redirect", "route"}) {
            if (!has(route, field)) continue;
            faults.add(
                field,
                fmt::format(
                    "root HTTP route {} must not specify {}", text_at(route, {"name"}), field));
        }
        return;
    }
    if (!has_route && !has_redirect && !has(route, "directResponse") && !hands_on) {
        faults.add("HTTP route, redirect or direct_response is required");
    }
    if (has_route && has_redirect) {
        faults.add("redirect", "HTTP route cannot contain both route and redirect");
    }
    if (has(route, "fault") && has_redirect) {
        faults.add("fault", "HTTP route cannot contain both fault and redirect");
    }
    if (has(route, "rewrite") && has_redirect) {
        faults.add("rewrite", "HTTP route rule cannot contain both rewrite and redirect");
    }
    if (has_route && has(route, "directResponse")) {
        faults.add("directResponse", "HTTP route cannot contain both route and direct_response");
    }
}

// `have` is what has set the Host so far on this way of a request.
void check_authority(Faults& faults, std::string& have, std::string_view another) {
    if (another.empty()) return;
    if (!have.empty()) {
        faults.add(fmt::format(
            "authority header cannot be set multiple times: have \"{}\", attempting to set \"{}\"",
            have,
            another));
    }
    have = another;
}

void check_header(Faults& faults, std::string_view name, const Json& text, std::string* authority) {
    const auto here = faults.within(name);
    if (equals_ignoring_case(name, "host") || name == ":authority") {
        if (authority == nullptr) {
            faults.add(fmt::format("invalid header \"{}\": cannot set Host header", name));
        } else if (text.is_string()) {
            check_authority(faults, *authority, text.get_string());
        }
    } else if (name.starts_with(':')) {
        faults.add(fmt::format("invalid header \"{}\": header cannot have \":\" prefix", name));
    }
}

void check_headers(Faults& faults, const Json& value, std::string& authority) {
    const auto here = faults.within("headers");
    for (const std::string_view direction : {"request", "response"}) {
        for (const auto operation : {"set", "add"}) {
            const auto below = faults.within(fmt::format("{}.{}", direction, operation));
            for (const auto& [name, text] : object_at(value, {"headers", direction, operation})) {
                check_header(faults, name, text, direction == "request" ? &authority : nullptr);
            }
        }
    }
}

void check_rewrite(Faults& faults, const Json& route, std::string& authority) {
    const auto* rewrite = find(route, {"rewrite"});
    if (rewrite == nullptr || !rewrite->is_object()) return;
    const auto here = faults.within("rewrite");
    const bool has_uri = !text_at(*rewrite, {"uri"}).empty();
    const bool has_regex = has(*rewrite, "uriRegexRewrite");
    check_authority(faults, authority, text_at(*rewrite, {"authority"}));
    if (has_uri && has_regex) faults.add("rewrite may only contain one of URI or UriRegexRewrite");
    if (!has_uri && !has_regex && text_at(*rewrite, {"authority"}).empty()) {
        faults.add(
            "rewrite must specify at least one of URI, UriRegexRewrite, or authority. Only one of "
            "URI or UriRegexRewrite may be specified");
    }
}

}  // namespace

void check_retries(Faults& faults, const Json& route) {
    const auto* retries = find(route, {"retries"});
    if (retries == nullptr || !retries->is_object()) return;
    const auto here = faults.within("retries");
    const auto attempts = integer_at(*retries, {"attempts"}).value_or(0);
    if (attempts < 0) faults.add("attempts", "attempts cannot be negative");
    if (attempts == 0 && (has(*retries, "perTryTimeout") || has(*retries, "retryOn"))) {
        faults.add("http retry policy configured when attempts are set to 0 (disabled)");
    }
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
        faults.add("retryOn", fmt::format("\"{}\" is not a valid retryOn policy", token));
    }
}

void check_route(Faults& faults, const Json& route, bool is_delegate) {
    check_kinds(faults, route, is_delegate);
    const auto& matches = array_at(route, {"match"});
    for (std::size_t i = 0; i < matches.size(); ++i) {
        const auto here = faults.within("match", i);
        check_match(faults, matches[i]);
    }
    std::string authority;
    check_rewrite(faults, route, authority);
    check_headers(faults, route, authority);
    const auto& destinations = array_at(route, {"route"});
    check_weights(faults, destinations);
    for (std::size_t i = 0; i < destinations.size(); ++i) {
        const auto here = faults.within("route", i);
        auto own = authority;
        check_headers(faults, destinations[i], own);
    }
    check_mirrors(faults, route);
    check_duration(faults, route, {"timeout"});
    check_retries(faults, route);
    check_redirect(faults, route);
    check_direct_response(faults, route);
    check_fault(faults, route);
    check_cors(faults, route);
}

}  // namespace sluice::istio
