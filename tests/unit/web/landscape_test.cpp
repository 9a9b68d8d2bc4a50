// What lists and graph read of the cluster, and how often.
#include "web/landscape.hpp"

#include "release/lint_cluster.hpp"
#include "unit/web/known_world.hpp"
#include "web/sidecars.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace sluice;
using namespace sluice::web;
using namespace sluice::web::test;

namespace {

namespace resources = kube::resources;

Json a_deployment(std::string_view name, int replicas) {
    return {
        {"metadata", meta(name)},
        {"spec",
         {{"replicas", replicas}, {"template", {{"metadata", {{"labels", {{"app", name}}}}}}}}}};
}

Json a_route(std::string_view name, std::string_view host, std::string_view to) {
    return {{"metadata", meta(name)},
            {"spec",
             {{"hosts", JsonArray{Json(host)}},
              {"http", {{{"route", {{{"destination", {{"host", to}}}}}}}}}}}};
}

Json a_pod(std::string_view name, std::string_view app, std::string_view phase = "Running") {
    auto pod =
        boost::json::parse(R"({"status": {"conditions": [{"type": "Ready", "status": "True"}]}})");
    put(pod, {"metadata"}, meta(name));
    put(pod, {"metadata", "labels"}, JsonObject{{"app", app}});
    put(pod, {"status", "phase"}, Json(phase));
    return pod;
}

using Names = std::set<kube::ObjectKey>;

}  // namespace

TEST_CASE("an object is read once for all who look, and again when it has changed") {
    KnownWorld world;
    Landscape landscape;
    for (const auto* name : {"a", "b", "c"}) {
        world.tell(resources::deployments, a_deployment(name, 1));
    }
    while (landscape.read_some(*world.known, 2)) {
    }
    CHECK(world.parsed() == 3);
    CHECK(landscape.list(resources::deployments, "test").size() == 3);
    CHECK(landscape.list(resources::deployments, "elsewhere").empty());
    CHECK_FALSE(landscape.read_some(*world.known, 2));
    CHECK(world.parsed() == 0);

    world.tell(resources::deployments, a_deployment("b", 5));
    landscape.note_change(resources::deployments, {"test", "b"});
    landscape.note_change(resources::deployments, {"test", "gone"});
    landscape.read_some(*world.known, 10);
    CHECK(world.parsed() == 2);
    const auto held = landscape.find(resources::deployments, {"test", "b"});
    REQUIRE(held);
    CHECK(integer_at(*held, {"spec", "replicas"}) == 5);
    CHECK(landscape.find(resources::deployments, {"test", "gone"}) == nullptr);
}

TEST_CASE("no more is read at once than was said, and it says that more is left") {
    KnownWorld world;
    Landscape landscape;
    for (int i = 0; i < 5; ++i) {
        world.tell(resources::services,
                   JsonObject{{"metadata", meta(fmt::format("s{}", i))}, {"spec", JsonObject{}}});
    }
    CHECK(landscape.read_some(*world.known, 3));
    CHECK(world.parsed() == 3);
    CHECK_FALSE(landscape.read_some(*world.known, 3));
    CHECK(world.parsed() == 2);
}

TEST_CASE("a route that is changed leads no longer where it led") {
    KnownWorld world;
    Landscape landscape;
    world.tell(resources::canaries, a_canary("web"));
    world.tell(resources::virtual_services, a_route("web", "web.example.com", "web-primary"));
    world.tell(resources::virtual_services, a_route("all", "*.test.svc.cluster.local", "other"));
    landscape.read_some(*world.known, 10);
    const auto& routes = landscape.routes();
    CHECK(routes.virtual_services_of({"test", "web-primary"}) ==
          Names{{"test", "all"}, {"test", "web"}});
    // Of the release's apex, too.
    CHECK(routes.virtual_services_of({"test", "web"}) == Names{{"test", "all"}, {"test", "web"}});
    CHECK(routes.virtual_services_of({"away", "web"}).empty());

    world.tell(resources::virtual_services, a_route("web", "web.example.com", "elsewhere"));
    world.tell(resources::virtual_services, a_route("all", "all", "other"));
    landscape.note_change(resources::virtual_services, {"test", "web"});
    landscape.note_change(resources::virtual_services, {"test", "all"});
    landscape.read_some(*world.known, 10);
    CHECK(routes.virtual_services_of({"test", "web-primary"}).empty());
    CHECK(routes.virtual_services_of({"test", "web"}).empty());
    CHECK(routes.virtual_services_of({"test", "elsewhere"}) == Names{{"test", "web"}});
}

