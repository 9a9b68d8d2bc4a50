#include "a_lab.hpp"

namespace sluice::lab::testing {
namespace {

using Texts = std::vector<std::string>;

Json a_pod(const std::string& image, const Json& container = JsonObject{}) {
    Json web = {{"name", "web"}, {"image", image}};
    apply_merge_patch(web, container);
    return {{"apiVersion", "v1"},
            {"kind", "Pod"},
            {"metadata", {{"name", "web"}, {"namespace", "default"}, {"labels", {{"app", "web"}}}}},
            {"spec", {{"containers", JsonArray{web}}}}};
}

Json http_probe(std::int64_t period) {
    return {{"httpGet", {{"path", "/readyz"}, {"port", 9898}}}, {"periodSeconds", period}};
}

std::string state(Lab& lab) {
    const auto pod = lab.get(resources::pods, "web");
    const auto& status = array_at(pod, {"status", "containerStatuses"}).front();
    if (find(status, {"state", "running"}) != nullptr) return "running";
    if (find(status, {"state", "terminated"}) != nullptr) return "terminated";
    return std::string(text_at(status, {"state", "waiting", "reason"}));
}

std::int64_t restarts(Lab& lab) {
    const auto pod = lab.get(resources::pods, "web");
    return integer_at(array_at(pod, {"status", "containerStatuses"}).front(), {"restartCount"})
        .value_or(-1);
}

bool ready(Lab& lab) {
    const auto pod = lab.get(resources::pods, "web");
    return bool_at(array_at(pod, {"status", "containerStatuses"}).front(), {"ready"})
        .value_or(false);
}

}  // namespace

TEST_CASE("a pod is bound, starts and says where it runs") {
    Lab lab;
    lab.start();
    lab.create(resources::pods, a_pod("demo:1"));
    lab.clock().settle();
    auto pod = lab.get(resources::pods, "web");
    CHECK(text_at(pod, {"spec", "nodeName"}) == "lab-1");
    CHECK(text_at(pod, {"status", "phase"}) == "Pending");
    CHECK(state(lab) == "ContainerCreating");
    lab.run_for(seconds{2});
    pod = lab.get(resources::pods, "web");
    const auto& container = array_at(pod, {"status", "containerStatuses"}).front();
    CHECK(canonical_text(*find(pod, {"status"})) ==
          R"({"conditions":[{"lastTransitionTime":"2026-01-25T19:45:00Z",)"
          R"("status":"True","type":"PodReadyToStartContainers"},{)"
          R"("lastTransitionTime":"2026-01-25T19:45:00Z","status":"True","type":"Initialized"},)"
          R"({"lastTransitionTime":"2026-01-25T19:45:01Z","status":"True",)"
          R"("type":"Ready"},{"lastTransitionTime":"2026-01-25T19:45:01Z",)"
          R"("status":"True","type":"ContainersReady"},{)"
          R"("lastTransitionTime":"2026-01-25T19:45:00Z","status":"True","type":"PodScheduled"}],)"
          R"("containerStatuses":[{"containerID":")" +
              std::string(text_at(container, {"containerID"})) +
              R"(","image":"demo:1","imageID":"sluice://demo:1","lastState":{},"name":"web",)"
              R"("ready":true,"restartCount":0,"started":true,)"
              R"("state":{"running":{"startedAt":"2026-01-25T19:45:01Z"}}}],)"
              R"("hostIP":"127.0.0.1","hostIPs":[{"ip":"127.0.0.1"}],"phase":"Running",)"
              R"("podIP":"127.64.0.2","podIPs":[{"ip":"127.64.0.2"}],"qosClass":"BestEffort",)"
              R"("startTime":"2026-01-25T19:45:00Z"})");
    CHECK(lab.events("Pod") ==
          Texts{"Scheduled: Successfully assigned default/web to lab-1",
                "Pulled: Container image \"demo:1\" already present on machine",
                "Created: Created container: web",
                "Started: Started container web"});
}

TEST_CASE("a pod that fits no node waits and says why") {
    Lab lab;
    lab.start();
    auto pod = a_pod("demo:1");
    put(pod, {"spec", "nodeSelector"}, {{"flagger.app/scale-to-zero", "true"}});
    lab.create(resources::pods, pod);
    lab.run_for(seconds{5});
    pod = lab.get(resources::pods, "web");
    CHECK(text_at(pod, {"status", "phase"}) == "Pending");
    CHECK(text_at(array_at(pod, {"status", "conditions"}).front(), {"reason"}) == "Unschedulable");
    CHECK(text_at(pod, {"spec", "nodeName"}).empty());
}

