#include "net/message_writer.hpp"

#include "base/core/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>

namespace sluice::net {
namespace {

// Made by us from the framing and the connection, never handed on.
bool is_ours(std::string_view name) {
    switch (name.size()) {
        case 7:
            return equals_ignoring_case(name, "Upgrade");
        case 10:
            return equals_ignoring_case(name, "Connection") ||
                   equals_ignoring_case(name, "Keep-Alive");
        case 14:
            return equals_ignoring_case(name, "Content-Length");
        case 16:
            return equals_ignoring_case(name, "Proxy-Connection");
        case 17:
            return equals_ignoring_case(name, "Transfer-Encoding");
        default:
            return false;
    }
}

// RFC 9110, 5.6.2, by character.
constexpr auto token_characters = [] {
    std::array<bool, 256> allowed{};
    for (int c = '!'; c < 127; ++c) {
        allowed[static_cast<std::size_t>(c)] =
            std::string_view("\"(),/:;<=>?@[\\]{}").find(static_cast<char>(c)) ==
            std::string_view::npos;
    }
    return allowed;
}();

bool is_token(std::string_view name) {
    return !name.empty() && std::ranges::all_of(name, [](char c) {
        return token_characters[static_cast<unsigned char>(c)];
    });
}

bool is_value(std::string_view value) {
    return std::none_of(
        value.begin(), value.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

void write_field(std::string& out, std::string_view name, std::string_view value) {
    out += name;
    out += ": ";
    out += value;
    out += "\r\n";
}

void write_fields(std::string& out, const Headers& headers) {
    for (const auto& [name, value] : headers) {
        if (!is_ours(name) && is_token(name) && is_value(value)) write_field(out, name, value);
    }
}

void write_number(std::string& out, std::uint64_t number) {
    char digits[24];
    const auto end = std::to_chars(std::begin(digits), std::end(digits), number).ptr;
    out.append(digits, end);
}

void write_framing(std::string& out, const Framing& framing) {
    switch (framing.kind) {
        case Framing::Kind::length:
            out += "Content-Length: ";
            write_number(out, framing.length);
            out += "\r\n";
            break;
        case Framing::Kind::chunked:
            out += "Transfer-Encoding: chunked\r\n";
            break;
        case Framing::Kind::none:
        case Framing::Kind::until_close:
            break;
    }
}

// An upgrade is the only thing that may stand beside keep-alive and close.
bool write_upgrade(std::string& out, const Headers& headers) {
    const auto protocol = headers.get("Upgrade");
    if (!protocol || !is_value(*protocol)) return false;
    write_field(out, "Connection", "Upgrade");
    write_field(out, "Upgrade", *protocol);
    return true;
}

}  // namespace

void write_head(std::string& out, const Response& response, const HeadForm& form) {
    out += "HTTP/1.1 ";
    write_number(out, static_cast<std::uint64_t>(response.status));
    out += ' ';
    out += reason_phrase(response.status);
    out += "\r\n";
    write_fields(out, response.headers);
    write_framing(out, form.framing);
    if (response.status != 101 || !write_upgrade(out, response.headers)) {
        if (!form.keep_alive) {
            out += "Connection: close\r\n";
        } else if (!form.is_http_11) {
            out += "Connection: keep-alive\r\n";
        }
    }
    out += "\r\n";
}

void write_head(std::string& out, const Request& request, const HeadForm& form) {
    out += request.method;
    out += ' ';
    if (request.proxy && !request.origin.tls) {
        out += "http://";
        out += authority(request.origin);
    }
    out += request.target;
    out += " HTTP/1.1\r\n";
    if (!request.headers.get("Host")) write_field(out, "Host", authority(request.origin));
    write_fields(out, request.headers);
    write_framing(out, form.framing);
    if (!write_upgrade(out, request.headers) && !form.keep_alive) out += "Connection: close\r\n";
    out += "\r\n";
}

std::string authority(const Origin& origin) {
    return to_string(origin).substr(origin.tls ? 8 : 7);
}

std::string endpoint(const Origin& origin) {
    const bool is_v6 = origin.host.find(':') != std::string::npos;
    return is_v6 ? fmt::format("[{}]:{}", origin.host, origin.port)
                 : fmt::format("{}:{}", origin.host, origin.port);
}

std::optional<std::uint64_t> stated_length(const Headers& headers) {
    const auto text = headers.get("Content-Length");
    if (!text) return std::nullopt;
    const auto length = parse_integer(trimmed(*text));
    if (!length || *length < 0) return std::nullopt;
    return static_cast<std::uint64_t>(*length);
}

bool lists(const Headers& headers, std::string_view name, std::string_view word) {
    for (const auto& [key, value] : headers) {
        if (!equals_ignoring_case(key, name)) continue;
        for (const auto part : split(value, ',')) {
            if (equals_ignoring_case(trimmed(part), word)) return true;
        }
    }
    return false;
}

bool is_target(std::string_view target) {
    return !target.empty() && std::all_of(target.begin(), target.end(), [](char c) {
        return static_cast<unsigned char>(c) > ' ' && c != 127;
    });
}

}  // namespace sluice::net
