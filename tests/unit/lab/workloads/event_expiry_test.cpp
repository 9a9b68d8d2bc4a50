#include "lab/workloads/event_expiry.hpp"

#include "a_lab.hpp"

namespace sluice::lab::testing {

using std::chrono::minutes;

TEST_CASE("an Event is forgotten an hour after it was last written") {
    Lab lab;
    EventExpiry expiry(lab.context().get_executor(), lab.cluster());
    lab.start();
    expiry.start();
    lab.create(resources::deployments, a_deployment({.replicas = 1}));
    lab.run_for(seconds{5});
    REQUIRE_FALSE(lab.events("Pod").empty());
    const auto pod = kube::key_of(*lab.pods().front()).name;

    // One kind of Event is counted up half an hour later, and lives on from there.
    lab.run_for(minutes{30});
    lab.runtime().crash({"default", pod}, 1);
    lab.run_for(minutes{31});
    const auto left = lab.events("Pod");
    const auto tells = [&left](std::string_view what) {
        return std::ranges::any_of(left,
                                   [&](const std::string& text) { return text.starts_with(what); });
    };
    CHECK(tells("Started"));
    CHECK_FALSE(tells("Scheduled"));
    CHECK(lab.events("Deployment").empty());

    lab.run_for(minutes{61});
    CHECK(lab.events("Pod").empty());
}

}  // namespace sluice::lab::testing
