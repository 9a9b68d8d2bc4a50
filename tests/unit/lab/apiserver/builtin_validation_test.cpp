#include "lab/apiserver/builtin_validation.hpp"

#include "a_cluster.hpp"
#include "base/core/text.hpp"

using namespace sluice;
using namespace sluice::lab;
namespace resources = sluice::kube::resources;

namespace {

// What a Deployment is refused with, after `Deployment.apps "web" is invalid: `.
std::string refusal_of(JsonPath path, Json value) {
    ACluster lab;
    auto deployment = a_deployment();
    if (value.is_null()) {
        drop(deployment, path);
    } else {
        put(deployment, path, std::move(value));
    }
    const auto made = lab.cluster.create(resources::deployments, deployment);
    if (made) return "accepted";
    CHECK(made.error().code == 422);
    constexpr std::string_view prefix = "Deployment.apps \"web\" is invalid: ";
    CHECK(made.error().message.starts_with(prefix));
    return made.error().message.substr(prefix.size());
}

std::string refusal_of_service(std::string_view spec) {
    ACluster lab;
    const JsonObject service{{"metadata", JsonObject{{"name", "web"}, {"namespace", "default"}}},
                             {"spec", json(spec)}};
    const auto made = lab.cluster.create(resources::services, service);
    return made ? "accepted" : made.error().message;
}

}  // namespace

TEST_CASE("a Deployment that cannot work is refused in the words of Kubernetes") {
    CHECK(refusal_of({"spec", "replicas"}, -1) ==
          "spec.replicas: Invalid value: -1: must be greater than or equal to 0");
    CHECK(refusal_of({"spec", "selector"}, nullptr) == "spec.selector: Required value");
    CHECK(
        refusal_of({"spec", "template", "metadata", "labels"}, json(R"({"app":"x"})")) ==
        R"(spec.template.metadata.labels: Invalid value: {"app":"x"}: `selector` does not match template `labels`)");
    CHECK(refusal_of({"spec", "template", "spec", "containers"}, nullptr) ==
          "spec.template.spec.containers: Required value");
    CHECK(refusal_of({"spec", "strategy"},
                     json(R"({"rollingUpdate":{"maxSurge":0,"maxUnavailable":0}})")) ==
          "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when "
          "`maxSurge` is 0");
    CHECK(refusal_of({"spec", "template", "spec", "containers"},
                     json(R"([{"name":"a","image":"x"},{"name":"a","image":"x"}])")) ==
          R"(spec.template.spec.containers[1].name: Duplicate value: "a")");
    CHECK(refusal_of({"spec", "template", "spec", "containers"}, json(R"([{"name":"a"}])")) ==
          "spec.template.spec.containers[0].image: Required value");
    CHECK(
        refusal_of({"spec", "template", "spec", "restartPolicy"}, "Never") ==
        R"(spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always")");
}

TEST_CASE("names and labels are refused with the rule that they break") {
    CHECK(refusal_of({"metadata", "labels"}, json(R"({"a":"-"})")) ==
          "metadata.labels: Invalid value: \"-\": a valid label must be an empty string or consist "
          "of alphanumeric characters, '-', '_' or '.', and must start and end with an "
          "alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for "
          "validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')");
    ACluster lab;
    const auto named = [&](const Resource& resource, std::string_view name) {
        const JsonObject metadata{{"name", name}, {"namespace", "default"}};
        const auto made = lab.cluster.create(resource, JsonObject{{"metadata", metadata}});
        return made ? "accepted" : made.error().message;
    };
    CHECK(named(resources::config_maps, "A") ==
          "ConfigMap \"A\" is invalid: metadata.name: Invalid value: \"A\": a lowercase RFC 1123 "
          "subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
          "start and end with an alphanumeric character (e.g. 'example.com', regex used for "
          "validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')");
    CHECK(named(resources::namespaces, "a.b") ==
          "Namespace \"a.b\" is invalid: metadata.name: Invalid value: \"a.b\": a lowercase RFC "
          "1123 label must consist of lower case alphanumeric characters or '-', and must start "
          "and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for "
          "validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')");
    CHECK(named(resources::config_maps, std::string(254, 'a'))
              .ends_with("must be no more than 253 characters"));
}

TEST_CASE("a selector stays what it was") {
    ACluster lab;
    REQUIRE(lab.cluster.create(resources::deployments, a_deployment()).has_value());
    const auto changed = lab.cluster.patch(resources::deployments,
                                           {"default", "web"},
                                           PatchKind::merge,
                                           json(R"({"spec":{"selector":{"matchLabels":{"app":"x"}},
                         "template":{"metadata":{"labels":{"app":"x"}}}}})"));
    CHECK(
        changed.error().message ==
        R"(Deployment.apps "web" is invalid: spec.selector: Invalid value: {"matchLabels":{"app":"x"}}: field is immutable)");
}

