// Mistakes in Canaries that the schema lets pass: each with a Canary that has it and one that does
// not.
#include "release/lint.hpp"

#include "kube/resource.hpp"
#include "kube/yaml.hpp"
#include "kube/yaml_places.hpp"
#include "release/rules.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

using namespace sluice;
using namespace sluice::release;

namespace {

Json sound() {
    return boost::json::parse(R"({
        "apiVersion": "flagger.app/v1beta1", "kind": "Canary",
        "metadata": {"name": "web", "namespace": "test"},
        "spec": {
          "provider": "istio",
          "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
          "service": {"port": 80, "targetPort": "http", "gateways": ["mesh", "edge"]},
          "analysis": {"interval": "1m", "threshold": 5, "maxWeight": 50, "stepWeight": 10,
            "metrics": [
              {"name": "request-success-rate", "thresholdRange": {"min": 99}, "interval": "1m"},
              {"name": "request-duration", "thresholdRange": {"max": 500}, "interval": "1m"}],
            "webhooks": [{"name": "load", "url": "http://tester/", "timeout": "5s"}]}}})");
}

Around surroundings() {
    Around around;
    around.whole = true;
    around.objects = {
        boost::json::parse(
            R"({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "test"},
            "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {
              "metadata": {"labels": {"app": "web"}}, "spec": {
              "containers": [{"ports": [{"name": "http", "containerPort": 8080}]}]}}}})"),
        boost::json::parse(
            R"({"apiVersion": "networking.istio.io/v1beta1", "kind": "Gateway",
            "metadata": {"name": "edge", "namespace": "test"}, "spec": {"selector": {"istio": "edge"}}})"),
        boost::json::parse(
            R"({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "test", "labels": {"istio-injection": "enabled"}}})"),
        boost::json::parse(
            R"({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "edge", "namespace": "edge"},
            "spec": {"template": {"metadata": {"labels": {"istio": "edge"}}}}, "status": {"readyReplicas": 1}})"),
        sound()};
    return around;
}

std::vector<std::string> lines_of(const std::vector<Finding>& findings) {
    std::vector<std::string> lines;
    for (const auto& finding : findings) {
        const auto* rule = rule_of(finding.code);
        // It is raised for those whose checks ask the proxies.
        if (rule != nullptr && rule->code != "IST0102") CHECK(finding.level == rule->level);
        lines.push_back(line_of(finding));
    }
    return lines;
}

using Lines = std::vector<std::string>;

Lines look(Around& around, const Json& canary) {
    for (auto& object : around.objects) {
        if (text_at(object, {"kind"}) != "Canary" || kube::key_of(object) != kube::key_of(canary))
            continue;
        object = canary;
        return lines_of(Linter(around).look(object));
    }
    FAIL("there is no such Canary");
    return {};
}

// As one file with nothing else in it.
Lines lint(const std::function<void(Json&)>& spoil) {
    auto canary = sound();
    spoil(canary);
    Around around;
    around.objects = {canary};
    return lines_of(Linter(around).look(around.objects[0]));
}

Lines lint_spec(JsonPath path, Json value) {
    return lint([&](Json& canary) { put(canary.at("spec"), path, value); });
}

Lines lint_beside(const std::function<void(Json& canary, Around& around)>& spoil) {
    auto canary = sound();
    auto around = surroundings();
    spoil(canary, around);
    return look(around, canary);
}

Lines said(std::string_view level, std::string_view rest) {
    return {std::string(level) + ": Canary test/web spec." + std::string(rest)};
}

Json& metric(Json& canary, std::size_t index) {
    return canary.at("spec").at("analysis").at("metrics").as_array()[index];
}

}  // namespace

TEST_CASE("a sound Canary has no findings") {
    CHECK(lint([](Json&) {}).empty());
    CHECK(lint_beside([](Json&, Around&) {}).empty());
}

