// Microsoft Teams: a MessageCard for its connectors, an Adaptive Card for its Workflows, which
// understand no other.
#pragma once

#include "notify/alert.hpp"

namespace sluice::notify {

Result<net::Request> teams_request(const Receiver& receiver, const Notice& notice);

}  // namespace sluice::notify
