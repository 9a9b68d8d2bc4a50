// The graph from further away: by Service, by app, by app and version; and what its charts ask.
#include "web/condense.hpp"

#include "web/subject.hpp"
#include "web/topology.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace sluice;
using namespace sluice::web;

namespace {

struct Workload {
    std::string name;
    int desired = 1;
    int ready = 1;
    JsonObject labels = {};
    std::string ns = "test";
};

Json deployment(const Workload& workload) {
    auto labels = workload.labels;
    if (labels.empty()) labels = {{"app", workload.name}, {"version", "v1"}};
    Json object =
        JsonObject{{"kind", "Deployment"},
                   {"metadata", JsonObject{{"name", workload.name}, {"namespace", workload.ns}}}};
    put(object, {"spec", "replicas"}, workload.desired);
    put(object, {"spec", "template", "metadata", "labels"}, labels);
    put(object, {"status", "readyReplicas"}, workload.ready);
    return object;
}

Json service(const std::string& name, const JsonObject& selector, const std::string& ns = "test") {
    return JsonObject{{"kind", "Service"},
                      {"metadata", JsonObject{{"name", name}, {"namespace", ns}}},
                      {"spec", JsonObject{{"selector", selector}}}};
}

Objects shared(const std::vector<Json>& objects) {
    Objects all;
    for (const auto& object : objects) all.push_back(std::make_shared<const Json>(object));
    return all;
}

EdgeRates rates(double rps, double failed = 0) {
    EdgeRates one;
    one.rps = rps;
    one.failed = failed;
    if (rps > failed) one.codes["200"] = rps - failed;
    if (failed > 0) one.codes["503"] = failed;
    return one;
}

// What stands still while a test changes it.
struct World {
    std::vector<Json> workloads, services, routes, gateways;
    EdgesTable edges;
    std::vector<const Release*> releases;
    std::set<std::string> namespaces;
    std::function<bool(const std::string&)> sees;
    bool idle = true;

    World& call(const std::string& from,
                const std::string& to,
                EdgeRates with,
                const std::string& through = "",
                const std::string& protocol = "http") {
        edges.edges[{from, to, protocol, through}] = std::move(with);
        return *this;
    }
    Topology drawn(GraphType type) const {
        return topology_of({.workloads = shared(workloads),
                            .services = shared(services),
                            .virtual_services = shared(routes),
                            .destination_rules = {},
                            .gateways = shared(gateways),
                            .mesh_gateways = {},
                            .releases = releases,
                            .edges = edges,
                            .namespaces = namespaces,
                            .sees = sees,
                            .type = type,
                            .idle = idle});
    }
};

std::vector<std::string> ids(const std::map<std::string, JsonObject>& all) {
    std::vector<std::string> names;
    names.reserve(all.size());
    for (const auto& [id, json] : all) names.push_back(id);
    return names;
}
using Ids = std::vector<std::string>;

Json at(const std::map<std::string, JsonObject>& all, const std::string& id) {
    REQUIRE_MESSAGE(all.contains(id), id);
    return all.at(id);
}

const JsonObject v1{{"app", "podinfo"}, {"version", "v1"}};
const JsonObject v2{{"app", "podinfo"}, {"version", "v2"}};

Release podinfo_release() {
    Release release;
    release.ns = "test";
    release.name = "podinfo";
    release.severity = Severity::progress;
    release.json = {
        {"weight", JsonObject{{"configured", 40}}},
        {"revisions",
         JsonObject{{"stable", JsonObject{{"workload", "podinfo-primary"}, {"version", "6.0.0"}}},
                    {"canary", JsonObject{{"workload", "podinfo"}, {"version", "6.1.0"}}}}}};
    return release;
}

}  // namespace

