// The whole mesh on a cluster, with its two threads and real sockets: what a kubectl apply brings
// about.
#include "lab/mesh/mesh.hpp"

#include "app/real_world.hpp"
#include "base/async/task_group.hpp"
#include "net/client.hpp"
#include "net/server.hpp"
#include "unit/lab/mesh/objects.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <functional>
#include <future>
#include <map>
#include <thread>

using namespace sluice;
using namespace sluice::mesh;
using sluice::mesh::testing::article_gateway;
using sluice::mesh::testing::objects;
using std::chrono::milliseconds;
using std::chrono::seconds;
namespace resources = sluice::kube::resources;

namespace {

// The last block: a lab that somebody runs beside the tests has a lower one.
constexpr int block = 15;

class NamedApp final : public net::Handler {
   public:
    explicit NamedApp(std::string name) : name_(std::move(name)) {}
    Task<net::Response> handle(net::Request) override {
        net::Response response;
        response.body = name_;
        co_return response;
    }

   private:
    std::string name_;
};

class TrafficThread {
   public:
    TrafficThread() : guard_(context.get_executor()), thread_([this] { context.run(); }) {}
    ~TrafficThread() {
        guard_.reset();
        context.stop();
        thread_.join();
    }
    // Runs it there and waits.
    void ask(std::function<void()> work) {
        std::promise<void> done;
        boost::asio::post(context, [&] {
            work();
            done.set_value();
        });
        done.get_future().wait();
    }
    boost::asio::io_context context{1};

   private:
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
    std::thread thread_;
};

struct ALab {
    boost::asio::io_context control{1};
    std::unique_ptr<Clock> clock = make_real_clock();
    SeededRandom random{7};
    TrafficThread traffic;
    NamedApp primary{"primary"}, canary{"canary"};
    std::unique_ptr<net::HttpServer> primary_server, canary_server;
    std::uint16_t primary_port = 0, canary_port = 0;
    lab::Cluster cluster{*clock, random};
    std::unique_ptr<Mesh> mesh;
    net::SocketClient client{control.get_executor(), *clock};
    bool is_done = false;

    ALab() {
        traffic.ask([this] {
            const auto executor = traffic.context.get_executor();
            primary_server = std::make_unique<net::HttpServer>(executor, *clock, primary);
            canary_server = std::make_unique<net::HttpServer>(executor, *clock, canary);
            primary_port = primary_server->listen("127.0.0.1", 0).value();
            canary_port = canary_server->listen("127.0.0.1", 0).value();
        });
        cluster.deliver_by(
            [this](std::function<void()> work) { boost::asio::post(control, std::move(work)); });
        const auto installed = install_mesh(cluster);
        REQUIRE_MESSAGE(installed.has_value(), (installed ? "" : installed.error().message));
        mesh = std::make_unique<Mesh>(control.get_executor(),
                                      traffic.context.get_executor(),
                                      cluster,
                                      *clock,
                                      MeshOptions{.block = block, .proxy_port = 0});
    }
    ~ALab() {
        traffic.ask([this] {
            primary_server.reset();
            canary_server.reset();
        });
    }

