// The status as stored: read leniently, written as a whole over what stood there.
#include "api/canary.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::api {
namespace {

constexpr std::string_view held_type = "Held";
constexpr std::string_view contested_type = "Contested";

std::optional<Time> time_at(const Json& status, JsonPath path) {
    return parse_rfc3339(text_at(status, path));
}

int count_at(const Json& status, JsonPath path, int most) {
    const auto value = integer_at(status, path).value_or(0);
    return static_cast<int>(std::clamp<std::int64_t>(value, -1, most));
}

struct ConditionText {
    std::string_view status;
    std::string message;
};

// canary.md 1.6.
ConditionText condition_text(Phase phase, std::string_view kind) {
    switch (phase) {
        case Phase::initialized:
            return {"True", fmt::format("{} initialization completed.", kind)};
        case Phase::waiting:
        case Phase::waiting_promotion:
            return {"Unknown", "Waiting for approval."};
        case Phase::progressing:
            return {"Unknown", "New revision detected, progressing canary analysis."};
        case Phase::promoting:
            return {"Unknown", "Canary analysis completed, starting primary rolling update."};
        case Phase::finalising:
            return {"Unknown", "Canary analysis completed, routing all traffic to primary."};
        case Phase::succeeded:
            return {"True", "Canary analysis completed successfully, promotion finished."};
        case Phase::failed:
            return {"False", fmt::format("Canary analysis failed, {} scaled to zero.", kind)};
        case Phase::none:
        case Phase::initializing:
        case Phase::terminating:
        case Phase::terminated:
            break;
    }
    return {"Unknown", fmt::format("New {} detected, starting initialization.", kind)};
}

void put_or_drop(JsonObject& object, std::string_view key, std::optional<Json> value) {
    if (value) {
        object[key] = std::move(*value);
    } else {
        object.erase(key);
    }
}

std::optional<Json> text_or_nothing(const std::string& text) {
    if (text.empty()) return std::nullopt;
    return Json(text);
}

std::optional<Json> instant(const std::optional<Time>& time) {
    if (!time) return std::nullopt;
    return Json(rfc3339_millis(*time));
}

}  // namespace

Status parse_status(const Json& status) {
    Status read;
    // An unknown phase is reported by parse_canary; nobody acts on this status then.
    read.phase = parse_phase(text_at(status, {"phase"})).value_or(Phase::none);
    read.canary_weight = std::max(0, count_at(status, {"canaryWeight"}, 100));
    read.failed_checks = std::max(0, count_at(status, {"failedChecks"}, 1'000'000));
    read.iterations = count_at(status, {"iterations"}, 1'000'000);
    read.last_applied_spec = text_at(status, {"lastAppliedSpec"});
    read.last_promoted_spec = text_at(status, {"lastPromotedSpec"});
    if (const auto* configs = find(status, {"trackedConfigs"});
        configs != nullptr && configs->is_object()) {
        read.tracked_configs.emplace();
        for (const auto& [name, checksum] : configs->get_object()) {
            if (checksum.is_string()) {
                (*read.tracked_configs)[std::string(name)] = std::string(checksum.get_string());
            }
        }
    }
    read.last_transition_time = time_at(status, {"lastTransitionTime"});
    if (const auto* conditions = find(status, {"conditions"});
        conditions != nullptr && conditions->is_array()) {
        read.conditions = *conditions;
    }
    read.cookie = text_at(status, {"sessionAffinityCookie"});
    read.previous_cookie = text_at(status, {"previousSessionAffinityCookie"});
    read.primary_cookie = text_at(status, {"primarySessionAffinityCookie"});
    read.observed_generation = integer_at(status, {"observedGeneration"}).value_or(0);
    if (!text_at(status, {"rollback", "cause"}).empty()) {
        read.rollback = Rollback{std::string(text_at(status, {"rollback", "cause"})),
                                 std::string(text_at(status, {"rollback", "message"})),
                                 std::string(text_at(status, {"rollback", "pods"}))};
    }
    read.routed_at = time_at(status, {"routedAt"});
    if (!text_at(status, {"analysed", "hash"}).empty()) {
        read.analysed = Analysed{std::string(text_at(status, {"analysed", "hash"})),
                                 std::string(text_at(status, {"analysed", "uid"})),
                                 integer_at(status, {"analysed", "generation"}).value_or(0),
                                 std::string(text_at(status, {"analysed", "strategy"})),
                                 bool_at(status, {"analysed", "untested"}).value_or(false),
                                 bool_at(status, {"analysed", "unjudged"}).value_or(false)};
    }
    if (!text_at(status, {"routedBy", "provider"}).empty()) {
        read.routed_by = RoutedBy{std::string(text_at(status, {"routedBy", "provider"})),
                                  std::string(text_at(status, {"routedBy", "service"})),
                                  std::string(text_at(status, {"routedBy", "ingress"}))};
    }
    read.unready_since = time_at(status, {"unreadySince"});
    read.primary_unready_since = time_at(status, {"primaryUnreadySince"});
    read.mirrored = bool_at(status, {"mirrored"}).value_or(false);
    read.granted = text_at(status, {"granted"});
    read.closed_gate = text_at(status, {"closedGate"});
    return read;
}

