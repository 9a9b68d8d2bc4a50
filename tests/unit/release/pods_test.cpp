// Which pods a release waits for, in the words of one line.
#include "release/pods.hpp"

#include "release/seen.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::release;

namespace {

Json parsed(std::string_view text) {
    return boost::json::parse(std::string(text));
}

api::Canary a_canary(std::string_view status) {
    Json object = parsed(R"({"apiVersion": "flagger.app/v1beta1", "kind": "Canary",
        "metadata": {"namespace": "test", "name": "web"}, "spec": {
          "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
          "service": {"port": 80},
          "analysis": {"interval": "30s", "threshold": 3, "maxWeight": 80, "stepWeight": 20}}})");
    put(object, {"status"}, parsed(status));
    return seen_of(std::move(object)).canary;
}

}  // namespace

TEST_CASE("a release waits for the pods of the workload that its outlook names, or for none") {
    const auto awaited = [](std::string_view status) {
        const auto canary = a_canary(status);
        const auto name = awaited_workload(canary);
        if (name) CHECK(canary::outlook_of(canary).waits_for.find(*name) != std::string::npos);
        return name.value_or("");
    };
    CHECK(awaited(R"({"phase": "Initializing"})") == "web-primary");
    CHECK(awaited(R"({"phase": "Progressing", "lastAppliedSpec": "v2:ab"})") == "");
    CHECK(awaited(R"({"phase": "Promoting", "lastAppliedSpec": "v2:ab"})") == "web-primary");
    CHECK(awaited(R"({"phase": "Succeeded"})") == "");
    CHECK(awaited(R"({"phase": "Failed"})") == "");
    auto canary = a_canary(R"({"phase": "Progressing", "lastAppliedSpec": "v2:ab"})");
    canary.status.unready_since = parse_rfc3339("2026-01-01T00:00:00Z");
    CHECK(awaited_workload(canary) == "web");
    canary.suspended = true;
    CHECK(!awaited_workload(canary));
    canary.suspended = false;
    canary.status.unready_since.reset();
    canary.status.primary_unready_since = parse_rfc3339("2026-01-01T00:00:00Z");
    CHECK(awaited_workload(canary) == "web-primary");
}

TEST_CASE("a reason stands with the pods, before what goes on all the same") {
    CHECK(with_reason("the pods of web to be ready", "") == "the pods of web to be ready");
    CHECK(with_reason("the pods of web to be ready", "x (1 pod)") ==
          "the pods of web to be ready: x (1 pod)");
    CHECK(with_reason("the pods of web-primary to be ready; the checks go on", "x (1 pod)") ==
          "the pods of web-primary to be ready: x (1 pod); the checks go on");
}
