// One Canary until it rests: look, let the judgement say what is next, do that, look again.
#pragma once

#include "base/async/clock.hpp"
#include "base/async/log.hpp"
#include "controller/announcer.hpp"
#include "controller/asking.hpp"
#include "controller/caches.hpp"
#include "controller/contests.hpp"
#include "controller/dependents.hpp"
#include "controller/notifier.hpp"
#include "controller/own_metrics.hpp"
#include "controller/schema.hpp"
#include "delivery/canary/next.hpp"
#include "kube/client.hpp"
#include "kube/queue.hpp"
#include "routing/table.hpp"

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::controller {

// What the controller works with. All outlive it.
struct Tools {
    Clock& clock;
    Logger& log;
    kube::Client& client;
    Caches& caches;
    Announcer& announcer;
    Notifier& notifier;
    Asking& asking;
    OwnMetrics& metrics;
    const routing::Table& routers;
};

// Why objects of a kind cannot be looked at; an empty text while that will soon be over.
struct Unseen {
    std::string why = {};
    bool not_served = false;  // the cluster knows no such kind: there are none

    bool operator==(const Unseen&) const = default;
};

// Of the workload that serves the users of this Canary.
std::string primary_name(const Json& canary);

class CanaryController {
   public:
    CanaryController(Tools tools, canary::Settings settings);

    // Until the Canary rests; when to come again, or nothing until something changes. Safe to
    // repeat from any point, because every effect states what must be true ("90/10") and never a
    // change to it ("10 more").
    Task<Result<std::optional<Time>>> tick(kube::ObjectKey key);
    // Whose passes the ticks are; it outlives the controller. Without one a question is asked to
    // its end, whatever happens meanwhile.
    void work_for(kube::WorkQueue* queue) { queue_ = queue; }

    // The Canaries that a change of this object concerns.
    std::vector<kube::ObjectKey> concerned_by(const kube::Resource& resource,
                                              const kube::ObjectKey& key) const;
    // The Canary came, changed or went. Returns those to wake.
    std::vector<kube::ObjectKey> note_canary(const kube::ObjectKey& key);
    // Who may not write asks nobody either: hooks and metrics are the leader's. It outlives the
    // controller.
    void guard_by(const kube::WriteGate* gate) { gate_ = gate; }
    // Before the first tick. An API server that turns out to drop our status fields moves their
    // home.
    void keep_state_in(StateHome home) { state_home_ = home; }

   private:
    // What the objects that concern a Canary were last read from.
    struct Noted {
        std::int64_t generation = -1;  // of the Canary
        std::string target_uid = {};
        std::int64_t target_generation = -1;
        std::string postponed = {};  // other names concern it when that is over

        bool operator==(const Noted&) const = default;
    };
    // Answers whose act could not be carried out. It is tried again more often than anybody should
    // be asked.
    struct Unused {
        canary::Evidence evidence;
        Time until{};
    };
    struct Memory {
        std::string uid;
        canary::Remembered remembered;
        std::int64_t synced_generation = -1;
        Measured measured;
        // Our status fields while there is no primary to note them at.
        std::string note;
        // Since when the note and the status do not go together.
        std::optional<Time> unclear_since;
        Noted noted;
        Contests contests;
        std::optional<Unused> unused;
    };
    struct View {
        Json object;           // with the whole status
        Json stored_status;    // as the API server has it
        bool behind = false;   // the stored one has to catch up
        bool unclear = false;  // it may be older than what was noted, or the other way round
        std::optional<Unseen> unseen;
        canary::World world;
    };
    // Shared by all that is done about one look.
    using ViewPtr = std::shared_ptr<const View>;

    // What was read of a Canary at its last look, so that the next one parses only what has
    // changed. Kept for a few Canaries: at rest the caches' compact texts are all there is.
    struct Sight {
        kube::ObjectKey key;
        std::uint64_t restarts = 0;  // of the caches
        std::optional<Json> canary = {};
        canary::Seen seen = {};
        // What canary::Seen::owned_scalers is put together from.
        std::vector<Json> owned_autoscalers = {};
        std::vector<Json> owned_scaled_objects = {};
        // What canary::Seen::owned_configs is put together from.
        std::vector<Json> owned_config_maps = {};
        std::vector<Json> owned_secrets = {};
        routing::LiveObjects live = {};
        std::string note = {};
        ViewPtr view = {};
    };

    // Null when there is no such Canary.
    ViewPtr survey(const kube::ObjectKey& key);
    Sight& sight_of(const kube::ObjectKey& key);
    // True when anything is another one than it was.
    bool refresh(Sight& sight, const std::string& uid) const;
    bool refresh_configs(Sight& sight, const std::string& uid) const;
    bool refresh_scalers(Sight& sight, const std::string& uid) const;
    canary::Routed as_routed(Json object) const;
    canary::RoutesSeen routes_seen(const Json& object,
                                   const std::string& provider,
                                   const routing::LiveObjects& live) const;
    bool refresh_live(Sight& sight, const std::string& provider) const;
    std::optional<Unseen> unseen_kinds(const Json& object, const std::string& provider) const;
    kube::Cache& workloads_of(const Json& object) const;
    kube::Cache& scalers_of(const Json& object) const;
    routing::LiveObjects live_objects(const routing::Router& router, const Json& object) const;
    std::optional<std::string> older_rival(const View& view) const;

    // Why what is known of the objects that the judgement goes by may be old.
    std::optional<Error> trouble_with(const View& view) const;

    using Answers = std::map<std::string, canary::Answer>;
    // Nothing when it was not to be asked any more before all had answered.
    Task<std::optional<Answers>> gather(ViewPtr view, canary::Ask ask, canary::Evidence evidence);
    Task<> overtaken(ViewPtr view, canary::Ask ask, canary::Evidence evidence);
    // What an act that failed a moment ago was decided by; nothing when there is none.
    std::optional<Unused> take_unused(const kube::ObjectKey& key);

    Task<Result<void>> carry_out(ViewPtr view, canary::Act act, canary::Evidence evidence);
    Json drained_from(const View& view, Json status) const;
    Task<Result<void>> refuse(ViewPtr view, std::vector<std::string> broken);
    Task<Result<void>> perform(ViewPtr view, canary::Effect effect);
    Task<Result<void>> perform(ViewPtr view, canary::Create create);
    Task<Result<void>> perform(ViewPtr view, canary::Patch patch);
    Task<Result<void>> perform(ViewPtr view, canary::ScaleTarget scale);
    Task<Result<void>> perform(ViewPtr view, canary::Delete removal);
    Task<Result<void>> perform(ViewPtr view, canary::EnsureRoutes ensure);
    Task<Result<void>> perform(ViewPtr view, canary::Route route);
    Task<Result<void>> perform(ViewPtr view, canary::CopyConfig copy);
    Task<Result<void>> perform(ViewPtr view, canary::GiveBackApex apex);
    Task<Result<void>> perform(ViewPtr view, canary::GiveBackRoutes routes);
    Task<Result<void>> perform(ViewPtr view, canary::HoldFinalizer hold);
    Task<Result<void>> write(ViewPtr view, routing::ObjectWrite write);
    Task<Result<void>> save_status(ViewPtr view, Json status);
    Task<Result<void>> note_state(ViewPtr view, Json status);
    Error report(const View& view, const Error& error);
    Task<> show_held(ViewPtr view, std::string why);
    Task<> tell_contests(ViewPtr view, canary::Act act);
    Task<canary::Contender> who_contests(ViewPtr view, canary::Effect effect);
    Task<> show_contested(ViewPtr view);

    Task<> announce(ViewPtr view, std::vector<canary::Event> events);
    void warn(const View& view, canary::EventType type, const std::string& message);
    void show(const View& view);
    void note_concerns(const View& view);
    void tell(const View& view, const std::string& line);
    void count(const View& view, canary::Finish finish);
    void explain(const View& view, const Json& decision);
    void mention(const View& view, std::string_view what);
    std::vector<Concern> concerns_of(const Json& object, const std::string& provider) const;
    std::vector<kube::ObjectKey> concern(const kube::ObjectKey& key, std::vector<Concern> concerns);
    void forget(const kube::ObjectKey& key);

    Tools tools_;
    canary::Settings settings_;
    const kube::WriteGate* gate_ = nullptr;
    StateHome state_home_ = StateHome::status;
    kube::WorkQueue* queue_ = nullptr;
    std::map<kube::ObjectKey, Memory> memory_;
    std::list<Sight> sights_;  // the latest first
    Dependents dependents_;
};

}  // namespace sluice::controller
