#include "release/checks.hpp"

#include "base/core/duration.hpp"
#include "base/core/text.hpp"
#include "release/words.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace sluice::release {
namespace {

// Which limit the value breaks, or the one that it keeps.
std::string compared(const Check& check) {
    const auto value = *check.value;
    const auto limit = [&](std::string_view sign, double of) {
        return fmt::format(
            " {} {}{}", sign, go_number(of), check.unit.empty() ? std::string() : " " + check.unit);
    };
    if (check.min && value < *check.min) return limit("<", *check.min);
    if (check.max && value > *check.max) return limit(">", *check.max);
    if (check.max) return limit("≤", *check.max);
    if (check.min) return limit("≥", *check.min);
    return {};
}

std::string text_of(const Check& check) {
    if (!check.is_metric) {
        if (!check.answer.empty()) return fmt::format("{}: {}", check.name, check.answer);
        return fmt::format("{}: {}", check.name, check.verdict == "pass" ? "passed" : "failed");
    }
    if (check.value) {
        return fmt::format(
            "{} {}{}", check.name, number_text(*check.value, check.unit), compared(check));
    }
    if (check.verdict == "nodata") return check.name + ": no data";
    return fmt::format(
        "{}: {}", check.name, check.answer.empty() ? "could not be asked" : check.answer);
}

Check check_of(const Json& kept) {
    Check check{.name = std::string(text_at(kept, {"check"})),
                .value = {},
                .unit = {},
                .min = {},
                .max = {},
                .verdict = verdict_of(text_at(kept, {"verdict"})),
                .text = {},
                .answer = std::string(text_at(kept, {"answer"}))};
    if (const auto* threshold = find(kept, {"threshold"}); threshold != nullptr) {
        check.is_metric = true;
        auto limits = limits_of(text_at(kept, {"threshold"}));
        check.min = limits.min;
        check.max = limits.max;
        check.unit = std::move(limits.unit);
        const auto value = parse_number(check.answer);
        if (value && std::isfinite(*value)) check.value = value;
    }
    check.text = text_of(check);
    return check;
}

// Of a metric, "request-duration over 1m".
std::optional<Duration> window_of(const Json& check) {
    constexpr std::string_view over = " over ";
    if (text_at(check, {"threshold"}).empty()) return std::nullopt;
    const auto question = text_at(check, {"question"});
    const auto at = question.rfind(over);
    if (at == std::string_view::npos) return std::nullopt;
    return parse_duration(question.substr(at + over.size()));
}

// The canary's, where the decision wrote one: "route 80/20".
std::optional<std::int64_t> weight_written(const Json& decision) {
    constexpr std::string_view words = "route ";
    for (const auto& entry : array_at(decision, {"wrote"})) {
        const std::string_view text = entry.is_string() ? entry.get_string() : std::string_view{};
        const auto slash = text.find('/');
        if (!text.starts_with(words) || slash == std::string_view::npos) continue;
        const auto rest = text.substr(slash + 1);
        return parse_integer(rest.substr(0, rest.find(' ')));
    }
    return std::nullopt;
}

}  // namespace

std::string verdict_of(std::string_view kept) {
    if (kept == "no data") return "nodata";
    constexpr std::array known{"pass", "fail", "inconclusive", "error"};
    return std::ranges::find(known, kept) != known.end() ? std::string(kept) : "error";
}

std::string number_text(double value, std::string_view unit) {
    if (unit == "%") return fmt::format("{:.2f} %", value);
    if (unit == "ms") return fmt::format("{:.{}f} ms", value, value < 10 ? 1 : 0);
    if (std::abs(value) >= 1e15) return go_number(value);
    auto text = fmt::format("{:.4g}", value);
    if (text.find('e') != std::string::npos) text = fmt::format("{:.0f}", value);
    return unit.empty() ? text : fmt::format("{} {}", text, unit);
}

Limits limits_of(std::string_view threshold) {
    Limits limits;
    if (threshold.ends_with(')')) {
        const auto open = threshold.rfind(" (");
        if (open != std::string_view::npos) {
            limits.unit = threshold.substr(open + 2, threshold.size() - open - 3);
            threshold = threshold.substr(0, open);
        }
    }
    for (const auto part : split(threshold, ',')) {
        const auto limit = trimmed(part);
        if (limit.starts_with("at least ")) limits.min = parse_number(limit.substr(9));
        if (limit.starts_with("at most ")) limits.max = parse_number(limit.substr(8));
    }
    return limits;
}

