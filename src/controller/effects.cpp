// One function per effect: what must be true is made true, the cache learns the answer, and the log
// says what was done.
#include "controller/canary_controller.hpp"
#include "controller/state.hpp"
#include "delivery/canary/configs.hpp"
#include "delivery/canary/objects.hpp"
#include "delivery/canary/workloads.hpp"
#include "routing/objects.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::controller {
namespace {

const std::string manager = "sluice";

Error failed(const canary::Telling& telling, const Error& error) {
    return {error.kind, telling.failure + error.message, error.retry_after};
}

routing::Shares shares_of(canary::Weights weights) {
    return {.primary = weights.primary, .canary = weights.canary, .mirrored = weights.mirrored};
}

}  // namespace

Task<Result<void>> CanaryController::perform(ViewPtr view, canary::Create create) {
    auto& cache = tools_.caches.of(create.kind);
    const auto answer =
        co_await tools_.client.create(cache.resource(), create.object, {.field_manager = manager});
    if (!answer) co_return failed(create.telling, answer.error());
    cache.note(*answer);
    tell(*view, create.telling.log);
    co_return Result<void>{};
}

Task<Result<void>> CanaryController::perform(ViewPtr view, canary::Patch patch) {
    if (patch.is_empty()) {
        tell(*view, patch.telling.log);
        co_return Result<void>{};
    }
    auto& cache = tools_.caches.of(patch.kind);
    const kube::ObjectKey key{view->world.canary.ns, patch.name};
    const auto answer = co_await tools_.client.merge_patch(
        cache.resource(),
        key,
        patch.patch,
        {.resource_version = patch.resource_version, .uid = patch.uid, .field_manager = manager});
    if (!answer) co_return failed(patch.telling, answer.error());
    cache.note(*answer);
    tell(*view, patch.telling.log);
    co_return Result<void>{};
}

Task<Result<void>> CanaryController::perform(ViewPtr view, canary::ScaleTarget scale) {
    auto& cache = tools_.caches.of(scale.kind);
    const kube::ObjectKey key{view->world.canary.ns, scale.name};
    const auto answer =
        co_await tools_.client.merge_patch(cache.resource(),
                                           key,
                                           canary::scaling_patch(scale),
                                           {.uid = scale.uid, .field_manager = manager});
    if (!answer) co_return failed(scale.telling, answer.error());
    cache.note(*answer);
    tell(*view, scale.telling.log);
    co_return Result<void>{};
}

Task<Result<void>> CanaryController::perform(ViewPtr view, canary::Delete removal) {
    auto& cache = tools_.caches.of(removal.kind);
    const kube::ObjectKey key{view->world.canary.ns, removal.name};
    const auto answer = co_await tools_.client.remove(
        cache.resource(), key, {.propagation = kube::Propagation::background, .uid = removal.uid});
    if (!answer && answer.error().kind != ErrorKind::not_found) {
        co_return failed(removal.telling, answer.error());
    }
    if (answer) cache.note_deleted(key, *answer);
    tell(*view, removal.telling.log);
    co_return Result<void>{};
}

Task<Result<void>> CanaryController::perform(ViewPtr view, canary::EnsureRoutes ensure) {
    const auto* router = tools_.routers.find(view->world.canary.provider);
    if (router == nullptr) {
        co_return Error{ErrorKind::unsupported,
                        tools_.routers.refusal(view->world.canary.provider)};
    }
    // The live objects as they are now: an earlier effect of this act may have changed them.
    const auto writes = router->ensure(
        view->object, live_objects(*router, view->object), shares_of(ensure.weights));
    if (!writes) co_return writes.error();
    for (const auto& each : *writes) {
        auto done = co_await write(view, each);
        if (!done) co_return done;
    }
    tell(*view, ensure.telling.log);
    co_return Result<void>{};
}

Task<Result<void>> CanaryController::perform(ViewPtr view, canary::Route route) {
    const auto* router = tools_.routers.find(view->world.canary.provider);
    if (router == nullptr) {
        co_return Error{ErrorKind::unsupported,
                        tools_.routers.refusal(view->world.canary.provider)};
    }
    const auto live = live_objects(*router, view->object);
    const auto seen = router->read(view->object, live);
    if (seen && !route.resource_version.empty() &&
        seen->resource_version != route.resource_version) {
        co_return Error{ErrorKind::conflict, "routes have changed since they were read"};
    }
    const auto change = router->route(view->object, live, shares_of(route.weights));
    if (!change) co_return change.error();
    // Nothing differs: the routes are as they should be already.
    if (!change->body.as_object().empty()) {
        auto done = co_await write(view, *change);
        if (!done) co_return done;
    }
    tell(*view, route.telling.log);
    co_return Result<void>{};
}

