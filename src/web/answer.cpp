#include "web/answer.hpp"

#include "base/core/sha256.hpp"
#include "base/core/text.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::web {
namespace {

constexpr std::string_view policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

}  // namespace

void put_safety(net::Headers& headers) {
    headers.set("Content-Security-Policy", policy);
    headers.set("X-Content-Type-Options", "nosniff");
    headers.set("Referrer-Policy", "no-referrer");
    if (!headers.get("Cache-Control")) headers.set("Cache-Control", "no-store");
}

std::string etag_of(std::string_view body) {
    return fmt::format("\"{}\"", sha256_hex(body).substr(0, 24));
}

bool has_already(const net::Request& request, std::string_view etag) {
    const auto known = request.headers.get("If-None-Match");
    if (!known) return false;
    for (const auto part : split(*known, ',')) {
        auto one = trimmed(part);
        // Weak or not: the comparison of a GET is the weak one.
        if (one.starts_with("W/")) one.remove_prefix(2);
        if (one == etag || one == "*") return true;
    }
    return false;
}

net::Response refused(const Refusal& refusal, std::string_view request_id) {
    JsonObject error{
        {"code", refusal.code}, {"message", refusal.message}, {"requestId", request_id}};
    for (const auto& [key, value] : refusal.more) error[key] = value;
    net::Response response;
    response.status = refusal.status;
    response.headers = refusal.headers;
    response.headers.set("Content-Type", "application/json");
    put_safety(response.headers);
    response.body = to_text(JsonObject{{"error", std::move(error)}});
    return response;
}

net::Response told(const net::Request& request, Time now, JsonObject body) {
    return told_text(request, now, to_text(Json(std::move(body))));
}

net::Response told_text(const net::Request& request, Time now, std::string_view body) {
    net::Response response;
    const auto etag = etag_of(body);
    response.headers.set("ETag", etag);
    put_safety(response.headers);
    if (has_already(request, etag)) {
        response.status = 304;
        return response;
    }
    response.headers.set("Content-Type", "application/json");
    // The object's own first key, or its end, follows.
    const auto rest = body.substr(1);
    response.body =
        fmt::format(R"({{"now":"{}"{}{})", rfc3339_millis(now), rest == "}" ? "" : ",", rest);
    return response;
}

Json time_json(Time time) {
    return Json(rfc3339_millis(time));
}

Json time_json(const std::optional<Time>& time) {
    return time ? time_json(*time) : Json(nullptr);
}

}  // namespace sluice::web
