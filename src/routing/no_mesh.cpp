#include "routing/no_mesh.hpp"

#include <boost/json.hpp>

namespace sluice::routing {

std::vector<kube::Resource> NoMeshRouter::kinds() const {
    return {};
}

Capabilities NoMeshRouter::capabilities(const Json& /*canary*/) const {
    return {.weights = false, .primary_apart = false};
}

std::vector<ObjectName> NoMeshRouter::objects(const Json& /*canary*/) const {
    return {};
}

Result<RoutesSeen> NoMeshRouter::read(const Json& /*canary*/, const LiveObjects& /*live*/) const {
    return RoutesSeen{};
}

Result<std::vector<ObjectWrite>> NoMeshRouter::ensure(const Json& /*canary*/,
                                                      const LiveObjects& /*live*/,
                                                      Shares /*shares*/) const {
    return std::vector<ObjectWrite>{};
}

Result<ObjectWrite> NoMeshRouter::route(const Json& /*canary*/,
                                        const LiveObjects& /*live*/,
                                        Shares /*shares*/) const {
    return ObjectWrite{.verb = WriteVerb::patch, .body = JsonObject{}};
}

Result<std::vector<ObjectWrite>> NoMeshRouter::revert(const Json& /*canary*/,
                                                      const LiveObjects& /*live*/) const {
    return std::vector<ObjectWrite>{};
}

}  // namespace sluice::routing
