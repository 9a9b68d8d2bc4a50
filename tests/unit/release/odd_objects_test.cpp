// Objects as nobody would write them, and as a cluster with a loose schema stores them: whatever
// stands in a field, lint says something of it or nothing, and goes on.
#include "kube/yaml.hpp"
#include "release/lint_cluster.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <functional>

using namespace sluice;
using namespace sluice::release;

namespace {

constexpr std::string_view everything = R"(
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: web, namespace: test, annotations: {sidecar.istio.io/inject: "true"}}
spec:
  provider: istio
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  autoscalerRef: {apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, name: web}
  service:
    port: 80
    targetPort: http
    gateways: [edge/public, mesh]
    hosts: [web.example.com]
    retries: {attempts: 2, perTryTimeout: 1s, retryOn: "5xx"}
    timeout: 5s
    trafficPolicy: {tls: {mode: DISABLE}}
    match: [{uri: {prefix: /}, headers: {a: {exact: b}}}]
    rewrite: {uri: /}
    corsPolicy: {allowOrigins: [{exact: a}]}
  analysis:
    interval: 30s
    threshold: 3
    maxWeight: 50
    stepWeight: 10
    stepWeights: [1, 2]
    match: [{headers: {a: {regex: b}}}]
    sessionAffinity: {cookieName: c, maxAge: 10}
    metrics: [{name: request-success-rate, interval: 1m, thresholdRange: {min: 99}}, {name: own, threshold: 1, templateRef: {name: own, namespace: test}}]
    webhooks: [{name: gate, type: rollout, url: "http://gate", timeout: 5s, metadata: {a: b}}]
    alerts: [{name: a, severity: info, providerRef: {name: slack}}]
---
apiVersion: v1
kind: Namespace
metadata: {name: test, labels: {istio-injection: enabled, istio.io/rev: canary}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: test}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {sidecar.istio.io/inject: "true"}}
    spec: {containers: [{name: web, image: auto, ports: [{name: http, containerPort: 8080}]}]}
status: {readyReplicas: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: test, labels: {app: web}, annotations: {status.sidecar.istio.io/port: "1"}}
spec: {containers: [{name: istio-proxy, image: "a/b:1"}], initContainers: [{name: istio-proxy, image: auto}]}
status: {phase: Running}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: test}
spec: {selector: {app: web}, ports: [{name: tcp-x, port: 80, targetPort: http, protocol: TCP, appProtocol: http}, {port: 81}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web, namespace: test}
spec: {selector: {matchLabels: {app: web}, matchExpressions: [{key: app, operator: In, values: [web]}]}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: test}
spec: {podSelector: {matchLabels: {app: web}}}
---
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: web, namespace: test}
spec:
  hosts: [web, "*.example.com"]
  gateways: [mesh, edge/public]
  exportTo: [".", other]
  http:
    - name: one
      match: [{uri: {regex: a.*}, headers: {"@request.auth.claims.a": {exact: b}}, queryParams: {q: {exact: a}}, port: 80, sourceLabels: {a: b}, gateways: [mesh], method: {exact: GET}}]
      route: [{destination: {host: web, subset: v1, port: {number: 80}}, weight: 50, headers: {request: {set: {a: b}}}}, {destination: {host: nobody}, weight: 50}]
      mirror: {host: web, subset: v2}
      mirrorPercentage: {value: 10}
      mirrors: [{destination: {host: web}, percentage: {value: 1}}]
      retries: {attempts: 1, perTryTimeout: 1s, retryOn: "5xx, reset"}
      timeout: 1s
      fault: {delay: {percent: 1, fixedDelay: 1s}, abort: {httpStatus: 500, percentage: {value: 1}}}
      corsPolicy: {allowOrigin: [a], allowMethods: [GET], maxAge: 1h}
      rewrite: {uri: /, uriRegexRewrite: {match: a, rewrite: b}}
    - redirect: {uri: /a, redirectCode: 302}
    - directResponse: {status: 200, body: {string: a}}
    - delegate: {name: a, namespace: b}
  tcp: [{match: [{port: 1, destinationSubnets: [10.0.0.0/8]}], route: [{destination: {host: web}}]}]
  tls: [{match: [{sniHosts: [a.b]}], route: [{destination: {host: web}}]}]
---
apiVersion: networking.istio.io/v1beta1
kind: DestinationRule
metadata: {name: web, namespace: test}
spec:
  host: web
  exportTo: ["*"]
  workloadSelector: {matchLabels: {app: web}}
  trafficPolicy:
    tls: {mode: SIMPLE}
    loadBalancer: {simple: LEAST_CONN, consistentHash: {httpCookie: {name: a, ttl: 1s}, minimumRingSize: 1}, localityLbSetting: {distribute: [{from: a, to: {b: 100}}]}}
    connectionPool: {tcp: {maxConnections: 1, connectTimeout: 1s}, http: {http1MaxPendingRequests: 1}}
    outlierDetection: {consecutive5xxErrors: 1, interval: 1s, baseEjectionTime: 1s, maxEjectionPercent: 1}
    portLevelSettings: [{port: {number: 80}, tls: {mode: MUTUAL}}]
  subsets: [{name: v1, labels: {version: v1}, trafficPolicy: {tls: {mode: DISABLE}}}]
