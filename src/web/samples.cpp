#include "web/samples.hpp"

#include "base/core/excerpt.hpp"
#include "base/core/json.hpp"
#include "base/core/text.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstring>
#include <optional>

namespace sluice::web {
namespace {

constexpr std::size_t shown_max = 200;
constexpr std::size_t body_max = std::size_t{32} * 1024 * 1024;

// The result list of a successful answer of that kind, in memory that is given back all at once.
class Answer {
   public:
    Answer() = default;
    Answer(const Answer&) = delete;
    Answer& operator=(const Answer&) = delete;

    Result<const JsonArray*> read(int status, std::string_view body, std::string_view kind);

   private:
    // Whether the body is JSON.
    Result<void> parse(std::string_view body);

    boost::json::monotonic_resource memory_;
    Json whole_ = Json(nullptr, boost::json::storage_ptr(&memory_));
};

Result<void> Answer::parse(std::string_view body) {
    constexpr JsonLimits limits{.depth = 32, .bytes = body_max};
    boost::json::parse_options options;
    options.max_depth = limits.depth;
    boost::json::error_code error;
    if (body.size() <= limits.bytes) {
        whole_ = boost::json::parse(body, error, whole_.storage(), options);
        if (!error) return {};
    }
    // It has the words for it.
    const auto read = parse_json(body, limits);
    if (read) return {};
    return read.error();
}

Result<const JsonArray*> Answer::read(int status, std::string_view body, std::string_view kind) {
    const auto parsed = parse(body);
    if (status != 200) {
        const auto said = text_at(whole_, {"error"});
        return Error{ErrorKind::unavailable,
                     fmt::format("Prometheus answered {}: {}",
                                 status,
                                 excerpt(said.empty() ? body : said, shown_max))};
    }
    if (!parsed) {
        return Error{ErrorKind::bad_answer,
                     "Prometheus' answer cannot be read: " + parsed.error().message};
    }
    if (text_at(whole_, {"status"}) != "success") {
        return Error{
            ErrorKind::unavailable,
            fmt::format("Prometheus answered: {}", excerpt(text_at(whole_, {"error"}), shown_max))};
    }
    const auto* result = find(whole_, {"data", "result"});
    if (text_at(whole_, {"data", "resultType"}) != kind || result == nullptr ||
        !result->is_array()) {
        return Error{ErrorKind::bad_answer,
                     fmt::format("Prometheus' answer cannot be read: no {} in it", kind)};
    }
    return &result->get_array();
}

Labels labels_of(const Json& series) {
    const auto& metric = object_at(series, {"metric"});
    std::size_t bytes = 0;
    for (const auto& [name, value] : metric) {
        if (value.is_string())
            bytes += name.size() + value.get_string().size() + Labels::extra_bytes;
    }
    Labels labels;
    labels.reserve(bytes);
    for (const auto& [name, value] : metric) {
        if (value.is_string()) labels.add(name, value.get_string());
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

}  // namespace

std::size_t bytes_of(const Samples& samples) {
    std::size_t bytes = 0;
    for (const auto& sample : samples) bytes += sizeof(sample) + sample.labels.bytes();
    return bytes;
}

std::size_t bytes_of(const Lines& lines) {
    std::size_t bytes = 0;
    for (const auto& line : lines) {
        bytes += sizeof(line) + line.labels.bytes();
        bytes += line.points.size() * sizeof(line.points.front());
    }
    return bytes;
}

Labels::Labels(std::initializer_list<std::pair<std::string_view, std::string_view>> all) {
    for (const auto& [name, value] : all) add(name, value);
}

void Labels::add(std::string_view name, std::string_view value) {
    for (const auto part : {name, value}) {
        const auto size = static_cast<std::uint32_t>(part.size());
        std::array<char, sizeof(size)> bytes{};
        std::memcpy(bytes.data(), &size, sizeof(size));
        text_.append(bytes.data(), bytes.size());
    }
    text_ += name;
    text_ += value;
}

std::string_view Labels::of(std::string_view name) const {
    std::string_view rest = text_;
    while (!rest.empty()) {
        std::array<std::uint32_t, 2> sizes{};
        std::memcpy(sizes.data(), rest.data(), extra_bytes);
        rest.remove_prefix(extra_bytes);
        if (rest.substr(0, sizes[0]) == name) return rest.substr(sizes[0], sizes[1]);
        rest.remove_prefix(std::size_t{sizes[0]} + sizes[1]);
    }
    return {};
}

std::string_view label_of(const Labels& labels, std::string_view name) {
    return labels.of(name);
}

Result<Samples> read_samples(int status, std::string_view body, SeriesLimits limits) {
    Answer answer;
    const auto result = answer.read(status, body, "vector");
    if (!result) return result.error();
    const auto& series = **result;
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
    Answer answer;
    const auto result = answer.read(status, body, "matrix");
    if (!result) return result.error();
    const auto& series = **result;
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
