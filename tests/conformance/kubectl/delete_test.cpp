// Items 7 and 9 of kubernetes.md G: deleting, and what pods say.
#include "every_kubectl.hpp"

namespace sluice::conformance {

TEST_CASE("deleting a Deployment takes its ReplicaSets and pods along, unless they are orphaned") {
    for (const auto& kubectl : every_kubectl()) {
        const Lab lab(kubectl);
        lab.ok("create deployment web --image=demo:1 --replicas=2");
        lab.ok("rollout status deploy/web --timeout=60s");
        lab.ok("delete deploy web");
        CHECK(lab.ok("get deploy -o name").empty());
        CHECK(lab.eventually_empty("get rs -o name"));
        CHECK(lab.eventually_empty("get po -o name"));

        lab.ok("create deployment web --image=demo:1 --replicas=2");
        lab.ok("rollout status deploy/web --timeout=60s");
        lab.ok(
            fmt::format("delete deploy web --cascade={}", lab.minor() >= 20 ? "orphan" : "false"));
        CHECK(lab.ok("get deploy -o name").empty());
        CHECK(split_list(lab.ok("get rs -o name"), '\n').size() == 1);
        CHECK(split_list(lab.ok("get po -o name"), '\n').size() == 2);
        lab.ok("delete po --all --grace-period=0 --force");
    }
}

TEST_CASE("deleting a namespace waits until nothing is left in it") {
    for (const auto& kubectl : every_kubectl()) {
        const Lab lab(kubectl);
        lab.ok("create ns demo");
        lab.ok("create deployment web --image=demo:1 --replicas=2 -n demo");
        lab.ok("create configmap c -n demo");
        lab.ok("rollout status deploy/web -n demo --timeout=60s");
        CHECK(lab.ok("delete ns demo") == "namespace \"demo\" deleted\n");
        CHECK(has(lab.fails("get ns demo"), "namespaces \"demo\" not found"));
        CHECK(lab.ok("get po,cm -A -o name").find("web") == std::string::npos);
        CHECK(has(lab.fails("delete ns default"),
                  "namespaces \"default\" is forbidden: this namespace may not be deleted"));
    }
}

TEST_CASE("kubectl shows the logs of a pod, of a Deployment, and of a container's last life") {
    for (const auto& kubectl : every_kubectl()) {
        const Lab lab(kubectl);
        lab.ok("create deployment web --image=demo:1");
        lab.ok("rollout status deploy/web --timeout=60s");
        CHECK(lab.ok("logs deploy/web") == "demo:1 begins for the 1. time\n");
        CHECK(has(lab.ok("logs deploy/web --timestamps"), "Z demo:1 begins"));
        CHECK(has(lab.ok("logs -l app=web"), "demo:1 begins"));
        const auto following = lab.start("logs -f deploy/web");
        CHECK(following->says("demo:1 begins"));
        lab.ok("delete po -l app=web --grace-period=0 --force");
        CHECK_FALSE(following->wait().timed_out);

        lab.ok("run p --image=demo:crash");
        CHECK(lab.eventually("get po p -o jsonpath={.status.containerStatuses[0].restartCount}",
                             "1"));
        CHECK(has(lab.ok("logs p -p"), "demo:crash begins for the 1. time\n"));
        CHECK(lab.eventually("get po p", "CrashLoopBackOff"));
    }
}

TEST_CASE("a container that ends again and again is started ever later, and its count grows") {
    for (const auto& kubectl : newest_kubectl()) {
        const Lab lab(kubectl);
        lab.ok("run p --image=demo:crash");
        const auto restarts = "get po p -o jsonpath={.status.containerStatuses[0].restartCount}";
        CHECK(lab.eventually("get po p", "CrashLoopBackOff"));
        CHECK(has(lab.ok("get po p -o jsonpath={.status.containerStatuses[0].state}"),
                  "back-off 10s restarting failed container=p pod=p_default("));
        const auto before = lab.ok(restarts);
        CHECK(lab.eventually(restarts, before == "2" ? "3" : "2"));
        CHECK(lab.eventually("get po p -o jsonpath={.status.containerStatuses[0].state}",
                             "back-off 20s restarting failed container=p"));
        CHECK(has(lab.ok("describe po p"), "Back-off restarting failed container p in pod p_"));
    }
}

TEST_CASE("a pod's init containers run in their order") {
    for (const auto& kubectl : newest_kubectl()) {
        const Lab lab(kubectl);
        lab.ok("apply -f -", R"(apiVersion: v1
kind: Pod
metadata:
  name: p
spec:
  initContainers:
  - {name: one, image: 'setup:1'}
  - {name: two, image: 'setup:2'}
  containers:
  - {name: app, image: 'demo:1'}
)");
        CHECK(has(lab.ok("get po p"), "Init:0/2"));
        CHECK(has(lab.fails("logs p -c app"),
                  "container \"app\" in pod \"p\" is waiting to start: PodInitializing"));
        CHECK(lab.eventually("get po p", "Init:1/2"));
        CHECK(lab.eventually("get po p", "1/1     Running"));
        CHECK(lab.ok("logs p -c one") == "the lab runs no commands: one counts as done\n");
    }
}

TEST_CASE("what the lab cannot do with a pod is said with the address to use instead") {
    for (const auto& kubectl : every_kubectl()) {
        const Lab lab(kubectl);
        lab.ok("create deployment web --image=demo:1 --port=9898");
        lab.ok("rollout status deploy/web --timeout=60s");
        CHECK(has(lab.fails("exec deploy/web -- ls"),
                  "the lab cluster does not support exec; the pod answers at 127.64."));
        CHECK(has(lab.fails("port-forward deploy/web 9898"),
                  "the lab cluster does not support portforward; the pod answers at 127.64."));
        CHECK(has(lab.fails("top pods"), "Metrics API not available"));
    }
}

}  // namespace sluice::conformance
