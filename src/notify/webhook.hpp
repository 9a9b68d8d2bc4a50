// Webhooks of an analysis: how they are posted, when they are tried again, and what counts as yes
// (routing-metrics-hooks.md 3.2).
#pragma once

#include "api/canary.hpp"
#include "base/async/clock.hpp"
#include "net/http.hpp"

#include <string>

namespace sluice::notify {

class Webhooks {
   public:
    // Both outlive this.
    Webhooks(net::HttpClient& http, Clock& clock) : http_(http), clock_(clock) {}

    // Success is any 2xx. The error's message is what the peer's texts show after the hook's name:
    // the answer's body, or why there is none.
    Task<Result<void>> call(api::Hook hook, std::string body);

   private:
    Task<Result<net::Response>> post(net::Request request);

    net::HttpClient& http_;
    Clock& clock_;
};

}  // namespace sluice::notify
