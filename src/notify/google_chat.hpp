// Google Chat: a card with one section for the message and one for each field.
#pragma once

#include "notify/alert.hpp"

namespace sluice::notify {

Result<net::Request> google_chat_request(const Receiver& receiver, const Notice& notice);

}  // namespace sluice::notify
