// The mesh over real sockets: a gateway's port, two versions behind it, and what Prometheus reads.
#include "lab/mesh/listeners.hpp"

#include "app/real_world.hpp"
#include "base/async/task_group.hpp"
#include "net/client.hpp"
#include "unit/lab/mesh/objects.hpp"

#include <boost/asio/io_context.hpp>

#include <exception>
#include <map>

using namespace sluice;
using namespace sluice::mesh;
using namespace sluice::mesh::testing;
using std::chrono::seconds;

namespace {

class App final : public net::Handler {
   public:
    App(Executor executor, Clock& clock, std::string name)
        : name_(std::move(name)), clock_(clock), server_(executor, clock, *this) {
        port = server_.listen("127.0.0.1", 0).value();
    }
    Task<net::Response> handle(net::Request request) override {
        if (request.target == "/slow") co_await clock_.sleep_for(seconds{5});
        if (request.target == "/echo") {
            net::Response response;
            response.body = request.body;
            co_return response;
        }
        if (request.target == "/large") {
            net::Response response;
            response.body = std::string(3'000'000, 'x');
            co_return response;
        }
        net::Response response{
            .headers = {{"X-Host", std::string(request.headers.get("host").value_or("none"))}}};
        response.body = name_;
        co_return response;
    }
    Task<> stop() { return server_.stop(seconds{0}); }

    std::uint16_t port = 0;

   private:
    std::string name_;
    Clock& clock_;
    net::HttpServer server_;
};

// One thread with everything: two versions behind one Service, told apart by subsets.
struct ALiveMesh {
    boost::asio::io_context context;
    std::unique_ptr<Clock> clock = make_real_clock();
    SeededRandom random{7};
    App one{context.get_executor(), *clock, "one"}, two{context.get_executor(), *clock, "two"};
    net::SocketClient upstream{context.get_executor(), *clock};
    IstioMetrics metrics{{}};
    MeshProxy proxy{*clock, random, upstream, metrics};
    net::TcpConnector streams{*clock};
    Connections connections{proxy, streams};
    Listeners listeners{context.get_executor(), *clock, proxy, connections, metrics};
    net::SocketClient client{context.get_executor(), *clock};
    std::uint16_t gateway = 0, scrape = 0;

    ALiveMesh() {
        TableBuilder builder;
        add(builder,
            article_gateway +
                service("test",
                        "podinfo",
                        {{.workload = "podinfo-primary",
                          .address = "127.0.0.1",
                          .version = "1",
                          .port = one.port},
                         {.workload = "podinfo",
                          .address = "127.0.0.1",
                          .version = "2",
                          .port = two.port}}) +
                R"(---
kind: DestinationRule
metadata: {name: podinfo, namespace: test}
spec: {host: podinfo, subsets: [{name: one, labels: {version: "1"}}, {name: two, labels: {version: "2"}}]}
---
kind: VirtualService
metadata: {name: podinfo, namespace: test}
spec:
  hosts: ["*"]
  gateways: [public-gateway]
  http:
  - match: [{uri: {prefix: /slow}}]
    timeout: 200ms
    route: [{destination: {host: podinfo, subset: one}}]
  - route: [{destination: {host: podinfo, subset: one}, weight: 80}, {destination: {host: podinfo, subset: two}, weight: 20}]
)");
        proxy.use(builder.build());
        gateway = listeners
                      .open("gateway",
                            std::make_shared<Door>(Door{Door::Kind::gateway, "test/test-imgw:80"}),
                            "127.0.0.1",
                            0)
                      .value();
        scrape = listeners.open_metrics("127.0.0.1", 0).value();
    }

