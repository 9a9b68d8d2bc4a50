// Mirroring in virtual time: 127.64.0.1 answers users, 127.64.0.2 gets copies
// (mesh-and-dashboard.md 4.4, and 2.3 rule 5).
#include "lab/mesh/mirroring.hpp"

#include "unit/lab/mesh/a_mesh.hpp"

#include <algorithm>

using namespace sluice;
using namespace sluice::mesh;
using namespace sluice::mesh::testing;

namespace {

const std::string mirror = "mirror: {host: podinfo-canary}, ";
const std::string user = "127.64.0.1", copy = "127.64.0.2";

// Those that this pod was asked, in order.
std::vector<net::Request> asked(const AMesh& mesh, const std::string& address) {
    std::vector<net::Request> requests;
    for (const auto& request : mesh.pods.asked) {
        if (request.origin.host == address) requests.push_back(request);
    }
    return requests;
}

bool is_counted(AMesh& mesh, const std::string& line) {
    const auto lines = mesh.counted();
    return std::find(lines.begin(), lines.end(), line) != lines.end();
}

net::Request upload(AMesh& mesh, std::vector<std::string> parts) {
    net::Request request{.method = "POST", .headers = {{"Host", "x"}}};
    request.stream = std::make_shared<PartsOverTime>(mesh.clock, std::move(parts));
    return request;
}

}  // namespace

TEST_CASE("a mirrored request is answered by its destination, and copied as it is sent there") {
    AMesh mesh(two_versions +
               routed("match: [{uri: {prefix: /old}}], rewrite: {uri: /new}, headers: {request: "
                      "{set: {x-tag: a}}}, " +
                          mirror,
                      0));
    net::Request request{.method = "POST",
                         .target = "/old/x?y=1",
                         .headers = {{"Host", "web.example.com:80"}, {"x-mine", "1"}}};
    request.body = "hello";
    const auto answer = mesh.ask(mesh.gateway, std::move(request));
    CHECK(answer.body == "from " + user);
    mesh.clock.run_for(milliseconds{1});
    REQUIRE(asked(mesh, user).size() == 1);
    REQUIRE(asked(mesh, copy).size() == 1);
    const auto theirs = asked(mesh, user).at(0), copied = asked(mesh, copy).at(0);
    CHECK(copied.method == "POST");
    CHECK(copied.target == "/new/x?y=1");
    CHECK(copied.body == "hello");
    for (const auto* name : {"host", "x-mine", "x-tag", "x-request-id", "x-envoy-original-path"}) {
        CHECK(copied.headers.get(name).has_value());
        CHECK(copied.headers.get(name) == theirs.headers.get(name));
    }
}

TEST_CASE("a copy is counted by its pod's proxy and by nobody else") {
    AMesh mesh(two_versions + routed(mirror, 0));
    mesh.pods.scripts[copy] = {{.status = 500}};
    CHECK(mesh.ask(mesh.gateway, "x").status == 200);
    mesh.clock.run_for(milliseconds{1});
    CHECK(mesh.counted() == Lines{"destination 500 - test-imgw->podinfo podinfo-canary 1",
                                  "destination 200 - test-imgw->podinfo-primary podinfo-primary 1",
                                  "source 200 - test-imgw->podinfo-primary podinfo-primary 1"});
    CHECK(mesh.metrics.upstream_active == 0);
}

TEST_CASE("a copy never delays its user, and ends after fifteen seconds or the route's timeout") {
    AMesh mesh(two_versions + routed(mirror, 0));
    mesh.pods.scripts[copy] = {{.delay = std::chrono::hours{1}}};
    const auto began = mesh.clock.now();
    CHECK(mesh.ask(mesh.gateway, "x").status == 200);
    CHECK(mesh.clock.now() - began <= milliseconds{100});
    mesh.clock.run_for(seconds{14});
    CHECK(mesh.metrics.upstream_active == 1);
    mesh.clock.run_for(seconds{2});
    CHECK(mesh.metrics.upstream_active == 0);
    CHECK(is_counted(mesh, "destination 0 DC test-imgw->podinfo podinfo-canary 1"));
    CHECK(asked(mesh, copy).size() == 1);

    add(mesh.builder, routed("timeout: 2s, " + mirror, 0));
    mesh.use();
    mesh.ask(mesh.gateway, "x");
    mesh.clock.run_for(seconds{3});
    CHECK(mesh.metrics.upstream_active == 0);
    CHECK(is_counted(mesh, "destination 0 DC test-imgw->podinfo podinfo-canary 2"));
}

