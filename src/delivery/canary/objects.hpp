// The objects that a Canary has: the primary Deployment, three Services, the primary's autoscaler,
// and the templates that are kept (canary.md 4). Wanted objects, and merge patches that change only
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

// Create or correct one Service; nothing when it stands as it should.
enum class Role { apex, primary, canary };
std::optional<Effect> ensure_service(const World& world, Role role);
// Where the provider has no weights, the apex Service points at the canary while a failed promotion
// is mended (DB-4): it does as it stands.
bool apex_selects_canary(const World& world);

// The primary's autoscaler when it is missing. Nothing without an autoscalerRef.
std::optional<Effect> create_scaler(const World& world);
// The primary's autoscaler scales as the target's does; the patch is empty where it does already.
std::optional<Patch> update_scaler(const World& world);

// Keeps a template in a ControllerRevision; nothing when it is kept already.
std::optional<Effect> keep_template(const World& world,
                                    const Json& pod_template,
                                    std::string_view hash,
                                    std::int64_t replicas);
// Lets go of every kept template but this one.
std::vector<Effect> forget_others(const World& world, std::string_view hash);

// The replicas that the target gets when it is scaled up (canary.md 4.8).
std::int64_t replicas_from_zero(const World& world);
ScaleTarget scale_target(const World& world, std::int64_t replicas);

}  // namespace sluice::canary
