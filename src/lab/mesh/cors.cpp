#include "lab/mesh/cors.hpp"

#include "base/core/duration.hpp"
#include "base/core/text.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace sluice::mesh {

namespace {

std::string joined_at(const Json& json, std::string_view field) {
    std::string text;
    for (const auto& entry : array_at(json, {field})) {
        if (!entry.is_string()) continue;
        if (!text.empty()) text += ',';
        text += entry.get_string();
    }
    return text;
}

void set_unless_empty(net::Headers& headers, std::string_view name, const std::string& value) {
    if (!value.empty()) headers.set(name, value);
}

}  // namespace

bool CorsPolicy::allows(std::string_view origin) const {
    return std::any_of(origins.begin(), origins.end(), [&](const TextMatch& allowed) {
        // People write "*" for everybody.
        return allowed.matches(origin) ||
               (allowed.kind() == TextMatch::Kind::exact && allowed.text() == "*");
    });
}

void CorsPolicy::add_to_answer(net::Headers& answer, std::string_view origin) const {
    answer.set("access-control-allow-origin", origin);
    if (allows_credentials) answer.set("access-control-allow-credentials", "true");
    set_unless_empty(answer, "access-control-expose-headers", exposed);
}

void CorsPolicy::add_to_preflight(net::Headers& answer, std::string_view origin) const {
    answer.set("access-control-allow-origin", origin);
    if (allows_credentials) answer.set("access-control-allow-credentials", "true");
    set_unless_empty(answer, "access-control-allow-methods", methods);
    set_unless_empty(answer, "access-control-allow-headers", headers);
    set_unless_empty(answer, "access-control-max-age", max_age_seconds);
}

std::shared_ptr<const CorsPolicy> parse_cors(const Json& json) {
    auto policy = std::make_shared<CorsPolicy>();
    for (const auto& origin : array_at(json, {"allowOrigins"}))
        policy->origins.push_back(TextMatch::of(origin));
    if (policy->origins.empty()) {
        for (const auto& origin : array_at(json, {"allowOrigin"}))
            policy->origins.push_back(TextMatch::of(JsonObject{{"exact", origin}}));
    }
    policy->methods = joined_at(json, "allowMethods");
    policy->headers = joined_at(json, "allowHeaders");
    policy->exposed = joined_at(json, "exposeHeaders");
    if (const auto age = parse_duration(text_at(json, {"maxAge"})))
        policy->max_age_seconds =
            std::to_string(std::chrono::duration_cast<std::chrono::seconds>(*age).count());
    policy->allows_credentials = bool_at(json, {"allowCredentials"}).value_or(false);
    policy->forwards_unmatched = text_at(json, {"unmatchedPreflights"}) != "IGNORE";
    return policy;
}

bool is_preflight(const RequestHead& request) {
    return request.method == "OPTIONS" && request.headers != nullptr &&
           request.headers->get("origin") && request.headers->get("access-control-request-method");
}

}  // namespace sluice::mesh
