#include "an_api.hpp"
#include "base/core/text.hpp"

namespace sluice::lab {

using Texts = std::vector<std::string>;

TEST_CASE("an object is created, read, changed and deleted by its path") {
    AnApi api;
    const auto made =
        api.post("/apis/apps/v1/namespaces/default/deployments", to_text(a_deployment()));
    CHECK(made.status == 201);
    CHECK(text_at(json(made.body), {"kind"}) == "Deployment");
    CHECK(integer_at(json(made.body), {"metadata", "generation"}) == 1);

    const std::string path = "/apis/apps/v1/namespaces/default/deployments/web";
    CHECK(text_at(api.get_json(path), {"metadata", "name"}) == "web");

    const auto patched = api.patch(path, "merge-patch+json", R"({"spec":{"replicas":3}})");
    CHECK(patched.status == 200);
    CHECK(integer_at(json(patched.body), {"spec", "replicas"}) == 3);

    auto replacement = json(patched.body);
    put(replacement, {"spec", "replicas"}, 4);
    CHECK(api.ask("PUT", path, to_text(replacement)).status == 200);
    CHECK(api.ask("PUT", path, to_text(replacement)).status == 409);

    const auto deleted = api.ask("DELETE", path, R"({"propagationPolicy":"Background"})");
    CHECK(deleted.status == 200);
    CHECK(text_at(json(deleted.body), {"status"}) == "Success");
    CHECK(text_at(json(deleted.body), {"details", "kind"}) == "deployments");
    CHECK(text_at(json(deleted.body), {"details", "uid"}) == kube::uid_of(replacement));
    CHECK(api.get(path).status == 404);
}

TEST_CASE("a missing object is a Status that names it") {
    AnApi api;
    const auto answer = api.get("/apis/apps/v1/namespaces/default/deployments/web");
    CHECK(answer.status == 404);
    CHECK(answer.headers.get("Content-Type") == "application/json");
    CHECK(json(answer.body) ==
          json(R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",
                   "message":"deployments.apps \"web\" not found","reason":"NotFound",
                   "details":{"name":"web","group":"apps","kind":"deployments"},"code":404})"));
}

TEST_CASE("a path that is not served answers in plain text") {
    AnApi api;
    for (const std::string_view path : {"/",
                                        "/nothing",
                                        "/api/v2",
                                        "/apis/none",
                                        "/apis/apps/v2/deployments",
                                        "/api/v1/podtemplates",
                                        "/apis/metrics.k8s.io/v1beta1/pods",
                                        "/api/v1/namespaces/default/pods/p/nothing",
                                        "/openapi/v3/apis/none/v1"}) {
        const auto answer = api.get(path);
        CHECK_MESSAGE(answer.status == 404, path);
        CHECK(answer.body == "404 page not found\n");
        CHECK(answer.headers.get("Content-Type") == "text/plain; charset=utf-8");
    }
}

TEST_CASE("a list of a built-in kind leaves out what it says for all items") {
    AnApi api;
    api.create(kube::resources::deployments, to_text(a_deployment()));
    const auto list = api.get_json("/apis/apps/v1/namespaces/default/deployments");
    CHECK(text_at(list, {"kind"}) == "DeploymentList");
    CHECK(text_at(list, {"apiVersion"}) == "apps/v1");
    CHECK(text_at(list, {"metadata", "resourceVersion"}) == std::to_string(api.cluster.revision()));
    const auto& items = array_at(list, {"items"});
    REQUIRE(items.size() == 1);
    CHECK(text_at(items[0], {"metadata", "name"}) == "web");
    CHECK(find(items[0], {"kind"}) == nullptr);
    CHECK(find(items[0], {"apiVersion"}) == nullptr);
}

TEST_CASE("a list comes in pages and by selectors") {
    AnApi api;
    for (const std::string name : {"a", "b", "c"}) {
        api.create(kube::resources::config_maps,
                   fmt::format(R"({{"metadata":{{"name":"{0}","namespace":"default",
                                    "labels":{{"letter":"{0}"}}}}}})",
                               name));
    }
    const std::string path = "/api/v1/namespaces/default/configmaps";
    const auto first = api.get_json(path + "?limit=2");
    CHECK(array_at(first, {"items"}).size() == 2);
    CHECK(integer_at(first, {"metadata", "remainingItemCount"}) == 1);
    const auto token = percent_encoded(text_at(first, {"metadata", "continue"}));
    const auto rest = api.get_json(path + "?limit=2&continue=" + token);
    REQUIRE(array_at(rest, {"items"}).size() == 1);
    CHECK(text_at(array_at(rest, {"items"})[0], {"metadata", "name"}) == "c");
    CHECK(find(rest, {"metadata", "continue"}) == nullptr);

    CHECK(array_at(api.get_json(path + "?labelSelector=letter+in+%28a%2Cb%29"), {"items"}).size() ==
          2);
    CHECK(array_at(api.get_json(path + "?fieldSelector=metadata.name%3Dc"), {"items"}).size() == 1);
    CHECK(api.get(path + "?labelSelector=a+b+c").status == 400);
    const auto wrong = api.get(path + "?fieldSelector=data.x%3D1");
    CHECK(wrong.status == 400);
    CHECK(text_at(json(wrong.body), {"message"}) == "field label not supported: data.x");
}

