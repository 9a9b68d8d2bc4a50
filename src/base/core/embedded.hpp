// A file that travels inside the binary (cmake/embed.cmake).
#pragma once

#include <string_view>

namespace sluice {

struct EmbeddedFile {
    std::string_view name;
    std::string_view text;
};

}  // namespace sluice