TEST_CASE("everything that the controller would refuse is found at once") {
    CHECK(lint([](Json& canary) {
              drop(canary, {"spec", "service", "port"});
              put(canary, {"spec", "analysis", "maxWeight"}, 150);
              auto& hook = canary.at("spec").at("analysis").at("webhooks").as_array()[0];
              put(hook, {"type"}, "dance");
          }) == Lines{"error: Canary test/web spec.service.port: is missing",
                      "error: Canary test/web spec.analysis.maxWeight: 150 is more than 100",
                      "error: Canary test/web spec.analysis.webhooks[0].type: dance is not a type "
                      "of hook"});
}

TEST_CASE("a plan that never advances, or not as it looks, is found") {
    CHECK(lint([](Json& canary) { drop(canary, {"spec", "analysis", "stepWeight"}); }) ==
          said("error",
               "analysis: the weights never advance: give stepWeight, stepWeights or iterations"));
    CHECK(lint_spec({"analysis", "stepWeights"}, JsonArray{10, 30, 20}) ==
          said("warning", "analysis.stepWeights: the weights do not rise from step to step"));
    CHECK(lint_spec({"analysis", "stepWeight"}, 60) ==
          said("warning", "analysis.stepWeight: the first step, 60, passes maxWeight, 50"));
    CHECK(lint_spec({"analysis", "iterations"}, 5) ==
          said("warning", "analysis.iterations: with iterations the step weights do nothing"));
}

TEST_CASE("an interval or threshold without sense is found") {
    CHECK(lint([](Json& canary) { drop(canary, {"spec", "analysis", "threshold"}); }) ==
          said("warning", "analysis: no threshold: the first failed check rolls back"));
    CHECK(lint_spec({"analysis", "threshold"}, 0) ==
          said("warning", "analysis.threshold: less than 1: the first failed check rolls back"));
    CHECK(lint_spec({"analysis", "threshold"}, 100) ==
          said("warning",
               "analysis.threshold: 100 failed checks are waited for, at 1m0s each: a bad revision "
               "stays for 1h40m0s"));
    CHECK(lint([](Json& canary) { drop(canary, {"spec", "analysis", "interval"}); }) ==
          said("warning", "analysis: no interval: one minute is taken"));
}

TEST_CASE("an interval is short by what the controller allows") {
    auto canary = sound();
    put(canary, {"spec", "analysis", "interval"}, "5s");
    Around around;
    around.objects = {canary};
    const auto said_of_interval = [&](const LintSettings& settings) {
        auto lines = lines_of(Linter(around, settings).look(around.objects[0]));
        std::erase_if(lines, [](const std::string& line) {
            return line.find(" spec.analysis.interval: ") == std::string::npos;
        });
        return lines;
    };
    CHECK(said_of_interval({}) ==
          said("warning",
               "analysis.interval: 5s is shorter than what a controller allows (10s, or its "
               "--min-interval)"));
    CHECK(said_of_interval({.min_interval = std::chrono::seconds(5)}).empty());
}

TEST_CASE("a metric that cannot fail, always fails, or is measured badly is found") {
    const auto at = [](const std::function<void(Json&)>& spoil) {
        return lint([&](Json& canary) { spoil(metric(canary, 1)); });
    };
    CHECK(at([](Json& one) { drop(one, {"thresholdRange"}); }) ==
          said("warning", "analysis.metrics[1]: no threshold: it fails for any value above 0"));
    CHECK(lint([](Json& canary) { drop(metric(canary, 0), {"thresholdRange"}); }) ==
          said("warning", "analysis.metrics[0]: no threshold: it never fails"));
    CHECK(
        at([](Json& one) { put(one, {"thresholdRange"}, JsonObject{}); }) ==
        said("warning", "analysis.metrics[1].thresholdRange: neither min nor max: it never fails"));
    CHECK(
        at([](Json& one) { put(one, {"thresholdRange"}, JsonObject{{"min", 5}, {"max", 1}}); }) ==
        said("error", "analysis.metrics[1].thresholdRange: min is more than max: it always fails"));
    CHECK(at([](Json& one) { put(one, {"thresholdRange", "max"}, 600); }) ==
          said("warning",
               "analysis.metrics[1]: 600 ms is no bound of the histogram: the value is "
               "interpolated [SLU0003]"));
    CHECK(at([](Json& one) { put(one, {"interval"}, "30s"); }) ==
          said("warning",
               "analysis.metrics[1].interval: 30s is less than four scrape intervals of 15s: rates "
               "have gaps [SLU0005]"));
    CHECK(at([](Json& one) { put(one, {"name"}, "errors"); }) ==
          said("error",
               "analysis.metrics[1]: errors is no built-in check, and has neither query nor "
               "templateRef"));
}

