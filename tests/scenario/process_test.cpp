// The controller as a process: who leads, who stands by, what it shows, and how it ends.
#include "base/core/text.hpp"
#include "kube/yaml.hpp"
#include "lab/workloads/image_map.hpp"
#include "scenario/script.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace sluice;
using namespace sluice::scenario;
using namespace std::chrono_literals;

namespace {

namespace resources = kube::resources;

bool said(const World& world, const std::string& glob) {
    return std::ranges::any_of(
        world.log, [&](const Message& message) { return lab::glob_matches(glob, message.text); });
}

void make_release(World& world) {
    Player player(world);
    REQUIRE(player
                .play(parse_script(
                    "target 1\ncanary step 10 max 50 metric request-success-rate 99 -\n"))
                .empty());
}

Task<> ask(net::Handler& handler, std::string target, net::Response& response) {
    net::Request request;
    request.target = std::move(target);
    response = co_await handler.handle(std::move(request));
}

net::Response get(World& world, std::string target) {
    net::Response response;
    TaskGroup tasks(world.context.get_executor());
    tasks.spawn("get", ask(world.process().http(), std::move(target), response));
    world.clock.settle();
    return response;
}

Json a_lease(std::string_view name, std::string_view holder, std::string_view renewed) {
    return JsonObject{
        {"apiVersion", "coordination.k8s.io/v1"},
        {"kind", "Lease"},
        {"metadata", JsonObject{{"name", name}, {"namespace", "kube-system"}}},
        {"spec",
         JsonObject{
             {"holderIdentity", holder}, {"leaseDurationSeconds", 60}, {"renewTime", renewed}}}};
}

}  // namespace

TEST_CASE("it starts in the peer's order and says what it is connected to") {
    World world;
    world.start_controller();
    world.run_for(10s);
    std::vector<std::string> lines;
    for (const auto& message : world.log) lines.push_back(message.text);
    CHECK(lines == std::vector<std::string>{
                       "Starting sluice version " SLUICE_VERSION " mesh provider istio",
                       "Connected to Kubernetes API v1.32.4+sluice",
                       "Waiting for canary informer cache to sync",
                       "Waiting for namespace informer cache to sync",
                       "Connected to metrics server http://prometheus:9090",
                       "Starting operator",
                       "Starting leader election id: sluice namespace: smm-system",
                       "Acting as elected leader",
                       "Started operator workers",
                   });
}

TEST_CASE("a metrics server that is away is one line, and the start goes on") {
    World world;
    world.neighbours.prometheus_away = true;
    world.start_controller();
    world.run_for(10s);
    CHECK(said(
        world,
        "Metrics server http://prometheus:9090 unreachable request failed: connection refused"));
    CHECK(world.process().leads());
}

TEST_CASE("its HTTP port shows health, readiness and the peer's metrics") {
    World world;
    make_release(world);
    world.start_controller();
    CHECK(get(world, "/healthz").body == "OK");
    world.run_for(2min);
    CHECK(get(world, "/readyz").status == 200);
    CHECK(get(world, "/nowhere").status == 404);
    const auto metrics = get(world, "/metrics").body;
    CHECK(metrics.find(R"(flagger_canary_total{namespace="test"} 1)") != std::string::npos);
    CHECK(metrics.find(R"(flagger_canary_status{name="podinfo",namespace="test"} 1)") !=
          std::string::npos);
    CHECK(
        metrics.find(R"(flagger_canary_weight{namespace="test",workload="podinfo-primary"} 100)") !=
        std::string::npos);
    world.api.set_away(true);
    world.run_for(2s);
    CHECK(get(world, "/healthz").status == 200);
    CHECK(get(world, "/readyz").status == 503);
}

TEST_CASE("a kind that it may not read is named at the start, instead of waiting for ever") {
    World world;
    world.api.forbid("horizontalpodautoscalers");
    world.start_controller();
    REQUIRE_FALSE(world.ends.empty());
    CHECK(world.ends.front() ==
          "HorizontalPodAutoscaler of autoscaling/v2 cannot be read, which the controller needs: "
          "forbidden");
}

