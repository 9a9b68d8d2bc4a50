#include "routing/istio.hpp"

#include "base/core/text.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::routing {
namespace {

constexpr std::string_view original_configuration = "flagger.kubernetes.io/original-configuration";
constexpr std::string_view last_applied = "kubectl.kubernetes.io/last-applied-configuration";

ObjectName rule_name(const Json& canary, const std::string& service) {
    return {kube::resources::destination_rules, {kube::key_of(canary).ns, service}};
}

ObjectName virtual_service_name(const Json& canary) {
    return {kube::resources::virtual_services,
            {kube::key_of(canary).ns, service_names(canary).apex}};
}

const Json* find_live(const LiveObjects& live, const ObjectName& name) {
    const auto found = live.find(name);
    return found == live.end() ? nullptr : &found->second;
}

// "VirtualService web.prod"
std::string title(const ObjectName& name) {
    return fmt::format("{} {}.{}", name.resource.kind, name.key.name, name.key.ns);
}

bool is_controlled_by(const Json& object, const Json& canary) {
    const auto* owner = kube::controller_of(object);
    return owner != nullptr && text_at(*owner, {"uid"}) == kube::uid_of(canary);
}

// Nobody's object may be adopted, another controller's never.
Result<void> require_ours_or_free(const ObjectName& name, const Json& object, const Json& canary) {
    const auto* owner = kube::controller_of(object);
    if (owner == nullptr || is_controlled_by(object, canary)) return {};
    return Error{ErrorKind::denied,
                 fmt::format("{} is controlled by {} {}, not by Canary {}",
                             title(name),
                             text_at(*owner, {"kind"}),
                             text_at(*owner, {"name"}),
                             kube::key_of(canary).name)};
}

Json new_object(const ObjectName& name, const Json& canary) {
    return JsonObject{
        {"apiVersion", name.resource.api_version()},
        {"kind", name.resource.kind},
        {"metadata",
         JsonObject{{"name", name.key.name},
                    {"namespace", name.key.ns},
                    {"ownerReferences",
                     JsonArray{kube::owner_reference_to(kube::resources::canaries, canary)}}}},
        {"spec", JsonObject{}}};
}

ObjectWrite creation(const ObjectName& name, Json object, std::string_view operation) {
    return {.name = name,
            .verb = WriteVerb::create,
            .body = std::move(object),
            .done = title(name) + " created",
            .failing = fmt::format("{} failed: {} create error", operation, title(name))};
}

// The patch from `live` to `desired`; its body is an empty object when nothing differs.
ObjectWrite change(const ObjectName& name,
                   const Json& live,
                   const Json& desired,
                   std::string failing) {
    auto patch = merge_patch_between(live, desired);
    if (!patch.as_object().empty()) {
        put(patch, {"metadata", "resourceVersion"}, Json(kube::resource_version_of(live)));
    }
    return {.name = name,
            .verb = WriteVerb::patch,
            .body = std::move(patch),
            .done = title(name) + " updated",
            .failing = std::move(failing)};
}

bool says_something(const ObjectWrite& write) {
    return write.verb == WriteVerb::create || !write.body.as_object().empty();
}

bool is_tcp(const Json& canary) {
    return equals_ignoring_case(text_at(canary, {"spec", "service", "appProtocol"}), "tcp");
}

std::string_view list_key(const Json& canary) {
    return is_tcp(canary) ? "tcp" : "http";
}

JsonArray hosts(const Json& canary) {
    auto list = array_at(canary, {"spec", "service", "hosts"});
    const auto apex = service_names(canary).apex;
    const bool covered = std::ranges::any_of(list, [&](const Json& host) {
        return host.is_string() && (host.get_string() == apex || host.get_string() == "*");
    });
    if (!covered) list.emplace_back(apex);
    return list;
}

JsonArray gateways(const Json& canary) {
    auto list = array_at(canary, {"spec", "service", "gateways"});
    if (list.empty()) list.emplace_back("mesh");
    return list;
}

Json destination(const Json& canary, const std::string& host, int weight) {
    Json made = JsonObject{{"destination", JsonObject{{"host", host}}}, {"weight", weight}};
    const auto& through = array_at(canary, {"spec", "service", "gateways"});
    const bool at_gateway = !through.empty() && through.front() != Json("mesh");
    if (at_gateway && bool_at(canary, {"spec", "service", "portDiscovery"}).value_or(false)) {
        if (const auto port = integer_at(canary, {"spec", "service", "port"})) {
            put(made, {"destination", "port", "number"}, *port);
        }
    }
    return made;
}

JsonArray destinations(const Json& canary, Shares shares) {
    const auto names = service_names(canary);
    return {destination(canary, names.primary, shares.primary),
            destination(canary, names.canary, shares.canary)};
}

void put_or_drop(JsonObject& route, std::string_view key, const Json* value) {
    const bool says_nothing = value == nullptr || value->is_null() ||
                              (value->is_object() && value->get_object().empty()) ||
                              (value->is_array() && value->get_array().empty()) ||
                              (value->is_string() && value->get_string().empty());
    if (says_nothing) {
        route.erase(key);
    } else {
        route[key] = *value;
    }
}

// Writes what spec.service says into a route and leaves the keys that it does not know.
void put_service_fields(JsonObject& route, const Json& canary) {
    if (is_tcp(canary)) {
        JsonArray ports;
        for (const auto& match : array_at(canary, {"spec", "service", "match"})) {
            if (const auto* port = find(match, {"port"}))
                ports.push_back(JsonObject{{"port", *port}});
        }
        const Json matches = ports;
        put_or_drop(route, "match", &matches);
        return;
    }
    for (const std::string_view key : {"match", "timeout", "retries", "corsPolicy", "headers"}) {
        put_or_drop(route, key, find(canary, {"spec", "service", key}));
    }
    Json rewrite = JsonObject{};
    if (const auto* live = route.if_contains("rewrite"); live != nullptr && live->is_object()) {
        rewrite = *live;
    }
    for (const std::string_view key : {"uri", "authority"}) {
        put_or_drop(rewrite.get_object(), key, find(canary, {"spec", "service", "rewrite", key}));
    }
    put_or_drop(route, "rewrite", &rewrite);
}

bool names_host(const Json& route, std::string_view host) {
    return std::ranges::any_of(array_at(route, {"route"}), [&](const Json& each) {
        return text_at(each, {"destination", "host"}) == host;
    });
}

// Where our route stands: the last one that splits between the two, else the last one that names
// the canary (which a peer may have left). Nothing when there is none.
std::optional<std::size_t> our_route(const JsonArray& routes, const ServiceNames& names) {
    std::optional<std::size_t> named;
    for (std::size_t i = routes.size(); i-- > 0;) {
        if (!names_host(routes[i], names.canary)) continue;
        if (names_host(routes[i], names.primary)) return i;
        if (!named) named = i;
    }
    return named;
}

// A route without conditions takes everything that is left, so ours comes before the first such.
std::size_t place_for_ours(const JsonArray& routes) {
    const auto catch_all = std::ranges::find_if(
        routes, [](const Json& route) { return array_at(route, {"match"}).empty(); });
    return static_cast<std::size_t>(catch_all - routes.begin());
}

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
    return seen;
}

