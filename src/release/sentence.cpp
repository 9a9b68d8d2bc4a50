#include "release/sentence.hpp"

#include "base/core/duration.hpp"
#include "base/core/text.hpp"
#include "release/action.hpp"
#include "release/pods.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sluice::release {
namespace {

using api::Phase;

bool is_past_deadline(const api::Canary& canary, Time now) {
    const auto& since = canary.status.unready_since;
    return since && now > *since + canary.progress_deadline;
}

// The last round that asked metrics got no answer that counts, and nothing was counted for it.
bool has_lost_metrics(const std::vector<Decision>& run) {
    for (auto decision = run.rbegin(); decision != run.rend(); ++decision) {
        const bool has_metrics = std::ranges::any_of(decision->checks, &Check::is_metric);
        if (!has_metrics) continue;
        return std::ranges::any_of(decision->checks, [](const Check& check) {
            return check.is_metric && (check.verdict == "error" || check.verdict == "nodata");
        });
    }
    return false;
}

// A gate was closed when it was last asked, and nothing has happened since.
bool is_before_gate(const api::Canary& canary, const std::vector<Decision>& run) {
    if (!closed_gate(canary).empty()) return true;
    return !run.empty() &&
           (run.back().what == "gate closed" || run.back().what == "wait for approval");
}

// Of a suspended one nothing is written, so what stands there is of before.
std::string_view held_by(const api::Canary& canary) {
    return canary.suspended ? std::string_view{} : api::held_by(canary.status.conditions);
}

std::string the_canary(const CanarySeen& seen, const Saying& saying) {
    auto text = saying.version.empty() ? std::string("canary") : "canary " + saying.version;
    text += fmt::format(" at {} %", seen.canary.status.canary_weight);
    if (saying.rps) text += fmt::format(" ({:.1f} rps)", *saying.rps);
    return text;
}

std::string failures(const api::Canary& canary) {
    return fmt::format(
        "{} of {} allowed failures", canary.status.failed_checks, canary.analysis.threshold);
}

// "waits for the pods of podinfo to be ready: ErrImagePull: … (1 pod)".
std::string waiting(const CanarySeen& seen, const Saying& saying) {
    const auto outlook = canary::outlook_of(seen.canary, seen.around);
    return "waits for " + with_reason(outlook.waits_for, saying.pods_wait_for);
}

// "Rolling back podinfo.test aborted by hand" is what the peers' Events say.
std::string without_rolling_back(std::string_view text, const api::Canary& canary) {
    const auto words = fmt::format("Rolling back {} ", canary.dotted());
    if (text.starts_with(words)) text.remove_prefix(words.size());
    return std::string(text);
}

// A failed check is the reason only where too many of them were: who aborts may have others.
std::string when_rolled_back(const CanarySeen& seen, const Saying& saying) {
    const auto& why = saying.rolled_back->why;
    std::vector<std::string> parts;
    if (saying.failure && (saying.rolled_back->for_checks || why.empty())) {
        parts.push_back(saying.failure->text);
    }
    if (!saying.rolled_back->pods.empty()) {
        parts.push_back(fmt::format("{} not ready: {}",
                                    saying.rolled_back->in_promotion ? "primary" : "canary",
                                    saying.rolled_back->pods));
    }
    if (!why.empty()) parts.push_back(why);
    if (seen.canary.status.phase != Phase::failed) {
        parts.push_back("it is rolled back: " + the_canary(seen, saying));
        return joined(parts, "; ");
    }
    auto end = saying.version.empty() ? std::string("the new version") : saying.version;
    if (saying.rolled_back->in_promotion) {
        parts.push_back(end + " has failed");
        return joined(parts, "; ");
    }
    end += why.empty() ? " has failed and was rolled back" : " was rolled back";
    if (saying.rolled_back->at) {
        // Without its date and fraction: the page says how long ago it was.
        end += fmt::format(" at {} UTC", rfc3339(*saying.rolled_back->at).substr(11, 8));
    }
    parts.push_back(std::move(end));
    return joined(parts, "; ");
}

std::string when_failing(const CanarySeen& seen, const Saying& saying) {
    if (saying.rolled_back) return when_rolled_back(seen, saying);
    auto text = fmt::format("{}; {}; {}",
                            saying.failure ? saying.failure->text : std::string("a check failed"),
                            failures(seen.canary),
                            the_canary(seen, saying));
    if (!saying.pods_wait_for.empty()) text += "; " + waiting(seen, saying);
    return text;
}

std::string when_stuck(const CanarySeen& seen, const Saying& saying) {
    const auto& canary = seen.canary;
    if (canary.invalid) return "its spec cannot be used: " + to_string(*canary.invalid);
    if (canary.unbuilt) return "its spec cannot be used: " + to_string(*canary.unbuilt);
    if (const auto why = held_by(canary); !why.empty()) {
        return is_under_way(canary.status.phase)
                   ? fmt::format("{}; {}", why, the_canary(seen, saying))
                   : std::string(why);
    }
    if (canary.status.unready_since) {
        const auto& name =
            canary.status.phase == Phase::progressing ? canary.target.name : canary.primary_name();
        return fmt::format("the pods of {} are not ready, longer than {}{}; {}",
                           name,
                           go_text(canary.progress_deadline),
                           with_reason("", saying.pods_wait_for),
                           the_canary(seen, saying));
    }
    if (saying.failure) {
        return fmt::format(
            "{}; {}; {}", saying.failure->text, failures(canary), the_canary(seen, saying));
    }
    return "it does not get on; " + the_canary(seen, saying);
}

std::string when_waiting(const CanarySeen& seen, const Saying& saying) {
    const auto& canary = seen.canary;
    if (canary.suspended) return "paused; " + the_canary(seen, saying);
    const auto outlook = canary::outlook_of(canary, seen.around);
    auto text = "waits for " + outlook.waits_for;
    if (canary.status.phase == Phase::progressing) text = "waits for a gate to open";
    const auto closed = fmt::format(" {}", closed_gate(canary));
    const auto gate = std::ranges::find_if(
        outlook.gates, [&](const std::string& one) { return one.ends_with(closed); });
    if (gate != outlook.gates.end()) {
        text += fmt::format(" ({})", *gate);
    } else if (!outlook.gates.empty()) {
        text += fmt::format(" ({})", outlook.gates.front());
    }
    return fmt::format("{}; {}", text, the_canary(seen, saying));
}

std::string when_well(const CanarySeen& seen, const Saying& saying) {
    const auto& canary = seen.canary;
    const auto outlook = canary::outlook_of(canary, seen.around);
    if (is_under_way(canary.status.phase)) {
        return outlook.next.empty() || !saying.pods_wait_for.empty()
                   ? fmt::format("{}; {}", the_canary(seen, saying), waiting(seen, saying))
                   : fmt::format("{}; next: {}", the_canary(seen, saying), outlook.next);
    }
    if (canary.status.phase == Phase::succeeded && !saying.version.empty()) {
        return fmt::format("{} is released; waits for {}", saying.version, outlook.waits_for);
    }
    return waiting(seen, saying);
}

}  // namespace

