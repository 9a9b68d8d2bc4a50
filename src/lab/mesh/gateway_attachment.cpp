#include "lab/mesh/gateway_attachment.hpp"

#include "base/core/text.hpp"
#include "lab/mesh/names.hpp"
#include "lab/mesh/workload.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace sluice::mesh {

namespace {

constexpr std::string_view gateway_group = "gateway.networking.k8s.io";

bool selects(const Json& selector, const Labels& labels) {
    if (!has_labels(labels, labels_of(object_at(selector, {"matchLabels"})))) return false;
    for (const auto& rule : array_at(selector, {"matchExpressions"})) {
        const auto key = text_at(rule, {"key"});
        const auto at = std::ranges::find(
            labels, key, [](const auto& label) { return std::string_view(label.first); });
        const bool is_there = at != labels.end();
        const auto& values = array_at(rule, {"values"});
        const bool is_among = is_there && std::ranges::any_of(values, [&](const Json& value) {
                                  return value.is_string() && value.get_string() == at->second;
                              });
        const auto op = text_at(rule, {"operator"});
        const bool holds = op == "In"             ? is_among
                           : op == "NotIn"        ? !is_among
                           : op == "Exists"       ? is_there
                           : op == "DoesNotExist" ? !is_there
                                                  : false;
        if (!holds) return false;
    }
    return true;
}

bool allows_namespace(const EntryListener& listener,
                      const EntryGateway& gateway,
                      std::string_view ns,
                      const NamespaceLabels& namespaces) {
    if (listener.from == "All") return true;
    if (listener.from != "Selector") return gateway.key.ns == ns;
    const auto labels = namespaces.find(std::string(ns));
    return labels != namespaces.end() &&
           selects(listener.selector, labels_of(object_at(labels->second, {})));
}

EntryListener compile_listener(const Json& json) {
    EntryListener listener;
    listener.name = text_at(json, {"name"});
    listener.hostname = lower_case(text_at(json, {"hostname"}, "*"));
    listener.port = static_cast<std::uint16_t>(
        std::clamp<std::int64_t>(integer_at(json, {"port"}).value_or(0), 0, 65535));
    listener.from = text_at(json, {"allowedRoutes", "namespaces", "from"}, "Same");
    if (const auto* selector = find(json, {"allowedRoutes", "namespaces", "selector"}))
        listener.selector = *selector;

    auto& said = listener.conditions;
    const auto protocol = text_at(json, {"protocol"}, "HTTP");
    if (protocol != "HTTP") {
        listener.is_valid = false;
        said.push_back({"Accepted",
                        false,
                        "UnsupportedProtocol",
                        fmt::format("protocol {} is not built yet, only HTTP", protocol)});
    } else {
        said.push_back({"Accepted", true, "Accepted", "the listener is carried out"});
    }
    const auto& kinds = array_at(json, {"allowedRoutes", "kinds"});
    const auto is_ours = [](const Json& kind) {
        return text_at(kind, {"kind"}) == "HTTPRoute" &&
               text_at(kind, {"group"}, gateway_group) == gateway_group;
    };
    if (std::ranges::all_of(kinds, is_ours)) {
        said.push_back({"ResolvedRefs", true, "ResolvedRefs", "all references are resolved"});
    } else {
        // Those that are HTTPRoute still count.
        if (std::ranges::none_of(kinds, is_ours)) listener.is_valid = false;
        said.push_back(
            {"ResolvedRefs",
             false,
             "InvalidRouteKinds",
             "allowedRoutes.kinds names kinds that are not built yet: only HTTPRoute is"});
    }
    return listener;
}

// Two listeners that nothing tells apart: neither is carried out.
void find_conflicts(EntryGateway& gateway) {
    for (auto& one : gateway.listeners) {
        const bool is_taken = std::ranges::any_of(gateway.listeners, [&](const auto& other) {
            return &other != &one && other.port == one.port && other.hostname == one.hostname;
        });
        if (is_taken) {
            one.is_valid = false;
            one.conditions.push_back(
                {"Conflicted",
                 true,
                 "HostnameConflict",
                 fmt::format(
                     "another listener has port {} and hostname {}, too", one.port, one.hostname)});
        } else {
            one.conditions.push_back(
                {"Conflicted", false, "NoConflicts", "no other listener is in its way"});
        }
    }
}

}  // namespace

JsonArray conditions_json(const std::vector<Condition>& conditions,
                          std::int64_t generation,
                          const JsonArray& before,
                          std::string_view now) {
    JsonArray made;
    for (const auto& condition : conditions) {
        const std::string_view status = condition.status ? "True" : "False";
        std::string since(now);
        for (const auto& old : before) {
            if (text_at(old, {"type"}) == condition.type && text_at(old, {"status"}) == status)
                since = text_at(old, {"lastTransitionTime"}, now);
        }
        made.push_back(JsonObject{{"type", condition.type},
                                  {"status", status},
                                  {"observedGeneration", generation},
                                  {"lastTransitionTime", since},
                                  {"reason", condition.reason},
                                  {"message", condition.message}});
    }
    return made;
}

