// Items 1, 2 and a part of 10 of kubernetes.md G: making objects and looking at them.
#include "every_kubectl.hpp"

#include <doctest/doctest.h>

namespace sluice::conformance {

TEST_CASE("kubectl creates a namespace, a Deployment and a Service, and shows them") {
    for (const auto& kubectl : every_kubectl()) {
        const Lab lab(kubectl);
        CHECK(lab.ok("create ns demo") == "namespace/demo created\n");
        CHECK(lab.ok("create deployment web --image=demo:1 --replicas=2 -n demo") ==
              "deployment.apps/web created\n");
        CHECK(lab.ok("expose deploy web --port=80 --target-port=9898 -n demo") ==
              "service/web exposed\n");

        CHECK(lab.eventually("get deploy web -n demo", "2/2"));
        const auto deployments = table_of(lab.ok("get deploy -o wide -n demo"));
        REQUIRE(deployments.size() == 2);
        CHECK(deployments[0] == "NAME|READY|UP-TO-DATE|AVAILABLE|AGE|CONTAINERS|IMAGES|SELECTOR");
        CHECK(starred(deployments[1], 4) == "web|2/2|2|2|*|demo|demo:1|app=web");
        const auto sets = table_of(lab.ok("get rs -o wide -n demo"));
        REQUIRE(sets.size() == 2);
        CHECK(sets[0] == "NAME|DESIRED|CURRENT|READY|AGE|CONTAINERS|IMAGES|SELECTOR");
        CHECK(has(sets[1], "|2|2|2|"));
        const auto pods = table_of(lab.ok("get po -o wide -n demo"));
        REQUIRE(pods.size() == 3);
        CHECK(pods[0] == "NAME|READY|STATUS|RESTARTS|AGE|IP|NODE|NOMINATED NODE|READINESS GATES");
        CHECK(has(pods[1], "|1/1|Running|0|"));
        CHECK(has(pods[1], "|127.64."));
        CHECK(has(pods[1], "|lab-1|<none>|<none>"));
        const auto services = table_of(lab.ok("get svc -o wide -n demo"));
        REQUIRE(services.size() == 2);
        CHECK(services[0] == "NAME|TYPE|CLUSTER-IP|EXTERNAL-IP|PORT(S)|AGE|SELECTOR");
        CHECK(starred(starred(services[1], 2), 5) == "web|ClusterIP|*|<none>|80/TCP|*|app=web");
        CHECK(lab.ok("get svc -n demo -o jsonpath={.items[*].spec.ports[0].targetPort}") == "9898");
        const auto endpoints = table_of(lab.ok("get ep -n demo"));
        REQUIRE(endpoints.size() == 2);
        CHECK(endpoints[0] == "NAME|ENDPOINTS|AGE");
        CHECK(has(endpoints[1], ":9898,127.64."));
        const auto slices = table_of(lab.ok("get endpointslices -n demo"));
        REQUIRE(slices.size() == 2);
        CHECK(slices[0] == "NAME|ADDRESSTYPE|PORTS|ENDPOINTS|AGE");
        CHECK(has(slices[1], "|IPv4|9898|127.64."));
        const auto namespaces = lab.ok("get ns -o name");
        CHECK(has(namespaces, "namespace/demo\n"));
        CHECK(lab.ok("get deploy,svc -n demo -o name") == "deployment.apps/web\nservice/web\n");
        CHECK(has(lab.ok("get all -n demo"), "deployment.apps/web"));
        CHECK(lab.fails("get deploy nope -n demo") ==
              "Error from server (NotFound): deployments.apps \"nope\" not found\n");
        CHECK(lab.ok("get deploy nope -n demo --ignore-not-found").empty());
        CHECK(lab.fails("get bogus") ==
              "error: the server doesn't have a resource type \"bogus\"\n");
    }
}

TEST_CASE("kubectl's generators make what they say, whatever form their bodies have") {
    for (const auto& kubectl : every_kubectl()) {
        const Lab lab(kubectl);
        const auto value = [&](std::string_view object, std::string_view path) {
            return lab.ok(fmt::format("get {} -o jsonpath={{{}}}", object, path));
        };
        lab.ok("create configmap c --from-literal=a=1 --from-literal=b=2");
        CHECK(value("cm c", ".data.b") == "2");
        lab.ok("create secret generic s --from-literal=k=v");
        CHECK(value("secret s", ".data.k") == "dg==");
        CHECK(value("secret s", ".type") == "Opaque");
        lab.ok("create serviceaccount robot");
        CHECK(value("sa robot", ".metadata.name") == "robot");
        lab.ok("create service clusterip svc --tcp=80:9898");
        CHECK(value("svc svc", ".spec.ports[0].targetPort") == "9898");
        lab.ok("create deployment web --image=demo:1");
        CHECK(value("deploy web", ".spec.template.spec.containers[0].image") == "demo:1");
        CHECK(value("deploy web", ".spec.replicas") == "1");
        lab.ok("create job once --image=demo:1 -- echo hi");
        CHECK(value("job once", ".spec.template.spec.containers[0].command") ==
              "[\"echo\",\"hi\"]");
        // Older ones ask for v1beta1 of these.
        if (lab.minor() >= 21) {
            lab.ok("create cronjob often --image=demo:1 --schedule='* * * * *'");
            CHECK(value("cronjob often", ".spec.schedule") == "* * * * *");
            lab.ok("create poddisruptionbudget guard --selector=app=web --min-available=0");
            CHECK(value("pdb guard", ".spec.minAvailable") == "0");
        }
        lab.ok("create role reader --verb=get,list --resource=pods");
        CHECK(value("role reader", ".rules[0].verbs") == "[\"get\",\"list\"]");
        CHECK(value("role reader", ".rules[0].apiGroups") == "[\"\"]");
        lab.ok("create rolebinding readers --role=reader --serviceaccount=default:robot");
        CHECK(value("rolebinding readers", ".subjects[0].name") == "robot");
        lab.ok("create clusterrole all --verb=get --resource=pods");
        lab.ok("create clusterrolebinding all --clusterrole=all --user=jane");
        CHECK(value("clusterrolebinding all", ".roleRef.name") == "all");
        lab.ok("create quota q --hard=cpu=1,pods=2");
        CHECK(value("quota q", ".spec.hard.cpu") == "1");
        lab.ok("create ingress front --rule=example.com/=svc:80");
        CHECK(value("ingress front", ".spec.rules[0].http.paths[0].backend.service.port.number") ==
              "80");
        lab.ok("autoscale deploy web --min=2 --max=5 --cpu-percent=70");
        CHECK(value("hpa web", ".spec.minReplicas") == "2");
        CHECK(lab.ok("get hpa.v2.autoscaling web -o "
                     "jsonpath={.spec.metrics[0].resource.target.averageUtilization}") == "70");
        CHECK(lab.ok("run p1 --image=demo:1") == "pod/p1 created\n");
        CHECK(lab.ok("auth can-i get pods") == "yes\n");
        CHECK(has(lab.fails("create configmap c"), "configmaps \"c\" already exists\n"));
    }
}

}  // namespace sluice::conformance
