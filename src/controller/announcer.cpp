#include "controller/announcer.hpp"

#include "base/core/sha256.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace sluice::controller {
namespace {

constexpr std::size_t names_max = 32;

kube::EventNote note_of(const Json& canary, canary::EventType type, const std::string& message) {
    return {.involved = kube::involved_object(kube::resources::canaries, canary),
            .type = type == canary::EventType::normal ? "Normal" : "Warning",
            .reason = "Synced",
            .message = message};
}

}  // namespace

std::string dotted_name(const kube::ObjectKey& key) {
    return key.name + "." + key.ns;
}

std::string event_name(const Json& canary, const canary::Event& event) {
    std::string content(kube::uid_of(canary));
    content += '\n' + event.key;
    return kube::key_of(canary).name + "." + sha256_hex(content).substr(0, 16);
}

Task<std::vector<canary::Event>> Announcer::record(Json canary, std::vector<canary::Event> events) {
    const auto key = kube::key_of(canary);
    std::vector<canary::Event> fresh;
    for (auto& event : events) {
        auto note = note_of(canary, event.type, event.message);
        if (!event.key.empty()) {
            note.name = event_name(canary, event);
            auto& names = told_[key].names;
            if (std::ranges::find(names, note.name) != names.end()) continue;
            names.push_back(note.name);
            if (names.size() > names_max) names.pop_front();
        }
        log_event(canary, event.type, event.message);
        co_await events_.record(std::move(note));
        fresh.push_back(std::move(event));
    }
    co_return fresh;
}

bool Announcer::warn(const Json& canary, canary::EventType type, const std::string& message) {
    auto& told = told_[kube::key_of(canary)];
    if (told.warning == message) return false;
    told.warning = message;
    log_event(canary, type, message);
    events_.post(note_of(canary, type, message));
    return true;
}

void Announcer::settled(const kube::ObjectKey& key) {
    const auto found = told_.find(key);
    if (found != told_.end()) found->second.warning.clear();
}

void Announcer::forget(const kube::ObjectKey& key) {
    told_.erase(key);
}

void Announcer::log_event(const Json& canary, canary::EventType type, const std::string& message) {
    const LogFields fields{{"canary", dotted_name(kube::key_of(canary))}};
    switch (type) {
        case canary::EventType::normal:
        case canary::EventType::warning:
            log_.info(message, fields);
            return;
        case canary::EventType::error:
            log_.error(message, fields);
            return;
    }
}

}  // namespace sluice::controller
