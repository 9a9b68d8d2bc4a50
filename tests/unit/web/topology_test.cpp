// The graph out of what both sides report, and out of objects.
#include "web/topology.hpp"

#include "web/gateways.hpp"
#include "web/inventory.hpp"
#include "web/mesh.hpp"
#include "web/validations.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace sluice;
using namespace sluice::web;
using namespace std::chrono_literals;

namespace {

struct Call {
    std::string from = "gw";
    std::string to = "podinfo";
    std::string code = "200";
    double rate = 1;
    std::string service = "podinfo";
    std::string ns = "test";
    std::string host = "podinfo.test.svc.cluster.local";
    std::string flags = "-";
    std::string policy = "none";
    std::string from_principal = "";
    std::string to_principal = "";
};

Sample sample(const Call& call) {
    const bool is_known = call.to != "unknown";
    return {{{"source_workload", call.from},
             {"source_workload_namespace", call.from == "unknown" ? "unknown" : "test"},
             {"destination_workload", call.to},
             {"destination_workload_namespace", is_known ? call.ns : "unknown"},
             {"destination_service", call.host},
             {"destination_service_name", call.service},
             {"destination_service_namespace", call.ns},
             {"request_protocol", "http"},
             {"response_code", call.code},
             {"source_principal", call.from_principal},
             {"destination_principal", call.to_principal},
             {"response_flags", call.flags},
             {"connection_security_policy", call.policy}},
            call.rate};
}

EdgesTable table(std::vector<Call> arrived, std::vector<Call> left = {}) {
    Measured<Samples> in{Samples{}, {}};
    for (const auto& call : arrived) in.what->push_back(sample(call));
    Measured<Samples> out{Samples{}, {}};
    for (const auto& call : left) out.what->push_back(sample(call));
    const Measured<Samples> none{Samples{}, {}};
    return edges_table({in, out, none, none, none, none}, 60s);
}

Json deployment(const std::string& name, int desired, int ready, const std::string& ns = "test") {
    Json object = JsonObject{{"kind", "Deployment"},
                             {"metadata", JsonObject{{"name", name}, {"namespace", ns}}}};
    put(object, {"spec", "replicas"}, desired);
    put(object,
        {"spec", "template", "metadata", "labels"},
        JsonObject{{"app", name}, {"version", "v1"}});
    put(object, {"status", "readyReplicas"}, ready);
    return object;
}

Objects shared(const std::vector<Json>& objects) {
    Objects all;
    for (const auto& object : objects) all.push_back(std::make_shared<const Json>(object));
    return all;
}

std::string health(const JsonObject& node) {
    return std::string(text_at(Json(node), {"health", "status"}));
}

}  // namespace

TEST_CASE("what both sides report counts once, as its caller saw it") {
    const auto edges = table({{.rate = 6}, {.to = "podinfo-primary", .rate = 14}},
                             {{.rate = 6.1},
                              {.to = "unknown", .code = "503", .rate = 2},
                              {.from = "unknown", .to = "podinfo", .rate = 1}});
    CHECK(edges.edges.size() == 4);
    const auto& seen = edges.edges.at({"w/test/gw", "w/test/podinfo", "http", "test/podinfo"});
    CHECK(seen.rps == 6.1);
    CHECK(seen.tries.all == 6);
    const auto& lost = edges.edges.at({"w/test/gw", "s/test/podinfo", "http", "test/podinfo"});
    CHECK(lost.failed == 2);
    CHECK(edges.edges.contains({"unknown", "w/test/podinfo", "http", "test/podinfo"}));
}