TEST_CASE("an app sums what its workloads do, and tells the slower latency") {
    World world;
    world.workloads = {deployment({"gw"}),
                       deployment({.name = "one", .desired = 2, .ready = 2, .labels = v1}),
                       deployment({.name = "two", .desired = 3, .ready = 3, .labels = v2})};
    auto quick = rates(6, 0);
    quick.p99 = 40;
    quick.throughput = Throughput{.in = 100, .out = 1000};
    quick.with_policy = 6;
    quick.mtls = 6;
    quick.flags["-"] = 6;
    auto slow = rates(2, 1);
    slow.p99 = 900;
    slow.throughput = Throughput{.in = 20, .out = 50};
    slow.with_policy = 2;
    slow.flags = {{"-", 1}, {"UF", 1}};
    world.call("w/test/gw", "w/test/one", quick).call("w/test/gw", "w/test/two", slow);
    const auto drawn = world.drawn(GraphType::app);
    CHECK(ids(drawn.nodes) == Ids{"a/test/gw", "a/test/podinfo"});
    const auto node = at(drawn.nodes, "a/test/podinfo");
    CHECK(text_at(node, {"kind"}) == "app");
    CHECK(text_at(node, {"name"}) == "podinfo");
    CHECK(text_at(node, {"version"}) == "v1, v2");
    CHECK(*integer_at(node, {"replicas", "ready"}) == 5);
    CHECK(*integer_at(node, {"workloads"}) == 2);
    CHECK(array_at(node, {"members"}) == JsonArray{"w/test/one", "w/test/two"});
    CHECK(array_at(node, {"memberKinds"}) == JsonArray{"Deployment", "Deployment"});
    CHECK(*number_at(node, {"in", "rps"}) == 8);
    CHECK(*number_at(node, {"in", "success"}) == doctest::Approx(7.0 / 8));
    REQUIRE(ids(drawn.edges) == Ids{"e/a/test/gw>a/test/podinfo/http"});
    const auto edge = at(drawn.edges, "e/a/test/gw>a/test/podinfo/http");
    CHECK(*number_at(edge, {"rps"}) == 8);
    CHECK(*number_at(edge, {"share"}) == 1);
    CHECK(*number_at(edge, {"codes", "200"}) == 7);
    CHECK(*number_at(edge, {"codes", "503"}) == 1);
    CHECK(*number_at(edge, {"flags", "-"}) == 7);
    CHECK(*number_at(edge, {"mtls"}) == doctest::Approx(0.75));
    CHECK(*number_at(edge, {"p99"}) == 900);
    CHECK(*number_at(edge, {"throughput", "in"}) == 120);
    CHECK(*number_at(edge, {"throughput", "out"}) == 1050);
}

TEST_CASE(
    "an app's name and version are those of the mesh: by its labels in their order, else its own") {
    const auto said = [](const JsonObject& labels) {
        auto object = deployment({.name = "web", .labels = {{"x", "y"}}});
        put(object, {"spec", "template", "metadata", "labels"}, labels);
        const auto names = canonical_of(object);
        return names.service + "@" + names.revision;
    };
    JsonObject labels;
    CHECK(said(labels) == "web@latest");
    labels["app"] = "a";
    labels["version"] = "1";
    CHECK(said(labels) == "a@1");
    labels["app.kubernetes.io/name"] = "b";
    labels["app.kubernetes.io/version"] = "2";
    CHECK(said(labels) == "b@2");
    labels["service.istio.io/canonical-name"] = "c";
    labels["service.istio.io/canonical-revision"] = "3";
    CHECK(said(labels) == "c@3");
}

TEST_CASE("versions of an app are told apart, and of whom no object is known the name is all") {
    World world;
    world.workloads = {deployment({.name = "one", .labels = v1}),
                       deployment({.name = "two", .labels = v2})};
    world.call("unknown", "w/test/one", rates(3)).call("unknown", "w/test/two", rates(1));
    world.call("w/test/one", "w/far/gone", rates(1)).call("w/test/two", "x/api.example", rates(1));
    const auto drawn = world.drawn(GraphType::versioned_app);
    CHECK(ids(drawn.nodes) == Ids{"a/far/gone@latest",
                                  "a/test/podinfo@v1",
                                  "a/test/podinfo@v2",
                                  "unknown",
                                  "x/api.example"});
    const auto node = at(drawn.nodes, "a/test/podinfo@v2");
    CHECK(text_at(node, {"name"}) == "podinfo");
    CHECK(text_at(node, {"version"}) == "v2");
    CHECK(*number_at(at(drawn.edges, "e/unknown>a/test/podinfo@v1/http"), {"share"}) == 0.75);
    CHECK(drawn.edges.contains("e/a/test/podinfo@v1>a/far/gone@latest/http"));
}

