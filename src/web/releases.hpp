// All releases as they are now. Each is built when it is asked for and something of it has changed,
// and once for all who look.
#pragma once

#include "routing/table.hpp"
#include "web/figures.hpp"
#include "web/known.hpp"
#include "web/release.hpp"
#include "web/settings.hpp"
#include "web/validations.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice::web {

struct Deleted {
    std::string uid;
    Time at{};
};

class Releases {
   public:
    // All outlive this.
    Releases(const Settings& settings,
             const Clock& clock,
             const routing::Table& routers,
             const Validations* validations = nullptr,
             const notify::SentLog* sent = nullptr);

    // From which everything is built; null: nothing is known.
    void look_at(std::shared_ptr<Known> known);
    // The releases that this object concerns are built anew. Returns them.
    std::set<kube::ObjectKey> note_change(const kube::Resource& resource,
                                          const kube::ObjectKey& key);
    // An Event about this one, new or changed.
    void note_event(const kube::ObjectKey& about, const Json& event);

    // Of all Canaries, in their order; made anew when one comes or goes. Never null.
    using Keys = std::vector<kube::ObjectKey>;
    std::shared_ptr<const Keys> keys() const;
    // Those in which a Canary is.
    const std::vector<std::string>& namespaces() const;
    // How often one was built, for who counts what it costs.
    std::uint64_t built() const { return built_; }
    // Null when there is no such Canary. The pointer lives until the next change.
    Release* find(const kube::ObjectKey& key);
    // With everything that is known of it.
    std::optional<JsonObject> detailed(const kube::ObjectKey& key);
    // For a minute after it was seen to go.
    std::optional<Deleted> deleted(const kube::ObjectKey& key) const;

    // What was measured, by window. A release under way that has other numbers than before is built
    // anew; one that rests is only given them.
    void measure(Duration window, std::shared_ptr<const RatesTable> table);
    // Those under way that were given other numbers since this was asked last.
    std::set<kube::ObjectKey> take_remeasured();
    void met(const kube::ObjectKey& key, Exposure exposure);
    // The windows that its releases are measured over; a few.
    std::set<Duration> windows() const;
    // Whose exposure is worth a question: those under way, worst first.
    struct UnderWay {
        kube::ObjectKey key;
        Met met;
    };
    std::vector<UnderWay> under_way();
    // The release's own window.
    Duration window_of(const api::Canary& canary) const;
    // The one that it is measured over: its own, or where too many are different one that is asked.
    Duration measured_over(Duration own) const;

   private:
    // When its last run began, by the Events, which are many: they are read once.
    struct Began {
        std::optional<Time> at;
        std::string target;  // whose revisions they tell of
    };
    struct Entry {
        std::optional<Release> built;
        std::string uid;
        Rates stable, canary;  // with which it was built
        Duration window{};
        std::string target;
        std::string stable_service, canary_service;
        std::optional<Time> run_began;
        std::optional<Began> began_by_events;
        bool is_under_way = false;
        Exposure exposure;
        std::set<std::string> concerned_by;
        std::string awaits;  // the workload whose pods it waits for; empty: none
    };
    ReleaseSeen seen(const kube::ObjectKey& key, Json object, Entry& entry);
    void note_concern(const kube::ObjectKey& key, Entry& entry, const ReleaseSeen& seen);
    std::set<kube::ObjectKey> note_pod(const kube::ObjectKey& pod);
    std::vector<OwnObject> objects_of(const ReleaseSeen& seen) const;
    std::vector<Json> pods_named(const std::string& ns, const std::string& workload) const;
    void forget(const kube::ObjectKey& key);
    std::optional<Time> began_by_events(const kube::ObjectKey& key,
                                        const api::Canary& canary,
                                        Entry& entry) const;

    const Settings& settings_;
    const Clock& clock_;
    const routing::Table& routers_;
    const Validations* validations_;
    const notify::SentLog* sent_;  // null: others send
    std::shared_ptr<Known> known_;
    std::map<kube::ObjectKey, Entry> entries_;
    std::map<std::string, std::set<kube::ObjectKey>> concerns_;  // "deployments/test/podinfo"
    std::map<kube::ObjectKey, Deleted> deleted_;
    std::map<Duration, std::shared_ptr<const RatesTable>> tables_;
    std::set<kube::ObjectKey> remeasured_;
    // As they were asked for last; null when one has come or gone since.
    mutable std::shared_ptr<const Keys> keys_;
    mutable std::vector<std::string> namespaces_;
    std::uint64_t built_ = 0;
};

}  // namespace sluice::web
