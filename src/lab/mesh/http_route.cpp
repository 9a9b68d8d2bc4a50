#include "lab/mesh/http_route.hpp"

#include "base/core/duration.hpp"
#include "base/core/text.hpp"
#include "lab/mesh/cors.hpp"
#include "lab/mesh/redirect.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <tuple>

namespace sluice::mesh {

namespace {

constexpr std::string_view gateway_group = "gateway.networking.k8s.io";

std::optional<std::uint16_t> port_at(const Json& value) {
    const auto port = integer_at(value, {"port"});
    if (!port || *port < 1 || *port > 65535) return std::nullopt;
    return static_cast<std::uint16_t>(*port);
}

class Compiler {
   public:
    Compiler(const Json& object, const MayRefer& may_refer)
        : object_(object), may_refer_(may_refer) {}

    HttpRoute compile() {
        made_.key = kube::key_of(object_);
        made_.created = text_at(object_, {"metadata", "creationTimestamp"});
        made_.generation = integer_at(object_, {"metadata", "generation"}).value_or(0);
        for (const auto& hostname : array_at(object_, {"spec", "hostnames"})) {
            if (hostname.is_string()) made_.hostnames.push_back(lower_case(hostname.get_string()));
        }
        for (const auto& parent : array_at(object_, {"spec", "parentRefs"}))
            made_.parents.push_back(parent_of(parent));
        std::size_t index = 0;
        for (const auto& rule : array_at(object_, {"spec", "rules"})) compile_rule(rule, index++);
        return std::move(made_);
    }

   private:
    void fault(std::string_view field, std::string_view why) {
        made_.faults.push_back(fmt::format("{}: {}", field, why));
    }

    RouteParent parent_of(const Json& json) const {
        RouteParent parent;
        parent.reference = json;
        parent.group = text_at(json, {"group"}, gateway_group);
        parent.kind = text_at(json, {"kind"}, "Gateway");
        parent.ns = text_at(json, {"namespace"}, made_.key.ns);
        parent.name = text_at(json, {"name"});
        parent.section = text_at(json, {"sectionName"});
        parent.port = port_at(json);
        return parent;
    }

    void compile_rule(const Json& rule, std::size_t index) {
        const auto field = fmt::format("spec.rules[{}]", index);
        Route base;
        base.id = route_id(index);
        base.name = text_at(rule, {"name"});
        base.status_without_backend = 500;
        compile_backends(base, rule, field);
        compile_filters(base, rule, field);
        compile_timeouts(base, rule, field);
        for (const auto* unbuilt : {"retry", "sessionPersistence"}) {
            if (find(rule, {unbuilt}) != nullptr)
                fault(fmt::format("{}.{}", field, unbuilt), "is not built yet");
        }

        const auto& matches = array_at(rule, {"matches"});
        static const Json everything = JsonObject{};
        if (matches.empty()) add_match(base, everything, field + ".matches");
        for (std::size_t i = 0; i < matches.size(); ++i)
            add_match(base, matches[i], fmt::format("{}.matches[{}]", field, i));
    }

    // The same for all matches of a rule, so that they share one split.
    std::uint64_t route_id(std::size_t rule) const {
        const auto text = fmt::format("HTTPRoute {} {}", to_string(made_.key), rule);
        std::uint64_t hash = 14695981039346656037ULL;
        for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
        return hash;
    }

    // --- matches ---------------------------------------------------------------------------------

