#include "notify/alert.hpp"

#include "base/core/address.hpp"
#include "base/core/json.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::notify {
namespace {

constexpr Duration try_limit = std::chrono::seconds{5};
constexpr std::size_t answer_limit = 64 * 1024;

Result<void> lead_through(net::Request& request, const std::string& proxy) {
    const auto split = split_address(proxy);
    const auto wrong = [&](std::string_view why) {
        return Error{
            ErrorKind::invalid,
            fmt::format("unable to parse proxy URL '{}', error: {}", masked_address(proxy), why)};
    };
    const auto url = net::parse_url(split.bare);
    if (!url) return wrong("it is no http address");
    // Behind a tunnel the receiver learns nothing of it.
    if (!split.authorization.empty()) {
        request.headers.set("Proxy-Authorization", split.authorization);
    }
    request.proxy = url->origin;
    return {};
}

}  // namespace

Result<net::Request> post_of(const Receiver& receiver,
                             const Destination& destination,
                             const Json& payload) {
    const auto address = split_address(destination.url);
    const auto url = net::parse_url(address.bare);
    if (!url) {
        return Error{
            ErrorKind::invalid,
            fmt::format("invalid {} URL {}", destination.what, masked_address(destination.url))};
    }
    net::Request request;
    request.method = "POST";
    request.origin = url->origin;
    request.target = url->target;
    request.headers.set("Content-Type", "application/json");
    if (!address.authorization.empty()) request.headers.set("Authorization", address.authorization);
    if (!receiver.token.empty()) request.headers.set("Authorization", "Bearer " + receiver.token);
    request.body = to_text(payload);
    request.timeout = try_limit;
    request.body_limit = answer_limit;
    if (!receiver.proxy.empty()) {
        const auto led = lead_through(request, receiver.proxy);
        if (!led) return led.error();
    }
    return request;
}

}  // namespace sluice::notify
