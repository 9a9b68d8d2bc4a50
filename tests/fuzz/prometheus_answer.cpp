// What a Prometheus answers. Input: the status, and below it the body.
#include "base/core/text.hpp"
#include "fuzz/fuzz.hpp"
#include "metrics/prometheus.hpp"

#include <cmath>

namespace sluice::fuzz {

void try_input(std::string_view input) {
    const auto [line, body] = first_line_of(input);
    const auto status = parse_integer(line).value_or(200);
    const auto reading = metrics::read_answer(static_cast<int>(status % 1000), body);
    if (reading.outcome == metrics::Outcome::value) {
        must(std::isfinite(reading.value), "a value is a number");
    } else {
        must(!reading.text.empty(), "without a value there is a reason");
    }
    static_cast<void>(metrics::check_address(line));
}

}  // namespace sluice::fuzz
