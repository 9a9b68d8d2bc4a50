// Faults on purpose, in virtual time (mesh-and-dashboard.md 1.3, 2.6).
#include "lab/mesh/fault.hpp"

#include "unit/lab/mesh/a_mesh.hpp"

using namespace sluice;
using namespace sluice::mesh;
using namespace sluice::mesh::testing;

TEST_CASE("an aborted request is answered by the proxy, and counted with FI") {
    AMesh mesh(two_versions +
               routed("fault: {abort: {percentage: {value: 100}, httpStatus: 418}}, ", 0));
    const auto answer = mesh.ask(mesh.gateway, "x");
    CHECK(answer.status == 418);
    CHECK(answer.body == "fault filter abort");
    CHECK(mesh.pods.asked.empty());
    CHECK(mesh.counted() == Lines{"source 418 FI test-imgw->unknown unknown 1"});
}

TEST_CASE("a delayed request waits, and is then answered as always, with DI") {
    AMesh mesh(two_versions +
               routed("fault: {delay: {percentage: {value: 100}, fixedDelay: 5s}}, ", 0));
    const auto began = mesh.clock.now();
    CHECK(mesh.ask(mesh.gateway, "x").body == "from 127.64.0.1");
    CHECK(mesh.clock.now() - began >= seconds{5});
    CHECK(mesh.counted() == Lines{"destination 200 - test-imgw->podinfo-primary podinfo-primary 1",
                                  "source 200 DI test-imgw->podinfo-primary podinfo-primary 1"});
}

TEST_CASE("delay and abort are drawn apart, and both may meet one request") {
    AMesh mesh(two_versions + routed("fault: {delay: {percentage: {value: 100}, fixedDelay: 1s}, "
                                     "abort: {percentage: {value: 100}, httpStatus: 500}}, ",
                                     0));
    const auto began = mesh.clock.now();
    CHECK(mesh.ask(mesh.gateway, "x").status == 500);
    CHECK(mesh.clock.now() - began >= seconds{1});
    CHECK(mesh.counted() == Lines{"source 500 DI,FI test-imgw->unknown unknown 1"});
}

TEST_CASE("a fault meets its share of the requests, and nobody where no percentage is given") {
    const auto aborted = [](const std::string& abort) {
        AMesh mesh(two_versions + routed("fault: {abort: {" + abort + "}}, ", 0));
        int count = 0;
        for (int i = 0; i < 400; ++i) count += mesh.ask(mesh.gateway, "x").status == 500;
        return count;
    };
    const auto quarter = aborted("percentage: {value: 25}, httpStatus: 500");
    CHECK(quarter > 60);
    CHECK(quarter < 140);
    CHECK(aborted("httpStatus: 500") == 0);
    CHECK(aborted("percentage: {}, httpStatus: 500") == 0);
    // It does not say by which error.
    CHECK(aborted("percentage: {value: 100}") == 0);
}

TEST_CASE("the older integer percent counts for delays, where the newer one is absent") {
    CHECK(parse_fault(objects("delay: {percent: 40, fixedDelay: 1s}").at(0))->delay_share ==
          doctest::Approx(0.4));
    CHECK(parse_fault(objects("delay: {fixedDelay: 1s}").at(0))->delay_share == 0);
    CHECK(
        parse_fault(objects("delay: {percentage: {value: 0.5}, percent: 40, fixedDelay: 1s}").at(0))
            ->delay_share == doctest::Approx(0.005));
}

TEST_CASE("timeout and retries do not count for a request that a fault has met") {
    AMesh mesh(two_versions +
               routed("timeout: 1s, retries: {attempts: 3, retryOn: 5xx}, fault: {delay: "
                      "{percentage: {value: 100}, fixedDelay: 3s}}, ",
                      0));
    mesh.pods.scripts["127.64.0.1"] = {{.status = 503, .delay = seconds{2}}};
    CHECK(mesh.ask(mesh.gateway, "x").status == 503);
    CHECK(mesh.pods.asked.size() == 1);
    CHECK(mesh.counted().back() == "source 503 DI test-imgw->podinfo-primary podinfo-primary 1");
}

TEST_CASE("a gRPC fault is a status in the answer's headers, and for others what says the same") {
    AMesh mesh(two_versions +
               routed("fault: {abort: {percentage: {value: 100}, grpcStatus: UNAVAILABLE}}, ", 0));
    const auto answer = mesh.ask(mesh.gateway, "x", "/", {{"content-type", "application/grpc"}});
    CHECK(answer.status == 200);
    CHECK(answer.headers.get("grpc-status") == "14");
    CHECK(answer.headers.get("grpc-message") == "fault filter abort");
    CHECK(mesh.ask(mesh.gateway, "x").status == 503);
}

TEST_CASE("who was held up goes by the weights and pods of when it goes on") {
    AMesh mesh(two_versions +
               routed("fault: {delay: {percentage: {value: 100}, fixedDelay: 5s}}, ", 100));
    std::optional<net::Response> answer;
    TaskGroup group(mesh.context.get_executor());
    group.spawn("ask", mesh.run(mesh.gateway, {.headers = {{"Host", "x"}}}, answer));
    mesh.clock.run_for(seconds{2});
    add(mesh.builder, routed("", 0));
    mesh.use();
    mesh.clock.run_for(seconds{4});
    REQUIRE(answer.has_value());
    CHECK(answer->body == "from 127.64.0.1");
}

TEST_CASE("a caller that goes away while it is held up is counted with code 0") {
    AMesh mesh(two_versions +
               routed("fault: {delay: {percentage: {value: 100}, fixedDelay: 60s}}, ", 0));
    std::optional<net::Response> answer;
    {
        TaskGroup group(mesh.context.get_executor());
        group.spawn("ask", mesh.run(mesh.gateway, {.headers = {{"Host", "x"}}}, answer));
        mesh.clock.run_for(seconds{1});
        group.cancel();
        mesh.clock.run_for(seconds{1});
    }
    CHECK(mesh.counted() == Lines{"source 0 DI,DC test-imgw->unknown unknown 1"});
    CHECK(mesh.metrics.requests_in_flight == 0);
}
