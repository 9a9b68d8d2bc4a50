// Which VirtualServices and DestinationRules lead to which Service, kept up object by object.
#pragma once

#include "base/core/json.hpp"
#include "kube/resource.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace sluice::web {

class Routes {
   public:
    // An object is another one than before; null: there is none. VirtualServices, DestinationRules
    // and Canaries count.
    void note(const kube::Resource& resource,
              const kube::ObjectKey& key,
              const Json* before,
              const Json* now);

    // Those that name it or lead to it; of the mesh's own also those whose wildcard covers it; and
    // of a release's apex, which needs not be among the hosts of the route that sends its traffic
    // to primary and canary, that route.
    std::set<kube::ObjectKey> virtual_services_of(const kube::ObjectKey& service) const;
    std::set<kube::ObjectKey> destination_rules_of(const kube::ObjectKey& service) const;

   private:
    using Links = std::map<kube::ObjectKey, std::multiset<kube::ObjectKey>>;
    Links virtual_services_, destination_rules_;  // by Service
    Links sides_;  // of each apex: its releases' primary and canary Services
    std::map<kube::ObjectKey, std::vector<std::string>> wildcards_;  // of VirtualServices
};

}  // namespace sluice::web
