// Istio's admission webhook: each of its rules with an object that breaks it, and the same object
// mended.
#include "istio/validation.hpp"

#include "kube/yaml.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace sluice;
using namespace sluice::istio;

namespace {

using Lines = std::vector<std::string>;

Json object(const std::string& spec) {
    const auto parsed = kube::parse_yaml_documents("metadata: {namespace: x}\nspec: " + spec);
    REQUIRE_MESSAGE(parsed.has_value(), spec);
    return parsed->at(0);
}

// "http[0].timeout: duration must be greater than 1ms"; of `spec` itself only the text.
Lines lines_of(const std::vector<Fault>& faults) {
    Lines lines;
    for (const auto& [field, text] : faults) {
        REQUIRE(field.starts_with("spec"));
        lines.push_back(field == "spec" ? text : field.substr(5) + ": " + text);
    }
    return lines;
}

using Check = std::vector<Fault> (*)(const Json&);

struct Rule {
    std::string text;  // with the field
    std::string broken;
    std::string mended;
};

void hold(Check check, const std::string& form, const std::vector<Rule>& rules) {
    for (const auto& rule : rules) {
        CAPTURE(rule.text);
        const auto at = form.find('%');
        const auto spec_of = [&](const std::string& part) {
            return form.substr(0, at) + part + form.substr(at + 1);
        };
        CHECK(lines_of(check(object(spec_of(rule.broken)))) == Lines{rule.text});
        CHECK(lines_of(check(object(spec_of(rule.mended)))) == Lines{});
    }
}

const std::string to_a = "route: [{destination: {host: a}}]";
// Where % is one http route, without its braces.
const std::string route_form = "{hosts: [a], http: [{%}]}";

}  // namespace

TEST_CASE("what the article and its controller write is admitted") {
    CHECK(faults_of_virtual_service(
              object("{hosts: ['*'], gateways: [public-gateway], http: [{match: [{uri: {prefix: "
                     "/}}], rewrite: {uri: /}, timeout: 15s, retries: {attempts: 3, perTryTimeout: "
                     "1s, retryOn: 'gateway-error,connect-failure,refused-stream'}, route: "
                     "[{destination: {host: podinfo-primary}, weight: 100}, {destination: {host: "
                     "podinfo-canary}, weight: 0}]}]}"))
              .empty());
    CHECK(faults_of_destination_rule(
              object("{host: podinfo-primary, trafficPolicy: {tls: {mode: DISABLE}}}"))
              .empty());
    CHECK(faults_of_gateway(object("{selector: {app: x}, servers: [{port: {number: 80, name: "
                                   "http, protocol: HTTP}, hosts: ['*']}]}"))
              .empty());
}

