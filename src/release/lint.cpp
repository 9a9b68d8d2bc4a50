#include "release/lint.hpp"

#include "base/core/text.hpp"
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

// What is found is told about this object.
class Findings {
   public:
    explicit Findings(const Json& object)
        : object_(fmt::format(
              "{} {}", text_at(object, {"kind"}, "Canary"), to_string(kube::key_of(object)))) {}

    void error(std::string field, std::string text, std::string code = {}) {
        add(Level::error, std::move(field), std::move(text), std::move(code));
    }
    void warn(std::string field, std::string text, std::string code = {}) {
        add(Level::warning, std::move(field), std::move(text), std::move(code));
    }
    void inform(std::string field, std::string text, std::string code = {}) {
        add(Level::info, std::move(field), std::move(text), std::move(code));
    }
    std::vector<Finding> take() { return std::move(all_); }

   private:
    void add(Level level, std::string field, std::string text, std::string code) {
        all_.push_back({.level = level,
                        .code = std::move(code),
                        .object = object_,
                        .field = std::move(field),
                        .text = std::move(text),
                        .file = {}});
    }

    std::string object_;
    std::vector<Finding> all_;
};

std::string analysis_path(std::string_view field) {
    return fmt::format("{}.{}", analysis_field, field);
}

bool has(const Json& object, JsonPath path) {
    const auto* value = find(object, path);
    return value != nullptr && !value->is_null();
}

void look_at_plan(Findings& findings, const CanarySeen& seen) {
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
    } else if (analysis.interval < std::chrono::seconds(10)) {
        findings.warn(analysis_path("interval"),
                      fmt::format("{} is shorter than what a controller allows (10s, or its "
                                  "--min-interval)",
                                  go_text(analysis.interval)));
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
    constexpr std::array protocols{
        "http", "http2", "https", "grpc", "grpc-web", "tcp", "tls", "mongo", "mysql", "redis"};
    const auto& port = canary.service.port_name;
    const auto stem = std::string_view(port).substr(0, port.find('-'));
    const bool is_known =
        std::ranges::find(protocols, stem) != protocols.end() || port.starts_with("grpc-web");
    if (canary.provider == "istio" && canary.service.app_protocol.empty() && !is_known) {
        findings.inform(
            "spec.service.portName",
            fmt::format("Port name {} (port: {}, targetPort: {}) doesn't follow the "
                        "naming convention of Istio port.",
                        port,
                        canary.service.port,
                        canary.service.target_port.is_null() ? std::to_string(canary.service.port)
                                                             : to_text(canary.service.target_port)),
            "IST0118");
    }
}

const Json* find_object(const Around& around, std::string_view kind, const kube::ObjectKey& key) {
    for (const auto& object : around.objects) {
        if (text_at(object, {"kind"}) != kind) continue;
        auto at = kube::key_of(object);
        if (at.ns.empty()) at.ns = key.ns;
        if (at == key) return &object;
    }
    return nullptr;
}

void look_at_target(Findings& findings, const api::Canary& canary, const Around& around) {
    if (canary.target.kind == "Service" || canary.target.name.empty()) return;
    const auto* target = find_object(around, canary.target.kind, {canary.ns, canary.target.name});
    if (target == nullptr) {
        if (around.whole) {
            findings.error(
                "spec.targetRef.name",
                fmt::format("{} {} does not exist", canary.target.kind, canary.target.name));
        }
        return;
    }
    const canary::Settings settings;
    const auto& labels = object_at(*target, {"spec", "selector", "matchLabels"});
    if (std::ranges::none_of(settings.selector_labels,
                             [&](const std::string& name) { return labels.contains(name); })) {
        findings.error("spec.targetRef.name",
                       fmt::format("{} {} spec.selector.matchLabels has none of {}",
                                   canary.target.kind,
                                   canary.target.name,
                                   joined(settings.selector_labels, ", ")));
    }
    const auto& wanted = canary.service.target_port;
    if (!wanted.is_string()) return;
    for (const auto& container : array_at(*target, {"spec", "template", "spec", "containers"})) {
        for (const auto& port : array_at(container, {"ports"})) {
            if (text_at(port, {"name"}) == std::string_view(wanted.get_string())) return;
        }
    }
    findings.error("spec.service.targetPort",
                   fmt::format("no container of {} {} has a port named {}",
                               canary.target.kind,
                               canary.target.name,
                               std::string_view(wanted.get_string())));
}

