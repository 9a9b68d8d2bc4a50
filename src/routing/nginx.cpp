#include "routing/nginx.hpp"

#include "base/core/text.hpp"
#include "routing/objects.hpp"
#include "routing/route_plan.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::routing {
namespace {

std::string_view ingress_of(const Json& canary) {
    return text_at(canary, {"spec", "ingressRef", "name"});
}

ObjectName source_name(const Json& canary) {
    return {kube::resources::ingresses, {kube::key_of(canary).ns, std::string(ingress_of(canary))}};
}

ObjectName copy_name(const Json& canary) {
    auto name = source_name(canary);
    name.key.name += "-canary";
    return name;
}

// "ingress web.prod": how the texts name it.
std::string small_title(const ObjectName& name) {
    return fmt::format("ingress {}.{}", name.key.name, name.key.ns);
}

Error missing(const ObjectName& name) {
    return {ErrorKind::not_found,
            fmt::format("{} get query error: {}", small_title(name), not_found_text(name))};
}

bool asks_for_match(const Json& canary) {
    return !array_at(analysis_of(canary), {"match"}).empty();
}

// The source's spec with the canary where it has the apex; `invalid` when it has it nowhere.
Result<Json> spec_for_canary(const Json& source, const Json& canary) {
    const auto names = service_names(canary);
    const auto* found = find(source, {"spec"});
    Json spec = found == nullptr ? Json(JsonObject{}) : *found;
    bool replaced = false;
    if (auto* rules = find(spec, {"rules"}); rules != nullptr && rules->is_array()) {
        for (auto& rule : rules->get_array()) {
            auto* paths = find(rule, {"http", "paths"});
            if (paths == nullptr || !paths->is_array()) continue;
            for (auto& path : paths->get_array()) {
                auto* name = find(path, {"backend", "service", "name"});
                if (name == nullptr || *name != Json(names.apex)) continue;
                *name = names.canary;
                replaced = true;
            }
        }
    }
    if (!replaced) {
        return Error{
            ErrorKind::invalid,
            fmt::format("backend {} not found in ingress {}", names.apex, ingress_of(canary))};
    }
    return spec;
}

}  // namespace

std::string NginxRouter::key(std::string_view end) const {
    return fmt::format("{}/canary{}", prefix_, end);
}

// The annotations that let those in who match: NGINX knows one header and one cookie.
Result<JsonObject> NginxRouter::by_match(const Json& canary) const {
    const auto refused = [&](std::string_view why) {
        return Error{ErrorKind::invalid,
                     fmt::format("{}: analysis.match {}", title(copy_name(canary)), why)};
    };
    if (const auto unknown = unknown_match_field(canary, {"headers"})) {
        return refused(fmt::format("cannot ask for {}", *unknown));
    }
    JsonObject header;
    JsonObject cookie;
    for (const auto& match : array_at(analysis_of(canary), {"match"})) {
        for (const auto& [name, condition] : object_at(match, {"headers"})) {
            const auto exact = text_at(condition, {"exact"});
            const auto regex = text_at(condition, {"regex"});
            JsonObject found;
            if (equals_ignoring_case(name, "cookie")) {
                if (exact.empty()) return refused("needs the exact name of a cookie");
                found[key("-by-cookie")] = exact;
                if (!cookie.empty() && cookie != found) return refused("has more than one cookie");
                cookie = std::move(found);
                continue;
            }
            found[key("-by-header")] = name;
            if (!exact.empty()) found[key("-by-header-value")] = exact;
            if (!regex.empty()) found[key("-by-header-pattern")] = regex;
            if (found.size() == 1 && !object_at(condition, {}).empty()) {
                return refused(fmt::format("can ask header {} for exact and regex only",
                                           std::string_view(name)));
            }
            if (!header.empty() && header != found) return refused("has more than one header");
            header = std::move(found);
        }
    }
    if (header.empty() && cookie.empty()) return refused("names neither a header nor a cookie");
    for (auto& [name, value] : cookie) header[name] = value;
    return header;
}

// All annotations of that family are ours: one that is left over would still let people in.
Result<void> NginxRouter::put_split(Json& object, const Json& canary, Shares shares) const {
    JsonObject wanted{{key(""), "true"}};
    // Who matches is not asked where nobody goes to the canary.
    if (asks_for_match(canary) && shares.canary > 0) {
        auto matched = by_match(canary);
        if (!matched) return matched.error();
        for (auto& [name, value] : *matched) wanted[name] = value;
    } else {
        wanted[key("-weight")] = std::to_string(shares.canary);
    }
    JsonObject annotations;
    for (const auto& [name, value] : object_at(object, {"metadata", "annotations"})) {
        if (!std::string_view(name).starts_with(key(""))) annotations[name] = value;
    }
    for (auto& [name, value] : wanted) annotations[name] = value;
    put(object, {"metadata", "annotations"}, std::move(annotations));
    return {};
}

