// What comes in by the Gateway API and by NGINX, in virtual time (a_mesh.hpp).
#include "lab/mesh/gateway_api.hpp"
#include "lab/mesh/nginx_ingress.hpp"
#include "unit/lab/mesh/a_mesh.hpp"

using namespace sluice;
using namespace sluice::mesh;
using namespace sluice::mesh::testing;

namespace {

// One listener of another kind than Istio's, as its controller puts it together.
DoorPtr entry(AMesh& mesh, std::shared_ptr<GatewayListener> listener) {
    if (listener->workload == nullptr) listener->workload = outside();
    mesh.builder.entry_listener("entry/public:80", std::move(listener));
    mesh.use();
    return std::make_shared<Door>(Door{Door::Kind::gateway, "entry/public:80"});
}

}  // namespace

TEST_CASE("an HTTPRoute's share that goes to no Service is answered 500, one without pods 503") {
    AMesh mesh(two_versions + service("test", "empty", {}));
    const auto listener = std::make_shared<GatewayListener>();
    listener->workload =
        std::make_shared<const Workload>(workload_named("public-istio", "test", {}));
    const auto route = compile_http_route(objects(R"(
kind: HTTPRoute
metadata: {name: web, namespace: test}
spec:
  rules:
  - matches: [{path: {value: /missing}}]
    backendRefs: [{name: podinfo-primary, port: 9898, weight: 3}, {name: missing, port: 9898, weight: 1}]
  - matches: [{path: {value: /empty}}]
    backendRefs: [{name: empty, port: 9898}]
  - matches: [{path: {value: /nobody}}]
)")
                                              .at(0),
                                          [](const BackendRef&) { return true; });
    put_domains(*listener, {{"*"}, {{"*", {"*"}, std::make_shared<const HttpRoute>(route)}}});
    const auto door = entry(mesh, listener);
    int answered = 0, refused = 0;
    for (int i = 0; i < 100; ++i) {
        const auto status = mesh.ask(door, "x", "/missing").status;
        answered += status == 200;
        refused += status == 500;
    }
    CHECK(answered == 75);
    CHECK(refused == 25);
    CHECK(mesh.ask(door, "x", "/empty").status == 503);
    CHECK(mesh.ask(door, "x", "/nobody").status == 500);
    CHECK(mesh.ask(door, "x", "/elsewhere").status == 404);
    CHECK(mesh.counted().back() == "source 404 NR public-istio->unknown unknown 1");
    mesh.builder.entry_listener("entry/public:80", nullptr);
    mesh.use();
    CHECK(mesh.ask(door, "x", "/missing").status == 404);
}

TEST_CASE("NGINX splits by its canary's weight, and tells of it in its own metrics alone") {
    AMesh mesh(two_versions);
    const auto listener = std::make_shared<GatewayListener>();
    listener->kind = GatewayListener::Kind::nginx;
    std::vector<Ingress> ingresses;
    for (const auto& object : objects(R"(---
kind: Ingress
metadata: {name: podinfo, namespace: test}
spec: {rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: podinfo-primary, port: {number: 9898}}}}]}}]}
---
kind: Ingress
metadata:
  name: podinfo-canary
  namespace: test
  annotations: {nginx.ingress.kubernetes.io/canary: "true", nginx.ingress.kubernetes.io/canary-weight: "15"}
