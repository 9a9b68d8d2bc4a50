// The Gateway API: one HTTPRoute per Canary, in version v1 or v1beta1.
//
// Ours are the parents, the host names and the rules that have primary or canary as a backend.
// Foreign rules, filters of kinds that we do not write, and keys that we do not know stay. What an
// API server fills in is no difference.
#pragma once

#include "routing/gateway_fields.hpp"
#include "routing/router.hpp"

namespace sluice::routing {

class GatewayRouter final : public Router {
   public:
    explicit GatewayRouter(GatewayVersion version) : version_(version) {}

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

   private:
    ObjectName name_of(const Json& canary) const;
    std::vector<PlannedRoute> plan_of(const Json& canary, Shares shares) const;
    Result<void> put_rules(Json& object, const Json& canary, Shares shares) const;
    Result<Json> desired(const Json& live, const Json& canary, Shares shares) const;

    GatewayVersion version_;
};

}  // namespace sluice::routing
