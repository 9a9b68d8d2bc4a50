#include "lab/workloads/container_spec.hpp"

#include "base/core/duration.hpp"
#include "base/core/text.hpp"

#include <boost/json/array.hpp>

namespace sluice::lab {

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
