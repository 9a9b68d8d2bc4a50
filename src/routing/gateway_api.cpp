#include "routing/gateway_api.hpp"

#include "base/core/text.hpp"
#include "routing/objects.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::routing {
namespace {

bool names_service(const Json& backend, std::string_view name) {
    return text_at(backend, {"name"}) == name &&
           text_at(backend, {"kind"}, "Service") == "Service" &&
           text_at(backend, {"group"}).empty();
}

RouteLook look_at(const Json& rule, const ServiceNames& names) {
    RouteLook look;
    for (const auto& backend : array_at(rule, {"backendRefs"})) {
        look.names_primary |= names_service(backend, names.primary);
        look.names_canary |= names_service(backend, names.canary);
    }
    const auto whole = with_rule_defaults(rule);
    for (const auto& match : array_at(whole, {"matches"})) {
        const auto& conditions = array_at(match, {"headers"});
        look.catches_all |= text_at(match, {"path", "type"}) == "PathPrefix" &&
                            text_at(match, {"path", "value"}) == "/" && conditions.empty() &&
                            array_at(match, {"queryParams"}).empty() &&
                            find(match, {"method"}) == nullptr;
        for (const auto& condition : conditions) {
            if (!equals_ignoring_case(text_at(condition, {"name"}), "cookie") ||
                text_at(condition, {"type"}) != "RegularExpression")
                continue;
            look.cookie_patterns.emplace_back(text_at(condition, {"value"}));
        }
    }
    return look;
}

Look look_for(const Json& canary) {
    return [names = service_names(canary)](const Json& rule) { return look_at(rule, names); };
}

Shares shares_of(const Json& rule, const ServiceNames& names) {
    Shares seen{.primary = 0, .canary = 0, .mirrored = false};
    const auto& backends = array_at(rule, {"backendRefs"});
    for (const auto& backend : backends) {
        auto weight = static_cast<int>(
            std::clamp<std::int64_t>(integer_at(backend, {"weight"}).value_or(1), 0, 1'000'000));
        // A lone backend gets everything, or nothing.
        if (backends.size() == 1 && weight > 0) weight = 100;
        if (names_service(backend, names.primary)) seen.primary += weight;
        if (names_service(backend, names.canary)) seen.canary += weight;
    }
    seen.mirrored = std::ranges::any_of(array_at(rule, {"filters"}), [&](const Json& filter) {
        const auto* backend = find(filter, {"requestMirror", "backendRef"});
        return backend != nullptr && names_service(*backend, names.canary);
    });
    return seen;
}

// Why a gateway does not follow what was written last; empty when all do, or have not said yet.
std::string pending(const ObjectName& name, const Json& object) {
    const auto generation = integer_at(object, {"metadata", "generation"}).value_or(0);
    for (const auto& parent : array_at(object, {"spec", "parentRefs"})) {
        const auto reference = with_parent_defaults(parent);
        for (const auto& told : array_at(object, {"status", "parents"})) {
            const auto* about = find(told, {"parentRef"});
            if (about == nullptr || !is_same(with_parent_defaults(*about), reference)) continue;
            for (const auto& condition : array_at(told, {"conditions"})) {
                if (text_at(condition, {"type"}) != "Accepted") continue;
                const auto status = text_at(condition, {"status"});
                const auto observed = integer_at(condition, {"observedGeneration"}).value_or(0);
                if (status == "True" && observed >= generation) continue;
                return fmt::format(
                    "{} parent {} is not ready (status: {}, observed generation: {}, current "
                    "generation: {})",
                    title(name),
                    text_at(reference, {"name"}),
                    status,
                    observed,
                    generation);
            }
        }
    }
    return {};
}

Result<JsonArray> matches_of(const PlannedRoute& plan) {
    auto matches = gateway_matches(plan.matches);
    if (!matches) return matches;
    if (!matches->empty()) return matches;
    // Nothing that says who is meant would mean everybody.
    if (!plan.matches.empty() && plan.role == RouteRole::split) {
        return Error{ErrorKind::invalid,
                     "Invalid request matching selectors: Gateway API doesn't support any of the "
                     "specified matching selectors"};
    }
    return with_rule_defaults(JsonObject{}).at("matches").as_array();
}

// The weights alone, in the rules as they stand.
void send_home(Json& object, const ServiceNames& names) {
    auto* rules = find(object, {"spec", "rules"});
    if (rules == nullptr || !rules->is_array()) return;
    for (auto& rule : rules->get_array()) {
        auto* backends = find(rule, {"backendRefs"});
        if (backends == nullptr || !backends->is_array()) continue;
        for (auto& backend : backends->get_array()) {
            const auto name = text_at(backend, {"name"});
            if (name == names.canary) put(backend, {"weight"}, 0);
            if (name == names.primary) put(backend, {"weight"}, 100);
        }
    }
}

}  // namespace

