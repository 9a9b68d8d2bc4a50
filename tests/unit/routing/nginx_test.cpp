#include "routing/nginx.hpp"

#include "world.hpp"

using namespace sluice;
using namespace sluice::routing;

namespace {

const NginxRouter router("nginx.ingress.kubernetes.io");
ObjectName source() {
    return {kube::resources::ingresses, {"test", "web"}};
}

ObjectName copy() {
    return {kube::resources::ingresses, {"test", "web-canary"}};
}

Json behind_ingress() {
    return with(a_canary(), {"spec", "ingressRef"}, R"({"name": "web"})");
}

LiveObjects a_world() {
    LiveObjects live;
    live[source()] = parsed(R"({
        "metadata": {"name": "web", "namespace": "test", "uid": "i", "resourceVersion": "1",
            "labels": {"team": "blue"},
            "annotations": {"nginx.ingress.kubernetes.io/proxy-body-size": "8m",
                "nginx.ingress.kubernetes.io/canary-by-header": "stale",
                "kubectl.kubernetes.io/last-applied-configuration": "{}"}},
        "spec": {"ingressClassName": "nginx", "rules": [{"host": "a", "http": {"paths": [
            {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "podinfo", "port": {"number": 80}}}},
            {"path": "/x", "pathType": "Prefix", "backend": {"service": {"name": "other"}}}]}}]}})");
    return live;
}

Json with_match(std::string_view match) {
    return with(behind_ingress(), {"spec", "analysis", "match"}, match);
}

JsonObject canary_annotations(const LiveObjects& live) {
    JsonObject ours;
    for (const auto& [name, value] : object_at(live.at(copy()), {"metadata", "annotations"})) {
        if (std::string_view(name).find("/canary") != std::string_view::npos) ours[name] = value;
    }
    return ours;
}

}  // namespace

TEST_CASE("the canary's Ingress is the user's with the canary behind it") {
    const auto writes = router.ensure(behind_ingress(), a_world(), {});
    REQUIRE(writes);
    REQUIRE(writes->size() == 1);
    CHECK(writes->at(0).name == copy());
    CHECK(writes->at(0).done == "Ingress web-canary.test created");
    CHECK(writes->at(0).failing == "ingress web-canary.test create error");
    CHECK(*find(writes->at(0).body, {"spec", "rules"}) ==
          parsed(R"([{"host": "a", "http": {"paths": [
        {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "podinfo-canary", "port": {"number": 80}}}},
        {"path": "/x", "pathType": "Prefix", "backend": {"service": {"name": "other"}}}]}}])"));
    CHECK(*find(writes->at(0).body, {"metadata", "annotations"}) == parsed(R"({
        "nginx.ingress.kubernetes.io/proxy-body-size": "8m",
        "helm.toolkit.fluxcd.io/driftDetection": "disabled",
        "kustomize.toolkit.fluxcd.io/reconcile": "disabled",
        "nginx.ingress.kubernetes.io/canary": "true",
        "nginx.ingress.kubernetes.io/canary-weight": "0"})"));
    CHECK(text_at(writes->at(0).body, {"metadata", "labels", "team"}) == "blue");
}

TEST_CASE("weights are annotations, and what is left over of matches goes") {
    auto live = ensured(router, behind_ingress(), a_world());
    const auto before = live.at(source());
    put(live.at(copy()),
        {"metadata", "annotations", "nginx.ingress.kubernetes.io/canary-by-cookie"},
        Json("stale"));
    split(router, behind_ingress(), live, {.primary = 70, .canary = 30});
    CHECK(canary_annotations(live) == parsed(R"({
        "nginx.ingress.kubernetes.io/canary": "true",
        "nginx.ingress.kubernetes.io/canary-weight": "30"})")
                                          .as_object());
    CHECK(router.read(behind_ingress(), live)->shares == Shares{70, 30});
    CHECK(live.at(source()) == before);

    put(live.at(source()), {"spec", "tls"}, parsed(R"([{"hosts": ["a"]}])"));
    const auto writes = router.ensure(behind_ingress(), live, {70, 30});
    REQUIRE(writes);
    REQUIRE(writes->size() == 1);
    CHECK(writes->at(0).done == "Ingress web-canary updated");
    apply(live, *writes);
    CHECK(router.read(behind_ingress(), live)->shares == Shares{70, 30});
    CHECK(find(live.at(copy()), {"spec", "tls"}) != nullptr);
}