EntryGateway compile_entry_gateway(const Json& object) {
    EntryGateway gateway;
    gateway.key = kube::key_of(object);
    gateway.class_name = text_at(object, {"spec", "gatewayClassName"});
    gateway.generation = integer_at(object, {"metadata", "generation"}).value_or(0);
    for (const auto& json : array_at(object, {"spec", "listeners"}))
        gateway.listeners.push_back(compile_listener(json));
    find_conflicts(gateway);
    if (!array_at(object, {"spec", "addresses"}).empty())
        gateway.faults.emplace_back(
            "spec.addresses is not built yet: the lab gives each Gateway an address");
    if (!object_at(object, {"spec", "infrastructure"}).empty())
        gateway.faults.emplace_back(
            "spec.infrastructure is not built yet: the lab makes no objects for a Gateway");
    return gateway;
}

void Grants::put(const kube::ObjectKey& key, const Json* object) {
    all_.erase(key);
    if (object != nullptr) all_.emplace(key, *object);
}

bool Grants::allow(std::string_view route_ns, const BackendRef& backend) const {
    if (backend.ns == route_ns) return true;
    const auto is_from = [&](const Json& from) {
        return text_at(from, {"group"}) == gateway_group &&
               text_at(from, {"kind"}) == "HTTPRoute" && text_at(from, {"namespace"}) == route_ns;
    };
    const auto is_to = [&](const Json& to) {
        return text_at(to, {"group"}) == backend.group && text_at(to, {"kind"}) == backend.kind &&
               text_at(to, {"name"}, backend.name) == backend.name;
    };
    return std::ranges::any_of(all_, [&](const auto& entry) {
        return entry.first.ns == backend.ns &&
               std::ranges::any_of(array_at(entry.second, {"spec", "from"}), is_from) &&
               std::ranges::any_of(array_at(entry.second, {"spec", "to"}), is_to);
    });
}

std::string meeting(std::string_view pattern, std::string_view other) {
    if (covers(pattern, other)) return std::string(other);
    if (covers(other, pattern)) return std::string(pattern);
    return {};
}

bool is_more_specific(std::string_view host, std::string_view other) {
    const auto rank = [](std::string_view text) {
        return std::tuple(!is_wildcard(text), text.size());
    };
    return rank(host) > rank(other);
}

ParentOutcome attach(const HttpRoute& route,
                     const RouteParent& parent,
                     const EntryGateway* gateway,
                     const NamespaceLabels& namespaces) {
    const auto refused = [](std::string reason, std::string message) {
        return ParentOutcome{{"Accepted", false, std::move(reason), std::move(message)}, {}};
    };
    const auto name = fmt::format("Gateway {}/{}", parent.ns, parent.name);
    if (gateway == nullptr) return refused("NoMatchingParent", "there is no " + name);
    if (!route.faults.empty()) return refused("UnsupportedValue", joined(route.faults, "; "));

    bool has_listener = false, is_allowed = false;
    std::vector<Attachment> attachments;
    for (const auto& listener : gateway->listeners) {
        if (!parent.section.empty() && parent.section != listener.name) continue;
        if (parent.port && *parent.port != listener.port) continue;
        if (!listener.is_valid) continue;
        has_listener = true;
        if (!allows_namespace(listener, *gateway, route.key.ns, namespaces)) continue;
        is_allowed = true;
        Attachment attachment{listener.name, {}};
        if (route.hostnames.empty()) attachment.hosts.push_back(listener.hostname);
        for (const auto& hostname : route.hostnames) {
            auto host = meeting(listener.hostname, hostname);
            if (!host.empty()) attachment.hosts.push_back(std::move(host));
        }
        if (!attachment.hosts.empty()) attachments.push_back(std::move(attachment));
    }
    if (!has_listener) {
        return refused("NoMatchingParent",
                       fmt::format("{} has no listener{}{} that is carried out",
                                   name,
                                   parent.section.empty() ? "" : " " + parent.section,
                                   parent.port ? fmt::format(" of port {}", *parent.port) : ""));
    }
    if (!is_allowed) {
        return refused("NotAllowedByListeners",
                       fmt::format("{} takes no routes of namespace {}", name, route.key.ns));
    }
    if (attachments.empty()) {
        return refused(
            "NoMatchingListenerHostname",
            fmt::format("{} has no listener for {}", name, joined(route.hostnames, ", ")));
    }
    return {{"Accepted", true, "Accepted", "the route is followed"}, std::move(attachments)};
}

}  // namespace sluice::mesh
