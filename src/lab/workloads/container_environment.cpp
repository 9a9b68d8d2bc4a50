#include "lab/workloads/container_environment.hpp"

#include "base/core/quantity.hpp"
#include "base/core/text.hpp"
#include "lab/workloads/image_map.hpp"
#include "lab/workloads/pod_configs.hpp"
#include "lab/workloads/scheduler.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

namespace sluice::lab {
namespace {

bool may_be_missing(const Json& reference) {
    return bool_at(reference, {"optional"}).value_or(false);
}

// [-._a-zA-Z][-._a-zA-Z0-9]*, but for what a path could mean.
bool is_variable_name(std::string_view name) {
    if (name.empty() || is_digit(name.front())) return false;
    if (name == "." || name.starts_with("..")) return false;
    return std::ranges::all_of(name, [](char c) {
        return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
               c == '_' || c == '.';
    });
}

// A Secret's data is base64: the API server has taken no other.
std::string text_of(ConfigKind kind, const Json& value) {
    const std::string_view text = value.is_string() ? value.get_string() : std::string_view{};
    if (kind == ConfigKind::config_map) return std::string(text);
    return from_base64(text).value_or(std::string());
}

std::string of_pod(const Json& pod, const std::string& ip, std::string_view path) {
    const auto key = kube::key_of(pod);
    if (path == "metadata.name") return key.name;
    if (path == "metadata.namespace") return key.ns;
    if (path == "metadata.uid") return std::string(kube::uid_of(pod));
    if (path == "status.podIP" || path == "status.podIPs") return ip;
    if (path == "status.hostIP" || path == "status.hostIPs") return "127.0.0.1";
    if (path == "spec.nodeName") return std::string(node_name);
    if (path == "spec.serviceAccountName") {
        return std::string(text_at(pod, {"spec", "serviceAccountName"}, "default"));
    }
    for (const std::string_view map : {"labels", "annotations"}) {
        const auto prefix = fmt::format("metadata.{}['", map);
        if (path.starts_with(prefix) && path.ends_with("']")) {
            path.remove_prefix(prefix.size());
            path.remove_suffix(2);
            return std::string(text_at(pod, {"metadata", map, path}));
        }
    }
    return {};
}

// In billionths, which are whole.
std::optional<double> billionths(std::string_view quantity) {
    const auto text = canonical_quantity(quantity);
    if (!text) return std::nullopt;
    const auto end = std::min(text->find_first_not_of("-0123456789"), text->size());
    const auto number = parse_integer(std::string_view(*text).substr(0, end));
    const auto suffix = std::string_view(*text).substr(end);
    if (!number) return std::nullopt;
    const auto whole = static_cast<double>(*number);
    constexpr std::array<std::pair<std::string_view, double>, 10> decimal{{{"n", 1},
                                                                           {"u", 1e3},
                                                                           {"m", 1e6},
                                                                           {"", 1e9},
                                                                           {"k", 1e12},
                                                                           {"M", 1e15},
                                                                           {"G", 1e18},
                                                                           {"T", 1e21},
                                                                           {"P", 1e24},
                                                                           {"E", 1e27}}};
    for (const auto& [name, factor] : decimal) {
        if (suffix == name) return whole * factor;
    }
    if (suffix.size() == 2 && suffix[1] == 'i') {
        constexpr std::string_view binary = "KMGTPE";
        const auto power = binary.find(suffix[0]);
        if (power == std::string_view::npos) return std::nullopt;
        return std::ldexp(whole * 1e9, 10 * (static_cast<int>(power) + 1));
    }
    if (suffix.starts_with('e')) {
        if (const auto power = parse_integer(suffix.substr(1))) {
            return whole * std::pow(10.0, static_cast<double>(*power) + 9);
        }
    }
    return std::nullopt;
}

// "limits.cpu" of a container in units of the divisor, rounded up. A limit that is not set is what
// the node has.
std::string of_resources(const Cluster& cluster,
                         const Json& pod,
                         const Json& container,
                         const Json& reference) {
    const auto named = text_at(reference, {"containerName"});
    const Json* of = &container;
    for (const std::string_view list : {"containers", "initContainers"}) {
        for (const auto& one : array_at(pod, {"spec", list})) {
            if (!named.empty() && text_at(one, {"name"}) == named) of = &one;
        }
    }
    const auto resource = text_at(reference, {"resource"});
    const auto dot = resource.find('.');
    if (dot == std::string_view::npos) return {};
    const auto list = resource.substr(0, dot);
    const auto what = resource.substr(dot + 1);
    auto amount = text_at(*of, {"resources", list, what});
    const auto node = cluster.find(kube::resources::nodes, {"", std::string(node_name)});
    if (amount.empty() && list == "limits" && node != nullptr) {
        amount = text_at(*node, {"status", "allocatable", what});
    }
    const auto all = billionths(amount.empty() ? "0" : amount);
    const auto divisor = text_at(reference, {"divisor"});
    const auto unit = billionths(divisor.empty() || divisor == "0" ? "1" : divisor);
    if (!all || !unit || *unit <= 0) return {};
    return fmt::format("{:.0f}", std::ceil(*all / *unit));
}

class Assembly {
   public:
    Assembly(const Cluster& cluster, const Json& pod, const Json& container, const std::string& ip)
        : cluster_(cluster),
          pod_(pod),
          container_(container),
          key_(kube::key_of(pod)),
          ip_(ip),
          made_{{{"POD_IP", ip},
                 {"POD_NAME", key_.name},
                 {"POD_NAMESPACE", key_.ns},
                 {"NODE_NAME", std::string(node_name)},
                 {"IMAGE_TAG", image_tag(text_at(container, {"image"}))}}} {}

