#include "web/checks.hpp"

#include "metrics/table.hpp"
#include "metrics/template.hpp"
#include "release/words.hpp"
#include "web/answer.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace sluice::web {
namespace {

constexpr std::size_t points_max = 120;

Json number_json(const std::optional<double>& value) {
    return value ? Json(*value) : Json(nullptr);
}

Json text_json(std::string_view text) {
    return text.empty() ? Json(nullptr) : Json(text);
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
        const auto limits = release::limits_of(metric);
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
            checks.push_back(
                JsonObject{{"check", text_at(check, {"check"})},
                           {"question", text_at(check, {"question"})},
                           {"answer", text_json(release::answer_text(check))},
                           {"threshold", text_json(text_at(check, {"threshold"}))},
                           {"verdict", release::verdict_of(text_at(check, {"verdict"}))}});
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
