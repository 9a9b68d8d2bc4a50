// ConfigMaps and Secrets that the target's pods use: which of them are followed, how a change of
// one is known, and the copies that the primary's pods use in their place (canary.md 4.3).
//
// A revision is the pod template and the contents of what it names, so that a changed config goes
// through the same judgement as a changed template. Contents are never held: the caches keep
// checksums of them, and only whoever makes a copy reads them.
#pragma once

#include "base/core/json.hpp"
#include "delivery/canary/effects.hpp"
#include "delivery/canary/seen.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::canary {

// "configmap/NAME" and "secret/NAME" of everything in the target's pod spec that may be followed;
// sorted, each once.
std::vector<std::string> config_references(const Json& deployment);
Kind kind_of_config(std::string_view reference);
std::string name_of_config(std::string_view reference);
// "configmap/settings-primary".
std::string copy_of_config(std::string_view reference);

// What a cache keeps of a ConfigMap or Secret: everything but its contents, and checksums of them.
Json config_summary(Json object);
// Of a whole object, as status.trackedConfigs has it: the peer's, and where there is binaryData,
// which the peer leaves out, of that too (DB-35).
std::string config_checksum(const Json& object);

// Fills in what is followed, and why the target's configs cannot be copied. Returns what of it
// makes up the revision.
std::map<std::string, std::string> read_configs(const Seen& seen, World& world);
// A copy's place that is somebody else's; empty when there is none.
std::string config_refusal(const Seen& seen, const api::Canary& canary);

// What was followed when the status was written is not what stands now.
bool configs_changed(const World& world);
// "configmap settings has changed", each.
std::vector<std::string> changed_configs(const World& world);

// Each copy holds what its original does; what the peer copies of it, if the peer made it.
bool copies_hold(const World& world);
// The checksums of the copies that the primary uses, by their originals.
std::map<std::string, std::string> copied_checksums(const World& world);
// The originals of all copies that this Canary owns: which names a primary's template has that was
// not made from the target as it is now.
std::set<std::string> copied_configs(const World& world);
// What the copies lack of the target's configs; `failing` leads the text of a failure.
std::vector<Effect> copy_configs(const World& world, std::string_view failing);
// The same for those that do not stand at all.
std::vector<Effect> copy_missing_configs(const World& world);
// Before the copies are overwritten, what was promoted is put aside, so that a failed promotion
// finds its way back.
std::vector<Effect> put_configs_aside(const World& world);
std::vector<Effect> bring_configs_back(const World& world);
// Copies that the primary does not use, and that are nobody else's (DB-36).
std::vector<Effect> forget_configs(const World& world);
// The canary's pods have read at their start what has changed since: they start anew (DB-37).
std::optional<Effect> roll_canary(const World& world);

// The copy as it should stand; `present` is the one that stands, or null.
Json copied(const CopyConfig& copy, const Json& source, const Json* present);
// It cannot be changed into the wanted one.
bool has_to_be_replaced(const Json& present, const Json& wanted);

}  // namespace sluice::canary
