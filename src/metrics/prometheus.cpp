#include "metrics/prometheus.hpp"

#include "base/core/address.hpp"
#include "base/core/excerpt.hpp"
#include "base/core/json.hpp"
#include "base/core/text.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <cmath>
#include <optional>

namespace sluice::metrics {
namespace {

constexpr std::size_t body_limit = 1024 * 1024;
constexpr std::size_t shown_limit = 512;

Reading failed(std::string text) {
    return {.outcome = Outcome::failed, .text = std::move(text)};
}

Reading no_values() {
    return {.outcome = Outcome::no_values, .text = "no values found"};
}

// The sample of one series: [time, "value"].
std::optional<double> sample(const Json& series) {
    const auto& pair = array_at(series, {"value"});
    if (pair.size() != 2 || !pair[1].is_string()) return std::nullopt;
    const std::string_view text(pair[1].get_string().data(), pair[1].get_string().size());
    if (equals_ignoring_case(text, "nan")) return std::nan("");
    if (text == "+Inf" || text == "Inf") return HUGE_VAL;
    if (text == "-Inf") return -HUGE_VAL;
    return parse_number(text);
}

struct Server {
    net::Url url;
    std::string authorization;
};

// The base address without its query string; user info becomes a header.
Result<Server> server_of(std::string_view address) {
    auto [text, authorization] = split_address(trimmed(address));
    text.resize(std::min(text.find_first_of("?#"), text.size()));
    auto url = net::parse_url(text);
    if (!url || url->origin.host.empty()) {
        return Error{ErrorKind::invalid,
                     fmt::format("prometheus address {} is not a valid URL", text)};
    }
    Server server{std::move(*url), std::move(authorization)};
    while (server.url.target.ends_with('/')) server.url.target.pop_back();
    return server;
}

}  // namespace

Reading read_answer(int status, std::string_view body) {
    if (status >= 400) {
        return failed(fmt::format("error response: Status {} {}: {}",
                                  status,
                                  net::reason_phrase(status),
                                  excerpt(body, shown_limit)));
    }
    if (status < 200 || status >= 300) {
        return failed(
            fmt::format("error response: Status {} {}", status, net::reason_phrase(status)));
    }
    const auto unreadable = [&](std::string_view why) {
        return failed(
            fmt::format("error unmarshaling result: {}, '{}'", why, excerpt(body, shown_limit)));
    };
    const auto answer = parse_json(body, {.depth = 32, .bytes = body_limit});
    if (!answer) return unreadable(answer.error().message);
    if (!answer->is_object()) return unreadable("not an object");
    if (text_at(*answer, {"status"}) == "error") {
        return failed(
            fmt::format("error response: {}", excerpt(text_at(*answer, {"error"}), shown_limit)));
    }
    const auto kind = text_at(*answer, {"data", "resultType"});
    if (kind == "matrix") return failed("query returned multiple values");
    const auto* result = find(*answer, {"data", "result"});
    if (result == nullptr || !result->is_array() || (!kind.empty() && kind != "vector")) {
        return unreadable("no vector in it");
    }
    std::optional<double> value;
    for (const auto& series : result->get_array()) {
        const auto one = sample(series);
        if (!one) return unreadable("a sample without a number");
        const bool same = !value || *value == *one || (std::isnan(*value) && std::isnan(*one));
        if (!same) return failed("query returned multiple values");
        value = one;
    }
    if (!value || !std::isfinite(*value)) return no_values();
    return {.outcome = Outcome::value, .value = *value};
}

Task<Reading> Prometheus::query(std::string server, std::string query) {
    const auto parsed = server_of(server);
    if (!parsed) co_return failed(parsed.error().message);
    net::Request request;
    request.origin = parsed->url.origin;
    request.target =
        fmt::format("{}/api/v1/query?query={}", parsed->url.target, percent_encoded(query));
    request.headers.set("Accept", "application/json");
    if (!parsed->authorization.empty()) {
        request.headers.set("Authorization", parsed->authorization);
    }
    request.timeout = limit_;
    request.body_limit = body_limit;
    const auto answer = co_await http_.send(std::move(request));
    if (!answer) {
        const bool while_reading = answer.error().kind == ErrorKind::too_large;
        co_return failed(fmt::format("{}: {}",
                                     while_reading ? "error reading body" : "request failed",
                                     answer.error().message));
    }
    co_return read_answer(answer->status, answer->body);
}

Task<Result<void>> Prometheus::probe(std::string server) {
    const auto reading = co_await query(std::move(server), "vector(1)");
    if (reading.outcome == Outcome::value && reading.value == 1) co_return Result<void>{};
    co_return Error{
        ErrorKind::unavailable,
        reading.outcome == Outcome::value ? "value is not 1 for query: vector(1)" : reading.text};
}

Result<void> check_address(std::string_view server) {
    const auto parsed = server_of(server);
    if (!parsed) return parsed.error();
    return {};
}

}  // namespace sluice::metrics
