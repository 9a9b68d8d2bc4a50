#include "lab/mesh/nginx_ingress.hpp"

#include "base/core/text.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

namespace sluice::mesh {

namespace {

constexpr std::string_view prefix = "nginx.ingress.kubernetes.io/";
constexpr std::string_view class_annotation = "kubernetes.io/ingress.class";

std::string_view annotation(const Json& object, std::string_view name) {
    return text_at(object, {"metadata", "annotations", fmt::format("{}{}", prefix, name)});
}

bool is_pattern(std::string_view text) {
    return TextMatch::of(JsonObject{{"regex", text}}).is_valid();
}

class Compiler {
   public:
    Compiler(const Json& object, const PortNumber& port_number)
        : object_(object), port_number_(port_number) {}

    Ingress compile() {
        made_.key = kube::key_of(object_);
        made_.created = text_at(object_, {"metadata", "creationTimestamp"});
        made_.rewrite_target = annotation(object_, "rewrite-target");
        has_patterns_ = annotation(object_, "use-regex") == "true" || !made_.rewrite_target.empty();
        compile_canary();
        find_unbuilt();
        if (const auto* backend = find(object_, {"spec", "defaultBackend"}))
            add_location({}, *backend, "spec.defaultBackend");
        const auto& rules = array_at(object_, {"spec", "rules"});
        for (std::size_t i = 0; i < rules.size(); ++i) {
            const auto& paths = array_at(rules[i], {"http", "paths"});
            for (std::size_t k = 0; k < paths.size(); ++k)
                compile_path(text_at(rules[i], {"host"}),
                             paths[k],
                             fmt::format("spec.rules[{}].http.paths[{}]", i, k));
        }
        return std::move(made_);
    }

   private:
    void fault(std::string_view field, std::string_view why) {
        made_.faults.push_back(fmt::format("{}: {}", field, why));
    }
    void annotation_fault(std::string_view name, std::string_view why) {
        fault(fmt::format("annotation {}{}", prefix, name), why);
    }

    void find_unbuilt() {
        constexpr std::array<std::string_view, 10> built{"canary",
                                                         "canary-weight",
                                                         "canary-weight-total",
                                                         "canary-by-header",
                                                         "canary-by-header-value",
                                                         "canary-by-header-pattern",
                                                         "canary-by-cookie",
                                                         "rewrite-target",
                                                         "use-regex",
                                                         "backend-protocol"};
        for (const auto& [key, value] : object_at(object_, {"metadata", "annotations"})) {
            const std::string_view whole = key;
            if (!whole.starts_with(prefix)) continue;
            const auto name = whole.substr(prefix.size());
            const bool is_off = value == "false" && name.ends_with("ssl-redirect");
            const bool is_http = name != "backend-protocol" || value == "HTTP";
            if ((std::ranges::find(built, name) == built.end() || !is_http) && !is_off)
                annotation_fault(name, "is not built yet");
        }
        if (!array_at(object_, {"spec", "tls"}).empty())
            fault("spec.tls", "is not built yet: the hosts are served without TLS");
    }

    int number(std::string_view name, int otherwise, int most) {
        const auto text = annotation(object_, name);
        if (text.empty()) return otherwise;
        const auto value = parse_integer(text);
        if (value && *value >= 0 && *value <= most) return static_cast<int>(*value);
        annotation_fault(name, fmt::format("\"{}\" is no number from 0 to {}", text, most));
        return otherwise;
    }

    void compile_canary() {
        if (annotation(object_, "canary") != "true") return;
        IngressCanary canary;
        canary.total = std::max(1, number("canary-weight-total", 100, 1'000'000));
        canary.weight = number("canary-weight", 0, canary.total);
        canary.header = annotation(object_, "canary-by-header");
        canary.header_value = annotation(object_, "canary-by-header-value");
        canary.header_pattern = annotation(object_, "canary-by-header-pattern");
        canary.cookie = annotation(object_, "canary-by-cookie");
        if (!is_pattern(canary.header_pattern)) {
            annotation_fault("canary-by-header-pattern",
                             fmt::format("\"{}\" is no RE2 expression", canary.header_pattern));
            canary.header_pattern.clear();
        }
        made_.canary = std::move(canary);
    }