// Both are read here, for nobody keeps what they hold.
Task<Result<void>> CanaryController::perform(ViewPtr view, canary::CopyConfig copy) {
    auto& cache = tools_.caches.of(copy.kind);
    const auto& resource = cache.resource();
    const auto& ns = view->world.canary.ns;
    const kube::ObjectKey key{ns, copy.to};
    const std::string kind = copy.kind == canary::Kind::secret ? "secret" : "configmap";
    const auto failed_by = [&](std::string_view text, const Error& error) {
        return Error{error.kind,
                     fmt::format("{}{}{}", copy.telling.failure, text, error.message),
                     error.retry_after};
    };
    const auto asking = [&](const std::string& name) {
        return fmt::format("{} {}.{} get query failed : ", kind, name, ns);
    };

    const auto source = co_await tools_.client.get(resource, {ns, copy.from});
    if (!source) co_return failed_by(asking(copy.from), source.error());
    cache.note(*source);
    if (canary::config_checksum(*source) != copy.checksum) {
        co_return Error{
            ErrorKind::conflict,
            fmt::format("{} {}.{} has changed since it was looked at", kind, copy.from, ns)};
    }
    auto present = co_await tools_.client.get(resource, key);
    if (!present && present.error().kind != ErrorKind::not_found) {
        co_return failed_by(asking(copy.to), present.error());
    }
    const auto wanted = canary::copied(copy, *source, present ? &*present : nullptr);
    const auto updating = fmt::format("updating {} {}.{} failed: ", kind, copy.to, ns);
    if (present && canary::has_to_be_replaced(*present, wanted)) {
        const auto gone =
            co_await tools_.client.remove(resource,
                                          key,
                                          {.propagation = kube::Propagation::background,
                                           .uid = std::string(kube::uid_of(*present))});
        if (!gone && gone.error().kind != ErrorKind::not_found) {
            co_return failed_by(updating, gone.error());
        }
        if (gone) cache.note_deleted(key, *gone);
        present = Error{ErrorKind::not_found, {}};
    }
    if (!present) {
        const auto made = co_await tools_.client.create(
            resource, canary::copied(copy, *source, nullptr), {.field_manager = manager});
        if (!made) {
            co_return failed_by(fmt::format("creating {} {}.{} failed: ", kind, copy.to, ns),
                                made.error());
        }
        cache.note(*made);
    } else {
        const auto patch = merge_patch_between(*present, wanted);
        if (patch.as_object().empty()) co_return Result<void>{};
        const auto changed = co_await tools_.client.merge_patch(
            resource,
            key,
            patch,
            {.resource_version = std::string(kube::resource_version_of(*present)),
             .uid = std::string(kube::uid_of(*present)),
             .field_manager = manager});
        if (!changed) co_return failed_by(updating, changed.error());
        cache.note(*changed);
    }
    tell(*view, copy.telling.log);
    co_return Result<void>{};
}

// Read anew: what kubectl last applied is not kept in the cache.
Task<Result<void>> CanaryController::perform(ViewPtr view, canary::GiveBackApex apex) {
    auto& cache = tools_.caches.services;
    const kube::ObjectKey key{view->world.canary.ns, apex.name};
    const auto live = co_await tools_.client.get(cache.resource(), key);
    if (!live && live.error().kind != ErrorKind::not_found) {
        co_return failed(apex.telling, live.error());
    }
    const bool is_theirs = live && kube::controller_of(*live) == nullptr;
    const auto patch =
        is_theirs ? merge_patch_between(*live, canary::service_before(*live, apex.selector))
                  : Json(JsonObject{});
    if (!patch.as_object().empty()) {
        const auto answer = co_await tools_.client.merge_patch(
            cache.resource(),
            key,
            patch,
            {.resource_version = std::string(kube::resource_version_of(*live)),
             .uid = std::string(kube::uid_of(*live)),
             .field_manager = manager});
        if (!answer && answer.error().kind != ErrorKind::not_found) {
            co_return failed(apex.telling, answer.error());
        }
        if (answer) cache.note(*answer);
    }
    tell(*view, apex.telling.log);
    co_return Result<void>{};
}

