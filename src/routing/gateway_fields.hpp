// The fields of an HTTPRoute: what spec.service says, in the Gateway API's words, and the values
// that its API server fills in.
#pragma once

#include "routing/route_plan.hpp"

#include <boost/json.hpp>

namespace sluice::routing {

enum class GatewayVersion { v1, v1beta1 };

// spec.parentRefs as written into the route.
JsonArray gateway_parents(const Json& canary);

// Conditions of one rule; a match that says nothing here is left out. `invalid` names a condition
// that the Gateway API has no word for.
Result<JsonArray> gateway_matches(const JsonArray& matches);

// The filters of a rule, in the peer's order.
JsonArray gateway_filters(const Json& canary, const PlannedRoute& plan, GatewayVersion version);
// True for the types that `gateway_filters` writes; the others are the user's.
bool is_our_filter(const Json& filter, GatewayVersion version);

JsonArray gateway_backends(const Json& canary, const PlannedRoute& plan);

// {"request", "backendRequest"}; empty when there are none.
JsonObject gateway_timeouts(const Json& canary);

// With everything that an API server would fill in.
Json with_rule_defaults(Json rule);
Json with_parent_defaults(Json parent);
Json with_route_defaults(Json spec);

// True when both rules mean the same. A `percent` that an older API has dropped is none to miss.
bool is_same_rule(const Json& live, const Json& desired);

}  // namespace sluice::routing