TEST_CASE("a list says which resourceVersions it can answer for") {
    AnApi api;
    const std::string path = "/api/v1/configmaps?resourceVersion";
    CHECK(api.get(path + "=0").status == 200);
    CHECK(api.get(path + "=1&resourceVersionMatch=NotOlderThan").status == 200);
    CHECK(api.get(path + "Match=Exact").status == 400);
    CHECK(api.get(path + "=0&resourceVersionMatch=Exact").status == 400);
    CHECK(api.get(path + "=1&resourceVersionMatch=Exact").status == 410);
    CHECK(api.get(path + "=x").status == 400);
    const auto future = api.get(path + "=999999");
    CHECK(future.status == 504);
    CHECK(future.headers.get("Retry-After") == "1");
    const auto events = api.get("/api/v1/configmaps?sendInitialEvents=true");
    CHECK(events.status == 422);
    CHECK(text_at(json(events.body), {"message"})
              .ends_with("sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list"));
}

TEST_CASE("the namespace of a path wins over that of a body") {
    AnApi api;
    const std::string path = "/api/v1/namespaces/default/configmaps";
    const auto made = api.post(path, R"({"metadata":{"name":"c"}})");
    CHECK(made.status == 201);
    CHECK(text_at(json(made.body), {"metadata", "namespace"}) == "default");
    const auto other = api.post(path, R"({"metadata":{"name":"d","namespace":"kube-system"}})");
    CHECK(other.status == 400);
    CHECK(text_at(json(other.body), {"message"}) ==
          "the namespace of the provided object does not match the namespace sent on the request");
    const auto renamed = api.ask("PUT", path + "/c", R"({"metadata":{"name":"x"}})");
    CHECK(renamed.status == 400);
    CHECK(text_at(json(renamed.body), {"message"}) ==
          "the name of the object (x) does not match the name on the URL (c)");
    CHECK(
        api.post("/api/v1/namespaces/nowhere/configmaps", R"({"metadata":{"name":"c"}})").status ==
        404);
}

TEST_CASE("a body may be JSON without a name for it, or YAML, and nothing else") {
    AnApi api;
    const std::string path = "/api/v1/namespaces/default/configmaps";
    CHECK(api.ask("POST", path, R"({"metadata":{"name":"a"}})").status == 201);
    CHECK(api.ask("POST",
                  path,
                  "metadata:\n  name: b\ndata:\n  k: v\n",
                  {{"Content-Type", "application/yaml"}})
              .status == 201);
    CHECK(text_at(api.get_json(path + "/b"), {"data", "k"}) == "v");
    const auto cbor = api.ask("POST", path, "x", {{"Content-Type", "application/cbor"}});
    CHECK(cbor.status == 415);
    CHECK(text_at(json(cbor.body), {"reason"}) == "UnsupportedMediaType");
    CHECK(api.post(path, "{").status == 400);
    CHECK(api.post(path, "[]").status == 400);
    CHECK(api.post(path, std::string(4 * 1024 * 1024, ' ')).status == 413);
}

