// Init containers, and what a pod does before it goes.
#include "a_lab.hpp"
#include "lab/workloads/container_spec.hpp"

namespace sluice::lab::testing {

namespace {

Json a_pod(Json init, Json container = JsonObject{}) {
    Json app = {{"name", "app"}, {"image", "demo:1"}};
    apply_merge_patch(app, container);
    return {{"apiVersion", "v1"},
            {"kind", "Pod"},
            {"metadata", {{"name", "p"}, {"namespace", "default"}}},
            {"spec", {{"initContainers", std::move(init)}, {"containers", JsonArray{app}}}}};
}

Json named(std::string_view name, std::string_view image) {
    return {{"name", name}, {"image", image}};
}

const Json& status_at(const Json& pod, std::string_view list, std::size_t at) {
    return array_at(pod, {"status", list}).at(at);
}

bool has_event(Lab& lab, std::string_view text) {
    const auto all = lab.events("Pod");
    return std::ranges::find(all, text) != all.end();
}

}  // namespace

TEST_CASE("init containers run one after the other, and the pod's own after them") {
    Lab lab;
    lab.start();
    lab.create(resources::pods, a_pod(JsonArray{named("one", "init:1"), named("two", "init:2")}));
    lab.run_for(std::chrono::milliseconds{500});
    auto pod = lab.get(resources::pods, "p");
    CHECK(text_at(pod, {"status", "phase"}) == "Pending");
    CHECK(find(status_at(pod, "initContainerStatuses", 0), {"state", "running"}) != nullptr);
    CHECK(text_at(status_at(pod, "initContainerStatuses", 1), {"state", "waiting", "reason"}) ==
          "PodInitializing");
    CHECK(text_at(status_at(pod, "containerStatuses", 0), {"state", "waiting", "reason"}) ==
          "PodInitializing");
    const auto& initialized = array_at(pod, {"status", "conditions"}).at(1);
    CHECK(text_at(initialized, {"type"}) == "Initialized");
    CHECK(text_at(initialized, {"status"}) == "False");
    CHECK(text_at(initialized, {"message"}) == "containers with incomplete status: [one two]");

    lab.run_for(seconds{1});
    pod = lab.get(resources::pods, "p");
    CHECK(text_at(status_at(pod, "initContainerStatuses", 0), {"state", "terminated", "reason"}) ==
          "Completed");
    CHECK(find(status_at(pod, "initContainerStatuses", 1), {"state", "running"}) != nullptr);

    lab.run_for(seconds{2});
    pod = lab.get(resources::pods, "p");
    CHECK(text_at(pod, {"status", "phase"}) == "Running");
    CHECK(bool_at(status_at(pod, "containerStatuses", 0), {"ready"}) == true);
    CHECK(bool_at(status_at(pod, "initContainerStatuses", 1), {"ready"}) == true);
    CHECK(has_event(lab, "Started: Started container two"));
}

TEST_CASE("a pod whose init container cannot be had or does not end well stays there") {
    ImageMap images;
    images.put("*:missing", std::string(apps::bad));
    Lab lab(std::move(images));
    lab.start();
    lab.create(resources::pods, a_pod(JsonArray{named("one", "init:missing")}));
    lab.run_for(seconds{5});
    auto pod = lab.get(resources::pods, "p");
    CHECK(text_at(status_at(pod, "initContainerStatuses", 0), {"state", "waiting", "reason"}) ==
          "ImagePullBackOff");
    CHECK(text_at(pod, {"status", "phase"}) == "Pending");
    CHECK_FALSE(has_event(lab, "Started: Started container app"));

    auto failing = a_pod(JsonArray{named("one", "init:1-crash")});
    put(failing, {"metadata", "name"}, "q");
    lab.create(resources::pods, failing);
    lab.run_for(seconds{5});
    pod = lab.get(resources::pods, "q");
    CHECK(text_at(status_at(pod, "initContainerStatuses", 0), {"state", "waiting", "reason"}) ==
          "CrashLoopBackOff");
    CHECK(integer_at(status_at(pod, "initContainerStatuses", 0), {"restartCount"}) == 2);

    put(failing, {"metadata", "name"}, "r");
    put(failing, {"spec", "restartPolicy"}, "Never");
    lab.create(resources::pods, failing);
    lab.run_for(seconds{5});
    CHECK(text_at(lab.get(resources::pods, "r"), {"status", "phase"}) == "Failed");
}

TEST_CASE("an init container that is a sidecar goes on beside the others") {
    Lab lab;
    lab.start();
    auto sidecar = named("proxy", "proxy:1");
    put(sidecar, {"restartPolicy"}, "Always");
    lab.create(resources::pods, a_pod(JsonArray{sidecar}));
    lab.run_for(seconds{5});
    const auto pod = lab.get(resources::pods, "p");
    CHECK(text_at(pod, {"status", "phase"}) == "Running");
    CHECK(bool_at(status_at(pod, "initContainerStatuses", 0), {"ready"}) == true);
    CHECK(find(status_at(pod, "initContainerStatuses", 0), {"state", "running"}) != nullptr);
}

TEST_CASE("a preStop hook that sleeps keeps the container for that time") {
    CHECK(sleep_of({"sleep", "5"}) == seconds{5});
    CHECK(sleep_of({"/bin/sleep", "2m"}) == seconds{120});
    CHECK(sleep_of({"/bin/sh", "-c", "sleep 5"}) == seconds{5});
    CHECK_FALSE(sleep_of({"/bin/sh", "-c", "nginx -s quit; sleep 5"}));
    CHECK_FALSE(sleep_of({"nginx", "-s"}));

    Lab lab;
    lab.start();
    const Json hook = {
        {"lifecycle",
         {{"preStop", {{"exec", {{"command", JsonArray{"/bin/sh", "-c", "sleep 10"}}}}}}}}};
    lab.create(resources::pods, a_pod(JsonArray{}, hook));
    lab.run_for(seconds{5});
    lab.remove(resources::pods, "p");
    lab.run_for(seconds{9});
    CHECK(lab.has(resources::pods, "p"));
    lab.run_for(seconds{3});
    CHECK_FALSE(lab.has(resources::pods, "p"));
}

TEST_CASE("what a preStop hook cannot do in the lab is said, and the pod goes all the same") {
    Lab lab;
    lab.start();
    lab.create(
        resources::pods,
        a_pod(JsonArray{},
              {{"lifecycle", {{"preStop", {{"exec", {{"command", JsonArray{"nginx", "-s"}}}}}}}}}));
    lab.run_for(seconds{5});
    lab.remove(resources::pods, "p");
    lab.run_for(seconds{5});
    CHECK_FALSE(lab.has(resources::pods, "p"));
    CHECK(has_event(
        lab, "PreStopNotRun: Commands do not run in the lab: the preStop hook counts as done"));
}

TEST_CASE("a preStop call is made before the container is stopped, and its failure is told") {
    Lab lab;
    lab.start();
    lab.create(
        resources::pods,
        a_pod(JsonArray{},
              {{"lifecycle", {{"preStop", {{"httpGet", {{"path", "/bye"}, {"port", 9898}}}}}}}}));
    lab.run_for(seconds{5});
    lab.runtime().set_ready({"default", "p"}, false);
    lab.remove(resources::pods, "p");
    lab.run_for(seconds{5});
    CHECK_FALSE(lab.has(resources::pods, "p"));
    CHECK(has_event(
        lab, "FailedPreStopHook: PreStopHook failed: HTTP probe failed with statuscode: 503"));
}

TEST_CASE("a gRPC probe is not asked, which is said") {
    Lab lab;
    lab.start();
    lab.create(resources::pods,
               a_pod(JsonArray{}, {{"readinessProbe", {{"grpc", {{"port", 9898}}}}}}));
    lab.run_for(seconds{5});
    CHECK(bool_at(status_at(lab.get(resources::pods, "p"), "containerStatuses", 0), {"ready"}) ==
          true);
    CHECK(has_event(lab,
                    "ProbeNotRun: gRPC is not spoken in the lab: the readiness probe counts as "
                    "passed"));
}

}  // namespace sluice::lab::testing
