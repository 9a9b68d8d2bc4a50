#include "a_lab.hpp"

namespace sluice::lab::testing {
namespace {

std::string why_pending(Lab& lab) {
    for (const auto& condition : array_at(*lab.pods().at(0), {"status", "conditions"})) {
        if (text_at(condition, {"type"}) == "PodScheduled") {
            return std::string(text_at(condition, {"message"}));
        }
    }
    return "";
}

void cordon(Lab& lab, Json unschedulable) {
    const auto patched = lab.cluster().patch(resources::nodes,
                                             {"", "lab-1"},
                                             PatchKind::merge,
                                             {{"spec", {{"unschedulable", unschedulable}}}});
    REQUIRE(patched.has_value());
}

}  // namespace

TEST_CASE("a pod waits while the node is cordoned and runs when it is let in again") {
    Lab lab;
    lab.start();
    cordon(lab, true);
    lab.create(resources::deployments, a_deployment({.replicas = 1}));
    lab.run_for(seconds{5});
    CHECK(why_pending(lab) == "0/1 nodes are available: 1 node(s) were unschedulable.");
    cordon(lab, nullptr);
    lab.run_for(seconds{5});
    CHECK(text_at(*lab.pods().at(0), {"status", "phase"}) == "Running");
}

}  // namespace sluice::lab::testing
