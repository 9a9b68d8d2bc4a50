// The one place where the real clock and real randomness are made.
#pragma once

#include "base/async/clock.hpp"
#include "base/async/random.hpp"

#include <memory>

namespace sluice {

// Near to the wall clock, but as steady as the time that really passes (base/async/wall_time.hpp):
// a jump of the wall clock lets no deadline pass early. Waits run on the executor of whoever waits.
std::unique_ptr<Clock> make_real_clock();

// Seeded from the system.
std::unique_ptr<Random> make_real_random();

}  // namespace sluice
