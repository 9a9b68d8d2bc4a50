#include "lab/workloads/rollout_math.hpp"

#include "lab/workloads/template_hash.hpp"

#include <boost/json/object.hpp>
#include <doctest/doctest.h>

namespace sluice::lab {
namespace {

using Sizes = std::vector<std::int64_t>;

Json deployment(std::int64_t replicas, Json surge, Json unavailable) {
    return {{"spec",
             {{"replicas", replicas},
              {"strategy",
               {{"type", "RollingUpdate"},
                {"rollingUpdate",
                 {{"maxSurge", std::move(surge)}, {"maxUnavailable", std::move(unavailable)}}}}}}}};
}

ReplicaSetSize set(std::int64_t spec, std::int64_t available, std::string created = "1") {
    return {spec, available, std::move(created)};
}

}  // namespace

TEST_CASE("percentages round up for the surge and down for the unavailable") {
    const auto bounds = rollout_bounds(deployment(10, "25%", "25%"));
    CHECK(bounds.surge == 3);
    CHECK(bounds.unavailable == 2);
}

TEST_CASE("with surge and unavailable both at zero one pod may be missing") {
    CHECK(rollout_bounds(deployment(3, "0%", "10%")).unavailable == 1);
    CHECK(rollout_bounds(deployment(0, 0, 0)).unavailable == 0);
}

TEST_CASE("the new set grows as far as the surge leaves room") {
    const RolloutNumbers wanted{4, {1, 1}};
    CHECK(new_replicas(wanted, 0, 4) == 1);
    CHECK(new_replicas(wanted, 1, 5) == 1);
    CHECK(new_replicas(wanted, 1, 3) == 3);
    CHECK(new_replicas(wanted, 6, 6) == 4);
}

TEST_CASE("old pods that serve nobody go first, then as many as availability allows") {
    const RolloutNumbers wanted{4, {1, 1}};
    CHECK(old_replicas(wanted, set(1, 0), {set(4, 4)}) == Sizes{3});
    CHECK(old_replicas(wanted, set(1, 1), {set(4, 4)}) == Sizes{2});
    CHECK(old_replicas(wanted, set(2, 0), {set(3, 0, "2"), set(3, 3, "1")}) == Sizes{0, 3});
}

TEST_CASE("a size changed in the middle of a rollout is shared out by size") {
    const RolloutNumbers wanted{20, {5, 5}};
    const std::vector<ReplicaSetSize> active{{8, 8, "1", 13}, {5, 5, "2", 13}};
    CHECK(proportional_replicas(wanted, active) == Sizes{15, 10});
}

TEST_CASE("a hash has Kubernetes' alphabet and does not see what means nothing") {
    const Json plain = {{"metadata", {{"labels", {{"app", "web"}}}}},
                        {"spec", {{"containers", JsonArray{Json{{"name", "web"}}}}}}};
    Json undone = plain;
    put(undone, {"metadata", "creationTimestamp"}, nullptr);
    put(undone, {"spec", "securityContext"}, JsonObject{});
    put(undone, {"metadata", "labels", "pod-template-hash"}, Json("abc"));
    CHECK(template_hash(plain) == template_hash(undone));
    CHECK(template_hash(plain) != template_hash(plain, 1));
    CHECK(template_hash(plain).find_first_not_of("456789bcdf") == std::string::npos);
}

}  // namespace sluice::lab
