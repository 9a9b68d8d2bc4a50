// What a container's spec says of how it runs.
#pragma once

#include "base/core/json.hpp"
#include "base/core/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::lab {

std::vector<std::uint16_t> tcp_ports(const Json& container);
// command and args.
std::vector<std::string> command_line(const Json& container);
// How long a command does nothing but sleep: `sleep 5`, alone or in a shell. Nothing: it does
// something else.
std::optional<Duration> sleep_of(const std::vector<std::string>& command);

}  // namespace sluice::lab
