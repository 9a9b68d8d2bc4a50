// What is wrong between the mesh's objects: each with objects that have it, and none where they are
// sound.
#include "release/mesh_lint.hpp"

#include "kube/resource.hpp"
#include "kube/yaml.hpp"
#include "release/rules.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

using namespace sluice;
using namespace sluice::release;

namespace {

constexpr std::string_view sound = R"(
apiVersion: v1
kind: Namespace
metadata: {name: test, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Namespace
metadata: {name: edge}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: test}
spec: {template: {metadata: {labels: {app: web, version: v1}}, spec: {containers: [{name: web, image: web}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: test}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: gateway, namespace: edge}
spec: {template: {metadata: {labels: {istio: gateway}}}}
---
apiVersion: v1
kind: Service
metadata: {name: gateway, namespace: edge}
spec: {selector: {istio: gateway}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: networking.istio.io/v1beta1
kind: Gateway
metadata: {name: public, namespace: edge}
spec: {selector: {istio: gateway}, servers: [{port: {number: 8080, name: http, protocol: HTTP}, hosts: ["*.example.com"]}]}
---
apiVersion: networking.istio.io/v1beta1
kind: DestinationRule
metadata: {name: web, namespace: test}
spec: {host: web, subsets: [{name: v1, labels: {version: v1}}]}
---
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: web, namespace: test}
spec:
  hosts: [web.example.com]
  gateways: [edge/public]
  http:
    - route: [{destination: {host: web, subset: v1}, weight: 100}]
)";

using Lines = std::vector<std::string>;

Lines lines_of(const Around& around) {
    Lines lines;
    const Linter linter(around);
    for (const auto& object : around.objects) {
        for (const auto& finding : linter.look(object)) {
            const auto* rule = rule_of(finding.code);
            // It is raised for those whose checks ask the proxies.
            if (rule != nullptr && rule->code != "IST0102") CHECK(finding.level == rule->level);
            lines.push_back(line_of(finding));
        }
    }
    return lines;
}

struct Change {
    std::string kind;
    std::string name;
    std::string patch;  // a merge patch, as YAML
};

Around changed(const std::vector<Change>& changes, std::string_view more = "") {
    Around around;
    around.whole = true;
    around.objects = *kube::parse_yaml_documents(sound);
    for (const auto& [kind, name, patch] : changes) {
        auto found = std::ranges::find_if(around.objects, [&](const Json& object) {
            return text_at(object, {"kind"}) == kind && kube::key_of(object).name == name;
        });
        REQUIRE(found != around.objects.end());
        apply_merge_patch(*found, kube::parse_yaml_documents(patch)->at(0));
    }
    if (!more.empty()) {
        const auto added = kube::parse_yaml_documents(more);
        REQUIRE(added.has_value());
        for (const auto& object : *added) around.objects.push_back(object);
    }
    return around;
}

Lines analysed(const std::vector<Change>& changes, std::string_view more = "") {
    return lines_of(changed(changes, more));
}

Lines routed(const std::string& routes) {
    return analysed({{"VirtualService", "web", "spec: {http: [" + routes + "]}"}});
}

}  // namespace

TEST_CASE("sound objects of the mesh have no findings") {
    CHECK(analysed({}).empty());
}

TEST_CASE("a destination that is not there is found by the part that is missing") {
    CHECK(routed("{route: [{destination: {host: wbe}}]}") ==
          Lines{"error: VirtualService test/web spec.http[0].route[0].destination.host: Referenced "
                "host not found: \"wbe\" [IST0101]"});
    CHECK(routed("{route: [{destination: {host: web, subset: v2}}]}") ==
          Lines{"error: VirtualService test/web spec.http[0].route[0].destination.subset: "
                "Referenced host+subset in destinationrule not found: \"web+v2\" [IST0101]"});
    CHECK(routed("{route: [{destination: {host: web, port: {number: 81}}}]}") ==
          Lines{"error: VirtualService test/web spec.http[0].route[0].destination.port: Referenced "
                "host:port not found: \"web:81\" [IST0101]"});
    CHECK(routed("{route: [{destination: {host: web, port: {number: 80}}}]}").empty());
    CHECK(
        routed("{route: [{destination: {host: web}}], mirror: {host: shadow}}") ==
        Lines{"error: VirtualService test/web spec.http[0].mirror.host: Referenced mirror host not "
              "found: \"shadow\" [IST0101]"});
    CHECK(routed("{route: [{destination: {host: web}}], mirror: {host: web, subset: v3}}") ==
          Lines{"error: VirtualService test/web spec.http[0].mirror.subset: Referenced "
                "mirror+subset in destinationrule not found: \"web+v3\" [IST0101]"});
    CHECK(routed("{route: [{destination: {host: web}}], mirror: {host: web, subset: v1}}").empty());
}

TEST_CASE("a host that a ServiceEntry names is there") {
    const Change outside{"VirtualService",
                         "web",
                         "spec: {http: [{route: [{destination: {host: api.example.com}}]}]}"};
    const auto entry = [](const std::string& host) {
        return "kind: ServiceEntry\napiVersion: networking.istio.io/v1beta1\n"
               "metadata: {name: api, namespace: test}\nspec: {hosts: ['" +
               host + "']}\n";
    };
    CHECK(analysed({outside}).size() == 1);
    CHECK(analysed({outside}, entry("api.example.com")).empty());
    CHECK(analysed({outside}, entry("*.example.com")).empty());
    CHECK(analysed({outside}, entry("api.example.org")).size() == 1);
}

TEST_CASE("a ServiceEntry may give a Service's name to something else") {
    auto around = changed(
        {{"VirtualService", "web", "spec: {http: [{route: [{destination: {host: payments}}]}]}"}},
        R"(
kind: ServiceEntry
apiVersion: networking.istio.io/v1beta1
metadata: {name: payments, namespace: test}
spec: {hosts: [payments.test.svc.cluster.local]}
)");
    CHECK(lines_of(around).empty());
    around.objects.pop_back();
    CHECK(lines_of(around).size() == 1);
    around.unread = {"ServiceEntry"};
    CHECK(lines_of(around).empty());
}

TEST_CASE("what is missing among files is not said to be missing") {
    auto around = changed({{"VirtualService",
                            "web",
                            "spec: {gateways: [elsewhere/gw], http: [{route: [{destination: {host: "
                            "wbe}}]}]}"}});
    around.whole = false;
    CHECK(lines_of(around).empty());
    around.whole = true;
    around.unread = {"Service", "Gateway"};
    CHECK(lines_of(around).empty());
    around.unread = {};
    CHECK(lines_of(around).size() == 2);
    // Of other namespaces nothing was read.
    around.home = "test";
    around.elsewhere = {"Service", "Gateway"};
    CHECK(lines_of(around) ==
          Lines{"error: VirtualService test/web spec.http[0].route[0].destination.host: Referenced "
                "host not found: \"wbe\" [IST0101]"});
    around.home = "edge";
    CHECK(lines_of(around).empty());
}

TEST_CASE("a namespace to which is exported and that is not there is found") {
    CHECK(analysed({{"DestinationRule", "web", "spec: {exportTo: [prod]}"}}) ==
          Lines{"error: DestinationRule test/web spec.exportTo[0]: Referenced namespace not found: "
                "\"prod\" [IST0101]"});
    CHECK(analysed({{"DestinationRule", "web", "spec: {exportTo: ['.', edge]}"}}).empty());
}

TEST_CASE("a port that has to be named is found") {
    const Change two{
        "Service", "web", "spec: {ports: [{name: http, port: 80}, {name: http-admin, port: 90}]}"};
    CHECK(analysed({two}) ==
          Lines{"error: VirtualService test/web spec.http[0].route[0].destination: This "
                "VirtualService routes to a service \"web\" that exposes multiple ports [80 90]. "
                "Specifying a port in the destination is required to disambiguate. [IST0112]"});
    CHECK(analysed({two,
                    {"VirtualService",
                     "web",
                     "spec: {http: [{route: [{destination: {host: web, port: {number: 90}}}]}]}"}})
              .empty());
}

TEST_CASE("a gateway that is missing, internal, or does not offer the host, is found") {
    CHECK(analysed({{"VirtualService", "web", "spec: {gateways: [public]}"}}) ==
          Lines{"error: VirtualService test/web spec.gateways[0]: Referenced gateway not found: "
                "\"public\" [IST0101]"});
    CHECK(analysed({{"VirtualService",
                     "web",
                     "spec: {gateways: [edge/x-istio-autogenerated-k8s-gateway]}"}}) ==
          Lines{"warning: VirtualService test/web spec.gateways[0]: Gateway reference in "
                "VirtualService test/web is to an implementation-generated internal Gateway: "
                "edge/x-istio-autogenerated-k8s-gateway. [IST0165]"});
    CHECK(analysed({{"VirtualService", "web", "spec: {hosts: [web.example.org]}"}}) ==
          Lines{"warning: VirtualService test/web spec.gateways[0]: one or more host "
                "[web.example.org] defined in VirtualService test/web not found in Gateway "
                "edge/public. [IST0132]"});
    const auto offering = [](const std::string& host) {
        return analysed({{"Gateway",
                          "public",
                          "spec: {servers: [{port: {number: 8080, name: http, protocol: HTTP}, "
                          "hosts: ['" +
                              host + "']}]}"}});
    };
    CHECK(offering("other/*.example.com").size() == 1);
    CHECK(offering("test/*.example.com").empty());
    CHECK(offering("./*.example.com").size() == 1);
    CHECK(offering("*").empty());
}

TEST_CASE("two routes of the mesh for one host are found where both are seen") {
    const auto other = [](const std::string& more) {
        return "apiVersion: networking.istio.io/v1beta1\nkind: VirtualService\n"
               "metadata: {name: other, namespace: edge}\n"
               "spec: {hosts: [web.test.svc.cluster.local], " +
               more + " http: [{route: [{destination: {host: web.test.svc.cluster.local}}]}]}\n";
    };
    const Change in_mesh{"VirtualService", "web", "spec: {hosts: [web], gateways: [mesh]}"};
    const std::string text =
        " spec.hosts[0]: The VirtualServices edge/other,test/web associated with mesh gateway "
        "define the same host web.test.svc.cluster.local which can lead to undefined behavior. "
        "This can be fixed by merging the conflicting VirtualServices into a single resource. "
        "[IST0109]";
    CHECK(analysed({in_mesh}, other("")) == Lines{"error: VirtualService test/web" + text,
                                                  "error: VirtualService edge/other" + text});
    const auto at_gateway = analysed({in_mesh}, other("gateways: [edge/public],"));
    CHECK(std::ranges::none_of(at_gateway,
                               [](const std::string& line) { return line.contains("IST0109"); }));
    CHECK(
        analysed(
            {{"VirtualService", "web", "spec: {hosts: [web], gateways: [mesh], exportTo: ['.']}"}},
            other("exportTo: ['.'],"))
            .empty());
}

TEST_CASE("a subset that a gateway never sees is found") {
    constexpr std::string_view other = R"(
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: other, namespace: test}
spec: {hosts: [web], http: [{route: [{destination: {host: web, subset: v1}}]}]}
)";
    CHECK(analysed(
              {{"VirtualService", "web", "spec: {http: [{route: [{destination: {host: web}}]}]}"}},
              other) ==
          Lines{"warning: VirtualService test/web spec.http[0].route[0].destination: Subset in "
                "virtual service test/other has no effect on ingress gateway edge/public requests "
                "[IST0140]"});
    CHECK(analysed({}, other).empty());
}

