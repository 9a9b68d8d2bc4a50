#include "web/health.hpp"

#include "base/core/text.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sluice::web {
namespace {

constexpr std::size_t reasons_max = 10;
// Worst first.
constexpr std::array healths{"failure", "degraded", "notReady", "healthy", "unknown"};

std::ptrdiff_t rank_of(std::string_view status) {
    return std::ranges::find(healths, status) - healths.begin();
}

}  // namespace

void Health::worsen(std::string_view to, std::string reason) {
    if (rank_of(to) < rank_of(status)) status = to;
    if (!reason.empty() && reasons.size() < reasons_max) reasons.push_back(std::move(reason));
}

JsonObject Health::json() const {
    JsonArray all;
    for (const auto& reason : reasons) all.emplace_back(reason);
    return {{"status", status}, {"reasons", std::move(all)}};
}

Replicas replicas_of(const Json& workload) {
    if (text_at(workload, {"kind"}) == "DaemonSet") {
        return {.ready = integer_at(workload, {"status", "numberReady"}).value_or(0),
                .desired = integer_at(workload, {"status", "desiredNumberScheduled"}).value_or(0)};
    }
    return {.ready = integer_at(workload, {"status", "readyReplicas"}).value_or(0),
            .desired = integer_at(workload, {"spec", "replicas"}).value_or(1)};
}

void judge_replicas(Health& health, const Replicas& replicas) {
    const auto [ready, desired] = replicas;
    if (desired == 0) {
        health.worsen("notReady", "scaled to zero");
    } else if (ready == 0) {
        health.worsen("failure", fmt::format("none of {} pods is ready", desired));
    } else if (ready < desired) {
        health.worsen("degraded", fmt::format("{} of {} pods are ready", ready, desired));
    } else {
        health.worsen("healthy", "");
    }
}

void judge_sidecars(Health& health, const Sidecars& sidecars) {
    if (sidecars.missing > 0) health.worsen("degraded", sidecars.reason());
}

bool loses_tries(const EdgeRates& rates) {
    // Two proxies are asked at two moments: the last digit that is told is not theirs.
    const auto& tries = rates.tries;
    return rates.by_caller && tries.failed + tries.cut_off > 0.00005 * tries.all;
}

RequestHealth health_of_requests(const EdgeRates& rates) {
    if (rates.rps <= 0) return {"unknown", ""};
    const auto failed = rates.failed / rates.rps;
    const auto refused = rates.refused / rates.rps;
    if (failed >= 0.1) return {"failure", fmt::format("{:.1f} % of requests fail", 100 * failed)};
    if (refused >= 0.2) {
        return {"failure", fmt::format("{:.1f} % of requests are refused (4xx)", 100 * refused)};
    }
    if (failed > 0) return {"degraded", fmt::format("{:.2f} % of requests fail", 100 * failed)};
    if (refused >= 0.1) {
        return {"degraded", fmt::format("{:.1f} % of requests are refused (4xx)", 100 * refused)};
    }
    if (loses_tries(rates)) {
        const auto& tries = rates.tries;
        return {"degraded",
                fmt::format("{:.2f} % of tries fail or are cut off",
                            100 * (tries.failed + tries.cut_off) / tries.all)};
    }
    return {"healthy", ""};
}

Health health_of_way(const EdgeRates& rates, const Role* role) {
    Health health;
    auto judged = health_of_requests(rates);
    health.worsen(judged.status, std::move(judged.reason));
    if (role == nullptr || role->role != "canary" || rates.rps <= 0) return health;
    const auto& limits = role->release->limits;
    const auto success = 100 * (1 - rates.failed / rates.rps);
    // The release is judged by what its app does, whether or not that is tried again.
    const auto& tries = rates.tries;
    const auto of_tries = tries.all > 0 ? 100 * (1 - tries.failed / tries.all) : success;
    if (limits.success_min && success < *limits.success_min) {
        health.worsen("failure",
                      fmt::format("success {:.2f} % under the release's {} %",
                                  success,
                                  go_number(*limits.success_min)));
    } else if (limits.success_min && of_tries < *limits.success_min) {
        health.worsen("failure",
                      fmt::format("{:.2f} % of tries succeed, under the release's {} %",
                                  of_tries,
                                  go_number(*limits.success_min)));
    }
    if (limits.duration_max && rates.p99 && *rates.p99 > *limits.duration_max) {
        health.worsen("failure",
                      fmt::format("p99 {:.0f} ms over the release's {} ms",
                                  *rates.p99,
                                  go_number(*limits.duration_max)));
    }
    return health;
}

std::map<std::string, Role> roles_of(const std::vector<const Release*>& releases) {
    std::map<std::string, Role> roles;
    for (const auto* release : releases) {
        const auto& json = release->json;
        const auto& weight = json.at("weight");
        const double share =
            number_at(weight, {"configured"}).value_or(number_at(weight, {"desired"}).value_or(0));
        const auto& revisions = json.at("revisions");
        for (const auto& [side, role] : {std::pair("stable", std::string_view("primary")),
                                         std::pair("canary", std::string_view("canary"))}) {
            const auto id =
                workload_id(release->ns, std::string(text_at(revisions, {side, "workload"})));
            roles[id] = Role{.release = release,
                             .role = role,
                             .weight = role == "canary" ? share : 100 - share,
                             .version = std::string(text_at(revisions, {side, "version"}))};
        }
    }
    return roles;
}

JsonObject role_json(const Role& role, std::string_view version) {
    const auto& of = *role.release;
    return {{"kind", "Canary"},
            {"namespace", of.ns},
            {"name", of.name},
            {"role", role.role},
            {"weight", role.weight},
            {"severity", to_string(of.severity)},
            {"version", version.empty() ? Json(nullptr) : Json(version)}};
}

void judge_release(Health& health, const Role& role) {
    const auto& release = *role.release;
    const bool fails = release.severity == Severity::failure && role.role == "canary";
    if (!fails || release.status == "Failed") return;
    if (release.failing_check.empty()) {
        health.worsen("degraded", "its release fails");
    } else {
        health.worsen("failure", fmt::format("release check {}", release.failing_check));
    }
}

}  // namespace sluice::web
