#include "cli/injection.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::cli;

namespace {

constexpr std::string_view revision = "cp-v112x.istio-system";

Json a_deployment() {
    Json deployment = JsonObject{};
    put(deployment, {"metadata", "name"}, "podinfo");
    put(deployment, {"spec", "selector", "matchLabels", "app"}, "podinfo");
    return deployment;
}

// Without a sidecar when `sidecar_of` is empty.
Json a_pod(std::string_view sidecar_of, std::string_view app = "podinfo") {
    Json pod = JsonObject{};
    put(pod, {"metadata", "labels", "app"}, Json(app));
    if (!sidecar_of.empty()) {
        put(pod,
            {"metadata", "annotations", "sidecar.istio.io/status"},
            Json(to_text(JsonObject{{"revision", sidecar_of}})));
    }
    return pod;
}

using Names = std::vector<std::string>;

Names stale(Json pod, std::string_view wanted) {
    return with_pods_from_before({a_deployment()}, {std::move(pod)}, wanted);
}

}  // namespace

TEST_CASE("a workload whose pods have the sidecar already needs no restart") {
    CHECK(stale(a_pod(revision), revision).empty());
    CHECK(stale(a_pod(""), "").empty());
}

TEST_CASE("pods without the sidecar, with another one, or with one too many are from before") {
    CHECK(stale(a_pod(""), revision) == Names{"podinfo"});
    CHECK(stale(a_pod("cp-v111x.istio-system"), revision) == Names{"podinfo"});
    CHECK(stale(a_pod(revision), "") == Names{"podinfo"});
}

TEST_CASE("pods of others, pods that end and pods that choose for themselves do not count") {
    CHECK(stale(a_pod("", "other"), revision).empty());
    auto ending = a_pod("");
    put(ending, {"metadata", "deletionTimestamp"}, "2026-01-01T00:00:00Z");
    CHECK(stale(ending, revision).empty());
    auto choosing = a_pod("");
    put(choosing, {"metadata", "labels", "sidecar.istio.io/inject"}, "false");
    CHECK(stale(choosing, revision).empty());
    CHECK(with_pods_from_before({a_deployment()}, {}, revision).empty());
}
