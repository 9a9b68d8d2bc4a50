// A/B testing, mirroring, session affinity, delegation and TCP on Istio, and the way back.
#include "routing/istio.hpp"
#include "world.hpp"

using namespace sluice;
using namespace sluice::routing;

namespace {

const IstioRouter router;

Json& virtual_service(LiveObjects& live) {
    return live.at({kube::resources::virtual_services, {"test", "podinfo"}});
}

ObjectName rule(const std::string& name) {
    return {kube::resources::destination_rules, {"test", name}};
}

JsonArray& routes(LiveObjects& live) {
    return find(virtual_service(live), {"spec", "http"})->as_array();
}

Json pair(int primary, int canary) {
    return JsonArray{
        JsonObject{{"destination", JsonObject{{"host", "podinfo-primary"}}}, {"weight", primary}},
        JsonObject{{"destination", JsonObject{{"host", "podinfo-canary"}}}, {"weight", canary}}};
}

Json with_affinity(std::string_view more = R"({})") {
    auto canary = with(a_canary(), {"spec", "analysis"}, R"({"interval": "90s",
        "sessionAffinity": {"cookieName": "sid.x"}})");
    apply_merge_patch(*find(canary, {"spec", "analysis", "sessionAffinity"}), parsed(more));
    return canary;
}

Json with_status(Json canary, std::string_view status) {
    return with(std::move(canary), {"status"}, status);
}

std::string written(const Json& value, JsonPath path) {
    return std::string(text_at(value, path));
}

}  // namespace

TEST_CASE("mirroring copies requests to the canary and leaves the weights") {
    auto canary = with(a_canary(), {"spec", "analysis"}, R"({"mirror": true, "mirrorWeight": 25})");
    auto live = ensured(router, canary);
    split(router, canary, live, {.primary = 100, .canary = 0, .mirrored = true});
    CHECK(routes(live).at(0) == parsed(R"({
        "route": [{"destination": {"host": "podinfo-primary"}, "weight": 100},
                  {"destination": {"host": "podinfo-canary"}, "weight": 0}],
        "mirror": {"host": "podinfo-canary"}, "mirrorPercentage": {"value": 25}})"));
    CHECK(router.read(canary, live)->shares == Shares{100, 0, true});

    put(canary, {"spec", "analysis", "mirrorWeight"}, Json(0));
    live = ensured(router, canary, live);
    CHECK(routes(live).at(0).at("mirror") == parsed(R"({"host": "podinfo-canary"})"));
    CHECK_FALSE(routes(live).at(0).as_object().contains("mirrorPercentage"));

    split(router, canary, live, {.primary = 90, .canary = 10});
    CHECK_FALSE(routes(live).at(0).as_object().contains("mirror"));
    CHECK(router.read(canary, live)->shares == Shares{90, 10});
}

TEST_CASE("a mirror of the user's own is not taken for ours and stays") {
    auto live = ensured(router, a_canary());
    routes(live).at(0).as_object()["mirror"] = parsed(R"({"host": "shadow"})");
    CHECK(router.read(a_canary(), live)->shares == Shares{100, 0});
    split(router, a_canary(), live, {.primary = 90, .canary = 10});
    CHECK(written(routes(live).at(0), {"mirror", "host"}) == "shadow");
}

