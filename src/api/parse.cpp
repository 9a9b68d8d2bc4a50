// From the object as served to the parsed view: defaults applied, the first wrong field and the
// first unbuilt one named.
#include "api/canary.hpp"
#include "base/core/text.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

namespace sluice::api {
namespace {

// The first of each is what a Canary is refused by; all of them is what `lint` tells.
struct Findings {
    std::optional<Invalid> invalid;
    std::optional<Invalid> unbuilt;
    std::vector<Invalid>* all = nullptr;

    void wrong(std::string field, std::string why) {
        note(invalid, {std::move(field), std::move(why)});
    }
    void not_built(std::string field, std::string why) {
        note(unbuilt, {std::move(field), std::move(why)});
    }

   private:
    void note(std::optional<Invalid>& first, Invalid found) {
        if (all != nullptr) all->push_back(found);
        if (!first) first = std::move(found);
    }
};

struct Range {
    std::int64_t least = 0;
    std::int64_t most = std::numeric_limits<int>::max();
};

// Reads the fields of one object and notes what is wrong with them under their full path.
class Reader {
   public:
    Reader(const Json& object, std::string prefix, Findings& findings)
        : object_(object), prefix_(std::move(prefix)), findings_(findings) {}

    std::string name(JsonPath path) const {
        std::string joined = prefix_;
        for (const auto key : path) {
            if (!joined.empty()) joined += '.';
            joined += key;
        }
        return joined;
    }

    // Null counts as missing.
    const Json* at(JsonPath path) const {
        const auto* value = find(object_, path);
        return value == nullptr || value->is_null() ? nullptr : value;
    }
    bool has(JsonPath path) const { return at(path) != nullptr; }

    std::string text(JsonPath path, std::string_view otherwise = {}) const {
        const auto* value = at(path);
        if (value == nullptr) return std::string(otherwise);
        if (!value->is_string()) {
            findings_.wrong(name(path), "is not text");
            return std::string(otherwise);
        }
        const std::string_view found = value->get_string();
        return std::string(found.empty() ? otherwise : found);
    }

    std::string needed(JsonPath path) const {
        auto found = text(path);
        if (found.empty()) findings_.wrong(name(path), "is missing");
        return found;
    }

    std::int64_t whole(JsonPath path, Range range, std::int64_t otherwise) const {
        const auto* value = at(path);
        if (value == nullptr) return otherwise;
        const auto number = number_at(object_, path);
        const auto integer = integer_at(object_, path);
        if (!number) {
            findings_.wrong(name(path), "is not a number");
        } else if (!integer) {
            findings_.wrong(name(path),
                            fmt::format("{} is not a whole number", go_number(*number)));
        } else if (*integer < range.least) {
            findings_.wrong(name(path), fmt::format("{} is less than {}", *integer, range.least));
        } else if (*integer > range.most) {
            findings_.wrong(name(path), fmt::format("{} is more than {}", *integer, range.most));
        } else {
            return *integer;
        }
        return otherwise;
    }

    std::optional<double> number(JsonPath path) const {
        const auto* value = at(path);
        if (value == nullptr) return std::nullopt;
        const auto number = number_at(object_, path);
        if (!number) findings_.wrong(name(path), "is not a number");
        return number;
    }

    bool flag(JsonPath path) const {
        const auto* value = at(path);
        if (value == nullptr) return false;
        if (!value->is_bool()) findings_.wrong(name(path), "is neither true nor false");
        return value->is_bool() && value->get_bool();
    }

    std::map<std::string, std::string> texts(JsonPath path) const {
        std::map<std::string, std::string> found;
        const auto* value = at(path);
        if (value == nullptr) return found;
        if (!value->is_object()) {
            findings_.wrong(name(path), "is not an object");
            return found;
        }
        for (const auto& [key, member] : value->get_object()) {
            if (member.is_string()) {
                found[std::string(key)] = std::string(member.get_string());
            } else {
                findings_.wrong(name(path) + "." + std::string(key), "is not text");
            }
        }
        return found;
    }

