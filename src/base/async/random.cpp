#include "base/async/random.hpp"

#include "base/core/result.hpp"

#include <fmt/format.h>

#include <string_view>

namespace sluice {

std::uint64_t Random::below(std::uint64_t bound) {
    SLUICE_ASSERT(bound > 0);
    // Drawing again past the last whole multiple keeps every value equally likely.
    const auto limit = UINT64_MAX - UINT64_MAX % bound;
    auto value = next();
    while (value >= limit) value = next();
    return value % bound;
}

double Random::unit() {
    return static_cast<double>(next() >> 11U) * 0x1.0p-53;
}

std::string Random::uuid() {
    const auto high = (next() & 0xFFFFFFFFFFFF0FFFULL) | 0x4000ULL;
    const auto low = (next() & 0x3FFFFFFFFFFFFFFFULL) | 0x8000000000000000ULL;
    return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
                       high >> 32U,
                       (high >> 16U) & 0xFFFFU,
                       high & 0xFFFFU,
                       low >> 48U,
                       low & 0xFFFFFFFFFFFFULL);
}

std::string Random::name_suffix(std::size_t length) {
    constexpr std::string_view alphabet = "bcdfghjklmnpqrstvwxz2456789";
    std::string text;
    for (std::size_t i = 0; i < length; ++i) text += alphabet[below(alphabet.size())];
    return text;
}

std::uint64_t SeededRandom::next() {
    state_ += 0x9E3779B97F4A7C15ULL;
    auto z = state_;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31U);
}

}  // namespace sluice
