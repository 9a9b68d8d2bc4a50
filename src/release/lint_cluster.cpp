#include "release/lint_cluster.hpp"

#include "base/core/text.hpp"
#include "release/mesh_lint.hpp"
#include "release/revision_tags.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sluice::release {
namespace {

namespace resources = kube::resources;

constexpr std::string_view injector_namespace = "istio-system";
constexpr std::string_view bare_injector = "istio-sidecar-injector";

kube::Resource of(std::string group, std::string version, std::string plural, std::string kind) {
    return {.group = std::move(group),
            .version = std::move(version),
            .plural = std::move(plural),
            .kind = std::move(kind)};
}

void take_list(std::vector<Json> items, const kube::Resource& resource, Around& around) {
    for (auto& object : items) {
        name_kind(object, resource);
        around.objects.push_back(std::move(object));
    }
}

// Of what may stand anywhere, whoever may not read all namespaces sees that of one.
// The Around is the caller's own, who waits for this.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): as said above.
Task<Result<void>> read_kind(kube::Client& client, LintKind asked, Around& around) {
    const auto& kind = asked.resource.kind;
    if (!asked.everywhere) around.elsewhere.insert(kind);
    auto list = co_await client.list(asked.resource,
                                     {.ns = asked.everywhere ? std::string() : around.home});
    if (!list && list.error().kind == ErrorKind::denied && asked.everywhere &&
        asked.resource.namespaced) {
        around.elsewhere.insert(kind);
        list = co_await client.list(asked.resource, {.ns = around.home});
    }
    if (list) {
        take_list(std::move(list->items), asked.resource, around);
    } else if (list.error().kind == ErrorKind::denied) {
        around.unread.insert(kind);
    } else if (list.error().kind != ErrorKind::not_found) {
        co_return list.error().with(fmt::format("listing {}", asked.resource.plural));
    }
    co_return Result<void>{};
}

// Of a kind of which only this one is read.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): as above.
Task<> read_one(kube::Client& client,
                kube::Resource resource,
                kube::ObjectKey key,
                Around& around) {
    auto object = co_await client.get(resource, std::move(key));
    if (object) {
        around.unread.erase(resource.kind);
        around.elsewhere.insert(resource.kind);
        take_list({*std::move(object)}, resource, around);
    } else if (object.error().kind == ErrorKind::denied) {
        around.unread.insert(resource.kind);
    }
}

// The one of the revision that is asked for; empty for the default one. Where there is none of this
// name, it may be a tag.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): as above.
Task<Result<void>> read_injector(kube::Client& client, std::string asked, Around& around) {
    const auto is_known = [&](std::string_view revision) {
        return std::ranges::any_of(around.objects, [&](const Json& object) {
            return text_at(object, {"kind"}) == resources::config_maps.kind &&
                   kube::key_of(object) == injector_key(revision);
        });
    };
    co_await read_one(client, resources::config_maps, injector_key(asked), around);
    if (is_known(asked) || around.unread.contains(resources::config_maps.kind)) {
        co_return Result<void>{};
    }
    const auto* kind = lint_kind_of(injector_webhooks());
    const auto read = co_await read_kind(client, *kind, around);
    if (!read) co_return read.error();
    RevisionTags tags;
    for (const auto& object : around.objects) tags.note(object);
    const std::string_view tag = asked.empty() ? std::string_view("default") : asked;
    const auto revision = tags.behind(tag);
    if (revision != tag) {
        co_await read_one(client, resources::config_maps, injector_key(revision), around);
    }
    co_return Result<void>{};
}

// The weights of a route change with each step, and its other fields say nothing about others.
JsonArray leading(const JsonArray& routes) {
    JsonArray kept;
    for (const auto& route : routes) {
        JsonObject one;
        JsonArray targets;
        for (const auto& target : array_at(route, {"route"})) {
            const auto* destination = find(target, {"destination"});
            targets.push_back(
                JsonObject{{"destination", destination ? *destination : Json(nullptr)}});
        }
        one["route"] = std::move(targets);
        for (const auto* field : {"mirror", "mirrors"}) {
            if (const auto* mirror = find(route, {field})) one[field] = *mirror;
        }
        kept.push_back(std::move(one));
    }
    return kept;
}

}  // namespace

std::span<const LintKind> lint_kinds() {
    static const std::array all{
        LintKind{resources::canaries, false, "anything"},
        LintKind{resources::horizontal_pod_autoscalers, false, "autoscalerRef"},
        LintKind{resources::pods, false, "missing and old proxies"},
        LintKind{of("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"),
                 false,
                 "whose pods they guard"},
        LintKind{of("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy"),
                 false,
                 "whose pods they guard"},
        LintKind{resources::metric_templates, true, "templateRef"},
        LintKind{resources::alert_providers, true, "providerRef"},
        LintKind{resources::namespaces, true, "injection, exportTo"},
        LintKind{resources::deployments, true, "targets, gateways' pods, subsets"},
        LintKind{resources::daemon_sets, true, "targets, gateways' pods, subsets"},
        LintKind{of("apps", "v1", "statefulsets", "StatefulSet"), true, "subsets"},
        LintKind{resources::services, true, "hosts, ports"},
        LintKind{resources::gateways, true, "references to them"},
        LintKind{resources::virtual_services, true, "their routes"},
        LintKind{resources::destination_rules, true, "subsets"},
        LintKind{of("networking.istio.io", "v1beta1", "serviceentries", "ServiceEntry"),
                 true,
                 "whether a host is there"},
        LintKind{of("networking.istio.io", "v1beta1", "sidecars", "Sidecar"), true, "themselves"},
        LintKind{of("security.istio.io", "v1beta1", "peerauthentications", "PeerAuthentication"),
                 true,
                 "plain text where only TLS is let through"},
        LintKind{
            of("security.istio.io", "v1beta1", "requestauthentications", "RequestAuthentication"),
            true,
            "routes by a token's claims"},
        LintKind{of("security.istio.io", "v1beta1", "authorizationpolicies", "AuthorizationPolicy"),
                 true,
                 "themselves"},
        LintKind{injector_webhooks(), true, "old proxies behind revision tags"},
        LintKind{resources::config_maps, true, "old proxies"}};
    return all;
}

