// What an alert tells besides its message (routing-metrics-hooks.md 4.2).
#pragma once

#include "delivery/canary/move.hpp"
#include "delivery/canary/seen.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::canary {

// Name and value, in the order in which they are shown; `cluster` is left out when it is empty.
std::vector<std::pair<std::string, std::string>> alert_fields(const World& world,
                                                              const Alert& alert,
                                                              std::string_view cluster);

// Those of the Canary's receivers that are told of it, in its order.
std::vector<api::AlertRef> receivers_of(const World& world, const Alert& alert);

}  // namespace sluice::canary
