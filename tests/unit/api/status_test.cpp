#include "api/canary.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::api;
using namespace std::chrono_literals;

namespace {

const Time noon = *parse_rfc3339("2026-01-25T12:00:00Z");

}  // namespace

TEST_CASE("a status is written over what stood there, and read back the same") {
    Status status;
    status.phase = Phase::progressing;
    status.canary_weight = 20;
    status.failed_checks = 1;
    status.last_applied_spec = "v2:ab";
    status.last_promoted_spec = "v2:cd";
    status.tracked_configs.emplace();
    status.last_transition_time = noon;
    status.observed_generation = 4;
    status.rollback = Rollback{"failed-checks", "Rolling back"};
    status.routed_at = noon + 1500ms;
    status.analysed = Analysed{"v2:ab", "uid", 9};
    status.unready_since = noon;
    status.cookie = "bound=aBcDeFgHiJ";
    set_condition(status, "Deployment", noon);

    const auto before =
        parse_json(R"({"somethingElse": 5, "sessionAffinityCookie": "a=b"})").value();
    const auto written = to_json(status, before);
    CHECK(integer_at(written, {"somethingElse"}) == 5);
    CHECK(text_at(written, {"sessionAffinityCookie"}) == "bound=aBcDeFgHiJ");
    CHECK(text_at(written, {"lastTransitionTime"}) == "2026-01-25T12:00:00Z");
    CHECK(find(written, {"trackedConfigs"})->is_object());
    CHECK(parse_status(written) == status);

    status.rollback.reset();
    status.routed_at.reset();
    status.unready_since.reset();
    const auto later = to_json(status, written);
    CHECK(find(later, {"rollback"}) == nullptr);
    CHECK(find(later, {"routedAt"}) == nullptr);
    CHECK(find(later, {"unreadySince"}) == nullptr);
}

TEST_CASE("the Promoted condition moves its times as the peer does") {
    Status status;
    status.phase = Phase::progressing;
    set_condition(status, "Deployment", noon);
    const auto& conditions = status.conditions.get_array();
    REQUIRE(conditions.size() == 1);
    CHECK(text_at(conditions[0], {"status"}) == "Unknown");
    CHECK(text_at(conditions[0], {"reason"}) == "Progressing");

    // Another reason, the same status: only lastUpdateTime moves.
    status.phase = Phase::promoting;
    set_condition(status, "Deployment", noon + 60s);
    CHECK(text_at(conditions[0], {"lastUpdateTime"}) == "2026-01-25T12:01:00Z");
    CHECK(text_at(conditions[0], {"lastTransitionTime"}) == "2026-01-25T12:00:00Z");

    // The same reason: nothing moves.
    set_condition(status, "Deployment", noon + 90s);
    CHECK(text_at(conditions[0], {"lastUpdateTime"}) == "2026-01-25T12:01:00Z");

    status.phase = Phase::failed;
    set_condition(status, "Deployment", noon + 120s);
    CHECK(text_at(conditions[0], {"status"}) == "False");
    CHECK(text_at(conditions[0], {"message"}) ==
          "Canary analysis failed, Deployment scaled to zero.");
    CHECK(text_at(conditions[0], {"lastTransitionTime"}) == "2026-01-25T12:02:00Z");
}

TEST_CASE("any status can be read") {
    for (const auto* text :
         {"null",
          "5",
          "[]",
          R"({"phase": 5})",
          R"({"conditions": "x", "trackedConfigs": []})",
          R"({"canaryWeight": 1e300, "failedChecks": -5, "lastTransitionTime": "yesterday"})",
          R"({"rollback": [], "analysed": {"hash": 1}})"}) {
        CAPTURE(text);
        const auto status = parse_status(parse_json(text).value());
        CHECK(status.canary_weight >= 0);
        CHECK(status.failed_checks >= 0);
    }
    const auto canary =
        parse_canary(parse_json(R"({"spec": {}, "status": {"phase": "Dancing"}})").value(), {});
    CHECK(canary.invalid);
}
