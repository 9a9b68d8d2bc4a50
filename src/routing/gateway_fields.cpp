#include "routing/gateway_fields.hpp"

#include "base/core/duration.hpp"
#include "routing/objects.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

namespace sluice::routing {
namespace {

Error unsupported(std::string_view what, const Json& selector) {
    return {ErrorKind::invalid,
            fmt::format("Invalid request matching selectors: Gateway API doesn't support the "
                        "specified {} matching selector: {}",
                        what,
                        to_text(selector))};
}

void put_default(JsonObject& object, std::string_view key, const Json& value) {
    if (!object.contains(key)) object[key] = value;
}

Json slash() {
    return JsonObject{{"type", "PathPrefix"}, {"value", "/"}};
}

// --- matches ----------------------------------------------------------------------------------

Result<Json> path_of(const Json& uri) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 3> types{
        {{"regex", "RegularExpression"}, {"exact", "Exact"}, {"prefix", "PathPrefix"}}};
    for (const auto& [key, type] : types) {
        const auto value = text_at(uri, {key});
        if (!value.empty()) return Json(JsonObject{{"type", type}, {"value", value}});
    }
    return unsupported("path", uri);
}

// Headers or query parameters, by name.
Result<JsonArray> conditions_of(const JsonObject& conditions, std::string_view what) {
    std::map<std::string, Json> sorted;
    for (const auto& [name, condition] : conditions) {
        const auto exact = text_at(condition, {"exact"});
        const auto regex = text_at(condition, {"regex"});
        if (exact.empty() && regex.empty()) return unsupported(what, condition);
        sorted[std::string(name)] =
            JsonObject{{"type", exact.empty() ? "RegularExpression" : "Exact"},
                       {"name", name},
                       {"value", exact.empty() ? regex : exact}};
    }
    JsonArray list;
    for (auto& [name, condition] : sorted) list.push_back(std::move(condition));
    return list;
}

Result<JsonObject> match_of(const Json& match) {
    JsonObject mapped;
    if (const auto* uri = find(match, {"uri"}); uri != nullptr && !uri->is_null()) {
        auto path = path_of(*uri);
        if (!path) return path.error();
        mapped["path"] = std::move(*path);
    }
    auto headers = conditions_of(object_at(match, {"headers"}), "header");
    if (!headers) return headers.error();
    if (!headers->empty()) mapped["headers"] = std::move(*headers);
    auto queries = conditions_of(object_at(match, {"queryParams"}), "query");
    if (!queries) return queries.error();
    if (!queries->empty()) mapped["queryParams"] = std::move(*queries);
    if (const auto* method = find(match, {"method"}); method != nullptr && !method->is_null()) {
        const auto exact = text_at(*method, {"exact"});
        // "header" is the peer's word for it.
        if (exact.empty()) return unsupported("header", *method);
        mapped["method"] = exact;
    }
    return mapped;
}

// --- filters ----------------------------------------------------------------------------------

// {"name": "value"} as a list, by name.
JsonArray header_list(const Json& modifier, std::string_view key) {
    std::map<std::string, Json> sorted;
    for (const auto& [name, value] : object_at(modifier, {key})) {
        sorted[std::string(name)] = JsonObject{{"name", name}, {"value", value}};
    }
    JsonArray list;
    for (auto& [name, header] : sorted) list.push_back(std::move(header));
    return list;
}

JsonObject set_cookie_header(const std::string& text) {
    return {{"name", "Set-Cookie"}, {"value", text}};
}

JsonObject modifier_of(const Json& canary,
                       std::string_view direction,
                       const std::string& set_cookie) {
    static const Json nothing = JsonObject{};
    const auto* headers = find(canary, {"spec", "service", "headers", direction});
    const auto& asked = headers == nullptr ? nothing : *headers;
    JsonObject modifier;
    JsonArray added;
    for (auto& header : header_list(asked, "add")) {
        const bool gives_way = !set_cookie.empty() && text_at(header, {"name"}) == "Set-Cookie";
        if (!gives_way) added.push_back(std::move(header));
    }
    if (!set_cookie.empty()) added.emplace_back(set_cookie_header(set_cookie));
    if (!added.empty()) modifier["add"] = std::move(added);
    if (auto set = header_list(asked, "set"); !set.empty()) modifier["set"] = std::move(set);
    if (const auto& removed = array_at(asked, {"remove"}); !removed.empty()) {
        modifier["remove"] = removed;
    }
    return modifier;
}

void add_rewrite(JsonArray& filters, const Json& canary) {
    const auto* rewrite = find(canary, {"spec", "service", "rewrite"});
    if (rewrite == nullptr) return;
    JsonObject asked;
    if (const auto host = text_at(*rewrite, {"authority"}); !host.empty()) asked["hostname"] = host;
    if (const auto uri = text_at(*rewrite, {"uri"}); !uri.empty()) {
        asked["path"] =
            text_at(*rewrite, {"type"}) == "ReplacePrefixMatch"
                ? JsonObject{{"type", "ReplacePrefixMatch"}, {"replacePrefixMatch", uri}}
                : JsonObject{{"type", "ReplaceFullPath"}, {"replaceFullPath", uri}};
    }
    if (asked.empty()) return;
    filters.push_back(JsonObject{{"type", "URLRewrite"}, {"urlRewrite", std::move(asked)}});
}

void put_backend_defaults(JsonObject& backend) {
    put_default(backend, "group", "");
    put_default(backend, "kind", "Service");
}

Json mirror_to(JsonObject backend) {
    put_backend_defaults(backend);
    return JsonObject{{"type", "RequestMirror"},
                      {"requestMirror", JsonObject{{"backendRef", std::move(backend)}}}};
}

void add_cors(JsonArray& filters, const Json& canary) {
    const auto* policy = find(canary, {"spec", "service", "corsPolicy"});
    if (policy == nullptr || !policy->is_object() || policy->get_object().empty()) return;
    JsonObject cors;
    put_or_drop(cors, "allowOrigins", find(*policy, {"allowOrigin"}));
    for (const std::string_view key : {"allowMethods", "allowHeaders", "exposeHeaders"}) {
        put_or_drop(cors, key, find(*policy, {key}));
    }
    if (bool_at(*policy, {"allowCredentials"}).value_or(false)) cors["allowCredentials"] = true;
    const auto age = parse_duration(text_at(*policy, {"maxAge"})).value_or(Duration{});
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(age).count();
    if (seconds > 0) cors["maxAge"] = seconds;
    filters.push_back(JsonObject{{"type", "CORS"}, {"cors", std::move(cors)}});
}

Json port_of(const Json& canary) {
    const auto* port = find(canary, {"spec", "service", "port"});
    return port == nullptr ? Json() : *port;
}

Json mirror_to_canary(const Json& canary) {
    auto filter = mirror_to({{"group", ""},
                             {"kind", "Service"},
                             {"name", service_names(canary).canary},
                             {"port", port_of(canary)}});
    const auto* weight = find(analysis_of(canary), {"mirrorWeight"});
    if (weight != nullptr && number_at(*weight, {}).value_or(0) > 0) {
        put(filter, {"requestMirror", "percent"}, *weight);
    }
    return filter;
}

// --- defaults ---------------------------------------------------------------------------------

template <typename Change>
void each_object(Json& value, std::string_view key, const Change& change) {
    auto* list = find(value, {key});
    if (list == nullptr || !list->is_array()) return;
    for (auto& each : list->get_array()) {
        if (each.is_object()) change(each);
    }
}

void put_match_defaults(Json& match) {
    auto& object = match.get_object();
    put_default(object, "path", slash());
    if (auto* path = object["path"].if_object()) {
        put_default(*path, "type", "PathPrefix");
        put_default(*path, "value", "/");
    }
    for (const std::string_view key : {"headers", "queryParams"}) {
        each_object(match, key, [](Json& condition) {
            put_default(condition.get_object(), "type", "Exact");
        });
    }
}

void put_filter_defaults(Json& filter) {
    auto* backend = find(filter, {"requestMirror", "backendRef"});
    if (backend != nullptr && backend->is_object()) put_backend_defaults(backend->get_object());
    auto* cors = find(filter, {"cors"});
    if (cors != nullptr && cors->is_object()) put_default(cors->get_object(), "maxAge", 5);
    auto* redirect = find(filter, {"requestRedirect"});
    if (redirect != nullptr && redirect->is_object()) {
        put_default(redirect->get_object(), "statusCode", 302);
    }
}

}  // namespace