TEST_CASE("hosts, gateways and namespaces of a VirtualService are checked") {
    hold(
        faults_of_virtual_service,
        "{%}",
        {{"hosts[0]: wildcard host * is not allowed for virtual services bound to the mesh gateway",
          "hosts: ['*'], http: [{" + to_a + "}]",
          "hosts: ['*'], gateways: [g], http: [{" + to_a + "}]"},
         {"hosts[0]: wildcard host * is not allowed for virtual services bound to the mesh gateway",
          "hosts: ['*'], gateways: [g, mesh], http: [{" + to_a + "}]",
          "hosts: ['*.a'], gateways: [g, mesh], http: [{" + to_a + "}]"},
         {"hosts[1]: duplicate hosts in virtual service: a & a",
          "hosts: [a, a], http: [{" + to_a + "}]",
          "hosts: [a, b], http: [{" + to_a + "}]"},
         {"hosts[1]: duplicate hosts in virtual service: *.b.com & a.b.com",
          "hosts: ['*.b.com', a.b.com], http: [{" + to_a + "}]",
          "hosts: ['*.b.com', a.c.com], http: [{" + to_a + "}]"},
         {"http, tcp or tls must be provided in virtual service",
          "hosts: [a]",
          "hosts: [a], tcp: [{" + to_a + "}]"},
         {"hosts[0]: domain name \"a_b.c\" invalid (label \"a_b\" invalid)",
          "hosts: [a_b.c], http: [{" + to_a + "}]",
          "hosts: [a-b.c], http: [{" + to_a + "}]"},
         {"gateways[0]: config namespace and gateway name cannot be empty",
          "hosts: [a], gateways: ['x/'], http: [{" + to_a + "}]",
          "hosts: [a], gateways: ['x/g'], http: [{" + to_a + "}]"},
         {"gateways[1]: invalid value for namespace: \"x_y\"",
          "hosts: [a], gateways: [g, 'x_y/g'], http: [{" + to_a + "}]",
          "hosts: [a], gateways: [g, './g'], http: [{" + to_a + "}]"},
         {"gateways[0]: invalid value for gateway name: \"g_h\"",
          "hosts: [a], gateways: ['x/g_h'], http: [{" + to_a + "}]",
          "hosts: [a], gateways: ['x/g-h'], http: [{" + to_a + "}]"},
         {"http[0].match[0].gateways[0]: invalid value for gateway name: \"g_h\"",
          "hosts: [a], http: [{match: [{gateways: [g_h]}], " + to_a + "}]",
          "hosts: [a], http: [{match: [{gateways: [g]}], " + to_a + "}]"},
         {"exportTo[1]: duplicate entries in exportTo for entry .",
          "hosts: [a], exportTo: ['.', '.'], http: [{" + to_a + "}]",
          "hosts: [a], exportTo: ['.', b], http: [{" + to_a + "}]"},
         {"exportTo: cannot have both public (*) and non-public exportTo values for a resource",
          "hosts: [a], exportTo: ['.', '*'], http: [{" + to_a + "}]",
          "hosts: [a], exportTo: ['*'], http: [{" + to_a + "}]"}});
}

TEST_CASE("destinations and mirrors are checked") {
    hold(
        faults_of_virtual_service,
        route_form,
        {{"http[0].route[0].weight: weight -1 < 0",
          "route: [{destination: {host: a}, weight: -1}, {destination: {host: b}, weight: 101}]",
          "route: [{destination: {host: a}, weight: 1}, {destination: {host: b}, weight: 1}]"},
         {"http[0].route: total destination weight = 0",
          "route: [{destination: {host: a}, weight: 0}, {destination: {host: b}, weight: 0}]",
          "route: [{destination: {host: a}, weight: 0}]"},
         {"http[0].route[1]: weight may not be nil",
          "route: [{destination: {host: a}, weight: 1}, null]",
          "route: [{destination: {host: a}, weight: 1}]"},
         {"http[0].route[0].destination: destination is required", "route: [{weight: 1}]", to_a},
         {"http[0].route[0].destination.host: invalid destination host *",
          "route: [{destination: {host: '*'}}]",
          to_a},
         {"http[0].route[0].destination.host: domain name \"a_\" invalid (label \"a_\" invalid)",
          "route: [{destination: {host: a_}}]",
          to_a},
         {"http[0].route[0].destination.subset: subset name is invalid: x y",
          "route: [{destination: {host: a, subset: 'x y'}}]",
          "route: [{destination: {host: a, subset: x-y}}]"},
         {"http[0].mirrors: HTTP route cannot contain both mirror and mirrors",
          "mirror: {host: a}, mirrors: [{destination: {host: b}}], " + to_a,
          "mirrors: [{destination: {host: b}}], " + to_a},
         {"http[0].mirrorPercentage.value: mirror_percentage must have a max value of 100 (it has "
          "100.500000)",
          "mirror: {host: a}, mirrorPercentage: {value: 100.5}, " + to_a,
          "mirror: {host: a}, mirrorPercentage: {value: 100}, " + to_a},
         {"http[0].mirrorPercentage.value: mirror_percentage must have a min value of 0 (it has "
          "-1.000000)",
          "mirror: {host: a}, mirrorPercentage: {value: -1}, " + to_a,
          "mirror: {host: a}, mirrorPercentage: {value: 0}, " + to_a},
         {"http[0].mirrors[0].percentage.value: mirror percentage must have a max value of 100 (it "
          "has 101.000000)",
          "mirrors: [{destination: {host: a}, percentage: {value: 101}}], " + to_a,
          "mirrors: [{destination: {host: a}, percentage: {value: 1}}], " + to_a},
         {"http[0].mirrors[0].destination: destination is required",
          "mirrors: [{percentage: {value: 1}}], " + to_a,
          "mirrors: [{destination: {host: a}}], " + to_a},
         {"http[0].mirror.host: invalid destination host *",
          "mirror: {host: '*'}, " + to_a,
          "mirror: {host: b}, " + to_a}});
}

