#include "web/releases.hpp"

#include "release/pods.hpp"
#include "web/checks.hpp"
#include "web/steps.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::web {
namespace {

namespace resources = kube::resources;
using api::Phase;

constexpr Duration deletion_remembered = std::chrono::minutes{1};
constexpr std::size_t deletions_max = 1000;
// Different windows are different questions.
constexpr std::size_t windows_max = 4;

std::string concern(const kube::Resource& resource, const kube::ObjectKey& key) {
    return fmt::format("{}.{}/{}/{}", resource.plural, resource.group, key.ns, key.name);
}

// A workload gives its pods its name and more.
bool is_named_after(std::string_view pod, std::string_view workload) {
    return pod.size() > workload.size() && pod.starts_with(workload) && pod[workload.size()] == '-';
}

bool is_of_run(Phase phase) {
    return phase == Phase::progressing || phase == Phase::waiting_promotion ||
           phase == Phase::promoting || phase == Phase::finalising || phase == Phase::failed;
}

}  // namespace

Releases::Releases(const Settings& settings,
                   const Clock& clock,
                   const routing::Table& routers,
                   const Validations* validations,
                   const notify::SentLog* sent)
    : settings_(settings),
      clock_(clock),
      routers_(routers),
      validations_(validations),
      sent_(sent) {}

void Releases::look_at(std::shared_ptr<Known> known) {
    known_ = std::move(known);
    entries_.clear();
    concerns_.clear();
    deleted_.clear();
    tables_.clear();
    remeasured_.clear();
    keys_.reset();
}

std::set<kube::ObjectKey> Releases::note_change(const kube::Resource& resource,
                                                const kube::ObjectKey& key) {
    if (resource == resources::canaries) {
        const auto* canaries = known_ ? known_->find(resources::canaries) : nullptr;
        const bool is_there = canaries != nullptr && canaries->contains(key);
        if (keys_ && is_there != std::ranges::binary_search(*keys_, key)) keys_.reset();
        if (canaries != nullptr && !is_there) {
            forget(key);
        } else if (const auto found = entries_.find(key); found != entries_.end()) {
            found->second.built.reset();
        }
        return {key};
    }
    if (resource == resources::pods) return note_pod(key);
    const auto found = concerns_.find(concern(resource, key));
    if (found == concerns_.end()) return {};
    for (const auto& release : found->second) entries_[release].built.reset();
    return found->second;
}

// What a list tells of a release that waits for its pods.
std::set<kube::ObjectKey> Releases::note_pod(const kube::ObjectKey& pod) {
    std::set<kube::ObjectKey> concerned;
    for (auto entry = entries_.lower_bound({pod.ns, {}});
         entry != entries_.end() && entry->first.ns == pod.ns;
         ++entry) {
        auto& [key, known] = *entry;
        if (known.awaits.empty() || !is_named_after(pod.name, known.awaits)) continue;
        known.built.reset();
        concerned.insert(key);
    }
    return concerned;
}

void Releases::note_event(const kube::ObjectKey& about, const Json& event) {
    const auto found = entries_.find(about);
    if (found == entries_.end() || !found->second.began_by_events) return;
    auto& began = found->second.began_by_events;
    if (is_start_of_run(event, about.ns, began->target)) began.reset();
}

void Releases::forget(const kube::ObjectKey& key) {
    const auto found = entries_.find(key);
    const auto now = clock_.now();
    std::erase_if(deleted_,
                  [&](const auto& entry) { return entry.second.at + deletion_remembered <= now; });
    if (deleted_.size() < deletions_max) {
        deleted_[key] = {found == entries_.end() ? std::string() : found->second.uid, now};
    }
    if (found == entries_.end()) return;
    for (const auto& name : found->second.concerned_by) concerns_[name].erase(key);
    entries_.erase(found);
}

std::optional<Deleted> Releases::deleted(const kube::ObjectKey& key) const {
    const auto found = deleted_.find(key);
    if (found == deleted_.end() || clock_.now() >= found->second.at + deletion_remembered) {
        return std::nullopt;
    }
    return found->second;
}