TEST_CASE("NGINX lets those in who have the header or the cookie") {
    const auto canary = with_match(R"([{"headers": {"x-canary": {"exact": "insider"}}},
                                       {"headers": {"Cookie": {"exact": "canary"}}}])");
    auto live = ensured(router, canary, a_world());
    CHECK(router.read(canary, live)->shares == Shares{100, 0});
    split(router, canary, live, {.primary = 0, .canary = 100});
    CHECK(canary_annotations(live) == parsed(R"({
        "nginx.ingress.kubernetes.io/canary": "true",
        "nginx.ingress.kubernetes.io/canary-by-header": "x-canary",
        "nginx.ingress.kubernetes.io/canary-by-header-value": "insider",
        "nginx.ingress.kubernetes.io/canary-by-cookie": "canary"})")
                                          .as_object());
    CHECK(router.read(canary, live)->shares == Shares{0, 100});
    split(router, canary, live, {.primary = 100, .canary = 0});
    CHECK(canary_annotations(live) == parsed(R"({
        "nginx.ingress.kubernetes.io/canary": "true",
        "nginx.ingress.kubernetes.io/canary-weight": "0"})")
                                          .as_object());

    const auto pattern = with_match(R"([{"headers": {"x-canary": {"regex": "in.*"}}}])");
    split(router, pattern, live, {.primary = 0, .canary = 100});
    CHECK(text_at(live.at(copy()),
                  {"metadata",
                   "annotations",
                   "nginx.ingress.kubernetes.io/canary-by-header-pattern"}) == "in.*");
}

TEST_CASE("what NGINX cannot match is refused before a release begins") {
    const auto refusal = [](std::string_view match) {
        return router.ensure(with_match(match), a_world(), {}).error().message;
    };
    const std::string start = "Ingress web-canary.test: analysis.match ";
    CHECK(refusal(R"([{"headers": {"a": {"exact": "1"}, "b": {"exact": "1"}}}])") ==
          start + "has more than one header");
    CHECK(
        refusal(
            R"([{"headers": {"cookie": {"exact": "1"}}}, {"headers": {"cookie": {"exact": "2"}}}])") ==
        start + "has more than one cookie");
    CHECK(refusal(R"([{"headers": {"cookie": {"regex": "1"}}}])") ==
          start + "needs the exact name of a cookie");
    CHECK(refusal(R"([{"headers": {"a": {"prefix": "1"}}}])") ==
          start + "can ask header a for exact and regex only");
    CHECK(refusal(R"([{"sourceLabels": {"app": "x"}}])") ==
          start + "names neither a header nor a cookie");
    CHECK(refusal(R"([{"headers": {"a": {"exact": "1"}}, "method": {"exact": "GET"}}])") ==
          start + "cannot ask for method");
}

TEST_CASE("an Ingress that is missing, or leads elsewhere, is named") {
    CHECK(router.ensure(a_canary(), a_world(), {}).error().message == "ingress selector is empty");
    CHECK(router.objects(a_canary()).empty());
    CHECK(router.ensure(behind_ingress(), {}, {}).error().message ==
          "ingress web.test get query error: ingresses.networking.k8s.io \"web\" not found");
    auto live = a_world();
    put(live.at(source()), {"spec", "rules"}, JsonArray{});
    CHECK(router.ensure(behind_ingress(), live, {}).error().message ==
          "backend podinfo not found in ingress web");
    CHECK(router.route(behind_ingress(), live, {}).error().message ==
          "ingress web-canary.test get query error: ingresses.networking.k8s.io \"web-canary\" not "
          "found");
    live = ensured(router, behind_ingress(), a_world());
    put(live.at(copy()),
        {"metadata", "annotations", "nginx.ingress.kubernetes.io/canary-weight"},
        Json("much"));
    CHECK(router.read(behind_ingress(), live).error().message ==
          "failed to convert much to int: strconv.Atoi: parsing \"much\": invalid syntax");
}

TEST_CASE("the prefix of the annotations is a setting") {
    const NginxRouter other("ingress.example.com");
    const auto writes = other.ensure(behind_ingress(), a_world(), {.primary = 90, .canary = 10});
    REQUIRE(writes);
    CHECK(text_at(writes->at(0).body,
                  {"metadata", "annotations", "ingress.example.com/canary-weight"}) == "10");
}
