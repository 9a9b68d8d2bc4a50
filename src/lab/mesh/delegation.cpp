#include "lab/mesh/delegation.hpp"

#include "base/core/text.hpp"
#include "lab/mesh/names.hpp"
#include "lab/mesh/route.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <optional>

namespace sluice::mesh {

namespace {

using kube::ObjectKey;

// Of one route: a few thousand on either side would make millions.
constexpr std::size_t matches_max = 10'000;

std::optional<ObjectKey> delegate_of(const Json& route, std::string_view root_ns) {
    const auto name = text_at(route, {"delegate", "name"});
    if (name.empty()) return std::nullopt;
    auto ns = text_at(route, {"delegate", "namespace"});
    if (ns.empty()) ns = root_ns;
    return ObjectKey{std::string(ns), std::string(name)};
}

bool is_exported(const Json& delegate, const ObjectKey& key, std::string_view root_ns) {
    std::vector<std::string> export_to;
    for (const auto& entry : array_at(delegate, {"spec", "exportTo"})) {
        if (entry.is_string()) export_to.emplace_back(entry.get_string());
    }
    return is_exported_to(export_to, key.ns, root_ns);
}

// Whatever the narrower text condition lets through the wider one does, too. A regular expression
// beside any other condition cannot be compared, so it is never within.
bool is_within(const Json& narrow, const Json& wide) {
    const auto has = [](const Json& match, std::string_view kind) {
        return find(match, {kind}) != nullptr;
    };
    if (has(narrow, "regex") || has(wide, "regex")) return false;
    if (!has(wide, "exact") && !has(wide, "prefix")) return true;
    if (has(wide, "exact"))
        return has(narrow, "exact") && text_at(narrow, {"exact"}) == text_at(wide, {"exact"});
    const auto prefix = text_at(wide, {"prefix"});
    if (has(narrow, "exact")) return text_at(narrow, {"exact"}).starts_with(prefix);
    return has(narrow, "prefix") && text_at(narrow, {"prefix"}).starts_with(prefix);
}

bool ignores_case(const Json& match) {
    return bool_at(match, {"ignoreUriCase"}).value_or(false);
}

Json in_lower_case(Json text_match) {
    for (const auto kind : {"exact", "prefix"}) {
        if (const auto text = text_at(text_match, {kind}); !text.empty())
            put(text_match, {kind}, Json(lower_case(text)));
    }
    return text_match;
}

// Who looks at the case lets less through.
bool uris_agree(const Json& root, const Json& own) {
    const auto *wide = find(root, {"uri"}), *narrow = find(own, {"uri"});
    if (wide == nullptr || narrow == nullptr) return true;
    if (!ignores_case(root)) return !ignores_case(own) && is_within(*narrow, *wide);
    return is_within(in_lower_case(*narrow), in_lower_case(*wide));
}

// Of what must not be there the wider condition is the narrower one: it leaves more out.
bool leaves_out(const Json& own, const Json& root) {
    const auto says = [](const Json& match) {
        return find(match, {"exact"}) != nullptr || find(match, {"prefix"}) != nullptr;
    };
    const bool is_empty_too =
        says(root) && text_at(root, {"exact"}).empty() && text_at(root, {"prefix"}).empty();
    // A missing header is an empty one, but for whom asks only whether it is there.
    return is_within(root, own) && (says(own) || !is_empty_too);
}

bool maps_agree(const Json& root, const Json& own, std::string_view field) {
    const auto& wide = object_at(root, {field});
    for (const auto& [name, narrow] : object_at(own, {field})) {
        const auto* same = wide.if_contains(name);
        if (same == nullptr) continue;
        const bool agrees =
            field == "withoutHeaders" ? leaves_out(narrow, *same) : is_within(narrow, *same);
        if (!agrees) return false;
    }
    return true;
}

bool agree(const Json& root, const Json& own) {
    if (!uris_agree(root, own)) return false;
    for (const auto field : {"scheme", "method", "authority"}) {
        const auto *wide = find(root, {field}), *narrow = find(own, {field});
        if (wide != nullptr && narrow != nullptr && !is_within(*narrow, *wide)) return false;
    }
    for (const auto field : {"headers", "withoutHeaders", "queryParams"}) {
        if (!maps_agree(root, own, field)) return false;
    }
    for (const auto field : {"port", "sourceNamespace"}) {
        const auto *wide = find(root, {field}), *narrow = find(own, {field});
        if (wide != nullptr && narrow != nullptr && *wide != *narrow) return false;
    }
    const auto& labels = object_at(root, {"sourceLabels"});
    for (const auto& [name, value] : object_at(own, {"sourceLabels"})) {
        const auto* same = labels.if_contains(name);
        if (same != nullptr && *same != value) return false;
    }
    const auto& gateways = array_at(root, {"gateways"});
    const auto& chosen = array_at(own, {"gateways"});
    return gateways.empty() || std::all_of(chosen.begin(), chosen.end(), [&](const Json& gateway) {
               return std::find(gateways.begin(), gateways.end(), gateway) != gateways.end();
           });
}

std::string joined_name(const Json& root, const Json& own) {
    std::string name(text_at(root, {"name"}));
    const auto more = text_at(own, {"name"});
    if (!name.empty() && !more.empty()) name += '-';
    return name.append(more);
}

// Both conditions: the delegate's where both say something, maps united.
Json merged_match(const Json& root, const Json& own) {
    Json merged = root;
    auto& into = merged.as_object();
    for (const auto& [field, value] : own.as_object()) {
        auto* same = into.if_contains(field);
        const bool is_map = field == "headers" || field == "withoutHeaders" ||
                            field == "queryParams" || field == "sourceLabels";
        if (!is_map || same == nullptr || !same->is_object() || !value.is_object()) {
            into[field] = value;
            continue;
        }
        for (const auto& [name, entry] : value.get_object()) same->get_object()[name] = entry;
    }
    // It belongs to the uri that counts.
    const auto* uri_of = find(own, {"uri"}) != nullptr ? &own : &root;
    into.erase("ignoreUriCase");
    if (ignores_case(*uri_of)) into["ignoreUriCase"] = true;
    if (const auto name = joined_name(root, own); !name.empty()) into["name"] = name;
    return merged;
}

// Nothing when a match of the delegate's lies in none of the root's.
std::optional<JsonArray> merged_matches(const JsonArray& root, const JsonArray& own) {
    if (root.empty()) return own;
    if (own.empty()) return root;
    JsonArray merged;
    for (const auto& narrow : own) {
        if (!narrow.is_object()) return std::nullopt;
        const auto before = merged.size();
        for (const auto& wide : root) {
            if (wide.is_object() && agree(wide, narrow))
                merged.push_back(merged_match(wide, narrow));
        }
        if (merged.size() == before || merged.size() > matches_max) return std::nullopt;
    }
    return merged;
}

std::optional<Json> merged_route(const Json& root, const Json& own) {
    if (!own.is_object()) return std::nullopt;
    auto matches = merged_matches(array_at(root, {"match"}), array_at(own, {"match"}));
    if (!matches) return std::nullopt;
    Json merged = own;
    auto& into = merged.as_object();
    if (matches->empty())
        into.erase("match");
    else
        into["match"] = std::move(*matches);
    if (const auto name = joined_name(root, own); !name.empty()) into["name"] = name;
    // Two ways to say the same: who uses one inherits neither.
    const bool has_mirror = into.contains("mirror") || into.contains("mirrors");
    for (const auto field : {"rewrite",
                             "directResponse",
                             "timeout",
                             "retries",
                             "fault",
                             "mirror",
                             "mirrors",
                             "mirrorPercentage",
                             "mirrorPercent",
                             "mirror_percent",
                             "corsPolicy",
                             "headers"}) {
        if (has_mirror && std::string_view(field).starts_with("mirror")) continue;
        const auto* inherited = find(root, {field});
        if (inherited != nullptr && !into.contains(field)) into[field] = *inherited;
    }
    return merged;
}

// A delegate's short names are of its own namespace, and the root's routes of the root's.
void spell_out_hosts(Json& route, std::string_view ns) {
    const auto spell_out = [&](Json* destination) {
        if (destination == nullptr || !destination->is_object()) return;
        const auto host = text_at(*destination, {"host"});
        if (!host.empty()) put(*destination, {"host"}, Json(full_name(host, ns)));
    };
    const auto each_of = [&](std::string_view list) {
        auto* entries = find(route, {list});
        if (entries == nullptr || !entries->is_array()) return;
        for (auto& entry : entries->get_array()) spell_out(find(entry, {"destination"}));
    };
    each_of("route");
    each_of("mirrors");
    spell_out(find(route, {"mirror"}));
}

}  // namespace

bool is_delegate(const Json& virtual_service) {
    return array_at(virtual_service, {"spec", "hosts"}).empty();
}

std::set<ObjectKey> delegates_of(const Json& virtual_service) {
    std::set<ObjectKey> keys;
    const auto ns = kube::key_of(virtual_service).ns;
    for (const auto& route : array_at(virtual_service, {"spec", "http"})) {
        if (auto key = delegate_of(route, ns)) keys.insert(std::move(*key));
    }
    return keys;
}

Json with_delegates(const Json& virtual_service, const FindDelegate& find_delegate) {
    const auto ns = kube::key_of(virtual_service).ns;
    JsonArray routes;
    for (const auto& root : array_at(virtual_service, {"spec", "http"})) {
        const auto key = delegate_of(root, ns);
        if (!key) {
            routes.push_back(root);
            continue;
        }
        const auto* delegate = find_delegate(*key);
        if (delegate == nullptr || !is_delegate(*delegate) || !is_exported(*delegate, *key, ns))
            continue;
        Json spelled = root;
        spell_out_hosts(spelled, ns);
        for (const auto& own : array_at(*delegate, {"spec", "http"})) {
            // One level: what a delegate would hand on goes nowhere.
            if (delegate_of(own, key->ns)) continue;
            auto route = own;
            spell_out_hosts(route, key->ns);
            if (auto merged = merged_route(spelled, route)) routes.push_back(std::move(*merged));
        }
    }
    Json result = virtual_service;
    put(result, {"spec", "http"}, std::move(routes));
    return result;
}

}  // namespace sluice::mesh