Json to_json(const Status& status, const Json& before) {
    Json written = before.is_object() ? before : Json(JsonObject{});
    auto& object = written.get_object();
    object["phase"] = to_string(status.phase);
    object["canaryWeight"] = status.canary_weight;
    object["failedChecks"] = status.failed_checks;
    object["iterations"] = status.iterations;
    put_or_drop(object, "lastAppliedSpec", text_or_nothing(status.last_applied_spec));
    put_or_drop(object, "lastPromotedSpec", text_or_nothing(status.last_promoted_spec));
    std::optional<Json> configs;
    if (status.tracked_configs) {
        JsonObject checksums;
        for (const auto& [name, checksum] : *status.tracked_configs) checksums[name] = checksum;
        configs = std::move(checksums);
    }
    put_or_drop(object, "trackedConfigs", std::move(configs));
    put_or_drop(object,
                "lastTransitionTime",
                status.last_transition_time
                    ? std::optional<Json>(rfc3339(*status.last_transition_time))
                    : std::nullopt);
    put_or_drop(
        object,
        "conditions",
        status.conditions.is_array() ? std::optional<Json>(status.conditions) : std::nullopt);
    put_or_drop(object, "sessionAffinityCookie", text_or_nothing(status.cookie));
    put_or_drop(object, "previousSessionAffinityCookie", text_or_nothing(status.previous_cookie));
    put_or_drop(object, "primarySessionAffinityCookie", text_or_nothing(status.primary_cookie));
    put_or_drop(object,
                "observedGeneration",
                status.observed_generation != 0 ? std::optional<Json>(status.observed_generation)
                                                : std::nullopt);
    std::optional<Json> rollback;
    if (status.rollback) {
        rollback =
            JsonObject{{"cause", status.rollback->cause}, {"message", status.rollback->message}};
        if (!status.rollback->pods.empty()) put(*rollback, {"pods"}, Json(status.rollback->pods));
    }
    put_or_drop(object, "rollback", std::move(rollback));
    put_or_drop(object, "routedAt", instant(status.routed_at));
    std::optional<Json> analysed;
    if (status.analysed) {
        analysed = JsonObject{{"hash", status.analysed->hash},
                              {"uid", status.analysed->uid},
                              {"generation", status.analysed->generation}};
        if (!status.analysed->strategy.empty()) {
            put(*analysed, {"strategy"}, Json(status.analysed->strategy));
        }
        if (status.analysed->untested) put(*analysed, {"untested"}, true);
        if (status.analysed->unjudged) put(*analysed, {"unjudged"}, true);
    }
    std::optional<Json> routed_by;
    if (status.routed_by) {
        routed_by = JsonObject{{"provider", status.routed_by->provider},
                               {"service", status.routed_by->service}};
        if (!status.routed_by->ingress.empty()) {
            put(*routed_by, {"ingress"}, Json(status.routed_by->ingress));
        }
    }
    put_or_drop(object, "routedBy", std::move(routed_by));
    put_or_drop(object, "analysed", std::move(analysed));
    put_or_drop(object, "unreadySince", instant(status.unready_since));
    put_or_drop(object, "primaryUnreadySince", instant(status.primary_unready_since));
    put_or_drop(object, "mirrored", status.mirrored ? std::optional<Json>(true) : std::nullopt);
    put_or_drop(object, "granted", text_or_nothing(status.granted));
    put_or_drop(object, "closedGate", text_or_nothing(status.closed_gate));
    return written;
}

