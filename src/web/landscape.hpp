// What the lists and the graph read of the cluster's objects, kept parsed as far as they read it,
// for all who look. An object is read when somebody looks and it has changed.
#pragma once

#include "web/known.hpp"
#include "web/routes.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <vector>

namespace sluice::web {

// Whoever holds one may give way to others meanwhile.
using Objects = std::vector<std::shared_ptr<const Json>>;

class Landscape {
   public:
    void forget();
    void note_change(const kube::Resource& resource, const kube::ObjectKey& key);
    // Reads at most so many of what came, changed or went; says whether more is left.
    bool read_some(const Known& known, std::size_t objects_max);

    // As far as it was read, in the order of namespace and name. An empty namespace means all.
    Objects list(const kube::Resource& resource, std::string_view ns = {}) const;
    // Null when there is none.
    std::shared_ptr<const Json> find(const kube::Resource& resource,
                                     const kube::ObjectKey& key) const;
    std::vector<kube::ObjectKey> keys(const kube::Resource& resource) const;
    const Routes& routes() const { return routes_; }

   private:
    using Kind = std::map<kube::ObjectKey, std::shared_ptr<const Json>>;
    void read(const Known& known, const kube::Resource& resource, const kube::ObjectKey& key);

    bool is_begun_ = false;
    std::map<kube::Resource, std::set<kube::ObjectKey>> due_;
    std::map<kube::Resource, Kind> kinds_;
    Routes routes_;
};

}  // namespace sluice::web
