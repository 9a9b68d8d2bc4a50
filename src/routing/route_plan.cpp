#include "routing/route_plan.hpp"

#include "base/core/text.hpp"

#include <algorithm>

namespace sluice::routing {
namespace {

bool is_ours(const RouteLook& look) {
    return look.names_primary || look.names_canary;
}

// --- the plan ---------------------------------------------------------------------------------

// service.match, each also asking for the cookie: nobody who does not match gets in by a cookie.
JsonArray cookie_matches(const JsonArray& service, const std::string& cookie) {
    const Json pattern = JsonObject{{"regex", cookie_pattern(cookie)}};
    JsonArray matches = service;
    if (matches.empty()) matches.emplace_back(JsonObject{});
    for (auto& match : matches) {
        if (!match.is_object()) match = JsonObject{};
        JsonObject headers;
        for (const auto& [name, value] : object_at(match, {"headers"})) {
            if (!equals_ignoring_case(name, "cookie")) headers[name] = value;
        }
        headers["Cookie"] = pattern;
        put(match, {"headers"}, std::move(headers));
    }
    return matches;
}

std::vector<PlannedRoute> planned_for_matching(const JsonArray& analysis,
                                               const JsonArray& service,
                                               Shares shares) {
    return {{.role = RouteRole::split,
             .matches = merged_matches(analysis, service),
             .primary = shares.primary,
             .canary = shares.canary},
            // Alone in its route, it gets everything; a weight that says so misleads nobody.
            {.role = RouteRole::rest, .matches = service, .primary = 100}};
}

// --- the live list ----------------------------------------------------------------------------

class LiveList {
   public:
    LiveList(const Json& canary, const JsonArray& routes, const Look& look) {
        for (const auto& route : routes) {
            looks_.push_back(look(route));
            const auto& patterns = looks_.back().cookie_patterns;
            sticky_.push_back(is_ours(looks_.back()) &&
                              std::ranges::any_of(patterns, [&](const std::string& pattern) {
                                  return is_about_cookie(canary, pattern);
                              }));
        }
    }

    // The last one that splits between the two, else the last one that names the canary.
    std::optional<std::size_t> split(bool sticky) const {
        std::optional<std::size_t> named;
        for (std::size_t i = looks_.size(); i-- > 0;) {
            if (sticky_[i] != sticky || !looks_[i].names_canary) continue;
            if (looks_[i].names_primary) return i;
            if (!named) named = i;
        }
        return named;
    }

    // The first after that place, or of all, which has only the primary.
    std::optional<std::size_t> primary_only(std::optional<std::size_t> after) const {
        for (std::size_t i = after ? *after + 1 : 0; i < looks_.size(); ++i) {
            if (!sticky_[i] && looks_[i].names_primary && !looks_[i].names_canary) return i;
        }
        return std::nullopt;
    }

    // A route without conditions takes everything that is left, so ours come before the first.
    std::size_t place_for_ours() const {
        const auto found = std::ranges::find_if(
            looks_, [](const RouteLook& look) { return !is_ours(look) && look.catches_all; });
        return static_cast<std::size_t>(found - looks_.begin());
    }

    std::optional<std::size_t> sticky_with(const std::string& cookie) const {
        const auto pattern = cookie_pattern(cookie);
        for (std::size_t i = 0; i < looks_.size(); ++i) {
            if (sticky_[i] && std::ranges::count(looks_[i].cookie_patterns, pattern) > 0) return i;
        }
        return std::nullopt;
    }

    bool is_ours_at(std::size_t i) const { return is_ours(looks_[i]); }

