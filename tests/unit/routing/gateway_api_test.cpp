#include "routing/gateway_api.hpp"

#include "routing/gateway_fields.hpp"
#include "world.hpp"

using namespace sluice;
using namespace sluice::routing;

namespace {

const GatewayRouter v1(GatewayVersion::v1);
const GatewayRouter v1beta1(GatewayVersion::v1beta1);

Json at_gateway() {
    return with(a_canary(),
                {"spec", "service", "gatewayRefs"},
                R"([{"name": "gw", "namespace": "infra", "sectionName": "http"}])");
}

Json& http_route(LiveObjects& live) {
    return live.begin()->second;
}

JsonArray& rules(LiveObjects& live) {
    return find(http_route(live), {"spec", "rules"})->as_array();
}

// As an API server stores what it is sent.
void fill_in(LiveObjects& live) {
    auto& spec = *find(http_route(live), {"spec"});
    spec = with_route_defaults(spec);
}

}  // namespace

TEST_CASE("an HTTPRoute is made with everything on the primary") {
    auto canary = with(at_gateway(), {"spec", "service", "hosts"}, R"(["app.example.com"])");
    const auto writes = v1.ensure(canary, {}, {});
    REQUIRE(writes);
    REQUIRE(writes->size() == 1);
    CHECK(writes->at(0).done == "HTTPRoute podinfo.test created");
    CHECK(writes->at(0).failing == "HTTPRoute podinfo.test create error");
    CHECK(text_at(writes->at(0).body, {"apiVersion"}) == "gateway.networking.k8s.io/v1");
    CHECK(*find(writes->at(0).body, {"spec"}) == parsed(R"({
        "parentRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "gw",
                        "namespace": "infra", "sectionName": "http"}],
        "hostnames": ["app.example.com"],
        "rules": [{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
            "backendRefs": [
                {"group": "", "kind": "Service", "name": "podinfo-primary", "port": 9898, "weight": 100},
                {"group": "", "kind": "Service", "name": "podinfo-canary", "port": 9898, "weight": 0}]}]})"));
    CHECK(find(writes->at(0).body,
               {"metadata", "annotations", "kustomize.toolkit.fluxcd.io/reconcile"}) != nullptr);
    CHECK(text_at(v1beta1.ensure(canary, {}, {})->at(0).body, {"apiVersion"}) ==
          "gateway.networking.k8s.io/v1beta1");
    CHECK(v1.ensure(a_canary(), {}, {}).error().message ==
          "GatewayRefs must be specified when using Gateway API as a provider.");
}

TEST_CASE("what the API server fills in is no drift") {
    auto canary = at_gateway();
    put(canary,
        {"spec", "service", "match"},
        parsed(R"([{"headers": {"x": {"exact": "1"}}, "queryParams": {"q": {"regex": "a.*"}}}])"));
    put(canary, {"spec", "service", "corsPolicy"}, parsed(R"({"allowOrigin": ["*"]})"));
    auto live = ensured(v1, canary);
    CHECK(rules(live).at(0).at("matches") == parsed(R"([{
        "headers": [{"type": "Exact", "name": "x", "value": "1"}],
        "queryParams": [{"type": "RegularExpression", "name": "q", "value": "a.*"}]}])"));
    fill_in(live);
    CHECK(rules(live).at(0).at("filters").at(0).at("cors").at("maxAge") == Json(5));
    CHECK(v1.ensure(canary, live, {})->empty());
    CHECK(v1.route(canary, live, {})->body.as_object().empty());
    split(v1, canary, live, {.primary = 70, .canary = 30});
    CHECK(v1.read(canary, live)->shares == Shares{70, 30});
}

