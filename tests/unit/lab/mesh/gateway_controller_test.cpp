// The gateway operator in virtual time, on a cluster in memory.
#include "lab/mesh/gateway_controller.hpp"

#include "lab/mesh/gateway_objects.hpp"
#include "lab/mesh/install.hpp"
#include "unit/lab/apiserver/a_cluster.hpp"
#include "unit/lab/mesh/objects.hpp"
#include "unit/lab/mesh/paper_doors.hpp"

using namespace sluice;
using namespace sluice::mesh;
using sluice::mesh::testing::article_gateway;
using sluice::mesh::testing::objects;
using sluice::mesh::testing::PaperDoors;
namespace resources = sluice::kube::resources;

namespace {

struct AnOperator : lab::ACluster {
    PaperDoors doors{context};
    GatewayController controller{context.get_executor(), cluster, doors, 0};
    const lab::ObjectKey key{"test", "test-imgw"};

    AnOperator() {
        const auto installed = install_mesh(cluster);
        REQUIRE_MESSAGE(installed.has_value(), (installed ? "" : installed.error().message));
        create(resources::namespaces, R"({"metadata":{"name":"test"}})");
        controller.start();
    }
    void apply(const Json& object) {
        const auto made = cluster.create(resources::istio_mesh_gateways, object);
        if (!made) FAIL(made.error().message);
        settle();
    }
    Json gateway() { return *cluster.get(resources::istio_mesh_gateways, key).value(); }
};

Json the_article() {
    auto object = objects(article_gateway).at(0);
    put(object, {"apiVersion"}, "servicemesh.cisco.com/v1alpha1");
    return object;
}

}  // namespace

TEST_CASE(
    "an IstioMeshGateway becomes available at an address of its own, with the operator's objects") {
    AnOperator lab;
    lab.apply(the_article());
    const auto gateway = lab.gateway();
    CHECK(text_at(gateway, {"status", "Status"}) == "Available");
    CHECK(array_at(gateway, {"status", "GatewayAddress"}) == JsonArray{"127.112.0.1"});
    CHECK(text_at(gateway, {"status", "ErrorMessage"}, "?") == "");
    CHECK(array_at(gateway, {"metadata", "finalizers"}) ==
          JsonArray{"istio-meshgateway.servicemesh.cisco.com"});
    CHECK(lab.doors.open_now == std::map<lab::ObjectKey, std::string>{{lab.key, "127.112.0.1"}});

    const auto service = lab.cluster.get(resources::services, lab.key).value();
    CHECK(text_at(*service, {"spec", "type"}) == "LoadBalancer");
    CHECK(array_at(*service, {"status", "loadBalancer", "ingress"}) ==
          JsonArray{JsonObject{{"ip", "127.112.0.1"}}});
    CHECK(text_at(*service, {"metadata", "annotations", "sluice.dev/lab-address"}) ==
          "127.112.0.1:80");
    CHECK(integer_at(array_at(*service, {"spec", "ports"}).at(0), {"targetPort"}) == 8080);
    const JsonObject labels{{"app", "test-imgw-app"},
                            {"istio", "ingressgateway"},
                            {"gateway-name", "test-imgw"},
                            {"gateway-type", "ingress"},
                            {"release", "istio-meshgateway"},
                            {"istio.io/rev", "cp-v112x.istio-system"}};
    CHECK(object_at(*service, {"spec", "selector"}) == labels);

    const auto deployment = lab.cluster.get(resources::deployments, lab.key).value();
    CHECK(object_at(*deployment, {"spec", "selector", "matchLabels"}) == labels);
    CHECK(text_at(*deployment,
                  {"spec", "template", "metadata", "labels", "sidecar.istio.io/inject"}) == "true");
    CHECK(integer_at(*deployment, {"spec", "replicas"}) == 1);
    CHECK(kube::controller_of(*deployment) != nullptr);
    CHECK(text_at(*deployment, {"metadata", "labels", "gateway-name"}) == "test-imgw");
    CHECK(text_at(*deployment, {"metadata", "labels", "istio"}) == "");
    CHECK(lab.cluster.find(resources::service_accounts, {"test", "test-imgw-service-account"}) !=
          nullptr);
    CHECK(lab.cluster.find({"rbac.authorization.k8s.io", "v1", "roles", "Role"},
                           {"test", "test-imgw-sds"}) != nullptr);
    CHECK(lab.cluster.find({"rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding"},
                           {"test", "test-imgw-sds"}) != nullptr);
}

