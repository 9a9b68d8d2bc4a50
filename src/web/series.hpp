// Requests, errors and latency over time: the grid that all who look in the same step share, the
// questions, and their answers on the grid.
#pragma once

#include "web/asked.hpp"
#include "web/checks.hpp"
#include "web/prometheus.hpp"
#include "web/settings.hpp"
#include "web/subject.hpp"

#include <boost/json/object.hpp>

#include <optional>
#include <string>
#include <vector>

namespace sluice::web {

struct SeriesAsked {
    Prometheus::Grid grid;
    Duration range{};      // of each rate
    bool is_past = false;  // an end was given: it does not grow old
};
// window and at, or from and to, and step, within their bounds. `scrape` is the server's interval
// as far as it is known.
Result<SeriesAsked> series_asked(const Asked& asked,
                                 const Settings& settings,
                                 std::optional<double> scrape,
                                 Time now);

struct SeriesQueries {
    std::string codes, p50, p95, p99;
};
SeriesQueries series_queries(const Subject& subject, Duration range);
// How each chart is computed, for people.
JsonObject queries_json(const SeriesQueries& queries);

struct SeriesAnswers {
    const Lines& codes;
    const Lines& p50;
    const Lines& p95;
    const Lines& p99;
};
// Of the lines whose label `by` has that value; an empty one takes them all.
JsonObject series_json(const SeriesAnswers& answers,
                       const Prometheus::Grid& grid,
                       std::string_view by,
                       std::string_view value);

// What was decided within the grid, for lines in a chart.
Json marks_json(const std::vector<Decision>& decisions, const Prometheus::Grid& grid);

}  // namespace sluice::web
