#include "delivery/canary/steps.hpp"

#include "api/texts.hpp"
#include "delivery/canary/configs.hpp"
#include "delivery/canary/cookies.hpp"
#include "delivery/canary/objects.hpp"
#include "delivery/canary/revision.hpp"
#include "delivery/canary/scalers.hpp"
#include "delivery/canary/workloads.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::canary {
namespace {

using api::Phase;

constexpr Duration warning_spacing = std::chrono::seconds(10);
// Clocks of two machines differ by less, and waiting that much longer harms nobody.
constexpr Duration clock_tolerance = std::chrono::seconds(5);

// An unchanged generation of the same object is an unchanged template, whatever a hash says (DB-1).
bool is_fenced(const World& world) {
    const auto& analysed = world.canary.status.analysed;
    // A Service has no generation.
    if (world.target->generation == 0) return false;
    return analysed && !analysed->uid.empty() && analysed->uid == world.target->uid &&
           analysed->generation == world.target->generation && !configs_changed(world);
}

// The state of the release before an act: the same for a pass that repeats it after a kill, and for
// no other.
std::string state_key(const World& world) {
    const auto& status = world.canary.status;
    return fmt::format("{}/{}/{}/{}/{}/{}/{}",
                       to_string(status.phase),
                       status.canary_weight,
                       status.iterations,
                       status.failed_checks,
                       status.last_transition_time ? rfc3339(*status.last_transition_time) : "",
                       status.last_applied_spec,
                       status.rollback ? status.rollback->cause : "");
}

// A revision is judged, or is about to be.
bool is_before_promotion(Phase phase) {
    return phase == Phase::waiting || phase == Phase::progressing ||
           phase == Phase::waiting_promotion;
}

// What was made for another name or provider stays, and serves as the primary does: it is not known
// who still goes by it. The peer only logs this.
void tell_left_behind(Act& act, const World& world) {
    const auto& before = world.canary.status.routed_by;
    const auto now = routed_now(world);
    if (!before || *before == now) return;
    const auto say = [&](std::string_view what, const std::string& from, const std::string& to) {
        if (from == to || from.empty() || to.empty()) return;
        auto event = event_of(
            world,
            EventType::warning,
            fmt::format("The {} changed to {}, remove {} objects to avoid routing conflicts",
                        what,
                        to,
                        from));
        event.key = fmt::format("{}/{}", world.canary.generation, event.message);
        act.events.push_back(std::move(event));
    };
    say("service name", before->service, now.service);
    say("ingress", before->ingress, now.ingress);
    if (before->provider != "kubernetes") say("provider", before->provider, now.provider);
}

}  // namespace

// --- questions about a World ------------------------------------------------------------------

bool is_settled(const World& world) {
    switch (world.canary.status.phase) {
        case Phase::initialized:
        case Phase::waiting:
        case Phase::succeeded:
        case Phase::failed:
            return true;
        case Phase::none:
        case Phase::initializing:
        case Phase::progressing:
        case Phase::waiting_promotion:
        case Phase::promoting:
        case Phase::finalising:
        case Phase::terminating:
        case Phase::terminated:
            return false;
    }
    return false;
}

bool is_promoting(const World& world) {
    const auto phase = world.canary.status.phase;
    return phase == Phase::promoting || phase == Phase::finalising;
}

bool is_analysing(const World& world) {
    const auto phase = world.canary.status.phase;
    return phase == Phase::progressing || phase == Phase::waiting_promotion;
}

bool strategy_changed(const World& world) {
    const auto& analysed = world.canary.status.analysed;
    return is_analysing(world) && analysed && !analysed->strategy.empty() &&
           analysed->strategy != to_string(strategy_of(world));
}

api::RoutedBy routed_now(const World& world) {
    const auto& canary = world.canary;
    return {canary.provider, canary.apex, canary.provider == "nginx" ? canary.ingress : ""};
}

bool is_untested(const World& world) {
    const auto& status = world.canary.status;
    return status.canary_weight > 0 && status.analysed && status.analysed->untested;
}

bool is_unjudged(const World& world) {
    const auto& status = world.canary.status;
    return status.canary_weight > 0 && status.analysed && status.analysed->unjudged;
}

api::Analysed analysed_now(const World& world) {
    return {world.revision,
            world.target->uid,
            world.target->generation,
            std::string(to_string(strategy_of(world)))};
}

