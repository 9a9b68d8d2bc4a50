#include "web/checks.hpp"

#include "base/core/text.hpp"
#include "metrics/table.hpp"
#include "metrics/template.hpp"
#include "release/words.hpp"
#include "web/answer.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace sluice::web {
namespace {

constexpr std::size_t points_max = 120;

std::string verdict_of(std::string_view kept) {
    if (kept == "no data") return "nodata";
    constexpr std::array known{"pass", "fail", "inconclusive", "error"};
    return std::ranges::find(known, kept) != known.end() ? std::string(kept) : "error";
}

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

Json number_json(const std::optional<double>& value) {
    return value ? Json(*value) : Json(nullptr);
}

Json text_json(std::string_view text) {
    return text.empty() ? Json(nullptr) : Json(text);
}

// As the spec has it, before anything was asked.
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

// As it is sent, of what the object alone tells; empty for a template's.
std::string query_of(const api::Canary& canary, const api::Metric& metric) {
    const metrics::QueryModel model{
        .name = canary.name,
        .ns = canary.ns,
        .target = canary.target.name,
        .service = canary.apex,
        .ingress = canary.ingress,
        .route = canary.route,
        .interval = metric.interval,
        .variables = {metric.variables.begin(), metric.variables.end()}};
    const auto built_in = [&](metrics::BuiltIn check) {
        const auto query = metrics::built_in_query(canary.provider, check, model);
        return query ? query->text : std::string();
    };
    switch (metric.kind) {
        case api::MetricKind::request_success_rate:
            return built_in(metrics::BuiltIn::success_rate);
        case api::MetricKind::request_duration:
            return built_in(metrics::BuiltIn::duration);
        case api::MetricKind::inline_query: {
            const auto text = metrics::render(metric.query, model);
            return text ? *text : std::string();
        }
        case api::MetricKind::template_query:
        case api::MetricKind::unusable:
            break;
    }
    return {};
}

struct Asked {
    const Check* last = nullptr;
    Time at{};
    JsonArray series;
};

Asked asked_of(std::string_view name, const std::vector<Decision>& run) {
    Asked asked;
    for (const auto& decision : run) {
        const auto check = std::ranges::find_if(
            decision.checks, [&](const Check& one) { return one.is_metric && one.name == name; });
        if (check == decision.checks.end()) continue;
        asked.last = &*check;
        asked.at = decision.at;
        const auto seconds = std::chrono::duration<double>(decision.at.time_since_epoch()).count();
        asked.series.push_back(JsonArray{seconds, number_json(check->value)});
    }
    if (asked.series.size() > points_max) {
        asked.series.erase(asked.series.begin(),
                           asked.series.end() - static_cast<std::ptrdiff_t>(points_max));
    }
    return asked;
}

Json texts_json(const Json& from, std::string_view field) {
    JsonArray texts;
    for (const auto& text : array_at(from, {field})) {
        if (text.is_string()) texts.push_back(text);
    }
    return texts;
}

}  // namespace

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

std::vector<Decision> decisions_of(const Json& canary) {
    std::vector<Decision> all;
    for (const auto& kept : array_at(canary, {"status", "decisions"})) {
        const auto at = parse_rfc3339(text_at(kept, {"at"}));
        if (!at) continue;
        Decision decision{.at = *at, .what = std::string(text_at(kept, {"what"}))};
        for (const auto& text : array_at(kept, {"said"})) {
            if (text.is_string()) decision.said.emplace_back(std::string_view(text.get_string()));
        }
        for (const auto& check : array_at(kept, {"checks"})) {
            decision.checks.push_back(check_of(check));
        }
        all.push_back(std::move(decision));
    }
    return all;
}

std::vector<Decision> last_run(const std::vector<Decision>& decisions) {
    const auto is_start = [](const Decision& decision) {
        return decision.what == "start" || decision.what == "restart" || decision.what == "begin";
    };
    const auto start = std::find_if(decisions.rbegin(), decisions.rend(), is_start);
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

Json json_of(const Check& check) {
    return JsonObject{{"name", check.name},
                      {"value", number_json(check.value)},
                      {"unit", text_json(check.unit)},
                      {"min", number_json(check.min)},
                      {"max", number_json(check.max)},
                      {"verdict", check.verdict},
                      {"text", check.text}};
}

Json metrics_json(const api::Canary& canary, const std::vector<Decision>& run, bool detail) {
    JsonArray all;
    for (const auto& metric : canary.analysis.metrics) {
        auto asked = asked_of(metric.name, run);
        const auto limits = limits_of(metric);
        JsonObject shown{{"name", metric.name}};
        if (asked.last != nullptr) {
            const auto& check = *asked.last;
            shown["unit"] = text_json(check.unit);
            shown["min"] = number_json(check.min);
            shown["max"] = number_json(check.max);
            shown["value"] = number_json(check.value);
            shown["verdict"] = check.verdict;
            shown["at"] = time_json(asked.at);
            shown["reason"] =
                check.value ? Json(nullptr)
                            : Json(check.answer.empty() ? "the query has no result" : check.answer);
            shown["text"] = check.text;
        } else {
            shown["unit"] = text_json(limits.unit);
            shown["min"] = number_json(limits.min);
            shown["max"] = number_json(limits.max);
            shown["value"] = nullptr;
            shown["verdict"] = nullptr;
            shown["at"] = nullptr;
            shown["reason"] = "not asked yet in this run";
            shown["text"] = metric.name + ": not asked yet";
        }
        if (detail) {
            shown["query"] = text_json(query_of(canary, metric));
            shown["series"] = std::move(asked.series);
        }
        all.push_back(std::move(shown));
    }
    return all;
}

Json decisions_json(const Json& canary) {
    JsonArray all;
    const auto& kept = array_at(canary, {"status", "decisions"});
    for (auto decision = kept.rbegin(); decision != kept.rend() && all.size() < 10; ++decision) {
        const auto at = parse_rfc3339(text_at(*decision, {"at"}));
        if (!at) continue;
        const auto what = text_at(*decision, {"what"});
        JsonArray checks;
        for (const auto& check : array_at(*decision, {"checks"})) {
            checks.push_back(JsonObject{{"check", text_at(check, {"check"})},
                                        {"question", text_at(check, {"question"})},
                                        {"answer", text_json(release::answer_text(check))},
                                        {"threshold", text_json(text_at(check, {"threshold"}))},
                                        {"verdict", verdict_of(text_at(check, {"verdict"}))}});
        }
        Json next = nullptr;
        if (const auto next_what = text_at(*decision, {"next", "what"}); !next_what.empty()) {
            next = JsonObject{
                {"what", next_what},
                {"notBefore", time_json(parse_rfc3339(text_at(*decision, {"next", "notBefore"})))}};
        }
        all.push_back(JsonObject{{"at", time_json(*at)},
                                 {"what", what},
                                 {"words", release::words_for(what)},
                                 {"said", texts_json(*decision, "said")},
                                 {"checks", std::move(checks)},
                                 {"wrote", texts_json(*decision, "wrote")},
                                 {"next", std::move(next)}});
    }
    return all;
}

}  // namespace sluice::web