TEST_CASE("A/B testing sends those who match by the weights and everybody else to the primary") {
    auto canary = with(a_canary(), {"spec", "analysis"}, R"({"iterations": 2, "match": [
        {"headers": {"x-canary": {"exact": "insider"}}},
        {"headers": {"cookie": {"regex": "^(.*?;)?(canary=always)(;.*)?$"}}, "method": {"exact": "GET"}}]})");
    put(canary, {"spec", "service", "match"}, parsed(R"([{"uri": {"prefix": "/"},
        "headers": {"x-other": {"exact": "1"}}, "method": {"exact": "POST"}}])"));
    put(canary, {"spec", "service", "timeout"}, Json("5s"));
    auto live = ensured(router, canary);
    REQUIRE(routes(live).size() == 2);
    CHECK(routes(live).at(0).at("route") == pair(100, 0));
    CHECK(routes(live).at(0).at("match") == parsed(R"([
        {"uri": {"prefix": "/"}, "headers": {"x-canary": {"exact": "insider"}}, "method": {"exact": "POST"}},
        {"uri": {"prefix": "/"}, "headers": {"cookie": {"regex": "^(.*?;)?(canary=always)(;.*)?$"}},
         "method": {"exact": "GET"}}])"));
    CHECK(routes(live).at(1) == parsed(R"({
        "route": [{"destination": {"host": "podinfo-primary"}, "weight": 100}],
        "match": [{"uri": {"prefix": "/"}, "headers": {"x-other": {"exact": "1"}},
                   "method": {"exact": "POST"}}],
        "timeout": "5s"})"));

    split(router, canary, live, {.primary = 0, .canary = 100});
    CHECK(routes(live).at(0).at("route") == pair(0, 100));
    CHECK(routes(live).at(1).at("route") == parsed(R"([
        {"destination": {"host": "podinfo-primary"}, "weight": 100}])"));
    CHECK(router.read(canary, live)->shares == Shares{0, 100});

    drop(canary, {"spec", "analysis"});
    live = ensured(router, canary, live);
    CHECK(routes(live).size() == 1);
    CHECK(router.read(canary, live)->shares == Shares{0, 100});
}

TEST_CASE("what somebody put before the A/B catch-all stays before it") {
    auto canary = with(a_canary(),
                       {"spec", "analysis", "match"},
                       R"([{"headers": {"x-canary": {"exact": "insider"}}}])");
    auto live = ensured(router, canary);
    routes(live).insert(routes(live).begin() + 1, parsed(R"({"match": [{"uri": {"prefix": "/old"}}],
        "route": [{"destination": {"host": "legacy"}}]})"));
    split(router, canary, live, {.primary = 0, .canary = 100});
    REQUIRE(routes(live).size() == 3);
    CHECK(routes(live).at(0).at("route") == pair(0, 100));
    CHECK(to_text(routes(live).at(1)).find("legacy") != std::string::npos);
    CHECK(router.ensure(canary, live, {0, 100})->empty());
}

TEST_CASE(
    "with session affinity the canary's users stay with it by a cookie of exactly that name") {
    const auto canary =
        with_status(with_affinity(), R"({"sessionAffinityCookie": "sid.x=LpsIaLdNZo"})");
    auto live = ensured(router, canary);
    CHECK(routes(live).size() == 2);  // a cookie that is left over is taken back
    split(router, canary, live, {.primary = 80, .canary = 20});
    REQUIRE(routes(live).size() == 2);
    CHECK(routes(live).at(0) == parsed(R"({
        "route": [{"destination": {"host": "podinfo-primary"}, "weight": 0},
                  {"destination": {"host": "podinfo-canary"}, "weight": 100}],
        "match": [{"headers": {"Cookie": {"regex": "^(.*;\\s*)?sid\\.x=LpsIaLdNZo(;.*)?$"}}}]})"));
    CHECK(routes(live).at(1) == parsed(R"({
        "route": [{"destination": {"host": "podinfo-primary"}, "weight": 80},
                  {"destination": {"host": "podinfo-canary"}, "weight": 20,
                   "headers": {"response": {"add": {"Set-Cookie": "sid.x=LpsIaLdNZo; Max-Age=86400"}}}}]})"));
    CHECK(router.read(canary, live)->shares == Shares{80, 20});
    CHECK(router.ensure(canary, live, {80, 20})->empty());
}

