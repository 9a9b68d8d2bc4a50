// Who is told of what a Canary does, besides its Events: the receivers of its alerts, and event
// webhooks (routing-metrics-hooks.md 3.5 and 4). Everything is queued; nothing here holds up a
// pass.
#pragma once

#include "base/async/log.hpp"
#include "controller/own_metrics.hpp"
#include "delivery/canary/evidence.hpp"
#include "delivery/canary/move.hpp"
#include "kube/cache.hpp"
#include "kube/client.hpp"
#include "kube/events.hpp"
#include "notify/outbox.hpp"
#include "notify/receivers.hpp"
#include "notify/sent.hpp"
#include "notify/webhook.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice::controller {

// What the process was told at its start. Addresses, proxies and the token are secrets.
struct Notifications {
    std::string event_webhook;  // of Canaries without an `event` hook; empty: none
    std::string slack_url;
    std::string slack_token;
    std::string slack_proxy_url;
    std::string slack_channel;
    std::string slack_user = "flagger";
    std::string msteams_url;  // wins over Slack's
    std::string msteams_proxy_url;
    std::string cluster_name;
};

class Notifier {
   public:
    // What it works with. All outlive it.
    struct Means {
        Clock& clock;
        Logger& log;
        kube::Client& client;
        kube::EventRecorder& events;
        const kube::Cache& providers;
        notify::Webhooks& webhooks;
        net::HttpClient& http;
        // Two, so that an event webhook that hangs for everybody holds up no alert.
        notify::Outbox& alerts;
        notify::Outbox& announcements;
        OwnMetrics& metrics;
        notify::SentLog* sent = nullptr;  // null: nobody asks
    };
    Notifier(Means means, Notifications told);

    // The line at the start: whether there is a receiver for all Canaries that name none.
    void introduce();

    // The alerts of one act. What is said again before `settled` is not told again.
    void alert(const Json& object,
               const canary::World& world,
               const std::vector<canary::Alert>& alerts);
    // The status of the act is saved: the next alert is another act's.
    void settled(const kube::ObjectKey& key);
    void forget(const kube::ObjectKey& key);

    // Events that were recorded, for the event webhooks.
    void announce(const canary::World& world, const std::vector<canary::Event>& events);

   private:
    Task<> tell_global(Json object, notify::Notice notice);
    Task<> tell_receiver(Json object, api::AlertRef to, notify::Notice notice);
    Task<Result<notify::Receiver>> receiver_of(api::AlertRef to);
    Task<Result<Json>> read_secret(kube::ObjectKey key);
    Task<> post_event(canary::CallHook call);
    void report(const Json& object, const std::string& what);
    notify::Sending sending(const Json& object, const std::string& to) const;

    Means means_;
    Notifications told_;
    notify::Receivers receivers_;
    std::optional<notify::Receiver> global_;
    std::map<kube::ObjectKey, std::set<std::string>> alerted_;
};

}  // namespace sluice::controller
