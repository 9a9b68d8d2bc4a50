// The pipeline in virtual time (a_mesh.hpp).
#include "lab/mesh/proxy.hpp"

#include "lab/mesh/tap.hpp"
#include "unit/lab/mesh/a_mesh.hpp"

using namespace sluice;
using namespace sluice::mesh;
using namespace sluice::mesh::testing;

TEST_CASE("a request through the gateway is counted by the gateway and by the pod's proxy") {
    AMesh mesh(two_versions + routed("", 0));
    const auto answer = mesh.ask(mesh.gateway, "127.112.0.1");
    CHECK(answer.status == 200);
    CHECK(answer.body == "from 127.64.0.1");
    CHECK(answer.headers.get("server") == "istio-envoy");
    CHECK(answer.headers.get("x-envoy-upstream-service-time") == "0");
    CHECK(mesh.counted() == Lines{"destination 200 - test-imgw->podinfo-primary podinfo-primary 1",
                                  "source 200 - test-imgw->podinfo-primary podinfo-primary 1"});
    const auto& headers = mesh.pods.asked.at(0).headers;
    CHECK(headers.get("host") == "127.112.0.1");
    CHECK(headers.get("x-forwarded-for") == "127.0.0.1");
    CHECK(headers.get("x-forwarded-proto") == "http");
    CHECK(headers.get("x-envoy-attempt-count") == "1");
    CHECK(headers.get("x-envoy-internal") == "true");
    CHECK(headers.get("x-request-id")->size() == 36);
}

TEST_CASE(
    "weights are exact over every hundred requests, and a new weight counts from the next request "
    "on") {
    AMesh mesh(two_versions + routed("", 20));
    const auto to_canary = [&] {
        int count = 0;
        for (int i = 0; i < 100; ++i)
            count += mesh.ask(mesh.gateway, "x").body == "from 127.64.0.2";
        return count;
    };
    CHECK(to_canary() == 20);
    CHECK(to_canary() == 20);
    add(mesh.builder, routed("", 65));
    mesh.use();
    CHECK(to_canary() == 65);
    add(mesh.builder, routed("", 0));
    mesh.use();
    CHECK(to_canary() == 0);
}

TEST_CASE("the article's retries try a slow pod four times and leave a 500 as it is") {
    const std::string article =
        "rewrite: {uri: /}, retries: {attempts: 3, perTryTimeout: 1s, retryOn: "
        "'gateway-error,connect-failure,refused-stream'}, timeout: 15s, ";
    AMesh mesh(two_versions + routed(article, 0));
    mesh.pods.scripts["127.64.0.1"] = {{.status = 500}};
    CHECK(mesh.ask(mesh.gateway, "x", "/status/500").status == 500);
    CHECK(mesh.pods.asked.size() == 1);
    CHECK(mesh.pods.asked[0].target == "/status/500");
    CHECK(mesh.pods.asked[0].headers.get("x-envoy-original-path") == "/status/500");

    mesh.pods.scripts["127.64.0.1"] = {{.delay = seconds{1}}};
    const auto slow = mesh.ask(mesh.gateway, "x", "/delay/1");
    CHECK(slow.status == 504);
    CHECK(slow.body == "upstream request timeout");
    CHECK(mesh.pods.asked.size() == 5);
    CHECK(mesh.pods.asked.back().headers.get("x-envoy-attempt-count") == "4");
    CHECK(mesh.counted() ==
          Lines{"destination 500 - test-imgw->podinfo-primary podinfo-primary 1",
                "source 500 - test-imgw->podinfo-primary podinfo-primary 1",
                "destination 0 DC test-imgw->podinfo-primary podinfo-primary 4",
                "source 504 UT,URX test-imgw->podinfo-primary podinfo-primary 1"});
}

