// What is wrong with one Canary by itself.
#include "api/canary.hpp"
#include "base/core/text.hpp"
#include "istio/names.hpp"
#include "release/mesh_lint.hpp"
#include "release/seen.hpp"
#include "routing/table.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

namespace sluice::release {
namespace {

using api::MetricKind;

constexpr std::string_view analysis_field = "spec.analysis";

std::string analysis_path(std::string_view field) {
    return fmt::format("{}.{}", analysis_field, field);
}

bool has(const Json& object, JsonPath path) {
    const auto* value = find(object, path);
    return value != nullptr && !value->is_null();
}

void look_at_plan(Findings& findings, const CanarySeen& seen, const LintSettings& settings) {
    const auto& analysis = seen.canary.analysis;
    const auto& object = seen.object;
    const bool is_by_weight = api::strategy_of(analysis) == api::Strategy::canary;
    if (seen.canary.skip_analysis) {
        findings.warn("spec.skipAnalysis", "every revision is promoted without a check");
        return;
    }
    if (is_by_weight && api::plan_of(analysis).empty() && seen.around.can.weights) {
        findings.error(std::string(analysis_field),
                       "the weights never advance: give stepWeight, stepWeights or iterations");
    }
    if (!std::ranges::is_sorted(analysis.step_weights, std::less_equal<>{})) {
        findings.warn(analysis_path("stepWeights"), "the weights do not rise from step to step");
    }
    if (is_by_weight && analysis.max_weight && *analysis.max_weight > 0 &&
        analysis.step_weight > *analysis.max_weight) {
        findings.warn(analysis_path("stepWeight"),
                      fmt::format("the first step, {}, passes maxWeight, {}",
                                  analysis.step_weight,
                                  *analysis.max_weight));
    }
    if (!is_by_weight && (analysis.step_weight > 0 || !analysis.step_weights.empty())) {
        findings.warn(analysis_path("iterations"), "with iterations the step weights do nothing");
    }
    if (is_by_weight && analysis.matches) {
        findings.warn(analysis_path("match"), "without iterations the match does nothing");
    }
    if (analysis.matches && analysis.mirror) {
        findings.warn(analysis_path("mirror"), "with a match nothing is mirrored");
    }
    if (!has(object, {"spec", "analysis", "interval"})) {
        findings.warn(std::string(analysis_field), "no interval: one minute is taken");
    } else if (analysis.interval < settings.min_interval) {
        findings.warn(analysis_path("interval"),
                      fmt::format("{} is shorter than what a controller allows ({}, or its "
                                  "--min-interval)",
                                  go_text(analysis.interval),
                                  go_text(settings.min_interval)));
    }
    if (!has(object, {"spec", "analysis", "threshold"})) {
        findings.warn(std::string(analysis_field),
                      "no threshold: the first failed check rolls back");
    } else if (integer_at(object, {"spec", "analysis", "threshold"}).value_or(1) < 1) {
        findings.warn(analysis_path("threshold"), "less than 1: the first failed check rolls back");
    }
    const auto steps = canary::planned_steps(seen.canary, seen.around);
    // More failures than there are rounds never add up.
    const auto rounds = std::ranges::count_if(
        steps, [&](const canary::PlannedStep& step) { return step.after > Duration{}; });
    if (!steps.empty() && analysis.threshold > 10 * std::max<std::ptrdiff_t>(rounds, 1)) {
        findings.warn(
            analysis_path("threshold"),
            fmt::format("{} failed checks are waited for, at {} each: a bad revision stays for {}",
                        analysis.threshold,
                        go_text(analysis.interval),
                        go_text(analysis.interval * analysis.threshold)));
    }
}

bool is_bucket_bound(double milliseconds) {
    constexpr std::array bounds{0.5,
                                1.0,
                                5.0,
                                10.0,
                                25.0,
                                50.0,
                                100.0,
                                250.0,
                                500.0,
                                1000.0,
                                2500.0,
                                5000.0,
                                10000.0,
                                30000.0,
                                60000.0,
                                300000.0,
                                600000.0,
                                1800000.0,
                                3600000.0};
    return std::ranges::find(bounds, milliseconds) != bounds.end();
}

void look_at_duration(Findings& findings, const api::Metric& metric, const std::string& field) {
    const auto limit = metric.has_range ? metric.max : std::optional(metric.threshold);
    if (!limit || *limit == 0 || is_bucket_bound(*limit)) return;
    findings.warn(field,
                  fmt::format("{} ms is no bound of the histogram: the value is interpolated",
                              go_number(*limit)),
                  "SLU0003");
}

void look_at_metrics(Findings& findings, const CanarySeen& seen, const LintSettings& settings) {
    const auto& written = array_at(seen.object, {"spec", "analysis", "metrics"});
    std::set<std::string> names;
    for (std::size_t i = 0; i < written.size(); ++i) {
        const auto field = fmt::format("{}.metrics[{}]", analysis_field, i);
        const std::string name(text_at(written[i], {"name"}));
        if (!name.empty() && !names.insert(name).second) {
            findings.warn(field + ".name", fmt::format("{} stands here twice", name));
        }
        const bool has_range = has(written[i], {"thresholdRange"});
        if (!has_range && !has(written[i], {"threshold"})) {
            findings.warn(field,
                          name == "request-success-rate"
                              ? "no threshold: it never fails"
                              : "no threshold: it fails for any value above 0");
        } else if (has_range && !has(written[i], {"thresholdRange", "min"}) &&
                   !has(written[i], {"thresholdRange", "max"})) {
            findings.warn(field + ".thresholdRange", "neither min nor max: it never fails");
        }
        if (has_range && has(written[i], {"threshold"})) {
            findings.warn(field + ".threshold", "thresholdRange wins over it");
        }
        const auto low = number_at(written[i], {"thresholdRange", "min"});
        const auto high = number_at(written[i], {"thresholdRange", "max"});
        if (low && high && *low > *high) {
            findings.error(field + ".thresholdRange", "min is more than max: it always fails");
        }
        const std::string interval(text_at(written[i], {"interval"}, "1m"));
        const auto window = parse_duration(interval);
        if (window && *window < 4 * settings.scrape_interval) {
            findings.warn(field + ".interval",
                          fmt::format("{} is less than four scrape intervals of {}: rates have "
                                      "gaps",
                                      interval,
                                      go_text(settings.scrape_interval)),
                          "SLU0005");
        }
    }
    for (const auto& metric : seen.canary.analysis.metrics) {
        const auto found = std::ranges::find_if(
            written, [&](const Json& one) { return text_at(one, {"name"}) == metric.name; });
        const auto field = fmt::format("{}.metrics[{}]", analysis_field, found - written.begin());
        if (metric.kind == MetricKind::unusable) {
            findings.error(field,
                           fmt::format("{} is no built-in check, and has neither query nor "
                                       "templateRef",
                                       metric.name));
        }
        if (metric.kind == MetricKind::request_duration) look_at_duration(findings, metric, field);
    }
}

void look_at_hooks(Findings& findings, const CanarySeen& seen) {
    std::set<std::string> names;
    std::size_t index = 0;
    for (const auto& hook : seen.canary.analysis.hooks) {
        const auto field = fmt::format("{}.webhooks[{}]", analysis_field, index++);
        if (!hook.name.empty() && !names.insert(hook.name).second) {
            findings.warn(field + ".name", fmt::format("{} stands here twice", hook.name));
        }
        const bool is_web = hook.url.starts_with("http://") || hook.url.starts_with("https://");
        if (!hook.url.empty() && !is_web) {
            findings.error(field + ".url", "is no http or https address");
        }
        if (!hook.timeout) {
            findings.error(field + ".timeout",
                           fmt::format("{} is not a duration: the hook fails", hook.timeout_text));
        } else if (hook.type == api::HookType::rollout &&
                   *hook.timeout * (hook.retries + 1) > seen.canary.analysis.interval) {
            findings.warn(field + ".timeout",
                          fmt::format("{} with its retries is longer than a round's interval, {}",
                                      go_text(*hook.timeout),
                                      go_text(seen.canary.analysis.interval)));
        }
    }
    if (seen.canary.analysis.hooks.empty() && seen.canary.analysis.metrics.empty() &&
        !seen.canary.skip_analysis) {
        findings.warn(std::string(analysis_field),
                      "neither metrics nor webhooks: every revision is promoted");
    }
}

// RFC 6265: a token of RFC 2616.
bool is_cookie_name(std::string_view name) {
    constexpr std::string_view separators = "()<>@,;:\\\"/[]?={} \t";
    return !name.empty() && std::ranges::all_of(name, [&](char c) {
        return c > ' ' && c < 0x7f && separators.find(c) == std::string_view::npos;
    });
}

void look_at_provider(Findings& findings, const CanarySeen& seen) {
    static const routing::Table routers;
    const auto& canary = seen.canary;
    if (routers.find(canary.provider) == nullptr) {
        findings.error("spec.provider", routers.refusal(canary.provider));
        return;
    }
    const auto& can = seen.around.can;
    const auto refuse = [&](std::string_view field) {
        findings.error(analysis_path(field),
                       fmt::format("provider {} cannot carry it out", canary.provider));
    };
    if (can.weights && canary.analysis.matches && !can.match) refuse("match");
    if (can.weights && canary.analysis.affinity && !can.affinity) refuse("sessionAffinity");
    if (canary.analysis.mirror && !can.mirror) refuse("mirror");
    if (!can.weights && api::strategy_of(canary.analysis) == api::Strategy::canary) {
        findings.warn(std::string(analysis_field),
                      fmt::format("provider {} splits no traffic: the release is blue/green",
                                  canary.provider));
    }
    if (canary.analysis.affinity) {
        for (const auto& [field, name] :
             {std::pair("sessionAffinity.cookieName", canary.analysis.affinity->cookie_name),
              std::pair("sessionAffinity.primaryCookieName",
                        canary.analysis.affinity->primary_cookie_name)}) {
            if (!name.empty() && !is_cookie_name(name)) {
                findings.error(analysis_path(field),
                               fmt::format("\"{}\" is no cookie's name", name));
            }
        }
    }
    const auto& port = canary.service.port_name;
    if (canary.provider == "istio" && canary.service.app_protocol.empty() &&
        !istio::names_a_protocol(port)) {
        const auto& target = canary.service.target_port;
        findings.inform("spec.service.portName",
                        fmt::format("Port name {} (port: {}, targetPort: {}) doesn't follow the "
                                    "naming convention of Istio port.",
                                    port,
                                    canary.service.port,
                                    target.is_null()     ? std::to_string(canary.service.port)
                                    : target.is_string() ? std::string(target.get_string())
                                                         : to_text(target)),
                        "IST0118");
    }
}

bool asks_the(const api::Metric& metric, std::string_view reporter) {
    return metric.query.find(fmt::format("reporter=\"{}\"", reporter)) != std::string::npos;
}

// Retries of the mesh: users are spared failures that the judge counts, and a slow canary gets more
// requests for being slow.
void look_at_retries(Findings& findings, const CanarySeen& seen) {
    if (seen.canary.provider != "istio") return;
    const auto& object = seen.object;
    const auto& metrics = seen.canary.analysis.metrics;
    const auto attempts =
        integer_at(object, {"spec", "service", "retries", "attempts"}).value_or(0);
    if (attempts <= 0) return;
    if (std::ranges::any_of(metrics, [](const api::Metric& metric) {
            return metric.kind == MetricKind::request_success_rate;
        })) {
        findings
            .warn("spec.service.retries",
                  "the mesh tries again what failed: users see fewer failures than "
                  "request-success-rate counts",
                  "SLU0007")
            .suggestion =
            "set retries.attempts: 0 to judge what users see; or leave it: the check is stricter";
    }
    for (const auto& metric : metrics) {
        if (!asks_the(metric, "source")) continue;
        findings
            .warn("spec.service.retries",
                  fmt::format("the mesh tries again what failed, and metric {} asks the "
                              "callers: it does not see what the retries hide",
                              metric.name),
                  "SLU0007")
            .suggestion = "ask reporter=\"destination\" in its query, or set retries.attempts: 0";
    }
    const auto each =
        parse_duration(text_at(object, {"spec", "service", "retries", "perTryTimeout"}));
    if (!each) return;
    const auto whole = parse_duration(text_at(object, {"spec", "service", "timeout"}));
    if (whole && *whole > Duration::zero() && *each * (attempts + 1) > *whole) {
        findings
            .warn("spec.service.retries.perTryTimeout",
                  fmt::format("{} for each of {} tries is more than the timeout, {}",
                              go_text(*each),
                              attempts + 1,
                              go_text(*whole)),
                  "SLU0008")
            .suggestion =
            "raise spec.service.timeout to perTryTimeout × (attempts + 1), or try less often";
    }
    for (const auto& metric : metrics) {
        if (metric.kind != MetricKind::request_duration) continue;
        const auto limit = metric.has_range ? metric.max : std::optional(metric.threshold);
        if (!limit || *limit <= std::chrono::duration<double, std::milli>(*each).count()) continue;
        findings
            .warn("spec.service.retries.perTryTimeout",
                  fmt::format("{} is shorter than the {} ms that {} allows: a slow canary is "
                              "asked again before it counts as slow",
                              go_text(*each),
                              go_number(*limit),
                              metric.name),
                  "SLU0008")
            .suggestion = "raise perTryTimeout above what the check allows";
    }
}

// Callers within the mesh are not routed by a VirtualService that only gateways are told of.
void look_at_reach(Findings& findings, const CanarySeen& seen) {
    const auto& gateways = array_at(seen.object, {"spec", "service", "gateways"});
    if (seen.canary.provider != "istio" || gateways.empty() ||
        std::ranges::find(gateways, Json("mesh")) != gateways.end())
        return;
    findings.inform("spec.service.gateways",
                    "without \"mesh\" callers within the mesh see only the primary",
                    "SLU0012");
}

}  // namespace

void look_at_canary(Findings& findings, const Json& object, const LintSettings& settings) {
    for (auto& mistake : api::mistakes_in(object, {.min_interval = Duration{1}})) {
        // The status is the controller's.
        if (!mistake.field.starts_with("status")) {
            findings.error(std::move(mistake.field), std::move(mistake.why));
        }
    }
    const auto seen = seen_of(object);
    look_at_provider(findings, seen);
    look_at_plan(findings, seen, settings);
    look_at_metrics(findings, seen, settings);
    look_at_hooks(findings, seen);
    look_at_retries(findings, seen);
    look_at_reach(findings, seen);
    look_at_own_objects(findings, object);
}

}  // namespace sluice::release
