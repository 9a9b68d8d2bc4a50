// One HTTPRoute of the Gateway API as the proxy reads it: each match is a Route of its own, with
// the place in which it is tried. Pure.
#pragma once

#include "lab/mesh/route.hpp"

#include <compare>
#include <functional>
#include <string>
#include <vector>

namespace sluice::mesh {

// A Service (or something that is none) to which a rule sends or mirrors requests.
struct BackendRef {
    std::string group, kind = "Service", ns, name;
    std::optional<std::uint16_t> port;
    std::string field;  // "spec.rules[0].backendRefs[1]"

    bool is_service() const { return group.empty() && kind == "Service"; }
};

// Who carries the route: a Gateway, or a Service for callers in the mesh.
struct RouteParent {
    Json reference;  // as written
    std::string group, kind, ns, name, section;
    std::optional<std::uint16_t> port;

    bool is_gateway() const;
    bool is_service() const { return group.empty() && kind == "Service"; }
};

// The Gateway API's order of matches: less is tried first. A path's pattern stands between exact
// and prefix, where the API leaves it open.
struct Precedence {
    enum class Path { exact, pattern, prefix };
    Path path = Path::prefix;
    std::size_t path_size = 1;
    bool has_method = false;
    std::size_t headers = 0, query = 0;

    std::strong_ordering operator<=>(const Precedence& other) const;
    bool operator==(const Precedence&) const = default;
};

struct RankedRoute {
    Precedence rank;
    RoutePtr route;
};

struct HttpRoute {
    kube::ObjectKey key;
    std::string created;
    std::int64_t generation = 0;
    std::vector<std::string> hostnames;  // none: every one
    std::vector<RouteParent> parents;
    std::vector<RankedRoute> routes;  // in the order of the rules, and of their matches
    std::vector<BackendRef> backends;
    // What the lab does not carry out, or nobody could: "spec.rules[0].filters[1]: …". Such a route
    // is not followed at all: half of it would make a test in the lab worth nothing.
    std::vector<std::string> faults;

    // Older routes first, then by namespace and name.
    bool is_before(const HttpRoute& other) const;
};

// Whether a rule may name that backend: one in another namespace needs a ReferenceGrant. What may
// not be named is answered 500, as the API wants it.
using MayRefer = std::function<bool(const BackendRef& backend)>;

HttpRoute compile_http_route(const Json& object, const MayRefer& may_refer);

}  // namespace sluice::mesh