TEST_CASE(
    "a cookie carries the attributes that are asked for, and is taken back with the same ones") {
    auto canary = with_affinity(R"({"maxAge": 60, "secure": true, "domain": "example.com",
        "httpOnly": true, "path": "/app", "sameSite": "Strict", "partitioned": true})");
    canary = with_status(canary, R"({"sessionAffinityCookie": "sid.x=abc"})");
    auto live = ensured(router, canary);
    split(router, canary, live, {.primary = 50, .canary = 50});
    CHECK(to_text(routes(live).at(1))
              .find("sid.x=abc; Max-Age=60; Domain=example.com; HttpOnly; Partitioned; Path=/app; "
                    "SameSite=Strict; Secure") != std::string::npos);

    put(canary, {"spec", "service", "headers"}, parsed(R"({"response": {"add": {"x-v": "1"}}})"));
    split(router, canary, live, {.primary = 100, .canary = 0});
    REQUIRE(routes(live).size() == 2);
    CHECK(routes(live).at(0).at("headers") == parsed(R"({"response": {"add": {"x-v": "1",
        "Set-Cookie": "sid.x=abc; Max-Age=-1; Domain=example.com; HttpOnly; Partitioned; Path=/app; SameSite=Strict; Secure"}}})"));
    CHECK(routes(live).at(1).at("headers") == parsed(R"({"response": {"add": {"x-v": "1"}}})"));
    CHECK(routes(live).at(1).at("route") == pair(100, 0));
    CHECK(router.read(canary, live)->shares == Shares{100, 0});

    // When the judgement has moved the cookie, the routes are right already.
    canary = with_status(canary, R"({"previousSessionAffinityCookie": "sid.x=abc"})");
    CHECK(router.ensure(canary, live, {})->empty());
}

TEST_CASE("the primary's users are bound for one interval") {
    const auto canary = with_status(with_affinity(R"({"primaryCookieName": "pid"})"),
                                    R"({"sessionAffinityCookie": "sid.x=abc",
                                        "primarySessionAffinityCookie": "pid=xyz"})");
    auto live = ensured(router, canary);
    split(router, canary, live, {.primary = 70, .canary = 30});
    REQUIRE(routes(live).size() == 3);
    CHECK(routes(live).at(0).at("route") == pair(0, 100));
    CHECK(routes(live).at(1).at("route") == pair(100, 0));
    CHECK(to_text(routes(live).at(1)).find("?pid=xyz(") != std::string::npos);
    CHECK(written(array_at(routes(live).at(2), {"route"}).at(0),
                  {"headers", "response", "add", "Set-Cookie"}) == "pid=xyz; Max-Age=90");
    CHECK(router.read(canary, live)->shares == Shares{70, 30});
}

TEST_CASE("a cookie lets nobody in who does not match the service") {
    auto canary = with_status(with_affinity(), R"({"sessionAffinityCookie": "sid.x=abc"})");
    put(canary, {"spec", "service", "match"}, parsed(R"([{"uri": {"prefix": "/a"},
        "headers": {"x-team": {"exact": "blue"}}}])"));
    auto live = ensured(router, canary);
    split(router, canary, live, {.primary = 80, .canary = 20});
    CHECK(routes(live).at(0).at("match") == parsed(R"([{"uri": {"prefix": "/a"}, "headers":
        {"x-team": {"exact": "blue"}, "Cookie": {"regex": "^(.*;\\s*)?sid\\.x=abc(;.*)?$"}}}])"));
}

TEST_CASE("routes that the peer left in mid-run with its cookies are read, and made ours") {
    const auto canary = with_status(with_affinity(), R"({"sessionAffinityCookie": "sid.x=abc"})");
    auto live = ensured(router, canary);
    routes(live) = parsed(R"([
        {"match": [{"headers": {"Cookie": {"regex": ".*sid.x.*abc.*"}}}],
         "route": [{"destination": {"host": "podinfo-primary"}, "weight": 0},
                   {"destination": {"host": "podinfo-canary"}, "weight": 100}]},
        {"route": [{"destination": {"host": "podinfo-primary"}, "weight": 60},
                   {"destination": {"host": "podinfo-canary"}, "weight": 40}]}])")
                       .as_array();
    CHECK(router.read(canary, live)->shares == Shares{60, 40});
    live = ensured(router, canary, live);
    CHECK(routes(live).size() == 2);
    CHECK(router.read(canary, live)->shares == Shares{60, 40});
    CHECK(router.ensure(canary, live, {60, 40})->empty());
}

TEST_CASE("with affinity the mirror is on the route that holds the weights") {
    const auto canary =
        with_status(with_affinity(), R"({"previousSessionAffinityCookie": "sid.x=old"})");
    auto live = ensured(router, canary);
    split(router, canary, live, {.primary = 100, .canary = 0, .mirrored = true});
    CHECK_FALSE(routes(live).at(0).as_object().contains("mirror"));
    CHECK(router.read(canary, live)->shares == Shares{100, 0, true});
}

