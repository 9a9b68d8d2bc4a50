// What the lab leaves out of Istio's objects is refused by the field.
#include "lab/mesh/unbuilt.hpp"

#include "unit/lab/mesh/objects.hpp"

using namespace sluice;
using namespace sluice::mesh;
using sluice::mesh::testing::objects;

namespace {

using Faults = std::vector<std::string>;

Faults of_rule(const std::string& spec) {
    return unbuilt_in_destination_rule(objects("spec: {" + spec + "}").at(0));
}
Faults of_gateway(const std::string& spec) {
    return unbuilt_in_gateway(objects("spec: {" + spec + "}").at(0));
}

}  // namespace

TEST_CASE("what the lab does not carry out is refused by name") {
    const auto policy = [](const std::string& fields) {
        return of_rule("host: a, trafficPolicy: {" + fields + "}");
    };
    CHECK(policy("loadBalancer: {warmup: {duration: 1s}}") ==
          Faults{"spec.trafficPolicy.loadBalancer.warmup: warmup is not built yet"});
    CHECK(
        policy("loadBalancer: {localityLbSetting: {enabled: true}}") ==
        Faults{"spec.trafficPolicy.loadBalancer.localityLbSetting: localityLbSetting is not built "
               "yet"});
    CHECK(
        policy("connectionPool: {http: {idleTimeout: 1s}}") ==
        Faults{"spec.trafficPolicy.connectionPool.http.idleTimeout: idleTimeout is not built yet"});
    CHECK(policy("tunnel: {}") == Faults{"spec.trafficPolicy.tunnel: tunnel is not built yet"});
    CHECK(of_rule("host: a, workloadSelector: {}") ==
          Faults{"spec.workloadSelector: workloadSelector is not built yet"});
    CHECK(of_rule("host: a, subsets: [{name: b, trafficPolicy: {connectionPool: {tcp: "
                  "{maxConnectionDuration: 1s}}}}]") ==
          Faults{"spec.subsets[0].trafficPolicy.connectionPool.tcp.maxConnectionDuration: "
                 "maxConnectionDuration is not built yet"});
    const auto server = [](const std::string& protocol, const std::string& more = "") {
        return of_gateway("servers: [{port: {number: 9000, name: t, protocol: " + protocol +
                          "}, hosts: ['*']" + more + "}]");
    };
    CHECK(server("HTTPS", ", tls: {mode: SIMPLE}") ==
          Faults{"spec.servers[0].tls: tls is not built yet",
                 "spec.servers[0].port.protocol: HTTPS is not built yet"});
    CHECK(server("MONGO") == Faults{"spec.servers[0].port.protocol: MONGO is not built yet"});
    CHECK(server("TCP").empty());
    CHECK(server("TLS", ", tls: {mode: PASSTHROUGH}").empty());
}

TEST_CASE("a connection's source subnet is refused by its place") {
    const auto of_connections = [](const std::string& match) {
        return unbuilt_in_virtual_service(
            objects("spec: {tcp: [{match: [{port: 1}, {" + match + "}]}]}").at(0));
    };
    CHECK(of_connections("sourceSubnet: 10.0.0.0/8") ==
          Faults{"spec.tcp[0].match[1].sourceSubnet: sourceSubnet is not built yet"});
    CHECK(of_connections("destinationSubnets: [10.0.0.0/8]").empty());
}