void look_at_scaler(Findings& findings, const api::Canary& canary, const Around& around) {
    if (!canary.autoscaler || !around.whole) return;
    if (find_object(around, canary.autoscaler->kind, {canary.ns, canary.autoscaler->name}) ==
            nullptr &&
        canary.autoscaler->kind == "HorizontalPodAutoscaler") {
        findings.error(
            "spec.autoscalerRef.name",
            fmt::format("{} {} does not exist", canary.autoscaler->kind, canary.autoscaler->name));
    }
}

// Whose pods a selector of matchLabels and matchExpressions, or a Service's, finds.
bool selects(const Json& selector, const JsonObject& labels) {
    const auto has = [&](std::string_view key, std::string_view value) {
        const auto* found = labels.if_contains(key);
        return found != nullptr && found->is_string() && found->get_string() == value;
    };
    for (const auto& [key, value] : object_at(selector, {"matchLabels"})) {
        if (!value.is_string() || !has(key, value.get_string())) return false;
    }
    for (const auto& expression : array_at(selector, {"matchExpressions"})) {
        const auto key = text_at(expression, {"key"});
        const auto does = text_at(expression, {"operator"});
        const bool is_there = labels.contains(key);
        const bool is_among = std::ranges::any_of(
            array_at(expression, {"values"}),
            [&](const Json& value) { return value.is_string() && has(key, value.get_string()); });
        const bool fits = does == "Exists"         ? is_there
                          : does == "DoesNotExist" ? !is_there
                          : does == "NotIn"        ? !is_among
                                                   : is_among;
        if (!fits) return false;
    }
    return true;
}

std::optional<Json> selector_in(const Json& object, std::string_view kind) {
    if (kind == "Service") {
        const auto& labels = object_at(object, {"spec", "selector"});
        if (labels.empty()) return std::nullopt;
        return JsonObject{{"matchLabels", labels}};
    }
    if (kind != "PodDisruptionBudget" && kind != "NetworkPolicy") return std::nullopt;
    const auto field = kind == "NetworkPolicy" ? "podSelector" : "selector";
    const auto* selector = find(object, {"spec", field});
    // An empty one means all pods of the namespace, and is meant so.
    if (selector == nullptr || object_at(*selector, {}).empty()) return std::nullopt;
    return *selector;
}

// Only one label tells the primary's pods from the target's (DB-42): what was written for one of
// them before there was a Canary may now mean both, or the one that rests.
void look_at_selectors(Findings& findings, const api::Canary& canary, const Around& around) {
    const auto* target = find_object(around, canary.target.kind, {canary.ns, canary.target.name});
    if (target == nullptr || canary.target.kind == "Service") return;
    const auto& labels = object_at(*target, {"spec", "template", "metadata", "labels"});
    auto of_primary = labels;
    for (const auto& name : canary::Settings{}.selector_labels) {
        const auto* value = find(*target, {"spec", "selector", "matchLabels", name});
        if (value == nullptr || !value->is_string()) continue;
        of_primary[name] = Json(std::string(value->get_string()) + "-primary");
        break;
    }
    for (const auto& object : around.objects) {
        const auto kind = text_at(object, {"kind"});
        const auto at = kube::key_of(object);
        const auto selector = selector_in(object, kind);
        if (!selector || (!at.ns.empty() && at.ns != canary.ns)) continue;
        const bool is_ours =
            kind == "Service" && (at.name == canary.apex || at.name == canary.primary_service() ||
                                  at.name == canary.canary_service());
        const bool finds_target = selects(*selector, labels);
        if (is_ours || !finds_target) continue;
        if (selects(*selector, of_primary)) {
            if (kind != "Service") continue;
            findings.warn(
                "spec.targetRef.name",
                fmt::format("Service {} selects the pods of {} and of {}: who calls it meets "
                            "both, whatever the weights",
                            at.name,
                            canary.target.name,
                            canary.primary_name()),
                "SLU0013");
            continue;
        }
        findings.warn(
            "spec.targetRef.name",
            fmt::format("{} {} selects the pods of {}, which rest between releases, and not "
                        "those of {}, which serve: they need one of their own",
                        kind,
                        at.name,
                        canary.target.name,
                        canary.primary_name()),
            "SLU0014");
    }
}

void look_at_rivals(Findings& findings, const api::Canary& canary, const Around& around) {
    for (const auto& object : around.objects) {
        if (text_at(object, {"kind"}) != "Canary") continue;
        const auto other = seen_of(object).canary;
        if (other.ns != canary.ns || other.name == canary.name) continue;
        if (other.target.kind == canary.target.kind && other.target.name == canary.target.name) {
            findings.error("spec.targetRef.name",
                           fmt::format("Canary {} has the same target, {} {}",
                                       other.name,
                                       canary.target.kind,
                                       canary.target.name));
        } else if (other.apex == canary.apex) {
            findings.error(
                "spec.service.name",
                fmt::format("Canary {} has the same Service, {}", other.name, canary.apex),
                "SLU0002");
        }
    }
}

