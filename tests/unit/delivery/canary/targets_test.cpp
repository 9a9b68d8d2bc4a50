// What differs between the kinds of target and of autoscaler.
#include "delivery/canary/objects.hpp"
#include "delivery/canary/scalers.hpp"
#include "delivery/canary/workloads.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::canary;
using namespace std::chrono_literals;

namespace {

Json json(std::string_view text) {
    return parse_json(text).value();
}

const Time noon = *parse_rfc3339("2026-01-25T12:00:00Z");

}  // namespace

TEST_CASE("a DaemonSet at zero is the one that its author wrote, but for the nodes") {
    const auto resting = json(R"({"spec": {"template": {"spec": {"nodeSelector":
        {"flagger.app/scale-to-zero": "true"}}}}, "status": {"desiredNumberScheduled": 0}})");
    CHECK(authored(Kind::daemon_set, resting) ==
          json(R"({"spec": {"template": {"spec": {}}}, "status": {"desiredNumberScheduled": 0}})"));
    CHECK(replicas_wanted(Kind::daemon_set, resting) == 0);
    const auto chosen = json(R"({"spec": {"template": {"spec": {"nodeSelector":
        {"disk": "ssd", "flagger.app/scale-to-zero": "true"}}}}})");
    CHECK(authored(Kind::daemon_set, chosen) ==
          json(R"({"spec": {"template": {"spec": {"nodeSelector": {"disk": "ssd"}}}}})"));
    CHECK(replicas_wanted(Kind::daemon_set, authored(Kind::daemon_set, chosen)) == 1);

    auto object = chosen;
    apply_merge_patch(object, scaling_patch({.kind = Kind::daemon_set, .replicas = 1}));
    CHECK(object == authored(Kind::daemon_set, chosen));
    apply_merge_patch(object, scaling_patch({.kind = Kind::daemon_set, .replicas = 0}));
    CHECK(object == chosen);
}

TEST_CASE("a DaemonSet is ready when every node that it wants has its new pod") {
    auto set = json(R"({"metadata": {"generation": 2}, "status": {"observedGeneration": 2,
        "desiredNumberScheduled": 4, "updatedNumberScheduled": 4, "numberAvailable": 4}})");
    const auto why = [&](int threshold = 100, std::optional<Time> since = {}) {
        const auto readiness = readiness_of_daemon_set(set, {60s, threshold, since, noon});
        return readiness.state == ReadyState::ready ? "ready" : readiness.why;
    };
    CHECK(why() == "ready");
    put(set, {"status", "numberAvailable"}, 3);
    CHECK(why() ==
          "waiting for rollout to finish: 3 of 4 (readyThreshold 100%) updated pods are available");
    CHECK(why(75) == "ready");
    put(set, {"status", "updatedNumberScheduled"}, 1);
    CHECK(why(75) == "waiting for rollout to finish: 1 out of 4 new pods have been updated");
    put(set, {"metadata", "generation"}, 3);
    CHECK(why() ==
          "waiting for rollout to finish: observed daemonset generation less than desired "
          "generation");
    // By the clock of this wait, and not by what was before it (DB-22).
    CHECK(why(100, noon - 61s) == "exceeded its progressDeadlineSeconds: 60");
    CHECK(readiness_of_daemon_set(set, {60s, 100, noon - 10s, noon}).deadline == noon + 50s);
    put(set, {"metadata", "generation"}, 2);
    put(set, {"status", "desiredNumberScheduled"}, 0);
    CHECK(why() == "waiting for rollout to finish: no node is selected");
}

TEST_CASE("a Service is judged by its spec, without what the cluster has allocated") {
    const auto service = json(R"({"spec": {"type": "NodePort", "clusterIP": "10.0.0.1",
        "clusterIPs": ["10.0.0.1"], "healthCheckNodePort": 30001, "selector": {"app": "x"},
        "ports": [{"port": 80, "nodePort": 30000}]}})");
    CHECK(
        authored(Kind::service, service) ==
        json(
            R"({"spec": {"type": "NodePort", "selector": {"app": "x"}, "ports": [{"port": 80}]}})"));
    const auto headless = json(R"({"spec": {"clusterIP": "None", "clusterIPs": ["None"]}})");
    CHECK(authored(Kind::service, headless) == headless);
}

TEST_CASE("a query about the target becomes one about the primary") {
    const auto of = [](std::string_view query) { return query_of_primary(query, "podinfo"); };
    CHECK(of(R"(a{app="podinfo"})") == R"(a{app="podinfo-primary"})");
    CHECK(of(R"(a{app="podinfo-canary"})") == R"(a{app="podinfo-primary"})");
    CHECK(of(R"(a{app="podinfo-primary"})") == R"(a{app="podinfo-primary"})");
    CHECK(of(R"(a{pod=~"podinfo-[a-z]+"} + b{s="podinfo.test"})") ==
          R"(a{pod=~"podinfo-primary-[a-z]+"} + b{s="podinfo-primary.test"})");
    // No name of a metric may have a minus.
    CHECK(of("rate(podinfo_requests[1m])") == "rate(podinfo_requests[1m])");
    CHECK(of("rate(my_podinfo[1m])") == "rate(my_podinfo[1m])");
    CHECK(of("podinfopodinfo podinfo") == "podinfopodinfo podinfo-primary");
    CHECK(query_of_primary("x", "") == "x");
}

TEST_CASE("a Service is given back as kubectl applied it, else by the target's label") {
    auto live = json(R"({"metadata": {"annotations": {"team": "a",
        "kustomize.toolkit.fluxcd.io/reconcile": "disabled",
        "helm.toolkit.fluxcd.io/driftDetection": "disabled"}},
        "spec": {"type": "NodePort", "selector": {"app": "podinfo-primary"}}})");
    const auto label = json(R"({"app": "podinfo"})");
    const auto before = service_before(live, label);
    CHECK(before == json(R"({"metadata": {"annotations": {"team": "a"}},
        "spec": {"type": "NodePort", "selector": {"app": "podinfo"}}})"));
    CHECK(service_before(before, label) == before);
    CHECK(*find(service_before(live, nullptr), {"spec", "selector"}) ==
          json(R"({"app": "podinfo-primary"})"));

    put(live,
        {"metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"},
        R"({"metadata": {"annotations": {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}},
            "spec": {"selector": {"app": "podinfo", "tier": "web"}}})");
    const auto applied = service_before(live, label);
    CHECK(*find(applied, {"spec", "selector"}) == json(R"({"app": "podinfo", "tier": "web"})"));
    CHECK(text_at(applied, {"metadata", "annotations", "kustomize.toolkit.fluxcd.io/reconcile"}) ==
          "disabled");
    // What cannot be read holds nothing up.
    put(live, {"metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"}, "{");
    CHECK(*find(service_before(live, label), {"spec", "selector"}) == label);
}