Task<Result<void>> CanaryController::perform(ViewPtr view, canary::GiveBackRoutes routes) {
    // A provider that nobody knows has no routes of ours.
    const auto* router = tools_.routers.find(view->world.canary.provider);
    if (router != nullptr) {
        const auto writes = router->revert(view->object, live_objects(*router, view->object));
        if (!writes) co_return failed(routes.telling, writes.error());
        for (const auto& each : *writes) {
            auto done = co_await write(view, each);
            if (!done && done.error().kind != ErrorKind::not_found) {
                co_return failed(routes.telling, done.error());
            }
        }
    }
    tell(*view, routes.telling.log);
    co_return Result<void>{};
}

Task<Result<void>> CanaryController::perform(ViewPtr view, canary::HoldFinalizer hold) {
    const auto key = kube::key_of(view->object);
    JsonArray finalizers;
    for (const auto& name : array_at(view->object, {"metadata", "finalizers"})) {
        if (!name.is_string() || name.get_string() != api::finalizer) finalizers.push_back(name);
    }
    if (hold.held) finalizers.emplace_back(api::finalizer);
    Json patch = JsonObject{};
    put(patch, {"metadata", "finalizers"}, std::move(finalizers));
    auto& cache = tools_.caches.canaries;
    const auto answer = co_await tools_.client.merge_patch(
        cache.resource(),
        key,
        patch,
        {.resource_version = std::string(kube::resource_version_of(view->object)),
         .uid = std::string(kube::uid_of(view->object)),
         .field_manager = manager});
    const bool is_gone = !hold.held && !answer && answer.error().kind == ErrorKind::not_found;
    if (!answer && !is_gone) co_return failed(hold.telling, answer.error());
    if (answer && view->world.canary.deleting) {
        cache.note_deleted(key, *answer);
    } else if (answer) {
        cache.note(*answer);
    }
    tell(*view, hold.telling.log);
    co_return Result<void>{};
}

Task<Result<void>> CanaryController::write(ViewPtr view, routing::ObjectWrite write) {
    const auto& name = write.name;
    auto& cache = *tools_.caches.of(name.resource);
    auto& client = tools_.caches.client_of(name.resource);
    const auto failed_by = [&](const Error& error) {
        return Error{error.kind,
                     fmt::format("{}: {}{}", write.failing, error.message, write.failing_end),
                     error.retry_after};
    };
    switch (write.verb) {
        case routing::WriteVerb::create: {
            auto body = tools_.caches.is_elsewhere(name.resource)
                            ? routing::for_another_cluster(std::move(write.body))
                            : std::move(write.body);
            const auto answer =
                co_await client.create(name.resource, std::move(body), {.field_manager = manager});
            if (!answer) co_return failed_by(answer.error());
            cache.note(*answer);
            break;
        }
        case routing::WriteVerb::patch: {
            const auto answer = co_await client.merge_patch(
                name.resource, name.key, write.body, {.field_manager = manager});
            if (!answer) co_return failed_by(answer.error());
            cache.note(*answer);
            break;
        }
        case routing::WriteVerb::remove: {
            const auto answer = co_await client.remove(
                name.resource,
                name.key,
                {.propagation = kube::Propagation::background,
                 .uid = std::string(kube::uid_of(write.body)),
                 .resource_version = std::string(kube::resource_version_of(write.body))});
            if (answer) {
                cache.note_deleted(name.key, *answer);
            } else if (answer.error().kind != ErrorKind::not_found) {
                co_return failed_by(answer.error());
            }
            break;
        }
    }
    tell(*view, write.done);
    co_return Result<void>{};
}

namespace {

// By a list of one: no row of the role lets us get every kind that we write. Null where it cannot
// be read.
Task<Json> read_anew(kube::Client* client, kube::Resource resource, kube::ObjectKey key) {
    auto found = co_await client->list(
        resource, {.ns = key.ns, .field_selector = "metadata.name=" + key.name});
    if (!found || found->items.size() != 1) co_return Json();
    co_return std::move(found->items.front());
}

}  // namespace

