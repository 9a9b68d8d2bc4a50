// `sluice controller`: the controller against a cluster, until a signal ends it.
#pragma once

#include "base/async/clock.hpp"
#include "base/async/random.hpp"

#include <string>
#include <vector>

namespace sluice::cli {

// Takes the arguments after the word. 0 after a signal, 1 when it cannot start or has lost its
// lease, 2 for a wrong flag; the last two with one line on stderr that says why.
int controller_command(const std::vector<std::string>& arguments, Clock& clock, Random& random);

}  // namespace sluice::cli
