// How a release fares, in one sentence with numbers: what a person reads in the first five seconds.
// Pure.
#pragma once

#include "release/checks.hpp"
#include "release/seen.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::release {

enum class Severity { failure, warning, waiting, progress, ok };
std::string_view to_string(Severity severity);

// Why a revision was taken back, or is: "failed checks threshold reached 3", "aborted by hand".
struct RolledBack {
    std::optional<Time> at;
    std::string why;            // empty where no decision that is kept says it
    bool for_checks = false;    // too many of them failed
    bool in_promotion = false;  // it failed there: users stay with whichever version serves
    std::string pods = {};      // why they were not ready then
};
// Nothing while nothing is taken back.
std::optional<RolledBack> rolled_back(const api::Canary& canary, const std::vector<Decision>& run);

// A revision is started, judged or promoted, or waits for it to be.
bool is_under_way(api::Phase phase);

Severity severity_of(const api::Canary& canary, const std::vector<Decision>& run, Time now);

// What is said of a release, beside its objects.
struct Saying {
    Severity severity = Severity::ok;
    std::optional<Check> failure;  // the check that failed last in this run
    std::optional<RolledBack> rolled_back;
    std::string version = {};        // of the new revision; empty: not known
    std::optional<double> rps = {};  // that it was measured to get
    // The pods that it waits for (pods.hpp); empty: not known, or not for this reader.
    std::string pods_wait_for = {};
};
// By what the Canary says of its last run; whoever knows them adds the version and the rate.
Saying saying_of(const api::Canary& canary, const std::vector<Decision>& run, Time now);
// "request-duration 917 ms > 500 ms; 2 of 3 allowed failures; canary 6.1.0 at 60 % (12.0 rps)".
std::string sentence_of(const CanarySeen& seen, const Saying& saying);
// What one more failed check does; empty when no check is due.
std::string if_failed(const api::Canary& canary);

// What happens next. What has a time is the check, where one is due: the plan goes on only if it
// passes.
struct Coming {
    std::string what;  // "check", "weight 40", or what it waits for; empty: nothing is known
    std::optional<Time> at = {};
    std::string if_passed = {};  // "weight 40"
    std::string if_failed = {};  // "holds (1 left)"
};
Coming coming_of(const api::Canary& canary, const canary::Outlook& outlook);

}  // namespace sluice::release