TEST_CASE("a request leads to the Service it came through, from the one that selects its sender") {
    World world;
    world.workloads = {
        deployment({"gw"}), deployment({"web"}), deployment({"job"}), deployment({"db"})};
    world.services = {service("front", {{"app", "web"}}), service("gw", {{"app", "gw"}})};
    world.call("w/test/gw", "w/test/web", rates(4), "test/front");
    world.call("w/test/web", "w/test/db", rates(300), "", "tcp");
    world.call("w/test/job", "s/test/front", rates(2, 2), "test/front");
    const auto drawn = world.drawn(GraphType::service);
    CHECK(ids(drawn.nodes) == Ids{"s/test/front", "s/test/gw", "w/test/db", "w/test/job"});
    CHECK(ids(drawn.edges) == Ids{"e/s/test/front>w/test/db/tcp",
                                  "e/s/test/gw>s/test/front/http",
                                  "e/w/test/job>s/test/front/http"});
    const auto front = at(drawn.nodes, "s/test/front");
    CHECK(text_at(front, {"kind"}) == "service");
    CHECK(*number_at(front, {"in", "rps"}) == 6);
    // Nobody answered the job, and the pods of the Service are well.
    CHECK(text_at(front, {"health", "status"}) == "failure");
    CHECK(array_at(front, {"members"}) == JsonArray{"w/test/web"});
}

TEST_CASE(
    "of several Services that of a workload's own name stands for it, however it is reached") {
    World world;
    world.workloads = {deployment({"web"}), deployment({"db"})};
    world.services = {service("alias", {{"app", "web"}}),
                      service("web", {{"app", "web"}}),
                      service("other", {{"app", "nobody"}}),
                      service("none", {}),
                      service("db", {{"app", "db"}, {"version", "v1"}})};
    world.call("unknown", "w/test/web", rates(9), "test/alias");
    world.call("w/test/web", "w/test/db", rates(1), "test/db");
    const auto drawn = world.drawn(GraphType::service);
    CHECK(ids(drawn.nodes) == Ids{"s/test/alias", "s/test/db", "s/test/web", "unknown"});
    CHECK(ids(drawn.edges) == Ids{"e/s/test/web>s/test/db/http", "e/unknown>s/test/alias/http"});
    // A Service that leads to pods which it does not select stands for them too.
    world.call("unknown", "w/test/db", rates(1), "test/by-endpoints");
    world.services.pop_back();
    CHECK(world.drawn(GraphType::service).edges.contains("e/unknown>s/test/by-endpoints/http"));
    CHECK_FALSE(world.drawn(GraphType::service).nodes.contains("w/test/db"));
}

TEST_CASE("an app is as well as the worst of its workloads, whose name stands before the reason") {
    World world;
    world.workloads = {deployment({.name = "one", .desired = 2, .ready = 2, .labels = v1}),
                       deployment({.name = "two", .desired = 2, .ready = 1, .labels = v2}),
                       deployment({.name = "old", .desired = 0, .ready = 0, .labels = v1})};
    const auto health = [&] {
        return *find(at(world.drawn(GraphType::app).nodes, "a/test/podinfo"), {"health"});
    };
    CHECK(text_at(health(), {"status"}) == "degraded");
    CHECK(array_at(health(), {"reasons"}) == JsonArray{"two: 1 of 2 pods are ready"});
    world.call("w/test/gw", "w/test/one", rates(10, 5));
    CHECK(text_at(health(), {"status"}) == "failure");
    CHECK(array_at(health(), {"reasons"}) ==
          JsonArray{"one: 50.0 % of requests fail", "two: 1 of 2 pods are ready"});
    // Of an edge that is several, too.
    world.call("w/test/gw", "w/test/two", rates(10, 1));
    const auto edge = at(world.drawn(GraphType::app).edges, "e/a/test/gw>a/test/podinfo/http");
    CHECK(text_at(edge, {"health", "status"}) == "failure");
    CHECK(array_at(edge, {"health", "reasons"}) ==
          JsonArray{"one: 50.0 % of requests fail", "two: 10.0 % of requests fail"});
    // What is scaled to zero is missed where nothing else runs.
    world.workloads = {deployment({.name = "old", .desired = 0, .ready = 0, .labels = v1})};
    world.edges.edges.clear();
    CHECK(text_at(health(), {"status"}) == "notReady");
    CHECK(array_at(health(), {"reasons"}) == JsonArray{"scaled to zero"});
    const auto node = at(world.drawn(GraphType::app).nodes, "a/test/podinfo");
    CHECK(array_at(node, {"badges"}) == JsonArray{"dead", "idle"});
}