TEST_CASE("retries, durations, rewrites and headers are checked") {
    hold(faults_of_virtual_service,
         route_form,
         {{"http[0].retries.attempts: attempts cannot be negative",
           "retries: {attempts: -1}, " + to_a,
           "retries: {attempts: 0}, " + to_a},
          {"http[0].retries: http retry policy configured when attempts are set to 0 (disabled)",
           "retries: {attempts: 0, retryOn: 5xx}, " + to_a,
           "retries: {attempts: 1, retryOn: 5xx}, " + to_a},
          {"http[0].retries.retryOn: \" reset\" is not a valid retryOn policy",
           "retries: {attempts: 1, retryOn: '503, reset'}, " + to_a,
           "retries: {attempts: 1, retryOn: '503,reset'}, " + to_a},
          {"http[0].timeout: duration must be greater than 1ms",
           "timeout: 100us, " + to_a,
           "timeout: 1ms, " + to_a},
          {"http[0].retries.perTryTimeout: only durations to ms precision are supported",
           "retries: {attempts: 1, perTryTimeout: 1100us}, " + to_a,
           "retries: {attempts: 1, perTryTimeout: 1s}, " + to_a},
          {"http[0].timeout: cannot decode configuration: bad Duration: time: invalid duration "
           "\"soon\"",
           "timeout: soon, " + to_a,
           "timeout: 1m, " + to_a},
          {"http[0].corsPolicy.maxAge: duration must be greater than 1ms",
           "corsPolicy: {maxAge: 1us}, " + to_a,
           "corsPolicy: {allowOrigins: [{exact: 'https://a'}], maxAge: 1h}, " + to_a},
          {"http[0].rewrite: rewrite may only contain one of URI or UriRegexRewrite",
           "rewrite: {uri: /, uriRegexRewrite: {match: a, rewrite: b}}, " + to_a,
           "rewrite: {uriRegexRewrite: {match: a, rewrite: b}}, " + to_a},
          {"http[0].rewrite: rewrite must specify at least one of URI, UriRegexRewrite, or "
           "authority. Only one of URI or UriRegexRewrite may be specified",
           "rewrite: {}, " + to_a,
           "rewrite: {authority: b}, " + to_a},
          {"http[0].headers.request.set.host: authority header cannot be set multiple times: have "
           "\"a\", attempting to set \"b\"",
           "rewrite: {authority: a}, headers: {request: {set: {host: b}}}, " + to_a,
           "headers: {request: {set: {host: b}}}, " + to_a},
          {"http[0].headers.response.set.host: invalid header \"host\": cannot set Host header",
           "headers: {response: {set: {host: b}}}, " + to_a,
           "headers: {response: {set: {x-host: b}}}, " + to_a},
          {"http[0].headers.request.set.:path: invalid header \":path\": header cannot have \":\" "
           "prefix",
           "headers: {request: {set: {':path': b}}}, " + to_a,
           "headers: {request: {set: {path: b}}}, " + to_a}});
}

TEST_CASE("what a request is matched by is checked") {
    const auto with = [](const std::string& match) {
        return "match: [{uri: {prefix: /}}, {" + match + "}], " + to_a;
    };
    hold(faults_of_virtual_service,
         route_form,
         {{"http[0].match[1].uri.regex: \"uri\": regex string match should not be empty",
           with("uri: {regex: ''}"),
           with("uri: {prefix: ''}")},
          {"http[0].match[1].uri.regex: \"uri\": regex is too large, max length allowed is 1024",
           with("uri: {regex: '" + std::string(1025, 'a') + "'}"),
           with("uri: {regex: '" + std::string(1024, 'a') + "'}")},
          {"http[0].match[1].headers.x: header match x cannot be null",
           with("headers: {x: null}"),
           with("headers: {x: {}}")},
          {"http[0].match[1].headers.x y: header name x y is not a valid header name",
           with("headers: {'x y': {exact: a}}"),
           with("headers: {x-y: {exact: a}}")}});
    for (const std::string where : {"scheme", "method", "authority"}) {
        hold(faults_of_virtual_service,
             route_form,
             {{"http[0].match[1]." + where + ".prefix: \"" + where +
                   "\": prefix string match should not be empty",
               with(where + ": {prefix: ''}"),
               with(where + ": {prefix: a}")}});
    }
    for (const std::string where : {"headers", "withoutHeaders", "queryParams"}) {
        hold(faults_of_virtual_service,
             route_form,
             {{"http[0].match[1]." + where + ".x.regex: \"" + where +
                   "\": regex string match should not be empty",
               with(where + ": {x: {regex: ''}}"),
               with(where + ": {x: {regex: a}}")}});
    }
}

