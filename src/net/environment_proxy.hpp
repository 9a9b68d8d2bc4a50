// The proxies that a machine's environment names: HTTPS_PROXY, HTTP_PROXY and NO_PROXY, in capitals
// or not. Loopback is always asked directly.
#pragma once

#include "net/http.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::net {

using ReadVariable = std::function<std::optional<std::string>(std::string_view name)>;

struct Way {
    Origin proxy;
    std::string authorization;  // who we are to the proxy; may be empty

    bool operator==(const Way&) const = default;
};

bool is_loopback(std::string_view host);

// Nothing where no proxy leads to it. The error names the variable.
Result<std::optional<Way>> way_by_environment(const Origin& origin, const ReadVariable& variable);

// Takes those ways, but for requests that name a proxy of their own, and those that trust any
// certificate: whoever stands in between could be anybody.
class EnvironmentProxyClient final : public HttpClient {
   public:
    EnvironmentProxyClient(HttpClient& inner, const ReadVariable& variable);

    Task<Result<Response>> send(Request request) override;
    Task<Result<Response>> open(Request request) override;

   private:
    Result<void> lead(Request& request) const;

    HttpClient& inner_;
    // As they were at the start.
    std::map<std::string, std::string, std::less<>> variables_;
};

}  // namespace sluice::net
