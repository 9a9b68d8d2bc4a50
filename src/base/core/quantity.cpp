#include "base/core/quantity.hpp"

#include "base/core/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

namespace sluice {
namespace {

__extension__ using Wide = __int128;

constexpr Wide billion = 1'000'000'000;
constexpr Wide largest = std::numeric_limits<std::int64_t>::max();

enum class Family { decimal, binary, exponent };

struct Suffix {
    std::string_view name;
    Family family;
    int power;  // of ten, or of two
};

constexpr std::array<Suffix, 16> suffixes{{{"", Family::decimal, 0},
                                           {"n", Family::decimal, -9},
                                           {"u", Family::decimal, -6},
                                           {"m", Family::decimal, -3},
                                           {"k", Family::decimal, 3},
                                           {"M", Family::decimal, 6},
                                           {"G", Family::decimal, 9},
                                           {"T", Family::decimal, 12},
                                           {"P", Family::decimal, 15},
                                           {"E", Family::decimal, 18},
                                           {"Ki", Family::binary, 10},
                                           {"Mi", Family::binary, 20},
                                           {"Gi", Family::binary, 30},
                                           {"Ti", Family::binary, 40},
                                           {"Pi", Family::binary, 50},
                                           {"Ei", Family::binary, 60}}};

std::optional<Suffix> suffix_of(std::string_view text) {
    if (text.size() > 1 && (text[0] == 'e' || text[0] == 'E') && text != "Ei") {
        text.remove_prefix(text[1] == '+' ? 2 : 1);
        const auto exponent = parse_integer(text);
        constexpr std::int64_t exponent_max = 1000;
        if (!exponent || *exponent > exponent_max || *exponent < -exponent_max) return std::nullopt;
        return Suffix{"", Family::exponent, static_cast<int>(*exponent)};
    }
    for (const auto& suffix : suffixes) {
        if (suffix.name == text) return suffix;
    }
    return std::nullopt;
}

// "12.5" with its point moved by so many places.
struct Digits {
    std::string whole, fraction;

    void move_point(int places) {
        for (; places > 0; --places) {
            whole += fraction.empty() ? '0' : fraction.front();
            if (!fraction.empty()) fraction.erase(0, 1);
        }
        for (; places < 0; ++places) {
            fraction.insert(fraction.begin(), whole.empty() ? '0' : whole.back());
            if (!whole.empty()) whole.pop_back();
        }
    }
};

std::optional<Digits> digits_of(std::string_view text) {
    const auto point = text.find('.');
    const auto whole = text.substr(0, point);
    const auto fraction =
        point == std::string_view::npos ? std::string_view{} : text.substr(point + 1);
    constexpr std::size_t digits_max = 1000;
    if (whole.empty() && fraction.empty()) return std::nullopt;
    if (text.size() > digits_max || fraction.find('.') != std::string_view::npos) {
        return std::nullopt;
    }
    return Digits{std::string(whole), std::string(fraction)};
}

// In billionths, rounded up, at most the largest.
Wide billionths(Digits digits, const Suffix& suffix) {
    const bool binary = suffix.family == Family::binary;
    if (!binary) digits.move_point(suffix.power);
    Wide whole = 0;
    for (const char digit : digits.whole) whole = std::min(whole * 10 + (digit - '0'), largest);

    // Eighteen places are exact; of what comes behind it counts only whether it is nothing.
    constexpr std::size_t places = 18;
    auto kept = digits.fraction.substr(0, places);
    kept.resize(places, '0');
    Wide fraction = 0;
    for (const char digit : kept) fraction = fraction * 10 + (digit - '0');
    const bool more = digits.fraction.size() > places &&
                      digits.fraction.find_first_not_of('0', places) != std::string::npos;
    if (more) ++fraction;

    const auto factor = Wide{1} << (binary ? suffix.power : 0);
    if (whole > largest / factor) return largest * billion;
    const auto sum = whole * factor * billion + (fraction * factor + billion - 1) / billion;
    return std::min(sum, largest * billion);
}

std::string decimal_text(std::string_view sign, Wide value, Family family) {
    int power = -9;
    while (value % 1000 == 0 && power < 18) {
        value /= 1000;
        power += 3;
    }
    const auto number = static_cast<std::int64_t>(value);
    if (family == Family::exponent) {
        return power == 0 ? fmt::format("{}{}", sign, number)
                          : fmt::format("{}{}e{}", sign, number, power);
    }
    const auto* suffix = std::ranges::find_if(suffixes, [power](const Suffix& one) {
        return one.family == Family::decimal && one.power == power;
    });
    return fmt::format("{}{}{}", sign, number, suffix->name);
}

std::string binary_text(std::string_view sign, Wide value) {
    auto number = static_cast<std::int64_t>((value + billion - 1) / billion);
    int power = 0;
    while (number % 1024 == 0) {
        number /= 1024;
        power += 10;
    }
    const auto* suffix = std::ranges::find_if(suffixes, [power](const Suffix& one) {
        return power == 0 ? one.name.empty() : one.family == Family::binary && one.power == power;
    });
    return fmt::format("{}{}{}", sign, number, suffix->name);
}

}  // namespace

std::optional<std::string> canonical_quantity(std::string_view text) {
    const std::string_view sign = text.starts_with('-') ? "-" : "";
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    const auto number =
        text.substr(0, std::min(text.find_first_not_of("0123456789."), text.size()));
    auto digits = digits_of(number);
    const auto suffix = suffix_of(text.substr(number.size()));
    if (!digits || !suffix) return std::nullopt;

    const auto value = billionths(std::move(*digits), *suffix);
    if (value == 0) return "0";
    // Less than 1Ki is said in decimals, so that nothing has to be rounded.
    if (suffix->family == Family::binary && value >= 1024 * billion)
        return binary_text(sign, value);
    return decimal_text(sign, value, suffix->family);
}

}  // namespace sluice
