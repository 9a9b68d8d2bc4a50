#include "lab/prometheus/scrape_targets.hpp"

#include "unit/lab/apiserver/a_cluster.hpp"

#include <boost/json.hpp>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

using namespace sluice;
using namespace sluice::lab;
namespace resources = sluice::kube::resources;

namespace {

Json a_pod(const char* annotations, const char* more = R"("phase":"Running")") {
    return json(std::string(R"({"metadata":{"name":"web-x","namespace":"test",
        "labels":{"app":"web","app.kubernetes.io/name":"web"},"annotations":)") +
                annotations + R"(},"spec":{"containers":[{"name":"web","image":"i",
        "ports":[{"containerPort":9898},{"containerPort":9797}]}]},
        "status":{"podIP":"127.64.0.3",)" +
                more + "}}");
}

std::string text_of(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

}  // namespace

TEST_CASE("a pod that asks for it is scraped where it says") {
    const auto target = scrape_target(a_pod(
        R"({"prometheus.io/scrape":"true","prometheus.io/port":"9797","prometheus.io/path":"stats"})"));
    REQUIRE(target);
    CHECK(*target == json(R"({"targets":["127.64.0.3:9797"],"labels":{
        "app":"web","app_kubernetes_io_name":"web","namespace":"test","pod":"web-x",
        "kubernetes_namespace":"test","kubernetes_pod_name":"web-x","__metrics_path__":"/stats"}})"));
}

TEST_CASE("left out, it is the first port and /metrics") {
    const auto target = scrape_target(a_pod(R"({"prometheus.io/scrape":"true"})"));
    REQUIRE(target);
    CHECK(array_at(*target, {"targets"}).at(0) == "127.64.0.3:9898");
    CHECK(text_at(*target, {"labels", "__metrics_path__"}) == "/metrics");
}

TEST_CASE("who does not ask, is over, leaves, or is told of by the mesh is not scraped") {
    CHECK_FALSE(scrape_target(a_pod("{}")));
    CHECK_FALSE(scrape_target(a_pod(R"({"prometheus.io/scrape":"false"})")));
    CHECK_FALSE(
        scrape_target(a_pod(R"({"prometheus.io/scrape":"true","prometheus.io/port":"x"})")));
    CHECK_FALSE(
        scrape_target(a_pod(R"({"prometheus.io/scrape":"true"})", R"("phase":"Succeeded")")));
    CHECK_FALSE(scrape_target(
        a_pod(R"({"prometheus.io/scrape":"true","inject.istio.io/templates":"gateway"})")));
    auto leaving = a_pod(R"({"prometheus.io/scrape":"true"})");
    put(leaving, {"metadata", "deletionTimestamp"}, "2026-01-25T19:54:42Z");
    CHECK_FALSE(scrape_target(leaving));
}

TEST_CASE("the file follows the pods") {
    const auto file = std::filesystem::temp_directory_path() /
                      ("sluice-targets-" + std::to_string(::getpid()) + ".json");
    ACluster lab;
    const ScrapeTargets targets(lab.context.get_executor(), lab.cluster, file.string());
    auto pod = a_pod(R"({"prometheus.io/scrape":"true"})");
    put(pod, {"metadata", "namespace"}, "default");
    REQUIRE(lab.cluster.create(resources::pods, pod));
    lab.settle();
    CHECK(text_of(file).empty());
    REQUIRE(lab.cluster.patch(resources::pods,
                              {"default", "web-x"},
                              PatchKind::merge,
                              {{"status", {{"podIP", "127.64.0.3"}, {"phase", "Running"}}}},
                              {.subresource = Subresource::status}));
    lab.settle();
    CHECK(text_of(file).find("127.64.0.3:9898") != std::string::npos);
    DeleteOptions now;
    now.grace_seconds = 0;
    REQUIRE(lab.cluster.remove(resources::pods, {"default", "web-x"}, now));
    lab.settle();
    CHECK(text_of(file) == "[]");
    std::filesystem::remove(file);
}
