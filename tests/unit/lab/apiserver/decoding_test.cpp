#include "a_cluster.hpp"
#include "lab/apiserver/builtin_fields.hpp"

using namespace sluice;
using namespace sluice::lab;
namespace resources = sluice::kube::resources;

TEST_CASE("a typo in a built-in kind is a strict decoding error, and a warning otherwise") {
    ACluster lab;
    auto deployment = a_deployment();
    put(deployment, {"spec", "foo"}, 1);
    put(deployment,
        {"spec", "template", "spec", "containers"},
        json(R"([{"name":"web","image":"demo:1","imagePullPolcy":"Always"}])"));
    const auto strict =
        lab.cluster.create(resources::deployments, deployment, {.strict_fields = true});
    CHECK(strict.error().code == 400);
    CHECK(strict.error().message ==
          "Deployment in version \"v1\" cannot be handled as a Deployment: strict decoding error: "
          "unknown field \"spec.template.spec.containers[0].imagePullPolcy\", unknown field "
          "\"spec.foo\"");
    std::vector<std::string> warnings;
    const auto warned =
        lab.cluster.create(resources::deployments, deployment, {.warnings = &warnings});
    REQUIRE(warned.has_value());
    CHECK(warnings.size() == 2);
    CHECK(find(**warned, {"spec", "foo"}) == nullptr);
}

TEST_CASE("a value of the wrong type cannot be handled") {
    ACluster lab;
    auto deployment = a_deployment();
    put(deployment, {"spec", "replicas"}, "two");
    const auto refused = lab.cluster.create(resources::deployments, deployment);
    CHECK(refused.error().code == 400);
    CHECK(refused.error().message ==
          "Deployment in version \"v1\" cannot be handled as a Deployment: json: cannot unmarshal "
          "string into Go struct field Deployment.spec.replicas of type int32");
    const auto labels = lab.cluster.create(
        resources::config_maps,
        json(R"({"metadata":{"name":"c","namespace":"default","labels":{"a":1}}})"));
    CHECK(labels.error().message ==
          "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: json: cannot unmarshal "
          "number into Go struct field ConfigMap.metadata.labels of type string");
    auto other = a_deployment();
    put(other, {"apiVersion"}, "apps/v1beta1");
    CHECK(lab.cluster.create(resources::deployments, other).error().message ==
          "the API version in the data (apps/v1beta1) does not match the expected API version "
          "(apps/v1)");
}

TEST_CASE("bytes that are no base64 cannot be handled") {
    ACluster lab;
    const auto made = [&](const Resource& resource, const std::string& data) {
        const auto answer = lab.cluster.create(
            resource, json(R"({"metadata":{"name":"c","namespace":"default"},)" + data + "}"));
        return answer ? std::string() : answer.error().message;
    };
    const std::string refused =
        "Secret in version \"v1\" cannot be handled as a Secret: illegal base64 data at input "
        "byte ";
    CHECK(made(resources::secrets, R"("data":{"a":"hello!"})") == refused + "5");
    CHECK(made(resources::secrets, R"("data":{"a":"aGVsbG8"})") == refused + "4");
    CHECK(made(resources::secrets, R"("data":{"a":"pass word"})") == refused + "4");
    CHECK(made(resources::secrets, R"("data":{"a":"a==="})") == refused + "1");
    CHECK(made(resources::config_maps, R"("binaryData":{"a":"-"})").ends_with("input byte 0"));
    CHECK(made(resources::secrets, R"("data":{"a":"aGVs\nbG8="},"stringData":{"b":"hello!"})")
              .empty());
    CHECK(made(resources::config_maps, R"("data":{"a":"hello!"})").empty());
}