TEST_CASE("a user's condition on a cookie of our name hides no weights") {
    auto canary = with_affinity();
    put(canary,
        {"spec", "service", "match"},
        parsed(R"([{"headers": {"cookie": {"regex": ".*sid.x.*"}}}])"));
    auto live = ensured(router, canary);
    split(router, canary, live, {.primary = 80, .canary = 20});
    CHECK(router.read(canary, live)->shares == Shares{80, 20});
    CHECK(router.ensure(canary, live, {80, 20})->empty());
}

TEST_CASE("A/B testing by a cookie of the same name is no session affinity") {
    auto canary = with_affinity();
    put(canary,
        {"spec", "analysis", "match"},
        parsed(R"([{"headers": {"cookie": {"regex": ".*sid.x=always.*"}}}])"));
    auto live = ensured(router, canary);
    routes(live).at(0).as_object()["fault"] = parsed(R"({"abort": {"httpStatus": 500}})");
    split(router, canary, live, {.primary = 0, .canary = 100});
    REQUIRE(routes(live).size() == 2);
    CHECK(routes(live).at(0).as_object().contains("fault"));
    CHECK(router.read(canary, live)->shares == Shares{0, 100});
}

TEST_CASE("a delegate has neither hosts nor gateways, and refuses both") {
    auto canary = with(a_canary(), {"spec", "service", "delegation"}, "true");
    put(canary, {"spec", "service", "portDiscovery"}, Json(true));
    auto live = ensured(router, canary);
    CHECK(*find(virtual_service(live), {"spec", "hosts"}) == JsonArray{});
    CHECK(find(virtual_service(live), {"spec", "gateways"}) == nullptr);
    CHECK(find(array_at(routes(live).at(0), {"route"}).at(0), {"destination", "port", "number"}) !=
          nullptr);
    put(canary, {"spec", "service", "hosts"}, parsed(R"(["app.example.com"])"));
    CHECK(router.ensure(canary, live, {}).error().message ==
          "reconcileVirtualService failed: VirtualService podinfo.test cannot have hosts and "
          "gateways when delegation enabled");
}

TEST_CASE("a TCP service knows weights alone, and its old HTTP routes go") {
    auto canary = with(a_canary(), {"spec", "analysis"}, R"({"mirrorWeight": 25,
        "match": [{"headers": {"x": {"exact": "1"}}}], "sessionAffinity": {"cookieName": "c"}})");
    CHECK(router.capabilities(canary) ==
          Capabilities{.weights = true, .mirror = true, .match = true, .affinity = true});
    auto live = ensured(router, a_canary());
    put(canary, {"spec", "service", "appProtocol"}, Json("TCP"));
    put(canary,
        {"spec", "service", "match"},
        parsed(R"([{"port": 8080, "uri": {"prefix": "/"}}])"));
    CHECK(router.capabilities(canary) == Capabilities{});
    live = ensured(router, canary, live);
    split(router, canary, live, {.primary = 90, .canary = 10, .mirrored = true});
    CHECK(find(virtual_service(live), {"spec", "http"}) == nullptr);
    Json route = JsonObject{{"match", parsed(R"([{"port": 8080}])")}};
    route.as_object()["route"] = pair(90, 10);
    CHECK(array_at(virtual_service(live), {"spec", "tcp"}) == JsonArray{route});
    CHECK(router.read(canary, live)->shares == Shares{90, 10});
}