void note_revision(api::Status& status, const World& world) {
    status.analysed = analysed_now(world);
    const auto kind = kind_of(world);
    if (world.settings.track_configs && kind != Kind::service) {
        status.tracked_configs = world.tracked;
    } else {
        // What was followed before is part of the revision no more.
        status.tracked_configs.reset();
        status.analysed->hash = revision_of(*template_of(kind, world.target->object));
    }
    status.last_applied_spec = status.analysed->hash;
}

bool revision_changed(const World& world) {
    const auto& status = world.canary.status;
    if (status.last_applied_spec.empty()) return true;
    if (is_fenced(world)) return false;
    return world.revision != status.last_promoted_spec &&
           world.revision != status.last_applied_spec;
}

bool is_reverted(const World& world) {
    const auto& status = world.canary.status;
    return !status.last_promoted_spec.empty() && world.revision == status.last_promoted_spec &&
           status.last_applied_spec != status.last_promoted_spec && !is_fenced(world);
}

std::optional<Weights> live_weights(const World& world) {
    // Nothing splits the traffic: it goes where the apex Service points.
    if (!world.routes.can.weights) {
        return split(apex_selects_canary(world) ? api::whole : 0);
    }
    switch (world.routes.state) {
        case RoutesState::absent:
            return Weights{};
        case RoutesState::weights:
            return world.routes.weights;
        case RoutesState::unreadable:
            return std::nullopt;
    }
    return std::nullopt;
}

const std::string& routes_hindrance(const World& world) {
    static const std::string nothing;
    return world.routes.state == RoutesState::unreadable ? nothing : world.routes.text;
}

bool can_go_home(const World& world) {
    if (!world.primary) return false;
    const auto canary_pods = world.target ? world.target->available : 0;
    return world.primary->ready() || (world.primary->available > 0 && canary_pods == 0);
}

std::string target_of(const World& world) {
    return world.canary.dotted(world.canary.target.name);
}

Time end_of_drain(const World& world) {
    return world.canary.status.routed_at.value_or(world.now) + world.settings.drain_delay;
}

bool is_drained(const World& world) {
    return world.canary.status.routed_at && world.now >= end_of_drain(world);
}

Move drain_anew(const World& world) {
    auto act = act_of(world, "drain again");
    auto status = status_of(world);
    status.routed_at.reset();
    save(act, world, status);
    return act;
}

std::optional<Move> begin_waits_anew(const World& world) {
    auto status = status_of(world);
    auto act = act_of(world, "clock");
    auto& remembered = act.remembered;
    std::optional<Time> latest;
    const auto set_back = [&](std::optional<Time>& time) {
        if (!time || *time <= world.now + clock_tolerance) return;
        latest = std::max(latest.value_or(*time), *time);
        time = world.now;
    };
    set_back(remembered.last_round);
    set_back(remembered.gate_asked_at);
    set_back(remembered.last_warning_at);
    set_back(remembered.providers_asked_at);
    const bool is_remembered = latest.has_value();
    latest.reset();
    set_back(status.last_transition_time);
    set_back(status.routed_at);
    set_back(status.unready_since);
    set_back(status.primary_unready_since);
    if (!latest) return is_remembered ? std::optional<Move>(act) : std::nullopt;
    tell_anew(act,
              world,
              EventType::warning,
              fmt::format("the status of {} was written at {}, and the clock says {}: its waits "
                          "begin anew",
                          world.canary.dotted(),
                          rfc3339(*latest),
                          rfc3339(world.now)));
    save(act, world, status);
    return act;
}

std::optional<Time> next_round(const World& world) {
    const auto& status = world.canary.status;
    const auto& last = world.remembered.last_round;
    const bool untouched = (status.canary_weight == 0 || is_untested(world)) &&
                           status.failed_checks == 0 && status.iterations <= 0 && !status.mirrored;
    const auto written = status.last_transition_time;
    if (untouched && (!last || (written && *last < *written))) return std::nullopt;
    if (!last && !written) return std::nullopt;
    const auto since = last && written ? std::max(*last, *written) : last ? *last : *written;
    return since + world.canary.analysis.interval;
}

bool is_taken_over(const World& world) {
    const auto& hash = world.canary.status.last_applied_spec;
    return !hash.empty() && !is_our_revision(hash);
}