TEST_CASE("valid objects of every kind that users write pass strictly") {
    ACluster lab;
    struct Case {
        const Resource& resource;
        std::string_view text;
    };
    const Case cases[]{
        {resources::deployments, R"({"metadata":{"name":"a","namespace":"default",
            "annotations":{"x":"y"},"labels":{"a":"b"},"creationTimestamp":null},
          "spec":{"replicas":2,"minReadySeconds":1,"paused":false,"revisionHistoryLimit":3,
            "progressDeadlineSeconds":60,
            "strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":"50%","maxUnavailable":1}},
            "selector":{"matchLabels":{"app":"a"},
                        "matchExpressions":[{"key":"app","operator":"In","values":["a"]}]},
            "template":{"metadata":{"creationTimestamp":null,"labels":{"app":"a"}},
              "spec":{"serviceAccountName":"sa","nodeSelector":{"a":"b"},"hostname":"h",
                "terminationGracePeriodSeconds":5,"priorityClassName":"p",
                "securityContext":{"runAsNonRoot":true,"fsGroup":1,"seccompProfile":{"type":"RuntimeDefault"}},
                "imagePullSecrets":[{"name":"s"}],
                "affinity":{"podAntiAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[
                   {"weight":1,"podAffinityTerm":{"topologyKey":"h","labelSelector":{"matchLabels":{"a":"b"}}}}]}},
                "tolerations":[{"key":"k","operator":"Exists","effect":"NoSchedule"}],
                "topologySpreadConstraints":[{"maxSkew":1,"topologyKey":"z","whenUnsatisfiable":"ScheduleAnyway",
                   "labelSelector":{"matchLabels":{"a":"b"}}}],
                "volumes":[{"name":"v","emptyDir":{"sizeLimit":"1Gi"}},
                           {"name":"c","configMap":{"name":"c","items":[{"key":"a","path":"b"}]}},
                           {"name":"s","secret":{"secretName":"s"}}],
                "initContainers":[{"name":"i","image":"x","command":["true"]}],
                "containers":[{"name":"web","image":"demo:1","workingDir":"/","tty":true,
                  "ports":[{"name":"http","containerPort":80,"protocol":"TCP"}],
                  "env":[{"name":"A","value":"b"},
                         {"name":"IP","valueFrom":{"fieldRef":{"fieldPath":"status.podIP"}}},
                         {"name":"S","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}},
                         {"name":"R","valueFrom":{"resourceFieldRef":{"resource":"limits.cpu","divisor":1}}}],
                  "envFrom":[{"configMapRef":{"name":"c"}},{"secretRef":{"name":"s","optional":true}}],
                  "resources":{"limits":{"cpu":1,"memory":"64Mi"},"requests":{"cpu":"10m"}},
                  "volumeMounts":[{"name":"v","mountPath":"/v","readOnly":true}],
                  "lifecycle":{"preStop":{"exec":{"command":["sleep","1"]}}},
                  "securityContext":{"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]}},
                  "livenessProbe":{"httpGet":{"path":"/healthz","port":"http","httpHeaders":[{"name":"a","value":"b"}]}},
                  "readinessProbe":{"tcpSocket":{"port":80},"periodSeconds":3}}]}}}})"},
        {resources::daemon_sets, R"({"metadata":{"name":"a","namespace":"default"},
          "spec":{"selector":{"matchLabels":{"app":"a"}},"updateStrategy":{"type":"OnDelete"},
            "template":{"metadata":{"labels":{"app":"a"}},
                        "spec":{"hostNetwork":true,"containers":[{"name":"a","image":"x"}]}}}})"},
        {resources::services, R"({"metadata":{"name":"a","namespace":"default"},
          "spec":{"type":"ClusterIP","selector":{"app":"a"},"publishNotReadyAddresses":true,
            "ports":[{"name":"http","port":80,"targetPort":"http","protocol":"TCP","appProtocol":"http"}]},
          "status":{"loadBalancer":{}}})"},
        {resources::secrets, R"({"metadata":{"name":"a","namespace":"default"},"type":"Opaque",
          "stringData":{"a":"b"},"data":{"c":"ZA=="},"immutable":false})"},
        {resources::config_maps, R"({"metadata":{"name":"a","namespace":"default"},
          "data":{"a":"b"},"binaryData":{"c":"ZA=="}})"},
        {resources::horizontal_pod_autoscalers, R"({"metadata":{"name":"a","namespace":"default"},
          "spec":{"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"a"},
            "minReplicas":1,"maxReplicas":3,
            "metrics":[{"type":"Resource","resource":{"name":"cpu","target":{"type":"AverageValue","averageValue":"10m"}}}],
            "behavior":{"scaleDown":{"stabilizationWindowSeconds":1,
                                     "policies":[{"type":"Percent","value":1,"periodSeconds":1}]}}}})"},
        {resources::jobs, R"({"metadata":{"name":"a","namespace":"default"},
          "spec":{"backoffLimit":1,"ttlSecondsAfterFinished":5,"template":{"spec":{"restartPolicy":"Never",
                  "containers":[{"name":"a","image":"x"}]}}}})"},
        {resources::namespaces,
         R"({"metadata":{"name":"demo","labels":{"istio-injection":"enabled"}},
          "spec":{},"status":{}})"},
        {resources::leases, R"({"metadata":{"name":"a","namespace":"default"},
          "spec":{"holderIdentity":"x","leaseDurationSeconds":15,
                  "acquireTime":"2026-01-25T20:00:00.000000Z","renewTime":null,"leaseTransitions":0}})"},
        {resources::endpoint_slices, R"({"metadata":{"name":"a","namespace":"default"},
          "addressType":"IPv4","ports":[{"name":"http","port":80,"protocol":"TCP"}],
          "endpoints":[{"addresses":["127.0.0.1"],"conditions":{"ready":true,"serving":true},
                        "targetRef":{"kind":"Pod","name":"p"},"nodeName":"n"}]})"},
        {resources::nodes, R"({"metadata":{"name":"lab-1"},"spec":{"unschedulable":true},
          "status":{"capacity":{"cpu":"4"},"conditions":[{"type":"Ready","status":"True"}]}})"},
    };
    for (const auto& one : cases) {
        const auto made = lab.cluster.create(one.resource, json(one.text), {.strict_fields = true});
        CHECK_MESSAGE(made.has_value(), (made ? std::string() : made.error().message));
    }
}