TEST_CASE(
    "one side of a release has its mark; who stands for both has the release, without a role") {
    const auto release = podinfo_release();
    World world;
    world.releases = {&release};
    world.workloads = {
        deployment({"gw"}),
        deployment({.name = "podinfo", .labels = {{"app", "podinfo"}}}),
        deployment({.name = "podinfo-primary", .labels = {{"app", "podinfo-primary"}}})};
    world.services = {service("podinfo", {{"app", "podinfo-primary"}}),
                      service("podinfo-canary", {{"app", "podinfo"}}),
                      service("podinfo-primary", {{"app", "podinfo-primary"}}),
                      service("raw", {{"app", "podinfo-primary"}})};
    world.routes = {boost::json::parse(
        R"({"metadata": {"name": "podinfo", "namespace": "test",
             "ownerReferences": [{"kind": "Canary", "name": "podinfo", "controller": true}]}})")};
    world.call("w/test/gw", "w/test/podinfo", rates(8), "test/podinfo-canary");
    world.call("w/test/gw", "w/test/podinfo-primary", rates(12), "test/podinfo-primary");
    const auto mark = [&](GraphType type, const std::string& id) {
        const auto node = at(world.drawn(type).nodes, id);
        return fmt::format("{} {} {}",
                           text_at(node, {"release", "role"}),
                           *number_at(node, {"release", "weight"}),
                           text_at(node, {"release", "version"}));
    };
    CHECK(mark(GraphType::app, "a/test/podinfo") == "canary 40 6.1.0");
    CHECK(mark(GraphType::app, "a/test/podinfo-primary") == "primary 60 6.0.0");
    CHECK(mark(GraphType::service, "s/test/podinfo-canary") == "canary 40 6.1.0");
    CHECK(mark(GraphType::service, "s/test/podinfo-primary") == "primary 60 6.0.0");
    // The users' way to both, though it selects the primary.
    CHECK(mark(GraphType::service, "s/test/podinfo") == "group 40 ");
    // It selects the primary for a purpose of its own.
    CHECK(find(at(world.drawn(GraphType::service).nodes, "s/test/raw"), {"release"})->is_null());
    put(world.workloads[2], {"spec", "template", "metadata", "labels", "app"}, "podinfo");
    CHECK(mark(GraphType::app, "a/test/podinfo") == "group 40 ");
}

TEST_CASE("a route to both sides is told with what both get, and only where there is one") {
    const auto release = podinfo_release();
    World world;
    world.releases = {&release};
    world.workloads = {deployment({"gw"}),
                       deployment({.name = "podinfo", .labels = v2}),
                       deployment({.name = "podinfo-primary", .labels = v1})};
    world.services = {service("podinfo-canary", v2), service("podinfo-primary", v1)};
    world.routes = {boost::json::parse(
        R"({"metadata": {"name": "podinfo", "namespace": "test",
             "ownerReferences": [{"kind": "Canary", "name": "podinfo", "controller": true}]},
            "spec": {"http": [{"route": [
              {"destination": {"host": "podinfo-primary"}, "weight": 60},
              {"destination": {"host": "podinfo-canary"}, "weight": 40}]}]}})")};
    world.call("w/test/gw", "w/test/podinfo", rates(8), "test/podinfo-canary");
    world.call("w/test/gw", "w/test/podinfo-primary", rates(12), "test/podinfo-primary");
    const auto app = at(world.drawn(GraphType::app).edges, "e/a/test/gw>a/test/podinfo/http");
    CHECK(text_at(app, {"route", "object"}) == "VirtualService test/podinfo");
    CHECK(*integer_at(app, {"route", "weight"}) == 100);
    const auto side =
        at(world.drawn(GraphType::service).edges, "e/w/test/gw>s/test/podinfo-canary/http");
    CHECK(*integer_at(side, {"route", "weight"}) == 40);
}

