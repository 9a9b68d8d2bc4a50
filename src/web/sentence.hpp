// How a release fares, in one sentence with numbers: what a person reads in the first five seconds.
#pragma once

#include "web/checks.hpp"
#include "web/release.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::web {

// Why a revision was taken back, or is: "failed checks threshold reached 3", "aborted by hand".
struct RolledBack {
    std::optional<Time> at;
    std::string why;            // empty where no decision that is kept says it
    bool for_checks = false;    // too many of them failed
    bool in_promotion = false;  // it failed there: users stay with whichever version serves
};
// Nothing while nothing is taken back.
std::optional<RolledBack> rolled_back(const api::Canary& canary, const std::vector<Decision>& run);

// What is said of a release, beside its objects.
struct Saying {
    Severity severity = Severity::ok;
    std::optional<Check> failure;  // the check that failed last in this run
    std::optional<RolledBack> rolled_back;
    std::string version;  // of the new revision; may be empty
};

Severity severity_of(const ReleaseSeen& seen, const std::vector<Decision>& run, Time now);
// "request-duration 917 ms > 500 ms; 2 of 3 allowed failures; canary 6.1.0 at 60 % (12.0 rps)".
std::string sentence_of(const ReleaseSeen& seen, const Saying& saying, Time now);
// What one more failed check does; empty when no check is due.
std::string if_failed(const api::Canary& canary);

// The tag of an image, or what stands for one.
std::string version_of(std::string_view image);

}  // namespace sluice::web
