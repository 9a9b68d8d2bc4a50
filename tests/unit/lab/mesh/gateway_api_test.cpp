// The Gateway API's controllers on a cluster in memory: what a kubectl apply brings about in the
// status of everybody, and in the proxy's table.
#include "lab/mesh/gateway_api.hpp"

#include "lab/mesh/install.hpp"
#include "unit/lab/apiserver/a_cluster.hpp"
#include "unit/lab/mesh/objects.hpp"
#include "unit/lab/mesh/paper_doors.hpp"

using namespace sluice;
using namespace sluice::mesh;
using sluice::mesh::testing::objects;
using sluice::mesh::testing::PaperDoors;
namespace resources = sluice::kube::resources;

namespace {

struct AnEntry : lab::ACluster {
    PaperDoors doors{context};
    TableBuilder builder;
    RouteTablePtr table = builder.build();
    GatewayApi api{
        context.get_executor(), cluster, doors, 0, builder, [this] { table = builder.build(); }};

    AnEntry() {
        const auto installed = install_mesh(cluster);
        REQUIRE_MESSAGE(installed.has_value(), (installed ? "" : installed.error().message));
        apply("{kind: Namespace, metadata: {name: test, labels: {team: a}}}");
        apply("{kind: Namespace, metadata: {name: other}}");
        api.start();
        settle();
    }
    void apply(const std::string& yaml) {
        static const std::map<std::string, kube::Resource> kinds{
            {"Namespace", resources::namespaces},
            {"Service", resources::services},
            {"GatewayClass", gateway_classes},
            {"Gateway", entry_gateways},
            {"HTTPRoute", resources::http_routes},
            {"ReferenceGrant", reference_grants}};
        for (const auto& object : objects(yaml)) {
            const auto& resource = kinds.at(std::string(text_at(object, {"kind"})));
            const auto key = kube::key_of(object);
            const auto done = cluster.find(resource, key) == nullptr
                                  ? cluster.create(resource, object)
                                  : cluster.patch(resource, key, lab::PatchKind::merge, object);
            if (!done) FAIL(done.error().message);
        }
        settle();
    }
    Json get(const kube::Resource& resource,
             const std::string& name,
             const std::string& ns = "test") {
        return *cluster.get(resource, {ns, name}).value();
    }
    // "Accepted=True Accepted 2" of a list of conditions.
    static std::string condition(const JsonArray& conditions, std::string_view type) {
        for (const auto& each : conditions) {
            if (text_at(each, {"type"}) != type) continue;
            return fmt::format("{} {} {}",
                               text_at(each, {"status"}),
                               text_at(each, {"reason"}),
                               integer_at(each, {"observedGeneration"}).value_or(-1));
        }
        return "none";
    }
    std::string route_condition(std::string_view type,
                                const std::string& name = "web",
                                const std::string& ns = "test",
                                std::size_t parent = 0) {
        const auto route = get(resources::http_routes, name, ns);
        const auto& parents = array_at(route, {"status", "parents"});
        if (parents.size() <= parent) return "no parent";
        return condition(array_at(parents[parent], {"conditions"}), type);
    }
    std::string message(std::string_view type,
                        const std::string& name = "web",
                        const std::string& ns = "test") {
        const auto route = get(resources::http_routes, name, ns);
        for (const auto& each :
             array_at(array_at(route, {"status", "parents"}).at(0), {"conditions"})) {
            if (text_at(each, {"type"}) == type) return std::string(text_at(each, {"message"}));
        }
        return {};
    }
    std::string ask(const std::string& host, const std::string& path = "/", int port = 80) const {
        const auto listener =
            table->listener(fmt::format("{}:{}", to_string(entry_of({"test", "public"})), port));
        if (listener == nullptr) return "closed";
        const auto routing = table->at_gateway(*listener, {.authority = host, .path = path});
        if (routing.kind != Routing::Kind::route) return "404";
        return routing.route->destinations.at(0).host;
    }
};

const std::string gateway = R"(---
kind: Gateway
metadata: {name: public, namespace: test}
spec:
  gatewayClassName: istio
  listeners: [{name: http, port: 80, protocol: HTTP}]
)";
const std::string web_service = R"(---
kind: Service
metadata: {name: web, namespace: test}
spec: {ports: [{name: http, port: 80}]}
)";

