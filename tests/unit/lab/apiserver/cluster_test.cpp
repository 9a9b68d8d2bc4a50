#include "lab/apiserver/cluster.hpp"

#include "a_cluster.hpp"

using namespace sluice;
using namespace sluice::lab;
namespace resources = sluice::kube::resources;

namespace {
constexpr std::string_view config_map =
    R"({"metadata":{"name":"c1","namespace":"default"},"data":{"a":"1"}})";
}  // namespace

TEST_CASE("a cluster starts with its namespaces and a service account in each") {
    ACluster lab;
    std::vector<std::string> names;
    for (const auto& ns : lab.cluster.list(resources::namespaces)) {
        names.emplace_back(text_at(*ns, {"metadata", "name"}));
        CHECK(text_at(*ns, {"status", "phase"}) == "Active");
        CHECK(lab.cluster.find(resources::service_accounts, {names.back(), "default"}) != nullptr);
    }
    CHECK(names == std::vector<std::string>{"default",
                                            "istio-system",
                                            "kube-node-lease",
                                            "kube-public",
                                            "kube-system",
                                            "smm-system"});
}

TEST_CASE("a created object gets what the server gives and a client cannot set it") {
    ACluster lab;
    const auto made = lab.create(resources::config_maps, R"({
        "metadata":{"name":"c1","namespace":"default","uid":"mine","creationTimestamp":null,
                    "deletionTimestamp":"2020-01-01T00:00:00Z","labels":{}}})");
    CHECK(kube::uid_of(*made).size() == 36);
    CHECK(text_at(*made, {"metadata", "creationTimestamp"}) == "2026-01-25T20:00:00Z");
    CHECK(text_at(*made, {"apiVersion"}) == "v1");
    CHECK(text_at(*made, {"kind"}) == "ConfigMap");
    CHECK(find(*made, {"metadata", "deletionTimestamp"}) == nullptr);
    CHECK(find(*made, {"metadata", "generation"}) == nullptr);
    CHECK(find(*made, {"metadata", "labels"}) == nullptr);
    CHECK(kube::resource_version_of(*made) == std::to_string(lab.cluster.revision()));
}

TEST_CASE("refusals are worded as Kubernetes words them") {
    ACluster lab;
    lab.create(resources::config_maps, config_map);
    const auto again = lab.cluster.create(resources::config_maps, json(config_map));
    CHECK(again.error().to_json() ==
          json(R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",
                   "message":"configmaps \"c1\" already exists","reason":"AlreadyExists",
                   "details":{"name":"c1","kind":"configmaps"},"code":409})"));
    const auto missing = lab.cluster.get(resources::deployments, {"default", "web"});
    CHECK(missing.error().to_json() ==
          json(R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",
                   "message":"deployments.apps \"web\" not found","reason":"NotFound",
                   "details":{"name":"web","group":"apps","kind":"deployments"},"code":404})"));
    const auto elsewhere = lab.cluster.create(
        resources::config_maps, json(R"({"metadata":{"name":"c1","namespace":"nowhere"}})"));
    CHECK(elsewhere.error().message == "namespaces \"nowhere\" not found");
    CHECK(elsewhere.error().code == 404);
    const auto stale = lab.cluster.update(
        resources::config_maps,
        json(R"({"metadata":{"name":"c1","namespace":"default","resourceVersion":"1"}})"));
    CHECK(
        stale.error().message ==
        "Operation cannot be fulfilled on configmaps \"c1\": the object has been modified; please "
        "apply your changes to the latest version and try again");
    CHECK(stale.error().reason == "Conflict");
    const auto nameless =
        lab.cluster.create(resources::config_maps, json(R"({"metadata":{"namespace":"default"}})"));
    CHECK(nameless.error().message ==
          "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is "
          "required");
    const auto kept = lab.cluster.remove(resources::namespaces, {"", "default"});
    CHECK(kept.error().message ==
          "namespaces \"default\" is forbidden: this namespace may not be deleted");
    const auto unknown = lab.cluster.get(resources::canaries, {"default", "web"});
    CHECK(unknown.error().message == "the server could not find the requested resource");
}

