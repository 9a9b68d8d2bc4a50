// The objects of the lab's cluster and the verbs on them, with everything that an API server adds
// (names, defaults, generations, validation, pruning, subresources, finalizers, watches), but
// without HTTP. api_server.hpp puts HTTP in front; the workload controllers and the mesh work on
// this directly, on the control thread.
#pragma once

#include "base/async/clock.hpp"
#include "base/async/random.hpp"
#include "base/core/json.hpp"
#include "kube/resource.hpp"
#include "lab/apiserver/kinds.hpp"
#include "lab/apiserver/selectors.hpp"

#include <boost/json/value.hpp>

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::lab {

using kube::ObjectKey;
using kube::Resource;

// A refusal as Kubernetes words it (kubernetes.md A.5): the metav1.Status that a client receives.
struct Status {
    int code = 500;
    std::string reason;  // "NotFound", "Conflict", "Invalid" …
    std::string message;
    Json details = nullptr;  // name, group, kind, causes, retryAfterSeconds

    Json to_json() const;
};

template <typename T>
using Answer = std::expected<T, Status>;

// Objects are shared and never change; a write makes a new one.
using ObjectPtr = std::shared_ptr<const Json>;

// finalize is of namespaces only: it writes spec.finalizers.
enum class Subresource { none, status, scale, finalize };
enum class PatchKind { merge, json, strategic };

struct WriteOptions {
    Subresource subresource = Subresource::none;
    // Who is recorded in managedFields; nobody when empty, which keeps the lab's many own objects
    // small.
    std::string field_manager = {};
    bool dry_run = false;
    bool strict_fields = false;  // fieldValidation=Strict: an unknown field is a 400
    // fieldValidation=Warn: where texts like `unknown field "spec.foo"` go. Null for Ignore.
    std::vector<std::string>* warnings = nullptr;
};

struct ApplyOptions {
    std::string manager;
    bool force = false;
    Subresource subresource = Subresource::none;
    bool dry_run = false;
    bool strict_fields = false;
    std::vector<std::string>* warnings = nullptr;
};

struct Applied {
    ObjectPtr object;
    bool created = false;
};

struct ListOptions {
    LabelSelector labels = {};
    FieldSelector fields = {};
    std::int64_t limit = 0;  // 0: all
    std::string continue_token = {};
};

struct Listing {
    std::vector<ObjectPtr> items;
    std::int64_t revision = 0;        // the list's own resourceVersion
    std::string continue_token = {};  // not empty: there is more
    std::int64_t remaining = 0;
};

struct DeleteOptions {
    std::optional<std::int64_t> grace_seconds = std::nullopt;
    std::string propagation = "Background";  // Foreground, Orphan
    std::string uid = {};                    // preconditions; empty: none
    std::string resource_version = {};
    bool dry_run = false;
};

enum class ChangeKind { added, modified, deleted };
struct Change {
    ChangeKind kind;
    ObjectPtr object;  // for deleted: the last state, with a resourceVersion of its own
    ObjectPtr before;  // null for added
    std::int64_t revision = 0;
};

// Ends the subscription when it goes.
class Subscription {
   public:
    Subscription() = default;
    explicit Subscription(std::function<void()> end) : end_(std::move(end)) {}
    Subscription(Subscription&& other) noexcept : end_(std::exchange(other.end_, nullptr)) {}
    Subscription& operator=(Subscription&& other) noexcept {
        if (this != &other) {
            if (end_) end_();
            end_ = std::exchange(other.end_, nullptr);
        }
        return *this;
    }
    ~Subscription() {
        if (end_) end_();
    }

   private:
    std::function<void()> end_;
};

// Looks at an object before it is stored and may change it or refuse it. `before` is null at
// creation.
using Admission = std::function<std::optional<Status>(Json& object, const Json* before)>;

class Cluster {
   public:
    // Both outlive the cluster. Starts with the built-in kinds and namespaces default, kube-system,
    // kube-public, kube-node-lease, istio-system and smm-system.
    Cluster(Clock& clock, Random& random);
    Cluster(const Cluster&) = delete;
    Cluster& operator=(const Cluster&) = delete;
    ~Cluster();

    // Any served version of a kind names the same objects; `Resource::version` decides the
    // apiVersion of the answer.
    Answer<ObjectPtr> get(const Resource& resource, const ObjectKey& key) const;
    // Null when there is none: for controllers, to which that is no error.
    ObjectPtr find(const Resource& resource, const ObjectKey& key) const;
    // In the order of namespace and name. An empty namespace means all.
    std::vector<ObjectPtr> list(const Resource& resource, std::string_view ns = {}) const;
    // The same with selectors and pages. A page goes on behind the last name of the one before.
    Answer<Listing> select(const Resource& resource,
                           std::string_view ns,
                           const ListOptions& options) const;
    // The Scale of an object; 404 where the kind has none.
    Answer<ObjectPtr> scale_of(const Resource& resource, const ObjectKey& key) const;

    Answer<ObjectPtr> create(const Resource& resource,
                             Json object,
                             const WriteOptions& options = {});
    // With metadata.resourceVersion a stale one is a 409; without one unconditional, but a 422 for
    // custom kinds. With Subresource::scale the object is a Scale.
    Answer<ObjectPtr> update(const Resource& resource,
                             Json object,
                             const WriteOptions& options = {});
    Answer<ObjectPtr> patch(const Resource& resource,
                            const ObjectKey& key,
                            PatchKind kind,
                            const Json& patch,
                            const WriteOptions& options = {});
    // Server-side apply. `body` is what the manager wants, whole; creates when there is none.
    Answer<Applied> apply(const Resource& resource,
                          const ObjectKey& key,
                          Json body,
                          const ApplyOptions& options);
    // The object as it was, or as it is now when finalizers or a grace period keep it.
    Answer<ObjectPtr> remove(const Resource& resource,
                             const ObjectKey& key,
                             const DeleteOptions& options = {});
    // Each object that is selected, as by `remove`. Answers what was selected.
    Answer<Listing> remove_all(const Resource& resource,
                               std::string_view ns,
                               const ListOptions& selection,
                               const DeleteOptions& options = {});

    // Calls back after each committed change of that kind, in the order of the changes and never
    // from inside the write (posted to the control thread's queue by `deliver`). First comes an
    // `added` for each object that exists.
    Subscription watch(const Resource& resource, std::function<void(const Change&)> callback);
    // The same from a resourceVersion on: first what changed since, then live. 410 Expired when the
    // log (the last changes of that kind, at least 1 000) does not reach back so far, 504 when
    // `revision` is in the future.
    Answer<Subscription> watch_from(const Resource& resource,
                                    std::int64_t revision,
                                    std::function<void(const Change&)> callback);
    // Who runs callbacks later: asio::post on the control thread. Must be set before the first
    // watch.
    void deliver_by(std::function<void(std::function<void()>)> post);

    // Runs after defaulting and before schema validation, in the order of registration.
    void admit(const Resource& resource, Admission admission);

    // The first two numbers of the addresses that Services get: "127.96" (the lab's first block).
    void give_service_addresses_from(std::string prefix);

    // What is served now: built-in kinds and established CRDs.
    const KindTable& kinds() const;

    // The newest resourceVersion.
    std::int64_t revision() const;

    Clock& clock() const;
    Random& random() const;

    struct State;

   private:
    std::unique_ptr<State> state_;
    friend class ApiServer;
};

}  // namespace sluice::lab