    void add_match(const Route& base, const Json& json, const std::string& field) {
        Precedence rank;
        RouteMatch match;
        const auto type = text_at(json, {"path", "type"}, "PathPrefix");
        const auto value = text_at(json, {"path", "value"}, "/");
        rank.path_size = value.size();
        const bool replaces_prefix = (base.rewrite.uri && !base.rewrite.replaces_all) ||
                                     (base.redirect != nullptr && base.redirect->prefix);
        if (replaces_prefix && type != "PathPrefix")
            fault(field + ".path.type", "ReplacePrefixMatch needs a PathPrefix");
        if (type == "Exact") {
            rank.path = Precedence::Path::exact;
            match.uri = TextMatch::of(JsonObject{{"exact", value}});
        } else if (type == "RegularExpression") {
            rank.path = Precedence::Path::pattern;
            match.uri = pattern(value, field + ".path.value");
        } else {
            match.uri = TextMatch::segments(value);
        }
        if (const auto method = text_at(json, {"method"}); !method.empty()) {
            rank.has_method = true;
            match.method = TextMatch::of(JsonObject{{"exact", method}});
        }
        match.headers = conditions(json, "headers", field);
        match.query = conditions(json, "queryParams", field);
        rank.headers = match.headers.size();
        rank.query = match.query.size();

        auto route = std::make_shared<Route>(base);
        route->matches.push_back(std::move(match));
        made_.routes.push_back({rank, std::move(route)});
    }

    std::vector<NamedMatch> conditions(const Json& json,
                                       std::string_view list,
                                       const std::string& field) {
        std::vector<NamedMatch> made;
        const auto& all = array_at(json, {list});
        for (std::size_t i = 0; i < all.size(); ++i) {
            const auto value = text_at(all[i], {"value"});
            const bool is_pattern = text_at(all[i], {"type"}, "Exact") == "RegularExpression";
            made.push_back({std::string(text_at(all[i], {"name"})),
                            is_pattern
                                ? pattern(value, fmt::format("{}.{}[{}].value", field, list, i))
                                : TextMatch::of(JsonObject{{"exact", value}})});
        }
        return made;
    }

    TextMatch pattern(std::string_view text, const std::string& field) {
        auto match = TextMatch::of(JsonObject{{"regex", text}});
        if (!match.is_valid()) fault(field, fmt::format("\"{}\" is no RE2 expression", text));
        return match;
    }

    // --- backends --------------------------------------------------------------------------------

    BackendRef backend_of(const Json& json, std::string field) const {
        BackendRef backend;
        backend.group = text_at(json, {"group"});
        backend.kind = text_at(json, {"kind"}, "Service");
        backend.ns = text_at(json, {"namespace"}, made_.key.ns);
        backend.name = text_at(json, {"name"});
        backend.port = port_at(json);
        backend.field = std::move(field);
        return backend;
    }

    // The Service's full name; none that exists when the rule may not ask for it.
    std::string host_of(const BackendRef& backend) const {
        if (!backend.is_service() || !may_refer_(backend)) return {};
        return service_host(backend.name, backend.ns);
    }

    void compile_backends(Route& route, const Json& rule, const std::string& field) {
        const auto& all = array_at(rule, {"backendRefs"});
        for (std::size_t i = 0; i < all.size(); ++i) {
            auto backend = backend_of(all[i], fmt::format("{}.backendRefs[{}]", field, i));
            Destination to;
            to.host = host_of(backend);
            to.port = backend.port;
            to.weight = static_cast<int>(
                std::clamp<std::int64_t>(integer_at(all[i], {"weight"}).value_or(1), 0, 1'000'000));
            compile_backend_filters(to, all[i], backend.field);
            made_.backends.push_back(std::move(backend));
            if (to.weight == 0) continue;
            route.weights.push_back(to.weight);
            route.destinations.push_back(std::move(to));
        }
        // Nobody is asked: 500.
        if (route.destinations.empty()) {
            route.destinations.emplace_back();
            route.weights.push_back(1);
        }
    }

    void compile_backend_filters(Destination& to, const Json& json, const std::string& where) {
        const auto& filters = array_at(json, {"filters"});
        for (std::size_t i = 0; i < filters.size(); ++i) {
            const auto type = text_at(filters[i], {"type"});
            if (type == "RequestHeaderModifier") {
                to.for_request = headers_of(filters[i], "requestHeaderModifier", &to.authority);
            } else if (type == "ResponseHeaderModifier") {
                to.for_response = headers_of(filters[i], "responseHeaderModifier", nullptr);
            } else {
                fault(fmt::format("{}.filters[{}]", where, i),
                      fmt::format("{} is not built yet for a backend", type));
            }
        }
    }