std::string place_of(const Status& status) {
    return fmt::format("{}/{}/{}{}",
                       to_string(status.phase),
                       status.canary_weight,
                       std::max(0, status.iterations),
                       status.mirrored ? "/mirrored" : "");
}

void set_condition(Status& status, std::string_view target_kind, Time now) {
    const auto wanted = condition_text(status.phase, target_kind);
    const auto reason = to_string(status.phase);
    if (!status.conditions.is_array()) status.conditions = JsonArray{};
    auto& conditions = status.conditions.get_array();
    const auto promoted = std::ranges::find_if(conditions, [](const Json& condition) {
        return text_at(condition, {"type"}) == "Promoted";
    });
    const std::string at = rfc3339(now);
    std::string since = at;
    if (promoted != conditions.end()) {
        const bool same = text_at(*promoted, {"status"}) == wanted.status;
        if (same && text_at(*promoted, {"reason"}) == reason &&
            text_at(*promoted, {"message"}) == wanted.message) {
            return;
        }
        const auto before = text_at(*promoted, {"lastTransitionTime"});
        if (same && !before.empty()) since = before;
    }
    Json condition = JsonObject{{"type", "Promoted"},
                                {"status", wanted.status},
                                {"reason", reason},
                                {"message", wanted.message},
                                {"lastUpdateTime", at},
                                {"lastTransitionTime", since}};
    if (promoted == conditions.end()) {
        conditions.push_back(std::move(condition));
    } else {
        *promoted = std::move(condition);
    }
}

namespace {

std::string_view message_of(const Json& conditions, std::string_view type) {
    if (!conditions.is_array()) return {};
    for (const auto& condition : conditions.get_array()) {
        if (text_at(condition, {"type"}) == type) return text_at(condition, {"message"});
    }
    return {};
}

// True with this message, or not there without one. Its reason is its type.
Json with_message(Json conditions, std::string_view type, std::string_view message, Time now) {
    JsonArray kept;
    std::string since = rfc3339(now);
    if (conditions.is_array()) kept = std::move(conditions.get_array());
    const auto* found = std::ranges::find_if(
        kept, [&](const Json& condition) { return text_at(condition, {"type"}) == type; });
    if (found != kept.end()) {
        const auto before = text_at(*found, {"lastTransitionTime"});
        if (!before.empty()) since = before;
        kept.erase(found);
    }
    if (!message.empty()) {
        kept.push_back(JsonObject{{"type", type},
                                  {"status", "True"},
                                  {"reason", type},
                                  {"message", message},
                                  {"lastUpdateTime", rfc3339(now)},
                                  {"lastTransitionTime", since}});
    }
    return kept;
}

}  // namespace

std::string_view held_by(const Json& conditions) {
    return message_of(conditions, held_type);
}

Json with_held(Json conditions, std::string_view why, Time now) {
    return with_message(std::move(conditions), held_type, why, now);
}

std::string_view contested_by(const Json& conditions) {
    return message_of(conditions, contested_type);
}

Json with_contested(Json conditions, std::string_view who, Time now) {
    return with_message(std::move(conditions), contested_type, who, now);
}

}  // namespace sluice::api
