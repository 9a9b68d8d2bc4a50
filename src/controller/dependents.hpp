// Which Canaries an object concerns: its change wakes them.
#pragma once

#include "kube/resource.hpp"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sluice::controller {

// "deployments" and its key.
struct Concern {
    std::string plural;
    kube::ObjectKey key;

    auto operator<=>(const Concern&) const = default;
};

class Dependents {
   public:
    // From now on these concern the Canary, and nothing else does.
    void set(const kube::ObjectKey& canary, std::vector<Concern> concerns);
    void erase(const kube::ObjectKey& canary);

    // In order.
    std::vector<kube::ObjectKey> of(const Concern& object) const;
    std::vector<Concern> concerns(const kube::ObjectKey& canary) const;

   private:
    std::map<Concern, std::set<kube::ObjectKey>> canaries_of_;
    std::map<kube::ObjectKey, std::vector<Concern>> concerns_of_;
};

}  // namespace sluice::controller
