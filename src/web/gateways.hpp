// Gateways with their addresses, ports, hosts and traffic. Pure.
#pragma once

#include "web/edges.hpp"
#include "web/landscape.hpp"

#include <boost/json/object.hpp>

#include <string>
#include <vector>

namespace sluice::web {

struct GatewayParts {
    Objects mesh_gateways, gateways, deployments, services, virtual_services;
    const EdgesTable& edges;
};
// In the order of namespace and name, which `key` holds: "test/test-imgw".
struct GatewayShown {
    std::string ns, key;
    JsonObject json;
};
std::vector<GatewayShown> gateways_of(const GatewayParts& parts);

}  // namespace sluice::web
