// Items 4 and 6 of kubernetes.md G: manifests, and kinds that are defined on the way.
#include "every_kubectl.hpp"

namespace sluice::conformance {

namespace {

std::string a_deployment(int replicas, std::string_view extra = {}) {
    return fmt::format(R"(apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: default
spec:
  replicas: {}
{}  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
      - name: demo
        image: demo:1
        ports:
        - containerPort: 9898
          name: http
)",
                       replicas,
                       extra);
}

constexpr std::string_view widgets = R"YAML(apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: widgets.lab.io
spec:
  group: lab.io
  names:
    kind: Widget
    plural: widgets
    singular: widget
    shortNames: [wd]
    categories: [all]
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    subresources:
      status: {}
    additionalPrinterColumns:
    - name: Size
      type: integer
      jsonPath: .spec.size
    - name: Mode
      type: string
      jsonPath: .spec.mode
      priority: 1
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          spec:
            type: object
            description: What the widget is like.
            required: [size]
            properties:
              size:
                type: integer
                minimum: 1
                description: How large it is.
              mode:
                type: string
                enum: [fast, slow]
              interval:
                type: string
                pattern: "^[0-9]+(m|s)"
          status:
            type: object
            properties:
              phase:
                type: string
)YAML";

std::string a_widget(std::string_view spec) {
    return fmt::format("apiVersion: lab.io/v1\nkind: Widget\nmetadata:\n  name: w1\nspec: {}\n",
                       spec);
}

}  // namespace

TEST_CASE("kubectl apply creates, leaves alone, and changes") {
    for (const auto& kubectl : every_kubectl()) {
        const Lab lab(kubectl);
        CHECK(lab.ok("apply -f -", a_deployment(1)) == "deployment.apps/web created\n");
        CHECK(lab.ok("apply -f -", a_deployment(1)) == "deployment.apps/web unchanged\n");
        CHECK(lab.ok("apply -f -", a_deployment(2)) == "deployment.apps/web configured\n");
        CHECK(lab.ok("get deploy web -o jsonpath={.spec.replicas}") == "2");
        CHECK(has(lab.ok("apply --dry-run=client -f -", a_deployment(3)), "(dry run)"));
        CHECK(lab.ok("get deploy web -o jsonpath={.spec.replicas}") == "2");
        CHECK(
            lab.ok("delete -f -", a_deployment(2)).starts_with("deployment.apps \"web\" deleted"));
    }
}

TEST_CASE("kubectl diff and a server-side dry run change nothing") {
    for (const auto& kubectl : every_kubectl(21)) {
        const Lab lab(kubectl);
        lab.ok("apply -f -", a_deployment(1));
        const auto before = lab.ok("get deploy web -o jsonpath={.metadata.generation}");
        CHECK(lab.ok("apply --dry-run=server -f -", a_deployment(3)) ==
              "deployment.apps/web configured (server dry run)\n");
        const auto diff = lab.kubectl("diff -f -", a_deployment(3));
        CHECK(diff.code == 1);
        CHECK(has(diff.out, "-  replicas: 1\n+  replicas: 3\n"));
        CHECK_FALSE(has(diff.out, "\n+  resourceVersion"));
        CHECK(lab.ok("get deploy web -o jsonpath={.metadata.generation}") == before);
        lab.ok("apply -f -", a_deployment(3));
        CHECK(lab.kubectl("diff -f -", a_deployment(3)).code == 0);
    }
}

TEST_CASE("a typo in a manifest is caught by the server") {
    for (const auto& kubectl : every_kubectl(27)) {
        const Lab lab(kubectl);
        const auto refused = lab.fails("apply -f -", a_deployment(1, "  replica: 3\n"));
        CHECK(has(refused, "Error from server (BadRequest)"));
        CHECK(has(refused,
                  "Deployment in version \"v1\" cannot be handled as a Deployment: strict decoding "
                  "error: unknown field \"spec.replica\""));
        const auto warned =
            lab.kubectl("apply --validate=warn -f -", a_deployment(1, "  replica: 3\n"));
        CHECK(warned.code == 0);
        CHECK(has(warned.err, "Warning: unknown field \"spec.replica\""));
    }
}