TEST_CASE("an update that changes nothing moves neither the revision nor a watcher") {
    ACluster lab;
    const auto made = *lab.cluster.create(resources::deployments, a_deployment());
    int changes = 0;
    const auto watching =
        lab.cluster.watch(resources::deployments, [&](const Change&) { ++changes; });
    lab.settle();
    REQUIRE(changes == 1);
    const auto revision = lab.cluster.revision();
    const auto same = lab.cluster.update(resources::deployments, *made);
    REQUIRE(same.has_value());
    CHECK(**same == *made);
    CHECK(lab.cluster.revision() == revision);
    lab.settle();
    CHECK(changes == 1);
}

TEST_CASE("the generation moves with the spec and never with the status") {
    ACluster lab;
    REQUIRE(lab.cluster.create(resources::deployments, a_deployment()).has_value());
    const ObjectKey key{"default", "web"};
    const auto generation = [&] {
        return integer_at(*lab.cluster.find(resources::deployments, key),
                          {"metadata", "generation"});
    };
    CHECK(generation() == 1);
    CHECK(lab.cluster
              .patch(resources::deployments,
                     key,
                     PatchKind::merge,
                     json(R"({"spec":{"replicas":3},"status":{"replicas":9}})"))
              .has_value());
    CHECK(generation() == 2);
    auto now = lab.cluster.find(resources::deployments, key);
    CHECK(find(*now, {"status", "replicas"}) == nullptr);
    CHECK(lab.cluster
              .patch(resources::deployments,
                     key,
                     PatchKind::merge,
                     json(R"({"spec":{"replicas":7},"status":{"replicas":3}})"),
                     {.subresource = Subresource::status})
              .has_value());
    now = lab.cluster.find(resources::deployments, key);
    CHECK(generation() == 2);
    CHECK(integer_at(*now, {"spec", "replicas"}) == 3);
    CHECK(integer_at(*now, {"status", "replicas"}) == 3);
    CHECK(lab.cluster
              .patch(resources::deployments,
                     key,
                     PatchKind::merge,
                     json(R"({"metadata":{"labels":{"a":"b"}}})"))
              .has_value());
    CHECK(generation() == 2);
}

TEST_CASE("scale is read and written through its own form") {
    ACluster lab;
    REQUIRE(lab.cluster.create(resources::deployments, a_deployment()).has_value());
    const ObjectKey key{"default", "web"};
    const auto scaled = lab.cluster.patch(resources::deployments,
                                          key,
                                          PatchKind::merge,
                                          json(R"({"spec":{"replicas":4}})"),
                                          {.subresource = Subresource::scale});
    REQUIRE(scaled.has_value());
    CHECK(text_at(**scaled, {"kind"}) == "Scale");
    CHECK(integer_at(**scaled, {"spec", "replicas"}) == 4);
    CHECK(text_at(**scaled, {"status", "selector"}) == "app=web");
    CHECK(integer_at(*lab.cluster.find(resources::deployments, key), {"spec", "replicas"}) == 4);
    CHECK(lab.cluster.scale_of(resources::config_maps, key).error().code == 404);
    const auto negative = lab.cluster.patch(resources::deployments,
                                            key,
                                            PatchKind::merge,
                                            json(R"({"spec":{"replicas":-1}})"),
                                            {.subresource = Subresource::scale});
    CHECK(negative.error().message ==
          "Scale.autoscaling \"web\" is invalid: spec.replicas: Invalid value: -1: must be greater "
          "than or equal to 0");
}

TEST_CASE("a dry run answers what would be and keeps nothing") {
    ACluster lab;
    const auto revision = lab.cluster.revision();
    const auto made =
        lab.cluster.create(resources::config_maps, json(config_map), {.dry_run = true});
    REQUIRE(made.has_value());
    CHECK_FALSE(kube::uid_of(**made).empty());
    CHECK(lab.cluster.find(resources::config_maps, {"default", "c1"}) == nullptr);
    CHECK(lab.cluster.revision() == revision);
}

TEST_CASE("a generated name is the base and five letters more") {
    ACluster lab;
    const auto made = lab.create(resources::config_maps,
                                 R"({"metadata":{"generateName":"web-","namespace":"default"}})");
    const auto name = text_at(*made, {"metadata", "name"});
    CHECK(name.size() == 9);
    CHECK(name.starts_with("web-"));
}