TEST_CASE("a dry run leaves nothing behind") {
    AnApi api;
    const std::string path = "/api/v1/namespaces/default/configmaps";
    const auto before = api.cluster.revision();
    CHECK(api.post(path + "?dryRun=All", R"({"metadata":{"name":"c"}})").status == 201);
    CHECK(api.get(path + "/c").status == 404);
    CHECK(api.cluster.revision() == before);
    CHECK(api.post(path + "?dryRun=Some", R"({"metadata":{"name":"c"}})").status == 422);

    api.post(path, R"({"metadata":{"name":"c"}})");
    CHECK(api.ask("DELETE", path + "/c", R"({"dryRun":["All"]})").status == 200);
    CHECK(api.ask("DELETE", path + "/c?dryRun=All").status == 200);
    CHECK(api.get(path + "/c").status == 200);
}

TEST_CASE("an unknown field is refused, warned of, or passed over, as the client wishes") {
    AnApi api;
    const std::string path = "/apis/apps/v1/namespaces/default/deployments";
    auto deployment = a_deployment();
    put(deployment, {"spec", "replica"}, 3);
    const auto body = to_text(deployment);

    const auto strict = api.post(path + "?fieldValidation=Strict", body);
    CHECK(strict.status == 400);
    CHECK(text_at(json(strict.body), {"message"}) ==
          "Deployment in version \"v1\" cannot be handled as a Deployment: strict decoding error: "
          "unknown field \"spec.replica\"");

    const auto warned = api.post(path + "?dryRun=All", body);
    CHECK(warned.status == 201);
    CHECK(warned.headers.get("Warning") == R"(299 - "unknown field \"spec.replica\"")");

    const auto silent = api.post(path + "?fieldValidation=Ignore", body);
    CHECK(silent.status == 201);
    CHECK_FALSE(silent.headers.get("Warning").has_value());
    CHECK(api.post(path + "?fieldValidation=Maybe", body).status == 422);
}

TEST_CASE("what an admission only warns of is said, however unknown fields are taken") {
    AnApi api;
    api.cluster.admit(kube::resources::config_maps,
                      [](Json&, const Json*) -> std::optional<Status> {
                          return Status{.code = 200,
                                        .reason = {},
                                        .message = {},
                                        .details = {{"warnings", JsonArray{"that is \"odd\""}}}};
                      });
    const std::string path = "/api/v1/namespaces/default/configmaps";
    for (const auto* validation : {"", "?fieldValidation=Strict", "?fieldValidation=Ignore"}) {
        const auto made = api.post(path + validation, R"({"metadata": {"generateName": "a-"}})");
        CHECK(made.status == 201);
        CHECK(made.headers.get("Warning") == R"(299 - "that is \"odd\"")");
    }
}

TEST_CASE("a kind is served as soon as its definition is, with its columns and its schema") {
    AnApi api;
    const auto before = api.get_json("/openapi/v3");
    CHECK(api.get("/apis/lab.io/v1/widgets").status == 404);
    const auto made = api.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
                               R"({"metadata":{"name":"widgets.lab.io"},"spec":{"group":"lab.io",
        "names":{"kind":"Widget","plural":"widgets"},"scope":"Namespaced","versions":[{"name":"v1",
        "served":true,"storage":true,"subresources":{"status":{}},
        "additionalPrinterColumns":[{"name":"Size","type":"integer","jsonPath":".spec.size"}],
        "schema":{"openAPIV3Schema":{"type":"object","properties":{"spec":{"type":"object",
            "description":"What it is like.","properties":{"size":{"type":"integer"}}}}}}}]}})");
    CHECK(made.status == 201);
    CHECK(api.post("/apis/lab.io/v1/namespaces/default/widgets",
                   R"({"apiVersion":"lab.io/v1","kind":"Widget","metadata":{"name":"w"},
                       "spec":{"size":3}})")
              .status == 201);
    const auto table = api.get_table("/apis/lab.io/v1/widgets");
    CHECK(array_at(table, {"rows"}).at(0).at("cells") == json(R"(["w",3])"));
    CHECK(text_at(api.get_json("/apis/lab.io/v1"), {"groupVersion"}) == "lab.io/v1");

    const auto index = api.get_json("/openapi/v3");
    CHECK(find(before, {"paths", "apis/lab.io/v1"}) == nullptr);
    const auto url = text_at(index, {"paths", "apis/lab.io/v1", "serverRelativeURL"});
    const auto document = api.get_json(url);
    const auto* schema = find(document, {"components", "schemas", "io.lab.v1.Widget"});
    REQUIRE(schema != nullptr);
    CHECK(text_at(*schema, {"properties", "spec", "description"}) == "What it is like.");
    CHECK(find(*schema, {"properties", "metadata"}) != nullptr);

    const auto patched = api.patch(
        "/apis/lab.io/v1/namespaces/default/widgets/w", "strategic-merge-patch+json", "{}");
    CHECK(patched.status == 415);
}

