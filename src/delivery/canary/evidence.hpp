// Questions to the outside and their answers. An answer holds for the fingerprint it was asked
// under, and no longer.
#pragma once

#include "api/canary.hpp"
#include "base/core/json.hpp"

#include <boost/json/value.hpp>

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace sluice::canary {

// Are the metric providers of this Canary online? (T7; `prometheus not avaiable: …` is the text of
// an error.)
struct ProbeProviders {
    std::string metrics_server;
    // In the order of the checks; nothing stands for the metrics server.
    std::vector<std::optional<api::Reference>> providers = {std::nullopt};

    bool operator==(const ProbeProviders&) const = default;
};

// POST the payload to the hook; status <= 299 passes, anything else fails with the text of
// routing-metrics-hooks.md 3.2.
struct CallHook {
    api::Hook hook;
    Json payload;  // keys in the peer's order

    bool operator==(const CallHook&) const = default;
};

// The value of a metric. Passed with a value, `no_values`, or `error`; whether the value is good is
// judged here (is_failure).
struct Measure {
    api::Metric metric;
    std::string metrics_server;
    std::string provider;  // "istio": the set of built-in queries
    std::string target;    // for the query
    std::string ns;
    std::string canary;
    std::string service;  // the apex
    std::string ingress;
    std::string route;

    bool operator==(const Measure&) const = default;
};

// Why the pods of this workload are not ready: passed with a text that says it in short, or without
// one where nothing does.
inline constexpr std::string_view pods_question = "pods";  // the id
struct LookAtPods {
    Json workload;

    bool operator==(const LookAtPods&) const = default;
};

struct Question {
    std::string id;  // "metric/0/request-success-rate": the key of its answer
    std::variant<ProbeProviders, CallHook, Measure, LookAtPods> what;

    bool operator==(const Question&) const = default;
};

enum class Outcome { passed, failed, no_values, error };
std::string_view to_string(Outcome outcome);

struct Answer {
    Outcome outcome = Outcome::passed;
    std::string text;             // why not; of a template's query the whole message
    std::optional<double> value;  // of a metric; milliseconds for request-duration
    std::string asked;            // of a metric: its query as it was sent

    bool operator==(const Answer&) const = default;
};

enum class Stop { all, until_first_failure, until_first_success };

// Questions to ask in order (those of an `all` batch may be asked side by side).
struct Batch {
    std::vector<Question> questions;
    Stop stop = Stop::all;

    bool operator==(const Batch&) const = default;
};

// Whether this answer counts as a failure: a metric out of its bounds does, also where the query
// itself went well.
bool is_failure(const Question& question, const Answer& answer);
// Whether the batch ends here.
bool ends(const Batch& batch, const Question& question, const Answer& answer);

struct Evidence {
    std::string fingerprint;
    std::map<std::string, Answer> answers;

    // Drops everything that was answered under another fingerprint.
    void keep_only(const std::string& of);
    void add(const std::map<std::string, Answer>& more);
    const Answer* find(const std::string& id) const;

    bool operator==(const Evidence&) const = default;
};

Json to_json(const Question& question);
Json to_json(const Answer& answer);
Json to_json(const Evidence& evidence);

}  // namespace sluice::canary