TEST_CASE("an app with two releases has the mark of the one that fares worse") {
    auto well = podinfo_release();
    auto failing = podinfo_release();
    failing.name = "other";
    failing.severity = Severity::failure;
    failing.json["revisions"] = JsonObject{{"stable", JsonObject{{"workload", "other-primary"}}},
                                           {"canary", JsonObject{{"workload", "other"}}}};
    World world;
    world.workloads = {deployment({.name = "podinfo", .labels = v1}),
                       deployment({.name = "other", .labels = v1})};
    for (const auto& releases : {std::vector<const Release*>{&well, &failing}, {&failing, &well}}) {
        world.releases = releases;
        const auto node = at(world.drawn(GraphType::app).nodes, "a/test/podinfo");
        CHECK(text_at(node, {"release", "name"}) == "other");
        CHECK(text_at(node, {"release", "role"}) == "group");
    }
}

TEST_CASE("a release's routes lead from its gateway also while nobody comes, whatever is drawn") {
    const auto release = podinfo_release();
    World world;
    world.releases = {&release};
    world.workloads = {deployment({"gw"}),
                       deployment({.name = "podinfo", .labels = v2}),
                       deployment({.name = "podinfo-primary", .labels = v1})};
    world.services = {service("podinfo-canary", v2), service("podinfo-primary", v1)};
    world.gateways = {boost::json::parse(
        R"({"metadata": {"name": "public", "namespace": "test"}, "spec": {"selector": {"app": "gw"}}})")};
    world.routes = {boost::json::parse(
        R"({"metadata": {"name": "podinfo", "namespace": "test",
             "ownerReferences": [{"kind": "Canary", "name": "podinfo", "controller": true}]},
            "spec": {"gateways": ["public"], "http": [{"route": [
              {"destination": {"host": "podinfo-primary"}, "weight": 100},
              {"destination": {"host": "podinfo-canary"}, "weight": 0}]}]}})")};
    world.edges.reason = "no requests in the last 60 s";
    const auto idle = at(world.drawn(GraphType::app).edges, "e/a/test/gw>a/test/podinfo/http");
    CHECK(find(idle, {"rps"})->is_null());
    CHECK(text_at(idle, {"reason"}) == "no requests in the last 60 s");
    CHECK(text_at(at(world.drawn(GraphType::app).nodes, "a/test/gw"), {"kind"}) == "gateway");
    // Where somebody comes to one side, that is what the edge to both tells.
    world.call("w/test/gw", "w/test/podinfo-primary", rates(3), "test/podinfo-primary");
    const auto both = at(world.drawn(GraphType::app).edges, "e/a/test/gw>a/test/podinfo/http");
    CHECK(*number_at(both, {"rps"}) == 3);
    CHECK(*number_at(both, {"share"}) == 1);
    const auto sides = world.drawn(GraphType::service).edges;
    CHECK(*number_at(at(sides, "e/w/test/gw>s/test/podinfo-primary/http"), {"rps"}) == 3);
    CHECK(find(at(sides, "e/w/test/gw>s/test/podinfo-canary/http"), {"rps"})->is_null());
}

