#include "lab/apiserver/openapi.hpp"

#include "base/core/sha256.hpp"
#include "base/core/text.hpp"
#include "lab/apiserver/discovery.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::lab {

namespace {

constexpr std::string_view object_meta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

// "io.k8s.api.apps.v1.Deployment"; of a custom kind the group is written backwards.
std::string schema_name(const Kind& kind, const Resource& resource) {
    if (!kind.custom) {
        const auto first = resource.group.empty()
                               ? std::string("core")
                               : resource.group.substr(0, resource.group.find('.'));
        return fmt::format("io.k8s.api.{}.{}.{}", first, resource.version, resource.kind);
    }
    auto parts = split_list(resource.group, '.');
    std::reverse(parts.begin(), parts.end());
    return fmt::format("{}.{}.{}", joined(parts, "."), resource.version, resource.kind);
}

Json text_field(std::string_view description) {
    return JsonObject{{"type", "string"}, {"description", description}};
}

Json object_meta_schema() {
    const JsonObject labels{{"type", "object"},
                            {"additionalProperties", JsonObject{{"type", "string"}}}};
    JsonObject properties{
        {"name", text_field("The name of the object, unique among its kind in its namespace.")},
        {"generateName", text_field("What a generated name begins with.")},
        {"namespace", text_field("The namespace of the object.")},
        {"labels", labels},
        {"annotations", labels},
        {"uid", text_field("Tells this object from an earlier one of the same name.")},
        {"resourceVersion", text_field("Changes whenever the object does.")},
        {"generation",
         JsonObject{{"type", "integer"}, {"description", "Counts changes of what is wanted."}}},
        {"creationTimestamp", text_field("When the object was created.")},
        {"deletionTimestamp", text_field("When deletion was asked for.")},
        {"deletionGracePeriodSeconds", JsonObject{{"type", "integer"}}},
        {"finalizers", JsonObject{{"type", "array"}, {"items", JsonObject{{"type", "string"}}}}},
        {"ownerReferences",
         JsonObject{{"type", "array"}, {"items", JsonObject{{"type", "object"}}}}},
        {"managedFields",
         JsonObject{{"type", "array"}, {"items", JsonObject{{"type", "object"}}}}}};
    return JsonObject{{"type", "object"},
                      {"description", "What every object has: names, labels, times."},
                      {"properties", std::move(properties)}};
}

JsonObject group_version_kind(const Resource& resource) {
    return {{"group", resource.group}, {"version", resource.version}, {"kind", resource.kind}};
}

Json schema_of(const ServedKind& served, const Resource& resource) {
    JsonObject schema;
    if (served.version->open_api != nullptr && served.version->open_api->is_object()) {
        schema = served.version->open_api->get_object();
    }
    schema["type"] = "object";
    auto& properties = schema["properties"];
    if (!properties.is_object()) {
        properties = JsonObject{{"spec", JsonObject{{"type", "object"}}},
                                {"status", JsonObject{{"type", "object"}}}};
    }
    auto& fields = properties.get_object();
    fields["apiVersion"] = text_field("The group and version in which the object is written.");
    fields["kind"] = text_field("What the object is.");
    fields["metadata"] = JsonObject{
        {"description", "Names, labels and what the server keeps of the object."},
        {"allOf",
         JsonArray{JsonObject{{"$ref", fmt::format("#/components/schemas/{}", object_meta)}}}}};
    schema["x-kubernetes-group-version-kind"] = JsonArray{group_version_kind(resource)};
    return schema;
}

Json parameters() {
    JsonArray all;
    for (const std::string_view name : {"dryRun", "fieldManager", "fieldValidation"}) {
        all.push_back(JsonObject{
            {"name", name}, {"in", "query"}, {"schema", JsonObject{{"type", "string"}}}});
    }
    return all;
}

Json operation(const Resource& resource, std::string_view action) {
    JsonObject operation{{"x-kubernetes-action", action},
                         {"x-kubernetes-group-version-kind", group_version_kind(resource)},
                         {"responses", JsonObject{{"200", JsonObject{{"description", "OK"}}}}}};
    // kubectl looks for fieldValidation here before it trusts the server with it.
    if (action == "post" || action == "put" || action == "patch") {
        operation["parameters"] = parameters();
    }
    return operation;
}

void add_paths(JsonObject& paths, const ServedKind& served, const Resource& resource) {
    const auto root = resource.group.empty()
                          ? "/api/" + resource.version
                          : fmt::format("/apis/{}/{}", resource.group, resource.version);
    const auto collection =
        resource.namespaced ? fmt::format("{}/namespaces/{{namespace}}/{}", root, resource.plural)
                            : fmt::format("{}/{}", root, resource.plural);
    if (!served.kind->stored) {
        paths[collection] = JsonObject{{"post", operation(resource, "post")}};
        return;
    }
    if (resource.namespaced) {
        paths[fmt::format("{}/{}", root, resource.plural)] =
            JsonObject{{"get", operation(resource, "list")}};
    }
    paths[collection] = JsonObject{{"get", operation(resource, "list")},
                                   {"post", operation(resource, "post")},
                                   {"delete", operation(resource, "deletecollection")}};
    paths[collection + "/{name}"] = JsonObject{{"get", operation(resource, "get")},
                                               {"put", operation(resource, "put")},
                                               {"patch", operation(resource, "patch")},
                                               {"delete", operation(resource, "delete")}};
}

std::string document_of(const ServedVersion& version) {
    JsonObject paths;
    JsonObject schemas{{object_meta, object_meta_schema()}};
    for (const auto& served : version.kinds) {
        const auto resource = served.kind->resource_in(*served.version);
        add_paths(paths, served, resource);
        schemas[schema_name(*served.kind, resource)] = schema_of(served, resource);
    }
    return to_text(JsonObject{{"openapi", "3.0.0"},
                              {"info", JsonObject{{"title", "Kubernetes"}, {"version", "v1.32.4"}}},
                              {"paths", std::move(paths)},
                              {"components", JsonObject{{"schemas", std::move(schemas)}}}});
}

}  // namespace

void OpenApi::refresh() {
    if (generation_ == kinds_.generation()) return;
    generation_ = kinds_.generation();
    documents_.clear();
    for (const auto& group : served_groups(kinds_)) {
        for (const auto& version : group.versions) {
            const auto path = group.name.empty()
                                  ? "api/" + version.name
                                  : fmt::format("apis/{}/{}", group.name, version.name);
            documents_[path] = document_of(version);
        }
    }
}

Json OpenApi::index() {
    refresh();
    JsonObject paths;
    for (const auto& [path, document] : documents_) {
        paths[path] = JsonObject{
            {"serverRelativeURL",
             fmt::format("/openapi/v3/{}?hash={}", path, sha256_hex(document).substr(0, 32))}};
    }
    return JsonObject{{"paths", std::move(paths)}};
}

const std::string* OpenApi::document(std::string_view path) {
    refresh();
    const auto found = documents_.find(path);
    return found == documents_.end() ? nullptr : &found->second;
}

}  // namespace sluice::lab
