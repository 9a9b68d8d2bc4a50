// A Canary as the judgement reads it: the parsed view of one object. Writes never go through it:
// the object stays JSON.
#pragma once

#include "base/core/duration.hpp"
#include "base/core/json.hpp"
#include "base/core/time.hpp"

#include <boost/json/value.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::api {

// Weights and thresholds are percents.
inline constexpr int whole = 100;

// What is wrong with the user's object: "spec.analysis.maxWeight", "150 is more than 100".
struct Invalid {
    std::string field;
    std::string why;

    bool operator==(const Invalid&) const = default;
};
// "spec.analysis.maxWeight: 150 is more than 100".
std::string to_string(const Invalid& invalid);

enum class Phase {
    none,  // not seen yet
    initializing,
    initialized,
    waiting,
    progressing,
    waiting_promotion,
    promoting,
    finalising,
    succeeded,
    failed,
    terminating,
    terminated,
};
// "WaitingPromotion"; empty for none.
std::string_view to_string(Phase phase);
std::optional<Phase> parse_phase(std::string_view text);

enum class HookType {
    rollout,
    confirm_rollout,
    pre_rollout,
    confirm_traffic_increase,
    confirm_promotion,
    post_rollout,
    rollback,
    event,
};
// "confirm-rollout".
std::string_view to_string(HookType type);

struct Hook {
    std::string name;
    HookType type = HookType::rollout;
    std::string url;
    // Per attempt. Nothing when the text is not a duration: then the hook fails by that.
    std::optional<Duration> timeout;
    std::string timeout_text;
    int retries = 0;
    std::map<std::string, std::string> metadata;
    bool mute_alert = false;
    bool disable_tls = false;

    bool operator==(const Hook&) const = default;
};

enum class MetricKind {
    request_success_rate,
    request_duration,
    inline_query,
    template_query,  // of a MetricTemplate
    unusable,        // none of these: fails by its text when it is asked
};

// What a check counts as when there is no data for it (no series, no finite number, or fewer
// requests than it asks for).
enum class OnNoData {
    fail,  // a failed check
    skip,  // the weight is held, nothing is counted
    pass,
};

// What a request is to the success rate that got no answer (the mesh's response code 0).
enum class Unanswered {
    pass,     // a success, as any code but 5xx
    exclude,  // neither: it is not counted
    fail,
};

// An object of another kind; the namespace is the Canary's where the user wrote none.
struct Reference {
    std::string name;
    std::string ns;

    auto operator<=>(const Reference&) const = default;
};

struct Metric {
    std::string name;
    MetricKind kind = MetricKind::unusable;
    std::string interval = "1m";
    std::string query;
    // `thresholdRange` wins over `threshold`, also when it is empty.
    bool has_range = false;
    std::optional<double> min;
    std::optional<double> max;
    double threshold = 0;
    bool has_threshold = false;
    std::optional<Reference> template_ref;
    std::map<std::string, std::string> variables;
    OnNoData on_no_data = OnNoData::fail;
    std::int64_t min_requests = 0;  // in the window; 0 asks for none
    Unanswered unanswered = Unanswered::pass;

    bool operator==(const Metric&) const = default;
};

// Which alerts a receiver gets: its own severity and everything above.
enum class Severity { info, warn, error };
std::string_view to_string(Severity severity);  // "warn"

struct AlertRef {
    std::string name;
    Severity severity = Severity::info;
    Reference provider;

    bool operator==(const AlertRef&) const = default;
};

struct SessionAffinity {
    std::string cookie_name;
    std::string primary_cookie_name;  // empty: the primary's users are not bound

    bool operator==(const SessionAffinity&) const = default;
};

// How a release is judged (canary.md 1.3).
enum class Strategy {
    canary,      // by weight
    blue_green,  // by iterations, then all at once
    ab_testing,  // by iterations, for those who match
};
std::string_view to_string(Strategy strategy);  // "blue-green"

struct Analysis {
    Duration interval{};
    int threshold = 1;
    std::optional<int> max_weight;
    int step_weight = 0;
    std::vector<int> step_weights;
    int step_weight_promotion = 0;
    int iterations = 0;
    bool matches = false;  // there is a match: only those who fit it get to the canary
    bool mirror = false;
    std::optional<SessionAffinity> affinity;
    std::vector<AlertRef> alerts;
    int primary_ready_threshold = 100;
    int canary_ready_threshold = 100;
    std::vector<Metric> metrics;
    std::vector<Hook> hooks;

