#include "web/samples.hpp"

#include "base/core/excerpt.hpp"
#include "base/core/json.hpp"
#include "base/core/text.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <cmath>
#include <optional>

namespace sluice::web {
namespace {

constexpr std::size_t shown_max = 200;
constexpr std::size_t body_max = std::size_t{32} * 1024 * 1024;

// The result list of a successful answer of that kind.
Result<Json> result_of(int status, std::string_view body, std::string_view kind) {
    auto answer = parse_json(body, {.depth = 32, .bytes = body_max});
    if (status != 200) {
        const auto said = answer ? text_at(*answer, {"error"}) : std::string_view{};
        return Error{ErrorKind::unavailable,
                     fmt::format("Prometheus answered {}: {}",
                                 status,
                                 excerpt(said.empty() ? body : said, shown_max))};
    }
    if (!answer) {
        return Error{ErrorKind::bad_answer,
                     "Prometheus' answer cannot be read: " + answer.error().message};
    }
    if (text_at(*answer, {"status"}) != "success") {
        return Error{ErrorKind::unavailable,
                     fmt::format("Prometheus answered: {}",
                                 excerpt(text_at(*answer, {"error"}), shown_max))};
    }
    auto* result = find(*answer, {"data", "result"});
    if (text_at(*answer, {"data", "resultType"}) != kind || result == nullptr ||
        !result->is_array()) {
        return Error{ErrorKind::bad_answer,
                     fmt::format("Prometheus' answer cannot be read: no {} in it", kind)};
    }
    return std::move(*result);
}

Labels labels_of(const Json& series) {
    Labels labels;
    for (const auto& [name, value] : object_at(series, {"metric"})) {
        if (value.is_string()) labels.emplace(name, std::string_view(value.get_string()));
    }
    return labels;
}

// [time, "value"]; nothing for what is no finite number.
std::optional<std::pair<double, double>> point_of(const Json& pair) {
    if (!pair.is_array() || pair.get_array().size() != 2) return std::nullopt;
    const auto& time = pair.get_array()[0];
    const auto& value = pair.get_array()[1];
    if (!value.is_string()) return std::nullopt;
    double at = 0;
    if (time.is_double()) {
        at = time.get_double();
    } else if (time.is_int64()) {
        at = static_cast<double>(time.get_int64());
    } else {
        return std::nullopt;
    }
    const auto number = parse_number(std::string_view(value.get_string()));
    if (!number || !std::isfinite(*number) || !std::isfinite(at)) return std::nullopt;
    return std::pair(at, *number);
}

Error too_many(std::string_view what, std::size_t limit) {
    return {ErrorKind::too_large,
            fmt::format("Prometheus' answer has more than {} {}", limit, what)};
}

std::size_t bytes_of(const Labels& labels) {
    // A node of the tree, its links and the allocator's share.
    constexpr std::size_t node = sizeof(Labels::value_type) + 48;
    std::size_t bytes = 0;
    for (const auto& [name, value] : labels) bytes += node + name.size() + value.size();
    return bytes;
}

}  // namespace

std::size_t bytes_of(const Samples& samples) {
    std::size_t bytes = 0;
    for (const auto& sample : samples) bytes += sizeof(sample) + bytes_of(sample.labels);
    return bytes;
}

std::size_t bytes_of(const Lines& lines) {
    std::size_t bytes = 0;
    for (const auto& line : lines) {
        bytes += sizeof(line) + bytes_of(line.labels);
        bytes += line.points.size() * sizeof(line.points.front());
    }
    return bytes;
}

std::string_view label_of(const Labels& labels, std::string_view name) {
    const auto found = labels.find(name);
    return found == labels.end() ? std::string_view{} : std::string_view(found->second);
}

Result<Samples> read_samples(int status, std::string_view body, SeriesLimits limits) {
    const auto result = result_of(status, body, "vector");
    if (!result) return result.error();
    const auto& series = result->as_array();
    if (series.size() > limits.series) return too_many("series", limits.series);
    Samples samples;
    samples.reserve(series.size());
    for (const auto& one : series) {
        const auto* value = find(one, {"value"});
        const auto point = value == nullptr ? std::nullopt : point_of(*value);
        if (point) samples.push_back({labels_of(one), point->second});
    }
    return samples;
}

Result<Lines> read_lines(int status, std::string_view body, SeriesLimits limits) {
    const auto result = result_of(status, body, "matrix");
    if (!result) return result.error();
    const auto& series = result->as_array();
    if (series.size() > limits.series) return too_many("series", limits.series);
    Lines lines;
    lines.reserve(series.size());
    std::size_t points = 0;
    for (const auto& one : series) {
        Line line{labels_of(one), {}};
        for (const auto& value : array_at(one, {"values"})) {
            if (++points > limits.points) return too_many("points", limits.points);
            if (const auto point = point_of(value)) line.points.push_back(*point);
        }
        lines.push_back(std::move(line));
    }
    return lines;
}

}  // namespace sluice::web