TEST_CASE("a rule for a host that is not there, or a subset without pods, is found") {
    CHECK(analysed({{"DestinationRule", "web", "spec: {host: wbe}"}}) ==
          Lines{"warning: DestinationRule test/web spec.host: The host wbe defined in the "
                "DestinationRule does not match any services in the mesh. [IST0174]",
                "error: VirtualService test/web spec.http[0].route[0].destination.subset: "
                "Referenced host+subset in destinationrule not found: \"web+v1\" [IST0101]"});
    const auto labelled = [](const std::string& labels, std::string_view more = "") {
        return analysed(
            {{"DestinationRule", "web", "spec: {subsets: [{name: v1, labels: {" + labels + "}}]}"}},
            more);
    };
    CHECK(labelled("version: v3") ==
          Lines{"error: DestinationRule test/web spec.subsets[0]: The Subset v1 defined in the "
                "DestinationRule does not select any pods. Which may lead to 503 UH "
                "(NoHealthyUpstream). [IST0173]"});
    CHECK(labelled("").empty());
    // Argo Rollouts writes this one into the subsets, and no template has it.
    CHECK(labelled("version: v1, rollouts-pod-template-hash: abc").empty());
    CHECK(labelled("version: v3", R"(
apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: test, labels: {app: web, version: v3}, annotations: {sidecar.istio.io/status: injected}}
)")
              .empty());
}

