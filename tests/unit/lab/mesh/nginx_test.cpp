// Ingresses as ingress-nginx carries them out: who gets the canary, what is told of it, and what
// the controller writes.
#include "lab/mesh/install.hpp"
#include "lab/mesh/nginx_controller.hpp"
#include "lab/mesh/nginx_ingress.hpp"
#include "lab/mesh/nginx_metrics.hpp"
#include "unit/lab/apiserver/a_cluster.hpp"
#include "unit/lab/mesh/objects.hpp"
#include "unit/lab/mesh/paper_doors.hpp"

using namespace sluice;
using namespace sluice::mesh;
using sluice::mesh::testing::objects;
using sluice::mesh::testing::PaperDoors;
namespace resources = sluice::kube::resources;

namespace {

Ingress ingress_of(const std::string& yaml) {
    return compile_ingress(
        objects(yaml).at(0),
        [](const kube::ObjectKey&, std::string_view name) -> std::optional<std::uint16_t> {
            return name == "http" ? std::optional<std::uint16_t>(9898) : std::nullopt;
        });
}

// One path of a host. `annotations` is what stands in the braces, without the prefix.
std::string ingress(const std::string& name,
                    const std::string& service,
                    const std::vector<std::pair<std::string, std::string>>& annotations = {},
                    const std::string& path = "{path: /, pathType: Prefix, ",
                    const std::string& host = "app.example.com") {
    std::string text;
    for (const auto& [key, value] : annotations)
        text += fmt::format("nginx.ingress.kubernetes.io/{}: '{}', ", key, value);
    return fmt::format(R"(---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: {}, namespace: test, annotations: {{{}}}}}
spec:
  ingressClassName: nginx
  rules:
  - host: {}
    http: {{paths: [{}backend: {{service: {{name: {}, port: {{number: 80}}}}}}}}]}}
)",
                       name,
                       text,
                       host,
                       path,
                       service);
}

struct AnNginx {
    GatewayListener listener;
    RouteTable table;
    std::vector<kube::ObjectKey> alone;

    explicit AnNginx(const std::vector<std::string>& yaml) {
        std::vector<Ingress> all;
        all.reserve(yaml.size());
        for (const auto& each : yaml) all.push_back(ingress_of(each));
        listener.workload = outside();
        alone = put_ingresses(listener, std::move(all));
    }
    // "web" or "web 90, web-canary 10".
    std::string ask(const net::Headers& headers = {},
                    const std::string& path = "/",
                    const std::string& host = "app.example.com") const {
        const auto routing =
            table.at_gateway(listener, {.authority = host, .path = path, .headers = &headers});
        if (routing.kind != Routing::Kind::route) return "404";
        std::string text;
        for (const auto& to : routing.route->destinations) {
            text += text.empty() ? "" : ", ";
            text += to.host.substr(0, to.host.find('.'));
            if (routing.route->destinations.size() > 1) text += fmt::format(" {}", to.weight);
        }
        return text;
    }
};

}  // namespace

TEST_CASE("a canary Ingress takes its weight of the Ingress of its host and path") {
    const auto main = ingress("web", "web");
    CHECK(AnNginx({main}).ask() == "web");
    CHECK(AnNginx({main, ingress("c", "web-canary", {{"canary", "true"}})}).ask() == "web");
    const AnNginx ten(
        {main, ingress("c", "web-canary", {{"canary", "true"}, {"canary-weight", "10"}})});
    CHECK(ten.ask() == "web 90, web-canary 10");
    CHECK(ten.alone.empty());
    CHECK(
        AnNginx({main, ingress("c", "web-canary", {{"canary", "true"}, {"canary-weight", "100"}})})
            .ask() == "web-canary");
    CHECK(AnNginx(
              {main,
               ingress(
                   "c",
                   "web-canary",
                   {{"canary", "true"}, {"canary-weight", "30"}, {"canary-weight-total", "1000"}})})
              .ask() == "web 970, web-canary 30");
    // Another path, another host, or the same Service: nothing to choose between.
    for (const auto& other : {ingress("c",
                                      "web-canary",
                                      {{"canary", "true"}, {"canary-weight", "10"}},
                                      "{path: /x, pathType: Prefix, "),
                              ingress("c",
                                      "web-canary",
                                      {{"canary", "true"}, {"canary-weight", "10"}},
                                      "{path: /, pathType: Prefix, ",
                                      "b.example.com"),
                              ingress("c", "web", {{"canary", "true"}, {"canary-weight", "10"}})}) {
        const AnNginx at({main, other});
        CHECK(at.ask() == "web");
        CHECK(at.alone == std::vector<kube::ObjectKey>{{"test", "c"}});
    }
}

