// What users are told about one Canary: a Kubernetes Event and its line in the log.
#pragma once

#include "base/async/log.hpp"
#include "delivery/canary/move.hpp"
#include "kube/events.hpp"

#include <deque>
#include <map>
#include <string>
#include <vector>

namespace sluice::controller {

class Announcer {
   public:
    // Both outlive this.
    Announcer(kube::EventRecorder& events, Logger& log) : events_(events), log_(log) {}

    // Each under a name derived from the Canary and the Event's key: a pass that is
    // repeated, after a kill too, adds nothing. Returns those that this process has not told yet.
    Task<std::vector<canary::Event>> record(Json canary, std::vector<canary::Event> events);
    // A Warning about something that goes on: once per distinct text until `settled`. Says whether
    // it was told now.
    bool warn(const Json& canary, canary::EventType type, const std::string& message);
    void settled(const kube::ObjectKey& key);
    void forget(const kube::ObjectKey& key);

   private:
    struct Told {
        std::string warning;
        std::deque<std::string> names;  // the last few Events
    };

    void log_event(const Json& canary, canary::EventType type, const std::string& message);

    kube::EventRecorder& events_;
    Logger& log_;
    std::map<kube::ObjectKey, Told> told_;
};

// "podinfo.5f0c…": the name of an Event that is there once. It is of the fact, whose text may hold
// a number that is another one when it is asked for again.
std::string event_name(const Json& canary, const canary::Event& event);
// "podinfo.test": the log field `canary`.
std::string dotted_name(const kube::ObjectKey& key);

}  // namespace sluice::controller
