#include "lab/apiserver/discovery.hpp"

#include "an_api.hpp"

namespace sluice::lab {

using Texts = std::vector<std::string>;

namespace {

constexpr std::string_view asks_for_groups =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

Json aggregated(AnApi& api, std::string_view path) {
    const auto answer = api.ask("GET", path, {}, {{"Accept", std::string(asks_for_groups)}});
    CHECK(answer.status == 200);
    CHECK(answer.headers.get("Content-Type") == group_discovery_media_type);
    return json(answer.body);
}

const Json* named(const JsonArray& items, JsonPath path, std::string_view name) {
    for (const auto& item : items) {
        if (text_at(item, path) == name) return &item;
    }
    return nullptr;
}

}  // namespace

TEST_CASE("aggregated discovery describes a kind with its names, verbs and subresources") {
    AnApi api;
    const auto document = aggregated(api, "/apis");
    CHECK(text_at(document, {"kind"}) == "APIGroupDiscoveryList");
    CHECK(text_at(document, {"apiVersion"}) == "apidiscovery.k8s.io/v2");
    const auto* apps = named(array_at(document, {"items"}), {"metadata", "name"}, "apps");
    REQUIRE(apps != nullptr);
    const auto& version = array_at(*apps, {"versions"}).at(0);
    CHECK(text_at(version, {"version"}) == "v1");
    CHECK(text_at(version, {"freshness"}) == "Current");
    const auto* deployments = named(array_at(version, {"resources"}), {"resource"}, "deployments");
    REQUIRE(deployments != nullptr);
    CHECK(*deployments == json(R"({
        "resource":"deployments",
        "responseKind":{"group":"apps","version":"v1","kind":"Deployment"},
        "scope":"Namespaced","singularResource":"deployment",
        "verbs":["create","delete","deletecollection","get","list","patch","update","watch"],
        "shortNames":["deploy"],"categories":["all"],
        "subresources":[
          {"subresource":"scale",
           "responseKind":{"group":"autoscaling","version":"v1","kind":"Scale"},
           "verbs":["get","patch","update"]},
          {"subresource":"status",
           "responseKind":{"group":"apps","version":"v1","kind":"Deployment"},
           "verbs":["get","patch","update"]}]})"));
}

TEST_CASE("the core group stands alone under /api, without a name") {
    AnApi api;
    const auto document = aggregated(api, "/api");
    const auto& items = array_at(document, {"items"});
    REQUIRE(items.size() == 1);
    CHECK(items[0].at("metadata") == json("{}"));
    const auto& resources = array_at(array_at(items[0], {"versions"}).at(0), {"resources"});
    const auto* namespaces = named(resources, {"resource"}, "namespaces");
    REQUIRE(namespaces != nullptr);
    CHECK(text_at(*namespaces, {"scope"}) == "Cluster");
    CHECK(named(resources, {"resource"}, "deployments") == nullptr);
}

TEST_CASE("legacy discovery tells the same in one document for each group and version") {
    AnApi api;
    CHECK(api.get_json("/api") ==
          json(R"({"kind":"APIVersions","versions":["v1"],"serverAddressByClientCIDRs":[]})"));
    const auto groups = api.get_json("/apis");
    const auto* apps = named(array_at(groups, {"groups"}), {"name"}, "apps");
    REQUIRE(apps != nullptr);
    CHECK(*apps == json(R"({"name":"apps",
                            "versions":[{"groupVersion":"apps/v1","version":"v1"}],
                            "preferredVersion":{"groupVersion":"apps/v1","version":"v1"}})"));
    CHECK(text_at(api.get_json("/apis/apps"), {"kind"}) == "APIGroup");

    const auto list = api.get_json("/apis/apps/v1");
    CHECK(text_at(list, {"kind"}) == "APIResourceList");
    CHECK(text_at(list, {"groupVersion"}) == "apps/v1");
    const auto* scale = named(array_at(list, {"resources"}), {"name"}, "deployments/scale");
    REQUIRE(scale != nullptr);
    CHECK(*scale == json(R"({"name":"deployments/scale","singularName":"","namespaced":true,
                             "group":"autoscaling","version":"v1","kind":"Scale",
                             "verbs":["get","patch","update"]})"));
    CHECK(text_at(api.get_json("/api/v1"), {"groupVersion"}) == "v1");
}

TEST_CASE("the newer stable version of a group comes first and is preferred") {
    AnApi api;
    CHECK(text_at(api.get_json("/apis/autoscaling"), {"preferredVersion", "version"}) == "v2");
    const auto document = aggregated(api, "/apis");
    const auto* group = named(array_at(document, {"items"}), {"metadata", "name"}, "autoscaling");
    REQUIRE(group != nullptr);
    Texts versions;
    for (const auto& version : array_at(*group, {"versions"})) {
        versions.emplace_back(text_at(version, {"version"}));
    }
    CHECK(versions == Texts{"v2", "v1"});
}

TEST_CASE("versions are ordered as Kubernetes orders them") {
    KindTable kinds;
    Kind kind;
    kind.resource = {"lab.io", "v1", "widgets", "Widget", true};
    kind.custom = true;
    for (const std::string name : {"v1alpha1", "foo", "v10", "v1beta2", "v2", "v1beta10", "v1"}) {
        KindVersion version;
        version.group = "lab.io";
        version.name = name;
        version.storage = name == "v1";
        kind.versions.push_back(std::move(version));
    }
    kinds.put(std::move(kind));
    const auto groups = served_groups(kinds);
    CHECK(groups.front().name.empty());
    Texts versions;
    for (const auto& version : groups.back().versions) versions.push_back(version.name);
    CHECK(versions == Texts{"v10", "v2", "v1", "v1beta10", "v1beta2", "v1alpha1", "foo"});
}

TEST_CASE("OpenAPI v3 names each group-version and says that a PATCH checks fields") {
    AnApi api;
    const auto index = api.get_json("/openapi/v3");
    const auto url = std::string(text_at(index, {"paths", "apis/apps/v1", "serverRelativeURL"}));
    CHECK(url.starts_with("/openapi/v3/apis/apps/v1?hash="));
    CHECK(find(index, {"paths", "api/v1"}) != nullptr);

    const auto document = api.get_json(url);
    CHECK(text_at(document, {"openapi"}) == "3.0.0");
    const auto* patch = find(
        document, {"paths", "/apis/apps/v1/namespaces/{namespace}/deployments/{name}", "patch"});
    REQUIRE(patch != nullptr);
    CHECK(text_at(*patch, {"x-kubernetes-action"}) == "patch");
    CHECK(patch->at("x-kubernetes-group-version-kind") ==
          json(R"({"group":"apps","version":"v1","kind":"Deployment"})"));
    CHECK(named(array_at(*patch, {"parameters"}), {"name"}, "fieldValidation") != nullptr);
    const auto* schema = find(document, {"components", "schemas", "io.k8s.api.apps.v1.Deployment"});
    REQUIRE(schema != nullptr);
    CHECK(schema->at("x-kubernetes-group-version-kind") ==
          json(R"([{"group":"apps","version":"v1","kind":"Deployment"}])"));
    CHECK(find(*schema, {"properties", "spec"}) != nullptr);
}

TEST_CASE("OpenAPI v2 is there and says nothing") {
    AnApi api;
    const auto answer = api.get("/openapi/v2");
    CHECK(answer.status == 200);
    CHECK(answer.body.empty());
    CHECK(answer.headers.get("Content-Type") ==
          "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
}

}  // namespace sluice::lab
