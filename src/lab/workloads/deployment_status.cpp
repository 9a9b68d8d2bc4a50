#include "lab/workloads/deployment_status.hpp"

#include "lab/workloads/rollout_math.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

namespace sluice::lab {
namespace {

constexpr std::int64_t no_deadline = 2147483647;

std::int64_t number(const Json& object, JsonPath path) {
    return integer_at(object, path).value_or(0);
}

std::int64_t wanted_replicas(const Json& deployment) {
    return integer_at(deployment, {"spec", "replicas"}).value_or(1);
}

bool has_deadline(const Json& deployment) {
    return integer_at(deployment, {"spec", "progressDeadlineSeconds"}).value_or(no_deadline) !=
           no_deadline;
}

bool has_progressed(const Json& before, const Json& after) {
    const auto old_left = [](const Json& status) {
        return number(status, {"replicas"}) - number(status, {"updatedReplicas"});
    };
    const auto grew = [&](std::string_view counter) {
        return number(after, {counter}) > number(before, {counter});
    };
    return grew("updatedReplicas") || old_left(after) < old_left(before) || grew("readyReplicas") ||
           grew("availableReplicas");
}

std::string_view reason_in(const Json& status, std::string_view type) {
    const auto* condition = condition_in(status, type);
    return condition == nullptr ? std::string_view{} : text_at(*condition, {"reason"});
}

bool has_timed_out(const Json& deployment, const Json& status, Time now) {
    const auto* progressing = condition_in(status, "Progressing");
    if (progressing == nullptr) return false;
    const auto reason = text_at(*progressing, {"reason"});
    if (reason == "NewReplicaSetAvailable") return false;
    if (reason == "ProgressDeadlineExceeded") return true;
    const auto since = parse_rfc3339(text_at(*progressing, {"lastUpdateTime"}));
    if (!since) return false;
    const std::chrono::seconds deadline{number(deployment, {"spec", "progressDeadlineSeconds"})};
    return now - *since > deadline;
}

void put_counter(Json& status, std::string_view name, std::int64_t value) {
    if (value != 0) put(status, {name}, value);
}

void judge_progress(const DeploymentView& view, Json& status, const Json& before, Time now) {
    const auto& deployment = view.deployment;
    if (!has_deadline(deployment)) {
        drop_condition(status, "Progressing");
        return;
    }
    // Once complete it stays so: pods lost later show in Available, not here.
    const bool was_complete = number(status, {"replicas"}) == number(status, {"updatedReplicas"}) &&
                              reason_in(status, "Progressing") == "NewReplicaSetAvailable";
    if (was_complete) return;

    const auto what = view.newest != nullptr
                          ? fmt::format("ReplicaSet \"{}\"", kube::key_of(*view.newest).name)
                          : fmt::format("Deployment \"{}\"", kube::key_of(deployment).name);
    if (is_complete(deployment, status)) {
        set_condition(status,
                      {"Progressing",
                       "True",
                       "NewReplicaSetAvailable",
                       what + " has successfully progressed."},
                      now);
    } else if (has_progressed(before, status)) {
        set_condition(status,
                      {"Progressing", "True", "ReplicaSetUpdated", what + " is progressing."},
                      now,
                      {.refresh = true});
    } else if (has_timed_out(deployment, status, now)) {
        set_condition(status,
                      {"Progressing",
                       "False",
                       "ProgressDeadlineExceeded",
                       what + " has timed out progressing."},
                      now);
    }
}

void copy_replica_failure(const DeploymentView& view, Json& status) {
    drop_condition(status, "ReplicaFailure");
    const Json* failure = nullptr;
    if (view.newest != nullptr) failure = condition_of(*view.newest, "ReplicaFailure");
    for (const auto& set : view.old) {
        if (failure == nullptr) failure = condition_of(*set, "ReplicaFailure");
    }
    if (failure == nullptr) return;
    Json copy = *failure;
    put(copy, {"lastUpdateTime"}, Json(text_at(*failure, {"lastTransitionTime"})));
    auto conditions = array_at(status, {"conditions"});
    conditions.push_back(std::move(copy));
    put(status, {"conditions"}, std::move(conditions));
}

}  // namespace

Json deployment_status(const DeploymentView& view, StatusPass pass, Time now) {
    const auto& deployment = view.deployment;
    const auto* known = find(deployment, {"status"});
    const Json before = known != nullptr && known->is_object() ? *known : Json(JsonObject{});

    std::int64_t replicas = 0;
    std::int64_t ready = 0;
    std::int64_t available = 0;
    std::int64_t spec = 0;
    const auto count = [&](const Json& set) {
        replicas += number(set, {"status", "replicas"});
        ready += number(set, {"status", "readyReplicas"});
        available += number(set, {"status", "availableReplicas"});
        spec += number(set, {"spec", "replicas"});
    };
    if (view.newest != nullptr) count(*view.newest);
    for (const auto& set : view.old) count(*set);

    Json status = JsonObject{};
    put(status, {"observedGeneration"}, number(deployment, {"metadata", "generation"}));
    put_counter(status, "replicas", replicas);
    if (view.newest != nullptr) {
        put_counter(status, "updatedReplicas", number(*view.newest, {"status", "replicas"}));
    }
    put_counter(status, "readyReplicas", ready);
    put_counter(status, "availableReplicas", available);
    put_counter(status, "unavailableReplicas", std::max<std::int64_t>(0, spec - available));
    if (const auto collisions = integer_at(before, {"collisionCount"})) {
        put(status, {"collisionCount"}, *collisions);
    }
    if (const auto* conditions = find(before, {"conditions"})) {
        put(status, {"conditions"}, *conditions);
    }

    if (available >= wanted_replicas(deployment) - rollout_bounds(deployment).unavailable) {
        set_condition(status,
                      {"Available",
                       "True",
                       "MinimumReplicasAvailable",
                       "Deployment has minimum availability."},
                      now);
    } else {
        set_condition(status,
                      {"Available",
                       "False",
                       "MinimumReplicasUnavailable",
                       "Deployment does not have minimum availability."},
                      now);
    }
    if (pass == StatusPass::rollout) {
        judge_progress(view, status, before, now);
        copy_replica_failure(view, status);
    }
    return status;
}

bool is_complete(const Json& deployment, const Json& status) {
    const auto wanted = wanted_replicas(deployment);
    return number(status, {"updatedReplicas"}) == wanted &&
           number(status, {"replicas"}) == wanted &&
           number(status, {"availableReplicas"}) == wanted &&
           number(status, {"observedGeneration"}) >= number(deployment, {"metadata", "generation"});
}

std::optional<Time> deadline_check(const Json& deployment, const Json& status) {
    if (!has_deadline(deployment) || bool_at(deployment, {"spec", "paused"}).value_or(false)) {
        return std::nullopt;
    }
    const auto* progressing = condition_in(status, "Progressing");
    if (progressing == nullptr) return std::nullopt;
    const auto reason = text_at(*progressing, {"reason"});
    if (reason == "NewReplicaSetAvailable" || reason == "ProgressDeadlineExceeded") {
        return std::nullopt;
    }
    const auto since = parse_rfc3339(text_at(*progressing, {"lastUpdateTime"}));
    if (!since) return std::nullopt;
    const std::chrono::seconds deadline{number(deployment, {"spec", "progressDeadlineSeconds"})};
    return *since + deadline + std::chrono::seconds{1};
}

}  // namespace sluice::lab
