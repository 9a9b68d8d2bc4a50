// What the server is and serves (kubernetes.md A.6): the aggregated documents, or the older ones.
#include "base/core/text.hpp"
#include "kube/client.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::kube {
namespace {

constexpr std::string_view aggregated_or_json =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

std::vector<std::string> texts_at(const Json& value, JsonPath path) {
    std::vector<std::string> texts;
    for (const auto& member : array_at(value, path)) {
        if (member.is_string()) texts.emplace_back(member.get_string());
    }
    return texts;
}

std::string text_of(const Json& value, JsonPath path) {
    return std::string(text_at(value, path));
}

void add_aggregated(const Json& list, Discovery& found) {
    for (const auto& group : array_at(list, {"items"})) {
        const auto name = text_of(group, {"metadata", "name"});
        for (const auto& version : array_at(group, {"versions"})) {
            const auto version_name = text_of(version, {"version"});
            if (text_at(version, {"freshness"}) == "Stale") {
                found.trouble.push_back(
                    fmt::format("{}/{}: the server behind it does not answer", name, version_name));
            }
            for (const auto& served : array_at(version, {"resources"})) {
                ServedResource resource;
                resource.resource = {name,
                                     version_name,
                                     text_of(served, {"resource"}),
                                     text_of(served, {"responseKind", "kind"}),
                                     text_at(served, {"scope"}) == "Namespaced"};
                resource.singular = text_of(served, {"singularResource"});
                resource.short_names = texts_at(served, {"shortNames"});
                resource.verbs = texts_at(served, {"verbs"});
                resource.categories = texts_at(served, {"categories"});
                for (const auto& sub : array_at(served, {"subresources"}))
                    resource.subresources.push_back(text_of(sub, {"subresource"}));
                found.resources.push_back(std::move(resource));
            }
        }
    }
}

// An APIResourceList of one group version.
void add_list(const Json& list,
              const std::string& group,
              const std::string& version,
              Discovery& found) {
    const auto first = found.resources.size();
    const auto& resources = array_at(list, {"resources"});
    for (const auto& served : resources) {
        auto name = text_of(served, {"name"});
        if (name.find('/') != std::string::npos) continue;
        ServedResource resource;
        resource.resource = {group,
                             version,
                             std::move(name),
                             text_of(served, {"kind"}),
                             bool_at(served, {"namespaced"}).value_or(false)};
        resource.singular = text_of(served, {"singularName"});
        resource.short_names = texts_at(served, {"shortNames"});
        resource.verbs = texts_at(served, {"verbs"});
        resource.categories = texts_at(served, {"categories"});
        found.resources.push_back(std::move(resource));
    }
    for (const auto& served : resources) {
        const auto name = text_at(served, {"name"});
        const auto slash = name.find('/');
        if (slash == std::string_view::npos) continue;
        for (auto i = first; i < found.resources.size(); ++i) {
            if (found.resources[i].resource.plural == name.substr(0, slash))
                found.resources[i].subresources.emplace_back(name.substr(slash + 1));
        }
    }
}

bool is_aggregated(const Json& document) {
    return text_at(document, {"kind"}) == "APIGroupDiscoveryList";
}

// Group versions of an APIGroupList, the preferred one of each group first.
std::vector<std::pair<std::string, std::string>> versions_of(const Json& groups) {
    std::vector<std::pair<std::string, std::string>> versions;
    for (const auto& group : array_at(groups, {"groups"})) {
        const auto name = text_of(group, {"name"});
        const auto preferred = text_of(group, {"preferredVersion", "version"});
        if (!preferred.empty()) versions.emplace_back(name, preferred);
        for (const auto& version : array_at(group, {"versions"})) {
            const auto version_name = text_of(version, {"version"});
            if (version_name != preferred) versions.emplace_back(name, version_name);
        }
    }
    return versions;
}

}  // namespace

Task<Result<ServerVersion>> Client::server_version() {
    const auto answer = co_await get_path("/version");
    if (!answer) co_return answer.error();
    const auto number = [&](std::string_view field) {
        auto digits = text_at(*answer, {field});
        const auto end = digits.find_first_not_of("0123456789");
        return static_cast<int>(parse_integer(digits.substr(0, end)).value_or(0));
    };
    co_return ServerVersion{number("major"), number("minor"), text_of(*answer, {"gitVersion"})};
}

Task<Result<Discovery>> Client::discover() {
    Discovery found;
    const auto core = co_await get_path("/api", std::string(aggregated_or_json));
    if (!core) co_return core.error();
    if (is_aggregated(*core)) {
        add_aggregated(*core, found);
    } else {
        for (const auto& version : texts_at(*core, {"versions"})) {
            const auto list = co_await get_path("/api/" + percent_encoded(version));
            if (!list) co_return list.error();
            add_list(*list, "", version, found);
        }
    }

    const auto groups = co_await get_path("/apis", std::string(aggregated_or_json));
    if (!groups) co_return groups.error();
    if (is_aggregated(*groups)) {
        add_aggregated(*groups, found);
        co_return found;
    }
    for (const auto& [group, version] : versions_of(*groups)) {
        const auto list =
            co_await get_path("/apis/" + percent_encoded(group) + "/" + percent_encoded(version));
        // A group whose server is away must not take the others with it.
        if (!list) {
            found.trouble.push_back(fmt::format("{}/{}: {}", group, version, list.error().message));
            continue;
        }
        add_list(*list, group, version, found);
    }
    co_return found;
}

const ServedResource* Discovery::find_kind(std::string_view group, std::string_view kind) const {
    for (const auto& served : resources) {
        if (served.resource.group == group && served.resource.kind == kind) return &served;
    }
    return nullptr;
}

const ServedResource* Discovery::find_name(std::string_view name) const {
    const auto dot = name.find('.');
    const auto plain = lower_case(name.substr(0, dot));
    const auto group = dot == std::string_view::npos ? std::string_view{} : name.substr(dot + 1);
    const auto in_group = [&](const ServedResource& served) {
        return dot == std::string_view::npos || served.resource.group == group ||
               served.resource.version + "." + served.resource.group == group;
    };
    for (const auto& served : resources) {
        if (!in_group(served)) continue;
        if (served.resource.plural == plain || served.singular == plain ||
            lower_case(served.resource.kind) == plain)
            return &served;
    }
    for (const auto& served : resources) {
        const auto& names = served.short_names;
        if (in_group(served) && std::find(names.begin(), names.end(), plain) != names.end())
            return &served;
    }
    return nullptr;
}

bool Discovery::serves(const Resource& resource) const {
    return std::any_of(resources.begin(), resources.end(), [&](const ServedResource& served) {
        return served.resource.group == resource.group &&
               served.resource.version == resource.version &&
               served.resource.plural == resource.plural;
    });
}

}  // namespace sluice::kube
