#include "delivery/canary/cookies.hpp"

#include "base/core/sha256.hpp"
#include "delivery/canary/plan.hpp"
#include "delivery/canary/steps.hpp"

#include <fmt/format.h>

namespace sluice::canary {
namespace {

// Ten letters, as the peer's are.
std::string letters_of(const std::string& content) {
    constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    constexpr std::size_t length = 10;
    const auto digest = sha256_hex(content);
    std::string letters;
    for (std::size_t i = 0; i < length; ++i) {
        const auto byte = std::stoi(digest.substr(2 * i, 2), nullptr, 16);
        letters += alphabet[static_cast<std::size_t>(byte) % alphabet.size()];
    }
    return letters;
}

}  // namespace

std::optional<Move> bind_users(const World& world, int canary_weight) {
    const auto& affinity = world.canary.analysis.affinity;
    if (!affinity || !world.routes.can.affinity || canary_weight == 0 ||
        strategy_of(world) != api::Strategy::canary) {
        return std::nullopt;
    }
    const auto run =
        fmt::format("{}/{}/{}",
                    world.canary.uid,
                    world.canary.status.last_applied_spec,
                    world.canary.status.analysed ? world.canary.status.analysed->generation : 0);
    auto status = status_of(world);
    const auto own = affinity->cookie_name + "=";
    if (!status.cookie.starts_with(own)) status.cookie = own + letters_of(run);
    status.primary_cookie.clear();
    if (!affinity->primary_cookie_name.empty()) {
        status.primary_cookie =
            fmt::format("{}={}",
                        affinity->primary_cookie_name,
                        letters_of(fmt::format("{}/primary/{}", run, canary_weight)));
    }
    if (status == world.canary.status) return std::nullopt;
    auto act = act_of(world, "bind users");
    save(act, world, status);
    return act;
}

bool rebinds_users(const World& world) {
    const int weight = world.canary.status.canary_weight;
    const int following = step_of(world).weights.canary;
    return weight > 0 && following > weight && bind_users(world, weight) &&
           !bind_users(world, following);
}

void unbind_users(api::Status& status) {
    if (!status.cookie.empty()) status.previous_cookie = status.cookie;
    status.cookie.clear();
    status.primary_cookie.clear();
}

}  // namespace sluice::canary
