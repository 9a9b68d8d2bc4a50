#include "delivery/canary/objects.hpp"

#include "delivery/canary/scalers.hpp"
#include "model.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

using namespace sluice;
using namespace sluice::model;
using namespace std::chrono_literals;
using Messages = std::vector<std::string>;

namespace {

void add_scaler(Cluster& cluster) {
    cluster.target_scaler =
        parse_json(R"({"metadata": {"name": "podinfo", "namespace": "test", "uid": "h",
        "resourceVersion": "9", "labels": {"team": "a"}}, "spec": {"minReplicas": 2, "maxReplicas": 4, "metrics": [{"type": "Resource"}],
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"}}})")
            .value();
    cluster.edit_canary([](Json& spec) {
        put(spec,
            {"autoscalerRef"},
            parse_json(
                R"({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "podinfo"})")
                .value());
    });
}

}  // namespace

TEST_CASE("the primary gets a copy of the autoscaler, and its changes at promotion") {
    Cluster cluster;
    add_scaler(cluster);
    cluster.run(30s);
    CHECK(cluster.phase() == "Initialized");
    REQUIRE(cluster.primary_scaler);
    CHECK(text_at(*cluster.primary_scaler, {"spec", "scaleTargetRef", "name"}) ==
          "podinfo-primary");
    CHECK(integer_at(*cluster.primary_scaler, {"spec", "minReplicas"}) == 2);
    CHECK(text_at(*cluster.primary_scaler, {"metadata", "labels", "team"}) == "a");

    put(*cluster.target_scaler, {"spec", "maxReplicas"}, 8);
    put(*cluster.primary, {"spec", "replicas"}, 3);
    cluster.set_image("podinfo:2");
    cluster.run(20s);
    // From zero to the autoscaler's least.
    CHECK(integer_at(*cluster.target, {"spec", "replicas"}) == 2);
    CHECK(integer_at(*cluster.primary_scaler, {"spec", "maxReplicas"}) == 4);
    cluster.run(6min);
    CHECK(cluster.phase() == "Succeeded");
    CHECK(integer_at(*cluster.primary_scaler, {"spec", "maxReplicas"}) == 8);
    // The autoscaler says how many, not the target.
    CHECK(integer_at(*cluster.primary, {"spec", "replicas"}) == 3);
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE(
    "at promotion it is told that the primary's autoscaler stands as the target's, and written "
    "only where it does not") {
    Cluster cluster;
    add_scaler(cluster);
    cluster.edit_canary([](Json& spec) { put(spec, {"analysis", "stepWeightPromotion"}, 25); });
    cluster.run(30s);
    cluster.set_image("podinfo:2");
    cluster.pods = Pods::staged;
    while (cluster.phase() != "Promoting") cluster.run(1s);
    while (!cluster.world().primary->ready()) cluster.work();
    const auto scaler_of = [](const Move& move) -> const Patch* {
        const auto* act = std::get_if<Act>(&move);
        if (act == nullptr || act->effects.empty()) return nullptr;
        return std::get_if<Patch>(&act->effects.front());
    };
    auto world = cluster.world();
    const auto first = next(world, {}, cluster.now);
    REQUIRE(scaler_of(first) != nullptr);
    CHECK(scaler_of(first)->is_empty());
    CHECK(scaler_of(first)->telling.log ==
          "HorizontalPodAutoscaler v2 podinfo-primary.test updated");
    cluster.tick();
    // One step on there is nothing to tell, unless somebody has changed it meanwhile.
    cluster.now += 30s;
    CHECK(scaler_of(next(cluster.world(), {}, cluster.now)) == nullptr);
    put(*cluster.target_scaler, {"spec", "maxReplicas"}, 9);
    const auto later = next(cluster.world(), {}, cluster.now);
    REQUIRE(scaler_of(later) != nullptr);
    CHECK(integer_at(scaler_of(later)->patch, {"spec", "maxReplicas"}) == 9);
    cluster.run(6min);
    CHECK(cluster.phase() == "Succeeded");
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE("a missing autoscaler is told and nothing is promised") {
    Cluster cluster;
    add_scaler(cluster);
    cluster.target_scaler.reset();
    cluster.run(30s);
    CHECK(cluster.phase() == "Initializing");
    CHECK(cluster.messages ==
          Messages{will_rest,
                   "HorizontalPodAutoscaler podinfo.test get query error: "
                   "horizontalpodautoscalers.autoscaling \"podinfo\" not found"});
}

TEST_CASE(
    "a missing target, an unfit selector and a missing config are told once, and nothing is "
    "touched") {
    SUBCASE("target") {
        Cluster cluster;
        cluster.target.reset();
        cluster.run(1min);
        CHECK(
            cluster.messages ==
            Messages{
                will_rest,
                "deployment podinfo.test get query error: deployments.apps \"podinfo\" not found"});
    }
    SUBCASE("selector") {
        Cluster cluster;
        put(*cluster.target, {"spec", "selector", "matchLabels"}, JsonObject{{"role", "x"}});
        cluster.run(1min);
        CHECK(
            cluster.messages ==
            Messages{
                will_rest,
                "getSelectorLabel failed: deployment podinfo.test "
                "spec.selector.matchLabels must contain one of [app name app.kubernetes.io/name]"});
    }
    SUBCASE("configs") {
        Cluster cluster;
        put(find(*cluster.target, {"spec", "template", "spec", "containers"})->as_array()[0],
            {"envFrom"},
            parse_json(R"([{"configMapRef": {"name": "settings"}}])").value());
        cluster.run(1min);
        CHECK(text_at(cluster.canary, {"status", "phase"}) == "Initializing");
        CHECK(!cluster.primary);
        CHECK(
            std::ranges::count(cluster.messages,
                               "createPrimaryDeployment failed: GetTargetConfigs failed: configmap "
                               "settings.test get query error: configmap settings.test get query "
                               "error: configmaps \"settings\" not found") == 1);
        cluster.settings.track_configs = false;
        cluster.run(1min);
        CHECK(cluster.phase() == "Initialized");
        CHECK(find(cluster.canary, {"status", "trackedConfigs"}) == nullptr);
    }
    SUBCASE("not built") {
        Cluster cluster;
        cluster.edit_canary([](Json& spec) { put(spec, {"targetRef", "kind"}, "StatefulSet"); });
        cluster.run(1min);
        CHECK(cluster.messages == Messages{"spec.targetRef.kind: StatefulSet is not built yet"});
        CHECK(cluster.log == Messages{"status: hold"});
    }
}

TEST_CASE("an object that somebody else controls is not taken") {
    Cluster cluster;
    cluster.apex =
        parse_json(
            R"({"kind": "Service", "metadata": {"name": "podinfo", "uid": "s", "ownerReferences":
        [{"kind": "Knob", "name": "k", "uid": "other", "controller": true}]}})")
            .value();
    cluster.run(1min);
    CHECK(cluster.messages ==
          Messages{"Service podinfo.test is controlled by Knob k and is not taken from it"});
    CHECK(cluster.log == Messages{"status: hold"});
}

