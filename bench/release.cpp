// A whole release in virtual time, in the world of the scenario tests (tests/scenario): how many
// API requests each step costs, and how long half an hour of it takes here.
#include "figures.hpp"
#include "scenario/script.hpp"
#include "timing.hpp"

#include <algorithm>

namespace sluice::bench {
namespace {

using scenario::parse_script;
using scenario::Player;
using scenario::World;

// Twenty-eight steps, a minute each.
constexpr std::string_view half_an_hour = R"(
target 1
canary step 2 max 56 interval 1m metric request-success-rate 99 - metric request-duration - 500
start
until phase Initialized
image 6.1.0
)";

void play(World& world, std::string_view script) {
    Player player(world);
    const auto wrong = player.play(parse_script(script));
    if (!wrong.empty()) throw std::runtime_error(wrong.front());
}

struct Requests {
    int writes = 0;
    int reads = 0;
};

// The most that any step cost: from one phase or weight to the next.
Requests dearest_step() {
    World world({.leader_election = false});
    play(world, half_an_hour);
    const auto stand = [&] { return std::pair(world.phase(), world.status_weight()); };
    Requests most;
    for (auto before = stand(); before.first != "Succeeded"; before = stand()) {
        world.api.count_from_zero();
        while (stand() == before) world.run_for(milliseconds{200});
        most = {.writes = std::max(most.writes, world.api.writes()),
                .reads = std::max(most.reads, world.api.reads())};
    }
    return most;
}

// Processor time of this thread, without setting the world up. No lease is held: a release policy
// that is tried out has no rival.
double cpu_of_half_an_hour() {
    World world({.leader_election = false});
    play(world, half_an_hour);
    const auto began = world.clock.now();
    const auto cpu = cpu_seconds();
    while (world.phase() != "Succeeded") world.run_for(std::chrono::minutes{1});
    const auto used = cpu_seconds() - cpu;
    if (world.clock.now() - began < std::chrono::minutes{28})
        throw std::runtime_error("the release took less than half an hour");
    return used * 1000;
}

}  // namespace

Figures release() {
    const auto most = dearest_step();
    std::vector<double> times;
    for (int i = 0; i < 9; ++i) times.push_back(cpu_of_half_an_hour());
    std::ranges::sort(times);
    return {at_most(6, "", "release: API writes of the dearest step", most.writes),
            at_most(0, "", "release: API reads of the dearest step", most.reads),
            at_most(50, "ms", "release: 30 minutes in virtual time, median of 9", times[4])};
}

}  // namespace sluice::bench
