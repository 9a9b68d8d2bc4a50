#include "loadtester/ngrinder.hpp"

#include "base/async/deadline.hpp"
#include "base/core/duration.hpp"
#include "base/core/excerpt.hpp"
#include "base/core/json.hpp"
#include "base/core/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::loadtester {
namespace {

using std::chrono::seconds;

constexpr Duration call_limit = seconds{30};
constexpr std::size_t answer_limit = 256 * 1024;

Error wrong(std::string why) {
    return {ErrorKind::invalid, std::move(why)};
}

// A number, or the text of one.
std::string id_of(const Json& answer) {
    if (const auto number = integer_at(answer, {"id"})) return std::to_string(*number);
    return std::string(text_at(answer, {"id"}));
}

// The status is a text, or an object that has one.
std::string status_of(const Json& answer) {
    const auto nested = text_at(answer, {"status", "name"});
    return std::string(nested.empty() ? text_at(answer, {"status"}) : nested);
}

}  // namespace

Result<NGrinderOrder> ngrinder_order(const std::map<std::string, std::string>& metadata) {
    const auto at = [&](const std::string& key) {
        const auto found = metadata.find(key);
        return found == metadata.end() ? std::string{} : found->second;
    };
    NGrinderOrder order;
    order.server = at("server");
    order.clone = at("clone");
    order.username = at("username");
    if (order.server.empty() || order.clone.empty() || order.username.empty() ||
        at("passwd").empty()) {
        return wrong("server, clone, username and passwd are required metadata");
    }
    while (order.server.ends_with('/')) order.server.pop_back();
    if (const auto url = net::parse_url(order.server); !url) {
        return wrong(fmt::format("invalid url: {}: {}", order.server, url.error().message));
    }
    if (!parse_integer(order.clone)) {
        return wrong("metadata clone must be integer: " + excerpt(order.clone, 80));
    }
    const auto password = from_base64(at("passwd"));
    if (!password) return wrong("metadata password is invalid: it is no base64");
    order.password = trimmed(*password);
    if (const auto interval = parse_duration(at("pollInterval"))) {
        order.poll_interval = std::max<Duration>(*interval, std::chrono::milliseconds{100});
    }
    return order;
}

Task<Result<Json>> NGrinder::ask(NGrinderOrder order, Call call) {
    auto request = net::request_for(order.server + "/perftest/api/" + call.path);
    if (!request) co_return request.error().with("http.NewRequest failed");
    request->method = call.method;
    request->headers.set("Authorization", "Basic " + base64(order.username + ":" + order.password));
    request->timeout = call_limit;
    request->body_limit = answer_limit;
    const auto answer = co_await http_.send(std::move(*request));
    if (!answer) co_return answer.error().with("request failed");
    auto body = parse_json(answer->body);
    if (!body) {
        co_return Error{ErrorKind::bad_answer,
                        fmt::format("json unmarshalling failed: {} for {}",
                                    body.error().message,
                                    excerpt(answer->body, 512))};
    }
    co_return std::move(*body);
}

// Until it has ended; the caller sets the deadline.
Task<Result<void>> NGrinder::watch(NGrinderOrder order, std::string id) {
    for (;;) {  // ends by the caller's deadline at the latest
        const auto answer = co_await ask(order, {"GET", id + "/status"});
        if (!answer) co_return answer.error();
        const auto status = status_of(*answer);
        if (status == "FINISHED") co_return Result<void>{};
        if (status == "STOP_BY_ERROR" || status == "CANCELED" || status == "UNKNOWN") {
            co_return Error{ErrorKind::denied,
                            fmt::format("ngrinder test {} ended as {}", id, status)};
        }
        co_await clock_.sleep_for(order.poll_interval);
    }
}

Task<Result<void>> NGrinder::run(NGrinderOrder order, Duration limit) {
    const auto failed = [&order](const std::string& why) {
        return Error{
            ErrorKind::denied,
            fmt::format("failed to clone and start ngrinder test {}: {}", order.clone, why)};
    };
    const auto started = co_await ask(order, {"POST", order.clone + "/clone_and_start"});
    if (!started) co_return failed(started.error().message);
    const auto id = id_of(*started);
    if (id.empty()) co_return failed("the answer names no id");
    auto done = co_await with_deadline<void>(clock_, limit, watch(order, id));
    if (!done && done.error().kind == ErrorKind::timed_out) {
        const auto stopped = co_await ask(order, {"PUT", percent_encoded(id) + "?action=stop"});
        if (!stopped) co_return stopped.error().with("stopping ngrinder test " + id);
    }
    co_return done;
}

}  // namespace sluice::loadtester
