// What we know of one kind: fed by list and watch and by the answers to our own writes, so a pass
// never sees less than it wrote (design.md section 4).
#pragma once

#include "base/async/clock.hpp"
#include "base/async/log.hpp"
#include "base/async/random.hpp"
#include "base/async/signal.hpp"
#include "kube/client.hpp"
#include "kube/compact.hpp"

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::kube {

// Takes out of an object what nobody here reads, before it is kept.
using Trim = std::function<void(Json& object)>;
// managedFields and kubectl's last-applied annotation.
void without_bookkeeping(Json& object);

struct CacheOptions {
    Selection selection = {};
    Trim trim = without_bookkeeping;
    // Objects whose text is longer are kept compressed.
    std::size_t compress_above = 512;
    // Values by which objects are found again with `find_by`: the owner's uid, say.
    std::function<std::vector<std::string>(const Json& object)> index = {};
};

class Cache {
   public:
    // All outlive the cache.
    Cache(Executor executor,
          Clock& clock,
          Random& random,
          Client& client,
          Logger& log,
          Resource resource,
          CacheOptions options = {});
    Cache(const Cache&) = delete;
    Cache& operator=(const Cache&) = delete;
    ~Cache();

    // Lists and watches until it is cancelled.
    Task<> run();

    // Parsed on demand, without what the trim took out. A copy: it says what was true now.
    std::optional<Json> get(const ObjectKey& key) const;
    // Makes `held`, which came from here, what get() would give now, and says whether it is another
    // one. Parses nothing when it is not.
    bool refresh(const ObjectKey& key, std::optional<Json>& held) const;
    bool contains(const ObjectKey& key) const;
    std::string resource_version(const ObjectKey& key) const;  // empty when there is none
    // In the order of namespace and name; an empty namespace means all.
    std::vector<Json> list(std::string_view ns = {}) const;
    void for_each(std::string_view ns, const std::function<void(const Json& object)>& visit) const;
    std::vector<ObjectKey> keys(std::string_view ns = {}) const;
    // The objects whose index has that value.
    std::vector<Json> find_by(const std::string& value) const;
    // As refresh().
    bool refresh_by(const std::string& value, std::vector<Json>& held) const;
    // How often the server's versions have begun anew: what was held before is not to be refreshed.
    std::uint64_t restarts() const;
    std::size_t size() const;
    // Bytes of object text held, for metrics.
    std::size_t bytes() const;

    // The answer to a write of ours (create, update, patch). Of one uid the newer resourceVersion
    // wins, so it does no harm that the watch brings it again, or brought something newer already.
    void note(const Json& object);
    // The answer to a DELETE of ours: an object that something keeps (finalizers, grace) is a
    // change, anything else takes it out, and a tombstone keeps it out until the watch has passed
    // the deletion.
    void note_deleted(const ObjectKey& key, const Json& answer);

    // True once everything has been seen. Stays true while the server is away: last_contact says
    // how old the knowledge is.
    bool synced() const;
    Task<> wait_until_synced();
    // When the server last said anything, a bookmark included.
    std::optional<Time> last_contact() const;
    // Why it is not in contact now; nothing while it is.
    std::optional<Error> trouble() const;
    // Called for every object that came, changed or went, after the cache knows it; a new
    // resourceVersion alone is no change. Callbacks return quickly and do not change the cache.
    void on_change(std::function<void(const ObjectKey& key)> callback);
    const Resource& resource() const;

   private:
    using Uid = std::array<std::uint8_t, 16>;
    struct Entry {
        Uid uid{};
        std::string resource_version;
        CompactText text;  // without resourceVersion: that alone is no change
    };
    struct Tombstone {
        ObjectKey key;
        Time since;
    };
    // Everything that the server has, as it is being read.
    struct Filling {
        Time began;
        std::set<ObjectKey> seen = {};
        std::set<Uid> uids = {};
    };

    // Below in reflector.cpp: how the server is asked.
    Task<Result<void>> fill();
    Task<Result<void>> fill_once(std::string from);
    Task<Result<void>> fill_by_stream(std::string from);
    Task<Result<void>> fill_by_list(std::string from);
    Task<Result<void>> follow();
    Result<void> take(WatchEvent event);
    Result<void> finish_filling(const std::string& version);
    void touch();
    void complain(const Error& error);

    // In cache.cpp: what is known.
    void store(Json object);
    void take_deletion(const Json& object);
    void bury(const ObjectKey& key, const Uid& uid);
    void erase(std::map<ObjectKey, Entry>::iterator entry);
    void settle(const std::string& version);
    bool is_buried(const Uid& uid);
    Json thawed(const Entry& entry) const;
    static bool is_of(const Json& held, const Entry& entry);
    void index(const ObjectKey& key, const Json& object);
    void unindex(const ObjectKey& key, const Entry& entry);
    void changed(const ObjectKey& key);

    Clock& clock_;
    Random& random_;
    Client& client_;
    Logger& log_;
    Resource resource_;
    CacheOptions options_;
    Signal synced_signal_;
    std::map<ObjectKey, Entry> entries_;
    std::map<Uid, Tombstone> tombstones_;
    std::map<std::string, std::set<ObjectKey>> by_index_;
    std::vector<std::function<void(const ObjectKey&)>> callbacks_;
    std::size_t bytes_ = 0;

    std::unique_ptr<Watch> watch_;
    std::string version_;  // up to which the watch has told us everything
    std::optional<Filling> filling_;
    // The server's versions start anew (restored, or another one): what it says now is the truth.
    bool distrusts_itself_ = false;
    std::uint64_t restarts_ = 0;
    bool synced_ = false;
    bool streaming_ = true;
    std::uint64_t events_ = 0;
    std::optional<Time> last_contact_;
    std::optional<Error> trouble_;
};

// True when `version` is later than `known`. Versions of one server compare as numbers; where they
// are none, any other one counts as later.
bool is_newer(std::string_view version, std::string_view known);

}  // namespace sluice::kube
