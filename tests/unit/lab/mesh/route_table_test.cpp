#include "lab/mesh/route_table.hpp"

#include "unit/lab/mesh/objects.hpp"

using namespace sluice;
using namespace sluice::mesh;
using namespace sluice::mesh::testing;

namespace {

RouteTablePtr table_of(const std::string& yaml) {
    TableBuilder builder;
    add(builder, yaml);
    return builder.build();
}

std::string virtual_service(const std::string& name,
                            const std::string& spec,
                            const std::string& ns = "test",
                            const std::string& created = "2026-01-01T00:00:00Z") {
    return fmt::format(
        "---\nkind: VirtualService\nmetadata: {{name: {}, namespace: {}, creationTimestamp: "
        "'{}'}}\nspec: {{{}}}\n",
        name,
        ns,
        created,
        spec);
}

std::string to(const std::string& host) {
    return "http: [{route: [{destination: {host: " + host + "}}]}]";
}

// Where a request ends: the host of the only destination, or the kind of answer.
std::string says(const Routing& routing) {
    switch (routing.kind) {
        case Routing::Kind::route:
            return routing.route->destinations.at(0).host;
        case Routing::Kind::service:
            return "service " + routing.service->host;
        case Routing::Kind::no_route:
            return "no route";
        case Routing::Kind::passthrough:
            return "passthrough";
    }
    return {};
}

std::string from_sidecar(const RouteTablePtr& table,
                         std::string_view authority,
                         std::string_view path = "/",
                         const std::string& ns = "test") {
    const auto caller = workload_named("web", ns, {});
    return says(table->from_sidecar(caller, {.authority = authority, .path = path}));
}

std::string at_gateway(const RouteTablePtr& table,
                       std::string_view authority,
                       std::string_view path = "/") {
    const auto listener = table->listener("test/test-imgw:80");
    REQUIRE(listener != nullptr);
    return says(table->at_gateway(*listener, {.authority = authority, .path = path}));
}

const std::string podinfo =
    service("test", "podinfo", {{.workload = "podinfo", .address = "127.64.0.1"}}, "127.96.0.7");

}  // namespace

TEST_CASE("every spelling of a service reaches the same virtual host") {
    const auto table =
        table_of(podinfo + virtual_service("podinfo", "hosts: [podinfo], " + to("canary")));
    const std::string there = "canary.test.svc.cluster.local";
    for (const auto* authority : {"podinfo",
                                  "podinfo:9898",
                                  "podinfo.test",
                                  "podinfo.test:9898",
                                  "Podinfo.test.svc",
                                  "podinfo.test.svc.cluster.local:9898",
                                  "127.96.0.7:9898",
                                  "127.96.0.7"})
        CHECK(from_sidecar(table, authority) == there);
    CHECK(from_sidecar(table, "podinfo.test", "/", "prod") == there);
    CHECK(from_sidecar(table, "podinfo", "/", "prod") == "passthrough");
    CHECK(from_sidecar(table, "example.com") == "passthrough");
}

TEST_CASE("a caller without a sidecar meets the Service, whatever the routes") {
    const auto table =
        table_of(podinfo + virtual_service("podinfo", "hosts: [podinfo], " + to("canary")));
    CHECK(says(table->from_outside({.authority = "podinfo.test:9898"})) ==
          "service podinfo.test.svc.cluster.local");
    CHECK(says(table->from_outside({.authority = "podinfo"})) == "passthrough");
    const auto root = table_of(service("istio-system", "prometheus", {}));
    CHECK(says(root->from_outside({.authority = "prometheus:9090"})) ==
          "service prometheus.istio-system.svc.cluster.local");
}

TEST_CASE("gateways that are named without mesh leave sidecars to the plain Service") {
    const auto table = table_of(
        podinfo + article_gateway +
        virtual_service("podinfo",
                        "hosts: ['*'], gateways: [public-gateway], " + to("podinfo-primary")));
    CHECK(from_sidecar(table, "podinfo") == "service podinfo.test.svc.cluster.local");
    CHECK(at_gateway(table, "127.112.0.1") == "podinfo-primary.test.svc.cluster.local");
    CHECK(at_gateway(table, "anything.example.com:8080") ==
          "podinfo-primary.test.svc.cluster.local");
}

TEST_CASE("a request that no route holds is answered 404, though another host would hold it") {
    const auto table = table_of(
        podinfo + article_gateway +
        virtual_service("narrow",
                        "hosts: [a.example.com], gateways: [public-gateway], http: [{match: [{uri: "
                        "{prefix: /only}}], route: [{destination: {host: narrow}}]}]") +
        virtual_service("wide", "hosts: ['*'], gateways: [public-gateway], " + to("wide")));
    CHECK(at_gateway(table, "a.example.com", "/only") == "narrow.test.svc.cluster.local");
    CHECK(at_gateway(table, "a.example.com", "/other") == "no route");
    CHECK(at_gateway(table, "b.example.com", "/other") == "wide.test.svc.cluster.local");
}

