#include "lab/workloads/pod_configs.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include <optional>

namespace sluice::lab {
namespace {

// One reference of a volume, or of a part of a projected one.
struct Wanted {
    ConfigKind kind;
    std::string_view name;
    const Json& how;  // items and optional
};

bool has_key(const Json& object, std::string_view key) {
    return object_at(object, {"data"}).contains(key) ||
           object_at(object, {"binaryData"}).contains(key);
}

std::optional<std::string> problem_of(const Cluster& cluster,
                                      std::string_view ns,
                                      const Wanted& wanted) {
    if (bool_at(wanted.how, {"optional"}).value_or(false)) return std::nullopt;
    const auto object =
        find_config(cluster, wanted.kind, {std::string(ns), std::string(wanted.name)});
    if (!object) return object.error().message;
    for (const auto& item : array_at(wanted.how, {"items"})) {
        const auto key = text_at(item, {"key"});
        if (has_key(**object, key)) continue;
        return wanted.kind == ConfigKind::secret
                   ? fmt::format("references non-existent secret key: {}", key)
                   : fmt::format("configmap references non-existent config key: {}", key);
    }
    return std::nullopt;
}

std::vector<Wanted> wanted_by(const Json& volume) {
    std::vector<Wanted> all;
    if (const auto* map = find(volume, {"configMap"})) {
        all.push_back({ConfigKind::config_map, text_at(*map, {"name"}), *map});
    }
    if (const auto* secret = find(volume, {"secret"})) {
        all.push_back({ConfigKind::secret, text_at(*secret, {"secretName"}), *secret});
    }
    for (const auto& source : array_at(volume, {"projected", "sources"})) {
        for (const auto& [field, kind] : {std::pair{"configMap", ConfigKind::config_map},
                                          std::pair{"secret", ConfigKind::secret}}) {
            if (const auto* part = find(source, {field})) {
                all.push_back({kind, text_at(*part, {"name"}), *part});
            }
        }
    }
    return all;
}

}  // namespace

std::string_view kind_of(ConfigKind kind) {
    return kind == ConfigKind::secret ? "Secret" : "ConfigMap";
}

std::string_view word_of(ConfigKind kind) {
    return kind == ConfigKind::secret ? "secret" : "configmap";
}

Result<ObjectPtr> find_config(const Cluster& cluster, ConfigKind kind, const ObjectKey& key) {
    const auto& resource =
        kind == ConfigKind::secret ? kube::resources::secrets : kube::resources::config_maps;
    if (auto object = cluster.find(resource, key)) return object;
    return Error{ErrorKind::not_found, fmt::format("{} \"{}\" not found", word_of(kind), key.name)};
}

std::vector<std::string> mount_problems(const Cluster& cluster, const Json& pod) {
    std::vector<std::string> all;
    for (const auto& volume : array_at(pod, {"spec", "volumes"})) {
        std::vector<std::string> problems;
        for (const auto& wanted : wanted_by(volume)) {
            if (auto problem = problem_of(cluster, kube::key_of(pod).ns, wanted)) {
                problems.push_back(*std::move(problem));
            }
        }
        if (problems.empty()) continue;
        const auto why = problems.size() == 1 ? problems.front()
                                              : fmt::format("[{}]", fmt::join(problems, ", "));
        all.push_back(fmt::format(
            "MountVolume.SetUp failed for volume \"{}\" : {}", text_at(volume, {"name"}), why));
    }
    return all;
}

}  // namespace sluice::lab
