// Why pods are not ready, in the words of one line.
#include "kube/pods.hpp"

#include "base/core/text.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace sluice;
using namespace sluice::kube;

namespace {

Json parsed(std::string_view text) {
    return boost::json::parse(std::string(text));
}

constexpr std::string_view ready = R"({"phase": "Running", "conditions": [
    {"type": "Ready", "status": "True"}], "containerStatuses": [
    {"name": "app", "ready": true, "started": true, "state": {"running": {}}}]})";

std::string containers(std::string_view list) {
    return fmt::format(R"({{"phase": "Pending", "conditions": [
        {{"type": "PodScheduled", "status": "True"}},
        {{"type": "Ready", "status": "False", "reason": "ContainersNotReady",
          "message": "containers with unready status: [app]"}}], "containerStatuses": [{}]}})",
                       list);
}

std::string waits(std::string_view reason, std::string_view message) {
    Json state = JsonObject{{"waiting", JsonObject{{"reason", reason}, {"message", message}}}};
    return containers(
        to_text(JsonObject{{"name", "app"}, {"ready", false}, {"state", std::move(state)}}));
}

// What a pod is told apart by.
struct From {
    std::string hash = "new";
    std::string made = "2026-01-01T00:05:00Z";
    std::string image = "web:2";
};
Json a_pod(std::string_view name, std::string_view status, const From& from = {}) {
    Json pod = JsonObject{
        {"metadata",
         JsonObject{{"name", name},
                    {"namespace", "test"},
                    {"creationTimestamp", from.made},
                    {"labels", JsonObject{{"app", "web"}, {"pod-template-hash", from.hash}}}}},
        {"spec",
         JsonObject{{"containers",
                     JsonArray{JsonObject{{"name", "istio-proxy"}, {"image", "proxy:1"}},
                               JsonObject{{"name", "app"}, {"image", from.image}}}}}}};
    put(pod, {"status"}, parsed(status));
    return pod;
}

std::string why(std::string_view status) {
    return why_not_ready(a_pod("a", status));
}

Json web() {
    return parsed(R"({"kind": "Deployment", "metadata": {"name": "web", "namespace": "test"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {"spec": {
          "containers": [{"name": "app", "image": "web:2"}]}}}})");
}

}  // namespace

TEST_CASE("a pod that is ready waits for nothing") {
    CHECK(why(ready).empty());
    CHECK(why("{}").empty());
}

TEST_CASE("a pod says why it is not ready in its runtime's words, and of a crash how it ended") {
    CHECK(why(waits("CreateContainerConfigError", "configmap \"app\" not found")) ==
          "CreateContainerConfigError: configmap \"app\" not found");
    CHECK(why(waits("ErrImagePull", "rpc error: code = NotFound desc = no such image")) ==
          "ErrImagePull: no such image");
    CHECK(why(waits("ContainerCreating", "")) == "ContainerCreating");
    CHECK(why(containers(R"json({"name": "app", "ready": false, "restartCount": 4,
        "state": {"waiting": {"reason": "CrashLoopBackOff",
          "message": "back-off 5m0s restarting failed container=app pod=web-5d-x_test(77)"}},
        "lastState": {"terminated": {"reason": "Error", "exitCode": 2,
          "message": "no such file:\n\t/etc/app.yaml\n"}}})json")) ==
          "CrashLoopBackOff: exit code 2: no such file: /etc/app.yaml");
    CHECK(why(containers(R"({"name": "app", "ready": false, "state": {
        "waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}})")) ==
          "CrashLoopBackOff: OOMKilled (exit code 137)");
    CHECK(why(containers(R"({"name": "app", "ready": false, "state": {
        "terminated": {"reason": "Error", "exitCode": 1}}})")) == "it has ended: exit code 1");
}

TEST_CASE("a pod that no node takes says so before anything else") {
    CHECK(why(R"({"phase": "Pending", "conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
         "message": "0/1 nodes are available: 1 Insufficient cpu."}]})") ==
          "Unschedulable: 0/1 nodes are available: 1 Insufficient cpu.");
}

TEST_CASE("a pod whose containers run waits for their probes") {
    CHECK(why(containers(R"({"name": "app", "ready": false, "started": true,
        "state": {"running": {}}})")) == "its readiness probe does not pass");
    CHECK(why(containers(R"({"name": "app", "ready": false, "started": false, "state":
        {"running": {}}, "lastState": {"terminated": {"reason": "Error", "exitCode": 137}}})")) ==
          "its startup probe does not pass; it was restarted after exit code 137");
    CHECK(why(containers(R"(
        {"name": "app", "ready": false, "started": true, "state": {"running": {}}},
        {"name": "istio-proxy", "ready": true, "started": true, "state": {"running": {}}})")) ==
          "container app: its readiness probe does not pass");
    CHECK(why(R"({"phase": "Running", "conditions": [{"type": "Ready", "status": "False",
        "reason": "ReadinessGatesNotReady", "message": "the status of pod readiness gate x is not True"}],
        "containerStatuses": [{"name": "app", "ready": true, "state": {"running": {}}}]})") ==
          "ReadinessGatesNotReady: the status of pod readiness gate x is not True");
}

