#include "lab/workloads/services.hpp"

#include "a_lab.hpp"

namespace sluice::lab::testing {
namespace {

using Texts = std::vector<std::string>;

// "ip ip|unready ip :port" of each subset.
std::string endpoints(Lab& lab, const std::string& name) {
    std::string text;
    for (const auto& subset : array_at(lab.get(resources::endpoints, name), {"subsets"})) {
        for (const auto& address : array_at(subset, {"addresses"})) {
            text += std::string(text_at(address, {"ip"})) + " ";
        }
        for (const auto& address : array_at(subset, {"notReadyAddresses"})) {
            text += "!" + std::string(text_at(address, {"ip"})) + " ";
        }
        for (const auto& port : array_at(subset, {"ports"})) {
            text += ":" + std::to_string(integer_at(port, {"port"}).value_or(0));
        }
    }
    return text;
}

}  // namespace

TEST_CASE("a Service has its ready pods as addresses, the others apart") {
    Lab lab;
    lab.runtime().script("demo:2", {.ready = false});
    lab.start();
    lab.create(resources::services, a_service("web", "web"));
    lab.clock().settle();
    CHECK(endpoints(lab, "web").empty());
    lab.create(
        resources::deployments,
        a_deployment({.container = {{"readinessProbe",
                                     {{"httpGet", {{"port", 9898}}}, {"periodSeconds", 1}}}}}));
    lab.run_for(seconds{5});

    CHECK(endpoints(lab, "web") == "127.64.0.2 127.64.0.3 :9898");
    lab.set_image("web", "demo:2");
    lab.run_for(seconds{5});
    CHECK(endpoints(lab, "web") == "127.64.0.2 127.64.0.3 !127.64.0.4 :9898");
    lab.patch(resources::deployments, "web", {{"spec", {{"replicas", 0}}}});
    lab.clock().settle();
    // A pod that is about to go is no address any more, though it still runs.
    CHECK(endpoints(lab, "web").empty());
    CHECK(lab.pods().size() == 3);
}

TEST_CASE("a slice lists who serves, who is ready and who is leaving") {
    Lab lab;
    lab.start();
    lab.create(resources::services, a_service("web", "web"));
    lab.create(resources::deployments, a_deployment({.replicas = 1}));
    lab.run_for(seconds{5});
    auto slices = lab.list(resources::endpoint_slices);
    REQUIRE(slices.size() == 1);
    CHECK(kube::key_of(*slices.front()).name.starts_with("web-"));
    CHECK(text_at(*slices.front(), {"metadata", "labels", "kubernetes.io/service-name"}) == "web");
    const auto conditions = [&] {
        const auto slice = lab.list(resources::endpoint_slices).front();
        return canonical_text(*find(array_at(*slice, {"endpoints"}).front(), {"conditions"}));
    };
    CHECK(conditions() == R"({"ready":true,"serving":true,"terminating":false})");
    CHECK(canonical_text(*find(*slices.front(), {"ports"})) ==
          R"([{"name":"","port":9898,"protocol":"TCP"}])");
    lab.patch(resources::deployments, "web", {{"spec", {{"replicas", 0}}}});
    lab.clock().settle();
    CHECK(conditions() == R"({"ready":false,"serving":true,"terminating":true})");
}

TEST_CASE("a named target port is looked up in each pod") {
    Lab lab;
    lab.start();
    auto service = a_service("web", "web");
    put(service,
        {"spec", "ports"},
        JsonArray{Json{{"name", "http"}, {"port", 80}, {"targetPort", "http"}}});
    lab.create(resources::services, service);
    lab.create(
        resources::deployments,
        a_deployment({.replicas = 1,
                      .container = {
                          {"ports", JsonArray{Json{{"name", "http"}, {"containerPort", 9898}}}}}}));
    lab.run_for(seconds{5});
    CHECK(endpoints(lab, "web") == "127.64.0.2 :9898");
}

TEST_CASE("a changed selector moves a Service to other pods") {
    Lab lab;
    lab.start();
    lab.create(resources::services, a_service("apex", "blue"));
    lab.create(resources::deployments, a_deployment({.name = "blue", .replicas = 1}));
    lab.run_for(seconds{3});
    lab.create(resources::deployments, a_deployment({.name = "green", .replicas = 1}));
    lab.run_for(seconds{3});
    CHECK(endpoints(lab, "apex") == "127.64.0.2 :9898");
    lab.patch(resources::services, "apex", {{"spec", {{"selector", {{"app", "green"}}}}}});
    lab.clock().settle();
    CHECK(endpoints(lab, "apex") == "127.64.0.3 :9898");
}

TEST_CASE("Endpoints go with their Service") {
    Lab lab;
    lab.start();
    lab.create(resources::services, a_service("web", "web"));
    lab.clock().settle();
    REQUIRE(lab.has(resources::endpoints, "web"));
    lab.remove(resources::services, "web");
    lab.clock().settle();
    CHECK_FALSE(lab.has(resources::endpoints, "web"));
}

TEST_CASE("a Service without a selector is left to whoever fills it") {
    Lab lab;
    lab.start();
    auto service = a_service("outside", "x");
    drop(service, {"spec", "selector"});
    lab.create(resources::services, service);
    lab.run_for(seconds{1});
    CHECK_FALSE(lab.has(resources::endpoints, "outside"));
    CHECK(text_at(lab.get(resources::services, "outside"), {"spec", "clusterIP"})
              .starts_with("127.96."));
}

TEST_CASE("a load balancer's ports keep the node's ports that they were given") {
    Lab lab;
    lab.start();
    auto service = a_service("edge", "edge");
    put(service, {"spec", "type"}, Json("LoadBalancer"));
    lab.create(resources::services, service);
    const auto port = [&] {
        const auto stored = lab.get(resources::services, "edge");
        return integer_at(array_at(stored, {"spec", "ports"}).front(), {"nodePort"});
    };
    CHECK(port() == 30000);
    REQUIRE(lab.cluster().update(resources::services, service).has_value());
    CHECK(port() == 30000);
}

TEST_CASE("more than a hundred pods take more than one slice") {
    std::vector<ObjectPtr> pods;
    for (int i = 0; i < 150; ++i) {
        pods.push_back(std::make_shared<const Json>(
            Json{{"metadata", {{"name", "p" + std::to_string(i)}, {"namespace", "default"}}},
                 {"status", {{"podIP", "127.64.0." + std::to_string(i)}, {"phase", "Running"}}}}));
    }
    const auto slices = endpoint_slices(a_service("web", "web"), pods);
    REQUIRE(slices.size() == 2);
    CHECK(slices[0].endpoints.get_array().size() == 100);
    CHECK(slices[1].endpoints.get_array().size() == 50);
}

TEST_CASE("an API server that listens has a Service of its own") {
    Lab lab({}, {.api_port = 6443});
    lab.start();
    const auto service = lab.get(resources::services, "kubernetes");
    CHECK(text_at(service, {"spec", "clusterIP"}) == "127.96.0.1");
    CHECK(text_at(service, {"metadata", "labels", "component"}) == "apiserver");
    CHECK(endpoints(lab, "kubernetes") == "127.0.0.1 :6443");
}

TEST_CASE("each namespace has a ServiceAccount") {
    Lab lab;
    lab.start();
    const auto created = lab.cluster().create(
        resources::namespaces,
        {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", "test"}}}});
    REQUIRE(created.has_value());
    lab.clock().settle();
    CHECK(lab.cluster().find(resources::service_accounts, {"test", "default"}) != nullptr);
    CHECK(lab.cluster().find(resources::nodes, {"", "lab-1"}) != nullptr);
}

}  // namespace sluice::lab::testing
