#include "web/series.hpp"

#include "base/core/text.hpp"
#include "web/figures.hpp"
#include "web/nullable.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace sluice::web {
namespace {

using std::chrono::seconds;

constexpr std::int64_t points_wanted = 150;
constexpr std::int64_t points_max = 600;
constexpr std::int64_t window_min_seconds = 60;
constexpr std::array<std::int64_t, 8> windows{10, 30, 60, 300, 900, 3600, 21600, 86400};
constexpr std::array<std::int64_t, 10> steps{1, 2, 5, 10, 15, 30, 60, 120, 300, 600};
constexpr std::size_t marks_max = 100;

Error wrong(std::string why) {
    return {ErrorKind::invalid, std::move(why)};
}

using Values = std::vector<std::optional<double>>;

std::size_t size_of(const Prometheus::Grid& grid) {
    return static_cast<std::size_t>((grid.to - grid.from) / grid.step + 1);
}

// Which point of the grid that is; nothing between two, or outside.
std::optional<std::size_t> place_of(double at, const Prometheus::Grid& grid) {
    const auto place = (at - static_cast<double>(grid.from)) / static_cast<double>(grid.step);
    const auto nearest = std::llround(place);
    if (nearest < 0 || std::abs(place - static_cast<double>(nearest)) > 0.01) return std::nullopt;
    const auto index = static_cast<std::size_t>(nearest);
    return index < size_of(grid) ? std::optional(index) : std::nullopt;
}

void add(Values& values, const Line& line, const Prometheus::Grid& grid) {
    for (const auto& [at, value] : line.points) {
        if (const auto place = place_of(at, grid)) {
            auto& sum = values[*place];
            sum = sum.value_or(0) + value;
        }
    }
}

Json values_json(const Values& values) {
    JsonArray all;
    all.reserve(values.size());
    for (const auto& value : values) all.push_back(optional_json(value));
    return all;
}

bool is_of(const Line& line, std::string_view by, std::string_view value) {
    return value.empty() || label_of(line.labels, by) == value;
}

Json quantile_json(const Lines& lines,
                   const Prometheus::Grid& grid,
                   std::string_view by,
                   std::string_view value) {
    Values values(size_of(grid));
    for (const auto& line : lines) {
        if (!is_of(line, by, value)) continue;
        for (const auto& [at, measured] : line.points) {
            if (const auto place = place_of(at, grid)) values[*place] = measured;
        }
    }
    return values_json(values);
}

// 3xx and 1xx go well; no answer, and a failed gRPC call, do not.
std::size_t class_of(const Line& line) {
    const auto code = label_of(line.labels, "response_code");
    if (is_failure(code, label_of(line.labels, "grpc_response_status"))) return 2;
    switch (code.front()) {
        case '1':
        case '2':
        case '3':
            return 0;
        case '4':
            return 1;
        default:
            return 3;
    }
}

struct What {
    std::string_view decision;
    std::string_view mark;
};
constexpr std::array whats{What{"start", "start"},
                           What{"restart", "start"},
                           What{"advance", "step"},
                           What{"count failure", "failure"},
                           What{"roll back", "rollback"},
                           What{"promote", "promote"},
                           What{"promoted", "end"},
                           What{"leave", "end"},
                           What{"failed", "end"}};

std::string label_of_mark(const Decision& decision, std::string_view mark) {
    if (mark == "failure") return "Halt";
    if (mark == "rollback") return "Rolling back";
    if (mark == "promote") return "promotion";
    if (mark == "start") return "new revision";
    if (mark == "end") return decision.what == "failed" ? "Failed" : "Succeeded";
    // "Advance podinfo.test canary weight 20": the last two words, or "iteration 3/10".
    if (decision.said.empty()) return "step";
    const auto& text = decision.said.back();
    const auto at = text.find(" canary ");
    return at == std::string::npos ? text : text.substr(at + 8);
}

}  // namespace

namespace {

// In seconds since 1970.
struct Span {
    std::int64_t length = 0;
    std::optional<std::int64_t> end;  // nothing: now
};

// "1767225600", or "2026-01-01T00:00:00Z".
Result<std::optional<std::int64_t>> moment(const Asked& asked, std::string_view name) {
    constexpr std::int64_t last = std::int64_t{1} << 40;
    const auto text = asked.text(name, 40);
    if (!text) return text.error();
    if (text->empty()) return std::optional<std::int64_t>{};
    if (const auto number = parse_integer(*text); number && *number >= 0 && *number <= last) {
        return number;
    }
    const auto time = parse_rfc3339(*text);
    const auto since_1970 =
        time ? std::chrono::floor<seconds>(time->time_since_epoch()).count() : -1;
    if (since_1970 < 0) {
        return wrong(
            fmt::format("parameter {}: \"{}\" is neither seconds since 1970 nor a time of RFC 3339",
                        name,
                        *text));
    }
    return std::optional(since_1970);
}

Result<Span> span_between(const Asked& asked, std::int64_t present) {
    for (const auto* other : {"window", "at"}) {
        if (asked.raw(other).empty()) continue;
        return wrong(fmt::format("parameter {}: from and to say it already", other));
    }
    const auto from = moment(asked, "from");
    if (!from) return from.error();
    const auto to = moment(asked, "to");
    if (!to) return to.error();
    if (!*from) return wrong("parameter to: from is missing");
    if (*to && **to > present) return wrong("parameter to: it is in the future");
    const Span span{.length = to->value_or(present) - **from, .end = *to};
    if (span.length <= 0) {
        return wrong(*to ? "parameter from: it is not before to"
                         : "parameter from: it is in the future");
    }
    if (span.length > windows.back()) {
        return wrong(fmt::format(
            "parameter from: more than {} s before {}", windows.back(), *to ? "to" : "now"));
    }
    return span;
}

Result<Span> span_of(const Asked& asked, const Settings& settings, std::int64_t present) {
    if (!asked.raw("from").empty() || !asked.raw("to").empty()) {
        return span_between(asked, present);
    }
    const auto window = asked.number("window", {10, 86400});
    if (!window) return window.error();
    auto length = window->value_or(300);
    if (std::ranges::find(windows, length) == windows.end() || (length == 10 && !settings.lab)) {
        return wrong(
            fmt::format("parameter window: {} is no window that may be asked for", length));
    }
    const auto at = asked.number("at", {0, std::int64_t{1} << 40});
    if (!at) return at.error();
    if (*at && **at > present) return wrong("parameter at: it is in the future");
    return Span{.length = std::max(length, window_min_seconds), .end = *at};
}

}  // namespace