TEST_CASE("an autoscaler is read and written as v1 and kept as v2") {
    AnApi api;
    const std::string v1 = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers";
    const std::string v2 = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers";
    CHECK(api.post(v1,
                   R"({"metadata":{"name":"h"},"spec":{"maxReplicas":5,
                       "scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"web"},
                       "targetCPUUtilizationPercentage":70}})")
              .status == 201);
    const auto kept = api.get_json(v2 + "/h");
    CHECK(text_at(kept, {"apiVersion"}) == "autoscaling/v2");
    CHECK(integer_at(array_at(kept, {"spec", "metrics"}).at(0),
                     {"resource", "target", "averageUtilization"}) == 70);
    CHECK(integer_at(api.get_json(v1 + "/h"), {"spec", "targetCPUUtilizationPercentage"}) == 70);
    CHECK(array_at(api.get_table(v1), {"rows"}).at(0).at("cells").at(2) == "cpu: <unknown>/70%");
}

TEST_CASE("a Scale is read and written at its subresource, also without a Content-Type") {
    AnApi api;
    api.create(kube::resources::deployments, to_text(a_deployment()));
    const std::string path = "/apis/apps/v1/namespaces/default/deployments/web/scale";
    auto scale = api.get_json(path);
    CHECK(text_at(scale, {"kind"}) == "Scale");
    CHECK(text_at(scale, {"status", "selector"}) == "app=web");
    put(scale, {"spec", "replicas"}, 5);
    CHECK(api.ask("PUT", path, to_text(scale)).status == 200);
    CHECK(integer_at(api.get_json("/apis/apps/v1/namespaces/default/deployments/web"),
                     {"spec", "replicas"}) == 5);
    CHECK(api.patch(path, "merge-patch+json", R"({"spec":{"replicas":1}})").status == 200);
    CHECK(api.get("/api/v1/namespaces/default/configmaps/c/scale").status == 404);
}

TEST_CASE("server-side apply creates, changes, and wants to know who applies") {
    AnApi api;
    const std::string path = "/api/v1/namespaces/default/configmaps/c";
    const std::string body =
        R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"k":"v"}})";
    CHECK(api.patch(path + "?fieldManager=m", "apply-patch+yaml", body).status == 201);
    CHECK(api.patch(path + "?fieldManager=m", "apply-patch+yaml", body).status == 200);
    const auto anonymous = api.patch(path, "apply-patch+yaml", body);
    CHECK(anonymous.status == 422);
    CHECK(text_at(json(anonymous.body), {"message"}) ==
          "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for "
          "apply patch");
}

TEST_CASE("a strategic patch is refused for a custom resource and done for a built-in one") {
    AnApi api;
    api.create(kube::resources::deployments, to_text(a_deployment()));
    const std::string path = "/apis/apps/v1/namespaces/default/deployments/web";
    const auto answer = api.patch(
        path,
        "strategic-merge-patch+json",
        R"({"spec":{"template":{"spec":{"containers":[{"name":"web","image":"demo:2"}]}}}})");
    CHECK(answer.status == 200);
    const auto after = json(answer.body);
    const auto& containers = array_at(after, {"spec", "template", "spec", "containers"});
    REQUIRE(containers.size() == 1);
    CHECK(text_at(containers[0], {"image"}) == "demo:2");
    CHECK(api.patch(path, "whatever", "{}").status == 415);
}

