// Faults on purpose: a share of the requests is held up, or answered with an error without being
// asked of anybody.
#pragma once

#include "base/core/json.hpp"
#include "base/core/time.hpp"

#include <memory>
#include <optional>

namespace sluice::mesh {

struct FaultInjection {
    double delay_share = 0;  // of 1
    Duration delay{};
    double abort_share = 0;
    int status = 503;
    // For a gRPC request, and for a plain one `status` says the same.
    std::optional<int> grpc_status;
};

// A percentage that is absent means never.
std::shared_ptr<const FaultInjection> parse_fault(const Json& json);

}  // namespace sluice::mesh
