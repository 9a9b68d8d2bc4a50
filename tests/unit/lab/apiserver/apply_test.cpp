#include "a_cluster.hpp"
#include "lab/apiserver/managed_fields.hpp"
#include "lab/apiserver/schema_node.hpp"

using namespace sluice;
using namespace sluice::lab;
namespace resources = sluice::kube::resources;

namespace {

const ObjectKey key{"default", "web"};

Json wanted(std::string_view text) {
    auto object = json(text);
    put(object, {"apiVersion"}, "apps/v1");
    put(object, {"kind"}, "Deployment");
    return object;
}

Json whole() {
    auto object = a_deployment();
    put(object, {"spec", "replicas"}, 2);
    return object;
}

const Json* entry_of(const Json& object, std::string_view manager, std::string_view operation) {
    for (const auto& entry : array_at(object, {"metadata", "managedFields"})) {
        if (text_at(entry, {"manager"}) == manager && text_at(entry, {"operation"}) == operation) {
            return &entry;
        }
    }
    return nullptr;
}

}  // namespace

TEST_CASE("an apply creates what is not there and owns what it wrote, not the defaults") {
    ACluster lab;
    const auto applied =
        lab.cluster.apply(resources::deployments, key, whole(), {.manager = "gitops"});
    REQUIRE(applied.has_value());
    CHECK(applied->created);
    const auto* entry = entry_of(*applied->object, "gitops", "Apply");
    REQUIRE(entry != nullptr);
    CHECK(*entry == json(R"({"manager":"gitops","operation":"Apply","apiVersion":"apps/v1",
        "time":"2026-01-25T20:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{
            "f:replicas":{},
            "f:selector":{"f:matchLabels":{"f:app":{}}},
            "f:template":{"f:metadata":{"f:labels":{"f:app":{}}},
                "f:spec":{"f:containers":{"k:{\"name\":\"web\"}":{".":{},"f:image":{},"f:name":{}}}}}}}})"));
    CHECK(integer_at(*applied->object, {"spec", "revisionHistoryLimit"}) == 10);
}

TEST_CASE("what is wrong with the apply itself is said first") {
    ACluster lab;
    const auto nobody = lab.cluster.apply(resources::deployments, key, whole(), {});
    CHECK(nobody.error().code == 422);
    CHECK(nobody.error().message ==
          "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for "
          "apply patch");
    auto body = whole();
    put(body, {"metadata", "managedFields"}, JsonArray{});
    const auto managed = lab.cluster.apply(resources::deployments, key, body, {.manager = "m"});
    CHECK(managed.error().code == 400);
    CHECK(managed.error().message == "metadata.managedFields must be nil");
}

TEST_CASE("a field that another manager owns is a conflict until it is forced") {
    ACluster lab;
    REQUIRE(
        lab.cluster.apply(resources::deployments, key, whole(), {.manager = "gitops"}).has_value());
    REQUIRE(lab.cluster
                .patch(resources::deployments,
                       key,
                       PatchKind::merge,
                       json(R"({"spec":{"replicas":5}})"),
                       {.subresource = Subresource::scale, .field_manager = "hpa"})
                .has_value());
    const auto refused =
        lab.cluster.apply(resources::deployments, key, whole(), {.manager = "gitops"});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().to_json() == json(R"({
        "kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","reason":"Conflict",
        "message":"Apply failed with 1 conflict: conflict with \"hpa\" with subresource \"scale\" using apps/v1: .spec.replicas",
        "details":{"causes":[{"reason":"FieldManagerConflict",
            "message":"conflict with \"hpa\" with subresource \"scale\" using apps/v1",
            "field":".spec.replicas"}]},
        "code":409})"));
    const auto forced = lab.cluster.apply(
        resources::deployments, key, whole(), {.manager = "gitops", .force = true});
    REQUIRE(forced.has_value());
    CHECK(integer_at(*forced->object, {"spec", "replicas"}) == 2);
    CHECK(entry_of(*forced->object, "hpa", "Update") == nullptr);
}

