#include "cli/apply.hpp"

#include "base/core/text.hpp"
#include "kube/yaml.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::cli {
namespace {

// "apps/v1" to group and version.
std::pair<std::string_view, std::string_view> group_and_version(std::string_view api_version) {
    const auto slash = api_version.find('/');
    if (slash == std::string_view::npos) return {"", api_version};
    return {api_version.substr(0, slash), api_version.substr(slash + 1)};
}

// The resource of an object, in the version that its manifest names.
std::optional<kube::Resource> resource_of(const kube::Discovery& discovery, const Json& object) {
    const auto [group, version] = group_and_version(text_at(object, {"apiVersion"}));
    for (const auto& served : discovery.resources) {
        if (served.resource.group == group && served.resource.version == version &&
            served.resource.kind == text_at(object, {"kind"})) {
            return served.resource;
        }
    }
    return std::nullopt;
}

Task<Result<std::string>> apply_one(kube::Client& client, kube::Resource resource, Json object) {
    auto key = kube::key_of(object);
    if (resource.namespaced && key.ns.empty()) {
        key.ns = "default";
        put(object, {"metadata", "namespace"}, Json(key.ns));
    }
    const auto label = fmt::format("{}{}/{}",
                                   lower_case(resource.kind),
                                   resource.group.empty() ? "" : "." + resource.group,
                                   key.name);
    const auto before = co_await client.get(resource, key);
    if (!before && before.error().kind != ErrorKind::not_found)
        co_return before.error().with("reading " + label);
    if (!before) {
        const auto made =
            co_await client.create(resource, std::move(object), {.field_validation = "Strict"});
        if (!made) co_return made.error().with("creating " + label);
        co_return label + " created";
    }
    const auto after = co_await client.merge_patch(
        resource, key, std::move(object), {.field_validation = "Strict"});
    if (!after) co_return after.error().with("changing " + label);
    co_return label + (kube::resource_version_of(*before) == kube::resource_version_of(*after)
                           ? " unchanged"
                           : " configured");
}

}  // namespace

Task<Result<std::vector<std::string>>> apply_manifests(kube::Client& client, std::string yaml) {
    const auto documents = kube::parse_yaml_documents(yaml);
    if (!documents) co_return documents.error();
    auto discovery = co_await client.discover();
    if (!discovery) co_return discovery.error().with("asking what the cluster serves");

    std::vector<std::string> lines;
    for (const auto& document : *documents) {
        auto resource = resource_of(*discovery, document);
        if (!resource) {
            // A CRD applied a moment ago.
            discovery = co_await client.discover();
            if (!discovery) co_return discovery.error().with("asking what the cluster serves");
            resource = resource_of(*discovery, document);
        }
        if (!resource) {
            co_return Error{ErrorKind::unsupported,
                            fmt::format("no kind {} of {} is served by this cluster (object {})",
                                        text_at(document, {"kind"}, "(none)"),
                                        text_at(document, {"apiVersion"}, "(none)"),
                                        text_at(document, {"metadata", "name"}, "(none)"))};
        }
        auto line = co_await apply_one(client, *resource, document);
        if (!line) co_return line.error();
        lines.push_back(std::move(*line));
    }
    co_return lines;
}

}  // namespace sluice::cli