JsonArray gateway_parents(const Json& canary) {
    JsonArray parents;
    for (const auto& reference : array_at(canary, {"spec", "service", "gatewayRefs"})) {
        JsonObject parent;
        for (const std::string_view key :
             {"group", "kind", "namespace", "name", "sectionName", "port"}) {
            put_or_drop(parent, key, find(reference, {key}));
        }
        parents.push_back(with_parent_defaults(std::move(parent)));
    }
    return parents;
}

Result<JsonArray> gateway_matches(const JsonArray& matches) {
    JsonArray mapped;
    for (const auto& match : matches) {
        auto one = match_of(match);
        if (!one) return one.error();
        if (!one->empty()) mapped.emplace_back(std::move(*one));
    }
    return mapped;
}

JsonArray gateway_filters(const Json& canary, const PlannedRoute& plan, GatewayVersion version) {
    JsonArray filters;
    if (auto request = modifier_of(canary, "request", {}); !request.empty()) {
        filters.push_back(JsonObject{{"type", "RequestHeaderModifier"},
                                     {"requestHeaderModifier", std::move(request)}});
    }
    if (auto response = modifier_of(canary, "response", plan.set_cookie); !response.empty()) {
        filters.push_back(JsonObject{{"type", "ResponseHeaderModifier"},
                                     {"responseHeaderModifier", std::move(response)}});
    }
    add_rewrite(filters, canary);
    for (const auto& mirror : array_at(canary, {"spec", "service", "mirror"})) {
        const auto& backend = object_at(mirror, {"backendRef"});
        if (!backend.empty()) filters.push_back(mirror_to(backend));
    }
    if (version == GatewayVersion::v1) add_cors(filters, canary);
    if (plan.mirrored) filters.push_back(mirror_to_canary(canary));
    return filters;
}