TEST_CASE("a hook that cannot be called is found") {
    const auto at = [](std::string_view field, Json value) {
        return lint([&](Json& canary) {
            put(canary.at("spec").at("analysis").at("webhooks").as_array()[0], {field}, value);
        });
    };
    CHECK(at("url", "tester") ==
          said("error", "analysis.webhooks[0].url: is no http or https address"));
    CHECK(at("timeout", "2m") ==
          said("warning",
               "analysis.webhooks[0].timeout: 2m0s with its retries is longer than a round's "
               "interval, 1m0s"));
}

TEST_CASE("what a provider does not know or cannot do is found") {
    CHECK(lint_spec({"provider"}, "linkerd")
              .front()
              .starts_with("error: Canary test/web spec.provider: provider linkerd is not "
                           "supported; known: "));
    CHECK(lint_spec({"analysis", "sessionAffinity"}, JsonObject{{"cookieName", "a b"}}) ==
          said("error", "analysis.sessionAffinity.cookieName: \"a b\" is no cookie's name"));
    CHECK(lint_spec({"service", "portName"}, "web") ==
          said("info",
               "service.portName: Port name web (port: 80, targetPort: http) doesn't follow "
               "the naming convention of Istio port. [IST0118]"));
}

TEST_CASE("two Canaries on one target or Service are found") {
    CHECK(lint_beside([](Json&, Around& around) {
              auto other = sound();
              put(other, {"metadata", "name"}, "rival");
              around.objects.push_back(other);
          }) == said("error", "targetRef.name: Canary rival has the same target, Deployment web"));
    CHECK(lint_beside([](Json&, Around& around) {
              auto other = sound();
              put(other, {"metadata", "name"}, "rival");
              put(other, {"spec", "targetRef", "name"}, "api");
              put(other, {"spec", "service", "name"}, "web");
              around.objects.push_back(other);
          }) == said("error", "service.name: Canary rival has the same Service, web [SLU0002]"));
}

TEST_CASE("a target that is missing, or cannot be found by its label or port, is found") {
    CHECK(lint_beside([](Json& canary, Around&) {
              put(canary, {"spec", "targetRef", "name"}, "nobody");
          }) == said("error", "targetRef.name: Deployment nobody does not exist"));
    CHECK(
        lint_beside([](Json&, Around& around) {
            put(around.objects[0], {"spec", "selector", "matchLabels"}, JsonObject{{"tier", "x"}});
        }) == said("error",
                   "targetRef.name: Deployment web spec.selector.matchLabels has none of app, "
                   "name, app.kubernetes.io/name"));
    CHECK(lint_beside([](Json& canary, Around&) {
              put(canary, {"spec", "service", "targetPort"}, "grpc");
          }) == said("error",
                     "service.targetPort: no container of Deployment web has a port named grpc"));
    // A file need not hold everything.
    CHECK(lint_beside([](Json& canary, Around& around) {
              put(canary, {"spec", "targetRef", "name"}, "nobody");
              around.whole = false;
          }).empty());
}

TEST_CASE("a gateway that is missing and a namespace outside the mesh are found as Istio does") {
    CHECK(lint_beside([](Json& canary, Around&) {
              put(canary, {"spec", "service", "gateways"}, JsonArray{"other/edge", "mesh"});
          }) ==
          said("error",
               "service.gateways[0]: Referenced gateway not found: \"other/edge\" [IST0101]"));
    const auto labelled = [](const Json& labels) {
        return lint_beside(
            [&](Json&, Around& around) { put(around.objects[2], {"metadata", "labels"}, labels); });
    };
    CHECK(labelled(JsonObject{}).front().ends_with("[IST0102]"));
    CHECK(labelled(JsonObject{{"istio-injection", "enabled"}, {"istio.io/rev", "x"}})
              .front()
              .ends_with("[IST0123]"));
    CHECK(labelled(JsonObject{{"istio.io/rev", "x"}}).empty());
}

