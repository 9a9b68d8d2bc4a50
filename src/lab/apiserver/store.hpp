// Where the objects lie: by kind, namespace and name, with the log of changes that watches read and
// the indexes that garbage collection asks. Knows nothing of what an object means.
#pragma once

#include "lab/apiserver/cluster.hpp"

#include <deque>
#include <map>
#include <set>
#include <unordered_map>

namespace sluice::lab {

// An object's place: the kind by its qualified name of storage ("deployments.apps").
struct ObjectId {
    std::string kind;
    ObjectKey key;

    auto operator<=>(const ObjectId&) const = default;
};

// How an object is shown to one watcher: in the version that it asked for.
using View = std::function<ObjectPtr(const ObjectPtr&)>;

class Store {
   public:
    using Post = std::function<void(std::function<void()>)>;
    using Callback = std::function<void(const Change&)>;
    using Objects = std::map<ObjectKey, ObjectPtr>;

    // Changes that each kind's log keeps.
    static constexpr std::size_t log_max = 1024;

    ObjectPtr find(const std::string& kind, const ObjectKey& key) const;
    const Objects& objects(const std::string& kind) const;
    // Where the object of that uid lies; null when there is none.
    const ObjectId* locate(const std::string& uid) const;
    // Objects with an owner reference of that uid, in the order of kind, namespace and name.
    std::vector<ObjectId> dependents(const std::string& uid) const;

    std::int64_t revision() const { return revision_; }
    std::int64_t next_revision() { return ++revision_; }

    // Keeps the object, which carries a new resourceVersion. `before` is null for a new one.
    void keep(const ObjectId& id, ObjectPtr object, const ObjectPtr& before);
    // Swaps the object for one that means the same and keeps its resourceVersion: nobody is told.
    void swap(const ObjectId& id, ObjectPtr object);
    // Takes the object away; `last` is its last state with a new resourceVersion.
    void take_away(const ObjectId& id, ObjectPtr last, const ObjectPtr& before);
    // Forgets the kind with its log and its watchers; objects must be gone.
    void forget(const std::string& kind);

    void deliver_by(Post post);
    // Runs later, as callbacks do; kept until somebody delivers.
    void post(std::function<void()> work);
    Subscription watch(const std::string& kind, View view, Callback callback);
    // Nothing when the log does not reach back to `revision`.
    std::optional<Subscription> watch_from(const std::string& kind,
                                           std::int64_t revision,
                                           View view,
                                           Callback callback);

   private:
    struct Subscriber {
        View view;
        Callback callback;
        std::deque<Change> pending;
        bool posted = false;
        bool ended = false;
    };
    struct Table {
        Objects objects;
        std::deque<Change> log;
        std::int64_t forgotten = 0;  // the newest revision that the log no longer holds
        std::vector<std::shared_ptr<Subscriber>> subscribers;
    };

    void record(Table& table, Change change);
    void index(const ObjectId& id, const Json& object);
    void unindex(const ObjectId& id, const Json& object);
    void wake(const std::shared_ptr<Subscriber>& subscriber);
    Subscription subscribe(Table& table, const std::shared_ptr<Subscriber>& subscriber);

    std::int64_t revision_ = 0;
    std::map<std::string, Table> tables_;
    std::unordered_map<std::string, ObjectId> by_uid_;
    std::unordered_map<std::string, std::set<ObjectId>> by_owner_;
    Post post_;
    std::vector<std::function<void()>> waiting_;
};

}  // namespace sluice::lab