TEST_CASE("our Services are kept as the Canary wants them, and foreign fields survive") {
    Cluster cluster;
    cluster.edit_canary([](Json& spec) {
        put(spec, {"service", "portDiscovery"}, true);
        put(spec, {"service", "targetPort"}, "http");
        put(spec, {"service", "apex", "labels"}, JsonObject{{"a", "b"}});
        put(spec, {"service", "unmanagedMetadata", "annotations"}, JsonArray{"theirs"});
    });
    auto& containers =
        find(*cluster.target, {"spec", "template", "spec", "containers"})->as_array();
    put(containers[0],
        {"ports"},
        parse_json(R"([{"containerPort": 9898, "name": "http"}, {"containerPort": 9797}])")
            .value());
    cluster.run(30s);
    REQUIRE(cluster.apex);
    CHECK(to_text(*find(*cluster.apex, {"spec", "ports"})) ==
          R"([{"name":"http","protocol":"TCP","port":9898,"targetPort":"http"},)"
          R"({"name":"tcp-podinfod-1","protocol":"TCP","port":9797,"targetPort":9797}])");
    CHECK(text_at(*cluster.apex, {"metadata", "labels", "a"}) == "b");

    put(*cluster.apex, {"spec", "selector", "app"}, "elsewhere");
    put(*cluster.apex, {"spec", "sessionAffinity"}, "ClientIP");
    put(*cluster.apex, {"metadata", "annotations", "theirs"}, "1");
    put(*cluster.apex, {"metadata", "annotations", "ours"}, "1");
    cluster.tick();
    CHECK(text_at(*cluster.apex, {"spec", "selector", "app"}) == "podinfo-primary");
    CHECK(text_at(*cluster.apex, {"spec", "sessionAffinity"}) == "ClientIP");
    CHECK(text_at(*cluster.apex, {"metadata", "annotations", "theirs"}) == "1");
    CHECK(find(*cluster.apex, {"metadata", "annotations", "ours"}) == nullptr);
}

