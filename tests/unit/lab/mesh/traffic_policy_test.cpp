// DestinationRules at work in virtual time (mesh-and-dashboard.md 1.11, 4.2).
#include "lab/mesh/traffic_policy.hpp"

#include "lab/mesh/consistent_hash.hpp"
#include "lab/mesh/outlier.hpp"
#include "unit/lab/mesh/a_mesh.hpp"

#include <set>

using namespace sluice;
using namespace sluice::mesh;
using namespace sluice::mesh::testing;

namespace {

const std::string five_pods = service("test",
                                      "web",
                                      {{.workload = "web", .address = "127.64.0.1"},
                                       {.workload = "web", .address = "127.64.0.2"},
                                       {.workload = "web", .address = "127.64.0.3"},
                                       {.workload = "web", .address = "127.64.0.4"},
                                       {.workload = "web", .address = "127.64.0.5"}});

std::string rule(const std::string& policy, const std::string& more = "") {
    return "---\nkind: DestinationRule\nmetadata: {name: web, namespace: test}\nspec: {host: web, "
           "trafficPolicy: {" +
           policy + "}" + more + "}\n";
}
std::string hashed(const std::string& by) {
    return rule("loadBalancer: {consistentHash: {" + by + "}}");
}

// Whom these headers reach, in a hundred requests.
std::set<std::string> reached(AMesh& mesh,
                              const net::Headers& headers,
                              const std::string& path = "/") {
    std::set<std::string> pods;
    for (int i = 0; i < 100; ++i)
        pods.insert(mesh.ask(mesh.sidecar, "web:9898", path, headers).body);
    return pods;
}

// Many requests at once; the statuses, when all have ended or are at work.
struct Crowd {
    AMesh& mesh;
    TaskGroup group{mesh.context.get_executor()};
    std::vector<std::optional<net::Response>> answers;

    Crowd(AMesh& the_mesh, std::size_t count) : mesh(the_mesh), answers(count) {
        for (auto& answer : answers)
            group.spawn("ask", mesh.run(mesh.sidecar, {.headers = {{"Host", "web:9898"}}}, answer));
        mesh.clock.run_for(milliseconds{1});
    }
    std::size_t with(int status) const {
        return static_cast<std::size_t>(
            std::count_if(answers.begin(), answers.end(), [&](const auto& answer) {
                return answer && answer->status == status;
            }));
    }
};

TrafficPolicy policy(const std::string& host,
                     const std::string& subset = "",
                     std::uint16_t port = 0) {
    const auto own = parse_traffic_policy(objects("{" + host + "}").at(0));
    if (subset.empty()) return policy_for(own, nullptr, port);
    const auto narrower = parse_traffic_policy(objects("{" + subset + "}").at(0));
    return policy_for(own, &narrower, port);
}

}  // namespace

TEST_CASE("the same header, cookie, parameter or address leads to the same pod") {
    for (const auto* method :
         {"", ", ringHash: {minimumRingSize: 64}", ", maglev: {tableSize: 101}"}) {
        AMesh mesh(five_pods + hashed(std::string("httpHeaderName: x-user") + method));
        std::set<std::string> all;
        for (int user = 0; user < 40; ++user) {
            const auto pods = reached(mesh, {{"x-user", std::to_string(user)}});
            CHECK(pods.size() == 1);
            all.insert(*pods.begin());
        }
        CHECK(all.size() == 5);
        // Who has none goes anywhere.
        CHECK(reached(mesh, {}).size() == 5);
    }
    AMesh by_query(five_pods + hashed("httpQueryParameterName: user"));
    CHECK(reached(by_query, {}, "/?user=a%20b").size() == 1);
    CHECK(reached(by_query, {}, "/?user=a%20b") == reached(by_query, {}, "/x?y=1&user=a+b"));
    CHECK(reached(by_query, {}, "/?users=a").size() == 5);
    AMesh by_address(five_pods + hashed("useSourceIp: true"));
    CHECK(reached(by_address, {}).size() == 1);
    AMesh by_cookie(five_pods + hashed("httpCookie: {name: user}"));
    CHECK(reached(by_cookie, {{"Cookie", "a=b; user=c"}}).size() == 1);
    CHECK(reached(by_cookie, {{"Cookie", "a=b"}}).size() == 5);
}

