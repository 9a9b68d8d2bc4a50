#include "notify/slack.hpp"

#include "base/core/excerpt.hpp"
#include "base/core/json.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::notify {
namespace {

using api::Severity;

struct Colours {
    std::string_view info;
    std::string_view warn;
    std::string_view error;
};

std::string_view colour_of(Severity severity, const Colours& colours) {
    switch (severity) {
        case Severity::info:
            return colours.info;
        case Severity::warn:
            return colours.warn;
        case Severity::error:
            return colours.error;
    }
    SLUICE_ASSERT(false);
}

// The keys in the peer's order: receivers need not care, but people compare.
Json payload_of(const Receiver& receiver, const Notice& notice, const Colours& colours) {
    JsonArray fields;
    for (const auto& [name, value] : notice.fields) {
        fields.push_back(JsonObject{{"title", name}, {"value", value}, {"short", false}});
    }
    JsonObject attachment{{"color", colour_of(notice.severity, colours)},
                          {"author_name", notice.canary},
                          {"text", notice.message},
                          {"mrkdwn_in", JsonArray{"text"}},
                          {"fields", std::move(fields)}};
    JsonArray attachments;
    attachments.push_back(std::move(attachment));
    return JsonObject{{"channel", receiver.channel},
                      {"username", receiver.username},
                      {"icon_url", ""},
                      {"icon_emoji", ":rocket:"},
                      {"attachments", std::move(attachments)}};
}

// "https://discord.com/api/webhooks/…/slack?wait=true": the suffix belongs to the path.
std::string with_slack_door(const std::string& address) {
    const auto path_end = std::min(address.find_first_of("?#"), address.size());
    auto path = address.substr(0, path_end);
    while (path.ends_with('/')) path.pop_back();
    if (!path.ends_with("/slack")) path += "/slack";
    return path + address.substr(path_end);
}

}  // namespace

Result<net::Request> slack_request(const Receiver& receiver, const Notice& notice) {
    return post_of(receiver,
                   {receiver.address, "Slack hook"},
                   payload_of(receiver, notice, {"good", "warning", "danger"}));
}

Result<net::Request> discord_request(const Receiver& receiver, const Notice& notice) {
    return post_of(receiver,
                   {with_slack_door(receiver.address), "Discord hook"},
                   payload_of(receiver, notice, {"good", "good", "danger"}));
}

Result<net::Request> rocket_request(const Receiver& receiver, const Notice& notice) {
    return post_of(receiver,
                   {receiver.address, "Rocket hook"},
                   payload_of(receiver, notice, {"#0076D7", "#0076D7", "#FF0000"}));
}

Result<void> judge_slack_answer(const net::Response& answer) {
    // A hook answers "ok", which is no JSON.
    const auto said = parse_json(answer.body);
    if (!said || bool_at(*said, {"ok"}).value_or(true)) return {};
    return Error{
        ErrorKind::denied,
        fmt::format(
            "sending notification bad response {}: {}", answer.status, excerpt(answer.body, 512))};
}

}  // namespace sluice::notify