TEST_CASE("what excludes each other in a route is refused") {
    const std::string redirect = "redirect: {uri: /}", direct = "directResponse: {status: 200}";
    hold(faults_of_virtual_service,
         route_form,
         {{"http[0]: HTTP route, redirect or direct_response is required", "name: x", to_a},
          {"http[0].redirect: HTTP route cannot contain both route and redirect",
           redirect + ", " + to_a,
           redirect},
          {"http[0].fault: HTTP route cannot contain both fault and redirect",
           redirect + ", fault: {abort: {httpStatus: 500}}",
           to_a + ", fault: {abort: {httpStatus: 500}}"},
          {"http[0].rewrite: HTTP route rule cannot contain both rewrite and redirect",
           redirect + ", rewrite: {uri: /}",
           to_a + ", rewrite: {uri: /}"},
          {"http[0].directResponse: HTTP route cannot contain both route and direct_response",
           direct + ", " + to_a,
           direct}});
}

TEST_CASE("a root hands on, and a delegate does not") {
    hold(faults_of_virtual_service,
         "{%}",
         {{"http[0].route: root HTTP route a must not specify route",
           "hosts: [a], http: [{name: a, delegate: {name: b}, " + to_a + "}]",
           "hosts: [a], http: [{name: a, delegate: {name: b}, timeout: 1s}]"},
          {"http[0].redirect: root HTTP route a must not specify redirect",
           "hosts: [a], http: [{name: a, delegate: {name: b}, redirect: {uri: /}}]",
           "hosts: [a], http: [{name: a, redirect: {uri: /}}]"},
          {"http[0].delegate: delegate HTTP route cannot contain delegate",
           "http: [{delegate: {name: b}}]",
           "http: [{" + to_a + "}]"},
          {"gateways: delegate virtual service must have no gateways specified",
           "gateways: [g], http: [{" + to_a + "}]",
           "hosts: [a], gateways: [g], http: [{" + to_a + "}]"},
          {"tcp: delegate virtual service must have no tcp route specified",
           "http: [{" + to_a + "}], tcp: [{" + to_a + "}]",
           "hosts: [a], http: [{" + to_a + "}], tcp: [{" + to_a + "}]"}});
    const auto tls = lines_of(
        faults_of_virtual_service(object("{tls: [{match: [{sniHosts: [a]}], " + to_a + "}]}")));
    REQUIRE_FALSE(tls.empty());
    CHECK(tls.front() == "tls: delegate virtual service must have no tls route specified");
}

