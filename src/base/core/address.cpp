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

std::string masked_address(std::string_view text) {
    auto bare = split_address(text).bare;
    const auto scheme_end = bare.find("://");
    if (scheme_end == std::string::npos) return "…";
    const auto host_end = bare.find_first_of("/?#", scheme_end + 3);
    if (host_end == std::string::npos || host_end + 1 == bare.size()) return bare;
    return bare.substr(0, host_end) + "/…";
}

}  // namespace sluice
