// Prometheus' answers with many series, read defensively: the server is somebody else's.
#pragma once

#include "base/core/result.hpp"

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::web {

using Labels = std::map<std::string, std::string, std::less<>>;
// The label's value; empty when there is none.
std::string_view label_of(const Labels& labels, std::string_view name);

// Of one instant. What is no finite number is left out.
struct Sample {
    Labels labels;
    double value = 0;
};
using Samples = std::vector<Sample>;
// The memory that they take, about.
std::size_t bytes_of(const Samples& samples);

// Over time: seconds since 1970 and finite values; gaps are left out.
struct Line {
    Labels labels;
    std::vector<std::pair<double, double>> points;
};
using Lines = std::vector<Line>;
std::size_t bytes_of(const Lines& lines);

struct SeriesLimits {
    std::size_t series = 50'000;
    std::size_t points = 200'000;  // of all lines together
};

// `unavailable` with the server's own words, `bad_answer` for what cannot be read, `too_large` over
// a limit.
Result<Samples> read_samples(int status, std::string_view body, SeriesLimits limits = {});
Result<Lines> read_lines(int status, std::string_view body, SeriesLimits limits = {});

}  // namespace sluice::web
