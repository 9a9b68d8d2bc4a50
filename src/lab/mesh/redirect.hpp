// Answers that a route gives by itself: it sends the caller elsewhere, or says a fixed text.
#pragma once

#include "lab/mesh/route.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace sluice::mesh {

struct Redirect {
    enum class Port {
        as_asked,
        given,
        of_protocol,  // the scheme's own, which is not written
        of_listener,  // at which the request came in
    };
    // What replaces the whole path, or what was matched of it.
    std::optional<std::string> uri, prefix;
    std::string authority, scheme;
    Port port = Port::as_asked;
    std::uint16_t port_number = 0;  // when given
    int status = 301;
};

// The Location for a request that came in at that port and was let in by that match.
std::string location_of(const Redirect& redirect,
                        const RequestHead& request,
                        const RouteMatch& match,
                        std::uint16_t port);

struct DirectResponse {
    int status = 200;
    std::string body;
};

std::shared_ptr<const Redirect> parse_redirect(const Json& json);
std::shared_ptr<const DirectResponse> parse_direct_response(const Json& json);

}  // namespace sluice::mesh
