// The target's autoscaler, and its copy that scales the primary (canary.md 4.4).
#pragma once

#include "delivery/canary/effects.hpp"
#include "delivery/canary/seen.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::canary {

// The primary's autoscaler when it is missing. Nothing without an autoscalerRef.
std::optional<Effect> create_scaler(const World& world);
// The primary's autoscaler scales as the target's does; the patch is empty where it does already.
std::optional<Patch> update_scaler(const World& world);

// A KEDA ScaledObject scales from zero by itself: it is paused while its target is kept at zero,
// and resumed before it is scaled up. Nothing where that is so already, and for an HPA, which does
// nothing for a target at zero.
std::optional<Patch> pause_scaler(const World& world);
std::optional<Patch> resume_scaler(const World& world);

// One that the primary had before spec.autoscalerRef was edited, once the new one is there: two
// would undo each other's work.
std::optional<Effect> remove_old_scaler(const World& world);
// The fewest replicas that the target's autoscaler keeps; 1 where it says nothing.
std::int64_t least_replicas(const World& world);

// "HorizontalPodAutoscaler web.prod get query error: … not found".
std::string scaler_missing(const api::Canary& canary);

// A trigger's query about the target, as one about the primary: every mention of the target or its
// canary, but not within a longer word.
std::string query_of_primary(std::string_view query, std::string_view target);

}  // namespace sluice::canary
