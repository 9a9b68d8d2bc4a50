#include "base/core/excerpt.hpp"

#include "base/core/text.hpp"

namespace sluice {

std::string excerpt(std::string_view text, std::size_t bytes_max) {
    std::string line;
    for (const char c : text.substr(0, bytes_max)) {
        line += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    while (!is_utf8(line)) line.pop_back();
    return std::string(trimmed(line));
}

}  // namespace sluice
