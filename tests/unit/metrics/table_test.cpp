#include "metrics/table.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::metrics;

TEST_CASE("the built-in Istio queries are the peer's, letter by letter") {
    const QueryModel model{.ns = "test", .target = "podinfo", .interval = "1m"};
    CHECK(built_in_query("istio", BuiltIn::success_rate, model).value().text ==
          "sum( rate( istio_requests_total{ reporter=\"destination\", "
          "destination_workload_namespace=\"test\", destination_workload=~\"podinfo\", "
          "response_code!~\"5.*\" }[1m] ) ) / sum( rate( istio_requests_total{ "
          "reporter=\"destination\", destination_workload_namespace=\"test\", "
          "destination_workload=~\"podinfo\" }[1m] ) ) * 100");
    CHECK(built_in_query("istio", BuiltIn::duration, model).value().text ==
          "histogram_quantile( 0.99, sum( rate( istio_request_duration_milliseconds_bucket{ "
          "reporter=\"destination\", destination_workload_namespace=\"test\", "
          "destination_workload=~\"podinfo\" }[1m] ) ) by (le) )");
}

TEST_CASE("every mesh and ingress has its own counters") {
    const QueryModel model{.name = "web",
                           .ns = "my-ns",
                           .target = "web",
                           .service = "web-svc",
                           .ingress = "web-ing",
                           .route = "web-route",
                           .interval = "30s"};
    const auto rate = [&](std::string_view provider) {
        return built_in_query(provider, BuiltIn::success_rate, model).value().text;
    };
    const auto duration = [&](std::string_view provider) {
        return built_in_query(provider, BuiltIn::duration, model).value().text;
    };
    CHECK(rate("nginx") ==
          "sum( rate( nginx_ingress_controller_requests{ namespace=\"my-ns\", "
          "ingress=\"web-ing\", canary!=\"\", status!~\"5.*\" }[30s] ) ) / sum( rate( "
          "nginx_ingress_controller_requests{ namespace=\"my-ns\", ingress=\"web-ing\", "
          "canary!=\"\" }[30s] ) ) * 100");
    CHECK(duration("nginx") ==
          "sum( rate( nginx_ingress_controller_response_duration_seconds_sum{ "
          "namespace=\"my-ns\", ingress=\"web-ing\", canary!=\"\" }[30s] ) ) / sum( rate( "
          "nginx_ingress_controller_response_duration_seconds_count{ namespace=\"my-ns\", "
          "ingress=\"web-ing\", canary!=\"\" }[30s] ) ) * 1000");
    CHECK(duration("kubernetes") ==
          "histogram_quantile( 0.99, sum( rate( http_request_duration_seconds_bucket{ "
          "kubernetes_namespace=\"my-ns\", "
          "kubernetes_pod_name=~\"web-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)\" }[30s] ) ) by (le) )");
    CHECK(built_in_query("kubernetes", BuiltIn::duration, model).value().factor == 1000);
    CHECK(built_in_query("nginx", BuiltIn::duration, model).value().factor == 1);
    CHECK(rate("gatewayapi:v1beta1") == rate("kubernetes"));
    CHECK(duration("kubernetes:service") == duration("kubernetes"));
    CHECK(rate("smi:linkerd") == rate("linkerd"));
    CHECK(rate("appmesh:v1beta2") == rate("appmesh"));
    CHECK(duration("traefik").ends_with("by (le) ) * 1000"));
    CHECK(duration("traefik").find("le=\"") == std::string::npos);
    CHECK(rate("traefik").find("le=\"+Inf\", code!~\"5..\"") != std::string::npos);
    CHECK(rate("skipper").find("route=~\"kube(ew)?_my_ns__web_ing_canary__.*__web_svc_canary(_[0-9]"
                               "+)?\", le=\"+Inf\"") != std::string::npos);
    CHECK(rate("knative").find("envoy_cluster_name=~\"my-ns/web-route\"") != std::string::npos);
    CHECK(duration("apisix").find("type=~\"request\", route=~\"my-ns_web-route-web-canary_.+\"") !=
          std::string::npos);
    CHECK(built_in_query("istio", BuiltIn::request_count, model).value().text ==
          "sum( increase( istio_requests_total{ reporter=\"destination\", "
          "destination_workload_namespace=\"my-ns\", destination_workload=~\"web\" }[30s] ) )");
    for (const auto& name : known_query_sets()) {
        for (const auto check : {BuiltIn::success_rate, BuiltIn::duration}) {
            const auto query = built_in_query(name, check, model).value().text;
            CHECK(query.find("{{") == std::string::npos);
            CHECK(query.find("web") != std::string::npos);
        }
    }
}

TEST_CASE("a provider without built-in checks is refused by name") {
    CHECK(built_in_query("consul", BuiltIn::duration, {}).error().message ==
          "provider consul has no built-in checks; known: apisix, appmesh, contour, gloo, istio, "
          "knative, kubernetes, kuma, linkerd, nginx, osm, skipper, traefik");
}

TEST_CASE("requests without an answer count as Flagger's query has them, or not, or as failed") {
    const QueryModel model{.ns = "shop", .target = "web", .interval = "1m"};
    const auto query = [&](BuiltIn check, api::Unanswered unanswered) {
        return built_in_query("istio", check, model, unanswered).value().text;
    };
    const std::string of = R"(istio_requests_total{ reporter="destination", )"
                           R"(destination_workload_namespace="shop", destination_workload=~"web")";
    const auto rate = [&](std::string_view more) {
        return "sum( rate( " + of + std::string(more) + " }[1m] ) )";
    };
    CHECK(query(BuiltIn::success_rate, api::Unanswered::pass) ==
          built_in_query("istio", BuiltIn::success_rate, model).value().text);
    CHECK(query(BuiltIn::success_rate, api::Unanswered::exclude) ==
          rate(R"(, response_code!~"5.*|0")") + " / " + rate(R"(, response_code!="0")") + " * 100");
    CHECK(query(BuiltIn::success_rate, api::Unanswered::fail) ==
          rate(R"(, response_code!~"5.*|0")") + " / " + rate("") + " * 100");
    CHECK(query(BuiltIn::request_count, api::Unanswered::exclude) ==
          "sum( increase( " + of + R"(, response_code!="0" }[1m] ) ))");
    CHECK(query(BuiltIn::request_count, api::Unanswered::fail) ==
          query(BuiltIn::request_count, api::Unanswered::pass));
    CHECK(query(BuiltIn::duration, api::Unanswered::exclude) ==
          query(BuiltIn::duration, api::Unanswered::pass));
    CHECK(built_in_query("nginx", BuiltIn::success_rate, model, api::Unanswered::fail)
              .error()
              .message == "provider nginx does not tell requests without an answer apart");
}