TEST_CASE("the fields of the service become matches, filters and timeouts") {
    auto canary = at_gateway();
    apply_merge_patch(*find(canary, {"spec", "service"}), parsed(R"({
        "match": [{"uri": {"prefix": "/a"}, "method": {"exact": "GET"}},
                  {"uri": {"regex": "/b.*"}, "headers": {"z": {"exact": "1"}, "a": {"regex": "2"}}},
                  {"sourceLabels": {"app": "x"}}],
        "timeout": "5s", "backendTimeout": "2s",
        "rewrite": {"uri": "/c", "authority": "internal", "type": "ReplacePrefixMatch"},
        "mirror": [{"backendRef": {"name": "shadow", "port": 80}}],
        "headers": {"request": {"set": {"z": "1", "b": "2"}, "remove": ["y"]}, "response": {"add": {"r": "1"}}},
        "corsPolicy": {"allowOrigin": ["a.example.com"], "allowMethods": ["GET"], "maxAge": "1m", "allowCredentials": false}})"));
    auto live = ensured(v1, canary);
    auto rule = rules(live).at(0).as_object();
    CHECK(rule["matches"] == parsed(R"([
        {"path": {"type": "PathPrefix", "value": "/a"}, "method": "GET"},
        {"path": {"type": "RegularExpression", "value": "/b.*"}, "headers": [
            {"type": "RegularExpression", "name": "a", "value": "2"}, {"type": "Exact", "name": "z", "value": "1"}]}])"));
    CHECK(rule["timeouts"] == parsed(R"({"request": "5s", "backendRequest": "2s"})"));
    CHECK(rule["filters"] == parsed(R"([
        {"type": "RequestHeaderModifier", "requestHeaderModifier": {
            "set": [{"name": "b", "value": "2"}, {"name": "z", "value": "1"}], "remove": ["y"]}},
        {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"add": [{"name": "r", "value": "1"}]}},
        {"type": "URLRewrite", "urlRewrite": {"hostname": "internal",
            "path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/c"}}},
        {"type": "RequestMirror", "requestMirror": {"backendRef":
            {"name": "shadow", "port": 80, "group": "", "kind": "Service"}}},
        {"type": "CORS", "cors": {"allowOrigins": ["a.example.com"], "allowMethods": ["GET"], "maxAge": 60}}])"));
    live = ensured(v1beta1, canary);
    rule = rules(live).at(0).as_object();
    CHECK_FALSE(rule.contains("timeouts"));
    CHECK(rule["filters"].as_array().size() == 4);
}

TEST_CASE("a condition that the Gateway API has no word for is refused by its name") {
    const auto refusal = [](std::string_view match) {
        return v1.ensure(with(at_gateway(), {"spec", "service", "match"}, match), {}, {})
            .error()
            .message;
    };
    const std::string start =
        "Invalid request matching selectors: Gateway API doesn't support the specified ";
    CHECK(refusal(R"([{"uri": {"suffix": "/a"}}])") ==
          start + R"(path matching selector: {"suffix":"/a"})");
    CHECK(refusal(R"([{"method": {"regex": "G.*"}}])") ==
          start + R"(header matching selector: {"regex":"G.*"})");
    CHECK(refusal(R"([{"headers": {"x": {"prefix": "1"}}}])") ==
          start + R"(header matching selector: {"prefix":"1"})");
    CHECK(refusal(R"([{"queryParams": {"x": {"prefix": "1"}}}])") ==
          start + R"(query matching selector: {"prefix":"1"})");
    // What is left out would let in more than were meant.
    CHECK(v1.ensure(with(at_gateway(),
                         {"spec", "analysis", "match"},
                         R"([{"uri": {"prefix": "/a"}, "withoutHeaders": {"x": {"exact": "1"}}}])"),
                    {},
                    {})
              .error()
              .message ==
          "Invalid request matching selectors: Gateway API doesn't support withoutHeaders in "
          "analysis.match");
    // Nobody is everybody here.
    CHECK_FALSE(v1.ensure(
        with(at_gateway(), {"spec", "analysis", "match"}, R"([{"sourceLabels": {"app": "x"}}])"),
        {},
        {}));
}

