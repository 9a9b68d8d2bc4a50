#include "notify/webhook.hpp"

#include "base/core/address.hpp"
#include "base/core/excerpt.hpp"
#include "notify/retry.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::notify {
namespace {

constexpr std::size_t body_limit = 256 * 1024;
constexpr std::size_t shown_limit = 512;
constexpr int redirects_max = 10;
constexpr int retries_max = 20;

std::string refusal_text(const net::Response& answer) {
    auto body = excerpt(answer.body, shown_limit);
    if (is_worth_another_try(answer.status) || body.empty()) {
        const auto what = body.empty() ? std::string(net::reason_phrase(answer.status)) : body;
        return fmt::format("status {}: {}", answer.status, what);
    }
    return body;
}

// Where a redirect leads: absolute, or a path on the same server.
Result<net::Url> redirected(const net::Request& from, std::string_view location) {
    if (location.starts_with("/") && !location.starts_with("//")) {
        return net::Url{.origin = from.origin, .target = std::string(location)};
    }
    return net::parse_url(location);
}

std::shared_ptr<const net::TlsOptions> trusting_anybody() {
    static const auto options =
        std::make_shared<const net::TlsOptions>(net::TlsOptions{.verify = false});
    return options;
}

}  // namespace

Task<Result<void>> Webhooks::call(api::Hook hook, std::string body) {
    if (!hook.timeout) {
        co_return Error{ErrorKind::invalid,
                        fmt::format("time: invalid duration \"{}\"", hook.timeout_text)};
    }
    const auto address = split_address(hook.url);
    const auto url = net::parse_url(address.bare);
    if (!url) co_return url.error();

    const int attempts_max = 1 + std::clamp(hook.retries, 0, retries_max);
    for (int attempt = 1;; ++attempt) {
        net::Request request;
        request.method = "POST";
        request.origin = url->origin;
        request.target = url->target;
        request.headers.set("Content-Type", "application/json");
        if (!address.authorization.empty()) {
            request.headers.set("Authorization", address.authorization);
        }
        request.body = body;
        request.timeout = *hook.timeout;
        request.body_limit = body_limit;
        if (hook.disable_tls) request.tls = trusting_anybody();

        const auto answer = co_await post(std::move(request));
        if (answer && is_success(answer->status)) co_return Result<void>{};
        const bool again = answer ? is_worth_another_try(answer->status)
                                  : is_worth_another_try(answer.error().kind);
        if (!again || attempt == attempts_max) {
            if (answer) co_return Error{ErrorKind::denied, refusal_text(*answer)};
            co_return Error{answer.error().kind,
                            fmt::format("POST {} giving up after {} attempt(s): {}",
                                        address.bare,
                                        attempt,
                                        answer.error().message)};
        }
        co_await clock_.sleep_for(wait_before(attempt, answer ? &*answer : nullptr));
    }
}

// Follows redirects as browsers do: a POST that is answered by 301, 302 or 303 goes on as a GET.
Task<Result<net::Response>> Webhooks::post(net::Request request) {
    for (int redirects = 0;; ++redirects) {
        auto answer = co_await http_.send(request);
        if (!answer) co_return answer.error();
        const bool keeps_method = answer->status == 307 || answer->status == 308;
        const bool moves =
            keeps_method || answer->status == 301 || answer->status == 302 || answer->status == 303;
        const auto location = answer->headers.get("Location");
        if (!moves || !location) co_return std::move(*answer);
        if (redirects == redirects_max) {
            co_return Error{ErrorKind::bad_answer, "stopped after 10 redirects"};
        }
        const auto next = redirected(request, *location);
        if (!next) co_return next.error();
        if (next->origin != request.origin) request.headers.erase("Authorization");
        request.origin = next->origin;
        request.target = next->target;
        if (!keeps_method) {
            request.method = "GET";
            request.body.clear();
            request.headers.erase("Content-Type");
        }
    }
}

}  // namespace sluice::notify
