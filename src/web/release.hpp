// One release as the contract tells it (web/openapi.yaml): pure, from the objects and the numbers
// that were measured.
#pragma once

#include "base/core/json.hpp"
#include "base/core/time.hpp"
#include "kube/pods.hpp"
#include "notify/sent.hpp"
#include "release/sentence.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sluice::web {

// What callers saw of one workload, or of all, after retries: by whom it is told, `callers` or
// `app`.
struct Seen {
    std::string by;
    std::optional<double> rps, success, p99;
    std::string reason;

    bool operator==(const Seen&) const = default;
};

// What was measured of one workload. Nothing where it is not known; `reason` says why.
struct Rates {
    std::optional<double> rps;
    std::optional<double> success;    // 0..1
    std::optional<double> no_answer;  // 0..1, a part of what `success` leaves
    std::optional<double> p50, p95, p99;
    std::string reason;
    Seen seen = {};  // nothing where it was not asked for

    bool operator==(const Rates&) const = default;
};

// Whom the new version met since its analysis began.
struct Exposure {
    std::string by = {};  // as Seen::by
    std::optional<double> requests, failed;
    std::optional<double> cut_off;  // tries that callers never heard of
    std::optional<Time> since;
    std::string reason = "no release is under way";

    bool operator==(const Exposure&) const = default;
};

// One of a release's objects: its workloads, Services and routes.
struct OwnObject {
    std::string kind;
    std::string ns;
    std::string name;
    bool exists = false;
    // Of lint, on it.
    int errors = 0, warnings = 0, infos = 0;
};

struct ReleaseSeen {
    release::CanarySeen of;
    std::optional<Json> target, primary;  // Deployments or DaemonSets
    // What the route objects say now, percent; nothing where they cannot be read.
    std::optional<int> configured;
    std::vector<OwnObject> routes;
    Rates stable, canary;
    Duration window = std::chrono::seconds{60};  // of the rates
    Exposure exposure;
    // For the detail: of this Canary alone.
    std::vector<OwnObject> objects;
    std::vector<Json> pods;
    std::vector<Json> events;
    std::string pods_reason, events_reason;  // why not all of them are known; empty: they are
    // Newest first; nothing where this process does not know what is sent.
    std::optional<std::vector<notify::Sent>> sent = {};
};

using release::Severity;

// What a list is ordered by, and what it may be looked for.
struct Release {
    Severity severity = Severity::ok;
    Time since{};
    std::string ns, name;
    std::string status;
    std::string haystack;  // lower case: namespace/name, images, status
    JsonObject json;       // without detail; `actions` as the state has them
    bool has_attention = false;
    std::optional<Time> stale_at;  // when time alone changes it
    // What requests to its canary are held against, and the check that fails: empty for none.
    release::RequestLimits limits;
    std::string failing_check;
    // `json` as text, by what its reader may do.
    std::map<std::string, std::string, std::less<>> texts;
};
// `words` are for what its pods wait for: a list is for all who may read the Canary.
Release release_of(const ReleaseSeen& seen, Time now, kube::Words words = kube::Words::in_short);
// Other numbers of both sides into a release that rests: nothing else of it follows from them.
struct SidesMeasured {
    const Rates& stable;
    const Rates& canary;
    Duration window{};
};
void put_numbers(Release& release, const SidesMeasured& numbers);
// What is marked "detail only", into a release's JSON.
void add_detail(JsonObject& json, const ReleaseSeen& seen);

// `json` with no other verbs than these, as text; made once.
const std::string& text_for(Release& release, const std::vector<std::string>& verbs);
// What this person may do: a verb that is not among `verbs` is taken out of `actions` and of
// `attention`.
void keep_verbs(JsonObject& json, const std::vector<std::string>& verbs);
// What this person may not see is taken out of its `detail`.
struct LeftOut;
void leave_out(JsonObject& json, const LeftOut& what);
extern const std::vector<std::string> all_verbs;

// One pod; `revision` is what it is to its release, or `other`.
JsonObject pod_json(const Json& pod, std::string_view revision);
// One Event of the cluster.
JsonObject event_json(const Json& event);
std::optional<Time> time_of_event(const Json& event);
// Where it stands among others: by its time, which is told in whole seconds, and then as the API
// server got it. Nothing without a time.
struct EventPlace {
    Time at{};
    std::uint64_t arrival = 0;
    std::string name;

    auto operator<=>(const EventPlace&) const = default;
};
std::optional<EventPlace> place_of_event(const Json& event);

}  // namespace sluice::web