    // --- filters ---------------------------------------------------------------------------------

    void compile_filters(Route& route, const Json& rule, const std::string& field) {
        const auto& filters = array_at(rule, {"filters"});
        for (std::size_t i = 0; i < filters.size(); ++i) {
            const auto& filter = filters[i];
            const auto type = text_at(filter, {"type"});
            const auto where = fmt::format("{}.filters[{}]", field, i);
            if (type == "RequestHeaderModifier") {
                route.for_request = headers_of(filter, "requestHeaderModifier", &route.authority);
            } else if (type == "ResponseHeaderModifier") {
                route.for_response = headers_of(filter, "responseHeaderModifier", nullptr);
            } else if (type == "URLRewrite") {
                compile_rewrite(route, filter);
            } else if (type == "RequestRedirect") {
                compile_redirect(route, filter);
                if (!array_at(rule, {"backendRefs"}).empty())
                    fault(where, "RequestRedirect and backendRefs cannot both be in a rule");
            } else if (type == "CORS") {
                compile_cors(route, filter);
            } else if (type == "RequestMirror") {
                compile_mirror(route, filter, where);
            } else {
                fault(where, fmt::format("{} is not built yet", type));
            }
        }
        const bool is_rewritten = std::ranges::any_of(
            filters, [](const Json& filter) { return text_at(filter, {"type"}) == "URLRewrite"; });
        if (route.redirect != nullptr && is_rewritten)
            fault(field + ".filters", "RequestRedirect and URLRewrite cannot both be in a rule");
    }

    // Where neither port nor scheme is given, it is the listener's port.
    static void compile_redirect(Route& route, const Json& filter) {
        const Json json = object_at(filter, {"requestRedirect"});
        auto redirect = std::make_shared<Redirect>();
        redirect->scheme = text_at(json, {"scheme"});
        redirect->authority = text_at(json, {"hostname"});
        redirect->status = static_cast<int>(integer_at(json, {"statusCode"}).value_or(302));
        if (const auto port = port_at(json)) {
            redirect->port = Redirect::Port::given;
            redirect->port_number = *port;
        } else {
            redirect->port = redirect->scheme.empty() ? Redirect::Port::of_listener
                                                      : Redirect::Port::of_protocol;
        }
        const auto type = text_at(json, {"path", "type"});
        if (type == "ReplaceFullPath")
            redirect->uri = text_at(json, {"path", "replaceFullPath"});
        else if (type == "ReplacePrefixMatch")
            redirect->prefix = text_at(json, {"path", "replacePrefixMatch"});
        route.redirect = std::move(redirect);
    }

    // "https://*.example.com" stands for every name that ends so.
    static void compile_cors(Route& route, const Json& filter) {
        const Json json = object_at(filter, {"cors"});
        JsonArray origins;
        for (const auto& origin : array_at(json, {"allowOrigins"})) {
            if (!origin.is_string()) continue;
            const std::string_view text = origin.get_string();
            const auto star = text.find('*');
            if (star == std::string_view::npos) {
                origins.push_back(JsonObject{{"exact", text}});
                continue;
            }
            const auto quoted = [](std::string_view part) {
                return re2::RE2::QuoteMeta(re2::StringPiece(part.data(), part.size()));
            };
            origins.push_back(JsonObject{
                {"regex", quoted(text.substr(0, star)) + ".*" + quoted(text.substr(star + 1))}});
        }
        JsonObject policy{{"allowOrigins", std::move(origins)},
                          {"allowMethods", array_at(json, {"allowMethods"})},
                          {"allowHeaders", array_at(json, {"allowHeaders"})},
                          {"exposeHeaders", array_at(json, {"exposeHeaders"})},
                          {"maxAge", fmt::format("{}s", integer_at(json, {"maxAge"}).value_or(5))}};
        if (const auto allowed = bool_at(json, {"allowCredentials"}))
            policy["allowCredentials"] = *allowed;
        route.cors = parse_cors(policy);
    }

