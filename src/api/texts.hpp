// The peer's messages to the letter (canary.md 3.3): events, log lines and alerts. NAME.NS is
// passed in joined.
#pragma once

#include "base/core/time.hpp"

#include <string>
#include <string_view>

namespace sluice::api::texts {

std::string suspended();
std::string providers_available();
std::string providers_unavailable(std::string_view why);
std::string any_value_passes(std::string_view metric);
std::string any_value_fails(std::string_view metric);
std::string initialization_done(std::string_view canary);
std::string new_revision(std::string_view target);
std::string restarting(std::string_view target);
std::string confirm_rollout_passed(std::string_view hook);
std::string waiting_for_approval(std::string_view canary, std::string_view hook);
std::string confirm_traffic_increase_passed(std::string_view hook);
std::string waiting_for_traffic_increase(std::string_view canary, std::string_view hook);
std::string confirm_promotion_passed(std::string_view hook);
std::string waiting_for_promotion(std::string_view canary, std::string_view hook);
std::string rollback_check_passed(std::string_view hook);
std::string no_rollback_signal(std::string_view hook);
std::string rolling_back_by_hook(std::string_view canary);
std::string post_rollout_passed(std::string_view hook);
std::string post_rollout_failed(std::string_view hook, std::string_view why);
std::string starting_analysis(std::string_view target);
std::string pre_rollout_passed(std::string_view hook);
std::string pre_rollout_failed(std::string_view canary,
                               std::string_view hook,
                               std::string_view why);
std::string external_check_failed(std::string_view canary,
                                  std::string_view hook,
                                  std::string_view why);
std::string advance(std::string_view canary, int weight);
std::string advance_iteration(std::string_view canary, int iteration, int iterations);
std::string advance_primary(std::string_view canary, int weight);
std::string copying(std::string_view target, std::string_view primary);
std::string routing_to_primary();
std::string routing_to_canary();
std::string mirroring_stops();
std::string terminating(std::string_view canary);
std::string terminated(std::string_view canary);
std::string promotion_completed(std::string_view target);
std::string promotion_unanalysed(std::string_view target);
std::string rolling_back(std::string_view canary, int failed_checks);
std::string rolling_back_deadline(std::string_view canary, std::string_view why);
std::string canary_failed(std::string_view canary);
std::string promotion_failed(std::string_view target, std::string_view why);

std::string primary_not_ready(std::string_view primary, std::string_view why);
std::string canary_not_ready(std::string_view target, std::string_view why);

// Built-in and inline checks (routing-metrics-hooks.md 2.6).
std::string success_rate_below(std::string_view canary, double value, double limit);
std::string success_rate_above(std::string_view canary, double value, double limit);
std::string duration_below(std::string_view canary, Duration value, Duration limit);
std::string duration_above(std::string_view canary, Duration value, Duration limit);
std::string metric_below(std::string_view canary,
                         std::string_view metric,
                         double value,
                         double limit);
std::string metric_above(std::string_view canary,
                         std::string_view metric,
                         double value,
                         double limit);
std::string no_success_rate(std::string_view provider,
                            std::string_view metric,
                            std::string_view target,
                            std::string_view why);
std::string no_duration(std::string_view provider,
                        std::string_view metric,
                        std::string_view target);
std::string no_values(std::string_view metric);
std::string no_custom_values(std::string_view metric, std::string_view why);
std::string query_failed(std::string_view why);
std::string inline_query_failed(std::string_view metric, std::string_view why);
std::string no_usable_query();

}  // namespace sluice::api::texts
