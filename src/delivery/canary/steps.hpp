// The steps that the judgement is told in, and what they share. Only for the .cpp files of this
// folder.
#pragma once

#include "delivery/canary/cookies.hpp"
#include "delivery/canary/move.hpp"
#include "delivery/canary/next.hpp"
#include "delivery/canary/plan.hpp"
#include "delivery/canary/seen.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sluice::canary {

// --- questions about a World ------------------------------------------------------------------

bool is_settled(const World& world);    // no release under way
bool is_promoting(const World& world);  // the primary is being made the analysed revision
bool is_analysing(const World& world);  // a revision is under judgement
// The analysis was begun by another strategy than the plan's present one.
bool strategy_changed(const World& world);
// By which provider and name its traffic is split from now on.
api::RoutedBy routed_now(const World& world);
// Nobody has judged the revision yet, and it has the traffic of the one before it: its first round
// asks as every first one does, and gives no more.
bool is_untested(const World& world);
bool is_unjudged(const World& world);
// The revision under judgement, fenced by where its template was seen.
api::Analysed analysed_now(const World& world);
// The revision under judgement is the one that is seen.
void note_revision(api::Status& status, const World& world);
// The target's template is neither the promoted nor the last seen one.
bool revision_changed(const World& world);
// The target is back at the promoted template in the middle of an analysis (or after a failed one).
bool is_reverted(const World& world);
// The weights as they are live: 100/0 without a mesh object, nothing when unreadable.
std::optional<Weights> live_weights(const World& world);
std::string target_of(const World& world);  // "web.prod"
// The primary may take the canary's share: it is ready, or has a pod where the canary has none (law
// 1's exception).
bool can_go_home(const World& world);
// Why nothing of the routes but their weights can be written; empty when all of it can.
const std::string& routes_hindrance(const World& world);
// The drain time has passed since traffic was last moved away.
bool is_drained(const World& world);
Time end_of_drain(const World& world);
// Somebody sent traffic back in the middle of a drain. Forgets its beginning before the traffic is
// moved again: a kill in between would leave the old one standing, and pods that are not drained.
Move drain_anew(const World& world);
// Times of the status, or of what is remembered, that lie ahead of the clock (which has gone back,
// or is another machine's): a wait that begins then would last as much longer. It begins now;
// nothing when there are none.
std::optional<Move> begin_waits_anew(const World& world);
// Nothing when the round is due at once.
std::optional<Time> next_round(const World& world);
// lastAppliedSpec was written by the peer.
bool is_taken_over(const World& world);
// spec.targetRef names another workload than the one whose templates are kept.
bool is_retargeted(const World& world);
// The primary already carries the analysed template, but the status does not say so: killed in
// between.
bool promotion_was_written(const World& world);
// A failed promotion left the primary with a template that was never promoted.
bool needs_restoring(const World& world);

// --- building moves ---------------------------------------------------------------------------

Act act_of(const World& world, std::string_view why);
// Says it once per state of the release, also over a kill.
void tell(Act& act, const World& world, EventType type, std::string message);
Event event_of(const World& world, EventType type, std::string message);
// For what is no transition and may befall a release twice: once as the Canary and its routes
// stand.
void tell_anew(Act& act, const World& world, EventType type, std::string message);
// The same as a Warning, at most one in ten seconds.
void warn_anew(Act& act, const World& world, std::string message);
void alert(Act& act, Severity severity, std::string message, bool with_fields = false);
// The present status with what every write of it carries.
api::Status status_of(const World& world);
// The same, for a write that is a transition: lastTransitionTime moves.
api::Status transition_of(const World& world);
void set_phase(api::Status& status, const World& world, api::Phase phase);
void save(Act& act, const World& world, const api::Status& status);

// Where nothing is routed, the apex Service points at the canary, or at the primary; nothing when
// it does.
std::optional<Effect> point_apex_at(const World& world, bool canary);
// Makes these weights live: by the routes, or where nothing is routed by the apex Service.
void send(Act& act, const World& world, Weights to);

// One step of stepWeightPromotion has been taken, by us now or before a kill: promotion and a
// restart go home in the same way. The route itself is the caller's.
Act one_step_home(const World& world, std::string_view why, int canary_weight);

// The status once the canary has no share any more; its pods drain from now on.
api::Status sent_home(const World& world);
// All traffic to the primary, and nothing told.
Act route_home(const World& world);

// The target goes to zero, unless it is there, and its autoscaler lets it rest.
void scale_down(Act& act, const World& world);

Rest rest_until(std::optional<Time> wake);