std::string route(const std::string& parent = "{name: public}",
                  const std::string& backend = "{name: web, port: 80}",
                  const std::string& more = "hostnames: []",
                  const std::string& ns = "test",
                  const std::string& name = "web") {
    return fmt::format(
        "---\nkind: HTTPRoute\nmetadata: {{name: {}, namespace: {}}}\nspec: {{parentRefs: [{}], "
        "{}, "
        "rules: [{{backendRefs: [{}]}}]}}\n",
        name,
        ns,
        parent,
        more,
        backend);
}

}  // namespace

TEST_CASE("a Gateway gets an address of its own, and says that it is carried out") {
    AnEntry lab;
    CHECK(AnEntry::condition(
              array_at(lab.get(gateway_classes, "istio", ""), {"status", "conditions"}),
              "Accepted") == "True Accepted 1");
    lab.apply(gateway);
    const auto object = lab.get(entry_gateways, "public");
    CHECK(array_at(object, {"status", "addresses"}) ==
          JsonArray{JsonObject{{"type", "IPAddress"}, {"value", "127.112.64.1"}}});
    const auto& conditions = array_at(object, {"status", "conditions"});
    CHECK(AnEntry::condition(conditions, "Accepted") == "True Accepted 1");
    CHECK(AnEntry::condition(conditions, "Programmed") == "True Programmed 1");
    const auto& listener = array_at(object, {"status", "listeners"}).at(0);
    CHECK(text_at(listener, {"name"}) == "http");
    CHECK(integer_at(listener, {"attachedRoutes"}) == 0);
    for (const auto* type : {"Accepted", "Programmed", "ResolvedRefs"})
        CHECK(AnEntry::condition(array_at(listener, {"conditions"}), type).starts_with("True"));
    CHECK(AnEntry::condition(array_at(listener, {"conditions"}), "Conflicted") ==
          "False NoConflicts 1");
    CHECK(find(object, {"metadata", "annotations", "sluice.dev/lab-address"}) == nullptr);
    CHECK(lab.ask("a.example.com") == "404");
    lab.apply(
        "---\nkind: Gateway\nmetadata: {name: second, namespace: test}\nspec: "
        "{gatewayClassName: istio, listeners: [{name: http, port: 80, protocol: HTTP}]}\n");
    CHECK(text_at(array_at(lab.get(entry_gateways, "second"), {"status", "addresses"}).at(0),
                  {"value"}) == "127.112.64.2");
    REQUIRE(lab.cluster.remove(entry_gateways, {"test", "public"}));
    lab.settle();
    CHECK(lab.doors.open_now.size() == 1);
    CHECK(lab.ask("a.example.com") == "closed");
}

TEST_CASE("a port of a Gateway that cannot be bound is shown where it is instead") {
    AnEntry lab;
    lab.doors.unprivileged = true;
    lab.apply(gateway);
    CHECK(text_at(lab.get(entry_gateways, "public"),
                  {"metadata", "annotations", "sluice.dev/lab-address"}) == "127.112.64.1:18080");
}

TEST_CASE("a Gateway of a class that nobody made waits for it") {
    AnEntry lab;
    auto yaml = gateway;
    yaml.replace(yaml.find("istio"), 5, "mine");
    lab.apply(yaml + route() + web_service);
    CHECK(AnEntry::condition(array_at(lab.get(entry_gateways, "public"), {"status", "conditions"}),
                             "Accepted") == "False Pending 1");
    CHECK(lab.ask("a") == "closed");
    lab.apply(
        "{kind: GatewayClass, metadata: {name: mine}, spec: {controllerName: example.com/me}}");
    CHECK(AnEntry::condition(array_at(lab.get(entry_gateways, "public"), {"status", "conditions"}),
                             "Programmed") == "True Programmed 1");
    CHECK(lab.ask("a") == "web.test.svc.cluster.local");
    CHECK(text_at(array_at(lab.get(resources::http_routes, "web"), {"status", "parents"}).at(0),
                  {"controllerName"}) == "example.com/me");
}