TEST_CASE("a pod is ready when its readiness probe has passed, and until it fails three times") {
    Lab lab;
    lab.runtime().script("demo:*", {.ready_after = seconds{7}});
    lab.start();
    lab.create(resources::pods, a_pod("demo:1", {{"readinessProbe", http_probe(5)}}));
    lab.run_for(seconds{3});
    CHECK(state(lab) == "running");
    CHECK_FALSE(ready(lab));
    CHECK(lab.events("Pod").back() ==
          "Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 503");
    // Asked at 1, 6 and 11 s; ready from 8 s on.
    lab.run_for(seconds{7});
    CHECK_FALSE(ready(lab));
    lab.run_for(seconds{2});
    CHECK(ready(lab));
    CHECK(lab.clock().next_wake() == std::nullopt);

    lab.runtime().set_ready({"default", "web"}, false);
    lab.run_for(seconds{14});
    CHECK(ready(lab));
    lab.run_for(seconds{2});
    CHECK_FALSE(ready(lab));
    lab.runtime().set_ready({"default", "web"}, true);
    lab.run_for(seconds{6});
    CHECK(ready(lab));
}

TEST_CASE("a startup probe holds the others back") {
    Lab lab;
    lab.runtime().script("demo:*", {.ready_after = seconds{25}});
    lab.start();
    auto startup = http_probe(10);
    put(startup, {"failureThreshold"}, 30);
    lab.create(resources::pods,
               a_pod("demo:1",
                     {{"startupProbe", startup},
                      {"livenessProbe", http_probe(1)},
                      {"readinessProbe", http_probe(1)}}));
    lab.run_for(seconds{28});
    CHECK(restarts(lab) == 0);
    CHECK_FALSE(ready(lab));
    lab.run_for(seconds{5});
    CHECK(ready(lab));
    CHECK(restarts(lab) == 0);
}

TEST_CASE("a container that fails its liveness probe is restarted") {
    Lab lab;
    lab.start();
    lab.create(resources::pods, a_pod("demo:1", {{"livenessProbe", http_probe(2)}}));
    lab.run_for(seconds{5});
    lab.runtime().set_ready({"default", "web"}, false);
    lab.run_for(seconds{10});
    CHECK(restarts(lab) == 1);
    const auto events = lab.events("Pod");
    CHECK(std::ranges::count(
              events, "Killing: Container web failed liveness probe, will be restarted") == 1);
}

TEST_CASE("a command that the lab cannot run counts as a passed probe, which is said once") {
    Lab lab;
    lab.start();
    const Json probe = {{"exec", {{"command", JsonArray{Json("cat"), Json("/tmp/ok")}}}}};
    lab.create(resources::pods,
               a_pod("demo:1", {{"readinessProbe", probe}, {"livenessProbe", probe}}));
    lab.run_for(seconds{5});
    CHECK(ready(lab));
    const auto revision = lab.cluster().revision();
    lab.run_for(std::chrono::hours{1});
    CHECK(lab.cluster().revision() == revision);
    CHECK(
        std::ranges::count(
            lab.events("Pod"),
            "ProbeNotRun: Commands do not run in the lab: the readiness probe counts as passed") ==
        1);
}

TEST_CASE("a container that crashes is restarted at once, then after a growing back-off") {
    Lab lab;
    lab.start();
    lab.create(resources::pods, a_pod("demo:1-crash"));
    lab.run_for(seconds{22});
    CHECK(state(lab) == "running");
    CHECK(restarts(lab) == 1);
    lab.run_for(seconds{21});
    CHECK(state(lab) == "CrashLoopBackOff");
    CHECK(restarts(lab) == 2);
    auto pod = lab.get(resources::pods, "web");
    const auto uid = std::string(kube::uid_of(pod));
    const auto& status = array_at(pod, {"status", "containerStatuses"}).front();
    CHECK(text_at(status, {"state", "waiting", "message"}) ==
          "back-off 10s restarting failed container=web pod=web_default(" + uid + ")");
    CHECK(integer_at(status, {"lastState", "terminated", "exitCode"}) == 1);
    CHECK(text_at(status, {"lastState", "terminated", "reason"}) == "Error");
    CHECK(text_at(pod, {"status", "phase"}) == "Running");
    CHECK(lab.events("Pod").back() ==
          "BackOff: Back-off restarting failed container web in pod web_default(" + uid + ")");
    lab.run_for(seconds{10});
    CHECK(state(lab) == "running");
    lab.run_for(seconds{21});
    CHECK(
        text_at(array_at(lab.get(resources::pods, "web"), {"status", "containerStatuses"}).front(),
                {"state", "waiting", "message"})
            .starts_with("back-off 20s"));
    lab.run_for(std::chrono::hours{1});
    CHECK(restarts(lab) < 20);
}