std::shared_ptr<const Releases::Keys> Releases::keys() const {
    if (keys_) return keys_;
    const auto* canaries = known_ ? known_->find(resources::canaries) : nullptr;
    keys_ = std::make_shared<const Keys>(canaries == nullptr ? Keys{} : canaries->keys());
    namespaces_.clear();
    for (const auto& key : *keys_) {
        if (namespaces_.empty() || namespaces_.back() != key.ns) namespaces_.push_back(key.ns);
    }
    return keys_;
}

const std::vector<std::string>& Releases::namespaces() const {
    keys();
    return namespaces_;
}

Duration Releases::window_of(const api::Canary& canary) const {
    return window_for(canary.analysis.interval, window_min(settings_));
}

Duration Releases::measured_over(Duration own) const {
    return tables_.empty() || tables_.contains(own) ? own : tables_.begin()->first;
}

std::set<Duration> Releases::windows() const {
    std::set<Duration> windows;
    for (const auto& [key, entry] : entries_) {
        if (entry.window > Duration{} && windows.size() < windows_max) {
            windows.insert(entry.window);
        }
    }
    if (windows.empty()) windows.insert(window_for(std::chrono::minutes{1}, window_min(settings_)));
    return windows;
}

ReleaseSeen Releases::seen(const kube::ObjectKey& key, Json object, Entry& entry) {
    const kube::ObjectKey target{key.ns,
                                 std::string(text_at(object, {"spec", "targetRef", "name"}))};
    const auto primary = release::primary_of(object);
    auto primary_object = known_->get(primary.kind, primary.key);
    ReleaseSeen seen{
        .of = release::seen_of(std::move(object), primary_object ? &*primary_object : nullptr),
        .target = known_->get(primary.kind, target),
        .primary = {}};
    seen.primary = std::move(primary_object);
    const auto& canary = seen.of.canary;

    if (const auto* router = routers_.find(canary.provider)) {
        routing::LiveObjects live;
        for (const auto& name : router->objects(seen.of.object)) {
            known_->open(name.resource);
            auto found = known_->get(name.resource, name.key);
            seen.routes.push_back({.kind = name.resource.kind,
                                   .ns = name.key.ns,
                                   .name = name.key.name,
                                   .exists = found.has_value()});
            if (found) live.emplace(name, *std::move(found));
        }
        const auto read = router->read(seen.of.object, live);
        if (read && read->present) seen.configured = read->shares.canary;
        // Everything goes to the primary while nothing says otherwise.
        if (read && !read->present && canary.status.phase == Phase::initialized) {
            seen.configured = 0;
        }
    }

    seen.window = window_of(canary);
    entry.window = seen.window;
    seen.window = measured_over(entry.window);
    if (const auto table = tables_.find(seen.window); table != tables_.end()) {
        const auto services = routing::service_names(seen.of.object);
        seen.stable = table->second->side(canary.ns, canary.primary_name(), services.primary);
        seen.canary = table->second->side(canary.ns, canary.target.name, services.canary);
    }
    seen.exposure = entry.exposure;
    return seen;
}

void Releases::note_concern(const kube::ObjectKey& key, Entry& entry, const ReleaseSeen& seen) {
    std::set<std::string> concerned_by;
    const auto& canary = seen.of.canary;
    for (const auto& name : {canary.target.name, canary.primary_name()}) {
        concerned_by.insert(concern(resources::deployments, {key.ns, name}));
        concerned_by.insert(concern(resources::daemon_sets, {key.ns, name}));
    }
    if (canary.target.kind == "Service") {
        const auto primary = release::primary_of(seen.of.object);
        concerned_by.insert(concern(primary.kind, primary.key));
    }
    for (const auto& route : seen.routes) {
        for (const auto* resource : {&resources::virtual_services,
                                     &resources::destination_rules,
                                     &resources::http_routes,
                                     &resources::http_routes_v1beta1,
                                     &resources::ingresses}) {
            if (resource->kind == route.kind) {
                concerned_by.insert(concern(*resource, {route.ns, route.name}));
            }
        }
    }
    if (concerned_by == entry.concerned_by) return;
    for (const auto& name : entry.concerned_by) concerns_[name].erase(key);
    for (const auto& name : concerned_by) concerns_[name].insert(key);
    entry.concerned_by = std::move(concerned_by);
}

