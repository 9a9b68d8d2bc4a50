// A root VirtualService and those it names (mesh-and-dashboard.md 1.8).
#include "lab/mesh/delegation.hpp"

#include "unit/lab/mesh/a_mesh.hpp"

using namespace sluice;
using namespace sluice::mesh;
using namespace sluice::mesh::testing;

namespace {

std::string root(const std::string& routes) {
    return "---\nkind: VirtualService\nmetadata: {name: root, namespace: test}\nspec: {hosts: "
           "['*'], gateways: [public-gateway], http: [" +
           routes + "]}\n";
}
std::string delegate(const std::string& routes,
                     const std::string& ns = "test",
                     const std::string& more = "") {
    return "---\nkind: VirtualService\nmetadata: {name: delegate, namespace: " + ns + "}\nspec: {" +
           more + "http: [" + routes + "]}\n";
}

const std::string named = "delegate: {name: delegate}";
const std::string primary = "route: [{destination: {host: podinfo-primary}}]";
const std::string canary = "route: [{destination: {host: podinfo-canary}}]";

// The routes of this pair when merged.
JsonArray merged(const std::string& root_route, const std::string& delegate_routes) {
    const auto root_object = objects(root("{" + root_route + "}")).at(0);
    const auto own = objects(delegate(delegate_routes)).at(0);
    const auto result =
        with_delegates(root_object, [&](const kube::ObjectKey&) -> const Json* { return &own; });
    return array_at(result, {"spec", "http"});
}

}  // namespace

TEST_CASE("a route that names a delegate is replaced by the delegate's routes") {
    AMesh mesh(two_versions +
               root("{match: [{uri: {prefix: /a}}], " + named + "}, {" + primary + "}") +
               delegate("{" + canary + "}"));
    CHECK(mesh.ask(mesh.gateway, "x", "/a").body == "from 127.64.0.2");
    CHECK(mesh.ask(mesh.gateway, "x", "/b").body == "from 127.64.0.1");
}

TEST_CASE("a delegate that changes, comes or goes changes its root") {
    AMesh mesh(two_versions + root("{" + named + "}"));
    CHECK(mesh.ask(mesh.gateway, "x").status == 404);
    add(mesh.builder, delegate("{" + canary + "}"));
    mesh.use();
    CHECK(mesh.ask(mesh.gateway, "x").body == "from 127.64.0.2");
    add(mesh.builder, delegate("{" + primary + "}"));
    mesh.use();
    CHECK(mesh.ask(mesh.gateway, "x").body == "from 127.64.0.1");
    mesh.builder.virtual_service({"test", "delegate"}, nullptr);
    mesh.use();
    CHECK(mesh.ask(mesh.gateway, "x").status == 404);
    // And the root that names it no more.
    add(mesh.builder, root("{" + primary + "}") + delegate("{" + canary + "}"));
    mesh.use();
    CHECK(mesh.ask(mesh.gateway, "x").body == "from 127.64.0.1");
}

TEST_CASE("a delegate's short names are of its own namespace, and it says who may name it") {
    const auto elsewhere = "{delegate: {name: delegate, namespace: other}}";
    AMesh mesh(
        two_versions +
        service("other", "web", {{.ns = "other", .workload = "web", .address = "127.64.0.9"}}) +
        root(elsewhere) + delegate("{route: [{destination: {host: web}}]}", "other"));
    CHECK(mesh.ask(mesh.gateway, "x").body == "from 127.64.0.9");
    add(mesh.builder,
        delegate("{route: [{destination: {host: web}}]}", "other", "exportTo: ['.'], "));
    mesh.use();
    CHECK(mesh.ask(mesh.gateway, "x").status == 404);
}

TEST_CASE("both conditions count, the delegate's where both say something, and maps are united") {
    const auto routes = merged(
        "name: r, match: [{name: m, uri: {prefix: /a}, headers: {x: {exact: '1'}}}], " + named,
        "{name: d, match: [{name: own, uri: {prefix: /a/b}, headers: {z: {exact: '2'}}}], " +
            canary + "}");
    REQUIRE(routes.size() == 1);
    CHECK(text_at(routes[0], {"name"}) == "r-d");
    const auto& match = array_at(routes[0], {"match"}).at(0);
    CHECK(text_at(match, {"name"}) == "m-own");
    CHECK(text_at(match, {"uri", "prefix"}) == "/a/b");
    CHECK(text_at(match, {"headers", "x", "exact"}) == "1");
    CHECK(text_at(match, {"headers", "z", "exact"}) == "2");
}

TEST_CASE("each condition of the root is joined with each of the delegate's that it lets through") {
    const auto routes =
        merged("match: [{uri: {prefix: /a}}, {uri: {prefix: /b}}], " + named,
               "{match: [{uri: {exact: /a/x}}, {method: {exact: GET}}], " + canary + "}");
    REQUIRE(routes.size() == 1);
    std::vector<std::string> matches;
    for (const auto& match : array_at(routes[0], {"match"})) matches.push_back(to_text(match));
    CHECK(matches ==
          std::vector<std::string>{R"({"uri":{"exact":"/a/x"}})",
                                   R"({"uri":{"prefix":"/a"},"method":{"exact":"GET"}})",
                                   R"({"uri":{"prefix":"/b"},"method":{"exact":"GET"}})"});
}

