// What the controller knows of the cluster: one cache per kind that it reads.
#pragma once

#include "delivery/canary/effects.hpp"
#include "kube/cache.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace sluice::controller {

struct CacheChoice {
    std::string ns;       // empty: all namespaces
    bool configs = true;  // ConfigMaps and Secrets (their metadata and checksums only)
    // Kinds that routers read and that must be there; others are opened when a Canary needs them.
    std::vector<kube::Resource> routes = {};
    // The cluster that holds the mesh's objects; null: the same one.
    kube::Client* mesh = nullptr;
    bool mesh_is_elsewhere = false;
};

// KEDA's; watched where a Canary names one.
extern const kube::Resource scaled_objects;

class Caches {
   public:
    // All outlive the caches.
    Caches(Executor executor,
           Clock& clock,
           Random& random,
           kube::Client& client,
           Logger& log,
           const CacheChoice& choice);

    kube::Cache canaries;
    kube::Cache deployments;
    kube::Cache services;
    kube::Cache scalers;    // found by the uid of their controller, as KEDA's
    kube::Cache revisions;  // found by the uid of their controller
    kube::Cache metric_templates;
    kube::Cache alert_providers;
    // Null when only one namespace is watched: a Role cannot list namespaces.
    std::unique_ptr<kube::Cache> namespaces;
    // Null when configs are not followed.
    std::unique_ptr<kube::Cache> config_maps;
    std::unique_ptr<kube::Cache> secrets;

    // The cache of a kind that only some Canaries need, made at the first call. It fills only when
    // the cluster serves the kind, so look whether it has.
    kube::Cache& open(const kube::Resource& kind);
    // Called for each cache that `open` makes: somebody has to run it.
    void on_open(std::function<void(kube::Cache& cache)> callback);

    // Who is asked for objects of that kind, and told of them.
    kube::Client& client_of(const kube::Resource& kind);
    // Whether they are in another cluster than the Canaries.
    bool is_elsewhere(const kube::Resource& kind) const;

    std::vector<kube::Cache*> all();
    std::vector<const kube::Cache*> all() const;
    kube::Cache& of(canary::Kind kind);
    // Null for a kind that is not cached.
    kube::Cache* of(const kube::Resource& resource);
    // Why the present knowledge may be old: the first cache that is out of contact. Those opened
    // for a Canary are that Canary's trouble only.
    std::optional<Error> trouble() const;
    std::size_t bytes() const;

   private:
    std::unique_ptr<kube::Cache> make(const kube::Resource& kind, kube::CacheOptions options);

    Executor executor_;
    Clock& clock_;
    Random& random_;
    kube::Client& client_;
    Logger& log_;
    CacheChoice choice_;
    std::map<kube::Resource, std::unique_ptr<kube::Cache>> routes_;
    std::function<void(kube::Cache&)> on_open_;
};

}  // namespace sluice::controller