TEST_CASE("redirects, direct responses and faults are checked") {
    hold(faults_of_virtual_service,
         "{hosts: [a], http: [{redirect: {%}}]}",
         {{"http[0].redirect: redirect must specify URI, authority, scheme, or port",
           "redirectCode: 302",
           "redirectCode: 302, port: 81"},
          {"http[0].redirect.redirectCode: 200 is not a valid redirect code, must be 3xx",
           "uri: /, redirectCode: 200",
           "uri: /, redirectCode: 301"},
          {"http[0].redirect.scheme: invalid redirect scheme, must be \"http\" or \"https\"",
           "scheme: ftp",
           "scheme: https"},
          {"http[0].redirect: redirect may only specify one of uri or prefix_rewrite",
           "uri: /, prefixRewrite: /",
           "derivePort: FROM_REQUEST_PORT, prefixRewrite: /"}});
    hold(faults_of_virtual_service,
         route_form,
         {{"http[0].directResponse.status: HTTP status 600 is not in range 200-599",
           "directResponse: {status: 600}",
           "directResponse: {status: 599}"}});
    hold(faults_of_virtual_service,
         "{hosts: [a], http: [{fault: {%}, " + to_a + "}]}",
         {{"http[0].fault: HTTP fault injection must have an abort and/or a delay",
           "",
           "delay: {fixedDelay: 1s, percentage: {value: 0}}"},
          {"http[0].fault.abort.httpStatus: HTTP status 100 is not in range 200-599",
           "abort: {httpStatus: 100}",
           "abort: {httpStatus: 200}"},
          {"http[0].fault.abort.percentage.value: percentage 100.5 is neither 0.0, nor in range "
           "[0.0001, 100.0]",
           "abort: {httpStatus: 500, percentage: {value: 100.5}}",
           "abort: {httpStatus: 500, percentage: {value: 100}}"},
          {"http[0].fault.delay.percentage.value: percentage 1e-05 is neither 0.0, nor in range "
           "[0.0001, 100.0]",
           "delay: {fixedDelay: 1s, percentage: {value: 0.00001}}",
           "delay: {fixedDelay: 1s, percentage: {value: 0.0001}}"},
          {"http[0].fault.abort.grpcStatus: gRPC status \"SAD\" is not supported",
           "abort: {grpcStatus: SAD}",
           "abort: {grpcStatus: UNAVAILABLE}"},
          {"http[0].fault.delay.fixedDelay: duration must be greater than 1ms",
           "delay: {fixedDelay: 1us}",
           "delay: {fixedDelay: 1ms}"}});
}

TEST_CASE("connections are checked") {
    const std::string sni = "match: [{sniHosts: [a.com]}], ";
    hold(faults_of_virtual_service,
         "{hosts: [a.com, '*.b.com'], %}",
         {{"tcp[0]: TCP route is required", "tcp: [{}]", "tcp: [{" + to_a + "}]"},
          {"tcp[0].route[0].weight: weight -1 < 0",
           "tcp: [{route: [{destination: {host: a}, weight: -1}]}]",
           "tcp: [{match: [{port: 1}], " + to_a + "}]"},
          {"tls[0]: TLS route is required",
           "tls: [{match: [{sniHosts: [a.com]}]}]",
           "tls: [{" + sni + to_a + "}]"},
          {"tls[0]: TLS route must have at least one match condition",
           "tls: [{" + to_a + "}]",
           "tls: [{" + sni + to_a + "}]"},
          {"tls[0].match[0]: TLS match must have at least one SNI host",
           "tls: [{match: [{port: 1}], " + to_a + "}]",
           "tls: [{match: [{port: 1, sniHosts: [x.b.com]}], " + to_a + "}]"},
          {"tls[0].match[0].sniHosts[0]: SNI host \"c.com\" is not a compatible subset of any of "
           "the virtual service hosts: [a.com *.b.com]",
           "tls: [{match: [{sniHosts: [c.com]}], " + to_a + "}]",
           "tls: [{match: [{sniHosts: [c.b.com]}], " + to_a + "}]"}});
}

