#include "lab/workloads/rollout_math.hpp"

#include "base/core/text.hpp"

#include <boost/json/value.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace sluice::lab {
namespace {

enum class Round { up, down };

// 3, or "25%" of the replicas.
std::int64_t pods_of(const Json* value, std::int64_t replicas, Round round) {
    if (value == nullptr) return 0;
    if (const auto* text = value->if_string()) {
        std::string_view percent(*text);
        if (percent.ends_with('%')) percent.remove_suffix(1);
        const auto share = parse_integer(percent).value_or(0) * replicas;
        return round == Round::up ? (share + 99) / 100 : share / 100;
    }
    return value->is_number() ? value->to_number<std::int64_t>() : 0;
}

std::vector<std::size_t> sorted_by(std::size_t count, auto before) {
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, [&before](std::size_t a, std::size_t b) {
        if (before(a, b)) return true;
        return !before(b, a) && a < b;
    });
    return order;
}

}  // namespace

RolloutBounds rollout_bounds(const Json& deployment) {
    const auto replicas = integer_at(deployment, {"spec", "replicas"}).value_or(1);
    if (text_at(deployment, {"spec", "strategy", "type"}) == "Recreate") return {0, 0};
    const auto rolling = [&](std::string_view field) {
        return find(deployment, {"spec", "strategy", "rollingUpdate", field});
    };
    RolloutBounds bounds{pods_of(rolling("maxSurge"), replicas, Round::up),
                         pods_of(rolling("maxUnavailable"), replicas, Round::down)};
    // With both at zero nothing could ever move.
    if (bounds.surge == 0 && bounds.unavailable == 0) bounds.unavailable = 1;
    bounds.unavailable = std::min(bounds.unavailable, replicas);
    return bounds;
}

RolloutBounds daemon_bounds(const Json& set, std::int64_t nodes) {
    const auto rolling = [&](std::string_view field) {
        return find(set, {"spec", "updateStrategy", "rollingUpdate", field});
    };
    RolloutBounds bounds{pods_of(rolling("maxSurge"), nodes, Round::up),
                         pods_of(rolling("maxUnavailable"), nodes, Round::up)};
    if (bounds.surge == 0 && bounds.unavailable == 0) bounds.unavailable = 1;
    return bounds;
}

std::int64_t new_replicas(const RolloutNumbers& wanted,
                          std::int64_t new_spec,
                          std::int64_t total_spec) {
    if (new_spec >= wanted.replicas) return wanted.replicas;
    const auto room = wanted.replicas + wanted.bounds.surge - total_spec;
    if (room <= 0) return new_spec;
    return new_spec + std::min(room, wanted.replicas - new_spec);
}

std::vector<std::int64_t> old_replicas(const RolloutNumbers& wanted,
                                       const ReplicaSetSize& newest,
                                       const std::vector<ReplicaSetSize>& old) {
    std::vector<std::int64_t> target;
    target.reserve(old.size());
    for (const auto& set : old) target.push_back(set.spec);

    const auto total = newest.spec + std::accumulate(target.begin(), target.end(), std::int64_t{0});
    const auto available_min = wanted.replicas - wanted.bounds.unavailable;
    const auto new_unavailable = newest.spec - newest.available;
    auto budget = total - available_min - new_unavailable;
    if (budget <= 0) return target;

    const auto order = sorted_by(old.size(), [&old](std::size_t a, std::size_t b) {
        return old[a].created < old[b].created;
    });
    // Pods that serve nobody go first: whatever happens to them, nobody notices.
    for (const auto i : order) {
        const auto drop = std::min(budget, std::max<std::int64_t>(0, target[i] - old[i].available));
        target[i] -= drop;
        budget -= drop;
    }
    auto spare = newest.available - available_min;
    for (const auto& set : old) spare += set.available;
    for (const auto i : order) {
        if (spare <= 0) break;
        const auto drop = std::min(spare, target[i]);
        target[i] -= drop;
        spare -= drop;
    }
    return target;
}

std::vector<std::int64_t> proportional_replicas(const RolloutNumbers& wanted,
                                                const std::vector<ReplicaSetSize>& active) {
    std::vector<std::int64_t> target;
    target.reserve(active.size());
    for (const auto& set : active) target.push_back(set.spec);
    const auto allowed = wanted.replicas > 0 ? wanted.replicas + wanted.bounds.surge : 0;
    auto left = allowed - std::accumulate(target.begin(), target.end(), std::int64_t{0});
    if (left == 0) return target;

    const bool grows = left > 0;
    const auto order = sorted_by(active.size(), [&](std::size_t a, std::size_t b) {
        if (active[a].spec != active[b].spec) return active[a].spec > active[b].spec;
        return grows ? active[a].created > active[b].created
                     : active[a].created < active[b].created;
    });
    for (const auto i : order) {
        const auto before = active[i].max_replicas > 0 ? active[i].max_replicas : wanted.replicas;
        if (before <= 0) continue;
        const auto share =
            std::llround(static_cast<double>(active[i].spec) * static_cast<double>(allowed) /
                         static_cast<double>(before)) -
            active[i].spec;
        const auto change = grows ? std::clamp<std::int64_t>(share, 0, left)
                                  : std::clamp<std::int64_t>(share, left, 0);
        target[i] += change;
        left -= change;
    }
    if (!order.empty()) {
        auto& first = target[order.front()];
        first = std::max<std::int64_t>(0, first + left);
    }
    return target;
}

}  // namespace sluice::lab
