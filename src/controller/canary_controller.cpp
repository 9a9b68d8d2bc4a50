#include "controller/canary_controller.hpp"

#include "controller/state.hpp"
#include "delivery/canary/configs.hpp"
#include "delivery/canary/corrections.hpp"
#include "delivery/canary/decision.hpp"
#include "delivery/canary/objects.hpp"
#include "delivery/canary/rivals.hpp"
#include "delivery/canary/steps.hpp"
#include "delivery/canary/workloads.hpp"
#include "delivery/traffic.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::controller {
namespace {

using canary::Evidence;
using kube::ObjectKey;
using std::chrono::milliseconds;
using std::chrono::seconds;

// A release that is set up at once takes about ten moves; a pass that takes thirty goes in circles.
constexpr int moves_max = 30;

// Two watches are never this far apart. What still does not go together then is somebody else's
// work.
constexpr Duration clearing_up = seconds{5};

// Answers are used for so long, at most for an interval: a gate is asked as often (10 s).
constexpr Duration asked_again = seconds{10};

std::string target_name(const Json& object) {
    return std::string(text_at(object, {"spec", "targetRef", "name"}));
}

std::string_view target_kind(const Json& object) {
    return text_at(object, {"spec", "targetRef", "kind"});
}

std::string scaler_name(const Json& object) {
    return std::string(text_at(object, {"spec", "autoscalerRef", "name"}));
}

bool is_out_of_contact(ErrorKind kind) {
    return kind == ErrorKind::unreachable || kind == ErrorKind::timed_out ||
           kind == ErrorKind::unavailable || kind == ErrorKind::too_many ||
           kind == ErrorKind::cancelled;
}

// Somebody else was quicker: the next look sees what they did.
bool is_overtaken(ErrorKind kind) {
    return kind == ErrorKind::conflict || kind == ErrorKind::already_exists;
}

}  // namespace

std::string primary_name(const Json& canary) {
    if (target_kind(canary) == "Service") return routing::service_names(canary).primary;
    return target_name(canary) + "-primary";
}

CanaryController::CanaryController(Tools tools, canary::Settings settings)
    : tools_(tools), settings_(std::move(settings)) {}

