// Heads of HTTP/1.1 messages as text.
#pragma once

#include "net/http.hpp"

#include <cstdint>
#include <string>

namespace sluice::net {

// How the other side learns where the body ends.
struct Framing {
    enum class Kind { none, length, chunked, until_close };
    Kind kind = Kind::none;
    std::uint64_t length = 0;
};

struct HeadForm {
    Framing framing;
    bool keep_alive = true;
    bool is_http_11 = true;  // of the other side
};

// Both append. Fields whose name or value would break the head are left out.
void write_head(std::string& out, const Response& response, const HeadForm& form);
// In absolute form when it goes through a proxy as plain HTTP.
void write_head(std::string& out, const Request& request, const HeadForm& form);

// "prometheus:9090", the default port left out, IPv6 in brackets.
std::string authority(const Origin& origin);
// "prometheus:9090", always with the port: for people, and for CONNECT.
std::string endpoint(const Origin& origin);

// The Content-Length among the headers; nothing when there is none or it is no number.
std::optional<std::uint64_t> stated_length(const Headers& headers);
// True when the comma-separated list of that name has the word.
bool lists(const Headers& headers, std::string_view name, std::string_view word);
// False for what could not stand in a request line.
bool is_target(std::string_view target);

}  // namespace sluice::net
