// Single requests as the proxy saw them, for whoever looks: told on the traffic thread, taken on
// another one. Nothing is gathered while nobody looks.
#pragma once

#include "base/core/time.hpp"

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::mesh {

struct TapEntry {
    Time came{};
    // "ns/workload"; "unknown" for nobody that is known.
    std::string source, destination;
    std::string source_ns, destination_ns;  // empty where they are not known
    std::string pod;                        // address of who was asked last; empty: nobody
    std::string service;                    // host
    std::string method, authority, path;    // without the query
    int code = 0;
    std::string flags;
    double milliseconds = 0;
    std::optional<double> upstream_milliseconds = {};
    int tries = 0;
    std::string route;  // "test/podinfo#0"; may be empty
    std::uint64_t request_bytes = 0;
    std::uint64_t response_bytes = 0;
    std::vector<std::pair<std::string, std::string>> headers = {};
};

class Tap {
   public:
    void set_on(bool on);
    // Cheap: asked for every request.
    bool is_on() const { return on_.load(std::memory_order_relaxed); }
    // Whether one more of this second may be told; counts it as left out when not.
    bool may_note(Time now);
    void note(TapEntry entry);

    struct Taken {
        std::vector<TapEntry> entries;  // oldest first
        std::uint64_t dropped = 0;      // left out since the last time
    };
    Taken take();

   private:
    std::atomic<bool> on_ = false;
    std::mutex mutex_;
    std::deque<TapEntry> entries_;
    std::uint64_t dropped_ = 0;
    std::int64_t second_ = 0;
    int in_second_ = 0;
};

}  // namespace sluice::mesh
