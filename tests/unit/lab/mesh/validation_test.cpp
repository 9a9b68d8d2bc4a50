#include "lab/mesh/validation.hpp"

#include "unit/lab/mesh/objects.hpp"

using namespace sluice;
using namespace sluice::mesh;
using sluice::mesh::testing::objects;

namespace {

using Faults = std::vector<std::string>;

Faults of_virtual_service(const std::string& spec) {
    return faults_of_virtual_service(objects("spec: {" + spec + "}").at(0));
}
Faults of_route(const std::string& route) {
    return of_virtual_service("hosts: [podinfo], http: [{" + route + "}]");
}
Faults of_rule(const std::string& spec) {
    return faults_of_destination_rule(objects("spec: {" + spec + "}").at(0));
}
Faults of_gateway(const std::string& spec) {
    return faults_of_gateway(objects("spec: {" + spec + "}").at(0));
}

const std::string to = "route: [{destination: {host: a}}]";

}  // namespace

TEST_CASE("what the article and its controller write is admitted") {
    CHECK(of_virtual_service(
              "hosts: ['*'], gateways: [public-gateway], http: [{match: [{uri: {prefix: /}}], "
              "rewrite: {uri: /}, timeout: 15s, retries: {attempts: 3, perTryTimeout: 1s, retryOn: "
              "'gateway-error,connect-failure,refused-stream'}, route: [{destination: {host: "
              "podinfo-primary}, weight: 100}, {destination: {host: podinfo-canary}, weight: 0}]}]")
              .empty());
    CHECK(of_rule("host: podinfo-primary, trafficPolicy: {tls: {mode: DISABLE}}").empty());
    CHECK(of_gateway("selector: {app: x}, servers: [{port: {number: 80, name: http, protocol: "
                     "HTTP}, hosts: ['*']}]")
              .empty());
    CHECK(of_virtual_service("hosts: [podinfo], http: [{" + to + "}]").empty());
}

TEST_CASE("a VirtualService is refused in Istio's words") {
    struct Case {
        Faults faults;
        std::string text;
    };
    const std::vector<Case> cases{
        {of_virtual_service("hosts: ['*'], http: [{" + to + "}]"),
         "wildcard host * is not allowed for virtual services bound to the mesh gateway"},
        {of_virtual_service("hosts: ['*'], gateways: [g, mesh], http: [{" + to + "}]"),
         "wildcard host * is not allowed for virtual services bound to the mesh gateway"},
        {of_virtual_service("hosts: [a, a], http: [{" + to + "}]"),
         "duplicate hosts in virtual service: a & a"},
        {of_virtual_service("hosts: ['*.b.com', a.b.com], http: [{" + to + "}]"),
         "duplicate hosts in virtual service: *.b.com & a.b.com"},
        {of_virtual_service("hosts: [a]"), "http, tcp or tls must be provided in virtual service"},
        {of_virtual_service("hosts: [a_b.c], http: [{" + to + "}]"),
         "domain name \"a_b.c\" invalid (label \"a_b\" invalid)"},
        {of_virtual_service("hosts: [a], gateways: ['x/'], http: [{" + to + "}]"),
         "config namespace and gateway name cannot be empty"},
        {of_virtual_service("hosts: [a], gateways: ['x_y/g'], http: [{" + to + "}]"),
         "invalid value for namespace: \"x_y\""},
        {of_virtual_service("hosts: [a], gateways: ['x/g_h'], http: [{" + to + "}]"),
         "invalid value for gateway name: \"g_h\""},
        {of_virtual_service("hosts: [a], exportTo: ['.', '.'], http: [{" + to + "}]"),
         "duplicate entries in exportTo for entry ."},
        {of_virtual_service("hosts: [a], exportTo: ['.', '*'], http: [{" + to + "}]"),
         "cannot have both public (*) and non-public exportTo values for a resource"},
        {of_route("name: x"), "HTTP route, redirect or direct_response is required"},
        {of_route("route: [{destination: {host: a}, weight: -1}, {destination: {host: b}, weight: "
                  "101}]"),
         "weight -1 < 0"},
        {of_route(
             "route: [{destination: {host: a}, weight: 0}, {destination: {host: b}, weight: 0}]"),
         "total destination weight = 0"},
        {of_route("route: [{weight: 1}]"), "destination is required"},
        {of_route("route: [{destination: {host: '*'}}]"), "invalid destination host *"},
        {of_route("route: [{destination: {host: a, subset: 'x y'}}]"),
         "subset name is invalid: x y"},
        {of_route("mirror: {host: a}, mirrors: [{destination: {host: b}}], " + to),
         "HTTP route cannot contain both mirror and mirrors"},
        {of_route("mirror: {host: a}, mirrorPercentage: {value: 100.5}, " + to),
         "mirror_percentage must have a max value of 100 (it has 100.500000)"},
        {of_route("mirror: {host: a}, mirrorPercentage: {value: -1}, " + to),
         "mirror_percentage must have a min value of 0 (it has -1.000000)"},
        {of_route("mirrors: [{destination: {host: a}, percentage: {value: 101}}], " + to),
         "mirror percentage must have a max value of 100 (it has 101.000000)"},
        {of_route("mirrors: [{percentage: {value: 1}}], " + to), "destination is required"},
        {of_route("mirror: {host: '*'}, " + to), "invalid destination host *"},
        {of_route("retries: {attempts: -1}, " + to), "attempts cannot be negative"},
        {of_route("retries: {attempts: 0, retryOn: 5xx}, " + to),
         "http retry policy configured when attempts are set to 0 (disabled)"},
        {of_route("retries: {attempts: 1, retryOn: '503, reset'}, " + to),
         "\" reset\" is not a valid retryOn policy"},
        {of_route("timeout: 100us, " + to), "duration must be greater than 1ms"},
        {of_route("timeout: 1100us, " + to), "only durations to ms precision are supported"},
        {of_route("rewrite: {uri: /, uriRegexRewrite: {match: a, rewrite: b}}, " + to),
         "rewrite may only contain one of URI or UriRegexRewrite"},
        {of_route("rewrite: {}, " + to),
         "rewrite must specify at least one of URI, UriRegexRewrite, or authority. Only one of URI "
         "or UriRegexRewrite may be specified"},
        {of_route("match: [{method: {prefix: ''}}], " + to),
         "\"method\": prefix string match should not be empty"},
        {of_route("match: [{uri: {regex: ''}}], " + to),
         "\"uri\": regex string match should not be empty"},
        {of_route("match: [{uri: {regex: '" + std::string(1025, 'a') + "'}}], " + to),
         "\"uri\": regex is too large, max length allowed is 1024"},
        {of_route("match: [{headers: {x: null}}], " + to), "header match x cannot be null"},
        {of_route("match: [{headers: {'x y': {exact: a}}}], " + to),
         "header name x y is not a valid header name"},
        {of_route("rewrite: {authority: a}, headers: {request: {set: {host: b}}}, " + to),
         "authority header cannot be set multiple times: have \"a\", attempting to set \"b\""},
        {of_route("headers: {response: {set: {host: b}}}, " + to),
         "invalid header \"host\": cannot set Host header"},
        {of_route("headers: {request: {set: {':path': b}}}, " + to),
         "invalid header \":path\": header cannot have \":\" prefix"},
    };
    for (const auto& each : cases) CHECK(each.faults == Faults{each.text});
}

