#include "net/http.hpp"

#include "base/core/text.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::net {

std::optional<std::string_view> Headers::get(std::string_view name) const {
    for (const auto& [key, value] : fields_) {
        if (equals_ignoring_case(key, name)) return value;
    }
    return std::nullopt;
}

std::vector<std::string_view> Headers::all(std::string_view name) const {
    std::vector<std::string_view> values;
    for (const auto& [key, value] : fields_) {
        if (equals_ignoring_case(key, name)) values.push_back(value);
    }
    return values;
}

void Headers::set(std::string_view name, std::string_view value) {
    // The value may be one of the fields' own.
    std::string kept(value);
    const auto is_named = [name](const Field& field) {
        return equals_ignoring_case(field.first, name);
    };
    const auto first = std::ranges::find_if(fields_, is_named);
    if (first == fields_.end()) {
        fields_.emplace_back(name, std::move(kept));
        return;
    }
    first->first = name;
    first->second = std::move(kept);
    fields_.erase(std::remove_if(first + 1, fields_.end(), is_named), fields_.end());
}

void Headers::add(std::string_view name, std::string_view value) {
    fields_.emplace_back(name, value);
}

void Headers::erase(std::string_view name) {
    std::erase_if(fields_,
                  [name](const Field& field) { return equals_ignoring_case(field.first, name); });
}

std::string to_string(const Origin& origin) {
    const bool is_v6 = origin.host.find(':') != std::string::npos;
    const auto host = is_v6 ? "[" + origin.host + "]" : origin.host;
    const std::uint16_t usual = origin.tls ? 443 : 80;
    const auto scheme = origin.tls ? "https" : "http";
    if (origin.port == usual) return fmt::format("{}://{}", scheme, host);
    return fmt::format("{}://{}:{}", scheme, host, origin.port);
}

Result<Url> parse_url(std::string_view text) {
    const auto parsed = boost::urls::parse_uri(text);
    const auto no = [text](std::string_view why) {
        return Error{ErrorKind::invalid, fmt::format("URL {}: {}", text, why)};
    };
    if (!parsed) return no("not a URL");
    Url url;
    const auto scheme = lower_case(std::string(parsed->scheme()));
    if (scheme != "http" && scheme != "https") return no("neither http nor https");
    url.origin.tls = scheme == "https";
    if (parsed->host().empty()) return no("no host");
    // Escapes would come out as characters that no name has, line ends among them.
    if (std::string_view(parsed->encoded_host()).find('%') != std::string_view::npos)
        return no("bad host");
    url.origin.host = parsed->host_type() == boost::urls::host_type::ipv6
                          ? std::string(parsed->host_ipv6_address().to_string())
                          : lower_case(parsed->host());
    url.origin.port = url.origin.tls ? 443 : 80;
    if (parsed->has_port() && !parsed->port().empty()) {
        const auto port = parse_integer(std::string_view(parsed->port()));
        if (!port || *port < 1 || *port > 65535) return no("bad port");
        url.origin.port = static_cast<std::uint16_t>(*port);
    }
    url.target = std::string(parsed->encoded_path());
    // Boost 1.81 lets a path begin right behind the port.
    if (!url.target.empty() && url.target.front() != '/') return no("not a URL");
    if (url.target.empty()) url.target = "/";
    if (parsed->has_query()) {
        url.target += '?';
        url.target += std::string(parsed->encoded_query());
    }
    return url;
}

Result<Request> request_for(std::string_view url) {
    auto parsed = parse_url(url);
    if (!parsed) return parsed.error();
    Request request;
    request.origin = std::move(parsed->origin);
    request.target = std::move(parsed->target);
    return request;
}

Task<Result<std::string>> read_whole(Response response, std::size_t limit) {
    std::string whole = std::move(response.body);
    while (response.stream) {
        auto part = co_await response.stream->next();
        if (!part) co_return part.error();
        if (part->empty()) break;
        whole += *part;
        if (whole.size() > limit) break;
    }
    if (whole.size() > limit) {
        co_return Error{ErrorKind::too_large, fmt::format("body is longer than {} bytes", limit)};
    }
    co_return whole;
}

void drop_hop_by_hop(Headers& headers) {
    // Copies: the names stand in fields that go.
    std::vector<std::string> named;
    bool is_websocket = false;
    for (const auto& [name, value] : headers) {
        if (equals_ignoring_case(name, "Connection")) {
            for (auto& part : split_list(value)) named.push_back(std::move(part));
        }
        if (equals_ignoring_case(name, "Upgrade"))
            is_websocket = equals_ignoring_case(value, "websocket");
    }
    for (const auto& name : named) {
        if (!is_websocket || !equals_ignoring_case(name, "Upgrade")) headers.erase(name);
    }
    for (const auto name : {"Connection",
                            "Keep-Alive",
                            "Proxy-Connection",
                            "Proxy-Authenticate",
                            "Proxy-Authorization",
                            "TE",
                            "Trailer",
                            "Transfer-Encoding"}) {
        headers.erase(name);
    }
    if (!is_websocket) headers.erase("Upgrade");
}

std::string_view reason_phrase(int status) {
    switch (status) {
        case 100:
            return "Continue";
        case 101:
            return "Switching Protocols";
        case 200:
            return "OK";
        case 201:
            return "Created";
        case 202:
            return "Accepted";
        case 203:
            return "Non-Authoritative Information";
        case 204:
            return "No Content";
        case 205:
            return "Reset Content";
        case 206:
            return "Partial Content";
        case 300:
            return "Multiple Choices";
        case 301:
            return "Moved Permanently";
        case 302:
            return "Found";
        case 303:
            return "See Other";
        case 304:
            return "Not Modified";
        case 307:
            return "Temporary Redirect";
        case 308:
            return "Permanent Redirect";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 402:
            return "Payment Required";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 406:
            return "Not Acceptable";
        case 407:
            return "Proxy Authentication Required";
        case 408:
            return "Request Timeout";
        case 409:
            return "Conflict";
        case 410:
            return "Gone";
        case 411:
            return "Length Required";
        case 412:
            return "Precondition Failed";
        case 413:
            return "Request Entity Too Large";
        case 414:
            return "Request URI Too Long";
        case 415:
            return "Unsupported Media Type";
        case 416:
            return "Requested Range Not Satisfiable";
        case 417:
            return "Expectation Failed";
        case 418:
            return "I'm a teapot";
        case 421:
            return "Misdirected Request";
        case 422:
            return "Unprocessable Entity";
        case 423:
            return "Locked";
        case 424:
            return "Failed Dependency";
        case 425:
            return "Too Early";
        case 426:
            return "Upgrade Required";
        case 428:
            return "Precondition Required";
        case 429:
            return "Too Many Requests";
        case 431:
            return "Request Header Fields Too Large";
        case 451:
            return "Unavailable For Legal Reasons";
        case 500:
            return "Internal Server Error";
        case 501:
            return "Not Implemented";
        case 502:
            return "Bad Gateway";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        case 505:
            return "HTTP Version Not Supported";
        case 507:
            return "Insufficient Storage";
        case 508:
            return "Loop Detected";
        case 511:
            return "Network Authentication Required";
        default:
            return "Unknown";
    }
}

}  // namespace sluice::net
