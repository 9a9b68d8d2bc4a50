// What a container finds in its environment, and what its spec says of how it runs.
#pragma once

#include "base/core/json.hpp"
#include "base/core/time.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sluice::lab {

// POD_IP, POD_NAME, POD_NAMESPACE, NODE_NAME and IMAGE_TAG, then the container's own variables:
// literal ones and those of the downward API.
std::map<std::string, std::string> container_environment(const Json& pod,
                                                         const Json& container,
                                                         const std::string& ip);
std::vector<std::uint16_t> tcp_ports(const Json& container);
// command and args.
std::vector<std::string> command_line(const Json& container);
// How long a command does nothing but sleep: `sleep 5`, alone or in a shell. Nothing: it does
// something else.
std::optional<Duration> sleep_of(const std::vector<std::string>& command);

}  // namespace sluice::lab