TEST_CASE("the endpoints of many Services cost their pods, and not each Service all pods") {
    KnownWorld world;
    SidecarBook pods;
    constexpr int services = 200;
    const auto tell = [&](int i, std::string_view phase) {
        const auto name = fmt::format("p{}", i);
        world.tell(resources::pods, a_pod(name, fmt::format("app-{}", i), phase));
        pods.note_change(resources::pods, {"test", name});
    };
    for (int i = 0; i < services; ++i) tell(i, "Running");
    while (pods.read_some(*world.known, 100)) continue;
    for (int i = 0; i < services; ++i) {
        CHECK(pods.endpoints("test", {{"app", fmt::format("app-{}", i)}}).total == 1);
    }
    CHECK(pods.compared() == services);
    // What has changed since is seen.
    tell(7, "Succeeded");
    pods.read_some(*world.known, 100);
    CHECK(pods.endpoints("test", {{"app", "app-7"}}).total == 0);
    tell(services, "Running");
    pods.read_some(*world.known, 100);
    CHECK(pods.endpoints("test", {{"app", "app-200"}}).total == 1);
}

TEST_CASE("a Service leads to the pods that its selector means, but for those that have ended") {
    KnownWorld world;
    SidecarBook pods;
    world.tell(resources::pods, a_pod("one", "web"));
    world.tell(resources::pods, a_pod("two", "web"));
    world.tell(resources::pods, a_pod("done", "web", "Succeeded"));
    world.tell(resources::pods, a_pod("other", "api"));
    for (const auto* name : {"one", "two", "done", "other"}) {
        pods.note_change(resources::pods, {"test", name});
    }
    CHECK(pods.read_some(*world.known, 2));
    CHECK_FALSE(pods.read_some(*world.known, 2));
    CHECK(world.parsed() == 4 + 2);  // and their namespace, for each piece
    const auto of = pods.endpoints("test", {{"app", "web"}});
    CHECK(of.total == 2);
    CHECK(of.ready == 2);
    CHECK(pods.endpoints("test", {}).total == 0);
    CHECK(pods.endpoints("elsewhere", {{"app", "web"}}).total == 0);
    // Of no workload, so nothing that needs a sidecar.
    CHECK(pods.by_workload().empty());
}

TEST_CASE("a sidecar of the revision behind the tag that is asked for is not of another one") {
    KnownWorld world;
    SidecarBook pods;
    world.tell(resources::namespaces,
               JsonObject{{"metadata",
                           JsonObject{{"name", "test"},
                                      {"labels", JsonObject{{"istio.io/rev", "prod"}}}}}});
    auto pod = a_pod("web-1", "web");
    put(pod,
        {"metadata", "annotations"},
        JsonObject{{"sidecar.istio.io/status", R"({"revision": "1-20"})"}});
    put(pod,
        {"metadata", "ownerReferences"},
        JsonArray{JsonObject{{"kind", "DaemonSet"}, {"name", "web"}, {"controller", true}}});
    world.tell(resources::pods, std::move(pod));
    pods.note_change(resources::pods, {"test", "web-1"});
    const auto outdated = [&] {
        while (pods.read_some(*world.known, 10)) continue;
        REQUIRE(pods.by_workload().contains("w/test/web"));
        return pods.by_workload().at("w/test/web").outdated;
    };
    CHECK(outdated() == 1);
    world.known->open(release::injector_webhooks());
    const auto move_tag = [&](const std::string& revision) {
        world.tell(
            release::injector_webhooks(),
            JsonObject{
                {"metadata",
                 JsonObject{{"name", "istio-revision-tag-prod"},
                            {"labels",
                             JsonObject{{"istio.io/rev", revision}, {"istio.io/tag", "prod"}}}}}});
        pods.note_change(release::injector_webhooks(), {"", "istio-revision-tag-prod"});
    };
    move_tag("1-20");
    CHECK(outdated() == 0);
    // The tag is moved: so has the pod to be.
    move_tag("1-21");
    CHECK(outdated() == 1);
}