TEST_CASE("a canary's header comes before its cookie, and that before its weight") {
    const auto with = [](std::vector<std::pair<std::string, std::string>> more) {
        more.emplace_back("canary", "true");
        more.emplace_back("canary-weight", "10");
        return AnNginx({ingress("web", "web"), ingress("c", "web-canary", more)});
    };
    const std::string by_weight = "web 90, web-canary 10";
    const auto by_header = with({{"canary-by-header", "X-Canary"}});
    CHECK(by_header.ask({{"x-canary", "always"}}) == "web-canary");
    CHECK(by_header.ask({{"x-canary", "never"}}) == "web");
    CHECK(by_header.ask({{"x-canary", "perhaps"}}) == by_weight);
    CHECK(by_header.ask() == by_weight);

    const auto by_value =
        with({{"canary-by-header", "X-Canary"}, {"canary-by-header-value", "insider"}});
    CHECK(by_value.ask({{"x-canary", "insider"}}) == "web-canary");
    CHECK(by_value.ask({{"x-canary", "always"}}) == by_weight);
    CHECK(by_value.ask({{"x-canary", "never"}}) == by_weight);

    const auto by_pattern =
        with({{"canary-by-header", "User-Agent"}, {"canary-by-header-pattern", "Fire(fox|bird)"}});
    CHECK(by_pattern.ask({{"user-agent", "Mozilla/5.0 Firefox/130"}}) == "web-canary");
    CHECK(by_pattern.ask({{"user-agent", "curl/8"}}) == by_weight);

    const auto by_cookie = with({{"canary-by-cookie", "canary"}});
    CHECK(by_cookie.ask({{"Cookie", "canary=always"}}) == "web-canary");
    CHECK(by_cookie.ask({{"Cookie", "a=b; canary=always; c=d"}}) == "web-canary");
    CHECK(by_cookie.ask({{"Cookie", "a=b; canary=never"}}) == "web");
    CHECK(by_cookie.ask({{"Cookie", "nocanary=always"}}) == by_weight);
    CHECK(by_cookie.ask({{"Cookie", "canary=always-not"}}) == by_weight);

    const auto both = with({{"canary-by-header", "X-Canary"}, {"canary-by-cookie", "canary"}});
    CHECK(both.ask({{"x-canary", "never"}, {"Cookie", "canary=always"}}) == "web");
    CHECK(both.ask({{"x-canary", "x"}, {"Cookie", "canary=always"}}) == "web-canary");
}

TEST_CASE("of an Ingress' paths the exact one wins, then the longest, and no other host is asked") {
    const auto path =
        [](const std::string& name, const std::string& where, const std::string& type) {
            return ingress(name, name, {}, "{path: " + where + ", pathType: " + type + ", ");
        };
    const AnNginx at(
        {path("slash", "/", "Prefix"),
         path("short", "/a", "Prefix"),
         path("long", "/a/long", "Prefix"),
         path("exact", "/a", "Exact"),
         path("loose", "/loose", "ImplementationSpecific"),
         ingress("any", "any", {}, "{path: /, pathType: Prefix, ", "'*.example.com'")});
    CHECK(at.ask({}, "/") == "slash");
    CHECK(at.ask({}, "/a") == "exact");
    CHECK(at.ask({}, "/a/b") == "short");
    CHECK(at.ask({}, "/ab") == "slash");
    CHECK(at.ask({}, "/a/long/er") == "long");
    CHECK(at.ask({}, "/loosely") == "loose");
    CHECK(at.ask({}, "/", "b.example.com") == "any");
    CHECK(at.ask({}, "/", "example.com") == "404");
}

TEST_CASE("a path may be a pattern, and what it found goes into what it is rewritten to") {
    const auto made =
        ingress_of(ingress("web",
                           "web",
                           {{"use-regex", "true"}, {"rewrite-target", "/$2"}},
                           "{path: '/api(/|$)(.*)', pathType: ImplementationSpecific, "));
    CHECK(made.faults.empty());
    GatewayListener listener;
    listener.workload = outside();
    put_ingresses(listener, {made});
    const RouteTable table;
    const auto becomes = [&](const std::string& path) -> std::string {
        const auto routing =
            table.at_gateway(listener, {.authority = "app.example.com", .path = path});
        if (routing.kind != Routing::Kind::route) return "404";
        return rewritten(routing.route->rewrite, *routing.match, path, "").value_or(path);
    };
    CHECK(becomes("/api/v1/things") == "/v1/things");
    CHECK(becomes("/API") == "/");
    CHECK(becomes("/apis") == "404");
}

TEST_CASE("of alternatives in a pattern each replaces the whole path") {
    const auto made = ingress_of(ingress("web",
                                         "web",
                                         {{"use-regex", "true"}, {"rewrite-target", "/c"}},
                                         "{path: '/a|/b', pathType: ImplementationSpecific, "));
    GatewayListener listener;
    listener.workload = outside();
    put_ingresses(listener, {made});
    const RouteTable table;
    for (const std::string path : {"/a/x", "/b/x"}) {
        CAPTURE(path);
        const auto routing =
            table.at_gateway(listener, {.authority = "app.example.com", .path = path});
        REQUIRE(routing.kind == Routing::Kind::route);
        CHECK(rewritten(routing.route->rewrite, *routing.match, path, "") == "/c");
    }
}