TEST_CASE("an HTTPRoute is followed at its Gateway, and says of which generation") {
    AnEntry lab;
    lab.apply(gateway + web_service + route());
    CHECK(lab.route_condition("Accepted") == "True Accepted 1");
    CHECK(lab.route_condition("ResolvedRefs") == "True ResolvedRefs 1");
    CHECK(lab.ask("a.example.com") == "web.test.svc.cluster.local");
    const auto told = array_at(lab.get(entry_gateways, "public"), {"status", "listeners"});
    CHECK(integer_at(told.at(0), {"attachedRoutes"}) == 1);

    lab.apply(route("{name: public}", "{name: web, port: 80, weight: 5}"));
    CHECK(lab.route_condition("Accepted") == "True Accepted 2");
    // Whoever reads v1beta1 reads the same.
    const auto old = lab.cluster.get(resources::http_routes_v1beta1, {"test", "web"}).value();
    CHECK(array_at(*old, {"status", "parents"}).size() == 1);

    REQUIRE(lab.cluster.remove(resources::http_routes, {"test", "web"}));
    lab.settle();
    CHECK(lab.ask("a.example.com") == "404");
}

TEST_CASE("what is as it should be is written no more") {
    AnEntry lab;
    lab.apply(gateway + web_service + route());
    lab.clock.run_for(std::chrono::minutes{1});
    const auto before = lab.cluster.revision();
    lab.apply("{kind: Namespace, metadata: {name: test, labels: {team: b}}}");
    lab.clock.run_for(std::chrono::minutes{1});
    CHECK(lab.cluster.revision() == before + 1);
}

TEST_CASE("a route goes where its parentRef says, and says why it does not") {
    AnEntry lab;
    lab.apply(web_service + R"(---
kind: Gateway
metadata: {name: public, namespace: test}
spec:
  gatewayClassName: istio
  listeners:
  - {name: http, port: 80, protocol: HTTP, hostname: "*.example.com"}
  - {name: admin, port: 8080, protocol: HTTP}
  - {name: tls, port: 443, protocol: HTTPS}
)");
    struct Case {
        const char *parent, *more, *accepted, *at_80, *at_8080;
    };
    const std::string web = "web.test.svc.cluster.local";
    for (const auto& [parent, more, accepted, at_80, at_8080] :
         {Case{"{name: public}", "hostnames: []", "True Accepted", "web", "web"},
          Case{
              "{name: public, sectionName: admin}", "hostnames: []", "True Accepted", "404", "web"},
          Case{"{name: public, port: 80}", "hostnames: []", "True Accepted", "web", "404"},
          Case{"{name: public, port: 81}", "hostnames: []", "False NoMatchingParent", "404", "404"},
          Case{"{name: public, sectionName: tls}",
               "hostnames: []",
               "False NoMatchingParent",
               "404",
               "404"},
          Case{"{name: nobody}", "hostnames: []", "False NoMatchingParent", "404", "404"},
          Case{"{name: public}", "hostnames: [a.example.com]", "True Accepted", "web", "web"},
          Case{"{name: public}", "hostnames: [b.example.com]", "True Accepted", "404", "404"},
          Case{"{name: public, port: 80}",
               "hostnames: [a.com]",
               "False NoMatchingListenerHostname",
               "404",
               "404"},
          Case{"{kind: Mesh, name: public}", "hostnames: []", "False InvalidKind", "404", "404"}}) {
        lab.apply(route(parent, "{name: web, port: 80}", more));
        INFO(parent << " " << more);
        CHECK(lab.route_condition("Accepted").starts_with(accepted));
        const auto expected = [&](const std::string& text) { return text == "web" ? web : text; };
        CHECK(lab.ask("a.example.com", "/", 80) == expected(at_80));
        CHECK(lab.ask("a.example.com", "/", 8080) == expected(at_8080));
        REQUIRE(lab.cluster.remove(resources::http_routes, {"test", "web"}));
        lab.settle();
    }
    const auto object = lab.get(entry_gateways, "public");
    CHECK(AnEntry::condition(array_at(object, {"status", "conditions"}), "Accepted") ==
          "True ListenersNotValid 1");
    CHECK(AnEntry::condition(
              array_at(array_at(object, {"status", "listeners"}).at(2), {"conditions"}),
              "Accepted") == "False UnsupportedProtocol 1");
}

