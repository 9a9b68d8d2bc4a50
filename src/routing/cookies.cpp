#include "routing/cookies.hpp"

#include "base/core/duration.hpp"
#include "routing/route_plan.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sluice::routing {
namespace {

constexpr std::int64_t a_day = 86'400;

// A/B testing says by itself who gets to the canary.
const Json* affinity_of(const Json& canary) {
    if (!array_at(analysis_of(canary), {"match"}).empty()) return nullptr;
    const auto* affinity = find(analysis_of(canary), {"sessionAffinity"});
    return affinity == nullptr || !affinity->is_object() ? nullptr : affinity;
}

std::string escaped(std::string_view text) {
    std::string safe;
    for (const char c : text) {
        if (std::string_view{R"(\.+*?()|[]{}^$)"}.find(c) != std::string_view::npos) safe += '\\';
        safe += c;
    }
    return safe;
}

struct NamedValue {
    std::string_view name;
    std::string_view value;
};

// A value has no '=', a name may.
NamedValue split_cookie(std::string_view cookie) {
    const auto equals = cookie.rfind('=');
    if (equals == std::string_view::npos) return {.name = cookie, .value = {}};
    return {.name = cookie.substr(0, equals), .value = cookie.substr(equals + 1)};
}

std::string set_cookie(const Json& canary, std::string_view cookie, std::int64_t max_age) {
    const auto* affinity = affinity_of(canary);
    auto text = fmt::format("{}; Max-Age={}", cookie, max_age);
    if (affinity == nullptr) return text;
    const auto add_value = [&](std::string_view key, std::string_view word) {
        const auto value = text_at(*affinity, {key});
        if (!value.empty()) text += fmt::format("; {}={}", word, value);
    };
    const auto add_flag = [&](std::string_view key, std::string_view word) {
        if (bool_at(*affinity, {key}).value_or(false)) text += fmt::format("; {}", word);
    };
    add_value("domain", "Domain");
    add_flag("httpOnly", "HttpOnly");
    add_flag("partitioned", "Partitioned");
    add_value("path", "Path");
    add_value("sameSite", "SameSite");
    add_flag("secure", "Secure");
    return text;
}

bool has(std::string_view text, std::string_view part) {
    return !part.empty() && text.find(part) != std::string_view::npos;
}

// The peer does not escape.
bool names(std::string_view pattern, std::string_view word) {
    return has(pattern, word) || has(pattern, escaped(word));
}

}  // namespace

Cookies cookies_of(const Json& canary, Shares shares) {
    const auto* affinity = affinity_of(canary);
    if (affinity == nullptr) return {};
    const std::string present(text_at(canary, {"status", "sessionAffinityCookie"}));
    if (shares.canary == 0) {
        return {.removed = !present.empty()
                               ? present
                               : std::string(
                                     text_at(canary, {"status", "previousSessionAffinityCookie"}))};
    }
    Cookies cookies{.canary = present};
    if (!text_at(*affinity, {"primaryCookieName"}).empty()) {
        cookies.primary = text_at(canary, {"status", "primarySessionAffinityCookie"});
    }
    return cookies;
}

std::string cookie_pattern(std::string_view cookie) {
    const auto [name, value] = split_cookie(cookie);
    return fmt::format(R"(^(.*;\s*)?{}={}(;.*)?$)", escaped(name), escaped(value));
}

std::string set_canary_cookie(const Json& canary, std::string_view cookie) {
    const auto* affinity = affinity_of(canary);
    const auto asked =
        affinity == nullptr ? 0 : integer_at(*affinity, {"maxAge"}).value_or(std::int64_t{0});
    return set_cookie(canary, cookie, asked > 0 ? asked : a_day);
}

std::string set_primary_cookie(const Json& canary, std::string_view cookie) {
    // A user is bound to the primary for one step, and then gets another chance.
    const auto interval = parse_duration(text_at(analysis_of(canary), {"interval"}));
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(
        interval && *interval > Duration{} ? *interval : std::chrono::minutes{1});
    return set_cookie(canary, cookie, seconds.count());
}

std::string forget_cookie(const Json& canary, std::string_view cookie) {
    return set_cookie(canary, cookie, -1);
}

bool is_about_cookie(const Json& canary, std::string_view pattern) {
    if (const auto* affinity = affinity_of(canary)) {
        for (const std::string_view key : {"cookieName", "primaryCookieName"}) {
            if (names(pattern, text_at(*affinity, {key}))) return true;
        }
    }
    constexpr std::array<std::string_view, 3> kept{
        "sessionAffinityCookie", "primarySessionAffinityCookie", "previousSessionAffinityCookie"};
    return std::ranges::any_of(kept, [&](std::string_view key) {
        const auto [name, value] = split_cookie(text_at(canary, {"status", key}));
        return names(pattern, name) && names(pattern, value);
    });
}

}  // namespace sluice::routing