TEST_CASE("TLS without an authority is found") {
    CHECK(
        analysed({{"DestinationRule", "web", "spec: {trafficPolicy: {tls: {mode: SIMPLE}}}"}}) ==
        Lines{"warning: DestinationRule test/web spec.trafficPolicy.tls: DestinationRule test/web "
              "in namespace test has TLS mode set to SIMPLE but no caCertificates are set to "
              "validate server identity for host: web [IST0128]"});
    CHECK(analysed({{"DestinationRule",
                     "web",
                     "spec: {trafficPolicy: {portLevelSettings: [{port: {number: 443}, tls: {mode: "
                     "MUTUAL}}]}}"}}) ==
          Lines{"warning: DestinationRule test/web spec.trafficPolicy.portLevelSettings[0].tls: "
                "DestinationRule test/web in namespace test has TLS mode set to MUTUAL but no "
                "caCertificates are set to validate server identity for host: web at port "
                "number:443 [IST0129]"});
    CHECK(analysed({{"DestinationRule",
                     "web",
                     "spec: {trafficPolicy: {tls: {mode: SIMPLE, caCertificates: /ca.pem}}}"}})
              .empty());
    CHECK(analysed({{"DestinationRule", "web", "spec: {trafficPolicy: {tls: {mode: DISABLE}}}"}})
              .empty());
}