// The caches keep nothing of who wrote what.
Task<canary::Contender> CanaryController::who_contests(ViewPtr view, canary::Effect effect) {
    const auto& ns = view->world.canary.ns;
    if (const auto* patch = std::get_if<canary::Patch>(&effect)) {
        const auto live = co_await read_anew(
            &tools_.client, tools_.caches.of(patch->kind).resource(), {ns, patch->name});
        co_return contender_of(live, patch->patch, manager);
    }
    if (const auto* scale = std::get_if<canary::ScaleTarget>(&effect)) {
        const auto live = co_await read_anew(
            &tools_.client, tools_.caches.of(scale->kind).resource(), {ns, scale->name});
        co_return contender_of(live, canary::scaling_patch(*scale), manager);
    }
    const auto* router = tools_.routers.find(view->world.canary.provider);
    if (router == nullptr) co_return canary::Contender{};
    const auto objects = live_objects(*router, view->object);
    std::vector<routing::ObjectWrite> writes;
    if (const auto* ensure = std::get_if<canary::EnsureRoutes>(&effect)) {
        auto found = router->ensure(view->object, objects, shares_of(ensure->weights));
        if (found) writes = *std::move(found);
    } else if (const auto* route = std::get_if<canary::Route>(&effect)) {
        auto found = router->route(view->object, objects, shares_of(route->weights));
        if (found) writes.push_back(*std::move(found));
    }
    canary::Contender first;
    for (const auto& write : writes) {
        if (write.verb != routing::WriteVerb::patch) continue;
        const auto& [resource, key] = write.name;
        const auto live = co_await read_anew(&tools_.caches.client_of(resource), resource, key);
        auto contender = contender_of(live, write.body, manager);
        contender.field = fmt::format("{} of {} {}", contender.field, resource.kind, key.name);
        if (!contender.manager.empty()) co_return contender;
        if (first.field.empty()) first = std::move(contender);
    }
    co_return first;
}

Task<Result<void>> CanaryController::save_status(ViewPtr view, Json status) {
    const auto key = kube::key_of(view->object);
    const auto& whole = status;
    if (state_home_ == StateHome::annotation) {
        auto noted = co_await note_state(view, whole);
        if (!noted) co_return noted;
    }
    auto change = state_home_ == StateHome::annotation
                      ? merge_patch_between(view->stored_status, without_own_fields(whole))
                      : merge_patch_between(view->stored_status, whole);
    if (change.as_object().empty()) co_return Result<void>{};
    Json patch = JsonObject{};
    put(patch, {"status"}, std::move(change));
    const auto answer = co_await tools_.client.merge_patch(
        kube::resources::canaries,
        key,
        std::move(patch),
        {.subresource = "status",
         .resource_version = std::string(kube::resource_version_of(view->object)),
         .uid = std::string(kube::uid_of(view->object)),
         .field_manager = manager});
    if (!answer) {
        co_return answer.error().with(
            fmt::format("updating canary {} status failed", dotted_name(key)));
    }
    tools_.caches.canaries.note(*answer);
    const auto* stored = find(*answer, {"status"});
    const auto has_own = [](const Json& one) { return !own_fields(one).as_object().empty(); };
    const bool dropped = has_own(whole) && (stored == nullptr || !has_own(*stored));
    if (state_home_ == StateHome::annotation || !dropped) co_return Result<void>{};

    // Somebody has put the peer's CRD in place of ours.
    tools_.log.info(
        fmt::format("{} keeps no status field of ours: from now on they are in annotation "
                    "{} of the primaries",
                    canary_definition,
                    state_annotation));
    state_home_ = StateHome::annotation;
    const auto since = std::make_shared<View>(*view);
    since->stored_status = stored == nullptr ? Json(JsonObject{}) : *stored;
    co_return co_await note_state(since, whole);
}