TEST_CASE("at a gateway the exact host comes before the longest wildcard before *") {
    const auto table = table_of(
        article_gateway +
        virtual_service("a",
                        "hosts: [a.b.example.com], gateways: [public-gateway], " + to("exact")) +
        virtual_service("b",
                        "hosts: ['*.b.example.com'], gateways: [public-gateway], " + to("longer")) +
        virtual_service("c",
                        "hosts: ['*.example.com'], gateways: [public-gateway], " + to("shorter")) +
        virtual_service("d", "hosts: ['*'], gateways: [public-gateway], " + to("all")));
    CHECK(at_gateway(table, "A.b.example.com") == "exact.test.svc.cluster.local");
    CHECK(at_gateway(table, "x.b.example.com") == "longer.test.svc.cluster.local");
    CHECK(at_gateway(table, "x.example.com") == "shorter.test.svc.cluster.local");
    CHECK(at_gateway(table, "example.org") == "all.test.svc.cluster.local");
}

TEST_CASE("objects for one gateway host are joined, oldest first and catch-alls last") {
    const std::string on = "hosts: ['*'], gateways: [public-gateway], ";
    const auto table = table_of(
        article_gateway + virtual_service("old", on + to("old"), "test", "2026-01-01T00:00:00Z") +
        virtual_service("new",
                        on + "http: [{match: [{uri: {prefix: /new}}], route: [{destination: {host: "
                             "new}}]}, {route: [{destination: {host: late}}]}]",
                        "test",
                        "2026-01-02T00:00:00Z"));
    CHECK(at_gateway(table, "x", "/new/1") == "new.test.svc.cluster.local");
    CHECK(at_gateway(table, "x", "/") == "old.test.svc.cluster.local");
}

TEST_CASE("objects for one mesh host are not joined: the oldest has it") {
    const auto table =
        table_of(podinfo +
                 virtual_service(
                     "young", "hosts: [podinfo], " + to("young"), "test", "2026-01-02T00:00:00Z") +
                 virtual_service("old",
                                 "hosts: [podinfo], http: [{match: [{uri: {prefix: /x}}], route: "
                                 "[{destination: {host: old}}]}]",
                                 "test",
                                 "2026-01-01T00:00:00Z"));
    CHECK(from_sidecar(table, "podinfo", "/x") == "old.test.svc.cluster.local");
    CHECK(from_sidecar(table, "podinfo", "/y") == "no route");
}

TEST_CASE(
    "in the mesh an exact host has a service before a wildcard, and a longer one before a "
    "shorter") {
    const auto wild =
        podinfo + virtual_service("wild", "hosts: ['*.test.svc.cluster.local'], " + to("wild")) +
        virtual_service("wilder",
                        "hosts: ['*.svc.cluster.local'], " + to("wilder"),
                        "test",
                        "2025-01-01T00:00:00Z");
    CHECK(from_sidecar(table_of(wild), "podinfo") == "wild.test.svc.cluster.local");
    CHECK(
        from_sidecar(table_of(wild + virtual_service("exact", "hosts: [podinfo], " + to("exact"))),
                     "podinfo") == "exact.test.svc.cluster.local");
}

TEST_CASE("exportTo hides routes from other namespaces, and private ones come first at home") {
    const auto table = table_of(
        podinfo +
        virtual_service("public",
                        "hosts: [podinfo.test.svc.cluster.local], exportTo: ['*'], " + to("public"),
                        "infra",
                        "2025-01-01T00:00:00Z") +
        virtual_service("private", "hosts: [podinfo], exportTo: ['.'], " + to("private")));
    CHECK(from_sidecar(table, "podinfo.test", "/", "test") == "private.test.svc.cluster.local");
    CHECK(from_sidecar(table, "podinfo.test", "/", "prod") == "public.infra.svc.cluster.local");
}

TEST_CASE("a Gateway selects by the pods' labels, and its servers by the Service's ports") {
    auto gateway = article_gateway;
    const auto rules =
        virtual_service("podinfo", "hosts: ['*'], gateways: [public-gateway], " + to("a"));
    CHECK(at_gateway(table_of(gateway + rules), "x") == "a.test.svc.cluster.local");

    const auto with = [&](const std::string& from, const std::string& to_text) {
        auto changed = gateway;
        changed.replace(changed.find(from), from.size(), to_text);
        return at_gateway(table_of(changed + rules), "x");
    };
    CHECK(with("gateway-type: ingress, istio", "gateway-type: egress, istio") == "no route");
    CHECK(with("number: 80", "number: 81") == "no route");
    // A port that the Service does not have is meant as the pod's.
    CHECK(with("number: 80", "number: 8080") == "a.test.svc.cluster.local");
    CHECK(with("selector: {app: test-imgw-app, gateway-name: test-imgw, gateway-type: ingress, "
               "istio.io/rev: cp-v112x.istio-system}",
               "selector: {istio: ingressgateway}") == "a.test.svc.cluster.local");
}

