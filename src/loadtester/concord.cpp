#include "loadtester/concord.hpp"

#include "base/async/deadline.hpp"
#include "base/core/excerpt.hpp"
#include "base/core/json.hpp"
#include "base/core/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

namespace sluice::loadtester {
namespace {

using std::chrono::seconds;

constexpr std::string_view boundary = "sluice-3d6b6a416f9b5f7d";
constexpr Duration call_limit = seconds{30};
constexpr std::size_t answer_limit = 256 * 1024;
constexpr std::string_view argument_prefix = "arguments.";

Error wrong(std::string why) {
    return {ErrorKind::invalid, std::move(why)};
}

Result<Duration> whole_seconds(const std::map<std::string, std::string>& metadata,
                               const std::string& key,
                               Duration otherwise) {
    const auto found = metadata.find(key);
    if (found == metadata.end() || found->second.empty()) return otherwise;
    const auto number = parse_integer(found->second);
    constexpr std::int64_t day = 86'400;
    if (!number || *number < 0 || *number > day) {
        return wrong(fmt::format("unable to convert `{}` to int", key));
    }
    return Duration{seconds{*number}};
}

std::string multipart(const std::map<std::string, std::string>& form) {
    std::string body;
    for (const auto& [name, value] : form) {
        body += fmt::format("--{}\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n{}\r\n",
                            boundary,
                            name,
                            value);
    }
    return body + fmt::format("--{}--\r\n", boundary);
}

Result<net::Request> request_to(const ConcordOrder& order,
                                const std::string& path,
                                const std::string& key) {
    auto request = net::request_for(order.server + path);
    if (!request) {
        return Error{ErrorKind::invalid, "failed to generate request: " + request.error().message};
    }
    request->headers.set("Authorization", key);
    request->timeout = call_limit;
    request->body_limit = answer_limit;
    return request;
}

}  // namespace

// Until it has ended; the caller sets the deadline.
Task<Result<void>> Concord::watch(ConcordOrder order, std::string key, std::string instance) {
    for (;;) {  // ends by the caller's deadline at the latest
        auto request = request_to(order, "/api/v1/process/" + percent_encoded(instance), key);
        if (!request) co_return request.error();
        const auto answer = co_await http_.send(std::move(*request));
        if (!answer) {
            co_return Error{answer.error().kind,
                            "failed checking status: " + answer.error().message};
        }
        const auto body = parse_json(answer->body);
        const auto status = body ? std::string(text_at(*body, {"status"})) : std::string{};
        if (status == "FINISHED") co_return Result<void>{};
        if (status == "FAILED") {
            co_return Error{ErrorKind::denied,
                            fmt::format("concord instanceID: {} failed", instance)};
        }
        if (answer->status >= 400) {
            co_return Error{ErrorKind::denied,
                            fmt::format("failed checking status: status {}: {}",
                                        answer->status,
                                        excerpt(answer->body, 512))};
        }
        co_await clock_.sleep_for(std::max<Duration>(order.poll_interval, seconds{1}));
    }
}

Result<ConcordOrder> concord_order(const std::map<std::string, std::string>& metadata) {
    const auto at = [&](const std::string& key) {
        const auto found = metadata.find(key);
        return found == metadata.end() ? std::string{} : found->second;
    };
    for (const std::string key :
         {"server", "org", "project", "repo", "entrypoint", "apiKeyPath", "endpoint"}) {
        if (at(key).empty()) return wrong(fmt::format("`{}` is required with type concord", key));
    }
    ConcordOrder order;
    order.server = at("server");
    while (order.server.ends_with('/')) order.server.pop_back();
    if (!net::parse_url(order.server)) {
        return wrong("failed to create base URL from metadata `concord_url`");
    }
    order.api_key_path = at("apiKeyPath");
    const auto interval = whole_seconds(metadata, "pollInterval", order.poll_interval);
    if (!interval) return interval.error();
    order.poll_interval = *interval;
    const auto timeout = whole_seconds(metadata, "pollTimeout", order.poll_timeout);
    if (!timeout) return timeout.error();
    order.poll_timeout = *timeout;
    order.form = {{"org", at("org")},
                  {"project", at("project")},
                  {"repo", at("repo")},
                  {"entryPoint", at("entrypoint")},
                  {"arguments.endpoint", at("endpoint")}};
    for (const auto& [key, value] : metadata) {
        if (!key.starts_with(argument_prefix)) continue;
        if (key == "arguments.endpoint") {
            return wrong(
                "You cannot override Endpoint through arguments. You must override Endpoint "
                "directly");
        }
        // It becomes a line of the form.
        if (key.find_first_of("\"\r\n") != std::string::npos) {
            return wrong("no name of an argument: " + excerpt(key, 80));
        }
        order.form[key] = value;
    }
    return order;
}

Task<Result<void>> Concord::run(ConcordOrder order) {
    std::ifstream file(order.api_key_path);
    if (!file) {
        co_return wrong(fmt::format("`apiKeyPath` file doesn't exist {}", order.api_key_path));
    }
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const std::string key(trimmed(text));
    auto request = request_to(order, "/api/v1/process", key);
    if (!request) co_return request.error();
    request->method = "POST";
    request->headers.set("Content-Type", fmt::format("multipart/form-data; boundary={}", boundary));
    request->body = multipart(order.form);
    const auto started = co_await http_.send(std::move(*request));
    const auto body = started ? parse_json(started->body) : Result<Json>(started.error());
    const auto instance = body ? std::string(text_at(*body, {"instanceId"})) : std::string{};
    if (instance.empty()) {
        auto why = started
                       ? fmt::format("status {}: {}", started->status, excerpt(started->body, 512))
                       : started.error().message;
        log_.error("failed to start process: " + why);
        co_return Error{ErrorKind::denied, "failed to start process: " + why};
    }
    auto done =
        co_await with_deadline<void>(clock_, order.poll_timeout, watch(order, key, instance));
    if (!done && done.error().kind == ErrorKind::timed_out) {
        co_return Error{
            ErrorKind::timed_out,
            fmt::format("concord process timed out, after {} seconds",
                        std::chrono::duration_cast<seconds>(order.poll_timeout).count())};
    }
    co_return done;
}

}  // namespace sluice::loadtester
