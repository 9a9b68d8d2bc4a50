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

TEST_CASE("what excludes each other in a route is refused") {
    const std::string redirect = "redirect: {uri: /}", direct = "directResponse: {status: 200}";
    CHECK(of_route(redirect + ", " + to) ==
          Faults{"HTTP route cannot contain both route and redirect"});
    CHECK(of_route(redirect + ", fault: {abort: {httpStatus: 500}}") ==
          Faults{"HTTP route cannot contain both fault and redirect"});
    CHECK(of_route(redirect + ", rewrite: {uri: /}") ==
          Faults{"HTTP route rule cannot contain both rewrite and redirect"});
    CHECK(of_route(direct + ", " + to) ==
          Faults{"HTTP route cannot contain both route and direct_response"});
    CHECK(of_route(redirect).empty());
    CHECK(of_route(direct).empty());
    CHECK(
        of_route("corsPolicy: {allowOrigins: [{exact: 'https://a'}], maxAge: 1h}, " + to).empty());
}

TEST_CASE("a root hands on, and a delegate does not") {
    CHECK(of_route("name: a, delegate: {name: b}, " + to) ==
          Faults{"root HTTP route a must not specify route"});
    CHECK(of_route("name: a, delegate: {name: b}, redirect: {uri: /}") ==
          Faults{"root HTTP route a must not specify redirect"});
    CHECK(of_route("delegate: {name: b}, timeout: 1s").empty());
    CHECK(of_virtual_service("http: [{" + to + "}]").empty());
    CHECK(of_virtual_service("http: [{delegate: {name: b}}]") ==
          Faults{"delegate HTTP route cannot contain delegate"});
    CHECK(of_virtual_service("gateways: [g], http: [{" + to + "}]") ==
          Faults{"delegate virtual service must have no gateways specified"});
    CHECK(of_virtual_service("http: [{" + to + "}], tcp: [{" + to + "}]").front() ==
          "delegate virtual service must have no tcp route specified");
    CHECK(of_virtual_service("http: [{" + to + "}], tls: [{match: [{sniHosts: [a]}], " + to + "}]")
              .front() == "delegate virtual service must have no tls route specified");
}

TEST_CASE("redirects, direct responses and faults are refused in Istio's words") {
    const auto redirect = [](const std::string& fields) {
        return of_route("redirect: {" + fields + "}");
    };
    CHECK(redirect("redirectCode: 302") ==
          Faults{"redirect must specify URI, authority, scheme, or port"});
    CHECK(redirect("uri: /, redirectCode: 200") ==
          Faults{"200 is not a valid redirect code, must be 3xx"});
    CHECK(redirect("scheme: ftp") ==
          Faults{"invalid redirect scheme, must be \"http\" or \"https\""});
    CHECK(redirect("uri: /, prefixRewrite: /") ==
          Faults{"redirect may only specify one of uri or prefix_rewrite"});
    CHECK(redirect("port: 81").empty());
    CHECK(redirect("derivePort: FROM_REQUEST_PORT").empty());
    CHECK(of_route("directResponse: {status: 600}") ==
          Faults{"HTTP status 600 is not in range 200-599"});
    const auto fault = [](const std::string& fields) {
        return of_route("fault: {" + fields + "}, " + to);
    };
    CHECK(fault("") == Faults{"HTTP fault injection must have an abort and/or a delay"});
    CHECK(fault("abort: {httpStatus: 100}") == Faults{"HTTP status 100 is not in range 200-599"});
    CHECK(fault("abort: {httpStatus: 500, percentage: {value: 100.5}}") ==
          Faults{"percentage 100.5 is neither 0.0, nor in range [0.0001, 100.0]"});
    CHECK(fault("delay: {fixedDelay: 1s, percentage: {value: 0.00001}}") ==
          Faults{"percentage 1e-05 is neither 0.0, nor in range [0.0001, 100.0]"});
    CHECK(fault("delay: {fixedDelay: 1us}") == Faults{"duration must be greater than 1ms"});
    CHECK(fault("delay: {fixedDelay: 1s, percentage: {value: 0}}").empty());
}

TEST_CASE("connections are refused in Istio's words") {
    CHECK(of_virtual_service("hosts: [a], tcp: [{}]") == Faults{"TCP route is required"});
    CHECK(of_virtual_service("hosts: [a], tcp: [{match: [{port: 1}], " + to + "}]").empty());
    CHECK(of_virtual_service("hosts: [a], tls: [{match: [{sniHosts: [a]}], " + to + "}]").empty());
    const auto tls = [](const std::string& route) {
        return of_virtual_service("hosts: [a.com, '*.b.com'], tls: [{" + route + "}]").front();
    };
    CHECK(tls("match: [{sniHosts: [a.com]}]") == "TLS route is required");
    CHECK(tls(to) == "TLS route must have at least one match condition");
    CHECK(tls("match: [{port: 1}], " + to) == "TLS match must have at least one SNI host");
    CHECK(tls("match: [{sniHosts: [c.com]}], " + to) ==
          "SNI host \"c.com\" is not a compatible subset of any of the virtual service hosts: "
          "[a.com *.b.com]");
    CHECK(of_virtual_service("hosts: [a], tcp: [{route: [{destination: {host: a}, weight: -1}]}]")
              .front() == "weight -1 < 0");
}

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

