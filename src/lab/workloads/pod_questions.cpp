#include "lab/workloads/pod_questions.hpp"

#include "lab/workloads/object_status.hpp"

#include <boost/json/array.hpp>

namespace sluice::lab {

bool is_being_deleted(const Json& object) {
    return find(object, {"metadata", "deletionTimestamp"}) != nullptr;
}

bool is_finished(const Json& pod) {
    const auto phase = text_at(pod, {"status", "phase"});
    return phase == "Succeeded" || phase == "Failed";
}

bool is_active(const Json& pod) {
    return !is_finished(pod) && !is_being_deleted(pod);
}

bool is_ready(const Json& pod) {
    const auto* ready = condition_of(pod, "Ready");
    return ready != nullptr && text_at(*ready, {"status"}) == "True";
}

std::optional<Time> ready_since(const Json& pod) {
    if (!is_ready(pod)) return std::nullopt;
    return parse_rfc3339(text_at(*condition_of(pod, "Ready"), {"lastTransitionTime"}));
}

std::int64_t restarts_of(const Json& pod) {
    std::int64_t sum = 0;
    for (const auto& container : array_at(pod, {"status", "containerStatuses"})) {
        sum += integer_at(container, {"restartCount"}).value_or(0);
    }
    return sum;
}

}  // namespace sluice::lab
