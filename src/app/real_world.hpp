// The one place where the real clock and real randomness are made.
#pragma once

#include "base/async/clock.hpp"
#include "base/async/random.hpp"

#include <memory>

namespace sluice {

// Wall-clock times for what people read; waits are measured on the monotonic clock, so a jump of
// the wall clock neither shortens nor stretches one. Waits run on the executor of whoever waits.
std::unique_ptr<Clock> make_real_clock();

// Seeded from the system.
std::unique_ptr<Random> make_real_random();

}  // namespace sluice