TEST_CASE("a gateway that is as it should be is written no more") {
    AnOperator lab;
    lab.apply(the_article());
    lab.clock.run_for(std::chrono::minutes{1});
    const auto before = lab.cluster.revision();
    (void)lab.cluster.patch(resources::istio_mesh_gateways,
                            lab.key,
                            lab::PatchKind::merge,
                            JsonObject{{"metadata", {{"annotations", {{"a", "b"}}}}}});
    lab.settle();
    CHECK(lab.cluster.revision() == before + 1);
}

TEST_CASE("a port that cannot be bound is shown where it is instead") {
    AnOperator lab;
    lab.doors.unprivileged = true;
    lab.apply(the_article());
    CHECK(text_at(*lab.cluster.get(resources::services, lab.key).value(),
                  {"metadata", "annotations", "sluice.dev/lab-address"}) == "127.112.0.1:18080");
    CHECK(text_at(lab.gateway(), {"status", "Status"}) == "Available");
    const auto events = lab.cluster.list(resources::events, "test");
    REQUIRE(events.size() == 1);
    CHECK(text_at(*events[0], {"message"}) ==
          "port 80 of 127.112.0.1 could not be bound and is at 127.112.0.1:18080");
}

TEST_CASE("a gateway of a control plane that is missing says so, and goes on when it comes") {
    AnOperator lab;
    auto object = the_article();
    put(object, {"spec", "istioControlPlane", "name"}, "cp-v200x");
    lab.apply(object);
    CHECK(text_at(lab.gateway(), {"status", "Status"}) == "ReconcileFailed");
    CHECK(text_at(lab.gateway(), {"status", "ErrorMessage"}) ==
          "istiocontrolplanes.servicemesh.cisco.com \"cp-v200x\" not found");
    CHECK(text_at(*lab.cluster.list(resources::events, "test").at(0), {"reason"}) ==
          "ControlPlaneMissing");
    CHECK(lab.doors.open_now.empty());
    lab.create(
        resources::istio_control_planes,
        R"({"metadata":{"name":"cp-v200x","namespace":"istio-system"},"spec":{"version":"1.17.8","mode":"ACTIVE"}})");
    lab.settle();
    CHECK(text_at(lab.gateway(), {"status", "Status"}) == "Available");
}

TEST_CASE("a deleted gateway closes its doors, gives its address back and lets go of the object") {
    AnOperator lab;
    lab.apply(the_article());
    REQUIRE(lab.cluster.remove(resources::istio_mesh_gateways, lab.key).has_value());
    lab.settle();
    CHECK(lab.doors.open_now.empty());
    CHECK(lab.cluster.find(resources::istio_mesh_gateways, lab.key) == nullptr);
    lab.apply(the_article());
    CHECK(lab.doors.open_now.at(lab.key) == "127.112.0.1");
}

