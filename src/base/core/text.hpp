// Small questions about text.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool equals_ignoring_case(std::string_view a, std::string_view b);
std::string lower_case(std::string_view text);
std::string_view trimmed(std::string_view text);

// "a,b,,c" by ',' gives a, b, "", c; an empty text gives one empty part.
std::vector<std::string_view> split(std::string_view text, char separator);
// The same with every part trimmed and empty ones dropped: for lists that people write.
std::vector<std::string> split_list(std::string_view text, char separator = ',');
std::string joined(const std::vector<std::string>& parts, std::string_view separator);

// Whole decimal text only; nothing on overflow, blanks or leftovers.
std::optional<std::int64_t> parse_integer(std::string_view text);
std::optional<double> parse_number(std::string_view text);

// Go's %v of a float64, as the peers' messages show limits: "99", "0.5", "1e+06", "1e-05".
std::string go_number(double value);

// RFC 4648 with padding. Decoding gives nothing for anything malformed.
std::string base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

// RFC 3986: everything but unreserved characters becomes %XX. Decoding leaves bad escapes as they
// are.
std::string percent_encoded(std::string_view text);
// In a query string '+' means a blank.
struct PercentDecoding {
    bool plus_is_blank = false;
};
std::string percent_decoded(std::string_view text, PercentDecoding how = {});

// True when the text is well-formed UTF-8.
bool is_utf8(std::string_view text);

}  // namespace sluice
