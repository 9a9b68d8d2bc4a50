#include "lab/apiserver/discovery.hpp"

#include "base/core/text.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <tuple>

namespace sluice::lab {

namespace {

JsonArray texts(const std::vector<std::string>& parts) {
    JsonArray array;
    for (const auto& part : parts) array.emplace_back(part);
    return array;
}

// Kubernetes' order of versions: v2, v1, v1beta2, v1beta1, v1alpha1, then whatever is none.
std::tuple<int, std::int64_t, std::int64_t> version_rank(std::string_view name) {
    if (!name.starts_with('v')) return {3, 0, 0};
    name.remove_prefix(1);
    int stage = 0;
    std::int64_t minor = 0;
    for (const auto& [word, is] : {std::pair<std::string_view, int>{"beta", 1}, {"alpha", 2}}) {
        const auto at = name.find(word);
        if (at == std::string_view::npos) continue;
        stage = is;
        minor = parse_integer(name.substr(at + word.size())).value_or(0);
        name = name.substr(0, at);
        break;
    }
    const auto major = parse_integer(name);
    if (!major) return {3, 0, 0};
    return {stage, -*major, -minor};
}

JsonObject group_version_kind(const Resource& resource) {
    return {{"group", resource.group}, {"version", resource.version}, {"kind", resource.kind}};
}

Json discovered_kind(const ServedKind& served) {
    const auto resource = served.kind->resource_in(*served.version);
    JsonObject entry{{"resource", resource.plural},
                     {"responseKind", group_version_kind(resource)},
                     {"scope", resource.namespaced ? "Namespaced" : "Cluster"},
                     {"singularResource", served.kind->singular},
                     {"verbs", texts(served.kind->verbs)}};
    if (!served.kind->short_names.empty()) entry["shortNames"] = texts(served.kind->short_names);
    if (!served.kind->categories.empty()) entry["categories"] = texts(served.kind->categories);
    JsonArray subresources;
    for (const auto& subresource : subresources_of(*served.kind, *served.version)) {
        subresources.push_back(
            JsonObject{{"subresource", subresource.name},
                       {"responseKind", group_version_kind(subresource.responds_with)},
                       {"verbs", texts(subresource.verbs)}});
    }
    if (!subresources.empty()) entry["subresources"] = std::move(subresources);
    return entry;
}

JsonObject version_entry(const ServedGroup& group, const ServedVersion& version) {
    return {{"groupVersion", group.name + "/" + version.name}, {"version", version.name}};
}

JsonObject group_entry(const ServedGroup& group) {
    JsonArray versions;
    for (const auto& version : group.versions) versions.push_back(version_entry(group, version));
    return {{"name", group.name},
            {"versions", std::move(versions)},
            {"preferredVersion", version_entry(group, group.versions.front())}};
}

}  // namespace

std::vector<ServedSubresource> subresources_of(const Kind& kind, const KindVersion& version) {
    const auto resource = kind.resource_in(version);
    std::vector<ServedSubresource> all;
    if (kind.resource == kube::resources::pods) {
        const std::vector<std::string> connect{"create", "get"};
        all.push_back({"attach", {"", "v1", "", "PodAttachOptions"}, connect});
        all.push_back({"eviction", {"policy", "v1", "", "Eviction"}, {"create"}});
        all.push_back({"exec", {"", "v1", "", "PodExecOptions"}, connect});
        all.push_back({"log", resource, {"get"}});
        all.push_back({"portforward", {"", "v1", "", "PodPortForwardOptions"}, connect});
    }
    if (kind.resource == kube::resources::namespaces) {
        all.push_back({"finalize", resource, {"update"}});
    }
    const std::vector<std::string> write{"get", "patch", "update"};
    if (version.scale) all.push_back({"scale", {"autoscaling", "v1", "", "Scale"}, write});
    if (version.status) all.push_back({"status", resource, write});
    return all;
}

std::vector<ServedGroup> served_groups(const KindTable& kinds) {
    std::vector<ServedGroup> groups;
    const auto version_in = [&groups](const KindVersion& version) -> ServedVersion& {
        auto group = std::find_if(groups.begin(), groups.end(), [&](const ServedGroup& one) {
            return one.name == version.group;
        });
        if (group == groups.end()) group = groups.insert(groups.end(), {version.group});
        auto there = std::find_if(
            group->versions.begin(), group->versions.end(), [&](const ServedVersion& one) {
                return one.name == version.name;
            });
        if (there == group->versions.end()) {
            there = group->versions.insert(group->versions.end(), {version.name});
        }
        return *there;
    };
    for (const auto* kind : kinds.all()) {
        for (const auto& version : kind->versions) {
            if (version.served) version_in(version).kinds.push_back({kind, &version});
        }
    }
    for (auto& group : groups) {
        std::sort(group.versions.begin(),
                  group.versions.end(),
                  [](const ServedVersion& a, const ServedVersion& b) {
                      return version_rank(a.name) < version_rank(b.name);
                  });
    }
    const auto core = std::find_if(
        groups.begin(), groups.end(), [](const ServedGroup& group) { return group.name.empty(); });
    if (core != groups.end()) std::rotate(groups.begin(), core, core + 1);
    return groups;
}

Json group_discovery(const KindTable& kinds, DiscoveryRoot root) {
    JsonArray items;
    for (const auto& group : served_groups(kinds)) {
        if (group.name.empty() != (root == DiscoveryRoot::api)) continue;
        JsonArray versions;
        for (const auto& version : group.versions) {
            JsonArray resources;
            for (const auto& served : version.kinds) resources.push_back(discovered_kind(served));
            versions.push_back(JsonObject{{"version", version.name},
                                          {"freshness", "Current"},
                                          {"resources", std::move(resources)}});
        }
        JsonObject metadata;
        if (!group.name.empty()) metadata["name"] = group.name;
        items.push_back(
            JsonObject{{"metadata", std::move(metadata)}, {"versions", std::move(versions)}});
    }
    return JsonObject{{"kind", "APIGroupDiscoveryList"},
                      {"apiVersion", "apidiscovery.k8s.io/v2"},
                      {"metadata", JsonObject{}},
                      {"items", std::move(items)}};
}

Json api_versions() {
    return JsonObject{{"kind", "APIVersions"},
                      {"versions", JsonArray{"v1"}},
                      {"serverAddressByClientCIDRs", JsonArray{}}};
}

Json api_group_list(const KindTable& kinds) {
    JsonArray groups;
    for (const auto& group : served_groups(kinds)) {
        if (!group.name.empty()) groups.push_back(group_entry(group));
    }
    return JsonObject{
        {"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", std::move(groups)}};
}

std::optional<Json> api_group(const KindTable& kinds, std::string_view name) {
    if (name.empty()) return std::nullopt;
    for (const auto& group : served_groups(kinds)) {
        if (group.name != name) continue;
        JsonObject document{{"kind", "APIGroup"}, {"apiVersion", "v1"}};
        for (auto& entry : group_entry(group)) document[entry.key()] = std::move(entry.value());
        return Json(std::move(document));
    }
    return std::nullopt;
}

std::optional<Json> api_resource_list(const KindTable& kinds,
                                      std::string_view group_name,
                                      std::string_view version_name) {
    for (const auto& group : served_groups(kinds)) {
        if (group.name != group_name) continue;
        for (const auto& version : group.versions) {
            if (version.name != version_name) continue;
            JsonArray resources;
            for (const auto& served : version.kinds) {
                const auto& kind = *served.kind;
                JsonObject entry{{"name", kind.resource.plural},
                                 {"singularName", kind.singular},
                                 {"namespaced", kind.resource.namespaced},
                                 {"kind", kind.resource.kind},
                                 {"verbs", texts(kind.verbs)}};
                if (!kind.short_names.empty()) entry["shortNames"] = texts(kind.short_names);
                if (!kind.categories.empty()) entry["categories"] = texts(kind.categories);
                resources.push_back(std::move(entry));
                for (const auto& subresource : subresources_of(kind, *served.version)) {
                    const auto& answer = subresource.responds_with;
                    JsonObject sub{{"name", kind.resource.plural + "/" + subresource.name},
                                   {"singularName", ""},
                                   {"namespaced", kind.resource.namespaced}};
                    if (answer.group != group_name || answer.version != version_name) {
                        sub["group"] = answer.group;
                        sub["version"] = answer.version;
                    }
                    sub["kind"] = answer.kind;
                    sub["verbs"] = texts(subresource.verbs);
                    resources.push_back(std::move(sub));
                }
            }
            return Json(
                JsonObject{{"kind", "APIResourceList"},
                           {"apiVersion", "v1"},
                           {"groupVersion",
                            group.name.empty() ? version.name : group.name + "/" + version.name},
                           {"resources", std::move(resources)}});
        }
    }
    return std::nullopt;
}

}  // namespace sluice::lab
