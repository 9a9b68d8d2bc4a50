// Reaches names that only a proxy knows: the lab's, such as podinfo.test.
#pragma once

#include "net/http.hpp"

namespace sluice::net {

// Addresses and localhost are asked directly, every other host through the proxy, unless the
// request names one.
class ViaProxyClient final : public HttpClient {
   public:
    // The inner client outlives this one.
    ViaProxyClient(HttpClient& inner, Origin proxy) : inner_(inner), proxy_(std::move(proxy)) {}

    Task<Result<Response>> send(Request request) override;
    Task<Result<Response>> open(Request request) override;

   private:
    void choose_way(Request& request) const;

    HttpClient& inner_;
    Origin proxy_;
};

}  // namespace sluice::net
