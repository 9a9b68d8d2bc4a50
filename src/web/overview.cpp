#include "web/overview.hpp"

#include "web/answer.hpp"
#include "web/nullable.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <tuple>

namespace sluice::web {
namespace {

constexpr std::size_t attention_max = 50;
constexpr std::size_t events_kept = 500;

// Failing now, rolled back, waiting for a person, stuck.
int rank_of(const Release& release) {
    if (release.severity == Severity::failure) return release.status == "Failed" ? 1 : 0;
    return release.severity == Severity::waiting ? 2 : 3;
}

JsonObject prometheus_json(const PrometheusHealth& health) {
    return {{"url", health.url},
            {"ok", health.ok},
            {"version", optional_json(health.version)},
            {"scrapeInterval", optional_json(health.scrape_interval)},
            {"error", text_json(health.error)},
            {"since", time_json(health.since)}};
}

}  // namespace

bool RecentEvents::note(const kube::ObjectKey& key, const Json& event) {
    auto where = place_of_event(event);
    if (!where) return false;
    const auto known = std::ranges::find(newest_, key, &One::key);
    auto json = event_json(event);
    if (known != newest_.end()) {
        if (known->json == json) return false;
        newest_.erase(known);
    }
    const auto place =
        std::ranges::find_if(newest_, [&](const One& one) { return one.place <= *where; });
    std::string ns(text_at(event, {"involvedObject", "namespace"}));
    newest_.insert(place, One{*std::move(where), key, std::move(json), std::move(ns)});
    if (newest_.size() > events_kept) newest_.pop_back();
    return true;
}

std::vector<const RecentEvents::One*> RecentEvents::last(const std::set<std::string>& namespaces,
                                                         std::size_t count) const {
    std::vector<const One*> found;
    for (const auto& one : newest_) {
        if (found.size() >= count) break;
        if (namespaces.empty() || namespaces.contains(one.ns)) found.push_back(&one);
    }
    return found;
}

JsonObject overview_json(const OverviewParts& parts) {
    std::array<int, 5> counts{};
    std::vector<const Release*> attention;
    for (const auto* release : parts.releases) {
        ++counts[static_cast<std::size_t>(release->severity)];
        if (release->has_attention) attention.push_back(release);
    }
    std::ranges::sort(attention, {}, [](const Release* release) {
        return std::tuple(rank_of(*release), release->since, release->ns, release->name);
    });
    JsonArray needed;
    for (const auto* release : attention) {
        if (needed.size() >= attention_max) break;
        JsonObject json{{"attention", release->json.at("attention")}};
        keep_verbs(json, parts.verbs(release->ns));
        needed.push_back(std::move(json["attention"]));
    }
    JsonArray events;
    for (const auto* event : parts.events) events.push_back(event->json);
    const auto& mesh = parts.mesh;
    const bool is_known = mesh.rps && mesh.success && mesh.p99 && mesh.reason.empty();
    return {{"lab", parts.lab},
            {"counts",
             JsonObject{{"failing", counts[static_cast<std::size_t>(Severity::failure)]},
                        {"warning", counts[static_cast<std::size_t>(Severity::warning)]},
                        {"waiting", counts[static_cast<std::size_t>(Severity::waiting)]},
                        {"progressing", counts[static_cast<std::size_t>(Severity::progress)]},
                        {"healthy", counts[static_cast<std::size_t>(Severity::ok)]}}},
            {"attention", std::move(needed)},
            {"attentionTotal", attention.size()},
            {"mesh",
             JsonObject{{"by", text_json(mesh.by)},
                        {"rps", optional_json(mesh.rps)},
                        {"success", optional_json(mesh.success)},
                        {"p99", optional_json(mesh.p99)},
                        {"reason",
                         is_known ? Json(nullptr)
                                  : Json(mesh.reason.empty() ? "not measured" : mesh.reason)},
                        {"validations", json_of(parts.validations)}}},
            {"prometheus", prometheus_json(parts.prometheus)},
            {"apiServer",
             JsonObject{{"ok", parts.api_server.ok},
                        {"error", text_json(parts.api_server.error)},
                        {"since", time_json(parts.api_server.since)}}},
            {"problems", problems_json(parts.problems)},
            {"events", std::move(events)}};
}

}  // namespace sluice::web
