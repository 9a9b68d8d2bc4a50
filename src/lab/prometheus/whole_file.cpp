#include "lab/prometheus/whole_file.hpp"

#include <fmt/format.h>

#include <fstream>

namespace sluice::lab {

Result<void> write_whole_file(const std::filesystem::path& path, std::string_view text) {
    const auto unfinished = path.string() + ".new";
    std::ofstream file(unfinished, std::ios::binary | std::ios::trunc);
    file << text;
    file.close();
    std::error_code trouble;
    if (file) std::filesystem::rename(unfinished, path, trouble);
    if (!file || trouble)
        return Error{ErrorKind::denied, fmt::format("{} cannot be written", path.string())};
    return {};
}

}  // namespace sluice::lab
