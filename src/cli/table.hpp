// A metav1.Table as kubectl prints it.
#pragma once

#include "base/core/json.hpp"

#include <string>
#include <vector>

namespace sluice::cli {

// The header and a line for each row, every column, padded as kubectl pads.
std::vector<std::string> wide_table(const Json& table);

}  // namespace sluice::cli
