// The small languages: durations, quantities, times, numbers, base64, globs, images.
#include "base/core/duration.hpp"
#include "base/core/quantity.hpp"
#include "base/core/text.hpp"
#include "base/core/time.hpp"
#include "fuzz/fuzz.hpp"
#include "lab/workloads/image_map.hpp"

namespace sluice::fuzz {

void try_input(std::string_view input) {
    if (const auto duration = parse_duration(input)) {
        must(parse_duration(go_text(*duration)) == *duration, "a duration printed reads the same");
        static_cast<void>(human_text(*duration));
    }
    if (const auto quantity = canonical_quantity(input)) {
        must(canonical_quantity(*quantity) == quantity, "a canonical quantity is its own text");
    }
    if (const auto time = parse_rfc3339(input)) {
        must(parse_rfc3339(rfc3339(*time)).has_value(), "a time printed can be read");
        const auto micros = parse_rfc3339(rfc3339_micros(*time));
        must(micros && *micros <= *time && *time - *micros < std::chrono::microseconds{1},
             "a time printed reads the same");
    }
    if (const auto number = parse_integer(input)) {
        must(parse_integer(std::to_string(*number)) == *number, "a number printed reads the same");
    }
    if (const auto number = parse_number(input)) static_cast<void>(go_number(*number));
    must(from_base64(base64(input)) == input, "encoded and decoded again");
    if (const auto bytes = from_base64(input)) {
        must(from_base64(base64(*bytes)) == *bytes, "decoded, encoded and decoded again");
    }
    static_cast<void>(is_utf8(input));

    const auto [glob, text] = first_line_of(input);
    static_cast<void>(lab::glob_matches(glob, text));
    must(lab::glob_matches("*", input), "a star matches anything");
    const lab::ImageMap images;
    static_cast<void>(images.app_of(input));
    if (lab::is_image_reference(input)) {
        static_cast<void>(lab::behaviour_of(lab::image_tag(input)));
    }
}

}  // namespace sluice::fuzz
