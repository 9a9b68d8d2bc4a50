// What a DestinationRule says of the way to a cluster: who of its pods is asked, how many may be
// asked at once, and who is left out after errors (mesh-and-dashboard.md 1.11).
#pragma once

#include "base/core/json.hpp"
#include "base/core/time.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::mesh {

enum class LoadBalancing { least_request, round_robin, random };

// The same key leads to the same pod for as long as the pods stay.
struct ConsistentHash {
    enum class Key { header, cookie, source_ip, query };
    enum class Method { ring, maglev };

    Key key = Key::source_ip;
    std::string name;  // of the header, cookie or parameter
    // A cookie that is missing is made when there is a ttl; 0 lasts as long as the browser runs.
    std::optional<Duration> cookie_ttl;
    std::string cookie_path;
    std::vector<std::string> cookie_attributes;  // "SameSite=Lax"
    Method method = Method::ring;
    std::uint64_t size = 1024;  // points on the ring at least, or places in maglev's table
};

// Above these a request is answered 503 UO; absent ones do not bound.
struct Limits {
    std::optional<std::uint64_t> connections, pending, requests, retries;
    bool closes_after_each = false;  // maxRequestsPerConnection: 1

    bool operator==(const Limits&) const = default;
    bool bounds_nothing() const { return *this == Limits{}; }
};

struct OutlierRules {
    std::uint64_t errors_5xx = 5;      // in a row; 0: not counted
    std::uint64_t gateway_errors = 0;  // 502, 503, 504 alike
    std::uint64_t local_failures = 5;  // no answer at all, when told apart
    bool tells_local_apart = false;
    Duration interval = std::chrono::seconds{10};
    Duration base_ejection = std::chrono::seconds{30};
    double ejected_percent_max = 10;
    double healthy_percent_min = 0;
};

struct TrafficPolicy {
    LoadBalancing balancing = LoadBalancing::least_request;
    std::shared_ptr<const ConsistentHash> hash;
    Limits limits;
    std::shared_ptr<const OutlierRules> outliers;

    // More than a balancing that needs no memory: the proxy keeps a state for such a cluster.
    bool is_stateful() const { return hash || outliers || !limits.bounds_nothing(); }
};
using TrafficPolicyPtr = std::shared_ptr<const TrafficPolicy>;

// A `trafficPolicy` as it is written, block by block, so that it can be laid over another one.
struct PolicyBlocks {
    struct Block {
        std::optional<LoadBalancing> balancing;
        std::shared_ptr<const ConsistentHash> hash;
        std::optional<Limits> limits;
        std::shared_ptr<const OutlierRules> outliers;
    };
    Block all;
    std::vector<std::pair<std::uint16_t, Block>> ports;  // portLevelSettings

    bool empty() const;
};
PolicyBlocks parse_traffic_policy(const Json& policy);

// What holds for a port of a host, or of its subset. A subset's blocks take the place of the
// host's; the settings of a port take the place of everything, and what they leave out is as if
// nothing were said. A port that is 0 has no settings.
TrafficPolicy policy_for(const PolicyBlocks& host, const PolicyBlocks* subset, std::uint16_t port);

}  // namespace sluice::mesh
