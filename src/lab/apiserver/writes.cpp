// How an object comes into the cluster and changes in it: decoded, defaulted, admitted, checked,
// stored, announced.
#include "base/core/text.hpp"
#include "lab/apiserver/cluster_state.hpp"
#include "lab/apiserver/conversion.hpp"
#include "lab/apiserver/defaults.hpp"
#include "lab/apiserver/names.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

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

// Everything but what the server counts and dates by itself.
bool same_content(const Json& a, const Json& b) {
    if (!a.is_object() || !b.is_object()) return a == b;
    const auto& left = a.get_object();
    const auto& right = b.get_object();
    if (left.size() != right.size()) return false;
    for (const auto& [key, value] : left) {
        const auto* other = right.if_contains(key);
        if (other == nullptr) return false;
        if (key != "metadata") {
            if (*other != value) return false;
            continue;
        }
        auto mine = value;
        auto theirs = *other;
        for (const std::string_view field : {"managedFields", "resourceVersion", "generation"}) {
            drop(mine, {field});
            drop(theirs, {field});
        }
        if (mine != theirs) return false;
    }
    return true;
}

// A change that moves metadata.generation: anything outside metadata and status, and the status too
// where it has no subresource of its own.
bool spec_differs(const Json& a, const Json& b, bool status_counts) {
    const auto rest = [&](const Json& object) {
        JsonObject members = object.get_object();
        members.stable_erase("metadata");
        members.stable_erase("apiVersion");
        if (!status_counts) members.stable_erase("status");
        return members;
    };
    return rest(a) != rest(b);
}

}  // namespace

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

// From the body of a request to the form in which the kind is stored.
std::optional<Status> Cluster::State::decode(const Target& target,
                                             Json& object,
                                             const WriteOptions&) {
    if (!object.is_object()) {
        return statuses::bad_request(
            fmt::format("{} in version \"{}\" cannot be handled as a {}: the body is not an object",
                        target.resource.kind,
                        target.resource.version,
                        target.resource.kind));
    }
    const auto expected = target.resource.api_version();
    const auto kind = text_at(object, {"kind"}, target.resource.kind);
    const auto api_version = text_at(object, {"apiVersion"}, expected);
    if (kind != target.resource.kind) {
        return statuses::bad_request(fmt::format(
            "{} in version \"{}\" cannot be handled as a {}: no kind \"{}\" is registered for it",
            kind,
            target.resource.version,
            target.resource.kind,
            kind));
    }
    if (api_version != expected) {
        return statuses::bad_request(fmt::format(
            "the API version in the data ({}) does not match the expected API version ({})",
            api_version,
            expected));
    }
    put(object, {"kind"}, Json(target.resource.kind));
    metadata_of(object);
    if (!target.kind->custom) drop_nulls(object);
    object = into_storage(*target.kind, *target.version, std::move(object));
    if (!target.kind->custom) fill_in_defaults(target.resource.kind, object);
    return std::nullopt;
}

// Admission and all checks that look at one object or at two states of it.
std::optional<Status> Cluster::State::prepare(const Target& target,
                                              Json& object,
                                              const Json* before) {
    const auto registered = admissions.find(target.kind->resource.qualified());
    if (registered != admissions.end()) {
        for (const auto& admission : registered->second) {
            if (auto refusal = admission(object, before)) return refusal;
        }
    }
    auto errors = wrong_with_metadata(*target.kind, object);
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
                                         const WriteOptions& options) {
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
    if (auto refusal = prepare(target, object, nullptr)) return std::unexpected(*refusal);

    const auto key = kube::key_of(object);
    if (store.find(target.kind->resource.qualified(), key)) {
        return std::unexpected(statuses::already_exists(target.resource, key.name));
    }
    if (target.kind->generations || target.kind->custom) put(object, {"metadata", "generation"}, 1);
    if (options.dry_run || !target.kind->stored) {
        return view(target, std::make_shared<const Json>(std::move(object)));
    }
    return view(target, commit(target, std::move(object), nullptr));
}

Answer<ObjectPtr> Cluster::State::change(const Target& target,
                                         const ObjectPtr& before,
                                         Json object,
                                         const WriteOptions& options) {
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
    if (auto refusal = prepare(target, object, before.get())) return std::unexpected(*refusal);

    const bool counts = target.kind->generations || target.kind->custom;
    if (counts && spec_differs(*before, object, !target.version->status)) {
        put(object,
            {"metadata", "generation"},
            integer_at(*before, {"metadata", "generation"}).value_or(0) + 1);
    }
    const bool goes =
        !text_at(object, {"metadata", "deletionTimestamp"}).empty() && may_go(target, object);
    if (!goes && same_content(*before, object)) {
        return scale ? std::make_shared<const Json>(scale_from(target, *before))
                     : view(target, before);
    }
    ObjectPtr after;
    if (options.dry_run) {
        after = std::make_shared<const Json>(std::move(object));
    } else if (goes) {
        after = commit(target, std::move(object), before);
        erase(target, after);
    } else {
        after = commit(target, std::move(object), before);
    }
    if (scale) return std::make_shared<const Json>(scale_from(target, *after));
    return view(target, after);
}

