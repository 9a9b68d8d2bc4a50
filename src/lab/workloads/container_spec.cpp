#include "lab/workloads/container_spec.hpp"

#include "base/core/duration.hpp"
#include "base/core/text.hpp"
#include "kube/resource.hpp"
#include "lab/workloads/image_map.hpp"
#include "lab/workloads/scheduler.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

namespace sluice::lab {
namespace {

std::string downward(const Json& pod, const std::string& ip, std::string_view path) {
    const auto key = kube::key_of(pod);
    if (path == "metadata.name") return key.name;
    if (path == "metadata.namespace") return key.ns;
    if (path == "metadata.uid") return std::string(kube::uid_of(pod));
    if (path == "status.podIP" || path == "status.podIPs") return ip;
    if (path == "status.hostIP") return "127.0.0.1";
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

}  // namespace

std::map<std::string, std::string> container_environment(const Json& pod,
                                                         const Json& container,
                                                         const std::string& ip) {
    const auto key = kube::key_of(pod);
    std::map<std::string, std::string> env{{"POD_IP", ip},
                                           {"POD_NAME", key.name},
                                           {"POD_NAMESPACE", key.ns},
                                           {"NODE_NAME", std::string(node_name)},
                                           {"IMAGE_TAG", image_tag(text_at(container, {"image"}))}};
    for (const auto& entry : array_at(container, {"env"})) {
        const std::string name(text_at(entry, {"name"}));
        const auto path = text_at(entry, {"valueFrom", "fieldRef", "fieldPath"});
        env[name] = path.empty() ? std::string(text_at(entry, {"value"})) : downward(pod, ip, path);
    }
    return env;
}

std::vector<std::uint16_t> tcp_ports(const Json& container) {
    std::vector<std::uint16_t> ports;
    for (const auto& port : array_at(container, {"ports"})) {
        if (text_at(port, {"protocol"}, "TCP") != "TCP") continue;
        if (const auto number = integer_at(port, {"containerPort"})) {
            ports.push_back(static_cast<std::uint16_t>(*number));
        }
    }
    return ports;
}

std::vector<std::string> command_line(const Json& container) {
    std::vector<std::string> all;
    for (const std::string_view list : {"command", "args"}) {
        for (const auto& word : array_at(container, {list})) {
            if (word.is_string()) all.emplace_back(word.get_string());
        }
    }
    return all;
}

std::optional<Duration> sleep_of(const std::vector<std::string>& command) {
    if (command.size() == 3 && command[0].ends_with("sh") && command[1] == "-c") {
        std::vector<std::string> words;
        for (const auto word : split(command[2], ' ')) {
            if (!word.empty()) words.emplace_back(word);
        }
        return words.size() == 2 ? sleep_of(words) : std::nullopt;
    }
    if (command.size() != 2 || (command[0] != "sleep" && !command[0].ends_with("/sleep")))
        return std::nullopt;
    auto text = command[1];
    if (text.find_first_not_of("0123456789.") == std::string::npos) text += 's';
    return parse_duration(text);
}

}  // namespace sluice::lab
