// What Istio says of a DestinationRule's traffic policy, and what the lab leaves out of it.
#include "base/core/duration.hpp"
#include "base/core/text.hpp"
#include "lab/mesh/checks.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::mesh {

namespace {

bool is_prime(std::int64_t number) {
    if (number < 2) return false;
    for (std::int64_t divisor = 2; divisor * divisor <= number; ++divisor) {
        if (number % divisor == 0) return false;
    }
    return true;
}

void check_balancer(Faults& faults, const Json& policy, std::string_view path) {
    const auto* balancer = find(policy, {"loadBalancer"});
    if (balancer == nullptr || !balancer->is_object()) return;
    for (const auto field : {"localityLbSetting", "warmup", "warmupDurationSecs"}) {
        if (has(*balancer, field))
            not_built(faults, fmt::format("{}.loadBalancer.{}", path, field), field);
    }
    const auto* hash = find(*balancer, {"consistentHash"});
    if (hash == nullptr || !hash->is_object()) return;
    if (has(*hash, "httpCookie")) {
        if (text_at(*hash, {"httpCookie", "name"}).empty())
            faults.emplace_back("name required for HttpCookie");
        const auto* ttl = find(*hash, {"httpCookie", "ttl"});
        if (ttl != nullptr && ttl->is_string() &&
            parse_duration(ttl->get_string()) != Duration::zero())
            check_duration(faults, *hash, {"httpCookie", "ttl"});
    }
    const auto size = integer_at(*hash, {"maglev", "tableSize"});
    if (size && *size != 0 && (*size >= 5'000'011 || !is_prime(*size)))
        faults.emplace_back("tableSize must be a prime number for maglev");
}

void check_pool(Faults& faults, const Json& policy, std::string_view path) {
    const auto* pool = find(policy, {"connectionPool"});
    if (pool == nullptr || !pool->is_object()) return;
    const auto where = [&](std::string_view field) {
        return fmt::format("{}.connectionPool.{}", path, field);
    };
    if (!has(*pool, "tcp") && !has(*pool, "http"))
        faults.emplace_back("connection pool must have at least one field");
    const auto check_count = [&](JsonPath at, std::string_view name) {
        if (integer_at(*pool, at).value_or(0) < 0)
            faults.push_back(fmt::format("{} must be non-negative", name));
    };
    check_count({"tcp", "maxConnections"}, "max connections");
    check_count({"http", "http1MaxPendingRequests"}, "http1 max pending requests");
    check_count({"http", "http2MaxRequests"}, "http2 max requests");
    check_count({"http", "maxRequestsPerConnection"}, "max requests per connection");
    check_count({"http", "maxRetries"}, "max retries");
    check_duration(faults, *pool, {"tcp", "connectTimeout"});
    for (const auto field : {"maxConnectionDuration", "idleTimeout"}) {
        if (find(*pool, {"tcp", field}) != nullptr)
            not_built(faults, where(fmt::format("tcp.{}", field)), field);
    }
    if (find(*pool, {"http", "idleTimeout"}) != nullptr)
        not_built(faults, where("http.idleTimeout"), "idleTimeout");
    if (text_at(*pool, {"http", "h2UpgradePolicy"}) == "UPGRADE")
        not_built(faults, where("http.h2UpgradePolicy"), "HTTP/2");
}

void check_outliers(Faults& faults, const Json& policy) {
    const auto* outliers = find(policy, {"outlierDetection"});
    if (outliers == nullptr || !outliers->is_object()) return;
    for (const auto field : {"interval", "baseEjectionTime"})
        check_duration(faults, *outliers, {field});
    for (const auto& [field, name] : {std::pair{"maxEjectionPercent", "max ejection percent"},
                                      std::pair{"minHealthPercent", "min health percent"}}) {
        const auto percent = integer_at(*outliers, {field}).value_or(0);
        if (percent < 0 || percent > 100)
            faults.push_back(fmt::format("outlier detection {} must be in range 0-100", name));
    }
    if (integer_at(*outliers, {"consecutiveLocalOriginFailures"}).value_or(0) > 0 &&
        !bool_at(*outliers, {"splitExternalLocalOriginErrors"}).value_or(false))
        faults.emplace_back(
            "outlier detection consecutive local origin failures is specified, but split external "
            "local origin errors is set to false");
}

}  // namespace

void check_traffic_policy(Faults& faults, const Json& policy, std::string_view path) {
    if (policy.get_object().empty())
        faults.emplace_back("traffic policy must have at least one field");
    for (const auto field : {"tunnel", "proxyProtocol"}) {
        if (has(policy, field)) not_built(faults, fmt::format("{}.{}", path, field), field);
    }
    check_balancer(faults, policy, path);
    check_pool(faults, policy, path);
    check_outliers(faults, policy);
    std::size_t index = 0;
    for (const auto& entry : array_at(policy, {"portLevelSettings"})) {
        const auto at = fmt::format("{}.portLevelSettings[{}]", path, index++);
        check_balancer(faults, entry, at);
        check_pool(faults, entry, at);
        check_outliers(faults, entry);
    }
}

}  // namespace sluice::mesh
