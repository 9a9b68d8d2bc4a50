// A client that calls a handler directly: how the controller reaches the lab's API server without a
// socket, and how a whole cluster runs in virtual time.
#pragma once

#include "base/async/clock.hpp"
#include "net/http.hpp"

namespace sluice::net {

class InProcessClient final : public HttpClient {
   public:
    // Both outlive the client and every stream it opened.
    InProcessClient(Clock& clock, Handler& handler) : clock_(clock), handler_(handler) {}

    Task<Result<Response>> send(Request request) override;
    Task<Result<Response>> open(Request request) override;

   private:
    Clock& clock_;
    Handler& handler_;
};

}  // namespace sluice::net