    // The elements of a list, each with a reader of its own.
    template <typename Each>
    void each(JsonPath path, Each read) const {
        const auto* value = at(path);
        if (value == nullptr) return;
        if (!value->is_array()) {
            findings_.wrong(name(path), "is not a list");
            return;
        }
        std::size_t index = 0;
        for (const auto& element : value->get_array()) {
            read(Reader(element, fmt::format("{}[{}]", name(path), index++), findings_));
        }
    }

    std::vector<std::string> text_list(JsonPath path) const {
        std::vector<std::string> found;
        each(path, [&](const Reader& element) { found.push_back(element.text({})); });
        return found;
    }

    bool is_object() const { return object_.is_object(); }
    Findings& findings() const { return findings_; }

   private:
    const Json& object_;
    std::string prefix_;
    Findings& findings_;
};

constexpr Range percent{0, 100};

// What references between namespaces are read in.
struct Context {
    std::string ns;
    bool cross_namespace_refs = true;
    std::string provider = {};
};

Hook read_hook(const Reader& reader) {
    Hook hook;
    hook.name = reader.needed({"name"});
    hook.url = reader.needed({"url"});
    const auto type = reader.text({"type"}, "rollout");
    constexpr std::array types{HookType::rollout,
                               HookType::confirm_rollout,
                               HookType::pre_rollout,
                               HookType::confirm_traffic_increase,
                               HookType::confirm_promotion,
                               HookType::post_rollout,
                               HookType::rollback,
                               HookType::event};
    const auto* known =
        std::ranges::find_if(types, [&](HookType one) { return to_string(one) == type; });
    if (known == types.end()) {
        reader.findings().wrong(reader.name({"type"}),
                                fmt::format("{} is not a type of hook", type));
    } else {
        hook.type = *known;
    }
    hook.timeout_text = reader.text({"timeout"}, "10s");
    if (hook.timeout_text.size() < 2) hook.timeout_text = "10s";
    hook.timeout = parse_duration(hook.timeout_text);
    hook.retries = static_cast<int>(reader.whole({"retries"}, {0, 1000}, 0));
    hook.metadata = reader.texts({"metadata"});
    hook.mute_alert = reader.flag({"muteAlert"});
    hook.disable_tls = reader.flag({"disableTLS"});
    return hook;
}

struct ReferencePath {
    std::string_view kind;  // "alert provider"
    JsonPath name;
    JsonPath ns;
};

Reference read_reference(const Reader& reader, const ReferencePath& path, const Context& context) {
    Reference reference{reader.needed(path.name), reader.text(path.ns, context.ns)};
    if (!context.cross_namespace_refs && reference.ns != context.ns) {
        reader.findings().wrong(
            reader.name(path.name),
            fmt::format("can't access {} {}.{}, cross-namespace references are blocked",
                        path.kind,
                        reference.name,
                        reference.ns));
    }
    return reference;
}

// The peer's CRD keeps our fields only among the variables (statistics.md 6.5).
std::string carried(const Metric& metric, std::string_view key) {
    const auto found = metric.variables.find(std::string(key));
    return found == metric.variables.end() ? std::string{} : found->second;
}

void read_no_data(const Reader& reader, Metric& metric) {
    const auto otherwise = reader.text({"onNoData"}, carried(metric, "onNoData"));
    if (otherwise == "skip") {
        metric.on_no_data = OnNoData::skip;
    } else if (otherwise == "pass") {
        metric.on_no_data = OnNoData::pass;
    } else if (!otherwise.empty() && otherwise != "fail") {
        reader.findings().wrong(reader.name({"onNoData"}),
                                fmt::format("{} is none of fail, skip, pass", otherwise));
    }
    metric.min_requests = reader.whole({"minRequests"}, {0}, 0);
    if (const auto text = carried(metric, "minRequests");
        !text.empty() && metric.min_requests == 0) {
        const auto number = parse_integer(text);
        if (number && *number >= 0) {
            metric.min_requests = *number;
        } else {
            reader.findings().wrong(reader.name({"templateVariables", "minRequests"}),
                                    fmt::format("{} is not a number of requests", text));
        }
    }
}

void read_unanswered(const Reader& reader, const Context& context, Metric& metric) {
    const auto text = reader.text({"unanswered"}, carried(metric, "unanswered"));
    if (text.empty()) return;
    if (metric.name != "request-success-rate") {
        // A template may have a variable of that name for itself.
        if (reader.has({"unanswered"})) {
            reader.findings().wrong(
                reader.name({"unanswered"}),
                fmt::format("{} does not count successes: only request-success-rate does",
                            metric.name));
        }
    } else if (text == "exclude") {
        metric.unanswered = Unanswered::exclude;
    } else if (text == "fail") {
        metric.unanswered = Unanswered::fail;
    } else if (text != "pass") {
        reader.findings().wrong(reader.name({"unanswered"}),
                                fmt::format("{} is none of pass, exclude, fail", text));
    }
    if (metric.unanswered != Unanswered::pass && context.provider != "istio") {
        reader.findings().wrong(
            reader.name({"unanswered"}),
            fmt::format("provider {} does not tell requests without an answer apart; istio does",
                        context.provider));
    }
}

// One entry may be several checks: a built-in name with a query of its own asks both.
void read_metric(const Reader& reader, const Context& context, std::vector<Metric>& metrics) {
    Metric metric;
    metric.name = reader.needed({"name"});
    metric.interval = reader.text({"interval"}, "1m");
    metric.query = reader.text({"query"});
    metric.has_range = reader.has({"thresholdRange"});
    metric.min = reader.number({"thresholdRange", "min"});
    metric.max = reader.number({"thresholdRange", "max"});
    metric.threshold = reader.number({"threshold"}).value_or(0);
    metric.has_threshold = reader.has({"threshold"});
    metric.variables = reader.texts({"templateVariables"});
    read_no_data(reader, metric);
    read_unanswered(reader, context, metric);
    const bool built_in =
        metric.name == "request-success-rate" || metric.name == "request-duration";
    if (built_in) {
        auto check = metric;
        check.kind = metric.name == "request-duration" ? MetricKind::request_duration
                                                       : MetricKind::request_success_rate;
        check.query.clear();
        metrics.push_back(std::move(check));
    }
    if (!metric.query.empty()) {
        auto check = metric;
        check.kind = MetricKind::inline_query;
        metrics.push_back(std::move(check));
    }
    const bool of_template = reader.has({"templateRef"});
    if (of_template) {
        metric.kind = MetricKind::template_query;
        metric.template_ref = read_reference(reader,
                                             {.kind = "metric template",
                                              .name = {"templateRef", "name"},
                                              .ns = {"templateRef", "namespace"}},
                                             context);
        metric.query.clear();
    }
    if (of_template || (!built_in && metric.query.empty())) metrics.push_back(std::move(metric));
}

std::optional<AlertRef> read_alert(const Reader& reader, const Context& context) {
    constexpr std::array severities{Severity::info, Severity::warn, Severity::error};
    const auto text = reader.text({"severity"}, "info");
    const auto* known =
        std::ranges::find_if(severities, [&](Severity one) { return to_string(one) == text; });
    AlertRef alert{reader.needed({"name"}),
                   Severity::info,
                   read_reference(reader,
                                  {.kind = "alert provider",
                                   .name = {"providerRef", "name"},
                                   .ns = {"providerRef", "namespace"}},
                                  context)};
    if (known == severities.end()) {
        reader.findings().wrong(reader.name({"severity"}),
                                fmt::format("{} is none of info, warn, error", text));
        return std::nullopt;
    }
    alert.severity = *known;
    return alert;
}

std::optional<SessionAffinity> read_affinity(const Reader& reader) {
    if (!reader.has({"sessionAffinity"})) return std::nullopt;
    SessionAffinity affinity{reader.needed({"sessionAffinity", "cookieName"}),
                             reader.text({"sessionAffinity", "primaryCookieName"})};
    if (!affinity.cookie_name.empty() && affinity.cookie_name == affinity.primary_cookie_name) {
        reader.findings().wrong(
            reader.name({"sessionAffinity", "primaryCookieName"}),
            "can't use the same cookie name for both primary and cookie name; please update them "
            "to be different");
    }
    return affinity;
}

Analysis read_analysis(const Reader& reader, const Defaults& defaults, const Context& context) {
    Analysis analysis;
    const auto interval = parse_duration(reader.text({"interval"}));
    analysis.interval = interval && *interval > Duration{} ? *interval : std::chrono::minutes(1);
    analysis.interval = std::max(analysis.interval, defaults.min_interval);
    analysis.threshold = static_cast<int>(std::max<std::int64_t>(
        1, reader.whole({"threshold"}, {std::numeric_limits<int>::min()}, 1)));
    if (reader.has({"maxWeight"})) {
        analysis.max_weight = static_cast<int>(reader.whole({"maxWeight"}, percent, 0));
    }
    analysis.step_weight = static_cast<int>(reader.whole({"stepWeight"}, percent, 0));
    reader.each({"stepWeights"}, [&](const Reader& weight) {
        analysis.step_weights.push_back(static_cast<int>(weight.whole({}, percent, 0)));
    });
    analysis.step_weight_promotion =
        static_cast<int>(reader.whole({"stepWeightPromotion"}, percent, 0));
    analysis.primary_ready_threshold =
        static_cast<int>(reader.whole({"primaryReadyThreshold"}, percent, 100));
    analysis.canary_ready_threshold =
        static_cast<int>(reader.whole({"canaryReadyThreshold"}, percent, 100));
    reader.each({"metrics"},
                [&](const Reader& metric) { read_metric(metric, context, analysis.metrics); });
    reader.each({"webhooks"},
                [&](const Reader& hook) { analysis.hooks.push_back(read_hook(hook)); });

    analysis.iterations = static_cast<int>(std::max<std::int64_t>(
        0, reader.whole({"iterations"}, {std::numeric_limits<int>::min(), 1'000'000}, 0)));
    reader.each({"match"}, [&](const Reader&) { analysis.matches = true; });
    analysis.mirror = reader.flag({"mirror"});
    reader.whole({"mirrorWeight"}, percent, 0);
    analysis.affinity = read_affinity(reader);
    reader.each({"alerts"}, [&](const Reader& alert) {
        if (auto read = read_alert(alert, context)) analysis.alerts.push_back(std::move(*read));
    });
    return analysis;
}

// A Service as target has its ports itself; the peer's full writes then say 0 here.
Service read_service(const Reader& reader, bool needs_port) {
    Service service;
    service.port = reader.whole({"port"}, {needs_port ? 1 : 0, 65535}, 0);
    if (needs_port && !reader.has({"port"})) {
        reader.findings().wrong(reader.name({"port"}), "is missing");
    }
    service.port_name = reader.text({"portName"}, "http");
    if (const auto* port = reader.at({"targetPort"}); port != nullptr) {
        if (port->is_string()) {
            // The peer's full writes turn an unset port into 0, also as text.
            if (port->get_string() != "" && port->get_string() != "0") service.target_port = *port;
        } else if (const auto number = reader.whole({"targetPort"}, {0, 65535}, 0); number != 0) {
            service.target_port = number;
        }
    }
    service.app_protocol = reader.text({"appProtocol"});
    service.tcp = equals_ignoring_case(service.app_protocol, "tcp");
    service.traffic_distribution = reader.text({"trafficDistribution"});
    service.port_discovery = reader.flag({"portDiscovery"});
    service.headless = reader.flag({"headless"});
    reader.flag({"delegation"});  // the router's; here only that it is true or false
    service.apex = {reader.texts({"apex", "labels"}), reader.texts({"apex", "annotations"})};
    service.primary = {reader.texts({"primary", "labels"}),
                       reader.texts({"primary", "annotations"})};
    service.canary = {reader.texts({"canary", "labels"}), reader.texts({"canary", "annotations"})};
    service.unmanaged_labels = reader.text_list({"unmanagedMetadata", "labels"});
    service.unmanaged_annotations = reader.text_list({"unmanagedMetadata", "annotations"});
    return service;
}

void read_target(const Reader& spec, Canary& canary) {
    canary.target = {spec.text({"targetRef", "apiVersion"}),
                     spec.needed({"targetRef", "kind"}),
                     spec.needed({"targetRef", "name"})};
    const bool is_service = canary.target.kind == "Service";
    // A Knative Service has the name alone in common with a core one.
    if (is_service && canary.target.api_version.starts_with("serving.knative.dev/")) {
        spec.findings().not_built(
            spec.name({"targetRef", "kind"}),
            fmt::format("Service of {} is not built yet", canary.target.api_version));
    } else if (is_service && spec.has({"autoscalerRef"})) {
        spec.findings().wrong(spec.name({"autoscalerRef"}), "a Service is not scaled");
    }
    if (!canary.target.kind.empty() && canary.target.kind != "Deployment" &&
        canary.target.kind != "DaemonSet" && !is_service) {
        spec.findings().not_built(spec.name({"targetRef", "kind"}),
                                  fmt::format("{} is not built yet", canary.target.kind));
    }
    if (!spec.has({"autoscalerRef"})) return;
    AutoscalerRef scaler{spec.text({"autoscalerRef", "apiVersion"}),
                         spec.needed({"autoscalerRef", "kind"}),
                         spec.needed({"autoscalerRef", "name"}),
                         std::nullopt,
                         std::nullopt,
                         spec.texts({"autoscalerRef", "primaryScalerQueries"})};
    if (!scaler.kind.empty() && scaler.kind != "HorizontalPodAutoscaler" &&
        scaler.kind != "ScaledObject") {
        spec.findings().not_built(spec.name({"autoscalerRef", "kind"}),
                                  fmt::format("{} is not built yet", scaler.kind));
    }
    if (spec.has({"autoscalerRef", "primaryScalerReplicas", "minReplicas"})) {
        scaler.min_replicas =
            spec.whole({"autoscalerRef", "primaryScalerReplicas", "minReplicas"}, {1}, 1);
    }
    if (spec.has({"autoscalerRef", "primaryScalerReplicas", "maxReplicas"})) {
        scaler.max_replicas =
            spec.whole({"autoscalerRef", "primaryScalerReplicas", "maxReplicas"}, {1}, 1);
    }
    canary.autoscaler = std::move(scaler);
}

void read_spec(const Json& object, const Defaults& defaults, Canary& canary, Findings& findings) {
    static const Json nothing;
    const auto* found = find(object, {"spec"});
    const Reader spec(found == nullptr ? nothing : *found, "spec", findings);
    if (!spec.is_object()) findings.wrong("spec", "is missing");
    canary.provider = spec.text({"provider"}, defaults.provider);
    const Context context{canary.ns, defaults.cross_namespace_refs, canary.provider};
    canary.metrics_server = spec.text({"metricsServer"}, defaults.metrics_server);
    read_target(spec, canary);
    canary.apex = spec.text({"service", "name"}, canary.target.name);
    canary.ingress = spec.text({"ingressRef", "name"}, canary.target.name);
    canary.route = spec.text({"routeRef", "name"}, canary.target.name);

    const auto* service = spec.at({"service"});
    const bool needs_port =
        canary.target.kind != "Service" || canary.provider.starts_with("gatewayapi:");
    if (service != nullptr && service->is_object()) {
        canary.service = read_service(Reader(*service, "spec.service", findings), needs_port);
    } else if (needs_port) {
        findings.wrong("spec.service", "is missing");
    }

    // The legacy name reaches us only where no CRD prunes it.
    const bool legacy = !spec.has({"analysis"}) && spec.has({"canaryAnalysis"});
    const auto* analysis = legacy ? spec.at({"canaryAnalysis"}) : spec.at({"analysis"});
    const std::string where = legacy ? "spec.canaryAnalysis" : "spec.analysis";
    if (analysis == nullptr || !analysis->is_object()) {
        findings.wrong(where, "is missing");
        canary.analysis = read_analysis(Reader(nothing, where, findings), defaults, context);
    } else {
        canary.analysis = read_analysis(Reader(*analysis, where, findings), defaults, context);
    }

    constexpr std::int64_t ten_years = 315'360'000;
    canary.progress_deadline =
        std::chrono::seconds(spec.whole({"progressDeadlineSeconds"}, {0, ten_years}, 600));
    canary.skip_analysis = spec.flag({"skipAnalysis"});
    canary.suspended = spec.flag({"suspend"});
    canary.revert_on_deletion = spec.has({"revertOnDeletion"}) ? spec.flag({"revertOnDeletion"})
                                                               : defaults.revert_on_deletion;
}

// "promote v2:0f3a…"; what is no wish of ours is nobody's.
std::optional<Wish> read_wish(std::string_view text) {
    constexpr std::array verbs{Verb::promote, Verb::step, Verb::abort, Verb::retry};
    const auto words = split(text, ' ');
    if (words.size() < 2) return std::nullopt;
    const auto* verb = std::ranges::find(verbs, words[0], [](Verb one) { return to_string(one); });
    if (verb == verbs.end()) return std::nullopt;
    Wish wish{.verb = *verb, .revision = std::string(words[1]), .text = std::string(text)};
    if (*verb == Verb::step) {
        // Without a place it would open whichever gate comes.
        if (words.size() < 3) return std::nullopt;
        wish.place = words[2];
    }
    return wish;
}

Canary parse_into(Findings& findings, const Json& object, const Defaults& defaults) {
    Canary canary;
    canary.name = text_at(object, {"metadata", "name"});
    canary.ns = text_at(object, {"metadata", "namespace"});
    canary.uid = text_at(object, {"metadata", "uid"});
    canary.resource_version = text_at(object, {"metadata", "resourceVersion"});
    canary.generation = integer_at(object, {"metadata", "generation"}).value_or(0);
    canary.deleting = !text_at(object, {"metadata", "deletionTimestamp"}).empty();

    for (const auto& name : array_at(object, {"metadata", "finalizers"})) {
        if (name.is_string() && name.get_string() == finalizer) canary.has_finalizer = true;
    }
    canary.wish = read_wish(text_at(object, {"metadata", "annotations", wish_annotation}));

    read_spec(object, defaults, canary, findings);

    if (const auto* status = find(object, {"status"}); status != nullptr) {
        canary.raw_status = *status;
        canary.status = parse_status(*status);
        const auto phase = text_at(*status, {"phase"});
        if (!parse_phase(phase)) {
            findings.wrong("status.phase", fmt::format("{} is not a phase", phase));
        }
    }
    canary.invalid = std::move(findings.invalid);
    canary.unbuilt = std::move(findings.unbuilt);
    return canary;
}

}  // namespace

Canary parse_canary(const Json& object, const Defaults& defaults) {
    Findings findings;
    return parse_into(findings, object, defaults);
}

std::vector<Invalid> mistakes_in(const Json& object, const Defaults& defaults) {
    std::vector<Invalid> all;
    Findings findings;
    findings.all = &all;
    parse_into(findings, object, defaults);
    return all;
}

}  // namespace sluice::api