TEST_CASE("what the lab does not carry out is refused by name") {
    for (const auto* field : {"redirect: {uri: /}",
                              "directResponse: {status: 200}",
                              "fault: {delay: {fixedDelay: 1s}}",
                              "corsPolicy: {}"}) {
        const std::string name(field, std::string_view(field).find(':'));
        CHECK(of_route(std::string(field) + ", " + to) ==
              Faults{"spec.http[0]." + name + ": " + name + " is not built yet"});
    }
    CHECK(of_route("delegate: {name: b}").front() ==
          "spec.http[0].delegate: delegate is not built yet");
    CHECK(of_virtual_service("hosts: [a], tcp: [{" + to + "}]") ==
          Faults{"spec.tcp: tcp is not built yet"});
    CHECK(of_virtual_service("http: [{" + to + "}]") ==
          Faults{"spec.hosts: a VirtualService without hosts (delegation) is not built yet"});
    for (const auto* field : {"connectionPool: {}", "outlierDetection: {}"}) {
        const std::string name(field, std::string_view(field).find(':'));
        CHECK(of_rule("host: a, trafficPolicy: {" + std::string(field) + "}") ==
              Faults{"spec.trafficPolicy." + name + ": " + name + " is not built yet"});
    }
    CHECK(of_rule("host: a, subsets: [{name: b, trafficPolicy: {loadBalancer: {consistentHash: "
                  "{useSourceIp: true}}}}]") ==
          Faults{"spec.subsets[0].trafficPolicy.loadBalancer.consistentHash: consistentHash is not "
                 "built yet"});
    CHECK(of_gateway("servers: [{port: {number: 9000, name: t, protocol: TCP}, hosts: ['*']}]") ==
          Faults{"spec.servers[0].port.protocol: TCP is not built yet"});
}

TEST_CASE("DestinationRules and Gateways are refused in Istio's words") {
    CHECK(of_rule("host: a, subsets: [{name: b}, {name: b}]") ==
          Faults{"duplicate subset names: b"});
    CHECK(of_rule("host: a, trafficPolicy: {}") ==
          Faults{"traffic policy must have at least one field"});
    CHECK(of_gateway("selector: {}") == Faults{"gateway must have at least one server"});
    CHECK(of_gateway("servers: [{port: {number: 80, name: h, protocol: HTTP}, hosts: []}]") ==
          Faults{"server config must contain at least one host"});
    CHECK(of_gateway("servers: [{hosts: ['*']}]") == Faults{"port is required"});
    CHECK(of_gateway("servers: [{port: {number: 80, protocol: HTTP}, hosts: ['*']}]") ==
          Faults{"port name must be set: 80"});
    CHECK(of_gateway("servers: [{port: {number: 80, name: h, protocol: HTTP}, hosts: ['*']}, "
                     "{port: {number: 81, name: h, protocol: HTTP}, hosts: ['*']}]") ==
          Faults{"port names in servers must be unique: duplicate name h"});
    CHECK(of_gateway("servers: [{port: {number: 80, name: h, protocol: UDP}, hosts: ['*']}]") ==
          Faults{"invalid protocol \"UDP\", supported protocols are HTTP, HTTP2, GRPC, GRPC-WEB, "
                 "MONGO, REDIS, MYSQL, TCP"});
    CHECK(of_gateway("servers: [{port: {number: 443, name: h, protocol: HTTPS}, hosts: ['*']}]")
              .front() == "server must have TLS settings for HTTPS/TLS protocols");
    CHECK(of_gateway("servers: [{port: {number: 80, name: h, protocol: HTTP}, tls: {mode: SIMPLE}, "
                     "hosts: ['*']}]")
              .front() == "server cannot have TLS settings for plain text HTTP ports");
}

TEST_CASE("one fault stands for itself, and several make a list") {
    CHECK(denial({"a"}) ==
          "admission webhook \"rev.validation.istio.io\" denied the request: configuration is "
          "invalid: a");
    CHECK(denial({"a", "b"}) ==
          "admission webhook \"rev.validation.istio.io\" denied the request: configuration is "
          "invalid: 2 errors occurred:\n\t* a\n\t* b\n\n");
}
