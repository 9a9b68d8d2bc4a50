#include "base/core/duration.hpp"

#include "base/core/text.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <limits>

namespace sluice {
namespace {

struct Unit {
    std::string_view name;
    std::int64_t nanoseconds;
};

constexpr std::array<Unit, 8> units{{{"ns", 1},
                                     {"us", 1'000},
                                     {"\u00b5s", 1'000},
                                     {"\u03bcs", 1'000},
                                     {"ms", 1'000'000},
                                     {"s", 1'000'000'000},
                                     {"m", 60'000'000'000},
                                     {"h", 3'600'000'000'000}}};

const Unit* unit_named(std::string_view name) {
    for (const auto& unit : units) {
        if (unit.name == name) return &unit;
    }
    return nullptr;
}

// "1.5" from 1500 thousandths: the fraction without its trailing zeros.
std::string with_fraction(std::uint64_t value, std::uint64_t per_unit) {
    auto text = fmt::format("{}", value / per_unit);
    auto rest = value % per_unit;
    if (rest == 0) return text;
    std::string digits;
    for (auto scale = per_unit / 10; scale > 0; scale /= 10) {
        digits += static_cast<char>('0' + rest / scale);
        rest %= scale;
    }
    while (digits.back() == '0') digits.pop_back();
    return text + "." + digits;
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
    const bool negative = !text.empty() && text.front() == '-';
    if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
    if (text == "0") return Duration{0};
    if (text.empty()) return std::nullopt;

    // Whole and fractional digits are kept apart, so that "0.1s" is exact.
    __int128 total = 0;
    while (!text.empty()) {
        __int128 whole = 0;
        __int128 fraction = 0;
        __int128 scale = 1;
        std::size_t digits = 0;
        for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1), ++digits) {
            whole = whole * 10 + (text.front() - '0');
            if (whole > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
        }
        if (!text.empty() && text.front() == '.') {
            text.remove_prefix(1);
            for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1), ++digits) {
                if (scale < 1'000'000'000'000'000) {
                    fraction = fraction * 10 + (text.front() - '0');
                    scale *= 10;
                }
            }
        }
        if (digits == 0) return std::nullopt;
        std::size_t length = 0;
        while (length < text.size() && text[length] != '.' && !is_digit(text[length])) ++length;
        const auto* unit = unit_named(text.substr(0, length));
        if (unit == nullptr) return std::nullopt;
        text.remove_prefix(length);
        total += whole * unit->nanoseconds + fraction * unit->nanoseconds / scale;
        if (total > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
    }
    const auto value = static_cast<std::int64_t>(total);
    return Duration{negative ? -value : value};
}

std::string go_text(Duration duration) {
    const auto count = duration.count();
    if (count == 0) return "0s";
    const bool negative = count < 0;
    auto value =
        negative ? ~static_cast<std::uint64_t>(count) + 1 : static_cast<std::uint64_t>(count);
    std::string text;
    if (value < 1'000) {
        text = fmt::format("{}ns", value);
    } else if (value < 1'000'000) {
        text = with_fraction(value, 1'000) + "\u00b5s";
    } else if (value < 1'000'000'000) {
        text = with_fraction(value, 1'000'000) + "ms";
    } else {
        constexpr std::uint64_t minute = 60'000'000'000;
        text = with_fraction(value % minute, 1'000'000'000) + "s";
        const auto minutes = value / minute;
        if (minutes > 0) text = fmt::format("{}m{}", minutes % 60, text);
        if (minutes >= 60) text = fmt::format("{}h{}", minutes / 60, text);
    }
    return negative ? "-" + text : text;
}

std::string human_text(Duration duration) {
    using namespace std::chrono;
    if (duration < -seconds{1}) return "<invalid>";
    if (duration < Duration{0}) return "0s";
    const auto s = duration_cast<seconds>(duration).count();
    const auto m = s / 60;
    const auto h = s / 3600;
    const auto d = h / 24;
    const auto pair =
        [](std::int64_t big, const char* big_unit, std::int64_t small, const char* small_unit) {
            return small == 0 ? fmt::format("{}{}", big, big_unit)
                              : fmt::format("{}{}{}{}", big, big_unit, small, small_unit);
        };
    if (s < 120) return fmt::format("{}s", s);
    if (m < 10) return pair(m, "m", s % 60, "s");
    if (m < 180) return fmt::format("{}m", m);
    if (h < 8) return pair(h, "h", m % 60, "m");
    if (h < 48) return fmt::format("{}h", h);
    if (h < 192) return pair(d, "d", h % 24, "h");
    constexpr std::int64_t year = 365;
    if (d < 2 * year) return fmt::format("{}d", d);
    if (d < 8 * year) return pair(d / year, "y", d % year, "d");
    return fmt::format("{}y", d / year);
}

}  // namespace sluice
