#include "a_lab.hpp"

namespace sluice::lab::testing {
namespace {

using Texts = std::vector<std::string>;

std::string sort_key(const ObjectPtr& pod) {
    return kube::key_of(*pod).name;
}

}  // namespace

TEST_CASE("deleting a Deployment takes its ReplicaSets and pods with it") {
    Lab lab;
    lab.start();
    lab.create(resources::deployments, a_deployment());
    lab.run_for(seconds{5});
    lab.remove(resources::deployments, "web");
    lab.run_for(seconds{40});
    CHECK(lab.list(resources::replica_sets).empty());
    CHECK(lab.pods().empty());
}

TEST_CASE("orphaned ReplicaSets and pods stay, and a new Deployment adopts them") {
    Lab lab;
    lab.start();
    lab.create(resources::deployments, a_deployment());
    lab.run_for(seconds{5});
    const auto pods = lab.pods();
    lab.remove(resources::deployments, "web", {.propagation = "Orphan"});
    lab.run_for(seconds{5});
    CHECK(lab.list(resources::replica_sets).size() == 1);
    lab.create(resources::deployments, a_deployment());
    lab.run_for(seconds{5});
    CHECK(lab.sizes() == Texts{"2/2/2"});
    CHECK(std::ranges::equal(lab.pods(), pods, {}, sort_key, sort_key));
}

}  // namespace sluice::lab::testing