TEST_CASE("a listener takes routes of the namespaces that it names") {
    AnEntry lab;
    const auto open_to = [&](const std::string& namespaces) {
        lab.apply(fmt::format(
            "---\nkind: Gateway\nmetadata: {{name: public, namespace: test}}\nspec: "
            "{{gatewayClassName: istio, listeners: [{{name: http, port: 80, protocol: HTTP, "
            "allowedRoutes: {{namespaces: {}}}}}]}}\n",
            namespaces));
    };
    open_to("{from: Same}");
    lab.apply(R"(---
kind: Service
metadata: {name: web, namespace: other}
spec: {ports: [{name: http, port: 80}]}
)" + route("{name: public, namespace: test}", "{name: web, port: 80}", "hostnames: []", "other"));
    CHECK(lab.route_condition("Accepted", "web", "other") == "False NotAllowedByListeners 1");
    CHECK(lab.ask("a") == "404");
    open_to("{from: All}");
    CHECK(lab.route_condition("Accepted", "web", "other") == "True Accepted 1");
    CHECK(lab.ask("a") == "web.other.svc.cluster.local");
    open_to("{from: Selector, selector: {matchLabels: {team: a}}}");
    CHECK(lab.route_condition("Accepted", "web", "other") == "False NotAllowedByListeners 1");
    lab.apply("{kind: Namespace, metadata: {name: other, labels: {team: a}}}");
    CHECK(lab.route_condition("Accepted", "web", "other") == "True Accepted 1");
    open_to(
        "{from: Selector, selector: {matchExpressions: [{key: team, operator: In, values: [b]}]}}");
    CHECK(lab.route_condition("Accepted", "web", "other") == "False NotAllowedByListeners 1");
}

TEST_CASE("a Service of another namespace is used where a ReferenceGrant lets it") {
    AnEntry lab;
    lab.apply(gateway + R"(---
kind: Service
metadata: {name: web, namespace: other}
spec: {ports: [{name: http, port: 80}]}
)" + route("{name: public}", "{name: web, namespace: other, port: 80}"));
    CHECK(lab.route_condition("Accepted") == "True Accepted 1");
    CHECK(lab.route_condition("ResolvedRefs") == "False RefNotPermitted 1");
    CHECK(lab.ask("a") == "");
    lab.apply(R"(---
kind: ReferenceGrant
metadata: {name: web, namespace: other}
spec:
  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: test}]
  to: [{group: "", kind: Service, name: web}]
)");
    CHECK(lab.route_condition("ResolvedRefs") == "True ResolvedRefs 1");
    CHECK(lab.ask("a") == "web.other.svc.cluster.local");
    REQUIRE(lab.cluster.remove(reference_grants, {"other", "web"}));
    lab.settle();
    CHECK(lab.route_condition("ResolvedRefs") == "False RefNotPermitted 1");
    CHECK(lab.ask("a") == "");
}

TEST_CASE("a backend that is not there is said, until it comes") {
    AnEntry lab;
    lab.apply(gateway + route());
    CHECK(lab.route_condition("ResolvedRefs") == "False BackendNotFound 1");
    CHECK(lab.message("ResolvedRefs") ==
          "spec.rules[0].backendRefs[0]: there is no Service test/web");
    lab.apply(
        "{kind: Service, metadata: {name: web, namespace: test}, spec: {ports: [{port: 81}]}}");
    CHECK(lab.message("ResolvedRefs") ==
          "spec.rules[0].backendRefs[0]: Service test/web has no port 80");
    lab.apply(web_service);
    CHECK(lab.route_condition("ResolvedRefs") == "True ResolvedRefs 1");
    lab.apply(route("{name: public}", "{group: example.com, kind: Bucket, name: web}"));
    CHECK(lab.route_condition("ResolvedRefs") == "False InvalidKind 2");
}