struct Holding {
    EventType type = EventType::warning;
    std::string text;
    std::optional<Time> wake;
    std::optional<Alert> alert;
    // For pods, or a time: no condition says so, it passes by itself.
    bool is_wait = false;
};
// Nothing is done; why is said when the text is new, at most every 10 s, and stands in the
// condition `Held` of the object for as long as it is so.
Move hold(const World& world, Holding holding);
// Nothing else of the status is changed. An empty text says that it goes on.
void show_held(Act& act, const World& world, std::string_view why);
// The same for a workload that is not ready; starts the wait's own clock. Wakes at its deadline, or
// before.
Move wait_for_primary(const World& world, std::optional<Time> wake = {});
Move wait_for_canary(const World& world);
std::string primary_trouble(const World& world);  // "podinfo-primary.test not ready: …"
// A wait for the primary that is over, in a release that has gone on meanwhile.
Act forget_primary_wait(const World& world);
// Rests while everything is ready: a wait that is over is forgotten, so that the next one has a
// clock of its own.
Move rest_ready(const World& world, std::optional<Time> wake);

// --- steps ------------------------------------------------------------------------------------

Move initialize(const World& world, const Evidence& evidence);  // T6 to T14
Move begin(const World& world);                                 // the first status write
Move note_edit(const World& world);
Move take_over(const World& world);
std::optional<Move> stand_up(const World& world);  // T6 to T13 of a Canary that is initialized
// What a rollback leaves to is made again where it is gone.
std::optional<Move> stand_up_primary(const World& world);

Move settle(const World& world);
// Whether the gates in front of a run let it start: nothing when they do.
std::optional<Move> ask_to_start(const World& world, const Evidence& evidence);
void tell_gates_before_start(Act& act, const World& world, const Evidence& evidence);
Move start(const World& world, const Evidence& evidence);
Move restart(const World& world);
Move leave_unjudged(const World& world);
Move leave_without_pods(const World& world);
// A wish that the run at hand has not carried out ends with it.
void settle_wish(api::Status& status, const World& world);
// The step past a closed gate that a person asked for is hereby taken.
void grant_step(Act& act, api::Status& status, const World& world);

std::optional<Move> mend_weights(const World& world);
std::optional<Move> mend_weights_at_rest(const World& world);
std::optional<Move> ask_round(const World& world, const Evidence& evidence);
std::optional<Move> heed_signal(const World& world, const Evidence& evidence);
std::optional<Move> count_failure(const World& world, const Evidence& evidence);
// The first round of a revision that had traffic before it was good.
Move admit(const World& world, const Evidence& evidence);
// When a closed gate in front of the next step is asked again; nothing when none is closed.
std::optional<Time> next_gate(const World& world);
Move advance(const World& world, const Evidence& evidence);
// The round was good, but the release may not go on. What is told once is not told each round.
Move hold_judged(const World& world, const Evidence& evidence, const Holding& holding);
Move note_step(const World& world, const Step& step);
void tell_gates_passed(Act& act, const World& world, const Step& step);

// What waits for people has no deadline, so it is reported every hour.
std::optional<Move> report_wait(const World& world);
// The hooks of a run's end, before its end is written down; nothing when all are answered.
std::optional<Move> ask_after_run(const World& world, const Evidence& evidence, api::Phase ended);
void tell_after_run(Act& act, const World& world, const Evidence& evidence, api::Phase ended);

// `act` holds what is told before it.
Move promote(const World& world, Act act);
Move note_promotion(const World& world);
Move shift_home(const World& world);
Move finalise(const World& world, const Evidence& evidence);
Move fail_promotion(const World& world, const Evidence& evidence);
Move restore(const World& world);
Move come_home(const World& world);
Move leave(const World& world);
// The target is gone in the middle of its promotion.
Move go_on_without_target(const World& world);

// Asks why a workload's pods are not ready, before nobody can tell any more; nothing when it was
// answered.
std::optional<Ask> ask_about_pods(const World& world,
                                  const Workload& workload,
                                  const Evidence& evidence);

Move roll_back_for_checks(const World& world, const Evidence& evidence);
Move roll_back_for_deadline(const World& world, const Evidence& evidence);
Move roll_back_for_lost_target(const World& world);
Move roll_back_for_signal(const World& world, const std::string& hook);
Move roll_back_for_wish(const World& world, const Evidence& evidence);
// The same for a revision that waits: nothing has been scaled up, so nothing has to go.
Move fail_unstarted(const World& world, const std::string& hook);
Move cancel(const World& world);
Move finish_rollback(const World& world, const Evidence& evidence);

Move hold_finalizer(const World& world);
Move terminate(const World& world);

}  // namespace sluice::canary
