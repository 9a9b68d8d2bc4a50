// Whatever lint finds says what to do about it.
#include "release/rules.hpp"

#include "release/lint.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>

using namespace sluice;
using namespace sluice::release;

namespace {

namespace fs = std::filesystem;

const fs::path root(SLUICE_SOURCE_DIR);

std::string text_of(const fs::path& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::set<std::string> codes_in(const std::string& text, const std::regex& form) {
    std::set<std::string> found;
    for (std::sregex_iterator at(text.begin(), text.end(), form), end; at != end; ++at) {
        found.insert((*at)[1]);
    }
    return found;
}

// What the looks of lint can find.
std::set<std::string> codes_found() {
    const std::regex written(R"re("([A-Z]{3}[0-9]{4})")re");
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(root / "src/release")) {
        const auto name = entry.path().filename().string();
        if (!name.starts_with("lint") || !name.ends_with(".cpp")) continue;
        found.merge(codes_in(text_of(entry.path()), written));
    }
    return found;
}

// By message, of a Canary whose mesh tries again what failed.
std::map<std::string, std::string> ways_out_of_retries() {
    Around around;
    around.objects.push_back(boost::json::parse(R"({
        "apiVersion": "flagger.app/v1beta1", "kind": "Canary",
        "metadata": {"name": "web", "namespace": "test"},
        "spec": {
          "provider": "istio",
          "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
          "service": {"port": 80, "timeout": "1s", "retries": {"attempts": 2, "perTryTimeout": "400ms"}},
          "analysis": {"interval": "1m", "threshold": 5, "maxWeight": 50, "stepWeight": 10,
            "metrics": [
              {"name": "request-success-rate", "thresholdRange": {"min": 99}, "interval": "1m"},
              {"name": "request-duration", "thresholdRange": {"max": 500}, "interval": "1m"},
              {"name": "own", "thresholdRange": {"max": 1}, "interval": "1m", "query": "x{reporter=\"source\"}"}]}}})"));
    std::map<std::string, std::string> ways;
    for (const auto& finding : Linter(around).look(around.objects[0])) {
        ways[finding.text] = finding.suggestion;
    }
    return ways;
}

}  // namespace

TEST_CASE("every code that lint can find has a way out") {
    const auto found = codes_found();
    CHECK(found.size() > 40);
    for (const auto& code : found) {
        CAPTURE(code);
        const auto* rule = rule_of(code);
        REQUIRE(rule != nullptr);
        CHECK_FALSE(rule->way_out.empty());
        CHECK_FALSE(rule->what.empty());
    }
    // And no rule is kept that finds nothing.
    for (const auto& rule : rules())
        CHECK_MESSAGE(found.contains(std::string(rule.code)), rule.code);
}

TEST_CASE("every code that lint can find stands in the reference") {
    const auto told =
        codes_in(text_of(root / "docs/reference/cli.md"), std::regex("([A-Z]{3}[0-9]{4})"));
    for (const auto& rule : rules())
        CHECK_MESSAGE(told.contains(std::string(rule.code)), rule.code);
}

TEST_CASE("a way out is one line that a terminal shows beside its heading") {
    for (const auto& rule : rules()) {
        CAPTURE(rule.code);
        CHECK(rule.way_out.size() <= 90);
        CHECK(rule.way_out.find('\n') == std::string_view::npos);
        CHECK_FALSE(rule.way_out.ends_with("."));
    }
}

TEST_CASE("a rule with two ways out says at each finding which one it is") {
    const auto ways = ways_out_of_retries();
    CHECK(ways.at("the mesh tries again what failed: users see fewer failures than "
                  "request-success-rate counts") ==
          "set retries.attempts: 0 to judge what users see; or leave it: the check is stricter");
    CHECK(ways.at("the mesh tries again what failed, and metric own asks the callers: it does not "
                  "see what the retries hide") ==
          "ask reporter=\"destination\" in its query, or set retries.attempts: 0");
    CHECK(ways.at("400ms for each of 3 tries is more than the timeout, 1s") ==
          "raise spec.service.timeout to perTryTimeout × (attempts + 1), or try less often");
    CHECK(ways.at("400ms is shorter than the 500 ms that request-duration allows: a slow canary is "
                  "asked again before it counts as slow") ==
          "raise perTryTimeout above what the check allows");
    CHECK(ways.size() == 4);
}

TEST_CASE("a rule that takes all requests is told apart from those that get none") {
    Around around;
    around.objects.push_back(boost::json::parse(R"({
        "apiVersion": "networking.istio.io/v1beta1", "kind": "VirtualService",
        "metadata": {"name": "web", "namespace": "test"},
        "spec": {"hosts": ["web"], "http": [
          {"route": [{"destination": {"host": "web"}}]},
          {"match": [{"uri": {"prefix": "/a"}}], "route": [{"destination": {"host": "web"}}]}]}})"));
    const auto found = Linter(around).look(around.objects[0]);
    REQUIRE(found.size() == 2);
    CHECK(found[0].field == "spec.http[0]");
    CHECK(found[0].suggestion == "give the rule a match, or move it behind the others");
    CHECK(found[1].suggestion ==
          "remove the rule, or move it before the one that takes its requests");
}

TEST_CASE("a finding of another rule says its way out, and a Canary's own mistake is one already") {
    Around around;
    around.objects.push_back(boost::json::parse(R"({
        "apiVersion": "flagger.app/v1beta1", "kind": "Canary",
        "metadata": {"name": "web", "namespace": "test"},
        "spec": {
          "provider": "istio",
          "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
          "service": {"port": 80, "gateways": ["edge"]},
          "analysis": {"interval": "1m", "threshold": 5, "maxWeight": 150, "stepWeight": 10,
            "metrics": [
              {"name": "request-success-rate", "thresholdRange": {"min": 99}, "interval": "1m"}]}}})"));
    const auto found = Linter(around).look(around.objects[0]);
    REQUIRE(found.size() == 2);
    CHECK(found[0].text == "150 is more than 100");
    CHECK(found[0].suggestion.empty());
    CHECK(found[1].code == "SLU0012");
    CHECK(found[1].suggestion == rule_of("SLU0012")->way_out);
}

TEST_CASE("a code that nobody has is no rule's") {
    CHECK(rule_of("") == nullptr);
    CHECK(rule_of("SLU9999") == nullptr);
}