Json NginxRouter::fresh_copy(const Json& source, const Json& canary) const {
    auto object = new_object(copy_name(canary), canary);
    if (const auto& labels = object_at(source, {"metadata", "labels"}); !labels.empty()) {
        put(object, {"metadata", "labels"}, labels);
    }
    for (const auto& [name, value] : object_at(source, {"metadata", "annotations"})) {
        if (std::string_view(name).find(key("")) != std::string_view::npos ||
            std::string_view(name).find(last_applied) != std::string_view::npos)
            continue;
        put(object, {"metadata", "annotations", name}, value);
    }
    for (const auto& [name, value] : flux_annotations()) {
        put(object, {"metadata", "annotations", name}, Json(value));
    }
    return object;
}

std::vector<kube::Resource> NginxRouter::kinds() const {
    return {kube::resources::ingresses};
}

Capabilities NginxRouter::capabilities(const Json& /*canary*/) const {
    return {
        .weights = true, .mirror = false, .match = true, .affinity = false, .primary_apart = false};
}

std::vector<ObjectName> NginxRouter::objects(const Json& canary) const {
    if (ingress_of(canary).empty()) return {};
    return {source_name(canary), copy_name(canary)};
}

Result<RoutesSeen> NginxRouter::read(const Json& canary, const LiveObjects& live) const {
    const auto* object = find_live(live, copy_name(canary));
    if (object == nullptr) return RoutesSeen{};
    RoutesSeen seen{.present = true,
                    .resource_version = std::string(kube::resource_version_of(*object))};
    const auto annotation = [&](std::string_view end) {
        return text_at(*object, {"metadata", "annotations", key(end)});
    };
    // Also where nobody is asked for any more: those who matched are still let in.
    if (!annotation("-by-cookie").empty() || !annotation("-by-header").empty()) {
        seen.shares = {.primary = 0, .canary = 100};
        return seen;
    }
    const auto text = annotation("-weight");
    const auto weight = text.empty() ? std::optional<std::int64_t>(0) : parse_integer(text);
    if (!weight) {
        return Error{ErrorKind::invalid,
                     fmt::format("failed to convert {} to int: strconv.Atoi: parsing \"{}\": "
                                 "invalid syntax",
                                 text,
                                 text)};
    }
    seen.shares.canary = static_cast<int>(std::clamp<std::int64_t>(*weight, 0, 1'000));
    seen.shares.primary = std::max(0, 100 - seen.shares.canary);
    return seen;
}

Result<std::vector<ObjectWrite>> NginxRouter::ensure(const Json& canary,
                                                     const LiveObjects& live,
                                                     Shares shares) const {
    require_whole(shares);
    if (ingress_of(canary).empty()) {
        return Error{ErrorKind::invalid, "ingress selector is empty"};
    }
    const auto* source = find_live(live, source_name(canary));
    if (source == nullptr) return missing(source_name(canary));
    auto spec = spec_for_canary(*source, canary);
    if (!spec) return spec.error();
    if (asks_for_match(canary)) {
        const auto matched = by_match(canary);
        if (!matched) return matched.error();
    }

    const auto name = copy_name(canary);
    const auto* object = find_live(live, name);
    if (object != nullptr) {
        const auto free = require_ours_or_free(name, *object, canary);
        if (!free) return free.error();
    }
    auto wanted = object == nullptr ? fresh_copy(*source, canary) : *object;
    put(wanted, {"spec"}, std::move(*spec));
    // A match lets in all of those who match, or nobody: what lies between is somebody else's, and
    // is put right as a weight.
    const bool is_between = asks_for_match(canary) && shares.canary > 0 && shares.primary > 0;
    if (object == nullptr || !is_between) {
        const auto done = put_split(wanted, canary, shares);
        if (!done) return done.error();
    }
    if (object == nullptr) {
        return std::vector{creation(name, std::move(wanted), small_title(name) + " create error")};
    }
    keep_original(wanted, *object, canary);
    auto write = change(name, *object, wanted, small_title(name) + " update error");
    write.done = fmt::format("Ingress {} updated", name.key.name);
    if (!says_something(write)) return std::vector<ObjectWrite>{};
    return std::vector{std::move(write)};
}

Result<ObjectWrite> NginxRouter::route(const Json& canary,
                                       const LiveObjects& live,
                                       Shares shares) const {
    require_whole(shares);
    const auto name = copy_name(canary);
    const auto* object = find_live(live, name);
    if (object == nullptr) return missing(name);
    const auto free = require_ours_or_free(name, *object, canary);
    if (!free) return free.error();
    auto wanted = *object;
    auto done = put_split(wanted, canary, shares);
    if (!done) return done.error();
    auto write = change(name, *object, wanted, small_title(name) + " update error");
    write.done.clear();
    return write;
}

Result<std::vector<ObjectWrite>> NginxRouter::revert(const Json& canary,
                                                     const LiveObjects& live) const {
    std::vector<ObjectWrite> writes;
    if (ingress_of(canary).empty()) return writes;
    auto write = giving_back(copy_name(canary), live, canary);
    if (!write) return write.error();
    if (*write) writes.push_back(std::move(**write));
    return writes;
}

}  // namespace sluice::routing
