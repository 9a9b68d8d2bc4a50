// Provider `kubernetes`: no mesh, so nothing splits traffic. The apex Service selects the primary's
// pods and nothing is written here; a release is blue/green.
#pragma once

#include "routing/router.hpp"

namespace sluice::routing {

class NoMeshRouter final : public Router {
   public:
    std::vector<kube::Resource> kinds() const override;
    Capabilities capabilities(const Json& canary) const override;
    std::vector<ObjectName> objects(const Json& canary) const override;
    Result<RoutesSeen> read(const Json& canary, const LiveObjects& live) const override;
    Result<std::vector<ObjectWrite>> ensure(const Json& canary,
                                            const LiveObjects& live,
                                            Shares shares) const override;
    Result<ObjectWrite> route(const Json& canary,
                              const LiveObjects& live,
                              Shares shares) const override;
    Result<std::vector<ObjectWrite>> revert(const Json& canary,
                                            const LiveObjects& live) const override;
};

}  // namespace sluice::routing
