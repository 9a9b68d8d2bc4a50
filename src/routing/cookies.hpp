// Session affinity (spec.analysis.sessionAffinity): the cookies by which a user stays with the
// version that answered first. Their values stand in the Canary's status before a route uses them.
#pragma once

#include "routing/router.hpp"

#include <boost/json/value.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace sluice::routing {

// "name=value" each; empty when there is none.
struct Cookies {
    std::string canary;   // keeps a user at the canary
    std::string primary;  // keeps a user at the primary
    std::string removed;  // no longer means anything: browsers are told to forget it
};

// Those that the routes with this split name; none without session affinity.
Cookies cookies_of(const Json& canary, Shares shares);

// What a Cookie header must match to hold that cookie, and no other one whose name ends the same.
std::string cookie_pattern(std::string_view cookie);

// Texts of Set-Cookie headers.
std::string set_canary_cookie(const Json& canary, std::string_view cookie);
std::string set_primary_cookie(const Json& canary, std::string_view cookie);
std::string forget_cookie(const Json& canary, std::string_view cookie);

// True when a pattern of some route, ours or the peer's, asks for a cookie of this Canary.
bool is_about_cookie(const Json& canary, std::string_view pattern);

}  // namespace sluice::routing
