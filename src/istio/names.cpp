#include "istio/names.hpp"

#include "base/core/text.hpp"

#include <algorithm>
#include <array>

namespace sluice::istio {

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

bool names_a_protocol(std::string_view port_name) {
    constexpr std::array<std::string_view, 9> protocols{
        "http", "http2", "https", "grpc", "tcp", "tls", "mongo", "mysql", "redis"};
    const auto stem = port_name.substr(0, port_name.find('-'));
    // "grpc-web" begins with one of them, too.
    return std::ranges::find(protocols, stem) != protocols.end();
}

std::optional<int> grpc_code_named(std::string_view name) {
    constexpr std::array<std::string_view, 17> names{"OK",
                                                     "CANCELLED",
                                                     "UNKNOWN",
                                                     "INVALID_ARGUMENT",
                                                     "DEADLINE_EXCEEDED",
                                                     "NOT_FOUND",
                                                     "ALREADY_EXISTS",
                                                     "PERMISSION_DENIED",
                                                     "RESOURCE_EXHAUSTED",
                                                     "FAILED_PRECONDITION",
                                                     "ABORTED",
                                                     "OUT_OF_RANGE",
                                                     "UNIMPLEMENTED",
                                                     "INTERNAL",
                                                     "UNAVAILABLE",
                                                     "DATA_LOSS",
                                                     "UNAUTHENTICATED"};
    if (const auto number = parse_integer(name)) {
        if (*number < 0 || *number >= static_cast<std::int64_t>(names.size())) return std::nullopt;
        return static_cast<int>(*number);
    }
    const auto found = std::ranges::find(names, name);
    if (found == names.end()) return std::nullopt;
    return static_cast<int>(found - names.begin());
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

}  // namespace sluice::istio