ObjectName GatewayRouter::name_of(const Json& canary) const {
    return {kinds().front(), {kube::key_of(canary).ns, service_names(canary).apex}};
}

std::vector<PlannedRoute> GatewayRouter::plan_of(const Json& canary, Shares shares) const {
    auto plan = planned_routes(canary, shares);
    if (version_ == GatewayVersion::v1) return plan;
    std::erase_if(plan,
                  [](const PlannedRoute& each) { return each.role == RouteRole::sticky_primary; });
    for (auto& each : plan) each.primary_set_cookie.clear();
    return plan;
}

Result<void> GatewayRouter::put_rules(Json& object, const Json& canary, Shares shares) const {
    const auto plan = plan_of(canary, shares);
    if (const auto unknown =
            unknown_match_field(canary, {"uri", "method", "headers", "queryParams"})) {
        return Error{ErrorKind::invalid,
                     fmt::format("Invalid request matching selectors: Gateway API doesn't support "
                                 "{} in analysis.match",
                                 *unknown)};
    }
    for (const auto& each : plan) {
        const auto matches = matches_of(each);
        if (!matches) return matches.error();
    }
    const auto fill = [&](JsonObject& rule, const PlannedRoute& each) {
        auto made = rule;
        made["matches"] = matches_of(each).value();
        made["backendRefs"] = gateway_backends(canary, each);
        auto filters = gateway_filters(canary, each, version_);
        for (const auto& filter : array_at(Json(rule), {"filters"})) {
            if (!is_our_filter(filter, version_)) filters.push_back(filter);
        }
        const Json all_filters = std::move(filters);
        put_or_drop(made, "filters", &all_filters);
        if (version_ == GatewayVersion::v1) {
            const Json timeouts = gateway_timeouts(canary);
            put_or_drop(made, "timeouts", &timeouts);
        }
        if (!is_same_rule(rule, made)) rule = std::move(made);
    };
    put(object,
        {"spec", "rules"},
        laid_routes(canary, array_at(object, {"spec", "rules"}), look_for(canary), plan, fill));
    return {};
}

Result<Json> GatewayRouter::desired(const Json& live, const Json& canary, Shares shares) const {
    auto object = live;
    auto parents = gateway_parents(canary);
    Json spec =
        JsonObject{{"parentRefs", array_at(live, {"spec", "parentRefs"})}, {"rules", JsonArray{}}};
    if (!is_same(*find(with_route_defaults(spec), {"parentRefs"}), Json(parents))) {
        put(object, {"spec", "parentRefs"}, std::move(parents));
    }
    put_or_drop(find(object, {"spec"})->as_object(),
                "hostnames",
                find(canary, {"spec", "service", "hosts"}));
    auto ruled = put_rules(object, canary, shares);
    if (!ruled) return ruled.error();
    put_metadata(object, canary);
    keep_original(object, live, canary);
    return object;
}

