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
Result<Server> server_of(const ProviderSpec& spec) {
    auto [text, authorization] = split_address(trimmed(spec.address));
    text.resize(std::min(text.find_first_of("?#"), text.size()));
    auto url = net::parse_url(text);
    if (!url || url->origin.host.empty()) {
        return Error{ErrorKind::invalid,
                     fmt::format("{} address {} is not a valid URL", spec.type, text)};
    }
    Server server{std::move(*url), std::move(authorization)};
    while (server.url.target.ends_with('/')) server.url.target.pop_back();
    return server;
}

// A key of the Secret; people leave a line end behind what they encode.
std::string_view secret_text(const Credentials& secret, std::string_view key) {
    const auto found = secret.find(key);
    return found == secret.end() ? std::string_view{} : trimmed(found->second);
}

// What the Secret stands for as a header; empty without one.
Result<std::string> authorization_of(const ProviderSpec& spec) {
    if (!spec.secret) return std::string{};
    if (const auto token = secret_text(*spec.secret, "token"); !token.empty()) {
        return fmt::format("Bearer {}", token);
    }
    const auto lacks = [&](std::string_view what) {
        return Error{ErrorKind::invalid,
                     fmt::format("{} credentials does not contain a {}", spec.type, what)};
    };
    const auto user = secret_text(*spec.secret, "username");
    if (user.empty()) return lacks("username");
    const auto password = secret_text(*spec.secret, "password");
    if (password.empty()) return lacks("password");
    return "Basic " + base64(fmt::format("{}:{}", user, password));
}

// A server may send back what it was sent, and people read its answer in Events.
std::string without_secrets(std::string text, const ProviderSpec& spec) {
    if (!spec.secret) return text;
    std::vector<std::string> secrets{std::string(secret_text(*spec.secret, "token")),
                                     std::string(secret_text(*spec.secret, "password"))};
    if (const auto authorization = authorization_of(spec)) {
        secrets.push_back(authorization->substr(authorization->find(' ') + 1));
    }
    for (const auto& secret : secrets) {
        if (secret.empty()) continue;
        for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at)) {
            text.replace(at, secret.size(), "…");
            at += std::string_view("…").size();
        }
    }
    return text;
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

Prometheus::Prometheus(net::HttpClient& http, Duration limit)
    : http_(http),
      limit_(limit),
      unverified_(std::make_shared<net::TlsOptions>(net::TlsOptions{.verify = false})) {}

Result<void> Prometheus::check(const ProviderSpec& spec) const {
    const auto request = request_for(spec, "");
    if (!request) return request.error();
    return {};
}

Result<net::Request> Prometheus::request_for(const ProviderSpec& spec,
                                             std::string_view query) const {
    const auto server = server_of(spec);
    if (!server) return server.error();
    const auto authorization = authorization_of(spec);
    if (!authorization) return authorization.error();
    net::Request request;
    request.origin = server->url.origin;
    request.target =
        fmt::format("{}/api/v1/query?query={}", server->url.target, percent_encoded(query));
    request.headers.set("Accept", "application/json");
    if (!server->authorization.empty()) {
        request.headers.set("Authorization", server->authorization);
    }
    for (const auto& [name, values] : spec.headers) {
        request.headers.erase(name);
        for (const auto& value : values) request.headers.add(name, value);
    }
    if (!authorization->empty()) request.headers.set("Authorization", *authorization);
    if (spec.insecure_skip_verify) request.tls = unverified_;
    request.timeout = limit_;
    request.body_limit = body_limit;
    return request;
}

Task<Reading> Prometheus::query(ProviderSpec spec, std::string query, std::string /*interval*/) {
    auto request = request_for(spec, query);
    if (!request) co_return failed(request.error().message);
    const auto answer = co_await http_.send(std::move(*request));
    if (!answer) {
        const bool while_reading = answer.error().kind == ErrorKind::too_large;
        co_return failed(fmt::format("{}: {}",
                                     while_reading ? "error reading body" : "request failed",
                                     answer.error().message));
    }
    auto reading = read_answer(answer->status, answer->body);
    if (reading.outcome == Outcome::failed && spec.secret) {
        // Taken out before the text is cut, or half of it would stay.
        const auto masked = read_answer(answer->status, without_secrets(answer->body, spec)).text;
        reading.text = masked.empty() ? "error response" : masked;
    }
    co_return reading;
}

Task<Result<void>> Prometheus::probe(ProviderSpec spec) {
    const auto reading = co_await query(std::move(spec), "vector(1)", {});
    if (reading.outcome == Outcome::value && reading.value == 1) co_return Result<void>{};
    co_return Error{
        ErrorKind::unavailable,
        reading.outcome == Outcome::value ? "value is not 1 for query: vector(1)" : reading.text};
}

Result<void> check_address(std::string_view server) {
    const auto parsed = server_of({.address = std::string(server)});
    if (!parsed) return parsed.error();
    return {};
}

}  // namespace sluice::metrics