TEST_CASE("an edge is what its caller saw, and tries that came to nothing stand beside it") {
    const EdgeKey key{"w/test/gw", "w/test/podinfo", "http", "test/podinfo"};
    const auto edge_of = [&](std::vector<Call> arrived, std::vector<Call> left) {
        return table(std::move(arrived), std::move(left)).edges.at(key);
    };
    const Call served{.rate = 6, .policy = "mutual_tls", .from_principal = "me"};
    const auto with = [](std::string code, std::string flags, double rate) {
        return Call{
            .code = std::move(code), .rate = rate, .flags = std::move(flags), .policy = "unknown"};
    };
    const auto broken = edge_of({served},
                                {with("200", "-", 6),
                                 with("503", "UF,URX", 2),
                                 with("503", "UO", 1),
                                 with("404", "NR", 0.5),
                                 with("504", "UT", 0.25)});
    CHECK(broken.by_caller);
    CHECK(broken.rps == 9.75);
    CHECK(broken.failed == 3.25);
    CHECK(broken.refused == 0.5);
    CHECK(broken.codes.at("200") == 6);
    CHECK(broken.flags.at("UF,URX") == 2);
    CHECK(broken.tries.all == 6);
    CHECK(broken.tries.failed == 0);
    // Whether it was encrypted, and as whom, only the called side knows, and says so of what
    // arrived.
    CHECK(broken.mtls == 6);
    CHECK(broken.with_policy == 6);
    CHECK(broken.principals.size() == 1);

    // Two tries were cut off and one failed; each was tried again, and nobody saw a failure.
    const auto retried = edge_of({served, with("0", "DC", 2), with("500", "-", 1)},
                                 {with("200", "-", 5.5), with("404", "-", 0.5)});
    CHECK(retried.rps == 6);
    CHECK(retried.failed == 0);
    CHECK(retried.tries.all == 9);
    CHECK(retried.tries.failed == 1);
    CHECK(retried.tries.cut_off == 2);
    CHECK(health_of_requests(retried).status == "degraded");
    CHECK(health_of_requests(retried).reason == "33.33 % of tries fail or are cut off");

    // Who went away is counted on both sides, and gave up no try.
    const auto left =
        edge_of({served, with("0", "DC", 1)}, {with("200", "-", 6), with("0", "DC", 1)});
    CHECK(left.failed == 1);
    CHECK(left.tries.cut_off == 0);

    // Where the caller has no proxy the called side's word is all there is.
    const auto plain = edge_of({served, with("0", "DC", 2), with("500", "-", 1)}, {});
    CHECK_FALSE(plain.by_caller);
    CHECK(plain.rps == 9);
    CHECK(plain.failed == 3);
    CHECK(plain.tries.failed == 1);
    CHECK(plain.tries.cut_off == 0);
}

TEST_CASE("a canary whose tries fail is judged by its release's limit, also if none saw it") {
    Release release;
    release.limits.success_min = 99;
    const Role canary{.release = &release, .role = "canary", .weight = 20};
    const auto way = table({{.rate = 95}, {.code = "500", .rate = 5}}, {{.rate = 95}})
                         .edges.at({"w/test/gw", "w/test/podinfo", "http", "test/podinfo"});
    const auto judged = health_of_way(way, &canary);
    CHECK(judged.status == "failure");
    REQUIRE(judged.reasons.size() == 2);
    CHECK(judged.reasons[1] == "95.00 % of tries succeed, under the release's 99 %");
    // The check takes no answer for a success; that they are cut off is told all the same.
    const auto cut = table({{.rate = 95}, {.code = "0", .rate = 5, .flags = "DC"}}, {{.rate = 95}})
                         .edges.at({"w/test/gw", "w/test/podinfo", "http", "test/podinfo"});
    CHECK(health_of_way(cut, &canary).status == "degraded");
}

TEST_CASE("callers in other namespaces are asked about with the namespace that they call") {
    const auto left = edge_queries(60s, "test").left;
    CHECK(left.find(R"(reporter="source",source_workload_namespace="test"}[60s]) or rate()") !=
          std::string::npos);
    CHECK(left.find(R"(reporter="source",destination_service_namespace="test"}[60s]))") !=
          std::string::npos);
    CHECK(edge_queries(60s, "").left.find(" or ") == std::string::npos);
}

TEST_CASE("an edge tells as whom its ends showed themselves, a few of them in their order") {
    std::vector<Call> calls{{.from_principal = "unknown", .to_principal = "unknown"}};
    for (const auto* one : {"g", "f", "e", "d", "c", "b", "a"}) {
        calls.push_back({.from_principal = one, .to_principal = "z"});
    }
    const auto edges = table(calls);
    const auto drawn = topology_of({.workloads = {},
                                    .services = {},
                                    .virtual_services = {},
                                    .destination_rules = {},
                                    .gateways = {},
                                    .mesh_gateways = {},
                                    .releases = {},
                                    .edges = edges});
    const auto& told = drawn.edges.at("e/w/test/gw>w/test/podinfo/http").at("principals");
    REQUIRE(told.as_array().size() == 5);
    CHECK(told.as_array().front() == Json{{"source", "a"}, {"destination", "z"}});
    CHECK(told.as_array().back() == Json{{"source", "e"}, {"destination", "z"}});
    // They are a side's own word, so the side that arrives is asked for them.
    const auto queries = edge_queries(60s, "");
    CHECK(queries.arrived.find(",source_principal,destination_principal)") != std::string::npos);
}

TEST_CASE("an address is no node, and a host of elsewhere is outside") {
    const auto edges =
        table({},
              {{.to = "unknown", .service = "10.0.0.1", .host = "10.0.0.1:80"},
               {.to = "unknown", .service = "api.example.org", .host = "api.example.org"},
               {.to = "unknown", .service = "PassthroughCluster", .host = "PassthroughCluster"}});
    REQUIRE(edges.edges.size() == 2);
    CHECK(edges.edges.contains({"w/test/gw", "x/api.example.org", "http", "test/api.example.org"}));
}

