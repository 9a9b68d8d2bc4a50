// What Istio says of a DestinationRule, its subsets and its traffic policies.
#include "base/core/duration.hpp"
#include "base/core/text.hpp"
#include "istio/checks.hpp"
#include "istio/validation.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <array>
#include <set>

namespace sluice::istio {
namespace {

bool is_prime(std::int64_t number) {
    if (number < 2) return false;
    for (std::int64_t divisor = 2; divisor * divisor <= number; ++divisor) {
        if (number % divisor == 0) return false;
    }
    return true;
}

void check_balancer(Faults& faults, const Json& policy) {
    const auto* hash = find(policy, {"loadBalancer", "consistentHash"});
    if (hash == nullptr || !hash->is_object()) return;
    const auto here = faults.within("loadBalancer.consistentHash");
    if (has(*hash, "httpCookie")) {
        if (text_at(*hash, {"httpCookie", "name"}).empty()) {
            faults.add("httpCookie", "name required for HttpCookie");
        }
        // None at all is a cookie of the session.
        if (parse_duration(text_at(*hash, {"httpCookie", "ttl"})) != Duration::zero()) {
            check_duration(faults, *hash, {"httpCookie", "ttl"});
        }
    }
    const auto size = integer_at(*hash, {"maglev", "tableSize"});
    if (size && *size != 0 && (*size >= 5'000'011 || !is_prime(*size))) {
        faults.add("maglev.tableSize", "tableSize must be a prime number for maglev");
    }
}

struct Count {
    std::string_view group, field, name;
};

void check_pool(Faults& faults, const Json& policy) {
    const auto* pool = find(policy, {"connectionPool"});
    if (pool == nullptr || !pool->is_object()) return;
    const auto here = faults.within("connectionPool");
    if (!has(*pool, "tcp") && !has(*pool, "http")) {
        faults.add("connection pool must have at least one field");
    }
    constexpr std::array<Count, 5> counts{
        {{"tcp", "maxConnections", "max connections"},
         {"http", "http1MaxPendingRequests", "http1 max pending requests"},
         {"http", "http2MaxRequests", "http2 max requests"},
         {"http", "maxRequestsPerConnection", "max requests per connection"},
         {"http", "maxRetries", "max retries"}}};
    for (const auto& [group, field, name] : counts) {
        if (integer_at(*pool, {group, field}).value_or(0) >= 0) continue;
        faults.add(fmt::format("{}.{}", group, field),
                   fmt::format("{} must be non-negative", name));
    }
    for (const auto field : {"connectTimeout", "maxConnectionDuration", "idleTimeout"}) {
        check_duration(faults, *pool, {"tcp", field});
    }
    for (const auto field : {"time", "interval"}) {
        check_duration(faults, *pool, {"tcp", "tcpKeepalive", field});
    }
    check_duration(faults, *pool, {"http", "idleTimeout"});
}

void check_outliers(Faults& faults, const Json& policy) {
    const auto* outliers = find(policy, {"outlierDetection"});
    if (outliers == nullptr || !outliers->is_object()) return;
    const auto here = faults.within("outlierDetection");
    for (const auto field : {"interval", "baseEjectionTime"}) {
        check_duration(faults, *outliers, {field});
    }
    for (const auto& [field, name] : {std::pair{"maxEjectionPercent", "max ejection percent"},
                                      std::pair{"minHealthPercent", "min health percent"}}) {
        const auto percent = integer_at(*outliers, {field}).value_or(0);
        if (percent >= 0 && percent <= 100) continue;
        faults.add(field, fmt::format("outlier detection {} must be in range 0-100", name));
    }
    if (integer_at(*outliers, {"consecutiveLocalOriginFailures"}).value_or(0) > 0 &&
        !bool_at(*outliers, {"splitExternalLocalOriginErrors"}).value_or(false)) {
        faults.add("consecutiveLocalOriginFailures",
                   "outlier detection consecutive local origin failures is specified, but split "
                   "external local origin errors is set to false");
    }
}

void check_policy(Faults& faults, const Json& holder) {
    const auto* policy = find(holder, {"trafficPolicy"});
    if (policy == nullptr || !policy->is_object()) return;
    const auto here = faults.within("trafficPolicy");
    if (policy->get_object().empty()) faults.add("traffic policy must have at least one field");
    check_balancer(faults, *policy);
    check_pool(faults, *policy);
    check_outliers(faults, *policy);
    const auto& ports = array_at(*policy, {"portLevelSettings"});
    for (std::size_t i = 0; i < ports.size(); ++i) {
        const auto below = faults.within("portLevelSettings", i);
        check_balancer(faults, ports[i]);
        check_pool(faults, ports[i]);
        check_outliers(faults, ports[i]);
    }
}

}  // namespace

std::vector<Fault> faults_of_destination_rule(const Json& object) {
    Faults faults;
    {
        const auto here = faults.within("host");
        check_host(faults, text_at(object, {"spec", "host"}));
    }
    check_policy(faults, object_at(object, {"spec"}));
    std::set<std::string> names;
    const auto& subsets = array_at(object, {"spec", "subsets"});
    for (std::size_t i = 0; i < subsets.size(); ++i) {
        const auto here = faults.within("subsets", i);
        const std::string name(text_at(subsets[i], {"name"}));
        if (!names.insert(name).second) {
            faults.add("name", fmt::format("duplicate subset names: {}", name));
        }
        if (!is_dns_label(name)) {
            faults.add("name", fmt::format("subset name is invalid: {}", name));
        }
        check_policy(faults, subsets[i]);
    }
    check_export_to(faults, object);
    return faults.take();
}

}  // namespace sluice::istio