TEST_CASE("the hosts of a Gateway's server bound those of the objects, by name and by namespace") {
    const auto gateway = [](const std::string& host) {
        auto text = article_gateway;
        text.replace(text.find("[\"*\"]"), 5, "['" + host + "']");
        return text;
    };
    const auto rules = virtual_service("v", "hosts: ['*'], gateways: [public-gateway], " + to("a"));
    CHECK(at_gateway(table_of(gateway("*.example.com") + rules), "x.example.com") ==
          "a.test.svc.cluster.local");
    CHECK(at_gateway(table_of(gateway("*.example.com") + rules), "example.org") == "no route");
    CHECK(at_gateway(table_of(gateway("./*") + rules), "x") == "a.test.svc.cluster.local");
    CHECK(at_gateway(table_of(gateway("prod/*") + rules), "x") == "no route");
}

TEST_CASE("a destination is the ready pods of its Service, of its subset when it names one") {
    const auto table = table_of(
        service(
            "test",
            "podinfo",
            {{.workload = "podinfo", .address = "127.64.0.1", .version = "1"},
             {.workload = "podinfo", .address = "127.64.0.2", .version = "2"},
             {.workload = "podinfo", .address = "127.64.0.3", .version = "2", .ready = false}}) +
        R"(---
kind: DestinationRule
metadata: {name: podinfo, namespace: test}
spec:
  host: podinfo
  trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}
  subsets: [{name: two, labels: {version: "2"}}, {name: all}, {name: none, labels: {version: "9"}, trafficPolicy: {loadBalancer: {simple: RANDOM}}}]
)");
    const auto taken = [&](const std::string& subset) {
        const auto upstream = table->upstream(
            {.host = "podinfo.test.svc.cluster.local", .subset = subset}, "test", 80);
        if (upstream.kind == Upstream::Kind::no_cluster) return -1;
        return static_cast<int>(
            std::count_if(upstream.port->endpoints.begin(),
                          upstream.port->endpoints.end(),
                          [&](const auto& endpoint) { return upstream.takes(endpoint); }));
    };
    CHECK(taken("") == 2);
    CHECK(taken("two") == 1);
    CHECK(taken("all") == 2);
    CHECK(taken("none") == 0);
    CHECK(taken("missing") == -1);
    CHECK(table
              ->upstream(Destination{.host = "podinfo.test.svc.cluster.local", .subset = "two"},
                         "test",
                         80)
              .balancing == LoadBalancing::round_robin);
    CHECK(table
              ->upstream(Destination{.host = "podinfo.test.svc.cluster.local", .subset = "none"},
                         "test",
                         80)
              .balancing == LoadBalancing::random);
    CHECK(
        table->upstream(Destination{.host = "elsewhere.test.svc.cluster.local"}, "test", 80).kind ==
        Upstream::Kind::no_cluster);
    CHECK(
        table
            ->upstream(Destination{.host = "podinfo.test.svc.cluster.local", .port = 1}, "test", 80)
            .kind == Upstream::Kind::no_cluster);

    const auto upstream =
        table->upstream(Destination{.host = "podinfo.test.svc.cluster.local"}, "test", 80);
    CHECK(upstream.port->endpoints.at(0).workload->name == "podinfo");
    CHECK(upstream.port->endpoints.at(0).workload->in_mesh);
}

TEST_CASE("a DestinationRule of the caller's namespace comes before the service's and the root's") {
    const auto rule = [](const std::string& ns,
                         const std::string& balancing,
                         const std::string& host = "podinfo.test.svc.cluster.local") {
        return fmt::format(
            "---\nkind: DestinationRule\nmetadata: {{name: r, namespace: {}}}\nspec: {{host: '{}', "
            "trafficPolicy: {{loadBalancer: {{simple: {}}}}}}}\n",
            ns,
            host,
            balancing);
    };
    const auto seen = [&](const std::string& yaml, const std::string& ns) {
        const auto table = table_of(podinfo + yaml);
        return table->upstream(Destination{.host = "podinfo.test.svc.cluster.local"}, ns, 80)
            .balancing;
    };
    CHECK(seen(rule("prod", "RANDOM") + rule("test", "ROUND_ROBIN"), "prod") ==
          LoadBalancing::random);
    CHECK(seen(rule("prod", "RANDOM") + rule("test", "ROUND_ROBIN"), "test") ==
          LoadBalancing::round_robin);
    CHECK(seen(rule("istio-system", "RANDOM", "*"), "test") == LoadBalancing::random);
    CHECK(seen(rule("elsewhere", "RANDOM"), "test") == LoadBalancing::least_request);
}