TEST_CASE("what of an Ingress is not carried out is said by its field") {
    const auto faults_of = [](const std::string& yaml) {
        return joined(ingress_of(yaml).faults, "; ");
    };
    const std::string prefix = "annotation nginx.ingress.kubernetes.io/";
    CHECK(faults_of(ingress(
              "web", "web", {{"ssl-redirect", "false"}, {"backend-protocol", "HTTP"}})) == "");
    CHECK(faults_of(ingress("web", "web", {{"limit-rps", "5"}})) ==
          prefix + "limit-rps: is not built yet");
    CHECK(faults_of(ingress("web", "web", {{"backend-protocol", "GRPC"}})) ==
          prefix + "backend-protocol: is not built yet");
    CHECK(faults_of(ingress("web", "web", {{"canary", "true"}, {"canary-weight", "101"}})) ==
          prefix + "canary-weight: \"101\" is no number from 0 to 100");
    CHECK(
        faults_of(ingress("web", "web", {{"canary", "true"}, {"canary-by-header-pattern", "("}})) ==
        prefix + "canary-by-header-pattern: \"(\" is no RE2 expression");
    CHECK(faults_of(
              ingress("web", "web", {{"use-regex", "true"}}, "{path: '/(', pathType: Prefix, ")) ==
          "spec.rules[0].http.paths[0].path: \"/(\" is no RE2 expression");
    CHECK(faults_of("{kind: Ingress, metadata: {name: web, namespace: test}, spec: {tls: [{}], "
                    "defaultBackend: {resource: {kind: Bucket}}}}") ==
          "spec.tls: is not built yet: the hosts are served without TLS; "
          "spec.defaultBackend: is no Service, which is not built yet");
}

