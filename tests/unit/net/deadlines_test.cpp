#include "net/deadlines.hpp"

#include "base/async/virtual_clock.hpp"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <string>

using namespace sluice;
using namespace sluice::net;
using namespace std::chrono_literals;

namespace {

struct World {
    boost::asio::io_context context;
    VirtualClock clock{context, Time{}};
    Deadlines deadlines{context.get_executor(), clock};
    std::string passed;

    ~World() { clock.settle(); }
};

}  // namespace

TEST_CASE("a deadline passes once, at its time, in the order of the times") {
    World world;
    Deadlines::Entry a(world.deadlines, [&world] { world.passed += "a"; });
    Deadlines::Entry b(world.deadlines, [&world] { world.passed += "b"; });
    a.arm_in(5s);
    b.arm_in(3s);
    world.clock.run_for(2999ms);
    CHECK(world.passed == "");
    world.clock.run_for(1ms);
    CHECK(world.passed == "b");
    world.clock.run_for(1h);
    CHECK(world.passed == "ba");
}

TEST_CASE("a deadline may be moved either way and taken back") {
    World world;
    Deadlines::Entry entry(world.deadlines, [&world] { world.passed += "!"; });
    entry.arm_in(10s);
    entry.arm_in(1h);
    world.clock.run_for(59min);
    CHECK(world.passed == "");
    entry.arm_in(1s);
    world.clock.run_for(1s);
    CHECK(world.passed == "!");
    entry.arm_in(1s);
    entry.disarm();
    world.clock.run_for(1h);
    CHECK(world.passed == "!");
}

TEST_CASE("a deadline's action may destroy it, and nobody sleeps when none is left") {
    World world;
    std::unique_ptr<Deadlines::Entry> entry;
    entry = std::make_unique<Deadlines::Entry>(world.deadlines, [&] {
        world.passed += "!";
        entry = nullptr;
    });
    Deadlines::Entry other(world.deadlines, [&world] { world.passed += "?"; });
    entry->arm_in(1s);
    {
        Deadlines::Entry brief(world.deadlines, [] {});
        brief.arm_in(1h);
    }
    world.clock.run_for(1s);
    CHECK(world.passed == "!");
    world.clock.settle();
    CHECK(world.clock.next_wake() == std::nullopt);
    other.arm_in(1s);
    world.clock.run_for(1s);
    CHECK(world.passed == "!?");
}

TEST_CASE("a deadline that outlives its keeper never passes") {
    World world;
    bool has_passed = false;
    std::unique_ptr<Deadlines::Entry> entry;
    {
        Deadlines brief(world.context.get_executor(), world.clock);
        entry = std::make_unique<Deadlines::Entry>(brief, [&has_passed] { has_passed = true; });
        entry->arm_in(1s);
    }
    entry->arm_in(2s);
    world.clock.run_for(1h);
    CHECK_FALSE(has_passed);
}
