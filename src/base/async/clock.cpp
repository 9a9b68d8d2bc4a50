#include "base/async/clock.hpp"

namespace sluice {

Task<> Clock::sleep_for(Duration duration) {
    return sleep_until(now() + duration);
}

}  // namespace sluice
