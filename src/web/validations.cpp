#include "web/validations.hpp"

#include "base/core/sha256.hpp"
#include "web/answer.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>

namespace sluice::web {
namespace {

namespace resources = kube::resources;

const std::array<const kube::Resource*, 7> looked_at{&resources::canaries,
                                                     &resources::deployments,
                                                     &resources::daemon_sets,
                                                     &resources::horizontal_pod_autoscalers,
                                                     &resources::metric_templates,
                                                     &resources::services,
                                                     &resources::gateways};

release::Around around_of(const Known& known, const std::string& ns) {
    release::Around around{
        .objects = {}, .whole = true, .ns = known.get(resources::namespaces, {"", ns})};
    for (const auto* resource : looked_at) {
        if (!known.is_known(*resource)) around.whole = false;
        // Gateways may stand anywhere; the rest is the namespace's.
        const bool everywhere = *resource == resources::gateways;
        for (auto& object : known.list(*resource, everywhere ? "" : ns)) {
            around.objects.push_back(std::move(object));
        }
    }
    return around;
}

std::string id_of(const release::Finding& finding) {
    return sha256_hex(
               fmt::format(
                   "{}\n{}\n{}\n{}", finding.code, finding.object, finding.field, finding.text))
        .substr(0, 16);
}

auto order_of(const Validation& one) {
    return std::tie(one.finding.level, one.object, one.finding.field, one.finding.text);
}

// Of "VirtualService test/podinfo" the object's key.
kube::ObjectKey object_of(const release::Finding& finding) {
    const std::string_view text = finding.object;
    const auto key = text.substr(std::min(text.find(' ') + 1, text.size()));
    const auto slash = key.find('/');
    if (slash == std::string_view::npos) return {"", std::string(key)};
    return {std::string(key.substr(0, slash)), std::string(key.substr(slash + 1))};
}

}  // namespace

JsonObject json_of(const Validation& validation) {
    const auto& finding = validation.finding;
    return {{"id", validation.id},
            {"code", finding.code},
            {"level", to_string(finding.level)},
            {"object",
             JsonObject{{"kind", finding.object.substr(0, finding.object.find(' '))},
                        {"namespace", validation.object.ns},
                        {"name", validation.object.name}}},
            {"path", finding.field},
            {"message", finding.text},
            {"since", time_json(validation.since)},
            {"suggestion", nullptr}};
}

void LevelCounts::add(release::Level level) {
    switch (level) {
        case release::Level::error:
            ++errors;
            return;
        case release::Level::warning:
            ++warnings;
            return;
        case release::Level::info:
            ++infos;
            return;
    }
}

JsonObject json_of(const LevelCounts& counts) {
    return {{"error", counts.errors}, {"warning", counts.warnings}, {"info", counts.infos}};
}

void Validations::forget() {
    found_.clear();
    behind_.clear();
}

void Validations::note_change(const kube::Resource& resource, const kube::ObjectKey& key) {
    if (resource == resources::namespaces) {
        if (found_.contains(key.name)) behind_.insert(key.name);
        return;
    }
    const bool counts =
        std::ranges::any_of(looked_at, [&](const kube::Resource* one) { return *one == resource; });
    if (!counts) return;
    if (resource == resources::gateways) {
        for (const auto& [ns, found] : found_) behind_.insert(ns);
        return;
    }
    // Where there is no Canary there is nothing to find.
    if (resource == resources::canaries || found_.contains(key.ns)) behind_.insert(key.ns);
}

Validations::Change Validations::look(const Known& known) {
    Change change;
    if (behind_.empty()) return change;
    const auto ns = *behind_.begin();
    behind_.erase(behind_.begin());
    change.ns = ns;
    auto& before = found_[ns];
    std::map<std::string, Validation> now;
    const auto around = around_of(known, ns);
    for (const auto& canary : known.list(resources::canaries, ns)) {
        auto findings = release::lint_canary(canary);
        for (auto& finding : release::lint_around(canary, around)) {
            findings.push_back(std::move(finding));
        }
        for (auto& finding : findings) {
            auto id = id_of(finding);
            const auto object = object_of(finding);
            const auto known_already = before.find(id);
            const auto since =
                known_already == before.end() ? clock_.now() : known_already->second.since;
            now.emplace(id, Validation{id, std::move(finding), object, since});
        }
    }
    for (const auto& [id, validation] : now) {
        if (!before.contains(id)) change.upsert.push_back(validation);
    }
    for (const auto& [id, validation] : before) {
        if (!now.contains(id)) change.remove.push_back(id);
    }
    before = std::move(now);
    return change;
}

std::vector<const Validation*> Validations::all(const std::set<std::string>& namespaces) const {
    std::vector<const Validation*> all;
    for (const auto& [ns, found] : found_) {
        if (!namespaces.empty() && !namespaces.contains(ns)) continue;
        for (const auto& [id, validation] : found) all.push_back(&validation);
    }
    std::ranges::sort(all, [](const Validation* one, const Validation* other) {
        return order_of(*one) < order_of(*other);
    });
    return all;
}

LevelCounts Validations::counts(const std::set<std::string>& namespaces) const {
    LevelCounts counts;
    for (const auto& [ns, found] : found_) {
        if (!namespaces.empty() && !namespaces.contains(ns)) continue;
        for (const auto& [id, validation] : found) counts.add(validation.finding.level);
    }
    return counts;
}

}  // namespace sluice::web
