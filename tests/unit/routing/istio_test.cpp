#include "routing/istio.hpp"

#include "routing/objects.hpp"
#include "world.hpp"

using namespace sluice;
using namespace sluice::routing;

namespace {

LiveObjects ensured(const Json& canary, LiveObjects live = {}) {
    return ensured(IstioRouter{}, canary, std::move(live));
}

Json& virtual_service(LiveObjects& live) {
    return live.at({kube::resources::virtual_services, {"test", "podinfo"}});
}

ObjectName rule(const std::string& name) {
    return {kube::resources::destination_rules, {"test", name}};
}

Json& first_route(LiveObjects& live) {
    return find(virtual_service(live), {"spec", "http"})->as_array().at(0);
}

}  // namespace

TEST_CASE("an empty namespace gets two rules and a route with everything on the primary") {
    const auto writes = IstioRouter{}.ensure(a_canary(), {}, {});
    REQUIRE(writes);
    REQUIRE(writes->size() == 3);
    CHECK(writes->at(0).done == "DestinationRule podinfo-canary.test created");
    CHECK(writes->at(1).done == "DestinationRule podinfo-primary.test created");
    CHECK(writes->at(2).done == "VirtualService podinfo.test created");
    CHECK(writes->at(2).failing ==
          "reconcileVirtualService failed: VirtualService podinfo.test create error");
    CHECK(*find(writes->at(0).body, {"spec"}) == parsed(R"({"host": "podinfo-canary"})"));
    CHECK(*find(writes->at(2).body, {"spec"}) == parsed(R"({
        "hosts": ["podinfo"], "gateways": ["mesh"],
        "http": [{"route": [{"destination": {"host": "podinfo-primary"}, "weight": 100},
                            {"destination": {"host": "podinfo-canary"}, "weight": 0}]}]})"));
    CHECK(*find(writes->at(2).body, {"metadata", "annotations"}) == parsed(R"({
        "helm.toolkit.fluxcd.io/driftDetection": "disabled",
        "kustomize.toolkit.fluxcd.io/reconcile": "disabled"})"));
    CHECK(text_at(*kube::controller_of(writes->at(2).body), {"uid"}) == "u-1");
}

TEST_CASE("a second look at an unchanged world writes nothing") {
    auto canary = a_canary();
    put(canary, {"spec", "service", "trafficPolicy"}, parsed(R"({"tls": {"mode": "DISABLE"}})"));
    put(canary, {"spec", "service", "retries"}, parsed(R"({"attempts": 3})"));
    put(canary, {"spec", "service", "rewrite"}, parsed(R"({"uri": "/"})"));
    auto live = ensured(canary);
    const auto again = IstioRouter{}.ensure(canary, live, {});
    REQUIRE(again);
    CHECK(again->empty());
    CHECK(*find(first_route(live), {"retries", "attempts"}) == Json(3));
    CHECK(text_at(first_route(live), {"rewrite", "uri"}) == "/");
    CHECK(text_at(live.at(rule("podinfo-canary")), {"spec", "trafficPolicy", "tls", "mode"}) ==
          "DISABLE");
}

TEST_CASE("hosts get the apex unless it is covered, and a gateway list gets no mesh") {
    auto canary = a_canary();
    put(canary, {"spec", "service", "hosts"}, parsed(R"(["app.example.com"])"));
    put(canary, {"spec", "service", "gateways"}, parsed(R"(["istio-system/gw"])"));
    auto live = ensured(canary);
    CHECK(*find(virtual_service(live), {"spec", "hosts"}) ==
          parsed(R"(["app.example.com", "podinfo"])"));
    CHECK(*find(virtual_service(live), {"spec", "gateways"}) == parsed(R"(["istio-system/gw"])"));
    put(canary, {"spec", "service", "hosts"}, parsed(R"(["*"])"));
    put(canary, {"spec", "service", "portDiscovery"}, Json(true));
    live = ensured(canary);
    CHECK(*find(virtual_service(live), {"spec", "hosts"}) == parsed(R"(["*"])"));
    CHECK(array_at(first_route(live), {"route"})[0].at("destination") ==
          parsed(R"({"host": "podinfo-primary", "port": {"number": 9898}})"));
}

TEST_CASE("a split that was written is read back") {
    auto live = ensured(a_canary());
    CHECK(IstioRouter{}.read(a_canary(), {}).value() == RoutesSeen{});
    CHECK(IstioRouter{}.read(a_canary(), live)->shares == Shares{100, 0});
    const auto write = IstioRouter{}.route(a_canary(), live, {.primary = 90, .canary = 10});
    REQUIRE(write);
    CHECK(write->failing == "VirtualService podinfo.test update failed");
    apply(live, {*write});
    CHECK(IstioRouter{}.read(a_canary(), live)->shares == Shares{90, 10});
}