void require_whole(Shares shares) {
    SLUICE_ASSERT(shares.primary >= 0 && shares.canary >= 0 &&
                  shares.primary + shares.canary == 100);
}

void put_metadata(Json& object, const Json& canary) {
    for (const auto& [key, value] : object_at(canary, {"spec", "service", "apex", "labels"})) {
        put(object, {"metadata", "labels", key}, value);
    }
    for (const auto& [key, value] : object_at(canary, {"spec", "service", "apex", "annotations"})) {
        put(object, {"metadata", "annotations", key}, value);
    }
    for (const auto& [key, value] : flux_annotations()) {
        put(object, {"metadata", "annotations", key}, Json(value));
    }
}

// What the user had before our first write, so that it can be given back.
void keep_original(Json& desired, const Json& live, const Json& canary) {
    const auto& annotations = object_at(live, {"metadata", "annotations"});
    if (is_controlled_by(live, canary) || annotations.contains(last_applied) ||
        annotations.contains(original_configuration))
        return;
    const auto* before = find(live, {"spec"});
    const auto* after = find(desired, {"spec"});
    if (before == nullptr || after == nullptr || *before == *after) return;
    put(desired, {"metadata", "annotations", original_configuration}, Json(to_text(*before)));
}

Json desired_virtual_service(const Json& live, const Json& canary, Shares shares) {
    const auto names = service_names(canary);
    auto desired = live;
    put(desired, {"spec", "hosts"}, hosts(canary));
    put(desired, {"spec", "gateways"}, gateways(canary));
    auto routes = array_at(live, {"spec", list_key(canary)});
    const auto found = our_route(routes, names);
    const auto at = found.value_or(place_for_ours(routes));
    if (!found) routes.insert(routes.begin() + static_cast<std::ptrdiff_t>(at), Json(JsonObject{}));
    auto& ours = routes[at].as_object();
    put_service_fields(ours, canary);
    ours["route"] = destinations(canary, shares);
    put(desired, {"spec", list_key(canary)}, std::move(routes));
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
    return desired;
}

}  // namespace

