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

const std::array<const kube::Resource*, 10> looked_at{&resources::canaries,
                                                      &resources::deployments,
                                                      &resources::daemon_sets,
                                                      &resources::horizontal_pod_autoscalers,
                                                      &resources::metric_templates,
                                                      &resources::services,
                                                      &resources::pods,
                                                      &resources::virtual_services,
                                                      &resources::destination_rules,
                                                      &resources::gateways};

// Gateways may stand anywhere; of the rest only the namespace's are looked at, for each change
// costs a look at all of them.
release::Around around_of(const Known& known, const std::string& ns) {
    release::Around around{.objects = {},
                           .whole = true,
                           .home = ns,
                           // Not watched here.
                           .unread = {"StatefulSet", "ServiceEntry", "AlertProvider", "Namespace"}};
    for (const auto* resource : looked_at) {
        const bool everywhere = *resource == resources::gateways;
        if (!everywhere || !known.ns().empty()) around.elsewhere.insert(resource->kind);
        if (!known.is_known(*resource)) around.unread.insert(resource->kind);
        for (auto& object : known.list(*resource, everywhere ? "" : ns)) {
            // Istio's Gateway is one of two of that name.
            put(object, {"kind"}, Json(resource->kind));
            put(object, {"apiVersion"}, Json(resource->api_version()));
            around.objects.push_back(std::move(object));
        }
    }
    if (auto space = known.get(resources::namespaces, {"", ns})) {
        put(*space, {"kind"}, Json("Namespace"));
        put(*space, {"apiVersion"}, Json("v1"));
        around.objects.push_back(*std::move(space));
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
    // Pods change too often, and always with what they belong to.
    if (!counts || resource == resources::pods) return;
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
    change.ns = ns;
    behind_.erase(behind_.begin());
    auto& before = found_[ns];
    std::map<std::string, Validation> now;
    const auto around = around_of(known, ns);
    const release::Linter linter(around, settings_);
    const bool has_release = std::ranges::any_of(
        around.objects, [](const Json& object) { return text_at(object, {"kind"}) == "Canary"; });
    for (const auto& object : around.objects) {
        auto key = kube::key_of(object);
        if (text_at(object, {"kind"}) == "Namespace") key.ns = key.name;
        // Where there is no Canary there is nothing to find, and a Gateway from elsewhere is told
        // of there.
        if (!has_release || key.ns != ns) continue;
        for (auto& finding : linter.look(object)) {
            auto id = id_of(finding);
            const auto known_already = before.find(id);
            const auto since =
                known_already == before.end() ? clock_.now() : known_already->second.since;
            now.emplace(id, Validation{id, std::move(finding), key, since});
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
