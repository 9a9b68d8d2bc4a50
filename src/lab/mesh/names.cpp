#include "lab/mesh/names.hpp"

#include "base/core/text.hpp"

namespace sluice::mesh {

std::string service_host(std::string_view name, std::string_view ns) {
    std::string host;
    host.reserve(name.size() + ns.size() + 19);
    host.append(name).append(".").append(ns).append(".svc.cluster.local");
    return host;
}

std::string full_name(std::string_view host, std::string_view ns) {
    if (host.empty() || host == "*" || host.find('.') != std::string_view::npos ||
        host.find(':') != std::string_view::npos)
        return lower_case(host);
    return service_host(lower_case(host), ns);
}

std::string gateway_name(std::string_view name, std::string_view ns) {
    if (name == "mesh") return "mesh";
    if (name.starts_with("./")) return std::string(ns) + "/" + std::string(name.substr(2));
    if (name.find('/') != std::string_view::npos) return std::string(name);
    const auto dot = name.find('.');
    if (dot == std::string_view::npos) return std::string(ns) + "/" + std::string(name);
    auto of = name.substr(dot + 1);
    if (of.ends_with(".svc.cluster.local")) of.remove_suffix(18);
    return std::string(of) + "/" + std::string(name.substr(0, dot));
}

bool is_wildcard(std::string_view host) {
    return host.starts_with('*');
}

bool covers(std::string_view pattern, std::string_view host) {
    if (!is_wildcard(pattern)) return pattern == host;
    return host.ends_with(pattern.substr(1));
}

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

std::optional<std::uint32_t> parse_ipv4(std::string_view text) {
    std::uint32_t address = 0;
    int parts = 0;
    std::size_t at = 0;
    while (parts < 4) {
        std::uint32_t part = 0;
        const auto begin = at;
        while (at < text.size() && is_digit(text[at]) && at - begin < 3)
            part = part * 10 + static_cast<std::uint32_t>(text[at++] - '0');
        if (at == begin || part > 255) return std::nullopt;
        address = (address << 8) | part;
        ++parts;
        if (parts == 4) break;
        if (at >= text.size() || text[at] != '.') return std::nullopt;
        ++at;
    }
    if (at != text.size()) return std::nullopt;
    return address;
}

}  // namespace sluice::mesh