// Mirroring, A/B testing and session affinity come with the routes that carry them.
Capabilities IstioRouter::capabilities(const Json& /*canary*/) const {
    return {};
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
    const auto at = our_route(routes, names);
    auto shares =
        at ? shares_of(routes[*at], names) : Shares{.primary = 0, .canary = 0, .mirrored = false};
    if (shares.primary == 0 && shares.canary == 0) {
        return Error{ErrorKind::invalid,
                     fmt::format("{} does not contain routes for {} and {}",
                                 title(name),
                                 names.primary,
                                 names.canary)};
    }
    shares.mirrored = !text_at(routes[*at], {"mirror", "host"}).empty();
    return RoutesSeen{.present = true,
                      .resource_version = std::string(kube::resource_version_of(*object)),
                      .shares = shares};
}

Result<std::vector<ObjectWrite>> IstioRouter::ensure(const Json& canary,
                                                     const LiveObjects& live,
                                                     Shares shares) const {
    require_whole(shares);
    const auto names = service_names(canary);
    std::vector<ObjectWrite> writes;
    const auto add = [&](ObjectWrite write) {
        if (says_something(write)) writes.push_back(std::move(write));
    };

    for (const auto& host : {names.canary, names.primary}) {
        constexpr std::string_view operation = "reconcileDestinationRule";
        const auto name = rule_name(canary, host);
        const auto* object = find_live(live, name);
        if (object == nullptr) {
            const auto fresh = new_object(name, canary);
            add(creation(name, desired_rule(fresh, canary, host), operation));
            continue;
        }
        const auto free = require_ours_or_free(name, *object, canary);
        if (!free) return free.error().with(fmt::format("{} failed", operation));
        add(change(name,
                   *object,
                   desired_rule(*object, canary, host),
                   fmt::format("{} failed: {} update error", operation, title(name))));
    }

    constexpr std::string_view operation = "reconcileVirtualService";
    const auto name = virtual_service_name(canary);
    const auto* object = find_live(live, name);
    if (object == nullptr) {
        const auto fresh = new_object(name, canary);
        add(creation(name, desired_virtual_service(fresh, canary, shares), operation));
        return writes;
    }
    const auto free = require_ours_or_free(name, *object, canary);
    if (!free) return free.error().with(fmt::format("{} failed", operation));
    add(change(name,
               *object,
               desired_virtual_service(*object, canary, shares),
               fmt::format("{} failed: {} update error", operation, title(name))));
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
                     fmt::format("{} get query error {} \"{}\" not found",
                                 title(name),
                                 name.resource.qualified(),
                                 name.key.name)};
    }
    const auto free = require_ours_or_free(name, *object, canary);
    if (!free) return free.error();

    auto desired = *object;
    auto routes = array_at(*object, {"spec", list_key(canary)});
    const auto names = service_names(canary);
    const auto at = our_route(routes, names);
    if (!at) {
        return Error{ErrorKind::invalid,
                     fmt::format("{} does not contain routes for {} and {}",
                                 title(name),
                                 names.primary,
                                 names.canary)};
    }
    auto& ours = routes[*at].as_object();
    ours["route"] = destinations(canary, shares);
    ours.erase("mirror");
    ours.erase("mirrorPercentage");
    put(desired, {"spec", list_key(canary)}, std::move(routes));
    auto write = change(name, *object, desired, title(name) + " update failed");
    write.done.clear();
    return write;
}

}  // namespace sluice::routing