TEST_CASE("a retry that succeeds is one request for its caller and two for the pod") {
    AMesh mesh(two_versions + routed("retries: {attempts: 2, retryOn: '5xx'}, ", 0));
    mesh.pods.scripts["127.64.0.1"] = {{.status = 503}, {.status = 200}};
    CHECK(mesh.ask(mesh.gateway, "x").status == 200);
    CHECK(mesh.counted() == Lines{"destination 503 - test-imgw->podinfo-primary podinfo-primary 1",
                                  "destination 200 - test-imgw->podinfo-primary podinfo-primary 1",
                                  "source 200 - test-imgw->podinfo-primary podinfo-primary 1"});
}

TEST_CASE("the whole timeout bounds the retries") {
    AMesh mesh(
        two_versions +
        routed("timeout: 2500ms, retries: {attempts: 9, perTryTimeout: 1s, retryOn: '5xx'}, ", 0));
    mesh.pods.scripts["127.64.0.1"] = {{.delay = seconds{9}}};
    const auto began = mesh.clock.now();
    CHECK(mesh.ask(mesh.gateway, "x").status == 504);
    CHECK(mesh.pods.asked.size() == 3);
    CHECK(mesh.clock.now() - began <= milliseconds{2600});
    CHECK(mesh.counted().back() == "source 504 UT test-imgw->podinfo-primary podinfo-primary 1");
}

TEST_CASE("a destination without a ready pod answers 503, and nobody else steps in") {
    AMesh mesh(article_gateway +
               service("test",
                       "podinfo-primary",
                       {{.workload = "podinfo-primary", .address = "127.64.0.1"}}) +
               service("test",
                       "podinfo-canary",
                       {{.workload = "podinfo", .address = "127.64.0.2", .ready = false}}) +
               routed("", 100));
    const auto answer = mesh.ask(mesh.gateway, "x");
    CHECK(answer.status == 503);
    CHECK(answer.body == "no healthy upstream");
    CHECK(mesh.counted() == Lines{"source 503 UH test-imgw->unknown podinfo-canary 1"});
}

TEST_CASE("what is not routed says why by code, flag and text") {
    AMesh mesh(two_versions);
    CHECK(mesh.ask(mesh.gateway, "x").status == 404);
    CHECK(mesh.counted() == Lines{"source 404 NR test-imgw->unknown unknown 1"});

    add(mesh.builder,
        "---\nkind: VirtualService\nmetadata: {name: v, namespace: test}\nspec: {hosts: ['*'], "
        "gateways: [public-gateway], http: [{route: [{destination: {host: nowhere}}]}]}");
    mesh.use();
    CHECK(mesh.ask(mesh.gateway, "x").status == 503);
    CHECK(mesh.counted().back() == "source 503 NC test-imgw->unknown unknown 1");
}

TEST_CASE("a connection that fails or breaks is a 503 with Envoy's texts") {
    AMesh mesh(two_versions + routed("retries: {attempts: 1, retryOn: connect-failure}, ", 0));
    mesh.pods.scripts["127.64.0.1"] = {
        {.error =
             Error{ErrorKind::unreachable, "connecting to 127.64.0.1:9898: connection refused"}}};
    const auto refused = mesh.ask(mesh.gateway, "x");
    CHECK(refused.status == 503);
    CHECK(refused.body ==
          "upstream connect error or disconnect/reset before headers. reset reason: connection "
          "failure");
    CHECK(mesh.pods.asked.size() == 2);
    CHECK(mesh.counted() == Lines{"source 503 UF,URX test-imgw->unknown podinfo-primary 1"});

    mesh.pods.scripts["127.64.0.1"] = {
        {.error = Error{ErrorKind::unreachable,
                        "asking 127.64.0.1:9898: connection closed before the answer"}}};
    const auto broken = mesh.ask(mesh.gateway, "x");
    CHECK(broken.status == 503);
    CHECK(broken.body.ends_with("connection termination"));
    CHECK(mesh.counted().back() == "source 503 UC test-imgw->podinfo-primary podinfo-primary 1");
}

