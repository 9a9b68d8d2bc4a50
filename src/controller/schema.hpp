// What the cluster's Canary CRD keeps of what we write.
#pragma once

#include "base/core/json.hpp"

#include <string>

namespace sluice::controller {

inline const std::string canary_definition = "canaries.flagger.app";

// Where the status fields that are ours alone survive a restart (state.hpp).
enum class StateHome {
    status,      // our CRD, or one that prunes nothing
    annotation,  // the peer's
};

// `unsupported` when the definition has no schema of v1beta1.
Result<StateHome> state_home(const Json& definition);

}  // namespace sluice::controller
