#include "delivery/canary/revision.hpp"

#include "base/core/sha256.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <functional>
#include <map>

namespace sluice::canary {
namespace {

constexpr std::string_view prefix = "v2:";
constexpr std::string_view id_key = "flagger-id";
constexpr std::string_view suffix = "-primary";

// Unset fields are absent: some clients send `creationTimestamp: null`.
Json without_nulls(const Json& value) {
    if (const auto* object = value.if_object()) {
        JsonObject kept;
        for (const auto& [key, member] : *object) {
            if (!member.is_null()) kept[key] = without_nulls(member);
        }
        return kept;
    }
    if (const auto* array = value.if_array()) {
        JsonArray kept;
        for (const auto& element : *array) kept.push_back(without_nulls(element));
        return kept;
    }
    return value;
}

void drop_toolkit_keys(Json& pod_template, JsonPath path) {
    auto* found = find(pod_template, path);
    if (found == nullptr || !found->is_object()) return;
    auto& object = found->get_object();
    std::vector<std::string> keys;
    for (const auto& [key, value] : object) {
        if (key.find("toolkit.fluxcd.io") != std::string_view::npos) keys.emplace_back(key);
    }
    for (const auto& key : keys) object.erase(key);
}

// By the value before; nothing that it renames to is renamed once more.
struct Renaming {
    std::map<std::string, std::string, std::less<>> names;
    const std::vector<std::string>& keys;
};

enum class Direction { to_primary, to_target };

Renaming renaming_of(const Rewriting& rewriting, Direction direction) {
    Renaming renaming{{}, rewriting.selector_labels};
    for (const auto& name : {rewriting.workload, rewriting.value}) {
        if (name.empty()) continue;
        const auto renamed = name + std::string(suffix);
        if (direction == Direction::to_primary) {
            renaming.names[name] = renamed;
        } else {
            renaming.names[renamed] = name;
        }
    }
    return renaming;
}

void rename_in_selector(Json* selector, const Renaming& renaming) {
    if (selector == nullptr) return;
    for (const auto& key : renaming.keys) {
        const auto known = renaming.names.find(text_at(*selector, {"matchLabels", key}));
        if (known != renaming.names.end()) {
            put(*selector, {"matchLabels", key}, Json(known->second));
        }
    }
    auto* expressions = find(*selector, {"matchExpressions"});
    if (expressions == nullptr || !expressions->is_array()) return;
    for (auto& expression : expressions->get_array()) {
        if (std::ranges::find(renaming.keys, text_at(expression, {"key"})) == renaming.keys.end()) {
            continue;
        }
        auto* values = find(expression, {"values"});
        if (values == nullptr || !values->is_array()) continue;
        // The first one only, as the peer does.
        auto& list = values->get_array();
        for (auto& value : list) {
            const auto known = value.is_string()
                                   ? renaming.names.find(std::string_view(value.get_string()))
                                   : renaming.names.end();
            if (known == renaming.names.end()) continue;
            value = known->second;
            break;
        }
    }
}

template <typename Each>
void for_each_in(Json& value, JsonPath path, Each each) {
    auto* list = find(value, path);
    if (list == nullptr || !list->is_array()) return;
    for (auto& element : list->get_array()) each(element);
}

// Spread constraints and pod anti-affinity speak about the pods' own labels; pod affinity and node
// affinity about others.
void rename_selectors(Json& pod_template, const Renaming& renaming) {
    for_each_in(pod_template, {"spec", "topologySpreadConstraints"}, [&](Json& constraint) {
        rename_in_selector(find(constraint, {"labelSelector"}), renaming);
    });
    for_each_in(
        pod_template,
        {"spec", "affinity", "podAntiAffinity", "preferredDuringSchedulingIgnoredDuringExecution"},
        [&](Json& term) {
            rename_in_selector(find(term, {"podAffinityTerm", "labelSelector"}), renaming);
        });
    for_each_in(
        pod_template,
        {"spec", "affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution"},
        [&](Json& term) { rename_in_selector(find(term, {"labelSelector"}), renaming); });
}

// One holder of a config's name: "settings" <-> "settings-primary".
struct ConfigRenaming {
    const std::set<std::string>& configs;
    bool back = false;
};

void rename_config(Json* holder,
                   std::string_view key,
                   std::string_view kind,
                   const ConfigRenaming& renaming) {
    if (holder == nullptr) return;
    std::string name(text_at(*holder, {key}));
    const auto to = name + std::string(suffix);
    if (renaming.back) {
        if (!name.ends_with(suffix)) return;
        name.resize(name.size() - suffix.size());
    }
    if (!renaming.configs.contains(std::string(kind) + "/" + name)) return;
    put(*holder, {key}, Json(renaming.back ? name : to));
}

void rename_configs(Json& pod_template, const ConfigRenaming& renaming) {
    if (renaming.configs.empty()) return;
    const auto rename =
        [&](Json& parent, JsonPath holder, std::string_view key, std::string_view kind) {
            rename_config(find(parent, holder), key, kind, renaming);
        };
    for_each_in(pod_template, {"spec", "volumes"}, [&](Json& volume) {
        rename(volume, {"configMap"}, "name", "configmap");
        rename(volume, {"secret"}, "secretName", "secret");
        for_each_in(volume, {"projected", "sources"}, [&](Json& source) {
            rename(source, {"configMap"}, "name", "configmap");
            rename(source, {"secret"}, "name", "secret");
        });
    });
    for (const std::string_view list : {"containers", "initContainers"}) {
        for_each_in(pod_template, {"spec", list}, [&](Json& container) {
            for_each_in(container, {"env"}, [&](Json& variable) {
                rename(variable, {"valueFrom", "configMapKeyRef"}, "name", "configmap");
                rename(variable, {"valueFrom", "secretKeyRef"}, "name", "secret");
            });
            for_each_in(container, {"envFrom"}, [&](Json& source) {
                rename(source, {"configMapRef"}, "name", "configmap");
                rename(source, {"secretRef"}, "name", "secret");
            });
        });
    }
}

void drop_empty_annotations(Json& pod_template) {
    if (object_at(pod_template, {"metadata", "annotations"}).empty()) {
        drop(pod_template, {"metadata", "annotations"});
    }
}

std::string digits_of(std::string_view hash) {
    return std::string(hash.starts_with(prefix) ? hash.substr(prefix.size()) : hash);
}

}  // namespace

std::string revision_of(const Json& pod_template,
                        const std::map<std::string, std::string>& configs) {
    constexpr std::size_t length = 40;
    auto text = canonical_text(without_nulls(without_rolled(pod_template)));
    for (const auto& [reference, checksum] : configs) {
        text.append("\n").append(reference).append("=").append(checksum);
    }
    return std::string(prefix) + sha256_hex(text).substr(0, length);
}

Json without_rolled(Json pod_template) {
    if (drop(pod_template, {"metadata", "annotations", rolled_annotation})) {
        drop_empty_annotations(pod_template);
    }
    return pod_template;
}

bool is_our_revision(std::string_view hash) {
    return hash.starts_with(prefix);
}

std::string short_revision(std::string_view hash) {
    constexpr std::size_t length = 10;
    return digits_of(hash).substr(0, length);
}

std::string flagger_id_of(std::string_view hash) {
    const auto hex = sha256_hex(hash);
    return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-4" + hex.substr(12, 3) + "-a" +
           hex.substr(15, 3) + "-" + hex.substr(18, 12);
}

Json primary_template(const Json& pod_template, const Rewriting& rewriting, std::string_view hash) {
    auto made = without_nulls(without_rolled(pod_template));
    drop_toolkit_keys(made, {"metadata", "labels"});
    drop_toolkit_keys(made, {"metadata", "annotations"});
    put(made, {"metadata", "labels", rewriting.label}, Json(rewriting.value + std::string(suffix)));
    put(made, {"metadata", "annotations", id_key}, Json(flagger_id_of(hash)));
    rename_selectors(made, renaming_of(rewriting, Direction::to_primary));
    rename_configs(made, {rewriting.configs, false});
    return made;
}

Json undone_template(const Json& primary_pod_template, const Rewriting& rewriting) {
    auto made = without_nulls(primary_pod_template);
    put(made, {"metadata", "labels", rewriting.label}, Json(rewriting.value));
    drop(made, {"metadata", "annotations", id_key});
    // The peer's copy always has annotations, because of flagger-id; the target's may have had
    // none.
    drop_empty_annotations(made);
    rename_selectors(made, renaming_of(rewriting, Direction::to_target));
    rename_configs(made, {rewriting.configs, true});
    return made;
}

bool same_meaning(const Json& primary_pod_template,
                  const Json& pod_template,
                  const Rewriting& rewriting) {
    auto runs = without_nulls(primary_pod_template);
    auto wanted = primary_template(pod_template, rewriting, {});
    // Where a selector is renamed already nothing changes.
    rename_selectors(runs, renaming_of(rewriting, Direction::to_primary));
    drop(runs, {"metadata", "annotations", id_key});
    drop(wanted, {"metadata", "annotations", id_key});
    for (auto* one : {&runs, &wanted}) {
        drop_empty_annotations(*one);
    }
    return canonical_text(runs) == canonical_text(wanted);
}

}  // namespace sluice::canary
