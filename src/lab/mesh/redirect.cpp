#include "lab/mesh/redirect.hpp"

#include "base/core/text.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::mesh {

namespace {

// "host:port" in two; the brackets of an IPv6 address belong to the host.
std::pair<std::string_view, std::string_view> host_and_port(std::string_view authority) {
    const auto colon = authority.rfind(':');
    const auto bracket = authority.rfind(']');
    if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket))
        return {authority, {}};
    return {authority.substr(0, colon), authority.substr(colon + 1)};
}

bool is_own_port(std::string_view scheme, std::string_view port) {
    return port == (scheme == "https" ? "443" : "80");
}

}  // namespace

std::string location_of(const Redirect& redirect,
                        const RequestHead& request,
                        const RouteMatch& match,
                        std::uint16_t port) {
    const std::string_view scheme = redirect.scheme.empty() ? request.scheme : redirect.scheme;
    auto [host, host_port] = host_and_port(request.authority);
    // The port that goes without saying on the way in goes without saying on the way out.
    if (scheme != request.scheme && is_own_port(request.scheme, host_port)) host_port = {};
    if (!redirect.authority.empty()) std::tie(host, host_port) = host_and_port(redirect.authority);
    std::string written(host_port);
    switch (redirect.port) {
        case Redirect::Port::as_asked:
            break;
        case Redirect::Port::given:
            written = std::to_string(redirect.port_number);
            break;
        case Redirect::Port::of_protocol:
            written.clear();
            break;
        case Redirect::Port::of_listener:
            written = std::to_string(port);
            break;
    }
    auto location = fmt::format("{}://{}", scheme, host);
    if (!written.empty() && !is_own_port(scheme, written)) location.append(":").append(written);

    if (redirect.uri) {
        location += *redirect.uri;
        // A query of its own takes the place of the request's.
        if (!request.query.empty() && redirect.uri->find('?') == std::string::npos)
            location.append("?").append(request.query);
        return location;
    }
    Rewrite rewrite;
    rewrite.uri = redirect.prefix;
    if (const auto path = rewritten(rewrite, match, request.path, request.query))
        return location + *path;
    location += request.path;
    if (!request.query.empty()) location.append("?").append(request.query);
    return location;
}

std::shared_ptr<const Redirect> parse_redirect(const Json& json) {
    auto redirect = std::make_shared<Redirect>();
    if (const auto uri = text_at(json, {"uri"}); !uri.empty()) redirect->uri = uri;
    if (const auto prefix = text_at(json, {"prefixRewrite"}); !prefix.empty())
        redirect->prefix = prefix;
    redirect->authority = text_at(json, {"authority"});
    redirect->scheme = text_at(json, {"scheme"});
    if (const auto port = integer_at(json, {"port"}); port && *port > 0) {
        redirect->port = Redirect::Port::given;
        redirect->port_number = static_cast<std::uint16_t>(*port);
    } else if (const auto derived = text_at(json, {"derivePort"}); !derived.empty()) {
        redirect->port = derived == "FROM_REQUEST_PORT" ? Redirect::Port::of_listener
                                                        : Redirect::Port::of_protocol;
    }
    // Others are admitted, and have no effect.
    for (const int code : {302, 303, 307, 308}) {
        if (integer_at(json, {"redirectCode"}) == code) redirect->status = code;
    }
    return redirect;
}

std::shared_ptr<const DirectResponse> parse_direct_response(const Json& json) {
    auto direct = std::make_shared<DirectResponse>();
    direct->status = static_cast<int>(integer_at(json, {"status"}).value_or(200));
    direct->body = text_at(json, {"body", "string"});
    if (auto bytes = from_base64(text_at(json, {"body", "bytes"})); bytes && !bytes->empty())
        direct->body = std::move(*bytes);
    return direct;
}

}  // namespace sluice::mesh