    void compile_path(std::string_view host, const Json& json, const std::string& field) {
        IngressLocation location;
        if (!host.empty()) location.host = lower_case(host);
        location.path = text_at(json, {"path"}, "/");
        const auto type = text_at(json, {"pathType"}, "ImplementationSpecific");
        if (type == "Exact") {
            location.kind = IngressLocation::Kind::exact;
        } else if (has_patterns_) {
            location.kind = IngressLocation::Kind::pattern;
            if (!is_pattern(location.path))
                fault(field + ".path", fmt::format("\"{}\" is no RE2 expression", location.path));
        } else if (type == "ImplementationSpecific") {
            location.kind = IngressLocation::Kind::prefix;
        }
        const auto* backend = find(json, {"backend"});
        if (backend != nullptr) add_location(std::move(location), *backend, field + ".backend");
    }

    void add_location(IngressLocation location, const Json& backend, const std::string& field) {
        location.service = text_at(backend, {"service", "name"});
        if (location.service.empty()) return fault(field, "is no Service, which is not built yet");
        const auto name = text_at(backend, {"service", "port", "name"});
        if (!name.empty()) {
            location.port = port_number_({made_.key.ns, location.service}, name);
        } else if (const auto number = integer_at(backend, {"service", "port", "number"});
                   number && *number > 0 && *number < 65536) {
            location.port = static_cast<std::uint16_t>(*number);
        }
        made_.locations.push_back(std::move(location));
    }

    const Json& object_;
    const PortNumber& port_number_;
    Ingress made_;
    bool has_patterns_ = false;
};

// "$2" as RE2 writes it.
std::string replacement_of(std::string_view target) {
    std::string text;
    for (std::size_t i = 0; i < target.size(); ++i) {
        if (target[i] == '$' && i + 1 < target.size() && is_digit(target[i + 1]))
            text += '\\';
        else if (target[i] == '\\')
            text += "\\\\";
        else
            text += target[i];
    }
    return text;
}

TextMatch path_match(const IngressLocation& location) {
    switch (location.kind) {
        case IngressLocation::Kind::exact:
            return TextMatch::of(JsonObject{{"exact", location.path}});
        case IngressLocation::Kind::segments:
            return TextMatch::segments(location.path);
        case IngressLocation::Kind::prefix:
            return TextMatch::of(JsonObject{{"prefix", location.path}});
        case IngressLocation::Kind::pattern:
            break;
    }
    return TextMatch::of(JsonObject{{"regex", fmt::format("(?is)(?:{}).*", location.path)}});
}

std::shared_ptr<const re2::RE2> rewrite_pattern(const std::string& path) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_case_sensitive(false);
    options.set_dot_nl(true);
    options.set_max_mem(1 << 20);
    // What is behind the match goes with it: NGINX replaces the whole path.
    return std::make_shared<const re2::RE2>("^(?:" + path + ").*", options);
}

std::uint64_t location_id(const Ingress& ingress, const IngressLocation& location) {
    const auto text =
        fmt::format("Ingress {} {}{}", to_string(ingress.key), location.host, location.path);
    std::uint64_t hash = 14695981039346656037ULL;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    return hash;
}

Destination destination_of(const Ingress& ingress, const IngressLocation& location) {
    Destination to;
    to.host = service_host(location.service, ingress.key.ns);
    to.port = location.port;
    return to;
}

struct Alternative {
    const Ingress* ingress;
    const IngressLocation* location;
};

NamedMatch header_is(const std::string& name, std::string_view value) {
    return {name, TextMatch::of(JsonObject{{"exact", value}})};
}

NamedMatch cookie_is(const std::string& name, std::string_view value) {
    return {
        "cookie",
        TextMatch::of(JsonObject{
            {"regex",
             fmt::format("(?s)(?:.*;)?[ ]*{}={}[ ]*(?:;.*)?", re2::RE2::QuoteMeta(name), value)}})};
}

// One location: first those whom the canary names, then everybody by weight.
void add_routes(std::vector<RoutePtr>& routes,
                const Ingress& ingress,
                const IngressLocation& location,
                const std::optional<Alternative>& alternative) {
    Route base;
    base.id = location_id(ingress, location);
    if (!ingress.rewrite_target.empty()) {
        base.rewrite.regex = rewrite_pattern(location.path);
        base.rewrite.replacement = replacement_of(ingress.rewrite_target);
    }
    base.ingress = std::make_shared<const IngressNames>(IngressNames{
        ingress.key.ns, ingress.key.name, location.service, location.host, location.path});
    const auto main = destination_of(ingress, location);
    const auto add = [&](std::optional<NamedMatch> who, std::vector<Destination> to) {
        auto route = std::make_shared<Route>(base);
        RouteMatch match;
        match.uri = path_match(location);
        if (who) match.headers.push_back(std::move(*who));
        route->matches.push_back(std::move(match));
        for (auto& each : to) {
            if (each.weight == 0) continue;
            route->weights.push_back(each.weight);
            route->destinations.push_back(std::move(each));
        }
        routes.push_back(std::move(route));
    };
    const auto whole = [](Destination to) {
        to.weight = 1;
        return std::vector{std::move(to)};
    };
    if (!alternative) return add(std::nullopt, whole(main));

    auto other = destination_of(*alternative->ingress, *alternative->location);
    other.alternative = fmt::format("{}-{}-{}",
                                    alternative->ingress->key.ns,
                                    alternative->location->service,
                                    alternative->location->port.value_or(0));
    const auto& canary = *alternative->ingress->canary;
    if (!canary.header.empty()) {
        if (!canary.header_value.empty()) {
            add(header_is(canary.header, canary.header_value), whole(other));
        } else if (!canary.header_pattern.empty()) {
            add(NamedMatch{canary.header,
                           TextMatch::of(JsonObject{
                               {"regex", fmt::format("(?s).*(?:{}).*", canary.header_pattern)}})},
                whole(other));
        } else {
            add(header_is(canary.header, "always"), whole(other));
            add(header_is(canary.header, "never"), whole(main));
        }
    }
    if (!canary.cookie.empty()) {
        add(cookie_is(canary.cookie, "always"), whole(other));
        add(cookie_is(canary.cookie, "never"), whole(main));
    }
    auto stays = main;
    stays.weight = canary.total - canary.weight;
    other.weight = canary.weight;
    add(std::nullopt, {std::move(stays), std::move(other)});
}

}  // namespace

