#include "lab/mesh/traffic_policy.hpp"

#include "base/core/duration.hpp"
#include "base/core/text.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace sluice::mesh {

namespace {

LoadBalancing balancing_named(std::string_view name) {
    if (name == "ROUND_ROBIN") return LoadBalancing::round_robin;
    if (name == "RANDOM" || name == "PASSTHROUGH") return LoadBalancing::random;
    return LoadBalancing::least_request;
}

std::optional<Duration> span_at(const Json& json, JsonPath path) {
    const auto* text = find(json, path);
    if (text == nullptr || !text->is_string()) return std::nullopt;
    return parse_duration(text->get_string());
}

std::optional<std::uint64_t> count_at(const Json& json, JsonPath path) {
    const auto count = integer_at(json, path);
    if (!count || *count < 0) return std::nullopt;
    return static_cast<std::uint64_t>(*count);
}

std::shared_ptr<const ConsistentHash> parse_hash(const Json& json) {
    using Key = ConsistentHash::Key;
    auto hash = std::make_shared<ConsistentHash>();
    const auto* cookie = find(json, {"httpCookie"});
    if (const auto header = text_at(json, {"httpHeaderName"}); !header.empty()) {
        hash->key = Key::header;
        hash->name = header;
    } else if (cookie != nullptr && cookie->is_object()) {
        hash->key = Key::cookie;
        hash->name = text_at(*cookie, {"name"});
        hash->cookie_ttl = span_at(*cookie, {"ttl"});
        hash->cookie_path = text_at(*cookie, {"path"});
        for (const auto& attribute : array_at(*cookie, {"attributes"})) {
            std::string text(text_at(attribute, {"name"}));
            if (const auto value = text_at(attribute, {"value"}); !value.empty())
                text.append("=").append(value);
            if (!text.empty()) hash->cookie_attributes.push_back(std::move(text));
        }
    } else if (const auto name = text_at(json, {"httpQueryParameterName"}); !name.empty()) {
        hash->key = Key::query;
        hash->name = name;
    } else if (!bool_at(json, {"useSourceIp"}).value_or(false)) {
        return nullptr;
    }
    if (const auto* maglev = find(json, {"maglev"}); maglev != nullptr && !maglev->is_null()) {
        hash->method = ConsistentHash::Method::maglev;
        hash->size = count_at(*maglev, {"tableSize"}).value_or(65537);
    } else {
        hash->size = count_at(json, {"ringHash", "minimumRingSize"})
                         .value_or(count_at(json, {"minimumRingSize"}).value_or(1024));
    }
    // No table may take all the memory.
    const bool is_ring = hash->method == ConsistentHash::Method::ring;
    hash->size = std::clamp<std::uint64_t>(hash->size, 1, is_ring ? 1'000'000 : 5'000'011);
    return hash;
}

Limits parse_limits(const Json& pool) {
    Limits limits;
    limits.connections = count_at(pool, {"tcp", "maxConnections"});
    limits.pending = count_at(pool, {"http", "http1MaxPendingRequests"});
    limits.requests = count_at(pool, {"http", "http2MaxRequests"});
    limits.retries = count_at(pool, {"http", "maxRetries"});
    limits.closes_after_each = integer_at(pool, {"http", "maxRequestsPerConnection"}) == 1;
    return limits;
}

std::shared_ptr<const OutlierRules> parse_outliers(const Json& json) {
    auto rules = std::make_shared<OutlierRules>();
    // The old name of the same, which counted the errors of gateways.
    if (const auto old = count_at(json, {"consecutiveErrors"})) {
        rules->gateway_errors = *old;
        rules->errors_5xx = 0;
    }
    rules->errors_5xx = count_at(json, {"consecutive5xxErrors"}).value_or(rules->errors_5xx);
    rules->gateway_errors =
        count_at(json, {"consecutiveGatewayErrors"}).value_or(rules->gateway_errors);
    rules->tells_local_apart = bool_at(json, {"splitExternalLocalOriginErrors"}).value_or(false);
    rules->local_failures =
        count_at(json, {"consecutiveLocalOriginFailures"}).value_or(rules->local_failures);
    const auto positive = [&](JsonPath path, Duration otherwise) {
        const auto given = span_at(json, path);
        return given && *given > Duration::zero() ? *given : otherwise;
    };
    rules->interval = positive({"interval"}, rules->interval);
    rules->base_ejection = positive({"baseEjectionTime"}, rules->base_ejection);
    rules->ejected_percent_max =
        number_at(json, {"maxEjectionPercent"}).value_or(rules->ejected_percent_max);
    rules->healthy_percent_min = number_at(json, {"minHealthPercent"}).value_or(0);
    return rules;
}

PolicyBlocks::Block parse_block(const Json& policy) {
    PolicyBlocks::Block block;
    const auto given = [&](JsonPath path) -> const Json* {
        const auto* value = find(policy, path);
        return value != nullptr && value->is_object() ? value : nullptr;
    };
    if (const auto simple = text_at(policy, {"loadBalancer", "simple"}); !simple.empty())
        block.balancing = balancing_named(simple);
    if (const auto* hash = given({"loadBalancer", "consistentHash"})) {
        block.hash = parse_hash(*hash);
        if (block.hash) block.balancing = LoadBalancing::least_request;
    }
    if (const auto* pool = given({"connectionPool"})) block.limits = parse_limits(*pool);
    if (const auto* outliers = given({"outlierDetection"}))
        block.outliers = parse_outliers(*outliers);
    return block;
}

void lay_over(TrafficPolicy& policy, const PolicyBlocks::Block& block) {
    if (block.balancing) {
        policy.balancing = *block.balancing;
        policy.hash = block.hash;
    }
    if (block.limits) policy.limits = *block.limits;
    if (block.outliers) policy.outliers = block.outliers;
}

const PolicyBlocks::Block* settings_of(const PolicyBlocks& blocks, std::uint16_t port) {
    if (port == 0) return nullptr;
    for (const auto& [number, block] : blocks.ports) {
        if (number == port) return &block;
    }
    return nullptr;
}

}  // namespace

bool PolicyBlocks::empty() const {
    return !all.balancing && !all.hash && !all.limits && !all.outliers && ports.empty();
}

PolicyBlocks parse_traffic_policy(const Json& policy) {
    PolicyBlocks blocks;
    blocks.all = parse_block(policy);
    for (const auto& entry : array_at(policy, {"portLevelSettings"})) {
        if (const auto port = integer_at(entry, {"port", "number"}); port && *port > 0)
            blocks.ports.emplace_back(static_cast<std::uint16_t>(*port), parse_block(entry));
    }
    return blocks;
}

TrafficPolicy policy_for(const PolicyBlocks& host, const PolicyBlocks* subset, std::uint16_t port) {
    TrafficPolicy policy;
    lay_over(policy, host.all);
    const auto take = [&](const PolicyBlocks& blocks) {
        const auto* settings = settings_of(blocks, port);
        if (settings == nullptr) return;
        policy = {};
        lay_over(policy, *settings);
    };
    take(host);
    if (subset == nullptr) return policy;
    lay_over(policy, subset->all);
    take(*subset);
    return policy;
}

}  // namespace sluice::mesh