Result<SeriesAsked> series_asked(const Asked& asked,
                                 const Settings& settings,
                                 std::optional<double> scrape,
                                 Time now) {
    const auto present = std::chrono::duration_cast<seconds>(now.time_since_epoch()).count();
    const auto span = span_of(asked, settings, present);
    if (!span) return span.error();
    const auto length = span->length;
    const auto step_asked = asked.number("step", {1, 3600});
    if (!step_asked) return step_asked.error();

    const auto scraped = std::chrono::duration<double>(settings.scrape_interval).count();
    const auto interval = std::max<std::int64_t>(1, std::llround(scrape.value_or(scraped)));
    std::int64_t step = 0;
    if (*step_asked) {
        step = **step_asked;
        if (length / step > points_max) {
            return wrong(fmt::format(
                "parameter step: {} gives more than {} points in {} s", step, points_max, length));
        }
    } else {
        const auto* fitting = std::ranges::find_if(steps, [&](std::int64_t one) {
            return length / one <= points_wanted && one >= interval;
        });
        step = fitting == steps.end() ? steps.back() : *fitting;
    }
    SeriesAsked series;
    series.is_past = span->end.has_value();
    series.grid.step = step;
    series.grid.to = span->end.value_or(present) / step * step;
    series.grid.from = series.grid.to - length / step * step;
    series.range = std::max<Duration>({window_min(settings), seconds{step}, seconds{4 * interval}});
    return series;
}

SeriesQueries series_queries(const Subject& subject, Duration range) {
    const auto length = std::chrono::duration_cast<seconds>(range).count();
    const auto quantile = [&](std::string_view q) {
        return fmt::format(
            "histogram_quantile({}, sum(rate(istio_request_duration_milliseconds_bucket{{"
            "reporter=\"{}\",{}}}[{}s])) by ({},le))",
            q,
            subject.reporter,
            subject.selector,
            length,
            subject.by);
    };
    return {.codes = fmt::format("sum(rate(istio_requests_total{{reporter=\"{}\",{}}}"
                                 "[{}s])) by ({},response_code,grpc_response_status)",
                                 subject.reporter,
                                 subject.selector,
                                 length,
                                 subject.by),
            .p50 = quantile("0.5"),
            .p95 = quantile("0.95"),
            .p99 = quantile("0.99")};
}

JsonObject queries_json(const SeriesQueries& queries) {
    return {{"rate", queries.codes},
            {"errors", queries.codes},
            {"noAnswer", queries.codes},
            {"p50", queries.p50},
            {"p95", queries.p95},
            {"p99", queries.p99}};
}

JsonObject series_json(const SeriesAnswers& answers,
                       const Prometheus::Grid& grid,
                       std::string_view by,
                       std::string_view value) {
    std::array<Values, 4> classes;
    classes.fill(Values(size_of(grid)));
    Values unanswered(size_of(grid));
    for (const auto& line : answers.codes) {
        if (!is_of(line, by, value)) continue;
        add(classes[class_of(line)], line, grid);
        if (is_unanswered(label_of(line.labels, "response_code"))) add(unanswered, line, grid);
    }
    Values errors(size_of(grid));
    Values no_answer(size_of(grid));
    for (std::size_t i = 0; i < errors.size(); ++i) {
        const bool is_known =
            std::ranges::any_of(classes, [&](const Values& one) { return one[i].has_value(); });
        if (!is_known) continue;
        double sum = 0;
        // A class that nobody met while others were met is none, and not unknown.
        for (auto& one : classes) {
            one[i] = one[i].value_or(0);
            sum += *one[i];
        }
        if (sum <= 0) continue;
        errors[i] = *classes[2][i] / sum;
        no_answer[i] = unanswered[i].value_or(0) / sum;
    }
    return {{"rate",
             JsonObject{{"2xx", values_json(classes[0])},
                        {"4xx", values_json(classes[1])},
                        {"5xx", values_json(classes[2])},
                        {"other", values_json(classes[3])}}},
            {"errors", values_json(errors)},
            {"noAnswer", values_json(no_answer)},
            {"p50", quantile_json(answers.p50, grid, by, value)},
            {"p95", quantile_json(answers.p95, grid, by, value)},
            {"p99", quantile_json(answers.p99, grid, by, value)}};
}

Json marks_json(const std::vector<Decision>& decisions, const Prometheus::Grid& grid) {
    JsonArray marks;
    for (const auto& decision : decisions) {
        const auto at = std::chrono::duration<double>(decision.at.time_since_epoch()).count();
        if (at < static_cast<double>(grid.from) || at > static_cast<double>(grid.to + grid.step)) {
            continue;
        }
        const auto* what = std::ranges::find(whats, decision.what, &What::decision);
        if (what == whats.end() || marks.size() >= marks_max) continue;
        marks.push_back(JsonObject{
            {"at", at}, {"what", what->mark}, {"label", label_of_mark(decision, what->mark)}});
    }
    return marks;
}

}  // namespace sluice::web