void look_at_gateways(Findings& findings,
                      const Json& object,
                      const api::Canary& canary,
                      const Around& around) {
    if (canary.provider != "istio" || !around.whole) return;
    std::size_t index = 0;
    for (const auto& gateway : array_at(object, {"spec", "service", "gateways"})) {
        const auto field = fmt::format("spec.service.gateways[{}]", index++);
        if (!gateway.is_string()) continue;
        const std::string_view name = gateway.get_string();
        if (name == "mesh") continue;
        const auto slash = name.find('/');
        const kube::ObjectKey key = slash == std::string_view::npos
                                        ? kube::ObjectKey{canary.ns, std::string(name)}
                                        : kube::ObjectKey{std::string(name.substr(0, slash)),
                                                          std::string(name.substr(slash + 1))};
        if (find_object(around, "Gateway", key) == nullptr) {
            findings.error(
                field, fmt::format("Referenced gateway not found: \"{}\"", name), "IST0101");
        }
    }
}

void look_at_templates(Findings& findings, const api::Canary& canary, const Around& around) {
    if (!around.whole) return;
    for (const auto& metric : canary.analysis.metrics) {
        if (!metric.template_ref) continue;
        const kube::ObjectKey key{metric.template_ref->ns, metric.template_ref->name};
        // Those of other namespaces were not asked for.
        if (key.ns != canary.ns || find_object(around, "MetricTemplate", key) != nullptr) continue;
        findings.error(analysis_path("metrics"),
                       fmt::format("MetricTemplate {} does not exist", to_string(key)));
    }
}

void look_at_namespace(Findings& findings, const api::Canary& canary, const Around& around) {
    if (canary.provider != "istio" || !around.ns) return;
    const auto injection = text_at(*around.ns, {"metadata", "labels", "istio-injection"});
    const auto revision = text_at(*around.ns, {"metadata", "labels", "istio.io/rev"});
    if (!injection.empty() && !revision.empty()) {
        findings.warn("metadata.namespace",
                      "The namespace has more than one type of injection labels [istio-injection "
                      "istio.io/rev], which may lead to undefined behavior. Make sure only one "
                      "injection label exists.",
                      "IST0123");
    } else if (injection.empty() && revision.empty()) {
        findings.warn(
            "metadata.namespace",
            fmt::format("The namespace is not enabled for Istio injection. Run 'kubectl label "
                        "namespace {0} istio-injection=enabled' to enable it, or 'kubectl label "
                        "namespace {0} istio-injection=disabled' to explicitly mark it as not "
                        "needing injection.",
                        canary.ns),
            "IST0102");
    }
}

}  // namespace

std::string_view to_string(Level level) {
    switch (level) {
        case Level::error:
            return "error";
        case Level::warning:
            return "warning";
        case Level::info:
            return "info";
    }
    return {};
}

std::vector<Finding> lint_canary(const Json& canary, const LintSettings& settings) {
    Findings findings(canary);
    for (auto& mistake : api::mistakes_in(canary, {.min_interval = Duration{1}})) {
        // The status is the controller's.
        if (!mistake.field.starts_with("status")) {
            findings.error(std::move(mistake.field), std::move(mistake.why));
        }
    }
    const auto seen = seen_of(canary);
    look_at_provider(findings, seen);
    look_at_plan(findings, seen);
    look_at_metrics(findings, seen, settings);
    look_at_hooks(findings, seen);
    return findings.take();
}

std::vector<Finding> lint_around(const Json& canary, const Around& around) {
    Findings findings(canary);
    const auto parsed = seen_of(canary).canary;
    look_at_rivals(findings, parsed, around);
    look_at_target(findings, parsed, around);
    look_at_scaler(findings, parsed, around);
    look_at_selectors(findings, parsed, around);
    look_at_templates(findings, parsed, around);
    look_at_gateways(findings, canary, parsed, around);
    look_at_namespace(findings, parsed, around);
    return findings.take();
}

std::string line_of(const Finding& finding) {
    std::string line;
    if (!finding.file.empty()) line = fmt::format("{}:{}: ", finding.file, finding.line);
    line += fmt::format("{}: {}", to_string(finding.level), finding.object);
    if (!finding.field.empty()) line += " " + finding.field;
    line += ": " + finding.text;
    if (!finding.code.empty()) line += fmt::format(" [{}]", finding.code);
    return line;
}

}  // namespace sluice::release
