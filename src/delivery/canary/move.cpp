#include "delivery/canary/move.hpp"

#include <boost/json.hpp>

namespace sluice::canary {
namespace {

std::string_view to_string(EventType type) {
    switch (type) {
        case EventType::normal:
            return "Normal";
        case EventType::warning:
            return "Warning";
        case EventType::error:
            return "Error";
    }
    return {};
}

template <typename T>
JsonArray listed(const std::vector<T>& values) {
    JsonArray list;
    for (const auto& value : values) list.push_back(to_json(value));
    return list;
}

Json as_json(const Ask& ask) {
    return JsonObject{{"ask", listed(ask.batch.questions)}, {"events", listed(ask.events)}};
}

Json as_json(const Act& act) {
    JsonObject written{
        {"act", act.why}, {"effects", listed(act.effects)}, {"events", listed(act.events)}};
    if (act.status) written["status"] = *act.status;
    if (!act.alerts.empty()) {
        JsonArray alerts;
        for (const auto& alert : act.alerts) alerts.emplace_back(alert.message);
        written["alerts"] = std::move(alerts);
    }
    return written;
}

Json as_json(const Rest& rest) {
    return JsonObject{{"rest", rest.wake ? Json(rfc3339_millis(*rest.wake)) : Json()}};
}

}  // namespace

Json to_json(const Event& event) {
    return JsonObject{{"type", to_string(event.type)}, {"message", event.message}};
}

Json to_json(const Move& move) {
    return std::visit([](const auto& one) { return as_json(one); }, move);
}

}  // namespace sluice::canary
