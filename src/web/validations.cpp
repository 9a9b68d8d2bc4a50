#include "web/validations.hpp"

#include "base/core/sha256.hpp"
#include "controller/state.hpp"
#include "web/answer.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <tuple>

namespace sluice::web {
namespace {

namespace resources = kube::resources;

constexpr Duration pause = std::chrono::seconds{1};

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

std::string name_of(const kube::Resource& resource) {
    return resource.plural + "." + resource.group;
}

// Of all that is read of such an object. Of a status only whether a workload has running pods.
std::size_t hash_of(const Json& object) {
    JsonObject read;
    for (const auto& [name, value] : object_at(object, {})) {
        if (name != "status" && name != "kind" && name != "apiVersion") read[name] = value;
    }
    Json whole(std::move(read));
    drop(whole, {"metadata", "resourceVersion"});
    drop(whole, {"metadata", "annotations", controller::state_annotation});
    for (const auto* field : {"readyReplicas", "numberReady"}) {
        put(whole, {field}, integer_at(object, {"status", field}).value_or(0) > 0);
    }
    return std::hash<std::string>{}(to_text(whole));
}

// What keeps the pod's place in the cache, and what is read.
void cut_pod(Json& pod) {
    const std::string phase(text_at(pod, {"status", "phase"}));
    put(pod, {"status"}, JsonObject{{"phase", phase}});
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

// Gateways may stand anywhere; of the rest only the namespace's are looked at, for each change
// costs a look at all of them.
release::Around Validations::around_of(const Known& known, const std::string& ns) {
    release::Around around{.objects = {},
                           .whole = true,
                           .home = ns,
                           // Not watched here.
                           .unread = {"StatefulSet", "ServiceEntry", "AlertProvider", "Namespace"}};
    const auto add = [&](const kube::Resource& resource, Json object) {
        // Istio's Gateway is one of two of that name.
        put(object, {"kind"}, Json(resource.kind));
        put(object, {"apiVersion"}, Json(resource.api_version()));
        around.objects.push_back(std::move(object));
    };
    auto& read = read_[ns];
    read.clear();
    for (const auto* resource : looked_at) {
        const bool everywhere = *resource == resources::gateways;
        if (!everywhere || !known.ns().empty()) around.elsewhere.insert(resource->kind);
        if (!known.is_known(*resource)) around.unread.insert(resource->kind);
        if (*resource == resources::pods) continue;
        for (auto& object : known.list(*resource, everywhere ? "" : ns)) {
            if (!everywhere) read[{name_of(*resource), kube::key_of(object)}] = hash_of(object);
            add(*resource, std::move(object));
        }
    }
    auto& pods = pods_[ns];
    auto before = std::exchange(pods, {});
    const auto* cache = known.find(resources::pods);
    for (const auto& key : cache == nullptr ? std::vector<kube::ObjectKey>{} : cache->keys(ns)) {
        auto& pod = pods[key];
        pod = std::move(before[key]);
        if (known.refresh(resources::pods, key, pod) && pod) cut_pod(*pod);
        if (pod) add(resources::pods, *pod);
    }
    if (auto space = known.get(resources::namespaces, {"", ns})) {
        read[{name_of(resources::namespaces), {"", ns}}] = hash_of(*space);
        add(resources::namespaces, *std::move(space));
    }
    return around;
}

void Validations::forget() {
    found_.clear();
    behind_.clear();
    looked_.clear();
    read_.clear();
    pods_.clear();
}

std::optional<Time> Validations::due() const {
    std::optional<Time> first;
    for (const auto& [ns, since] : behind_) {
        const auto looked = looked_.find(ns);
        const auto due = looked == looked_.end() ? since : std::max(since, looked->second + pause);
        if (!first || due < *first) first = due;
    }
    return first;
}

bool Validations::is_due() const {
    const auto when = due();
    return when && *when <= clock_.now();
}

void Validations::note_change(const Known& known,
                              const kube::Resource& resource,
                              const kube::ObjectKey& key) {
    const bool is_space = resource == resources::namespaces;
    const bool counts = is_space || std::ranges::any_of(looked_at, [&](const kube::Resource* one) {
                            return *one == resource;
                        });
    // Pods change too often, and always with what they belong to.
    if (!counts || resource == resources::pods) return;
    const auto& ns = is_space ? key.name : key.ns;
    const bool is_everywhere = resource == resources::gateways;
    // Where there is no Canary there is nothing to find.
    if (resource != resources::canaries && !is_everywhere && !found_.contains(ns)) return;
    if (!is_everywhere && behind_.contains(ns)) return;
    auto& all_read = read_[is_everywhere ? std::string() : ns];
    const auto object = known.get(resource, key);
    const auto hash = object ? hash_of(*object) : std::size_t{0};
    const auto read = all_read.find({name_of(resource), key});
    if (object && read != all_read.end() && read->second == hash) return;
    if (!is_everywhere) {
        behind_.try_emplace(ns, clock_.now());
        return;
    }
    if (object) {
        all_read[{name_of(resource), key}] = hash;
    } else if (read != all_read.end()) {
        all_read.erase(read);
    }
    for (const auto& [each, found] : found_) behind_.try_emplace(each, clock_.now());
}

Validations::Change Validations::look(const Known& known) {
    Change change;
    const auto now_is = clock_.now();
    const auto next = std::ranges::find_if(behind_, [&](const auto& one) {
        const auto looked = looked_.find(one.first);
        return looked == looked_.end() || looked->second + pause <= now_is;
    });
    if (next == behind_.end()) return change;
    const auto ns = next->first;
    change.ns = ns;
    behind_.erase(next);
    looked_[ns] = now_is;
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
    if (!has_release) {
        found_.erase(ns);
        read_.erase(ns);
        pods_.erase(ns);
    }
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
