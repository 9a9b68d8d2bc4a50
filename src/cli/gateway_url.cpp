#include "cli/gateway_url.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::cli {

namespace {

// "http://127.112.0.1/" of "127.112.0.1:80,127.112.0.1:8080": the first.
std::string url_of(std::string_view addresses) {
    auto address = addresses.substr(0, addresses.find(','));
    if (address.ends_with(":80")) address.remove_suffix(3);
    return fmt::format("http://{}/", address);
}

std::string_view shown_address(const Json& object) {
    return text_at(object, {"metadata", "annotations", "sluice.dev/lab-address"});
}

}  // namespace

std::optional<std::string> entry_url(const Json& gateway) {
    const auto shown = shown_address(gateway);
    if (!shown.empty()) return url_of(shown);
    const auto& addresses = array_at(gateway, {"status", "addresses"});
    const auto& listeners = array_at(gateway, {"spec", "listeners"});
    if (addresses.empty() || listeners.empty()) return std::nullopt;
    return url_of(fmt::format("{}:{}",
                              text_at(addresses.front(), {"value"}),
                              integer_at(listeners.front(), {"port"}).value_or(80)));
}

std::optional<std::string> ingress_url(const Json& service) {
    const auto shown = shown_address(service);
    if (shown.empty()) return std::nullopt;
    return url_of(shown);
}

std::optional<std::string> gateway_url(const Json& gateway, const Json& service) {
    std::string address(shown_address(service));
    const auto& addresses = array_at(gateway, {"status", "GatewayAddress"});
    if (address.empty() && !addresses.empty() && addresses.front().is_string()) {
        address = addresses.front().get_string();
    }
    if (address.empty()) return std::nullopt;
    return url_of(address);
}

}  // namespace sluice::cli