TEST_CASE("several conflicts are listed by manager") {
    ACluster lab;
    REQUIRE(lab.cluster.create(resources::deployments, whole(), {.field_manager = "kubectl"})
                .has_value());
    const auto refused =
        lab.cluster.apply(resources::deployments,
                          key,
                          wanted(R"({"spec":{"replicas":9,"template":{"spec":{"containers":[
                   {"name":"web","image":"demo:9"}]}}}})"),
                          {.manager = "gitops"});
    CHECK(refused.error().message ==
          "Apply failed with 2 conflicts: conflicts with \"kubectl\" using apps/v1:\n"
          "- .spec.replicas\n"
          "- .spec.template.spec.containers[name=\"web\"].image");
}

TEST_CASE("managers may say the same, and what one gives up stays while another holds it") {
    ACluster lab;
    auto labelled = whole();
    put(labelled, {"metadata", "labels"}, json(R"({"a":"1","b":"2"})"));
    REQUIRE(
        lab.cluster.apply(resources::deployments, key, labelled, {.manager = "one"}).has_value());
    REQUIRE(lab.cluster
                .apply(resources::deployments,
                       key,
                       wanted(R"({"metadata":{"labels":{"a":"1"}}})"),
                       {.manager = "two"})
                .has_value());
    const auto again = lab.cluster.apply(resources::deployments, key, whole(), {.manager = "one"});
    REQUIRE(again.has_value());
    CHECK(*find(*again->object, {"metadata", "labels"}) == json(R"({"a":"1"})"));
    const auto last =
        lab.cluster.apply(resources::deployments, key, wanted("{}"), {.manager = "two"});
    REQUIRE(last.has_value());
    CHECK(find(*last->object, {"metadata", "labels"}) == nullptr);
    CHECK(entry_of(*last->object, "two", "Apply") == nullptr);
}

TEST_CASE("items of a list belong to who put them there") {
    ACluster lab;
    REQUIRE(
        lab.cluster.apply(resources::deployments, key, whole(), {.manager = "one"}).has_value());
    const auto sidecar = wanted(R"({"spec":{"template":{"spec":{"containers":[
        {"name":"sidecar","image":"proxy:1"}]}}}})");
    const auto two = lab.cluster.apply(resources::deployments, key, sidecar, {.manager = "two"});
    REQUIRE(two.has_value());
    CHECK(array_at(*two->object, {"spec", "template", "spec", "containers"}).size() == 2);
    const auto one = lab.cluster.apply(resources::deployments, key, whole(), {.manager = "one"});
    REQUIRE(one.has_value());
    CHECK(array_at(*one->object, {"spec", "template", "spec", "containers"}).size() == 2);
    const auto gone =
        lab.cluster.apply(resources::deployments, key, wanted("{}"), {.manager = "two"});
    REQUIRE(gone.has_value());
    CHECK(array_at(*gone->object, {"spec", "template", "spec", "containers"}).size() == 1);
}

TEST_CASE("applying the same again changes nothing") {
    ACluster lab;
    REQUIRE(
        lab.cluster.apply(resources::deployments, key, whole(), {.manager = "one"}).has_value());
    const auto revision = lab.cluster.revision();
    const auto again = lab.cluster.apply(resources::deployments, key, whole(), {.manager = "one"});
    REQUIRE(again.has_value());
    CHECK_FALSE(again->created);
    CHECK(lab.cluster.revision() == revision);
}

TEST_CASE("a write by the lab itself leaves no name but takes the field from who owned it") {
    ACluster lab;
    REQUIRE(
        lab.cluster.apply(resources::deployments, key, whole(), {.manager = "one"}).has_value());
    const auto patched = lab.cluster.patch(
        resources::deployments, key, PatchKind::merge, json(R"({"spec":{"replicas":7}})"));
    REQUIRE(patched.has_value());
    CHECK(array_at(**patched, {"metadata", "managedFields"}).size() == 1);
    const auto* entry = entry_of(**patched, "one", "Apply");
    REQUIRE(entry != nullptr);
    CHECK(find(*entry, {"fieldsV1", "f:spec", "f:replicas"}) == nullptr);
}

