#include "delivery/traffic.hpp"

#include "delivery/canary/next.hpp"
#include "delivery/canary/objects.hpp"
#include "delivery/canary/workloads.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::traffic {
namespace {

using namespace canary;

std::int64_t pods(const std::optional<Workload>& one) {
    return one ? one->available : 0;
}

bool is_ready(const std::optional<Workload>& one) {
    return one && one->ready();
}

// Walks the effects in their order with the weights that would then be live.
class Walk {
   public:
    explicit Walk(const World& world)
        : world_(world), unreadable_(world.routes.state == RoutesState::unreadable) {
        if (world.routes.state == RoutesState::weights) live_ = world.routes.weights;
        if (!world.routes.can.weights && apex_selects_canary(world)) live_ = {0, api::whole};
        // Nothing is known about them: any weight for the primary is a raise.
        if (unreadable_) live_ = {0, 0};
    }

    void see(const Effect& effect) {
        if (const auto* route = std::get_if<Route>(&effect)) return see_weights(route->weights);
        if (const auto* routes = std::get_if<EnsureRoutes>(&effect)) {
            return see_weights(routes->weights);
        }
        if (const auto* scale = std::get_if<ScaleTarget>(&effect)) return see_scale(*scale);
        if (const auto* patch = std::get_if<Patch>(&effect)) return see_patch(*patch);
        if (const auto* gone = std::get_if<Delete>(&effect);
            gone && (gone->kind == Kind::deployment || gone->kind == Kind::daemon_set)) {
            broken_.push_back(fmt::format(
                "law 2 (drain): {} {} would be deleted", word_of(gone->kind), gone->name));
        }
        if (std::holds_alternative<GiveBackApex>(effect) ||
            std::holds_alternative<GiveBackRoutes>(effect)) {
            return see_return();
        }
        if (const auto* finalizer = std::get_if<HoldFinalizer>(&effect)) see_finalizer(*finalizer);
    }

    std::vector<std::string> broken() && { return std::move(broken_); }

   private:
    void see_weights(Weights weights) {
        if (weights.primary + weights.canary != api::whole || weights.primary < 0 ||
            weights.canary < 0) {
            broken_.push_back(
                fmt::format("the weights {} do not make up the whole", to_string(weights)));
        }
        if (weights.canary > live_.canary && !is_ready(world_.target)) {
            refuse_raise(world_.canary.target.name, live_.canary, weights.canary, world_.target);
        }
        if (weights.primary > live_.primary && !is_ready(world_.primary) &&
            !leaves_failed_canary() && !primary_is_elsewhere()) {
            refuse_raise(
                world_.canary.primary_name(), live_.primary, weights.primary, world_.primary);
        }
        if (weights.canary < live_.canary || unreadable_) moved_ = true;
        live_ = weights;
        unreadable_ = false;
    }

    // The one exception of law 1.
    bool leaves_failed_canary() const {
        const bool rolls_back = world_.canary.status.rollback.has_value();
        const bool is_empty = pods(world_.target) == 0;
        return pods(world_.primary) > 0 ? rolls_back || is_empty : rolls_back && is_empty;
    }

    // The Canary has been pointed at another target: its primary Service still leads to pods of the
    // old one's primary, and nothing is known of those.
    bool primary_is_elsewhere() const {
        return !world_.primary && world_.primary_service && !world_.selector_value.empty() &&
               text_at(*world_.primary_service, {"spec", "selector", world_.selector_label}) !=
                   world_.selector_value + "-primary";
    }

    void refuse_raise(std::string_view name,
                      int from,
                      int to,
                      const std::optional<Workload>& workload) {
        broken_.push_back(
            fmt::format("law 1 (capacity): {} would go from {} to {} while it is not ready: {}",
                        world_.canary.dotted(name),
                        from,
                        to,
                        workload ? workload->readiness.why : "it does not exist"));
    }