    Result<Environment> make() {
        for (const auto& source : array_at(container_, {"envFrom"})) {
            for (const auto& [field, kind] : {std::pair{"configMapRef", ConfigKind::config_map},
                                              std::pair{"secretRef", ConfigKind::secret}}) {
                const auto* reference = find(source, {field});
                if (reference == nullptr) continue;
                const auto added = add_all(kind, *reference, text_at(source, {"prefix"}));
                if (!added) return added.error();
            }
        }
        for (const auto& entry : array_at(container_, {"env"})) {
            auto value = value_of(entry);
            if (!value) return value.error();
            if (*value) made_.variables[std::string(text_at(entry, {"name"}))] = **std::move(value);
        }
        return std::move(made_);
    }

   private:
    Result<void> add_all(ConfigKind kind, const Json& reference, std::string_view prefix) {
        const ObjectKey key{key_.ns, std::string(text_at(reference, {"name"}))};
        const auto object = find_config(cluster_, kind, key);
        if (!object) return may_be_missing(reference) ? Result<void>{} : object.error();
        std::vector<std::string> invalid;
        for (const auto& [field, value] : object_at(**object, {"data"})) {
            auto name = fmt::format("{}{}", prefix, std::string_view(field));
            if (!is_variable_name(name)) {
                invalid.push_back(std::move(name));
                continue;
            }
            made_.variables[std::move(name)] = text_of(kind, value);
        }
        if (invalid.empty()) return {};
        std::ranges::sort(invalid);
        made_.skipped.push_back(
            fmt::format("Keys [{}] from the EnvFrom {} {} were skipped since they are considered "
                        "invalid environment variable names.",
                        fmt::join(invalid, ", "),
                        kind == ConfigKind::secret ? "secret" : "configMap",
                        to_string(key)));
        return {};
    }

    // Nothing: the variable is not set by this entry.
    Result<std::optional<std::string>> value_of(const Json& entry) const {
        const auto plain = text_at(entry, {"value"});
        if (!plain.empty()) return expanded(plain, made_.variables);
        const auto* from = find(entry, {"valueFrom"});
        if (from == nullptr) return std::string{};
        if (const auto* field = find(*from, {"fieldRef"})) {
            return of_pod(pod_, ip_, text_at(*field, {"fieldPath"}));
        }
        if (const auto* resource = find(*from, {"resourceFieldRef"})) {
            return of_resources(cluster_, pod_, container_, *resource);
        }
        if (const auto* map = find(*from, {"configMapKeyRef"})) {
            return value_at(ConfigKind::config_map, *map);
        }
        if (const auto* secret = find(*from, {"secretKeyRef"})) {
            return value_at(ConfigKind::secret, *secret);
        }
        return std::string{};
    }

    Result<std::optional<std::string>> value_at(ConfigKind kind, const Json& reference) const {
        const ObjectKey key{key_.ns, std::string(text_at(reference, {"name"}))};
        const auto object = find_config(cluster_, kind, key);
        std::optional<std::string> unset;
        if (!object && may_be_missing(reference)) return unset;
        if (!object) return object.error();
        const auto name = text_at(reference, {"key"});
        const auto* value = object_at(**object, {"data"}).if_contains(name);
        if (value != nullptr) return text_of(kind, *value);
        if (may_be_missing(reference)) return unset;
        return Error{
            ErrorKind::not_found,
            fmt::format("couldn't find key {} in {} {}", name, kind_of(kind), to_string(key))};
    }

    const Cluster& cluster_;
    const Json& pod_;
    const Json& container_;
    ObjectKey key_;
    const std::string& ip_;
    Environment made_;
};

}  // namespace

Result<Environment> container_environment(const Cluster& cluster,
                                          const Json& pod,
                                          const Json& container,
                                          const std::string& ip) {
    return Assembly(cluster, pod, container, ip).make();
}

std::string expanded(std::string_view text, const Variables& variables) {
    std::string whole;
    while (!text.empty()) {
        const auto dollar = std::min(text.find('$'), text.size());
        whole += text.substr(0, dollar);
        text.remove_prefix(dollar);
        if (text.empty()) break;
        const auto close = text.starts_with("$(") ? text.find(')') : std::string_view::npos;
        if (text.starts_with("$$")) {
            whole += '$';
            text.remove_prefix(2);
        } else if (close == std::string_view::npos) {
            whole += '$';
            text.remove_prefix(1);
        } else {
            const auto known = variables.find(std::string(text.substr(2, close - 2)));
            whole += known == variables.end() ? text.substr(0, close + 1)
                                              : std::string_view(known->second);
            text.remove_prefix(close + 1);
        }
    }
    return whole;
}

}  // namespace sluice::lab
