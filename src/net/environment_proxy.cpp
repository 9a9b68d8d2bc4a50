#include "net/environment_proxy.hpp"

#include "base/core/address.hpp"
#include "base/core/text.hpp"

#include <array>
#include <cstdint>
#include <utility>

namespace sluice::net {
namespace {

constexpr std::array<std::string_view, 6> names{
    "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"};

std::optional<std::uint32_t> ipv4(std::string_view text) {
    std::uint32_t address = 0;
    const auto parts = split(text, '.');
    if (parts.size() != 4) return std::nullopt;
    for (const auto part : parts) {
        const auto number = parse_integer(part);
        if (!number || *number < 0 || *number > 255) return std::nullopt;
        address = address << 8 | static_cast<std::uint32_t>(*number);
    }
    return address;
}

// NO_PROXY: names, domains with or without a leading dot, addresses, "*". Networks in CIDR form are
// matched for IPv4.
bool is_excepted(const Origin& origin, const std::string& exceptions) {
    const auto host = lower_case(origin.host);
    for (auto rule : split_list(exceptions)) {
        rule = lower_case(rule);
        if (rule == "*") return true;
        if (const auto slash = rule.find('/'); slash != std::string::npos) {
            const auto network = ipv4(std::string_view(rule).substr(0, slash));
            const auto bits = parse_integer(std::string_view(rule).substr(slash + 1));
            const auto address = ipv4(host);
            if (!network || !address || !bits || *bits < 0 || *bits > 32) continue;
            const auto mask = *bits == 0 ? 0U : ~std::uint32_t{0} << (32 - *bits);
            if ((*network & mask) == (*address & mask)) return true;
            continue;
        }
        const auto colon = rule.rfind(':');
        if (colon != std::string::npos && rule.find(':') == colon) {
            if (rule.substr(colon + 1) != std::to_string(origin.port)) continue;
            rule.resize(colon);
        }
        if (rule.starts_with("*.")) rule.erase(0, 1);
        if (host == rule || (rule.starts_with('.') && host.ends_with(rule)) ||
            host.ends_with("." + rule))
            return true;
    }
    return false;
}

std::string first_of(const ReadVariable& variable, std::initializer_list<std::string_view> either) {
    for (const auto name : either) {
        if (auto value = variable(name); value && !value->empty()) return *value;
    }
    return "";
}

}  // namespace

bool is_loopback(std::string_view host) {
    return equals_ignoring_case(host, "localhost") || host.starts_with("127.") || host == "::1";
}

Result<std::optional<Way>> way_by_environment(const Origin& origin, const ReadVariable& variable) {
    if (is_loopback(origin.host)) return std::optional<Way>{};
    auto url = origin.tls ? first_of(variable, {"HTTPS_PROXY", "https_proxy"})
                          : first_of(variable, {"HTTP_PROXY", "http_proxy"});
    if (url.empty() || is_excepted(origin, first_of(variable, {"NO_PROXY", "no_proxy"})))
        return std::optional<Way>{};
    if (url.find("://") == std::string::npos) url = "http://" + url;
    const auto address = split_address(url);
    // An error shows the URL.
    const auto parsed = parse_url(address.bare);
    if (!parsed) return parsed.error().with(origin.tls ? "HTTPS_PROXY" : "HTTP_PROXY");
    return std::optional(Way{.proxy = parsed->origin, .authorization = address.authorization});
}

EnvironmentProxyClient::EnvironmentProxyClient(HttpClient& inner, const ReadVariable& variable)
    : inner_(inner) {
    for (const auto name : names) {
        if (auto value = variable(name)) variables_.emplace(name, *std::move(value));
    }
}

Task<Result<Response>> EnvironmentProxyClient::send(Request request) {
    const auto led = lead(request);
    if (!led) co_return led.error();
    co_return co_await inner_.send(std::move(request));
}

Task<Result<Response>> EnvironmentProxyClient::open(Request request) {
    const auto led = lead(request);
    if (!led) co_return led.error();
    co_return co_await inner_.open(std::move(request));
}

Result<void> EnvironmentProxyClient::lead(Request& request) const {
    if (request.proxy || variables_.empty()) return {};
    if (request.origin.tls && request.tls && !request.tls->verify) return {};
    const auto way = way_by_environment(
        request.origin, [this](std::string_view name) -> std::optional<std::string> {
            const auto found = variables_.find(name);
            if (found == variables_.end()) return std::nullopt;
            return found->second;
        });
    if (!way) return way.error();
    if (!*way) return {};
    request.proxy = (*way)->proxy;
    if (!(*way)->authorization.empty()) {
        request.headers.set("Proxy-Authorization", (*way)->authorization);
    }
    return {};
}

}  // namespace sluice::net
