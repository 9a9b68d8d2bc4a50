#include "kube/lease.hpp"

#include "lab_world.hpp"

#include <rapidcheck.h>

using namespace sluice;
using namespace sluice::kube;
using namespace sluice::kube::test;

namespace {

// One process that wants to lead, with a connection of its own.
struct Candidate {
    Candidate(LabWorld& world_, std::string identity)
        : world(world_),
          http(world.context.get_executor(), world.in_process),
          client(world.clock, http, Connection{}),
          election(world.context.get_executor(),
                   world.clock,
                   world.random,
                   client,
                   world.log,
                   {.lease = {"default", "sluice"}, .identity = std::move(identity)}),
          tasks(world.context.get_executor()) {
        election.on_new_leader([this](const std::string& who) { leaders.push_back(who); });
    }
    ~Candidate() {
        tasks.cancel();
        world.clock.settle();
    }

    void start() {
        tasks.spawn("election", election.run([this] { ++started; }, [this] { ++stopped; }));
        world.clock.settle();
    }
    bool may_write() const { return !election.refusal(world.clock.now()); }

    LabWorld& world;
    sluice::test::FaultyClient http;
    Client client;
    LeaderElection election;
    TaskGroup tasks;
    int started = 0;
    int stopped = 0;
    std::vector<std::string> leaders;
};

Json lease(LabWorld& world) {
    const auto found = world.cluster.find(resources::leases, {"default", "sluice"});
    REQUIRE(found);
    return *found;
}

}  // namespace

TEST_CASE("the first candidate leads, writes down what it holds and keeps it") {
    LabWorld world;
    Candidate one(world, "one");
    CHECK_FALSE(one.may_write());
    one.start();
    CHECK(one.started == 1);
    CHECK(one.may_write());
    const auto first = lease(world);
    CHECK(text_at(first, {"spec", "holderIdentity"}) == "one");
    CHECK(integer_at(first, {"spec", "leaseDurationSeconds"}) == 60);
    CHECK(integer_at(first, {"spec", "leaseTransitions"}) == 0);
    CHECK(text_at(first, {"spec", "acquireTime"}) == "2026-01-01T00:00:00.000000Z");
    world.clock.run_for(10min);
    const auto later = lease(world);
    CHECK(text_at(later, {"spec", "acquireTime"}) == "2026-01-01T00:00:00.000000Z");
    CHECK(text_at(later, {"spec", "renewTime"}) == "2026-01-01T00:10:00.000000Z");
    CHECK(one.started == 1);
    CHECK(one.stopped == 0);
    CHECK(one.may_write());
}

TEST_CASE(
    "of two candidates one leads, and the other takes over when it is gone for the lease's time") {
    LabWorld world;
    Candidate one(world, "one");
    Candidate two(world, "two");
    one.start();
    two.start();
    world.clock.run_for(5min);
    CHECK(one.started + two.started == 1);
    CHECK(two.leaders == std::vector<std::string>{"one"});
    one.http.is_down = true;
    Time closed{};
    Time taken{};
    for (int i = 0; i < 1200 && taken == Time{}; ++i) {
        world.clock.run_for(100ms);
        CHECK_FALSE((one.may_write() && two.may_write()));
        if (closed == Time{} && !one.may_write()) closed = world.clock.now();
        if (two.may_write()) taken = world.clock.now();
    }
    REQUIRE(closed != Time{});
    REQUIRE(taken != Time{});
    CHECK(taken - closed > 30s);
    CHECK(one.stopped == 1);
    CHECK(one.tasks.size() == 0);
    CHECK(integer_at(lease(world), {"spec", "leaseTransitions"}) == 1);
    CHECK(two.election.transitions() == 1);
}

TEST_CASE("a leader that is gone is replaced within the lease's time and a retry period") {
    for (int gone_after = 60; gone_after < 75; ++gone_after) {
        CAPTURE(gone_after);
        LabWorld world;
        Candidate one(world, "one");
        Candidate two(world, "two");
        Candidate three(world, "three");
        one.start();
        two.start();
        three.start();
        world.clock.run_for(std::chrono::seconds{gone_after});
        REQUIRE(one.may_write());
        one.http.is_down = true;
        world.clock.run_for(60s + 5s);
        CHECK(two.started + three.started == 1);
    }
}

TEST_CASE(
    "a leader that hangs in its renewal may not write after the deadline, whatever the answer "
    "says") {
    LabWorld world;
    Candidate one(world, "one");
    one.start();
    const auto renewed = world.clock.now();
    // The server acts, and its answers are lost.
    one.http.loses_answer = [](const net::Request& request) { return request.method == "PUT"; };
    world.clock.run_until(renewed + 15s - 1ms);
    CHECK(one.may_write());
    world.clock.run_until(renewed + 15s);
    CHECK_FALSE(one.may_write());
    CHECK(one.stopped == 1);
    CHECK_FALSE(one.election.leads());
}