    void apply(const std::string& yaml) {
        static const std::map<std::string, kube::Resource> kinds{
            {"Namespace", resources::namespaces},
            {"Service", resources::services},
            {"EndpointSlice", resources::endpoint_slices},
            {"Pod", resources::pods},
            {"VirtualService", resources::virtual_services},
            {"Gateway", resources::gateways},
            {"IstioMeshGateway", resources::istio_mesh_gateways}};
        for (const auto& object : objects(yaml)) {
            const auto& resource = kinds.at(std::string(text_at(object, {"kind"})));
            const auto key = kube::key_of(object);
            const auto done = cluster.find(resource, key) == nullptr
                                  ? cluster.create(resource, object)
                                  : cluster.patch(resource, key, lab::PatchKind::merge, object);
            if (!done) FAIL(done.error().message);
        }
    }
    void weigh(int weight) {
        apply(fmt::format(R"(
kind: VirtualService
metadata: {{name: podinfo, namespace: test}}
spec:
  hosts: ["*"]
  gateways: [public-gateway]
  http:
  - route: [{{destination: {{host: podinfo-primary}}, weight: {}}}, {{destination: {{host: podinfo-canary}}, weight: {}}}]
)",
                          100 - weight,
                          weight));
    }
    void add_service(const std::string& name, std::uint16_t port) {
        apply(fmt::format(R"(
kind: Service
metadata: {{name: {0}, namespace: test}}
spec: {{ports: [{{name: http, port: 9898}}]}}
---
kind: EndpointSlice
metadata: {{name: {0}-1, namespace: test, labels: {{kubernetes.io/service-name: {0}}}}}
addressType: IPv4
ports: [{{name: http, port: {1}, protocol: TCP}}]
endpoints: [{{addresses: [127.0.0.1], conditions: {{ready: true}}}}]
)",
                          name,
                          port));
    }

    Task<std::string> get(net::Origin origin,
                          std::string target = "/",
                          std::optional<net::Origin> proxy = std::nullopt) {
        net::Request request{.origin = std::move(origin), .target = std::move(target)};
        request.timeout = seconds{5};
        request.proxy = std::move(proxy);
        const auto answer = co_await client.send(std::move(request));
        co_return answer ? answer->body : "no answer";
    }
    // The gateway's "address:port" once it is there.
    Task<net::Origin> gateway() {
        for (int i = 0; i < 100; ++i) {
            const auto object = cluster.find(resources::istio_mesh_gateways, {"test", "test-imgw"});
            if (text_at(*object, {"status", "Status"}) == "Available") {
                const auto service = cluster.find(resources::services, {"test", "test-imgw"});
                const auto at = parse_authority(
                    text_at(*service, {"metadata", "annotations", "sluice.dev/lab-address"}));
                co_return net::Origin{.host = at.host, .port = at.port.value()};
            }
            co_await clock->sleep_for(milliseconds{20});
        }
        FAIL("the gateway never becomes available");
        co_return net::Origin{};
    }

    void run(Task<> (*scenario)(ALab&)) {
        TaskGroup group(control.get_executor());
        group.spawn("scenario", whole(*this, scenario));
        control.run_for(seconds{30});
        REQUIRE(is_done);
    }
    static Task<> whole(ALab& lab, Task<> (*scenario)(ALab&)) {
        const auto started = co_await lab.mesh->start();
        REQUIRE(started.has_value());
        lab.apply(
            "{kind: Namespace, metadata: {name: test, labels: {istio.io/rev: "
            "cp-v112x.istio-system}}}");
        co_await scenario(lab);
        co_await lab.mesh->stop();
        lab.is_done = true;
        lab.control.stop();
    }
};

