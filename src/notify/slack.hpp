// Slack, and the two that read its messages: Discord and Rocket.Chat.
#pragma once

#include "notify/alert.hpp"

namespace sluice::notify {

Result<net::Request> slack_request(const Receiver& receiver, const Notice& notice);
// The address is that of Discord's own hook; its Slack door is found behind it.
Result<net::Request> discord_request(const Receiver& receiver, const Notice& notice);
Result<net::Request> rocket_request(const Receiver& receiver, const Notice& notice);

// Slack's API says no with status 200.
Result<void> judge_slack_answer(const net::Response& answer);

}  // namespace sluice::notify
