#include "lab/workloads/event_expiry.hpp"

#include <algorithm>

namespace sluice::lab {
namespace {

namespace resources = kube::resources;

// Whoever writes an Event says when, in one of several places.
Time last_written(const Json& event) {
    auto newest = Time::min();
    for (const auto text : {text_at(event, {"lastTimestamp"}),
                            text_at(event, {"eventTime"}),
                            text_at(event, {"series", "lastObservedTime"}),
                            text_at(event, {"metadata", "creationTimestamp"})}) {
        if (const auto said = parse_rfc3339(text)) newest = std::max(newest, *said);
    }
    return newest;
}

}  // namespace

EventExpiry::EventExpiry(Executor executor, Cluster& cluster)
    : cluster_(cluster),
      queue_(std::move(executor), cluster.clock(), [this](const ObjectKey& key) { look_at(key); }) {
}

void EventExpiry::start() {
    events_ = cluster_.watch(resources::events, [this](const Change& change) {
        if (change.kind != ChangeKind::added) return;
        queue_.add_at(kube::key_of(*change.object), cluster_.clock().now() + event_lifetime);
    });
}

// An Event that was counted up meanwhile lives on from there.
void EventExpiry::look_at(const ObjectKey& key) {
    const auto event = cluster_.find(resources::events, key);
    if (event == nullptr) return;
    const auto due = last_written(*event) + event_lifetime;
    if (due > cluster_.clock().now()) return queue_.add_at(key, due);
    (void)cluster_.remove(resources::events, key);
}

}  // namespace sluice::lab
