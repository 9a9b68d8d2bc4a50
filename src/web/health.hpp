// How healthy a workload is: by its pods, by its requests and by its release, the worst of them;
// and of which release it is a part. Pure.
#pragma once

#include "base/core/json.hpp"
#include "web/edges.hpp"
#include "web/release.hpp"
#include "web/sidecars.hpp"

#include <boost/json/object.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::web {

struct Health {
    std::string status = "unknown";  // failure, degraded, notReady, healthy or unknown
    std::vector<std::string> reasons;

    // Better than it is changes nothing; a reason is told all the same.
    void worsen(std::string_view to, std::string reason);
    JsonObject json() const;
};

struct Replicas {
    std::int64_t ready = 0;
    std::int64_t desired = 0;

    JsonObject json() const { return {{"ready", ready}, {"desired", desired}}; }
};
Replicas replicas_of(const Json& workload);
void judge_replicas(Health& health, const Replicas& replicas);

// Pods without the sidecar that they should have are outside the mesh.
void judge_sidecars(Health& health, const Sidecars& sidecars);

// Kiali's rules: by the share of failed and refused requests; a release's own limits come first.
struct RequestHealth {
    std::string status;  // failure, degraded, healthy or unknown
    std::string reason;
};
// Tries came to nothing, whether or not their callers saw a failure.
bool loses_tries(const EdgeRates& rates);
RequestHealth health_of_requests(const EdgeRates& rates);

// What a workload is to its release.
struct Role {
    const Release* release = nullptr;
    std::string_view role;
    double weight = 0;
    std::string version = {};  // empty: not known
};
// Of one way in: by its requests, and for a canary by its release's own limits too. The picture and
// the lists judge by this, so that one state has one word. `role` may be null.
Health health_of_way(const EdgeRates& rates, const Role* role);
// By the workload's id.
std::map<std::string, Role> roles_of(const std::vector<const Release*>& releases);
JsonObject role_json(const Role& role, std::string_view version);
// The canary of a failing release fails, whatever its own requests say.
void judge_release(Health& health, const Role& role);

}  // namespace sluice::web