TEST_CASE("plain text to pods that want only TLS is found at the rule") {
    const Change plain{"DestinationRule", "web", "spec: {trafficPolicy: {tls: {mode: DISABLE}}}"};
    const auto policy = [](const std::string& mode) {
        return "apiVersion: security.istio.io/v1beta1\nkind: PeerAuthentication\n"
               "metadata: {name: p, namespace: test}\nspec: {mtls: {mode: " +
               mode + "}}\n";
    };
    CHECK(analysed({plain}, policy("STRICT")) ==
          Lines{"error: DestinationRule test/web spec.trafficPolicy.tls.mode: DISABLE, while a "
                "PeerAuthentication is STRICT: the pods refuse plain text [SLU0011]"});
    CHECK(analysed({plain}, policy("PERMISSIVE")).empty());
    CHECK(analysed({}, policy("STRICT")).empty());
}

TEST_CASE("a gateway without a workload, or with two, is found") {
    CHECK(analysed({{"Gateway", "public", "spec: {selector: {istio: gatway}}"}}) ==
          Lines{"error: Gateway edge/public spec.selector: Referenced selector not found: "
                "\"istio=gatway\" [IST0101]"});
    CHECK(analysed({}, R"(
apiVersion: apps/v1
kind: Deployment
metadata: {name: second, namespace: edge}
spec: {template: {metadata: {labels: {istio: gateway}}}}
)") == Lines{"warning: Gateway edge/public spec.selector: the selector matches more than one "
             "workload: edge/gateway, edge/second [SLU0009]"});
}

TEST_CASE("a gateway's port that nobody reaches is found") {
    CHECK(
        analysed({{"Service",
                   "gateway",
                   "spec: {ports: [{name: http, port: 80, targetPort: 9090}]}"}}) ==
        Lines{"warning: Gateway edge/public spec.servers[0].port: The gateway is listening on a "
              "target port (port 8080) that is not defined in the Service associated with its "
              "workload instances (Pod selector istio=gateway). If you need to access the gateway "
              "port through the gateway Service, it will not be available. [IST0162]"});
    // Istio translates the Service's port to its target port.
    CHECK(analysed({{"Gateway",
                     "public",
                     "spec: {servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: "
                     "[\"*.example.com\"]}]}"}})
              .empty());
}

TEST_CASE("gateways that clash, or share a certificate, are found") {
    const auto second = [](const std::string& server) {
        return "apiVersion: networking.istio.io/v1beta1\nkind: Gateway\n"
               "metadata: {name: second, namespace: test}\n"
               "spec: {selector: {istio: gateway}, servers: [{" +
               server + "}]}\n";
    };
    const std::string http = "port: {number: 8080, name: http, protocol: HTTP}, ";
    CHECK(analysed({}, second(http + "hosts: ['*.example.com']")) ==
          Lines{"error: Gateway edge/public spec.servers[0]: Conflict with gateways test/second "
                "(workload selector istio=gateway, port 8080, hosts [*.example.com]). [IST0145]",
                "error: Gateway test/second spec.servers[0]: Conflict with gateways edge/public "
                "(workload selector istio=gateway, port 8080, hosts [*.example.com]). [IST0145]"});
    CHECK(analysed({}, second(http + "hosts: ['*.example.org']")).empty());
    const auto https = [](const std::string& host, const std::string& secret) {
        return "port: {number: 8080, name: https, protocol: HTTPS}, hosts: ['" + host +
               "'], tls: {mode: SIMPLE, credentialName: " + secret + "}";
    };
    const Change first{
        "Gateway", "public", "spec: {servers: [{" + https("*.example.com", "shared") + "}]}"};
    const std::string text =
        " spec.servers[0].tls.credentialName: Duplicate certificate in multiple gateways "
        "[edge/public test/second] may cause 404s if clients re-use HTTP2 connections. [IST0138]";
    CHECK(analysed({first}, second(https("*.example.org", "shared"))) ==
          Lines{"warning: Gateway edge/public" + text, "warning: Gateway test/second" + text});
    CHECK(analysed({first}, second(https("*.example.org", "own"))).empty());
}

