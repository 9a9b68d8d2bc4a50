#include "lab/mesh/route.hpp"

#include "lab/mesh/names.hpp"
#include "unit/lab/mesh/objects.hpp"

using namespace sluice;
using namespace sluice::mesh;
using sluice::mesh::testing::objects;

namespace {

RoutePtr route(const std::string& http) {
    const auto all = objects(
        "kind: VirtualService\nmetadata: {name: v, namespace: test}\nspec: {hosts: [podinfo], "
        "http: [" +
        http + "]}");
    return compile_virtual_service(all.at(0))->routes.at(0);
}

struct Asked {
    std::string path = "/";
    std::string query = "";
    net::Headers headers = {};
    std::string method = "GET";
    std::string authority = "podinfo";
    std::uint16_t port = 80;
};

bool holds(const std::string& match, const Asked& asked, const Workload& workload = {}) {
    const auto compiled = route("{match: [" + match + "], route: [{destination: {host: a}}]}");
    const RequestHead head{.method = asked.method,
                           .authority = asked.authority,
                           .path = asked.path,
                           .query = asked.query,
                           .headers = &asked.headers};
    return compiled->holding(head, {&workload, nullptr, asked.port}) != nullptr;
}

std::string after_rewrite(const std::string& http,
                          std::string_view path,
                          std::string_view query = {}) {
    const auto compiled = route(http);
    const RequestHead head{.path = path, .query = query};
    const auto* match = compiled->holding(head, {});
    REQUIRE(match != nullptr);
    return rewritten(compiled->rewrite, *match, path, query).value_or("unchanged");
}

}  // namespace

TEST_CASE("a short host is of the namespace of its object, and a dotted one is complete") {
    CHECK(full_name("podinfo", "test") == "podinfo.test.svc.cluster.local");
    CHECK(full_name("podinfo.test", "prod") == "podinfo.test");
    CHECK(full_name("*", "test") == "*");
    CHECK(full_name("", "test") == "");
    CHECK(full_name("Web", "test") == "web.test.svc.cluster.local");
}

TEST_CASE("a gateway's name is of the namespace of its object") {
    CHECK(gateway_name("public", "test") == "test/public");
    CHECK(gateway_name("./public", "test") == "test/public");
    CHECK(gateway_name("infra/public", "test") == "infra/public");
    CHECK(gateway_name("public.infra.svc.cluster.local", "test") == "infra/public");
    CHECK(gateway_name("mesh", "test") == "mesh");
}

TEST_CASE("an authority is a host in lower case and perhaps a port") {
    CHECK(parse_authority("Podinfo.Test:9898").host == "podinfo.test");
    CHECK(parse_authority("podinfo.test:9898").port == 9898);
    CHECK_FALSE(parse_authority("podinfo").port.has_value());
    CHECK(parse_authority("[::1]:80").host == "::1");
    CHECK_FALSE(parse_authority("podinfo:http").port.has_value());
    CHECK(parse_ipv4("127.64.0.1") == 0x7f400001u);
    CHECK_FALSE(parse_ipv4("127.64.0").has_value());
    CHECK_FALSE(parse_ipv4("127.64.0.1.5").has_value());
    CHECK_FALSE(parse_ipv4("127.64.0.256").has_value());
}

TEST_CASE("a uri is matched whole, by raw prefix, or by a regular expression over all of it") {
    CHECK(holds("{uri: {exact: /foo}}", {.path = "/foo"}));
    CHECK_FALSE(holds("{uri: {exact: /foo}}", {.path = "/foo/"}));
    CHECK(holds("{uri: {prefix: /foo}}", {.path = "/foobar"}));
    CHECK_FALSE(holds("{uri: {prefix: /foo}}", {.path = "/FOO"}));
    CHECK(holds("{uri: {prefix: /foo}, ignoreUriCase: true}", {.path = "/FOObar"}));
    CHECK(holds("{uri: {regex: '/v[0-9]+'}}", {.path = "/v12"}));
    CHECK_FALSE(holds("{uri: {regex: '/v[0-9]+'}}", {.path = "/v12/x"}));
    CHECK_FALSE(holds("{uri: {regex: '/v(?=1)'}}", {.path = "/v1"}));
}

TEST_CASE("method and authority are matched with case") {
    CHECK(holds("{method: {exact: GET}}", {}));
    CHECK_FALSE(holds("{method: {exact: get}}", {}));
    CHECK(holds("{authority: {regex: 'pod.*'}}", {}));
}

TEST_CASE("headers are matched by value or by presence, and those that must be missing by either") {
    const Asked with{.headers = {{"X-Canary", "insider"}}};
    CHECK(holds("{headers: {x-canary: {exact: insider}}}", with));
    CHECK(holds("{headers: {x-canary: {}}}", with));
    CHECK(holds("{headers: {x-canary: {regex: '*'}}}", with));
    CHECK_FALSE(holds("{headers: {x-canary: {}}}", {}));
    CHECK_FALSE(holds("{headers: {x-canary: {prefix: out}}}", with));
    CHECK(holds("{headers: {method: {exact: POST}}}", with));
    CHECK_FALSE(holds("{withoutHeaders: {x-canary: {}}}", with));
    CHECK(holds("{withoutHeaders: {x-canary: {}}}", {}));
    CHECK(holds("{withoutHeaders: {x-canary: {exact: outsider}}}", with));
    CHECK_FALSE(holds("{withoutHeaders: {x-canary: {regex: '.*'}}}", {}));
}

