// Tasks that are processes of a Concord server: started, and asked about until they have ended.
#pragma once

#include "base/async/clock.hpp"
#include "base/async/log.hpp"
#include "net/http.hpp"

#include <map>
#include <string>

namespace sluice::loadtester {

struct ConcordOrder {
    std::string server;
    std::map<std::string, std::string> form;  // what is posted
    std::string api_key_path;
    Duration poll_interval = std::chrono::seconds{5};
    Duration poll_timeout = std::chrono::seconds{30};
};
// invalid: "`server` is required with type concord".
Result<ConcordOrder> concord_order(const std::map<std::string, std::string>& metadata);

class Concord {
   public:
    // All outlive it.
    Concord(net::HttpClient& http, Clock& clock, Logger& log)
        : http_(http), clock_(clock), log_(log) {}

    // One deadline for all the waiting: the order's poll timeout.
    Task<Result<void>> run(ConcordOrder order);

   private:
    Task<Result<void>> watch(ConcordOrder order, std::string key, std::string instance);

    net::HttpClient& http_;
    Clock& clock_;
    Logger& log_;
};

}  // namespace sluice::loadtester
