#include "lab/apiserver/strategic_merge.hpp"

#include "a_cluster.hpp"
#include "lab/apiserver/schema.hpp"

using namespace sluice;
using namespace sluice::lab;
namespace resources = sluice::kube::resources;

namespace {

const SchemaNode& schema_of(std::string_view kind) {
    static ACluster lab;
    return lab.cluster.kinds()
        .find_named(kind == "Service" ? "" : "apps", "v1", kind)
        ->versions.front()
        .schema->root();
}

// The spec of a pod template after the patch of one.
Json patched(std::string_view spec, std::string_view patch) {
    const auto wrap = [](std::string_view text) {
        return JsonObject{{"spec", JsonObject{{"template", JsonObject{{"spec", json(text)}}}}}};
    };
    Json target = wrap(spec);
    const auto merged = apply_strategic_merge(target, wrap(patch), &schema_of("Deployment"));
    REQUIRE_MESSAGE(merged.has_value(), merged.error());
    return *find(target, {"spec", "template", "spec"});
}

}  // namespace

TEST_CASE("lists of named things merge by their name, others are replaced") {
    CHECK(patched(R"({"containers":[{"name":"a","image":"x","args":["1","2"],
                                     "env":[{"name":"E","value":"1"},{"name":"F","value":"2"}]},
                                    {"name":"b","image":"y"}]})",
                  R"({"containers":[{"name":"a","image":"z","args":["3"],
                                     "env":[{"name":"F","value":"3"},{"name":"G","value":"4"}]}]})") ==
          json(R"({"containers":[{"name":"a","image":"z","args":["3"],
                                  "env":[{"name":"E","value":"1"},{"name":"F","value":"3"},
                                         {"name":"G","value":"4"}]},
                                 {"name":"b","image":"y"}]})"));
    CHECK(patched(R"({"tolerations":[{"key":"a"}]})", R"({"tolerations":[{"key":"b"}]})") ==
          json(R"({"tolerations":[{"key":"b"}]})"));
    CHECK(patched(R"({"dnsPolicy":"x","hostname":"h"})", R"({"hostname":null})") ==
          json(R"({"dnsPolicy":"x"})"));
}

TEST_CASE("directives delete, replace and keep") {
    CHECK(patched(R"({"containers":[{"name":"a"},{"name":"b"}]})",
                  R"({"containers":[{"name":"a","$patch":"delete"}]})") ==
          json(R"({"containers":[{"name":"b"}]})"));
    CHECK(patched(R"({"containers":[{"name":"a"},{"name":"b"}]})",
                  R"({"containers":[{"$patch":"replace"},{"name":"c"}]})") ==
          json(R"({"containers":[{"name":"c"}]})"));
    CHECK(patched(R"({"volumes":[{"name":"v","emptyDir":{}}]})",
                  R"({"volumes":[{"name":"v","$retainKeys":["name","configMap"],
                                  "configMap":{"name":"c"}}]})") ==
          json(R"({"volumes":[{"name":"v","configMap":{"name":"c"}}]})"));
    CHECK(patched(R"({"affinity":{"a":1}})", R"({"affinity":{"$patch":"delete"}})") == json("{}"));
    CHECK(patched(R"({"nodeSelector":{"a":"1"}})",
                  R"({"nodeSelector":{"$patch":"replace","b":"2"}})") ==
          json(R"({"nodeSelector":{"b":"2"}})"));
}

TEST_CASE("an order is given to listed items, and the others stay where they are") {
    CHECK(patched(R"({"containers":[{"name":"a"},{"name":"live"},{"name":"b"}]})",
                  R"({"$setElementOrder/containers":[{"name":"new"},{"name":"b"},{"name":"a"}],
                      "containers":[{"name":"new"}]})") ==
          json(R"({"containers":[{"name":"new"},{"name":"live"},{"name":"b"},{"name":"a"}]})"));
}

TEST_CASE("sets of texts are united, and texts can be taken out of them") {
    Json object = json(R"({"metadata":{"finalizers":["a","b"]}})");
    REQUIRE(apply_strategic_merge(object,
                                  json(R"({"metadata":{"finalizers":["c","a"],
                                           "$deleteFromPrimitiveList/finalizers":["b"]}})"),
                                  &schema_of("Deployment")));
    CHECK(object == json(R"({"metadata":{"finalizers":["a","c"]}})"));
}

TEST_CASE("ports are told apart by number and, when it is given, by protocol") {
    Json object = json(R"({"spec":{"ports":[{"port":53,"protocol":"UDP","name":"u"},
                                            {"port":53,"protocol":"TCP","name":"t"}]}})");
    REQUIRE(apply_strategic_merge(
        object,
        json(R"({"spec":{"ports":[{"port":53,"protocol":"TCP","targetPort":1}]}})"),
        &schema_of("Service")));
    CHECK(object == json(R"({"spec":{"ports":[{"port":53,"protocol":"UDP","name":"u"},
                             {"port":53,"protocol":"TCP","name":"t","targetPort":1}]}})"));
}

TEST_CASE("an item without its key is refused and nothing changes") {
    Json object = json(R"({"spec":{"ports":[{"port":80}],"type":"ClusterIP"}})");
    const auto before = object;
    const auto merged = apply_strategic_merge(
        object, json(R"({"spec":{"type":"x","ports":[{"name":"a"}]}})"), &schema_of("Service"));
    REQUIRE_FALSE(merged.has_value());
    CHECK(merged.error() == R"(map: {"name":"a"} does not contain declared merge key: port)");
    CHECK(object == before);
}

TEST_CASE("kubectl's patch of an image reaches the stored object") {
    ACluster lab;
    REQUIRE(lab.cluster.create(resources::deployments, a_deployment()).has_value());
    const auto patched = lab.cluster.patch(
        resources::deployments,
        {"default", "web"},
        PatchKind::strategic,
        json(R"({"spec":{"template":{"spec":{"$setElementOrder/containers":[{"name":"web"}],
                 "containers":[{"name":"web","image":"demo:2"}]}}}})"));
    REQUIRE(patched.has_value());
    const auto& container = array_at(**patched, {"spec", "template", "spec", "containers"})[0];
    CHECK(text_at(container, {"image"}) == "demo:2");
    CHECK(text_at(container, {"terminationMessagePolicy"}) == "File");
}

TEST_CASE("a JSON patch that does not apply is a 422 without a reason") {
    ACluster lab;
    REQUIRE(lab.cluster.create(resources::deployments, a_deployment()).has_value());
    const auto refused =
        lab.cluster.patch(resources::deployments,
                          {"default", "web"},
                          PatchKind::json,
                          json(R"([{"op":"test","path":"/spec/replicas","value":9}])"));
    CHECK(refused.error().to_json() ==
          json(R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",
                   "message":"the server rejected our request due to an error in our request",
                   "reason":"Invalid","details":{},"code":422})"));
}