TEST_CASE("what the user had is given back, ours is removed, and then nothing is left to do") {
    LiveObjects live;
    const auto service = parsed(R"({
        "metadata": {"name": "podinfo", "namespace": "test", "resourceVersion": "7", "labels": {"team": "blue"}},
        "spec": {"hosts": ["podinfo"], "http": [{"route": [{"destination": {"host": "podinfo"}}]}]}})");
    const auto policy = parsed(R"({
        "metadata": {"name": "podinfo-canary", "namespace": "test", "resourceVersion": "8"},
        "spec": {"host": "podinfo-canary", "trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}}}})");
    live[{kube::resources::virtual_services, {"test", "podinfo"}}] = service;
    live[rule("podinfo-canary")] = policy;
    auto canary =
        with(a_canary(), {"spec", "service", "apex"}, R"({"labels": {"app": "podinfo"}})");
    put(canary, {"spec", "service", "trafficPolicy"}, parsed(R"({"tls": {"mode": "DISABLE"}})"));
    live = ensured(router, canary, live);
    split(router, canary, live, {.primary = 60, .canary = 40});
    put(canary, {"spec", "service", "timeout"}, Json("5s"));
    live = ensured(router, canary, live);
    CHECK(live.size() == 3);

    const auto writes = router.revert(canary, live);
    REQUIRE(writes);
    REQUIRE(writes->size() == 3);
    CHECK(writes->at(0).done == "VirtualService podinfo.test reverted");
    CHECK(writes->at(1).done == "DestinationRule podinfo-canary.test reverted");
    CHECK(writes->at(2).verb == WriteVerb::remove);
    CHECK(writes->at(2).done == "DestinationRule podinfo-primary.test deleted");
    apply(live, *writes);
    for (auto& [name, object] : live) put(object, {"metadata", "resourceVersion"}, Json("0"));
    auto expected = service;
    put(expected, {"metadata", "resourceVersion"}, Json("0"));
    put(expected, {"metadata", "annotations"}, JsonObject{});
    CHECK(virtual_service(live) == expected);
    CHECK(*find(live.at(rule("podinfo-canary")), {"spec"}) == *find(policy, {"spec"}));
    CHECK(router.revert(canary, live)->empty());
    CHECK(router.revert(canary, {})->empty());
}

TEST_CASE("what kubectl applied is given back before what we kept") {
    LiveObjects live;
    live[{kube::resources::virtual_services, {"test", "podinfo"}}] = parsed(R"({
        "metadata": {"name": "podinfo", "namespace": "test", "resourceVersion": "7", "annotations": {
            "kubectl.kubernetes.io/last-applied-configuration":
              "{\"metadata\":{\"annotations\":{\"helm.toolkit.fluxcd.io/driftDetection\":\"disabled\"}},\"spec\":{\"hosts\":[\"a\"]}}"}},
        "spec": {"hosts": ["b"]}})");
    live = ensured(router, a_canary(), live);
    CHECK_FALSE(object_at(virtual_service(live), {"metadata", "annotations"})
                    .contains("flagger.kubernetes.io/original-configuration"));
    revert(router, a_canary(), live);
    CHECK(*find(virtual_service(live), {"spec"}) == parsed(R"({"hosts": ["a"]})"));
    CHECK(object_at(virtual_service(live), {"metadata", "annotations"})
              .contains("helm.toolkit.fluxcd.io/driftDetection"));
    CHECK_FALSE(object_at(virtual_service(live), {"metadata", "annotations"})
                    .contains("kustomize.toolkit.fluxcd.io/reconcile"));
    CHECK(router.revert(a_canary(), live)->empty());
}

TEST_CASE("an original that nobody knows is said to be lost, one that cannot be read stops") {
    auto live = ensured(router, a_canary());
    drop(virtual_service(live), {"metadata", "ownerReferences"});
    const auto writes = router.revert(a_canary(), live);
    REQUIRE(writes);
    CHECK(writes->at(0).verb == WriteVerb::patch);
    CHECK(find(writes->at(0).body, {"spec"}) == nullptr);
    CHECK(writes->at(0).done ==
          "VirtualService podinfo.test original configuration not found, unable to revert");
    apply(live, *writes);
    CHECK(router.revert(a_canary(), live)->empty());

    put(virtual_service(live),
        {"metadata", "annotations", "flagger.kubernetes.io/original-configuration"},
        Json("{"));
    CHECK(router.revert(a_canary(), live).error().message ==
          "VirtualService podinfo.test failed to unMarshal annotation "
          "flagger.kubernetes.io/original-configuration");
}

TEST_CASE("what another controller owns is not reverted") {
    auto live = ensured(router, a_canary());
    for (auto& [name, object] : live) {
        find(object, {"metadata", "ownerReferences"})->as_array().at(0).as_object()["uid"] = "else";
    }
    CHECK(router.revert(a_canary(), live)->empty());
}