TEST_CASE("two controllers cannot own one object") {
    ACluster lab;
    const auto made =
        lab.cluster.create(resources::config_maps,
                           json(R"({"metadata":{"name":"c","namespace":"default","ownerReferences":[
            {"apiVersion":"v1","kind":"A","name":"x","uid":"1","controller":true},
            {"apiVersion":"v1","kind":"B","name":"y","uid":"2","controller":true}]}})"));
    CHECK(made.error().message.ends_with(
        "Only one reference can have Controller set to true. Found \"true\" in references for A/x "
        "and B/y"));
}

TEST_CASE("Services get an address that stays, and their ports are told apart") {
    CHECK(refusal_of_service(R"({"ports":[{"port":80},{"port":81}]})") ==
          "Service \"web\" is invalid: [spec.ports[0].name: Required value, spec.ports[1].name: "
          "Required value]");
    CHECK(
        refusal_of_service(R"({"ports":[{"name":"a","port":80},{"name":"b","port":80}]})") ==
        R"(Service "web" is invalid: spec.ports[1]: Duplicate value: {"protocol":"TCP","port":80})");
    CHECK(refusal_of_service(R"({"ports":[{"port":0}]})") ==
          "Service \"web\" is invalid: spec.ports[0].port: Invalid value: 0: must be between 1 and "
          "65535, inclusive");
    CHECK(refusal_of_service("{}") == "Service \"web\" is invalid: spec.ports: Required value");
    ACluster lab;
    const auto made = lab.create(
        resources::services,
        R"({"metadata":{"name":"web","namespace":"default"},"spec":{"ports":[{"port":80}]}})");
    CHECK(*find(*made, {"spec"}) ==
          json(R"({"ports":[{"port":80,"protocol":"TCP","targetPort":80}],"type":"ClusterIP",
                   "sessionAffinity":"None","internalTrafficPolicy":"Cluster","ipFamilies":["IPv4"],
                   "ipFamilyPolicy":"SingleStack","clusterIP":"127.96.0.1",
                   "clusterIPs":["127.96.0.1"]})"));
    const auto moved = lab.cluster.patch(resources::services,
                                         {"default", "web"},
                                         PatchKind::merge,
                                         json(R"({"spec":{"clusterIP":"10.96.0.9"}})"));
    CHECK(
        moved.error().message ==
        R"(Service "web" is invalid: spec.clusterIPs[0]: Invalid value: ["10.96.0.9"]: may not change once set)");
    CHECK(lab.create(resources::services,
                     R"({"metadata":{"name":"h","namespace":"default"},
                         "spec":{"clusterIP":"None","ports":[{"port":80}]}})") != nullptr);
}

TEST_CASE("a running pod changes its image and little else") {
    ACluster lab;
    lab.create(resources::pods,
               R"({"metadata":{"name":"p","namespace":"default"},
                   "spec":{"containers":[{"name":"c","image":"demo:1"}]}})");
    const auto patch = [&](std::string_view text) {
        return lab.cluster.patch(
            resources::pods, {"default", "p"}, PatchKind::strategic, json(text));
    };
    CHECK(patch(R"({"spec":{"nodeName":"lab-1"}})").has_value());
    CHECK(patch(R"({"spec":{"containers":[{"name":"c","image":"demo:2"}]}})").has_value());
    CHECK(patch(R"({"spec":{"nodeName":"lab-2"}})")
              .error()
              .message.starts_with("Pod \"p\" is invalid: spec: Forbidden: pod updates may not "
                                   "change fields other than `spec.containers[*].image`"));
}

TEST_CASE("a ConfigMap or Secret holds a mebibyte and no more") {
    ACluster lab;
    constexpr std::size_t mebibyte = std::size_t{1024} * 1024;
    const auto refusal = [&lab](
                             const Resource& resource, std::string_view member, std::string value) {
        const JsonObject object{{"metadata", JsonObject{{"name", "big"}, {"namespace", "default"}}},
                                {member, JsonObject{{"k", std::move(value)}}}};
        const auto made = lab.cluster.create(resource, object, {.dry_run = true});
        return made ? std::string("accepted") : made.error().message;
    };
    CHECK(refusal(resources::config_maps, "data", std::string(mebibyte, 'x')) == "accepted");
    CHECK(refusal(resources::config_maps, "data", std::string(mebibyte + 1, 'x')) ==
          "ConfigMap \"big\" is invalid: []: Too long: may not be more than 1048576 bytes");
    CHECK(refusal(resources::config_maps, "binaryData", base64(std::string(mebibyte, 'x'))) ==
          "accepted");
    CHECK(refusal(resources::secrets, "data", base64(std::string(mebibyte, 'x'))) == "accepted");
    CHECK(refusal(resources::secrets, "stringData", std::string(mebibyte + 1, 'x')) ==
          "Secret \"big\" is invalid: data: Too long: may not be more than 1048576 bytes");
}

