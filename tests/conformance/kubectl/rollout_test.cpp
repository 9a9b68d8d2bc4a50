// Items 3, 5, 8 and 13 of kubernetes.md G: rollouts, what holds them up, and scaling.
#include "every_kubectl.hpp"

namespace sluice::conformance {

namespace {

std::size_t count_of(const Lab& lab, std::string_view what) {
    return split_list(lab.ok(fmt::format("get {} -o name", what)), '\n').size();
}

}  // namespace

TEST_CASE("kubectl rolls a Deployment out, back, again, and holds it") {
    for (const auto& kubectl : every_kubectl()) {
        const Lab lab(kubectl);
        lab.ok("create deployment web --image=demo:1 --replicas=2");
        const auto status = lab.ok("rollout status deploy/web --timeout=60s");
        CHECK(has(status, "deployment \"web\" successfully rolled out\n"));
        CHECK(lab.ok("set image deploy/web demo=demo:2") == "deployment.apps/web image updated\n");
        lab.ok("rollout status deploy/web --timeout=60s");
        CHECK(
            lab.ok("rollout history deploy/web") ==
            "deployment.apps/web \nREVISION  CHANGE-CAUSE\n1         <none>\n2         <none>\n\n");

        CHECK(lab.ok("rollout undo deploy/web") == "deployment.apps/web rolled back\n");
        lab.ok("rollout status deploy/web --timeout=60s");
        CHECK(count_of(lab, "rs") == 2);
        CHECK(
            lab.ok("rollout history deploy/web") ==
            "deployment.apps/web \nREVISION  CHANGE-CAUSE\n2         <none>\n3         <none>\n\n");
        CHECK(lab.ok("get deploy web -o jsonpath={.spec.template.spec.containers[0].image}") ==
              "demo:1");
        CHECK(lab.fails("rollout undo deploy/web --to-revision=9") ==
              "error: unable to find specified revision 9 in history\n");

        CHECK(lab.ok("rollout restart deploy/web") == "deployment.apps/web restarted\n");
        lab.ok("rollout status deploy/web --timeout=60s");
        CHECK(count_of(lab, "rs") == 3);

        CHECK(lab.ok("rollout pause deploy/web") == "deployment.apps/web paused\n");
        lab.ok("set image deploy/web demo=demo:3");
        CHECK(count_of(lab, "rs") == 3);
        CHECK(lab.ok("rollout resume deploy/web") == "deployment.apps/web resumed\n");
        lab.ok("rollout status deploy/web --timeout=60s");
        CHECK(count_of(lab, "rs") == 4);
    }
}

TEST_CASE("quantities are kept canonically, and an undo gives back the same template") {
    const std::string manifest = R"({"apiVersion":"apps/v1","kind":"Deployment",
        "metadata":{"name":"web"},"spec":{"selector":{"matchLabels":{"app":"web"}},
        "template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[
            {"name":"demo","image":"demo:1","resources":{
                "limits":{"cpu":"2000m","memory":"1024Mi"},"requests":{"cpu":0.5}}}]}}}})";
    for (const auto& kubectl : every_kubectl()) {
        const Lab lab(kubectl);
        CHECK(lab.ok("apply -f -", manifest) == "deployment.apps/web created\n");
        CHECK(lab.ok("get deploy web -o jsonpath={.spec.template.spec.containers[0].resources}") ==
              R"({"limits":{"cpu":"2","memory":"1Gi"},"requests":{"cpu":"500m"}})");
        // kubectl compares texts and sends what it thinks differs; for the server it is the same.
        lab.ok("apply -f -", manifest);
        CHECK(lab.ok("get deploy web -o jsonpath={.metadata.generation}") == "1");
        lab.ok("rollout status deploy/web --timeout=60s");
        const auto first = lab.ok("get rs -o name");
        lab.ok("set image deploy/web demo=demo:2");
        lab.ok("rollout undo deploy/web");
        lab.ok("rollout status deploy/web --timeout=60s");
        CHECK(count_of(lab, "rs") == 2);
        CHECK(lab.eventually("get rs -o jsonpath={.items[?(@.spec.replicas==1)].metadata.name}",
                             trimmed(first).substr(trimmed(first).find('/') + 1)));
    }
}

TEST_CASE("kubectl get -w follows what happens") {
    for (const auto& kubectl : every_kubectl()) {
        const Lab lab(kubectl);
        lab.ok("create deployment web --image=demo:1");
        lab.ok("rollout status deploy/web --timeout=60s");
        const auto watch = lab.start("get deploy web -w");
        CHECK(watch->says("1/1"));
        lab.ok("scale deploy/web --replicas=2");
        CHECK(watch->says("2/2"));
        const auto objects = lab.start("get deploy -w -o jsonpath={.metadata.generation};");
        CHECK(objects->says("2;"));
        lab.ok("scale deploy/web --replicas=1");
        CHECK(objects->says("3;"));
    }
}