TEST_CASE("a traffic policy is refused in Istio's words") {
    const auto policy = [](const std::string& fields) {
        return of_rule("host: a, trafficPolicy: {" + fields + "}");
    };
    CHECK(policy("connectionPool: {}") == Faults{"connection pool must have at least one field"});
    CHECK(policy("connectionPool: {tcp: {maxConnections: -1}}") ==
          Faults{"max connections must be non-negative"});
    CHECK(policy("loadBalancer: {consistentHash: {httpCookie: {ttl: 1s}}}") ==
          Faults{"name required for HttpCookie"});
    CHECK(policy("loadBalancer: {consistentHash: {useSourceIp: true, maglev: {tableSize: 100}}}") ==
          Faults{"tableSize must be a prime number for maglev"});
    CHECK(policy("loadBalancer: {consistentHash: {httpCookie: {name: a, ttl: 0s}, maglev: "
                 "{tableSize: 101}}}")
              .empty());
    CHECK(policy("outlierDetection: {consecutiveLocalOriginFailures: 3}") ==
          Faults{"outlier detection consecutive local origin failures is specified, but split "
                 "external local origin errors is set to false"});
    CHECK(policy("outlierDetection: {}").empty());
    CHECK(policy("portLevelSettings: [{port: {number: 80}, connectionPool: {}}]") ==
          Faults{"connection pool must have at least one field"});
}

TEST_CASE("what is hardly meant is admitted with a warning") {
    const auto of_routes = [](const std::string& routes) {
        return warnings_of_virtual_service(
            objects("spec: {hosts: [a], http: [" + routes + "]}").at(0));
    };
    const auto route = [&](const std::string& fields) { return "{" + fields + to + "}"; };
    CHECK(of_routes(route("mirror: {host: a}, mirrorPercent: 5, ")) ==
          Faults{"using deprecated setting \"mirrorPercent\", use \"mirrorPercentage\" instead"});
    CHECK(of_routes(route("fault: {abort: {percentage: {value: 5}}}, ")) ==
          Faults{"abort configured, but error type not set"});
    CHECK(of_routes(route("fault: {abort: {httpStatus: 500}}, ")).empty());
    CHECK(
        warnings_of_virtual_service(
            objects("metadata: {namespace: x}\nspec: {hosts: [a], gateways: [g.prod, y/g, g]}")
                .at(0)) ==
        Faults{"using legacy gatewayName format \"g.prod\"; prefer the <namespace>/<name> format: "
               "\"prod/g\""});
    const auto rule_of = [](const std::string& policy) {
        return warnings_of_destination_rule(
            objects("spec: {host: a, trafficPolicy: {" + policy + "}}").at(0));
    };
    CHECK(rule_of("outlierDetection: {consecutiveErrors: 3}") ==
          Faults{"outlier detection consecutive errors is deprecated, use consecutiveGatewayErrors "
                 "or consecutive5xxErrors instead"});
    CHECK(rule_of("outlierDetection: {consecutive5xxErrors: 3}").empty());
    const auto gateway_of = [](const std::string& protocol) {
        return warnings_of_gateway(objects("spec: {servers: [{port: {protocol: " + protocol +
                                           "}, tls: {httpsRedirect: true}}]}")
                                       .at(0));
    };
    CHECK(gateway_of("TCP") == Faults{"tls.httpsRedirect should only be used with http servers"});
    CHECK(gateway_of("HTTP").empty());
}

TEST_CASE("a rule that no request can reach is warned of, by its name or its place") {
    const auto of_routes = [](const std::string& routes) {
        return warnings_of_virtual_service(
            objects("spec: {hosts: [a], http: [" + routes + "]}").at(0));
    };
    const std::string a = "match: [{uri: {prefix: /a}}]";
    CHECK(of_routes("{" + to + "}, {name: late, " + a + "}, {}") ==
          Faults{"virtualService rule #0 not used (only the last rule can have no matches)",
                 "virtualService rule \"late\" not used (route without matches defined before)",
                 "virtualService rule #2 not used (route without matches defined before)"});
    CHECK(
        of_routes("{name: first, " + a +
                  "}, {match: [{name: again, uri: {prefix: /a}}, {uri: "
                  "{prefix: /b}}]}, {" +
                  to + "}") ==
        Faults{"virtualService rule #1 match \"again\" is not used (duplicate/overlapping match in "
               "rule \"first\")"});
    CHECK(of_routes("{" + a + "}, {match: [{uri: {exact: /a/b}, method: {exact: GET}}]}") ==
          Faults{"virtualService rule #1 match #0 is not used (duplicate/overlapping match in rule "
                 "#0)",
                 "virtualService rule #1 not used (all matches used by prior rules)"});
    CHECK(of_routes("{" + a + "}, {match: [{uri: {prefix: /b}}]}, {" + to + "}").empty());
    CHECK(of_routes("{match: [{uri: {prefix: /a}, method: {exact: GET}}]}, {" + a + "}").empty());
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
