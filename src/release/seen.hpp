// What a Canary says of itself, whoever runs the controller: for the commands and the dashboard.
#pragma once

#include "api/canary.hpp"
#include "delivery/canary/outlook.hpp"
#include "kube/client.hpp"

#include <boost/json/value.hpp>

namespace sluice::release {

struct CanarySeen {
    Json object;  // with the whole status, also on a cluster with the peer's CRD
    api::Canary canary;
    canary::Surroundings around;  // as far as the provider tells
};
// Where the workload that serves the users of a Canary is found.
struct PrimaryName {
    kube::Resource kind;
    kube::ObjectKey key;
};
PrimaryName primary_of(const Json& canary);
// What `object` says of itself; `primary` is null when it is not known.
CanarySeen seen_of(Json object, const Json* primary = nullptr);
Task<Result<CanarySeen>> read_canary(kube::Client& client, kube::ObjectKey key);

}  // namespace sluice::release