TEST_CASE("pods and requests make a node's health, the worst of both") {
    const auto edges = table({{.code = "200", .rate = 8}, {.code = "500", .rate = 2}});
    const auto drawn = topology_of({.workloads = shared({deployment("podinfo", 2, 2),
                                                         deployment("half", 2, 1),
                                                         deployment("down", 2, 0),
                                                         deployment("zero", 0, 0)}),
                                    .services = {},
                                    .virtual_services = {},
                                    .destination_rules = {},
                                    .gateways = {},
                                    .mesh_gateways = {},
                                    .releases = {},
                                    .edges = edges});
    CHECK(health(drawn.nodes.at("w/test/podinfo")) == "failure");
    CHECK(health(drawn.nodes.at("w/test/half")) == "degraded");
    CHECK(health(drawn.nodes.at("w/test/down")) == "failure");
    CHECK(health(drawn.nodes.at("w/test/zero")) == "notReady");
    const Json zero(drawn.nodes.at("w/test/zero"));
    CHECK(array_at(zero, {"badges"}) == JsonArray{"dead", "idle"});
    CHECK(find(zero, {"in", "rps"})->is_null());
    CHECK(text_at(zero, {"reason"}) == "no requests in the last 60 s");
    const Json edge(drawn.edges.at("e/w/test/gw>w/test/podinfo/http"));
    CHECK(*number_at(edge, {"rps"}) == 10);
    CHECK(*number_at(edge, {"success"}) == doctest::Approx(0.8));
    CHECK(*number_at(edge, {"codes", "500"}) == 2);
    CHECK(text_at(edge, {"health", "status"}) == "failure");
}

TEST_CASE("a workload whose pods miss a sidecar is degraded, and one with needless ones is not") {
    const auto edges = table({{.rate = 8}});
    const std::map<std::string, Sidecars> sidecars{
        {"w/test/podinfo", {.pods = 2, .with = 1, .missing = 1}},
        {"w/test/other", {.pods = 2, .with = 2, .needless = 2}},
        {"w/test/down", {.pods = 1, .missing = 1}}};
    const auto drawn = topology_of(
        {.workloads = shared(
             {deployment("podinfo", 2, 2), deployment("other", 2, 2), deployment("down", 1, 0)}),
         .services = {},
         .virtual_services = {},
         .destination_rules = {},
         .gateways = {},
         .mesh_gateways = {},
         .releases = {},
         .edges = edges,
         .sidecars = &sidecars});
    const auto& podinfo = drawn.nodes.at("w/test/podinfo");
    CHECK(health(podinfo) == "degraded");
    CHECK(podinfo.at("health").at("reasons") == JsonArray{"1 of 2 pods has no sidecar"});
    CHECK(health(drawn.nodes.at("w/test/other")) == "healthy");
    CHECK(health(drawn.nodes.at("w/test/down")) == "failure");
}

TEST_CASE("the canary of a release has one word for its state in the picture and in the list") {
    // 4 % of what comes from the gateway fail, and nothing of what comes from elsewhere: 0.4 % in
    // all.
    const auto edges = table({{.code = "200", .rate = 0.96},
                              {.code = "500", .rate = 0.04},
                              {.from = "other", .code = "200", .rate = 9}});
    Release release;
    release.severity = Severity::failure;
    release.ns = "test";
    release.name = "podinfo";
    release.status = "Failed";
    release.json = {{"weight", JsonObject{{"configured", 0}}},
                    {"revisions",
                     JsonObject{{"stable", JsonObject{{"workload", "podinfo-primary"}}},
                                {"canary", JsonObject{{"workload", "podinfo"}}}}}};
    release.limits.success_min = 99;
    const auto workload = deployment("podinfo", 1, 1);
    const auto drawn = topology_of({.workloads = shared({workload}),
                                    .services = {},
                                    .virtual_services = {},
                                    .destination_rules = {},
                                    .gateways = {},
                                    .mesh_gateways = {},
                                    .releases = {&release},
                                    .edges = edges,
                                    .namespaces = {"test"},
                                    .sees = nullptr});
    const Landscape landscape;
    SidecarBook pods;
    const RatesTable rates;
    Inventory inventory(
        {.rates = rates,
         .edges = edges,
         .landscape = landscape,
         .pods = pods,
         .roles = roles_of({&release}),
         .findings = [](const std::string&) { return std::vector<const Validation*>{}; },
         .sees = [](const std::string&) { return true; }});
    const auto listed = inventory.workload(workload);
    CHECK(health(listed) == "failure");
    CHECK(listed.at("health") == drawn.nodes.at("w/test/podinfo").at("health"));
}