TEST_CASE("a watcher sees what is there, then every change in order, never from inside the write") {
    ACluster lab;
    lab.create(resources::config_maps, config_map);
    std::vector<std::string> seen;
    auto watching = lab.cluster.watch(resources::config_maps, [&](const Change& change) {
        const auto kind = change.kind == ChangeKind::added      ? "+"
                          : change.kind == ChangeKind::modified ? "~"
                                                                : "-";
        seen.push_back(kind + std::string(text_at(*change.object, {"data", "a"})));
        CHECK((change.before == nullptr) == (change.kind == ChangeKind::added));
    });
    const ObjectKey key{"default", "c1"};
    REQUIRE(lab.cluster
                .patch(resources::config_maps, key, PatchKind::merge, json(R"({"data":{"a":"2"}})"))
                .has_value());
    const auto gone = lab.cluster.remove(resources::config_maps, key);
    REQUIRE(gone.has_value());
    CHECK(seen.empty());
    lab.settle();
    CHECK(seen == std::vector<std::string>{"+1", "~2", "-2"});
    watching = {};
    lab.create(resources::config_maps, config_map);
    lab.settle();
    CHECK(seen.size() == 3);
}

TEST_CASE("a watch from a revision repeats what came after it and refuses what the log forgot") {
    ACluster lab;
    lab.create(resources::config_maps, config_map);
    const auto revision = lab.cluster.revision();
    const ObjectKey key{"default", "c1"};
    const auto write = [&](int value) {
        REQUIRE(lab.cluster
                    .patch(resources::config_maps,
                           key,
                           PatchKind::merge,
                           JsonObject{{"data", JsonObject{{"a", std::to_string(value)}}}})
                    .has_value());
    };
    write(2);
    write(3);
    std::vector<std::string> seen;
    const auto watching =
        lab.cluster.watch_from(resources::config_maps, revision, [&](const Change& change) {
            seen.emplace_back(text_at(*change.object, {"data", "a"}));
        });
    REQUIRE(watching.has_value());
    write(4);
    lab.settle();
    CHECK(seen == std::vector<std::string>{"2", "3", "4"});

    for (int i = 0; i < 1100; ++i) write(i);
    const auto ignore = [](const Change&) {};
    const auto late = lab.cluster.watch_from(resources::config_maps, revision, ignore);
    CHECK(late.error().code == 410);
    CHECK(late.error().reason == "Expired");
    CHECK(late.error().message.starts_with("too old resource version: "));
    const auto future = lab.cluster.watch_from(resources::config_maps, 1'000'000, ignore);
    CHECK(future.error().code == 504);
    CHECK(future.error().message.starts_with("Too large resource version: 1000000, current: "));
}

TEST_CASE("lists are in the order of namespace and name, by selector, and come in pages") {
    ACluster lab;
    for (const std::string_view name : {"c", "a", "b"}) {
        for (const std::string_view ns : {"smm-system", "default"}) {
            const JsonObject metadata{
                {"name", name}, {"namespace", ns}, {"labels", JsonObject{{"app", name}}}};
            REQUIRE(lab.cluster.create(resources::config_maps, JsonObject{{"metadata", metadata}})
                        .has_value());
        }
    }
    std::vector<std::string> keys;
    ListOptions options;
    options.labels = parse_label_selector("app in (a,c)").value();
    options.limit = 3;
    auto page = lab.cluster.select(resources::config_maps, {}, options);
    while (true) {
        REQUIRE(page.has_value());
        for (const auto& object : page->items) keys.push_back(to_string(kube::key_of(*object)));
        if (page->continue_token.empty()) break;
        CHECK(page->remaining == 1);
        options.continue_token = page->continue_token;
        page = lab.cluster.select(resources::config_maps, {}, options);
    }
    CHECK(keys ==
          std::vector<std::string>{"default/a", "default/c", "smm-system/a", "smm-system/c"});
    CHECK(lab.cluster.list(resources::config_maps, "default").size() == 3);
}