TEST_CASE("a delegate's route that asks for more than its root lets through is left out") {
    const auto count = [](const std::string& root_match, const std::string& own_match) {
        return merged("match: [{" + root_match + "}], " + named,
                      "{match: [{" + own_match + "}], " + canary + "}, {" + canary + "}")
            .size();
    };
    // The second route of the delegate says nothing, so it is always there.
    CHECK(count("uri: {prefix: /a}", "uri: {prefix: /a/b}") == 2);
    CHECK(count("uri: {prefix: /a}", "uri: {prefix: /b}") == 1);
    CHECK(count("uri: {exact: /a}", "uri: {prefix: /a}") == 1);
    CHECK(count("uri: {exact: /a}", "uri: {exact: /a}") == 2);
    CHECK(count("uri: {regex: '/a.*'}", "uri: {exact: /a}") == 1);
    CHECK(count("uri: {prefix: /a}", "uri: {regex: '/a.*'}") == 1);
    CHECK(count("uri: {regex: '/a.*'}", "method: {exact: GET}") == 2);
    CHECK(count("headers: {x: {exact: a}}", "headers: {x: {exact: b}}") == 1);
    CHECK(count("port: 80", "port: 81") == 1);
    // What must not be there leaves more out in a delegate, not less.
    CHECK(count("withoutHeaders: {x: {prefix: a}}", "withoutHeaders: {x: {exact: ab}}") == 1);
    CHECK(count("withoutHeaders: {x: {exact: ab}}", "withoutHeaders: {x: {prefix: a}}") == 2);
    CHECK(count("withoutHeaders: {x: {exact: ''}}", "withoutHeaders: {x: {}}") == 1);
    CHECK(count("withoutHeaders: {x: {exact: a}}", "withoutHeaders: {x: {}}") == 2);
    // Who does not look at the case lets more through.
    CHECK(count("uri: {prefix: /a}", "uri: {exact: /a}, ignoreUriCase: true") == 1);
    CHECK(count("uri: {prefix: /a}, ignoreUriCase: true", "uri: {exact: /A/b}") == 2);
    CHECK(count("sourceLabels: {app: a}", "sourceLabels: {app: b}") == 1);
    CHECK(count("gateways: [a]", "gateways: [b]") == 1);
    CHECK(count("gateways: [a, b]", "gateways: [b]") == 2);
}

TEST_CASE("whether the case counts goes with the path that counts") {
    const auto match_of = [](const std::string& root_match, const std::string& own_match) {
        const auto routes = merged("match: [{" + root_match + "}], " + named,
                                   "{match: [{" + own_match + "}], " + canary + "}");
        REQUIRE(routes.size() == 1);
        return to_text(array_at(routes[0], {"match"}).at(0));
    };
    CHECK(match_of("uri: {prefix: /a}, ignoreUriCase: true", "uri: {prefix: /a/b}") ==
          R"({"uri":{"prefix":"/a/b"}})");
    CHECK(match_of("uri: {prefix: /a}", "ignoreUriCase: true, method: {exact: GET}") ==
          R"({"uri":{"prefix":"/a"},"method":{"exact":"GET"}})");
    CHECK(match_of("uri: {prefix: /a}, ignoreUriCase: true", "method: {exact: GET}") ==
          R"({"uri":{"prefix":"/a"},"method":{"exact":"GET"},"ignoreUriCase":true})");
}

TEST_CASE("what a delegate leaves unset it has from its root") {
    const auto routes = merged(
        "timeout: 1s, retries: {attempts: 1}, headers: {request: {set: {a: b}}}, mirror: {host: "
        "m}, "
        "mirrorPercentage: {value: 5}, " +
            named,
        "{timeout: 2s, mirrors: [{destination: {host: n}}], " + canary + "}");
    REQUIRE(routes.size() == 1);
    CHECK(text_at(routes[0], {"timeout"}) == "2s");
    CHECK(integer_at(routes[0], {"retries", "attempts"}) == 1);
    CHECK(text_at(routes[0], {"headers", "request", "set", "a"}) == "b");
    CHECK(find(routes[0], {"mirror"}) == nullptr);
    CHECK(find(routes[0], {"mirrorPercentage"}) == nullptr);
    const auto inherited = merged("mirror: {host: m}, " + named, "{" + canary + "}");
    CHECK(text_at(inherited.at(0), {"mirror", "host"}) == "m.test.svc.cluster.local");
}

TEST_CASE("a delegate of a delegate, and one that has hosts, are not followed") {
    CHECK(merged(named, "{delegate: {name: more}}").empty());
    AMesh mesh(two_versions + root("{" + named + "}") +
               delegate("{" + canary + "}", "test", "hosts: [a], "));
    CHECK(mesh.ask(mesh.gateway, "x").status == 404);
}