    bool operator==(const Analysis&) const = default;
};

struct ServiceMetadata {
    std::map<std::string, std::string> labels;
    std::map<std::string, std::string> annotations;

    bool operator==(const ServiceMetadata&) const = default;
};

struct Service {
    std::int64_t port = 0;
    std::string port_name = "http";
    Json target_port;  // number or name; null when unset
    std::string app_protocol;
    std::string traffic_distribution;
    bool port_discovery = false;
    bool headless = false;
    bool tcp = false;  // appProtocol tcp: routed by connection
    ServiceMetadata apex, primary, canary;
    std::vector<std::string> unmanaged_labels;
    std::vector<std::string> unmanaged_annotations;

    bool operator==(const Service&) const = default;
};

struct TargetRef {
    std::string api_version;
    std::string kind;
    std::string name;

    bool operator==(const TargetRef&) const = default;
};

struct AutoscalerRef {
    std::string api_version;
    std::string kind;
    std::string name;
    std::optional<std::int64_t> min_replicas;
    std::optional<std::int64_t> max_replicas;
    // KEDA: trigger name → the query that the primary's ScaledObject asks.
    std::map<std::string, std::string> queries;

    bool operator==(const AutoscalerRef&) const = default;
};

struct Rollback {
    std::string cause;    // "failed-checks", "progress-deadline", "webhook", "aborted"
    std::string message;  // what the user was told
    // Why its pods were not ready then, "ImagePullBackOff of web:2 (1 pod)": they are gone when
    // somebody looks. Empty when they were, or nothing said it.
    std::string pods = {};

    bool operator==(const Rollback&) const = default;
};

// The revision under judgement, or the last one judged, and where its template was seen: an
// unchanged generation of one uid means an unchanged template, whatever its hash says.
struct Analysed {
    std::string hash;
    std::string uid;
    std::int64_t generation = 0;
    std::string strategy = {};  // how it is judged: "ab-testing"
    // It has traffic that the revision before it had, and its first round is still to come.
    bool untested = false;
    // It has such traffic, and no good round yet.
    bool unjudged = false;

    bool operator==(const Analysed&) const = default;
};

// By which provider, and under which name, traffic is split; with NGINX beside which Ingress.
struct RoutedBy {
    std::string provider;
    std::string service;
    std::string ingress = {};

    bool operator==(const RoutedBy&) const = default;
};

struct Status {
    Phase phase = Phase::none;
    int canary_weight = 0;
    int failed_checks = 0;
    int iterations = 0;
    std::string last_applied_spec;
    std::string last_promoted_spec;
    std::optional<std::map<std::string, std::string>> tracked_configs;
    // When phase, weight or counters were last written; whole seconds.
    std::optional<Time> last_transition_time;
    Json conditions;  // array, or null when absent
    // "name=value" each; empty when there is none.
    std::string cookie;           // of this run's canary
    std::string previous_cookie;  // to be removed in browsers
    std::string primary_cookie;

    // Ours (design.md section 4).
    std::int64_t observed_generation = 0;
    std::optional<Rollback> rollback;
    std::optional<Time> routed_at;
    std::optional<RoutedBy> routed_by;
    std::optional<Analysed> analysed;
    std::optional<Time> unready_since;
    // The same of the primary while a revision is judged, which goes on meanwhile.
    std::optional<Time> primary_unready_since;
    bool mirrored = false;  // as decided
    std::string granted;    // the wish that was carried out last
    // The hook that was asked last and let nothing through, in front of the next step.
    std::string closed_gate;

    bool operator==(const Status&) const = default;
};
Status parse_status(const Json& status);
// The complete status object: `before` (null is fine) with our fields written over it, so that a
// field which we don't know survives.
Json to_json(const Status& status, const Json& before);
// Rewrites the `Promoted` condition as the phase wants it; unchanged when status and reason are the
// same.
void set_condition(Status& status, std::string_view target_kind, Time now);