TEST_CASE("a share is of what leaves its source") {
    const auto edges = table({{.rate = 6}, {.to = "podinfo-primary", .rate = 14}});
    const auto drawn = topology_of({.workloads = {},
                                    .services = {},
                                    .virtual_services = {},
                                    .destination_rules = {},
                                    .gateways = {},
                                    .mesh_gateways = {},
                                    .releases = {},
                                    .edges = edges});
    const Json edge(drawn.edges.at("e/w/test/gw>w/test/podinfo/http"));
    CHECK(*number_at(edge, {"share"}) == doctest::Approx(0.3));
    CHECK(*number_at(Json(drawn.nodes.at("w/test/gw")), {"out", "rps"}) == 20);
}

TEST_CASE("with services between, an edge goes through the service") {
    const auto edges = table({{.rate = 6}});
    const auto drawn = topology_of({.workloads = {},
                                    .services = {},
                                    .virtual_services = {},
                                    .destination_rules = {},
                                    .gateways = {},
                                    .mesh_gateways = {},
                                    .releases = {},
                                    .edges = edges,
                                    .services_between = true});
    CHECK(drawn.edges.contains("e/w/test/gw>s/test/podinfo/http"));
    CHECK(drawn.edges.contains("e/s/test/podinfo>w/test/podinfo/http"));
}

TEST_CASE(
    "with services between, a release's routes lead through them, and traffic makes them healthy") {
    const auto service = [](const std::string& name, const std::string& app) {
        return Json{{"metadata", {{"name", name}, {"namespace", "test"}}},
                    {"spec", {{"selector", {{"app", app}}}}}};
    };
    Release release;
    release.ns = "test";
    release.name = "podinfo";
    release.json = boost::json::parse(R"({"weight": {"configured": 0}, "revisions": {
        "stable": {"workload": "podinfo-primary"}, "canary": {"workload": "podinfo"}}})")
                       .as_object();
    const auto route = boost::json::parse(R"({"metadata": {"name": "podinfo", "namespace": "test",
          "ownerReferences": [{"kind": "Canary", "name": "podinfo", "controller": true}]},
        "spec": {"gateways": ["public"], "http": [{"route": [
          {"destination": {"host": "podinfo-primary"}, "weight": 100},
          {"destination": {"host": "podinfo-canary"}, "weight": 0}]}]}})");
    const auto edges =
        table({{.to = "podinfo-primary", .rate = 20, .service = "podinfo-primary"},
               {.from = "podinfo-primary", .to = "far", .service = "far", .ns = "other"}});
    const auto drawn =
        topology_of({.workloads = shared({deployment("gw", 1, 1),
                                          deployment("podinfo", 1, 1),
                                          deployment("podinfo-primary", 1, 1)}),
                     .services = shared({service("podinfo-canary", "podinfo"),
                                         service("podinfo-primary", "podinfo-primary")}),
                     .virtual_services = shared({route}),
                     .destination_rules = {},
                     .gateways = shared({boost::json::parse(R"({"metadata": {"name": "public",
            "namespace": "test"}, "spec": {"selector": {"app": "gw"}}})")}),
                     .mesh_gateways = {},
                     .releases = {&release},
                     .edges = edges,
                     .services_between = true});
    std::map<std::string, bool> is_planned;
    for (const auto& [id, edge] : drawn.edges) is_planned[id] = edge.at("rps").is_null();
    CHECK(is_planned == std::map<std::string, bool>{
                            {"e/s/other/far>w/other/far/http", false},
                            {"e/s/test/podinfo-canary>w/test/podinfo/http", true},
                            {"e/s/test/podinfo-primary>w/test/podinfo-primary/http", false},
                            {"e/w/test/gw>s/test/podinfo-canary/http", true},
                            {"e/w/test/gw>s/test/podinfo-primary/http", false},
                            {"e/w/test/podinfo-primary>s/other/far/http", false}});
    CHECK(health(drawn.nodes.at("s/test/podinfo-primary")) == "healthy");
    CHECK(health(drawn.nodes.at("s/test/podinfo-canary")) == "unknown");
}

TEST_CASE("other namespaces are outside, and what may not be seen is not there") {
    const auto edges = table({{.rate = 1}, {.to = "db", .ns = "data"}});
    TopologyParts parts{.workloads = shared({deployment("podinfo", 1, 1),
                                             deployment("db", 1, 1, "data"),
                                             deployment("far", 1, 1, "far")}),
                        .services = {},
                        .virtual_services = {},
                        .destination_rules = {},
                        .gateways = {},
                        .mesh_gateways = {},
                        .releases = {},
                        .edges = edges,
                        .namespaces = {"test"}};
    const auto drawn = topology_of(parts);
    CHECK(*bool_at(Json(drawn.nodes.at("w/data/db")), {"outside"}));
    CHECK_FALSE(drawn.nodes.contains("w/far/far"));
    parts.sees = [](const std::string& ns) { return ns == "test"; };
    CHECK_FALSE(topology_of(parts).nodes.contains("w/data/db"));
}