TEST_CASE("correcting drift writes the weights that are to stand") {
    auto canary = a_canary();
    auto live = ensured(canary);
    apply(live, {IstioRouter{}.route(canary, live, {.primary = 60, .canary = 40}).value()});
    put(canary, {"spec", "service", "timeout"}, Json("5s"));
    const auto writes = IstioRouter{}.ensure(canary, live, {.primary = 60, .canary = 40});
    REQUIRE(writes);
    REQUIRE(writes->size() == 1);
    CHECK(writes->at(0).done == "VirtualService podinfo.test updated");
    apply(live, *writes);
    CHECK(text_at(first_route(live), {"timeout"}) == "5s");
    CHECK(IstioRouter{}.read(canary, live)->shares == Shares{60, 40});
}

TEST_CASE("fields that we do not know and foreign routes survive every write") {
    auto canary = a_canary();
    auto live = ensured(canary);
    auto& service = virtual_service(live);
    put(service, {"spec", "exportTo"}, parsed(R"(["."])"));
    put(service, {"metadata", "labels", "team"}, Json("blue"));
    put(first_route(live), {"fault"}, parsed(R"({"abort": {"httpStatus": 500}})"));
    auto& routes = find(service, {"spec", "http"})->as_array();
    routes.insert(routes.begin(), parsed(R"({"match": [{"uri": {"prefix": "/old"}}],
                             "route": [{"destination": {"host": "legacy"}}]})"));
    CHECK(IstioRouter{}.ensure(canary, live, {})->empty());
    apply(live, {IstioRouter{}.route(canary, live, {.primary = 50, .canary = 50}).value()});
    CHECK(find(virtual_service(live), {"spec", "http"})->as_array().size() == 2);
    CHECK(find(virtual_service(live), {"spec", "http"})
              ->as_array()
              .at(1)
              .as_object()
              .contains("fault"));
    CHECK(IstioRouter{}.read(canary, live)->shares == Shares{50, 50});
    CHECK(*find(virtual_service(live), {"spec", "exportTo"}) == parsed(R"(["."])"));
}

TEST_CASE("an adopted VirtualService keeps its own routes behind ours and its first state") {
    LiveObjects live;
    live[{kube::resources::virtual_services, {"test", "podinfo"}}] = parsed(R"({
        "metadata": {"name": "podinfo", "namespace": "test", "resourceVersion": "7"},
        "spec": {"hosts": ["podinfo"], "http": [
            {"match": [{"uri": {"prefix": "/old"}}], "route": [{"destination": {"host": "legacy"}}]},
            {"route": [{"destination": {"host": "podinfo"}}]}]}})");
    const auto before = to_text(*find(virtual_service(live), {"spec"}));
    live = ensured(a_canary(), live);
    const auto& routes = find(virtual_service(live), {"spec", "http"})->as_array();
    REQUIRE(routes.size() == 3);
    CHECK(array_at(routes[1], {"route"}).size() == 2);
    CHECK(kube::controller_of(virtual_service(live)) == nullptr);
    constexpr std::string_view kept = "flagger.kubernetes.io/original-configuration";
    CHECK(text_at(virtual_service(live), {"metadata", "annotations", kept}) == before);
    auto canary = a_canary();
    put(canary, {"spec", "service", "timeout"}, Json("5s"));
    live = ensured(canary, live);
    CHECK(text_at(virtual_service(live), {"metadata", "annotations", kept}) == before);
}

TEST_CASE("an object of another controller is refused and nothing is written") {
    LiveObjects live;
    live[rule("podinfo-primary")] = parsed(R"({
        "metadata": {"name": "podinfo-primary", "namespace": "test", "resourceVersion": "7",
            "ownerReferences": [{"kind": "Rollout", "name": "web", "uid": "x", "controller": true}]},
        "spec": {"host": "podinfo-primary"}})");
    const auto writes = IstioRouter{}.ensure(a_canary(), live, {});
    REQUIRE_FALSE(writes);
    CHECK(writes.error().kind == ErrorKind::denied);
    CHECK(writes.error().message ==
          "reconcileDestinationRule failed: DestinationRule podinfo-primary.test is controlled by "
          "Rollout web, not by Canary podinfo");
}

