// What all routers do with the objects that they write: make them, change only what differs, leave
// alone what another controller has, and give a user's object back as it was.
#pragma once

#include "routing/router.hpp"

#include <boost/json.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::routing {

// What the user had before our first write, as JSON of its spec; the peer's name for it.
inline constexpr std::string_view original_configuration =
    "flagger.kubernetes.io/original-configuration";
// The whole object as kubectl applied it.
inline constexpr std::string_view last_applied = "kubectl.kubernetes.io/last-applied-configuration";

// Null while it does not exist.
const Json* find_live(const LiveObjects& live, const ObjectName& name);
// "VirtualService web.prod"
std::string title(const ObjectName& name);
// `virtualservices.networking.istio.io "web" not found`, as an API server says it.
std::string not_found_text(const ObjectName& name);
// `invalid`: "VirtualService web.prod does not contain routes for web-primary and web-canary".
Error no_routes(const ObjectName& name, const ServiceNames& names);

// True when both mean the same JSON, whatever the order of their keys.
bool is_same(const Json& one, const Json& other);

// By its owner reference, or across clusters by annotation `sluice.dev/owner`.
bool is_controlled_by(const Json& object, const Json& canary);
// An owner reference leads nowhere there: the garbage collector would take the object away.
Json for_another_cluster(Json object);
// Nobody's object may be adopted, another controller's never: `denied`.
Result<void> require_ours_or_free(const ObjectName& name, const Json& object, const Json& canary);

// An empty object of that name which the Canary owns.
Json new_object(const ObjectName& name, const Json& canary);
// spec.service.apex' labels and annotations, and those that keep GitOps tools away.
void put_metadata(Json& object, const Json& canary);
// Notes in `desired` what the spec of an adopted object was before our first write.
void keep_original(Json& desired, const Json& live, const Json& canary);

ObjectWrite creation(const ObjectName& name, Json object, std::string failing);
// The patch from `live` to `desired`; its body is an empty object when nothing differs.
ObjectWrite change(const ObjectName& name,
                   const Json& live,
                   const Json& desired,
                   std::string failing);
// Of exactly this object in this version.
ObjectWrite removal(const ObjectName& name, const Json& live);
bool says_something(const ObjectWrite& write);

// The write that gives one object back: ours is removed, a user's gets its spec and its metadata
// again. Nothing for what is missing, another controller's, or as it was. `bad_answer` when the
// annotation that holds the original cannot be read.
using SameSpec = std::function<bool(const Json& one, const Json& other)>;
Result<std::optional<ObjectWrite>> giving_back(const ObjectName& name,
                                               const LiveObjects& live,
                                               const Json& canary,
                                               const SameSpec& same = is_same);

// Sets the key, or removes it where the value is missing or empty.
void put_or_drop(JsonObject& object, std::string_view key, const Json* value);

// The shares are whole percents of one whole: anything else is our own mistake.
void require_whole(Shares shares);

}  // namespace sluice::routing