TEST_CASE(
    "each gateway has an address of its own, and what somebody changes in its objects is mended") {
    AnOperator lab;
    lab.apply(the_article());
    auto second = the_article();
    put(second, {"metadata", "name"}, "other");
    put(second, {"spec", "deployment", "replicas"}, JsonObject{{"min", 2}, {"max", 4}});
    put(second, {"spec", "deployment", "podDisruptionBudget"}, JsonObject{{"minAvailable", 1}});
    lab.apply(second);
    CHECK(lab.doors.open_now.at({"test", "other"}) == "127.112.0.2");
    CHECK(lab.cluster.find(resources::horizontal_pod_autoscalers, {"test", "other"}) != nullptr);
    CHECK(lab.cluster.find({"policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"},
                           {"test", "other"}) != nullptr);
    CHECK(lab.cluster.find(resources::horizontal_pod_autoscalers, lab.key) == nullptr);

    (void)lab.cluster.patch(resources::services,
                            lab.key,
                            lab::PatchKind::merge,
                            JsonObject{{"spec", {{"selector", {{"app", "wrong"}}}}}});
    lab.settle();
    CHECK(text_at(*lab.cluster.get(resources::services, lab.key).value(),
                  {"spec", "selector", "app"}) == "test-imgw-app");
}

TEST_CASE("objects that the mesh's webhook refuses are refused by the cluster") {
    AnOperator lab;
    const auto refused = lab.cluster.create(
        resources::virtual_services,
        objects("apiVersion: networking.istio.io/v1beta1\nkind: VirtualService\nmetadata: {name: "
                "v, namespace: test}\nspec: {hosts: [a], http: [{mirror: {host: '*'}, route: "
                "[{destination: {host: a}}]}]}")
            .at(0));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == 400);
    CHECK(refused.error().message ==
          "admission webhook \"rev.validation.istio.io\" denied the request: configuration is "
          "invalid: invalid destination host *");

    // Every served version is one object, and is checked alike.
    const kube::Resource alpha{"networking.istio.io", "v1alpha3", "gateways", "Gateway"};
    auto gateway = objects(article_gateway).at(1);
    put(gateway, {"apiVersion"}, "networking.istio.io/v1alpha3");
    REQUIRE(lab.cluster.create(alpha, gateway).has_value());
    CHECK(text_at(*lab.cluster.get(resources::gateways, {"test", "public-gateway"}).value(),
                  {"apiVersion"}) == "networking.istio.io/v1beta1");
    put(gateway, {"metadata", "name"}, "bad");
    put(gateway, {"spec", "servers"}, JsonArray{});
    CHECK_FALSE(lab.cluster.create(alpha, gateway).has_value());
}

TEST_CASE("what the operator would have to leave out is refused by its name") {
    AnOperator lab;
    auto overlaid = the_article();
    put(overlaid, {"spec", "k8sResourceOverlays"}, JsonArray{JsonObject{}});
    auto refused = lab.cluster.create(resources::istio_mesh_gateways, overlaid);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == 400);
    CHECK(refused.error().message ==
          "spec.k8sResourceOverlays: changing what the operator makes is not built yet");

    constexpr auto external = "meshgateway.istio.servicemesh.cisco.com/generate-external-service";
    auto outside = the_article();
    put(outside, {"metadata", "annotations", external}, "true");
    refused = lab.cluster.create(resources::istio_mesh_gateways, outside);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().message.ends_with(": an external Service is not built yet"));
    put(outside, {"metadata", "annotations", external}, "false");
    CHECK(lab.cluster.create(resources::istio_mesh_gateways, outside).has_value());
}

TEST_CASE("pods of an injected namespace carry the sidecar's mark from their creation on") {
    AnOperator lab;
    const auto pod = [&](const char* name, const char* ns) {
        return lab.create(
            resources::pods,
            fmt::format(
                R"({{"metadata":{{"name":"{}","namespace":"{}"}},"spec":{{"containers":[{{"name":"c","image":"i"}}]}}}})",
                name,
                ns));
    };
    CHECK_FALSE(has_sidecar(*pod("before", "test")));
    (void)lab.cluster.patch(
        resources::namespaces,
        {"", "test"},
        lab::PatchKind::merge,
        JsonObject{{"metadata", {{"labels", {{"istio.io/rev", "cp-v112x.istio-system"}}}}}});
    CHECK(has_sidecar(*pod("after", "test")));
    CHECK_FALSE(has_sidecar(*lab.cluster.get(resources::pods, {"test", "before"}).value()));
    CHECK_FALSE(has_sidecar(*pod("elsewhere", "default")));
}