TEST_CASE("copies are not among the requests of an edge, and its reason says so") {
    World world;
    world.workloads = {deployment({"gw"}),
                       deployment({.name = "new", .labels = v2}),
                       deployment({.name = "old", .labels = v1})};
    world.services = {service("new", v2), service("old", v1)};
    world.routes = {boost::json::parse(
        R"({"metadata": {"name": "podinfo", "namespace": "test"},
            "spec": {"http": [{"mirror": {"host": "new"},
              "route": [{"destination": {"host": "old"}, "weight": 100}]}]}})")};
    world.call("w/test/gw", "w/test/new", rates(5), "test/new");
    world.call("w/test/gw", "w/test/old", rates(5), "test/old");
    const auto app = at(world.drawn(GraphType::app).edges, "e/a/test/gw>a/test/podinfo/http");
    CHECK(*number_at(app, {"rps"}) == 5);
    CHECK_FALSE(*bool_at(app, {"mirror"}));
    CHECK(text_at(app, {"reason"}) == "without copies of requests, 5.00 per second");
    const auto copies = at(world.drawn(GraphType::service).edges, "e/w/test/gw>s/test/new/http");
    CHECK(*bool_at(copies, {"mirror"}));
}

TEST_CASE("what an app says to itself is no edge, and it is not idle for that") {
    World world;
    world.workloads = {deployment({.name = "one", .labels = v1}),
                       deployment({.name = "two", .labels = v2}),
                       deployment({"still"})};
    world.call("w/test/one", "w/test/two", rates(1));
    auto drawn = world.drawn(GraphType::app);
    CHECK(drawn.edges.empty());
    CHECK(array_at(at(drawn.nodes, "a/test/podinfo"), {"badges"}).empty());
    CHECK(array_at(at(drawn.nodes, "a/test/still"), {"badges"}) == JsonArray{"idle"});
    world.idle = false;
    CHECK(ids(world.drawn(GraphType::app).nodes) == Ids{"a/test/podinfo"});
}

TEST_CASE("what may not be seen is in no graph, however it is condensed") {
    World world;
    world.workloads = {deployment({"web"}), deployment({.name = "db", .ns = "secret"})};
    world.services = {service("web", {{"app", "web"}}), service("db", {{"app", "db"}}, "secret")};
    world.call("w/test/web", "w/secret/db", rates(1), "secret/db");
    world.call("unknown", "w/test/web", rates(1), "secret/way");
    world.sees = [](const std::string& ns) { return ns == "test"; };
    for (const auto type : {GraphType::service, GraphType::app, GraphType::versioned_app}) {
        for (const auto& id : ids(world.drawn(type).nodes)) {
            CHECK_MESSAGE(id.find("secret") == std::string::npos, id);
        }
    }
}

TEST_CASE(
    "more than four hundred apps are grouped by namespace, and many workloads of few are not") {
    World world;
    for (int i = 0; i < 401; ++i) {
        world.workloads.push_back(deployment({.name = fmt::format("w{}", i), .labels = v1}));
    }
    const auto few = world.drawn(GraphType::app);
    CHECK_FALSE(few.grouped);
    CHECK(ids(few.nodes) == Ids{"a/test/podinfo"});
    CHECK(array_at(at(few.nodes, "a/test/podinfo"), {"members"}).size() == 50);
    CHECK(*integer_at(at(few.nodes, "a/test/podinfo"), {"workloads"}) == 401);
    for (int i = 0; i < 401; ++i) {
        put(world.workloads[static_cast<std::size_t>(i)],
            {"spec", "template", "metadata", "labels", "app"},
            Json(fmt::format("app{}", i)));
    }
    for (const auto type : {GraphType::service, GraphType::app, GraphType::versioned_app}) {
        const auto many = world.drawn(type);
        CHECK(many.grouped);
        CHECK(ids(many.nodes) == Ids{"n/test"});
        CHECK(many.warnings == Ids{"401 workloads: grouped by namespace"});
    }
}

