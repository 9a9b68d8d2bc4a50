#include "routing/objects.hpp"

#include <fmt/format.h>

namespace sluice::routing {
namespace {

constexpr std::string_view owner_annotation = "sluice.dev/owner";

// What the user's object looked like; `spec` is null when nobody knows.
struct Original {
    Json spec;
    Json metadata = JsonObject{};
};

Result<Original> original_of(const ObjectName& name, const Json& live) {
    for (const auto key : {last_applied, original_configuration}) {
        const auto text = text_at(live, {"metadata", "annotations", key});
        if (text.empty()) continue;
        auto read = parse_json(text);
        if (!read || !read->is_object()) {
            return Error{ErrorKind::bad_answer,
                         fmt::format("{} failed to unMarshal annotation {}", title(name), key)};
        }
        if (key == original_configuration) return Original{.spec = std::move(*read)};
        const auto* spec = find(*read, {"spec"});
        if (spec == nullptr || !spec->is_object()) continue;
        Original original{.spec = *spec};
        if (const auto* metadata = find(*read, {"metadata"})) original.metadata = *metadata;
        return original;
    }
    return Original{};
}

// A label or annotation that we had set becomes what it was before, or goes.
void give_back_key(Json& object,
                   const Json& before,
                   std::string_view group,
                   std::string_view key,
                   std::string_view ours) {
    if (text_at(object, {"metadata", group, key}) != ours) return;
    const auto* was = find(before, {group, key});
    if (was != nullptr && was->is_string()) {
        put(object, {"metadata", group, key}, *was);
    } else {
        drop(object, {"metadata", group, key});
    }
}

void give_back_metadata(Json& object, const Json& before, const Json& canary) {
    drop(object, {"metadata", "annotations", original_configuration});
    for (const auto& [key, value] : flux_annotations()) {
        give_back_key(object, before, "annotations", key, value);
    }
    for (const std::string_view group : {"labels", "annotations"}) {
        for (const auto& [key, value] : object_at(canary, {"spec", "service", "apex", group})) {
            if (value.is_string()) give_back_key(object, before, group, key, value.get_string());
        }
    }
}

}  // namespace

const Json* find_live(const LiveObjects& live, const ObjectName& name) {
    const auto found = live.find(name);
    return found == live.end() ? nullptr : &found->second;
}

std::string title(const ObjectName& name) {
    return fmt::format("{} {}.{}", name.resource.kind, name.key.name, name.key.ns);
}

std::string not_found_text(const ObjectName& name) {
    return fmt::format("{} \"{}\" not found", name.resource.qualified(), name.key.name);
}

Error no_routes(const ObjectName& name, const ServiceNames& names) {
    return {
        ErrorKind::invalid,
        fmt::format(
            "{} does not contain routes for {} and {}", title(name), names.primary, names.canary)};
}

bool is_same(const Json& one, const Json& other) {
    return canonical_text(one) == canonical_text(other);
}

bool is_controlled_by(const Json& object, const Json& canary) {
    const auto* owner = kube::controller_of(object);
    if (owner != nullptr) return text_at(*owner, {"uid"}) == kube::uid_of(canary);
    const auto noted = text_at(object, {"metadata", "annotations", owner_annotation});
    return !noted.empty() && noted == kube::uid_of(canary);
}

Json for_another_cluster(Json object) {
    const auto* owner = kube::controller_of(object);
    if (owner == nullptr) return object;
    put(object, {"metadata", "annotations", owner_annotation}, Json(text_at(*owner, {"uid"})));
    drop(object, {"metadata", "ownerReferences"});
    return object;
}

Result<void> require_ours_or_free(const ObjectName& name, const Json& object, const Json& canary) {
    const auto* owner = kube::controller_of(object);
    if (owner == nullptr || is_controlled_by(object, canary)) return {};
    return Error{ErrorKind::denied,
                 fmt::format("{} is controlled by {} {}, not by Canary {}",
                             title(name),
                             text_at(*owner, {"kind"}),
                             text_at(*owner, {"name"}),
                             kube::key_of(canary).name)};
}

Json new_object(const ObjectName& name, const Json& canary) {
    return JsonObject{
        {"apiVersion", name.resource.api_version()},
        {"kind", name.resource.kind},
        {"metadata",
         JsonObject{{"name", name.key.name},
                    {"namespace", name.key.ns},
                    {"ownerReferences",
                     JsonArray{kube::owner_reference_to(kube::resources::canaries, canary)}}}},
        {"spec", JsonObject{}}};
}

void put_metadata(Json& object, const Json& canary) {
    for (const std::string_view group : {"labels", "annotations"}) {
        for (const auto& [key, value] : object_at(canary, {"spec", "service", "apex", group})) {
            put(object, {"metadata", group, key}, value);
        }
    }
    for (const auto& [key, value] : flux_annotations()) {
        put(object, {"metadata", "annotations", key}, Json(value));
    }
}

void keep_original(Json& desired, const Json& live, const Json& canary) {
    const auto& annotations = object_at(live, {"metadata", "annotations"});
    if (is_controlled_by(live, canary) || annotations.contains(last_applied) ||
        annotations.contains(original_configuration))
        return;
    const auto* before = find(live, {"spec"});
    const auto* after = find(desired, {"spec"});
    if (before == nullptr || after == nullptr || is_same(*before, *after)) return;
    put(desired, {"metadata", "annotations", original_configuration}, Json(to_text(*before)));
}

ObjectWrite creation(const ObjectName& name, Json object, std::string failing) {
    return {.name = name,
            .verb = WriteVerb::create,
            .body = std::move(object),
            .done = title(name) + " created",
            .failing = std::move(failing)};
}

ObjectWrite change(const ObjectName& name,
                   const Json& live,
                   const Json& desired,
                   std::string failing) {
    auto patch = merge_patch_between(live, desired);
    if (!patch.as_object().empty()) {
        put(patch, {"metadata", "resourceVersion"}, Json(kube::resource_version_of(live)));
    }
    return {.name = name,
            .verb = WriteVerb::patch,
            .body = std::move(patch),
            .done = title(name) + " updated",
            .failing = std::move(failing)};
}

ObjectWrite removal(const ObjectName& name, const Json& live) {
    return {.name = name,
            .verb = WriteVerb::remove,
            .body = JsonObject{{"metadata",
                                JsonObject{{"uid", kube::uid_of(live)},
                                           {"resourceVersion", kube::resource_version_of(live)}}}},
            .done = title(name) + " deleted",
            .failing = title(name) + " delete error"};
}

bool says_something(const ObjectWrite& write) {
    return write.verb != WriteVerb::patch || !write.body.as_object().empty();
}

Result<std::optional<ObjectWrite>> giving_back(const ObjectName& name,
                                               const LiveObjects& live,
                                               const Json& canary,
                                               const SameSpec& same) {
    using Nothing = std::optional<ObjectWrite>;
    const auto* object = find_live(live, name);
    if (object == nullptr) return Nothing{};
    if (is_controlled_by(*object, canary)) return Nothing{removal(name, *object)};
    if (kube::controller_of(*object) != nullptr) return Nothing{};

    const auto original = original_of(name, *object);
    if (!original) return original.error();
    auto desired = *object;
    const bool is_known = original->spec.is_object();
    const auto* spec = find(*object, {"spec"});
    if (is_known && (spec == nullptr || !same(*spec, original->spec))) {
        put(desired, {"spec"}, original->spec);
    }
    give_back_metadata(desired, original->metadata, canary);
    auto write = change(name, *object, desired, title(name) + " update error");
    if (!says_something(write)) return Nothing{};
    write.done = is_known ? title(name) + " reverted"
                          : title(name) + " original configuration not found, unable to revert";
    return Nothing{std::move(write)};
}

void put_or_drop(JsonObject& object, std::string_view key, const Json* value) {
    const bool says_nothing = value == nullptr || value->is_null() ||
                              (value->is_object() && value->get_object().empty()) ||
                              (value->is_array() && value->get_array().empty()) ||
                              (value->is_string() && value->get_string().empty());
    if (says_nothing) {
        object.erase(key);
    } else {
        object[key] = *value;
    }
}

void require_whole(Shares shares) {
    SLUICE_ASSERT(shares.primary >= 0 && shares.canary >= 0 &&
                  shares.primary + shares.canary == 100);
}

}  // namespace sluice::routing
