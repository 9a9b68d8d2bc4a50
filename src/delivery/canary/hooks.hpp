// What is posted to a Canary's webhooks: the peer's five keys in the peer's order, and five of ours
// behind them (routing-metrics-hooks.md 3.2, DBR-22).
#pragma once

#include "delivery/canary/evidence.hpp"
#include "delivery/canary/move.hpp"
#include "delivery/canary/seen.hpp"

#include <string_view>
#include <vector>

namespace sluice::canary {

// The hooks of one type in list order; `phase` is what their payload says.
Batch hooks_of(const World& world, api::HookType type, std::string_view phase, Stop stop);

// The calls that tell an Event to the Canary's own `event` hooks; none when it has none.
std::vector<CallHook> calls_for(const World& world, const Event& event, Time now);
// The same for a receiver that the process has for all Canaries without an `event` hook.
CallHook call_for(const World& world, const Event& event, Time now, const api::Hook& receiver);

}  // namespace sluice::canary