ObjectPtr Cluster::State::commit(const Target& target, Json object, const ObjectPtr& before) {
    put(object, {"metadata", "resourceVersion"}, Json(std::to_string(store.next_revision())));
    const auto key = kube::key_of(object);
    auto kept = std::make_shared<const Json>(std::move(object));
    store.keep(target.id(key), kept, before);
    follow_up(target, kept, before);
    return kept;
}

void Cluster::State::erase(const Target& target, const ObjectPtr& before) {
    Json last = *before;
    put(last, {"metadata", "resourceVersion"}, Json(std::to_string(store.next_revision())));
    store.take_away(
        target.id(kube::key_of(*before)), std::make_shared<const Json>(std::move(last)), before);
}

// What the API server itself does when an object was stored.
void Cluster::State::follow_up(const Target& target,
                               const ObjectPtr& object,
                               const ObjectPtr& before) {
    if (target.resource.kind == "Namespace" && !before) {
        const auto accounts = resolve(kube::resources::service_accounts);
        const auto name = text_at(*object, {"metadata", "name"});
        const JsonObject account{
            {"metadata", JsonObject{{"name", "default"}, {"namespace", name}}}};
        // One that is there already is as good.
        (void)create(*accounts, account, {});
    }
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

// ".spec.replicas" names one member after the other.
namespace {

const Json* at_dotted(const Json& object, std::string_view path) {
    const Json* here = &object;
    for (const auto part : split(path, '.')) {
        if (part.empty()) continue;
        const auto* members = here->if_object();
        here = members == nullptr ? nullptr : members->if_contains(part);
        if (here == nullptr) return nullptr;
    }
    return here;
}

void put_dotted(Json& object, std::string_view path, Json value) {
    Json* here = &object;
    for (const auto part : split(path, '.')) {
        if (part.empty()) continue;
        if (!here->is_object()) here->emplace_object();
        here = &here->get_object()[part];
    }
    *here = std::move(value);
}

std::int64_t number_at_dotted(const Json& object, std::string_view path) {
    const auto* there = path.empty() ? nullptr : at_dotted(object, path);
    return there == nullptr ? 0 : integer_at(*there, {}).value_or(0);
}

std::string selector_at_dotted(const Json& object, std::string_view path) {
    const auto* there = path.empty() ? nullptr : at_dotted(object, path);
    if (there == nullptr) return {};
    if (there->is_string()) return std::string(there->get_string());
    const auto selector = label_selector_of(*there);
    return selector ? to_string(*selector) : std::string{};
}

}  // namespace

Json scale_from(const Target& target, const Json& object) {
    const auto& paths = *target.version->scale;
    JsonObject metadata;
    for (const std::string_view field :
         {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"}) {
        copy_member(metadata, object_at(object, {"metadata"}), field);
    }
    JsonObject status{{"replicas", number_at_dotted(object, paths.status_replicas)}};
    auto selector = selector_at_dotted(object, paths.label_selector);
    if (!selector.empty()) status["selector"] = std::move(selector);
    return JsonObject{
        {"kind", "Scale"},
        {"apiVersion", "autoscaling/v1"},
        {"metadata", std::move(metadata)},
        {"spec", JsonObject{{"replicas", number_at_dotted(object, paths.spec_replicas)}}},
        {"status", std::move(status)}};
}

Answer<Json> with_scale(const Target& target, Json object, const Json& scale) {
    if (!target.version->scale) return std::unexpected(statuses::no_such_resource());
    // Go leaves a zero out.
    const auto replicas = integer_at(scale, {"spec", "replicas"}).value_or(0);
    if (replicas < 0) {
        static const Resource scales{"autoscaling", "v1", "scales", "Scale"};
        return std::unexpected(statuses::invalid(
            scales,
            text_at(object, {"metadata", "name"}),
            {field_error::invalid(
                "spec.replicas", Json(replicas), "must be greater than or equal to 0")}));
    }
    put_dotted(object, target.version->scale->spec_replicas, replicas);
    return object;
}

}  // namespace sluice::lab