Release* Releases::find(const kube::ObjectKey& key) {
    if (!known_) return nullptr;
    if (const auto found = entries_.find(key); found != entries_.end() && found->second.built) {
        auto& built = *found->second.built;
        if (!built.stale_at || clock_.now() < *built.stale_at) return &built;
    }
    auto object = known_->get(resources::canaries, key);
    if (!object) return nullptr;
    auto& entry = entries_[key];
    entry.uid = kube::uid_of(*object);
    auto all = seen(key, *std::move(object), entry);
    entry.awaits = release::awaited_workload(all.of.canary).value_or("");
    if (!entry.awaits.empty()) all.pods = pods_named(key.ns, entry.awaits);
    note_concern(key, entry, all);
    const auto& canary = all.of.canary;
    entry.stable = all.stable;
    entry.canary = all.canary;
    entry.target = canary.target.name;
    const auto services = routing::service_names(all.of.object);
    entry.stable_service = services.primary;
    entry.canary_service = services.canary;
    entry.is_under_way = is_of_run(canary.status.phase);
    entry.run_began.reset();
    if (entry.is_under_way) {
        const auto run = release::last_run(release::decisions_of(all.of.object));
        entry.run_began = web::run_began(canary, run, {});
        // Its start is no longer among the decisions that are kept.
        if (!entry.run_began) entry.run_began = began_by_events(key, canary, entry);
        if (!entry.run_began && !run.empty()) entry.run_began = run.front().at;
    } else {
        entry.exposure = {};
    }
    entry.built = release_of(all, clock_.now());
    ++built_;
    return &*entry.built;
}

std::optional<Time> Releases::began_by_events(const kube::ObjectKey& key,
                                              const api::Canary& canary,
                                              Entry& entry) const {
    auto& began = entry.began_by_events;
    if (!began || began->target != canary.target.name) {
        const auto events = known_->list_about(resources::events, key);
        began = Began{.at = web::run_began(canary, {}, events), .target = canary.target.name};
    }
    return began->at;
}

// Only these are read: there may be thousands.
std::vector<Json> Releases::pods_named(const std::string& ns, const std::string& workload) const {
    std::vector<Json> pods;
    const auto* cache = known_->find(resources::pods);
    if (cache == nullptr) return pods;
    for (const auto& key : cache->keys(ns)) {
        if (!is_named_after(key.name, workload)) continue;
        if (auto pod = known_->get(resources::pods, key)) pods.push_back(*std::move(pod));
    }
    return pods;
}

// What the controller made for it, and what it was given.
std::vector<OwnObject> Releases::objects_of(const ReleaseSeen& seen) const {
    const auto& canary = seen.of.canary;
    std::vector<OwnObject> objects;
    const auto add = [&](const kube::Resource& resource, const std::string& name) {
        const kube::ObjectKey key{canary.ns, name};
        const auto* cache = known_->find(resource);
        objects.push_back({.kind = resource.kind,
                           .ns = key.ns,
                           .name = name,
                           .exists = cache != nullptr && cache->contains(key)});
    };
    const auto primary = release::primary_of(seen.of.object);
    if (primary.kind != resources::services) {
        add(primary.kind, canary.target.name);
        add(primary.kind, primary.key.name);
    }
    const auto services = routing::service_names(seen.of.object);
    for (const auto& name : {services.apex, services.primary, services.canary}) {
        add(resources::services, name);
    }
    const std::string scaler(text_at(seen.of.object, {"spec", "autoscalerRef", "name"}));
    const bool is_plain = text_at(seen.of.object, {"spec", "autoscalerRef", "kind"}) ==
                          resources::horizontal_pod_autoscalers.kind;
    if (!scaler.empty() && is_plain) {
        add(resources::horizontal_pod_autoscalers, scaler);
        add(resources::horizontal_pod_autoscalers, scaler + "-primary");
    }
    objects.insert(objects.end(), seen.routes.begin(), seen.routes.end());
    if (validations_ == nullptr) return objects;
    for (const auto* one : validations_->for_all(canary.ns)) {
        const auto& title = one->finding.object;
        const auto object = std::ranges::find_if(objects, [&](const OwnObject& each) {
            return title == fmt::format("{} {}/{}", each.kind, each.ns, each.name);
        });
        if (object == objects.end()) continue;
        LevelCounts counts;
        counts.add(one->finding.level);
        object->errors += counts.errors;
        object->warnings += counts.warnings;
        object->infos += counts.infos;
    }
    return objects;
}

