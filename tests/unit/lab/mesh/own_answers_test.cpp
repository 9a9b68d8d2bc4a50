// Redirects, direct responses and cross-origin requests in virtual time (mesh-and-dashboard.md 1.3,
// 1.6).
#include "unit/lab/mesh/a_mesh.hpp"

using namespace sluice;
using namespace sluice::mesh;
using namespace sluice::mesh::testing;

namespace {

std::string answering(const std::string& route) {
    return two_versions +
           "---\nkind: VirtualService\nmetadata: {name: v, namespace: test}\nspec: {hosts: ['*'], "
           "gateways: [public-gateway], http: [{" +
           route + "}]}\n";
}

// The answer of a route with this redirect to http://HOST/old/x?y=1.
net::Response redirected(const std::string& redirect,
                         const std::string& host = "web.example.com",
                         const std::string& match = "match: [{uri: {prefix: /old}}], ") {
    AMesh mesh(answering(match + "redirect: {" + redirect + "}"));
    auto answer = mesh.ask(mesh.gateway, host, "/old/x?y=1");
    CHECK(mesh.pods.asked.empty());
    CHECK(mesh.counted() ==
          Lines{fmt::format("source {} - test-imgw->unknown unknown 1", answer.status)});
    return answer;
}
std::string location(const std::string& redirect, const std::string& host = "web.example.com") {
    return std::string(redirected(redirect, host).headers.get("location").value_or("none"));
}

net::Headers from(const std::string& origin, bool is_preflight = false) {
    net::Headers headers{{"Origin", origin}};
    if (is_preflight) headers.add("Access-Control-Request-Method", "PUT");
    return headers;
}

net::Response preflight(AMesh& mesh, const std::string& origin) {
    net::Request request{.method = "OPTIONS", .headers = from(origin, true)};
    request.headers.add("Host", "x");
    return mesh.ask(mesh.gateway, std::move(request));
}

}  // namespace

TEST_CASE("a redirect names a new place in Location and asks nobody") {
    const auto answer = redirected("uri: /new");
    CHECK(answer.status == 301);
    CHECK(answer.body.empty());
    CHECK(answer.headers.get("server") == "istio-envoy");
    CHECK(answer.headers.get("location") == "http://web.example.com/new?y=1");

    CHECK(location("uri: '/new?z=2'") == "http://web.example.com/new?z=2");
    CHECK(location("prefixRewrite: /new") == "http://web.example.com/new/x?y=1");
    CHECK(location("authority: other.example.com") == "http://other.example.com/old/x?y=1");
    CHECK(location("authority: 'other.example.com:81'") == "http://other.example.com:81/old/x?y=1");
    CHECK(location("scheme: https") == "https://web.example.com/old/x?y=1");
}

TEST_CASE("a redirect's uri replaces the whole path, however it was matched") {
    CHECK(
        redirected("uri: /new", "x", "match: [{uri: {exact: /old/x}}], ").headers.get("location") ==
        "http://x/new?y=1");
    CHECK(redirected("uri: /new", "x", "match: [{uri: {regex: '/old/.*'}}], ")
              .headers.get("location") == "http://x/new?y=1");
    CHECK(redirected("uri: /new", "x", "").headers.get("location") == "http://x/new?y=1");
}

TEST_CASE(
    "the port of a redirect is kept, given or derived, and left out where it is the scheme's") {
    CHECK(location("uri: /n", "x:8080") == "http://x:8080/n?y=1");
    CHECK(location("uri: /n", "x:80") == "http://x/n?y=1");
    CHECK(location("uri: /n, port: 81", "x:8080") == "http://x:81/n?y=1");
    CHECK(location("uri: /n, port: 80", "x:8080") == "http://x/n?y=1");
    CHECK(location("uri: /n, scheme: https, port: 443", "x:8080") == "https://x/n?y=1");
    CHECK(location("uri: /n, scheme: https", "x:80") == "https://x/n?y=1");
    CHECK(location("uri: /n, scheme: https", "x:8080") == "https://x:8080/n?y=1");
    CHECK(location("uri: /n, derivePort: FROM_PROTOCOL_DEFAULT", "x:8080") == "http://x/n?y=1");
    CHECK(location("uri: /n, scheme: https, derivePort: FROM_REQUEST_PORT", "x:8080") ==
          "https://x:80/n?y=1");
    CHECK(location("uri: /n", "[::1]:8080") == "http://[::1]:8080/n?y=1");
    CHECK(location("uri: /n", "[::1]") == "http://[::1]/n?y=1");
}

TEST_CASE("a redirect's code is one of the five that browsers follow, else 301") {
    for (const int code : {301, 302, 303, 307, 308})
        CHECK(redirected("uri: /n, redirectCode: " + std::to_string(code)).status == code);
    CHECK(redirected("uri: /n, redirectCode: 305").status == 301);
}

TEST_CASE("a direct response is answered by the proxy, with the route's headers") {
    AMesh mesh(
        answering("directResponse: {status: 418, body: {string: short and stout}}, headers: "
                  "{response: {set: {x-tea: 'yes'}}}"));
    const auto answer = mesh.ask(mesh.gateway, "x");
    CHECK(answer.status == 418);
    CHECK(answer.body == "short and stout");
    CHECK(answer.headers.get("content-type") == "text/plain");
    CHECK(answer.headers.get("x-tea") == "yes");
    CHECK(mesh.pods.asked.empty());
    CHECK(mesh.counted() == Lines{"source 418 - test-imgw->unknown unknown 1"});

    add(mesh.builder, answering("directResponse: {status: 503, body: {bytes: aGVsbG8=}}"));
    mesh.use();
    CHECK(mesh.ask(mesh.gateway, "x").body == "hello");
    add(mesh.builder, answering("directResponse: {status: 204}"));
    mesh.use();
    CHECK(mesh.ask(mesh.gateway, "x").headers.get("content-type") == std::nullopt);
}