TEST_CASE("query parameters are decoded, and a bare one is empty") {
    CHECK(holds("{queryParams: {a: {exact: ''}}}", {.query = "a"}));
    CHECK(holds("{queryParams: {a: {exact: 'b c'}}}", {.query = "x=1&a=b%20c"}));
    CHECK(holds("{queryParams: {a: {}}}", {.query = "a=1"}));
    CHECK_FALSE(holds("{queryParams: {a: {}}}", {.query = "b=1"}));
}

TEST_CASE("a match may name the port and the caller") {
    CHECK(holds("{port: 9898}", {.port = 9898}));
    CHECK_FALSE(holds("{port: 9898}", {.port = 80}));
    const auto caller = workload_named("web", "shop", {{"app", "web"}, {"tier", "front"}});
    CHECK(holds("{sourceNamespace: shop, sourceLabels: {tier: front}}", {}, caller));
    CHECK_FALSE(holds("{sourceNamespace: prod}", {}, caller));
    CHECK_FALSE(holds("{sourceLabels: {tier: back}}", {}, caller));
    // Where gateways are named they are the only test of the caller.
    CHECK(holds("{gateways: [mesh], sourceNamespace: prod}", {}, caller));
    CHECK_FALSE(holds("{gateways: [public]}", {}, caller));
}

TEST_CASE("all of an entry must hold, and any entry is enough") {
    CHECK_FALSE(holds("{uri: {prefix: /a}, method: {exact: POST}}", {.path = "/a"}));
    CHECK(holds("{uri: {prefix: /b}}, {uri: {prefix: /a}}", {.path = "/a"}));
}

TEST_CASE("a rewrite replaces what was matched and keeps the query") {
    const std::string to = "route: [{destination: {host: a}}]";
    CHECK(after_rewrite("{match: [{uri: {prefix: /v1/}}], rewrite: {uri: /}, " + to + "}",
                        "/v1/x",
                        "q=1") == "/x?q=1");
    CHECK(after_rewrite("{match: [{uri: {prefix: /v1}}], rewrite: {uri: /}, " + to + "}",
                        "/v1/x") == "//x");
    CHECK(after_rewrite("{match: [{uri: {exact: /v1}}], rewrite: {uri: /v2}, " + to + "}", "/v1") ==
          "/v2");
    CHECK(after_rewrite("{match: [{uri: {regex: '/.*'}}], rewrite: {uri: /v2}, " + to + "}",
                        "/anything") == "/v2");
    CHECK(after_rewrite("{rewrite: {uri: /}, " + to + "}", "/delay/1") == "/delay/1");
    CHECK(after_rewrite("{" + to + "}", "/delay/1") == "unchanged");
    CHECK(after_rewrite(
              "{rewrite: {uriRegexRewrite: {match: '/a/(.*)', rewrite: '/b/\\1'}}, " + to + "}",
              "/a/c") == "/b/c");
}

TEST_CASE("headers are removed, then set, then added, and Host is only ever the authority") {
    const auto compiled = route(
        "{headers: {request: {remove: [x-old, host], set: {x-new: '1', host: web}, add: {x-more: "
        "b}}}, route: [{destination: {host: a}}]}");
    net::Headers headers{{"X-Old", "1"}, {"x-new", "0"}, {"x-more", "a"}, {"host", "asked"}};
    compiled->for_request.apply(headers);
    CHECK_FALSE(headers.get("x-old").has_value());
    CHECK(headers.get("x-new") == "1");
    CHECK(headers.all("x-more").size() == 2);
    CHECK(headers.get("host") == "asked");
    CHECK(compiled->authority == "web");
}

TEST_CASE("a destination of weight 0 gets nothing, and an only one everything") {
    CHECK(
        route(
            "{route: [{destination: {host: a}, weight: 100}, {destination: {host: b}, weight: 0}]}")
            ->destinations.size() == 1);
    CHECK(route("{route: [{destination: {host: a}, weight: 0}]}")->weights == std::vector<int>{1});
    CHECK(
        route(
            "{route: [{destination: {host: a}, weight: 30}, {destination: {host: b}, weight: 10}]}")
            ->weights == std::vector<int>{30, 10});
}

TEST_CASE("a try is repeated for the conditions that retryOn names") {
    const auto article =
        route(
            "{retries: {attempts: 3, perTryTimeout: 1s, retryOn: "
            "'gateway-error,connect-failure,refused-stream'}, route: [{destination: {host: a}}]}")
            ->retries;
    CHECK(article.attempts == 3);
    CHECK(article.per_try_timeout == Duration(std::chrono::seconds{1}));
    CHECK_FALSE(is_retriable(article, {.status = 500}));
    CHECK(is_retriable(article, {.status = 503}));
    CHECK(is_retriable(article, {.end = TryEnd::timed_out}));
    CHECK(is_retriable(article, {.end = TryEnd::connect_failure}));
    CHECK_FALSE(is_retriable(article, {.end = TryEnd::reset}));

    const RetryPolicy by_default;
    CHECK(by_default.attempts == 2);
    CHECK_FALSE(is_retriable(by_default, {.status = 503}));
    CHECK(is_retriable(by_default, {.end = TryEnd::connect_failure}));
    CHECK_FALSE(is_retriable(by_default, {.end = TryEnd::timed_out}));
    CHECK(is_retriable(by_default, {.status = 200, .grpc_status = 14}));

    const auto codes =
        route("{retries: {attempts: 1, retryOn: '5xx,404'}, route: [{destination: {host: a}}]}")
            ->retries;
    CHECK(is_retriable(codes, {.status = 404}));
    CHECK(is_retriable(codes, {.end = TryEnd::reset}));
    CHECK(is_retriable(codes, {.status = 500}));
    CHECK_FALSE(is_retriable(codes, {.status = 409}));
}