TEST_CASE("a pod that is not to be restarted ends with its containers") {
    Lab lab;
    lab.runtime().script("demo:*", {.exits_after = seconds{3}, .exit_code = 0});
    lab.start();
    auto pod = a_pod("demo:1");
    put(pod, {"spec", "restartPolicy"}, Json("Never"));
    lab.create(resources::pods, pod);
    lab.run_for(seconds{10});
    pod = lab.get(resources::pods, "web");
    CHECK(text_at(pod, {"status", "phase"}) == "Succeeded");
    CHECK(state(lab) == "terminated");
}

TEST_CASE("a bad image gives ErrImagePull, then ImagePullBackOff") {
    ImageMap images;
    images.put("gone:*", std::string(apps::bad));
    Lab lab(images);
    lab.start();
    lab.create(resources::pods, a_pod("gone:1"));
    lab.clock().settle();
    CHECK(state(lab) == "ErrImagePull");
    lab.run_for(seconds{2});
    CHECK(state(lab) == "ImagePullBackOff");
    CHECK(lab.events("Pod") ==
          Texts{"Scheduled: Successfully assigned default/web to lab-1",
                "Pulling: Pulling image \"gone:1\"",
                "Failed: Failed to pull image \"gone:1\": failed to pull and unpack image "
                "\"gone:1\": not found",
                "Failed: Error: ErrImagePull",
                "BackOff: Back-off pulling image \"gone:1\"",
                "Failed: Error: ImagePullBackOff"});
    lab.run_for(std::chrono::hours{1});
    CHECK(lab.list(resources::events).size() < 10);
    lab.remove(resources::pods, "web");
    lab.run_for(seconds{2});
    CHECK_FALSE(lab.has(resources::pods, "web"));
}

TEST_CASE("an image that no registry could name is refused by name") {
    Lab lab;
    lab.start();
    lab.create(resources::pods, a_pod("Demo App:1"));
    lab.clock().settle();
    CHECK(state(lab) == "InvalidImageName");
}

TEST_CASE("a deleted pod leaves after its app has had time to finish") {
    Lab lab;
    lab.start();
    lab.create(resources::pods, a_pod("demo:1"));
    lab.run_for(seconds{5});
    lab.remove(resources::pods, "web");
    lab.run_for(std::chrono::milliseconds{500});
    REQUIRE(lab.has(resources::pods, "web"));
    CHECK(lab.events("Pod").back() == "Killing: Stopping container web");
    lab.run_for(seconds{1});
    CHECK_FALSE(lab.has(resources::pods, "web"));
}

TEST_CASE("a preStop sleep is honoured") {
    Lab lab;
    lab.start();
    lab.create(resources::pods,
               a_pod("demo:1", {{"lifecycle", {{"preStop", {{"sleep", {{"seconds", 8}}}}}}}}));
    lab.run_for(seconds{5});
    lab.remove(resources::pods, "web");
    lab.run_for(seconds{7});
    CHECK(lab.has(resources::pods, "web"));
    lab.run_for(seconds{2});
    CHECK_FALSE(lab.has(resources::pods, "web"));
}

TEST_CASE("a part of the lab itself shows as a pod, and starts again when its pod is deleted") {
    int starts = 0;
    int stops = 0;
    Lab lab;
    lab.kubelet().run_in_process(
        "*/flagger:*",
        {[&starts](const InProcessStart& start) { start.log("line " + std::to_string(++starts)); },
         [&stops](const ContainerId&) -> Task<> {
             ++stops;
             return [](Duration) -> Task<> { co_return; }(Duration{});
         }});
    lab.start();
    lab.create(resources::deployments,
               a_deployment({.name = "flagger",
                             .image = "ghcr.io/fluxcd/flagger:1.44.0",
                             .replicas = 1,
                             .container = {{"livenessProbe", http_probe(10)}}}));
    lab.run_for(seconds{30});
    CHECK(starts == 1);
    CHECK(stops == 0);
    const auto pod = kube::key_of(*lab.pods().front());
    lab.remove(resources::pods, pod.name);
    lab.run_for(seconds{5});
    CHECK(starts == 2);
    CHECK(stops == 1);
    CHECK(integer_at(lab.get(resources::deployments, "flagger"), {"status", "availableReplicas"}) ==
          1);

    lab.remove(resources::pods, kube::key_of(*lab.pods().front()).name, {.grace_seconds = 0});
    lab.run_for(seconds{5});
    CHECK(starts == 3);
    CHECK(stops == 2);
}

