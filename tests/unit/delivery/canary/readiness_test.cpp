#include "delivery/canary/readiness.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

#include <functional>

using namespace sluice;
using namespace sluice::canary;
using namespace std::chrono_literals;

namespace {

const Time noon = *parse_rfc3339("2026-01-25T12:00:00Z");

Json a_deployment(const std::function<void(Json&)>& edit = [](Json&) {}) {
    auto object = parse_json(R"({
      "metadata": {"name": "podinfo", "generation": 2}, "spec": {"replicas": 2},
      "status": {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2,
        "conditions": [{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable",
                        "lastUpdateTime": "2026-01-25T11:00:00Z"},
                       {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable",
                        "lastUpdateTime": "2026-01-25T11:00:00Z"}]}})")
                      .value();
    edit(object);
    return object;
}

Readiness of(const std::function<void(Json&)>& edit,
             ReadinessQuestion question = {60s, 100, {}, noon}) {
    return readiness_of(a_deployment(edit), question);
}

}  // namespace

TEST_CASE("a Deployment is ready when all that is wanted is updated and available") {
    CHECK(of([](Json&) {}).state == ReadyState::ready);
    CHECK(of([](Json& d) { put(d, {"metadata", "generation"}, 3); }).why ==
          "waiting for rollout to finish: observed deployment generation less than desired "
          "generation");
    CHECK(of([](Json& d) { put(d, {"status", "updatedReplicas"}, 1); }).why ==
          "waiting for rollout to finish: 1 out of 2 new replicas have been updated");
    CHECK(of([](Json& d) { put(d, {"status", "replicas"}, 3); }).why ==
          "waiting for rollout to finish: 1 old replicas are pending termination");
    CHECK(of([](Json& d) { put(d, {"status", "availableReplicas"}, 1); }).why ==
          "waiting for rollout to finish: 1 of 2 (readyThreshold 100%) updated replicas are "
          "available");
    CHECK(of([](Json& d) { put(d, {"status", "availableReplicas"}, 1); }, {60s, 50, {}, noon})
              .state == ReadyState::ready);
}

TEST_CASE("a Deployment at zero serves nobody, so it is not ready") {
    CHECK(of([](Json& d) {
              put(d, {"spec", "replicas"}, 0);
              put(d, {"status"}, JsonObject{{"observedGeneration", 2}});
          }).state == ReadyState::waiting);
    CHECK(
        of([](Json& d) { put(d, {"status", "availableReplicas"}, 0); }, {60s, 0, {}, noon}).state ==
        ReadyState::waiting);
}

TEST_CASE("waiting ends at the deadline of the Canary, of the Deployment, or of our own clock") {
    const auto lacks = [](Json& d) {
        put(d, {"status", "availableReplicas"}, 0);
        auto& available = find(d, {"status", "conditions"})->as_array()[1];
        put(available, {"status"}, "False");
        put(available, {"reason"}, "MinimumReplicasUnavailable");
        put(available, {"lastUpdateTime"}, "2026-01-25T11:59:30Z");
    };
    const auto waiting = of(lacks);
    CHECK(waiting.state == ReadyState::waiting);
    CHECK(waiting.deadline == noon + 30s);
    CHECK(of(lacks, {60s, 100, {}, noon + 30s}).state == ReadyState::waiting);
    CHECK(of(lacks, {60s, 100, {}, noon + 31s}).state == ReadyState::fatal);

    // What was lacking before this wait began does not count.
    CHECK(of(lacks, {60s, 100, noon + 45s, noon + 50s}).deadline == noon + 105s);
    CHECK(of(lacks, {60s, 100, noon - 45s, noon}).deadline == noon + 15s);

    const auto timed_out = of([](Json& d) {
        put(find(d, {"status", "conditions"})->as_array()[0],
            {"reason"},
            "ProgressDeadlineExceeded");
    });
    CHECK(timed_out.state == ReadyState::fatal);
    CHECK(timed_out.why == "deployment \"podinfo\" exceeded its progress deadline");

    // Nothing is said by the Deployment: our clock runs from the start of the wait, and anew with
    // each progress.
    const auto unseen = [](Json& d) { put(d, {"metadata", "generation"}, 3); };
    CHECK(of(unseen, {60s, 100, noon, noon + 60s}).state == ReadyState::waiting);
    CHECK(of(unseen, {60s, 100, noon, noon + 61s}).state == ReadyState::fatal);
    const auto progresses = [&](Json& d) {
        unseen(d);
        put(find(d, {"status", "conditions"})->as_array()[0],
            {"lastUpdateTime"},
            "2026-01-25T12:00:40Z");
    };
    CHECK(of(progresses, {60s, 100, noon, noon + 61s}).state == ReadyState::waiting);
    CHECK(of(unseen).deadline == std::nullopt);
}
