#include "delivery/canary/alerts.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::canary;

namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

World a_world() {
    World world;
    world.canary.name = "podinfo";
    world.canary.ns = "test";
    world.canary.target = {"apps/v1", "Deployment", "podinfo"};
    world.canary.progress_deadline = std::chrono::seconds{600};
    world.canary.analysis.threshold = 5;
    world.canary.analysis.step_weight = 10;
    world.canary.analysis.max_weight = 50;
    return world;
}

std::string routing(const World& world) {
    for (const auto& [name, value] : alert_fields(world, {.with_fields = true}, "")) {
        if (name == "Traffic routing") return value;
    }
    return "none";
}

std::vector<std::string> told(const World& world, api::Severity severity) {
    std::vector<std::string> names;
    for (const auto& to : receivers_of(world, {.severity = severity})) names.push_back(to.name);
    return names;
}

}  // namespace

TEST_CASE("an alert tells the cluster, and where it has fields the target and its plan, in order") {
    CHECK(alert_fields(a_world(), {.with_fields = true}, "lab") ==
          Fields{{"Cluster", "lab"},
                 {"Target", "Deployment/podinfo.test"},
                 {"Failed checks threshold", "5"},
                 {"Progress deadline", "600s"},
                 {"Traffic routing", "Weight step: 10 max: 50"}});
    CHECK(alert_fields(a_world(), {}, "lab") == Fields{{"Cluster", "lab"}});
    CHECK(alert_fields(a_world(), {}, "").empty());
}

TEST_CASE("the plan is told as the spec is written") {
    auto world = a_world();
    auto& analysis = world.canary.analysis;
    analysis.step_weight = 0;
    analysis.step_weights = {1, 2, 10};
    analysis.max_weight.reset();
    CHECK(routing(world) == "Weight steps: 1,2,10 max: 0");
    analysis.step_weights.clear();
    CHECK(routing(world) == "none");
    analysis.iterations = 10;
    CHECK(routing(world) == "Blue/Green");
    analysis.matches = true;
    CHECK(routing(world) == "A/B Testing");
}

TEST_CASE("a warning goes to those who asked for information and for warnings (check 22)") {
    auto world = a_world();
    world.canary.analysis.alerts = {{"chat", api::Severity::info, {"chat", "test"}},
                                    {"channel", api::Severity::warn, {"channel", "test"}},
                                    {"pager", api::Severity::error, {"pager", "test"}}};
    using Names = std::vector<std::string>;
    CHECK(told(world, api::Severity::info) == Names{"chat"});
    CHECK(told(world, api::Severity::warn) == Names{"chat", "channel"});
    CHECK(told(world, api::Severity::error) == Names{"chat", "channel", "pager"});
}
