// Istio's objects as the lab's API server takes them: which fields are kept, and what whoever
// writes them is warned of.
#include "base/async/virtual_clock.hpp"
#include "lab/mesh/install.hpp"
#include "unit/lab/mesh/objects.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

using namespace sluice;
using sluice::mesh::testing::objects;

namespace {

struct AMeshedCluster {
    boost::asio::io_context context;
    VirtualClock clock{context, parse_rfc3339("2026-01-25T20:00:00Z").value()};
    SeededRandom random{7};
    lab::Cluster cluster{clock, random};
    std::vector<std::string> warnings;

    AMeshedCluster() {
        cluster.deliver_by(
            [this](std::function<void()> work) { boost::asio::post(context, std::move(work)); });
        REQUIRE(mesh::install_mesh(cluster).has_value());
    }
    lab::Answer<lab::ObjectPtr> create(const kube::Resource& resource, const std::string& spec) {
        auto object = objects("metadata: {name: web, namespace: default}\nspec:\n" + spec).at(0);
        put(object, {"apiVersion"}, Json(resource.api_version()));
        put(object, {"kind"}, Json(resource.kind));
        return cluster.create(
            resource, std::move(object), {.strict_fields = true, .warnings = &warnings});
    }
    void keeps(const kube::Resource& resource, const std::string& spec) {
        const auto made = create(resource, spec);
        REQUIRE_MESSAGE(made.has_value(), (made ? "" : made.error().message));
        const auto wanted = objects("spec:\n" + spec).at(0);
        CHECK(canonical_text(*find(**made, {"spec"})) == canonical_text(*find(wanted, {"spec"})));
    }
};

}  // namespace

TEST_CASE("a VirtualService keeps every field that the mesh carries out") {
    AMeshedCluster lab;
    lab.keeps(kube::resources::virtual_services, R"(
  hosts: [web]
  http:
  - match: [{uri: {prefix: /a}}]
    redirect: {uri: /b, authority: c, port: 81, scheme: https, redirectCode: 302}
  - match: [{uri: {prefix: /b}}]
    directResponse: {status: 503, body: {string: x}}
  - match: [{uri: {prefix: /c}}]
    delegate: {name: a, namespace: b}
  - fault:
      delay: {fixedDelay: 1s, percentage: {value: 0.5}}
      abort: {httpStatus: 500, percentage: {value: 10}}
    mirrors: [{destination: {host: a, subset: b, port: {number: 80}}, percentage: {value: 12.5}}]
    corsPolicy:
      allowOrigins: [{exact: a}, {prefix: b}, {regex: c}]
      allowMethods: [GET]
      allowHeaders: [a]
      exposeHeaders: [b]
      maxAge: 1h
      allowCredentials: true
      unmatchedPreflights: IGNORE
    headers: {request: {set: {a: b}, add: {c: d}, remove: [e]}, response: {remove: [f]}}
    route: [{destination: {host: web}, weight: 100, headers: {request: {set: {a: b}}}}]
)");
    CHECK(lab.warnings.empty());
}

TEST_CASE("a DestinationRule keeps every field that the mesh carries out") {
    AMeshedCluster lab;
    lab.keeps(kube::resources::destination_rules, R"(
  host: web
  trafficPolicy:
    loadBalancer:
      consistentHash:
        httpCookie: {name: a, path: /, ttl: 1s, attributes: [{name: SameSite, value: Lax}]}
        ringHash: {minimumRingSize: 64}
    connectionPool:
      tcp: {maxConnections: 1, connectTimeout: 1s, tcpKeepalive: {probes: 1, time: 1s, interval: 1s}}
      http: {http1MaxPendingRequests: 1, http2MaxRequests: 2, maxRequestsPerConnection: 3, maxRetries: 4}
    outlierDetection:
      consecutive5xxErrors: 1
      consecutiveGatewayErrors: 2
      splitExternalLocalOriginErrors: true
      consecutiveLocalOriginFailures: 3
      interval: 1s
      baseEjectionTime: 2s
      maxEjectionPercent: 50
      minHealthPercent: 10
    portLevelSettings:
    - port: {number: 80}
      loadBalancer: {consistentHash: {httpHeaderName: a, maglev: {tableSize: 101}}}
      connectionPool: {tcp: {maxConnections: 7}}
      outlierDetection: {consecutive5xxErrors: 4}
  subsets:
  - name: v1
    labels: {version: v1}
    trafficPolicy: {loadBalancer: {consistentHash: {useSourceIp: true}}}
)");
    CHECK(lab.warnings.empty());
}

TEST_CASE("who writes what is hardly meant is warned, and it is kept all the same") {
    AMeshedCluster lab;
    const auto made = lab.create(kube::resources::virtual_services, R"(
  hosts: [web]
  http: [{mirror: {host: a}, mirrorPercent: 5, route: [{destination: {host: web}}]}]
)");
    CHECK(made.has_value());
    CHECK(lab.warnings ==
          std::vector<std::string>{"using deprecated setting \"mirrorPercent\", use "
                                   "\"mirrorPercentage\" instead"});
    lab.warnings.clear();
    CHECK_FALSE(lab.create(kube::resources::virtual_services,
                           "  hosts: [b]\n  http: [{mirrorPercent: 5}]\n")
                    .has_value());
    CHECK(lab.warnings.empty());
}
