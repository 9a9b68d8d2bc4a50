// Istio: two DestinationRules and one VirtualService per Canary.
//
// The live objects stay JSON documents. Ours are the hosts, the gateways and the routes that name
// primary or canary; foreign routes, and keys that we do not know inside our own routes, stay as
// they are.
#pragma once

#include "routing/router.hpp"

namespace sluice::routing {

class IstioRouter final : public Router {
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