TEST_CASE("most keys stay with their pod when another one goes") {
    for (const auto method : {ConsistentHash::Method::ring, ConsistentHash::Method::maglev}) {
        ConsistentHash how;
        how.method = method;
        how.size = 1009;
        const HashTable before(how, {"a", "b", "c", "d", "e"}), after(how, {"a", "b", "c", "d"});
        int moved = 0, of_the_gone = 0;
        for (std::uint64_t i = 0; i < 1000; ++i) {
            const auto key = stable_hash(std::to_string(i));
            const auto was = before.member_of(key);
            if (was == 4)
                ++of_the_gone;
            else
                moved += after.member_of(key) != was;
        }
        CHECK(of_the_gone > 100);
        CHECK(of_the_gone < 300);
        CHECK(moved < 160);
        if (method == ConsistentHash::Method::ring) CHECK(moved == 0);
    }
}

TEST_CASE("a cookie that is missing is made, and brings its holder back to the same pod") {
    AMesh mesh(five_pods + hashed("httpCookie: {name: user, path: /app, ttl: 60s, attributes: "
                                  "[{name: SameSite, value: Lax}, {name: Secure}]}"));
    const auto first = mesh.ask(mesh.sidecar, "web:9898");
    const auto cookie = std::string(first.headers.get("set-cookie").value_or(""));
    CHECK(cookie.starts_with("user=\""));
    CHECK(cookie.ends_with("\"; Max-Age=60; Path=/app; SameSite=Lax; Secure; HttpOnly"));
    const auto held = cookie.substr(0, cookie.find(';'));
    CHECK(reached(mesh, {{"Cookie", held}}) == std::set<std::string>{first.body});
    CHECK_FALSE(
        mesh.ask(mesh.sidecar, "web:9898", "/", {{"Cookie", held}}).headers.get("set-cookie"));

    add(mesh.builder, hashed("httpCookie: {name: user, ttl: 0s}"));
    mesh.use();
    const auto session =
        std::string(mesh.ask(mesh.sidecar, "web:9898").headers.get("set-cookie").value_or(""));
    CHECK(session.ends_with("\"; HttpOnly"));
    CHECK(session.find("Max-Age") == std::string::npos);
    add(mesh.builder, hashed("httpCookie: {name: user}"));
    mesh.use();
    CHECK_FALSE(mesh.ask(mesh.sidecar, "web:9898").headers.get("set-cookie"));
}

TEST_CASE("more requests than a cluster may have at once are answered 503 with UO") {
    AMesh mesh(five_pods + rule("connectionPool: {http: {http2MaxRequests: 3}}"));
    for (int pod = 1; pod <= 5; ++pod)
        mesh.pods.scripts["127.64.0." + std::to_string(pod)] = {{.delay = seconds{1}}};
    Crowd crowd(mesh, 5);
    REQUIRE(crowd.with(503) == 2);
    for (const auto& answer : crowd.answers) {
        if (!answer) continue;
        CHECK(answer->body.ends_with("reset reason: overflow"));
        CHECK(answer->headers.get("x-envoy-overloaded") == "true");
    }
    CHECK(mesh.counted() == Lines{"source 503 UO web->unknown web 2"});
    mesh.clock.run_for(seconds{2});
    CHECK(crowd.with(200) == 3);
    CHECK(mesh.ask(mesh.sidecar, "web:9898").status == 200);
}

TEST_CASE("requests wait for a connection, as many as may, and go on when one is free") {
    AMesh mesh(
        service("test", "web", {{.workload = "web", .address = "127.64.0.1"}}) +
        rule("connectionPool: {tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 2}}"));
    mesh.pods.scripts["127.64.0.1"] = {{.delay = seconds{1}}};
    Crowd crowd(mesh, 4);
    CHECK(crowd.with(503) == 1);
    CHECK(mesh.pods.asked.size() == 1);
    mesh.clock.run_for(milliseconds{1500});
    CHECK(crowd.with(200) == 1);
    CHECK(mesh.pods.asked.size() == 2);
    mesh.clock.run_for(seconds{3});
    CHECK(crowd.with(200) == 3);
}

TEST_CASE("who waits for a connection longer than its route allows is told so") {
    AMesh mesh(service("test", "web", {{.workload = "web", .address = "127.64.0.1"}}) +
               rule("connectionPool: {tcp: {maxConnections: 1}}") +
               "---\nkind: VirtualService\nmetadata: {name: web, namespace: test}\nspec: {hosts: "
               "[web], http: [{timeout: 2s, route: [{destination: {host: web}}]}]}");
    mesh.pods.scripts["127.64.0.1"] = {{.delay = seconds{9}}};
    Crowd crowd(mesh, 2);
    mesh.clock.run_for(seconds{3});
    CHECK(crowd.with(504) == 2);
    CHECK(mesh.pods.asked.size() == 1);
}