TEST_CASE(
    "a backend's port is meant by number or by name, and a default backend takes what is left") {
    const auto made = ingress_of(R"(
kind: Ingress
metadata: {name: web, namespace: test}
spec:
  defaultBackend: {service: {name: rest, port: {name: http}}}
  rules: [{http: {paths: [{path: /a, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]
)");
    REQUIRE(made.locations.size() == 2);
    CHECK(made.locations[0].service == "rest");
    CHECK(made.locations[0].port == 9898);
    CHECK(made.locations[0].host == "*");
    CHECK(made.locations[1].port == 80);
}

TEST_CASE("NGINX's metrics tell the canary's requests from the others, and begin at nothing") {
    NginxMetrics metrics;
    CHECK(metrics.exposition(IstioMetrics::Reading::scrape).empty());
    const auto names = std::make_shared<const IngressNames>(
        IngressNames{"test", "web", "web", "app.example.com", "/"});
    metrics.add({names, "", "GET", 200, 0.2, 0.1});
    metrics.add({names, "test-web-canary-80", "GET", 500, 0.02, 0.02});
    metrics.add({names, "test-web-canary-80", "GET", 500, 7, 3});
    const auto has = [&](const std::string& text, const std::string& line) {
        CHECK_MESSAGE(text.find(line + "\n") != std::string::npos, line);
    };
    const auto labels = [](const std::string& canary, int status) {
        return "canary=\"" + canary +
               "\",controller_class=\"k8s.io/"
               "ingress-nginx\",controller_namespace=\"ingress-nginx\","
               "controller_pod=\"ingress-nginx-controller\",host=\"app.example.com\",ingress="
               "\"web\","
               "method=\"GET\",namespace=\"test\",path=\"/\",service=\"web\",status=\"" +
               std::to_string(status) + "\"";
    };
    const auto canary = labels("test-web-canary-80", 500);
    const auto first = metrics.exposition(IstioMetrics::Reading::scrape);
    has(first, "nginx_ingress_controller_requests{" + canary + "} 0");
    const auto text = metrics.exposition(IstioMetrics::Reading::scrape);
    has(text, "nginx_ingress_controller_requests{" + labels("", 200) + "} 1");
    has(text, "nginx_ingress_controller_requests{" + canary + "} 2");
    has(text, "nginx_ingress_controller_response_duration_seconds_sum{" + canary + "} 3.02");
    has(text, "nginx_ingress_controller_response_duration_seconds_count{" + canary + "} 2");
    has(text,
        "nginx_ingress_controller_request_duration_seconds_bucket{" + canary + ",le=\"5\"} 1");
    has(text,
        "nginx_ingress_controller_request_duration_seconds_bucket{" + canary + ",le=\"10\"} 2");
}

namespace {

struct AController : lab::ACluster {
    PaperDoors doors{context};
    TableBuilder builder;
    RouteTablePtr table = builder.build();
    NginxController controller{
        context.get_executor(), cluster, doors, 0, builder, [this] { table = builder.build(); }};

    AController() {
        const auto installed = install_mesh(cluster);
        REQUIRE_MESSAGE(installed.has_value(), (installed ? "" : installed.error().message));
        create(resources::namespaces, R"({"metadata":{"name":"test"}})");
        doors.unprivileged = true;
        controller.start();
        settle();
    }
    void apply(const std::string& yaml) {
        for (const auto& object : objects(yaml)) {
            const auto made = cluster.create(resources::ingresses, object);
            if (!made) FAIL(made.error().message);
        }
        settle();
    }
    std::string address_of(const std::string& name) {
        const auto object = cluster.get(resources::ingresses, {"test", name}).value();
        const auto& all = array_at(*object, {"status", "loadBalancer", "ingress"});
        return all.empty() ? "none" : std::string(text_at(all.at(0), {"ip"}));
    }
    std::string ask() const {
        const auto listener = table->listener("ingress-nginx/ingress-nginx-controller:80");
        if (listener == nullptr) return "closed";
        CHECK(listener->kind == GatewayListener::Kind::nginx);
        const auto routing = table->at_gateway(*listener, {.authority = "app.example.com"});
        return routing.kind == Routing::Kind::route ? routing.route->destinations.at(0).host
                                                    : "404";
    }
};

}  // namespace

TEST_CASE("an Ingress of class nginx is carried out, and shows the address") {
    AController lab;
    CHECK(lab.ask() == "closed");
    CHECK(lab.doors.open_now.empty());
    lab.apply(ingress("web", "web"));
    CHECK(lab.doors.open_now ==
          std::map<lab::ObjectKey, std::string>{{nginx_service, "127.112.128.1"}});
    CHECK(lab.address_of("web") == "127.112.128.1");
    CHECK(lab.ask() == "web.test.svc.cluster.local");
    const auto service = lab.cluster.get(resources::services, nginx_service).value();
    CHECK(text_at(*service, {"metadata", "annotations", "sluice.dev/lab-address"}) ==
          "127.112.128.1:18080");
    CHECK(text_at(array_at(*service, {"status", "loadBalancer", "ingress"}).at(0), {"ip"}) ==
          "127.112.128.1");
    const auto before = lab.cluster.revision();
    lab.clock.run_for(std::chrono::minutes{1});
    CHECK(lab.cluster.revision() == before);
    REQUIRE(lab.cluster.remove(resources::ingresses, {"test", "web"}));
    lab.settle();
    CHECK(lab.ask() == "closed");
}

TEST_CASE("an Ingress is nginx's by its class, by the older annotation, or by default") {
    AController lab;
    const auto with = [&](const std::string& name,
                          const std::string& class_line,
                          const std::string& annotations) {
        auto text = ingress(name, name, {}, "{path: /" + name + ", pathType: Prefix, ");
        text.replace(text.find("  ingressClassName: nginx\n"), 26, class_line);
        text.replace(text.find("annotations: {}"), 15, "annotations: {" + annotations + "}");
        return text;
    };
    lab.apply(with("old", "", "kubernetes.io/ingress.class: nginx"));
    lab.apply(with("none", "", ""));
    lab.apply(with("foreign", "  ingressClassName: traefik\n", ""));
    CHECK(lab.address_of("old") == "127.112.128.1");
    CHECK(lab.address_of("none") == "none");
    CHECK(lab.address_of("foreign") == "none");
    REQUIRE(lab.cluster.patch(
        ingress_classes,
        {"", "nginx"},
        lab::PatchKind::merge,
        lab::json(
            R"({"metadata":{"annotations":{"ingressclass.kubernetes.io/is-default-class":"true"}}})")));
    lab.settle();
    CHECK(lab.address_of("none") == "127.112.128.1");
    CHECK(lab.address_of("foreign") == "none");
}

TEST_CASE("a Warning names once what of an Ingress is not carried out") {
    AController lab;
    lab.apply(ingress("web", "web", {{"limit-rps", "5"}}) +
              ingress("c", "web", {{"canary", "true"}, {"canary-weight", "10"}}));
    std::vector<std::string> messages;
    for (const auto& event : lab.cluster.list(resources::events, "test")) {
        CHECK(integer_at(*event, {"count"}) == 1);
        messages.emplace_back(text_at(*event, {"message"}));
    }
    std::ranges::sort(messages);
    CHECK(messages ==
          std::vector<std::string>{
              "annotation nginx.ingress.kubernetes.io/limit-rps: is not built yet",
              "the canary gets no requests: no other Ingress of its namespace has one of its hosts "
              "and paths with another Service"});
}
