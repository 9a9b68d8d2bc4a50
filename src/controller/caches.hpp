// What the controller knows of the cluster: one cache per kind that it reads.
#pragma once

#include "delivery/canary/effects.hpp"
#include "kube/cache.hpp"

#include <memory>
#include <string>
#include <vector>

namespace sluice::controller {

struct CacheChoice {
    std::string ns;       // empty: all namespaces
    bool configs = true;  // ConfigMaps and Secrets (their metadata only)
};

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
    kube::Cache scalers;
    kube::Cache revisions;  // found by the uid of their controller
    kube::Cache virtual_services;
    kube::Cache destination_rules;
    kube::Cache alert_providers;
    // Null when only one namespace is watched: a Role cannot list namespaces.
    std::unique_ptr<kube::Cache> namespaces;
    // Null when configs are not followed.
    std::unique_ptr<kube::Cache> config_maps;
    std::unique_ptr<kube::Cache> secrets;

    std::vector<kube::Cache*> all();
    std::vector<const kube::Cache*> all() const;
    kube::Cache& of(canary::Kind kind);
    // Null for a kind that is not cached.
    kube::Cache* of(const kube::Resource& resource);
    // Why the present knowledge may be old: the first cache that is out of contact.
    std::optional<Error> trouble() const;
    std::size_t bytes() const;
};

}  // namespace sluice::controller