TEST_CASE("a pod waits for its init containers before its others") {
    const auto initializing = [](std::string_view init) {
        return fmt::format(R"({{"phase": "Pending", "initContainerStatuses": [{}],
            "containerStatuses": [{{"name": "app", "ready": false, "state": {{
              "waiting": {{"reason": "PodInitializing"}}}}}}]}})",
                           init);
    };
    CHECK(why(initializing(R"({"name": "migrate", "ready": false, "state": {
        "waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"reason": "Error", "exitCode": 1}}})")) ==
          "init container migrate: CrashLoopBackOff: exit code 1");
    CHECK(why(initializing(R"({"name": "migrate", "ready": false, "started": false,
        "state": {"running": {}}})")) == "init container migrate has not ended");
    CHECK(why(initializing(R"({"name": "migrate", "ready": true, "started": false,
        "state": {"terminated": {"reason": "Completed", "exitCode": 0}}})")) == "PodInitializing");
}

TEST_CASE("a long message is one line that keeps its beginning and its end") {
    const auto image = "registry.example/" + std::string(200, 'x') + ":2";
    const auto line =
        why(waits("ErrImagePull",
                  fmt::format("rpc error: code = NotFound desc = failed to pull\x1b[2J "
                              "image \"{}\":\n{}: not found",
                              image,
                              image)));
    CHECK(line.size() <= 200);
    CHECK(line.starts_with("ErrImagePull: failed to pull [2J image \"registry.example/xxx"));
    CHECK(line.ends_with("xxx:2: not found"));
    // No letter is cut in two.
    for (std::size_t before = 0; before < 4; ++before) {
        std::string long_text(before, 'x');
        for (int i = 0; i < 200; ++i) long_text += "ü€";
        CHECK(is_utf8(why(waits("ErrImagePull", long_text))));
    }
}

TEST_CASE("what most of the pods wait for is said once, with their number") {
    const auto missing = waits("CreateContainerConfigError", "configmap \"app\" not found");
    const auto creating = waits("ContainerCreating", "");
    CHECK(pods_wait_for(web(), {}).empty());
    CHECK(pods_wait_for(web(), {a_pod("a", ready)}).empty());
    CHECK(pods_wait_for(web(), {a_pod("a", missing)}) ==
          "CreateContainerConfigError: configmap \"app\" not found (1 pod)");
    CHECK(pods_wait_for(web(), {a_pod("b", missing), a_pod("a", missing), a_pod("c", ready)}) ==
          "CreateContainerConfigError: configmap \"app\" not found (2 pods)");
    CHECK(pods_wait_for(web(), {a_pod("a", creating), a_pod("b", missing), a_pod("c", missing)}) ==
          "CreateContainerConfigError: configmap \"app\" not found (2 of 3 pods)");
    // A pull is tried, and held back, by turns: it is one reason.
    CHECK(pods_wait_for(web(),
                        {a_pod("a", creating),
                         a_pod("b", waits("ErrImagePull", "no such image")),
                         a_pod("c", waits("ImagePullBackOff", "Back-off pulling image"))}) ==
          "ErrImagePull: no such image (2 of 3 pods)");
}

TEST_CASE("only pods of the newest template count") {
    const auto old = waits("ErrImagePull", "no such image");
    const auto fresh = waits("CreateContainerConfigError", "secret \"db\" not found");
    const std::string wanted = "CreateContainerConfigError: secret \"db\" not found (1 pod)";
    // By its image, also where an old one was made again later.
    const From before{.hash = "old", .made = "2026-01-01T00:09:00Z", .image = "web:1"};
    CHECK(pods_wait_for(web(), {a_pod("a", old, before), a_pod("b", fresh)}) == wanted);
    // By when the first of its pods was made, where the images are the same.
    const From same{.hash = "old", .made = "2026-01-01T00:00:00Z"};
    const From again{.hash = "old", .made = "2026-01-01T00:09:00Z"};
    CHECK(pods_wait_for(
              web(), {a_pod("a", old, same), a_pod("c", old, again), a_pod("b", fresh)}) == wanted);
    // Of one second both count.
    const From at_once{.hash = "old"};
    CHECK(pods_wait_for(web(), {a_pod("a", old, at_once), a_pod("b", fresh)}) ==
          "ErrImagePull: no such image (1 of 2 pods)");
    // A webhook may write other images.
    const From pinned{.image = "web@sha256:77"};
    CHECK(pods_wait_for(web(), {a_pod("b", fresh, pinned)}) == wanted);
}

TEST_CASE("pods of others, on their way out, or that have ended do not count") {
    const auto missing = waits("CreateContainerConfigError", "configmap \"app\" not found");
    auto other = a_pod("a", missing);
    put(other, {"metadata", "labels"}, JsonObject{{"app", "web-primary"}});
    auto leaving = a_pod("b", missing);
    put(leaving, {"metadata", "deletionTimestamp"}, "2026-01-01T00:00:00Z");
    const auto ended = a_pod("c", R"({"phase": "Failed", "reason": "Evicted"})");
    CHECK(pods_wait_for(web(), {other, leaving, ended}).empty());
    auto selects_nothing = web();
    put(selects_nothing, {"spec", "selector"}, JsonObject{});
    CHECK(pods_wait_for(selects_nothing, {a_pod("a", missing)}).empty());
}

TEST_CASE("pods that could not be made are told of by their workload") {
    auto workload = web();
    put(workload, {"status"}, parsed(R"({"conditions": [{"type": "ReplicaFailure", "status": "True",
            "reason": "FailedCreate", "message": "pods \"web-5d-x\" is forbidden: exceeded quota"}]})"));
    CHECK(pods_wait_for(workload, {}) ==
          "FailedCreate: pods \"web-5d-x\" is forbidden: exceeded quota");
}