Task<> the_article(ALab& lab) {
    lab.apply(article_gateway);
    lab.add_service("podinfo-primary", lab.primary_port);
    lab.add_service("podinfo-canary", lab.canary_port);
    lab.weigh(0);
    const auto gateway = co_await lab.gateway();
    CHECK(gateway.host == "127.127.0.1");
    CHECK(co_await lab.get(gateway) == "primary");

    // A weight that is written counts at once.
    lab.weigh(100);
    co_await lab.clock->sleep_for(milliseconds{50});
    CHECK(co_await lab.get(gateway) == "canary");
    lab.weigh(20);
    co_await lab.clock->sleep_for(milliseconds{50});
    int to_canary = 0;
    for (int i = 0; i < 100; ++i) to_canary += co_await lab.get(gateway) == "canary";
    CHECK(to_canary == 20);

    // Wherever port 80 is bound, the lab's proxy finds it; and Services by their names.
    const auto proxy = lab.mesh->proxy();
    lab.weigh(0);
    co_await lab.clock->sleep_for(milliseconds{50});
    CHECK(co_await lab.get({.host = "127.127.0.1", .port = 80}, "/", proxy) == "primary");
    CHECK(co_await lab.get({.host = "podinfo-canary.test", .port = 9898}, "/", proxy) == "canary");

    const auto exposed = co_await lab.get(lab.mesh->metrics(), "/stats/prometheus");
    CHECK(exposed.find("source_workload=\"test-imgw\"") != std::string::npos);
    CHECK(exposed.find("destination_service_name=\"podinfo-canary\"") != std::string::npos);

    const auto plane =
        lab.cluster.find(resources::istio_control_planes, {"istio-system", "cp-v112x"});
    CHECK(array_at(*plane, {"status", "injectionNamespaces"}) == JsonArray{"test"});

    // What a user writes into the gateway's objects opens no other door.
    const auto doors = lab.mesh->doors_of({"test", "test-imgw"});
    REQUIRE_FALSE(doors.empty());
    CHECK(doors.front() == gateway);
    lab.apply(
        "{kind: Service, metadata: {name: test-imgw, namespace: test, annotations: "
        "{sluice.dev/lab-address: \"127.0.0.1:1\"}}}");
    CHECK(lab.mesh->doors_of({"test", "test-imgw"}) == doors);
    CHECK(lab.mesh->doors_of({"test", "elsewhere"}).empty());
    CHECK(lab.mesh->figures().requests >= 104);
    CHECK(lab.mesh->figures().series == 0);
    (void)co_await lab.client.send({.origin = lab.mesh->metrics(),
                                    .target = "/stats/prometheus",
                                    .headers = {{"User-Agent", "Prometheus/2.42.0"}}});
    CHECK(lab.mesh->figures().series > 20);

    REQUIRE(lab.cluster.remove(resources::istio_mesh_gateways, {"test", "test-imgw"}).has_value());
    co_await lab.clock->sleep_for(milliseconds{100});
    net::SocketClient fresh(lab.control.get_executor(), *lab.clock);
    const auto closed = co_await fresh.send({.origin = gateway, .target = "/"});
    CHECK_FALSE(closed.has_value());
    CHECK(lab.mesh->doors_of({"test", "test-imgw"}).empty());
}

Task<> sidecars(ALab& lab) {
    lab.add_service("podinfo-canary", lab.canary_port);
    lab.apply(R"(
kind: Pod
metadata: {name: web, namespace: test, labels: {app: web}}
spec: {containers: [{name: web, image: web}]}
)");
    const auto pod = lab.cluster.get(resources::pods, {"test", "web"}).value();
    const auto environment = egress_environment(*pod, "127.79.255.1");
    CHECK(environment.at("http_proxy") == "http://127.79.255.1:15001");
    CHECK(environment.at("HTTP_PROXY") == "http://127.79.255.1:15001");
    CHECK(environment.at("SLUICE_EGRESS") == "http://127.79.255.1:15001");
    CHECK(egress_environment(Json(JsonObject{}), "127.79.255.1").empty());
    (void)lab.cluster.patch(
        resources::pods,
        {"test", "web"},
        lab::PatchKind::merge,
        JsonObject{{"status", {{"podIP", "127.79.255.1"}, {"phase", "Running"}}}},
        {.subresource = lab::Subresource::status});
    co_await lab.clock->sleep_for(milliseconds{100});
    const net::Origin egress{.host = "127.79.255.1", .port = egress_port};
    CHECK(co_await lab.get({.host = "podinfo-canary", .port = 9898}, "/", egress) == "canary");
    const auto exposed = co_await lab.get(lab.mesh->metrics(), "/stats/prometheus");
    CHECK(exposed.find("reporter=\"source\",source_workload=\"web\"") != std::string::npos);
    REQUIRE(lab.cluster.remove(resources::pods, {"test", "web"}, {.grace_seconds = 0}).has_value());
    co_await lab.clock->sleep_for(milliseconds{100});
    net::SocketClient fresh(lab.control.get_executor(), *lab.clock);
    CHECK_FALSE((co_await fresh.send({.origin = egress, .target = "/"})).has_value());
}

}  // namespace

TEST_CASE("what is applied to the cluster is what the gateway does") {
    ALab().run(the_article);
}
TEST_CASE("a pod with a sidecar has a way out of its own, by which it is known") {
    ALab().run(sidecars);
}
