#include "lab/apiserver/cluster.hpp"

#include "base/core/text.hpp"
#include "lab/apiserver/cluster_state.hpp"
#include "lab/apiserver/conversion.hpp"
#include "lab/apiserver/strategic_merge.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::lab {

Cluster::Cluster(Clock& clock, Random& random) : state_(std::make_unique<State>(clock, random)) {
    for (const std::string_view name : {"default",
                                        "kube-system",
                                        "kube-public",
                                        "kube-node-lease",
                                        "istio-system",
                                        "smm-system"}) {
        const auto made = create(kube::resources::namespaces,
                                 JsonObject{{"metadata", JsonObject{{"name", name}}}});
        SLUICE_ASSERT(made.has_value());
    }
}

Cluster::~Cluster() = default;

Answer<ObjectPtr> Cluster::get(const Resource& resource, const ObjectKey& key) const {
    const auto target = state_->resolve(resource);
    if (!target) return std::unexpected(target.error());
    const auto object = state_->stored(*target, key);
    if (!object) return object;
    return state_->view(*target, *object);
}

ObjectPtr Cluster::find(const Resource& resource, const ObjectKey& key) const {
    const auto target = state_->resolve(resource);
    if (!target) return nullptr;
    const auto object = state_->stored(*target, key);
    return object ? state_->view(*target, *object) : nullptr;
}

std::vector<ObjectPtr> Cluster::list(const Resource& resource, std::string_view ns) const {
    auto all = select(resource, ns, {});
    return all ? std::move(all->items) : std::vector<ObjectPtr>{};
}

namespace {

// A page ends behind a name; the token carries it and the revision of the first page.
std::string continue_behind(std::int64_t revision, const ObjectKey& key) {
    return base64(fmt::format("{}\n{}\n{}", revision, key.ns, key.name));
}

struct Place {
    std::int64_t revision;
    ObjectKey key;
};

std::optional<Place> parse_continue(std::string_view token) {
    const auto text = from_base64(token);
    if (!text) return std::nullopt;
    const auto parts = split(*text, '\n');
    if (parts.size() != 3) return std::nullopt;
    const auto revision = parse_integer(parts[0]);
    if (!revision) return std::nullopt;
    return Place{*revision, {std::string(parts[1]), std::string(parts[2])}};
}

}  // namespace

Answer<Listing> Cluster::select(const Resource& resource,
                                std::string_view ns,
                                const ListOptions& options) const {
    const auto target = state_->resolve(resource);
    if (!target) return std::unexpected(target.error());
    const auto& objects = state_->store.objects(target->kind->resource.qualified());
    Listing listing;
    listing.revision = state_->store.revision();
    auto here = ns.empty() ? objects.begin() : objects.lower_bound({std::string(ns), ""});
    if (!options.continue_token.empty()) {
        const auto place = parse_continue(options.continue_token);
        if (!place) return std::unexpected(statuses::bad_request("continue key is not valid"));
        here = objects.upper_bound(place->key);
        listing.revision = place->revision;
    }
    for (; here != objects.end(); ++here) {
        const auto& [key, object] = *here;
        if (!ns.empty() && key.ns != ns) break;
        if (!options.labels.selects(*object)) continue;
        // Field selectors name fields as the asked-for version has them.
        const auto shown = state_->view(*target, object);
        if (!options.fields.selects(*shown)) continue;
        if (options.limit > 0 && std::ssize(listing.items) >= options.limit) {
            if (listing.continue_token.empty()) {
                listing.continue_token =
                    continue_behind(listing.revision, kube::key_of(*listing.items.back()));
            }
            ++listing.remaining;
            continue;
        }
        listing.items.push_back(shown);
    }
    return listing;
}

Answer<ObjectPtr> Cluster::scale_of(const Resource& resource, const ObjectKey& key) const {
    const auto target = state_->resolve(resource);
    if (!target) return std::unexpected(target.error());
    if (!target->version->scale) return std::unexpected(statuses::no_such_resource());
    const auto object = state_->stored(*target, key);
    if (!object) return object;
    return std::make_shared<const Json>(scale_from(*target, **object));
}

Answer<ObjectPtr> Cluster::create(const Resource& resource,
                                  Json object,
                                  const WriteOptions& options) {
    const auto target = state_->resolve(resource);
    if (!target) return std::unexpected(target.error());
    return state_->create(*target, std::move(object), options);
}

Answer<ObjectPtr> Cluster::update(const Resource& resource,
                                  Json object,
                                  const WriteOptions& options) {
    const auto target = state_->resolve(resource);
    if (!target) return std::unexpected(target.error());
    auto key = kube::key_of(object);
    if (!resource.namespaced) key.ns.clear();
    const auto before = state_->stored(*target, key);
    if (!before) return before;
    if (target->kind->custom && options.subresource != Subresource::scale &&
        kube::resource_version_of(object).empty()) {
        return std::unexpected(
            statuses::invalid(target->resource,
                              key.name,
                              {{"FieldValueInvalid",
                                "metadata.resourceVersion",
                                "Invalid value: 0x0: must be specified for an update"}}));
    }
    return state_->change(*target, *before, std::move(object), options);
}