TEST_CASE("a caller without a sidecar is unknown to the pod's proxy, and reports nothing itself") {
    AMesh mesh(two_versions + routed("", 50));
    CHECK(mesh.ask(mesh.from_outside, "podinfo-canary.test:9898").body == "from 127.64.0.2");
    CHECK(mesh.ask(mesh.from_outside, "example.com").status == 502);
    CHECK(mesh.counted() == Lines{"destination 200 - unknown->podinfo podinfo-canary 1"});
    // In the absolute form of a proxy's client the target's host counts, not the header's.
    CHECK(mesh.ask(mesh.from_outside, "ignored", "http://podinfo-primary.test:9898/version?x=1")
              .body == "from 127.64.0.1");
    CHECK(mesh.pods.asked.back().target == "/version?x=1");
    CHECK(mesh.pods.asked.back().headers.get("host") == "podinfo-primary.test:9898");
}

TEST_CASE("a pod without a sidecar is counted by its caller only") {
    AMesh mesh(service(
        "test", "plain", {{.workload = "plain", .address = "127.64.0.9", .sidecar = false}}));
    CHECK(mesh.ask(mesh.sidecar, "plain:9898").status == 200);
    CHECK(mesh.counted() == Lines{"source 200 - web->plain plain 1"});
}

TEST_CASE("a sidecar reaches addresses of this machine, and no others") {
    AMesh mesh(two_versions);
    CHECK(mesh.ask(mesh.sidecar, "127.0.0.1:8080").body == "from 127.0.0.1");
    CHECK(mesh.ask(mesh.sidecar, "example.com").status == 502);
    CHECK(mesh.ask(mesh.sidecar, "podinfo-primary:81").status == 503);
    CHECK(mesh.counted() == Lines{"source 200 - web->unknown PassthroughCluster 1",
                                  "source 502 - web->unknown BlackHoleCluster 1",
                                  "source 503 UF web->unknown podinfo-primary 1"});
}

TEST_CASE("a gateway's address leads into it through any proxy of the lab") {
    AMesh mesh(two_versions + routed("", 0));
    mesh.proxy.know_gateway("127.112.0.1", "test/test-imgw");
    CHECK(mesh.ask(mesh.from_outside, "127.112.0.1").body == "from 127.64.0.1");
    CHECK(mesh.counted().back() == "source 200 - test-imgw->podinfo-primary podinfo-primary 1");
    mesh.proxy.forget_gateway("127.112.0.1");
    CHECK(mesh.ask(mesh.from_outside, "127.112.0.1").body == "from 127.112.0.1");
}

TEST_CASE("a Service may live under a path of its own") {
    AMesh mesh(R"(---
kind: Service
metadata: {name: prometheus, namespace: istio-system, annotations: {sluice.dev/lab-path-prefix: /prometheus}}
spec: {ports: [{name: http, port: 9090}]}
---
kind: EndpointSlice
metadata: {name: prometheus-1, namespace: istio-system, labels: {kubernetes.io/service-name: prometheus}}
ports: [{name: http, port: 4711}]
endpoints: [{addresses: [127.0.0.1]}]
)");
    CHECK(mesh.ask(mesh.from_outside, "prometheus.istio-system:9090", "/api/v1/query?query=1")
              .status == 200);
    CHECK(mesh.pods.asked.back().target == "/prometheus/api/v1/query?query=1");
    CHECK(mesh.pods.asked.back().origin.port == 4711);
    mesh.ask(mesh.from_outside, "prometheus.istio-system:9090", "/prometheus/api/v1/query?query=1");
    CHECK(mesh.pods.asked.back().target == "/prometheus/api/v1/query?query=1");
}