---
apiVersion: networking.istio.io/v1beta1
kind: Gateway
metadata: {name: public, namespace: edge}
spec: {selector: {app: web}, servers: [{port: {number: 443, name: https, protocol: HTTPS}, hosts: ["*/a.b", "./c"], tls: {mode: SIMPLE, credentialName: c}}]}
---
apiVersion: networking.istio.io/v1beta1
kind: Gateway
metadata: {name: too, namespace: edge}
spec: {selector: {app: web}, servers: [{port: {number: 443, name: https, protocol: HTTPS}, hosts: ["*/a.b"], tls: {mode: SIMPLE, credentialName: c}}]}
---
apiVersion: networking.istio.io/v1beta1
kind: ServiceEntry
metadata: {name: api, namespace: test}
spec: {hosts: [api.example.com]}
---
apiVersion: networking.istio.io/v1beta1
kind: Sidecar
metadata: {name: one, namespace: test}
spec: {workloadSelector: {labels: {app: web}}}
---
apiVersion: networking.istio.io/v1beta1
kind: Sidecar
metadata: {name: two, namespace: test}
spec: {workloadSelector: {labels: {app: web}}}
---
apiVersion: security.istio.io/v1beta1
kind: PeerAuthentication
metadata: {name: strict, namespace: test}
spec: {selector: {matchLabels: {app: web}}, mtls: {mode: STRICT}}
---
apiVersion: security.istio.io/v1beta1
kind: RequestAuthentication
metadata: {name: tokens, namespace: test}
spec: {selector: {matchLabels: {app: web}}}
---
apiVersion: flagger.app/v1beta1
kind: MetricTemplate
metadata: {name: own, namespace: test}
spec: {provider: {type: prometheus, address: "http://prom"}, query: a}
---
apiVersion: v1
kind: Secret
metadata: {name: c, namespace: test}
data: {tls.crt: YQ==}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio-sidecar-injector-canary, namespace: istio-system}
data: {values: '{"global": {"hub": "a", "tag": "2", "proxy": {"image": "b"}}}'}
)";

const std::vector<Json>& odd_values() {
    static const std::vector<Json> all = *kube::parse_yaml_documents(R"(
- ~
- true
- -1
- 7
- 1.5e300
- 99999999999999999999
- ""
- "*"
- "<img src=x onerror=alert(1)>"
- "..svc.cluster.local"
- "/"
- "1h1h1h"
- []
- [~]
- [[]]
- [{}]
- {}
- {"": ~}
- {name: [], host: {}, namespace: 1}
)");
    return all;
}

// Each value anywhere in it, with its way there.
void for_each_value(Json& value,
                    const std::string& path,
                    const std::function<void(Json& value, const std::string& path)>& visit) {
    if (value.is_object()) {
        for (auto& [name, child] : value.get_object()) {
            for_each_value(child, fmt::format("{}.{}", path, std::string_view(name)), visit);
        }
    } else if (value.is_array()) {
        auto& all = value.get_array();
        for (std::size_t i = 0; i < all.size(); ++i) {
            for_each_value(all[i], fmt::format("{}[{}]", path, i), visit);
        }
    }
    visit(value, path);
}

}  // namespace

TEST_CASE("whatever stands in a field of any object, lint goes on") {
    Around around{.objects = *kube::parse_yaml_documents(everything), .whole = true};
    const auto& odds = odd_values().front().as_array();
    std::size_t looks = 0;
    for (std::size_t at = 0; at < around.objects.size(); ++at) {
        auto& object = around.objects[at];
        const auto look = [&](Json& value, const std::string& path) {
            // Not each in each place: they take turns.
            for (int turn = 0; turn < 3; ++turn) {
                const auto& odd = odds[looks % odds.size()];
                CAPTURE(path);
                CAPTURE(to_text(odd));
                auto before = std::exchange(value, odd);
                const Linter linter(around);
                for (const auto& finding : linter.look(object)) {
                    CHECK_FALSE(finding.text.empty());
                    CHECK_FALSE(line_of(finding).empty());
                }
                // The others look at it, too.
                if (looks++ % 20 == 0) {
                    for (const auto& other : around.objects) linter.look(other);
                }
                for (const auto& kind : lint_kinds()) {
                    if (kind.resource.kind == text_at(object, {"kind"}))
                        outline_of(kind.resource, object);
                    if (kind.resource.plural == "virtualservices" ||
                        kind.resource.plural == "destinationrules")
                        hosts_about(kind.resource, object);
                }
                reach_of({&object}, {around.objects[9], object});
                value = std::move(before);
            }
        };
        for_each_value(object, "", look);
    }
    MESSAGE(looks, " odd objects");
}