std::optional<JsonObject> Releases::detailed(const kube::ObjectKey& key) {
    const auto* release = find(key);
    if (release == nullptr) return std::nullopt;
    auto json = release->json;
    auto object = known_->get(resources::canaries, key);
    if (!object) return std::nullopt;
    auto all = seen(key, *std::move(object), entries_[key]);
    all.pods = known_->list(resources::pods, key.ns);
    all.events = known_->list_about(resources::events, key);
    all.pods_reason = known_->why_incomplete(resources::pods);
    all.events_reason = known_->why_incomplete(resources::events);
    // Whoever leads sends.
    const bool leads = !settings_.leading || settings_.leading() != false;
    if (sent_ != nullptr && leads) all.sent = sent_->of({key.ns, key.name});
    all.objects = objects_of(all);
    add_detail(json, all);
    if (release::awaited_workload(all.of.canary)) {
        // Aside, until it is known who reads (leave_out).
        const auto told = release_of(all, clock_.now(), kube::Words::all).json;
        json["detail"].as_object()["withPods"] = JsonObject{
            {"message", told.at("message")}, {"waitsFor", told.at("outlook").at("waitsFor")}};
    }
    return json;
}

void Releases::measure(Duration window, std::shared_ptr<const RatesTable> table) {
    auto& last = tables_[window];
    const bool is_same = last && last->says_the_same(*table);
    last = std::move(table);
    if (is_same) return;
    for (auto& [key, entry] : entries_) {
        if (!entry.built || measured_over(entry.window) != window) continue;
        auto stable = last->side(key.ns, entry.target + "-primary", entry.stable_service);
        auto canary = last->side(key.ns, entry.target, entry.canary_service);
        if (stable == entry.stable && canary == entry.canary) continue;
        // What a person is told of it may name them.
        const bool rests = !entry.is_under_way && !entry.built->has_attention &&
                           entry.built->severity == Severity::ok;
        if (!rests) {
            if (entry.is_under_way) remeasured_.insert(key);
            entry.built.reset();
            continue;
        }
        entry.stable = std::move(stable);
        entry.canary = std::move(canary);
        put_numbers(*entry.built, {entry.stable, entry.canary, window});
    }
}

std::set<kube::ObjectKey> Releases::take_remeasured() {
    return std::exchange(remeasured_, {});
}

void Releases::met(const kube::ObjectKey& key, Exposure exposure) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return;
    // Prometheus reckons what lies between its last sample and now, and takes that back when the
    // pods have gone: of one run a count never shrinks.
    const auto& before = found->second.exposure;
    if (before.since == exposure.since && before.by == exposure.by) {
        const auto keep = [](std::optional<double>& now, const std::optional<double>& was) {
            if (now && was) now = std::max(*now, *was);
        };
        keep(exposure.requests, before.requests);
        keep(exposure.failed, before.failed);
        keep(exposure.cut_off, before.cut_off);
    }
    if (before == exposure) return;
    found->second.exposure = std::move(exposure);
    found->second.built.reset();
    remeasured_.insert(key);
}

std::vector<Releases::UnderWay> Releases::under_way() {
    std::vector<std::pair<Severity, UnderWay>> all;
    for (const auto& [key, entry] : entries_) {
        if (!entry.is_under_way || !entry.run_began || !entry.built) continue;
        // What failed long ago is not measured again.
        if (!entry.built->has_attention && entry.built->severity != Severity::progress) continue;
        all.emplace_back(
            entry.built->severity,
            UnderWay{key, {{key.ns, entry.target}, entry.canary_service, *entry.run_began}});
    }
    std::ranges::sort(
        all, {}, [](const auto& one) { return std::pair(one.first, one.second.key); });
    std::vector<UnderWay> worst;
    worst.reserve(all.size());
    for (auto& [severity, one] : all) worst.push_back(std::move(one));
    return worst;
}

}  // namespace sluice::web
