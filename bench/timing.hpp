// Time: what passed, what this thread worked, and waiting for something to become true.
#pragma once

#include "base/async/clock.hpp"

#include <chrono>
#include <ctime>
#include <stdexcept>
#include <string>

namespace sluice::bench {

using std::chrono::milliseconds;
using std::chrono::seconds;

inline double milliseconds_between(Time began, Time ended) {
    return std::chrono::duration<double, std::milli>(ended - began).count();
}

// Processor time of this thread.
inline double cpu_seconds() {
    timespec used{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

// Returns when the answer (a Task<bool>) is yes; asked again after each pause.
template <typename Question>
Task<> until(Clock& clock, Duration pause, std::string what, Question is_true) {
    const auto end = clock.now() + std::chrono::minutes{20};
    while (!co_await is_true()) {
        if (clock.now() > end) throw std::runtime_error("in vain: waited until " + what);
        co_await clock.sleep_for(pause);
    }
}

// A measurement that cannot go on ends the program.
template <typename Outcome>
auto must(Outcome outcome) {
    if (!outcome) throw std::runtime_error(outcome.error().message);
    return std::move(*outcome);
}

}  // namespace sluice::bench