TEST_CASE("a chart asks by what its node stands for, and says why where there is nothing to ask") {
    const auto node = [](std::string_view id) {
        const auto subject = subject_of_node(id);
        return subject ? subject->selector : subject.error().message;
    };
    CHECK(node("w/test/web") ==
          R"(destination_workload_namespace="test",destination_workload=~"web")");
    CHECK(node("s/test/web") ==
          R"(destination_service_namespace="test",destination_service_name="web")");
    CHECK(node("a/test/web") ==
          R"(destination_workload_namespace="test",destination_canonical_service="web")");
    CHECK(node("a/test/web@v1") ==
          R"(destination_workload_namespace="test",destination_canonical_service="web",)"
          R"(destination_canonical_revision="v1")");
    CHECK(node("n/test") == R"(destination_workload_namespace="test")");
    CHECK(node("a/test/a\"b") ==
          R"(destination_workload_namespace="test",destination_canonical_service="a\"b")");
    CHECK(node("x/api.example") == "no proxy of the mesh reports what arrives at api.example");
    CHECK(node("unknown") == "nothing arrives at a source that is not known");
    CHECK(node("w/test") == "no node w/test is measured");
    CHECK(node("n/") == "no node n/ is measured");

    const auto fronts =
        fronts_of(shared({deployment({"web"}), deployment({"db"}), deployment({"web-b"})}),
                  shared({service("web", {{"version", "v1"}}), service("db", {{"app", "db"}})}));
    // What a gateway sent on, as it counted it itself.
    const auto sent = [&](std::string_view id) {
        const auto subject = subject_of_gateways(id, fronts);
        if (!subject) return subject.error().message;
        return fmt::format("{} {} {}", subject->reporter, subject->selector, subject->by);
    };
    CHECK(sent("w/test/gw") == R"(source source_workload_namespace="test",source_workload="gw" )"
                               "source_workload");
    CHECK(sent("a/test/gw@v1") ==
          R"(source source_workload_namespace="test",source_canonical_service="gw",)"
          R"(source_canonical_revision="v1" source_canonical_service)");
    CHECK(sent("s/test/web") ==
          R"(source source_workload_namespace="test",source_workload=~"web|web-b" )"
          "source_workload_namespace");
    const auto edge = [&](std::string_view id) {
        const auto subject = subject_of_edge(id, fronts);
        return subject ? subject->selector : subject.error().message;
    };
    CHECK(edge("e/a/test/gw@v1>s/test/web/http") ==
          R"(destination_service_namespace="test",destination_service_name="web",)"
          R"(source_workload_namespace="test",source_canonical_service="gw",)"
          R"(source_canonical_revision="v1")");
    // The db has a Service of its own, and does not speak as this one.
    CHECK(edge("e/s/test/web>a/far/x/http") ==
          R"(destination_workload_namespace="far",destination_canonical_service="x",)"
          R"(source_workload_namespace="test",source_workload=~"web|web-b")");
    // Between workloads a Service is the way, and not who calls.
    CHECK(edge("e/s/test/web>w/test/web-b/grpc") ==
          R"(destination_workload_namespace="test",destination_workload=~"web-b",)"
          R"(destination_service_namespace="test",destination_service_name="web")");
    CHECK(edge("e/unknown>w/test/web/http") ==
          R"(destination_workload_namespace="test",destination_workload=~"web",)"
          R"(source_workload="unknown")");
    CHECK(edge("e/n/a>n/b/http") ==
          R"(destination_workload_namespace="b",source_workload_namespace="a")");
    CHECK(edge("e/s/test/gone>s/test/web/http") ==
          "no workload is known for which Service test/gone stands");
    CHECK(edge("e/w/test/web>w/test/db/tcp") == "over TCP bytes are counted, and no requests");
    CHECK(edge("e/w/test/web>x/api.example/http") ==
          "no proxy of the mesh reports what arrives at api.example");
    CHECK(edge("e/w/test/web") == "no edge e/w/test/web is measured");
    CHECK(edge("e/x/a>w/test/db/http") == "no edge e/x/a>w/test/db/http is measured");

    CHECK(namespaces_of("e/a/one/x@1>s/two/y/http") == Ids{"one", "two"});
    CHECK(namespaces_of("unknown").empty());
}