TEST_CASE("kubectl waits for what it is told to wait for") {
    for (const auto& kubectl : every_kubectl()) {
        const Lab lab(kubectl);
        lab.ok("create deployment web --image=demo:1");
        CHECK(lab.ok("wait --for=condition=Available deploy/web --timeout=60s") ==
              "deployment.apps/web condition met\n");
        if (lab.minor() >= 23) {
            CHECK(lab.ok("wait --for=jsonpath={.status.readyReplicas}=1 deploy/web "
                         "--timeout=60s") == "deployment.apps/web condition met\n");
        }
        if (lab.minor() >= 31) {
            CHECK(lab.ok("wait --for=create deploy/web --timeout=60s") ==
                  "deployment.apps/web condition met\n");
        }
        const auto waiting = lab.start("wait --for=delete deploy/web --timeout=60s");
        CHECK(lab.ok("delete deploy web") ==
              "deployment.apps \"web\" deleted" +
                  std::string(lab.minor() >= 34 ? " from default namespace\n" : "\n"));
        CHECK(waiting->wait().code == 0);
    }
}

TEST_CASE("an image that cannot be pulled shows in the pod's status and fails the rollout") {
    for (const auto& kubectl : every_kubectl()) {
        const Lab lab(kubectl);
        lab.ok("create deployment bad --image=demo:missing");
        lab.ok(R"(patch deploy bad -p '{"spec":{"progressDeadlineSeconds":2}}')");
        CHECK(lab.eventually("get po", "ErrImagePull"));
        CHECK(has(lab.fails("rollout status deploy/bad --timeout=60s"),
                  "error: deployment \"bad\" exceeded its progress deadline\n"));
    }
}

TEST_CASE("a rollout that cannot go on ends with code 1, and its pod tells the story in order") {
    for (const auto& kubectl : newest_kubectl()) {
        const Lab lab(kubectl);
        lab.ok("create deployment bad --image=demo:missing");
        lab.ok(R"(patch deploy bad -p '{"spec":{"progressDeadlineSeconds":2}}')");
        const auto ended = lab.kubectl("rollout status deploy/bad --timeout=60s");
        CHECK(ended.code == 1);
        CHECK(has(ended.out,
                  "Waiting for deployment \"bad\" rollout to finish: 0 of 1 updated replicas are "
                  "available...\n"));
        CHECK(ended.err == "error: deployment \"bad\" exceeded its progress deadline\n");
        CHECK(lab.eventually("get po", "ImagePullBackOff"));
        CHECK(lab.ok("get deploy bad -o "
                     "jsonpath='{.status.conditions[?(@.type==\"Progressing\")].reason}'") ==
              "ProgressDeadlineExceeded");
        const auto described = lab.ok("describe po -l app=bad");
        std::size_t at = described.find("Events:");
        for (const std::string_view next : {"Scheduled ",
                                            "Pulling image \"demo:missing\"",
                                            "Failed to pull image \"demo:missing\"",
                                            "Error: ErrImagePull",
                                            "Back-off pulling image \"demo:missing\"",
                                            "Error: ImagePullBackOff"}) {
            at = described.find(next, at);
            CHECK_MESSAGE(at != std::string::npos, next, "\n", described);
        }
        CHECK(has(lab.fails("logs deploy/bad"), "trying and failing to pull image"));
        CHECK(has(lab.fails("wait --for=condition=Available deploy/bad --timeout=1s"),
                  "timed out waiting for the condition on deployments/bad"));
    }
}

TEST_CASE("kubectl scales, and an autoscaler keeps to its bounds") {
    for (const auto& kubectl : every_kubectl()) {
        const Lab lab(kubectl);
        lab.ok("create deployment web --image=demo:1");
        CHECK(lab.ok("scale deploy/web --replicas=3") == "deployment.apps/web scaled\n");
        CHECK(lab.ok("scale deploy/web --current-replicas=3 --replicas=1") ==
              "deployment.apps/web scaled\n");
        CHECK(has(lab.fails("scale deploy/web --current-replicas=7 --replicas=1"),
                  "Expected replicas to be 7, was 1"));
        CHECK(lab.ok("autoscale deploy web --min=2 --max=4 --cpu-percent=80") ==
              "horizontalpodautoscaler.autoscaling/web autoscaled\n");
        CHECK(lab.eventually("get deploy web -o jsonpath={.spec.replicas}", "2"));
        const auto table = table_of(lab.ok("get hpa"));
        REQUIRE(table.size() == 2);
        CHECK(table[0] == "NAME|REFERENCE|TARGETS|MINPODS|MAXPODS|REPLICAS|AGE");
        CHECK(has(table[1], "web|Deployment/web|cpu: <unknown>/80%|2|4|"));
        lab.ok("scale deploy/web --replicas=9");
        CHECK(lab.eventually("get deploy web -o jsonpath={.spec.replicas}", "4"));
        CHECK(has(lab.ok("describe hpa web"), "Current number of replicas above Spec.MaxReplicas"));
    }
}

}  // namespace sluice::conformance