// Before the status, and with all that it will say: this write is the transition.
Task<Result<void>> CanaryController::note_state(ViewPtr view, Json status) {
    const auto key = kube::key_of(view->object);
    auto note = note_of(view->stored_status, status, kube::uid_of(view->object));
    memory_[key].note = note;
    auto& cache = workloads_of(view->object);
    const kube::ObjectKey primary{key.ns, view->world.canary.primary_name()};
    const auto seen = cache.get(primary);
    // Until there is a primary, nothing has happened that could not be seen again.
    if (!seen) co_return Result<void>{};
    if (text_at(*seen, {"metadata", "annotations", state_annotation}) == note) {
        co_return Result<void>{};
    }
    Json patch = JsonObject{};
    put(patch, {"metadata", "annotations", state_annotation}, Json(note));
    const auto answer = co_await tools_.client.merge_patch(
        cache.resource(),
        primary,
        patch,
        {.uid = std::string(kube::uid_of(*seen)), .field_manager = manager});
    if (!answer && answer.error().kind == ErrorKind::not_found) co_return Result<void>{};
    if (!answer) {
        co_return answer.error().with(fmt::format("noting the state of canary {} at {} {}",
                                                  dotted_name(key),
                                                  cache.resource().kind,
                                                  dotted_name(primary)));
    }
    cache.note(*answer);
    co_return Result<void>{};
}

void CanaryController::tell(const View& view, const std::string& line) {
    if (line.empty()) return;
    tools_.log.info(line, {{"canary", dotted_name(kube::key_of(view.object))}});
}

void CanaryController::explain(const View& view, const Json& decision) {
    tools_.log.debug(fmt::format("decided {}", text_at(decision, {"what"})),
                     {{"canary", dotted_name(kube::key_of(view.object))},
                      {"phase", std::string(api::to_string(view.world.canary.status.phase))},
                      {"routes", canary::to_string(view.world.routes.weights)},
                      {"decision", LogValue::json(to_text(decision))}});
}

void CanaryController::mention(const View& view, std::string_view what) {
    explain(view, Json(JsonObject{{"at", rfc3339(view.world.now)}, {"what", what}}));
}

// --- telling ---------------------------------------------------------------------------------

Task<> CanaryController::announce(ViewPtr view, std::vector<canary::Event> events) {
    const auto fresh = co_await tools_.announcer.record(view->object, std::move(events));
    tools_.notifier.announce(view->world, fresh);
}

void CanaryController::warn(const View& view, canary::EventType type, const std::string& message) {
    if (!tools_.announcer.warn(view.object, type, message)) return;
    tools_.notifier.announce(view.world, {{.type = type, .message = message}});
}

// --- bookkeeping ------------------------------------------------------------------------------

// Shows what was seen: gauges, and one line when the Canary's spec is new.
void CanaryController::show(const View& view) {
    const auto key = kube::key_of(view.object);
    auto& memory = memory_[key];
    const auto& world = view.world;
    note_concerns(view);
    Measured measured{
        .target = world.canary.target.name, .primary = world.canary.primary_name(), .ns = key.ns};
    if (measured != memory.measured) {
        // It names another target now.
        if (!memory.measured.target.empty()) tools_.metrics.forget(memory.measured);
        memory.measured = std::move(measured);
    }
    tools_.metrics.set_status(memory.measured, api::to_string(world.canary.status.phase));
    if (world.routes.state == canary::RoutesState::weights) {
        tools_.metrics.set_weights(
            memory.measured,
            {.primary = world.routes.weights.primary, .canary = world.routes.weights.canary});
    } else if (!world.routes.can.weights) {
        const int canary = canary::apex_selects_canary(world) ? api::whole : 0;
        tools_.metrics.set_weights(memory.measured,
                                   {.primary = api::whole - canary, .canary = canary});
    }
    if (memory.synced_generation != world.canary.generation) {
        memory.synced_generation = world.canary.generation;
        tools_.log.info("Synced " + to_string(key));
    }
}

// Anew when the Canary's spec is new, or the target's: its template may name other configs now.
void CanaryController::note_concerns(const View& view) {
    const auto key = kube::key_of(view.object);
    const auto& world = view.world;
    Noted seen{.generation = world.canary.generation, .postponed = world.postponed};
    if (world.target) {
        seen.target_uid = world.target->uid;
        seen.target_generation = world.target->generation;
    }
    auto& noted = memory_[key].noted;
    if (noted == seen) return;
    noted = std::move(seen);
    const auto freed = concern(key, concerns_of(view.object, world.canary.provider));
    if (queue_ == nullptr) return;
    for (const auto& other : freed) queue_->add(other);
}