TEST_CASE("a namespace outside of the mesh is only a hint where nobody asks its proxies") {
    CHECK(lint_beside([](Json& canary, Around& around) {
              put(around.objects[2], {"metadata", "labels"}, JsonObject{});
              drop(canary, {"spec", "analysis", "metrics"});
          })
              .front()
              .starts_with("info: Canary test/web metadata.namespace: "));
}

TEST_CASE("a gateway that no running pod answers for is found") {
    CHECK(lint_beside([](Json&, Around& around) {
              put(around.objects[3], {"status", "readyReplicas"}, 0);
          }) == said("error",
                     "service.gateways[1]: Gateway test/edge selects no running gateway pod "
                     "[SLU0001]"));
    // Who does not see all Deployments does not know.
    CHECK(lint_beside([](Json&, Around& around) {
              put(around.objects[3], {"status", "readyReplicas"}, 0);
              around.home = "test";
              around.elsewhere = {"Deployment"};
          }).empty());
}

TEST_CASE("a target without proxies whose proxies are asked is found") {
    const auto refused = JsonObject{{"sidecar.istio.io/inject", "false"}};
    const auto found = said("warning",
                            "analysis.metrics: the proxies of Deployment web are asked, and it has "
                            "none: its pods refuse the sidecar [SLU0006]");
    CHECK(lint_beside([&](Json&, Around& around) {
              put(around.objects[0], {"spec", "template", "metadata", "annotations"}, refused);
          }) == found);
    const auto with_query = [&](std::string_view reporter) {
        return lint_beside([&](Json& canary, Around& around) {
            put(around.objects[0], {"spec", "template", "metadata", "annotations"}, refused);
            put(canary,
                {"spec", "analysis", "metrics"},
                boost::json::parse(
                    R"([{"name": "own", "interval": "1m", "thresholdRange": {"max": 1},
                    "templateRef": {"name": "own"}}])"));
            around.objects.push_back(boost::json::parse(
                R"({"apiVersion": "flagger.app/v1beta1", "kind": "MetricTemplate",
                "metadata": {"name": "own", "namespace": "test"}, "spec": {"query": "x{reporter=\"REPORTER\"}"}})"));
            auto& query = *find(around.objects.back(), {"spec", "query"});
            query = "x{reporter=\"" + std::string(reporter) + "\"}";
        });
    };
    CHECK(with_query("destination") == found);
    CHECK(with_query("source").empty());
}

TEST_CASE("retries that hide failures, or outlast what is waited for, are found") {
    const auto with = [](std::string_view retries, std::string_view timeout) {
        return lint([&](Json& canary) {
            put(canary, {"spec", "service", "retries"}, boost::json::parse(std::string(retries)));
            if (!timeout.empty()) put(canary, {"spec", "service", "timeout"}, Json(timeout));
        });
    };
    const std::string hidden =
        "warning: Canary test/web spec.service.retries: the mesh tries again what failed: users "
        "see fewer failures than request-success-rate counts [SLU0007]";
    CHECK(with(R"({"attempts": 0})", "").empty());
    CHECK(with(R"({"attempts": 2})", "") == Lines{hidden});
    CHECK(with(R"({"attempts": 2, "perTryTimeout": "1s"})", "2s") ==
          Lines{hidden,
                "warning: Canary test/web spec.service.retries.perTryTimeout: 1s for each of 3 "
                "tries is more than the timeout, 2s [SLU0008]"});
    CHECK(with(R"({"attempts": 2, "perTryTimeout": "1s"})", "3s") == Lines{hidden});
    CHECK(with(R"({"attempts": 2, "perTryTimeout": "200ms"})", "") ==
          Lines{hidden,
                "warning: Canary test/web spec.service.retries.perTryTimeout: 200ms is shorter "
                "than the 500 ms that request-duration allows: a slow canary is asked again before "
                "it counts as slow [SLU0008]"});
    CHECK(lint([](Json& canary) {
              put(canary, {"spec", "service", "retries", "attempts"}, 1);
              put(canary,
                  {"spec", "analysis", "metrics"},
                  boost::json::parse(R"([{"name": "own", "interval": "1m",
                      "thresholdRange": {"max": 1}, "query": "x{reporter=\"source\"}"}])"));
          }) == said("warning",
                     "service.retries: the mesh tries again what failed, and metric own asks the "
                     "callers: it does not see what the retries hide [SLU0007]"));
}