Limits limits_of(const api::Metric& metric) {
    Limits limits;
    const bool is_rate = metric.kind == api::MetricKind::request_success_rate;
    if (metric.has_range) {
        limits.min = metric.min;
        limits.max = metric.max;
    } else if (is_rate) {
        limits.min = metric.threshold;
    } else {
        limits.max = metric.threshold;
    }
    if (is_rate) limits.unit = "%";
    if (metric.kind == api::MetricKind::request_duration) limits.unit = "ms";
    return limits;
}

RequestLimits request_limits(const api::Analysis& analysis) {
    RequestLimits strictest;
    for (const auto& metric : analysis.metrics) {
        const auto limits = limits_of(metric);
        auto& min = strictest.success_min;
        auto& max = strictest.duration_max;
        if (metric.kind == api::MetricKind::request_success_rate && limits.min) {
            min = std::max(min.value_or(*limits.min), *limits.min);
        }
        if (metric.kind == api::MetricKind::request_duration && limits.max) {
            max = std::min(max.value_or(*limits.max), *limits.max);
        }
    }
    return strictest;
}

std::string reach_of(const JsonArray& decisions, std::size_t place, const Json& check) {
    const auto window = window_of(check);
    const auto asked = parse_rfc3339(text_at(decisions[place], {"at"}));
    if (!window || !asked) return {};
    for (auto before = place; before-- > 0;) {
        const auto& decision = decisions[before];
        if (const auto weight = weight_written(decision)) {
            const auto changed = parse_rfc3339(text_at(decision, {"at"}));
            if (!changed || *asked - *changed >= *window) return {};
            const auto reach =
                std::chrono::ceil<std::chrono::seconds>(*window - (*asked - *changed));
            return fmt::format(
                "the window reaches {} s back before weight {}", reach.count(), *weight);
        }
        if (begins_a_run(text_at(decision, {"what"}))) return {};
    }
    return {};
}

std::vector<Decision> decisions_of(const Json& canary) {
    std::vector<Decision> all;
    const auto& decisions = array_at(canary, {"status", "decisions"});
    for (std::size_t place = 0; place < decisions.size(); ++place) {
        const auto& kept = decisions[place];
        const auto at = parse_rfc3339(text_at(kept, {"at"}));
        if (!at) continue;
        Decision decision{.at = *at, .what = std::string(text_at(kept, {"what"}))};
        for (const auto& text : array_at(kept, {"said"})) {
            if (text.is_string()) decision.said.emplace_back(std::string_view(text.get_string()));
        }
        for (const auto& check : array_at(kept, {"checks"})) {
            decision.checks.push_back(check_of(check));
            decision.checks.back().reach = reach_of(decisions, place, check);
        }
        decision.pods = text_at(kept, {"pods"});
        all.push_back(std::move(decision));
    }
    return all;
}

std::vector<Decision> last_run(const std::vector<Decision>& decisions) {
    const auto start =
        std::find_if(decisions.rbegin(), decisions.rend(), [](const Decision& decision) {
            return begins_a_run(decision.what);
        });
    if (start == decisions.rend()) return decisions;
    return {start.base() - 1, decisions.end()};
}

std::optional<Check> last_failure(const std::vector<Decision>& run) {
    const auto is_bad = [](const Check& check) { return check.verdict != "pass"; };
    for (auto decision = run.rbegin(); decision != run.rend(); ++decision) {
        const auto& checks = decision->checks;
        // A check with a number says most.
        auto found = std::ranges::find_if(
            checks, [&](const Check& check) { return is_bad(check) && check.value; });
        if (found == checks.end()) {
            found = std::ranges::find_if(
                checks, [&](const Check& check) { return is_bad(check) && check.is_metric; });
        }
        if (found == checks.end()) found = std::ranges::find_if(checks, is_bad);
        if (found != checks.end()) return *found;
    }
    return std::nullopt;
}

}  // namespace sluice::release