TEST_CASE(
    "an entry's time is that of its manager's last change, also of a value that it had written "
    "before") {
    ACluster lab;
    REQUIRE(lab.cluster.create(resources::deployments, whole()));
    const auto set = [&](int replicas) {
        const Json patch = JsonObject{{"spec", JsonObject{{"replicas", replicas}}}};
        const auto patched = lab.cluster.patch(
            resources::deployments, key, PatchKind::merge, patch, {.field_manager = "people"});
        REQUIRE(patched.has_value());
        const auto* entry = entry_of(**patched, "people", "Update");
        REQUIRE(entry != nullptr);
        return std::string(text_at(*entry, {"time"}));
    };
    const auto first = set(3);
    lab.clock.run_for(std::chrono::minutes{1});
    CHECK(set(3) == first);
    CHECK(set(4) > first);
}

TEST_CASE("what changed in an object is told by the paths whose values differ") {
    const auto schema = parse_schema(boost::json::parse(R"({"type": "object", "properties": {
        "spec": {"type": "object", "properties": {
            "map": {"type": "object", "additionalProperties": {"type": "string"}},
            "ports": {"type": "array", "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
                "items": {"type": "object", "properties": {
                    "name": {"type": "string"}, "port": {"type": "integer"}}}},
            "args": {"type": "array", "items": {"type": "string"}}}}}})"));
    const auto told = [&](std::string_view before, std::string_view after) {
        const auto changes =
            changes_between(boost::json::parse(before), boost::json::parse(after), schema.get());
        std::string text;
        for (const auto& path : changes.changed) text += to_string(path) + " ";
        text += "| ";
        for (const auto& path : changes.gone) text += to_string(path) + " ";
        return text;
    };
    CHECK(told(R"({"spec": {"a": 1, "b": {"c": 2}}})", R"({"spec": {"b": {"c": 2}, "a": 1}})") ==
          "| ");
    CHECK(told(R"({"spec": {"a": 1, "b": {"c": 2}}})", R"({"spec": {"a": 1, "b": {"c": 3}}})") ==
          ".spec.b.c | ");
    CHECK(told(R"({"spec": {"a": 1, "b": {"c": 2}}})", R"({"spec": {"a": 1, "d": {"e": 2}}})") ==
          ".spec.d.e | .spec.b.c ");
    CHECK(told(R"({"spec": {"map": {}}})", R"({"spec": {"map": {"k": "v"}}})") ==
          ".spec.map.k | .spec.map ");
    CHECK(told(R"({"spec": {"b": {"c": 2}}})", R"({"spec": {"b": 3}})") == ".spec.b | .spec.b.c ");
    CHECK(told(R"({"spec": {"args": ["a"]}})", R"({"spec": {"args": ["a", "b"]}})") ==
          ".spec.args | ");
    CHECK(told(R"({"spec": {"ports": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]}})",
               R"({"spec": {"ports": [{"name": "b", "port": 3}, {"name": "c", "port": 4}]}})") ==
          ".spec.ports[name=\"b\"].port .spec.ports[name=\"c\"] .spec.ports[name=\"c\"].name "
          ".spec.ports[name=\"c\"].port | .spec.ports[name=\"a\"] .spec.ports[name=\"a\"].name "
          ".spec.ports[name=\"a\"].port ");
    // Whose name, uid and versions change changes no owner.
    CHECK(told(R"({"kind": "A", "metadata": {"name": "x", "resourceVersion": "1"}})",
               R"({"kind": "B", "metadata": {"name": "x", "resourceVersion": "2",
                   "labels": {"l": "v"}}})") == ".metadata.labels.l | ");
}
