// What `plan` shows of each strategy, and the completions.
#include "cli/plan.hpp"

#include "cli/completion.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::cli;

namespace {

std::string plan_of(const std::string& analysis, const std::string& rest = "") {
    const auto yaml =
        "kind: Canary\nmetadata: {name: web, namespace: test}\nspec:\n"
        "  provider: istio\n"
        "  targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}\n"
        "  service: {port: 80}\n" +
        rest + "  analysis:\n    interval: 1m\n    threshold: 2\n" + analysis;
    const auto canaries = canaries_in(yaml, "default");
    REQUIRE(canaries);
    REQUIRE(canaries->size() == 1);
    std::string text;
    for (const auto& line : plan_lines(seen_of((*canaries)[0]))) text += line + "\n";
    return text;
}

}  // namespace

TEST_CASE("the plan of a canary by weight gives each step its time, its traffic and its gates") {
    CHECK(plan_of("    maxWeight: 50\n    stepWeights: [10, 50]\n    stepWeightPromotion: 50\n"
                  "    metrics: [{name: request-success-rate, interval: 1m, threshold: 99}]\n"
                  "    webhooks:\n"
                  "      - {name: begin, type: confirm-rollout, url: 'http://t/'}\n"
                  "      - {name: ship, type: confirm-promotion, url: 'http://t/'}\n",
                  "  autoscalerRef: {apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, "
                  "name: web}\n") ==
          R"(Canary web.test: canary of Deployment web by provider istio
Makes: Deployment web-primary, Service web, Service web-primary, Service web-canary, HorizontalPodAutoscaler web-primary, DestinationRule web-canary, DestinationRule web-primary, VirtualService web

EARLIEST   CANARY   PRIMARY   STEP                                           BEHIND
+0s        10%      90%       weight 10                                      confirm-rollout begin
+60s       50%      50%       weight 50
+2m        50%      50%       promotion: the primary gets the new revision   confirm-promotion ship
+2m        0%       100%      all traffic to the primary
+2m10s     0%       100%      Succeeded: web is scaled to zero

Times are from when the canary's pods are ready, and at the earliest.
Every 60s: request-success-rate over 1m.
Rolled back after 2 failed checks.
)");
}

TEST_CASE("the plan of an A/B test sends those who match") {
    CHECK(plan_of("    iterations: 2\n    match: [{headers: {x: {exact: y}}}]\n") ==
          R"(Canary web.test: ab-testing of Deployment web by provider istio
Makes: Deployment web-primary, Service web, Service web-primary, Service web-canary, DestinationRule web-canary, DestinationRule web-primary, VirtualService web

EARLIEST   CANARY      PRIMARY      STEP                                           BEHIND
+0s        who match   the others   iteration 1 of 2
+60s       who match   the others   iteration 2 of 2
+2m        who match   the others   promotion: the primary gets the new revision
+2m        0%          100%         all traffic to the primary
+2m10s     0%          100%         Succeeded: web is scaled to zero

Times are from when the canary's pods are ready, and at the earliest.
No check is made: it advances every 60s.
)");
}

TEST_CASE("a plan that never advances says so") {
    CHECK(plan_of("").ends_with(
        "The plan never advances: neither weights nor iterations are given.\n"));
}

TEST_CASE("completions offer the commands, their options and values, and the Canaries") {
    const std::vector<CompletedCommand> commands{
        {.name = "list",
         .description = "Show Canaries, what's worst first",
         .words = {},
         .options = {{.names = {"-o", "--output"},
                      .description = "How",
                      .takes_value = true,
                      .values = {"json", "yaml"}}}},
        {.name = "promote",
         .description = "Promote it",
         .takes_canary = true,
         .words = {},
         .options = {{.names = {"-n", "--namespace"},
                      .description = "Namespace",
                      .takes_value = true,
                      .values = {}}}}};
    const auto has = [](const std::string& text, std::string_view part) {
        return text.find(part) != std::string::npos;
    };
    const auto bash = bash_completion(commands);
    CHECK(has(bash, R"(compgen -W "list promote")"));
    CHECK(has(bash, R"("list -o" | "list --output") words='json yaml' ;;)"));
    CHECK(has(bash, R"("promote -n" | "promote --namespace") return ;;)"));
    CHECK(has(bash, R"sh(words="$(_sluice_canaries)")sh"));
    const auto zsh = zsh_completion(commands);
    CHECK(has(zsh, R"('list:Show Canaries, what'\''s worst first')"));
    CHECK(has(zsh, R"("list -o" | "list --output") compadd -- json yaml; return ;;)"));
    const auto fish = fish_completion(commands);
    CHECK(
        has(fish,
            "-n '__fish_seen_subcommand_from list' -s o -l output -r -f -a 'json yaml' -d 'How'"));
    CHECK(has(fish, "-n '__fish_seen_subcommand_from promote' -f -a '(__sluice_canaries)'"));
}
