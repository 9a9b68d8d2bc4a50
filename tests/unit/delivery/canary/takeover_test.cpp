// A Canary that the peer has run is taken over without a rollout (DB-1).
#include "api/texts.hpp"
#include "delivery/canary/revision.hpp"
#include "model.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::model;
using namespace std::chrono_literals;
using Messages = std::vector<std::string>;

namespace {

// As the peer leaves it: its own hashes, a random flagger-id, no kept template, no fields of ours.
void leave_to_the_peer(Cluster& cluster, std::string_view phase) {
    put(*cluster.primary,
        {"spec", "template", "metadata", "annotations", "flagger-id"},
        "8a5e1cf1-6d40-4bd9-a1b4-0c2d7c7e1f00");
    cluster.revisions.clear();
    cluster.remembered = {};
    JsonObject status{{"phase", phase},
                      {"canaryWeight", 0},
                      {"failedChecks", 0},
                      {"iterations", 0},
                      {"lastAppliedSpec", "9bc949574"},
                      {"lastPromotedSpec", "9bc949574"},
                      {"trackedConfigs", JsonObject{}},
                      {"lastTransitionTime", "2026-01-25T09:00:00Z"},
                      {"conditions", *find(cluster.canary, {"status", "conditions"})}};
    put(cluster.canary, {"status"}, std::move(status));
    cluster.messages.clear();
    cluster.log.clear();
}

Cluster left_by_the_peer(std::string_view phase) {
    Cluster cluster;
    cluster.run(30s);
    REQUIRE(cluster.phase() == "Initialized");
    leave_to_the_peer(cluster, phase);
    return cluster;
}

}  // namespace

TEST_CASE("a settled Canary of the peer is re-baselined in silence") {
    for (const auto* phase : {"Initialized", "Succeeded", "Failed"}) {
        CAPTURE(phase);
        auto cluster = left_by_the_peer(phase);
        cluster.run(2min);
        CHECK(cluster.messages == Messages{});
        CHECK(integer_at(*cluster.target, {"spec", "replicas"}) == 0);
        CHECK(text_at(cluster.status(), {"lastAppliedSpec"}).starts_with("v2:"));
        CHECK(cluster.revisions.size() == 1);
        // And a new revision is one.
        cluster.set_image("podinfo:2");
        cluster.run(6min);
        CHECK(cluster.phase() == "Succeeded");
        CHECK(cluster.image_of(*cluster.primary) == "podinfo:2");
        CHECK(cluster.complaints == Messages{});
    }
}

TEST_CASE("a template that the primary does not run is a new revision") {
    auto cluster = left_by_the_peer("Succeeded");
    cluster.set_image("podinfo:2");
    cluster.run(6min);
    CHECK(cluster.phase() == "Succeeded");
    CHECK(cluster.image_of(*cluster.primary) == "podinfo:2");
    CHECK(cluster.messages.front() == "New revision detected! Scaling up podinfo.test");
}

TEST_CASE("a failed revision of the peer is not tried again, and one that was written since is") {
    const auto take_over = [](std::string_view written) {
        auto cluster = left_by_the_peer("Failed");
        put(cluster.canary,
            {"status", "conditions"},
            *parse_json(R"([{"type": "Promoted", "status": "False", "reason": "Failed",
                            "lastTransitionTime": "2026-01-25T09:00:00Z"}])"));
        cluster.set_image("podinfo:2");
        if (!written.empty()) {
            put(*cluster.target, {"status", template_written_field}, Json(written));
        }
        cluster.run(2min);
        CHECK(cluster.complaints == Messages{});
        return cluster.messages;
    };
    CHECK(take_over("") == Messages{});
    CHECK(take_over("2026-01-25T08:59:00Z") == Messages{});
    CHECK(take_over("2026-01-25T09:00:00Z") == Messages{});
    CHECK(take_over("not a time") == Messages{});
    REQUIRE(!take_over("2026-01-25T09:00:01Z").empty());
    CHECK(take_over("2026-01-25T09:00:01Z").front() ==
          "New revision detected! Scaling up podinfo.test");
}

