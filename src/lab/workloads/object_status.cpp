#include "lab/workloads/object_status.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace sluice::lab {

const Json* condition_in(const Json& status, std::string_view type) {
    for (const auto& condition : array_at(status, {"conditions"})) {
        if (text_at(condition, {"type"}) == type) return &condition;
    }
    return nullptr;
}

const Json* condition_of(const Json& object, std::string_view type) {
    const auto* status = find(object, {"status"});
    return status == nullptr ? nullptr : condition_in(*status, type);
}

void set_condition(Json& status, const ConditionText& condition, Time now, ConditionUpdate how) {
    auto conditions = array_at(status, {"conditions"});
    Json fresh = {{"type", condition.type},
                  {"status", condition.status},
                  {"lastUpdateTime", rfc3339(now)},
                  {"lastTransitionTime", rfc3339(now)},
                  {"reason", condition.reason},
                  {"message", condition.message}};
    for (auto& present : conditions) {
        if (text_at(present, {"type"}) != condition.type) continue;
        const bool same_status = text_at(present, {"status"}) == condition.status;
        const bool same_reason = text_at(present, {"reason"}) == condition.reason;
        if (same_status && same_reason && !how.refresh) return;
        if (same_status) {
            put(fresh, {"lastTransitionTime"}, Json(text_at(present, {"lastTransitionTime"})));
        }
        present = std::move(fresh);
        put(status, {"conditions"}, std::move(conditions));
        return;
    }
    conditions.push_back(std::move(fresh));
    put(status, {"conditions"}, std::move(conditions));
}

void drop_condition(Json& status, std::string_view type) {
    JsonArray kept;
    for (const auto& condition : array_at(status, {"conditions"})) {
        if (text_at(condition, {"type"}) != type) kept.push_back(condition);
    }
    if (kept.empty()) {
        drop(status, {"conditions"});
    } else {
        put(status, {"conditions"}, std::move(kept));
    }
}

void say(Json& status, const ConditionText& condition, Time now) {
    const auto* before = condition_in(status, condition.type);
    if (before != nullptr && text_at(*before, {"message"}) == condition.message &&
        text_at(*before, {"status"}) == condition.status &&
        text_at(*before, {"reason"}) == condition.reason) {
        return;
    }
    set_condition(status, condition, now, {.refresh = true});
    for (auto& present : find(status, {"conditions"})->get_array()) {
        drop(present, {"lastUpdateTime"});
    }
}

void save_status(Cluster& cluster,
                 const Resource& resource,
                 const Json& object,
                 const Json& status) {
    const auto* before = find(object, {"status"});
    const auto patch =
        merge_patch_between(before != nullptr ? *before : Json(JsonObject{}), status);
    if (patch.get_object().empty()) return;
    WriteOptions options;
    options.subresource = Subresource::status;
    (void)cluster.patch(
        resource, kube::key_of(object), PatchKind::merge, {{"status", patch}}, options);
}

}  // namespace sluice::lab
