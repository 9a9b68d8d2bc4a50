#include "delivery/canary/readiness.hpp"

#include "api/canary.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::canary {
namespace {

const Json* condition(const Json& deployment, std::string_view type) {
    for (const auto& one : array_at(deployment, {"status", "conditions"})) {
        if (text_at(one, {"type"}) == type) return &one;
    }
    return nullptr;
}

std::optional<Time> updated(const Json* condition) {
    if (condition == nullptr) return std::nullopt;
    return parse_rfc3339(text_at(*condition, {"lastUpdateTime"}));
}

// When waiting is over if nothing changes. The peer's clock runs while the Deployment itself says
// that it lacks pods; ours from when this wait began, and anew with each progress the Deployment
// reports, so a long healthy rolling update is not cut off. Neither counts what was before this
// wait: a primary that was down for an hour has its whole time for the template that mends it.
std::optional<Time> end_of_wait(const Json& deployment, const ReadinessQuestion& question) {
    const auto* progressing = condition(deployment, "Progressing");
    const auto* available = condition(deployment, "Available");
    std::optional<Time> end;
    if (progressing != nullptr && available != nullptr &&
        text_at(*available, {"status"}) == "False" &&
        text_at(*available, {"reason"}) == "MinimumReplicasUnavailable") {
        if (const auto since = updated(available)) {
            end = std::max(*since, question.waiting_since.value_or(*since)) + question.deadline;
        }
    }
    if (question.waiting_since) {
        const auto progress = updated(progressing).value_or(*question.waiting_since);
        const auto ours = std::max(*question.waiting_since, progress) + question.deadline;
        end = end ? std::min(*end, ours) : ours;
    }
    return end;
}

}  // namespace

Readiness readiness_of(const Json& deployment, const ReadinessQuestion& question) {
    const auto generation = integer_at(deployment, {"metadata", "generation"}).value_or(0);
    const auto observed = integer_at(deployment, {"status", "observedGeneration"}).value_or(0);
    const auto end = end_of_wait(deployment, question);
    const auto waiting = [&](std::string why) {
        const bool over = end && question.now > *end;
        return Readiness{over ? ReadyState::fatal : ReadyState::waiting,
                         "waiting for rollout to finish: " + std::move(why),
                         over ? std::nullopt : end};
    };

    if (generation > observed) {
        return waiting("observed deployment generation less than desired generation");
    }
    if (const auto* progressing = condition(deployment, "Progressing");
        progressing != nullptr && text_at(*progressing, {"reason"}) == "ProgressDeadlineExceeded") {
        return {ReadyState::fatal,
                fmt::format("deployment \"{}\" exceeded its progress deadline",
                            text_at(deployment, {"metadata", "name"})),
                std::nullopt};
    }
    const auto wanted = integer_at(deployment, {"spec", "replicas"}).value_or(1);
    const auto replicas = integer_at(deployment, {"status", "replicas"}).value_or(0);
    const auto updated_replicas = integer_at(deployment, {"status", "updatedReplicas"}).value_or(0);
    const auto available = integer_at(deployment, {"status", "availableReplicas"}).value_or(0);
    if (updated_replicas < wanted) {
        return waiting(
            fmt::format("{} out of {} new replicas have been updated", updated_replicas, wanted));
    }
    if (replicas > updated_replicas) {
        return waiting(
            fmt::format("{} old replicas are pending termination", replicas - updated_replicas));
    }
    const auto floor = updated_replicas * question.threshold_percent / api::whole;
    if (wanted < 1) return waiting("the deployment is scaled to zero");
    if (available < std::max<std::int64_t>(1, floor)) {
        return waiting(fmt::format("{} of {} (readyThreshold {}%) updated replicas are available",
                                   available,
                                   std::max<std::int64_t>(1, floor),
                                   question.threshold_percent));
    }
    return {ReadyState::ready, {}, std::nullopt};
}

Readiness readiness_of_daemon_set(const Json& daemon_set, const ReadinessQuestion& question) {
    const auto status = [&](std::string_view key) {
        return integer_at(daemon_set, {"status", key}).value_or(0);
    };
    const auto waiting = [&](std::string why) {
        std::optional<Time> end;
        if (question.waiting_since) end = *question.waiting_since + question.deadline;
        if (end && question.now > *end) {
            const auto limit = std::chrono::duration_cast<std::chrono::seconds>(question.deadline);
            return Readiness{ReadyState::fatal,
                             fmt::format("exceeded its progressDeadlineSeconds: {}", limit.count()),
                             std::nullopt};
        }
        return Readiness{
            ReadyState::waiting, "waiting for rollout to finish: " + std::move(why), end};
    };

    const auto generation = integer_at(daemon_set, {"metadata", "generation"}).value_or(0);
    if (generation > status("observedGeneration")) {
        return waiting("observed daemonset generation less than desired generation");
    }
    const auto desired = status("desiredNumberScheduled");
    const auto updated = status("updatedNumberScheduled");
    if (desired < 1) return waiting("no node is selected");
    if (updated < desired) {
        return waiting(fmt::format("{} out of {} new pods have been updated", updated, desired));
    }
    const auto floor = std::max<std::int64_t>(1, desired * question.threshold_percent / api::whole);
    if (status("numberAvailable") < floor) {
        return waiting(fmt::format("{} of {} (readyThreshold {}%) updated pods are available",
                                   status("numberAvailable"),
                                   floor,
                                   question.threshold_percent));
    }
    return {ReadyState::ready, {}, std::nullopt};
}

}  // namespace sluice::canary
