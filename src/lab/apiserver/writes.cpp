// How an object comes into the cluster and changes in it: decoded, defaulted, admitted, checked,
// stored, announced.
#include "base/core/text.hpp"
#include "lab/apiserver/builtin_validation.hpp"
#include "lab/apiserver/cluster_state.hpp"
#include "lab/apiserver/conversion.hpp"
#include "lab/apiserver/crds.hpp"
#include "lab/apiserver/defaults.hpp"
#include "lab/apiserver/names.hpp"
#include "lab/apiserver/schema.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

namespace sluice::lab {
namespace {

using kube::resources::namespaces;

JsonObject& metadata_of(Json& object) {
    auto& metadata = object.get_object()["metadata"];
    if (!metadata.is_object()) metadata.emplace_object();
    return metadata.get_object();
}

void copy_member(JsonObject& to, const JsonObject& from, std::string_view key) {
    if (const auto* value = from.if_contains(key)) {
        to[key] = *value;
    } else {
        to.stable_erase(key);
    }
}

// What a client says of these is not heard: the server keeps them.
constexpr std::string_view kept_by_server[]{"uid",
                                            "creationTimestamp",
                                            "deletionTimestamp",
                                            "deletionGracePeriodSeconds",
                                            "generation",
                                            "selfLink",
                                            "resourceVersion"};

using Keys = std::initializer_list<std::string_view>;

std::size_t members_but(const JsonObject& object, Keys left_out) {
    const auto there =
        std::ranges::count_if(left_out, [&](std::string_view key) { return object.contains(key); });
    return object.size() - static_cast<std::size_t>(there);
}

// Both have the same members and values, but for those keys.
bool same_members(const JsonObject& left, const JsonObject& right, Keys left_out) {
    if (members_but(left, left_out) != members_but(right, left_out)) return false;
    return std::ranges::all_of(left, [&](const auto& member) {
        if (std::ranges::find(left_out, std::string_view(member.key())) != left_out.end()) {
            return true;
        }
        const auto* other = right.if_contains(member.key());
        return other != nullptr && *other == member.value();
    });
}

// Everything but what the server counts and dates by itself.
bool same_content(const Json& a, const Json& b) {
    if (!a.is_object() || !b.is_object()) return a == b;
    return same_members(a.get_object(), b.get_object(), {"metadata"}) &&
           same_members(object_at(a, {"metadata"}),
                        object_at(b, {"metadata"}),
                        {"managedFields", "resourceVersion", "generation"});
}

// A change that moves metadata.generation: anything outside metadata and status, and the status too
// where it has no subresource of its own.
bool spec_differs(const Json& a, const Json& b, bool status_counts) {
    return status_counts
               ? !same_members(a.get_object(), b.get_object(), {"metadata", "apiVersion"})
               : !same_members(
                     a.get_object(), b.get_object(), {"metadata", "apiVersion", "status"});
}

FieldErrors new_finalizers_while_leaving(const Json& object, const Json& before) {
    if (text_at(before, {"metadata", "deletionTimestamp"}).empty()) return {};
    const auto& then = array_at(before, {"metadata", "finalizers"});
    std::vector<std::string> added;
    for (const auto& finalizer : array_at(object, {"metadata", "finalizers"})) {
        if (std::find(then.begin(), then.end(), finalizer) == then.end()) {
            added.push_back(to_text(finalizer));
        }
    }
    if (added.empty()) return {};
    return {field_error::forbidden(
        "metadata.finalizers",
        fmt::format("no new finalizers can be added if the object is being deleted, found new "
                    "finalizers []string{{{}}}",
                    joined(added, ", ")))};
}

// A Job finds its pods by its own uid, unless the user says how.
void select_own_pods(Json& job, const std::string& uid) {
    if (bool_at(job, {"spec", "manualSelector"}).value_or(false)) return;
    const std::string name(text_at(job, {"metadata", "name"}));
    put(job,
        {"spec", "selector"},
        JsonObject{{"matchLabels", JsonObject{{"batch.kubernetes.io/controller-uid", uid}}}});
    for (const std::string_view key : {"batch.kubernetes.io/controller-uid", "controller-uid"}) {
        put(job, {"spec", "template", "metadata", "labels", key}, Json(uid));
    }
    for (const std::string_view key : {"batch.kubernetes.io/job-name", "job-name"}) {
        put(job, {"spec", "template", "metadata", "labels", key}, Json(name));
    }
}

// An annotation counts the templates of a DaemonSet; its pods are labelled with the number.
void count_templates(Json& set, const Json* before) {
    constexpr std::string_view counter = "deprecated.daemonset.template.generation";
    std::int64_t number = 1;
    if (before != nullptr) {
        number = parse_integer(text_at(*before, {"metadata", "annotations", counter})).value_or(1);
        if (object_at(set, {"spec", "template"}) != object_at(*before, {"spec", "template"})) {
            ++number;
        }
    }
    put(set, {"metadata", "annotations", counter}, Json(std::to_string(number)));
}

}  // namespace

const SchemaNode* Target::schema() const {
    return version->schema ? &version->schema->root() : nullptr;
}

ObjectId Target::id(const ObjectKey& key) const {
    return {kind->resource.qualified(), key};
}

Cluster::State::State(Clock& clock_in, Random& random_in) : clock(clock_in), random(random_in) {}

std::string Cluster::State::time_now() const {
    return rfc3339(clock.now());
}

Answer<Target> Cluster::State::resolve(const Resource& resource) const {
    Target target;
    target.kind = kinds.find(resource);
    if (target.kind == nullptr) return std::unexpected(statuses::no_such_resource());
    target.version = target.kind->version(resource.group, resource.version);
    target.resource = target.kind->resource_in(*target.version);
    return target;
}

std::optional<Target> Cluster::State::target_of(std::string_view qualified) const {
    for (const auto* kind : kinds.all()) {
        if (kind->resource.qualified() == qualified) {
            return Target{kind, &kind->storage(), kind->resource};
        }
    }
    return std::nullopt;
}

ObjectPtr Cluster::State::view(const Target& target, const ObjectPtr& stored) const {
    if (is_stored_form(*target.kind, *target.version)) return stored;
    return std::make_shared<const Json>(from_storage(*target.kind, *target.version, *stored));
}

View Cluster::State::view_as(const Resource& resource) const {
    const auto target = resolve(resource);
    if (target && target->version->storage) return {};
    return [this, resource](const ObjectPtr& object) {
        const auto now = resolve(resource);
        return now ? view(*now, object) : object;
    };
}

Answer<ObjectPtr> Cluster::State::stored(const Target& target, const ObjectKey& key) const {
    auto place = key;
    if (!target.resource.namespaced) place.ns.clear();
    auto object = store.find(target.kind->resource.qualified(), place);
    if (!object) return std::unexpected(statuses::not_found(target.resource, key.name));
    return object;
}

std::optional<Status> Cluster::State::check_namespace(const Target& target,
                                                      const ObjectKey& key) const {
    if (!target.resource.namespaced) return std::nullopt;
    if (key.ns.empty()) {
        return statuses::bad_request("an empty namespace may not be set during creation");
    }
    const auto ns = store.find(namespaces.qualified(), {"", key.ns});
    if (!ns) return statuses::not_found(namespaces, key.ns);
    if (text_at(*ns, {"metadata", "deletionTimestamp"}).empty()) return std::nullopt;
    auto refusal = statuses::forbidden(
        target.resource,
        key.name,
        fmt::format("unable to create new content in namespace {} because it is being terminated",
                    key.ns));
    refusal.details.get_object()["causes"] =
        JsonArray{JsonObject{{"reason", "NamespaceTerminating"},
                             {"message", fmt::format("namespace {} is being terminated", key.ns)},
                             {"field", "metadata.namespace"}}};
    return refusal;
}

// Admission and all checks that look at one object or at two states of it.
std::optional<Status> Cluster::State::prepare(const Target& target,
                                              Json& object,
                                              const Json* before,
                                              std::vector<std::string>* warnings) {
    const auto registered = admissions.find(target.kind->resource.qualified());
    if (registered != admissions.end()) {
        for (const auto& admission : registered->second) {
            auto said = admission(object, before);
            if (!said) continue;
            if (said->code >= 300) return said;
            for (const auto& warning : array_at(said->details, {"warnings"})) {
                if (warnings != nullptr && warning.is_string())
                    warnings->emplace_back(warning.get_string());
            }
        }
    }
    auto errors = wrong_with_metadata(*target.kind, object);
    const auto also = [&](FieldErrors more) {
        errors.insert(errors.end(), more.begin(), more.end());
    };
    if (before != nullptr) also(new_finalizers_while_leaving(object, *before));
    if (!target.kind->custom) {
        also(wrong_with_builtin(target.resource.kind, object, before));
    } else if (target.version->schema) {
        also(target.version->schema->violations(object, before));
    }
    if (target.resource.kind == "CustomResourceDefinition") also(wrong_with_crd(object));
    if (!errors.empty()) {
        return statuses::invalid(target.resource, text_at(object, {"metadata", "name"}), errors);
    }
    return std::nullopt;
}

std::optional<Status> Cluster::State::name_object(const Target& target, Json& object) {
    if (!text_at(object, {"metadata", "name"}).empty()) return std::nullopt;
    const auto prefix = std::string(text_at(object, {"metadata", "generateName"}));
    if (prefix.empty()) return std::nullopt;
    constexpr std::size_t base_max = 58;
    constexpr int tries = 8;
    const auto base = prefix.substr(0, base_max);
    const std::string ns(text_at(object, {"metadata", "namespace"}));
    std::string name;
    for (int i = 0; i < tries; ++i) {
        name = base + random.name_suffix();
        if (!store.find(target.kind->resource.qualified(), {ns, name})) {
            put(object, {"metadata", "name"}, Json(name));
            return std::nullopt;
        }
    }
    return statuses::already_exists(target.resource, name);
}

Answer<ObjectPtr> Cluster::State::create(const Target& target,
                                         Json object,
                                         const WriteOptions& options,
                                         const FieldOwner* applied_by) {
    // Apply owns what the caller wrote; defaults have no owner then.
    FieldPaths applied;
    if (applied_by != nullptr) applied = owned_paths(object, target.schema());
    if (auto refusal = decode(target, object, options)) return std::unexpected(*refusal);
    auto& metadata = metadata_of(object);
    if (!text_at(object, {"metadata", "resourceVersion"}).empty()) {
        return std::unexpected(
            statuses::bad_request("resourceVersion should not be set on objects to be created"));
    }
    for (const auto field : kept_by_server) metadata.stable_erase(field);
    metadata.stable_erase("managedFields");
    if (!target.resource.namespaced) metadata.stable_erase("namespace");
    if (auto refusal = check_namespace(target, kube::key_of(object))) {
        return std::unexpected(*refusal);
    }
    // A status comes through its subresource, and what defaulting gives comes after that.
    if (target.version->status) object.get_object().stable_erase("status");
    if (!target.kind->custom) fill_in_defaults(target.resource.kind, object);
    if (auto refusal = name_object(target, object)) return std::unexpected(*refusal);
    const auto uid = random.uuid();
    put(object, {"metadata", "uid"}, Json(uid));
    put(object, {"metadata", "creationTimestamp"}, Json(time_now()));
    if (target.resource.kind == "Service") give_addresses(object);
    if (target.resource.kind == "Job") select_own_pods(object, uid);
    if (target.resource.kind == "DaemonSet") count_templates(object, nullptr);
    if (auto refusal = prepare(target, object, nullptr, options.warnings))
        return std::unexpected(*refusal);
    if (auto refusal = check_definition(target)) return std::unexpected(*refusal);

    const auto key = kube::key_of(object);
    if (store.find(target.kind->resource.qualified(), key)) {
        return std::unexpected(statuses::already_exists(target.resource, key.name));
    }
    if (target.kind->generations || target.kind->custom) put(object, {"metadata", "generation"}, 1);
    const FieldOwner writer{options.field_manager, false, target.resource.api_version()};
    if (const auto& owner = applied_by == nullptr ? writer : *applied_by; !owner.manager.empty()) {
        ManagedFields managed;
        managed.set(owner, applied_by ? applied : owned_paths(object, target.schema()), time_now());
        put(object, {"metadata", "managedFields"}, managed.to_json());
    }
    if (target.resource.kind == "CustomResourceDefinition") settle_definition(object);
    if (options.dry_run || !target.kind->stored) {
        return view(target, std::make_shared<const Json>(std::move(object)));
    }
    return view(target, commit(target, std::move(object), nullptr));
}

Answer<ObjectPtr> Cluster::State::change(const Target& target,
                                         const ObjectPtr& before,
                                         Json object,
                                         const WriteOptions& options,
                                         const ManagedFields* managed) {
    const auto key = kube::key_of(*before);
    const auto name = std::string(text_at(object, {"metadata", "name"}, key.name));
    if (name != key.name) {
        return std::unexpected(statuses::bad_request(
            fmt::format("the name of the object ({}) does not match the name on the URL ({})",
                        name,
                        key.name)));
    }
    const auto uid = text_at(object, {"metadata", "uid"}, kube::uid_of(*before));
    if (!uid.empty() && uid != kube::uid_of(*before)) {
        return std::unexpected(statuses::conflict(
            target.resource,
            key.name,
            fmt::format("Precondition failed: UID in precondition: {}, UID in object meta: {}",
                        uid,
                        kube::uid_of(*before))));
    }
    const auto revision = kube::resource_version_of(object);
    if (!revision.empty() && revision != kube::resource_version_of(*before)) {
        return std::unexpected(statuses::conflict(target.resource, key.name));
    }

    const bool scale = options.subresource == Subresource::scale;
    if (scale) {
        auto scaled =
            with_scale(target, from_storage(*target.kind, *target.version, *before), object);
        if (!scaled) return std::unexpected(scaled.error());
        object = std::move(*scaled);
    }
    if (auto refusal = decode(target, object, options)) return std::unexpected(*refusal);

    switch (options.subresource) {
        case Subresource::status: {
            if (!target.version->status) return std::unexpected(statuses::no_such_resource());
            Json whole = *before;
            copy_member(whole.get_object(), object.get_object(), "status");
            object = std::move(whole);
            break;
        }
        case Subresource::finalize: {
            Json whole = *before;
            if (const auto* finalizers = sluice::find(object, {"spec", "finalizers"})) {
                put(whole, {"spec", "finalizers"}, Json(*finalizers));
            } else {
                drop(whole, {"spec", "finalizers"});
            }
            object = std::move(whole);
            break;
        }
        case Subresource::none:
        case Subresource::scale:
            if (target.version->status) {
                copy_member(object.get_object(), before->get_object(), "status");
            }
            if (target.resource.kind == "Namespace") {
                copy_member(object.get_object(), before->get_object(), "spec");
            }
            break;
    }

    auto& metadata = metadata_of(object);
    const auto& metadata_before = object_at(*before, {"metadata"});
    for (const auto field : kept_by_server) copy_member(metadata, metadata_before, field);
    for (const std::string_view field : {"name", "namespace", "managedFields"}) {
        copy_member(metadata, metadata_before, field);
    }
    if (target.resource.kind == "Service") {
        // What was given stays given when a client leaves it out.
        auto& spec = object.get_object()["spec"].get_object();
        const auto& spec_before = object_at(*before, {"spec"});
        for (const std::string_view field : {"clusterIP", "clusterIPs"}) {
            if (!spec.contains(field)) copy_member(spec, spec_before, field);
        }
        give_addresses(object);
    }
    if (target.resource.kind == "DaemonSet") count_templates(object, before.get());
    if (auto refusal = prepare(target, object, before.get(), options.warnings))
        return std::unexpected(*refusal);

    const bool counts = target.kind->generations || target.kind->custom;
    if (counts && spec_differs(*before, object, !target.version->status)) {
        put(object,
            {"metadata", "generation"},
            integer_at(*before, {"metadata", "generation"}).value_or(0) + 1);
    }
    const bool leaving = !text_at(object, {"metadata", "deletionTimestamp"}).empty();
    if (target.resource.kind == "CustomResourceDefinition" && !leaving) settle_definition(object);
    const bool goes = leaving && may_go(target, object);
    const bool same_owners = managed == nullptr || managed->same_owners(ManagedFields(*before));
    if (!goes && same_owners && same_content(*before, object)) {
        return scale ? std::make_shared<const Json>(scale_from(target, *before))
                     : view(target, before);
    }
    record_owners(target, object, *before, options, managed);
    ObjectPtr after;
    if (options.dry_run) {
        after = std::make_shared<const Json>(std::move(object));
    } else if (goes) {
        after = std::make_shared<const Json>(object);
        erase(target, std::move(object), before);
    } else {
        after = commit(target, std::move(object), before);
    }
    if (scale) return std::make_shared<const Json>(scale_from(target, *after));
    return view(target, after);
}

void Cluster::State::give_addresses(Json& service) {
    auto& spec = service.get_object()["spec"];
    if (!spec.is_object()) return;
    const auto type = text_at(spec, {"type"});
    if (type == "ExternalName") return;
    auto address = std::string(text_at(spec, {"clusterIP"}));
    const auto& listed = array_at(spec, {"clusterIPs"});
    if (address.empty() && !listed.empty() && listed.front().is_string()) {
        address = listed.front().get_string();
    }
    if (address.empty()) {
        constexpr std::uint32_t per_block = 250;
        const auto number = service_addresses_given++;
        address = fmt::format(
            "{}.{}.{}", service_prefix, number / per_block % 256, number % per_block + 1);
    }
    auto& members = spec.get_object();
    members["clusterIP"] = address;
    members["clusterIPs"] = JsonArray{address};
}

}  // namespace sluice::lab