TEST_CASE("a release that callers within the mesh do not see is told of") {
    CHECK(lint_spec({"service", "gateways"}, JsonArray{"edge"}) ==
          said("info",
               "service.gateways: without \"mesh\" callers within the mesh see only the primary "
               "[SLU0012]"));
    CHECK(lint_spec({"service", "gateways"}, JsonArray{}).empty());
}

TEST_CASE("plain text to pods that want only TLS is found") {
    const auto with = [](std::string_view mode, std::string_view ns, Json selector) {
        return lint_beside([&](Json& canary, Around& around) {
            put(canary, {"spec", "service", "trafficPolicy", "tls", "mode"}, "DISABLE");
            Json policy{{"apiVersion", "security.istio.io/v1beta1"},
                        {"kind", "PeerAuthentication"},
                        {"metadata", {{"name", "p"}, {"namespace", ns}}},
                        {"spec", {{"mtls", {{"mode", mode}}}}}};
            if (!selector.is_null()) put(policy, {"spec", "selector", "matchLabels"}, selector);
            // Narrower ones win.
            auto wide = policy;
            put(wide, {"metadata", "namespace"}, "istio-system");
            drop(wide, {"spec", "selector"});
            put(wide, {"spec", "mtls", "mode"}, mode == "STRICT" ? "PERMISSIVE" : "STRICT");
            around.objects.insert(around.objects.begin(), {policy, wide});
            std::ranges::rotate(around.objects, around.objects.begin() + 2);
        });
    };
    const auto found = said("error",
                            "service.trafficPolicy.tls.mode: DISABLE, while a PeerAuthentication "
                            "is STRICT: the pods refuse plain text [SLU0011]");
    CHECK(with("STRICT", "test", nullptr) == found);
    CHECK(with("STRICT", "test", JsonObject{{"app", "web"}}) == found);
    CHECK(with("PERMISSIVE", "test", nullptr).empty());
    CHECK(with("STRICT", "test", JsonObject{{"app", "other"}}).empty());
    CHECK(with("STRICT", "other", nullptr).empty());
}

TEST_CASE("what the mesh would refuse of a Canary's own objects is found before they are made") {
    CHECK(lint_spec({"service", "hosts"}, JsonArray{"*"}) ==
          said("error",
               "service.hosts[0]: VirtualService web would be refused: wildcard host * is not "
               "allowed for virtual services bound to the mesh gateway [IST0106]"));
    CHECK(
        lint_spec({"service", "trafficPolicy"}, boost::json::parse(R"({"connectionPool": {}})")) ==
        said("error",
             "service.trafficPolicy.connectionPool: DestinationRule web-canary would be refused: "
             "connection pool must have at least one field [IST0106]"));
    CHECK(lint_spec({"service", "trafficPolicy"},
                    boost::json::parse(R"({"outlierDetection": {"consecutiveErrors": 3}})"))
              .front()
              .ends_with("[IST0133]"));
}