spec: {rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: podinfo-canary, port: {number: 9898}}}}]}}]}
)"))
        ingresses.push_back(compile_ingress(
            object, [](const auto&, std::string_view) { return std::optional<std::uint16_t>(); }));
    put_ingresses(*listener, ingresses);
    const auto door = entry(mesh, listener);
    mesh.pods.scripts["127.64.0.2"] = {{.status = 500}};
    int canary = 0;
    for (int i = 0; i < 100; ++i) canary += mesh.ask(door, "x").status == 500;
    CHECK(canary == 15);
    CHECK(mesh.ask(door, "x").headers.get("server") != "istio-envoy");
    const auto& asked = mesh.pods.asked.back().headers;
    CHECK_FALSE(asked.get("x-envoy-attempt-count"));
    CHECK(asked.get("x-forwarded-for") == "127.0.0.1");
    CHECK(asked.get("x-forwarded-host") == "x");

    // The pods' own proxies saw somebody without a sidecar.
    for (const auto& line : mesh.counted()) CHECK(line.starts_with("destination"));
    const auto text = mesh.proxy.nginx_metrics().exposition(IstioMetrics::Reading::look);
    const auto count = [&](const std::string& canary_label, int status) {
        for (const auto line : split(text, '\n')) {
            if (line.starts_with("nginx_ingress_controller_requests{canary=\"" + canary_label +
                                 "\"") &&
                line.find(fmt::format("status=\"{}\"", status)) != std::string::npos &&
                line.find("method=\"GET\",namespace=\"test\"") != std::string::npos)
                return std::string(line.substr(line.rfind(' ') + 1));
        }
        return std::string("none");
    };
    CHECK(count("test-podinfo-canary-9898", 500).starts_with("1"));
    CHECK(count("", 500) == "none");
    CHECK(count("test-podinfo-canary-9898", 200) == "none");
    // Nothing of it where nothing was counted.
    AMesh other(two_versions);
    CHECK(other.proxy.nginx_metrics().exposition(IstioMetrics::Reading::look).empty());
}

TEST_CASE("where a rewrite leaves nothing of the path NGINX answers 500, as it does") {
    AMesh mesh(two_versions);
    const auto listener = std::make_shared<GatewayListener>();
    listener->kind = GatewayListener::Kind::nginx;
    put_ingresses(*listener,
                  {compile_ingress(objects(R"(
kind: Ingress
metadata:
  name: podinfo
  namespace: test
  annotations: {nginx.ingress.kubernetes.io/use-regex: "true", nginx.ingress.kubernetes.io/rewrite-target: $2}
spec: {rules: [{http: {paths: [{path: '/api(/|$)?(.*)', pathType: ImplementationSpecific, backend: {service: {name: podinfo-primary, port: {number: 9898}}}}]}}]}
)")
                                       .at(0),
                                   [](const auto&, std::string_view) {
                                       return std::optional<std::uint16_t>();
                                   })});
    const auto door = entry(mesh, listener);
    CHECK(mesh.ask(door, "x", "/api").status == 500);
    CHECK(mesh.ask(door, "x", "/api/?q=1").status == 500);
    CHECK(mesh.pods.asked.empty());
    CHECK(mesh.ask(door, "x", "/api//v1?q=1").status == 200);
    CHECK(mesh.pods.asked.back().target == "/v1?q=1");
}

TEST_CASE("an HTTPRoute redirects and answers other origins by itself") {
    AMesh mesh(two_versions);
    const auto listener = std::make_shared<GatewayListener>();
    const auto route = compile_http_route(objects(R"(
kind: HTTPRoute
metadata: {name: web, namespace: test}
spec:
  rules:
  - matches: [{path: {value: /old}}]
    filters: [{type: RequestRedirect, requestRedirect: {hostname: b.example.com, statusCode: 301}}]
  - filters: [{type: CORS, cors: {allowOrigins: ['https://*.b.com'], allowMethods: [GET], maxAge: 60}}]
    backendRefs: [{name: podinfo-primary, port: 9898}]
)")
                                              .at(0),
                                          [](const BackendRef&) { return true; });
    CHECK(route.faults.empty());
    put_domains(*listener, {{"*"}, {{"*", {"*"}, std::make_shared<const HttpRoute>(route)}}});
    const auto door = entry(mesh, listener);
    const auto moved = mesh.ask(door, "a.example.com", "/old/x?q=1");
    CHECK(moved.status == 301);
    CHECK(moved.headers.get("location") == "http://b.example.com/old/x?q=1");
    CHECK(mesh.pods.asked.empty());
    const auto answer = mesh.ask(door, "a.example.com", "/", {{"origin", "https://x.b.com"}});
    CHECK(answer.status == 200);
    CHECK(answer.headers.get("access-control-allow-origin") == "https://x.b.com");
    const auto other = mesh.ask(door, "a.example.com", "/", {{"origin", "https://c.com"}});
    CHECK(other.status == 200);
    CHECK_FALSE(other.headers.get("access-control-allow-origin"));
}