TEST_CASE("a definition of the Canary that it may not read is one line, and the start goes on") {
    World world;
    world.api.forbid("customresourcedefinitions");
    make_release(world);
    world.start_controller();
    world.run_for(2min);
    CHECK(std::ranges::count_if(world.log, [](const Message& message) {
              return message.text ==
                     "CustomResourceDefinition canaries.flagger.app cannot be read, so the first "
                     "status that is written shows whether it keeps all fields: forbidden";
          }) == 1);
    CHECK(world.phase() == "Initialized");
}

TEST_CASE(
    "the series of a Canary go when it goes, or names another target, or another takes its name") {
    World world;
    make_release(world);
    world.start_controller();
    world.run_for(2min);
    const auto has = [&](const std::string& text) {
        return get(world, "/metrics").body.find(text) != std::string::npos;
    };
    REQUIRE(has(R"(name="podinfo")"));

    auto other = world.canary();
    drop(other, {"metadata", "uid"});
    drop(other, {"metadata", "resourceVersion"});
    drop(other, {"status"});
    put(other, {"spec", "targetRef", "name"}, "other");
    world.remove(resources::canaries, "podinfo");
    world.apply(other);
    world.run_for(1min);
    CHECK_FALSE(has(R"(name="podinfo")"));
    CHECK_FALSE(has(R"(workload="podinfo")"));
    CHECK(has(R"(name="other")"));

    put(other, {"spec", "targetRef", "name"}, "third");
    world.patch(resources::canaries, "podinfo", JsonObject{{"spec", *find(other, {"spec"})}});
    world.run_for(1min);
    CHECK_FALSE(has(R"(name="other")"));

    world.remove(resources::canaries, "podinfo");
    world.run_for(1min);
    CHECK_FALSE(has(R"(name="third")"));
    CHECK_FALSE(has("flagger_canary_total{"));
}

TEST_CASE("a stop gives the lease back, so that the next one leads at once") {
    World world;
    make_release(world);
    world.start_controller();
    world.run_for(2min);
    world.stop_controller();
    CHECK(said(world, "Shutting down operator workers"));
    const auto lease = world.cluster.find(resources::leases, {"smm-system", "sluice"});
    REQUIRE(lease != nullptr);
    CHECK(text_at(*lease, {"spec", "holderIdentity"}).empty());
    world.start_controller();
    world.run_for(10s);
    CHECK(world.process().leads());
}

TEST_CASE("while another one holds the lease it watches and writes nothing") {
    World world;
    make_release(world);
    auto lease = a_lease("sluice", "somebody", "2026-01-01T00:00:00.000000Z");
    put(lease, {"metadata", "namespace"}, Json("smm-system"));
    REQUIRE(world.cluster.create(resources::leases, lease));
    world.start_controller();
    world.api.count_from_zero();
    world.run_for(50s);
    CHECK_FALSE(world.process().leads());
    CHECK(world.api.writes() == 0);
    CHECK(said(world, "Another instance has been elected as leader: somebody"));
    // Nobody renews it.
    world.run_for(2min);
    CHECK(world.process().leads());
    CHECK(world.phase() == "Initialized");
}

TEST_CASE("while a peer runs it stands by, with one warning a minute") {
    World world;
    make_release(world);
    REQUIRE(world.cluster.create(
        resources::leases,
        a_lease("flagger-leader-election", "flagger-7", "2026-01-01T00:00:00.000000Z")));
    world.start_controller();
    world.run_for(50s);
    CHECK_FALSE(world.process().leads());
    CHECK(said(
        world,
        "Standing by: Lease flagger-leader-election.kube-system is held by flagger-7; stop it, or "
        "start with --ignore-running-peers"));
    CHECK(std::ranges::count_if(world.log, [](const Message& message) {
              return message.text.starts_with("Standing by");
          }) == 1);
    world.run_for(2min);
    CHECK(world.process().leads());
}

