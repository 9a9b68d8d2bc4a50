#include "a_lab.hpp"

namespace sluice::lab::testing {
namespace {

using Texts = std::vector<std::string>;

std::string sort_key(const ObjectPtr& pod) {
    return kube::key_of(*pod).name;
}

}  // namespace

TEST_CASE("a Deployment gets its pods, and says so when they are ready") {
    Lab lab;
    lab.start();
    lab.create(resources::deployments, a_deployment());
    lab.run_for(seconds{5});

    const auto deployment = lab.get(resources::deployments, "web");
    CHECK(integer_at(deployment, {"status", "replicas"}) == 2);
    CHECK(integer_at(deployment, {"status", "updatedReplicas"}) == 2);
    CHECK(integer_at(deployment, {"status", "readyReplicas"}) == 2);
    CHECK(integer_at(deployment, {"status", "availableReplicas"}) == 2);
    CHECK_FALSE(integer_at(deployment, {"status", "unavailableReplicas"}).has_value());
    CHECK(integer_at(deployment, {"status", "observedGeneration"}) == 1);
    CHECK(lab.condition("web", "Available") == "True MinimumReplicasAvailable");
    CHECK(lab.condition("web", "Progressing") == "True NewReplicaSetAvailable");
    CHECK(text_at(deployment, {"metadata", "annotations", "deployment.kubernetes.io/revision"}) ==
          "1");
    CHECK(lab.sizes() == Texts{"2/2/2"});
    // The last timer is the look at the progress deadline.
    lab.run_for(std::chrono::minutes{11});
    CHECK(lab.clock().next_wake() == std::nullopt);
}

TEST_CASE("a settled Deployment writes nothing more") {
    Lab lab;
    lab.start();
    lab.create(resources::deployments, a_deployment());
    lab.create(resources::services, a_service("web", "web"));
    lab.run_for(seconds{10});
    const auto revision = lab.cluster().revision();
    lab.run_for(std::chrono::hours{1});
    CHECK(lab.cluster().revision() == revision);
}

TEST_CASE("a new image rolls within surge and availability") {
    Lab lab;
    lab.start();
    lab.create(
        resources::deployments,
        a_deployment({.replicas = 4,
                      .strategy = {{"type", "RollingUpdate"},
                                   {"rollingUpdate", {{"maxSurge", 1}, {"maxUnavailable", 1}}}}}));
    lab.run_for(seconds{5});
    lab.set_image("web", "demo:2");
    std::int64_t most = 0;
    std::int64_t least = 4;
    for (int step = 0; step < 300; ++step) {
        lab.run_for(std::chrono::milliseconds{100});
        std::int64_t active = 0;
        std::int64_t available = 0;
        for (const auto& set : lab.list(resources::replica_sets)) {
            active += integer_at(*set, {"spec", "replicas"}).value_or(0);
            available += integer_at(*set, {"status", "availableReplicas"}).value_or(0);
        }
        most = std::max(most, active);
        least = std::min(least, available);
    }
    CHECK(most == 5);
    CHECK(least == 3);
    CHECK(lab.sizes() == Texts{"0/0/0", "4/4/4"});
    CHECK(lab.condition("web", "Progressing") == "True NewReplicaSetAvailable");
    CHECK(lab.pods().size() == 4);
}

TEST_CASE("an undo re-uses the old ReplicaSet under a new revision") {
    Lab lab;
    lab.start();
    lab.create(resources::deployments, a_deployment());
    lab.run_for(seconds{5});
    const auto first = kube::key_of(*lab.list(resources::replica_sets).front()).name;
    const auto before = lab.get(resources::deployments, "web");
    lab.set_image("web", "demo:2");
    lab.run_for(seconds{20});
    REQUIRE(lab.sizes() == Texts{"0/0/0", "2/2/2"});

    // As kubectl sends it: with a null and an empty object.
    Json old_template = *find(before, {"spec", "template"});
    put(old_template, {"metadata", "creationTimestamp"}, nullptr);
    lab.patch(
        resources::deployments,
        "web",
        JsonArray{Json{{"op", "replace"}, {"path", "/spec/template"}, {"value", old_template}}},
        PatchKind::json);
    lab.run_for(seconds{20});
    CHECK(lab.list(resources::replica_sets).size() == 2);
    const auto set = lab.get(resources::replica_sets, first);
    CHECK(text_at(set, {"metadata", "annotations", "deployment.kubernetes.io/revision"}) == "3");
    CHECK(text_at(set, {"metadata", "annotations", "deployment.kubernetes.io/revision-history"}) ==
          "1");
    CHECK(integer_at(set, {"status", "availableReplicas"}) == 2);
}

TEST_CASE("Recreate starts the new pods when the last old one is gone") {
    Lab lab;
    lab.start();
    lab.create(resources::deployments, a_deployment({.strategy = {{"type", "Recreate"}}}));
    lab.run_for(seconds{5});
    lab.set_image("web", "demo:2");
    for (int step = 0; step < 100; ++step) {
        lab.run_for(std::chrono::milliseconds{100});
        std::set<std::string> images;
        for (const auto& pod : lab.pods()) {
            images.emplace(text_at(array_at(*pod, {"spec", "containers"}).front(), {"image"}));
        }
        CHECK(images.size() <= 1);
    }
    CHECK(lab.sizes() == Texts{"0/0/0", "2/2/2"});
}

TEST_CASE("a rollout that makes no progress exceeds its deadline, and recovers by the next one") {
    Lab lab;
    lab.start();
    lab.create(resources::deployments, a_deployment({.extra = {{"progressDeadlineSeconds", 60}}}));
    lab.run_for(seconds{5});
    lab.set_image("web", "demo:2-unready");
    lab.run_for(seconds{55});
    CHECK(lab.condition("web", "Progressing") == "True ReplicaSetUpdated");
    lab.run_for(seconds{20});
    CHECK(lab.condition("web", "Progressing") == "False ProgressDeadlineExceeded");
    CHECK(lab.condition("web", "Available") == "True MinimumReplicasAvailable");

    lab.set_image("web", "demo:3");
    lab.run_for(seconds{20});
    CHECK(lab.condition("web", "Progressing") == "True NewReplicaSetAvailable");
}

TEST_CASE("a paused Deployment does not roll, and does when it is resumed") {
    Lab lab;
    lab.start();
    lab.create(resources::deployments, a_deployment());
    lab.run_for(seconds{5});
    lab.patch(resources::deployments, "web", {{"spec", {{"paused", true}}}});
    lab.set_image("web", "demo:2");
    lab.run_for(seconds{30});
    CHECK(lab.sizes() == Texts{"2/2/2"});
    CHECK(lab.condition("web", "Progressing") == "Unknown DeploymentPaused");
    lab.patch(resources::deployments, "web", {{"spec", {{"paused", nullptr}}}});
    lab.run_for(seconds{30});
    CHECK(lab.sizes() == Texts{"0/0/0", "2/2/2"});
}

TEST_CASE("scaling keeps the ReplicaSet and gives up the youngest pods") {
    Lab lab;
    lab.start();
    lab.create(resources::deployments, a_deployment({.replicas = 1}));
    lab.run_for(seconds{60});
    const auto oldest = lab.pods().front();
    lab.patch(resources::deployments, "web", {{"spec", {{"replicas", 4}}}});
    lab.run_for(seconds{10});
    CHECK(lab.sizes() == Texts{"4/4/4"});
    lab.patch(resources::deployments, "web", {{"spec", {{"replicas", 1}}}});
    lab.run_for(seconds{10});
    REQUIRE(lab.pods().size() == 1);
    CHECK(sort_key(lab.pods().front()) == sort_key(oldest));
    lab.patch(resources::deployments, "web", {{"spec", {{"replicas", 0}}}});
    lab.run_for(seconds{10});
    CHECK(lab.pods().empty());
    CHECK(lab.condition("web", "Available") == "True MinimumReplicasAvailable");
}

TEST_CASE("old ReplicaSets beyond the history limit are cleaned up") {
    Lab lab;
    lab.start();
    lab.create(resources::deployments, a_deployment({.extra = {{"revisionHistoryLimit", 1}}}));
    for (int version = 2; version < 6; ++version) {
        lab.run_for(seconds{20});
        lab.set_image("web", "demo:" + std::to_string(version));
    }
    lab.run_for(seconds{20});
    CHECK(lab.sizes() == Texts{"0/0/0", "2/2/2"});
}

TEST_CASE("a rollout tells of itself in Events") {
    Lab lab;
    lab.start();
    lab.create(resources::deployments, a_deployment({.replicas = 1}));
    lab.run_for(seconds{5});
    const auto first = kube::key_of(*lab.list(resources::replica_sets).front()).name;
    lab.set_image("web", "demo:2");
    lab.run_for(seconds{10});
    std::string second;
    for (const auto& set : lab.list(resources::replica_sets)) {
        if (kube::key_of(*set).name != first) second = kube::key_of(*set).name;
    }
    CHECK(lab.events("Deployment") ==
          Texts{"ScalingReplicaSet: Scaled up replica set " + first + " from 0 to 1",
                "ScalingReplicaSet: Scaled up replica set " + second + " from 0 to 1",
                "ScalingReplicaSet: Scaled down replica set " + first + " from 1 to 0"});
}

}  // namespace sluice::lab::testing
