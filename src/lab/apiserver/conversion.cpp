#include "lab/apiserver/conversion.hpp"

#include <boost/json.hpp>

#include <utility>

namespace sluice::lab {
namespace {

constexpr std::string_view other_metrics = "autoscaling.alpha.kubernetes.io/metrics";
constexpr std::string_view kept_behavior = "autoscaling.alpha.kubernetes.io/behavior";

bool is_cpu_utilization(const Json& metric) {
    return text_at(metric, {"type"}) == "Resource" &&
           text_at(metric, {"resource", "name"}) == "cpu" &&
           text_at(metric, {"resource", "target", "type"}) == "Utilization";
}

// autoscaling/v1 knows one metric; the others and the rates travel in annotations, so that an edit
// in v1 keeps them.
void into_autoscaling_v1(Json& object) {
    JsonArray others;
    for (const auto& metric : array_at(object, {"spec", "metrics"})) {
        const auto* percent = find(metric, {"resource", "target", "averageUtilization"});
        if (is_cpu_utilization(metric) && percent != nullptr &&
            find(object, {"spec", "targetCPUUtilizationPercentage"}) == nullptr) {
            put(object, {"spec", "targetCPUUtilizationPercentage"}, Json(*percent));
        } else {
            others.push_back(metric);
        }
    }
    drop(object, {"spec", "metrics"});
    if (const auto* behavior = find(object, {"spec", "behavior"})) {
        const auto text = to_text(*behavior);
        put(object, {"metadata", "annotations", kept_behavior}, Json(text));
        drop(object, {"spec", "behavior"});
    }
    if (!others.empty()) {
        put(object, {"metadata", "annotations", other_metrics}, Json(to_text(Json(others))));
    }
    for (const auto& metric : array_at(object, {"status", "currentMetrics"})) {
        const auto* percent = find(metric, {"resource", "current", "averageUtilization"});
        if (text_at(metric, {"resource", "name"}) == "cpu" && percent != nullptr) {
            put(object, {"status", "currentCPUUtilizationPercentage"}, Json(*percent));
        }
    }
    drop(object, {"status", "currentMetrics"});
    drop(object, {"status", "conditions"});
}

void out_of_autoscaling_v1(Json& object) {
    JsonArray metrics;
    if (const auto* percent = find(object, {"spec", "targetCPUUtilizationPercentage"})) {
        const JsonObject target{{"type", "Utilization"}, {"averageUtilization", *percent}};
        metrics.push_back(JsonObject{
            {"type", "Resource"}, {"resource", JsonObject{{"name", "cpu"}, {"target", target}}}});
    }
    const auto others = text_at(object, {"metadata", "annotations", other_metrics});
    if (const auto parsed = others.empty() ? Result<Json>(Json()) : parse_json(others);
        parsed && parsed->is_array()) {
        for (const auto& metric : parsed->get_array()) metrics.push_back(metric);
    }
    const auto behavior = text_at(object, {"metadata", "annotations", kept_behavior});
    if (auto parsed = behavior.empty() ? Result<Json>(Json()) : parse_json(behavior);
        parsed && parsed->is_object()) {
        put(object, {"spec", "behavior"}, std::move(*parsed));
    }
    for (const auto annotation : {other_metrics, kept_behavior}) {
        drop(object, {"metadata", "annotations", annotation});
    }
    if (object_at(object, {"metadata", "annotations"}).empty()) {
        drop(object, {"metadata", "annotations"});
    }
    drop(object, {"spec", "targetCPUUtilizationPercentage"});
    drop(object, {"status", "currentCPUUtilizationPercentage"});
    if (!metrics.empty()) put(object, {"spec", "metrics"}, std::move(metrics));
}

constexpr std::pair<std::string_view, std::string_view> event_fields[]{
    {"involvedObject", "regarding"},
    {"message", "note"},
    {"reportingComponent", "reportingController"},
    {"source", "deprecatedSource"},
    {"firstTimestamp", "deprecatedFirstTimestamp"},
    {"lastTimestamp", "deprecatedLastTimestamp"},
    {"count", "deprecatedCount"},
};

void rename(JsonObject& object, std::string_view from, std::string_view to) {
    auto* there = object.if_contains(from);
    if (there == nullptr) return;
    Json value = std::move(*there);
    object.stable_erase(from);
    object[to] = std::move(value);
}

}  // namespace

bool is_stored_form(const Kind&, const KindVersion& version) {
    return version.storage;
}

Json from_storage(const Kind& kind, const KindVersion& to, const Json& stored) {
    Json object = stored;
    put(object, {"apiVersion"}, Json(kind.resource_in(to).api_version()));
    if (to.storage || kind.custom) return object;
    if (kind.resource.kind == "HorizontalPodAutoscaler") into_autoscaling_v1(object);
    if (kind.resource.kind == "Event") {
        for (const auto& [core, named] : event_fields) rename(object.get_object(), core, named);
    }
    return object;
}

Json into_storage(const Kind& kind, const KindVersion& from, Json object) {
    put(object, {"apiVersion"}, Json(kind.resource.api_version()));
    if (from.storage || kind.custom) return object;
    if (kind.resource.kind == "HorizontalPodAutoscaler") out_of_autoscaling_v1(object);
    if (kind.resource.kind == "Event") {
        for (const auto& [core, named] : event_fields) rename(object.get_object(), named, core);
    }
    return object;
}

}  // namespace sluice::lab
