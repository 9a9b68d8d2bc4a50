// HTTPRoutes of the Gateway API: which match wins, what a request becomes, and what is refused.
#include "lab/mesh/http_route.hpp"

#include "lab/mesh/cors.hpp"
#include "lab/mesh/gateway_api.hpp"
#include "lab/mesh/redirect.hpp"
#include "unit/lab/mesh/objects.hpp"

using namespace sluice;
using namespace sluice::mesh;
using namespace sluice::mesh::testing;

namespace {

HttpRoute http_route(const std::string& spec,
                     const std::string& name = "web",
                     const std::string& created = "2026-01-01T00:00:00Z") {
    const auto object = objects(fmt::format(
        "kind: HTTPRoute\nmetadata: {{name: {}, namespace: test, creationTimestamp: '{}', "
        "generation: 3}}\nspec: {{{}}}\n",
        name,
        created,
        spec));
    return compile_http_route(object.at(0),
                              [](const BackendRef& backend) { return backend.ns == "test"; });
}

// "rules: [{matches: [MATCH], backendRefs: [{name: NAME, port: 80}]}]"
std::string rule(const std::string& match, const std::string& name) {
    return fmt::format("{{matches: [{{{}}}], backendRefs: [{{name: {}, port: 80}}]}}", match, name);
}

struct AListener {
    GatewayListener listener;
    RouteTable table;

    explicit AListener(const std::vector<HttpRoute>& routes, const std::string& hostname = "*") {
        EntryRoutes entry{{hostname}, {}};
        for (const auto& route : routes) {
            const auto hosts = route.hostnames.empty() ? std::vector{hostname} : route.hostnames;
            entry.attached.push_back({hostname, hosts, std::make_shared<const HttpRoute>(route)});
        }
        listener.workload = outside();
        put_domains(listener, entry);
    }
    // The name of the Service that a request meets first.
    std::string ask(const std::string& path,
                    const net::Headers& headers = {},
                    const std::string& method = "GET",
                    const std::string& query = {},
                    const std::string& host = "a.example.com") const {
        const auto routing = table.at_gateway(listener,
                                              {.method = method,
                                               .authority = host,
                                               .path = path,
                                               .query = query,
                                               .headers = &headers});
        if (routing.kind != Routing::Kind::route) return "404";
        const auto to = routing.route->destinations.at(0).host;
        return to.substr(0, to.find('.'));
    }
};

}  // namespace

TEST_CASE("a path's prefix is matched by whole segments, and its last slash says nothing") {
    for (const auto* prefix : {"/a", "/a/"}) {
        const AListener at({http_route(
            fmt::format("rules: [{}]",
                        rule(fmt::format("path: {{type: PathPrefix, value: {}}}", prefix), "a")))});
        CHECK(at.ask("/a") == "a");
        CHECK(at.ask("/a/") == "a");
        CHECK(at.ask("/a/b") == "a");
        CHECK(at.ask("/ab") == "404");
        CHECK(at.ask("/") == "404");
    }
    const AListener all({http_route("rules: [{backendRefs: [{name: all, port: 80}]}]")});
    CHECK(all.ask("/anything/at/all") == "all");
}

TEST_CASE("the more exact match wins, in whatever order the rules stand") {
    const AListener at({http_route(
        "rules: [" + rule("path: {value: /}", "slash") + "," + rule("path: {value: /a}", "short") +
        "," + rule("path: {value: /a/long}", "long") + "," +
        rule("path: {type: RegularExpression, value: '/a/[0-9]+'}", "pattern") + "," +
        rule("path: {type: Exact, value: /a/long}", "exact") + "," +
        rule("path: {value: /a}, method: POST", "method") + "," +
        rule("path: {value: /a}, headers: [{name: x, value: '1'}]", "header") + "," +
        rule("path: {value: /a}, headers: [{name: x, value: '1'}, {name: z, value: '2'}]",
             "headers") +
        "," + rule("path: {value: /a}, queryParams: [{name: q, value: '1'}]", "query") + "]")});
    CHECK(at.ask("/other") == "slash");
    CHECK(at.ask("/a") == "short");
    CHECK(at.ask("/a/long") == "exact");
    CHECK(at.ask("/a/long/er") == "long");
    CHECK(at.ask("/a/17") == "pattern");
    CHECK(at.ask("/a", {}, "POST") == "method");
    CHECK(at.ask("/a", {{"X", "1"}}) == "header");
    CHECK(at.ask("/a", {{"X", "1"}, {"z", "2"}}) == "headers");
    // A method counts more than headers, headers more than parameters of the query.
    CHECK(at.ask("/a", {{"x", "1"}, {"z", "2"}}, "POST", "q=1") == "method");
    CHECK(at.ask("/a", {{"x", "1"}}, "GET", "q=1") == "header");
    CHECK(at.ask("/a", {}, "GET", "z=2&q=1") == "query");
}

