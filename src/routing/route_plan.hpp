// Which routes a Canary needs while it has this split, in the words of no mesh; and how they are
// laid into a list that holds other people's routes too. Shared by the routers that have lists of
// routes: Istio and the Gateway API.
#pragma once

#include "routing/cookies.hpp"
#include "routing/router.hpp"

#include <boost/json.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace sluice::routing {

// spec.analysis, or its legacy name where no CRD prunes it.
const Json& analysis_of(const Json& canary);

// analysis.match laid over each service.match: fields of the former win. One of them alone when the
// other is empty.
JsonArray merged_matches(const JsonArray& analysis, const JsonArray& service);

// The first field of an analysis.match that is none of `known`: left out, it would let more users
// in than were meant. The peer's `sourceLabels` are Istio's and do nothing elsewhere.
std::optional<std::string> unknown_match_field(const Json& canary,
                                               std::initializer_list<std::string_view> known);

enum class RouteRole {
    removal,         // tells browsers to forget the cookie of a run that is over
    sticky_canary,   // users whom the canary has answered
    sticky_primary,  // users whom the primary has answered
    split,           // the one that holds the weights
    rest,            // A/B testing: everybody who does not match
};

struct PlannedRoute {
    RouteRole role = RouteRole::split;
    JsonArray matches;  // in the words of spec.service.match
    int primary = 100;
    std::optional<int> canary;  // none: the canary is not named
    bool mirrored = false;
    // Texts of Set-Cookie headers, on all answers of the route or on one version's.
    std::string set_cookie, primary_set_cookie, canary_set_cookie;
    std::string cookie;  // the one that its match asks for, "name=value"
};

// In their order. The one of role split is always among them.
std::vector<PlannedRoute> planned_routes(const Json& canary, Shares shares);

// What a router sees in one route of the live list.
struct RouteLook {
    bool names_primary = false;
    bool names_canary = false;
    bool catches_all = false;                  // no condition
    std::vector<std::string> cookie_patterns;  // conditions on the Cookie header
};
using Look = std::function<RouteLook(const Json& route)>;
// Writes what is planned into a route, and leaves the keys that we do not own.
using Fill = std::function<void(JsonObject& route, const PlannedRoute& plan)>;

// Where the live route stands that holds the split; nothing when none names the canary.
std::optional<std::size_t> find_split(const Json& canary, const JsonArray& live, const Look& look);

// The live list with our routes made as planned: foreign ones (which name neither version) keep
// their places, ours are edited in place, those of ours that are not planned go.
JsonArray laid_routes(const Json& canary,
                      const JsonArray& live,
                      const Look& look,
                      const std::vector<PlannedRoute>& plan,
                      const Fill& fill);

// The list without any of ours.
JsonArray without_ours(const JsonArray& live, const Look& look);

}  // namespace sluice::routing
