// DaemonSets and Jobs: made, looked at, rolled out and back, waited for, deleted.
#include "every_kubectl.hpp"

namespace sluice::conformance {

namespace {

std::string a_daemon_set(std::string_view image) {
    return fmt::format(R"({{"apiVersion":"apps/v1","kind":"DaemonSet","metadata":{{"name":"agent"}},
        "spec":{{"selector":{{"matchLabels":{{"app":"agent"}}}},
        "template":{{"metadata":{{"labels":{{"app":"agent"}}}},
        "spec":{{"terminationGracePeriodSeconds":0,
                 "containers":[{{"name":"demo","image":"{}"}}]}}}}}}}})",
                       image);
}

}  // namespace

TEST_CASE("kubectl rolls a DaemonSet out, back and again, and scales it to no node") {
    for (const auto& kubectl : every_kubectl()) {
        const Lab lab(kubectl);
        CHECK(lab.ok("apply -f -", a_daemon_set("demo:1")) == "daemonset.apps/agent created\n");
        CHECK(lab.ok("apply -f -", a_daemon_set("demo:1")) == "daemonset.apps/agent unchanged\n");
        const auto status = lab.ok("rollout status ds/agent --timeout=60s");
        CHECK(has(status, "daemon set \"agent\" successfully rolled out\n"));
        const auto table = table_of(lab.ok("get ds -o wide"));
        REQUIRE(table.size() == 2);
        CHECK(table[0] ==
              "NAME|DESIRED|CURRENT|READY|UP-TO-DATE|AVAILABLE|NODE SELECTOR|AGE|CONTAINERS|"
              "IMAGES|SELECTOR");
        CHECK(starred(table[1], 7) == "agent|1|1|1|1|1|<none>|*|demo|demo:1|app=agent");

        CHECK(lab.ok("set image ds/agent demo=demo:2") == "daemonset.apps/agent image updated\n");
        lab.ok("rollout status ds/agent --timeout=60s");
        CHECK(lab.ok("rollout history ds/agent") ==
              "daemonset.apps/agent \nREVISION  CHANGE-CAUSE\n1         <none>\n2         "
              "<none>\n\n");
        CHECK(has(lab.ok("rollout history ds/agent --revision=1"), "demo:1"));
        CHECK(lab.ok("rollout undo ds/agent") == "daemonset.apps/agent rolled back\n");
        lab.ok("rollout status ds/agent --timeout=60s");
        CHECK(lab.ok("get ds agent -o jsonpath={.spec.template.spec.containers[0].image}") ==
              "demo:1");
        CHECK(lab.ok("rollout history ds/agent") ==
              "daemonset.apps/agent \nREVISION  CHANGE-CAUSE\n2         <none>\n3         "
              "<none>\n\n");
        CHECK(lab.ok("rollout restart ds/agent") == "daemonset.apps/agent restarted\n");
        lab.ok("rollout status ds/agent --timeout=60s");
        const auto revisions = table_of(lab.ok("get controllerrevisions"));
        CHECK(revisions.size() == 4);
        CHECK(revisions[0] == "NAME|CONTROLLER|REVISION|AGE");
        CHECK(has(revisions[1], "|daemonset.apps/agent|"));

        const auto described = lab.ok("describe ds agent");
        CHECK(has(described, "Desired Number of Nodes Scheduled: 1\n"));
        CHECK(has(described, "Pods Status:  1 Running / 0 Waiting / 0 Succeeded / 0 Failed\n"));
        CHECK(has(described, "SuccessfulCreate"));
        CHECK(has(lab.ok("logs ds/agent"), ""));
        CHECK(has(lab.ok("get all"), "daemonset.apps/agent"));

        lab.ok(
            R"(patch ds agent -p '{"spec":{"template":{"spec":{"nodeSelector":{"no":"node"}}}}}')");
        CHECK(lab.eventually(
            "get ds agent -o jsonpath={.status.desiredNumberScheduled}/{.status.numberReady}",
            "0/0"));
        CHECK(lab.eventually_empty("get po -o name"));

        CHECK(has(lab.ok("delete ds agent"), "daemonset.apps \"agent\" deleted"));
        CHECK(lab.eventually_empty("get controllerrevisions -o name"));
    }
}

TEST_CASE("kubectl makes a Job, waits for its end, and reads what became of it") {
    for (const auto& kubectl : every_kubectl()) {
        const Lab lab(kubectl);
        CHECK(lab.ok("create job migrate --image=migrate:1 -- do it") ==
              "job.batch/migrate created\n");
        CHECK(lab.ok("wait --for=condition=complete job/migrate --timeout=60s") ==
              "job.batch/migrate condition met\n");
        const auto table = table_of(lab.ok("get jobs -o wide"));
        REQUIRE(table.size() == 2);
        CHECK(table[0] == "NAME|STATUS|COMPLETIONS|DURATION|AGE|CONTAINERS|IMAGES|SELECTOR");
        CHECK(has(table[1], "migrate|Complete|1/1|"));
        CHECK(has(lab.ok("get po --no-headers"), "Completed"));
        const auto described = lab.ok("describe job migrate");
        CHECK(has(described, "1 Succeeded / 0 Failed\n"));
        CHECK(has(described, "Job completed"));
        CHECK(has(lab.ok("logs job/migrate"), "counts as done"));
        CHECK(has(lab.ok("delete job migrate"), "job.batch \"migrate\" deleted"));
        CHECK(lab.eventually_empty("get po -o name"));

        CHECK(lab.ok("apply -f -",
                     R"({"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"bad"},
            "spec":{"backoffLimit":0,"ttlSecondsAfterFinished":600,
                    "template":{"spec":{"restartPolicy":"Never","containers":[
                        {"name":"main","image":"migrate:1-fail"}]}}}})") ==
              "job.batch/bad created\n");
        CHECK(lab.ok("wait --for=condition=failed job/bad --timeout=60s") ==
              "job.batch/bad condition met\n");
        CHECK(has(lab.ok("describe job bad"), "Job has reached the specified backoff limit"));
        CHECK(lab.eventually("get po --no-headers", "Error"));
        CHECK(has(lab.fails(R"(patch job bad -p '{"spec":{"completions":2}}')"),
                  "field is immutable"));
    }
}

}  // namespace sluice::conformance
