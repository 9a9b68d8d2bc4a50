#include "sim/kind.hpp"

#include <fmt/format.h>

namespace sluice::sim {
namespace {

std::string name_of(Door door) {
    switch (door) {
        case Door::istio:
            return "Istio";
        case Door::gateway_api:
            return "Gateway API";
        case Door::nginx:
            return "NGINX";
        case Door::no_mesh:
            return "no mesh";
    }
    return {};
}

std::string name_of(Plan plan) {
    switch (plan) {
        case Plan::weights:
            return "weights";
        case Plan::mirror_stage:
            return "mirror stage";
        case Plan::bound:
            return "session affinity";
        case Plan::blue_green:
            return "blue/green";
        case Plan::mirrored:
            return "mirrored blue/green";
        case Plan::ab_testing:
            return "A/B testing";
    }
    return {};
}

std::vector<Kind> all_kinds() {
    std::vector<Kind> all;
    for (const auto door : {Door::istio, Door::gateway_api}) {
        for (const auto plan : {Plan::weights,
                                Plan::mirror_stage,
                                Plan::bound,
                                Plan::blue_green,
                                Plan::mirrored,
                                Plan::ab_testing}) {
            all.push_back({door, plan});
        }
    }
    // It mirrors nothing and binds nobody.
    for (const auto plan : {Plan::weights, Plan::blue_green, Plan::ab_testing}) {
        all.push_back({Door::nginx, plan});
    }
    // It splits nothing.
    all.push_back({Door::no_mesh, Plan::blue_green});
    for (const auto& [door, plan] : {std::pair{Door::istio, Plan::weights},
                                     std::pair{Door::istio, Plan::mirrored},
                                     std::pair{Door::gateway_api, Plan::bound},
                                     std::pair{Door::nginx, Plan::ab_testing},
                                     std::pair{Door::no_mesh, Plan::blue_green}}) {
        all.push_back({door, plan, Target::daemon_set});
    }
    return all;
}

}  // namespace

const std::vector<Kind>& every_kind() {
    static const auto all = all_kinds();
    return all;
}

Kind kind_of(std::uint64_t seed) {
    return every_kind()[seed % every_kind().size()];
}

std::string to_string(const Kind& kind) {
    return fmt::format("{}, {}, {}",
                       name_of(kind.door),
                       name_of(kind.plan),
                       kind.target == Target::deployment ? "Deployment" : "DaemonSet");
}

std::string provider_of(Door door) {
    switch (door) {
        case Door::istio:
            return "istio";
        case Door::gateway_api:
            return "gatewayapi:v1";
        case Door::nginx:
            return "nginx";
        case Door::no_mesh:
            return "kubernetes";
    }
    return {};
}

}  // namespace sluice::sim
