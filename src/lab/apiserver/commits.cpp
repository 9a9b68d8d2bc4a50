// What happens when a change is final: a new resourceVersion, the store, and whatever the server
// does of itself because of it.
#include "base/core/text.hpp"
#include "lab/apiserver/cluster_state.hpp"
#include "lab/apiserver/crds.hpp"
#include "lab/apiserver/schema.hpp"

#include <boost/json.hpp>

namespace sluice::lab {

ObjectPtr Cluster::State::commit(const Target& target, Json object, const ObjectPtr& before) {
    put(object, {"metadata", "resourceVersion"}, Json(std::to_string(store.next_revision())));
    const auto key = kube::key_of(object);
    auto kept = std::make_shared<const Json>(std::move(object));
    store.keep(target.id(key), kept, before);
    follow_up(target, kept, before);
    return kept;
}

void Cluster::State::erase(const Target& target, Json last, const ObjectPtr& before) {
    put(last, {"metadata", "resourceVersion"}, Json(std::to_string(store.next_revision())));
    const auto id = target.id(kube::key_of(*before));
    store.take_away(id, std::make_shared<const Json>(std::move(last)), before);
    if (target.resource.kind == "CustomResourceDefinition") {
        kinds.remove(text_at(*before, {"spec", "group"}),
                     text_at(*before, {"spec", "names", "plural"}));
        store.forget(id.key.name);
    }
    garbage_.saw(id, before, nullptr);
}

void Cluster::State::follow_up(const Target& target,
                               const ObjectPtr& object,
                               const ObjectPtr& before) {
    const auto id = target.id(kube::key_of(*object));
    garbage_.saw(id, before, object);
    const auto& kind = target.resource.kind;
    if (kind == "Namespace" && !before) {
        const auto accounts = resolve(kube::resources::service_accounts);
        const JsonObject account{
            {"metadata", JsonObject{{"name", "default"}, {"namespace", id.key.name}}}};
        // One that is there already is as good.
        (void)create(*accounts, account, {});
    }
    if (kind == "CustomResourceDefinition" && is_established(*object) &&
        (!before || !is_established(*before) ||
         object_at(*before, {"spec"}) != object_at(*object, {"spec"}))) {
        serve(object);
    }
    if (kind == "Event") {
        events_seen_.push_back({clock.now(), id, std::string(kube::resource_version_of(*object))});
        forget_old_events();
    }
}

// The kind of a definition is served at once, and what is stored of it gets the defaults that are
// new, as if it had been read with them.
void Cluster::State::serve(const ObjectPtr& crd) {
    kinds.put(kind_of_crd(*crd));
    const auto target = target_of(text_at(*crd, {"metadata", "name"}));
    if (!target || !target->version->schema) return;
    const auto objects = store.objects(target->kind->resource.qualified());
    for (const auto& [key, object] : objects) {
        Json defaulted = *object;
        target->version->schema->fill_in_defaults(defaulted);
        put(defaulted, {"apiVersion"}, Json(target->resource.api_version()));
        if (defaulted == *object) continue;
        store.swap(target->id(key), std::make_shared<const Json>(std::move(defaulted)));
    }
}

// Events live for an hour from their last write.
void Cluster::State::forget_old_events() {
    const auto oldest = clock.now() - std::chrono::hours(1);
    while (!events_seen_.empty() && events_seen_.front().when < oldest) {
        const auto seen = std::move(events_seen_.front());
        events_seen_.pop_front();
        const auto object = store.find(seen.id.kind, seen.id.key);
        if (!object || kube::resource_version_of(*object) != seen.resource_version) continue;
        erase(*target_of(seen.id.kind), *object, object);
    }
}

void Cluster::State::settle_definition(Json& crd) const {
    std::vector<ObjectPtr> others;
    for (const auto& [key, object] :
         store.objects(kube::resources::custom_resource_definitions.qualified())) {
        others.push_back(object);
    }
    settle_crd_status(crd, others, time_now());
}

std::optional<Status> Cluster::State::check_definition(const Target& target) const {
    if (!target.kind->custom) return std::nullopt;
    const auto crd = store.find(kube::resources::custom_resource_definitions.qualified(),
                                {"", target.kind->resource.qualified()});
    if (!crd || !is_terminating(*crd)) return std::nullopt;
    auto refusal = statuses::method_not_allowed(target.resource, "create");
    refusal.message = "create not allowed while custom resource definition is terminating";
    return refusal;
}

// A write by nobody (the lab's own parts) still takes fields from who had them.
void Cluster::State::record_owners(const Target& target,
                                   Json& object,
                                   const Json& before,
                                   const WriteOptions& options,
                                   const ManagedFields* managed) const {
    if (managed != nullptr) {
        put(object, {"metadata", "managedFields"}, managed->to_json());
        return;
    }
    ManagedFields owners(before);
    if (owners.empty() && options.field_manager.empty()) return;
    const auto changes = changes_between(before, object, target.schema());
    FieldOwner writer{options.field_manager, false, target.resource.api_version()};
    if (options.subresource == Subresource::status) writer.subresource = "status";
    if (options.subresource == Subresource::scale) writer.subresource = "scale";
    owners.release(changes.gone);
    owners.take(writer, changes.changed, time_now());
    if (owners.empty()) {
        drop(object, {"metadata", "managedFields"});
    } else {
        put(object, {"metadata", "managedFields"}, owners.to_json());
    }
}

}  // namespace sluice::lab
