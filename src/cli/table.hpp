// A metav1.Table as kubectl prints it.
#pragma once

#include "base/core/json.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace sluice::cli {

// The header and a line for each row, padded as kubectl pads. Columns at the end that do not fit
// are left out whole, with "…" in the header.
std::vector<std::string> wide_table(const Json& table, std::size_t columns_max = std::string::npos);

}  // namespace sluice::cli
