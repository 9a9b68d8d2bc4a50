// Hosts as a proxy of the mesh is asked for them; how Istio spells them stands in istio/names.hpp.
#pragma once

#include "istio/names.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::mesh {

using istio::covers;
using istio::full_name;
using istio::gateway_name;
using istio::is_wildcard;
using istio::parse_ipv4;
using istio::service_host;

// What marks the host of a mirrored copy, before the port.
inline constexpr std::string_view shadow_suffix = "-shadow";

struct Authority {
    std::string host;  // in lower case
    std::optional<std::uint16_t> port;
};
// "Web.prod:9898"; the brackets of an IPv6 address are dropped.
Authority parse_authority(std::string_view text);

}  // namespace sluice::mesh
