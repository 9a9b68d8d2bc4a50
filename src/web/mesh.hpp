// The mesh in numbers: control planes, proxies, mTLS. Pure.
#pragma once

#include "web/landscape.hpp"
#include "web/overview.hpp"
#include "web/prometheus.hpp"
#include "web/sidecars.hpp"

#include <boost/json/object.hpp>

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace sluice::web {

// Read when somebody looks at the mesh.
extern const kube::Resource peer_authentications;

struct MeshParts {
    std::vector<Json> control_planes;  // IstioControlPlanes
    Objects deployments;               // istiod is found among them
    std::vector<Json> webhooks;        // MutatingWebhookConfigurations
    std::vector<Json> policies;        // PeerAuthentications
    Objects namespaces;
    const std::map<std::string, Sidecars>& sidecars;
    std::vector<std::string>
        istio_versions;       // of networking.istio.io that are served; preferred first
    std::string mirror_host;  // a lab's own word; empty elsewhere
    const PrometheusHealth& prometheus;
    ApiServerHealth api_server;
    std::vector<Known::CacheState> caches;
    std::vector<Problem> problems;
    // What this reader may not see is left out.
    std::function<bool(const std::string& ns)> sees;
};
JsonObject mesh_json(const MeshParts& parts);

}  // namespace sluice::web
