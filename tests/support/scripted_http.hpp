// An HTTP client whose answers are written down beforehand.
#pragma once

#include "base/async/clock.hpp"
#include "net/http.hpp"

#include <deque>
#include <vector>

namespace sluice::testing {

class ScriptedHttp final : public net::HttpClient {
   public:
    explicit ScriptedHttp(Clock& clock) : clock_(clock) {}

    void answer(int status, std::string body = {}, net::Headers headers = {}) {
        script_.push_back(
            {.status = status, .body = std::move(body), .headers = std::move(headers)});
    }
    void fail(Error error) { script_.push_back({.error = std::move(error)}); }
    // Says nothing until the request's own deadline.
    void hang() { script_.push_back({.hangs = true}); }

    const std::vector<net::Request>& asked() const { return asked_; }

    Task<Result<net::Response>> send(net::Request request) override {
        asked_.push_back(request);
        if (script_.empty()) {
            co_return Error{ErrorKind::unreachable, "connection refused"};
        }
        auto next = std::move(script_.front());
        script_.pop_front();
        if (next.hangs) {
            co_await clock_.sleep_for(request.timeout);
            co_return Error{ErrorKind::timed_out, "timed out after 5s"};
        }
        if (next.error) co_return *next.error;
        if (next.body.size() > request.body_limit) {
            co_return Error{ErrorKind::too_large, "body over its limit"};
        }
        net::Response response;
        response.status = next.status;
        response.body = std::move(next.body);
        response.headers = std::move(next.headers);
        co_return response;
    }
    Task<Result<net::Response>> open(net::Request request) override {
        return send(std::move(request));
    }

   private:
    struct Step {
        int status = 200;
        std::string body = {};
        net::Headers headers = {};
        std::optional<Error> error = std::nullopt;
        bool hangs = false;
    };

    Clock& clock_;
    std::deque<Step> script_;
    std::vector<net::Request> asked_;
};

}  // namespace sluice::testing
