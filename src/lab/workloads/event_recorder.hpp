// Writes the Events of the lab's own controllers, kubelet and scheduler.
#pragma once

#include "lab/apiserver/cluster.hpp"

#include <map>
#include <string>
#include <string_view>

namespace sluice::lab {

enum class EventType { normal, warning };

struct EventText {
    EventType type = EventType::normal;
    std::string reason;
    std::string message;
    std::string field_path = {};  // "spec.containers{web}"
};

class EventRecorder {
   public:
    // Events come from `component` on `host` (which may be empty). The cluster outlives the
    // recorder.
    EventRecorder(Cluster& cluster, std::string component, std::string host = {});

    // The same Event about the same object again raises its count. What cannot be written is let
    // go: an Event never holds up what it tells of.
    void record(const Json& about, const EventText& text);

   private:
    Cluster& cluster_;
    std::string component_;
    std::string host_;
    std::map<std::string, ObjectKey> written_;
};

}  // namespace sluice::lab
