// The lab's whole data plane beside a direct request: a gateway's port, an 80/20 split over two
// Services, retries allowed, both sides counted. And how long one changed weight takes among a
// thousand canaries. Budget: 40 µs CPU per proxied request, at least a quarter of the direct
// throughput; 50 ms.
#include "app/real_world.hpp"
#include "lab/mesh/listeners.hpp"
#include "lab/mesh/table_builder.hpp"
#include "load.hpp"
#include "net/client.hpp"
#include "net/server.hpp"

#include <boost/json.hpp>

using namespace sluice;
using namespace sluice::bench;
using namespace sluice::mesh;

namespace {

class App final : public net::Handler {
   public:
    Task<net::Response> handle(net::Request) override {
        co_return net::Response{.status = 200,
                                .headers = {{"Content-Type", "text/plain"}},
                                .body = std::string(1024, 'x')};
    }
};

// What follows names its objects by `name`; the app is behind both Services.
struct Objects {
    TableBuilder& builder;
    std::uint16_t app_port;

    void service(const std::string& name) {
        const Json service{
            {"metadata", {{"name", name}, {"namespace", "test"}}},
            {"spec", {{"ports", JsonArray{JsonObject{{"name", "http"}, {"port", 9898}}}}}}};
        builder.service(kube::key_of(service), &service);
        const Json pod{{"metadata",
                        {{"name", name + "-1"},
                         {"namespace", "test"},
                         {"labels", {{"app", name}}},
                         {"annotations", {{"sidecar.istio.io/status", "{}"}}}}}};
        builder.pod(kube::key_of(pod), &pod);
        const Json slice{
            {"metadata",
             {{"name", name + "-1"},
              {"namespace", "test"},
              {"labels", {{"kubernetes.io/service-name", name}}}}},
            {"ports", JsonArray{JsonObject{{"name", "http"}, {"port", app_port}}}},
            {"endpoints",
             JsonArray{JsonObject{{"addresses", JsonArray{"127.0.0.1"}},
                                  {"targetRef", {{"kind", "Pod"}, {"name", name + "-1"}}}}}}};
        builder.endpoint_slice(kube::key_of(slice), &slice);
    }
    static Json destination(const std::string& name, int weight) {
        return JsonObject{{"destination", {{"host", name}}}, {"weight", weight}};
    }
    void routes(const std::string& name, const std::string& host, int weight) {
        const Json rules{
            {"metadata", {{"name", name}, {"namespace", "test"}}},
            {"spec",
             {{"hosts", JsonArray{host}},
              {"gateways", JsonArray{"public"}},
              {"http",
               JsonArray{JsonObject{{"route",
                                     JsonArray{destination(name + "-primary", 100 - weight),
                                               destination(name + "-canary", weight)}}}}}}}};
        builder.virtual_service(kube::key_of(rules), &rules);
    }
    void gateway() {
        const Json workload{
            {"metadata", {{"name", "edge"}, {"namespace", "test"}}},
            {"spec",
             {{"type", "ingress"},
              {"istioControlPlane", {{"name", "cp"}, {"namespace", "istio-system"}}},
              {"service",
               {{"ports", JsonArray{JsonObject{{"port", 80}, {"targetPort", 8080}}}}}}}}};
        builder.mesh_gateway(kube::key_of(workload), &workload);
        const Json gateway{
            {"metadata", {{"name", "public"}, {"namespace", "test"}}},
            {"spec",
             {{"servers",
               JsonArray{
                   JsonObject{{"port", {{"number", 80}, {"name", "http"}, {"protocol", "HTTP"}}},
                              {"hosts", JsonArray{"*"}}}}}}}};
        builder.gateway(kube::key_of(gateway), &gateway);
    }
};

double milliseconds_of(const Clock& clock, Time began) {
    return std::chrono::duration<double, std::milli>(clock.now() - began).count();
}

}  // namespace

int main() {
    const auto clock = make_real_clock();
    boost::asio::io_context context{1};
    App app;
    net::HttpServer behind(context.get_executor(), *clock, app);
    const auto app_port = behind.listen("127.0.0.1", 0).value();

    TableBuilder builder;
    Objects objects{builder, app_port};
    objects.gateway();
    objects.service("podinfo-primary");
    objects.service("podinfo-canary");
    objects.routes("podinfo", "podinfo.test", 20);

    SeededRandom random(7);
    net::SocketClient client(context.get_executor(), *clock, {.idle_per_origin = 64});
    IstioMetrics metrics({.version = "bench"});
    MeshProxy proxy(*clock, random, client, metrics);
    Listeners listeners(context.get_executor(), *clock, proxy, metrics);
    proxy.use(builder.build());
    const auto door = std::make_shared<const Door>(Door{Door::Kind::gateway, "test/edge:80"});
    const auto port = listeners.open("edge", door, "127.0.0.1", 0).value();

    measure(context, *clock, port);  // warms up
    const auto direct = measure(context, *clock, app_port);
    const auto proxied = measure(context, *clock, port);
    show(direct, proxied);
    fmt::print("label sets counted: {}\n", metrics.label_sets());

    constexpr int canaries = 1000;
    const auto began = clock->now();
    for (int i = 0; i < canaries; ++i) {
        const auto name = fmt::format("app-{}", i);
        objects.service(name + "-primary");
        objects.service(name + "-canary");
        objects.routes(name, name + ".example.com", 0);
    }
    builder.build();
    fmt::print("table    {:6.1f} ms for {} canaries\n", milliseconds_of(*clock, began), canaries);
    const auto changing = clock->now();
    constexpr int changes = 100;
    for (int i = 0; i < changes; ++i) {
        objects.routes("app-500", "app-500.example.com", i);
        proxy.use(builder.build());
    }
    fmt::print("weight   {:6.3f} ms for one change among them         (budget 50 ms)\n",
               milliseconds_of(*clock, changing) / changes);
}
