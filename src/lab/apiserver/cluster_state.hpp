// What a Cluster is made of. The public verbs stand in cluster.cpp; how an object comes in, changes
// and goes stands in decoding.cpp, writes.cpp, commits.cpp and deletion.cpp.
#pragma once

#include "lab/apiserver/cluster.hpp"
#include "lab/apiserver/garbage.hpp"
#include "lab/apiserver/managed_fields.hpp"
#include "lab/apiserver/statuses.hpp"
#include "lab/apiserver/store.hpp"

#include <map>

namespace sluice::lab {

// A kind in the version in which somebody asked for it.
struct Target {
    const Kind* kind = nullptr;
    const KindVersion* version = nullptr;
    Resource resource;

    // Null for kinds that are kept without being known.
    const SchemaNode* schema() const;
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
    // In the version of storage; nothing for a kind that is no longer served.
    std::optional<Target> target_of(std::string_view qualified) const;
    // The stored object in the version of the target.
    ObjectPtr view(const Target& target, const ObjectPtr& stored) const;
    View view_as(const Resource& resource) const;
    Answer<ObjectPtr> stored(const Target& target, const ObjectKey& key) const;

    // writes.cpp. `object` is in the target's version, `before` as it is stored. `applied_by` and
    // `managed` come from server-side apply, which knows by itself who owns what.
    Answer<ObjectPtr> create(const Target& target,
                             Json object,
                             const WriteOptions& options,
                             const FieldOwner* applied_by = nullptr);
    Answer<ObjectPtr> change(const Target& target,
                             const ObjectPtr& before,
                             Json object,
                             const WriteOptions& options,
                             const ManagedFields* managed = nullptr);
    // decoding.cpp. From the body of a request to the form in which the kind is stored, and the
    // part of it that only looks: unknown fields are told or refused, and go.
    std::optional<Status> decode(const Target& target, Json& object, const WriteOptions& options);
    std::optional<Status> check_fields(const Target& target,
                                       Json& object,
                                       const WriteOptions& options);
    // commits.cpp. Stores a changed object with a new resourceVersion and whatever follows from it.
    ObjectPtr commit(const Target& target, Json object, const ObjectPtr& before);
    // Takes an object away for good; `last` is how it was seen last.
    void erase(const Target& target, Json last, const ObjectPtr& before);

    // deletion.cpp.
    Answer<ObjectPtr> remove(const Target& target,
                             const ObjectKey& key,
                             const DeleteOptions& options);
    // Nothing holds a deleted object any more: no finalizer and no grace period.
    bool may_go(const Target& target, const Json& object) const;

    void remove_by_garbage_collection(const ObjectId& id,
                                      const ObjectPtr& object,
                                      bool in_foreground);
    void replace_by_garbage_collection(const ObjectId& id, const ObjectPtr& before, Json after);
    void tell_namespace_remains(const ObjectPtr& ns,
                                const std::string& contents,
                                const std::string& finalizers);

    std::string time_now() const;

   private:
    std::optional<Status> check_namespace(const Target& target, const ObjectKey& key) const;
    // What an admission only warns of goes into `warnings`, when somebody wants to know.
    std::optional<Status> prepare(const Target& target,
                                  Json& object,
                                  const Json* before,
                                  std::vector<std::string>* warnings);
    std::optional<Status> name_object(const Target& target, Json& object);
    void give_addresses(Json& service);
    void follow_up(const Target& target, const ObjectPtr& object, const ObjectPtr& before);
    void serve(const ObjectPtr& crd);
    void settle_definition(Json& crd) const;
    // A definition that is being deleted takes no new objects.
    std::optional<Status> check_definition(const Target& target) const;
    void record_owners(const Target& target,
                       Json& object,
                       const Json& before,
                       const WriteOptions& options,
                       const ManagedFields* managed) const;
    void forget_old_events();

    struct EventSeen {
        Time when;
        ObjectId id;
        std::string resource_version;
    };
    std::deque<EventSeen> events_seen_;
    GarbageCollector garbage_{*this};
};

// The Scale of an object, and an object with the replicas of a Scale.
Json scale_from(const Target& target, const Json& object);
Answer<Json> with_scale(const Target& target, Json object, const Json& scale);

}  // namespace sluice::lab