TEST_CASE("a new table shows the change, and the old one stays as it was") {
    TableBuilder builder;
    add(builder,
        podinfo + article_gateway +
            virtual_service(
                "podinfo",
                "hosts: ['*', podinfo], gateways: [public-gateway, mesh], " + to("one")));
    const auto before = builder.build();
    CHECK_FALSE(builder.is_dirty());
    CHECK(builder.build() == before);

    add(builder,
        virtual_service("podinfo",
                        "hosts: ['*', podinfo], gateways: [public-gateway, mesh], " + to("two")));
    CHECK(builder.is_dirty());
    const auto after = builder.build();
    CHECK(at_gateway(before, "x") == "one.test.svc.cluster.local");
    CHECK(at_gateway(after, "x") == "two.test.svc.cluster.local");
    CHECK(from_sidecar(before, "podinfo") == "one.test.svc.cluster.local");
    CHECK(from_sidecar(after, "podinfo") == "two.test.svc.cluster.local");
    CHECK(after->generation() == before->generation() + 1);

    builder.virtual_service({"test", "podinfo"}, nullptr);
    const auto without = builder.build();
    CHECK(at_gateway(without, "x") == "no route");
    CHECK(from_sidecar(without, "podinfo") == "service podinfo.test.svc.cluster.local");

    builder.endpoint_slice({"test", "podinfo-127.64.0.1-9898"}, nullptr);
    CHECK(
        builder.build()->service("podinfo.test.svc.cluster.local")->ports.at(0).endpoints.empty());
    CHECK(without->service("podinfo.test.svc.cluster.local")->ports.at(0).endpoints.size() == 1);
    builder.service({"test", "podinfo"}, nullptr);
    builder.pod({"test", "podinfo-127.64.0.1-9898"}, nullptr);
    const auto empty = builder.build();
    CHECK(empty->service("podinfo.test.svc.cluster.local") == nullptr);
    CHECK(from_sidecar(empty, "127.96.0.7") == "passthrough");
    CHECK(without->has_workload("test", "podinfo"));
    CHECK_FALSE(empty->has_workload("test", "podinfo"));
    builder.mesh_gateway({"test", "test-imgw"}, nullptr);
    CHECK(builder.build()->listener("test/test-imgw:80") == nullptr);
}

TEST_CASE("a pod's readiness is read live, and its status changes make no new table") {
    TableBuilder builder;
    add(builder, podinfo);
    builder.build();
    const auto pods = objects(
        "kind: Pod\nmetadata: {name: podinfo-127.64.0.1-9898, namespace: test, labels: {app: "
        "podinfo, "
        "version: '1', pod-template-hash: '77f'}, annotations: {sidecar.istio.io/status: '{}'}, "
        "ownerReferences: [{kind: ReplicaSet, name: podinfo-77f, controller: true}]}\nstatus: "
        "{phase: Running}");
    builder.pod({"test", "podinfo-127.64.0.1-9898"}, &pods[0]);
    CHECK_FALSE(builder.is_dirty());
}

TEST_CASE("who gets a sidecar is decided by the namespace's labels, then by the pod's") {
    struct Case {
        std::string ns_labels, pod_labels;
        bool injected;
    };
    const std::vector<Case> cases{
        {"istio-injection: enabled", "", true},
        {"istio-injection: enabled", "sidecar.istio.io/inject: 'false'", false},
        {"istio-injection: disabled", "sidecar.istio.io/inject: 'true'", false},
        {"istio.io/rev: cp-v112x.istio-system", "", true},
        {"istio.io/rev: cp-v999.istio-system", "", false},
        {"istio.io/rev: cp-v112x.istio-system", "sidecar.istio.io/inject: 'false'", false},
        {"", "sidecar.istio.io/inject: 'true'", true},
        {"", "istio.io/rev: cp-v112x.istio-system", true},
        {"", "", false},
    };
    for (const auto& each : cases) {
        CAPTURE(each.ns_labels);
        CAPTURE(each.pod_labels);
        auto ns = objects("metadata: {name: test, labels: {" + each.ns_labels + "}}").at(0);
        auto pod = objects("metadata: {name: p, labels: {" + each.pod_labels + "}}").at(0);
        CHECK(wants_sidecar(pod, ns, "cp-v112x.istio-system") == each.injected);
        put(ns, {"metadata", "name"}, "kube-system");
        CHECK_FALSE(wants_sidecar(pod, ns, "cp-v112x.istio-system"));
    }
    auto pod = objects("metadata: {name: p}").at(0);
    CHECK_FALSE(has_sidecar(pod));
    mark_injected(pod, "cp-v112x.istio-system");
    CHECK(has_sidecar(pod));
}