bool is_our_filter(const Json& filter, GatewayVersion version) {
    const auto type = text_at(filter, {"type"});
    if (type == "CORS") return version == GatewayVersion::v1;
    return type == "RequestHeaderModifier" || type == "ResponseHeaderModifier" ||
           type == "URLRewrite" || type == "RequestMirror";
}

JsonArray gateway_backends(const Json& canary, const PlannedRoute& plan) {
    const auto names = service_names(canary);
    JsonArray backends;
    const auto add = [&](const std::string& name, int weight, const std::string& set_cookie) {
        JsonObject backend{{"group", ""},
                           {"kind", "Service"},
                           {"name", name},
                           {"port", port_of(canary)},
                           {"weight", weight}};
        if (!set_cookie.empty()) {
            backend["filters"] = JsonArray{
                JsonObject{{"type", "ResponseHeaderModifier"},
                           {"responseHeaderModifier",
                            JsonObject{{"add", JsonArray{set_cookie_header(set_cookie)}}}}}};
        }
        backends.emplace_back(std::move(backend));
    };
    add(names.primary, plan.primary, plan.primary_set_cookie);
    if (plan.canary) add(names.canary, *plan.canary, plan.canary_set_cookie);
    return backends;
}

JsonObject gateway_timeouts(const Json& canary) {
    JsonObject timeouts;
    put_or_drop(timeouts, "request", find(canary, {"spec", "service", "timeout"}));
    put_or_drop(timeouts, "backendRequest", find(canary, {"spec", "service", "backendTimeout"}));
    return timeouts;
}

Json with_rule_defaults(Json rule) {
    if (!rule.is_object()) return rule;
    if (array_at(rule, {"matches"}).empty()) {
        put(rule, {"matches"}, JsonArray{JsonObject{{"path", slash()}}});
    }
    each_object(rule, "matches", put_match_defaults);
    each_object(rule, "filters", put_filter_defaults);
    each_object(rule, "backendRefs", [](Json& backend) {
        put_backend_defaults(backend.get_object());
        put_default(backend.get_object(), "weight", 1);
        each_object(backend, "filters", put_filter_defaults);
    });
    return rule;
}

Json with_parent_defaults(Json parent) {
    if (!parent.is_object()) return parent;
    put_default(parent.get_object(), "group", "gateway.networking.k8s.io");
    put_default(parent.get_object(), "kind", "Gateway");
    return parent;
}

Json with_route_defaults(Json spec) {
    if (!spec.is_object()) return spec;
    each_object(
        spec, "parentRefs", [](Json& parent) { parent = with_parent_defaults(std::move(parent)); });
    if (array_at(spec, {"rules"}).empty()) put(spec, {"rules"}, JsonArray{JsonObject{}});
    each_object(spec, "rules", [](Json& rule) { rule = with_rule_defaults(std::move(rule)); });
    return spec;
}

bool is_same_rule(const Json& live, const Json& desired) {
    const auto before = with_rule_defaults(live);
    auto after = with_rule_defaults(desired);
    const auto& filters = array_at(before, {"filters"});
    std::size_t index = 0;
    each_object(after, "filters", [&](Json& filter) {
        if (index < filters.size() &&
            find(filters[index], {"requestMirror", "percent"}) == nullptr) {
            drop(filter, {"requestMirror", "percent"});
        }
        ++index;
    });
    return is_same(before, after);
}

}  // namespace sluice::routing
