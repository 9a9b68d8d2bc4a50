#include "web/release.hpp"

#include "base/core/text.hpp"
#include "kube/pods.hpp"
#include "release/action.hpp"
#include "release/attention.hpp"
#include "release/pods.hpp"
#include "release/versions.hpp"
#include "release/words.hpp"
#include "web/answer.hpp"
#include "web/checks.hpp"
#include "web/nullable.hpp"
#include "web/people.hpp"
#include "web/steps.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace sluice::web {
namespace {

using api::Phase;
using release::if_failed;
using release::RolledBack;
using release::Saying;
using release::Versions;

constexpr std::size_t pods_max = 500;
constexpr std::size_t events_max = 100;
constexpr std::size_t history_max = 50;
constexpr std::size_t notifications_max = 50;
constexpr std::string_view sent_elsewhere =
    "another process runs the releases: only the dashboard of the controller itself knows what it "
    "sent";

double seconds_of(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

std::int64_t ready_of(const std::optional<Json>& workload) {
    if (!workload) return 0;
    if (text_at(*workload, {"kind"}) == "DaemonSet") {
        return integer_at(*workload, {"status", "numberReady"}).value_or(0);
    }
    return integer_at(*workload, {"status", "readyReplicas"}).value_or(0);
}

std::int64_t desired_of(const std::optional<Json>& workload) {
    if (!workload) return 0;
    if (text_at(*workload, {"kind"}) == "DaemonSet") {
        return integer_at(*workload, {"status", "desiredNumberScheduled"}).value_or(0);
    }
    return integer_at(*workload, {"spec", "replicas"}).value_or(1);
}

struct SideOf {
    std::string_view label;
    const std::string& workload;
    const std::string& version;
    const std::string& revision;
    const std::optional<Json>& object;
    const Rates& rates;
};

JsonObject seen_json(const Seen& seen) {
    const bool is_known = seen.rps && seen.success && seen.p99 && seen.reason.empty();
    return {{"by", text_json(seen.by)},
            {"rps", optional_json(seen.rps)},
            {"success", optional_json(seen.success)},
            {"p99", optional_json(seen.p99)},
            {"reason",
             is_known ? Json(nullptr) : Json(seen.reason.empty() ? "not measured" : seen.reason)}};
}

void put_rates(JsonObject& side, const Rates& rates) {
    const bool is_known = rates.rps && rates.success && rates.p50 && rates.p95 && rates.p99;
    side["rps"] = optional_json(rates.rps);
    side["success"] = optional_json(rates.success);
    side["noAnswer"] = optional_json(rates.no_answer);
    side["p50"] = optional_json(rates.p50);
    side["p95"] = optional_json(rates.p95);
    side["p99"] = optional_json(rates.p99);
    side["reason"] =
        is_known ? Json(nullptr) : Json(rates.reason.empty() ? "not measured" : rates.reason);
    side["seen"] = seen_json(rates.seen);
}

JsonObject side_json(const SideOf& side) {
    JsonArray images;
    if (side.object) {
        for (const auto& image : release::images_of(*side.object)) images.emplace_back(image);
    }
    JsonObject json{{"label", side.label},
                    {"workload", side.workload},
                    {"version", side.version},
                    {"images", std::move(images)},
                    {"revision", text_json(side.revision)},
                    {"ready", ready_of(side.object)},
                    {"desired", desired_of(side.object)}};
    put_rates(json, side.rates);
    return json;
}

std::string_view strategy_text(const ReleaseSeen& seen) {
    const auto& canary = seen.of.canary;
    if (canary.skip_analysis) return "none";
    const auto& can = seen.of.around.can;
    const bool mirrors = canary.analysis.mirror && can.mirror;
    const auto strategy =
        can.weights ? api::strategy_of(canary.analysis) : api::Strategy::blue_green;
    switch (strategy) {
        case api::Strategy::canary:
            return mirrors ? "mirrored" : "canary";
        case api::Strategy::blue_green:
            return mirrors ? "blueGreenMirrored" : "blueGreen";
        case api::Strategy::ab_testing:
            return "abTesting";
    }
    return "canary";
}

// What share the canary was measured to have, beside the configured one.
void put_share(JsonObject& weight, const SidesMeasured& numbers) {
    Json measured = nullptr;
    Json sample = nullptr;
    std::string reason;
    if (!numbers.stable.rps && !numbers.canary.rps) {
        reason = numbers.stable.reason.empty() ? numbers.canary.reason : numbers.stable.reason;
        if (reason.empty()) reason = "not measured";
    } else {
        const auto stable = numbers.stable.rps.value_or(0);
        const auto fresh = numbers.canary.rps.value_or(0);
        if (stable + fresh > 0) {
            measured = fresh / (stable + fresh);
            sample = (stable + fresh) * seconds_of(numbers.window);
        } else {
            reason = fmt::format("no requests in the last {:.0f} s", seconds_of(numbers.window));
        }
    }
    if (weight.at("configured").is_null() && reason.empty()) reason = "its routes cannot be read";
    weight["measured"] = std::move(measured);
    weight["sample"] = std::move(sample);
    weight["reason"] = text_json(reason);
}

JsonObject weight_json(const ReleaseSeen& seen) {
    const auto& canary = seen.of.canary;
    const auto strategy = strategy_text(seen);
    const bool is_by_weight = strategy == "canary" || strategy == "mirrored";
    JsonObject json{{"desired", canary.status.canary_weight},
                    {"configured", optional_json(seen.configured)},
                    {"max", is_by_weight ? api::effective_max_weight(canary.analysis) : api::whole},
                    {"mirror", canary.status.mirrored}};
    put_share(json, {seen.stable, seen.canary, seen.window});
    return json;
}

JsonObject outlook_json(const canary::Outlook& outlook) {
    JsonArray gates;
    for (const auto& gate : outlook.gates) gates.emplace_back(gate);
    return {{"waitsFor", outlook.waits_for},
            {"next", text_json(outlook.next)},
            {"notBefore", time_json(outlook.not_before)},
            {"deadline", time_json(outlook.deadline)},
            {"gates", std::move(gates)}};
}

JsonObject exposure_json(const Exposure& exposure) {
    const bool is_known = exposure.requests && exposure.failed;
    return {{"requests", optional_json(exposure.requests)},
            {"failed", optional_json(exposure.failed)},
            {"cutOff", optional_json(exposure.cut_off)},
            {"by", text_json(exposure.by)},
            {"since", time_json(exposure.since)},
            {"reason", is_known ? Json(nullptr) : Json(exposure.reason)}};
}

Json rolled_back_json(const std::optional<RolledBack>& taken_back) {
    if (!taken_back || taken_back->in_promotion) return nullptr;
    return JsonObject{{"at", time_json(taken_back->at)},
                      {"why", text_json(taken_back->why)},
                      {"pods", text_json(taken_back->pods)}};
}

JsonObject action_json(const std::string& objection) {
    return {{"allowed", objection.empty()}, {"why", text_json(objection)}};
}

JsonObject actions_json(const api::Canary& canary) {
    using api::Verb;
    using release::Suspension;
    const auto objection_to = [&](Suspension wanted) {
        const auto already = release::already(wanted, canary);
        return already.empty() ? release::objection_to(wanted, canary)
                               : fmt::format("{} {}", canary.dotted(), already);
    };
    return {{"promote", action_json(release::objection_to(Verb::promote, canary))},
            {"step", action_json(release::objection_to(Verb::step, canary))},
            {"abort", action_json(release::objection_to(Verb::abort, canary))},
            {"pause", action_json(objection_to(Suspension::pause))},
            {"resume", action_json(objection_to(Suspension::resume))},
            {"retry", action_json(release::objection_to(Verb::retry, canary))}};
}

Json next_json(const api::Canary& canary, const canary::Outlook& outlook) {
    const auto coming = release::coming_of(canary, outlook);
    if (coming.what.empty()) return nullptr;
    return JsonObject{{"what", coming.what},
                      {"at", time_json(coming.at)},
                      {"ifPassed", text_json(coming.if_passed)},
                      {"ifFailed", text_json(coming.if_failed)}};
}

// --- the detail -------------------------------------------------------------------------------

Json conditions_json(const Json& object) {
    JsonArray all;
    for (const auto& condition : array_at(object, {"status", "conditions"})) {
        all.push_back(JsonObject{
            {"type", text_at(condition, {"type"})},
            {"status", text_at(condition, {"status"})},
            {"reason", text_at(condition, {"reason"})},
            {"message", text_at(condition, {"message"})},
            {"at", time_json(parse_rfc3339(text_at(condition, {"lastTransitionTime"})))}});
    }
    return all;
}

Json traffic_json(const ReleaseSeen& seen) {
    JsonArray objects;
    for (const auto& object : seen.objects) {
        objects.push_back(JsonObject{
            {"kind", object.kind},
            {"namespace", object.ns},
            {"name", object.name},
            {"exists", object.exists},
            {"ok", object.exists && object.errors == 0},
            {"validations",
             JsonObject{
                 {"error", object.errors}, {"warning", object.warnings}, {"info", object.infos}}}});
    }
    const auto texts = [&](std::string_view field) {
        JsonArray list;
        for (const auto& text : array_at(seen.of.object, {"spec", "service", field})) {
            if (text.is_string()) list.push_back(text);
        }
        return list;
    };
    return JsonObject{{"provider", seen.of.canary.provider},
                      {"objects", std::move(objects)},
                      {"gateways", texts("gateways")},
                      {"hosts", texts("hosts")}};
}

// Of the pods that it waits for, where they were read.
std::string reason_of_pods(const ReleaseSeen& seen, kube::Words words) {
    const auto& canary = seen.of.canary;
    const auto name = release::awaited_workload(canary);
    if (!name || seen.pods.empty()) return {};
    const auto& workload = *name == canary.target.name ? seen.target : seen.primary;
    return workload ? kube::pods_wait_for(*workload, seen.pods, words) : std::string();
}

Json pods_json(const ReleaseSeen& seen) {
    JsonArray all;
    for (const auto& pod : seen.pods) {
        if (all.size() >= pods_max) break;
        const auto is_of = [&](const std::optional<Json>& workload) {
            return workload && kube::is_selected(*workload, pod);
        };
        const std::string_view side = is_of(seen.primary)  ? "primary"
                                      : is_of(seen.target) ? "canary"
                                                           : "";
        if (side.empty()) continue;
        all.push_back(pod_json(pod, side));
    }
    return all;
}

// What a release says to whoever may know what its pods wait for, in place of what it says to all.
void tell_with_pods(JsonObject& json, const JsonObject& told) {
    json["message"] = told.at("message");
    json["outlook"].as_object()["waitsFor"] = told.at("waitsFor");
    auto& attention = json["attention"];
    if (attention.is_object()) attention.get_object()["sentence"] = told.at("message");
}

Json events_json(const std::vector<Json>& events) {
    std::vector<std::pair<EventPlace, const Json*>> sorted;
    for (const auto& event : events) {
        if (auto place = place_of_event(event)) sorted.emplace_back(*std::move(place), &event);
    }
    std::ranges::sort(sorted, std::greater<>{}, &std::pair<EventPlace, const Json*>::first);
    JsonArray all;
    for (const auto& [place, event] : sorted) {
        if (all.size() >= events_max) break;
        all.push_back(event_json(*event));
    }
    return all;
}

Json sent_json(const std::optional<std::vector<notify::Sent>>& sent) {
    if (!sent) return nullptr;
    JsonArray all;
    for (const auto& one : *sent) {
        if (all.size() >= notifications_max) break;
        const auto ms = std::chrono::duration<double, std::milli>(one.took).count();
        all.push_back(JsonObject{{"at", time_json(one.at)},
                                 {"type", to_string(one.kind)},
                                 {"name", one.name},
                                 {"ok", one.error.empty()},
                                 {"ms", std::round(ms * 10) / 10},
                                 {"error", text_json(one.error)}});
    }
    return all;
}

struct PhaseWord {
    std::string_view what;
    std::string_view phase;
};
// Decisions that end in another phase.
constexpr std::array phase_words{PhaseWord{"begin", "Initializing"},
                                 PhaseWord{"initialized", "Initialized"},
                                 PhaseWord{"start", "Progressing"},
                                 PhaseWord{"restart", "Progressing"},
                                 PhaseWord{"promote", "Promoting"},
                                 PhaseWord{"all home", "Finalising"},
                                 PhaseWord{"promoted", "Succeeded"},
                                 PhaseWord{"leave", "Succeeded"},
                                 PhaseWord{"failed", "Failed"},
                                 PhaseWord{"promotion failed", "Failed"}};
// Events that say the same, for what is no longer among the decisions.
constexpr std::array phase_texts{PhaseWord{"Initialization done!", "Initialized"},
                                 PhaseWord{"New revision detected!", "Progressing"},
                                 PhaseWord{"Copying ", "Promoting"},
                                 PhaseWord{"Routing all traffic to primary", "Finalising"},
                                 PhaseWord{"Promotion completed!", "Succeeded"},
                                 PhaseWord{"Canary failed!", "Failed"}};

Json history_json(const ReleaseSeen& seen) {
    std::vector<std::pair<Time, std::string_view>> phases;
    std::optional<Time> first_decision;
    for (const auto& decision : release::decisions_of(seen.of.object)) {
        if (!first_decision) first_decision = decision.at;
        const auto* word = std::ranges::find(phase_words, decision.what, &PhaseWord::what);
        if (word != phase_words.end()) phases.emplace_back(decision.at, word->phase);
    }
    for (const auto& event : seen.events) {
        const auto at = time_of_event(event);
        if (!at || (first_decision && *at >= *first_decision)) continue;
        const auto message = text_at(event, {"message"});
        for (const auto& word : phase_texts) {
            if (message.starts_with(word.what)) phases.emplace_back(*at, word.phase);
        }
    }
    std::ranges::sort(phases, std::greater<>{}, &std::pair<Time, std::string_view>::first);
    JsonArray all;
    for (const auto& [at, phase] : phases) {
        if (all.size() >= history_max) break;
        all.push_back(JsonObject{{"at", time_json(at)}, {"phase", phase}});
    }
    return all;
}

// What a list is ordered by, without what is told.
Release judged(const ReleaseSeen& seen, const Saying& saying, Time now) {
    const auto& canary = seen.of.canary;
    const auto& status = canary.status;
    const auto created = parse_rfc3339(text_at(seen.of.object, {"metadata", "creationTimestamp"}));
    Release release;
    release.ns = canary.ns;
    release.name = canary.name;
    release.severity = saying.severity;
    release.status = release::words_for(status.phase);
    release.since = status.last_transition_time.value_or(created.value_or(now));
    release.stale_at = release::stale_at(canary, {release.since, now});
    release.has_attention = release::needs_a_person(release.severity, canary, {release.since, now});
    release.limits = release::request_limits(canary.analysis);
    if (saying.failure) release.failing_check = saying.failure->text;
    return release;
}

// What the parts of one release are told by.
struct Told {
    const std::vector<Decision>& run;
    const canary::Outlook& outlook;
    const Versions& versions;
    const Saying& saying;
    std::string sentence;
    JsonObject actions;
};

Json attention_json(const ReleaseSeen& seen, const Release& release, const Told& told) {
    if (!release.has_attention) return nullptr;
    const auto& canary = seen.of.canary;
    const auto& failure = told.saying.failure;
    const auto offered = release::offers(release.severity, canary);
    return JsonObject{{"kind", "Canary"},
                      {"namespace", canary.ns},
                      {"name", canary.name},
                      {"severity", to_string(release.severity)},
                      {"sentence", told.sentence},
                      {"since", time_json(release.since)},
                      {"next", next_json(canary, told.outlook)},
                      {"version", text_json(told.versions.canary)},
                      {"check", failure ? json_of(*failure) : Json(nullptr)},
                      {"failed", canary.status.failed_checks},
                      {"threshold", canary.analysis.threshold},
                      {"weight", seen.configured.value_or(canary.status.canary_weight)},
                      {"rps", optional_json(seen.canary.rps)},
                      {"requests", optional_json(seen.exposure.requests)},
                      {"requestsFailed", optional_json(seen.exposure.failed)},
                      {"requestsCutOff", optional_json(seen.exposure.cut_off)},
                      {"actions", JsonArray(offered.begin(), offered.end())}};
}

JsonObject revisions_json(const ReleaseSeen& seen, const Versions& versions) {
    const auto& canary = seen.of.canary;
    auto rates = seen.canary;
    if (canary.status.mirrored && rates.seen.by == "app") {
        rates.seen = {.reason = "it gets copies of requests: no caller sees its answers"};
    }
    return {{"stable",
             side_json({"primary",
                        canary.primary_name(),
                        versions.stable,
                        canary.status.last_promoted_spec,
                        seen.primary,
                        seen.stable})},
            {"canary",
             side_json({"canary",
                        canary.target.name,
                        versions.canary,
                        canary.status.last_applied_spec,
                        seen.target,
                        rates})}};
}

JsonObject checks_json(const api::Canary& canary, const canary::Outlook& outlook) {
    const bool is_checked = !if_failed(canary).empty();
    return {{"failed", canary.status.failed_checks},
            {"threshold", canary.analysis.threshold},
            {"interval", seconds_of(canary.analysis.interval)},
            {"nextAt", is_checked ? time_json(outlook.not_before) : Json(nullptr)}};
}

JsonObject release_json(const ReleaseSeen& seen, const Release& release, const Told& told) {
    const auto& canary = seen.of.canary;
    const auto steps = steps_of(seen.of, told.run);
    return {{"kind", "Canary"},
            {"namespace", canary.ns},
            {"name", canary.name},
            {"uid", canary.uid},
            {"resourceVersion", canary.resource_version},
            {"strategy", strategy_text(seen)},
            {"status", release.status},
            {"severity", to_string(release.severity)},
            {"phase", release.status},
            {"message", told.sentence},
            {"since", time_json(release.since)},
            {"suspended", canary.suspended},
            {"revision", canary.status.last_applied_spec},
            {"target", JsonObject{{"kind", canary.target.kind}, {"name", canary.target.name}}},
            {"revisions", revisions_json(seen, told.versions)},
            {"weight", weight_json(seen)},
            {"checks", checks_json(canary, told.outlook)},
            {"steps", JsonObject{{"index", steps.index}, {"total", steps.total}}},
            {"metrics", metrics_json(canary, told.run, false)},
            {"exposure", exposure_json(seen.exposure)},
            {"outlook", outlook_json(told.outlook)},
            {"rolledBack", rolled_back_json(told.saying.rolled_back)},
            {"attention", attention_json(seen, release, told)},
            {"actions", told.actions}};
}

std::string haystack_of(const ReleaseSeen& seen, std::string_view status) {
    const auto& canary = seen.of.canary;
    auto haystack = fmt::format("{}/{} {}", canary.ns, canary.name, status);
    for (const auto* workload : {&seen.primary, &seen.target}) {
        if (!*workload) continue;
        for (const auto& image : release::images_of(**workload)) haystack += " " + image;
    }
    return lower_case(haystack);
}

}  // namespace

const std::vector<std::string> all_verbs{"promote", "step", "abort", "pause", "resume", "retry"};

Release release_of(const ReleaseSeen& seen, Time now, kube::Words words) {
    const auto run = release::last_run(release::decisions_of(seen.of.object));
    auto outlook = canary::outlook_of(seen.of.canary, seen.of.around);
    const auto pods_wait_for = reason_of_pods(seen, words);
    outlook.waits_for = release::with_reason(outlook.waits_for, pods_wait_for);
    const auto versions = release::versions_of(seen.of.canary.status,
                                               {.stable = seen.primary ? &*seen.primary : nullptr,
                                                .canary = seen.target ? &*seen.target : nullptr});
    auto saying = release::saying_of(seen.of.canary, run, now);
    saying.version = versions.canary;
    saying.rps = seen.canary.rps;
    saying.pods_wait_for = pods_wait_for;
    auto release = judged(seen, saying, now);
    const Told told{.run = run,
                    .outlook = outlook,
                    .versions = versions,
                    .saying = saying,
                    .sentence = release::sentence_of(seen.of, saying),
                    .actions = actions_json(seen.of.canary)};
    release.json = release_json(seen, release, told);
    release.haystack = haystack_of(seen, release.status);
    return release;
}

void put_numbers(Release& release, const SidesMeasured& numbers) {
    auto& revisions = release.json.at("revisions").as_object();
    put_rates(revisions.at("stable").as_object(), numbers.stable);
    put_rates(revisions.at("canary").as_object(), numbers.canary);
    put_share(release.json.at("weight").as_object(), numbers);
    release.texts.clear();
}

void add_detail(JsonObject& json, const ReleaseSeen& seen) {
    const auto& object = seen.of.object;
    const auto run = release::last_run(release::decisions_of(object));
    auto steps = steps_of(seen.of, run, seen.events);
    json["steps"].as_object()["items"] = std::move(steps.items);
    json["metrics"] = metrics_json(seen.of.canary, run, true);
    json["conditions"] = conditions_json(object);
    json["traffic"] = traffic_json(seen);
    json["detail"] =
        JsonObject{{"pods", pods_json(seen)},
                   {"podsReason", text_json(seen.pods_reason)},
                   {"events", events_json(seen.events)},
                   {"eventsReason", text_json(seen.events_reason)},
                   {"decisions", decisions_json(object)},
                   {"notifications", sent_json(seen.sent)},
                   {"notificationsReason", seen.sent ? Json(nullptr) : Json(sent_elsewhere)},
                   {"history", history_json(seen)}};
}

void keep_verbs(JsonObject& json, const std::vector<std::string>& verbs) {
    if (verbs.size() == all_verbs.size()) return;
    const auto may = [&](std::string_view verb) {
        return std::ranges::find(verbs, verb) != verbs.end();
    };
    if (auto* actions = json.if_contains("actions"); actions != nullptr && actions->is_object()) {
        for (const auto& verb : all_verbs) {
            if (!may(verb)) actions->get_object().erase(verb);
        }
    }
    auto* attention = json.if_contains("attention");
    if (attention == nullptr || !attention->is_object()) return;
    JsonArray kept;
    for (const auto& verb : array_at(*attention, {"actions"})) {
        if (may(verb.as_string())) kept.push_back(verb);
    }
    attention->get_object()["actions"] = std::move(kept);
}

void leave_out(JsonObject& json, const LeftOut& what) {
    auto* detail = json.if_contains("detail");
    if (detail == nullptr || !detail->is_object()) return;
    const std::string ns(text_at(json, {"namespace"}));
    const auto empty = [&](std::string_view list) {
        detail->get_object()[list] = JsonArray{};
        detail->get_object()[fmt::format("{}Reason", list)] =
            fmt::format("You may not list {} in namespace {}", list, ns);
    };
    // A reason may name ConfigMaps and Secrets: it is said to who may list the pods.
    const auto aside = detail->get_object().find("withPods");
    if (aside != detail->get_object().end()) {
        const auto told = std::move(aside->value().as_object());
        detail->get_object().erase(aside);
        if (!what.pods) tell_with_pods(json, told);
    }
    if (what.pods) empty("pods");
    if (what.events) empty("events");
}

const std::string& text_for(Release& release, const std::vector<std::string>& verbs) {
    const auto [place, is_new] = release.texts.try_emplace(joined(verbs, ","));
    if (is_new) {
        auto json = release.json;
        keep_verbs(json, verbs);
        place->second = to_text(Json(std::move(json)));
    }
    return place->second;
}

std::optional<Time> time_of_event(const Json& event) {
    return parse_rfc3339(release::event_time(event));
}

std::optional<EventPlace> place_of_event(const Json& event) {
    const auto at = time_of_event(event);
    if (!at) return std::nullopt;
    const auto version = parse_integer(kube::resource_version_of(event)).value_or(0);
    return EventPlace{.at = *at,
                      .arrival = static_cast<std::uint64_t>(std::max<std::int64_t>(version, 0)),
                      .name = std::string(text_at(event, {"metadata", "name"}))};
}

JsonObject pod_json(const Json& pod, std::string_view revision) {
    std::int64_t restarts = 0;
    for (const auto& status : array_at(pod, {"status", "containerStatuses"})) {
        restarts += integer_at(status, {"restartCount"}).value_or(0);
    }
    return {{"name", text_at(pod, {"metadata", "name"})},
            {"revision", revision},
            {"phase", text_at(pod, {"status", "phase"})},
            {"ready", kube::is_ready(pod)},
            {"restarts", restarts},
            {"node", text_json(text_at(pod, {"spec", "nodeName"}))},
            {"startedAt", time_json(parse_rfc3339(text_at(pod, {"status", "startTime"})))},
            {"reason", text_json(kube::why_not_ready(pod))}};
}

JsonObject event_json(const Json& event) {
    const auto type = text_at(event, {"type"});
    return {{"at", time_json(time_of_event(event))},
            {"type", type == "Warning" ? "Warning" : "Normal"},
            {"reason", text_at(event, {"reason"})},
            {"object",
             JsonObject{{"kind", text_at(event, {"involvedObject", "kind"})},
                        {"namespace", text_at(event, {"involvedObject", "namespace"})},
                        {"name", text_at(event, {"involvedObject", "name"})}}},
            {"message", text_at(event, {"message"})},
            {"count", std::max<std::int64_t>(1, integer_at(event, {"count"}).value_or(1))}};
}

}  // namespace sluice::web
