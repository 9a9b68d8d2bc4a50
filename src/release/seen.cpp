#include "release/seen.hpp"

#include "controller/canary_controller.hpp"
#include "controller/state.hpp"
#include "delivery/canary/workloads.hpp"
#include "routing/table.hpp"

#include <boost/json.hpp>

namespace sluice::release {
namespace {

canary::Surroundings surroundings_of(const Json& object, const api::Canary& canary) {
    static const routing::Table routers;
    canary::Surroundings around;
    if (const auto* router = routers.find(canary.provider)) {
        const auto can = router->capabilities(object);
        around.can = {.weights = can.weights,
                      .mirror = can.mirror,
                      .match = can.match,
                      .affinity = can.affinity};
    }
    return around;
}

}  // namespace

PrimaryName primary_of(const Json& canary) {
    const auto target = canary::workload_kind(text_at(canary, {"spec", "targetRef", "kind"}));
    const auto& kind = target == canary::Kind::daemon_set ? kube::resources::daemon_sets
                       : target == canary::Kind::service  ? kube::resources::services
                                                          : kube::resources::deployments;
    return {kind, {kube::key_of(canary).ns, controller::primary_name(canary)}};
}

CanarySeen seen_of(Json object, const Json* primary) {
    CanarySeen seen;
    seen.object = std::move(object);
    if (primary != nullptr) {
        const auto* status = find(seen.object, {"status"});
        auto whole = controller::status_seen(
            status == nullptr ? Json(JsonObject{}) : *status,
            text_at(*primary, {"metadata", "annotations", controller::state_annotation}),
            kube::uid_of(seen.object));
        if (status != nullptr) put(seen.object, {"status"}, std::move(whole.status));
    }
    // The plan as it is written; how short a controller lets it be is not known here.
    seen.canary = api::parse_canary(seen.object, {.min_interval = Duration{1}});
    seen.around = surroundings_of(seen.object, seen.canary);
    return seen;
}

Task<Result<CanarySeen>> read_canary(kube::Client& client, kube::ObjectKey key) {
    auto object = co_await client.get(kube::resources::canaries, key);
    if (!object) co_return object.error().with("reading Canary " + to_string(key));
    const auto* status = find(*object, {"status"});
    // What is ours stands at the primary where the peer's CRD would not keep it.
    const bool is_elsewhere =
        status != nullptr && controller::own_fields(*status).as_object().empty();
    if (is_elsewhere) {
        const auto primary = primary_of(*object);
        // Whoever may not read it sees the peer's fields.
        const auto workload = co_await client.get(primary.kind, primary.key);
        if (workload) co_return seen_of(*std::move(object), &*workload);
    }
    co_return seen_of(*std::move(object));
}

}  // namespace sluice::release
