// The kinds that come with the mesh.
#include "lab/mesh/install.hpp"

#include "base/async/virtual_clock.hpp"
#include "unit/lab/mesh/objects.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

using namespace sluice;
using sluice::mesh::testing::objects;

namespace {

struct Installed {
    boost::asio::io_context context;
    VirtualClock clock{context, parse_rfc3339("2026-01-25T20:00:00Z").value()};
    SeededRandom random{7};
    lab::Cluster cluster{clock, random};

    Installed() {
        cluster.deliver_by(
            [this](std::function<void()> work) { boost::asio::post(context, std::move(work)); });
        const auto installed = mesh::install_mesh(cluster);
        if (!installed) FAIL(installed.error().message);
    }
    // The object as it is kept, or why it is not.
    lab::Answer<lab::ObjectPtr> create(const kube::Resource& resource, const std::string& yaml) {
        auto object = objects(yaml).at(0);
        put(object, {"apiVersion"}, Json(resource.api_version()));
        put(object, {"kind"}, Json(resource.kind));
        put(object, {"metadata", "name"}, "web");
        if (resource.namespaced) put(object, {"metadata", "namespace"}, "default");
        return cluster.create(resource, std::move(object), {.strict_fields = true});
    }
};

constexpr std::string_view group = "gateway.networking.k8s.io";

kube::Resource of_gateway_api(std::string_view version,
                              std::string_view plural,
                              std::string_view kind,
                              bool namespaced = true) {
    return {std::string(group),
            std::string(version),
            std::string(plural),
            std::string(kind),
            namespaced};
}

}  // namespace

TEST_CASE(
    "an HTTPRoute is kept with the defaults of the Gateway API, and is one object in both "
    "versions") {
    Installed lab;
    const auto v1 = of_gateway_api("v1", "httproutes", "HTTPRoute");
    const auto beta = of_gateway_api("v1beta1", "httproutes", "HTTPRoute");
    const auto made = lab.create(v1, R"(
spec:
  parentRefs: [{name: gateway}]
  hostnames: [app.example.com]
  rules:
    - backendRefs:
        - {name: web-primary, port: 9898, weight: 90}
        - {name: web-canary, port: 9898, weight: 10}
      filters:
        - {type: RequestMirror, requestMirror: {backendRef: {name: web-canary, port: 9898}, percent: 20}}
      timeouts: {request: 10s}
)");
    if (!made) FAIL(made.error().message);
    CHECK(to_text(*find(**made, {"spec", "parentRefs"})) ==
          R"([{"name":"gateway","group":"gateway.networking.k8s.io","kind":"Gateway"}])");
    const auto& rule = array_at(**made, {"spec", "rules"}).at(0);
    CHECK(to_text(*find(rule, {"matches"})) == R"([{"path":{"type":"PathPrefix","value":"/"}}])");
    CHECK(to_text(array_at(rule, {"backendRefs"}).at(1)) ==
          R"({"name":"web-canary","port":9898,"weight":10,"group":"","kind":"Service"})");
    const auto same = lab.cluster.find(beta, {"default", "web"});
    REQUIRE(same != nullptr);
    CHECK(text_at(*same, {"apiVersion"}) == "gateway.networking.k8s.io/v1beta1");
    CHECK(*find(*same, {"spec"}) == *find(**made, {"spec"}));
}

TEST_CASE("a route that leads to a Service without a port, or weighs too much, is refused") {
    Installed lab;
    const auto v1 = of_gateway_api("v1", "httproutes", "HTTPRoute");
    const auto refusal = [&](const std::string& rules) {
        const auto made = lab.create(v1, "spec: {rules: [" + rules + "]}");
        return made ? std::string("accepted") : made.error().message;
    };
    CHECK(refusal("{backendRefs: [{name: a}]}").ends_with("Must have port for Service reference"));
    CHECK(refusal("{backendRefs: [{name: a, port: 80, weight: 2000000}]}")
              .ends_with("should be less than or equal to 1e+06"));
    CHECK(refusal("{matches: [{path: {type: Glob, value: /}}]}")
              .ends_with("supported values: \"Exact\", \"PathPrefix\", \"RegularExpression\""));
    CHECK(refusal("{backendRef: []}").find("unknown field \"spec.rules[0].backendRef\"") !=
          std::string::npos);
    CHECK(refusal("{timeouts: {request: soon}}").find("should match") != std::string::npos);
    CHECK(
        refusal("{backendRefs: [{name: a, kind: ServiceImport, group: multicluster.x-k8s.io}]}") ==
        "accepted");
}

TEST_CASE("the other kinds of the Gateway API and KEDA's ScaledObject are kept") {
    Installed lab;
    CHECK(lab.create(of_gateway_api("v1", "gatewayclasses", "GatewayClass", false),
                     "spec: {controllerName: sluice.dev/lab}"));
    CHECK(lab.create(
        of_gateway_api("v1beta1", "gateways", "Gateway"),
        "spec: {gatewayClassName: web, listeners: [{name: http, port: 80, protocol: HTTP}]}"));
    const auto gateway =
        lab.cluster.find(of_gateway_api("v1", "gateways", "Gateway"), {"default", "web"});
    REQUIRE(gateway != nullptr);
    CHECK(text_at(array_at(*gateway, {"spec", "listeners"}).at(0),
                  {"allowedRoutes", "namespaces", "from"}) == "Same");
    CHECK(lab.create(of_gateway_api("v1", "grpcroutes", "GRPCRoute"),
                     "spec: {rules: [{matches: [{method: {service: a.B}}], backendRefs: [{name: a, "
                     "port: 1}]}]}"));
    CHECK(lab.create(of_gateway_api("v1beta1", "referencegrants", "ReferenceGrant"),
                     "spec: {from: [{group: '', kind: Service, namespace: a}], to: [{group: '', "
                     "kind: Service}]}"));
    const auto scaled = lab.create({"keda.sh", "v1alpha1", "scaledobjects", "ScaledObject"}, R"(
spec:
  scaleTargetRef: {name: web}
  minReplicaCount: 2
  advanced: {horizontalPodAutoscalerConfig: {name: x, behavior: {scaleDown: {policies: []}}}}
  triggers:
    - {type: prometheus, name: load, metadata: {query: up, threshold: "5"}}
)");
    if (!scaled) FAIL(scaled.error().message);
    CHECK(integer_at(**scaled, {"spec", "minReplicaCount"}) == 2);
    const auto refused = lab.create({"keda.sh", "v1alpha1", "scaledobjects", "ScaledObject"},
                                    "spec: {scaleTargetRef: {name: web}}");
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().message ==
          "ScaledObject.keda.sh \"web\" is invalid: spec.triggers: Required value");
}
