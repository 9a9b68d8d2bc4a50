#include "lab/apiserver/crds.hpp"

#include "a_cluster.hpp"

using namespace sluice;
using namespace sluice::lab;
namespace resources = sluice::kube::resources;

namespace {

constexpr std::string_view spec_schema = R"({"type":"object","required":["size"],"properties":{
    "size":{"type":"string","enum":["small","large"]},
    "replicas":{"type":"integer","minimum":0,"default":1}}})";
const ObjectKey key{"default", "w1"};

ACluster& with_widgets(ACluster& lab) {
    const auto made =
        lab.cluster.create(resources::custom_resource_definitions, a_definition(spec_schema));
    REQUIRE(made.has_value());
    return lab;
}

std::string refusal_of(const Json& crd) {
    ACluster lab;
    const auto made = lab.cluster.create(resources::custom_resource_definitions, crd);
    REQUIRE_FALSE(made.has_value());
    CHECK(made.error().code == 422);
    return made.error().message;
}

}  // namespace

TEST_CASE("a definition is established in the write that creates it, and its kind is served") {
    ACluster lab;
    const auto made =
        lab.cluster.create(resources::custom_resource_definitions, a_definition(spec_schema));
    REQUIRE(made.has_value());
    CHECK(find(**made, {"status", "conditions"})->get_array() == json(R"([
        {"type":"NamesAccepted","status":"True","lastTransitionTime":"2026-01-25T20:00:00Z",
         "reason":"NoConflicts","message":"no conflicts found"},
        {"type":"Established","status":"True","lastTransitionTime":"2026-01-25T20:00:00Z",
         "reason":"InitialNamesAccepted","message":"the initial names have been accepted"}])"));
    CHECK(*find(**made, {"status", "acceptedNames"}) ==
          json(R"({"plural":"widgets","singular":"widget","kind":"Widget","listKind":"WidgetList",
                   "shortNames":["wd"]})"));
    CHECK(*find(**made, {"status", "storedVersions"}) == json(R"(["v1"])"));
    const auto* kind = lab.cluster.kinds().find("lab.io", "v1", "widgets");
    REQUIRE(kind != nullptr);
    CHECK(kind->short_names == std::vector<std::string>{"wd"});
    CHECK(kind->versions.front().status);
    CHECK(kind->versions.front().scale->label_selector == ".status.selector");
}

TEST_CASE("definitions that cannot work are refused") {
    auto crd = a_definition(spec_schema);
    put(crd, {"metadata", "name"}, "wrong.lab.io");
    CHECK(refusal_of(crd) ==
          "CustomResourceDefinition.apiextensions.k8s.io \"wrong.lab.io\" is invalid: "
          "metadata.name: Invalid value: \"wrong.lab.io\": must be "
          "spec.names.plural+\".\"+spec.group");

    crd = a_definition(spec_schema);
    drop(find(crd, {"spec", "versions"})->get_array().front(), {"schema"});
    CHECK(refusal_of(crd).ends_with(
        "is invalid: spec.versions[0].schema.openAPIV3Schema: Required value: schemas are "
        "required"));

    crd = a_definition(R"({"properties":{}})");
    CHECK(refusal_of(crd).ends_with(
        "is invalid: spec.validation.openAPIV3Schema.properties[spec].type: Required value: must "
        "not be empty for specified object fields"));

    crd = a_definition(spec_schema);
    drop(find(crd, {"spec", "versions"})->get_array().front(),
         {"schema", "openAPIV3Schema", "type"});
    CHECK(refusal_of(crd).ends_with(
        "is invalid: spec.validation.openAPIV3Schema.type: Required value: must not be empty at "
        "the root"));

    crd = a_definition(spec_schema);
    put(find(crd, {"spec", "versions"})->get_array().front(), {"storage"}, false);
    CHECK(refusal_of(crd).ends_with("must have exactly one version marked as storage version"));
}

TEST_CASE("a name that another definition has is not accepted") {
    ACluster lab;
    with_widgets(lab);
    auto crd = a_definition(spec_schema);
    put(crd, {"metadata", "name"}, "gadgets.lab.io");
    put(crd, {"spec", "names"}, json(R"({"plural":"gadgets","kind":"Widget"})"));
    const auto made = lab.cluster.create(resources::custom_resource_definitions, crd);
    REQUIRE(made.has_value());
    const auto& condition = array_at(**made, {"status", "conditions"}).front();
    CHECK(text_at(condition, {"status"}) == "False");
    CHECK(text_at(condition, {"reason"}) == "SingularConflict");
    CHECK_FALSE(is_established(**made));
    CHECK(lab.cluster.kinds().find("lab.io", "v1", "gadgets") == nullptr);
}

TEST_CASE("a custom object is pruned, defaulted and then judged by its schema") {
    ACluster lab;
    with_widgets(lab);
    std::vector<std::string> warnings;
    const auto made = lab.cluster.create(
        widgets, a_widget(R"({"size":"small","colour":"red"})"), {.warnings = &warnings});
    REQUIRE(made.has_value());
    CHECK(*find(**made, {"spec"}) == json(R"({"size":"small","replicas":1})"));
    CHECK(integer_at(**made, {"metadata", "generation"}) == 1);
    CHECK(warnings == std::vector<std::string>{"unknown field \"spec.colour\""});

    const auto strict = lab.cluster.create(
        widgets, a_widget(R"({"size":"small","colour":"red"})", "w2"), {.strict_fields = true});
    CHECK(strict.error().code == 400);
    CHECK(strict.error().message ==
          "Widget in version \"v1\" cannot be handled as a Widget: strict decoding error: unknown "
          "field \"spec.colour\"");

    const auto wrong = lab.cluster.create(widgets, a_widget(R"({"replicas":-1})", "w3"));
    CHECK(wrong.error().to_json() == json(R"({
        "kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","reason":"Invalid",
        "message":"Widget.lab.io \"w3\" is invalid: [spec.size: Required value, spec.replicas: Invalid value: -1: spec.replicas in body should be greater than or equal to 0]",
        "details":{"name":"w3","group":"lab.io","kind":"Widget","causes":[
            {"reason":"FieldValueRequired","message":"Required value","field":"spec.size"},
            {"reason":"FieldValueInvalid",
             "message":"Invalid value: -1: spec.replicas in body should be greater than or equal to 0",
             "field":"spec.replicas"}]},
        "code":422})"));
}

