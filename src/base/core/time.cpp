#include "base/core/time.hpp"

#include "base/core/text.hpp"

#include <fmt/format.h>

namespace sluice {
namespace {

using namespace std::chrono;

std::string date_and_time(Time time) {
    const auto whole = floor<seconds>(time);
    const auto midnight = floor<days>(whole);
    const year_month_day date{midnight};
    const hh_mm_ss clock{whole - midnight};
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
                       static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()),
                       static_cast<unsigned>(date.day()),
                       clock.hours().count(),
                       clock.minutes().count(),
                       clock.seconds().count());
}

// Takes `count` digits from the front; nothing when they are not all there.
std::optional<int> take_digits(std::string_view& text, std::size_t count) {
    if (text.size() < count) return std::nullopt;
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (!is_digit(text[i])) return std::nullopt;
        value = value * 10 + (text[i] - '0');
    }
    text.remove_prefix(count);
    return value;
}

bool take(std::string_view& text, std::string_view any_of) {
    if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
    text.remove_prefix(1);
    return true;
}

}  // namespace

std::string rfc3339(Time time) {
    return date_and_time(time) + "Z";
}

std::string rfc3339_millis(Time time) {
    const auto rest = floor<milliseconds>(time - floor<seconds>(time));
    return fmt::format("{}.{:03}Z", date_and_time(time), rest.count());
}

std::string rfc3339_micros(Time time) {
    const auto rest = floor<microseconds>(time - floor<seconds>(time));
    return fmt::format("{}.{:06}Z", date_and_time(time), rest.count());
}

std::optional<Time> parse_rfc3339(std::string_view text) {
    const auto y = take_digits(text, 4);
    if (!y || !take(text, "-")) return std::nullopt;
    const auto mo = take_digits(text, 2);
    if (!mo || !take(text, "-")) return std::nullopt;
    const auto d = take_digits(text, 2);
    if (!d || !take(text, "Tt ")) return std::nullopt;
    const auto h = take_digits(text, 2);
    if (!h || !take(text, ":")) return std::nullopt;
    const auto mi = take_digits(text, 2);
    if (!mi || !take(text, ":")) return std::nullopt;
    const auto s = take_digits(text, 2);
    if (!s || *h > 23 || *mi > 59 || *s > 60) return std::nullopt;

    const year_month_day date{
        year{*y}, month{static_cast<unsigned>(*mo)}, day{static_cast<unsigned>(*d)}};
    if (!date.ok()) return std::nullopt;
    // What 64-bit nanoseconds hold, less the days that an offset may add.
    if (*y < 1678 || *y > 2261) return std::nullopt;

    Duration fraction{0};
    if (take(text, ".")) {
        std::size_t digits = 0;
        std::int64_t value = 0;
        while (!text.empty() && is_digit(text.front())) {
            if (digits < 9) {
                value = value * 10 + (text.front() - '0');
                ++digits;
            }
            text.remove_prefix(1);
        }
        if (digits == 0) return std::nullopt;
        for (; digits < 9; ++digits) value *= 10;
        fraction = Duration{value};
    }

    minutes offset{0};
    if (!take(text, "Zz")) {
        if (text.empty() || (text.front() != '+' && text.front() != '-')) return std::nullopt;
        const int sign = text.front() == '+' ? 1 : -1;
        text.remove_prefix(1);
        const auto oh = take_digits(text, 2);
        if (!oh || !take(text, ":")) return std::nullopt;
        const auto om = take_digits(text, 2);
        if (!om || *oh > 23 || *om > 59) return std::nullopt;
        offset = sign * (hours{*oh} + minutes{*om});
    }
    if (!text.empty()) return std::nullopt;
    return Time{sys_days{date}} + hours{*h} + minutes{*mi} + seconds{*s} + fraction - offset;
}

}  // namespace sluice