TEST_CASE("only so many retries are under way at once") {
    AMesh mesh(five_pods + rule("connectionPool: {http: {maxRetries: 1}}") +
               "---\nkind: VirtualService\nmetadata: {name: web, namespace: test}\nspec: {hosts: "
               "[web], http: [{retries: {attempts: 1, retryOn: 5xx, backoff: 1ms}, route: "
               "[{destination: {host: web}}]}]}");
    for (int pod = 1; pod <= 5; ++pod)
        mesh.pods.scripts["127.64.0." + std::to_string(pod)] = {
            {.status = 503, .delay = seconds{1}}};
    Crowd crowd(mesh, 3);
    mesh.clock.run_for(seconds{5});
    CHECK(crowd.with(503) == 3);
    CHECK(mesh.pods.asked.size() == 4);
    const auto counted = mesh.counted();
    CHECK(std::find(counted.begin(), counted.end(), "source 503 UO web->web web 2") !=
          counted.end());
}

TEST_CASE("one request for each connection is said to the pod") {
    AMesh mesh(five_pods + rule("connectionPool: {http: {maxRequestsPerConnection: 1}}"));
    mesh.ask(mesh.sidecar, "web:9898");
    CHECK(mesh.pods.asked.at(0).headers.get("connection") == "close");
}

TEST_CASE("a pod that fails in a row is left out for a while, longer each time") {
    AMesh mesh(five_pods + rule("outlierDetection: {consecutive5xxErrors: 3, interval: 10s, "
                                "baseEjectionTime: 10s, maxEjectionPercent: 20}"));
    mesh.pods.scripts["127.64.0.3"] = {{.status = 500}};
    const auto failed = [&](int requests) {
        int count = 0;
        for (int i = 0; i < requests; ++i)
            count += mesh.ask(mesh.sidecar, "web:9898").status == 500;
        return count;
    };
    CHECK(failed(80) == 3);  // 8 s
    mesh.clock.run_for(seconds{13});
    CHECK(failed(150) == 3);  // 15 s of the second time's 20
    mesh.pods.scripts["127.64.0.3"] = {{.status = 200}};
    mesh.clock.run_for(seconds{20});
    CHECK(reached(mesh, {}).size() == 5);
}

TEST_CASE("no more pods are left out than the rule allows, of two by default none") {
    const auto two = service("test",
                             "web",
                             {{.workload = "web", .address = "127.64.0.1"},
                              {.workload = "web", .address = "127.64.0.2"}});
    for (const auto& [more, is_left_out] : {std::pair{"", false},
                                            std::pair{", maxEjectionPercent: 49", false},
                                            std::pair{", maxEjectionPercent: 50", true}}) {
        AMesh mesh(two +
                   rule(std::string("outlierDetection: {consecutive5xxErrors: 1") + more + "}"));
        mesh.pods.scripts["127.64.0.2"] = {{.status = 500}};
        int failed = 0;
        for (int i = 0; i < 60; ++i) failed += mesh.ask(mesh.sidecar, "web:9898").status == 500;
        CHECK((failed == 1) == is_left_out);
    }
}

TEST_CASE("when too few would be left everybody is asked again") {
    AMesh mesh(five_pods + rule("outlierDetection: {consecutive5xxErrors: 1, maxEjectionPercent: "
                                "100, minHealthPercent: 50}"));
    for (int pod = 1; pod <= 3; ++pod)
        mesh.pods.scripts["127.64.0." + std::to_string(pod)] = {{.status = 500}};
    for (int i = 0; i < 60; ++i) mesh.ask(mesh.sidecar, "web:9898");
    CHECK(reached(mesh, {}).size() == 5);
}

