// Gateways with their addresses, ports, hosts and traffic. Pure.
#pragma once

#include "net/certificate.hpp"
#include "web/edges.hpp"
#include "web/landscape.hpp"

#include <boost/json/object.hpp>

#include <map>
#include <set>
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

// The ids of those workloads that are gateways: an IstioMeshGateway has their name, or a Gateway
// selects their pods.
struct GatewaySigns {
    Objects mesh_gateways, gateways;
};
std::set<std::string> gateway_ids(const Objects& workloads, const GatewaySigns& signs);

// What findings are about that concern one: "VirtualService test/podinfo". Its own objects, the
// Gateways that select it and the VirtualServices bound to those.
std::map<std::string, std::string> objects_about(const GatewayShown& gateway);
// The Secrets that its servers take their certificates from, where its pods look for them, with the
// hosts that each is for; as many as are read for one page.
struct CertificateNamed {
    kube::ObjectKey secret;
    std::set<std::string> hosts;
};
std::vector<CertificateNamed> certificates_of(const GatewayShown& gateway);
// As the page shows one, with nothing of the Secret but what its certificate says.
JsonObject certificate_json(const CertificateNamed& named, const Result<net::Certificate>& read);
// `tls.crt`, or `cert` as Istio has it too.
Result<net::Certificate> certificate_in(const Json& secret);

}  // namespace sluice::web