bool is_retargeted(const World& world) {
    return !world.primary && world.kept.empty() && !world.revisions.empty();
}

bool promotion_was_written(const World& world) {
    const auto& status = world.canary.status;
    return !is_promoting(world) && !status.last_applied_spec.empty() &&
           status.last_applied_spec != status.last_promoted_spec &&
           world.primary_carries == status.last_applied_spec;
}

bool needs_restoring(const World& world) {
    const auto& status = world.canary.status;
    return status.phase == Phase::failed && !status.last_promoted_spec.empty() &&
           status.last_applied_spec != status.last_promoted_spec &&
           world.primary_carries == status.last_applied_spec &&
           world.kept.contains(status.last_promoted_spec);
}

// --- building moves ---------------------------------------------------------------------------

Act act_of(const World& world, std::string_view why) {
    Act act;
    act.why = why;
    act.remembered = world.remembered;
    act.remembered.plan = world.analysis;
    return act;
}

Event event_of(const World& world, EventType type, std::string message) {
    auto key = state_key(world) + "/" + message;
    return {type, std::move(message), std::move(key)};
}

void tell(Act& act, const World& world, EventType type, std::string message) {
    act.events.push_back(event_of(world, type, std::move(message)));
}

void tell_anew(Act& act, const World& world, EventType type, std::string message) {
    auto key = fmt::format("{}/{}/{}/{}",
                           state_key(world),
                           world.canary.resource_version,
                           world.routes.resource_version,
                           message);
    act.events.push_back({type, std::move(message), std::move(key)});
}

void warn_anew(Act& act, const World& world, std::string message) {
    const auto last = world.remembered.last_warning_at;
    if (last && world.now < *last + warning_spacing) return;
    act.remembered.last_warning = message;
    act.remembered.last_warning_at = world.now;
    tell_anew(act, world, EventType::warning, std::move(message));
}

void alert(Act& act, Severity severity, std::string message, bool with_fields) {
    act.alerts.push_back({severity, std::move(message), with_fields});
}

api::Status status_of(const World& world) {
    auto status = world.canary.status;
    status.observed_generation = world.canary.generation;
    status.routed_by = routed_now(world);
    return status;
}

api::Status transition_of(const World& world) {
    auto status = status_of(world);
    status.last_transition_time = world.now;
    status.closed_gate.clear();
    return status;
}

void grant_step(Act& act, api::Status& status, const World& world) {
    if (world.wish != api::Verb::step) return;
    status.granted = world.canary.wish->text;
    const auto& gate = world.canary.status.closed_gate;
    tell(act,
         world,
         EventType::normal,
         fmt::format("{} goes past {} by hand",
                     world.canary.dotted(),
                     gate.empty() ? std::string("its gate") : "gate " + gate));
}

void settle_wish(api::Status& status, const World& world) {
    const auto& wish = world.canary.wish;
    if (wish && wish->revision == world.canary.status.last_applied_spec)
        status.granted = wish->text;
}

void set_phase(api::Status& status, const World& world, Phase phase) {
    status.phase = phase;
    if (!is_before_promotion(phase)) status.primary_unready_since.reset();
    api::set_condition(status, world.canary.target.kind, world.now);
}

void save(Act& act, const World& world, const api::Status& status) {
    tell_left_behind(act, world);
    act.status = api::to_json(status, world.canary.raw_status);
    // A Warning is new again in a new phase.
    if (status.phase != world.canary.status.phase) {
        act.remembered.last_warning.clear();
        act.remembered.last_warning_at.reset();
    }
}

void send(Act& act, const World& world, Weights to) {
    const auto live = live_weights(world);
    if (live == to) return;
    if (!world.routes.can.weights) {
        if (auto effect = point_apex_at(world, to.canary == api::whole)) {
            act.effects.push_back(*std::move(effect));
        }
    } else if (live) {
        act.effects.emplace_back(Route{to, world.routes.resource_version, {}});
    } else {
        act.effects.emplace_back(EnsureRoutes{to, world.routes.resource_version, {}});
    }
}

