// Prometheus' answers with many series, read defensively: the server is somebody else's.
#pragma once

#include "base/core/result.hpp"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::web {

// Names and values in one piece of memory: an answer has thousands of them, is read once, and is
// thrown away for the next one.
class Labels {
   public:
    Labels() = default;
    Labels(std::initializer_list<std::pair<std::string_view, std::string_view>> all);

    void reserve(std::size_t bytes) { text_.reserve(bytes); }
    // A name comes once.
    void add(std::string_view name, std::string_view value);
    // Empty when there is none.
    std::string_view of(std::string_view name) const;
    // What a label takes besides its two texts.
    static constexpr std::size_t extra_bytes = 2 * sizeof(std::uint32_t);
    // The memory that they take, about.
    std::size_t bytes() const { return text_.capacity(); }

   private:
    std::string text_;  // of each label both lengths, the name and the value
};
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
