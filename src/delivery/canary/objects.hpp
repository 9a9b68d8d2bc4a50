// The objects that a Canary has: the primary workload, three Services, and the templates that are
// kept (canary.md 4). Wanted objects, and merge patches that change only
// what is ours in existing ones.
#pragma once

#include "base/core/json.hpp"
#include "delivery/canary/effects.hpp"
#include "delivery/canary/revision.hpp"
#include "delivery/canary/seen.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sluice::canary {

// How the primary's template is made from the target's, as it is now.
Rewriting rewriting_of(const World& world);
// How the present primary's template, or one that is kept, was made.
Rewriting rewriting_of_primary(const World& world);
// The target's template as the primary has it; `hash` names it. A Service is copied as it is.
Json made_for_primary(const World& world, const Json& of_target, std::string_view hash);
// The way back, as far as it goes.
Json undone(const World& world, const Json& of_primary);

// Labels or annotations of the target that describe it alone, or tell another tool what to do with
// it, are not copied (DB-40).
bool is_own_key(std::string_view key);

// What makes an object this Canary's.
JsonArray owner_references(const World& world);
// True when the object's controller is this Canary.
bool is_owned(const World& world, const Json& object);

// The primary, made from this template; strategy, deadlines and metadata come from the target as it
// is now.
Create create_primary(const World& world,
                      const Json& pod_template,
                      std::string_view hash,
                      std::int64_t replicas);
// What promotion changes in the primary; nothing when it already stands so.
std::optional<Patch> promote_primary(const World& world, std::string_view hash);
// The primary runs this template again; nothing else of it changes.
std::optional<Patch> restore_primary(const World& world,
                                     const Json& pod_template,
                                     std::string_view hash);

// The primary has as many replicas as the target is given; nothing where an autoscaler says how
// many.
std::optional<Patch> resize_primary(const World& world, std::int64_t replicas);
// It has pods again, if its autoscaler has scaled it to zero.
std::optional<Patch> wake_primary(const World& world);

// Create or correct one Service; nothing when it stands as it should.
enum class Role { apex, primary, canary };
std::optional<Effect> ensure_service(const World& world, Role role);
// The user's Service as it was before the Canary: it selects what kubectl last applied, else
// `selector` (null: as it does), and is nobody's business any more.
Json service_before(const Json& live, const Json& selector);
// Where the provider has no weights, the apex Service points at the canary while a failed promotion
// is mended (DB-4): it does as it stands.
bool apex_selects_canary(const World& world);

// Keeps a template in a ControllerRevision; nothing when it is kept already.
std::optional<Effect> keep_template(const World& world,
                                    const Json& pod_template,
                                    std::string_view hash,
                                    std::int64_t replicas);
// On a kept template: as many replicas as the primary was given since, by whomever.
inline constexpr std::string_view replicas_annotation = "sluice.dev/replicas";
// Notes how many the primary has; nothing where that is known, or said by somebody else (DB-3).
std::optional<Patch> note_replicas(const World& world);
// On a kept template: the kind of the target that it was taken from, "Deployment".
inline constexpr std::string_view kept_kind_annotation = "sluice.dev/target-kind";
// It was kept before spec.targetRef.kind changed under the same name.
bool is_of_another_kind(const World& world, const Json& revision);
// Lets go of a kept template, or of every one but this.
Effect forget(const World& world, const Json& revision);
std::vector<Effect> forget_others(const World& world, std::string_view hash);

// The replicas that the target gets when it is scaled up (canary.md 4.8).
std::int64_t replicas_from_zero(const World& world);
ScaleTarget scale_target(const World& world, std::int64_t replicas);

}  // namespace sluice::canary