TEST_CASE("DestinationRules are checked") {
    hold(faults_of_destination_rule,
         "{host: a, %}",
         {{"subsets[1].name: duplicate subset names: b",
           "subsets: [{name: b}, {name: b}]",
           "subsets: [{name: b}, {name: c}]"},
          {"subsets[0].name: subset name is invalid: b c",
           "subsets: [{name: b c}]",
           "subsets: [{name: b-c}]"},
          {"exportTo: cannot have both public (*) and non-public exportTo values for a resource",
           "exportTo: ['*', b]",
           "exportTo: [b]"},
          {"trafficPolicy: traffic policy must have at least one field",
           "trafficPolicy: {}",
           "trafficPolicy: {tls: {mode: DISABLE}}"},
          {"subsets[0].trafficPolicy.connectionPool: connection pool must have at least one field",
           "subsets: [{name: b, trafficPolicy: {connectionPool: {}}}]",
           "subsets: [{name: b, trafficPolicy: {connectionPool: {tcp: {}}}}]"}});
    hold(faults_of_destination_rule,
         "{%}",
         {{"host: domain name \"a_b\" invalid (label \"a_b\" invalid)", "host: a_b", "host: a-b"}});
    hold(faults_of_destination_rule,
         "{host: a, trafficPolicy: {%}}",
         {{"trafficPolicy.connectionPool.tcp.maxConnections: max connections must be non-negative",
           "connectionPool: {tcp: {maxConnections: -1}}",
           "connectionPool: {tcp: {maxConnections: 0}}"},
          {"trafficPolicy.connectionPool.http.maxRetries: max retries must be non-negative",
           "connectionPool: {http: {maxRetries: -1}}",
           "connectionPool: {http: {maxRetries: 1}}"},
          {"trafficPolicy.connectionPool.tcp.idleTimeout: duration must be greater than 1ms",
           "connectionPool: {tcp: {idleTimeout: 1us}}",
           "connectionPool: {tcp: {idleTimeout: 1h}}"},
          {"trafficPolicy.loadBalancer.consistentHash.httpCookie: name required for HttpCookie",
           "loadBalancer: {consistentHash: {httpCookie: {ttl: 1s}}}",
           "loadBalancer: {consistentHash: {httpCookie: {name: a, ttl: 0s}}}"},
          {"trafficPolicy.loadBalancer.consistentHash.maglev.tableSize: tableSize must be a prime "
           "number for maglev",
           "loadBalancer: {consistentHash: {useSourceIp: true, maglev: {tableSize: 100}}}",
           "loadBalancer: {consistentHash: {useSourceIp: true, maglev: {tableSize: 101}}}"},
          {"trafficPolicy.outlierDetection.consecutiveLocalOriginFailures: outlier detection "
           "consecutive local origin failures is specified, but split external local origin errors "
           "is set to false",
           "outlierDetection: {consecutiveLocalOriginFailures: 3}",
           "outlierDetection: {consecutiveLocalOriginFailures: 3, splitExternalLocalOriginErrors: "
           "true}"},
          {"trafficPolicy.outlierDetection.maxEjectionPercent: outlier detection max ejection "
           "percent must be in range 0-100",
           "outlierDetection: {maxEjectionPercent: 101}",
           "outlierDetection: {}"},
          {"trafficPolicy.portLevelSettings[0].connectionPool: connection pool must have at least "
           "one field",
           "portLevelSettings: [{port: {number: 80}, connectionPool: {}}]",
           "portLevelSettings: [{port: {number: 80}, connectionPool: {http: {}}}]"}});
}

TEST_CASE("Gateways are checked") {
    const std::string sound = "port: {number: 80, name: h, protocol: HTTP}, hosts: ['*']";
    hold(faults_of_gateway,
         "{%}",
         {{"gateway must have at least one server", "selector: {}", "servers: [{" + sound + "}]"},
          {"servers[1].port.name: port names in servers must be unique: duplicate name h",
           "servers: [{" + sound + "}, {" + sound + "}]",
           "servers: [{" + sound +
               "}, {port: {number: 81, name: i, protocol: HTTP}, hosts: ['*']}]"}});
    hold(faults_of_gateway,
         "{servers: [{%}]}",
         {{"servers[0].hosts: server config must contain at least one host",
           "port: {number: 80, name: h, protocol: HTTP}, hosts: []",
           sound},
          {"servers[0].hosts[0]: domain name \"a_b\" invalid (label \"a_b\" invalid)",
           "port: {number: 80, name: h, protocol: HTTP}, hosts: [x/a_b]",
           "port: {number: 80, name: h, protocol: HTTP}, hosts: [x/a-b]"},
          {"servers[0]: port is required", "hosts: ['*']", sound},
          {"servers[0].port: port name must be set: 80",
           "port: {number: 80, protocol: HTTP}, hosts: ['*']",
           sound},
          {"servers[0].port.protocol: invalid protocol \"UDP\", supported protocols are HTTP, "
           "HTTP2, GRPC, GRPC-WEB, MONGO, REDIS, MYSQL, TCP",
           "port: {number: 80, name: h, protocol: UDP}, hosts: ['*']",
           "port: {number: 80, name: h, protocol: MONGO}, hosts: ['*']"},
          {"servers[0]: server must have TLS settings for HTTPS/TLS protocols",
           "port: {number: 443, name: h, protocol: HTTPS}, hosts: ['*']",
           "port: {number: 443, name: h, protocol: HTTPS}, hosts: ['*'], tls: {mode: SIMPLE}"},
          {"servers[0].tls: server cannot have TLS settings for plain text HTTP ports",
           sound + ", tls: {mode: SIMPLE}",
           sound + ", tls: {httpsRedirect: true}"}});
}

