// NGINX: an Ingress `<ingressRef.name>-canary` beside the user's own, which is never changed. It
// has the same rules with the canary as backend, and annotations say how much, or who, it gets.
#pragma once

#include "routing/router.hpp"

#include <string>

namespace sluice::routing {

class NginxRouter final : public Router {
   public:
    // The prefix of its annotations: "nginx.ingress.kubernetes.io".
    explicit NginxRouter(std::string prefix) : prefix_(std::move(prefix)) {}

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
    std::string key(std::string_view end) const;
    Result<JsonObject> by_match(const Json& canary) const;
    Result<void> put_split(Json& object, const Json& canary, Shares shares) const;
    Json fresh_copy(const Json& source, const Json& canary) const;

    std::string prefix_;
};

}  // namespace sluice::routing