Act one_step_home(const World& world, std::string_view why, int canary_weight) {
    auto act = act_of(world, why);
    tell(act,
         world,
         EventType::normal,
         api::texts::advance_primary(world.canary.dotted(), split(canary_weight).primary));
    auto status = transition_of(world);
    status.canary_weight = canary_weight;
    status.routed_at = world.now;
    status.unready_since.reset();
    act.remembered.last_round = world.now;
    save(act, world, status);
    return act;
}

api::Status sent_home(const World& world) {
    auto status = transition_of(world);
    status.canary_weight = 0;
    status.mirrored = false;
    unbind_users(status);
    status.routed_at = world.now;
    return status;
}

Act route_home(const World& world) {
    auto act = act_of(world, "route home");
    send(act, world, {});
    save(act, world, sent_home(world));
    return act;
}

void scale_down(Act& act, const World& world) {
    if (auto pause = pause_scaler(world)) act.effects.emplace_back(std::move(*pause));
    if (world.target && world.target->replicas != 0) {
        act.effects.emplace_back(scale_target(world, 0));
    }
}

Rest rest_until(std::optional<Time> wake) {
    return {wake};
}

Move hold(const World& world, Holding holding) {
    const auto& remembered = world.remembered;
    // Of a suspended Canary nothing is written.
    const bool shows = holding.type != EventType::normal && !holding.is_wait;
    const bool is_shown = api::held_by(world.canary.status.conditions) == holding.text;
    const bool is_told = remembered.last_warning == holding.text || (shows && is_shown);
    if (is_told && (is_shown || !shows)) return Rest{holding.wake, !holding.is_wait};
    if (!is_told && remembered.last_warning_at &&
        world.now < *remembered.last_warning_at + warning_spacing) {
        const auto then = *remembered.last_warning_at + warning_spacing;
        return Rest{holding.wake ? std::min(*holding.wake, then) : then, !holding.is_wait};
    }
    auto act = act_of(world, "hold");
    if (shows) show_held(act, world, holding.text);
    if (is_told) return act;
    act.remembered.last_warning = holding.text;
    act.remembered.last_warning_at = world.now;
    tell_anew(act, world, holding.type, std::move(holding.text));
    if (holding.alert) act.alerts.push_back(*holding.alert);
    return act;
}

void show_held(Act& act, const World& world, std::string_view why) {
    const auto& before = world.canary.raw_status;
    act.status = before.is_object() ? before : Json(JsonObject{});
    put(*act.status,
        {"conditions"},
        api::with_held(world.canary.status.conditions, why, world.now));
}

namespace {

// Starts the wait's own clock.
Move wait_by(const World& world, WaitClock clock, std::string text, std::optional<Time> wake) {
    if (world.canary.status.*clock) {
        return hold(world, {EventType::warning, std::move(text), wake, {}, true});
    }
    auto act = act_of(world, "wait");
    act.remembered.last_warning = text;
    act.remembered.last_warning_at = world.now;
    tell_anew(act, world, EventType::warning, std::move(text));
    auto status = status_of(world);
    status.*clock = world.now;
    save(act, world, status);
    return act;
}

std::optional<Time> earlier(std::optional<Time> a, std::optional<Time> b) {
    return a && b ? std::min(*a, *b) : a ? a : b;
}

}  // namespace

std::string primary_trouble(const World& world) {
    return primary_not_ready(
        kind_of(world), world.canary.dotted(world.primary->name), world.primary->readiness);
}

Move wait_for_primary(const World& world, std::optional<Time> wake) {
    return wait_by(world,
                   clock_of_primary(world.canary.status.phase),
                   primary_trouble(world),
                   earlier(world.primary->readiness.deadline, wake));
}

Move wait_for_canary(const World& world) {
    const auto& readiness = world.target->readiness;
    return wait_by(
        world,
        &api::Status::unready_since,
        canary_not_ready(kind_of(world), world.canary.dotted(world.target->name), readiness),
        readiness.deadline);
}

Act forget_primary_wait(const World& world) {
    auto act = act_of(world, "primary ready again");
    auto status = status_of(world);
    status.primary_unready_since.reset();
    save(act, world, status);
    return act;
}

Move rest_ready(const World& world, std::optional<Time> wake) {
    if (!world.canary.status.unready_since) return rest_until(wake);
    auto act = act_of(world, "ready again");
    auto status = status_of(world);
    status.unready_since.reset();
    save(act, world, status);
    return act;
}

}  // namespace sluice::canary
