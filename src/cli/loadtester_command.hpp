// sluice loadtester: what hooks call to make traffic and to ask gates. Flags as the peer's.
#pragma once

#include "base/async/clock.hpp"
#include "loadtester/task.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sluice::cli {

// The arguments after the command's name; the exit code. The clock outlives the call.
int loadtester_command(const std::vector<std::string>& arguments,
                       Clock& clock,
                       loadtester::TaskRunner& runner);

}  // namespace sluice::cli