// The condition `Held`: why nothing goes on. Conditions are an array, or null when there are none.
std::string_view held_by(const Json& conditions);  // empty when nothing holds it
// An empty text takes it away.
Json with_held(Json conditions, std::string_view why, Time now);
// The condition `Contested`: who else writes what we write.
std::string_view contested_by(const Json& conditions);
Json with_contested(Json conditions, std::string_view who, Time now);

// What a person has asked of one revision; it says nothing about another.
enum class Verb {
    promote,  // without further checks
    step,     // past the closed gate in front of the next step, and no further
    abort,    // roll back
    retry,    // judge a failed revision again
};
std::string_view to_string(Verb verb);

struct Wish {
    Verb verb = Verb::promote;
    std::string revision;    // status.lastAppliedSpec as the person saw it
    std::string text;        // as written: one that was granted is not granted again
    std::string place = {};  // of a step: from where (place_of)

    bool operator==(const Wish&) const = default;
};
// Where a release stands between two steps, in one word: "Progressing/20/0".
std::string place_of(const Status& status);
// Annotation of the Canary: "promote v2:0f3a… 2026-01-25T12:00:00Z", "step v2:0f3a…
// Progressing/20/0 2026-01-25T12:00:00Z".
inline constexpr std::string_view wish_annotation = "sluice.dev/wish";

inline constexpr std::string_view finalizer = "finalizer.flagger.app";

struct Canary {
    std::string name;
    std::string ns;
    std::string uid;
    std::string resource_version;
    std::int64_t generation = 0;
    bool deleting = false;
    bool has_finalizer = false;
    std::optional<Wish> wish;

    std::string provider;  // with the default applied
    std::string metrics_server;
    TargetRef target;
    std::optional<AutoscalerRef> autoscaler;
    std::string apex;  // service.name, else the target's name
    Service service;
    Analysis analysis;
    Duration progress_deadline{};
    bool skip_analysis = false;
    bool suspended = false;
    bool revert_on_deletion = false;
    std::string ingress;  // ingressRef.name, else the target's name
    std::string route;    // routeRef.name, else the target's name

    Status status;
    // The first thing that cannot be understood; the fields above then hold defaults in its place.
    std::optional<Invalid> invalid;
    // The first thing that this version does not carry out: refused by name, never skipped in
    // silence.
    std::optional<Invalid> unbuilt;
    Json raw_status;  // as stored, for to_json

    bool operator==(const Canary&) const = default;

    // Of the primary workload; of a Service as target the primary Service is that.
    std::string primary_name() const {
        return target.kind == "Service" ? primary_service() : target.name + "-primary";
    }
    std::string primary_service() const { return apex + "-primary"; }
    std::string canary_service() const { return apex + "-canary"; }
    // "podinfo.test": how messages name it.
    std::string dotted() const { return name + "." + ns; }
    std::string dotted(std::string_view other) const { return std::string(other) + "." + ns; }
};

struct Defaults {
    std::string provider = "istio";
    std::string metrics_server = "http://prometheus:9090";
    Duration min_interval = std::chrono::seconds(10);
    bool cross_namespace_refs = true;
    bool revert_on_deletion = false;

    bool operator==(const Defaults&) const = default;
};

// Never fails and never throws: what is wrong stands in `invalid`, what is not built in `unbuilt`.
Canary parse_canary(const Json& object, const Defaults& defaults);
// All that cannot be understood or is not built, in the order of the fields.
std::vector<Invalid> mistakes_in(const Json& object, const Defaults& defaults);

// The first thing of the Canary that this version refuses; the same as canary.unbuilt.
std::optional<Invalid> unbuilt(const Canary& canary);

// --- helper values of canary.md 1.3 -----------------------------------------------------------

// The weight at which the analysis ends.
int effective_max_weight(const Analysis& analysis);
// All weights of the plan in rising order; the last one may pass maxWeight. Empty when the plan
// never advances.
std::vector<int> plan_of(const Analysis& analysis);
// The smallest weight of the plan above the present one; nothing when there is none.
std::optional<int> next_weight(const Analysis& analysis, int weight);

// As the spec is written; a provider may be able to do less.
Strategy strategy_of(const Analysis& analysis);

}  // namespace sluice::api
