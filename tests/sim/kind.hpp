// What is released, and how its users come to it: each seed has one of these worlds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::sim {

enum class Door { istio, gateway_api, nginx, no_mesh };
enum class Plan {
    weights,
    mirror_stage,  // copies, then weights
    bound,         // by weights, and who has met the canary stays with it
    blue_green,
    mirrored,  // blue/green with copies
    ab_testing,
};
enum class Target { deployment, daemon_set };

struct Kind {
    Door door = Door::istio;
    Plan plan = Plan::weights;
    Target target = Target::deployment;

    bool has_weights() const {
        return plan == Plan::weights || plan == Plan::mirror_stage || plan == Plan::bound;
    }
};

// Each that there is, once.
const std::vector<Kind>& every_kind();
// So many seeds in a row have all of them.
Kind kind_of(std::uint64_t seed);
// "Istio, A/B testing, Deployment".
std::string to_string(const Kind& kind);
// spec.provider.
std::string provider_of(Door door);

}  // namespace sluice::sim