   private:
    std::vector<RouteLook> looks_;
    std::vector<bool> sticky_;
};

}  // namespace

const Json& analysis_of(const Json& canary) {
    static const Json nothing = JsonObject{};
    for (const std::string_view name : {"analysis", "canaryAnalysis"}) {
        if (const auto* found = find(canary, {"spec", name}); found != nullptr) return *found;
    }
    return nothing;
}

std::optional<std::string> unknown_match_field(const Json& canary,
                                               std::initializer_list<std::string_view> known) {
    for (const auto& match : array_at(analysis_of(canary), {"match"})) {
        for (const auto& [name, value] : object_at(match, {})) {
            if (name == "name" || name == "sourceLabels") continue;
            if (std::ranges::find(known, std::string_view(name)) == known.end())
                return std::string(name);
        }
    }
    return std::nullopt;
}

JsonArray merged_matches(const JsonArray& analysis, const JsonArray& service) {
    if (analysis.empty()) return service;
    if (service.empty()) return analysis;
    JsonArray merged;
    for (const auto& outer : analysis) {
        for (const auto& inner : service) {
            auto match = inner.is_object() ? inner.get_object() : JsonObject{};
            if (outer.is_object()) {
                for (const auto& [key, value] : outer.get_object()) match[key] = value;
            }
            merged.emplace_back(std::move(match));
        }
    }
    return merged;
}

std::vector<PlannedRoute> planned_routes(const Json& canary, Shares shares) {
    const auto& service = array_at(canary, {"spec", "service", "match"});
    const auto& analysis = array_at(analysis_of(canary), {"match"});
    if (!analysis.empty()) return planned_for_matching(analysis, service, shares);

    const auto cookies = cookies_of(canary, shares);
    std::vector<PlannedRoute> plan;
    if (!cookies.removed.empty()) {
        plan.push_back({.role = RouteRole::removal,
                        .matches = cookie_matches(service, cookies.removed),
                        .primary = shares.primary,
                        .canary = shares.canary,
                        .set_cookie = forget_cookie(canary, cookies.removed),
                        .cookie = cookies.removed});
    }
    if (!cookies.canary.empty()) {
        plan.push_back({.role = RouteRole::sticky_canary,
                        .matches = cookie_matches(service, cookies.canary),
                        .primary = 0,
                        .canary = 100,
                        .cookie = cookies.canary});
    }
    if (!cookies.primary.empty()) {
        plan.push_back({.role = RouteRole::sticky_primary,
                        .matches = cookie_matches(service, cookies.primary),
                        .primary = 100,
                        .canary = 0,
                        .cookie = cookies.primary});
    }
    PlannedRoute split{.role = RouteRole::split,
                       .matches = service,
                       .primary = shares.primary,
                       .canary = shares.canary,
                       .mirrored = shares.mirrored};
    if (!cookies.canary.empty()) {
        split.canary_set_cookie = set_canary_cookie(canary, cookies.canary);
    }
    if (!cookies.primary.empty()) {
        split.primary_set_cookie = set_primary_cookie(canary, cookies.primary);
    }
    plan.push_back(std::move(split));
    return plan;
}

std::optional<std::size_t> find_split(const Json& canary, const JsonArray& live, const Look& look) {
    const LiveList list(canary, live, look);
    // A user's own condition may look like one on our cookie.
    const auto found = list.split(false);
    return found ? found : list.split(true);
}

JsonArray laid_routes(const Json& canary,
                      const JsonArray& live,
                      const Look& look,
                      const std::vector<PlannedRoute>& plan,
                      const Fill& fill) {
    const LiveList list(canary, live, look);
    auto at_split = list.split(false);
    if (!at_split) at_split = list.primary_only({});
    const auto at_rest = at_split ? list.primary_only(at_split) : std::nullopt;
    const auto place = at_split.value_or(list.place_for_ours());

    JsonArray routes;
    const auto add = [&](const PlannedRoute& each, std::optional<std::size_t> from) {
        JsonObject route;
        if (from && live[*from].is_object()) route = live[*from].get_object();
        fill(route, each);
        routes.emplace_back(std::move(route));
    };
    const auto add_ours = [&] {
        for (const auto& each : plan) {
            switch (each.role) {
                case RouteRole::removal:
                case RouteRole::sticky_canary:
                case RouteRole::sticky_primary:
                    add(each, list.sticky_with(each.cookie));
                    break;
                case RouteRole::split:
                    add(each, at_split);
                    break;
                case RouteRole::rest:
                    // Where it stands, so that what somebody put before it stays before it.
                    if (!at_rest) add(each, {});
                    break;
            }
        }
    };
    for (std::size_t i = 0; i < live.size(); ++i) {
        if (i == place) add_ours();
        if (!list.is_ours_at(i)) {
            routes.push_back(live[i]);
        } else if (i == at_rest) {
            for (const auto& each : plan) {
                if (each.role == RouteRole::rest) add(each, at_rest);
            }
        }
    }
    if (place >= live.size()) add_ours();
    return routes;
}

JsonArray without_ours(const JsonArray& live, const Look& look) {
    JsonArray foreign;
    for (const auto& route : live) {
        if (!is_ours(look(route))) foreign.push_back(route);
    }
    return foreign;
}

}  // namespace sluice::routing
