// What `sluice lint -o sarif` prints, for code scanning and editors.
#include "base/core/text.hpp"
#include "cli/lint_report.hpp"
#include "kube/yaml.hpp"
#include "release/rules.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

#include <set>

using namespace sluice;
using namespace sluice::cli;
using release::Finding;
using release::Level;

namespace {

const Json& run_of(const Json& log) {
    REQUIRE(array_at(log, {"runs"}).size() == 1);
    return array_at(log, {"runs"})[0];
}

const JsonArray& results_of(const Json& log) {
    return array_at(run_of(log), {"results"});
}

std::string uri_of(const std::string& file) {
    const auto log = lint_sarif({{.object = "Canary a/b", .text = "x", .file = file, .line = 1}});
    const auto& location = array_at(results_of(log)[0], {"locations"})[0];
    return std::string(text_at(location, {"physicalLocation", "artifactLocation", "uri"}));
}

// Of the fields that SARIF 2.1.0 has at such an object, these are written and no other.
void check_fields(const Json& object,
                  const std::set<std::string>& needed,
                  const std::set<std::string>& possible = {}) {
    std::set<std::string> left = needed;
    for (const auto& [name, value] : object_at(object, {})) {
        CAPTURE(std::string(name));
        CHECK((needed.contains(name) || possible.contains(name)));
        left.erase(name);
    }
    CHECK(left.empty());
}

// What every log of ours has to hold to, whatever was found.
void check_form(const Json& log) {
    static const std::set<std::string, std::less<>> levels{"error", "warning", "note"};
    check_fields(log, {"$schema", "version", "runs"});
    CHECK(text_at(log, {"version"}) == "2.1.0");
    const auto& run = run_of(log);
    check_fields(run, {"tool", "results"});
    const auto& driver = *find(run, {"tool", "driver"});
    check_fields(driver, {"name", "version", "rules"});
    const auto& rules = array_at(driver, {"rules"});
    for (const auto& rule : rules) {
        check_fields(rule,
                     {"id", "shortDescription", "fullDescription", "help", "defaultConfiguration"},
                     {"helpUri"});
        CHECK_FALSE(text_at(rule, {"fullDescription", "text"}).empty());
        CHECK_FALSE(text_at(rule, {"id"}).empty());
        CHECK_FALSE(text_at(rule, {"shortDescription", "text"}).empty());
        CHECK_FALSE(text_at(rule, {"help", "text"}).empty());
        CHECK(levels.contains(text_at(rule, {"defaultConfiguration", "level"})));
    }
    for (const auto& result : array_at(run, {"results"})) {
        check_fields(
            result, {"ruleId", "ruleIndex", "level", "message", "locations"}, {"properties"});
        const auto index = integer_at(result, {"ruleIndex"}).value_or(-1);
        REQUIRE(index >= 0);
        REQUIRE(static_cast<std::size_t>(index) < rules.size());
        CHECK(text_at(rules[static_cast<std::size_t>(index)], {"id"}) ==
              text_at(result, {"ruleId"}));
        CHECK(levels.contains(text_at(result, {"level"})));
        CHECK_FALSE(text_at(result, {"message", "text"}).empty());
        REQUIRE(array_at(result, {"locations"}).size() == 1);
        const auto& location = array_at(result, {"locations"})[0];
        check_fields(location, {"logicalLocations"}, {"physicalLocation"});
        REQUIRE(array_at(location, {"logicalLocations"}).size() == 1);
        const auto& logical = array_at(location, {"logicalLocations"})[0];
        check_fields(logical, {"fullyQualifiedName", "kind"}, {"name"});
        if (const auto* physical = find(location, {"physicalLocation"})) {
            check_fields(*physical, {"artifactLocation"}, {"region"});
            CHECK_FALSE(text_at(*physical, {"artifactLocation", "uri"}).empty());
            if (const auto* region = find(*physical, {"region"})) {
                check_fields(*region, {"startLine"});
                CHECK(integer_at(*region, {"startLine"}).value_or(0) > 0);
            }
        }
    }
}

}  // namespace

