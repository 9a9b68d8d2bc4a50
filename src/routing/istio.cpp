#include "routing/istio.hpp"

#include "base/core/text.hpp"
#include "routing/objects.hpp"
#include "routing/route_plan.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::routing {
namespace {

constexpr std::string_view rule_operation = "reconcileDestinationRule failed";
constexpr std::string_view service_operation = "reconcileVirtualService failed";

ObjectName rule_name(const Json& canary, const std::string& service) {
    return {kube::resources::destination_rules, {kube::key_of(canary).ns, service}};
}

ObjectName virtual_service_name(const Json& canary) {
    return {kube::resources::virtual_services,
            {kube::key_of(canary).ns, service_names(canary).apex}};
}

bool is_tcp(const Json& canary) {
    return equals_ignoring_case(text_at(canary, {"spec", "service", "appProtocol"}), "tcp");
}

bool is_delegate(const Json& canary) {
    return bool_at(canary, {"spec", "service", "delegation"}).value_or(false);
}

std::string_view list_key(const Json& canary) {
    return is_tcp(canary) ? "tcp" : "http";
}

std::string_view other_list_key(const Json& canary) {
    return is_tcp(canary) ? "http" : "tcp";
}

JsonArray hosts(const Json& canary) {
    if (is_delegate(canary)) return {};
    auto list = array_at(canary, {"spec", "service", "hosts"});
    const auto apex = service_names(canary).apex;
    const bool covered = std::ranges::any_of(list, [&](const Json& host) {
        return host.is_string() && (host.get_string() == apex || host.get_string() == "*");
    });
    if (!covered) list.emplace_back(apex);
    return list;
}

void put_gateways(Json& object, const Json& canary) {
    if (is_delegate(canary)) {
        drop(object, {"spec", "gateways"});
        return;
    }
    auto list = array_at(canary, {"spec", "service", "gateways"});
    if (list.empty()) list.emplace_back("mesh");
    put(object, {"spec", "gateways"}, std::move(list));
}

// --- our routes -------------------------------------------------------------------------------

Json destination(const Json& canary, const std::string& host, int weight) {
    Json made = JsonObject{{"destination", JsonObject{{"host", host}}}, {"weight", weight}};
    const auto& through = array_at(canary, {"spec", "service", "gateways"});
    const bool from_outside =
        is_delegate(canary) || (!through.empty() && through.front() != Json("mesh"));
    if (from_outside && bool_at(canary, {"spec", "service", "portDiscovery"}).value_or(false)) {
        if (const auto port = integer_at(canary, {"spec", "service", "port"})) {
            put(made, {"destination", "port", "number"}, *port);
        }
    }
    return made;
}

JsonArray destinations(const Json& canary, const PlannedRoute& plan) {
    const auto names = service_names(canary);
    JsonArray list;
    const auto add = [&](const std::string& host, int weight, const std::string& set_cookie) {
        auto made = destination(canary, host, weight);
        if (!set_cookie.empty()) {
            put(made, {"headers", "response", "add", "Set-Cookie"}, Json(set_cookie));
        }
        list.push_back(std::move(made));
    };
    add(names.primary, plan.primary, plan.primary_set_cookie);
    if (plan.canary) add(names.canary, *plan.canary, plan.canary_set_cookie);
    return list;
}

// Istio knows more conditions on a connection; the peer passes on the port alone.
void put_tcp_matches(JsonObject& route, const Json& canary) {
    JsonArray ports;
    for (const auto& match : array_at(canary, {"spec", "service", "match"})) {
        if (const auto* port = find(match, {"port"})) ports.push_back(JsonObject{{"port", *port}});
    }
    const Json matches = ports;
    put_or_drop(route, "match", &matches);
}

void put_rewrite(JsonObject& route, const Json& canary) {
    Json rewrite = JsonObject{};
    if (const auto* live = route.if_contains("rewrite"); live != nullptr && live->is_object()) {
        rewrite = *live;
    }
    for (const std::string_view key : {"uri", "authority"}) {
        put_or_drop(rewrite.get_object(), key, find(canary, {"spec", "service", "rewrite", key}));
    }
    put_or_drop(route, "rewrite", &rewrite);
}

// A mirror to somewhere else is the user's own.
void put_mirror(JsonObject& route, const Json& canary, const PlannedRoute& plan) {
    const auto names = service_names(canary);
    if (plan.mirrored) {
        route["mirror"] = JsonObject{{"host", names.canary}};
        route.erase("mirrorPercentage");
        const auto* weight = find(analysis_of(canary), {"mirrorWeight"});
        if (weight != nullptr && number_at(*weight, {}).value_or(0) > 0) {
            route["mirrorPercentage"] = JsonObject{{"value", *weight}};
        }
        return;
    }
    const auto* mirror = route.if_contains("mirror");
    if (mirror != nullptr && text_at(*mirror, {"host"}) == names.canary) {
        route.erase("mirror");
        route.erase("mirrorPercentage");
    }
}

// Writes what is ours of a route and leaves the keys that we do not know.
void fill(JsonObject& route, const Json& canary, const PlannedRoute& plan) {
    route["route"] = destinations(canary, plan);
    if (is_tcp(canary)) {
        put_tcp_matches(route, canary);
        return;
    }
    const Json matches = plan.matches;
    put_or_drop(route, "match", &matches);
    for (const std::string_view key : {"timeout", "retries", "corsPolicy", "headers"}) {
        put_or_drop(route, key, find(canary, {"spec", "service", key}));
    }
    if (!plan.set_cookie.empty()) {
        Json headers = JsonObject{};
        if (const auto* written = route.if_contains("headers")) headers = *written;
        put(headers, {"response", "add", "Set-Cookie"}, Json(plan.set_cookie));
        route["headers"] = std::move(headers);
    }
    put_rewrite(route, canary);
    put_mirror(route, canary, plan);
}

std::vector<PlannedRoute> plan_of(const Json& canary, Shares shares) {
    if (!is_tcp(canary)) return planned_routes(canary, shares);
    return {{.role = RouteRole::split, .primary = shares.primary, .canary = shares.canary}};
}

RouteLook look_at(const Json& route, const ServiceNames& names) {
    RouteLook look;
    for (const auto& each : array_at(route, {"route"})) {
        const auto host = text_at(each, {"destination", "host"});
        look.names_primary |= host == names.primary;
        look.names_canary |= host == names.canary;
    }
    const auto& matches = array_at(route, {"match"});
    look.catches_all = matches.empty();
    for (const auto& match : matches) {
        for (const auto& [name, condition] : object_at(match, {"headers"})) {
            if (!equals_ignoring_case(name, "cookie")) continue;
            const auto pattern = text_at(condition, {"regex"});
            if (!pattern.empty()) look.cookie_patterns.emplace_back(pattern);
        }
    }
    return look;
}

Look look_for(const Json& canary) {
    return [names = service_names(canary)](const Json& route) { return look_at(route, names); };
}

// --- reading ----------------------------------------------------------------------------------

Shares shares_of(const Json& route, const ServiceNames& names) {
    Shares seen{.primary = 0, .canary = 0, .mirrored = false};
    const auto& list = array_at(route, {"route"});
    for (const auto& each : list) {
        const auto host = text_at(each, {"destination", "host"});
        // A lone destination gets everything, whatever its weight says; less than nothing is
        // nothing.
        const auto weight = list.size() == 1
                                ? 100
                                : static_cast<int>(std::clamp<std::int64_t>(
                                      integer_at(each, {"weight"}).value_or(0), 0, 1'000));
        if (host == names.primary) seen.primary += weight;
        if (host == names.canary) seen.canary += weight;
    }
    seen.mirrored = text_at(route, {"mirror", "host"}) == names.canary;
    return seen;
}

// --- the desired objects ----------------------------------------------------------------------

void put_routes(Json& object, const Json& canary, Shares shares) {
    const auto look = look_for(canary);
    const auto key = list_key(canary);
    put(object,
        {"spec", key},
        laid_routes(
            canary,
            array_at(object, {"spec", key}),
            look,
            plan_of(canary, shares),
            [&](JsonObject& route, const PlannedRoute& plan) { fill(route, canary, plan); }));
    const auto other = other_list_key(canary);
    const auto& before = array_at(object, {"spec", other});
    auto foreign = without_ours(before, look);
    if (foreign.size() == before.size()) return;
    if (foreign.empty()) {
        drop(object, {"spec", other});
    } else {
        put(object, {"spec", other}, std::move(foreign));
    }
}

Json desired_virtual_service(const Json& live, const Json& canary, Shares shares) {
    auto desired = live;
    put(desired, {"spec", "hosts"}, hosts(canary));
    put_gateways(desired, canary);
    put_routes(desired, canary, shares);
    put_metadata(desired, canary);
    keep_original(desired, live, canary);
    return desired;
}

Json desired_rule(const Json& live, const Json& canary, const std::string& host) {
    auto desired = live;
    put(desired, {"spec", "host"}, Json(host));
    const auto* policy = find(canary, {"spec", "service", "trafficPolicy"});
    if (policy != nullptr && policy->is_object() && !policy->get_object().empty()) {
        put(desired, {"spec", "trafficPolicy"}, *policy);
    } else if (is_controlled_by(live, canary)) {
        // An adopted rule keeps its policy: losing mutual TLS would be an outage.
        drop(desired, {"spec", "trafficPolicy"});
    }
    keep_original(desired, live, canary);
    return desired;
}

Result<void> require_delegable(const ObjectName& name, const Json& canary) {
    const bool has_either = !array_at(canary, {"spec", "service", "hosts"}).empty() ||
                            !array_at(canary, {"spec", "service", "gateways"}).empty();
    if (!is_delegate(canary) || !has_either) return {};
    return Error{
        ErrorKind::invalid,
        fmt::format("{} cannot have hosts and gateways when delegation enabled", title(name))};
}

// The object made or corrected; an empty patch when it is as it should be.
template <typename Desired>
Result<ObjectWrite> made_right(const ObjectName& name,
                               const Json& canary,
                               const LiveObjects& live,
                               std::string_view operation,
                               const Desired& desired) {
    const auto failing = [&](std::string_view doing) {
        return fmt::format("{}: {} {} error", operation, title(name), doing);
    };
    const auto* object = find_live(live, name);
    if (object == nullptr) {
        return creation(name, desired(new_object(name, canary)), failing("create"));
    }
    const auto free = require_ours_or_free(name, *object, canary);
    if (!free) return free.error().with(operation);
    return change(name, *object, desired(*object), failing("update"));
}

}  // namespace

std::vector<kube::Resource> IstioRouter::kinds() const {
    return {kube::resources::virtual_services, kube::resources::destination_rules};
}

Capabilities IstioRouter::capabilities(const Json& canary) const {
    const bool by_request = !is_tcp(canary);
    return {.weights = true, .mirror = by_request, .match = by_request, .affinity = by_request};
}

std::vector<ObjectName> IstioRouter::objects(const Json& canary) const {
    const auto names = service_names(canary);
    return {rule_name(canary, names.canary),
            rule_name(canary, names.primary),
            virtual_service_name(canary)};
}

Result<RoutesSeen> IstioRouter::read(const Json& canary, const LiveObjects& live) const {
    const auto name = virtual_service_name(canary);
    const auto* object = find_live(live, name);
    if (object == nullptr) return RoutesSeen{};
    const auto names = service_names(canary);
    const auto& routes = array_at(*object, {"spec", list_key(canary)});
    const auto at = find_split(canary, routes, look_for(canary));
    if (!at) return no_routes(name, names);
    const auto shares = shares_of(routes[*at], names);
    if (shares.primary == 0 && shares.canary == 0) return no_routes(name, names);
    return RoutesSeen{.present = true,
                      .resource_version = std::string(kube::resource_version_of(*object)),
                      .shares = shares};
}

Result<std::vector<ObjectWrite>> IstioRouter::ensure(const Json& canary,
                                                     const LiveObjects& live,
                                                     Shares shares) const {
    require_whole(shares);
    std::vector<ObjectWrite> writes;
    const auto names = service_names(canary);
    for (const auto& host : {names.canary, names.primary}) {
        auto write =
            made_right(rule_name(canary, host), canary, live, rule_operation, [&](const Json& as) {
                return desired_rule(as, canary, host);
            });
        if (!write) return write.error();
        if (says_something(*write)) writes.push_back(std::move(*write));
    }

    const auto name = virtual_service_name(canary);
    const auto delegable = require_delegable(name, canary);
    if (!delegable) return delegable.error().with(service_operation);
    auto write = made_right(name, canary, live, service_operation, [&](const Json& as) {
        return desired_virtual_service(as, canary, shares);
    });
    if (!write) return write.error();
    if (says_something(*write)) writes.push_back(std::move(*write));
    return writes;
}

Result<ObjectWrite> IstioRouter::route(const Json& canary,
                                       const LiveObjects& live,
                                       Shares shares) const {
    require_whole(shares);
    const auto name = virtual_service_name(canary);
    const auto* object = find_live(live, name);
    if (object == nullptr) {
        return Error{ErrorKind::not_found,
                     fmt::format("{} get query error {}", title(name), not_found_text(name))};
    }
    const auto free = require_ours_or_free(name, *object, canary);
    if (!free) return free.error();
    const auto& routes = array_at(*object, {"spec", list_key(canary)});
    if (!find_split(canary, routes, look_for(canary))) {
        return no_routes(name, service_names(canary));
    }

    auto desired = *object;
    put_routes(desired, canary, shares);
    keep_original(desired, *object, canary);
    auto write = change(name, *object, desired, title(name) + " update failed");
    write.done.clear();
    return write;
}

// The routes first: a rule is missed only where something still goes by it.
Result<std::vector<ObjectWrite>> IstioRouter::revert(const Json& canary,
                                                     const LiveObjects& live) const {
    std::vector<ObjectWrite> writes;
    const auto names = service_names(canary);
    for (const auto& name : {virtual_service_name(canary),
                             rule_name(canary, names.canary),
                             rule_name(canary, names.primary)}) {
        auto write = giving_back(name, live, canary);
        if (!write) return write.error();
        if (*write) writes.push_back(std::move(**write));
    }
    return writes;
}

}  // namespace sluice::routing