TEST_CASE("a MetricTemplate or AlertProvider that is missing is found") {
    CHECK(lint_beside([](Json& canary, Around&) {
              put(metric(canary, 0), {"name"}, "own");
              put(metric(canary, 0), {"templateRef"}, JsonObject{{"name", "own"}});
          }) ==
          said("error", "analysis.metrics[0].templateRef: MetricTemplate test/own does not exist"));
    const auto with_alert = [](bool is_there) {
        return lint_beside([&](Json& canary, Around& around) {
            put(canary,
                {"spec", "analysis", "alerts"},
                boost::json::parse(R"([{"name": "a", "providerRef": {"name": "chat"}}])"));
            if (is_there) {
                around.objects.push_back(boost::json::parse(
                    R"({"apiVersion": "flagger.app/v1beta1", "kind": "AlertProvider",
                    "metadata": {"name": "chat", "namespace": "test"}})"));
            }
        });
    };
    CHECK(with_alert(false) ==
          said("error", "analysis.alerts[0].providerRef: AlertProvider test/chat does not exist"));
    CHECK(with_alert(true).empty());
}

TEST_CASE("what stands in a file has a line") {
    const std::string text =
        "# a comment\n"
        "---\n"
        "kind: Deployment\n"
        "---\n"
        "kind: Canary\n"
        "spec:\n"
        "  analysis:\n"
        "    metrics:\n"
        "      - name: a\n"
        "        interval: 1m\n"
        "      - {name: b, interval: 2m}\n"
        "    match: &m [x]\n"
        "    again: *m\n"
        "---\n";
    const auto places = kube::yaml_places(text);
    REQUIRE(places.size() == kube::parse_yaml_documents(text)->size());
    const auto& canary = places[1];
    CHECK(kube::line_of(canary, "kind") == 5);
    CHECK(kube::line_of(canary, "spec.analysis.metrics[0].interval") == 10);
    CHECK(kube::line_of(canary, "spec.analysis.metrics[1].interval") == 11);
    CHECK(kube::line_of(canary, "spec.analysis.again") == 13);
    // What is missing is told where it should stand.
    CHECK(kube::line_of(canary, "spec.analysis.metrics[1].thresholdRange.max") == 11);
    CHECK(kube::line_of(canary, "spec.service.port") == 6);
    CHECK(kube::line_of(canary, "metadata.name") == 5);
    CHECK(kube::yaml_places("a: [").empty());
}

TEST_CASE("a selector that finds both versions, or only the one that rests, is told") {
    const auto beside = [](const char* text) {
        return lint_beside([&](Json&, Around& around) {
            around.objects.front().at("spec").at("template").as_object()["metadata"] =
                boost::json::parse(R"({"labels": {"app": "web", "tier": "front"}})");
            around.objects.push_back(boost::json::parse(text));
        });
    };
    CHECK(
        beside(R"({"kind": "Service", "metadata": {"name": "front", "namespace": "test"},
                     "spec": {"selector": {"tier": "front"}}})") ==
        Lines{"warning: Canary test/web spec.targetRef.name: Service front selects the pods of web "
              "and of web-primary: who calls it meets both, whatever the weights [SLU0013]"});
    CHECK(
        beside(R"({"kind": "PodDisruptionBudget", "metadata": {"name": "web", "namespace": "test"},
                     "spec": {"selector": {"matchExpressions": [
                       {"key": "app", "operator": "In", "values": ["web"]}]}}})") ==
        Lines{
            "warning: Canary test/web spec.targetRef.name: PodDisruptionBudget web selects the "
            "pods of web, which rest between releases, and not those of web-primary, which serve: "
            "they need one of their own [SLU0014]"});
    // Ours, one that means both, one of another namespace, and one of everybody.
    for (const auto* text :
         {R"({"kind": "Service", "metadata": {"name": "web", "namespace": "test"},
              "spec": {"selector": {"app": "web"}}})",
          R"({"kind": "NetworkPolicy", "metadata": {"name": "front", "namespace": "test"},
              "spec": {"podSelector": {"matchLabels": {"tier": "front"}}}})",
          R"({"kind": "Service", "metadata": {"name": "front", "namespace": "other"},
              "spec": {"selector": {"tier": "front"}}})",
          R"({"kind": "NetworkPolicy", "metadata": {"name": "all", "namespace": "test"},
              "spec": {"podSelector": {}}})"}) {
        CHECK(beside(text) == Lines{});
    }
}
