// Files that somebody else reads while they are written.
#pragma once

#include "base/core/result.hpp"

#include <filesystem>
#include <string_view>

namespace sluice::lab {

// Whoever reads it finds the old text or the new one, whole.
Result<void> write_whole_file(const std::filesystem::path& path, std::string_view text);

}  // namespace sluice::lab