TEST_CASE("more than four hundred workloads are grouped by namespace, and told so") {
    std::vector<Json> workloads;
    workloads.reserve(401);
    for (int i = 0; i < 401; ++i) {
        workloads.push_back(
            deployment(fmt::format("w{}", i), 1, i == 7 ? 0 : 1, i % 2 == 0 ? "a" : "b"));
    }
    const auto edges = table({});
    TopologyParts parts{.workloads = shared(workloads),
                        .services = {},
                        .virtual_services = {},
                        .destination_rules = {},
                        .gateways = {},
                        .mesh_gateways = {},
                        .releases = {},
                        .edges = edges};
    const auto drawn = topology_of(parts);
    CHECK(drawn.grouped);
    CHECK(drawn.node_total == 401);
    REQUIRE(drawn.nodes.size() == 2);
    CHECK(*integer_at(Json(drawn.nodes.at("n/a")), {"workloads"}) == 201);
    CHECK(health(drawn.nodes.at("n/b")) == "failure");
    CHECK(drawn.warnings.front() == "401 workloads: grouped by namespace");
    parts.group = TopologyParts::Group::never;
    CHECK(topology_of(parts).nodes.size() == 401);
}

TEST_CASE("a patch tells what is new, what is other and what is gone, and nothing else") {
    Topology before;
    before.nodes["a"] = {{"id", "a"}, {"v", 1}};
    before.nodes["b"] = {{"id", "b"}};
    auto after = before;
    CHECK(patch_between(before, after).is_null());
    after.nodes["a"]["v"] = 2;
    after.nodes.erase("b");
    after.nodes["c"] = {{"id", "c"}};
    const auto patch = patch_between(before, after);
    CHECK(array_at(patch, {"nodes", "upsert"}).size() == 2);
    CHECK(array_at(patch, {"nodes", "remove"}) == JsonArray{"b"});
    CHECK(array_at(patch, {"edges", "upsert"}).empty());
}

TEST_CASE("a gateway is told with its ports, its hosts and what is bound to it") {
    const auto edges = table({{.rate = 6}});
    auto of_gateway = deployment("gw", 1, 1);
    const auto read = [](std::string_view text) { return boost::json::parse(std::string(text)); };
    const auto all = gateways_of(
        {.mesh_gateways = shared({read(R"({"metadata": {"namespace": "test", "name": "gw"},
           "spec": {"type": "ingress", "service": {"ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
             "istioControlPlane": {"name": "cp", "namespace": "istio-system"}},
           "status": {"Status": "Available", "GatewayAddress": ["127.0.0.9"]}})")}),
         .gateways = shared({read(R"({"metadata": {"namespace": "test", "name": "public"},
           "spec": {"selector": {"app": "gw"}, "servers": [{"port": {"number": 80, "protocol": "HTTP"}, "hosts": ["*"]}]}})")}),
         .deployments = shared({of_gateway, deployment("podinfo", 1, 1)}),
         .services = {},
         .virtual_services = shared({read(R"({"metadata": {"namespace": "test", "name": "podinfo"},
           "spec": {"gateways": ["public"]}})")}),
         .edges = edges});
    REQUIRE(all.size() == 1);
    const Json gateway(all.front().json);
    CHECK(text_at(gateway, {"status"}) == "Available");
    CHECK(text_at(gateway, {"health", "status"}) == "healthy");
    CHECK(text_at(gateway, {"revision"}) == "cp.istio-system");
    CHECK(array_at(gateway, {"virtualServices"}) == JsonArray{"test/podinfo"});
    CHECK(*number_at(gateway, {"rps"}) == 6);
    CHECK(*integer_at(array_at(gateway, {"ports"}).front(), {"targetPort"}) == 8080);
    CHECK(text_at(array_at(gateway, {"gateways"}).front(), {"name"}) == "public");
}

TEST_CASE("each release's routes lead from its gateway, and among namespaces nobody is told") {
    const auto edges = table({});
    std::vector<Release> releases(2);
    std::vector<Json> routes;
    std::vector<Json> workloads{deployment("gw", 1, 1, "mesh")};
    for (std::size_t i = 0; i < releases.size(); ++i) {
        const auto name = fmt::format("r{}", i);
        releases[i].ns = "test";
        releases[i].name = name;
        releases[i].json =
            boost::json::parse(
                fmt::format(
                    R"({{"revisions": {{"stable": {{"workload": "{0}-primary"}}, "canary": {{"workload": "{0}"}}}},
                "weight": {{"desired": 0, "configured": 0}}}})",
                    name))
                .as_object();
        workloads.push_back(deployment(name, 1, 1));
        workloads.push_back(deployment(name + "-primary", 1, 1));
        routes.push_back(boost::json::parse(fmt::format(
            R"({{"metadata": {{"name": "{0}", "namespace": "test", "ownerReferences": [
                {{"kind": "Canary", "name": "{0}", "controller": true}}]}},
              "spec": {{"gateways": ["mesh/gw", "mesh"]}}}})",
            name)));
    }
    TopologyParts parts{
        .workloads = shared(workloads),
        .services = {},
        .virtual_services = shared(routes),
        .destination_rules = {},
        .gateways = shared({boost::json::parse(R"({"metadata": {"name": "gw", "namespace": "mesh"},
            "spec": {"selector": {"app": "gw"}}})")}),
        .mesh_gateways = {},
        .releases = {&releases[0], &releases[1]},
        .edges = edges};
    auto drawn = topology_of(parts);
    CHECK(drawn.edges.size() == 4);
    for (const auto* to : {"r0", "r0-primary", "r1", "r1-primary"}) {
        const auto id = fmt::format("e/w/mesh/gw>w/test/{}/http", to);
        REQUIRE(drawn.edges.contains(id));
        CHECK(drawn.edges.at(id).at("rps").is_null());
    }
    parts.group = TopologyParts::Group::by_namespace;
    drawn = topology_of(parts);
    CHECK(drawn.nodes.size() == 2);
    CHECK(drawn.edges.empty());
}