bool is_under_way(Phase phase) {
    switch (phase) {
        case Phase::waiting:
        case Phase::progressing:
        case Phase::waiting_promotion:
        case Phase::promoting:
        case Phase::finalising:
            return true;
        case Phase::none:
        case Phase::initializing:
        case Phase::initialized:
        case Phase::succeeded:
        case Phase::failed:
        case Phase::terminating:
        case Phase::terminated:
            return false;
    }
    return false;
}

std::string_view to_string(Severity severity) {
    switch (severity) {
        case Severity::failure:
            return "failure";
        case Severity::warning:
            return "warning";
        case Severity::waiting:
            return "waiting";
        case Severity::progress:
            return "progress";
        case Severity::ok:
            return "ok";
    }
    return {};
}

std::optional<RolledBack> rolled_back(const api::Canary& canary, const std::vector<Decision>& run) {
    const auto& status = canary.status;
    if (status.phase != Phase::failed && !status.rollback) return std::nullopt;
    RolledBack found;
    const auto note = [&](std::string_view text) {
        found.why = without_rolling_back(text, canary);
        found.for_checks = found.why.starts_with("failed checks threshold");
    };
    if (status.phase == Phase::failed) found.at = status.last_transition_time;
    for (auto decision = run.rbegin(); decision != run.rend() && found.why.empty(); ++decision) {
        const auto text = std::ranges::find_if(decision->said, [](const std::string& said) {
            return said.starts_with("Rolling back ") || said.starts_with("Promotion of ");
        });
        if (text != decision->said.end()) {
            note(*text);
            found.in_promotion = text->starts_with("Promotion of ");
        } else if (decision->what == "roll back" && !decision->said.empty()) {
            note(decision->said.back());
        } else {
            continue;
        }
        found.at = decision->at;
    }
    for (auto decision = run.rbegin(); decision != run.rend() && found.pods.empty(); ++decision) {
        found.pods = decision->pods;
    }
    if (status.rollback) {
        note(status.rollback->message);
        found.pods = status.rollback->pods;
    }
    return found;
}