TEST_CASE("what is hardly meant is admitted with a warning") {
    hold(warnings_of_virtual_service,
         route_form,
         {{"http[0].mirrorPercent: using deprecated setting \"mirrorPercent\", use "
           "\"mirrorPercentage\" instead",
           "mirror: {host: a}, mirrorPercent: 5, " + to_a,
           "mirror: {host: a}, mirrorPercentage: {value: 5}, " + to_a},
          {"http[0].fault.abort: abort configured, but error type not set",
           "fault: {abort: {percentage: {value: 5}}}, " + to_a,
           "fault: {abort: {httpStatus: 500}}, " + to_a}});
    hold(warnings_of_virtual_service,
         "{hosts: [a], gateways: [%]}",
         {{"gateways[0]: using legacy gatewayName format \"g.prod\"; prefer the <namespace>/<name> "
           "format: \"prod/g\"",
           "g.prod",
           "y/g, g"}});
    hold(warnings_of_destination_rule,
         "{host: a, subsets: [{name: b, trafficPolicy: {%}}]}",
         {{"subsets[0].trafficPolicy.outlierDetection.consecutiveErrors: outlier detection "
           "consecutive errors is deprecated, use consecutiveGatewayErrors or "
           "consecutive5xxErrors instead",
           "outlierDetection: {consecutiveErrors: 3}",
           "outlierDetection: {consecutive5xxErrors: 3}"}});
    hold(warnings_of_gateway,
         "{servers: [{port: {protocol: %}, tls: {httpsRedirect: true}}]}",
         {{"servers[0].tls.httpsRedirect: tls.httpsRedirect should only be used with http servers",
           "TCP",
           "HTTP"}});
}

TEST_CASE("a rule that no request can reach is warned of, by its name or its place") {
    const auto of_routes = [](const std::string& routes) {
        return lines_of(
            warnings_of_virtual_service(object("{hosts: [a], http: [" + routes + "]}")));
    };
    const std::string a = "match: [{uri: {prefix: /a}}]";
    CHECK(of_routes("{" + to_a + "}, {name: late, " + a + "}, {}") ==
          Lines{"http[0]: virtualService rule #0 not used (only the last rule can have no matches)",
                "http[1]: virtualService rule \"late\" not used (route without matches defined "
                "before)",
                "http[2]: virtualService rule #2 not used (route without matches defined before)"});
    CHECK(of_routes("{name: first, " + a +
                    "}, {match: [{name: again, uri: {prefix: /a}}, {uri: {prefix: /b}}]}, {" +
                    to_a + "}") ==
          Lines{"http[1].match[0]: virtualService rule #1 match \"again\" is not used "
                "(duplicate/overlapping match in rule \"first\")"});
    CHECK(of_routes("{" + a + "}, {match: [{uri: {exact: /a/b}, method: {exact: GET}}]}") ==
          Lines{"http[1].match[0]: virtualService rule #1 match #0 is not used "
                "(duplicate/overlapping match in rule #0)",
                "http[1]: virtualService rule #1 not used (all matches used by prior rules)"});
    CHECK(of_routes("{" + a + "}, {match: [{uri: {prefix: /b}}]}, {" + to_a + "}").empty());
    CHECK(of_routes("{match: [{uri: {prefix: /a}, method: {exact: GET}}]}, {" + a + "}").empty());
}

TEST_CASE("one fault stands for itself, and several make a list") {
    CHECK(denial({"a"}) ==
          "admission webhook \"rev.validation.istio.io\" denied the request: configuration is "
          "invalid: a");
    CHECK(denial({"a", "b"}) ==
          "admission webhook \"rev.validation.istio.io\" denied the request: configuration is "
          "invalid: 2 errors occurred:\n\t* a\n\t* b\n\n");
}