TEST_CASE("a DaemonSet's rolling update makes room in one way, and a Job says when to end") {
    ACluster lab;
    const auto daemon = [&lab](std::string_view rolling) {
        auto set = a_deployment("agent");
        put(set, {"kind"}, "DaemonSet");
        put(set, {"spec", "updateStrategy", "rollingUpdate"}, json(rolling));
        const auto made = lab.cluster.create(resources::daemon_sets, set, {.dry_run = true});
        return made ? std::string("accepted") : made.error().message;
    };
    CHECK(daemon(R"({"maxUnavailable":0,"maxSurge":"50%"})") == "accepted");
    CHECK(daemon(R"({"maxUnavailable":0,"maxSurge":0})") ==
          "DaemonSet.apps \"agent\" is invalid: "
          "spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: 0: cannot be 0 when "
          "maxSurge is 0");
    CHECK(daemon(R"({"maxSurge":1})") ==
          "DaemonSet.apps \"agent\" is invalid: spec.updateStrategy.rollingUpdate.maxSurge: "
          "Invalid value: 1: may not be set when maxUnavailable is non-zero");
    const auto made = lab.cluster.create(resources::daemon_sets, [] {
        auto set = a_deployment("agent");
        put(set, {"kind"}, "DaemonSet");
        return set;
    }());
    REQUIRE(made.has_value());
    constexpr std::string_view counter = "deprecated.daemonset.template.generation";
    CHECK(text_at(**made, {"metadata", "annotations", counter}) == "1");
    const auto changed = lab.cluster.patch(resources::daemon_sets,
                                           {"default", "agent"},
                                           PatchKind::merge,
                                           json(R"({"metadata":{"annotations":null},
                 "spec":{"template":{"metadata":{"annotations":{"a":"b"}}}}})"));
    REQUIRE(changed.has_value());
    CHECK(text_at(**changed, {"metadata", "annotations", counter}) == "2");

    const auto job = lab.cluster.create(
        resources::jobs,
        json(R"({"metadata":{"name":"j","namespace":"default"},"spec":{"template":{"spec":{
            "containers":[{"name":"a","image":"demo:1"}]}}}})"));
    CHECK(job.error().message ==
          "Job.batch \"j\" is invalid: spec.template.spec.restartPolicy: Required value: valid "
          "values: \"OnFailure\", \"Never\"");
}

TEST_CASE("an Ingress says where it leads, and how its paths are to be read") {
    ACluster lab;
    const Resource ingresses{"networking.k8s.io", "v1", "ingresses", "Ingress"};
    const auto refusal = [&](std::string_view spec) {
        const JsonObject object{{"metadata", JsonObject{{"name", "web"}, {"namespace", "default"}}},
                                {"spec", json(spec)}};
        const auto made =
            lab.cluster.create(ingresses, object, {.dry_run = true, .strict_fields = true});
        constexpr std::string_view prefix = "Ingress.networking.k8s.io \"web\" is invalid: ";
        if (made) return std::string("accepted");
        return made.error().message.starts_with(prefix) ? made.error().message.substr(prefix.size())
                                                        : made.error().message;
    };
    const auto path = [](std::string_view more) {
        return fmt::format(R"({{"ingressClassName":"nginx","rules":[{{"host":"app.example.com",
            "http":{{"paths":[{{{}}}]}}}}]}})",
                           more);
    };
    CHECK(refusal(path(R"("path":"/","pathType":"Prefix",
        "backend":{"service":{"name":"web","port":{"number":80}}})")) == "accepted");
    CHECK(refusal(R"({"defaultBackend":{"service":{"name":"web","port":{"name":"http"}}}})") ==
          "accepted");
    CHECK(refusal("{}") ==
          "spec: Invalid value: null: either `defaultBackend` or `rules` must be specified");
    CHECK(
        refusal(path(R"("path":"/","backend":{"service":{"name":"web","port":{"number":80}}})")) ==
        "spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified");
    CHECK(refusal(path(R"("path":"x","pathType":"Prefix",
        "backend":{"service":{"name":"web","port":{"number":80}}})")) ==
          "spec.rules[0].http.paths[0].path: Invalid value: \"x\": must be an absolute path");
    CHECK(refusal(path(R"("path":"/","pathType":"Prefix","backend":{"service":{"name":"web"}})")) ==
          "spec.rules[0].http.paths[0].backend: Required value: port name or number is required");
    CHECK(
        refusal(path(R"("path":"/","pathType":"Prefix","backend":{})")) ==
        "spec.rules[0].http.paths[0].backend: Invalid value: \"\": resource or service backend is "
        "required");
    CHECK(refusal(R"({"rule":[]})").find("unknown field \"spec.rule\"") != std::string::npos);
}