TEST_CASE("a finding in SARIF has its rule, level, message, object, field, file and line") {
    const auto log = lint_sarif({{.level = Level::error,
                                  .object = "Canary test/web",
                                  .field = "spec.service.port",
                                  .text = "is missing",
                                  .file = "deploy/a.yaml",
                                  .line = 7},
                                 {.level = Level::warning,
                                  .code = "SLU0005",
                                  .object = "Canary test/web",
                                  .field = "spec.analysis.metrics[0].interval",
                                  .text = "30s is less than four scrape intervals of 15s",
                                  .suggestion = "make the interval at least four scrape intervals",
                                  .file = "deploy/a.yaml"},
                                 {.level = Level::info,
                                  .code = "IST0102",
                                  .object = "Namespace test",
                                  .text = "The namespace is not enabled for Istio injection.",
                                  .suggestion = "label the namespace as the message says"}});
    check_form(log);
    // The rules' places, which are looked at there, change with every new one.
    auto results = results_of(log);
    for (auto& result : results) result.as_object().erase("ruleIndex");
    CHECK(Json(results) == boost::json::parse(R"([
        {"ruleId": "Canary", "level": "error", "message": {"text": "is missing"},
         "locations": [{
           "logicalLocations": [{"name": "spec.service.port", "fullyQualifiedName": "Canary test/web spec.service.port", "kind": "property"}],
           "physicalLocation": {"artifactLocation": {"uri": "deploy/a.yaml"}, "region": {"startLine": 7}}}]},
        {"ruleId": "SLU0005", "level": "warning", "message": {"text": "30s is less than four scrape intervals of 15s"},
         "locations": [{
           "logicalLocations": [{"name": "spec.analysis.metrics[0].interval", "fullyQualifiedName": "Canary test/web spec.analysis.metrics[0].interval", "kind": "property"}],
           "physicalLocation": {"artifactLocation": {"uri": "deploy/a.yaml"}}}],
         "properties": {"suggestion": "make the interval at least four scrape intervals"}},
        {"ruleId": "IST0102", "level": "note", "message": {"text": "The namespace is not enabled for Istio injection."},
         "locations": [{"logicalLocations": [{"fullyQualifiedName": "Namespace test", "kind": "object"}]}],
         "properties": {"suggestion": "label the namespace as the message says"}}])"));
}

TEST_CASE("the SARIF log names its tool, and has a rule for each code and one for the rest") {
    const auto log = lint_sarif({});
    check_form(log);
    CHECK(find(run_of(log), {"results"})->as_array().empty());
    const auto& driver = *find(run_of(log), {"tool", "driver"});
    CHECK(text_at(driver, {"name"}) == "sluice");
    CHECK(text_at(driver, {"version"}) == SLUICE_VERSION);
    const auto& rules = array_at(driver, {"rules"});
    const auto all = release::rules();
    REQUIRE(rules.size() == all.size() + 1);
    for (std::size_t i = 0; i < all.size(); ++i) CHECK(text_at(rules[i], {"id"}) == all[i].code);
    CHECK(rules[2] == boost::json::parse(R"(
        {"id": "IST0102", "shortDescription": {"text": "A namespace that is not part of the mesh"},
         "fullDescription": {"text": "A namespace that is not part of the mesh"},
         "help": {"text": "label the namespace as the message says"}, "defaultConfiguration": {"level": "note"},
         "helpUri": "https://istio.io/latest/docs/reference/config/analysis/ist0102/"})"));
    CHECK(rules[rules.size() - 1] == boost::json::parse(R"(
        {"id": "Canary", "shortDescription": {"text": "A mistake of a Canary that its CRD's schema lets pass"},
         "fullDescription": {"text": "A mistake of a Canary that its CRD's schema lets pass"},
         "help": {"text": "correct the field as the message says"}, "defaultConfiguration": {"level": "error"}})"));
}

TEST_CASE("a file's name in SARIF is the one that was given, as a URI") {
    CHECK(uri_of("../deploy/web.yaml") == "../deploy/web.yaml");
    // A relative reference that begins with a slash could not be put below a base.
    CHECK(uri_of("/srv/web.yaml") == "file:///srv/web.yaml");
    CHECK(uri_of("//srv//web.yaml") == "file:///srv/web.yaml");
    CHECK(uri_of("a b/100%.yaml") == "a%20b/100%25.yaml");
    CHECK(uri_of("c:web.yaml") == "c%3Aweb.yaml");
    // Standard input is no file.
    CHECK(uri_of("-").empty());
}

TEST_CASE("whatever lint finds has a form that SARIF knows") {
    release::Around around;
    around.objects = *kube::parse_yaml_documents(R"(
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: web, namespace: test}
spec:
  provider: istio
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  service: {timeout: 1s, gateways: [edge/public], retries: {attempts: 2, perTryTimeout: 400ms, retryOn: "5xx, reset"}}
  analysis: {maxWeight: 150, stepWeight: 10, metrics: [{name: request-success-rate, interval: 30s}, {name: own}]}
---
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: web, namespace: test, annotations: {sidecar.istio.io/injcet: a}}
spec: {hosts: [web], http: [{route: [{destination: {host: web}}]}, {match: [{uri: {prefix: /a}}], corsPolicy: {allowOrigin: [a]}}]}
)");
    const release::Linter linter(around);
    std::vector<Finding> findings;
    for (const auto& object : around.objects) {
        for (auto& finding : linter.look(object)) findings.push_back(std::move(finding));
    }
    CHECK(findings.size() > 12);
    const auto log = lint_sarif(findings);
    CHECK(results_of(log).size() == findings.size());
    check_form(log);
}