TEST_CASE("a Service that was there before the Canary keeps the ports that others use") {
    Cluster cluster;
    cluster.apex =
        parse_json(
            R"({"kind": "Service", "metadata": {"name": "podinfo", "namespace": "test", "uid": "s",
                "resourceVersion": "1"}, "spec": {"selector": {"app": "podinfo"}, "ports": [
                    {"name": "http", "protocol": "TCP", "port": 9898, "targetPort": 9898},
                    {"name": "grpc", "protocol": "TCP", "port": 9999, "targetPort": "grpc", "nodePort": 30123},
                    {"name": "dns", "protocol": "UDP", "port": 53, "targetPort": 53}]}})")
            .value();
    cluster.run(30s);
    REQUIRE(cluster.phase() == "Initialized");
    const auto& ports = array_at(*cluster.apex, {"spec", "ports"});
    REQUIRE(ports.size() == 3);
    CHECK(text_at(ports[1], {"name"}) == "grpc");
    CHECK(integer_at(ports[1], {"nodePort"}) == 30123);
    CHECK(text_at(ports[2], {"protocol"}) == "UDP");
    CHECK(text_at(*cluster.apex, {"spec", "selector", "app"}) == "podinfo-primary");
}

TEST_CASE("a Service's only port, which has no name, gets one beside the Canary's") {
    Cluster cluster;
    cluster.apex =
        parse_json(R"({"kind": "Service", "metadata": {"name": "podinfo", "namespace": "test",
            "uid": "s", "resourceVersion": "1"},
            "spec": {"selector": {"app": "podinfo"}, "ports": [{"port": 80, "targetPort": 9898}]}})")
            .value();
    cluster.run(30s);
    const auto& ports = array_at(*cluster.apex, {"spec", "ports"});
    REQUIRE(ports.size() == 2);
    CHECK(integer_at(ports[0], {"port"}) == 9898);
    CHECK(text_at(ports[1], {"name"}) == "tcp-80");
    CHECK(integer_at(ports[1], {"port"}) == 80);
}

TEST_CASE("discovered ports keep their protocol, and sidecars that stay are among them") {
    Cluster cluster;
    cluster.edit_canary([](Json& spec) { put(spec, {"service", "portDiscovery"}, true); });
    auto& containers =
        find(*cluster.target, {"spec", "template", "spec", "containers"})->as_array();
    put(containers[0],
        {"ports"},
        parse_json(R"([{"containerPort": 9898}, {"containerPort": 53, "protocol": "UDP"}])")
            .value());
    put(*cluster.target,
        {"spec", "template", "spec", "initContainers"},
        parse_json(R"([
            {"name": "migrate", "ports": [{"containerPort": 1}]},
            {"name": "auth", "restartPolicy": "Always", "ports": [{"containerPort": 8081, "name": "auth"}]}])")
            .value());
    cluster.run(30s);
    REQUIRE(cluster.apex);
    CHECK(to_text(*find(*cluster.apex, {"spec", "ports"})) ==
          R"([{"name":"http","protocol":"TCP","port":9898,"targetPort":9898},)"
          R"({"name":"udp-podinfod-1","protocol":"UDP","port":53,"targetPort":53},)"
          R"({"name":"auth","protocol":"TCP","port":8081,"targetPort":8081}])");
}

TEST_CASE("a Canary that is pointed at another target begins anew") {
    Cluster cluster;
    cluster.run(30s);
    REQUIRE(cluster.phase() == "Initialized");
    cluster.edit_canary([](Json& spec) {
        put(spec, {"targetRef", "name"}, "web");
        put(spec, {"service", "name"}, "podinfo");
    });
    put(*cluster.target, {"metadata", "name"}, "web");
    put(*cluster.target, {"metadata", "uid"}, "web-uid");
    put(*cluster.target, {"spec", "replicas"}, 1);
    cluster.primary.reset();
    cluster.tick();
    CHECK(cluster.phase() == "Initializing");
}

TEST_CASE(
    "an autoscaler of the primary that is not wanted any more goes once the new one is there") {
    const auto old = [](const char* name, const char* scales) {
        return parse_json(fmt::format(
                              R"({{"kind": "HorizontalPodAutoscaler", "metadata": {{"name": "{0}",
            "uid": "{0}"}}, "spec": {{"scaleTargetRef": {{"name": "{1}"}}}}}})",
                              name,
                              scales))
            .value();
    };
    Cluster cluster;
    cluster.run(30s);
    REQUIRE(cluster.phase() == "Initialized");
    cluster.old_scalers = {old("before-primary", "podinfo-primary"), old("far", "other-primary")};
    add_scaler(cluster);
    auto looked = cluster.world();
    CHECK(!canary::remove_old_scaler(looked));
    cluster.run(10s);
    CHECK(cluster.primary_scaler);
    // That of an earlier target's primary is left to it.
    REQUIRE(cluster.old_scalers.size() == 1);
    CHECK(text_at(cluster.old_scalers.front(), {"metadata", "name"}) == "far");
    CHECK(cluster.complaints == Messages{});
}