TEST_CASE("an edge has the route that leads along it, of a release or not") {
    const auto read = [](std::string_view text) { return boost::json::parse(std::string(text)); };
    const auto service = [](const std::string& name, const std::string& app) {
        return Json{{"metadata", {{"name", name}, {"namespace", "test"}}},
                    {"spec", {{"selector", {{"app", app}}}}}};
    };
    const auto edges = table({{.to = "shop", .service = "shop", .host = "shop.test.svc"},
                              {.to = "aside", .service = "aside", .host = "aside.test.svc"},
                              {.from = "shop", .to = "cart", .service = "cart"},
                              {.from = "shop", .to = "aside", .service = "aside-too"},
                              {.from = "unknown", .to = "cart", .service = "cart"}},
                             {{.to = "unknown", .code = "503", .service = "gone"}});
    TopologyParts parts{
        .workloads = shared({deployment("gw", 1, 1),
                             deployment("shop", 1, 1),
                             deployment("cart", 1, 1),
                             deployment("aside", 1, 1)}),
        .services = shared({service("shop", "shop"),
                            service("cart", "cart"),
                            service("aside", "aside"),
                            service("aside-too", "aside")}),
        .virtual_services =
            shared({read(R"({"metadata": {"name": "front", "namespace": "test"}, "spec": {
                "gateways": ["public"], "http": [
                  {"route": [{"destination": {"host": "gone"}}]},
                  {"route": [{"destination": {"host": "cart"}, "weight": 70},
                             {"destination": {"host": "shop"}, "weight": 0}]},
                  {"route": [{"destination": {"host": "shop"}, "weight": 30}]}]}})"),
                    read(R"({"metadata": {"name": "inside", "namespace": "test"}, "spec": {"http": [
                  {"route": [{"destination": {"host": "cart.test.svc.cluster.local"}}]},
                  {"route": [{"destination": {"host": "aside"}}]}]}})")}),
        .destination_rules = {},
        .gateways = shared({read(R"({"metadata": {"name": "public", "namespace": "test"},
            "spec": {"selector": {"app": "gw"}}})")}),
        .mesh_gateways = {},
        .releases = {},
        .edges = edges};
    auto drawn = topology_of(parts);
    const auto route = [&](const std::string& id) -> std::string {
        REQUIRE_MESSAGE(drawn.edges.contains(id), id);
        const auto& told = drawn.edges.at(id).at("route");
        if (told.is_null()) return "none";
        return fmt::format("{} #{} {}",
                           text_at(told, {"object"}),
                           *integer_at(told, {"index"}),
                           *integer_at(told, {"weight"}));
    };
    CHECK(route("e/w/test/gw>w/test/shop/http") == "VirtualService test/front #2 30");
    CHECK(route("e/w/test/gw>s/test/gone/http") == "VirtualService test/front #0 100");
    CHECK(route("e/w/test/shop>w/test/cart/http") == "VirtualService test/inside #0 100");
    // What the mesh's routes say is not for a gateway, nor for who has no proxy.
    CHECK(route("e/w/test/gw>w/test/aside/http") == "none");
    CHECK(route("e/unknown>w/test/cart/http") == "none");
    // It came by a Service to which no route leads.
    CHECK(route("e/w/test/shop>w/test/aside/http") == "none");

    parts.services_between = true;
    drawn = topology_of(parts);
    CHECK(route("e/w/test/gw>s/test/shop/http") == "VirtualService test/front #2 30");
}

