// What an act writes. Each effect states what must be true afterwards, so it may be repeated; each
// carries its log line and the Warning that its failure is reported by.
#pragma once

#include "base/core/json.hpp"
#include "delivery/canary/seen.hpp"

#include <boost/json/value.hpp>

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace sluice::canary {

// The kinds that the judgement writes, in the Canary's namespace.
enum class Kind {
    deployment,
    daemon_set,
    service,
    horizontal_pod_autoscaler,
    scaled_object,
    controller_revision,
    config_map,
    secret,
};
std::string_view to_string(Kind kind);  // "Deployment"

// All that a router writes, where objects are named.
inline constexpr std::string_view routes_object = "routes";

// Log line on success (info, none when empty) and the Warning's text on failure: `failure` + the
// error's message.
struct Telling {
    std::string log;
    std::string failure;

    bool operator==(const Telling&) const = default;
};

// The object stands. AlreadyExists is an error like any other: the next pass sees it.
struct Create {
    Kind kind{};
    Json object;
    Telling telling;

    bool operator==(const Create&) const = default;
};

// A merge patch (RFC 7386) with preconditions: the uid always, the resourceVersion where it was
// decided on the content. An empty one finds the object as it should be: it is told and not sent.
struct Patch {
    Kind kind{};
    std::string name;
    std::string uid;
    std::string resource_version;  // empty: none
    Json patch;
    Telling telling;

    bool operator==(const Patch&) const = default;
    bool is_empty() const;
};

// spec.replicas of the target; carries the uid only, because it may be repeated. A DaemonSet has no
// replicas: at 0 it selects nodes that do not exist, else the nodes that its author chose.
struct ScaleTarget {
    Kind kind = Kind::deployment;
    std::string name;
    std::string uid;
    std::int64_t replicas = 0;
    Telling telling;

    bool operator==(const ScaleTarget&) const = default;
};

// Already gone is fine.
struct Delete {
    Kind kind{};
    std::string name;
    std::string uid;
    Telling telling;

    bool operator==(const Delete&) const = default;
};

// The mesh objects are as they should be, with these weights (T13: created, or drift corrected).
struct EnsureRoutes {
    Weights weights;
    std::string resource_version;  // of the object that holds the weights; empty when absent
    Telling telling;

    bool operator==(const EnsureRoutes&) const = default;
};

// The weights are these.
struct Route {
    Weights weights;
    std::string resource_version;
    Telling telling;

    bool operator==(const Route&) const = default;
};

// One ConfigMap or Secret holds what another one does (configs.hpp). Its contents are in no value
// of ours: whoever carries it out reads them, and a source with another checksum is a conflict.
struct CopyConfig {
    Kind kind{};
    std::string from;
    std::string to;
    std::string checksum;
    std::vector<std::string> label_prefixes;  // of the labels that are copied
    Json owner;                               // the Canary's reference
    Telling telling;

    bool operator==(const CopyConfig&) const = default;
};

// The user's own apex Service is as it was before the Canary: it selects what kubectl last applied,
// else what `selector` says. Gone, or somebody else's by now, is fine.
struct GiveBackApex {
    std::string name;
    Json selector;  // null: nobody knows
    Telling telling;

    bool operator==(const GiveBackApex&) const = default;
};

// The user's mesh objects are as they were before the Canary, and ours are gone.
struct GiveBackRoutes {
    Telling telling;

    bool operator==(const GiveBackRoutes&) const = default;
};

// Whether the Canary is kept from vanishing before its deletion has been carried out.
struct HoldFinalizer {
    bool held = false;
    Telling telling;

    bool operator==(const HoldFinalizer&) const = default;
};

using Effect = std::variant<Create,
                            Patch,
                            ScaleTarget,
                            Delete,
                            EnsureRoutes,
                            Route,
                            CopyConfig,
                            GiveBackApex,
                            GiveBackRoutes,
                            HoldFinalizer>;
Json to_json(const Effect& effect);
std::string to_string(const Effect& effect);  // one line, for logs and tests

}  // namespace sluice::canary
