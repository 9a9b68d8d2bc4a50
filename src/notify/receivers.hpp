// Who can be told: the table of receivers, and the way to them.
#pragma once

#include "base/async/clock.hpp"
#include "notify/alert.hpp"

namespace sluice::notify {

// The message as that receiver reads it. invalid: "provider telegram not supported", or a wrong
// address.
Result<net::Request> request_for(const Receiver& receiver, const Notice& notice);

// Tries three times, five seconds each. The error says at which step it ended: "postMessage failed:
// sending notification bad response 404: no_team".
class Receivers {
   public:
    // Both outlive this.
    Receivers(net::HttpClient& http, Clock& clock) : http_(http), clock_(clock) {}

    Task<Result<void>> send(Receiver receiver, Notice notice);

   private:
    net::HttpClient& http_;
    Clock& clock_;
};

}  // namespace sluice::notify