TEST_CASE("a leader that stops in order gives the lease back at once") {
    LabWorld world;
    Candidate one(world, "one");
    Candidate two(world, "two");
    one.start();
    two.start();
    world.clock.run_for(1min);
    one.election.stop();
    world.clock.settle();
    CHECK(one.stopped == 1);
    CHECK(one.tasks.size() == 0);
    CHECK(text_at(lease(world), {"spec", "holderIdentity"}).empty());
    CHECK(integer_at(lease(world), {"spec", "leaseDurationSeconds"}) == 1);
    world.clock.run_for(11s);
    CHECK(two.started == 1);
    CHECK(two.may_write());
    CHECK(integer_at(lease(world), {"spec", "leaseDurationSeconds"}) == 60);
}

TEST_CASE("a candidate that is stopped while it waits says nothing") {
    LabWorld world;
    Candidate one(world, "one");
    Candidate two(world, "two");
    one.start();
    two.start();
    two.election.stop();
    world.clock.run_for(1min);
    CHECK(two.tasks.size() == 0);
    CHECK(two.started == 0);
    CHECK(two.stopped == 0);
    CHECK(one.election.leads());
}

TEST_CASE("who finds its lease in other hands stops leading") {
    LabWorld world;
    Candidate one(world, "one");
    one.start();
    auto stolen = lease(world);
    put(stolen, {"spec", "holderIdentity"}, "thief");
    REQUIRE(world.cluster.update(resources::leases, stolen));
    world.clock.run_for(6s);
    CHECK(one.stopped == 1);
    CHECK_FALSE(one.may_write());
    CHECK(one.leaders == std::vector<std::string>{"thief"});
}

TEST_CASE("a lease that somebody deletes is made again") {
    LabWorld world;
    Candidate one(world, "one");
    one.start();
    REQUIRE(world.cluster.remove(resources::leases, {"default", "sluice"}));
    world.clock.run_for(6s);
    CHECK(text_at(lease(world), {"spec", "holderIdentity"}) == "one");
    CHECK(one.stopped == 0);
}

TEST_CASE("times that cannot hold are refused") {
    LeaseOptions options{.identity = "one"};
    CHECK(check(options));
    options.renew_deadline = 60s;
    CHECK(check(options).error().message ==
          "leader election: the lease duration 1m0s must be longer than the renew deadline 1m0s");
    options.renew_deadline = 6s;
    CHECK(
        check(options).error().message ==
        "leader election: the renew deadline 6s must be longer than 1.2 times the retry period 5s");
    CHECK_FALSE(check(LeaseOptions{}));
}

TEST_CASE("whatever happens to their connections, two never may write at the same time") {
    const bool held = rc::check([] {
        LabWorld world;
        std::vector<std::unique_ptr<Candidate>> candidates;
        for (const auto* name : {"one", "two", "three"})
            candidates.push_back(std::make_unique<Candidate>(world, name));
        for (auto& candidate : candidates) candidate->start();
        const auto steps = *rc::gen::resize(
            8,
            rc::gen::container<std::vector<int>>(rc::gen::resize(100, rc::gen::inRange(0, 120))));
        for (const int step : steps) {
            auto& candidate = *candidates[static_cast<std::size_t>(step % 3)];
            switch (step / 3 % 6) {
                case 0:
                    candidate.http.is_down = !candidate.http.is_down;
                    break;
                case 1:
                    candidate.http.loses_answer = [](const net::Request&) { return true; };
                    break;
                case 2:
                    candidate.http.loses_answer = nullptr;
                    break;
                case 3:
                    candidate.election.stop();
                    break;
                default:
                    break;
            }
            // From a second to two minutes.
            for (int i = 0; i < 1 + step; ++i) {
                world.clock.run_for(1s);
                const auto writers =
                    std::count_if(candidates.begin(), candidates.end(), [](const auto& one) {
                        return one->may_write();
                    });
                RC_ASSERT(writers <= 1);
            }
            // Who has ended comes back as another process would.
            if (candidate.tasks.size() == 0) {
                const auto name = std::to_string(step) + "-" +
                                  std::to_string(world.clock.now().time_since_epoch().count());
                candidates[static_cast<std::size_t>(step % 3)] =
                    std::make_unique<Candidate>(world, name);
                candidates[static_cast<std::size_t>(step % 3)]->start();
            }
        }
        // And when all is well somebody leads.
        for (auto& candidate : candidates) {
            candidate->http.is_down = false;
            candidate->http.loses_answer = nullptr;
        }
        world.clock.run_for(2min);
        const auto running = std::count_if(candidates.begin(),
                                           candidates.end(),
                                           [](const auto& one) { return one->tasks.size() > 0; });
        const auto writers = std::count_if(
            candidates.begin(), candidates.end(), [](const auto& one) { return one->may_write(); });
        RC_ASSERT(writers == (running > 0 ? 1 : 0));
    });
    CHECK(held);
}