TEST_CASE("a route that asks for what is not built is not followed, and names the field") {
    AnEntry lab;
    lab.apply(gateway + web_service + R"(---
kind: HTTPRoute
metadata: {name: web, namespace: test}
spec:
  parentRefs: [{name: public}]
  rules: [{backendRefs: [{name: web, port: 80}], filters: [{type: ExtensionRef, extensionRef: {group: a, kind: b, name: c}}]}]
)");
    CHECK(lab.route_condition("Accepted") == "False UnsupportedValue 1");
    CHECK(lab.message("Accepted") == "spec.rules[0].filters[0]: ExtensionRef is not built yet");
    CHECK(lab.ask("a") == "404");
}

TEST_CASE("a GRPCRoute says that nobody follows it") {
    AnEntry lab;
    const kube::Resource grpc_routes{"gateway.networking.k8s.io", "v1", "grpcroutes", "GRPCRoute"};
    REQUIRE(lab.cluster.create(
        grpc_routes,
        lab::json(
            R"({"metadata":{"name":"web","namespace":"test"},"spec":{"parentRefs":[{"name":"public"}]}})")));
    lab.clock.run_for(std::chrono::minutes{1});
    const auto object = lab.cluster.get(grpc_routes, {"test", "web"}).value();
    const auto& parents = array_at(*object, {"status", "parents"});
    REQUIRE(parents.size() == 1);
    CHECK(AnEntry::condition(array_at(parents[0], {"conditions"}), "Accepted") ==
          "False UnsupportedValue 1");
}

TEST_CASE("callers in the mesh follow the routes of a Service, and each namespace its own") {
    AnEntry lab;
    const auto service = objects(web_service).at(0);
    lab.builder.service({"test", "web"}, &service);
    const auto from = [&](const std::string& ns, const std::string& authority = "web.test") {
        const auto caller = workload_named("caller", ns, {});
        const auto routing = lab.table->from_sidecar(caller, {.authority = authority, .path = "/"});
        if (routing.kind == Routing::Kind::service) return std::string("service");
        if (routing.kind != Routing::Kind::route) return std::string("404");
        return routing.route->destinations.at(0).host;
    };
    lab.apply(web_service +
              route("{group: '', kind: Service, name: web}", "{name: web-canary, port: 80}"));
    CHECK(lab.route_condition("Accepted") == "True Accepted 1");
    CHECK(from("test") == "web-canary.test.svc.cluster.local");
    CHECK(from("other") == "web-canary.test.svc.cluster.local");
    // Of another namespace: for its own callers only.
    lab.apply(route("{group: '', kind: Service, name: web, namespace: test}",
                    "{name: mine, port: 80}",
                    "hostnames: []",
                    "other"));
    CHECK(lab.route_condition("Accepted", "web", "other") == "True Accepted 1");
    CHECK(from("test") == "web-canary.test.svc.cluster.local");
    CHECK(from("other") == "mine.other.svc.cluster.local");
    // Of one port: of that one.
    lab.apply(route("{group: '', kind: Service, name: web, port: 80}",
                    "{name: eighty, port: 80}",
                    "hostnames: []",
                    "test",
                    "a-port"));
    CHECK(from("test") == "eighty.test.svc.cluster.local");
    CHECK(from("test", "web.test:81") == "web-canary.test.svc.cluster.local");
    REQUIRE(lab.cluster.remove(resources::http_routes, {"test", "web"}));
    lab.settle();
    CHECK(from("test") == "eighty.test.svc.cluster.local");
    CHECK(from("test", "web.test:81") == "service");
    REQUIRE(lab.cluster.remove(resources::http_routes, {"test", "a-port"}));
    lab.settle();
    CHECK(from("test") == "service");
    CHECK(lab.route_condition("Accepted", "web", "other") == "True Accepted 1");
    lab.apply(route("{group: '', kind: Service, name: nobody}", "{name: web, port: 80}"));
    CHECK(lab.route_condition("Accepted") == "False NoMatchingParent 1");
}