std::vector<kube::Resource> GatewayRouter::kinds() const {
    return {version_ == GatewayVersion::v1 ? kube::resources::http_routes
                                           : kube::resources::http_routes_v1beta1};
}

Capabilities GatewayRouter::capabilities(const Json& /*canary*/) const {
    return {.weights = true, .mirror = true, .match = true, .affinity = true};
}

std::vector<ObjectName> GatewayRouter::objects(const Json& canary) const {
    return {name_of(canary)};
}

Result<RoutesSeen> GatewayRouter::read(const Json& canary, const LiveObjects& live) const {
    const auto name = name_of(canary);
    const auto* object = find_live(live, name);
    if (object == nullptr) return RoutesSeen{};
    const auto names = service_names(canary);
    const auto& rules = array_at(*object, {"spec", "rules"});
    const auto at = find_split(canary, rules, look_for(canary));
    if (!at) return no_routes(name, names);
    const auto shares = shares_of(rules[*at], names);
    if (shares.primary == 0 && shares.canary == 0) return no_routes(name, names);
    return RoutesSeen{
        .present = true,
        .resource_version = std::string(kube::resource_version_of(*object)),
        .shares = shares,
        .pending = version_ == GatewayVersion::v1 ? pending(name, *object) : std::string{}};
}

Result<std::vector<ObjectWrite>> GatewayRouter::ensure(const Json& canary,
                                                       const LiveObjects& live,
                                                       Shares shares) const {
    require_whole(shares);
    if (array_at(canary, {"spec", "service", "gatewayRefs"}).empty()) {
        return Error{ErrorKind::invalid,
                     "GatewayRefs must be specified when using Gateway API as a provider."};
    }
    const auto name = name_of(canary);
    const auto* object = find_live(live, name);
    if (object == nullptr) {
        auto made = desired(new_object(name, canary), canary, shares);
        if (!made) return made.error();
        return std::vector{creation(name, std::move(*made), title(name) + " create error")};
    }
    const auto free = require_ours_or_free(name, *object, canary);
    if (!free) return free.error();
    const auto wanted = desired(*object, canary, shares);
    if (!wanted) return wanted.error();
    auto write = change(name, *object, *wanted, title(name) + " update error");
    write.failing_end = " while reconciling";
    if (!says_something(write)) return std::vector<ObjectWrite>{};
    return std::vector{std::move(write)};
}

Result<ObjectWrite> GatewayRouter::route(const Json& canary,
                                         const LiveObjects& live,
                                         Shares shares) const {
    require_whole(shares);
    const auto name = name_of(canary);
    const auto* object = find_live(live, name);
    if (object == nullptr) {
        return Error{ErrorKind::not_found,
                     fmt::format("{} get error: {}", title(name), not_found_text(name))};
    }
    const auto free = require_ours_or_free(name, *object, canary);
    if (!free) return free.error();
    if (!find_split(canary, array_at(*object, {"spec", "rules"}), look_for(canary))) {
        return no_routes(name, service_names(canary));
    }
    auto wanted = *object;
    auto ruled = put_rules(wanted, canary, shares);
    // A match that cannot be carried out keeps nobody on the canary.
    if (!ruled && shares.canary > 0) return ruled.error();
    if (!ruled) send_home(wanted, service_names(canary));
    keep_original(wanted, *object, canary);
    auto write = change(name, *object, wanted, title(name) + " update error");
    write.failing_end = " while setting weights";
    write.done.clear();
    return write;
}

Result<std::vector<ObjectWrite>> GatewayRouter::revert(const Json& canary,
                                                       const LiveObjects& live) const {
    auto write = giving_back(name_of(canary), live, canary, [](const Json& one, const Json& other) {
        return is_same(with_route_defaults(one), with_route_defaults(other));
    });
    if (!write) return write.error();
    std::vector<ObjectWrite> writes;
    if (*write) writes.push_back(std::move(**write));
    return writes;
}

}  // namespace sluice::routing