TEST_CASE("on the Gateway API A/B testing leaves everybody else to the primary") {
    auto canary = with(at_gateway(),
                       {"spec", "analysis", "match"},
                       R"([{"headers": {"x-canary": {"exact": "insider"}}}])");
    put(canary, {"spec", "service", "match"}, parsed(R"([{"uri": {"prefix": "/a"}}])"));
    auto live = ensured(v1, canary);
    split(v1, canary, live, {.primary = 0, .canary = 100});
    REQUIRE(rules(live).size() == 2);
    CHECK(rules(live).at(0).at("matches") ==
          parsed(R"([{"path": {"type": "PathPrefix", "value": "/a"},
        "headers": [{"type": "Exact", "name": "x-canary", "value": "insider"}]}])"));
    CHECK(rules(live).at(1) ==
          parsed(R"({"matches": [{"path": {"type": "PathPrefix", "value": "/a"}}],
        "backendRefs": [{"group": "", "kind": "Service", "name": "podinfo-primary", "port": 9898, "weight": 100}]})"));
    CHECK(v1.read(canary, live)->shares == Shares{0, 100});
}

TEST_CASE("on the Gateway API a mirror is a filter, with its percentage where that is known") {
    auto canary =
        with(at_gateway(), {"spec", "analysis"}, R"({"mirror": true, "mirrorWeight": 25})");
    auto live = ensured(v1, canary);
    split(v1, canary, live, {.primary = 100, .canary = 0, .mirrored = true});
    CHECK(rules(live).at(0).at("filters") == parsed(R"([{"type": "RequestMirror", "requestMirror": {
        "backendRef": {"group": "", "kind": "Service", "name": "podinfo-canary", "port": 9898},
        "percent": 25}}])"));
    CHECK(v1.read(canary, live)->shares == Shares{100, 0, true});
    drop(rules(live).at(0).at("filters").at(0), {"requestMirror", "percent"});
    CHECK(v1.ensure(canary, live, {100, 0, true})->empty());
    split(v1, canary, live, {.primary = 80, .canary = 20});
    CHECK_FALSE(rules(live).at(0).as_object().contains("filters"));
}

TEST_CASE("on the Gateway API cookies bind users, the primary's only in v1") {
    auto canary = with(at_gateway(), {"spec", "analysis"}, R"({"interval": "1m",
        "sessionAffinity": {"cookieName": "c", "primaryCookieName": "p"}})");
    canary = with(canary, {"status"}, R"({"sessionAffinityCookie": "c=abc",
        "primarySessionAffinityCookie": "p=xyz"})");
    auto live = ensured(v1, canary);
    split(v1, canary, live, {.primary = 80, .canary = 20});
    REQUIRE(rules(live).size() == 3);
    CHECK(rules(live).at(0).at("matches").at(0).at("headers") == parsed(R"([
        {"type": "RegularExpression", "name": "Cookie", "value": "^(.*;\\s*)?c=abc(;.*)?$"}])"));
    CHECK(rules(live).at(2).at("backendRefs").at(1).at("filters") == parsed(R"([
        {"type": "ResponseHeaderModifier", "responseHeaderModifier":
            {"add": [{"name": "Set-Cookie", "value": "c=abc; Max-Age=86400"}]}}])"));
    CHECK(v1.read(canary, live)->shares == Shares{80, 20});
    split(v1, canary, live, {.primary = 100, .canary = 0});
    REQUIRE(rules(live).size() == 2);
    CHECK(to_text(rules(live).at(0).at("filters")).find("c=abc; Max-Age=-1") != std::string::npos);
    CHECK(v1.read(canary, live)->shares == Shares{100, 0});

    auto older = ensured(v1beta1, canary);
    split(v1beta1, canary, older, {.primary = 80, .canary = 20});
    CHECK(rules(older).size() == 2);
    CHECK_FALSE(rules(older).at(1).at("backendRefs").at(0).as_object().contains("filters"));
}

