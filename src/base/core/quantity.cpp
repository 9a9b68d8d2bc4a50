#include "base/core/quantity.hpp"

#include "base/core/text.hpp"

#include <array>
#include <cmath>
#include <limits>

namespace sluice {
namespace {

struct Suffix {
    std::string_view name;
    long double factor;
};

constexpr std::array<Suffix, 16> suffixes{{{"", 1.0L},
                                           {"n", 1e-9L},
                                           {"u", 1e-6L},
                                           {"m", 1e-3L},
                                           {"k", 1e3L},
                                           {"M", 1e6L},
                                           {"G", 1e9L},
                                           {"T", 1e12L},
                                           {"P", 1e15L},
                                           {"E", 1e18L},
                                           {"Ki", 1024.0L},
                                           {"Mi", 1048576.0L},
                                           {"Gi", 1073741824.0L},
                                           {"Ti", 1099511627776.0L},
                                           {"Pi", 1125899906842624.0L},
                                           {"Ei", 1152921504606846976.0L}}};

}  // namespace

std::optional<std::int64_t> parse_quantity_milli(std::string_view text) {
    std::size_t length = 0;
    if (!text.empty() && (text[0] == '+' || text[0] == '-')) length = 1;
    while (length < text.size() && (is_digit(text[length]) || text[length] == '.')) ++length;
    auto digits = text.substr(0, length);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    const auto number = parse_number(digits);
    if (!number) return std::nullopt;

    auto rest = text.substr(length);
    long double factor = 0;
    if (rest.size() > 1 && (rest[0] == 'e' || rest[0] == 'E') && rest != "Ei") {
        rest.remove_prefix(rest[1] == '+' ? 2 : 1);
        const auto exponent = parse_integer(rest);
        if (!exponent || *exponent > 18 || *exponent < -18) return std::nullopt;
        factor = std::pow(10.0L, static_cast<long double>(*exponent));
    } else {
        for (const auto& suffix : suffixes) {
            if (suffix.name == rest) factor = suffix.factor;
        }
        if (factor == 0) return std::nullopt;
    }
    const auto milli = static_cast<long double>(*number) * factor * 1000.0L;
    if (std::fabs(milli) >= static_cast<long double>(std::numeric_limits<std::int64_t>::max()))
        return std::nullopt;
    // The last bits of "0.1" must not round 100m up to 101m.
    return static_cast<std::int64_t>(std::ceil(milli - 1e-6L));
}

}  // namespace sluice