TEST_CASE("a review is allowed and kept nowhere") {
    AnApi api;
    const auto answer =
        api.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                 R"({"spec":{"resourceAttributes":{"verb":"get","resource":"pods"}}})");
    CHECK(answer.status == 201);
    CHECK(bool_at(json(answer.body), {"status", "allowed"}) == true);
    CHECK(text_at(json(answer.body), {"spec", "resourceAttributes", "verb"}) == "get");
    CHECK(api.get("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews").status == 405);
}

TEST_CASE("who asks is told who they are, and that they may do everything") {
    AnApi api;
    const auto user = api.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}");
    CHECK(user.status == 201);
    CHECK(text_at(json(user.body), {"status", "userInfo", "username"}) == "lab-user");
    const auto rules = api.post("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
                                R"({"spec":{"namespace":"default"}})");
    CHECK(rules.status == 201);
    CHECK(array_at(json(rules.body), {"status", "resourceRules"}).at(0) ==
          json(R"({"verbs":["*"],"apiGroups":["*"],"resources":["*"]})"));
    CHECK(bool_at(json(rules.body), {"status", "incomplete"}) == false);
}

// For `kubectl cluster-info dump`, which ends without them.
TEST_CASE("ReplicationControllers can be looked for, and are refused: nobody would run them") {
    AnApi api;
    const std::string path = "/api/v1/namespaces/default/replicationcontrollers";
    CHECK(array_at(json(api.get("/api/v1/replicationcontrollers").body), {"items"}).empty());
    const auto refused = api.post(path, R"({"metadata":{"name":"x"},"spec":{}})");
    CHECK(refused.status == 405);
    CHECK(text_at(json(refused.body), {"reason"}) == "MethodNotAllowed");
    for (const auto& kind : array_at(json(api.get("/api/v1").body), {"resources"})) {
        if (text_at(kind, {"name"}) == "replicationcontrollers")
            CHECK(array_at(kind, {"verbs"}) == JsonArray{"get", "list", "watch"});
    }
}

TEST_CASE("what cannot be done with a pod is said with the address to use instead") {
    AnApi api;
    api.create(kube::resources::pods,
               R"({"metadata":{"name":"p","namespace":"default"},
                   "spec":{"containers":[{"name":"c","image":"i",
                                          "ports":[{"containerPort":9898}]}]}})");
    api.patch("/api/v1/namespaces/default/pods/p/status",
              "merge-patch+json",
              R"({"status":{"podIP":"127.64.0.3"}})");
    for (const std::string_view method : {"GET", "POST"}) {
        const auto answer = api.ask(method, "/api/v1/namespaces/default/pods/p/exec?command=ls");
        CHECK(answer.status == 501);
        CHECK(text_at(json(answer.body), {"message"}) ==
              "the lab cluster does not support exec; the pod answers at 127.64.0.3:9898");
    }
    CHECK(api.get("/api/v1/namespaces/default/pods/none/portforward").status == 404);
    CHECK(api.get("/api/v1/namespaces/default/pods/p/log").status == 501);
}

TEST_CASE("an evicted pod is deleted") {
    AnApi api;
    api.create(kube::resources::pods,
               R"({"metadata":{"name":"p","namespace":"default"},
                   "spec":{"containers":[{"name":"c","image":"i"}]}})");
    const auto answer = api.post("/api/v1/namespaces/default/pods/p/eviction",
                                 R"({"metadata":{"name":"p"},
                                     "deleteOptions":{"gracePeriodSeconds":0}})");
    CHECK(answer.status == 201);
    CHECK(api.get("/api/v1/namespaces/default/pods/p").status == 404);
}

TEST_CASE("the server says its version and that it is well") {
    AnApi api;
    CHECK(text_at(api.get_json("/version"), {"gitVersion"}) == "v1.32.4+sluice");
    for (const std::string path : {"/healthz", "/livez", "/readyz", "/livez/ping"}) {
        CHECK(api.get(path).body == "ok");
    }
    CHECK(api.get("/readyz?verbose").body.starts_with("[+]ping ok\n"));
    CHECK(api.get("/readyz?verbose").body.ends_with("readyz check passed\n"));
    CHECK(api.get("/livez/none").status == 404);
}

}  // namespace sluice::lab