TEST_CASE("round robin asks in turn, and a retry avoids who failed") {
    AMesh mesh(
        article_gateway +
        service("test",
                "web",
                {{.workload = "web", .address = "127.64.0.1"},
                 {.workload = "web", .address = "127.64.0.2"},
                 {.workload = "web", .address = "127.64.0.3"}}) +
        "---\nkind: DestinationRule\nmetadata: {name: web, namespace: test}\nspec: {host: web, "
        "trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}\n" +
        "---\nkind: VirtualService\nmetadata: {name: web, namespace: test}\nspec: {hosts: [web], "
        "http: [{retries: {attempts: 2, retryOn: 5xx}, route: [{destination: {host: web}}]}]}");
    std::map<std::string, int> seen;
    for (int i = 0; i < 6; ++i) ++seen[mesh.ask(mesh.sidecar, "web:9898").body];
    CHECK(seen == std::map<std::string, int>{
                      {"from 127.64.0.1", 2}, {"from 127.64.0.2", 2}, {"from 127.64.0.3", 2}});
    mesh.pods.scripts["127.64.0.1"] = {{.status = 503}};
    for (int i = 0; i < 9; ++i) CHECK(mesh.ask(mesh.sidecar, "web:9898").status == 200);
}

TEST_CASE("a caller that goes away is counted with code 0") {
    AMesh mesh(two_versions + routed("", 0));
    mesh.pods.scripts["127.64.0.1"] = {{.delay = seconds{60}}};
    std::optional<net::Response> answer;
    {
        TaskGroup group(mesh.context.get_executor());
        group.spawn("ask", mesh.run(mesh.gateway, {.headers = {{"Host", "x"}}}, answer));
        mesh.clock.run_for(seconds{1});
        group.cancel();
        mesh.clock.run_for(seconds{1});
    }
    CHECK_FALSE(answer.has_value());
    CHECK(mesh.counted() == Lines{"destination 0 DC test-imgw->podinfo-primary podinfo-primary 1",
                                  "source 0 DC test-imgw->podinfo-primary podinfo-primary 1"});
    CHECK(mesh.metrics.requests_in_flight == 0);
    CHECK(mesh.metrics.upstream_active == 0);
}

TEST_CASE(
    "a tap is told of each request while it is on: by which route, whom it reached, after how many "
    "tries") {
    Tap tap;
    AMesh mesh(two_versions + routed("retries: {attempts: 2, retryOn: '5xx'}, ", 0), {.tap = &tap});
    mesh.ask(mesh.gateway, "x", "/before");
    tap.set_on(true);
    mesh.pods.scripts["127.64.0.1"] = {{.status = 503}, {.status = 200}};
    mesh.ask(mesh.gateway, "x", "/status/200?token=secret");
    const auto taken = tap.take();
    REQUIRE(taken.entries.size() == 1);
    const auto& one = taken.entries[0];
    CHECK(one.source == "test/test-imgw");
    CHECK(one.destination == "test/podinfo-primary");
    CHECK(one.destination_ns == "test");
    CHECK(one.pod == "127.64.0.1");
    CHECK(one.service == "podinfo-primary.test.svc.cluster.local");
    CHECK(one.route == "test/podinfo#0");
    CHECK(one.path == "/status/200");
    CHECK(one.authority == "x");
    CHECK(one.code == 200);
    CHECK(one.flags == "-");
    CHECK(one.tries == 2);
    CHECK(one.milliseconds >= *one.upstream_milliseconds);
    CHECK_FALSE(one.headers.empty());
    tap.set_on(false);
    mesh.ask(mesh.gateway, "x", "/after");
    CHECK(tap.take().entries.empty());
}

TEST_CASE("a tap tells two hundred requests of a second, and how many it left out") {
    Tap tap;
    tap.set_on(true);
    Time now = parse_rfc3339("2026-01-25T20:00:00Z").value();
    const auto note = [&] {
        if (tap.may_note(now)) tap.note({.came = now});
    };
    for (int i = 0; i < 250; ++i) note();
    const auto taken = tap.take();
    CHECK(taken.entries.size() == 200);
    CHECK(taken.dropped == 50);
    now += seconds{1};
    note();
    CHECK(tap.take().entries.size() == 1);
    // Whoever never takes them has the last two thousand.
    for (int second = 0; second < 15; ++second) {
        now += seconds{1};
        for (int i = 0; i < 200; ++i) note();
    }
    const auto late = tap.take();
    CHECK(late.entries.size() == 2000);
    CHECK(late.dropped == 1000);
    tap.set_on(false);
    note();
    CHECK(tap.take().entries.empty());
}