    net::Request request(std::uint16_t port, std::string target) {
        return {.origin = {.host = "127.0.0.1", .port = port}, .target = std::move(target)};
    }
    void run(Task<> (*scenario)(ALiveMesh&)) {
        TaskGroup group(context.get_executor());
        group.spawn("scenario", whole(*this, scenario));
        context.run_for(seconds{30});
        REQUIRE(is_done);
    }
    static Task<> whole(ALiveMesh& mesh, Task<> (*scenario)(ALiveMesh&)) {
        co_await scenario(mesh);
        co_await mesh.listeners.stop();
        co_await mesh.one.stop();
        co_await mesh.two.stop();
        mesh.is_done = true;
        mesh.context.stop();
    }
    bool is_done = false;
};

Task<> twenty_percent(ALiveMesh& mesh) {
    std::map<std::string, int> seen;
    for (int i = 0; i < 500; ++i) {
        const auto answer = co_await mesh.client.send(mesh.request(mesh.gateway, "/"));
        REQUIRE(answer.has_value());
        CHECK(answer->status == 200);
        ++seen[answer->body];
    }
    CHECK(seen == std::map<std::string, int>{{"one", 400}, {"two", 100}});

    auto scrape = mesh.request(mesh.scrape, "/stats/prometheus");
    scrape.headers.set("User-Agent", "Prometheus/2.42.0");
    auto exposed = co_await mesh.client.send(scrape);
    REQUIRE(exposed.has_value());
    CHECK(exposed->headers.get("content-type") == "text/plain; version=0.0.4; charset=utf-8");
    CHECK(exposed->body.find("connection_security_policy=\"unknown\"} 0\n") != std::string::npos);
    exposed = co_await mesh.client.send(scrape);
    REQUIRE(exposed.has_value());
    CHECK(exposed->body.find("connection_security_policy=\"unknown\"} 400\n") != std::string::npos);
    CHECK(exposed->body.find("connection_security_policy=\"none\"} 100\n") != std::string::npos);
    const auto other = co_await mesh.client.send(mesh.request(mesh.scrape, "/"));
    CHECK(other->status == 404);
}

Task<> bodies(ALiveMesh& mesh) {
    const auto large = co_await mesh.client.send(mesh.request(mesh.gateway, "/large"));
    REQUIRE(large.has_value());
    CHECK(large->body.size() == 3'000'000);

    auto upload = mesh.request(mesh.gateway, "/echo");
    upload.method = "POST";
    upload.body = std::string(500'000, 'y');
    const auto echoed = co_await mesh.client.send(upload);
    REQUIRE(echoed.has_value());
    CHECK(echoed->body == upload.body);
    CHECK(
        mesh.metrics.exposition(IstioMetrics::Reading::look).find("istio_response_bytes_bucket") !=
        std::string::npos);
    CHECK(mesh.metrics.requests_in_flight == 0);
}

Task<> late(ALiveMesh& mesh) {
    const auto answer = co_await mesh.client.send(mesh.request(mesh.gateway, "/slow"));
    REQUIRE(answer.has_value());
    CHECK(answer->status == 504);
    CHECK(answer->body == "upstream request timeout");
}

Task<> nobody_there(ALiveMesh& mesh) {
    co_await mesh.one.stop();
    co_await mesh.two.stop();
    auto request = mesh.request(mesh.gateway, "/");
    const auto answer = co_await mesh.client.send(request);
    REQUIRE(answer.has_value());
    CHECK(answer->status == 503);
    CHECK(answer->body.ends_with("reset reason: connection failure"));
    CHECK(mesh.metrics.exposition(IstioMetrics::Reading::look).find("response_flags=\"UF,URX\"") !=
          std::string::npos);
}

Task<> caller_gone(ALiveMesh& mesh) {
    auto request = mesh.request(mesh.gateway, "/slow");
    request.timeout = std::chrono::milliseconds{50};
    net::SocketClient impatient(mesh.context.get_executor(), *mesh.clock);
    CHECK_FALSE((co_await impatient.send(request)).has_value());
    co_await mesh.clock->sleep_for(std::chrono::milliseconds{600});
    CHECK(mesh.metrics.requests_in_flight == 0);
}

// The same gateway and app, with a Gateway that takes requests or connections.
RouteTablePtr speaking(const std::string& protocol, std::uint16_t app) {
    TableBuilder builder;
    auto yaml = article_gateway;
    yaml.replace(yaml.find("protocol: HTTP}"), 15, "protocol: " + protocol + "}");
    add(builder,
        yaml +
            service(
                "test", "podinfo", {{.workload = "podinfo", .address = "127.0.0.1", .port = app}}) +
            "---\nkind: VirtualService\nmetadata: {name: v, namespace: test}\nspec: {hosts: ['*'], "
            "gateways: [public-gateway], http: [{route: [{destination: {host: podinfo}}]}], tcp: "
            "[{route: [{destination: {host: podinfo}}]}]}");
    return builder.build();
}

Task<> other_protocol(ALiveMesh& mesh) {
    for (const auto* protocol : {"TCP", "HTTP", "TCP"}) {
        const bool is_http = std::string_view(protocol) == "HTTP";
        mesh.proxy.use(speaking(protocol, mesh.one.port));
        mesh.listeners.follow_table();
        // The port is closed for a moment.
        std::optional<net::Response> answer;
        for (int i = 0; i < 100 && !answer; ++i) {
            auto got = co_await mesh.client.send(mesh.request(mesh.gateway, "/"));
            const bool is_new = got && (got->headers.get("server") == "istio-envoy") == is_http;
            if (is_new) answer = std::move(*got);
            if (!is_new) co_await mesh.clock->sleep_for(std::chrono::milliseconds{20});
        }
        CHECK(answer.has_value());
        if (answer) CHECK(answer->body == "one");
    }
    CHECK(mesh.listeners.port_of("gateway") == mesh.gateway);
    const auto seen = mesh.metrics.exposition(IstioMetrics::Reading::look);
    CHECK(seen.find("istio_tcp_connections_opened_total{reporter=\"source\"") != std::string::npos);
}

}  // namespace

TEST_CASE(
    "through a gateway's port two subsets get exactly their shares, and Prometheus can read it") {
    ALiveMesh().run(twenty_percent);
}
TEST_CASE("long bodies stream through the proxy in both directions") {
    ALiveMesh().run(bodies);
}
TEST_CASE("an answer later than the route's timeout is a 504") {
    ALiveMesh().run(late);
}
TEST_CASE("a pod that does not listen is a connection failure, after the retries of the mesh") {
    ALiveMesh().run(nobody_there);
}
TEST_CASE("a caller that goes away leaves nothing behind") {
    ALiveMesh().run(caller_gone);
}

TEST_CASE("a gateway's port takes connections instead of requests when its Gateway says so") {
    ALiveMesh mesh;
    mesh.run(other_protocol);
}
