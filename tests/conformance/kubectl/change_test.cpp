// Item 10 of kubernetes.md G: changing objects, and looking at what happened.
#include "every_kubectl.hpp"

namespace sluice::conformance {

TEST_CASE("kubectl labels, annotates, patches, edits and replaces") {
    for (const auto& kubectl : every_kubectl()) {
        const Lab lab(kubectl);
        lab.ok("create configmap c --from-literal=k=before");
        CHECK(lab.ok("label cm c app=web") == "configmap/c labeled\n");
        if (lab.minor() >= 21) {
            CHECK(has(lab.ok("label cm c app=web"), "configmap/c not labeled"));
        }
        CHECK(lab.ok("label cm c app-") ==
              std::string(lab.minor() >= 21 ? "configmap/c unlabeled\n" : "configmap/c labeled\n"));
        // Some print "annotate".
        CHECK(has(lab.ok("annotate cm c note=x"), "configmap/c annotate"));
        CHECK(lab.ok(R"(patch cm c -p '{"data":{"a":"1"}}')") == "configmap/c patched\n");
        CHECK(lab.ok(R"(patch cm c --type=merge -p '{"data":{"b":"2"}}')") ==
              "configmap/c patched\n");
        CHECK(
            lab.ok(R"(patch cm c --type=json -p '[{"op":"add","path":"/data/c","value":"3"}]')") ==
            "configmap/c patched\n");
        CHECK(lab.ok(R"(patch cm c --type=merge -p '{"data":{"b":"2"}}')") ==
              "configmap/c patched (no change)\n");
        CHECK(lab.ok("edit cm c") == "configmap/c edited\n");
        CHECK(lab.ok("get cm c -o jsonpath={.data}") == R"({"a":"1","b":"2","c":"3","k":"after"})");
        CHECK(lab.ok("replace -f -",
                     R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},
                         "data":{"k":"new"}})") == "configmap/c replaced\n");
        CHECK(lab.ok("get cm c -o jsonpath={.data}") == R"({"k":"new"})");
    }
}

TEST_CASE("kubectl edits a Deployment, and replaces one whose pods cannot stay") {
    for (const auto& kubectl : newest_kubectl()) {
        const Lab lab(kubectl);
        lab.ok("create deployment web --image=demo:before");
        lab.ok("rollout status deploy/web --timeout=60s");
        CHECK(lab.ok("edit deploy web") == "deployment.apps/web edited\n");
        CHECK(lab.ok("get deploy web -o jsonpath={.spec.template.spec.containers[0].image}") ==
              "demo:after");
        CHECK(
            lab.eventually("get deploy web -o "
                           "jsonpath={.metadata.annotations.deployment\\.kubernetes\\.io/revision}",
                           "2"));
        // Nothing of "before" is left: the editor changes nothing.
        CHECK(has(lab.kubectl("edit deploy web").all(), "Edit cancelled, no changes made."));
        const auto uid = lab.ok("get deploy web -o jsonpath={.metadata.uid}");
        const auto whole = lab.ok("get deploy web -o json");
        CHECK(lab.ok("replace -f -", whole) == "deployment.apps/web replaced\n");
        CHECK(lab.ok("get deploy web -o jsonpath={.metadata.uid}") == uid);
        CHECK(has(lab.ok("replace --force -f -", whole), "deployment.apps/web replaced\n"));
        CHECK(lab.ok("get deploy web -o jsonpath={.metadata.uid}") != uid);
        lab.ok("rollout status deploy/web --timeout=60s");
    }
}

TEST_CASE("kubectl changes a Deployment's containers one by one") {
    for (const auto& kubectl : every_kubectl()) {
        const Lab lab(kubectl);
        lab.ok("create deployment web --image=demo:1");
        const auto container = [&](std::string_view path) {
            return lab.ok(fmt::format(
                "get deploy web -o jsonpath={{.spec.template.spec.containers[0]{}}}", path));
        };
        CHECK(lab.ok("set env deploy/web A=1 B=2") == "deployment.apps/web env updated\n");
        lab.ok("set env deploy/web A-");
        CHECK(container(".env") == R"([{"name":"B","value":"2"}])");
        lab.ok("set resources deploy/web --limits=cpu=200m");
        CHECK(container(".resources.limits.cpu") == "200m");
        CHECK(lab.ok("set image deploy/web demo=demo:2") == "deployment.apps/web image updated\n");
        CHECK(lab.ok("set image deploy/web demo=demo:2").empty());
        CHECK(container(".image") == "demo:2");
    }
}

TEST_CASE("kubectl describes a Deployment with its events, and lists events by age") {
    for (const auto& kubectl : every_kubectl()) {
        const Lab lab(kubectl);
        lab.ok("create deployment web --image=demo:1");
        lab.ok("rollout status deploy/web --timeout=60s");
        lab.ok("expose deploy web --port=80 --target-port=9898");
        const auto described = lab.ok("describe deploy web");
        CHECK(has(described, "Selector:               app=web"));
        CHECK(has(described, "ScalingReplicaSet"));
        const auto pod = lab.ok("describe po -l app=web");
        const auto scheduled = pod.find("Scheduled");
        const auto started = pod.find("Started", pod.find("Events:"));
        CHECK(scheduled != std::string::npos);
        CHECK(started != std::string::npos);
        CHECK(pod.find("Scheduled", pod.find("Events:")) < started);
        const auto events = table_of(lab.ok("get events"));
        REQUIRE(events.size() > 2);
        CHECK(events[0] == "LAST SEEN|TYPE|REASON|OBJECT|MESSAGE");
        if (lab.minor() >= 26) {
            CHECK(has(lab.ok("events --for deploy/web"), "ScalingReplicaSet"));
        }
        CHECK(has(lab.ok("describe svc web"), "Endpoints:"));
        CHECK(has(lab.ok("describe ns default"), "Active"));
        CHECK(has(lab.ok("describe node lab-1"), "lab-1"));
    }
}

TEST_CASE("kubectl finds out what is served") {
    for (const auto& kubectl : every_kubectl()) {
        const Lab lab(kubectl);
        const auto resources = lab.ok("api-resources");
        CHECK(has(resources, "deployments"));
        CHECK(has(resources, "apps/v1"));
        CHECK(has(lab.ok("api-versions"), "autoscaling/v2\n"));
        CHECK(has(lab.ok("version"), "v1.32.4+sluice"));
        CHECK(lab.ok("get --raw /readyz") == "ok");
        CHECK(lab.ok("auth can-i create deployments") == "yes\n");
        lab.ok("cluster-info");
    }
}

}  // namespace sluice::conformance