TEST_CASE("of equal matches the first rule of the oldest route wins") {
    const auto path = "path: {value: /a}";
    const auto both = [&](const std::string& a, const std::string& b) {
        return "rules: [" + rule(path, a) + "," + rule(path, b) + "]";
    };
    const auto young = http_route(both("young-1", "young-2"), "a-young", "2026-03-01T00:00:00Z");
    const auto old = http_route(both("old-1", "old-2"), "z-old", "2026-02-01T00:00:00Z");
    CHECK(AListener({young, old}).ask("/a") == "old-1");
    const auto twin = http_route(both("twin-1", "twin-2"), "a-twin", "2026-02-01T00:00:00Z");
    CHECK(AListener({young, old, twin}).ask("/a") == "twin-1");
}

TEST_CASE("the route with the more exact hostname wins, and what it does not match goes on") {
    const auto exact = http_route(
        "hostnames: [a.example.com], rules: [" + rule("path: {value: /only}", "exact") + "]",
        "exact");
    const auto wide = http_route("hostnames: ['*.example.com'], rules: [" +
                                     rule("path: {type: Exact, value: /only}", "wide") + "," +
                                     rule("path: {value: /}", "wide") + "]",
                                 "wide");
    const AListener at({wide, exact});
    CHECK(at.ask("/only") == "exact");
    CHECK(at.ask("/other") == "wide");
    CHECK(at.ask("/only", {}, "GET", {}, "b.example.com") == "wide");
    CHECK(at.ask("/", {}, "GET", {}, "example.com") == "404");
}

TEST_CASE("a request belongs to the most exact listener of its port and to no other") {
    const auto route = std::make_shared<const HttpRoute>(
        http_route("rules: [" + rule("path: {value: /}", "wide") + "]"));
    GatewayListener listener;
    listener.workload = outside();
    put_domains(listener, {{"*", "a.example.com"}, {{"*", {"*"}, route}}});
    const RouteTable table;
    CHECK(table.at_gateway(listener, {.authority = "b.example.com"}).kind == Routing::Kind::route);
    CHECK(table.at_gateway(listener, {.authority = "a.example.com"}).kind ==
          Routing::Kind::no_route);
}

TEST_CASE("all matches of a rule share one split, whose weights are as written") {
    const auto route = http_route(
        "rules: [{matches: [{path: {value: /a}}, {path: {value: /b}}], backendRefs: "
        "[{name: p, port: 80, weight: 90}, {name: c, port: 81, weight: 10}, {name: o, port: 80, "
        "weight: 0}, {name: one, port: 80}]}, {backendRefs: [{name: none, port: 80, weight: 0}]}]");
    REQUIRE(route.routes.size() == 3);
    const auto& one = *route.routes[0].route;
    CHECK(one.id == route.routes[1].route->id);
    CHECK(one.id != route.routes[2].route->id);
    CHECK(one.weights == std::vector<int>{90, 10, 1});
    CHECK(one.destinations[1].host == "c.test.svc.cluster.local");
    CHECK(one.destinations[1].port == 81);
    // Nobody may be asked: an answer of its own, and not the Service.
    const auto& none = *route.routes[2].route;
    REQUIRE(none.destinations.size() == 1);
    CHECK(none.destinations[0].host == "");
    CHECK(none.status_without_backend == 500);
}

TEST_CASE("a backend that may not be named is asked nothing, and keeps its share") {
    const auto route = http_route(
        "rules: [{backendRefs: [{name: a, port: 80, weight: 3}, {name: b, namespace: other, port: "
        "80, weight: 1}, {group: x, kind: Bucket, name: c, weight: 2}]}]");
    const auto& rule = *route.routes.at(0).route;
    CHECK(rule.weights == std::vector<int>{3, 1, 2});
    CHECK(rule.destinations[0].host == "a.test.svc.cluster.local");
    CHECK(rule.destinations[1].host == "");
    CHECK(rule.destinations[2].host == "");
    CHECK(route.faults.empty());
    REQUIRE(route.backends.size() == 3);
    CHECK(route.backends[2].field == "spec.rules[0].backendRefs[2]");
    CHECK_FALSE(route.backends[2].is_service());
}