const kube::Resource& injector_webhooks() {
    static const auto resource = [] {
        auto webhooks = of("admissionregistration.k8s.io",
                           "v1",
                           "mutatingwebhookconfigurations",
                           "MutatingWebhookConfiguration");
        webhooks.namespaced = false;
        return webhooks;
    }();
    return resource;
}

const LintKind* lint_kind_of(const kube::Resource& resource) {
    const auto kinds = lint_kinds();
    const auto found = std::ranges::find(kinds, resource, &LintKind::resource);
    return found == kinds.end() ? nullptr : &*found;
}

kube::ObjectKey injector_key(std::string_view revision) {
    std::string name(bare_injector);
    if (!revision.empty()) name += fmt::format("-{}", revision);
    return {std::string(injector_namespace), std::move(name)};
}

bool is_injector(const kube::ObjectKey& key) {
    if (key.ns != injector_namespace || !key.name.starts_with(bare_injector)) return false;
    return key.name.size() == bare_injector.size() || key.name[bare_injector.size()] == '-';
}

void name_kind(Json& object, const kube::Resource& resource) {
    put(object, {"kind"}, Json(resource.kind));
    put(object, {"apiVersion"}, Json(resource.api_version()));
}

bool is_in_namespace(const Json& object, std::string_view ns) {
    return text_at(object, {"kind"}) == "Namespace" ? text_at(object, {"metadata", "name"}) == ns
                                                    : ns_of(object) == ns;
}

Task<Result<Around>> read_around(kube::Client& client, std::string ns) {
    Around around{.objects = {}, .whole = true, .home = ns};
    for (const auto& asked : lint_kinds()) {
        // It is known below which of them are asked for.
        if (asked.resource == resources::config_maps || asked.resource == injector_webhooks()) {
            continue;
        }
        const auto read = co_await read_kind(client, asked, around);
        if (!read) co_return read.error();
    }
    if (around.unread.contains("Canary")) {
        co_return Error{ErrorKind::denied, "you may not list the Canaries of namespace " + ns};
    }
    if (around.unread.contains("Namespace")) {
        co_await read_one(client, resources::namespaces, {"", ns}, around);
    }
    const auto own = std::ranges::find_if(around.objects, [&](const Json& object) {
        return text_at(object, {"kind"}) == "Namespace" && kube::key_of(object).name == ns;
    });
    const auto asked = own == around.objects.end() ? std::string() : revision_of(*own);
    const auto read = co_await read_injector(client, asked, around);
    if (!read) co_return read.error();
    co_return around;
}

std::string not_judged(const std::set<std::string>& kinds) {
    std::vector<std::string> parts;
    for (const auto& kind : lint_kinds()) {
        if (!kinds.contains(kind.resource.kind)) continue;
        parts.push_back(fmt::format("{} ({})", kind.resource.plural, kind.tells));
    }
    if (parts.empty()) return {};
    return "not judged, for you cannot read them: " + joined(parts, ", ");
}

Json outline_of(const kube::Resource& resource, const Json& object) {
    const auto key = kube::key_of(object);
    JsonObject metadata{{"name", key.name}};
    if (!key.ns.empty()) metadata["namespace"] = key.ns;
    Json outline = JsonObject{{"metadata", std::move(metadata)}};
    name_kind(outline, resource);
    const auto keep = [&](JsonPath path) {
        if (const auto* found = find(object, path)) put(outline, path, *found);
    };
    const auto& kind = resource.kind;
    if (resource.group == "apps") {
        keep({"spec", "template", "metadata", "labels"});
        for (const auto* field : {"readyReplicas", "numberReady"}) {
            if (integer_at(object, {"status", field}).value_or(0) > 0) {
                put(outline, {"status", field}, Json(1));
            }
        }
    } else if (resource == resources::services) {
        keep({"spec", "selector"});
        keep({"spec", "ports"});
    } else if (resource == resources::virtual_services) {
        for (const auto* field : {"hosts", "gateways", "exportTo"}) keep({"spec", field});
        for (const auto* list : {"http", "tcp", "tls"}) {
            const auto& routes = array_at(object, {"spec", list});
            if (!routes.empty()) put(outline, {"spec", list}, leading(routes));
        }
    } else if (resource == resources::destination_rules) {
        keep({"spec", "host"});
        JsonArray subsets;
        for (const auto& subset : array_at(object, {"spec", "subsets"})) {
            subsets.push_back(JsonObject{{"name", text_at(subset, {"name"})}});
        }
        put(outline, {"spec", "subsets"}, std::move(subsets));
    } else if (resource == resources::gateways) {
        keep({"spec"});
    } else if (kind == "ServiceEntry") {
        keep({"spec", "hosts"});
    } else if (resource.group == "security.istio.io") {
        keep({"spec", "selector"});
        keep({"spec", "mtls"});
    } else if (resource == resources::metric_templates) {
        keep({"spec", "query"});
    } else if (resource == resources::config_maps) {
        keep({"data", "values"});
    } else if (resource == injector_webhooks()) {
        for (const auto* label : {"istio.io/rev", "istio.io/tag"}) {
            keep({"metadata", "labels", label});
        }
    }
    return outline;
}

}  // namespace sluice::release