void CanaryController::count(const View& view, canary::Finish finish) {
    const auto& measured = memory_[kube::key_of(view.object)].measured;
    RunResult run{.strategy = std::string(to_string(view.world.strategy)), .analysis = "completed"};
    switch (finish) {
        case canary::Finish::promoted:
            tools_.metrics.count_success(measured, run);
            return;
        case canary::Finish::promoted_unanalysed:
            run.analysis = "skipped";
            tools_.metrics.count_success(measured, run);
            return;
        case canary::Finish::failed:
            tools_.metrics.count_failure(measured, run);
            return;
    }
}

std::vector<kube::ObjectKey> CanaryController::concerned_by(const kube::Resource& resource,
                                                            const kube::ObjectKey& key) const {
    return dependents_.of({resource.plural, key});
}

std::vector<kube::ObjectKey> CanaryController::note_canary(const kube::ObjectKey& key) {
    const auto object = tools_.caches.canaries.get(key);
    const auto known = memory_.find(key);
    if (object) {
        // A new status changes nothing of it.
        if (known != memory_.end() && known->second.uid == kube::uid_of(*object) &&
            known->second.noted.generation == integer_at(*object, {"metadata", "generation"})) {
            return {key};
        }
        // What is postponed is still held.
        const auto routed = as_routed(*object).canary;
        auto provider = std::string(text_at(routed, {"spec", "provider"}));
        if (provider.empty()) provider = settings_.defaults.provider;
        auto woken = concern(key, concerns_of(routed, provider));
        woken.insert(woken.begin(), key);
        return woken;
    }
    auto woken = concern(key, {});
    woken.insert(woken.begin(), key);
    if (known != memory_.end()) known->second.noted = {};
    return woken;
}

// Returns who shared what it lets go of hereby: whoever held back for it may go on now.
std::vector<kube::ObjectKey> CanaryController::concern(const kube::ObjectKey& key,
                                                       std::vector<Concern> concerns) {
    const auto before = dependents_.concerns(key);
    if (concerns.empty()) {
        dependents_.erase(key);
    } else {
        dependents_.set(key, concerns);
    }
    std::set<kube::ObjectKey> freed;
    for (const auto& one : before) {
        // A namespace is nobody's, and the same for all in it.
        if (one.plural == kube::resources::namespaces.plural) continue;
        if (std::ranges::find(concerns, one) != concerns.end()) continue;
        for (const auto& other : dependents_.of(one)) {
            if (other != key) freed.insert(other);
        }
    }
    return {freed.begin(), freed.end()};
}

std::vector<Concern> CanaryController::concerns_of(const Json& object,
                                                   const std::string& provider) const {
    const auto key = kube::key_of(object);
    std::vector<Concern> concerns;
    const auto add = [&](const kube::Resource& resource, const std::string& name) {
        if (!name.empty()) concerns.push_back({resource.plural, {key.ns, name}});
    };
    const std::string target(text_at(object, {"spec", "targetRef", "name"}));
    const std::string scaler(text_at(object, {"spec", "autoscalerRef", "name"}));
    const auto names = routing::service_names(object);
    const auto& workloads = workloads_of(object);
    const auto& scalers = scalers_of(object).resource();
    add(workloads.resource(), target);
    add(workloads.resource(), primary_name(object));
    if (!scaler.empty()) {
        add(scalers, scaler);
        add(scalers, scaler + "-primary");
    }
    for (const auto& name : {names.apex, names.primary, names.canary}) {
        add(kube::resources::services, name);
    }
    concerns.push_back({kube::resources::namespaces.plural, {"", key.ns}});
    if (const auto* router = tools_.routers.find(provider)) {
        for (const auto& name : router->objects(object)) {
            concerns.push_back({name.resource.plural, name.key});
        }
    }
    if (const auto live = workloads.get({key.ns, target})) {
        for (const auto& reference : canary::config_references(*live)) {
            const auto& kind = reference.starts_with("secret/") ? kube::resources::secrets
                                                                : kube::resources::config_maps;
            add(kind, canary::name_of_config(reference));
            add(kind, canary::name_of_config(canary::copy_of_config(reference)));
        }
    }
    return concerns;
}

void CanaryController::forget(const kube::ObjectKey& key) {
    const auto found = memory_.find(key);
    if (found != memory_.end()) {
        tools_.metrics.forget(found->second.measured);
        memory_.erase(found);
    }
    tools_.announcer.forget(key);
    tools_.notifier.forget(key);
}

}  // namespace sluice::controller