TEST_CASE("an adopted rule keeps its traffic policy, ours loses one that is no longer asked for") {
    auto canary = a_canary();
    LiveObjects live;
    live[rule("podinfo-canary")] = parsed(R"({
        "metadata": {"name": "podinfo-canary", "namespace": "test", "resourceVersion": "7"},
        "spec": {"host": "podinfo-canary", "trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}}}})");
    put(canary, {"spec", "service", "trafficPolicy"}, parsed(R"({"tls": {"mode": "DISABLE"}})"));
    live.erase(rule("podinfo-primary"));
    auto ours = ensured(canary, {});
    CHECK(find(ours.at(rule("podinfo-primary")), {"spec", "trafficPolicy"}) != nullptr);
    ours = ensured(a_canary(), ours);
    CHECK(find(ours.at(rule("podinfo-primary")), {"spec", "trafficPolicy"}) == nullptr);
    live = ensured(a_canary(), live);
    CHECK(find(live.at(rule("podinfo-canary")), {"spec", "trafficPolicy"}) != nullptr);
}

TEST_CASE("a VirtualService without our hosts cannot be read or routed") {
    LiveObjects live = ensured(a_canary());
    put(virtual_service(live), {"spec", "http"}, parsed(R"([{"route": []}])"));
    constexpr std::string_view why =
        "VirtualService podinfo.test does not contain routes for podinfo-primary and "
        "podinfo-canary";
    CHECK(IstioRouter{}.read(a_canary(), live).error().message == why);
    CHECK(IstioRouter{}.route(a_canary(), live, {}).error().message == why);
    CHECK(IstioRouter{}.route(a_canary(), {}, {}).error().message ==
          "VirtualService podinfo.test get query error virtualservices.networking.istio.io "
          "\"podinfo\" not found");
}

TEST_CASE("a TCP service gets a TCP route") {
    auto canary = a_canary();
    put(canary, {"spec", "service", "appProtocol"}, Json("TCP"));
    auto live = ensured(canary);
    CHECK(find(virtual_service(live), {"spec", "http"}) == nullptr);
    CHECK(array_at(virtual_service(live), {"spec", "tcp"}).size() == 1);
    CHECK(IstioRouter{}.read(canary, live)->shares == Shares{100, 0});
}

TEST_CASE("a weight below nothing counts as nothing, and the route is put right") {
    auto live = ensured(a_canary());
    put(virtual_service(live),
        {"spec", "http"},
        parsed(R"([{"route": [{"destination": {"host": "podinfo-primary"}, "weight": 100},
                              {"destination": {"host": "podinfo-canary"}, "weight": -50}]}])"));
    const auto seen = IstioRouter{}.read(a_canary(), live);
    REQUIRE(seen);
    CHECK(seen->shares == Shares{100, 0});
    const auto writes = IstioRouter{}.ensure(a_canary(), live, seen->shares);
    REQUIRE(writes);
    CHECK(writes->size() == 1);
    put(virtual_service(live),
        {"spec", "http"},
        parsed(R"([{"route": [{"destination": {"host": "podinfo-primary"}, "weight": 150},
                              {"destination": {"host": "podinfo-canary"}, "weight": -50}]}])"));
    CHECK(IstioRouter{}.read(a_canary(), live)->shares == Shares{150, 0});
}

TEST_CASE("a lone destination gets everything, whatever its weight") {
    LiveObjects live = ensured(a_canary());
    put(virtual_service(live),
        {"spec", "http"},
        parsed(R"([{"route": [{"destination": {"host": "podinfo-canary"}, "weight": 0}]}])"));
    CHECK(IstioRouter{}.read(a_canary(), live)->shares == Shares{0, 100});
}

TEST_CASE("an object in another cluster is the Canary's by a note, and nobody's without one") {
    const auto canary = a_canary();
    const auto writes = IstioRouter{}.ensure(canary, {}, {});
    REQUIRE(writes);
    const auto moved = for_another_cluster(writes->at(2).body);
    CHECK(array_at(moved, {"metadata", "ownerReferences"}).empty());
    CHECK(is_controlled_by(moved, canary));
    CHECK_FALSE(is_controlled_by(moved, with(canary, {"metadata", "uid"}, R"("u-2")")));
    CHECK_FALSE(is_controlled_by(parsed("{}"), parsed("{}")));
}

TEST_CASE("users of an A/B test are asked for by every field that Istio knows") {
    const auto match =
        R"([{"uri": {"prefix": "/a"}, "method": {"exact": "GET"}, "ignoreUriCase": true,
        "withoutHeaders": {"x": {"exact": "1"}}, "queryParams": {"v": {"exact": "2"}}}])";
    auto live = ensured(with(a_canary(),
                             {"spec", "analysis"},
                             R"({"iterations": 5, "match": )" + std::string(match) + "}"));
    CHECK(first_route(live).at("match") == parsed(match));
}
