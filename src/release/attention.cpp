#include "release/attention.hpp"

#include "release/action.hpp"

namespace sluice::release {
namespace {

constexpr Duration remembered_failure = std::chrono::hours{1};

bool counts(std::string_view word, const api::Canary& canary) {
    const auto action = action_of(word);
    if (!action || !objection_to(*action, canary).empty()) return false;
    const auto* suspension = std::get_if<Suspension>(&*action);
    return suspension == nullptr || already(*suspension, canary).empty();
}

}  // namespace

bool needs_a_person(Severity severity, const api::Canary& canary, Moment at) {
    if (severity == Severity::ok || severity == Severity::progress) return false;
    return canary.status.phase != api::Phase::failed || at.now < at.since + remembered_failure;
}

std::optional<Time> stale_at(const api::Canary& canary, Moment at) {
    std::optional<Time> when;
    const auto consider = [&](Time time) {
        if (time > at.now && (!when || time < *when)) when = time;
    };
    if (canary.status.phase == api::Phase::failed) consider(at.since + remembered_failure);
    if (canary.status.unready_since) {
        consider(*canary.status.unready_since + canary.progress_deadline +
                 std::chrono::milliseconds{1});
    }
    return when;
}

std::vector<std::string_view> offers(Severity severity, const api::Canary& canary) {
    std::vector<std::string_view> order{"abort", "pause", "step", "promote", "retry", "resume"};
    if (severity == Severity::waiting) {
        order = {"step", "promote", "resume", "abort", "pause", "retry"};
    }
    // To freeze what rests helps nobody.
    const bool is_resting = !counts("abort", canary);
    std::erase_if(order, [&](std::string_view word) {
        return (word == "pause" && is_resting) || !counts(word, canary);
    });
    return order;
}

}  // namespace sluice::release