TEST_CASE("a path is rewritten as the Gateway API says") {
    struct Case {
        const char *prefix, *replacement, *path, *becomes;
    };
    for (const auto& [prefix, replacement, path, becomes] :
         {Case{"/foo", "/xyz", "/foo/bar", "/xyz/bar"},
          Case{"/foo", "/xyz/", "/foo/bar", "/xyz/bar"},
          Case{"/foo/", "/xyz", "/foo/bar", "/xyz/bar"},
          Case{"/foo", "/xyz", "/foo", "/xyz"},
          Case{"/foo", "/xyz", "/foo/", "/xyz/"},
          Case{"/foo", "", "/foo/bar", "/bar"},
          Case{"/foo", "", "/foo/", "/"},
          Case{"/foo", "", "/foo", "/"},
          Case{"/foo", "/", "/foo", "/"},
          Case{"/foo", "/", "/foo/bar", "/bar"},
          Case{"/", "/xyz", "/bar", "/xyz/bar"}}) {
        const auto route = http_route(fmt::format(
            "rules: [{{matches: [{{path: {{value: {}}}}}], filters: [{{type: URLRewrite, "
            "urlRewrite: {{hostname: h.example.com, path: {{type: ReplacePrefixMatch, "
            "replacePrefixMatch: '{}'}}}}}}]}}]",
            prefix,
            replacement));
        CHECK(route.faults.empty());
        const auto& rule = *route.routes.at(0).route;
        CHECK(rule.rewrite.authority == "h.example.com");
        INFO(prefix << " " << replacement << " " << path);
        CHECK(rewritten(rule.rewrite, rule.matches.at(0), path, "") == becomes);
        CHECK(rewritten(rule.rewrite, rule.matches.at(0), path, "q=1") ==
              std::string(becomes) + "?q=1");
    }
    const auto whole = http_route(
        "rules: [{filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, "
        "replaceFullPath: /here}}}]}]");
    const auto& rule = *whole.routes.at(0).route;
    CHECK(rewritten(rule.rewrite, rule.matches.at(0), "/some/where", "q=1") == "/here?q=1");
}

TEST_CASE("headers are changed by a rule and by each backend, and times are limited") {
    const auto route = http_route(R"(rules: [{timeouts: {request: 10s, backendRequest: 2s},
        filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: a, value: '1'}],
                   add: [{name: b, value: '2'}], remove: [c]}},
                  {type: ResponseHeaderModifier, responseHeaderModifier: {add: [{name: d, value: '3'}]}}],
        backendRefs: [{name: p, port: 80, filters: [{type: ResponseHeaderModifier,
                   responseHeaderModifier: {add: [{name: Set-Cookie, value: x=y}]}}]}]},
       {timeouts: {request: 0s}}])");
    CHECK(route.faults.empty());
    const auto& rule = *route.routes.at(0).route;
    net::Headers headers{{"A", "0"}, {"c", "9"}};
    rule.for_request.apply(headers);
    CHECK(headers.get("a") == "1");
    CHECK(headers.get("b") == "2");
    CHECK_FALSE(headers.get("c"));
    net::Headers answered;
    rule.for_response.apply(answered);
    rule.destinations[0].for_response.apply(answered);
    CHECK(answered.get("d") == "3");
    CHECK(answered.get("set-cookie") == "x=y");
    CHECK(rule.timeout == std::chrono::seconds{10});
    CHECK(rule.retries.per_try_timeout == std::chrono::seconds{2});
    CHECK_FALSE(route.routes.at(1).route->timeout);
}

TEST_CASE("a rule's mirrors get copies of every request, or of a share") {
    const auto route = http_route(R"(rules: [{filters: [
        {type: RequestMirror, requestMirror: {backendRef: {name: all, port: 80}}},
        {type: RequestMirror, requestMirror: {backendRef: {name: some, port: 81}, percent: 20}},
        {type: RequestMirror, requestMirror: {backendRef: {name: few, port: 80}, fraction: {numerator: 1, denominator: 1000}}},
        {type: RequestMirror, requestMirror: {backendRef: {name: none, port: 80}, percent: 0}},
        {type: RequestMirror, requestMirror: {backendRef: {name: forbidden, namespace: other, port: 80}}}]}])");
    CHECK(route.faults.empty());
    const auto& mirrors = route.routes.at(0).route->mirrors;
    REQUIRE(mirrors.size() == 3);
    CHECK(mirrors[0].destination.host == "all.test.svc.cluster.local");
    CHECK(mirrors[0].share == 1);
    CHECK(mirrors[1].destination.port == 81);
    CHECK(mirrors[1].share == doctest::Approx(0.2));
    CHECK(mirrors[2].share == doctest::Approx(0.001));
    REQUIRE(route.backends.size() == 5);
    CHECK(route.backends[4].field == "spec.rules[0].filters[4].requestMirror.backendRef");
}