TEST_CASE("a mirror that is away, refuses or does not exist is not felt by the user") {
    AMesh mesh(two_versions + routed("retries: {attempts: 3, retryOn: 5xx}, " + mirror, 0));
    mesh.pods.scripts[copy] = {
        {.error =
             Error{ErrorKind::unreachable, "connecting to 127.64.0.2:9898: connection refused"}}};
    CHECK(mesh.ask(mesh.gateway, "x").body == "from " + user);
    mesh.clock.run_for(seconds{1});
    // Once: a copy is not retried.
    CHECK(asked(mesh, copy).size() == 1);
    CHECK(mesh.counted() == Lines{"destination 200 - test-imgw->podinfo-primary podinfo-primary 1",
                                  "source 200 - test-imgw->podinfo-primary podinfo-primary 1"});
    add(mesh.builder, routed("mirror: {host: nowhere}, ", 0));
    mesh.use();
    CHECK(mesh.ask(mesh.gateway, "x").body == "from " + user);
}

TEST_CASE("a percentage copies that share, zero copies nothing, and each of several has its own") {
    const auto copies_of = [](const std::string& route) {
        AMesh mesh(two_versions +
                   service("test", "third", {{.workload = "third", .address = "127.64.0.3"}}) +
                   routed(route, 0));
        for (int i = 0; i < 400; ++i) mesh.ask(mesh.gateway, "x");
        return std::pair(asked(mesh, copy).size(), asked(mesh, "127.64.0.3").size());
    };
    const auto quarter = copies_of(mirror + "mirrorPercentage: {value: 25}, ");
    CHECK(quarter.first > 60);
    CHECK(quarter.first < 140);
    CHECK(copies_of(mirror + "mirrorPercentage: {value: 0}, ").first == 0);
    CHECK(copies_of(mirror + "mirrorPercent: 0, ").first == 0);
    const auto two = copies_of(
        "mirrors: [{destination: {host: podinfo-canary}}, {destination: {host: third}, percentage: "
        "{value: 50}}], ");
    CHECK(two.first == 400);
    CHECK(two.second > 150);
    CHECK(two.second < 250);
}

TEST_CASE("a body that comes bit by bit reaches the copy, too") {
    AMesh mesh(two_versions + routed(mirror, 0));
    CHECK(mesh.ask(mesh.gateway, upload(mesh, {"one ", "two ", "three"})).status == 200);
    mesh.clock.run_for(milliseconds{50});
    CHECK(asked(mesh, user).at(0).body == "one two three");
    CHECK(asked(mesh, copy).at(0).body == "one two three");
    CHECK(is_counted(mesh, "destination 200 - test-imgw->podinfo podinfo-canary 1"));
}

TEST_CASE("a copy that takes its body too slowly is broken off, and the user's goes on") {
    AMesh mesh(two_versions + routed(mirror, 0));
    mesh.pods.scripts[copy] = {{.delay = seconds{10}, .reads = false}};
    const std::vector<std::string> parts(40, std::string(64 * 1024, 'x'));
    CHECK(mesh.ask(mesh.gateway, upload(mesh, parts)).status == 200);
    CHECK(asked(mesh, user).at(0).body.size() == 40 * 64 * 1024);
    CHECK(mesh.metrics.upstream_active == 0);
    CHECK(is_counted(mesh, "destination 0 DC test-imgw->podinfo podinfo-canary 1"));
}