std::string_view class_of_ingress(const Json& object) {
    const auto named = text_at(object, {"spec", "ingressClassName"});
    return named.empty() ? text_at(object, {"metadata", "annotations", class_annotation}) : named;
}

Ingress compile_ingress(const Json& object, const PortNumber& port_number) {
    return Compiler(object, port_number).compile();
}

std::vector<kube::ObjectKey> put_ingresses(GatewayListener& listener,
                                           std::vector<Ingress> ingresses) {
    std::ranges::sort(ingresses, [](const Ingress& one, const Ingress& other) {
        return std::tie(one.created, one.key) < std::tie(other.created, other.key);
    });
    struct Placed {
        const Ingress* ingress;
        const IngressLocation* location;
        std::optional<Alternative> alternative;
        std::size_t order;
    };
    std::map<std::string, std::vector<Placed>> by_host;
    const auto at = [&](const IngressLocation& location) -> Placed* {
        for (auto& placed : by_host[location.host]) {
            if (placed.location->path == location.path && placed.location->kind == location.kind)
                return &placed;
        }
        return nullptr;
    };
    // The oldest Ingress has a path.
    for (const auto& ingress : ingresses) {
        if (ingress.canary) continue;
        for (const auto& location : ingress.locations) {
            auto& all = by_host[location.host];
            if (at(location) == nullptr)
                all.push_back({&ingress, &location, std::nullopt, all.size()});
        }
    }
    std::vector<kube::ObjectKey> alone;
    for (const auto& ingress : ingresses) {
        if (!ingress.canary) continue;
        bool has_found = false;
        for (const auto& location : ingress.locations) {
            auto* placed = at(location);
            if (placed == nullptr || placed->ingress->key.ns != ingress.key.ns) continue;
            // Where both name the same Service there is nothing to choose.
            if (placed->location->service == location.service || placed->alternative) continue;
            placed->alternative = Alternative{&ingress, &location};
            has_found = true;
        }
        if (!has_found) alone.push_back(ingress.key);
    }

    for (auto& [host, all] : by_host) {
        if (all.empty()) continue;
        // Exact ones first, then the longest.
        std::ranges::sort(all, [](const Placed& one, const Placed& other) {
            const auto rank = [](const Placed& placed) {
                return std::tuple(placed.location->kind != IngressLocation::Kind::exact,
                                  -static_cast<std::ptrdiff_t>(placed.location->path.size()),
                                  placed.order);
            };
            return rank(one) < rank(other);
        });
        auto routes = std::make_shared<std::vector<RoutePtr>>();
        for (const auto& placed : all)
            add_routes(*routes, *placed.ingress, *placed.location, placed.alternative);
        if (is_wildcard(host))
            listener.wildcards.push_back({host, std::move(routes)});
        else
            listener.domains.put(host, std::move(routes));
    }
    std::ranges::sort(listener.wildcards, [](const auto& one, const auto& other) {
        return one.pattern.size() > other.pattern.size();
    });
    return alone;
}

}  // namespace sluice::mesh