TEST_CASE("a custom object has its subresources, and a PUT must say what it was read as") {
    ACluster lab;
    with_widgets(lab);
    const auto made = lab.cluster.create(widgets, a_widget(R"({"size":"small"})"));
    REQUIRE(made.has_value());
    const auto blind = lab.cluster.update(widgets, a_widget(R"({"size":"large"})"));
    CHECK(blind.error().message ==
          "Widget.lab.io \"w1\" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be "
          "specified for an update");

    const auto patched =
        lab.cluster.patch(widgets,
                          key,
                          PatchKind::merge,
                          json(R"({"metadata":{"labels":{"a":"b"}},"spec":{"size":"large"},
                 "status":{"replicas":2,"selector":"app=w"}})"),
                          {.subresource = Subresource::status});
    REQUIRE(patched.has_value());
    CHECK(text_at(**patched, {"spec", "size"}) == "small");
    CHECK(find(**patched, {"metadata", "labels"}) == nullptr);
    CHECK(integer_at(**patched, {"metadata", "generation"}) == 1);
    const auto scale = lab.cluster.scale_of(widgets, key);
    REQUIRE(scale.has_value());
    CHECK(*find(**scale, {"status"}) == json(R"({"replicas":2,"selector":"app=w"})"));
    REQUIRE(lab.cluster
                .patch(widgets,
                       key,
                       PatchKind::merge,
                       json(R"({"spec":{"replicas":5}})"),
                       {.subresource = Subresource::scale})
                .has_value());
    CHECK(integer_at(*lab.cluster.find(widgets, key), {"spec", "replicas"}) == 5);
    const auto strategic = lab.cluster.patch(widgets, key, PatchKind::strategic, json("{}"));
    CHECK(strategic.error().code == 415);
}

TEST_CASE("without a status subresource the status is written like the spec and counts") {
    ACluster lab;
    auto crd = a_definition(spec_schema);
    drop(find(crd, {"spec", "versions"})->get_array().front(), {"subresources"});
    REQUIRE(lab.cluster.create(resources::custom_resource_definitions, crd).has_value());
    REQUIRE(lab.cluster.create(widgets, a_widget(R"({"size":"small"})")).has_value());
    const auto patched = lab.cluster.patch(
        widgets, key, PatchKind::merge, json(R"({"status":{"phase":"Running"}})"));
    REQUIRE(patched.has_value());
    CHECK(text_at(**patched, {"status", "phase"}) == "Running");
    CHECK(integer_at(**patched, {"metadata", "generation"}) == 2);
}

TEST_CASE("a new default is seen in objects that were stored before") {
    ACluster lab;
    with_widgets(lab);
    REQUIRE(lab.cluster.create(widgets, a_widget(R"({"size":"small"})")).has_value());
    const auto revision = kube::resource_version_of(*lab.cluster.find(widgets, key));
    auto crd = *lab.cluster.find(resources::custom_resource_definitions, {"", "widgets.lab.io"});
    auto& version = find(crd, {"spec", "versions"})->get_array().front();
    put(version,
        {"schema", "openAPIV3Schema", "properties", "spec", "properties", "colour"},
        json(R"({"type":"string","default":"red"})"));
    REQUIRE(lab.cluster.update(resources::custom_resource_definitions, crd).has_value());
    const auto widget = lab.cluster.find(widgets, key);
    CHECK(text_at(*widget, {"spec", "colour"}) == "red");
    CHECK(kube::resource_version_of(*widget) == revision);
}

TEST_CASE("deleting a definition deletes its objects first") {
    ACluster lab;
    with_widgets(lab);
    auto held = a_widget(R"({"size":"small"})");
    put(held, {"metadata", "finalizers"}, json(R"(["lab.io/hold"])"));
    REQUIRE(lab.cluster.create(widgets, held).has_value());
    REQUIRE(lab.cluster.create(widgets, a_widget(R"({"size":"small"})", "w2")).has_value());
    REQUIRE(lab.cluster.remove(resources::custom_resource_definitions, {"", "widgets.lab.io"})
                .has_value());
    lab.settle();
    const auto crd =
        lab.cluster.find(resources::custom_resource_definitions, {"", "widgets.lab.io"});
    REQUIRE(crd != nullptr);
    CHECK(is_terminating(*crd));
    CHECK(lab.cluster.find(widgets, {"default", "w2"}) == nullptr);
    CHECK(lab.cluster.create(widgets, a_widget(R"({"size":"small"})", "w3")).error().message ==
          "create not allowed while custom resource definition is terminating");
    REQUIRE(
        lab.cluster.patch(widgets, key, PatchKind::merge, json(R"({"metadata":{"finalizers":[]}})"))
            .has_value());
    lab.settle();
    CHECK(lab.cluster.find(resources::custom_resource_definitions, {"", "widgets.lab.io"}) ==
          nullptr);
    CHECK(lab.cluster.kinds().find("lab.io", "v1", "widgets") == nullptr);
}
