#include "controller/peers.hpp"

#include "base/async/task_group.hpp"
#include "base/async/virtual_clock.hpp"
#include "net/in_process.hpp"
#include "support/scripted_server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::controller;
using namespace std::chrono_literals;

namespace {

// "" when nobody runs, who runs, or "error: …".
Task<> look(Peers& peers, std::string& found) {
    const auto peer = co_await peers.find_running();
    found = peer ? peer->value_or("") : "error: " + peer.error().message;
}

struct Bench {
    boost::asio::io_context context;
    VirtualClock clock{context, *parse_rfc3339("2026-01-01T00:00:00Z")};
    test::ScriptedServer server{context.get_executor()};
    net::InProcessClient http{clock, server};
    kube::Client client{clock, http, {}};
    Peers peers{clock, client, {.ns = "ops", .pod = "sluice-1-2"}};
    TaskGroup tasks{context.get_executor()};

    Bench() {
        server.on("GET /apis/apps/v1/deployments", 200, R"({"items":[]})");
        server.on("GET /apis/coordination.k8s.io/v1/namespaces", 404, "");
    }
    std::string find() {
        std::string found = "no answer";
        tasks.spawn("look", look(peers, found));
        clock.run_for(5min);
        return found;
    }
};

const std::string lease_in = "GET /apis/coordination.k8s.io/v1/namespaces/";

}  // namespace

TEST_CASE("where nobody is and where nothing may be read, no peer runs") {
    Bench bench;
    CHECK(bench.find().empty());
    bench.server.on("GET /apis/apps/v1/deployments", 403, "");
    bench.server.on(lease_in + "istio-system", 403, "");
    CHECK(bench.find().empty());
}

TEST_CASE("a server that cannot answer does not say that no peer runs") {
    Bench bench;
    bench.server.on(lease_in + "kube-system", 503, "");
    CHECK(bench.find().starts_with(
        "error: reading Lease flagger-leader-election.kube-system: the server is currently"));
    bench.server.on("GET /apis/apps/v1/deployments", 500, "broken");
    CHECK(bench.find().starts_with("error: looking for a Deployment of Flagger: "));
}

TEST_CASE("a lease that is held is a peer until it has stood still for its duration") {
    Bench bench;
    bench.server.on(lease_in + "kube-system",
                    200,
                    R"({"spec":{"holderIdentity":"flagger-7","leaseDurationSeconds":400}})");
    const std::string held = "Lease flagger-leader-election.kube-system is held by flagger-7";
    CHECK(bench.find() == held);
    CHECK(bench.find() == held);
    CHECK(bench.find().empty());
}
