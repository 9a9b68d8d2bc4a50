// A steady stream of requests, as `hey -q 10 -c 2` sends it, with what its senders saw.
#pragma once

#include "base/async/clock.hpp"
#include "base/async/task_group.hpp"
#include "net/http.hpp"

#include <chrono>
#include <deque>
#include <map>
#include <string>

namespace sluice::cli {

struct LoadOptions {
    std::string url;
    int workers = 2;
    int per_second = 10;                             // of each worker
    Duration slow = std::chrono::milliseconds{500};  // an answer after this counts as slow
};

// What users saw, by the "version" that the answer's JSON names (empty when it names none).
struct Seen {
    std::uint64_t requests = 0;
    std::uint64_t failed = 0;  // no answer, or 5xx
    std::uint64_t slow = 0;
};

class Load {
   public:
    // Clock, client and executor outlive the load. Runs until stop.
    Load(Executor executor, Clock& clock, net::HttpClient& client, LoadOptions options);
    void start();
    // Returns when no request is under way any more.
    Task<> stop();

    const std::map<std::string, Seen>& by_version() const { return by_version_; }
    Seen total() const;
    // The same since the last call of forget().
    const std::map<std::string, Seen>& recently() const { return recent_; }
    void forget() { recent_.clear(); }

   private:
    Task<> work(int worker);

    Clock& clock_;
    net::HttpClient& client_;
    LoadOptions options_;
    TaskGroup workers_;
    std::map<std::string, Seen> by_version_;
    std::map<std::string, Seen> recent_;
};

}  // namespace sluice::cli
