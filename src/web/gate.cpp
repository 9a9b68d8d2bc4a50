#include "web/gate.hpp"

#include "base/core/text.hpp"

#include <algorithm>

namespace sluice::web {
namespace {

constexpr std::size_t body_max = std::size_t{16} * 1024;

Refusal forbidden(std::string code, std::string message) {
    return {.status = 403, .code = std::move(code), .message = std::move(message)};
}

// Without port and brackets.
std::string_view name_of(std::string_view host) {
    if (host.starts_with('[')) {
        const auto end = host.find(']');
        return end == std::string_view::npos ? std::string_view{} : host.substr(1, end - 1);
    }
    return host.substr(0, host.find(':'));
}

// 127.0.0.0/8 in its plain form: nothing that a resolver would be asked about.
bool is_loopback_address(std::string_view name) {
    if (name == "::1") return true;
    const auto parts = split(name, '.');
    if (parts.size() != 4 || parts[0] != "127") return false;
    return std::ranges::all_of(parts, [](std::string_view part) {
        const auto number = parse_integer(part);
        return number && *number >= 0 && *number <= 255;
    });
}

}  // namespace

bool is_own_host(std::string_view host, const Settings& settings) {
    const auto name = name_of(host);
    if (equals_ignoring_case(name, "localhost") || is_loopback_address(name)) return true;
    return std::ranges::any_of(settings.hosts, [&](const std::string& known) {
        return equals_ignoring_case(known, host) || equals_ignoring_case(known, name);
    });
}

bool is_same_secret(std::string_view given, std::string_view secret) {
    if (given.size() != secret.size()) return false;
    unsigned char differs = 0;
    for (std::size_t i = 0; i < given.size(); ++i) {
        differs = static_cast<unsigned char>(differs | (given[i] ^ secret[i]));
    }
    return differs == 0;
}

std::string bearer_of(const net::Request& request) {
    const auto header = request.headers.get("Authorization");
    constexpr std::string_view scheme = "Bearer ";
    if (!header || header->size() <= scheme.size() ||
        !equals_ignoring_case(header->substr(0, scheme.size()), scheme)) {
        return {};
    }
    return std::string(trimmed(header->substr(scheme.size())));
}

Caller caller_of(const net::Request& request, const Settings& settings) {
    const auto token = bearer_of(request);
    const bool is_needed = settings.off_loopback || !settings.token.empty();
    if (token.empty()) return is_needed ? Caller::nobody : Caller::process;
    if (!settings.token.empty() && is_same_secret(token, settings.token)) return Caller::process;
    return Caller::person;
}

std::optional<Refusal> objection_to_host(const net::Request& request, const Settings& settings) {
    const auto host = request.headers.get("Host").value_or("");
    if (is_own_host(host, settings)) return std::nullopt;
    return forbidden("bad_host",
                     "this name is not the dashboard's: --ui-host tells it of another one");
}

std::optional<Refusal> objection_to_origin(const net::Request& request) {
    const auto site = request.headers.get("Sec-Fetch-Site");
    if (site && *site != "same-origin" && *site != "none") {
        return forbidden("bad_origin", "asked by another site's page");
    }
    const auto origin = request.headers.get("Origin");
    if (!origin) return std::nullopt;
    // What terminates TLS in front of us may speak another scheme, never another host.
    const auto at = origin->find("://");
    const auto host = request.headers.get("Host").value_or("");
    if (at != std::string_view::npos && equals_ignoring_case(origin->substr(at + 3), host)) {
        return std::nullopt;
    }
    return forbidden("bad_origin", "asked by another site's page");
}

std::string why_read_only(const Settings& settings) {
    if (settings.writes) return {};
    return settings.off_loopback ? "read-only off loopback; --ui-write allows it" : "read-only";
}

std::optional<Refusal> objection_to_write(const net::Request& request,
                                          const Settings& settings,
                                          std::string_view csrf) {
    if (const auto why = why_read_only(settings); !why.empty()) return forbidden("read_only", why);
    const auto given = request.headers.get("X-Sluice-CSRF").value_or("");
    if (!is_same_secret(given, csrf)) {
        return forbidden("csrf", "header X-Sluice-CSRF is missing or of another session");
    }
    const auto type = request.headers.get("Content-Type").value_or("");
    // What has no body has no type either.
    const bool has_body = request.method != "DELETE" || !request.body.empty();
    if (has_body &&
        !equals_ignoring_case(trimmed(type.substr(0, type.find(';'))), "application/json")) {
        return Refusal{.status = 415,
                       .code = "bad_content_type",
                       .message = "Content-Type must be application/json"};
    }
    if (request.body.size() > body_max) {
        return Refusal{
            .status = 413, .code = "too_large", .message = "the body is longer than 16 KiB"};
    }
    return std::nullopt;
}

}  // namespace sluice::web
