// Whether the cluster's Canary CRD keeps what we write.
#pragma once

#include "base/core/json.hpp"

#include <string>

namespace sluice::controller {

inline const std::string canary_definition = "canaries.flagger.app";

// `unsupported` names the first status field that the API server would drop: without it a restart
// would lose a rollback or a drain.
Result<void> check_canary_definition(const Json& definition);

}  // namespace sluice::controller