    void see_patch(const Patch& patch) {
        const bool moves =
            patch.kind == Kind::service && find(patch.patch, {"spec", "selector"}) != nullptr;
        if (moves && patch.name == world_.canary.primary_service()) see_primary_service();
        if (moves && patch.name == world_.canary.apex) see_apex(patch);
    }

    // At first everything they get is new to the primary's pods. Later the selector of a Service is
    // only put right.
    bool primary_can_serve() const {
        const bool initializing = world_.canary.status.phase == api::Phase::initializing;
        return initializing ? is_ready(world_.primary) : pods(world_.primary) > 0;
    }

    void see_primary_service() {
        if (!primary_can_serve())
            refuse_raise(world_.canary.primary_name(), 0, api::whole, world_.primary);
    }

    void see_apex(const Patch& patch) {
        moved_ = true;
        const bool to_canary = !world_.selector_value.empty() &&
                               text_at(patch.patch, {"spec", "selector", world_.selector_label}) ==
                                   world_.selector_value;
        if (!world_.routes.can.weights) {
            return see_weights(to_canary ? Weights{0, api::whole} : Weights{});
        }
        const auto& gains = to_canary ? world_.target : world_.primary;
        if (to_canary ? !is_ready(gains) : !primary_can_serve()) {
            refuse_raise(to_canary ? world_.canary.target.name : world_.canary.primary_name(),
                         0,
                         api::whole,
                         gains);
        }
    }

    // All that the primary bore goes to the target: never before it can bear it, unless it is gone
    // or has had its deadline (DB-19).
    void see_return() {
        moved_ = true;
        if (!world_.target || is_ready(world_.target) || is_given_up(world_)) return;
        refuse_raise(world_.canary.target.name, live_.canary, api::whole, world_.target);
    }

    // The primary is garbage as soon as a Canary that gave everything back is let go.
    void see_finalizer(const HoldFinalizer& finalizer) {
        const auto& status = world_.canary.status;
        const bool gave_back =
            status.phase == api::Phase::terminating || status.phase == api::Phase::terminated;
        if (finalizer.held || !world_.canary.deleting || !gave_back) return;
        const bool drained =
            status.routed_at && world_.now >= *status.routed_at + world_.settings.drain_delay;
        if (drained && !moved_) return;
        broken_.push_back(
            fmt::format("law 2 (drain): {} would be deleted before its traffic has drained",
                        world_.canary.dotted(world_.canary.primary_name())));
    }

    bool apex_was_made_by_us() const {
        if (!world_.apex_service) return false;
        for (const auto& owner : array_at(*world_.apex_service, {"metadata", "ownerReferences"})) {
            if (text_at(owner, {"uid"}) == world_.canary.uid) return true;
        }
        return false;
    }

    void see_scale(const ScaleTarget& scale) {
        if (!world_.target || scale.replicas >= world_.target->replicas) return;
        const auto name = world_.canary.dotted(scale.name);
        const auto& status = world_.canary.status;
        const bool initializing = status.phase == api::Phase::initializing;
        if (live_.canary > 0 || (unreadable_ && !initializing)) {
            broken_.push_back(
                fmt::format("law 2 (drain): {} would be scaled down while it gets traffic", name));
            return;
        }
        const bool drained =
            status.routed_at && world_.now >= *status.routed_at + world_.settings.drain_delay;
        const bool never_reached = initializing && !status.routed_at && apex_was_made_by_us();
        if (moved_ || !(drained || never_reached)) {
            broken_.push_back(fmt::format(
                "law 2 (drain): {} would be scaled down before its traffic has drained", name));
        }
    }

    const World& world_;
    Weights live_;
    bool unreadable_;
    bool moved_ = false;
    std::vector<std::string> broken_;
};

}  // namespace

std::vector<std::string> violations(const World& world, const Act& act) {
    Walk walk(world);
    for (const auto& effect : act.effects) walk.see(effect);
    return std::move(walk).broken();
}

}  // namespace sluice::traffic
