#include "notify/receivers.hpp"

#include "base/core/excerpt.hpp"
#include "notify/google_chat.hpp"
#include "notify/retry.hpp"
#include "notify/slack.hpp"
#include "notify/teams.hpp"

#include <fmt/format.h>

namespace sluice::notify {
namespace {

constexpr int tries_max = 3;
constexpr std::size_t shown_limit = 512;

struct Kind {
    std::string_view type;
    Result<net::Request> (*build)(const Receiver&, const Notice&);
    // What a 2xx may hide; null: nothing.
    Result<void> (*judge)(const net::Response&);
};

constexpr Kind kinds[] = {
    {"slack", slack_request, judge_slack_answer},
    {"msteams", teams_request, nullptr},
    {"discord", discord_request, nullptr},
    {"rocket", rocket_request, nullptr},
    {"gchat", google_chat_request, nullptr},
};

const Kind* kind_named(std::string_view type) {
    for (const auto& kind : kinds) {
        if (kind.type == type) return &kind;
    }
    return nullptr;
}

Result<void> judged(const Kind& kind, const net::Response& answer) {
    if (!is_success(answer.status)) {
        const auto body = excerpt(answer.body, shown_limit);
        return Error{ErrorKind::denied,
                     fmt::format("sending notification bad response {}: {}", answer.status, body)};
    }
    return kind.judge == nullptr ? Result<void>{} : kind.judge(answer);
}

}  // namespace

Result<net::Request> request_for(const Receiver& receiver, const Notice& notice) {
    const auto* kind = kind_named(receiver.type);
    if (kind == nullptr) {
        return Error{ErrorKind::invalid, fmt::format("provider {} not supported", receiver.type)};
    }
    auto named = receiver;
    if (named.channel.empty()) named.channel = default_channel;
    if (named.username.empty()) named.username = default_username;
    // A bot token is Slack's alone.
    if (named.type != "slack") named.token.clear();
    return kind->build(named, notice);
}

Task<Result<void>> Receivers::send(Receiver receiver, Notice notice) {
    const auto request = request_for(receiver, notice);
    if (!request) co_return request.error();
    const auto& kind = *kind_named(receiver.type);
    for (int attempt = 1;; ++attempt) {
        const auto answer = co_await http_.send(*request);
        const auto taken =
            answer
                ? judged(kind, *answer)
                : Result<void>(Error{answer.error().with("sending notification failed to send")});
        if (taken) co_return taken;
        const bool again = answer ? is_worth_another_try(answer->status)
                                  : is_worth_another_try(answer.error().kind);
        if (!again || attempt == tries_max) co_return taken.error().with("postMessage failed");
        co_await clock_.sleep_for(wait_before(attempt, answer ? &*answer : nullptr));
    }
}

}  // namespace sluice::notify