TEST_CASE("an autoscaler written in v1 is kept as v2 and shown in both") {
    ACluster lab;
    auto v1 = resources::horizontal_pod_autoscalers;
    v1.version = "v1";
    lab.create(v1, R"({"apiVersion":"autoscaling/v1","kind":"HorizontalPodAutoscaler",
        "metadata":{"name":"web","namespace":"default"},
        "spec":{"maxReplicas":5,"targetCPUUtilizationPercentage":70,
                "scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"web"}}})");
    const ObjectKey key{"default", "web"};
    const auto v2 = lab.cluster.find(resources::horizontal_pod_autoscalers, key);
    REQUIRE(v2 != nullptr);
    CHECK(text_at(*v2, {"apiVersion"}) == "autoscaling/v2");
    CHECK(*find(*v2, {"spec", "metrics"}) == json(R"([{"type":"Resource","resource":{"name":"cpu",
                   "target":{"type":"Utilization","averageUtilization":70}}}])"));
    CHECK(integer_at(*v2, {"spec", "minReplicas"}) == 1);
    CHECK(integer_at(*lab.cluster.find(v1, key), {"spec", "targetCPUUtilizationPercentage"}) == 70);

    // What v1 has no words for survives an edit in v1.
    REQUIRE(
        lab.cluster
            .patch(resources::horizontal_pod_autoscalers,
                   key,
                   PatchKind::merge,
                   json(R"({"spec":{"behavior":{"scaleDown":{"stabilizationWindowSeconds":7}}}})"))
            .has_value());
    REQUIRE(lab.cluster.patch(v1, key, PatchKind::merge, json(R"({"spec":{"maxReplicas":9}})"))
                .has_value());
    const auto edited = lab.cluster.find(resources::horizontal_pod_autoscalers, key);
    CHECK(integer_at(*edited, {"spec", "maxReplicas"}) == 9);
    CHECK(integer_at(*edited, {"spec", "behavior", "scaleDown", "stabilizationWindowSeconds"}) ==
          7);
    CHECK(find(*edited, {"metadata", "annotations"}) == nullptr);
}

TEST_CASE("a pod on a node gets its grace period, and one without a node goes at once") {
    ACluster lab;
    const ObjectKey key{"default", "p"};
    const auto pod = R"({"metadata":{"name":"p","namespace":"default"},
                         "spec":{"nodeName":"lab-1","containers":[{"name":"c","image":"demo"}]}})";
    lab.create(resources::pods, pod);
    const auto leaving = lab.cluster.remove(resources::pods, key);
    REQUIRE(leaving.has_value());
    CHECK(text_at(**leaving, {"metadata", "deletionTimestamp"}) == "2026-01-25T20:00:30Z");
    CHECK(integer_at(**leaving, {"metadata", "deletionGracePeriodSeconds"}) == 30);
    CHECK(lab.cluster.find(resources::pods, key) != nullptr);
    REQUIRE(lab.cluster.remove(resources::pods, key, {.grace_seconds = 0}).has_value());
    CHECK(lab.cluster.find(resources::pods, key) == nullptr);

    lab.create(resources::pods,
               R"({"metadata":{"name":"p","namespace":"default"},
                   "spec":{"containers":[{"name":"c","image":"demo"}]}})");
    REQUIRE(lab.cluster.remove(resources::pods, key).has_value());
    CHECK(lab.cluster.find(resources::pods, key) == nullptr);
}

TEST_CASE("an object with finalizers goes when the last of them is done") {
    ACluster lab;
    lab.create(resources::config_maps,
               R"({"metadata":{"name":"c1","namespace":"default","finalizers":["x.io/y"]}})");
    const ObjectKey key{"default", "c1"};
    const auto leaving = lab.cluster.remove(resources::config_maps, key);
    REQUIRE(leaving.has_value());
    CHECK_FALSE(text_at(**leaving, {"metadata", "deletionTimestamp"}).empty());
    CHECK(lab.cluster.find(resources::config_maps, key) != nullptr);
    REQUIRE(lab.cluster
                .patch(resources::config_maps,
                       key,
                       PatchKind::merge,
                       json(R"({"metadata":{"finalizers":null}})"))
                .has_value());
    CHECK(lab.cluster.find(resources::config_maps, key) == nullptr);
}
