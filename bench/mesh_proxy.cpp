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
#include <fmt/format.h>

namespace sluice::bench {
namespace {

using namespace mesh;

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

}  // namespace

Figures mesh_proxy() {
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
    net::TcpConnector streams(*clock);
    Connections forwarded(proxy, streams);
    Listeners listeners(context.get_executor(), *clock, proxy, forwarded, metrics);
    proxy.use(builder.build());
    const auto door = std::make_shared<const Door>(Door{Door::Kind::gateway, "test/edge:80"});
    const auto port = listeners.open("edge", door, "127.0.0.1", 0).value();

    auto figures = figures_of(compare(context, *clock, app_port, port), "lab proxy");

    constexpr int canaries = 1000;
    for (int i = 0; i < canaries; ++i) {
        const auto name = fmt::format("app-{}", i);
        objects.service(name + "-primary");
        objects.service(name + "-canary");
        objects.routes(name, name + ".example.com", 0);
    }
    const auto built = cpu_seconds();
    proxy.use(builder.build());
    figures.push_back(
        aside("ms", "lab proxy: table of 1000 canaries", (cpu_seconds() - built) * 1000));
    constexpr int changes = 100;
    const auto changed = cpu_seconds();
    for (int i = 0; i < changes; ++i) {
        objects.routes("app-500", "app-500.example.com", i);
        proxy.use(builder.build());
    }
    figures.push_back(at_most(50,
                              "ms",
                              "lab proxy: one changed weight among 1000 canaries",
                              (cpu_seconds() - changed) * 1000 / changes));
    return figures;
}

}  // namespace sluice::bench
