// What differs between the kinds of workload that a Canary may target (canary.md 2.15): their names
// in messages, when they are ready, and how one is kept from running.
#pragma once

#include "api/canary.hpp"
#include "delivery/canary/effects.hpp"
#include "delivery/canary/readiness.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sluice::canary {

// Of the target and its primary; nothing for a kind that is not carried out.
std::optional<Kind> workload_kind(std::string_view kind);
Kind kind_of(const World& world);
// The same of autoscalers.
std::optional<Kind> scaler_kind(std::string_view kind);
// "deployment": as messages of the API say it.
std::string_view word_of(Kind kind);
// "deployments.apps"
std::string_view qualified_plural(Kind kind);

// The object as its author means it: a DaemonSet without what keeps it from running, a Service
// without what the cluster has allocated to it.
Json authored(Kind kind, Json object);
// What of it is judged and promoted: the pod template, or a Service's spec. Null when it has none.
const Json* template_of(Kind kind, const Json& object);
void put_template(Kind kind, Json& object, Json made);
// Wanted pods, as far as the object says: 0 while it is kept from running. A Service has none,
// ever.
std::int64_t replicas_wanted(Kind kind, const Json& object);
std::int64_t pods_available(Kind kind, const Json& object);
Readiness readiness_of(Kind kind, const Json& object, const ReadinessQuestion& question);

// The merge patch that makes the target run so many pods.
Json scaling_patch(const ScaleTarget& scale);

// "canary deployment web.prod not ready: …" and "web-primary.prod not ready: …", as the peer words
// them for each kind.
std::string canary_not_ready(Kind kind, std::string_view target, const Readiness& readiness);
std::string primary_not_ready(Kind kind, std::string_view primary, const Readiness& readiness);
std::string target_missing(Kind kind, std::string_view target, std::string_view name);

}  // namespace sluice::canary
