#include "api/texts.hpp"

#include "base/core/duration.hpp"
#include "base/core/text.hpp"

#include <fmt/format.h>

namespace sluice::api::texts {

std::string suspended() {
    return "skipping canary run as object is suspended";
}
std::string providers_available() {
    return "all the metrics providers are available!";
}
std::string providers_unavailable(std::string_view why) {
    return fmt::format("Error checking metric providers: {}", why);
}
std::string any_value_passes(std::string_view metric) {
    return fmt::format("Metric {} has no thresholdRange: any value passes", metric);
}
std::string any_value_fails(std::string_view metric) {
    return fmt::format("Metric {} has no thresholdRange: any value above 0 fails", metric);
}
std::string initialization_done(std::string_view canary) {
    return fmt::format("Initialization done! {}", canary);
}
std::string new_revision(std::string_view target) {
    return fmt::format("New revision detected! Scaling up {}", target);
}
std::string restarting(std::string_view target) {
    return fmt::format("New revision detected! Restarting analysis for {}", target);
}
std::string starting_analysis(std::string_view target) {
    return fmt::format("Starting canary analysis for {}", target);
}
std::string pre_rollout_passed(std::string_view hook) {
    return fmt::format("Pre-rollout check {} passed", hook);
}
std::string pre_rollout_failed(std::string_view canary,
                               std::string_view hook,
                               std::string_view why) {
    return fmt::format("Halt {} advancement pre-rollout check {} failed {}", canary, hook, why);
}
std::string external_check_failed(std::string_view canary,
                                  std::string_view hook,
                                  std::string_view why) {
    return fmt::format("Halt {} advancement external check {} failed {}", canary, hook, why);
}
std::string advance(std::string_view canary, int weight) {
    return fmt::format("Advance {} canary weight {}", canary, weight);
}
std::string advance_primary(std::string_view canary, int weight) {
    return fmt::format("Advance {} primary weight {}", canary, weight);
}
std::string copying(std::string_view target, std::string_view primary) {
    return fmt::format("Copying {} template spec to {}", target, primary);
}
std::string routing_to_primary() {
    return "Routing all traffic to primary";
}
std::string promotion_completed(std::string_view target) {
    return fmt::format("Promotion completed! Scaling down {}", target);
}
std::string promotion_unanalysed(std::string_view target) {
    return fmt::format("Promotion completed! Canary analysis was skipped for {}", target);
}
std::string rolling_back(std::string_view canary, int failed_checks) {
    return fmt::format("Rolling back {} failed checks threshold reached {}", canary, failed_checks);
}
std::string rolling_back_deadline(std::string_view canary, std::string_view why) {
    return fmt::format("Rolling back {} progress deadline exceeded {}", canary, why);
}
std::string canary_failed(std::string_view canary) {
    return fmt::format("Canary failed! Scaling down {}", canary);
}
std::string promotion_failed(std::string_view target, std::string_view why) {
    return fmt::format("Promotion of {} failed, primary not ready: {}", target, why);
}

std::string primary_not_ready(std::string_view primary, std::string_view why) {
    return fmt::format("{} not ready: {}", primary, why);
}
std::string canary_not_ready(std::string_view target, std::string_view why) {
    return fmt::format("canary deployment {} not ready: {}", target, why);
}

std::string success_rate_below(std::string_view canary, double value, double limit) {
    return fmt::format(
        "Halt {} advancement success rate {:.2f}% < {}%", canary, value, go_number(limit));
}
std::string success_rate_above(std::string_view canary, double value, double limit) {
    return fmt::format(
        "Halt {} advancement success rate {:.2f}% > {}%", canary, value, go_number(limit));
}
std::string duration_below(std::string_view canary, Duration value, Duration limit) {
    return fmt::format(
        "Halt {} advancement request duration {} < {}", canary, go_text(value), go_text(limit));
}
std::string duration_above(std::string_view canary, Duration value, Duration limit) {
    return fmt::format(
        "Halt {} advancement request duration {} > {}", canary, go_text(value), go_text(limit));
}
std::string metric_below(std::string_view canary,
                         std::string_view metric,
                         double value,
                         double limit) {
    return fmt::format(
        "Halt {} advancement {} {:.2f} < {}", canary, metric, value, go_number(limit));
}
std::string metric_above(std::string_view canary,
                         std::string_view metric,
                         double value,
                         double limit) {
    return fmt::format(
        "Halt {} advancement {} {:.2f} > {}", canary, metric, value, go_number(limit));
}
std::string no_success_rate(std::string_view provider,
                            std::string_view metric,
                            std::string_view target,
                            std::string_view why) {
    return fmt::format("{}: {}", no_duration(provider, metric, target), why);
}
std::string no_duration(std::string_view provider,
                        std::string_view metric,
                        std::string_view target) {
    return fmt::format(
        "Halt advancement no values found for {} metric {} probably {} is not receiving traffic",
        provider,
        metric,
        target);
}
std::string no_values(std::string_view metric) {
    return fmt::format("Halt advancement no values found for metric: {}", metric);
}
std::string query_failed(std::string_view why) {
    return fmt::format("Prometheus query failed: {}", why);
}
std::string inline_query_failed(std::string_view metric, std::string_view why) {
    return fmt::format("Prometheus query failed for {}: {}", metric, why);
}
std::string no_usable_query() {
    return "Metric query failed for no usable metrics template and query were configured";
}

std::string no_custom_values(std::string_view metric, std::string_view why) {
    return fmt::format("Halt advancement no values found for custom metric: {}: {}", metric, why);
}

std::string advance_iteration(std::string_view canary, int iteration, int iterations) {
    return fmt::format("Advance {} canary iteration {}/{}", canary, iteration, iterations);
}

std::string confirm_rollout_passed(std::string_view hook) {
    return fmt::format("Confirm-rollout check {} passed", hook);
}

std::string waiting_for_approval(std::string_view canary, std::string_view hook) {
    return fmt::format("Halt {} advancement waiting for approval {}", canary, hook);
}

std::string confirm_traffic_increase_passed(std::string_view hook) {
    return fmt::format("Confirm-traffic-increase check {} passed", hook);
}

std::string waiting_for_traffic_increase(std::string_view canary, std::string_view hook) {
    return fmt::format(
        "Halt {} advancement waiting for traffic increase approval {}", canary, hook);
}

std::string confirm_promotion_passed(std::string_view hook) {
    return fmt::format("Confirm-promotion check {} passed", hook);
}

std::string waiting_for_promotion(std::string_view canary, std::string_view hook) {
    return fmt::format("Halt {} advancement waiting for promotion approval {}", canary, hook);
}

std::string rollback_check_passed(std::string_view hook) {
    return fmt::format("Rollback check {} passed", hook);
}

std::string no_rollback_signal(std::string_view hook) {
    return fmt::format("Rollback hook {} not signaling a rollback", hook);
}

std::string rolling_back_by_hook(std::string_view canary) {
    return fmt::format("Rolling back {} manual webhook invoked", canary);
}

std::string post_rollout_passed(std::string_view hook) {
    return fmt::format("Post-rollout check {} passed", hook);
}

std::string post_rollout_failed(std::string_view hook, std::string_view why) {
    return fmt::format("Post-rollout hook {} failed {}", hook, why);
}

std::string routing_to_canary() {
    return "Routing all traffic to canary";
}

std::string mirroring_stops() {
    return "Stop traffic mirroring and route all traffic to canary";
}

std::string terminating(std::string_view canary) {
    return fmt::format("Terminating canary {}", canary);
}

std::string terminated(std::string_view canary) {
    return fmt::format("Terminated canary {}", canary);
}

}  // namespace sluice::api::texts
