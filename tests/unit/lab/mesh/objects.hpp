// Objects of a small mesh, written as YAML, for the tests of this folder.
#pragma once

#include "base/core/text.hpp"
#include "kube/yaml.hpp"
#include "lab/mesh/table_builder.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

namespace sluice::mesh::testing {

inline std::vector<Json> objects(std::string_view yaml) {
    auto parsed = kube::parse_yaml_documents(yaml);
    REQUIRE_MESSAGE(parsed.has_value(), (parsed ? "" : parsed.error().message));
    return *parsed;
}

// Puts every object into the builder, by its kind.
inline void add(TableBuilder& builder, std::string_view yaml) {
    for (const auto& object : objects(yaml)) {
        const auto kind = text_at(object, {"kind"});
        const auto key = kube::key_of(object);
        if (kind == "VirtualService")
            builder.virtual_service(key, &object);
        else if (kind == "DestinationRule")
            builder.destination_rule(key, &object);
        else if (kind == "Gateway")
            builder.gateway(key, &object);
        else if (kind == "IstioMeshGateway")
            builder.mesh_gateway(key, &object);
        else if (kind == "Service")
            builder.service(key, &object);
        else if (kind == "EndpointSlice")
            builder.endpoint_slice(key, &object);
        else if (kind == "Pod")
            builder.pod(key, &object);
        else
            FAIL("a kind that tables do not know");
    }
}

struct PodSpec {
    std::string ns = "test";
    std::string workload;
    std::string address;
    std::string version = "1";
    bool ready = true;
    bool sidecar = true;
    std::uint16_t port = 9898;
};

// A Service on port 9898 with a slice for each of these pods, and the pods.
inline std::string service(const std::string& ns,
                           const std::string& name,
                           const std::vector<PodSpec>& pods,
                           const std::string& cluster_ip = "None") {
    std::string yaml = fmt::format(R"(---
kind: Service
metadata: {{name: {1}, namespace: {0}}}
spec: {{clusterIP: {2}, ports: [{{name: http, port: 9898}}]}}
)",
                                   ns,
                                   name,
                                   cluster_ip);
    for (const auto& pod : pods) {
        yaml += fmt::format(R"(---
kind: EndpointSlice
metadata: {{name: {1}-{5}-{6}, namespace: {0}, labels: {{kubernetes.io/service-name: {1}}}}}
ports: [{{name: http, port: {6}}}]
endpoints: [{{addresses: [{5}], conditions: {{ready: {4}}}, targetRef: {{kind: Pod, name: {2}-{5}-{6}}}}}]
---
kind: Pod
metadata:
  name: {2}-{5}-{6}
  namespace: {0}
  labels: {{app: {2}, version: "{3}", pod-template-hash: "77f"}}
  annotations: {{{7}}}
  ownerReferences: [{{kind: ReplicaSet, name: {2}-77f, controller: true}}]
)",
                            ns,
                            name,
                            pod.workload,
                            pod.version,
                            pod.ready,
                            pod.address,
                            pod.port,
                            pod.sidecar ? "sidecar.istio.io/status: '{}'" : "");
    }
    return yaml;
}

inline const std::string article_gateway = R"(---
kind: IstioMeshGateway
metadata: {name: test-imgw, namespace: test}
spec:
  deployment: {podMetadata: {labels: {app: test-imgw-app, istio: ingressgateway}}}
  istioControlPlane: {name: cp-v112x, namespace: istio-system}
  service: {type: LoadBalancer, ports: [{name: http, port: 80, protocol: TCP, targetPort: 8080}]}
  type: ingress
---
kind: Gateway
metadata: {name: public-gateway, namespace: test}
spec:
  selector: {app: test-imgw-app, gateway-name: test-imgw, gateway-type: ingress, istio.io/rev: cp-v112x.istio-system}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]
)";

}  // namespace sluice::mesh::testing
