// What a Cluster is made of. The public verbs stand in cluster.cpp; how an object comes in, changes
// and goes stands in writes.cpp and deletion.cpp.
#pragma once

#include "lab/apiserver/cluster.hpp"
#include "lab/apiserver/statuses.hpp"
#include "lab/apiserver/store.hpp"

#include <map>

namespace sluice::lab {

// A kind in the version in which somebody asked for it.
struct Target {
    const Kind* kind = nullptr;
    const KindVersion* version = nullptr;
    Resource resource;

    ObjectId id(const ObjectKey& key) const;
};

struct Cluster::State {
    State(Clock& clock_in, Random& random_in);

    Clock& clock;
    Random& random;
    KindTable kinds;
    Store store;
    std::map<std::string, std::vector<Admission>> admissions;
    std::string service_prefix = "127.96";
    std::uint32_t service_addresses_given = 0;

    Answer<Target> resolve(const Resource& resource) const;
    // The stored object in the version of the target.
    ObjectPtr view(const Target& target, const ObjectPtr& stored) const;
    View view_as(const Resource& resource) const;
    Answer<ObjectPtr> stored(const Target& target, const ObjectKey& key) const;

    // writes.cpp. `object` is in the target's version, `before` as it is stored.
    Answer<ObjectPtr> create(const Target& target, Json object, const WriteOptions& options);
    Answer<ObjectPtr> change(const Target& target,
                             const ObjectPtr& before,
                             Json object,
                             const WriteOptions& options);
    // Stores a changed object with a new resourceVersion and whatever follows from it.
    ObjectPtr commit(const Target& target, Json object, const ObjectPtr& before);
    // Takes an object away for good.
    void erase(const Target& target, const ObjectPtr& before);

    // deletion.cpp.
    Answer<ObjectPtr> remove(const Target& target,
                             const ObjectKey& key,
                             const DeleteOptions& options);
    // Nothing holds a deleted object any more: no finalizer and no grace period.
    bool may_go(const Target& target, const Json& object) const;

    std::string time_now() const;

   private:
    std::optional<Status> check_namespace(const Target& target, const ObjectKey& key) const;
    std::optional<Status> decode(const Target& target, Json& object, const WriteOptions& options);
    std::optional<Status> prepare(const Target& target, Json& object, const Json* before);
    std::optional<Status> name_object(const Target& target, Json& object);
    void give_addresses(Json& service);
    void follow_up(const Target& target, const ObjectPtr& object, const ObjectPtr& before);
};

// The Scale of an object, and an object with the replicas of a Scale.
Json scale_from(const Target& target, const Json& object);
Answer<Json> with_scale(const Target& target, Json object, const Json& scale);

}  // namespace sluice::lab
