#include "cli/gateway_url.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::cli {

std::optional<std::string> gateway_url(const Json& gateway, const Json& service) {
    std::string address(text_at(service, {"metadata", "annotations", "sluice.dev/lab-address"}));
    const auto& addresses = array_at(gateway, {"status", "GatewayAddress"});
    if (address.empty() && !addresses.empty() && addresses.front().is_string()) {
        address = addresses.front().get_string();
    }
    if (address.empty()) return std::nullopt;
    if (address.ends_with(":80")) address.resize(address.size() - 3);
    return fmt::format("http://{}/", address);
}

}  // namespace sluice::cli
