#include "lab/workloads/event_recorder.hpp"

#include <boost/json/object.hpp>
#include <fmt/format.h>

namespace sluice::lab {
namespace {

// As many as client-go's recorder remembers.
constexpr std::size_t remembered_max = 4096;
// Two components may speak of one object in the same nanosecond.
constexpr int name_tries = 8;

std::string_view word(EventType type) {
    return type == EventType::normal ? "Normal" : "Warning";
}

}  // namespace

EventRecorder::EventRecorder(Cluster& cluster, std::string component, std::string host)
    : cluster_(cluster), component_(std::move(component)), host_(std::move(host)) {}

void EventRecorder::record(const Json& about, const EventText& text) {
    const auto key = kube::key_of(about);
    const auto now = cluster_.clock().now();
    const auto identity = fmt::format("{}|{}|{}|{}|{}",
                                      kube::uid_of(about),
                                      word(text.type),
                                      text.reason,
                                      text.field_path,
                                      text.message);
    if (const auto known = written_.find(identity); known != written_.end()) {
        if (const auto event = cluster_.find(kube::resources::events, known->second)) {
            const auto count = integer_at(*event, {"count"}).value_or(1);
            const Json patch = {{"count", count + 1}, {"lastTimestamp", rfc3339(now)}};
            (void)cluster_.patch(kube::resources::events, known->second, PatchKind::merge, patch);
            return;
        }
        written_.erase(known);
    }

    const auto ns = key.ns.empty() ? std::string("default") : key.ns;
    JsonObject involved{{"kind", text_at(about, {"kind"})},
                        {"name", key.name},
                        {"uid", kube::uid_of(about)},
                        {"apiVersion", text_at(about, {"apiVersion"})},
                        {"resourceVersion", kube::resource_version_of(about)}};
    if (!key.ns.empty()) involved["namespace"] = key.ns;
    if (!text.field_path.empty()) involved["fieldPath"] = text.field_path;
    JsonObject source{{"component", component_}};
    if (!host_.empty()) source["host"] = host_;

    Json event = {{"apiVersion", "v1"},
                  {"kind", "Event"},
                  {"metadata", {{"namespace", ns}}},
                  {"involvedObject", std::move(involved)},
                  {"reason", text.reason},
                  {"message", text.message},
                  {"type", word(text.type)},
                  {"source", std::move(source)},
                  {"reportingComponent", component_},
                  {"reportingInstance", host_},
                  {"count", 1},
                  {"firstTimestamp", rfc3339(now)},
                  {"lastTimestamp", rfc3339(now)},
                  {"eventTime", nullptr}};
    for (int next = 0; next < name_tries; ++next) {
        const auto name = fmt::format("{}.{:x}", key.name, now.time_since_epoch().count() + next);
        put(event, {"metadata", "name"}, Json(name));
        const auto created = cluster_.create(kube::resources::events, event);
        if (created) {
            if (written_.size() >= remembered_max) written_.clear();
            written_[identity] = {ns, name};
            return;
        }
        if (created.error().reason != "AlreadyExists") return;
    }
}

}  // namespace sluice::lab