TEST_CASE("what counts as a failure is the rule's to say") {
    using Result = OutlierDetector::Result;
    const Time start{};
    const auto ejects = [&](OutlierRules rules, const std::vector<Result>& results) {
        rules.ejected_percent_max = 100;
        OutlierDetector detector;
        for (const auto result : results) detector.report(rules, 7, result, 5, start);
        return detector.is_ejected(7, start);
    };
    CHECK(ejects({.errors_5xx = 2}, {Result::server_error, Result::gateway_error}));
    CHECK(ejects({.errors_5xx = 2}, {Result::local_failure, Result::local_failure}));
    CHECK_FALSE(
        ejects({.errors_5xx = 2}, {Result::server_error, Result::good, Result::server_error}));
    CHECK_FALSE(ejects({.errors_5xx = 0}, std::vector<Result>(50, Result::server_error)));
    CHECK(ejects({.errors_5xx = 0, .gateway_errors = 2},
                 {Result::gateway_error, Result::gateway_error}));
    CHECK_FALSE(ejects({.errors_5xx = 0, .gateway_errors = 2},
                       {Result::gateway_error, Result::server_error, Result::gateway_error}));
    CHECK(ejects({.errors_5xx = 0, .local_failures = 2, .tells_local_apart = true},
                 {Result::local_failure, Result::local_failure}));
    CHECK_FALSE(ejects({.errors_5xx = 2, .local_failures = 9, .tells_local_apart = true},
                       {Result::local_failure, Result::local_failure}));
    CHECK(OutlierDetector::result_of(499) == Result::good);
    CHECK(OutlierDetector::result_of(500) == Result::server_error);
    CHECK(OutlierDetector::result_of(504) == Result::gateway_error);
}

TEST_CASE(
    "a subset's blocks take the place of its host's, and a port's settings that of everything") {
    const std::string host =
        "loadBalancer: {simple: ROUND_ROBIN}, connectionPool: {http: {maxRetries: 4}}, "
        "outlierDetection: {}, portLevelSettings: [{port: {number: 80}, loadBalancer: {simple: "
        "RANDOM}}]";
    CHECK(policy(host).balancing == LoadBalancing::round_robin);
    CHECK(policy(host).outliers->errors_5xx == 5);
    const auto subset = policy(host, "connectionPool: {http: {http2MaxRequests: 1}}");
    CHECK(subset.balancing == LoadBalancing::round_robin);
    CHECK(subset.limits.requests == 1);
    CHECK_FALSE(subset.limits.retries);
    // Nothing is inherited.
    const auto port = policy(host, "", 80);
    CHECK(port.balancing == LoadBalancing::random);
    CHECK_FALSE(port.is_stateful());
    CHECK(policy(host, "", 81).limits.retries == 4);
    const auto both = policy(host,
                             "outlierDetection: {consecutive5xxErrors: 1}, portLevelSettings: "
                             "[{port: {number: 81}, connectionPool: {http: {maxRetries: 9}}}]",
                             81);
    CHECK(both.balancing == LoadBalancing::least_request);
    CHECK(both.limits.retries == 9);
    CHECK(both.outliers == nullptr);
    CHECK(policy(host, "outlierDetection: {consecutive5xxErrors: 1}", 80).outliers->errors_5xx ==
          1);
    CHECK_FALSE(policy("loadBalancer: {simple: RANDOM}").is_stateful());
}

TEST_CASE("a policy of one port leaves the others alone, and a subset's counts for its own pods") {
    AMesh mesh(R"(---
kind: Service
metadata: {name: web, namespace: test}
spec: {ports: [{name: a, port: 80}, {name: b, port: 81}]}
---
kind: EndpointSlice
metadata: {name: web-1, namespace: test, labels: {kubernetes.io/service-name: web}}
ports: [{name: a, port: 8080}, {name: b, port: 8081}]
endpoints: [{addresses: [127.64.0.1]}]
)" + rule("portLevelSettings: [{port: {number: 81}, connectionPool: {http: "
          "{maxRequestsPerConnection: 1}}}]"));
    mesh.ask(mesh.sidecar, "web:80");
    mesh.ask(mesh.sidecar, "web:81");
    CHECK_FALSE(mesh.pods.asked.at(0).headers.get("connection"));
    CHECK(mesh.pods.asked.at(1).headers.get("connection") == "close");
}

TEST_CASE("a mirror's limit drops copies and no user") {
    AMesh mesh(two_versions + routed("mirror: {host: podinfo-canary}, ", 0) +
               "---\nkind: DestinationRule\nmetadata: {name: c, namespace: test}\nspec: {host: "
               "podinfo-canary, trafficPolicy: {connectionPool: {http: {http2MaxRequests: 1}}}}");
    mesh.pods.scripts["127.64.0.2"] = {{.delay = seconds{5}}};
    for (int i = 0; i < 3; ++i) CHECK(mesh.ask(mesh.gateway, "x").body == "from 127.64.0.1");
    CHECK(std::count_if(mesh.pods.asked.begin(), mesh.pods.asked.end(), [](const auto& request) {
              return request.origin.host == "127.64.0.2";
          }) == 1);
}
