// Ways of looking: options of `kubectl get`, a Canary's columns and its schema, and a node's drain.
#include "every_kubectl.hpp"

namespace sluice::conformance {

TEST_CASE("kubectl get sorts, selects, pages, and prints in its other forms") {
    for (const auto& kubectl : every_kubectl()) {
        const Lab lab(kubectl);
        lab.ok("create configmap b --from-literal=k=1");
        lab.ok("create configmap a --from-literal=k=2");
        lab.ok("label cm a app=web");
        CHECK(lab.ok("get cm -o name") == "configmap/a\nconfigmap/b\n");
        CHECK(lab.ok("get cm --sort-by=.data.k -o name") == "configmap/b\nconfigmap/a\n");
        const auto sorted = table_of(lab.ok("get cm --sort-by=.data.k"));
        REQUIRE(sorted.size() == 3);
        CHECK(sorted[1].starts_with("b|1|"));
        CHECK(lab.ok("get cm -l 'app in (web,x),!y' -o name") == "configmap/a\n");
        CHECK(lab.ok("get cm --field-selector metadata.name=b -o name") == "configmap/b\n");
        CHECK(table_of(lab.ok("get cm --chunk-size=1")).size() == 3);
        CHECK(has(lab.ok("get cm --show-labels"), "app=web"));
        CHECK(has(lab.ok("get cm -A"), "default"));
        CHECK(has(lab.ok("get cm a -o yaml"), "kind: ConfigMap"));
        CHECK(has(lab.ok("get cm -o json"), "\"kind\": \"ConfigMap\""));
        CHECK(lab.ok("get cm a b --no-headers -o custom-columns=N:.metadata.name") == "a\nb\n");
        lab.ok("create deployment web --image=demo:1 --replicas=2");
        if (lab.minor() >= 24) {
            CHECK(lab.ok("get deploy web --subresource=scale -o jsonpath={.spec.replicas}") == "2");
        }
    }
}

TEST_CASE("kubectl says who asks, what they may do, and all that there is") {
    for (const auto& kubectl : newest_kubectl(29)) {
        const Lab lab(kubectl);
        CHECK(has(lab.ok("auth whoami"), "lab-user"));
        CHECK(has(lab.ok("auth can-i --list"), "*.*"));
        lab.ok("create deployment web --image=demo:1");
        lab.ok("rollout status deploy/web --timeout=60s");
        CHECK(has(lab.ok("cluster-info dump --all-namespaces"), "demo:1 begins"));
        CHECK(has(lab.ok("get --raw /api/v1/namespaces/default/pods"), "\"kind\":\"PodList\""));
        CHECK(
            has(lab.fails("get --raw /api/v1/namespaces/default/pods/x"), "pods \"x\" not found"));
        CHECK(has(lab.ok("get node -l sluice.dev/lab=true -o name"), "node/lab-1"));
    }
}

TEST_CASE("a Canary shows its own columns and explains its fields") {
    for (const auto& kubectl : every_kubectl()) {
        const Lab lab(kubectl);
        lab.ok(fmt::format("apply -f {}/deploy/chart/sluice/crds", SLUICE_SOURCE_DIR));
        lab.ok("wait --for=condition=Established crd/canaries.flagger.app --timeout=30s");
        lab.ok("apply -f -", R"(apiVersion: flagger.app/v1beta1
kind: Canary
metadata:
  name: podinfo
spec:
  targetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: podinfo
  service:
    port: 9898
  analysis:
    interval: 30s
    threshold: 5
    maxWeight: 50
    stepWeight: 10
)");
        CHECK(table_of(lab.ok("get canaries"))[0] == "NAME|STATUS|WEIGHT|LASTTRANSITIONTIME");
        const auto wide = table_of(lab.ok("get canary podinfo -o wide"));
        CHECK(wide[0] ==
              "NAME|STATUS|WEIGHT|SUSPENDED|FAILEDCHECKS|INTERVAL|MIRROR|STEPWEIGHT|STEPWEIGHTS|"
              "MAXWEIGHT|LASTTRANSITIONTIME");
        CHECK(has(wide[1], "podinfo|"));
        CHECK(has(wide[1], "30s|10|50"));
        if (lab.minor() < 29) continue;
        const auto explained = lab.ok("explain canary.spec");
        CHECK(has(explained, "GROUP:      flagger.app"));
        CHECK(has(explained, "FIELD: spec <Object>"));
        CHECK(has(explained, "analysis"));
        CHECK(has(lab.ok("explain canary.spec.analysis.threshold"), "FIELD: threshold"));
        CHECK(has(lab.ok("explain canary.metadata"), "labels"));
        CHECK(has(lab.ok("explain canary --recursive"), "stepWeight"));
        CHECK(has(lab.fails("apply -f -", R"(apiVersion: flagger.app/v1beta1
kind: Canary
metadata:
  name: typo
spec:
  targetRef: {kind: Deployment, name: podinfo}
  service: {port: 9898}
  analysis: {intervall: 30s}
)"),
                  "unknown field \"spec.analysis.intervall\""));
    }
}

TEST_CASE("Ingresses and their classes are made and shown") {
    for (const auto& kubectl : every_kubectl()) {
        const Lab lab(kubectl);
        lab.ok("apply -f -", R"(apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata:
  name: nginx
spec:
  controller: k8s.io/ingress-nginx
)");
        const auto classes = table_of(lab.ok("get ingressclasses"));
        CHECK(classes[0] == "NAME|CONTROLLER|PARAMETERS|AGE");
        CHECK(has(classes[1], "nginx|k8s.io/ingress-nginx|<none>|"));
        lab.ok("apply -f -", R"(apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  annotations: {nginx.ingress.kubernetes.io/canary: "true"}
spec:
  ingressClassName: nginx
  rules:
    - host: app.example.com
      http:
        paths:
          - path: /
            pathType: Prefix
            backend: {service: {name: web, port: {number: 80}}}
)");
        const auto table = table_of(lab.ok("get ing"));
        CHECK(table[0] == "NAME|CLASS|HOSTS|ADDRESS|PORTS|AGE");
        CHECK(has(table[1], "web|nginx|app.example.com|80|"));
        CHECK(has(lab.ok("describe ing web"), "app.example.com"));
        if (lab.minor() >= 19) {
            CHECK(lab.ok("create ingress more --class=nginx --rule=b.example.com/*=web:80") ==
                  "ingress.networking.k8s.io/more created\n");
        }
        CHECK(has(lab.fails("apply -f -", R"(apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: empty}
spec: {}
)"),
                  "either `defaultBackend` or `rules` must be specified"));
    }
}

TEST_CASE("the Gateway API's kinds and KEDA's have their columns, and explain their fields") {
    for (const auto& kubectl : every_kubectl()) {
        const Lab lab(kubectl);
        for (const std::string_view file :
             {"gatewayapi_gateways", "gatewayclasses", "httproutes", "scaledobjects"}) {
            lab.ok(fmt::format("apply -f {}/deploy/lab/{}.yaml", SLUICE_SOURCE_DIR, file));
        }
        lab.ok(
            "wait --for=condition=Established crd/httproutes.gateway.networking.k8s.io "
            "--timeout=30s");
        lab.ok("apply -f -", R"(apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web}
spec:
  gatewayClassName: lab
  listeners: [{name: http, port: 80, protocol: HTTP}]
---
apiVersion: gateway.networking.k8s.io/v1beta1
kind: HTTPRoute
metadata: {name: web}
spec:
  parentRefs: [{name: web}]
  hostnames: [app.example.com]
  rules: [{backendRefs: [{name: web, port: 80}]}]
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: web}
spec:
  scaleTargetRef: {name: web}
  minReplicaCount: 2
  maxReplicaCount: 4
  triggers: [{type: cpu, metadata: {value: "60"}}]
)");
        CHECK(table_of(lab.ok("get gateways"))[0] == "NAME|CLASS|ADDRESS|PROGRAMMED|AGE");
        const auto routes = table_of(lab.ok("get httproutes"));
        CHECK(routes[0] == "NAME|HOSTNAMES|AGE");
        CHECK(has(routes[1], R"(web|["app.example.com"]|)"));
        CHECK(lab.ok("get httproutes.v1.gateway.networking.k8s.io web -o "
                     "jsonpath={.spec.rules[0].matches}{.spec.rules[0].backendRefs[0].weight}") ==
              R"([{"path":{"type":"PathPrefix","value":"/"}}]1)");
        CHECK(has(table_of(lab.ok("get so"))[0], "NAME|SCALETARGETKIND|SCALETARGETNAME|MIN|MAX|"));
        if (lab.minor() < 29) continue;
        CHECK(has(lab.ok("explain httproute.spec.rules.backendRefs"), "weight"));
    }
}

TEST_CASE("a node is cordoned, drained and let in again") {
    for (const auto& kubectl : every_kubectl()) {
        const Lab lab(kubectl);
        lab.ok("create deployment web --image=demo:1");
        lab.ok("rollout status deploy/web --timeout=60s");
        CHECK(lab.ok("cordon lab-1") == "node/lab-1 cordoned\n");
        CHECK(has(lab.ok("get nodes"), "Ready,SchedulingDisabled"));
        CHECK(has(lab.ok("drain lab-1 --ignore-daemonsets --grace-period=0 --timeout=60s"),
                  "node/lab-1 "));
        CHECK(lab.eventually("get po", "Pending"));
        CHECK(lab.ok("uncordon lab-1") == "node/lab-1 uncordoned\n");
        CHECK(lab.eventually("get po", "Running"));
    }
}

}  // namespace sluice::conformance