TEST_CASE("a running Deployment of the peer holds it back, its own does not") {
    World world;
    auto deployment = boost::json::parse(R"({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "flagger", "namespace": "smm-system",
            "labels": {"app.kubernetes.io/name": "flagger"}},
        "spec": {"selector": {"matchLabels": {"app": "flagger"}}, "template": {
            "metadata": {"labels": {"app": "flagger"}},
            "spec": {"containers": [{"name": "flagger", "image": "x/flagger:1"}]}}}})");
    REQUIRE(world.cluster.create(resources::deployments, deployment));
    world.run_for(10s);
    world.start_controller();  // its pod is flagger-0 in smm-system
    world.run_for(10s);
    CHECK(world.process().leads());
    world.kill_controller();
    put(deployment, {"metadata", "namespace"}, Json("istio-system"));
    REQUIRE(world.cluster.create(resources::deployments, deployment));
    world.run_for(10s);
    world.start_controller();
    world.run_for(2min);
    CHECK_FALSE(world.process().leads());
    CHECK(said(world, "Standing by: Deployment flagger.istio-system is running;*"));
}

TEST_CASE("a step of a release costs at most six writes, on the peer's CRD too") {
    World world;
    SUBCASE("our CRD") {}
    SUBCASE("the peer's CRD") {
        world.use_peers_definition();
    }
    make_release(world);
    Player player(world);
    REQUIRE(
        player.play(parse_script("start\nuntil phase Initialized\nimage 6.1.0\nuntil weight 10\n"))
            .empty());
    world.api.count_from_zero();
    REQUIRE(player.play(parse_script("until weight 40\n")).empty());
    CHECK(world.api.writes() <= 3 * 6);
}

TEST_CASE("evidence that decides brings the weight to zero in the same pass") {
    World world;
    make_release(world);
    Player player(world);
    REQUIRE(player
                .play(parse_script("start\nuntil phase Initialized\nimage 6.1.0\nuntil weight 30\n"
                                   "edit {\"spec\": {\"analysis\": {\"threshold\": 1}}}\n"
                                   "metric request-success-rate 50\n"))
                .empty());
    const auto until_halt = [&] {
        return std::ranges::any_of(world.log, [](const Message& message) {
            return message.text.starts_with("Halt podinfo.test");
        });
    };
    for (int i = 0; i < 300 && !until_halt(); ++i) world.run_for(100ms);
    CHECK(until_halt());
    CHECK(world.route_weight() == 0);
}

TEST_CASE("the mesh's objects may live in another cluster, where nobody owns them") {
    World world;
    lab::Cluster mesh(world.clock, world.random);
    mesh.deliver_by(
        [&world](std::function<void()> call) { boost::asio::post(world.context, call); });
    for (const std::string name : {"virtualservices", "destinationrules"}) {
        const auto definition =
            kube::parse_yaml_documents(source_file("deploy/lab/" + name + ".yaml"));
        REQUIRE(definition);
        REQUIRE(mesh.create(resources::custom_resource_definitions, definition->at(0)));
    }
    REQUIRE(mesh.create(resources::namespaces,
                        boost::json::parse(R"({"apiVersion": "v1", "kind": "Namespace",
                            "metadata": {"name": "test"}})")));
    lab::ApiServer server(world.context.get_executor(), mesh, nullptr);
    net::InProcessClient client(world.clock, server);
    world.mesh.emplace(client, kube::Connection{.origin = {.host = "mesh", .port = 443}});

    make_release(world);
    world.start_controller();
    world.run_for(2min);
    CHECK(world.phase() == "Initialized");
    const kube::ObjectKey key{"test", "podinfo"};
    const auto routes = mesh.find(resources::virtual_services, key);
    REQUIRE(routes);
    CHECK(array_at(*routes, {"metadata", "ownerReferences"}).empty());
    CHECK(text_at(*routes, {"metadata", "annotations", "sluice.dev/owner"}) ==
          kube::uid_of(world.canary()));
    CHECK_FALSE(world.cluster.find(resources::virtual_services, key));

    // And they are the Canary's all the same: its weights are written there.
    world.set_image("6.1.0");
    world.run_for(30s);
    CHECK(world.phase() == "Progressing");
    const auto written = *mesh.find(resources::virtual_services, key);
    CHECK(integer_at(array_at(written, {"spec", "http"}).at(0).at("route").at(1), {"weight"}) ==
          world.status_weight());
    CHECK(text_at(written,
                  {"metadata", "annotations", "flagger.kubernetes.io/original-configuration"})
              .empty());
    world.run_for(30min);
    CHECK(world.phase() == "Succeeded");
    server.end_streams();
    world.kill_controller();
}