TEST_CASE("copies are marked as such, and count in no share and in nobody's own traffic") {
    const auto edges = table({{.to = "podinfo-primary", .rate = 8, .service = "podinfo-primary"},
                              {.to = "podinfo", .rate = 4, .service = "podinfo-canary"}});
    const auto service = [](const std::string& name, const std::string& app) {
        return Json{{"metadata", {{"name", name}, {"namespace", "test"}}},
                    {"spec", {{"selector", {{"app", app}}}}}};
    };
    Json route = boost::json::parse(R"({"metadata": {"name": "podinfo", "namespace": "test"},
        "spec": {"hosts": ["podinfo"], "http": [{"mirror": {"host": "podinfo-canary"},
          "route": [{"destination": {"host": "podinfo-primary"}, "weight": 100},
                    {"destination": {"host": "podinfo-canary"}, "weight": 0}]}]}})");
    const auto drawn = [&] {
        return topology_of({.workloads = shared({deployment("gw", 1, 1),
                                                 deployment("podinfo", 1, 1),
                                                 deployment("podinfo-primary", 1, 1)}),
                            .services = shared({service("podinfo-canary", "podinfo"),
                                                service("podinfo-primary", "podinfo-primary")}),
                            .virtual_services = shared({route}),
                            .destination_rules = {},
                            .gateways = {},
                            .mesh_gateways = {},
                            .releases = {},
                            .edges = edges,
                            .namespaces = {}});
    };
    const std::string copy = "e/w/test/gw>w/test/podinfo/http";
    const std::string real = "e/w/test/gw>w/test/podinfo-primary/http";
    auto mirrored = drawn();
    CHECK(mirrored.edges.at(copy).at("mirror") == true);
    CHECK(mirrored.edges.at(copy).at("share").is_null());
    CHECK(mirrored.edges.at(real).at("mirror") == false);
    CHECK(mirrored.edges.at(real).at("share") == 1.0);
    CHECK(mirrored.nodes.at("w/test/gw").at("out").at("rps") == 8.0);
    CHECK(mirrored.nodes.at("w/test/podinfo").at("in").at("rps") == 4.0);
    // Who gets a share as well gets no copy only.
    auto& to = route.at("spec").at("http").as_array()[0].at("route").as_array();
    put(to[1], {"weight"}, 10);
    auto shifted = drawn();
    CHECK(shifted.edges.at(copy).at("mirror") == false);
    CHECK(shifted.edges.at(real).at("share").as_double() == doctest::Approx(8.0 / 12));
}

TEST_CASE("a pod gets a sidecar by its namespace's labels and its own, as Istio reads them") {
    const auto asked = [](const char* pod_labels, const char* ns_labels) {
        const Json pod{{"metadata", {{"labels", boost::json::parse(pod_labels)}}}};
        const Json ns{{"metadata", {{"labels", boost::json::parse(ns_labels)}}}};
        const auto injection = injection_of(pod, ns);
        return injection.wanted ? "yes " + injection.revision : std::string("no");
    };
    CHECK(asked("{}", "{}") == "no");
    CHECK(asked("{}", R"({"istio-injection": "enabled"})") == "yes ");
    CHECK(asked("{}", R"({"istio-injection": "disabled", "istio.io/rev": "a"})") == "no");
    CHECK(asked("{}", R"({"istio.io/rev": "cp-v112x.istio-system"})") ==
          "yes cp-v112x.istio-system");
    CHECK(asked(R"({"sidecar.istio.io/inject": "false"})", R"({"istio-injection": "enabled"})") ==
          "no");
    CHECK(asked(R"({"sidecar.istio.io/inject": "true"})", "{}") == "yes ");
    CHECK(asked(R"({"istio.io/rev": "canary"})", "{}") == "yes canary");
    CHECK(is_revision("cp-v112x", "cp-v112x.istio-system"));
    CHECK_FALSE(is_revision("cp-v11", "cp-v112x.istio-system"));
}