TEST_CASE("a gateway that has not taken the route over is told, in v1") {
    auto live = ensured(v1, at_gateway());
    put(http_route(live), {"metadata", "generation"}, Json(3));
    CHECK(v1.read(at_gateway(), live)->pending.empty());
    const auto told = [&](std::string_view condition) {
        auto parent = find(http_route(live), {"spec", "parentRefs"})->as_array().at(0);
        put(http_route(live),
            {"status", "parents"},
            JsonArray{
                JsonObject{{"parentRef", parent}, {"conditions", JsonArray{parsed(condition)}}}});
    };
    told(R"({"type": "Accepted", "status": "True", "observedGeneration": 2})");
    CHECK(v1.read(at_gateway(), live)->pending ==
          "HTTPRoute podinfo.test parent gw is not ready (status: True, observed generation: 2, "
          "current generation: 3)");
    CHECK(v1.read(at_gateway(), live)->shares == Shares{100, 0});
    CHECK(v1beta1.read(at_gateway(), ensured(v1beta1, at_gateway()))->pending.empty());
    told(R"({"type": "Accepted", "status": "False", "observedGeneration": 3})");
    CHECK_FALSE(v1.read(at_gateway(), live)->pending.empty());
    told(R"({"type": "Accepted", "status": "True", "observedGeneration": 3})");
    CHECK(v1.read(at_gateway(), live)->pending.empty());
}

TEST_CASE("absent weights are the API's, a rule without our services has none") {
    auto live = ensured(v1, at_gateway());
    for (auto& backend : rules(live).at(0).at("backendRefs").as_array()) {
        backend.as_object().erase("weight");
    }
    CHECK(v1.read(at_gateway(), live)->shares == Shares{1, 1});
    rules(live).at(0).at("backendRefs").as_array().at(0).as_object()["name"] = "other";
    rules(live).at(0).at("backendRefs").as_array().at(1).as_object()["name"] = "other";
    const std::string why =
        "HTTPRoute podinfo.test does not contain routes for podinfo-primary and podinfo-canary";
    CHECK(v1.read(at_gateway(), live).error().message == why);
    CHECK(v1.route(at_gateway(), live, {}).error().message == why);
    CHECK(v1.route(at_gateway(), {}, {}).error().message ==
          "HTTPRoute podinfo.test get error: httproutes.gateway.networking.k8s.io \"podinfo\" not "
          "found");
}

TEST_CASE("rules, filters and keys that are not ours stay in an HTTPRoute, and are given back") {
    LiveObjects live;
    live[{kube::resources::http_routes, {"test", "podinfo"}}] = parsed(R"({
        "metadata": {"name": "podinfo", "namespace": "test", "resourceVersion": "7", "annotations": {
            "kubectl.kubernetes.io/last-applied-configuration":
              "{\"spec\":{\"rules\":[{\"backendRefs\":[{\"name\":\"podinfo\",\"port\":80}]}]}}"}},
        "spec": {"rules": [{"backendRefs": [{"name": "podinfo", "port": 80}]}]}})");
    fill_in(live);
    const auto before = http_route(live);
    live = ensured(v1, at_gateway(), live);
    REQUIRE(rules(live).size() == 2);
    auto& ours = rules(live).at(0).as_object();
    ours["sessionPersistence"] = parsed(R"({"type": "Cookie"})");
    ours["filters"] = parsed(R"([{"type": "ExtensionRef", "extensionRef": {"name": "x"}}])");
    CHECK(v1.ensure(at_gateway(), live, {})->empty());
    split(v1, at_gateway(), live, {.primary = 50, .canary = 50});
    CHECK(to_text(rules(live).at(0)).find("ExtensionRef") != std::string::npos);
    CHECK(to_text(rules(live).at(0)).find("sessionPersistence") != std::string::npos);
    const auto failing = v1.route(at_gateway(), live, {});
    CHECK(failing->failing + failing->failing_end ==
          "HTTPRoute podinfo.test update error while setting weights");

    revert(v1, at_gateway(), live);
    fill_in(live);
    CHECK(http_route(live).at("spec") == before.at("spec"));
    CHECK(v1.revert(at_gateway(), live)->empty());
}