TEST_CASE("a preflight of an allowed origin is answered by the proxy, and never reaches the app") {
    AMesh mesh(two_versions +
               routed("corsPolicy: {allowOrigins: [{prefix: 'https://a.'}], allowMethods: [GET, "
                      "PUT], allowHeaders: [x-a, x-b], exposeHeaders: [x-c, x-d], maxAge: 24h, "
                      "allowCredentials: true}, ",
                      0));
    const auto answer = preflight(mesh, "https://a.example.com");
    CHECK(answer.status == 200);
    CHECK(answer.headers.get("access-control-allow-origin") == "https://a.example.com");
    CHECK(answer.headers.get("access-control-allow-methods") == "GET,PUT");
    CHECK(answer.headers.get("access-control-allow-headers") == "x-a,x-b");
    CHECK(answer.headers.get("access-control-max-age") == "86400");
    CHECK(answer.headers.get("access-control-allow-credentials") == "true");
    CHECK_FALSE(answer.headers.get("access-control-expose-headers"));
    CHECK(mesh.pods.asked.empty());

    // Another origin's is the app's to answer.
    CHECK(preflight(mesh, "https://b.example.com").body == "from 127.64.0.1");
    CHECK(mesh.pods.asked.size() == 1);
}

TEST_CASE("the answer to an allowed origin says that it may be read") {
    AMesh mesh(two_versions + routed("corsPolicy: {allowOrigins: [{exact: 'https://a'}], "
                                     "exposeHeaders: [x-c, x-d]}, ",
                                     0));
    const auto allowed = mesh.ask(mesh.gateway, "x", "/", from("https://a"));
    CHECK(allowed.body == "from 127.64.0.1");
    CHECK(allowed.headers.get("access-control-allow-origin") == "https://a");
    CHECK(allowed.headers.get("access-control-expose-headers") == "x-c,x-d");
    CHECK_FALSE(allowed.headers.get("access-control-allow-credentials"));
    CHECK_FALSE(mesh.ask(mesh.gateway, "x", "/", from("https://b"))
                    .headers.get("access-control-allow-origin"));
    CHECK_FALSE(mesh.ask(mesh.gateway, "x").headers.get("access-control-allow-origin"));
    // Also when it is the proxy that refuses.
    mesh.pods.scripts["127.64.0.1"] = {{.error = Error{ErrorKind::unreachable, "reset"}}};
    const auto refused = mesh.ask(mesh.gateway, "x", "/", from("https://a"));
    CHECK(refused.status == 503);
    CHECK(refused.headers.get("access-control-allow-origin") == "https://a");
}

TEST_CASE(
    "an unmatched preflight may be kept from the app, and * and the old field allow as well") {
    AMesh mesh(two_versions + routed("corsPolicy: {allowOrigins: [{exact: 'https://a'}], "
                                     "unmatchedPreflights: IGNORE}, ",
                                     0));
    const auto ignored = preflight(mesh, "https://b");
    CHECK(ignored.status == 200);
    CHECK(ignored.body.empty());
    CHECK_FALSE(ignored.headers.get("access-control-allow-origin"));
    CHECK(mesh.pods.asked.empty());
    // OPTIONS that is no preflight goes on.
    net::Request options{.method = "OPTIONS", .headers = from("https://b")};
    options.headers.add("Host", "x");
    CHECK(mesh.ask(mesh.gateway, std::move(options)).body == "from 127.64.0.1");

    for (const auto* policy : {"corsPolicy: {allowOrigins: [{exact: '*'}]}, ",
                               "corsPolicy: {allowOrigin: ['https://b']}, ",
                               "corsPolicy: {allowOrigins: [{regex: 'https://.'}]}, "}) {
        add(mesh.builder, routed(policy, 0));
        mesh.use();
        CHECK(preflight(mesh, "https://b").headers.get("access-control-allow-origin") ==
              "https://b");
    }
}

TEST_CASE("headers are changed for the destination first, then for the route, in both directions") {
    AMesh mesh(article_gateway +
               service("test", "a", {{.workload = "a", .address = "127.64.0.1"}}) +
               R"(---
kind: VirtualService
metadata: {name: v, namespace: test}
spec:
  hosts: ["*"]
  gateways: [public-gateway]
  http:
  - headers:
      request: {set: {x-who: route}, add: {x-list: route}, remove: [x-gone, host]}
      response: {set: {x-answer: route}, add: {x-seen: route}, remove: [server]}
    route:
    - destination: {host: a}
      headers:
        request: {set: {x-who: destination, x-own: destination, ':path': /no}, add: {x-list: destination}}
        response: {set: {x-answer: destination}, add: {x-seen: destination}}
)");
    net::Headers headers{{"x-gone", "1"}, {"x-list", "user"}};
    const auto answer = mesh.ask(mesh.gateway, "web", "/", headers);
    const auto& asked = mesh.pods.asked.at(0);
    CHECK(asked.headers.get("x-who") == "route");
    CHECK(asked.headers.get("x-own") == "destination");
    CHECK(asked.headers.all("x-list") ==
          std::vector<std::string_view>{"user", "destination", "route"});
    CHECK_FALSE(asked.headers.get("x-gone"));
    CHECK(asked.headers.get("host") == "web");
    CHECK_FALSE(asked.headers.get(":path"));
    CHECK(answer.headers.get("x-answer") == "route");
    CHECK(answer.headers.all("x-seen") == std::vector<std::string_view>{"destination", "route"});
}
