// Tasks that are tests of an nGrinder controller: cloned, started, and asked about until they have
// ended.
#pragma once

#include "base/async/clock.hpp"
#include "base/core/json.hpp"
#include "net/http.hpp"

#include <boost/json/value.hpp>

#include <map>
#include <string>

namespace sluice::loadtester {

struct NGrinderOrder {
    std::string server;
    std::string clone;  // the test's number
    std::string username;
    std::string password;
    Duration poll_interval = std::chrono::seconds{1};
};
// invalid: "server, clone, username and passwd are required metadata".
Result<NGrinderOrder> ngrinder_order(const std::map<std::string, std::string>& metadata);

class NGrinder {
   public:
    // Both outlive it.
    NGrinder(net::HttpClient& http, Clock& clock) : http_(http), clock_(clock) {}

    // At the limit the test is stopped.
    Task<Result<void>> run(NGrinderOrder order, Duration limit);

   private:
    struct Call {
        std::string method;
        std::string path;  // behind /perftest/api/
    };
    Task<Result<Json>> ask(NGrinderOrder order, Call call);
    Task<Result<void>> watch(NGrinderOrder order, std::string id);

    net::HttpClient& http_;
    Clock& clock_;
};

}  // namespace sluice::loadtester