TEST_CASE("a promotion of the peer is finished, and no rollout follows") {
    for (const auto* phase : {"Promoting", "Finalising"}) {
        CAPTURE(phase);
        Cluster cluster;
        cluster.run(30s);
        cluster.set_image("podinfo:2");
        while (cluster.phase() != "Finalising") cluster.run(1s);
        const bool routed = std::string_view(phase) == "Finalising";
        cluster.routes = routed ? Weights{} : Weights{50, 50};
        leave_to_the_peer(cluster, phase);
        cluster.run(5min);
        CHECK(cluster.phase() == "Succeeded");
        CHECK(cluster.image_of(*cluster.primary) == "podinfo:2");
        CHECK(cluster.messages.back() == "Promotion completed! Scaling down podinfo.test");
        CHECK(cluster.messages.size() == (routed ? 1 : 2));
        CHECK(cluster.complaints == Messages{});
    }
}

TEST_CASE("an analysis of the peer is begun once more") {
    auto cluster = left_by_the_peer("Progressing");
    cluster.set_image("podinfo:2");
    put(*cluster.target, {"spec", "replicas"}, 1);
    cluster.routes = Weights{70, 30};
    put(cluster.canary, {"status", "canaryWeight"}, 30);
    cluster.run(6min);
    CHECK(cluster.messages.front() ==
          "New revision detected! Restarting analysis for podinfo.test");
    CHECK(cluster.phase() == "Succeeded");
    CHECK(cluster.image_of(*cluster.primary) == "podinfo:2");
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE(
    "selectors by the label's value are rewritten, too, and a peer's that are not mean the same") {
    const auto target = parse_json(R"({"metadata": {"labels": {"app": "shop"}}, "spec": {
          "topologySpreadConstraints": [{"labelSelector": {"matchLabels": {"app": "shop"}}}]}})")
                            .value();
    const Rewriting rewriting{"app", "shop", "web", {"app", "name"}};
    auto primary = primary_template(target, rewriting, "v2:1");
    CHECK(to_text(primary).find(R"("matchLabels":{"app":"shop-primary"})") != std::string::npos);
    CHECK(revision_of(undone_template(primary, rewriting)) == revision_of(target));
    // As the peer leaves it, of a DaemonSet always (DB-43).
    put(primary,
        {"spec", "topologySpreadConstraints"},
        *find(target, {"spec", "topologySpreadConstraints"}));
    CHECK(same_meaning(primary, target, rewriting));
}

TEST_CASE("the primary's template means what the target's does, whatever its id") {
    const auto target =
        parse_json(
            R"({"metadata": {"labels": {"app": "web", "tier": "x"}, "creationTimestamp": null},
        "spec": {"containers": [{"name": "c", "image": "i"}],
          "topologySpreadConstraints": [{"labelSelector": {"matchLabels": {"app": "web"}}}],
          "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"labelSelector":
            {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "other"]}]}}]}}}})")
            .value();
    const Rewriting rewriting{"app", "web", "web", {"app", "name"}};
    auto primary = primary_template(target, rewriting, "v2:1");
    CHECK(text_at(primary, {"metadata", "labels", "app"}) == "web-primary");
    CHECK(text_at(primary, {"metadata", "labels", "tier"}) == "x");
    const auto text = to_text(primary);
    CHECK(text.find(R"("matchLabels":{"app":"web-primary"})") != std::string::npos);
    CHECK(text.find(R"("values":["web-primary","other"])") != std::string::npos);
    CHECK(same_meaning(primary, target, rewriting));
    CHECK(revision_of(undone_template(primary, rewriting)) == revision_of(target));
    put(primary, {"metadata", "annotations", "flagger-id"}, "another");
    CHECK(same_meaning(primary, target, rewriting));
    put(primary, {"spec", "nodeSelector"}, JsonObject{{"a", "b"}});
    CHECK(!same_meaning(primary, target, rewriting));
}

TEST_CASE("a check without bounds that the peer has left is told when it is taken over") {
    auto cluster = left_by_the_peer("Succeeded");
    cluster.edit_canary([](Json& spec) {
        put(spec, {"analysis", "metrics"}, JsonArray{JsonObject{{"name", "request-success-rate"}}});
    });
    cluster.run(2min);
    CHECK(cluster.messages == Messages{api::texts::any_value_passes("request-success-rate")});
}