namespace {

MeshParts mesh_parts(const std::map<std::string, Sidecars>& sidecars,
                     const PrometheusHealth& health) {
    const auto ns = [](const char* name, const char* labels) {
        return Json{{"metadata", {{"name", name}, {"labels", boost::json::parse(labels)}}}};
    };
    return {.control_planes = {boost::json::parse(R"({
                "metadata": {"name": "cp-v112x", "namespace": "istio-system"},
                "spec": {"version": "1.12.5"}, "status": {"status": "Available"}})")},
            .deployments = shared({boost::json::parse(R"({"kind": "Deployment",
                "metadata": {"name": "istiod-cp-v112x", "namespace": "istio-system",
                  "labels": {"app": "istiod", "istio.io/rev": "cp-v112x.istio-system"}},
                "spec": {"replicas": 2}, "status": {"readyReplicas": 1}})"),
                                   boost::json::parse(R"({"kind": "Deployment",
                "metadata": {"name": "istiod", "namespace": "other",
                  "labels": {"app": "istiod", "istio.io/rev": "blue"}},
                "spec": {"replicas": 1, "template": {"spec": {"containers": [
                  {"name": "discovery", "image": "istio/pilot:1.20.3"}]}}},
                "status": {"readyReplicas": 1}})")}),
            .webhooks = {boost::json::parse(R"({"metadata": {"name": "tag",
                "labels": {"istio.io/rev": "blue", "istio.io/tag": "prod"}}})")},
            .policies = {boost::json::parse(R"({
                "metadata": {"name": "default", "namespace": "istio-system"},
                "spec": {"mtls": {"mode": "PERMISSIVE"}}})"),
                         boost::json::parse(R"({
                "metadata": {"name": "strict", "namespace": "b"}, "spec": {"mtls": {"mode": "STRICT"}}})"),
                         boost::json::parse(R"({
                "metadata": {"name": "one", "namespace": "a"},
                "spec": {"selector": {"matchLabels": {"app": "x"}}, "mtls": {"mode": "DISABLE"}}})")},
            .namespaces = shared({ns("a", R"({"istio.io/rev": "cp-v112x"})"),
                                  ns("b", R"({"istio.io/rev": "prod"})"),
                                  ns("c", R"({"istio.io/rev": "gone"})")}),
            .sidecars = sidecars,
            .istio_versions = {"v1", "v1beta1"},
            .prometheus = health,
            .api_server = {},
            .caches = {},
            .problems = {},
            .sees = [](const std::string&) { return true; }};
}

}  // namespace

TEST_CASE(
    "control planes are told with their namespaces, tags and proxies, and mTLS by namespace") {
    std::map<std::string, Sidecars> sidecars;
    sidecars["w/a/web"] = {
        .ns = "a", .name = "web", .pods = 2, .with = 2, .versions = {{"1.12.5", 2}}};
    sidecars["w/b/api"] = {.ns = "b",
                           .name = "api",
                           .pods = 3,
                           .with = 2,
                           .missing = 1,
                           .versions = {{"1.20.3", 1}, {"1.12.5", 1}}};
    const PrometheusHealth health;
    const Json mesh(mesh_json(mesh_parts(sidecars, health)));
    const auto& planes = array_at(mesh, {"controlPlanes"});
    REQUIRE(planes.size() == 2);
    CHECK(text_at(planes[0], {"source"}) == "IstioControlPlane");
    CHECK(text_at(planes[0], {"revision"}) == "cp-v112x.istio-system");
    CHECK(*integer_at(planes[0], {"pods", "ready"}) == 1);
    CHECK(*integer_at(planes[0], {"pods", "total"}) == 2);
    CHECK(array_at(planes[0], {"injectionNamespaces"}) == JsonArray{"a"});
    CHECK(text_at(planes[1], {"source"}) == "istiod");
    CHECK(text_at(planes[1], {"version"}) == "1.20.3");
    CHECK(text_at(planes[1], {"status"}) == "Ready");
    CHECK(array_at(planes[1], {"tags"}) == JsonArray{"prod"});
    CHECK(array_at(planes[1], {"injectionNamespaces"}) == JsonArray{"b"});
    CHECK(*integer_at(mesh, {"proxies", "total"}) == 4);
    CHECK(*integer_at(mesh, {"proxies", "byVersion", "1.12.5"}) == 3);
    CHECK(array_at(mesh, {"proxies", "skewed"}) == JsonArray{"b/api"});
    CHECK(array_at(mesh, {"proxies", "missing"}) == JsonArray{"b/api"});
    const auto& mtls = array_at(mesh, {"mtls"});
    REQUIRE(mtls.size() == 3);
    // A policy of some pods is none of the namespace: the root's counts.
    CHECK(text_at(mtls[0], {"mode"}) == "PERMISSIVE");
    CHECK(text_at(mtls[0], {"source"}) == "istio-system/default");
    CHECK(text_at(mtls[1], {"mode"}) == "STRICT");
    CHECK(text_at(mesh, {"istioApi", "used"}) == "v1beta1");

    auto limited = mesh_parts(sidecars, health);
    limited.sees = [](const std::string& ns) { return ns == "a"; };
    const Json less(mesh_json(limited));
    CHECK(array_at(less, {"controlPlanes"}).empty());
    CHECK(*integer_at(less, {"proxies", "total"}) == 2);
    CHECK(array_at(less, {"mtls"}).size() == 1);
}