TEST_CASE("what many gateways cost grows with their number, and not with its square") {
    // A thousand teams have each a Gateway and a route on the same pods, a workload and a host.
    constexpr int teams = 1000;
    std::string more;
    for (int i = 0; i < teams; ++i) {
        more += fmt::format(R"(---
apiVersion: networking.istio.io/v1beta1
kind: Gateway
metadata: {{name: g{0}, namespace: test}}
spec: {{selector: {{istio: gateway}}, servers: [{{port: {{number: 8080, name: https, protocol: HTTPS}}, hosts: ["t{0}.example.com"], tls: {{mode: SIMPLE, credentialName: c{0}}}}}]}}
---
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {{name: v{0}, namespace: test}}
spec: {{hosts: [t{0}.example.com], gateways: [g{0}], http: [{{route: [{{destination: {{host: web}}}}]}}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: d{0}, namespace: test}}
spec: {{template: {{metadata: {{labels: {{app: d{0}}}}}}}}}
)",
                            i);
    }
    const auto around = changed({}, more);
    const Scene scene(around);
    for (const auto& object : around.objects) {
        Findings findings(object);
        if (text_at(object, {"kind"}) == "Gateway") look_at_gateway(findings, object, scene);
        if (text_at(object, {"kind"}) == "VirtualService") {
            look_at_virtual_service(findings, object, scene);
        }
        CHECK(findings.take().empty());
    }
    CHECK(scene.compared() >= teams);
    CHECK(scene.compared() < 8 * teams);
}

TEST_CASE("a Secret of a gateway without its pair of keys is found") {
    const Change tls{"Gateway",
                     "public",
                     "spec: {servers: [{port: {number: 8080, name: https, protocol: HTTPS}, hosts: "
                     "['*.example.com'], tls: {mode: SIMPLE, credentialName: web}}]}"};
    const auto secret = [](const std::string& data) {
        return "apiVersion: v1\nkind: Secret\nmetadata: {name: web, namespace: edge}\ndata: {" +
               data + "}\n";
    };
    CHECK(analysed({tls}, secret("tls.crt: eA==")) ==
          Lines{"error: Gateway edge/public spec.servers[0].tls.credentialName: The credential "
                "referenced by the Gateway edge/public in namespace edge is invalid, which can "
                "cause the traffic not to work as expected. [IST0161]"});
    CHECK(analysed({tls}, secret("tls.crt: eA==, tls.key: eA==")).empty());
}

TEST_CASE("Services that disagree about a workload, and ports without a protocol, are found") {
    CHECK(analysed(
              {{"Service", "web", "spec: {ports: [{name: web, port: 80, targetPort: 8080}]}"}}) ==
          Lines{"info: Service test/web spec.ports[0]: Port name web (port: 80, targetPort: 8080) "
                "doesn't follow the naming convention of Istio port. [IST0118]"});
    CHECK(
        analysed({{"Service",
                   "web",
                   "spec: {ports: [{name: web, appProtocol: http, port: 80, targetPort: 8080}]}"}})
            .empty());
    const auto second = [](const std::string& ports) {
        return "apiVersion: v1\nkind: Service\nmetadata: {name: second, namespace: test}\n"
               "spec: {selector: {app: web}, ports: [" +
               ports + "]}\n";
    };
    CHECK(
        analysed({}, second("{name: dns, protocol: UDP, port: 80, targetPort: 53}")) ==
        Lines{"warning: Deployment test/web spec.template: This deployment test/web is associated "
              "with multiple services using port 80 but different protocols: [TCP UDP] "
              "[IST0116]"});
    CHECK(
        analysed({}, second("{name: http, port: 81, targetPort: 8080}")) ==
        Lines{"warning: Deployment test/web spec.template: This deployment test/web is associated "
              "with multiple services [second web] using targetPort \"8080\" but different "
              "ports: [80 81]. [IST0137]"});
    // As a Canary's own three.
    CHECK(analysed({}, second("{name: http, port: 80, targetPort: 8080}")).empty());
}

TEST_CASE("a pod without a proxy is found") {
    const auto pod = [](const std::string& more) {
        return "apiVersion: v1\nkind: Pod\nmetadata: {name: web-1, namespace: test" + more +
               "}\nspec: {containers: [{name: web}]}\n";
    };
    CHECK(analysed({}, pod("")) ==
          Lines{"warning: Pod test/web-1: The pod test/web-1 is missing the Istio proxy. This can "
                "often be resolved by restarting or redeploying the workload. [IST0103]"});
    CHECK(analysed({}, pod(", annotations: {sidecar.istio.io/inject: 'false'}")).empty());
    CHECK(analysed({}, pod(", annotations: {sidecar.istio.io/status: x}")).empty());
    CHECK(analysed({{"Namespace", "test", "metadata: {labels: null}"}}, pod("")).empty());
}