TEST_CASE("nulls that kubectl sends say nothing, and defaults come in their place") {
    ACluster lab;
    auto deployment = a_deployment();
    put(deployment, {"spec", "strategy"}, JsonObject{});
    put(deployment, {"spec", "template", "metadata", "creationTimestamp"}, nullptr);
    put(deployment, {"status"}, JsonObject{});
    const auto made = lab.cluster.create(resources::deployments, deployment);
    REQUIRE(made.has_value());
    CHECK(find(**made, {"spec", "template", "metadata", "creationTimestamp"}) == nullptr);
    CHECK(find(**made, {"status"}) == nullptr);
    CHECK(
        *find(**made, {"spec", "strategy"}) ==
        json(
            R"({"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":"25%","maxSurge":"25%"}})"));
    CHECK(integer_at(**made, {"spec", "replicas"}) == 1);
    CHECK(integer_at(**made, {"spec", "progressDeadlineSeconds"}) == 600);
    const auto& pod = *find(**made, {"spec", "template", "spec"});
    CHECK(pod ==
          json(R"({"containers":[{"name":"web","image":"demo:1","imagePullPolicy":"IfNotPresent",
            "terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File","resources":{}}],
        "restartPolicy":"Always","dnsPolicy":"ClusterFirst","schedulerName":"default-scheduler",
        "terminationGracePeriodSeconds":30,"securityContext":{}})"));
}

TEST_CASE("a Secret keeps its texts encoded and a namespace carries its own name") {
    ACluster lab;
    const auto secret = lab.create(resources::secrets,
                                   R"({"metadata":{"name":"s","namespace":"default"},
                                       "stringData":{"a":"b"}})");
    CHECK(*find(*secret, {"data"}) == json(R"({"a":"Yg=="})"));
    CHECK(find(*secret, {"stringData"}) == nullptr);
    CHECK(text_at(*secret, {"type"}) == "Opaque");
    const auto ns = lab.create(resources::namespaces, R"({"metadata":{"name":"demo"}})");
    CHECK(*find(*ns, {"metadata", "labels"}) == json(R"({"kubernetes.io/metadata.name":"demo"})"));
    CHECK(*find(*ns, {"spec", "finalizers"}) == json(R"(["kubernetes"])"));
}

TEST_CASE("the fields of a built-in kind can be explained") {
    const auto schema = builtin_open_api("Deployment", "v1");
    REQUIRE(schema != nullptr);
    CHECK(text_at(*schema, {"properties", "spec", "properties", "replicas", "type"}) == "integer");
    CHECK(builtin_open_api("Unheard", "v1") == nullptr);
}

TEST_CASE(
    "quantities of built-in kinds are kept canonically, and those of custom kinds as written") {
    ACluster lab;
    auto deployment = a_deployment();
    put(deployment,
        {"spec", "template", "spec", "containers"},
        json(R"([{"name":"web","image":"demo:1","resources":{
            "requests":{"cpu":0.5,"memory":"1024Mi"},"limits":{"cpu":"2000m","memory":2000}}}])"));
    const auto made = lab.cluster.create(resources::deployments, deployment);
    REQUIRE(made.has_value());
    const auto& container = array_at(**made, {"spec", "template", "spec", "containers"}).front();
    CHECK(*find(container, {"resources"}) ==
          json(R"({"requests":{"cpu":"500m","memory":"1Gi"},"limits":{"cpu":"2","memory":"2k"}})"));
    // The same in other words changes nothing.
    const Json same = json(R"({"spec":{"template":{"spec":{"containers":[
        {"name":"web","resources":{"limits":{"cpu":2}}}]}}}})");
    const auto patched =
        lab.cluster.patch(resources::deployments, {"default", "web"}, PatchKind::strategic, same);
    REQUIRE(patched.has_value());
    CHECK(kube::resource_version_of(**patched) == kube::resource_version_of(**made));

    put(deployment,
        {"spec", "template", "spec", "containers"},
        json(R"([{"name":"web","image":"demo:1","resources":{"limits":{"cpu":"two"}}}])"));
    CHECK(lab.cluster.create(resources::deployments, deployment).error().message ==
          "Deployment in version \"v1\" cannot be handled as a Deployment: quantities must match "
          "the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");

    REQUIRE(lab.cluster
                .create(resources::custom_resource_definitions,
                        a_definition(
                            R"({"type":"object","x-kubernetes-preserve-unknown-fields":true})"))
                .has_value());
    const auto widget = lab.cluster.create(widgets, a_widget(R"({"cpu":"2000m"})"));
    REQUIRE(widget.has_value());
    CHECK(text_at(**widget, {"spec", "cpu"}) == "2000m");
}
