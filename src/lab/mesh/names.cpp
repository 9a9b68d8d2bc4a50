#include "lab/mesh/names.hpp"

#include "base/core/text.hpp"

namespace sluice::mesh {

Authority parse_authority(std::string_view text) {
    Authority authority;
    auto host = text;
    const auto colon = text.rfind(':');
    const auto bracket = text.rfind(']');
    if (colon != std::string_view::npos &&
        (bracket == std::string_view::npos ? text.find(':') == colon : colon > bracket)) {
        const auto port = parse_integer(text.substr(colon + 1));
        if (port && *port > 0 && *port < 65536) authority.port = static_cast<std::uint16_t>(*port);
        host = text.substr(0, colon);
    }
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    authority.host = lower_case(host);
    return authority;
}

}  // namespace sluice::mesh
