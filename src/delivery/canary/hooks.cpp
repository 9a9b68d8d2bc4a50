#include "delivery/canary/hooks.hpp"

#include "base/core/sha256.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <chrono>

namespace sluice::canary {
namespace {

using api::HookType;

// Opaque to receivers: the same inputs give the same token.
std::string checksum_of(const api::Status& status) {
    std::string inputs = status.last_applied_spec;
    if (status.tracked_configs) {
        for (const auto& [name, sum] : *status.tracked_configs)
            inputs.append("\n").append(name).append("=").append(sum);
    }
    constexpr std::string_view alphabet = "bcdfghjklmnpqrstvwxz2456789";
    constexpr std::size_t length = 10;
    std::string token;
    for (const unsigned char digit : sha256_hex(inputs).substr(0, length)) {
        token += alphabet[digit % alphabet.size()];
    }
    return token;
}

Json payload_of(const World& world,
                const api::Hook& hook,
                std::string_view phase,
                const std::map<std::string, std::string>& entries) {
    const auto& status = world.canary.status;
    const auto checksum = checksum_of(status);
    JsonObject payload{{"name", world.canary.name},
                       {"namespace", world.canary.ns},
                       {"phase", phase},
                       {"checksum", checksum}};
    if (!entries.empty()) {
        JsonObject metadata;
        for (const auto& [key, value] : entries) metadata[key] = value;
        payload["metadata"] = std::move(metadata);
    }
    payload["canaryWeight"] = status.canary_weight;
    payload["failedChecks"] = status.failed_checks;
    payload["iterations"] = std::max(0, status.iterations);
    payload["buildId"] = checksum;
    payload["type"] = to_string(hook.type);
    return payload;
}

}  // namespace

Batch hooks_of(const World& world, HookType type, std::string_view phase, Stop stop) {
    Batch batch;
    batch.stop = stop;
    std::size_t index = 0;
    for (const auto& hook : world.canary.analysis.hooks) {
        const auto at = index++;
        if (hook.type != type) continue;
        batch.questions.push_back({fmt::format("hook/{}/{}", at, hook.name),
                                   CallHook{hook, payload_of(world, hook, phase, hook.metadata)}});
    }
    return batch;
}

CallHook call_for(const World& world, const Event& event, Time now, const api::Hook& receiver) {
    const auto since =
        std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
    auto entries = receiver.metadata;
    entries["eventMessage"] = event.message;
    entries["eventType"] = event.type == EventType::normal ? "Normal" : "Warning";
    entries["timestamp"] = std::to_string(since.count());
    const auto phase = event.phase.value_or(world.canary.status.phase);
    return {receiver, payload_of(world, receiver, to_string(phase), entries)};
}

std::vector<CallHook> calls_for(const World& world, const Event& event, Time now) {
    std::vector<CallHook> calls;
    for (const auto& hook : world.canary.analysis.hooks) {
        if (hook.type == HookType::event) calls.push_back(call_for(world, event, now, hook));
    }
    return calls;
}

}  // namespace sluice::canary