TEST_CASE("of two objects the first is applied when the second is invalid") {
    for (const auto& kubectl : every_kubectl()) {
        const Lab lab(kubectl);
        const auto refused = lab.fails(
            "apply -f -",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\n---\n" + a_deployment(-1));
        CHECK(has(refused,
                  "The Deployment \"web\" is invalid: spec.replicas: Invalid value: -1: must be "
                  "greater than or equal to 0"));
        lab.ok("get cm c");
    }
}

TEST_CASE("kubectl applies on the server's side, and conflicts are told") {
    for (const auto& kubectl : every_kubectl(22)) {
        const Lab lab(kubectl);
        CHECK(lab.ok("apply --server-side -f -", a_deployment(1)) ==
              "deployment.apps/web serverside-applied\n");
        CHECK(lab.ok("apply --server-side -f -", a_deployment(2)) ==
              "deployment.apps/web serverside-applied\n");
        const auto conflict =
            lab.fails("apply --server-side --field-manager=other -f -", a_deployment(5));
        CHECK(has(conflict,
                  "Apply failed with 1 conflict: conflict with \"kubectl\": .spec.replicas"));
        CHECK(lab.ok("apply --server-side --field-manager=other --force-conflicts -f -",
                     a_deployment(5)) == "deployment.apps/web serverside-applied\n");
        CHECK(lab.ok("get deploy web -o jsonpath={.spec.replicas}") == "5");
    }
}

TEST_CASE("a definition and an object of it are applied from one file, and shown") {
    for (const auto& kubectl : every_kubectl()) {
        const Lab lab(kubectl);
        const auto applied = lab.kubectl(
            "apply -f -", std::string(widgets) + "---\n" + a_widget("{size: 3, mode: fast}"));
        // kubectl looks the kind up before it has sent the definition, and is right to try again.
        if (applied.code != 0) {
            CHECK(has(applied.err, "no matches for kind \"Widget\""));
            lab.ok("apply -f -", a_widget("{size: 3, mode: fast}"));
        }
        CHECK(lab.ok("wait --for=condition=Established crd/widgets.lab.io --timeout=30s") ==
              "customresourcedefinition.apiextensions.k8s.io/widgets.lab.io condition met\n");
        CHECK(table_of(lab.ok("get widgets")) == Words{"NAME|SIZE", "w1|3"});
        CHECK(table_of(lab.ok("get wd -o wide")) == Words{"NAME|SIZE|MODE", "w1|3|fast"});
        CHECK(has(lab.ok("get all"), "widget.lab.io/w1"));
        CHECK(has(lab.ok("describe widget w1"), "Mode:  fast"));
        CHECK(table_of(lab.ok("get crd")).at(0) == "NAME|CREATED AT");
        CHECK(lab.ok("apply -f -", a_widget("{size: 4, mode: fast}")) ==
              "widget.lab.io/w1 configured\n");
        CHECK(lab.ok("apply -f -", a_widget("{size: 4, mode: fast}")) ==
              "widget.lab.io/w1 unchanged\n");
        const auto refused = lab.fails("patch widget w1 -p '{}' --type=strategic");
        if (lab.minor() >= 21) CHECK(has(refused, "not supported"));
        if (lab.minor() >= 29) {
            const auto explained = lab.ok("explain widget.spec");
            CHECK(has(explained, "What the widget is like."));
            CHECK(has(explained, "How large it is."));
            CHECK(has(lab.ok("explain widget.spec.size"), "<integer>"));
            CHECK(has(lab.ok("explain deployment"), "KIND:       Deployment"));
        }
        lab.ok("delete crd widgets.lab.io");
        CHECK(has(lab.fails("get widgets"), "the server"));
    }
}

TEST_CASE("what a definition forbids is refused in its words") {
    for (const auto& kubectl : every_kubectl()) {
        const Lab lab(kubectl);
        lab.ok("apply -f -", std::string(widgets));
        const auto refused = [&](std::string_view spec) {
            return lab.fails("apply --validate=false -f -", a_widget(spec));
        };
        CHECK(has(refused("{mode: fast}"),
                  "The Widget \"w1\" is invalid: spec.size: Required value"));
        CHECK(
            has(refused("{size: three}"),
                "spec.size: Invalid value: \"string\": spec.size in body must be of type integer: "
                "\"string\""));
        CHECK(has(refused("{size: 0}"),
                  "spec.size: Invalid value: 0: spec.size in body should be greater than or equal "
                  "to 1"));
        CHECK(has(refused("{size: 1, mode: odd}"),
                  "spec.mode: Unsupported value: \"odd\": supported values: \"fast\", \"slow\""));
        CHECK(has(refused("{size: 1, interval: 5x}"),
                  "spec.interval: Invalid value: \"5x\": spec.interval in body should match "
                  "'^[0-9]+(m|s)'"));
        const auto several = refused("{mode: odd}");
        CHECK(has(several, "The Widget \"w1\" is invalid: \n"));
        CHECK(has(several, "* spec.size: Required value"));
    }
}

}  // namespace sluice::conformance
