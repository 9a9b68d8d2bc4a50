// A whole release in virtual time, in the world of the scenario tests (tests/scenario): how many
// API requests each step costs, and how long half an hour of it takes here.
#include "figures.hpp"
#include "kube/resource.hpp"
#include "scenario/script.hpp"
#include "timing.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

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

struct StrategyScript {
    std::string name;
    std::string canary;       // the rest of the script's line
    std::string before = {};  // lines before it
};

// Without a mesh and on the Gateway API durations are counted in seconds.
constexpr const char* in_seconds = "metric request-duration 0.02\n";

// The user's own, beside which NGINX gets ours.
constexpr const char* an_ingress =
    R"(object {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", )"
    R"("metadata": {"name": "podinfo", "namespace": "test"}, "spec": {"ingressClassName": "nginx", )"
    R"("rules": [{"host": "a.example.com", "http": {"paths": [{"path": "/", "pathType": "Prefix", )"
    R"("backend": {"service": {"name": "podinfo", "port": {"number": 9898}}}}]}}]}})"
    "\n";

// Each at a minute a round.
const std::vector<StrategyScript>& strategies() {
    static const std::vector<StrategyScript> all{
        {"weights", "step 20 max 80"},
        {"weights, promoted by steps", "step 20 max 80 promotion-step 25"},
        {"weights after copies (mirror)",
         R"(step 20 max 60 with {"spec": {"analysis": {"mirror": true}}})"},
        {"weights with session affinity",
         R"(step 20 max 60 with {"spec": {"analysis": {"sessionAffinity": {"cookieName": "sid"}}}})"},
        {"A/B test",
         R"(with {"spec": {"analysis": {"iterations": 4, "match": [{"headers": {"x": {"exact": "1"}}}]}}})"},
        {"blue/green", R"(with {"spec": {"analysis": {"iterations": 4}}})"},
        {"blue/green with copies (mirror)",
         R"(with {"spec": {"analysis": {"iterations": 4, "mirror": true}}})"},
        {"blue/green without a mesh",
         R"(with {"spec": {"provider": "kubernetes", "analysis": {"iterations": 4}}})",
         in_seconds},
        {"weights on the Gateway API",
         R"(step 20 max 80 with {"spec": {"provider": "gatewayapi:v1", )"
         R"("service": {"gatewayRefs": [{"name": "gw", "namespace": "infra"}]}}})",
         in_seconds},
        {"weights on NGINX",
         R"(step 20 max 80 with {"spec": {"provider": "nginx", )"
         R"("ingressRef": {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", )"
         R"("name": "podinfo"}}})",
         an_ingress}};
    return all;
}

// The most that any step cost: from one phase, weight or iteration to the next. Copies go for a
// round before the first weight, which is a step too.
Requests dearest_step(const StrategyScript& strategy) {
    World world({.leader_election = false});
    play(world,
         "target 1\n" + strategy.before +
             "canary interval 1m metric request-success-rate 99 - metric request-duration - 500 " +
             strategy.canary + "\nstart\nuntil phase Initialized\nimage 6.1.0\n");
    const auto stand = [&] {
        const auto status = world.canary().at("status");
        return std::tuple(world.phase(),
                          world.status_weight(),
                          integer_at(status, {"iterations"}).value_or(0),
                          bool_at(status, {"mirrored"}).value_or(false));
    };
    const auto end = world.clock.now() + std::chrono::hours{2};
    Requests most;
    for (auto before = stand(); std::get<0>(before) != "Succeeded"; before = stand()) {
        world.api.count_from_zero();
        while (stand() == before) {
            if (world.clock.now() > end)
                throw std::runtime_error(strategy.name + ": never promoted");
            world.run_for(milliseconds{200});
        }
        most = {.writes = std::max(most.writes, world.api.writes()),
                .reads = std::max(most.reads, world.api.reads())};
    }
    return most;
}

// A target whose pods use so many ConfigMaps and Secrets: what a whole release, and then an hour at
// rest, read of the API server.
struct ReadsOfConfigs {
    int release = 0;
    int hour = 0;
};
ReadsOfConfigs reads_of_configs(int configs) {
    World world({.leader_election = false});
    JsonArray used;
    for (int i = 0; i < configs; ++i) {
        const auto name = "config-" + std::to_string(i);
        const bool is_secret = i % 2 == 0;
        world.apply(JsonObject{{"apiVersion", "v1"},
                               {"kind", is_secret ? "Secret" : "ConfigMap"},
                               {"metadata", JsonObject{{"name", name}, {"namespace", World::ns}}},
                               {"data", JsonObject{{"key", "dmFsdWU="}}}});
        used.push_back(
            JsonObject{{is_secret ? "secretRef" : "configMapRef", JsonObject{{"name", name}}}});
    }
    play(world, "target 1\n");
    auto containers = array_at(world.get(kube::resources::deployments, "podinfo"),
                               {"spec", "template", "spec", "containers"});
    put(containers.at(0), {"envFrom"}, std::move(used));
    Json patch = JsonObject{};
    put(patch, {"spec", "template", "spec", "containers"}, std::move(containers));
    world.patch(kube::resources::deployments, "podinfo", patch);
    play(world,
         "run 20s\ncanary step 20 max 80 interval 1m metric request-success-rate 99 -\nstart\n"
         "until phase Initialized\nrun 1m\n");
    ReadsOfConfigs reads;
    world.api.count_from_zero();
    play(world, "image 6.1.0\nuntil phase Succeeded\n");
    reads.release = world.api.reads();
    world.api.count_from_zero();
    world.run_for(std::chrono::hours{1});
    reads.hour = world.api.reads();
    return reads;
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
    Figures figures;
    for (const auto& strategy : strategies()) {
        const auto most = dearest_step(strategy);
        figures.push_back(at_most(
            6, "", "release: API writes of the dearest step, " + strategy.name, most.writes));
        figures.push_back(
            at_most(0, "", "release: API reads of the dearest step, " + strategy.name, most.reads));
    }
    const auto reads = reads_of_configs(50);
    figures.push_back(
        at_most(0, "", "release: API reads of a release with 50 tracked configs", reads.release));
    figures.push_back(at_most(0, "", "release: … of an hour at rest", reads.hour));
    std::vector<double> times;
    for (int i = 0; i < 9; ++i) times.push_back(cpu_of_half_an_hour());
    std::ranges::sort(times);
    figures.push_back(
        at_most(50, "ms", "release: 30 minutes in virtual time, median of 9", times[4]));
    return figures;
}

}  // namespace sluice::bench
