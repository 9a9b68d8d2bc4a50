// One router per mesh or ingress: a Canary's routes as that system's objects, and back. Routers are
// pure: they read objects that somebody fetched and say which writes make them right. Everything of
// the Canary is read from its object as it stands: the plan from `spec`, the cookies of session
// affinity from `status` (they are written there before a route that uses them).
#pragma once

#include "base/core/json.hpp"
#include "kube/resource.hpp"

#include <boost/json/value.hpp>

#include <map>
#include <string>
#include <vector>

namespace sluice::routing {

struct ObjectName {
    kube::Resource resource;
    kube::ObjectKey key;

    auto operator<=>(const ObjectName&) const = default;
};

// What exists of the objects a router asked for.
using LiveObjects = std::map<ObjectName, Json>;

struct Shares {
    int primary = 100;
    int canary = 0;
    bool mirrored = false;  // the canary gets copies of the primary's requests; answers are dropped

    bool operator==(const Shares&) const = default;
};

struct RoutesSeen {
    // False while the route object does not exist; the rest means nothing then.
    bool present = false;
    std::string resource_version;  // of the object that holds the split
    Shares shares;
    // Why what was written last does not count yet: the mesh has not taken it over. Empty when it
    // has, and where a mesh does not say.
    std::string pending = {};

    bool operator==(const RoutesSeen&) const = default;
};

// What a router can carry out for one Canary. What it cannot is not asked of it: the judgement does
// without, and says so once.
struct Capabilities {
    bool weights = true;    // false: nothing is split (no mesh); a release is blue/green then
    bool mirror = false;    // analysis.mirror
    bool match = false;     // analysis.match, A/B testing
    bool affinity = false;  // analysis.sessionAffinity
    // The primary's share goes to its own Service. Else it goes to the apex, which then has to be
    // ours: it cannot be the target itself.
    bool primary_apart = true;

    bool operator==(const Capabilities&) const = default;
};

enum class WriteVerb { create, patch, remove };

// One write, as a value. A patch is a merge patch that holds only our own fields and the
// resourceVersion of what it was computed from, so a change in between is a conflict and not a
// loss. A removal's body is {"metadata": {"uid", "resourceVersion"}} of the object that is meant;
// one that is gone already is fine.
struct ObjectWrite {
    ObjectName name;
    WriteVerb verb = WriteVerb::create;
    Json body;
    // The log line of success, "VirtualService web.prod created"; empty for a split, which its
    // Event announces.
    std::string done;
    std::string failing;           // what its failure is reported as, before ": <why>"
    std::string failing_end = {};  // and after it
};

class Router {
   public:
    Router() = default;
    Router(const Router&) = delete;
    Router& operator=(const Router&) = delete;
    virtual ~Router() = default;

    // Every kind that it reads or writes: what has to be served and watched where it is used.
    virtual std::vector<kube::Resource> kinds() const = 0;
    virtual Capabilities capabilities(const Json& canary) const = 0;
    // The objects that the calls below want to see.
    virtual std::vector<ObjectName> objects(const Json& canary) const = 0;
    // The present split. `invalid` when the route object exists without our destinations.
    virtual Result<RoutesSeen> read(const Json& canary, const LiveObjects& live) const = 0;
    // The writes that create what is missing and correct what drifted, with this split; none in an
    // unchanged world. Never touches a foreign route, or a field it does not know. `denied` when an
    // object belongs to another controller.
    virtual Result<std::vector<ObjectWrite>> ensure(const Json& canary,
                                                    const LiveObjects& live,
                                                    Shares shares) const = 0;
    // The write that makes the split this one; its body is empty when it is already. The shares add
    // up to 100.
    virtual Result<ObjectWrite> route(const Json& canary,
                                      const LiveObjects& live,
                                      Shares shares) const = 0;
    // The writes that give the user's objects back as they were before the Canary
    // (spec.revertOnDeletion) and remove ours; none when nothing is left to do. What is missing or
    // another controller's counts as reverted.
    virtual Result<std::vector<ObjectWrite>> revert(const Json& canary,
                                                    const LiveObjects& live) const = 0;
};

// The names that everything of a Canary is derived from (canary.md, notation).
struct ServiceNames {
    std::string apex, primary, canary;
};
ServiceNames service_names(const Json& canary);

// Annotations that keep a GitOps tool from undoing what we write (routing 1.2).
const std::map<std::string, std::string>& flux_annotations();

}  // namespace sluice::routing