Severity severity_of(const api::Canary& canary, const std::vector<Decision>& run, Time now) {
    const auto& status = canary.status;
    const bool under_way = is_under_way(status.phase);
    if (status.phase == Phase::failed || status.rollback) return Severity::failure;
    if (under_way && status.failed_checks > 0) return Severity::failure;
    if (canary.invalid || canary.unbuilt || is_past_deadline(canary, now) ||
        !held_by(canary).empty()) {
        return Severity::warning;
    }
    if (under_way && has_lost_metrics(run)) return Severity::warning;
    if (status.phase == Phase::waiting || status.phase == Phase::waiting_promotion) {
        return Severity::waiting;
    }
    if (under_way && (canary.suspended || is_before_gate(canary, run))) return Severity::waiting;
    if (status.phase == Phase::initialized || status.phase == Phase::succeeded ||
        status.phase == Phase::terminated) {
        return Severity::ok;
    }
    return Severity::progress;
}

Saying saying_of(const api::Canary& canary, const std::vector<Decision>& run, Time now) {
    const auto& status = canary.status;
    const auto severity = severity_of(canary, run, now);
    const bool has_failed = status.failed_checks > 0 || status.phase == Phase::failed ||
                            status.rollback || severity == Severity::warning;
    return {.severity = severity,
            .failure = has_failed ? last_failure(run) : std::nullopt,
            .rolled_back = rolled_back(canary, run)};
}

std::string sentence_of(const CanarySeen& seen, const Saying& saying) {
    constexpr std::size_t length_max = 400;
    std::string text;
    switch (saying.severity) {
        case Severity::failure:
            text = when_failing(seen, saying);
            break;
        case Severity::warning:
            text = when_stuck(seen, saying);
            break;
        case Severity::waiting:
            text = when_waiting(seen, saying);
            break;
        case Severity::progress:
        case Severity::ok:
            text = when_well(seen, saying);
            break;
    }
    if (text.size() <= length_max) return text;
    auto end = length_max - 3;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;
    return text.substr(0, end) + "…";
}

std::string if_failed(const api::Canary& canary) {
    const auto& status = canary.status;
    if (status.phase != Phase::progressing || status.rollback || canary.skip_analysis) return {};
    const int left = canary.analysis.threshold - status.failed_checks - 1;
    return left <= 0 ? std::string("rolls back") : fmt::format("holds ({} left)", left);
}

Coming coming_of(const api::Canary& canary, const canary::Outlook& outlook) {
    Coming coming{.what = outlook.next.empty() ? outlook.waits_for : outlook.next,
                  .at = outlook.not_before,
                  .if_failed = if_failed(canary)};
    if (!coming.what.empty() && !coming.if_failed.empty() && coming.what != "rollback") {
        coming.if_passed = std::exchange(coming.what, "check");
    }
    return coming;
}

}  // namespace sluice::release