    // Every request, or `percent` of them, or a fraction.
    void compile_mirror(Route& route, const Json& filter, const std::string& where) {
        const Json mirror = object_at(filter, {"requestMirror"});
        static const Json nothing = JsonObject{};
        const auto* reference = find(mirror, {"backendRef"});
        auto backend = backend_of(reference == nullptr ? nothing : *reference,
                                  where + ".requestMirror.backendRef");
        double share = static_cast<double>(integer_at(mirror, {"percent"}).value_or(100)) / 100;
        if (const auto numerator = integer_at(mirror, {"fraction", "numerator"})) {
            const auto denominator = integer_at(mirror, {"fraction", "denominator"}).value_or(100);
            share = static_cast<double>(*numerator) /
                    static_cast<double>(std::max<std::int64_t>(1, denominator));
        }
        Mirror copies{{}, std::min(share, 1.0)};
        copies.destination.host = host_of(backend);
        copies.destination.port = backend.port;
        made_.backends.push_back(std::move(backend));
        // Nobody to send one to: said in the status, and no request suffers.
        if (share > 0 && !copies.destination.host.empty())
            route.mirrors.push_back(std::move(copies));
    }

    static HeaderOperations headers_of(const Json& filter,
                                       std::string_view field,
                                       std::string* authority) {
        HeaderOperations made;
        const auto& operations = object_at(filter, {field});
        const Json json = operations;
        for (const auto& name : array_at(json, {"remove"})) {
            if (name.is_string()) made.remove.emplace_back(name.get_string());
        }
        for (auto [list, into] : {std::pair{"set", &made.set}, std::pair{"add", &made.add}}) {
            for (const auto& header : array_at(json, {list})) {
                const auto name = text_at(header, {"name"});
                const auto value = text_at(header, {"value"});
                if (equals_ignoring_case(name, "host")) {
                    if (authority != nullptr) *authority = value;
                } else {
                    into->emplace_back(std::string(name), std::string(value));
                }
            }
        }
        return made;
    }

    static void compile_rewrite(Route& route, const Json& filter) {
        route.rewrite.authority = text_at(filter, {"urlRewrite", "hostname"});
        const auto type = text_at(filter, {"urlRewrite", "path", "type"});
        if (type == "ReplaceFullPath") {
            route.rewrite.uri = text_at(filter, {"urlRewrite", "path", "replaceFullPath"});
            route.rewrite.replaces_all = true;
        } else if (type == "ReplacePrefixMatch") {
            route.rewrite.uri = text_at(filter, {"urlRewrite", "path", "replacePrefixMatch"});
        }
    }

    void compile_timeouts(Route& route, const Json& rule, const std::string& field) {
        const auto read = [&](std::string_view name) -> std::optional<Duration> {
            const auto text = text_at(rule, {"timeouts", name});
            if (text.empty()) return std::nullopt;
            const auto duration = parse_duration(text);
            if (!duration)
                fault(fmt::format("{}.timeouts.{}", field, name),
                      fmt::format("\"{}\" is no duration", text));
            // Nothing means no limit.
            if (!duration || *duration <= Duration::zero()) return std::nullopt;
            return duration;
        };
        route.timeout = read("request");
        route.retries.per_try_timeout = read("backendRequest");
    }

    const Json& object_;
    const MayRefer& may_refer_;
    HttpRoute made_;
};

}  // namespace

bool RouteParent::is_gateway() const {
    return group == gateway_group && kind == "Gateway";
}

std::strong_ordering Precedence::operator<=>(const Precedence& other) const {
    // More of a thing comes first.
    return std::tie(path, other.path_size, other.has_method, other.headers, other.query) <=>
           std::tie(other.path, path_size, has_method, headers, query);
}

bool HttpRoute::is_before(const HttpRoute& other) const {
    return std::tie(created, key) < std::tie(other.created, other.key);
}

HttpRoute compile_http_route(const Json& object, const MayRefer& may_refer) {
    return Compiler(object, may_refer).compile();
}

}  // namespace sluice::mesh