TEST_CASE("an image that only an injection fills in is found") {
    const Change automatic{
        "Deployment", "gateway", "spec: {template: {spec: {containers: [{image: auto}]}}}"};
    CHECK(
        analysed({automatic}) ==
        Lines{"warning: Deployment edge/gateway spec.template: Deployment gateway contains `image: "
              "auto` but does not match any Istio injection webhook selectors. [IST0146]"});
    CHECK(analysed({automatic,
                    {"Deployment",
                     "gateway",
                     "spec: {template: {metadata: {labels: {sidecar.istio.io/inject: 'true'}}}}"}})
              .empty());
    CHECK(analysed({automatic, {"Namespace", "edge", "metadata: {labels: {istio.io/rev: x}}"}})
              .empty());
    CHECK(analysed({}, R"(
apiVersion: v1
kind: Pod
metadata: {name: alone, namespace: edge}
spec: {containers: [{image: auto}]}
)") == Lines{"error: Pod edge/alone spec: Pod alone contains `image: auto` but does not match any "
             "Istio injection webhook selectors. [IST0147]"});
}

TEST_CASE("pods with another proxy than would be injected now are found") {
    const auto with_tag = [](const std::string& tag) {
        return R"(
apiVersion: v1
kind: ConfigMap
metadata: {name: istio-sidecar-injector, namespace: istio-system}
data: {values: '{"global": {"hub": "docker.io/istio", "tag": "1.20.0", "proxy": {"image": "proxyv2"}}}'}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: test}
spec: {containers: [{name: istio-proxy, image: "docker.io/istio/proxyv2:)" +
               tag + "\"}]}\n";
    };
    CHECK(analysed({}, with_tag("1.19.0")) ==
          Lines{"warning: Namespace test: The Istio proxy images of the pods running in the "
                "namespace do not match the image defined in the injection configuration (pod "
                "names: [web-1]). This often happens after upgrading the Istio control-plane and "
                "can be fixed by redeploying the pods. [IST0158]"});
    CHECK(analysed({}, with_tag("1.20.0")).empty());
    // Of another revision another injector tells.
    const Change of_canary{
        "Namespace", "test", "metadata: {labels: {istio-injection: null, istio.io/rev: canary}}"};
    CHECK(analysed({of_canary}, with_tag("1.19.0")).empty());
    auto of_revision = with_tag("1.19.0");
    of_revision.replace(of_revision.find("istio-sidecar-injector"),
                        std::string("istio-sidecar-injector").size(),
                        "istio-sidecar-injector-canary");
    CHECK(analysed({of_canary}, of_revision).size() == 1);
    CHECK(analysed({}, of_revision).empty());
}

TEST_CASE("who asks for a revision by its tag is held against what that revision injects") {
    const auto old_proxy = [](const std::string& tag) {
        return R"(
apiVersion: v1
kind: ConfigMap
metadata: {name: istio-sidecar-injector-1-20, namespace: istio-system}
data: {values: '{"global": {"hub": "docker.io/istio", "tag": "1.20.0", "proxy": {"image": "proxyv2"}}}'}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: test}
spec: {containers: [{name: istio-proxy, image: "docker.io/istio/proxyv2:1.19.0"}]}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: istio-revision-tag, labels: {istio.io/rev: 1-20, istio.io/tag: )" +
               tag + "}}\n";
    };
    const Change of_prod{
        "Namespace", "test", "metadata: {labels: {istio-injection: null, istio.io/rev: prod}}"};
    CHECK(analysed({of_prod}, old_proxy("prod")).size() == 1);
    CHECK(analysed({of_prod}, old_proxy("next")).empty());
    // istio-injection: enabled asks for the tag of this name.
    CHECK(analysed({}, old_proxy("default")).size() == 1);
    CHECK(analysed({}, old_proxy("prod")).empty());
}

TEST_CASE("a namespace of two meshes is found") {
    CHECK(analysed({{"Namespace", "test", "metadata: {labels: {istio.io/rev: x}}"}}) ==
          Lines{"warning: Namespace test metadata.labels: The namespace has more than one type of "
                "injection labels [istio-injection istio.io/rev], which may lead to undefined "
                "behavior. Make sure only one injection label exists. [IST0123]"});
    CHECK(analysed({{"Namespace", "test", "metadata: {labels: {istio-injection: null}}"}}).empty());
}

TEST_CASE("what the admission webhook refuses is found at the field that is wrong") {
    CHECK(routed("{match: [{uri: {prefix: /b}}], route: [{destination: {host: web, subset: v1}}]}, "
                 "{match: [{uri: {prefix: /a}}]}") ==
          Lines{"error: VirtualService test/web spec.http[1]: Schema validation error: HTTP route, "
                "redirect or direct_response is required [IST0106]"});
    CHECK(routed("{retries: {attempts: 1, retryOn: '503, reset'}, route: [{destination: {host: "
                 "web}}]}") ==
          Lines{"error: VirtualService test/web spec.http[0].retries.retryOn: Schema validation "
                "error: \" reset\" is not a valid retryOn policy (the list has no blanks after its "
                "commas) [IST0106]"});
    CHECK(
        analysed({{"Gateway", "public", "spec: {servers: []}"}}).front() ==
        "error: Gateway edge/public spec: Schema validation error: gateway must have at least one "
        "server [IST0106]");
    CHECK(analysed({{"DestinationRule", "web", "spec: {trafficPolicy: {connectionPool: {}}}"}}) ==
          Lines{"error: DestinationRule test/web spec.trafficPolicy.connectionPool: Schema "
                "validation error: connection pool must have at least one field [IST0106]"});
    // What only the lab leaves out is no fault.
    CHECK(analysed({{"DestinationRule",
                     "web",
                     "spec: {trafficPolicy: {connectionPool: {http: {idleTimeout: 1s}}}}"}})
              .empty());
}

TEST_CASE("what the admission webhook warns of, and what is deprecated, is found") {
    CHECK(
        routed("{fault: {abort: {percentage: {value: 5}}}, route: [{destination: {host: web}}]}") ==
        Lines{"warning: VirtualService test/web spec.http[0].fault.abort: Schema validation "
              "warning: abort configured, but error type not set [IST0133]"});
    CHECK(
        routed("{fault: {abort: {httpStatus: 500}}, route: [{destination: {host: web}}]}").empty());
    CHECK(analysed({{"DestinationRule",
                     "web",
                     "spec: {trafficPolicy: {loadBalancer: {simple: LEAST_CONN}}}"}}) ==
          Lines{"warning: DestinationRule test/web spec.trafficPolicy.loadBalancer.simple: "
                "Deprecated: LEAST_CONN, use LEAST_REQUEST [IST0002]"});
    CHECK(analysed({{"DestinationRule",
                     "web",
                     "spec: {trafficPolicy: {loadBalancer: {simple: LEAST_REQUEST}}}"}})
              .empty());
    CHECK(routed("{corsPolicy: {allowOrigin: [a]}, route: [{destination: {host: web}}]}") ==
          Lines{"warning: VirtualService test/web spec.http[0].corsPolicy.allowOrigin: Deprecated: "
                "allowOrigin, use allowOrigins [IST0002]"});
}

TEST_CASE("a rule that is never reached is found") {
    const std::string to_web = "route: [{destination: {host: web, subset: v1}}]";
    CHECK(routed("{" + to_web + "}, {" + to_web + "}") ==
          Lines{"warning: VirtualService test/web spec.http[0]: VirtualService rule #0 not used "
                "(only the last rule can have no matches). [IST0130]",
                "warning: VirtualService test/web spec.http[1]: VirtualService rule #1 not used "
                "(route without matches defined before). [IST0130]"});
    CHECK(routed("{match: [{uri: {prefix: /a}}], " + to_web +
                 "}, {match: [{uri: {prefix: /a/b}}, {uri: {prefix: /c}}], " + to_web + "}") ==
          Lines{"info: VirtualService test/web spec.http[1].match[0]: VirtualService rule #1 match "
                "#0 is not used (duplicate/overlapping match in rule #0). [IST0131]"});
    CHECK(routed("{match: [{uri: {prefix: /a/b}}], " + to_web +
                 "}, {match: [{uri: {prefix: /a}}], " + to_web + "}, {" + to_web + "}")
              .empty());
}

TEST_CASE("an annotation that is unknown, misplaced or means nothing is found") {
    const auto annotated = [](const std::string& where, const std::string& annotation) {
        return analysed({{"Deployment",
                          "web",
                          where == "template"
                              ? "spec: {template: {metadata: {annotations: {" + annotation + "}}}}"
                              : "metadata: {annotations: {" + annotation + "}}"}});
    };
    CHECK(annotated("template", "sidecar.istio.io/injcet: 'true'") ==
          Lines{"warning: Deployment test/web "
                "spec.template.metadata.annotations.sidecar.istio.io/injcet: Unknown annotation: "
                "sidecar.istio.io/injcet [IST0108]"});
    CHECK(annotated("object", "sidecar.istio.io/inject: 'true'") ==
          Lines{"warning: Deployment test/web metadata.annotations.sidecar.istio.io/inject: "
                "Misplaced annotation: sidecar.istio.io/inject can only be applied to Pod "
                "[IST0107]"});
    CHECK(annotated("template", "traffic.sidecar.istio.io/excludeInboundPorts: '80,http'") ==
          Lines{"warning: Deployment test/web "
                "spec.template.metadata.annotations.traffic.sidecar.istio.io/excludeInboundPorts: "
                "Invalid annotation traffic.sidecar.istio.io/excludeInboundPorts: \"80,http\" is "
                "not a list of ports [IST0125]"});
    CHECK(annotated("template",
                    "sidecar.istio.io/inject: 'true', "
                    "traffic.sidecar.istio.io/excludeInboundPorts: '80, 81', "
                    "traffic.sidecar.istio.io/includeOutboundIPRanges: '10.0.0.0/8,*', "
                    "sidecar.istio.io/interceptionMode: TPROXY, example.com/own: x")
              .size() == 1);  // "*" stands alone
    CHECK(annotated("template",
                    "traffic.sidecar.istio.io/includeOutboundIPRanges: '*', "
                    "sidecar.istio.io/interceptionMode: TPROXY")
              .empty());
    CHECK(annotated("object", "example.com/own: x").empty());
}

TEST_CASE("Sidecars that claim the same pods are found") {
    const auto sidecars = [](const std::string& one, const std::string& other) {
        const auto sidecar = [](const std::string& name, const std::string& labels) {
            return "apiVersion: networking.istio.io/v1beta1\nkind: Sidecar\nmetadata: {name: " +
                   name + ", namespace: test}\nspec: {" +
                   (labels.empty() ? "" : "workloadSelector: {labels: {" + labels + "}}") + "}\n";
        };
        return analysed({}, sidecar("one", one) + "---\n" + sidecar("other", other));
    };
    const std::string both =
        " spec.workloadSelector: The Sidecars [one other] in namespace \"test\" select the same "
        "workload pod \"test/web\", which can lead to undefined behavior. [IST0110]";
    CHECK(sidecars("app: web", "version: v1") ==
          Lines{"error: Sidecar test/one" + both, "error: Sidecar test/other" + both});
    CHECK(sidecars("app: web", "").empty());
    const std::string none =
        " spec: The Sidecars [one other] in namespace \"test\" have no workload selector, which "
        "can lead to undefined behavior. [IST0111]";
    CHECK(sidecars("", "") ==
          Lines{"error: Sidecar test/one" + none, "error: Sidecar test/other" + none});
    CHECK(sidecars("", "app: other") ==
          Lines{"warning: Sidecar test/other spec.workloadSelector.labels: No matching workloads "
                "for this resource with the following labels: app=other [IST0127]"});
}

TEST_CASE("a policy without workloads is found") {
    const auto policy = [](const std::string& app) {
        return analysed({},
                        "apiVersion: security.istio.io/v1beta1\nkind: AuthorizationPolicy\n"
                        "metadata: {name: p, namespace: test}\n"
                        "spec: {selector: {matchLabels: {app: " +
                            app + "}}}\n");
    };
    CHECK(policy("wbe") ==
          Lines{"warning: AuthorizationPolicy test/p spec.selector.matchLabels: No matching "
                "workloads for this resource with the following labels: app=wbe [IST0127]"});
    CHECK(policy("web").empty());
}

TEST_CASE("a route by a token's claims that nobody checks is found") {
    const Change by_claim{"VirtualService",
                          "web",
                          "spec: {http: [{match: [{headers: {'@request.auth.claims.group': {exact: "
                          "a}}}], route: [{destination: {host: web}}]}]}"};
    CHECK(analysed({by_claim}) ==
          Lines{"error: VirtualService test/web "
                "spec.http[0].match[0].headers.@request.auth.claims.group: The virtual service "
                "uses the JWT claim based routing (key: @request.auth.claims.group) but found no "
                "request authentication for the gateway (edge/public) pod (edge/gateway). The "
                "request authentication must first be applied for the gateway pods to validate "
                "the JWT token and make the claims available for routing. [IST0149]"});
    CHECK(analysed({by_claim}, R"(
apiVersion: security.istio.io/v1beta1
kind: RequestAuthentication
metadata: {name: tokens, namespace: edge}
spec: {selector: {matchLabels: {istio: gateway}}}
)")
              .empty());
}

TEST_CASE("what an object's annotation suppresses is not told") {
    const auto suppressing = [](const std::string& codes) {
        return analysed({{"VirtualService",
                          "web",
                          "metadata: {annotations: {galley.istio.io/analyze-suppress: '" + codes +
                              "'}}\nspec: {gateways: [public], http: [{route: [{destination: "
                              "{host: wbe}}]}]}"}});
    };
    CHECK(suppressing("IST0102").size() == 2);
    CHECK(suppressing("IST0102, IST0101").empty());
    CHECK(suppressing("*").empty());
}
