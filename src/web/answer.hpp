// Answers: JSON with its ETag, refusals in one form, and the headers that all of them have.
#pragma once

#include "base/core/json.hpp"
#include "base/core/time.hpp"
#include "net/http.hpp"

#include <boost/json/object.hpp>

#include <string>
#include <string_view>

namespace sluice::web {

// Why a request is refused: `code` is for the page, the message for people.
struct Refusal {
    int status = 400;
    std::string code = "bad_request";
    std::string message;
    JsonObject more = {};       // beside code and message: `deletedAt`, `release`
    net::Headers headers = {};  // Allow, Retry-After
};
net::Response refused(const Refusal& refusal, std::string_view request_id);

// 200, or 304 where the caller has it already. The ETag is over the body without `now`, which is
// put in front.
net::Response told(const net::Request& request, Time now, JsonObject body);
// The same, of a body whose text is known: "{…}" without `now`.
net::Response told_text(const net::Request& request, Time now, std::string_view body);

// What every answer has, the page's files included.
void put_safety(net::Headers& headers);
std::string etag_of(std::string_view body);
// If-None-Match names it.
bool has_already(const net::Request& request, std::string_view etag);

// Milliseconds, UTC; null for none.
Json time_json(Time time);
Json time_json(const std::optional<Time>& time);

}  // namespace sluice::web