namespace {

constexpr std::string_view patches_of_custom_kinds =
    "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";

std::optional<Status> apply_patch(const Target& target,
                                  PatchKind kind,
                                  const Json& patch,
                                  Json& object) {
    switch (kind) {
        case PatchKind::merge:
            if (!patch.is_object()) {
                return statuses::bad_request("json: cannot unmarshal into an object");
            }
            apply_merge_patch(object, patch);
            return std::nullopt;
        case PatchKind::json:
            if (!apply_json_patch(object, patch)) {
                return Status{422,
                              "Invalid",
                              "the server rejected our request due to an error in our request",
                              JsonObject{}};
            }
            return std::nullopt;
        case PatchKind::strategic:
            if (target.kind->custom) {
                return statuses::unsupported_media_type(patches_of_custom_kinds);
            }
            if (const auto merged = apply_strategic_merge(object, patch, target.schema());
                !merged) {
                return statuses::bad_request(merged.error());
            }
            return std::nullopt;
    }
    return std::nullopt;
}

}  // namespace

Answer<ObjectPtr> Cluster::patch(const Resource& resource,
                                 const ObjectKey& key,
                                 PatchKind kind,
                                 const Json& patch,
                                 const WriteOptions& options) {
    const auto target = state_->resolve(resource);
    if (!target) return std::unexpected(target.error());
    if (kind == PatchKind::strategic && target->kind->custom) {
        return std::unexpected(statuses::unsupported_media_type(patches_of_custom_kinds));
    }
    const auto before = state_->stored(*target, key);
    if (!before) return before;
    const bool scale = options.subresource == Subresource::scale;
    if (scale && !target->version->scale) return std::unexpected(statuses::no_such_resource());
    Json object = scale ? scale_from(*target, **before) : *state_->view(*target, *before);
    if (const auto refusal = apply_patch(*target, kind, patch, object)) {
        return std::unexpected(*refusal);
    }
    return state_->change(*target, *before, std::move(object), options);
}

Answer<ObjectPtr> Cluster::remove(const Resource& resource,
                                  const ObjectKey& key,
                                  const DeleteOptions& options) {
    const auto target = state_->resolve(resource);
    if (!target) return std::unexpected(target.error());
    return state_->remove(*target, key, options);
}

Answer<Listing> Cluster::remove_all(const Resource& resource,
                                    std::string_view ns,
                                    const ListOptions& selection,
                                    const DeleteOptions& options) {
    auto selected = select(resource, ns, selection);
    if (!selected) return selected;
    for (const auto& object : selected->items) {
        const auto removed = remove(resource, kube::key_of(*object), options);
        // One that went meanwhile is what was wanted.
        if (!removed && removed.error().code != 404) return std::unexpected(removed.error());
    }
    return selected;
}

Subscription Cluster::watch(const Resource& resource, std::function<void(const Change&)> callback) {
    const auto target = state_->resolve(resource);
    // A custom kind may be watched before its CRD is there.
    const auto kind = target ? target->kind->resource.qualified() : resource.qualified();
    return state_->store.watch(kind, state_->view_as(resource), std::move(callback));
}

Answer<Subscription> Cluster::watch_from(const Resource& resource,
                                         std::int64_t revision,
                                         std::function<void(const Change&)> callback) {
    const auto target = state_->resolve(resource);
    if (!target) return std::unexpected(target.error());
    const auto newest = state_->store.revision();
    if (revision > newest) return std::unexpected(statuses::too_large_revision(revision, newest));
    auto subscription = state_->store.watch_from(target->kind->resource.qualified(),
                                                 revision,
                                                 state_->view_as(resource),
                                                 std::move(callback));
    if (!subscription) {
        return std::unexpected(
            statuses::expired(fmt::format("too old resource version: {} ({})", revision, newest)));
    }
    return std::move(*subscription);
}

void Cluster::deliver_by(std::function<void(std::function<void()>)> post) {
    state_->store.deliver_by(std::move(post));
}

void Cluster::admit(const Resource& resource, Admission admission) {
    state_->admissions[resource.qualified()].push_back(std::move(admission));
}

void Cluster::give_service_addresses_from(std::string prefix) {
    state_->service_prefix = std::move(prefix);
}

const KindTable& Cluster::kinds() const {
    return state_->kinds;
}

std::int64_t Cluster::revision() const {
    return state_->store.revision();
}

Clock& Cluster::clock() const {
    return state_->clock;
}

Random& Cluster::random() const {
    return state_->random;
}

}  // namespace sluice::lab
