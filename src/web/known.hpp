// What the dashboard knows of the cluster while somebody looks: one cache per kind. A kind that may
// not be read, or is not served, is left out and named.
#pragma once

#include "base/async/clock.hpp"
#include "base/async/log.hpp"
#include "base/async/random.hpp"
#include "base/async/task_group.hpp"
#include "kube/cache.hpp"
#include "kube/client.hpp"
#include "routing/router.hpp"

#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::web {

// Of what stands at the path, the fields of these names.
Json picked(const Json& from, JsonPath path, std::initializer_list<std::string_view> names);

struct Problem {
    std::string code;  // api_server_away, forbidden, prometheus_away …
    std::string message;
    std::optional<Time> since = {};

    bool operator==(const Problem&) const = default;
};
Json problems_json(const std::vector<Problem>& problems);

class Known : public std::enable_shared_from_this<Known> {
   public:
    struct World {
        Executor executor;
        Clock& clock;
        Random& random;
        std::shared_ptr<kube::Client> client;
        Logger& log;
    };
    using Change = std::function<void(const kube::Resource& resource, const kube::ObjectKey& key)>;

    // All outlive this and its tasks. `ns` empty: every namespace.
    Known(const World& world, std::string ns);
    // Starts to read; `changed` is called for every object that comes, changes or goes.
    void start(Change changed);
    // Ends the watches. Who destroys this without having stopped it cancels them.
    Task<> stop();
    // The same without waiting for them.
    void cancel();
    ~Known();

    // The only namespace that is read; empty for all.
    const std::string& ns() const { return ns_; }
    // Null for a kind that is not read.
    const kube::Cache* find(const kube::Resource& resource) const;
    // The same, and read from now on.
    const kube::Cache& open(const kube::Resource& resource);
    // The object, or nothing; also while its kind is not known.
    std::optional<Json> get(const kube::Resource& resource, const kube::ObjectKey& key) const;
    std::vector<Json> list(const kube::Resource& resource, std::string_view ns = {}) const;
    void for_each(const kube::Resource& resource,
                  std::string_view ns,
                  const std::function<void(const Json&)>& visit) const;
    // As of the cache: parses nothing while `held` is what is known.
    bool refresh(const kube::Resource& resource,
                 const kube::ObjectKey& key,
                 std::optional<Json>& held) const;
    // Whose index_of (surroundings.hpp) has the value.
    std::vector<kube::ObjectKey> keys_by(const kube::Resource& resource,
                                         const std::string& value) const;
    // Those that are about it: Events.
    std::vector<Json> list_about(const kube::Resource& resource, const kube::ObjectKey& key) const;
    bool is_known(const kube::Resource& resource) const;
    // How many objects were read out of their texts: what looking at them costs.
    std::uint64_t parsed() const { return parsed_; }

    // Until each kind is either known or refused, at most so long.
    Task<> wait_until_filled(Duration limit);
    // Why Canaries are not known; nothing while they are, however old.
    std::optional<Error> canaries_trouble() const;
    std::vector<Problem> problems() const;
    // The same of other kinds, which were opened.
    std::vector<Problem> problems_of(const std::vector<kube::Resource>& kinds) const;
    // Why a list of it may lack what there is: refused, the server away, or being read. Else empty.
    std::string why_incomplete(const kube::Resource& kind) const;
    // A write's answer, so that the next look is not behind it.
    void note(const kube::Resource& resource, const Json& object);
    std::size_t bytes() const;
    struct CacheState {
        std::string kind;  // plural
        std::size_t objects = 0;
        std::size_t bytes = 0;
        bool synced = false;
        std::optional<Time> last_contact = {};
        std::string error = {};
    };
    // Of the kinds that the cluster has.
    std::vector<CacheState> caches() const;

   private:
    kube::Cache& make(const kube::Resource& resource);
    // What objects of a kind are found by, and the other way round.
    struct Index {
        std::map<std::string, std::set<kube::ObjectKey>> keys;
        std::map<kube::ObjectKey, std::vector<std::string>> values;
    };
    void index(const kube::Resource& resource,
               const kube::ObjectKey& key,
               std::vector<std::string> values);
    static Task<> kept_alive(std::shared_ptr<Known> self, Task<> task);
    void run(kube::Cache& cache);

    World world_;
    std::string ns_;
    Change changed_;
    std::map<kube::Resource, std::unique_ptr<kube::Cache>> caches_;
    std::map<kube::Resource, Index> indexes_;
    bool is_started_ = false;
    mutable std::uint64_t parsed_ = 0;
    TaskGroup tasks_;
};

}  // namespace sluice::web
