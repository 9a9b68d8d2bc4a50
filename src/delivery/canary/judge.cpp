#include "delivery/canary/judge.hpp"

#include "api/texts.hpp"

#include <algorithm>
#include <cmath>

namespace sluice::canary {
namespace {

namespace texts = api::texts;

// Which bound is broken, if any.
struct Broken {
    bool below = false;
    double limit = 0;
};

std::optional<Broken> against(const api::Metric& metric, double value) {
    if (metric.has_range) {
        if (metric.min && value < *metric.min) return Broken{true, *metric.min};
        if (metric.max && value > *metric.max) return Broken{false, *metric.max};
        return std::nullopt;
    }
    // The deprecated single bound: a minimum for the success rate, a maximum for everything else.
    if (metric.kind == api::MetricKind::request_success_rate) {
        if (value < metric.threshold) return Broken{true, metric.threshold};
        return std::nullopt;
    }
    if (value > metric.threshold) return Broken{false, metric.threshold};
    return std::nullopt;
}

// Values and limits of durations count in whole milliseconds. A value past what a duration holds is
// the longest one.
double whole_milliseconds(double value) {
    constexpr double most = 9.0e12;
    if (std::isnan(value)) return most;
    return std::trunc(std::clamp(value, -most, most));
}

Duration milliseconds(double value) {
    return std::chrono::milliseconds(static_cast<std::int64_t>(whole_milliseconds(value)));
}

std::optional<Verdict> judge_value(const Measure& measure, double value) {
    const auto name = measure.canary + "." + measure.ns;
    const auto& metric = measure.metric;
    switch (metric.kind) {
        case api::MetricKind::request_success_rate:
            if (const auto broken = against(metric, value)) {
                return Verdict{EventType::warning,
                               broken->below
                                   ? texts::success_rate_below(name, value, broken->limit)
                                   : texts::success_rate_above(name, value, broken->limit)};
            }
            return std::nullopt;
        case api::MetricKind::request_duration: {
            auto whole = metric;
            whole.threshold = whole_milliseconds(metric.threshold);
            if (metric.min) whole.min = whole_milliseconds(*metric.min);
            if (metric.max) whole.max = whole_milliseconds(*metric.max);
            const auto truncated = whole_milliseconds(value);
            if (const auto broken = against(whole, truncated)) {
                const auto seen = milliseconds(truncated);
                const auto limit = milliseconds(broken->limit);
                return Verdict{EventType::warning,
                               broken->below ? texts::duration_below(name, seen, limit)
                                             : texts::duration_above(name, seen, limit)};
            }
            return std::nullopt;
        }
        case api::MetricKind::inline_query:
        case api::MetricKind::template_query:
            if (const auto broken = against(metric, value)) {
                return Verdict{EventType::warning,
                               broken->below
                                   ? texts::metric_below(name, metric.name, value, broken->limit)
                                   : texts::metric_above(name, metric.name, value, broken->limit)};
            }
            return std::nullopt;
        case api::MetricKind::unusable:
            break;
    }
    return Verdict{EventType::error, texts::no_usable_query()};
}

Verdict no_values(const Measure& measure, const std::string& why) {
    const auto target = measure.target + "." + measure.ns;
    // The peer's texts have no room for it, and the peer has no minRequests.
    const auto reason = measure.metric.min_requests > 0 ? ": " + why : std::string{};
    switch (measure.metric.kind) {
        case api::MetricKind::request_success_rate:
            return {EventType::warning,
                    texts::no_success_rate(measure.provider, measure.metric.name, target, why)};
        case api::MetricKind::request_duration:
            return {EventType::warning,
                    texts::no_duration(measure.provider, measure.metric.name, target) + reason};
        case api::MetricKind::inline_query:
            return {EventType::warning, texts::no_values(measure.metric.name) + reason};
        case api::MetricKind::template_query:
            return {EventType::warning, texts::no_custom_values(measure.metric.name, why)};
        case api::MetricKind::unusable:
            break;
    }
    return {EventType::error, texts::no_usable_query()};
}

}  // namespace

bool has_no_data(const Answer& answer) {
    return answer.outcome == Outcome::no_values ||
           (answer.outcome == Outcome::passed && (!answer.value || std::isnan(*answer.value)));
}

std::optional<Verdict> judge(const Measure& measure, const Answer& answer) {
    if (measure.metric.kind == api::MetricKind::unusable) {
        return Verdict{EventType::error, texts::no_usable_query()};
    }
    if (has_no_data(answer) && measure.metric.on_no_data != api::OnNoData::fail) {
        return std::nullopt;
    }
    switch (answer.outcome) {
        case Outcome::passed:
            if (has_no_data(answer)) {
                return no_values(measure, "running query failed: no values found");
            }
            return judge_value(measure, *answer.value);
        case Outcome::no_values:
            return no_values(measure, answer.text);
        case Outcome::failed:
        case Outcome::error:
            break;
    }
    switch (measure.metric.kind) {
        case api::MetricKind::template_query:
            // Whoever looked for the template has said what went wrong.
            return Verdict{EventType::error, answer.text};
        case api::MetricKind::inline_query:
            return Verdict{EventType::error,
                           texts::inline_query_failed(measure.metric.name, answer.text)};
        case api::MetricKind::request_success_rate:
        case api::MetricKind::request_duration:
        case api::MetricKind::unusable:
            break;
    }
    return Verdict{EventType::error, texts::query_failed(answer.text)};
}

}  // namespace sluice::canary
