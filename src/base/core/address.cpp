#include "base/core/address.hpp"

#include "base/core/text.hpp"

#include <algorithm>

namespace sluice {

Address split_address(std::string_view text) {
    constexpr std::string_view after_scheme = "://";
    const auto scheme_end = text.find(after_scheme);
    const auto begin = scheme_end == std::string_view::npos ? 0 : scheme_end + after_scheme.size();
    const auto end = std::min(text.find_first_of("/?#", begin), text.size());
    // The last one: a password may have another.
    const auto at = text.substr(begin, end - begin).rfind('@');
    if (at == std::string_view::npos) return {std::string(text), {}};
    return {std::string(text.substr(0, begin)) + std::string(text.substr(begin + at + 1)),
            "Basic " + base64(percent_decoded(text.substr(begin, at)))};
}

}  // namespace sluice
