// The three core Services (canary.md 4.5).
#include "base/core/text.hpp"
#include "delivery/canary/objects.hpp"
#include "delivery/canary/steps.hpp"
#include "delivery/canary/workloads.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <vector>

namespace sluice::canary {
namespace {

constexpr std::string_view reconcile_key = "kustomize.toolkit.fluxcd.io/reconcile";
constexpr std::string_view drift_key = "helm.toolkit.fluxcd.io/driftDetection";
constexpr std::string_view disabled = "disabled";

struct Part {
    std::string name;
    std::string selects;  // value of the selector label
    const api::ServiceMetadata* metadata = nullptr;
    const std::optional<Json>* live = nullptr;
};

Part part_of(const World& world, Role role) {
    const auto primary_value = world.selector_value + "-primary";
    const bool canary_serves = !world.routes.can.weights && apex_selects_canary(world) &&
                               world.canary.status.phase != api::Phase::initializing;
    switch (role) {
        case Role::apex:
            return {world.canary.apex,
                    canary_serves ? world.selector_value : primary_value,
                    &world.canary.service.apex,
                    &world.apex_service};
        case Role::primary:
            return {world.canary.primary_service(),
                    primary_value,
                    &world.canary.service.primary,
                    &world.primary_service};
        case Role::canary:
            break;
    }
    return {world.canary.canary_service(),
            world.selector_value,
            &world.canary.service.canary,
            &world.canary_service};
}

// The containers that serve: also those that start as init containers and stay (native sidecars).
std::vector<const Json*> serving_containers(const Json& deployment) {
    std::vector<const Json*> found;
    for (const auto& container : array_at(deployment, {"spec", "template", "spec", "containers"})) {
        found.push_back(&container);
    }
    for (const auto& container :
         array_at(deployment, {"spec", "template", "spec", "initContainers"})) {
        if (text_at(container, {"restartPolicy"}) == "Always") found.push_back(&container);
    }
    std::erase_if(found, [](const Json* container) {
        const auto name = text_at(*container, {"name"});
        return name == "istio-proxy" || name == "envoy";
    });
    return found;
}

// Container ports other than the Service's own (canary.md 4.5, item 3).
void add_discovered(const World& world, JsonArray& ports) {
    const auto& service = world.canary.service;
    for (const auto* serving : serving_containers(world.target->object)) {
        const auto& container = *serving;
        const auto name = text_at(container, {"name"});
        std::size_t index = 0;
        for (const auto& port : array_at(container, {"ports"})) {
            const auto at = index++;
            const auto number = integer_at(port, {"containerPort"}).value_or(0);
            const auto port_name = text_at(port, {"name"});
            const auto protocol = text_at(port, {"protocol"}, "TCP");
            const auto& wanted = service.target_port;
            const bool taken = protocol != "TCP"  ? false
                               : wanted.is_null() ? number == service.port
                               : wanted.is_string()
                                   ? std::string_view(wanted.get_string()) == port_name
                                   : integer_at(wanted, {}).value_or(0) == number;
            if (taken || number == 0) continue;
            ports.push_back(JsonObject{
                {"name",
                 port_name.empty() ? fmt::format("{}-{}-{}", lower_case(protocol), name, at)
                                   : std::string(port_name)},
                {"protocol", protocol},
                {"port", number},
                {"targetPort", number}});
        }
    }
}

JsonArray wanted_ports(const World& world) {
    const auto& service = world.canary.service;
    JsonObject first{
        {"name", service.port_name},
        {"protocol", "TCP"},
        {"port", service.port},
        {"targetPort", service.target_port.is_null() ? Json(service.port) : service.target_port}};
    if (!service.app_protocol.empty()) first["appProtocol"] = service.app_protocol;
    JsonArray ports{std::move(first)};
    if (service.port_discovery) add_discovered(world, ports);
    return ports;
}

// A port as we compare it: the fields that we write, with the API server's defaults filled in.
std::string port_text(const Json& port) {
    const auto number = integer_at(port, {"port"}).value_or(0);
    const auto* target = find(port, {"targetPort"});
    return fmt::format("{:05} {} {} {} {}",
                       number,
                       text_at(port, {"name"}),
                       text_at(port, {"protocol"}, "TCP"),
                       target == nullptr ? std::to_string(number) : to_text(*target),
                       text_at(port, {"appProtocol"}));
}

bool same_ports(const JsonArray& a, const JsonArray& b) {
    std::multiset<std::string> left;
    std::multiset<std::string> right;
    for (const auto& port : a) left.insert(port_text(port));
    for (const auto& port : b) right.insert(port_text(port));
    return left == right;
}

// Ports of a Service that was there before us have users whom we don't know.
void keep_foreign(const JsonArray& live, JsonArray& ports) {
    const auto number_of = [](const Json& port) {
        return fmt::format(
            "{}/{}", integer_at(port, {"port"}).value_or(0), text_at(port, {"protocol"}, "TCP"));
    };
    for (const auto& old : live) {
        const bool is_ours = std::ranges::any_of(ports, [&](const Json& port) {
            return number_of(port) == number_of(old) ||
                   text_at(port, {"name"}) == text_at(old, {"name"});
        });
        if (is_ours) continue;
        auto kept = old;
        // The only port of a Service needs no name, several do.
        if (text_at(old, {"name"}).empty()) {
            put(kept,
                {"name"},
                Json(fmt::format("{}-{}",
                                 lower_case(text_at(old, {"protocol"}, "TCP")),
                                 integer_at(old, {"port"}).value_or(0))));
        }
        ports.push_back(std::move(kept));
    }
}

void carry_node_ports(const JsonArray& live, JsonArray& ports) {
    for (const auto& old : live) {
        const auto* node_port = find(old, {"nodePort"});
        if (node_port == nullptr) continue;
        for (auto& port : ports) {
            if (text_at(port, {"name"}) == text_at(old, {"name"})) {
                put(port, {"nodePort"}, *node_port);
            }
        }
    }
}

JsonObject wanted_labels(const World& world, const Part& part) {
    JsonObject labels;
    for (const auto& [key, value] : part.metadata->labels) labels[key] = value;
    labels[world.selector_label] = part.name;
    return labels;
}

JsonObject wanted_annotations(const Part& part) {
    JsonObject annotations;
    for (const auto& [key, value] : part.metadata->annotations) annotations[key] = value;
    annotations[reconcile_key] = disabled;
    annotations[drift_key] = disabled;
    return annotations;
}

// Equal to what is wanted, except the keys that the user keeps for himself.
void replace_map(Json& object,
                 JsonPath path,
                 JsonObject wanted,
                 const std::vector<std::string>& unmanaged) {
    for (const auto& [key, value] : object_at(object, path)) {
        if (std::ranges::find(unmanaged, key) != unmanaged.end()) wanted[key] = value;
    }
    put(object, path, std::move(wanted));
}

Create create_service(const World& world, const Part& part) {
    JsonObject spec{{"type", "ClusterIP"},
                    {"selector", JsonObject{{world.selector_label, part.selects}}},
                    {"ports", wanted_ports(world)}};
    const auto& service = world.canary.service;
    if (service.headless) spec["clusterIP"] = "None";
    if (!service.traffic_distribution.empty()) {
        spec["trafficDistribution"] = service.traffic_distribution;
    }
    return {Kind::service,
            JsonObject{{"apiVersion", "v1"},
                       {"kind", "Service"},
                       {"metadata",
                        JsonObject{{"name", part.name},
                                   {"namespace", world.canary.ns},
                                   {"labels", wanted_labels(world, part)},
                                   {"annotations", wanted_annotations(part)},
                                   {"ownerReferences", owner_references(world)}}},
                       {"spec", std::move(spec)}},
            {fmt::format("Service {} created", world.canary.dotted(part.name)),
             fmt::format("reconcileService failed: service {} create error: ",
                         world.canary.dotted(part.name))}};
}

std::optional<Effect> correct_service(const World& world, const Part& part, const Json& live) {
    auto wanted = live;
    auto ports = wanted_ports(world);
    const auto& live_ports = array_at(live, {"spec", "ports"});
    if (!is_owned(world, live)) keep_foreign(live_ports, ports);
    if (!same_ports(ports, live_ports)) {
        carry_node_ports(live_ports, ports);
        put(wanted, {"spec", "ports"}, std::move(ports));
    }
    put(wanted, {"spec", "selector"}, JsonObject{{world.selector_label, part.selects}});
    if (is_owned(world, live)) {
        replace_map(wanted,
                    {"metadata", "labels"},
                    wanted_labels(world, part),
                    world.canary.service.unmanaged_labels);
        replace_map(wanted,
                    {"metadata", "annotations"},
                    wanted_annotations(part),
                    world.canary.service.unmanaged_annotations);
    }
    auto patch = merge_patch_between(live, wanted);
    if (!patch.is_object() || patch.get_object().empty()) return std::nullopt;
    if (!is_owned(world, live)) {
        // An adopted Service keeps its metadata, save that other tools are told to leave it alone.
        put(wanted, {"metadata", "annotations", reconcile_key}, Json(disabled));
        put(wanted, {"metadata", "annotations", drift_key}, Json(disabled));
        patch = merge_patch_between(live, wanted);
    }
    return Patch{Kind::service,
                 part.name,
                 std::string(text_at(live, {"metadata", "uid"})),
                 std::string(text_at(live, {"metadata", "resourceVersion"})),
                 std::move(patch),
                 {fmt::format("Service {} updated", part.name),
                  fmt::format("reconcileService failed: service {} update error: ", part.name)}};
}

// --- a Service as target ----------------------------------------------------------------------

// `<apex>-canary` is the target under another name (4.5, DB-44).
std::optional<Effect> ensure_canary_copy(const World& world) {
    const auto name = world.canary.canary_service();
    const auto& target = world.target->object;
    Json wanted = world.canary_service
                      ? authored(Kind::service, *world.canary_service)
                      : Json(JsonObject{{"apiVersion", "v1"}, {"kind", "Service"}});
    const auto live = wanted;
    for (const std::string_view group : {"labels", "annotations"}) {
        for (const auto& [key, value] : object_at(target, {"metadata", group})) {
            if (!is_own_key(key)) put(wanted, {"metadata", group, key}, value);
        }
    }
    put_template(Kind::service,
                 wanted,
                 made_for_primary(world, *template_of(Kind::service, target), world.revision));
    const auto dotted = world.canary.dotted(name);
    if (!world.canary_service) {
        put(wanted, {"metadata", "name"}, Json(name));
        put(wanted, {"metadata", "namespace"}, Json(world.canary.ns));
        put(wanted, {"metadata", "ownerReferences"}, owner_references(world));
        return Create{Kind::service,
                      std::move(wanted),
                      {fmt::format("Service {} created", dotted),
                       fmt::format("reconcileCanaryService failed: creating service {} query "
                                   "error: ",
                                   world.canary.dotted())}};
    }
    auto patch = merge_patch_between(live, wanted);
    if (!patch.is_object() || patch.get_object().empty()) return std::nullopt;
    return Patch{
        Kind::service,
        name,
        std::string(text_at(live, {"metadata", "uid"})),
        std::string(text_at(live, {"metadata", "resourceVersion"})),
        std::move(patch),
        {fmt::format("Service {} updated", dotted),
         fmt::format("reconcileCanaryService failed: updating service {} failed: ", dotted)}};
}

}  // namespace

std::optional<Effect> ensure_service(const World& world, Role role) {
    if (kind_of(world) == Kind::service) {
        return role == Role::canary ? ensure_canary_copy(world) : std::nullopt;
    }
    const auto part = part_of(world, role);
    if (!part.live->has_value()) return create_service(world, part);
    return correct_service(world, part, **part.live);
}

Json service_before(const Json& live, const Json& selector) {
    constexpr std::string_view last_applied = "kubectl.kubernetes.io/last-applied-configuration";
    auto before = live;
    const auto text = text_at(live, {"metadata", "annotations", last_applied});
    const auto applied = parse_json(text.empty() ? std::string_view("{}") : text);
    const auto* selected = applied ? find(*applied, {"spec", "selector"}) : nullptr;
    if (selected == nullptr || !selected->is_object()) selected = &selector;
    if (selected->is_object()) put(before, {"spec", "selector"}, *selected);
    for (const auto key : {reconcile_key, drift_key}) {
        const bool was_there =
            applied && find(*applied, {"metadata", "annotations", key}) != nullptr;
        if (!was_there) drop(before, {"metadata", "annotations", key});
    }
    return before;
}

std::optional<Effect> point_apex_at(const World& world, bool canary) {
    if (world.selector_value.empty()) return std::nullopt;
    auto part = part_of(world, Role::apex);
    part.selects = world.selector_value + (canary ? "" : "-primary");
    if (!part.live->has_value()) return create_service(world, part);
    return correct_service(world, part, **part.live);
}

bool apex_selects_canary(const World& world) {
    return world.apex_service && !world.selector_value.empty() &&
           text_at(*world.apex_service, {"spec", "selector", world.selector_label}) ==
               world.selector_value;
}

}  // namespace sluice::canary
