#include "web/checks.hpp"

#include "metrics/table.hpp"
#include "metrics/template.hpp"
#include "release/words.hpp"
#include "web/answer.hpp"
#include "web/nullable.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace sluice::web {
namespace {

constexpr std::size_t points_max = 120;

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
        const auto query =
            metrics::built_in_query(canary.provider, check, model, metric.unanswered);
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

struct Outcomes {
    const Check* last = nullptr;
    Time at{};
    JsonArray series;
};

Outcomes outcomes_of(std::string_view name, const std::vector<Decision>& run) {
    Outcomes outcomes;
    for (const auto& decision : run) {
        const auto check = std::ranges::find_if(
            decision.checks, [&](const Check& one) { return one.is_metric && one.name == name; });
        if (check == decision.checks.end()) continue;
        outcomes.last = &*check;
        outcomes.at = decision.at;
        const auto seconds = std::chrono::duration<double>(decision.at.time_since_epoch()).count();
        outcomes.series.push_back(JsonArray{seconds, optional_json(check->value)});
    }
    if (outcomes.series.size() > points_max) {
        outcomes.series.erase(outcomes.series.begin(),
                              outcomes.series.end() - static_cast<std::ptrdiff_t>(points_max));
    }
    return outcomes;
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
                      {"value", optional_json(check.value)},
                      {"unit", text_json(check.unit)},
                      {"min", optional_json(check.min)},
                      {"max", optional_json(check.max)},
                      {"verdict", check.verdict},
                      {"text", check.text}};
}

Json metrics_json(const api::Canary& canary, const std::vector<Decision>& run, bool detail) {
    JsonArray all;
    for (const auto& metric : canary.analysis.metrics) {
        auto outcomes = outcomes_of(metric.name, run);
        const auto limits = release::limits_of(metric);
        JsonObject shown{{"name", metric.name}};
        if (outcomes.last != nullptr) {
            const auto& check = *outcomes.last;
            shown["unit"] = text_json(check.unit);
            shown["min"] = optional_json(check.min);
            shown["max"] = optional_json(check.max);
            shown["value"] = optional_json(check.value);
            shown["verdict"] = check.verdict;
            shown["at"] = time_json(outcomes.at);
            shown["reason"] =
                check.value ? Json(nullptr)
                            : Json(check.answer.empty() ? "the query has no result" : check.answer);
            shown["text"] = check.text;
            shown["reach"] = text_json(check.reach);
        } else {
            shown["unit"] = text_json(limits.unit);
            shown["min"] = optional_json(limits.min);
            shown["max"] = optional_json(limits.max);
            shown["value"] = nullptr;
            shown["verdict"] = nullptr;
            shown["at"] = nullptr;
            shown["reason"] = "not asked yet in this run";
            shown["text"] = metric.name + ": not asked yet";
            shown["reach"] = nullptr;
        }
        if (detail) {
            shown["query"] = text_json(query_of(canary, metric));
            shown["series"] = std::move(outcomes.series);
        }
        all.push_back(std::move(shown));
    }
    return all;
}

Json decisions_json(const Json& canary) {
    JsonArray all;
    const auto& kept = array_at(canary, {"status", "decisions"});
    for (auto place = kept.size(); place-- > 0 && all.size() < 10;) {
        const auto* decision = &kept[place];
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
                           {"reach", text_json(release::reach_of(kept, place, check))},
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
                                 {"pods", text_json(text_at(*decision, {"pods"}))},
                                 {"checks", std::move(checks)},
                                 {"wrote", texts_json(*decision, "wrote")},
                                 {"next", std::move(next)}});
    }
    return all;
}

}  // namespace sluice::web