TEST_CASE(
    "a redirect keeps what it does not name, and takes the listener's port or the scheme's own") {
    const auto becomes = [](const std::string& redirect) {
        const auto route = http_route(
            "rules: [{matches: [{path: {value: /old}}], filters: [{type: RequestRedirect, "
            "requestRedirect: {" +
            redirect + "}}]}]");
        CHECK(route.faults.empty());
        const auto& rule = *route.routes.at(0).route;
        REQUIRE(rule.redirect != nullptr);
        const RequestHead head{.authority = "a.example.com:8080", .path = "/old/x", .query = "q=1"};
        return fmt::format("{} {}",
                           rule.redirect->status,
                           location_of(*rule.redirect, head, rule.matches.at(0), 8080));
    };
    CHECK(becomes("hostname: b.example.com") == "302 http://b.example.com:8080/old/x?q=1");
    CHECK(becomes("scheme: https, statusCode: 301") == "301 https://a.example.com/old/x?q=1");
    CHECK(becomes("port: 9000") == "302 http://a.example.com:9000/old/x?q=1");
    CHECK(becomes("port: 80") == "302 http://a.example.com/old/x?q=1");
    CHECK(becomes("path: {type: ReplaceFullPath, replaceFullPath: /new}") ==
          "302 http://a.example.com:8080/new?q=1");
    CHECK(becomes("path: {type: ReplacePrefixMatch, replacePrefixMatch: /new}") ==
          "302 http://a.example.com:8080/new/x?q=1");
}

TEST_CASE("other origins may ask what a CORS filter lets them") {
    const auto route = http_route(R"(rules: [{filters: [{type: CORS, cors: {
        allowOrigins: ['https://a.com', 'https://*.b.com'], allowMethods: [GET, PUT], maxAge: 60}}]}])");
    CHECK(route.faults.empty());
    const auto& cors = route.routes.at(0).route->cors;
    REQUIRE(cors != nullptr);
    CHECK(cors->allows("https://a.com"));
    CHECK(cors->allows("https://x.b.com"));
    CHECK_FALSE(cors->allows("https://xb.com"));
    CHECK_FALSE(cors->allows("https://c.com"));
    CHECK(cors->max_age_seconds == "60");
}

TEST_CASE("what is not carried out is said by its field") {
    const auto faults_of = [](const std::string& rules) {
        return joined(http_route("rules: [" + rules + "]").faults, "; ");
    };
    CHECK(faults_of("{filters: [{type: RequestHeaderModifier}, {type: ExtensionRef}]}") ==
          "spec.rules[0].filters[1]: ExtensionRef is not built yet");
    CHECK(faults_of("{backendRefs: [{name: a, port: 80}], filters: [{type: RequestRedirect, "
                    "requestRedirect: {port: 1}}]}") ==
          "spec.rules[0].filters[0]: RequestRedirect and backendRefs cannot both be in a rule");
    CHECK(faults_of("{filters: [{type: RequestRedirect, requestRedirect: {port: 1}}, {type: "
                    "URLRewrite, urlRewrite: {hostname: a}}]}") ==
          "spec.rules[0].filters: RequestRedirect and URLRewrite cannot both be in a rule");
    CHECK(faults_of("{}, {sessionPersistence: {}, retry: {}}") ==
          "spec.rules[1].retry: is not built yet; spec.rules[1].sessionPersistence: is not built "
          "yet");
    CHECK(faults_of("{backendRefs: [{name: a, port: 80, filters: [{type: URLRewrite}]}]}") ==
          "spec.rules[0].backendRefs[0].filters[0]: URLRewrite is not built yet for a backend");
    CHECK(faults_of("{matches: [{path: {type: RegularExpression, value: '/('}}]}") ==
          "spec.rules[0].matches[0].path.value: \"/(\" is no RE2 expression");
    CHECK(faults_of("{matches: [{headers: [{name: x, type: RegularExpression, value: '['}]}]}") ==
          "spec.rules[0].matches[0].headers[0].value: \"[\" is no RE2 expression");
    CHECK(faults_of("{matches: [{path: {type: Exact, value: /a}}], filters: [{type: URLRewrite, "
                    "urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /b}}}]}") ==
          "spec.rules[0].matches[0].path.type: ReplacePrefixMatch needs a PathPrefix");
}