TEST_CASE("what is kept of a reason is short, and has nothing of what an app said at its end") {
    const auto kept = [](std::string_view status) {
        return pods_wait_for(web(), {a_pod("a", status)}, Words::kept);
    };
    const auto in_short = [](std::string_view status) {
        return pods_wait_for(web(), {a_pod("a", status)}, Words::in_short);
    };
    const auto pull = containers(R"({"name": "app", "image": "web:2", "ready": false, "state": {
        "waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image \"web:2\""}}})");
    CHECK(kept(pull) == "ImagePullBackOff of web:2 (1 pod)");
    CHECK(in_short(pull) == kept(pull));
    const auto crash = containers(R"({"name": "app", "ready": false, "state": {
        "waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {
          "reason": "OOMKilled", "exitCode": 137, "message": "password=hunter2"}}})");
    CHECK(kept(crash) == "CrashLoopBackOff (OOMKilled, exit code 137) (1 pod)");
    CHECK(in_short(crash) == kept(crash));
    const auto ended = containers(R"({"name": "app", "ready": false, "state": {
        "terminated": {"reason": "Error", "exitCode": 1, "message": "password=hunter2"}}})");
    CHECK(kept(ended) == "it has ended: exit code 1 (1 pod)");
    const auto restarted = containers(R"({"name": "app", "ready": false, "started": true, "state": {
        "running": {}}, "lastState": {"terminated": {"reason": "Error", "exitCode": 1,
          "message": "password=hunter2"}}})");
    CHECK(kept(restarted) ==
          "its readiness probe does not pass; it was restarted after exit code 1 (1 pod)");
    const auto two = containers(R"(
        {"name": "app", "image": "web:2", "ready": false, "state": {"waiting": {
          "reason": "ErrImagePull", "message": "no such image"}}},
        {"name": "istio-proxy", "ready": true, "started": true, "state": {"running": {}}})");
    CHECK(kept(two) == "container app: ErrImagePull of web:2 (1 pod)");
}

TEST_CASE("who may not list pods is told no name of a ConfigMap, a Secret or a quota") {
    const auto told = [](std::string_view status, Words words) {
        return pods_wait_for(web(), {a_pod("a", status)}, words);
    };
    const auto missing = waits("CreateContainerConfigError", "secret \"db\" not found");
    CHECK(told(missing, Words::kept) ==
          "CreateContainerConfigError: secret \"db\" not found (1 pod)");
    CHECK(told(missing, Words::in_short) == "CreateContainerConfigError (1 pod)");
    const auto mounts = waits("ContainerCreating", "secret \"db\" not found");
    CHECK(told(mounts, Words::in_short) == "ContainerCreating (1 pod)");
    const std::string_view homeless = R"({"conditions": [{"type": "PodScheduled", "status": "False",
        "reason": "Unschedulable", "message": "0/1 nodes are available"}]})";
    CHECK(told(homeless, Words::in_short) == "Unschedulable (1 pod)");
    auto workload = web();
    put(workload, {"status"}, parsed(R"({"conditions": [{"type": "ReplicaFailure", "status": "True",
            "reason": "FailedCreate", "message": "exceeded quota"}]})"));
    CHECK(pods_wait_for(workload, {}, Words::kept) == "FailedCreate: exceeded quota");
    CHECK(pods_wait_for(workload, {}, Words::in_short) == "FailedCreate");
}