TEST_CASE("bytes are told of each edge, and of TCP they are its traffic") {
    const auto sample = [](std::string_view way, double value, std::string_view to = "web") {
        return Sample{{{"source_workload", "gw"},
                       {"source_workload_namespace", "test"},
                       {"destination_workload", to},
                       {"destination_workload_namespace", "test"},
                       {"request_protocol", way.starts_with("tcp") ? "tcp" : "http"},
                       {"response_code", "200"},
                       {"way", way}},
                      value};
    };
    const Measured<Samples> arrived{Samples{sample("", 5)}, {}};
    const Measured<Samples> bytes{Samples{sample("in", 400),
                                          sample("out", 9000),
                                          sample("tcp-in", 30),
                                          sample("tcp-out", 70),
                                          sample("in", 1, "nobody"),
                                          sample("", 1)},
                                  {}};
    const Measured<Samples> none{Samples{}, {}};
    const auto table =
        edges_table({arrived, none, bytes, none, none, none}, std::chrono::seconds{60});
    REQUIRE(table.edges.size() == 2);
    const auto& http = table.edges.at({"w/test/gw", "w/test/web", "http", ""});
    REQUIRE(http.throughput);
    CHECK(http.throughput->in == 400);
    CHECK(http.throughput->out == 9000);
    const auto& tcp = table.edges.at({"w/test/gw", "w/test/web", "tcp", ""});
    REQUIRE(tcp.throughput);
    CHECK(tcp.rps == 100);
    CHECK(tcp.throughput->in == 30);
    CHECK(tcp.throughput->out == 70);

    // Where nobody counts bytes they are not known, and not none.
    World world;
    auto bare = rates(1);
    bare.p99 = 1;
    bare.with_policy = 1;
    world.call("w/test/gw", "w/test/web", bare);
    const auto edge = at(world.drawn(GraphType::workload).edges, "e/w/test/gw>w/test/web/http");
    CHECK(find(edge, {"throughput"})->is_null());
    CHECK(text_at(edge, {"reason"}) == "its bytes are not counted");
}

TEST_CASE("the latency is the called side's word, and the caller's where that one has none") {
    const auto queries = edge_queries(std::chrono::seconds{60}, "");
    for (const auto& [query, q] :
         {std::pair(queries.p50, 0.5), {queries.p95, 0.95}, {queries.p99, 0.99}}) {
        const auto side = [&](std::string_view reporter) {
            return query.find(fmt::format(
                R"(histogram_quantile({}, sum(rate(istio_request_duration_milliseconds_bucket)"
                R"({{reporter="{}"}}[60s])))",
                q,
                reporter));
        };
        REQUIRE(side("destination") != std::string::npos);
        REQUIRE(side("source") != std::string::npos);
        CHECK(side("destination") < query.find(" or "));
        CHECK(query.find(" or ") < side("source"));
    }
    const auto sample = [](double value, std::string_view host) {
        return Sample{{{"source_workload", "gw"},
                       {"source_workload_namespace", "test"},
                       {"destination_workload", "unknown"},
                       {"destination_service", host},
                       {"request_protocol", "http"},
                       {"response_code", "200"}},
                      value};
    };
    const Measured<Samples> none{Samples{}, {}};
    const Measured<Samples> left{Samples{sample(5, "api.example.org")}, {}};
    const Measured<Samples> p99{
        Samples{sample(40, "api.example.org"), sample(90, "api.example.org:443")}, {}};
    const auto table = edges_table({none, left, none, none, none, p99}, std::chrono::seconds{60});
    CHECK(table.edges.at({"w/test/gw", "x/api.example.org", "http", ""}).p99 == 40);
}

TEST_CASE("bytes are asked in one query, each name of a metric by itself") {
    // Prometheus refuses rate() over several names whose labels are the same.
    const auto queries = edge_queries(std::chrono::seconds{60}, "te\"st");
    CHECK(queries.bytes.find("__name__") == std::string::npos);
    for (const auto* metric : {"istio_request_bytes_sum",
                               "istio_response_bytes_sum",
                               "istio_tcp_received_bytes_total",
                               "istio_tcp_sent_bytes_total"}) {
        CHECK(queries.bytes.find(
                  fmt::format(R"(rate({}{{reporter="destination",destination_workload_namespace=)"
                              R"("te\"st"}}[60s]))",
                              metric)) != std::string::npos);
    }
}