TEST_CASE("a copy of a body that the user does not finish is broken off") {
    AMesh mesh(two_versions + routed(mirror, 0));
    mesh.pods.scripts[user] = {{.status = 413, .reads = false}};
    CHECK(mesh.ask(mesh.gateway, upload(mesh, {"a", "b"})).status == 413);
    mesh.clock.run_for(milliseconds{50});
    CHECK(asked(mesh, copy).empty());
    CHECK(mesh.metrics.upstream_active == 0);
}

TEST_CASE("a body of more than a mebibyte in one piece is not copied") {
    AMesh mesh(two_versions + routed(mirror, 0));
    net::Request request{.method = "POST", .headers = {{"Host", "x"}}};
    request.body = std::string(copied_body_max + 1, 'x');
    CHECK(mesh.ask(mesh.gateway, std::move(request)).status == 200);
    mesh.clock.run_for(milliseconds{50});
    CHECK(asked(mesh, copy).empty());
}

TEST_CASE("only so many copies are under way at once") {
    AMesh mesh(two_versions + routed(mirror, 0));
    mesh.pods.scripts[copy] = {{.delay = seconds{14}}};
    std::vector<std::optional<net::Response>> answers(copies_max + 20);
    TaskGroup group(mesh.context.get_executor());
    for (auto& answer : answers)
        group.spawn("ask", mesh.run(mesh.gateway, {.headers = {{"Host", "x"}}}, answer));
    mesh.clock.run_for(milliseconds{1});
    for (const auto& answer : answers) CHECK(answer.value().status == 200);
    CHECK(asked(mesh, copy).size() == copies_max);
}

TEST_CASE("copies that are under way end with the proxy") {
    AMesh mesh(two_versions + routed(mirror, 0));
    mesh.pods.scripts[copy] = {{.delay = seconds{14}}};
    mesh.ask(mesh.gateway, "x");
    CHECK(mesh.metrics.upstream_active == 1);
    bool has_stopped = false;
    TaskGroup group(mesh.context.get_executor());
    group.spawn("stop", [](MeshProxy& proxy, bool& done) -> Task<> {
        co_await proxy.stop();
        done = true;
    }(mesh.proxy, has_stopped));
    mesh.clock.run_for(milliseconds{1});
    CHECK(has_stopped);
    CHECK(mesh.metrics.upstream_active == 0);
}

TEST_CASE("a copy's host is the user's, and before Istio 1.28 it ended in -shadow") {
    AMesh mesh(two_versions + routed(mirror, 0), {.shadow_host = true});
    mesh.ask(mesh.gateway, "web.example.com:8080");
    mesh.ask(mesh.gateway, "web.example.com");
    mesh.clock.run_for(milliseconds{1});
    CHECK(asked(mesh, user).at(0).headers.get("host") == "web.example.com:8080");
    CHECK(asked(mesh, copy).at(0).headers.get("host") == "web.example.com-shadow:8080");
    CHECK(asked(mesh, copy).at(1).headers.get("host") == "web.example.com-shadow");
}

TEST_CASE("who hands a copy on reaches the same service, by its host with -shadow") {
    AMesh mesh(two_versions + routed("", 0) +
               service("test", "a-shadow", {{.workload = "a", .address = "127.64.0.5"}}));
    for (const auto* host : {"podinfo-primary-shadow:9898",
                             "podinfo-primary.test-shadow:9898",
                             "podinfo-primary.test.svc.cluster.local-shadow:9898"})
        CHECK(mesh.ask(mesh.sidecar, host).body == "from " + user);
    CHECK(mesh.ask(mesh.from_outside, "podinfo-primary.test-shadow:9898").body == "from " + user);
    CHECK(mesh.ask(mesh.gateway, "web.example.com-shadow").body == "from " + user);
    // Somebody who is really called so comes first.
    CHECK(mesh.ask(mesh.sidecar, "a-shadow:9898").body == "from 127.64.0.5");
}
