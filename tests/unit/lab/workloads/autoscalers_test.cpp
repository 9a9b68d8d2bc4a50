#include "lab/workloads/autoscalers.hpp"

#include "a_lab.hpp"

namespace sluice::lab::testing {
namespace {

Json an_autoscaler(std::int64_t min, std::int64_t max) {
    return {{"apiVersion", "autoscaling/v2"},
            {"kind", "HorizontalPodAutoscaler"},
            {"metadata", {{"name", "web"}, {"namespace", "default"}}},
            {"spec",
             {{"minReplicas", min},
              {"maxReplicas", max},
              {"scaleTargetRef",
               {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", "web"}}}}}};
}

std::string condition(Lab& lab, std::string_view type) {
    const auto autoscaler = lab.get(resources::horizontal_pod_autoscalers, "web");
    for (const auto& condition : array_at(autoscaler, {"status", "conditions"})) {
        if (text_at(condition, {"type"}) != type) continue;
        return std::string(text_at(condition, {"status"})) + " " +
               std::string(text_at(condition, {"reason"}));
    }
    return "";
}

std::int64_t replicas(Lab& lab) {
    return integer_at(lab.get(resources::deployments, "web"), {"spec", "replicas"}).value_or(-1);
}

}  // namespace

TEST_CASE("an autoscaler brings its target inside of its bounds") {
    Lab lab;
    lab.start();
    lab.create(resources::deployments, a_deployment({.replicas = 1}));
    lab.create(resources::horizontal_pod_autoscalers, an_autoscaler(2, 4));
    lab.run_for(seconds{5});
    CHECK(replicas(lab) == 2);
    CHECK(condition(lab, "ScalingActive") == "False FailedGetResourceMetric");
    const auto events = lab.events("HorizontalPodAutoscaler");
    REQUIRE(events.size() == 3);
    CHECK(events.front() ==
          "SuccessfulRescale: New size: 2; reason: Current number of replicas below "
          "Spec.MinReplicas");
    lab.patch(resources::deployments, "web", {{"spec", {{"replicas", 9}}}});
    lab.run_for(seconds{5});
    CHECK(replicas(lab) == 4);
    const auto autoscaler = lab.get(resources::horizontal_pod_autoscalers, "web");
    CHECK(integer_at(autoscaler, {"status", "currentReplicas"}) == 4);
    CHECK(integer_at(autoscaler, {"status", "desiredReplicas"}) == 4);
}

TEST_CASE("an autoscaler leaves a target at zero alone, and wakes with it") {
    Lab lab;
    lab.start();
    lab.create(resources::deployments, a_deployment({.replicas = 0}));
    lab.create(resources::horizontal_pod_autoscalers, an_autoscaler(2, 4));
    lab.run_for(seconds{60});
    CHECK(replicas(lab) == 0);
    CHECK(condition(lab, "ScalingActive") == "False ScalingDisabled");
    lab.patch(resources::deployments, "web", {{"spec", {{"replicas", 1}}}});
    lab.run_for(seconds{5});
    CHECK(replicas(lab) == 2);
    const auto revision = lab.cluster().revision();
    lab.run_for(std::chrono::hours{1});
    CHECK(lab.cluster().revision() == revision);
}

TEST_CASE("an autoscaler without its target says so, and finds it when it comes") {
    Lab lab;
    lab.start();
    lab.create(resources::horizontal_pod_autoscalers, an_autoscaler(2, 4));
    lab.run_for(seconds{1});
    CHECK(condition(lab, "AbleToScale") == "False FailedGetScale");
    lab.create(resources::deployments, a_deployment({.replicas = 1}));
    lab.run_for(seconds{5});
    CHECK(replicas(lab) == 2);
}

}  // namespace sluice::lab::testing
