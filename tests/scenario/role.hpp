// The ClusterRole that `sluice install` prints, asked the way a cluster's authorizer asks it, so
// that a request without a row is found here and not on somebody's cluster.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace sluice::scenario {

class Role {
   public:
    // From YAML documents; throws unless exactly one ClusterRole is among them.
    explicit Role(std::string_view manifests);

    // What is forbidden ("patch apps/deployments"), or nothing where a row allows the request.
    // Discovery and the version are everybody's.
    std::optional<std::string> refusal(std::string_view method, std::string_view target);

    // Every row that was missing so far.
    const std::set<std::string>& refused() const { return refused_; }
    // Rows no request has needed, as "delete autoscaling/horizontalpodautoscalers".
    std::set<std::string> unused() const;

   private:
    std::map<std::string, bool> rows_;  // whether it was needed
    std::set<std::string> refused_;
};

}  // namespace sluice::scenario
