// Everything seen of one Canary: the raw objects as the caches have them, and the World that is
// read out of them.
#pragma once

#include "api/canary.hpp"
#include "base/core/json.hpp"
#include "base/core/time.hpp"
#include "delivery/canary/readiness.hpp"

#include <boost/json/value.hpp>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice::canary {

struct Weights {
    int primary = api::whole;
    int canary = 0;
    bool mirrored = false;  // the canary gets copies of the primary's requests

    bool operator==(const Weights&) const = default;
};
Weights split(int canary);               // the primary has the rest
std::string to_string(Weights weights);  // "90/10", "100/0 mirrored"

enum class RoutesState {
    absent,      // no mesh object: everything goes to the apex Service's pods
    weights,     // readable
    unreadable,  // it stands, but its weights cannot be read; `text` says why
};

// What the provider can carry out for this Canary (routing/router.hpp).
struct Capabilities {
    bool weights = true;
    bool mirror = false;
    bool match = false;
    bool affinity = false;

    bool operator==(const Capabilities&) const = default;
};

// What routing/ makes of the mesh objects.
struct RoutesSeen {
    RoutesState state = RoutesState::absent;
    Weights weights;
    std::string text;
    Capabilities can;
    // "provider linkerd is not supported; known: istio"; empty for one that is.
    std::string refusal;
    // Anything but the weights differs from what should stand there (a missing DestinationRule
    // too).
    bool drifted = false;
    // Why the weights as written are not in force yet; empty when they are.
    std::string pending;
    // Of the object that holds the weights: writes carry it.
    std::string resource_version;

    bool operator==(const RoutesSeen&) const = default;
};

// The process' settings that the judgement reads.
struct Settings {
    std::vector<std::string> selector_labels{"app", "name", "app.kubernetes.io/name"};
    std::vector<std::string> label_prefixes;  // "*" = all
    Duration drain_delay = std::chrono::seconds(10);
    bool track_configs = true;
    api::Defaults defaults;  // provider, metrics server, shortest interval

    bool operator==(const Settings&) const = default;
};

// Memory of the process about one Canary. Losing it is harmless: a check is asked once more, a
// Warning posted once more. The controller keeps what the last Act handed it and gives it back with
// the next Seen.
struct Remembered {
    // The last round (or closed gate), also when it wrote no status.
    std::optional<Time> last_round;
    // A gate that was closed when everything else had passed, and when it was last asked: it is
    // asked again more often than a round comes.
    std::string closed_gate;
    std::optional<Time> gate_asked_at;
    // The last Warning posted while nothing else happened, and when.
    std::string last_warning;
    std::optional<Time> last_warning_at;
    // Whether the metric providers answered, and when they were asked.
    std::optional<bool> providers_online;
    std::optional<Time> providers_asked_at;
    // The generation of the spec, and its analysis, as of the last act: what has changed is told by
    // them.
    std::int64_t generation = 0;
    Json plan;
    // The target's generation that was last written to status.analysed.
    std::int64_t fenced = 0;
    // For how many hours it was reported to wait for people.
    std::int64_t hours_reported = 0;

    bool operator==(const Remembered&) const = default;
};

// In a Deployment's status, where whoever gathers the Seen knows it from managedFields: when the
// pod template was last written.
inline constexpr std::string_view template_written_field = "templateWritten";

struct Seen {
    Json canary;  // as it is routed (as_routed)
    // What its spec says of how it is routed, and is not done before the release is over.
    std::string postponed;
    std::optional<Json> ns;  // the Namespace; its injection labels are looked at
    std::optional<Json> target;
    std::optional<Json> primary;
    std::optional<Json> target_scaler;   // spec.autoscalerRef.name
    std::optional<Json> primary_scaler;  // the same with -primary
    // Autoscalers whose controller is this Canary.
    std::vector<Json> owned_scalers;
    std::optional<Json> apex_service;
    std::optional<Json> primary_service;
    std::optional<Json> canary_service;
    // ControllerRevisions whose controller is this Canary: the promoted template, and the one under
    // promotion.
    std::vector<Json> revisions;
    // Summaries (configs.hpp) of the ConfigMaps and Secrets that the target's pods name, and of
    // their copies, by "configmap/NAME" or "secret/NAME"; one that does not exist is left out.
    std::map<std::string, Json> configs;
    std::vector<Json> owned_configs;  // those of which this Canary is an owner
    // Objects that others write too, and that are not to be put right yet (corrections.hpp).
    std::set<std::string> spaced;
    RoutesSeen routes;
    Settings settings;
    Remembered remembered;
};

// A Deployment with what the judgement asks of it.
struct Workload {
    Json object;
    std::string name;
    std::string uid;
    std::string resource_version;
    std::int64_t generation = 0;
    std::int64_t replicas = 1;   // desired
    std::int64_t available = 0;  // pods
    Readiness readiness;         // 4.6.1, and at least one available pod
    std::optional<Time> template_written;

    bool operator==(const Workload&) const = default;
    bool ready() const { return readiness.state == ReadyState::ready; }
};

struct World {
    api::Canary canary;
    Settings settings;
    Remembered remembered;
    Time now{};
    RoutesSeen routes;

    std::optional<Workload> target;
    std::optional<Workload> primary;
    std::string selector_label;  // "app"
    std::string selector_value;  // "podinfo"; the primary's is "podinfo-primary"
    std::string revision;  // hash of the target's template and configs; empty without a target
    std::string
        primary_carries;  // hash that the primary's template was made from; empty when unknown
    // Templates that are kept, by hash: {"template": …, "replicas": n}.
    std::map<std::string, Json> kept;

    // What is followed of the target's configs: its checksum, as status.trackedConfigs has it.
    std::map<std::string, std::string> tracked;
    bool stands_as_noted = true;          // ... and the status, the peer's as well, says the same
    std::map<std::string, Json> configs;  // as Seen has them
    std::vector<Json> owned_configs;
    std::string config_trouble;  // why they cannot be copied; empty when they can

    std::optional<Json> target_scaler, primary_scaler;
    std::vector<Json> owned_scalers;
    std::optional<Json> apex_service, primary_service, canary_service;
    std::vector<Json> revisions;
    Json analysis;                                   // spec.analysis as written
    api::Strategy strategy = api::Strategy::canary;  // as the spec is written
    bool injected = true;                            // the target's pods get a sidecar
    std::string postponed;                           // as Seen has it
    std::set<std::string> spaced;                    // as Seen has it
    // What a person wants of the revision that is judged, or waits; nothing once it was granted.
    std::optional<api::Verb> wish;

    // The first reason why nothing is done for this Canary: invalid, not built, an object that is
    // somebody else's. The Warning's text; empty when there is none.
    std::string refusal;
    // What hinders every tick from going past T4: the target is missing, or no selector label fits.
    std::string hindrance;

    bool operator==(const World&) const = default;
};

// A release goes to its end by the provider and the service name that it was begun with: else the
// old route would keep its split when nobody looks after it any more, and lead to pods that are
// gone. What the spec says meanwhile is told.
struct Routed {
    Json canary;
    std::string postponed;  // "spec.provider nginx, spec.service.name web"; empty for none
};
Routed as_routed(Json canary, const api::Defaults& defaults);

// By which field of the status the primary is waited for. Where both versions are, its wait has a
// clock of its own.
using WaitClock = std::optional<Time> api::Status::*;
WaitClock clock_of_primary(api::Phase phase);

// Pure: the same objects and time give the same World.
World world_of(const Seen& seen, Time now);
// A digest for logs and tests.
Json to_json(const World& world);

}  // namespace sluice::canary