// A controller is stopped in order, which takes a while; the ReplicaSet does not wait for it.
TEST_CASE("the pod that takes the place of an in-process one has a life of its own") {
    Lab lab;
    std::vector<std::string> begun;
    std::vector<std::string> over;
    std::vector<InProcessStart> lives;
    lab.kubelet().run_in_process(
        "*/flagger:*",
        {[&](InProcessStart start) {
             begun.push_back(start.pod.name);
             lives.push_back(std::move(start));
         },
         [&](ContainerId id) -> Task<> {
             return [](Clock& clock, std::vector<std::string>& ended, std::string uid) -> Task<> {
                 co_await clock.sleep_for(seconds{5});
                 ended.push_back(std::move(uid));
             }(lab.clock(), over, std::move(id.pod_uid));
         }});
    lab.start();
    lab.create(
        resources::deployments,
        a_deployment({.name = "flagger", .image = "ghcr.io/fluxcd/flagger:1.44.0", .replicas = 1}));
    lab.run_for(seconds{5});
    REQUIRE(begun.size() == 1);
    const auto first = *lab.pods().front();
    CHECK(begun[0] == kube::key_of(first).name);
    CHECK(lives[0].ip == text_at(first, {"status", "podIP"}));

    lab.remove(resources::pods, begun[0]);
    lab.run_for(seconds{3});
    CHECK(begun.size() == 2);
    CHECK(over.empty());
    lab.run_for(seconds{10});
    CHECK(over == std::vector<std::string>{std::string(kube::uid_of(first))});
    CHECK(lab.pods().size() == 1);
    CHECK(kube::key_of(*lab.pods().front()).name == begun.at(1));

    // What ends by itself is started again, as any container is.
    lives.at(1).exited(1);
    lab.run_for(seconds{10});
    REQUIRE(begun.size() == 3);
    CHECK(begun[2] == begun[1]);
    const auto& status = array_at(*lab.pods().front(), {"status", "containerStatuses"}).at(0);
    CHECK(integer_at(status, {"restartCount"}) == 1);
}

TEST_CASE("an app that ends while it is being started is started again") {
    Lab lab;
    int starts = 0;
    lab.kubelet().run_in_process("*/flagger:*",
                                 {[&starts](const InProcessStart& start) {
                                      if (++starts == 1) start.exited(3);
                                  },
                                  [](const ContainerId&) -> Task<> {
                                      return [](Duration) -> Task<> { co_return; }(Duration{});
                                  }});
    lab.start();
    lab.create(
        resources::deployments,
        a_deployment({.name = "flagger", .image = "ghcr.io/fluxcd/flagger:1.44.0", .replicas = 1}));
    lab.run_for(seconds{30});
    CHECK(starts == 2);
    const auto& status = array_at(*lab.pods().front(), {"status", "containerStatuses"}).at(0);
    CHECK(integer_at(status, {"restartCount"}) == 1);
    CHECK(integer_at(status, {"lastState", "terminated", "exitCode"}) == 3);
    CHECK(bool_at(status, {"ready"}) == true);
}

TEST_CASE("a fault is of one pod and goes with it") {
    Lab lab;
    lab.start();
    const ObjectKey web{"default", "web"};
    CHECK(lab.kubelet().set_fault(web, {}).error().message == "no pod default/web");
    CHECK(lab.kubelet().crash(web).error().kind == ErrorKind::not_found);
    lab.create(resources::pods, a_pod("demo:1"));
    lab.run_for(seconds{2});
    REQUIRE(lab.kubelet().set_fault(web, {.error_ratio = 0.5}));
    CHECK(lab.kubelet().pods().at(0).fault.error_ratio == 0.5);
    lab.remove(resources::pods, "web");
    lab.run_for(seconds{60});
    CHECK(lab.kubelet().pods().empty());
    lab.create(resources::pods, a_pod("demo:1"));
    lab.run_for(seconds{2});
    CHECK(lab.kubelet().pods().at(0).fault.is_none());
}

TEST_CASE("an image that cannot be pulled takes no fault, as nothing would ever show it") {
    ImageMap images;
    images.put("gone:*", std::string(apps::bad));
    Lab lab(std::move(images));
    lab.start();
    lab.create(resources::pods, a_pod("gone:1"));
    lab.run_for(seconds{2});
    const auto set = lab.kubelet().set_fault({"default", "web"}, {.error_ratio = 0.5});
    REQUIRE_FALSE(set);
    CHECK(set.error().message == "pod default/web answers by no app of the lab");
}

}  // namespace sluice::lab::testing