Task<Result<std::optional<Time>>> CanaryController::tick(ObjectKey key) {
    const auto began = tools_.clock.now();
    auto unused = take_unused(key).value_or(Unused{});
    auto& evidence = unused.evidence;
    bool analysed = false;
    for (int moves = 0; moves < moves_max; ++moves) {
        // A process that was stopped may have been replaced before it learns of it.
        if (gate_ != nullptr && gate_->refusal(tools_.clock.now())) {
            co_return tools_.clock.now() + seconds{2};
        }
        // Nothing is looked at while nobody answers.
        if (tools_.caches.canaries.trouble()) co_return tools_.clock.now() + seconds{2};
        const auto view = survey(key);
        if (!view) {
            forget(key);
            co_return std::optional<Time>{};
        }
        // Old knowledge moves no traffic.
        if (const auto trouble = trouble_with(*view)) {
            if (!is_out_of_contact(trouble->kind)) {
                tools_.announcer.warn(view->object, canary::EventType::error, trouble->message);
            }
            co_return tools_.clock.now() + seconds{2};
        }
        const bool leaves = view->world.canary.deleting && view->world.canary.has_finalizer;
        if (const auto rival = older_rival(*view)) {
            if (leaves) {
                const auto gone = co_await carry_out(view, canary::let_go(view->world), {});
                if (!gone) co_return gone.error();
                continue;
            }
            warn(*view, canary::EventType::error, *rival);
            co_await show_held(view, *rival);
            co_return std::optional<Time>{};
        }

        if (view->unclear) co_return tools_.clock.now() + seconds{1};
        if (view->unseen && !(leaves && view->unseen->not_served)) {
            const auto& why = view->unseen->why;
            if (!why.empty()) {
                tools_.announcer.warn(view->object, canary::EventType::error, why);
                co_await show_held(view, why);
            }
            co_return tools_.clock.now() + (why.empty() ? milliseconds{100} : milliseconds{10'000});
        }
        if (view->behind) {
            mention(*view, "catch up with the note");
            auto status = *find(view->object, {"status"});
            const auto saved = co_await save_status(view, std::move(status));
            if (!saved) co_return report(*view, saved.error());
            continue;
        }

        // What was answered about another revision, plan or weight says nothing about this one.
        evidence.keep_only(canary::fingerprint(view->world));

        const auto now = tools_.clock.now();
        const auto move = canary::next(view->world, evidence, now);
        if (const auto* ask = std::get_if<canary::Ask>(&move)) {
            mention(*view, "ask");
            co_await announce(view, ask->events);
            memory_[key].remembered = ask->remembered;
            const auto answers = co_await gather(view, *ask, evidence);
            if (!answers) {
                mention(*view, "asked in vain");
                continue;
            }
            for (const auto& question : ask->batch.questions) {
                const auto* measure = std::get_if<canary::Measure>(&question.what);
                const auto answer = answers->find(question.id);
                if (measure == nullptr || answer == answers->end()) continue;
                analysed = true;
                if (!answer->second.value) continue;
                const bool in_ms = measure->metric.kind == api::MetricKind::request_duration;
                tools_.metrics.set_check(memory_[key].measured,
                                         measure->metric.name,
                                         *answer->second.value / (in_ms ? 1000 : 1));
            }
            if (evidence.answers.empty()) {
                const Duration interval = view->world.canary.analysis.interval;
                unused.until = now + std::min<Duration>(interval, asked_again);
            }
            evidence.add(*answers);
            continue;
        }
        if (const auto* act = std::get_if<canary::Act>(&move)) {
            const auto done = co_await carry_out(view, *act, evidence);
            if (done) continue;
            const auto& error = done.error();
            const bool passes = is_overtaken(error.kind) || is_out_of_contact(error.kind);
            // What was written before it failed is in the newest one.
            const auto latest = passes ? nullptr : survey(key);
            if (latest) co_await show_held(latest, error.message);
            if (!evidence.answers.empty()) memory_[key].unused = std::move(unused);
            co_return error;
        }
        tools_.announcer.settled(key);
        if (analysed) {
            tools_.metrics.observe_analysis(memory_[key].measured, tools_.clock.now() - began);
        }
        co_await show_contested(view);
        auto wake = std::get<canary::Rest>(move).wake;
        if (const auto next = memory_[key].contests.next(now); next && (!wake || *next < *wake)) {
            wake = next;
        }
        // A time that has passed already would spin.
        if (wake) co_return std::max(*wake, tools_.clock.now() + milliseconds{100});
        co_return std::optional<Time>{};
    }
    co_return Error{ErrorKind::unsettled, "settling Canary " + to_string(key)};
}

std::optional<CanaryController::Unused> CanaryController::take_unused(const ObjectKey& key) {
    const auto memory = memory_.find(key);
    if (memory == memory_.end()) return std::nullopt;
    auto unused = std::exchange(memory->second.unused, std::nullopt);
    if (unused && tools_.clock.now() >= unused->until) return std::nullopt;
    return unused;
}

// A check that cannot be asked is evidence too, so gathering never fails. But whoever hangs makes
// nobody deaf: an abort, lost pods, a new revision end the waiting.
Task<std::optional<CanaryController::Answers>> CanaryController::gather(ViewPtr view,
                                                                        canary::Ask ask,
                                                                        Evidence evidence) {
    using boost::asio::experimental::awaitable_operators::operator||;
    if (queue_ == nullptr) co_return co_await tools_.asking.gather(std::move(ask.batch));
    const kube::WorkQueue::Aside aside(
        *queue_);  // NOLINT(misc-coroutine-hostile-raii): counts, holds no lock
    auto first = co_await (tools_.asking.gather(ask.batch) || overtaken(view, ask, evidence));
    if (first.index() == 1) co_return std::nullopt;
    co_return std::get<0>(std::move(first));
}

// Returns when the judgement would not ask this now: something changed, or a time has come.
Task<> CanaryController::overtaken(ViewPtr view, canary::Ask ask, Evidence evidence) {
    using boost::asio::experimental::awaitable_operators::operator||;
    const auto key = kube::key_of(view->object);
    const auto asked_of = canary::fingerprint(view->world);
    for (;;) {
        co_await (queue_->added(key) || tools_.clock.sleep_for(seconds{10}));
        const auto now = survey(key);
        if (!now) co_return;
        // Not to be judged at this moment: so the question stands.
        if (now->unclear || now->behind || now->unseen || trouble_with(*now)) continue;
        if (canary::fingerprint(now->world) != asked_of) co_return;
        const auto move = canary::next(now->world, evidence, tools_.clock.now());
        const auto* same = std::get_if<canary::Ask>(&move);
        if (same == nullptr || !std::ranges::equal(same->batch.questions,
                                                   ask.batch.questions,
                                                   {},
                                                   &canary::Question::id,
                                                   &canary::Question::id))
            co_return;
    }
}

// One transition: the laws, the effects in their order, the Events, and the status last: what it
// claims has happened.
Task<Result<void>> CanaryController::carry_out(ViewPtr view, canary::Act act, Evidence evidence) {
    const auto key = kube::key_of(view->object);
    const auto decision = canary::decision_of(view->world, evidence, act);
    explain(*view, decision);
    const auto broken = traffic::violations(view->world, act);
    if (!broken.empty()) co_return co_await refuse(view, broken);

    for (const auto& line : act.lines) tell(*view, line);
    // Before it is written over, for who wrote it is noted at the object.
    co_await tell_contests(view, act);
    for (const auto& effect : act.effects) {
        const auto done = co_await perform(view, effect);
        if (!done) co_return report(*view, done.error());
    }
    for (const auto& [object, may_wait] : act.corrects) {
        memory_[key].contests.note(object, tools_.clock.now());
    }
    co_await announce(view, act.events);
    // Queued before the status that ends the transition: a kill in between tells them twice rather
    // than not at all.
    tools_.notifier.alert(view->object, view->world, act.alerts);

    if (act.status) {
        auto status = drained_from(*view, *act.status);
        // Goes along with a write that is made anyway, and makes none.
        const auto* before = find(view->object, {"status"});
        const bool is_new = before == nullptr || *before != status;
        if (is_new && !canary::is_bookkeeping(view->world, evidence, act)) {
            canary::put_decision(status, decision);
        }
        const auto saved = co_await save_status(view, std::move(status));
        if (!saved) co_return report(*view, saved.error());
        tools_.notifier.settled(key);
    }
    // A round begins when its weight is live, not when it was decided.
    if (act.remembered.last_round == view->world.now) {
        act.remembered.last_round = tools_.clock.now();
    }
    memory_[key].remembered = act.remembered;
    if (act.finish) count(*view, *act.finish);
    co_return Result<void>{};
}

// A drain begins when the write that moved the traffic has been answered, not when it was decided.
Json CanaryController::drained_from(const View& view, Json status) const {
    const auto moved = text_at(status, {"routedAt"});
    if (!moved.empty() && moved != text_at(view.object, {"status", "routedAt"})) {
        const auto rounded_up = tools_.clock.now() + milliseconds{1} - std::chrono::nanoseconds{1};
        put(status, {"routedAt"}, Json(rfc3339_millis(rounded_up)));
    }
    return status;
}

Task<Result<void>> CanaryController::refuse(ViewPtr view, std::vector<std::string> broken) {
    tools_.metrics.count_law_violation(memory_[kube::key_of(view->object)].measured);
    warn(*view, canary::EventType::error, broken.front());
    co_return Error{ErrorKind::invalid, broken.front()};
}

// Says once what failed. Nothing for what the next look will mend by itself.
Error CanaryController::report(const View& view, const Error& error) {
    if (is_overtaken(error.kind)) {
        mention(view, "overtaken: " + error.message);
    } else if (is_out_of_contact(error.kind)) {
        tools_.log.warn(error.message, {{"canary", dotted_name(kube::key_of(view.object))}});
    } else {
        warn(view, canary::EventType::warning, error.message);
    }
    return error;
}

// For who looks at the object and not at its Events. Where even that cannot be written, the Warning
// has to do.
Task<> CanaryController::show_held(ViewPtr view, std::string why) {
    const auto& world = view->world;
    if (api::held_by(world.canary.status.conditions) == why || world.canary.deleting) co_return;
    canary::Act act;
    canary::show_held(act, world, why);
    const auto saved = co_await save_status(view, *std::move(act.status));
    if (!saved) mention(*view, "cannot show why it is held: " + saved.error().message);
}

// Once for each object that has to be put right again and again.
Task<> CanaryController::tell_contests(ViewPtr view, canary::Act act) {
    using boost::asio::experimental::awaitable_operators::operator||;
    const auto key = kube::key_of(view->object);
    for (const auto& corrected : act.corrects) {
        const auto& object = corrected.object;
        if (memory_[key].contests.times(object, tools_.clock.now()) + 1 != canary::contest_told_at)
            continue;
        const auto effect = std::ranges::find(act.effects, object, canary::object_of);
        // A target that was scaled up drains before it is scaled down.
        const canary::Effect written =
            effect != act.effects.end() ? *effect : canary::scale_target(view->world, 0);
        // Whoever is slow to tell holds nothing up.
        auto found = co_await (who_contests(view, written) || tools_.clock.sleep_for(seconds{2}));
        const auto contender =
            found.index() == 0 ? std::get<0>(std::move(found)) : canary::Contender{};
        std::vector<canary::Event> events{canary::contest_event(view->world, corrected, contender)};
        memory_[key].contests.tell(object, events.front().message);
        co_await announce(view, std::move(events));
    }
}

Task<> CanaryController::show_contested(ViewPtr view) {
    const auto& canary = view->world.canary;
    if (canary.suspended || canary.deleting) co_return;
    const auto who = memory_[kube::key_of(view->object)].contests.told(view->world.now);
    if (api::contested_by(canary.status.conditions) == who) co_return;
    auto status = canary.raw_status.is_object() ? canary.raw_status : Json(JsonObject{});
    put(status,
        {"conditions"},
        api::with_contested(canary.status.conditions, who, view->world.now));
    const auto saved = co_await save_status(view, std::move(status));
    if (!saved) mention(*view, "cannot show who else writes: " + saved.error().message);
}

// --- looking ----------------------------------------------------------------------------------

CanaryController::ViewPtr CanaryController::survey(const ObjectKey& key) {
    if (queue_ != nullptr) queue_->note_look(key);
    auto& sight = sight_of(key);
    bool is_new = tools_.caches.canaries.refresh(key, sight.canary);
    if (!sight.canary) {
        sights_.pop_front();
        return nullptr;
    }
    if (is_new) {
        auto routed = as_routed(*std::move(sight.canary));
        sight.canary = std::move(routed.canary);
        sight.seen.postponed = std::move(routed.postponed);
    }
    auto& memory = memory_[key];
    const auto uid = kube::uid_of(*sight.canary);
    if (memory.uid != uid) {
        // The one before may have had another target.
        if (!memory.uid.empty()) tools_.metrics.forget(memory.measured);
        memory = Memory{.uid = std::string(uid)};
    }
    is_new |= refresh(sight, memory.uid);
    const auto& raw = *sight.canary;
    auto provider = std::string(text_at(raw, {"spec", "provider"}));
    if (provider.empty()) provider = settings_.defaults.provider;
    const auto unseen = unseen_kinds(raw, provider);
    is_new |= refresh_live(sight, provider);
    is_new |= sight.view && sight.view->unseen != unseen;
    auto spaced = memory.contests.spaced(tools_.clock.now());
    is_new |= sight.seen.spaced != spaced;
    sight.seen.spaced = std::move(spaced);

    auto& seen = sight.seen;
    if (unseen) {
        seen.routes = {};
    } else if (is_new || !sight.view) {
        seen.routes = routes_seen(raw, provider, sight.live);
    }
    auto note = std::string(
        seen.primary ? text_at(*seen.primary, {"metadata", "annotations", state_annotation}) : "");
    if (note.empty()) note = memory.note;
    const auto now = tools_.clock.now();
    // Another look at the same moment, at an unchanged world: after an answer, say.
    if (!is_new && sight.view && !sight.view->unclear && sight.view->world.now == now &&
        sight.note == note && seen.remembered == memory.remembered) {
        return sight.view;
    }
    sight.note = note;
    seen.settings = settings_;
    seen.remembered = memory.remembered;

    const auto shared = std::make_shared<View>();
    auto& view = *shared;
    view.unseen = unseen;
    view.object = raw;
    auto* stored = find(view.object, {"status"});
    view.stored_status = stored == nullptr ? Json(JsonObject{}) : std::move(*stored);
    auto status = status_seen(view.stored_status, note, memory.uid);
    view.behind = status.behind;
    if (!status.unclear) {
        memory.unclear_since.reset();
    } else {
        if (!memory.unclear_since) memory.unclear_since = now;
        view.unclear = now < *memory.unclear_since + clearing_up;
    }
    if (stored != nullptr || view.behind) put(view.object, {"status"}, std::move(status.status));
    // Lent for the moment, not copied: with its decisions it is the largest object of them all.
    seen.canary = std::move(view.object);
    view.world = canary::world_of(seen, now);
    view.object = std::move(seen.canary);
    show(view);
    sight.view = shared;
    return shared;
}

CanaryController::Sight& CanaryController::sight_of(const ObjectKey& key) {
    constexpr std::size_t kept_max = 16;
    std::uint64_t restarts = 0;
    for (const auto* cache : std::as_const(tools_.caches).all()) restarts += cache->restarts();
    const auto known = std::ranges::find(sights_, key, &Sight::key);
    if (known == sights_.end()) {
        if (sights_.size() >= kept_max) sights_.pop_back();
        sights_.push_front({.key = key, .restarts = restarts});
    } else {
        sights_.splice(sights_.begin(), sights_, known);
        if (known->restarts != restarts) *known = {.key = key, .restarts = restarts};
    }
    return sights_.front();
}

bool CanaryController::refresh(Sight& sight, const std::string& uid) const {
    const auto& caches = tools_.caches;
    const auto& object = *sight.canary;
    auto& seen = sight.seen;
    const auto in_ns = [&](const std::string& name) { return ObjectKey{sight.key.ns, name}; };
    const auto target = target_name(object);
    const auto scaler = scaler_name(object);
    const auto names = routing::service_names(object);

    const auto& workloads = workloads_of(object);
    const auto& scalers = scalers_of(object);
    bool is_new = workloads.refresh(in_ns(target), seen.target);
    is_new |= workloads.refresh(in_ns(primary_name(object)), seen.primary);
    if (caches.namespaces) is_new |= caches.namespaces->refresh({"", sight.key.ns}, seen.ns);
    // No object has an empty name: without an autoscaler both are nothing.
    is_new |= scalers.refresh(in_ns(scaler), seen.target_scaler);
    is_new |=
        scalers.refresh(in_ns(scaler.empty() ? "" : scaler + "-primary"), seen.primary_scaler);
    is_new |= caches.services.refresh(in_ns(names.apex), seen.apex_service);
    is_new |= caches.services.refresh(in_ns(names.primary), seen.primary_service);
    is_new |= caches.services.refresh(in_ns(names.canary), seen.canary_service);
    is_new |= caches.revisions.refresh_by(uid, seen.revisions);
    is_new |= refresh_scalers(sight, uid);
    is_new |= refresh_configs(sight, uid);
    return is_new;
}

bool CanaryController::refresh_scalers(Sight& sight, const std::string& uid) const {
    bool are_new = tools_.caches.scalers.refresh_by(uid, sight.owned_autoscalers);
    // Where no Canary names one, none is watched.
    const auto* keda = tools_.caches.of(scaled_objects);
    if (keda != nullptr) are_new |= keda->refresh_by(uid, sight.owned_scaled_objects);
    if (!are_new) return false;
    auto& owned = sight.seen.owned_scalers;
    owned.clear();
    // The entries of a list do not say what they are.
    const auto add = [&](const std::vector<Json>& scalers, const kube::Resource& resource) {
        for (auto scaler : scalers) {
            put(scaler, {"kind"}, Json(resource.kind));
            owned.push_back(std::move(scaler));
        }
    };
    add(sight.owned_autoscalers, kube::resources::horizontal_pod_autoscalers);
    add(sight.owned_scaled_objects, scaled_objects);
    return true;
}

// Under the peer's CRD the fields that tell it are in the primary's note.
canary::Routed CanaryController::as_routed(Json object) const {
    const auto* stored = find(object, {"status"});
    if (stored == nullptr || !own_fields(*stored).as_object().empty()) {
        return canary::as_routed(std::move(object), settings_.defaults);
    }
    const auto key = kube::key_of(object);
    const auto primary = workloads_of(object).get({key.ns, primary_name(object)});
    if (!primary) return {std::move(object), {}};
    auto whole = object;
    put(whole,
        {"status"},
        status_seen(*stored,
                    text_at(*primary, {"metadata", "annotations", state_annotation}),
                    kube::uid_of(object))
            .status);
    auto routed = canary::as_routed(std::move(whole), settings_.defaults);
    put(routed.canary, {"status"}, *stored);
    return routed;
}

bool CanaryController::refresh_configs(Sight& sight, const std::string& uid) const {
    const auto& caches = tools_.caches;
    std::map<std::string, Json> configs;
    auto& seen = sight.seen;
    if (!caches.config_maps) return false;
    auto& held = seen.configs;
    bool is_new = false;
    const auto refresh = [&](const std::string& reference) {
        if (configs.contains(reference)) return;
        const auto& cache = reference.starts_with("secret/") ? caches.secrets : caches.config_maps;
        std::optional<Json> object;
        if (const auto known = held.find(reference); known != held.end()) {
            object = std::move(known->second);
            held.erase(known);
        }
        is_new |= cache->refresh({sight.key.ns, canary::name_of_config(reference)}, object);
        if (object) configs[reference] = *std::move(object);
    };
    if (seen.target) {
        for (const auto& reference : canary::config_references(*seen.target)) {
            refresh(reference);
            refresh(canary::copy_of_config(reference));
        }
    }
    is_new |= !held.empty();
    held = std::move(configs);

    bool are_new = caches.config_maps->refresh_by(uid, sight.owned_config_maps);
    are_new |= caches.secrets->refresh_by(uid, sight.owned_secrets);
    if (are_new) {
        seen.owned_configs = sight.owned_config_maps;
        seen.owned_configs.insert(
            seen.owned_configs.end(), sight.owned_secrets.begin(), sight.owned_secrets.end());
    }
    return is_new || are_new;
}

bool CanaryController::refresh_live(Sight& sight, const std::string& provider) const {
    routing::LiveObjects live;
    bool is_new = false;
    if (const auto* router = tools_.routers.find(provider)) {
        for (const auto& name : router->objects(*sight.canary)) {
            const auto* cache = tools_.caches.of(name.resource);
            SLUICE_ASSERT(cache != nullptr);
            std::optional<Json> object;
            if (const auto known = sight.live.find(name); known != sight.live.end()) {
                object = std::move(known->second);
            }
            is_new |= cache->refresh(name.key, object);
            if (object) live[name] = *std::move(object);
        }
    }
    is_new |= live.size() != sight.live.size();
    sight.live = std::move(live);
    return is_new;
}

routing::LiveObjects CanaryController::live_objects(const routing::Router& router,
                                                    const Json& object) const {
    routing::LiveObjects live;
    for (const auto& name : router.objects(object)) {
        const auto* cache = tools_.caches.of(name.resource);
        SLUICE_ASSERT(cache != nullptr);
        if (auto found = cache->get(name.key)) live[name] = std::move(*found);
    }
    return live;
}

// Kinds that only some Canaries need are watched from when the first one comes. That the cluster
// does not serve one is the last thing to be told: the others may still be on their way.
std::optional<Unseen> CanaryController::unseen_kinds(const Json& object,
                                                     const std::string& provider) const {
    std::optional<Unseen> unseen;
    const auto look = [&](const kube::Resource& kind, const std::string& who) {
        const auto& cache = tools_.caches.open(kind);
        const auto trouble = cache.trouble();
        if ((unseen && !unseen->not_served) || (cache.synced() && !trouble)) return;
        unseen.emplace();
        if (!trouble || is_out_of_contact(trouble->kind)) return;
        unseen->not_served = trouble->kind == ErrorKind::not_found;
        unseen->why = fmt::format("{} needs {} of {}, which cannot be read: {}",
                                  who,
                                  kind.kind,
                                  kind.api_version(),
                                  trouble->message);
    };
    if (const auto* router = tools_.routers.find(provider)) {
        for (const auto& kind : router->kinds()) look(kind, "provider " + provider);
    }
    if (workloads_of(object).resource() == kube::resources::daemon_sets) {
        look(kube::resources::daemon_sets, "spec.targetRef");
    }
    if (scalers_of(object).resource() == scaled_objects) look(scaled_objects, "spec.autoscalerRef");
    return unseen;
}

kube::Cache& CanaryController::workloads_of(const Json& object) const {
    return tools_.caches.of(
        canary::workload_kind(target_kind(object)).value_or(canary::Kind::deployment));
}

kube::Cache& CanaryController::scalers_of(const Json& object) const {
    return tools_.caches.of(canary::scaler_kind(text_at(object, {"spec", "autoscalerRef", "kind"}))
                                .value_or(canary::Kind::horizontal_pod_autoscaler));
}

canary::RoutesSeen CanaryController::routes_seen(const Json& object,
                                                 const std::string& provider,
                                                 const routing::LiveObjects& live) const {
    const auto* router = tools_.routers.find(provider);
    canary::RoutesSeen seen;
    if (router == nullptr) {
        seen.refusal = tools_.routers.refusal(provider);
        return seen;
    }
    const auto can = router->capabilities(object);
    if (!can.primary_apart && target_kind(object) == "Service") {
        seen.refusal =
            fmt::format("spec.targetRef.kind: provider {} cannot carry out Service", provider);
    }
    seen.can = {
        .weights = can.weights, .mirror = can.mirror, .match = can.match, .affinity = can.affinity};
    const auto read = router->read(object, live);
    auto present = routing::Shares{};
    if (!read) {
        seen.state = canary::RoutesState::unreadable;
        seen.text = read.error().message;
    } else if (read->present) {
        seen.state = canary::RoutesState::weights;
        seen.pending = read->pending;
        seen.weights = {.primary = read->shares.primary,
                        .canary = read->shares.canary,
                        .mirrored = read->shares.mirrored};
        if (read->shares.primary + read->shares.canary == 100) present = read->shares;
    }
    seen.resource_version = read ? read->resource_version : std::string{};
    const auto writes = router->ensure(object, live, present);
    if (!writes) {
        // Weights that can be read can be changed alone, to take a release back.
        if (read) seen.text = writes.error().message;
        // Nothing is begun that could not be routed in the end.
        const auto phase = text_at(object, {"status", "phase"});
        if (phase.empty() || phase == "Initializing") seen.refusal = writes.error().message;
    }
    seen.drifted = writes && !writes->empty();
    return seen;
}

// Only of the kinds that this Canary's judgement reads: one that is out of reach stops nobody else.
// Those that only some Canaries need are looked at by themselves (unseen_kinds).
std::optional<Error> CanaryController::trouble_with(const View& view) const {
    const auto& caches = tools_.caches;
    std::vector<const kube::Cache*> needed{
        &caches.canaries, &caches.deployments, &caches.services, &caches.revisions};
    if (!scaler_name(view.object).empty()) needed.push_back(&caches.scalers);
    const auto& target = view.world.target;
    if (settings_.track_configs && caches.config_maps && target) {
        for (const auto& reference : canary::config_references(target->object)) {
            const bool is_secret = reference.starts_with("secret/");
            needed.push_back(is_secret ? caches.secrets.get() : caches.config_maps.get());
        }
    }
    for (const auto* cache : needed) {
        const auto trouble = cache->trouble();
        if (!trouble) continue;
        return Error{trouble->kind,
                     fmt::format("{} cannot be watched, and {} holds until they can: {}",
                                 cache->resource().plural,
                                 view.world.canary.dotted(),
                                 trouble->message)};
    }
    return std::nullopt;
}

std::optional<std::string> CanaryController::older_rival(const View& view) const {
    const auto key = kube::key_of(view.object);
    std::vector<Json> others;
    for (const auto& concern :
         {Concern{workloads_of(view.object).resource().plural, {key.ns, target_name(view.object)}},
          Concern{"services", {key.ns, routing::service_names(view.object).apex}}}) {
        for (const auto& other : dependents_.of(concern)) {
            if (other == key) continue;
            auto object = tools_.caches.canaries.get(other);
            if (object) others.push_back(as_routed(*std::move(object)).canary);
        }
    }
    return canary::older_rival(view.object, others);
}

// --- doing ------------------------------------------------------------------------------------

Task<Result<void>> CanaryController::perform(ViewPtr view, canary::Effect effect) {
    auto done = co_await std::visit(
        [&](auto& what) { return perform(std::move(view), std::move(what)); }, effect);
    co_return done;
}

}  // namespace sluice::controller
